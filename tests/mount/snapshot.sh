#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The reports of .dicomfs: fixed when looked up, exact in size, shared, freed.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 1 1 2
for i in $(seq 500); do
	echo "text" >"$store/no-$i.txt"
done
printf 'text' >"$store/$(printf 'line\nbreak\ttab')"
start_mount wait || exit 1
report=$mnt/.dicomfs/problems.txt

snapshots() {
	find "/proc/$daemon/fd" -lname '*(deleted)' ! -lname '*dicomfs-decode*' 2>/dev/null | wc -l
}

is "a line a problem" "$(wc -l <"$report")" 501
is "three columns each" "$(awk -F'\t' 'NF != 3' "$report" | wc -l)" 0
contains "names with line breaks stay one line" "$(cat "$report")" 'line\nbreak\ttab'
is "size" "$(stat -c %s "$report")" "$(wc -c <"$report")"
check "status is JSON" python3 -m json.tool "$mnt/.dicomfs/status.json"
not_dicom() {
	sed -n 's/.*"not-dicom": \([0-9]*\).*/\1/p' "$mnt/.dicomfs/status.json"
}
is "status counts them" "$(not_dicom)" 501
is "listed" "$(ls -A "$mnt/.dicomfs" | tr '\n' ' ')" "problems.txt status.json "
check_fails "nothing else" test -e "$mnt/.dicomfs/other"

# One for all.
for i in $(seq 20); do
	cat "$report" >/dev/null &
done
wait $(jobs -p | grep -vx "$daemon")
check "shared: at most one of each is kept" test "$(snapshots)" -le 2

# Fixed while open, new when looked up again.
exec 7<"$report"
before=$(stat -L -c %s /dev/fd/7)
for i in $(seq 501 600); do
	echo "text" >"$store/no-$i.txt"
done
"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >/dev/null 2>&1
wait_for 20 test "$(wc -l <"$report")" -eq 601
is "the new one" "$(wc -l <"$report")" 601
is "status counts the new ones" "$(not_dicom)" 601
is "the open one keeps its size" "$(stat -L -c %s /dev/fd/7)" "$before"
is "and its content" "$(wc -c <&7)" "$before"
exec 7<&-
quiet_status() { # that is one report for as long as nothing happens
	local inode
	inode=$(stat -c %i "$mnt/.dicomfs/status.json")
	sleep 1.2
	test "$(stat -c %i "$mnt/.dicomfs/status.json")" = "$inode"
}
check "the status is not new each second" wait_for 30 quiet_status
check "every size is right" walk read -r "$mnt/.dicomfs"
if [ "$(id -u)" -eq 0 ]; then
	echo 2 >/proc/sys/vm/drop_caches
	wait_for 10 test "$(snapshots)" -eq 0
	is "forgotten ones are freed" "$(snapshots)" 0
else
	skip "forgotten ones are freed" "only root can make the kernel forget"
fi
stop_mount
