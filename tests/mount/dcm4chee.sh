#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The storage folders of dcm4chee as stores: that of the archive 5 (dcm4chee-arc-light,
# FileSystemStorage.java, dcmStoragePathFormat as it is by default) and that of 2.x
# (StoreScp.java, makeFile). The archives themselves do not run here; the folders are
# laid out as they do it.

. "$(dirname "$0")/receive-lib.sh"
need_fuse
# Programs that only look from outside: the plain build is enough.
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) skip_all "the plain build does this" ;;
esac
need_dcmtk

# Copies files to where the archive would put them. Standard input: a line each of
# file, Study, Series and SOP Instance UID, with tabs between them.
lay_out() { # 5|2 FOLDER
	python3 -c '
import os, shutil, sys

def java_hash(text):
    value = 0
    for character in text:
        value = (31 * value + ord(character)) & 0xFFFFFFFF
    return value

assert java_hash("hello") == 99162322
version, root = sys.argv[1:]
day = "2026/01/05" if version == "5" else "2026/1/5/9"
for line in sys.stdin:
    name, *uids = line.rstrip("\n").split("\t")
    hashes = [java_hash(uid) for uid in uids]
    folder = os.path.join(root, day, *("%08X" % value for value in hashes[:2]))
    os.makedirs(folder, exist_ok=True)
    # 5 takes a number by chance where there is one, 2.x the next one.
    while os.path.exists(path := os.path.join(folder, "%08X" % (hashes[2] & 0xFFFFFFFF))):
        hashes[2] += 1
    shutil.copyfile(name, path)' "$1" "$2"
}

# For lay_out. What has no UIDs is refused by the archives, too.
uids() { # FILE...
	local file tag got
	for file in "$@"; do
		got=$file
		for tag in 0020,000d 0020,000e 0008,0018; do
			got=$got$(printf '\t')$(dcmdump -q +P $tag "$file" 2>/dev/null |
				sed -n '1s/.*\[\([^]]*\)\].*/\1/p')
		done
		case $got in
		*"	" | *"		"*) ;;
		*) printf '%s\n' "$got" ;;
		esac
	done
}

in_the_tree() { # WHAT COUNT FIND-ARGUMENT...
	check "$1: in the tree" seen has_entries "$2"
	is "$1: byte for byte" "$(tree_sums)" "$(folder_sums "$store" "${@:3}")"
}

# Both write and remove a file together with its folders.
coming_and_going() { # VERSION PATTERN
	local before
	before=$(entries)
	uids "$scratch/new.dcm" | lay_out "$1" "$store"
	in_the_tree "$1, one more" $((before + 1)) -name "$2"
	rm "$(grep -rlF 'Test^Patient 7' "$store" | head -n 1)"
	find "$store" -mindepth 1 -depth -type d -empty -delete
	in_the_tree "$1, one less" "$before" -name "$2"
}

hashes='[0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F][0-9A-F]'

archive() { # VERSION
	local count
	rm -rf "$store" "${index:?}"*
	lay_out "$1" "$store" <"$scratch/uids"
	count=$(find "$store" -type f -name "$hashes" | wc -l)
	is "$1: every file was laid out" "$count" "$(wc -l <"$scratch/uids")"
	start_mount || exit 1
	wait_complete || exit 1
	# Of the real files some share an instance, and are one entry.
	count=$((count - $(status_number duplicates)))
	in_the_tree "$1" "$count" -name "$hashes"
	coming_and_going "$1" "$hashes"
}

# Where several storages of the archive 5 lie in one folder, or series are packed.
other_files() {
	local folder
	folder=$(find "$store" -type f -name "$hashes" -printf '%h\n' | sort | head -n 1)
	echo '{"00080005":{"vr":"CS"}}' >"$folder/0123ABCD.json"
	tar -C "$folder" -cf "$scratch/series.tar" .
	mv "$scratch/series.tar" "$folder/101500.tar"
	for name in 0123ABCD.json 101500.tar; do
		check "$name has its line" seen grep -qE "/$name	not-dicom	" \
			"$mnt/.dicomfs/problems.txt"
	done
}

choose_files
mapfile -t files <"$chosen"
uids "${files[@]}" >"$scratch/uids"
small_dicom file "$scratch/new.dcm" 7 1 1
archive 2
stop_mount
archive 5
other_files
stop_mount
