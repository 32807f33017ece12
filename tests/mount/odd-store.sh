#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Names, times and kinds of files that a store should not have: each file is in
# the tree or has its line, and costs nobody else anything.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

newline=$(printf 'new\nline\ttab.dcm')
raw=$(printf 'bad\377\376.dcm')
long=$(printf 'x%.0s' $(seq 251)).dcm
small_dicom file "$store/$newline" 1 1 1
small_dicom file "$store/$raw" 1 1 2
small_dicom file "$store/$long" 1 1 3
small_dicom file "$store/far.dcm" 1 1 4
small_dicom file "$store/past.dcm" 1 1 5
small_dicom file "$store/epoch.dcm" 1 1 6
touch -d '2500-01-01 00:00:00 UTC' "$store/far.dcm"
touch -d '1901-02-03 04:05:06 UTC' "$store/past.dcm"
touch -d '1970-01-01 00:00:00 UTC' "$store/epoch.dcm"
echo "no DICOM" >"$store/$(printf 'line\nno\001\377')"
ln -s nowhere "$store/$(printf 'li\nnk')"
mkfifo "$store/pipe"
: >"$store/empty"
chmod 0 "$store/empty"

start_mount || exit 1
wait_complete || exit 1
series=$(ls -d "$mnt"/patients/*/*/*)
entry() { # INSTANCE
	ls -d "$series/dcm/0000$1~"*.dcm
}
is "instances" "$(ls "$series/dcm" | wc -l)" 6
check "every file is as long as stat says" walk read -r "$mnt"
for pair in "1 $newline" "2 $raw" "3 $long"; do
	check "bytes of instance ${pair%% *}" cmp -s "$store/${pair#* }" "$(entry "${pair%% *}")"
done
is "a time before 1970" "$(stat -c %Y "$(entry 5)")" "$(stat -c %Y "$store/past.dcm")"
is "the first of times" "$(stat -c %Y "$(entry 6)")" 0
is "a time that 63 bits do not hold" "$(stat -c %Y "$(entry 4)")" 9200000000
is "a line for each problem" "$(wc -l <"$mnt/.dicomfs/problems.txt")" 4
check "three columns in each" awk -F '\t' 'NF != 3 { exit 1 }' "$mnt/.dicomfs/problems.txt"
is "counts add up" "$(status_number files)" \
	$(($(status_number in_tree) + $(status_number skipped) + $(status_number failed)))
names=$(find "$mnt/patients" -printf '%P %i %s %T@\n' | sort)
stop_mount

# The same from an index made anew.
rm -f "$index"*
start_mount || exit 1
wait_complete || exit 1
is "the same tree from a new index" \
	"$(find "$mnt/patients" -printf '%P %i %s %T@\n' | sort)" "$names"
stop_mount
