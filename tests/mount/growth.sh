#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What comes to the store and leaves it shows in the tree, though the kernel
# keeps folders, names and absent names for a day.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

rescan() {
	"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >"$scratch/index.log" 2>&1 ||
		note "$(cat "$scratch/index.log")"
}

small_store 2 1 3
start_mount || exit 1
wait_complete || exit 1

# Filled: everything is in the kernel's caches now.
find "$mnt" -ls >"$scratch/before"
series=$(ls -d "$mnt"/patients/*1*/*/*/ | head -n 1)
is "before" "$(ls "$mnt/patients" | wc -l) $(ls "$series/dcm" | wc -l)" "2 3"
absent=$mnt/accessions/ACC3
check_fails "not there yet" test -e "$absent"
check_fails "not there yet, cached" test -e "$absent"
first=$(basename "$(ls "$series"/dcm/*.dcm | head -n 1)" .dcm)
links=$(stat -c %h "$mnt/patients")

# A patient and an instance more.
mkdir "$store/p3"
small_dicom file "$store/p3/new.dcm" 3 1 1
small_dicom file "$store/p1/s1/i4.dcm" 1 1 4
small_dicom file "$store/p1/s1/loop.dcm" 1 1 5 0 3
rescan
wait_for 10 test -e "$absent"
check "an absent name appears" test -e "$absent"
wait_for 10 test "$(ls "$mnt/patients" | wc -l)" -eq 3
is "a cached listing grows" "$(ls "$mnt/patients" | wc -l)" 3
is "links grow" "$(stat -c %h "$mnt/patients")" $((links + 1))
is "a series grows" "$(ls "$series/dcm" | wc -l)" 5
is "so do its pictures" "$(ls "$series/png" | wc -l)" 5
is "a folder of frames" "$(ls "$series"/png/*/ | wc -l)" 3
check "all can be read" walk read "$mnt/patients"

# The new instance leaves again.
rm "$store/p1/s1/i4.dcm"
rescan
wait_for 10 test "$(ls "$series/dcm" | wc -l)" -eq 4
is "a file leaves the listing" "$(ls "$series/dcm" | wc -l) $(ls "$series/png" | wc -l)" "4 4"
check "others stay" test -e "$series/dcm/$first.dcm"
rm -r "$store/p3"
rescan
wait_for 10 test ! -e "$absent"
check_fails "a patient leaves" test -e "$absent"
is "and the listing" "$(ls "$mnt/patients" | wc -l)" 2
check "all can be read again" walk read "$mnt/patients"

# The last picture of a series takes the folder with it.
small_dicom file "$store/p1/s1/none.dcm" 1 2 1 0 1 0
small_dicom file "$store/p1/s1/some.dcm" 1 2 2
rescan
other=$(ls -d "$mnt"/patients/*1*/*/002*/ | head -n 1)
wait_for 10 test -e "$other/png"
is "a series with one picture of two" "$(ls "$other/dcm" | wc -l) $(ls "$other/png" | wc -l)" "2 1"
rm "$store/p1/s1/some.dcm"
rescan
wait_for 10 test ! -e "$other/png"
check_fails "no png/ without a picture" test -e "$other/png"
is "nor in the listing" "$(ls "$other" | tr '\n' ' ')" "dcm json "
small_dicom file "$store/p1/s1/some.dcm" 1 2 2
rescan
wait_for 10 test -e "$other/png"
is "back again" "$(ls "$other" | tr '\n' ' ')" "dcm json png "
is "with the picture" "$(ls "$other/png" | wc -l)" 1
stop_mount

# One folder with many.
rm -rf "$store" "$scratch"/index/*
mkdir "$store"
small_store 1 1 5000
start_mount wait || exit 1
for kind in dcm json png; do
	folder=$(ls -d "$mnt"/patients/*/*/*/$kind)
	is "many in $kind" "$(ls -f "$folder" | sort -u | wc -l) $(ls -f "$folder" | wc -l)" "5002 5002"
done
check "links of many" test "$(ls -l "$folder" | grep -c '^-r--r-----')" -eq 5000
stop_mount

# A tree that grows while it is looked at.
rm -rf "$store" "$scratch"/index/*
mkdir "$store"
small_store 20 5 20
start_mount || exit 1
while ! is_complete; do
	ls -lR "$mnt" >/dev/null 2>&1
	find "$mnt/uids" -ls >/dev/null 2>&1
done
sleep 1.2
is "nothing of the half-built tree stays" \
	"$(find "$mnt/patients" -name '*.dcm' | wc -l) $(find "$mnt/patients" -name '*.png' | wc -l)" \
	"2000 2000"
is "links are complete" "$(find "$mnt/uids" "$mnt/modalities" -xtype d -type l | wc -l)" \
	"$(find "$mnt/uids" "$mnt/modalities" -type l | wc -l)"
is "no link leads nowhere" "$(find "$mnt" -xtype l | wc -l)" 0
stop_mount
