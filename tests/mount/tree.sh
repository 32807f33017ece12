#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a mounted tree looks like, and that it looks the same the next time.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 2 2 3
small_dicom file "$store/loop.dcm" 3 1 1 0 12
echo "no DICOM" >"$store/notes.txt"
start_mount || exit 1
wait_complete || exit 1

series=$(ls -d "$mnt"/patients/*/*/* | head -n 1)
loop=$(ls -d "$mnt"/patients/*3*/*/*/png/*/ | head -n 1)
one=$(ls -d "$series"/dcm/*.dcm | head -n 1)
name=$(basename "$one" .dcm)

# The tree.
is "the root" "$(ls -A "$mnt" | tr '\n' ' ')" ".dicomfs accessions dates modalities patients uids "
is "patients" "$(ls "$mnt/patients" | wc -l)" 3
is "kinds of a series" "$(ls "$series" | tr '\n' ' ')" "dcm json png "
is "instances of a series" "$(ls "$series/dcm" | wc -l)" 3
is "a picture" "$(head -c 4 "$series/png/$name.png" | tail -c 3)" "PNG"
is "frames" "$(ls "$loop" | tr '\n' ' ')" \
	"$(seq -f '%04g.png' 12 | tr '\n' ' ')"
check "a link to a study leads there" test -d "$(ls -d "$mnt"/dates/*/*/*/* | head -n 1)/"
check "bytes of the store" test -n \
	"$(find "$store" -name 'i*.dcm' -exec cmp -s {} "$one" \; -print)"
check "every file is as long as stat says" walk read -r "$mnt"

# Attributes.
is "inode of the root" "$(stat -c %i "$mnt")" 1
is "mode of a file" "$(stat -c %A "$one")" -r--r-----
is "mode of a folder" "$(stat -c %A "$series")" dr-xr-x---
is "links of a folder" "$(stat -c %h "$series")" 5
is "links of png/ with a folder of frames" "$(stat -c %h "$(dirname "$loop")")" 3
is "blocks of a file" "$(stat -c %b "$one")" "$((($(stat -c %s "$one") + 511) / 512))"
is "time of a file" "$(stat -c %y "$one")" \
	"$(find "$store" -name 'i*.dcm' -exec cmp -s {} "$one" \; -exec stat -c %y {} \; | head -n 1)"
is "a derived file is whole seconds younger" \
	"$(($(stat -c %Y "$series/png/$name.png") - $(stat -c %Y "$one")))" \
	"$(($(stat -c %Y "$series/png") - $(stat -c %Y "$series/dcm")))"
is "longest name" "$(stat -f -c %l "$mnt")" 255
check "df -i counts entries" test "$(stat -f -c %c "$mnt")" -ge 13

# Reading folders from the middle.
if command -v perl >/dev/null; then
	for folder in "$mnt" "$mnt/patients" "$series" "$series/dcm" "$series/png" "$loop" \
		"$mnt/.dicomfs"; do
		check "telldir and seekdir: ${folder#"$mnt"}" perl "$mount_tests/dir-seek" "$folder"
	done
else
	skip "telldir and seekdir" "perl is missing"
fi

# Handles as an NFS server makes them.
if [ "$(id -u)" -eq 0 ]; then
	python3 "$mount_tests/file-handle" get "$loop/0003.png" "$scratch/handle"
	echo 2 >/proc/sys/vm/drop_caches
	python3 "$mount_tests/file-handle" cat "$mnt" "$scratch/handle" >"$scratch/by-handle"
	check "a file by its handle" cmp "$scratch/by-handle" "$loop/0003.png"
else
	skip "a file by its handle" "only root may open by handle"
fi

# Names that are not there.
for probe in .Trash .Trash-0 .hidden .directory autorun.inf desktop.ini .DS_Store nothing; do
	check_fails "no $probe" test -e "$mnt/patients/$probe"
done
is "a long name" "$(LC_ALL=C stat "$mnt/$(printf 'n%.0s' $(seq 256))" 2>&1 | sed 's/.*: //')" \
	"File name too long"
check_fails "no other suffix" test -e "$series/dcm/$name.png"
check_fails "no suffix" test -e "$series/dcm/$name"
check_fails "no frame 0" test -e "$loop/0000.png"
check_fails "no frame 13" test -e "$loop/0013.png"
check_fails "no frame with more zeros" test -e "$loop/00001.png"
check "dot dot" test "$loop/../../.." -ef "$(dirname "$(dirname "$(dirname "$loop")")")"

# CACHEDIR.TAG.
is "CACHEDIR.TAG of png" "$(head -c 43 "$series/png/CACHEDIR.TAG")" \
	"Signature: 8a477f597d28d172789f06886806bc55"
is "it is as long as stat says" "$(wc -c <"$series/json/CACHEDIR.TAG")" \
	"$(stat -c %s "$series/json/CACHEDIR.TAG")"
check_fails "it is not listed" grep -qx CACHEDIR.TAG <(ls "$series/png")
check_fails "originals have none" test -e "$series/dcm/CACHEDIR.TAG"
is "tar leaves derived files out" \
	"$(tar -C "$series" --exclude-caches-all -cf - . 2>/dev/null | tar -tf - | sort | tr '\n' ' ')" \
	"$(cd "$series" && find . -path './[jp]*' -prune -o -type d -printf '%p/\n' -o -print |
		sort | tr '\n' ' ')"

# xattrs.
if command -v getfattr >/dev/null; then
	is "an attribute" "$(getfattr --absolute-names --only-values -n user.dicom.Modality "$one" 2>&1)" CT
	is "rows" "$(getfattr --absolute-names --only-values -n user.dicom.Rows "$one" 2>&1)" 16
	is "transfer syntax" "$(getfattr --absolute-names --only-values -n user.dicom.TransferSyntaxUID "$one" 2>&1)" \
		1.2.840.10008.1.2.1
	contains "the list" "$(getfattr "$one" 2>/dev/null)" user.dicom.SOPInstanceUID
	is "a picture carries none" "$(getfattr "$series/png/$name.png" 2>/dev/null)" ""
	check_fails "nor do folders" getfattr -n user.dicom.Modality "$series"
else
	skip "xattrs" "getfattr is missing"
fi

# Nothing can be written.
for command in "touch $mnt/new" "mkdir $mnt/new" "ln -s a $mnt/new" "mknod $mnt/new p" \
	"rm -f '$one'" "rmdir '$series'" "mv '$one' $mnt/new" "ln '$one' $mnt/new" \
	"chmod 0777 '$one'" "chown 1:1 '$one'" "touch '$one'" "truncate -s 0 '$one'" \
	"sh -c 'echo > \"$one\"'" "setfattr -n user.x -v y '$one'"; do
	is "read-only: ${command%% *}" \
		"$(eval "LC_ALL=C $command" 2>&1 | grep -o 'Read-only file system' | head -n 1)" \
		"Read-only file system"
done
is "the store is as it was" "$(find "$store" -type f | wc -l)" 14

# What backup programs copy.
mkdir "$scratch/copy"
check "cp" cp -r --preserve=timestamps "$series" "$scratch/copy/cp"
check "cp copied all bytes" diff -r "$series" "$scratch/copy/cp"
tar -C "$series" -S -cf - . | tar -C "$scratch/copy" --warning=no-timestamp -xf - --one-top-level=tar
check "tar -S copied all bytes" diff -r "$series" "$scratch/copy/tar"
if command -v rsync >/dev/null; then
	rsync -a "$mnt/patients" "$scratch/copy/"
	check "rsync copied all bytes" diff -r "$mnt/patients" "$scratch/copy/patients"
	is "rsync has nothing more to do" "$(rsync -ai "$mnt/patients" "$scratch/copy/")" ""
else
	skip "rsync" "rsync is missing"
fi

# The same the next time, and with a new index.
walk list "$mnt" | grep -v '\.dicomfs' >"$scratch/first"
stop_mount
start_mount wait || exit 1
walk list "$mnt" | grep -v '\.dicomfs' >"$scratch/second"
check "the same after a remount" diff "$scratch/first" "$scratch/second"
stop_mount
rm -f "$index"*
start_mount wait || exit 1
walk list "$mnt" | grep -v '\.dicomfs' >"$scratch/third"
check "the same with a new index" diff "$scratch/first" "$scratch/third"
if command -v rsync >/dev/null; then
	is "rsync has nothing to do after that" "$(rsync -ai "$mnt/patients" "$scratch/copy/")" ""
else
	skip "rsync after that" "rsync is missing"
fi
if [ "$(id -u)" -eq 0 ]; then
	check_fails "handles of the old index are not those of the new one" \
		python3 "$mount_tests/file-handle" cat "$mnt" "$scratch/handle"
else
	skip "handles of the old index" "only root may open by handle"
fi
stop_mount

# Options.
start_mount wait,kinds=dcm,uid=123,gid=456,umask=0222 || exit 1
is "kinds=dcm" "$(ls "$(ls -d "$mnt"/patients/*/*/* | head -n 1)")" dcm
is "links with kinds=dcm" "$(stat -c %h "$(ls -d "$mnt"/patients/*/*/* | head -n 1)")" 3
is "uid, gid, umask" "$(stat -c '%u %g %a' "$mnt/patients")" "123 456 555"
stop_mount
