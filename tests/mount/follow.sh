#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A second mount of the same index follows the first, which writes it.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 1 1 3
start_mount || exit 1
wait_complete || exit 1
writer=$daemon
writer_mnt=$mnt
mnt=$scratch/second
mkdir "$mnt"
start_mount || exit 1
check "the second mount is complete" is_complete
walk list "$writer_mnt/patients" >"$scratch/first"
walk list "$mnt/patients" >"$scratch/second-list"
check "both show the same" diff "$scratch/first" "$scratch/second-list"
check "both can be read" walk read -r "$mnt/patients"

check_fails "not there yet" test -e "$mnt/accessions/ACC2"
mkdir "$store/p2"
small_dicom file "$store/p2/new.dcm" 2 1 1
"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >/dev/null 2>&1
wait_for 10 test -e "$mnt/accessions/ACC2"
check "the follower shows what the writer finds" test -e "$mnt/accessions/ACC2"
wait_for 5 test "$(ls "$mnt/patients" | wc -l)" -eq 2
is "in listings too" "$(ls "$mnt/patients" | wc -l)" 2

# Changed below the follower: it asks the writer.
file=$store/p1/s1/i1.dcm
find "$mnt/patients" -path '*Patient 1 *' -name '00001~*.dcm' >"$scratch/name"
dcm=$(head -n 1 "$scratch/name")
check "the same bytes" cmp "$file" "$dcm"
sleep 0.01
small_dicom file "$file" 1 1 1 55
wait_for 20 cmp "$file" "$dcm"
check "the new bytes" cmp "$file" "$dcm"

# The writer ends, the follower stays.
kill -TERM "$writer"
wait "$writer"
is "the writer ends well" $? 0
forget_pages <"$dcm"
check "the follower still serves" walk read "$mnt/patients"
stop_mount
