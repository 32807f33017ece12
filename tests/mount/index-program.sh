#!/bin/bash
# SPDX-License-Identifier: MIT
#
# dicomfs-index: summaries that add up, alone and beside a mount.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

export HOME=$scratch/home XDG_CACHE_HOME=$scratch/cache
cd "$scratch" || exit 99
mkdir home store store/deep mnt
dicomfs_index=$top_builddir/dicomfs-index
index=$scratch/index.sqlite

instance() { # PATIENT
	python3 "$top_srcdir/tests/mount/small-dicom" file "store/deep/$1" "$1" 1 1
}

json() { # FIELD
	python3 -c '
import json, sys
def refuse(word): raise ValueError(word)
value = json.load(open("summary.json", encoding="utf-8", errors="strict"), parse_constant=refuse)
for name in sys.argv[1].split("."):
    value = value.get(name, 0)
print(value)' "$1"
}

index_store() { # ARGUMENT...: sets $status, $said
	said=$("$dicomfs_index" --json --index="$index" "$@" 2>&1 >summary.json)
	status=$?
}

command -v python3 >/dev/null || skip_all "no python3"

for number in 1 2 3; do
	instance $number
done
cp store/deep/1 store/again
printf 'no DICOM\n' >store/readme.txt
ln -s nowhere store/broken

index_store store
is "exit code" $status 0
is "nothing on standard error without a terminal" "$said" ""
is "files" "$(json files)" 6
is "in the tree" "$(json in_tree)" 3
is "duplicates" "$(json duplicates)" 1
is "skipped" "$(json skipped)" 2
is "failed" "$(json failed)" 0
is "by reason: not-dicom" "$(json problems.not-dicom)" 1
is "by reason: link" "$(json problems.link)" 1
is "patients" "$(json patients)" 3
is "state" "$(json state)" complete

got=$("$dicomfs_index" --index="$index" store)
contains "the summary names the store" "$got" "6 files in $scratch/store"
contains "the summary counts the tree" "$got" "3  in the tree: 3 patients"
contains "the summary says why" "$got" "not-dicom"
is "--quiet is quiet" "$("$dicomfs_index" --quiet --index="$index" store 2>&1)" ""
is "rights of the index" "$(stat -c %a "$index")" 600

# What fstab says can be given as it is.
check "options of a mount" "$dicomfs_index" -q --index="$index" \
	-o rw,allow_other,uid=0,wait,kinds=dcm,json,nofail store

# Each set of options that changes the tree has an index of its own.
"$dicomfs_index" --json store >summary.json
place=$(json index)
"$dicomfs_index" --json --follow store >summary.json
other_place=$(json index)
check "default place" test -s "$place"
check "default place, other options" test -s "$other_place"
check_fails "default place: another for other options" test "$place" = "$other_place"
case $place in
/var/cache/dicomfs/* | "$scratch"/cache/dicomfs/*) pass "default place: the cache folder" ;;
*) fail "default place: the cache folder" "$place" ;;
esac
# Root's are not in our scratch folder.
rm -f "$place" "$place"-* "$other_place" "$other_place"-*

# A terminal gets progress, and no trace of it stays.
if command -v script >/dev/null; then
	got=$(TERM=xterm script -qec "'$dicomfs_index' --index='$scratch/fresh' store" /dev/null </dev/null)
	contains "on a terminal: the summary" "$got" "3  in the tree"
else
	skip "on a terminal: the summary" "no script(1)"
fi

# A store that is suddenly empty is a lost disk until somebody says otherwise.
mv store full
mkdir store
index_store store
is "an emptied store: exit code" $status 1
contains "an emptied store: how to accept it" "$said" "dicomfs-index --rebuild accepts it"
index_store --rebuild store
is "an emptied store, accepted: exit code" $status 0
is "an emptied store, accepted: files" "$(json files)" 0
rmdir store
mv full store
index_store store
is "back again" "$(json in_tree)" 3

# Compares, tells, and changes nothing.
run() { # ARGUMENT...: sets $status, $said, $complaint
	said=$("$dicomfs_index" --index="$index" "$@" store 2>complaint)
	status=$?
	complaint=$(cat complaint)
}

state_of_files() {
	stat -c '%n %s %Y %Z' "$index" "$index-ids" "$index-lock"
}

before=$(state_of_files)
run --check
is "--check: agrees" "$status $said" "0 The index agrees with the store: 6 files."
run --check --quiet
is "--check --quiet: the status alone" "$status $said" "0 "
printf 'more\n' >store/new
printf 'changed' >store/readme.txt
mv store/deep/2 store/deep/renamed
rm store/deep/3
run --check
is "--check: what differs" "$status $said" "1 The index and the store differ:
           2  new         in the store, not in the index
                deep/renamed
                new
           1  changed     another file than the one that was indexed
                readme.txt
           2  gone        in the index, not in the store
                deep/2
                deep/3
dicomfs-index $scratch/store takes over what has changed."
run --check --json
printf '%s' "$said" >summary.json
is "--check --json: exit code" $status 1
is "--check --json: differs" "$(json agrees) $(json damaged) $(json differs)" "False False True"
is "--check --json: counts" "$(json new) $(json changed) $(json gone)" "2 1 2"
is "--check --json: nobody writes" "$(json written_by)" nobody
contains "--check --json: paths" "$said" '{"difference": "gone", "files": 1, "path": "deep/3"}'
for number in $(seq 30); do
	: >"store/many-$number"
done
run --check
is "--check: twenty of each" "$(grep -c "^                many" <<<"$said")" 19
contains "--check: and how many more" "$said" "                and 12 more"
run --check --json
printf '%s' "$said" >summary.json
is "--check --json: has more of them" "$(grep -c '"path": "many' <<<"$said")" 30
is "--check --json: none left out" "$(json left_out)" 0
check_fails "--check: no name of a patient" grep -qE "Test|Patient" <<<"$said"
is "--check: nothing of the index has changed" "$(state_of_files)" "$before"
run --status
is "--status: exit code" $status 0
contains "--status: the scan" "$said" "last scan     complete, "
contains "--status: nobody writes" "$said" "written by    no process"
contains "--status: counts" "$said" "3  in the tree: 3 patients"
run --status --json
printf '%s' "$said" >summary.json
is "--status --json: state" "$(json state)" complete
is "--status --json: watch" "$(json watch.mode)" none
is "--status: nothing of the index has changed" "$(state_of_files)" "$before"
index_store store
run --check
is "--check: agrees again" "$status $said" "0 The index agrees with the store: 36 files."

index=$scratch/none/none.sqlite run --status
is "--status: no index yet" "$status $complaint" \
	"1 dicomfs-index: there is no index $scratch/none/none.sqlite yet"
index=$scratch/none/none.sqlite run --check
is "--check: no index yet" "$status $complaint" \
	"1 dicomfs-index: there is no index $scratch/none/none.sqlite yet"
check_fails "and none is made" test -e none
run --check --status
is "either one or the other" $status 2

# An index that is damaged in the middle, of which opening it sees nothing.
cp "$index" whole.sqlite
size=$(stat -c %s "$index")
dd if=/dev/urandom of="$index" bs=4096 count=2 seek=$((size / 8192)) conv=notrunc 2>/dev/null
run --check
is "--check: damaged" "$status $(head -n 1 <<<"$said")" "1 The index is damaged:"
contains "--check: what to do" "$said" "dicomfs-index --rebuild $scratch/store makes the index anew"
run --check --json
printf '%s' "$said" >summary.json
is "--check --json: damaged" "$status $(json agrees) $(json damaged)" "1 False True"
printf 'garbage' | dd of="$index" conv=notrunc 2>/dev/null
run --check
is "--check: no database any more" "$status $(head -n 1 <<<"$said")" "1 The index is damaged:"
run --status
is "--status: no database any more" $status 1
contains "--status: and why" "$complaint" "cannot be used"
cp whole.sqlite "$index"

# An emptied store.
mkdir empty
mv store full
mv empty store
run --check
is "--check: an empty store" $status 1
contains "--check: an empty store: what to do" "$said" "--rebuild $scratch/store accepts it"
rmdir store
mv full store
find store -name 'many-*' -delete
mv store/deep/renamed store/deep/2
instance 3
rm store/new
index_store store

# Beside a mount: that one scans.
if [ -c /dev/fuse ] && "$top_builddir/dicomfs" -o "wait,index=$index" store mnt 2>mount.err; then
	instance 4
	index_store store
	is "beside a mount: exit code" $status 0
	is "beside a mount: in the tree" "$(json in_tree)" 4
	is "beside a mount: the mount has it" \
		"$(find mnt/patients -name '*.dcm' | wc -l)" 4
	run --check
	is "beside a mount: --check" "$status $said" "0 A mount (or dicomfs-index) is writing this\
 index; differences may be changes in progress.
The index agrees with the store: 7 files."
	same_status() { # once the mount has nothing more to do
		run --status --json
		# To the mount it is itself who writes.
		test "$said" = "$(sed 's/"this process"/"another process"/' \
			mnt/.dicomfs/status.json)"
	}
	check "beside a mount: --status --json says what status.json says" wait_for 20 same_status
	run --status --json
	printf '%s' "$said" >summary.json
	is "beside a mount: somebody writes" "$(json written_by)" "another process"
	run --status
	contains "beside a mount: --status" "$said" "written by    a process"
	index_store --rebuild store
	is "beside a mount: no rebuild" "$status $said" \
		"1 dicomfs-index: index $index is in use by another process"
	check "unmount" lib_unmount mnt
	nobody_writes() { # the daemon ends a moment later
		run --status
		grep -q 'written by    no process' <<<"$said"
	}
	wait_for 20 nobody_writes
	check "unmounted: nobody writes" nobody_writes
else
	skip "beside a mount" "FUSE cannot be used here: $(cat mount.err 2>/dev/null)"
fi

# Everything of the real files.
if [ -n "$test_data" ]; then
	index_store --rebuild --index="$scratch/real" "$test_data"
	is "real files: exit code" $status 0
	is "real files: all are counted" "$(json files)" \
		"$(find "$test_data" ! -type d | wc -l)"
	is "real files: the counts add up" "$(json files)" "$(($(json in_tree) + \
		$(json duplicates) + $(json skipped) + $(json failed) + $(json pending)))"
else
	skip "real files" "there are none"
fi
