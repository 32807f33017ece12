#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What happens in the store shows in the tree by itself, through folders that the
# kernel keeps, and never half.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 2 1 3
start_mount || exit 1
wait_complete || exit 1
watch_mode() {
	grep -q '"mode": "events"' "$mnt/.dicomfs/status.json"
}
if grep -q '"watch"' "$mnt/.dicomfs/status.json"; then
	check "the status says that the kernel tells" wait_for 10 watch_mode
fi

entries() { # FOLDER
	find "$mnt/patients" -path "*$1*" -name '*.dcm' | wc -l
}
count_is() { # FOLDER NUMBER
	test "$(entries "$1")" -eq "$2"
}
becomes() { # NAME FOLDER NUMBER
	wait_for 20 count_is "$2" "$3" || true
	is "$1" "$(entries "$2")" "$3"
}
identity() {
	find "$mnt/patients" -name '*.dcm' -printf '%f %i %s %T@\n' | sort
}
# Whoever lists has everything in the kernel's memory.
find "$mnt" -ls >/dev/null
series=$(ls -d "$mnt"/patients/*Patient\ 1\ */*/*)

# A new file, in a folder that is listed and kept; absent names are kept, too.
check_fails "not there yet" test -e "$mnt/accessions/ACC3"
small_dicom file "$store/p1/s1/i4.dcm" 1 1 4
becomes "a new file" "Patient 1 " 4
is "in the listing of its folder" "$(ls "$series/dcm" | wc -l)" 4
is "its picture" "$(ls "$series/png" | wc -l)" 4
small_dicom file "$store/third.dcm" 3 1 1
becomes "a new patient" "Patient 3 " 1
check "a name that was absent" test -e "$mnt/accessions/ACC3"
check "everything as long as stat says" walk read -r "$mnt/patients"

# Renamed: the same name and inode.
before=$(identity)
mv "$store/p1/s1/i4.dcm" "$store/p1/s1/renamed.dcm"
problems_of() { # TEXT
	grep -F "$1" "$mnt/.dicomfs/problems.txt"
}
sleep 0.5
is "a renamed file keeps name, inode, size and time" "$(identity)" "$before"
mv "$store/p1" "$store/other-place"
sleep 0.5
is "so do those of a renamed folder" "$(identity)" "$before"
check "and can be read" walk read -r "$mnt/patients"
small_dicom file "$store/other-place/s1/i5.dcm" 1 1 5
becomes "a new file in the renamed folder" "Patient 1 " 5

# Changed in place, and replaced.
one=$(ls "$series"/dcm/00002~*)
small_dicom file "$store/other-place/s1/i2.dcm" 1 1 2 90
check "changed in place" wait_for 20 cmp "$one" "$store/other-place/s1/i2.dcm"
small_dicom file "$scratch/new" 1 1 2 91 1 64
mv "$scratch/new" "$store/other-place/s1/i2.dcm"
check "replaced" wait_for 20 cmp "$one" "$store/other-place/s1/i2.dcm"
is "its length" "$(stat -c %s "$one")" "$(stat -c %s "$store/other-place/s1/i2.dcm")"

# The same bytes at a second place: one entry; the loss of one loses nothing.
before=$(identity)
cp -p "$store/other-place/s1/i2.dcm" "$store/zz-copy.dcm"
check "a copy is noted" wait_for 20 problems_of zz-copy.dcm
is "and no further entry" "$(identity)" "$before"
rm "$store/other-place/s1/i2.dcm"
gone_from_problems() {
	! problems_of zz-copy.dcm
}
check "the copy takes its place" wait_for 20 gone_from_problems
is "under the same name" "$(identity)" "$before"
check "with the same bytes" cmp "$one" "$store/zz-copy.dcm"
# Other bytes: both are there.
small_dicom file "$store/zzz-other.dcm" 1 1 2 17
becomes "other bytes under the same UID" "Patient 1 " 6
is "both are noted" "$(grep -c conflict "$mnt/.dicomfs/problems.txt")" 2
rm "$store/zzz-other.dcm"
becomes "and one again" "Patient 1 " 5

# A hard link that nobody closes, and a symlink.
ln "$store/zz-copy.dcm" "$store/zz-link.dcm"
check "a hard link" wait_for 20 problems_of zz-link.dcm
ln -s zz-copy.dcm "$store/a-symlink"
check "a symlink" wait_for 20 problems_of a-symlink
rm "$store/zz-link.dcm" "$store/a-symlink"

# Written slowly: never half. What the tree shows of it is nothing or all of it.
small_dicom file "$scratch/whole.dcm" 4 1 1 5 1 256
size=$(stat -c %s "$scratch/whole.dcm")
exec 8>"$store/slow.dcm"
head -c 5000 "$scratch/whole.dcm" >&8
sleep 0.7
is "half of a file is not there" "$(entries "Patient 4 ")" 0
tail -c +5001 "$scratch/whole.dcm" | head -c 3000 >&8
sleep 0.7
is "nor a little later" "$(entries "Patient 4 ")" 0
tail -c +8001 "$scratch/whole.dcm" >&8
exec 8>&-
becomes "all of it is" "Patient 4 " 1
is "its length is that of the whole" \
	"$(find "$mnt/patients" -path '*Patient 4 *' -name '*.dcm' -printf %s)" "$size"
# Left open, but alone.
small_dicom file "$scratch/open.dcm" 5 1 1
exec 8>"$store/open.dcm"
cat "$scratch/open.dcm" >&8
becomes "one that stays open and is left alone" "Patient 5 " 1
exec 8>&-

# Folders that come and go.
mkdir "$scratch/prepared"
for i in 1 2 3; do
	mkdir -p "$scratch/prepared/a$i/b"
	small_dicom file "$scratch/prepared/a$i/b/x.dcm" 6 1 $i
done
mv "$scratch/prepared" "$store/"
becomes "a folder that was moved in" "Patient 6 " 3
mkdir -p "$store/prepared/a4/b/c"
small_dicom file "$store/prepared/a4/b/c/x.dcm" 6 1 4
becomes "folders made one in another" "Patient 6 " 4
mv "$store/prepared" "$scratch/outside"
becomes "a folder that was moved out" "Patient 6 " 0
check_fails "nor is its patient there" sh -c "ls '$mnt/patients' | grep -q 'Patient 6 '"
small_dicom file "$scratch/outside/a1/b/y.dcm" 6 1 9
sleep 0.3
is "it is not followed there" "$(entries "Patient 6 ")" 0
cp -r "$scratch/outside" "$store/copied"
becomes "a folder that was copied in" "Patient 6 " 5
rm -r "$store/copied"
becomes "and deleted" "Patient 6 " 0
chmod 0 "$store/p2"
sleep 0.3
chmod 755 "$store/p2"
becomes "rights taken and given back" "Patient 2 " 3

# More at once than the kernel remembers.
kill -STOP "$daemon"
mkdir "$store/many"
python3 - "$store/many" <<'END'
import os, sys
for i in range(20000):
    open(os.path.join(sys.argv[1], "n%d" % i), "w").close()
for i in range(20000):
    os.unlink(os.path.join(sys.argv[1], "n%d" % i))
END
small_dicom file "$store/many/x.dcm" 7 1 1
rm "$store/third.dcm"
kill -CONT "$daemon"
becomes "a flood of events" "Patient 7 " 1
becomes "and what was lost in it" "Patient 3 " 0
small_dicom file "$store/many/y.dcm" 7 1 2
becomes "and after it" "Patient 7 " 2

# What is there in the end is what a new index finds.
is "nothing is left to do" "$(status_number pending)" 0
tree=$(find "$mnt/patients" -printf '%P %i %s %T@\n' | sort)
stop_mount
rm -f "$index"*
start_mount no_watch || exit 1
wait_complete || exit 1
is "the same tree from a new index" \
	"$(find "$mnt/patients" -printf '%P %i %s %T@\n' | sort)" "$tree"
small_dicom file "$store/unseen.dcm" 8 1 1
sleep 1
is "with no_watch nothing is noticed" "$(entries "Patient 8 ")" 0
stop_mount
start_mount no_watch,rescan=1 || exit 1
becomes "but in the next scan" "Patient 8 " 1
rm "$store/unseen.dcm"
becomes "and in every further one" "Patient 8 " 0
stop_mount

# Fewer watches than folders: said, and made up for.
cat >"$scratch/limited" <<'END'
echo 4 >/proc/sys/user/max_inotify_watches || exit 77
"$1" -f -o "index=$2,rescan=1" "$3" "$4" >>"$5" 2>&1 &
daemon=$!
for i in $(seq 600); do
	! grep -q '"state": "complete"' "$4/.dicomfs/status.json" 2>/dev/null || break
	sleep 0.1
done
cp "$6" "$3/p2/s1/late.dcm"
for i in $(seq 600); do
	! grep -q late.dcm "$4/.dicomfs/problems.txt" || break
	sleep 0.1
done
cat "$4/.dicomfs/problems.txt"
kill -TERM "$daemon"
wait "$daemon"
END
store=$scratch/limited-store
small_store 3 2 1
if unshare -Urm true 2>/dev/null; then
	got=$(timeout 300 unshare -Urm bash "$scratch/limited" "$dicomfs" "$scratch/index/limited.sqlite" \
		"$store" "$mnt" "$scratch/log" "$store/p1/s1/i1.dcm")
	status=$?
	if [ $status -eq 77 ]; then
		skip "few watches" "the limit cannot be set"
	else
		contains "a change where nobody watches" "$got" "p2/s1/late.dcm"
		contains "the log says why it takes longer" "$(cat "$scratch/log")" \
			"max_user_watches allows 4 folders"
	fi
else
	skip "few watches" "no user namespaces"
fi
