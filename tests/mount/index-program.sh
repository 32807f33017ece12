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

# Beside a mount: that one scans.
if [ -c /dev/fuse ] && "$top_builddir/dicomfs" -o "wait,index=$index" store mnt 2>mount.err; then
	instance 4
	index_store store
	is "beside a mount: exit code" $status 0
	is "beside a mount: in the tree" "$(json in_tree)" 4
	is "beside a mount: the mount has it" \
		"$(find mnt/patients -name '*.dcm' | wc -l)" 4
	index_store --rebuild store
	is "beside a mount: no rebuild" "$status $said" \
		"1 dicomfs-index: index $index is in use by another process"
	check "unmount" lib_unmount mnt
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
