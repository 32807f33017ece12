#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every call that a tool could make, on the mount and, call by call, on an ext4
# that holds the same tree and is mounted read-only: the same result and the
# same errno, or a line of posix-differences says why not.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
test "$(id -u)" -eq 0 || skip_all "only root can mount an ext4 to compare with"
checker=$top_builddir/tests/mount/posix-check
test -x "$checker" || { note "$checker is missing"; exit 99; }
PATH=$PATH:/usr/sbin:/sbin
command -v mkfs.ext4 >/dev/null || skip_all "mkfs.ext4 is missing"

image=$scratch/image
twin=$scratch/twin
used=$scratch/used
flags=ro,nosuid,nodev,noexec
all=open,names,attributes,xattrs,files,maps,locks,folders
mkdir "$twin"
: >"$used"

# The tree once more, as an ext4. Its mount is one that an unprivileged user of
# dicomfs would get too.
make_twin() {
	rm -f "$image"
	truncate -s 24M "$image"
	mkfs.ext4 -q -F -O ^has_journal -b 4096 -m 0 "$image" >"$scratch/mkfs.log" 2>&1 &&
		mount -o loop "$image" "$twin" 2>>"$scratch/mkfs.log" || return 1
	rmdir "$twin/lost+found"
	cp -a "$mnt/." "$twin/" &&
		cp -a "$tag" "$twin/${tag#"$mnt/"}" &&
		touch -r "$mnt/${tag_folder#"$mnt/"}" "$twin/${tag_folder#"$mnt/"}" &&
		mount -o "remount,$flags" "$twin"
}

drop_twin() {
	umount "$twin" || note "the ext4 stays mounted"
}

find_roles() {
	local series name
	series=$(ls -d "$mnt"/patients/*1*/*/*/ | head -n 1)
	series=${series%/}
	name=$(basename "$(ls "$series"/dcm/*.dcm | head -n 1)" .dcm)
	tag_folder=$series/png
	tag=$tag_folder/CACHEDIR.TAG
	roles=(
		"folder=patients"
		"series=${series#"$mnt/"}"
		"kind=${series#"$mnt/"}/dcm"
		"dcm=${series#"$mnt/"}/dcm/$name.dcm"
		"json=${series#"$mnt/"}/json/$name.json"
		"png=${series#"$mnt/"}/png/$name.png"
		"tag=${tag#"$mnt/"}"
		"report=.dicomfs/problems.txt"
		"reports=.dicomfs"
		"links=uids"
		"link=uids/$(ls "$mnt/uids" | head -n 1)"
		"frames=$(cd "$mnt" && ls -d patients/*3*/*/*/png/*~* | head -n 1)"
		"frame=$(cd "$mnt" && ls patients/*3*/*/*/png/*~*/0002.png | head -n 1)"
	)
}

# All calls of some groups on one of the two.
make_calls() { # ROOT OUT GROUPS OPTION...
	local root=$1 out=$2 groups=$3 status
	shift 3
	"$checker" "$@" "$groups" "$root" "$scratch/own" "${roles[@]}" >"$out" 2>"$scratch/err"
	status=$?
	rm -f "$scratch/own"
	test $status -eq 0 || fail "posix-check on ${root##*/}" "$status: $(cat "$scratch/err")"
}

compare() { # NAME GROUPS OPTION...
	local name=$1 groups=$2
	shift 2
	make_calls "$mnt" "$scratch/ours" "$groups" "$@"
	make_calls "$twin" "$scratch/theirs" "$groups" "$@"
	check "$name: ${groups//,/, }" python3 "$mount_tests/posix-compare" -u "$used" \
		"$mount_tests/posix-differences" "$scratch/ours" "$scratch/theirs"
	calls=$((calls + $(wc -l <"$scratch/ours")))
}
calls=0

small_store 1 2 3
small_dicom file "$store/loop.dcm" 3 1 1 0 4
echo "no DICOM" >"$store/notes.txt"

# As root.
start_mount wait || exit 1
find_roles
make_twin || skip_all "no loop device: $(tail -n 1 "$scratch/mkfs.log")"
compare "root" $all
compare "root, a second time" $all
# Mounted for writing, as only root can: the daemon itself is asked then.
if mount -i -o remount,rw "$mnt" 2>"$scratch/remount.err"; then
	compare "root, remounted for writing" open,names,attributes,xattrs,files -w
	is "the store is as it was" "$(find "$store" -type f | wc -l)" 8
else
	skip "remounted for writing" "$(cat "$scratch/remount.err")"
fi
drop_twin
stop_mount

# As somebody else. The copy has the rights of the original.
start_mount wait,allow_other,uid=1001,gid=2001,umask=0027 || exit 1
make_twin || exit 1
for user in "-u 1001 -g 2001" "-u 1002 -g 2001" "-u 1002 -g 2002" "-u 1001 -g 2002"; do
	compare "0750 for 1001 of 2001: $user" open,names,attributes,xattrs,folders $user
done
drop_twin
stop_mount
start_mount wait,allow_other,umask=0222,no_passthrough || exit 1
make_twin || exit 1
compare "0555: -u 1002 -g 2002" $all -u 1002 -g 2002
drop_twin
stop_mount
start_mount wait,allow_other,umask=0777 || exit 1
make_twin || exit 1
compare "0000: -u 1002 -g 2002" open,attributes,folders -u 1002 -g 2002
drop_twin
stop_mount

# Without allow_other nobody but who has mounted gets in at all.
start_mount wait,umask=0222 || exit 1
make_calls "$mnt" "$scratch/ours" attributes -u 1002 -g 2002
is "without allow_other" "$(grep -P '\tstat\((folder|dcm|link|missing)\)\t' "$scratch/ours" | cut -f 3 |
	sort | uniq -c | tr -s ' ')" " 4 EACCES"
stop_mount

note "$calls calls compared, $(sort -u "$used" | wc -l) kinds of difference explained"
