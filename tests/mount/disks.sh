#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Disks that are mounted inside the store come and go under a mount: what was on
# them stays, and comes back. Folders that are there by two ways are looked at as
# often as is said.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

test "$(id -u)" -eq 0 || skip_all "only root may mount disks"
# Of our own, so that nothing stays mounted.
if [ -z "${DISKS_INSIDE-}" ]; then
	unshare --mount true 2>/dev/null || skip_all "no mount namespaces"
	trap - EXIT
	rm -rf "$scratch"
	DISKS_INSIDE=1 exec unshare --mount --propagation private bash "$0"
fi

disk=$store/disk
small_store 1 1 2
mkdir "$disk"
mount -t tmpfs -o size=1m none "$disk" 2>/dev/null || skip_all "no tmpfs can be mounted"
small_dicom run "$disk" 9 1 1 4

entries() { # PATIENT
	find "$mnt/patients" -path "*Patient $1 *" -name '*.dcm' | wc -l
}
count_is() { # PATIENT NUMBER
	test "$(entries "$1")" -eq "$2"
}
becomes() { # NAME PATIENT NUMBER
	wait_for 30 count_is "$2" "$3" || true
	is "$1" "$(entries "$2")" "$3"
}
line_is() { # TEXT
	grep -qF "$1" "$mnt/.dicomfs/problems.txt"
}
no_line() {
	! line_is "another disk"
}
reason_is() { # TEXT
	grep -qF "$1" "$mnt/.dicomfs/status.json"
}
no_reason() {
	! reason_is "$1"
}
identity() {
	find "$mnt/patients" -name '*.dcm' -printf '%P %i %s %T@\n' | sort
}

start_mount || exit 1
wait_complete || exit 1
is "what is on the disk is listed" "$(entries 9)" 4
before=$(identity | grep "Patient 9 ")

# As udisks and autofs do: the disk goes, and its folder with it. It stays mounted
# elsewhere, so that it is the same one later.
mkdir "$scratch/aside"
mount --move "$disk" "$scratch/aside"
check "a disk that is unmounted has a line" wait_for 30 line_is "disk"
rmdir "$disk"
small_dicom file "$store/p1/s1/i3.dcm" 1 1 3
becomes "what is new elsewhere is listed" 1 3
is "what was on the disk stays without its folder" "$(entries 9)" 4
check "with a line" line_is "another disk than before"
mkdir "$disk"
mount --move "$scratch/aside" "$disk"
check "the line goes when the disk is back" wait_for 30 no_line
is "everything is what it was" "$(identity | grep 'Patient 9 ')" "$before"
check "and can be read" walk read -r "$mnt/patients"
rm "$disk/i4.dcm"
becomes "what is deleted there now is gone" 9 3

# Another disk, with files of the same names.
before=$(identity)
mkdir "$scratch/aside2"
mount --move "$disk" "$scratch/aside2"
mount -t tmpfs -o size=1m none "$disk"
for i in 1 2 3 4; do
	small_dicom file "$disk/i$i.dcm" 8 1 $i 33
done
check "another disk has a line" wait_for 30 line_is "another disk than before"
becomes "a name that is new there is listed" 8 1
is "the others are what they were" "$(identity | grep -v 'Patient 8 ')" "$before"
# Who opens them gets an error and no other file.
check_fails "and cannot be read" sh -c "cat '$mnt/patients/'*'Patient 9 '*/*/*/dcm/*"
sleep 0.5
is "nor does reading change them" "$(identity | grep -v 'Patient 8 ')" "$before"
umount "$disk"
mount --move "$scratch/aside2" "$disk"
check "no line when the first disk is back" wait_for 30 no_line
becomes "nor what was on the other" 8 0
is "everything is what it was before" "$(identity)" "$before"
check "and can be read again" walk read -r "$mnt/patients"
umount "$disk"
stop_mount
rm -f "$index"*
rmdir "$disk"

# A folder that is in the store twice.
mkdir "$store/again"
mount --bind "$store/p1" "$store/again"
start_mount rescan=1 || exit 1
wait_complete || exit 1
check "the status says why it looks again" wait_for 30 reason_is "twice (bind mount)"
small_dicom file "$store/p1/s1/i4.dcm" 1 1 4
becomes "a new file" 1 4
check "also by the other way" wait_for 30 line_is "p1/s1/i4.dcm"
small_dicom file "$store/again/s1/i5.dcm" 1 1 5
becomes "one that came by the other way" 1 5
check "is there twice as well" wait_for 30 line_is "p1/s1/i5.dcm"
umount "$store/again"
check "and not any more without the mount" wait_for 30 no_reason "twice (bind mount)"
rmdir "$store/again"
becomes "each entry is there once" 1 5
stop_mount
rm -f "$index"*

# Links that lead out of the store.
mkdir "$scratch/out"
small_dicom file "$scratch/out/i1.dcm" 7 1 1
small_dicom file "$scratch/linked.dcm" 6 1 1
ln -s "$scratch/out" "$store/out"
ln -s "$scratch/linked.dcm" "$store/linked.dcm"
start_mount follow,rescan=1 || exit 1
wait_complete || exit 1
check "links are said to lead out" wait_for 30 reason_is "links lead out of the store"
one=$(find "$mnt/patients" -path '*Patient 6 *' -name '*.dcm')
small_dicom file "$scratch/linked.dcm" 6 1 1 44
check "a file behind a link that is written anew" wait_for 30 cmp "$one" "$scratch/linked.dcm"
mv "$scratch/out" "$scratch/other"
becomes "a folder behind one that is renamed" 7 0
stop_mount
