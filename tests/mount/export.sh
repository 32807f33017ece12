#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Handles as an NFS server has them: of everything in the tree, and used when the
# kernel has forgotten what they are of, when the mount was made again, when the
# store has changed, and when the index is another. They open what they were made
# of, or nothing (ESTALE); never another file. All of them come from the kernel.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
test "$(id -u)" -eq 0 || skip_all "only root may open by handle"

handles() { # all|check [FILE]
	python3 "$mount_tests/file-handle" "$1" "$mnt" "${2:-$scratch/handles}" 2>&1
}

forget() {
	echo 2 2>/dev/null >/proc/sys/vm/drop_caches
}

rescan() {
	"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >"$scratch/index.log" 2>&1 ||
		note "$(cat "$scratch/index.log")"
}

small_store 2 2 3
small_dicom file "$store/loop.dcm" 3 1 1 0 4
echo "no DICOM" >"$store/notes.txt"
start_mount wait || exit 1
message=$(python3 "$mount_tests/file-handle" get "$mnt/patients" "$scratch/handle" 2>&1) ||
	skip_all "no handles here: $(tail -n 1 <<<"$message")"
handles all >"$scratch/log.all" || { note "$(cat "$scratch/log.all")"; exit 1; }
all=$(grep -vc '	\.dicomfs/' "$scratch/handles")
check "there are some of everything" test "$all" -gt 90
is "no two are the same" "$(cut -f 1 "$scratch/handles" | sort | uniq -d | wc -l)" 0

is "at once" "$(handles check)" "$all same, 0 stale"
forget
is "when the kernel has forgotten them" "$(handles check)" "$all same, 0 stale"
stop_mount
start_mount wait || exit 1
is "after a remount" "$(handles check)" "$all same, 0 stale"
forget
is "from the first to the last" "$(tac "$scratch/handles" >"$scratch/backwards" &&
	handles check "$scratch/backwards")" "$all same, 0 stale"
if python3 "$mount_tests/file-handle" all "$mnt" "$scratch/connectable" connectable 2>/dev/null; then
	forget
	# The kernel looks for the name in the listing, where CACHEDIR.TAG is not.
	tags=$(grep -c '/CACHEDIR\.TAG$' "$scratch/connectable")
	is "files by their folder and name" "$(handles check "$scratch/connectable")" \
		"$((all - tags)) same, $tags stale"
else
	skip "files by their folder and name" "this kernel makes no such handles"
fi

# An instance leaves and one has other bytes: .dcm, .json and .png of each. One
# comes, with frames.
rm "$store/p1/s1/i2.dcm"
small_dicom file "$store/p2/s1/i1.dcm" 2 1 1 9 1 32
small_dicom file "$store/p2/s2/more.dcm" 2 2 9 0 3
rescan
wait_for 60 test -e "$(ls -d "$mnt"/patients/*2*/*/002*)/dcm/00009"*
forget
is "of what has left or changed" "$(handles check)" "$((all - 6)) same, 6 stale"
handles all "$scratch/later" >/dev/null
grep -vxFf "$scratch/handles" "$scratch/later" >"$scratch/new"
is "what has come has new ones" \
	"$(cut -f 1 "$scratch/new" | grep -cFf - "$scratch/handles")" 0
stop_mount

# Kinds that are not shown.
shown=$(grep -cvE '	(\.dicomfs/|patients/.*/(json|png)(/|$))' "$scratch/later")
hidden=$(grep -cE '	patients/.*/(json|png)(/|$)' "$scratch/later")
start_mount wait,kinds=dcm || exit 1
is "of kinds that are not shown" "$(handles check "$scratch/later")" "$shown same, $hidden stale"
stop_mount

# Another index numbers its rows as it likes. The root is the root.
rm -f "$index"*
start_mount wait || exit 1
is "of another index" "$(handles check)" "1 same, $((all - 1)) stale"
find "$mnt" >/dev/null
is "of another index, with all nodes known" "$(handles check)" "1 same, $((all - 1)) stale"
stop_mount
