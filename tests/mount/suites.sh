#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the test suites of file systems do with files and folders, as far as it
# can be done without writing (see SUITES): reading in every way at random
# places, against a copy; reading folders in every way, while they change.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
read_check=$top_builddir/tests/mount/read-check
dir_check=$top_builddir/tests/mount/dir-check
for program in "$read_check" "$dir_check"; do
	test -x "$program" || { note "$program is missing"; exit 99; }
done
# A fixed one, so that a failure can be had again.
seed=20240115

# Another mount of the same index, whose kernel caches nothing for long, takes the
# place of the first.
start_follower() {
	writer=$daemon
	writer_mnt=$mnt
	mnt=$scratch/follower
	mkdir -p "$mnt"
	start_mount wait
}

stop_follower() {
	stop_mount
	daemon=$writer
	mnt=$writer_mnt
}

# ---- Files -------------------------------------------------------------------

# Sizes around pages and requests; a .json and pictures of megabytes.
make_files() {
	local number=0 size
	for size in 4094 4096 4098 65536 131072 1048574 1048576 1048578 5000000; do
		number=$((number + 1))
		small_dicom sized "$store/sized-$number.dcm" $size 1 1 $number
	done
	small_dicom items "$store/items.dcm" 8000 1 2 1
	small_dicom file "$store/small.dcm" 1 3 1 0 1 1
	small_dicom file "$store/large.dcm" 1 3 2 5 1 1500
	small_dicom file "$store/loop.dcm" 1 3 3 7 3 700
	echo "no DICOM" >"$store/notes.txt"
}

# What to read, and a copy of each to compare with: originals are in the store.
choose_files() {
	local file copy=0
	files=() copies=()
	while IFS= read -r file; do
		copy=$((copy + 1))
		files+=("$file")
		copies+=("$scratch/copies/$copy")
		cat "$file" >"$scratch/copies/$copy"
	done < <(
		ls "$mnt"/patients/*/*/001*/dcm/*
		ls "$mnt"/patients/*/*/002*/{dcm,json,png}/*
		ls "$mnt"/patients/*/*/003*/{dcm,json,png}/*.* "$mnt"/patients/*/*/003*/png/*/000[13].png
		ls "$mnt"/patients/*/*/003*/png/CACHEDIR.TAG "$mnt/.dicomfs/problems.txt"
	)
}

# Every STEPth file, each with a seed of its own.
read_them() { # NAME STEP ROUNDS OPTION...
	local name=$1 step=$2 count=$3 i
	shift 3
	for ((i = 0; i < ${#files[@]}; i += step)); do
		"$read_check" -s $((seed + i)) -n "$count" "$@" "${files[i]}" "${copies[i]}" \
			>"$scratch/read" 2>&1 ||
			{ printf '%s: ' "${files[i]#"$mnt/"}" && head -n 5 "$scratch/read"; } >>"$scratch/bad"
		reads=$((reads + count))
	done
	test ! -e "$scratch/bad" || note "$(head -n 20 "$scratch/bad")"
	is "$name: $(((${#files[@]} + step - 1) / step)) files" "$(cat "$scratch/bad" 2>/dev/null | wc -l)" 0
	rm -f "$scratch/bad"
}
reads=0

mkdir "$scratch/copies"
make_files
start_mount wait || exit 1
choose_files
is "originals are those of the store" "$(
	for copy in "${copies[@]}"; do
		find "$store" -name '*.dcm' -exec cmp -s {} "$copy" \; -print
	done | sort -u | wc -l
)" 13
read_them "one reader" 1 60
read_them "three readers" 2 40 -j 3
if [ "$(id -u)" -eq 0 ] && echo 2 2>/dev/null >/proc/sys/vm/drop_caches; then
	read_them "after nodes were dropped" 3 40
else
	skip "after nodes were dropped" "only root can drop them"
fi

# That a wrong byte and a wrong length would be seen.
middle=${files[4]}
cp "$middle" "$scratch/wrong"
printf '\377' | dd of="$scratch/wrong" bs=1 seek=70000 conv=notrunc status=none
check_fails "a wrong byte is seen" "$read_check" -n 2000 "$middle" "$scratch/wrong"
head -c -1 "$middle" >"$scratch/wrong"
check_fails "a wrong length is seen" "$read_check" -n 2000 "$middle" "$scratch/wrong"

start_follower || exit 1
files=("${files[@]/#"$writer_mnt"/"$mnt"}")
read_them "another mount of the index" 2 40
stop_follower
stop_mount

# What the kernel does not read past us; pictures that do not fit into memory, and
# such from the disk.
start_mount wait,no_passthrough || exit 1
choose_files
read_them "without passthrough" 2 60
stop_mount
start_mount wait,no_passthrough,cache_memory=1M || exit 1
choose_files
read_them "little memory" 2 40 -j 2
stop_mount
rm -rf "$scratch"/index/*
mkdir -m 700 "$scratch/cache"
start_mount "wait,png_level=6,cache_dir=$scratch/cache,cache_memory=1M" || exit 1
wait_for 60 ls "$mnt"/patients/*/*/003*/png/*/0003.png
choose_files
read_them "compressed pictures" 2 40
stop_mount
note "$reads reads compared, in some cases by several at once"

# ---- Folders -----------------------------------------------------------------

check_folders() { # NAME
	local name=$1 folder
	while IFS= read -r folder; do
		"$dir_check" -s $seed "$folder" >"$scratch/folder" 2>&1 ||
			{ echo "$folder:" && cat "$scratch/folder"; } >>"$scratch/bad"
	done < <(find "$mnt" -type d)
	test ! -e "$scratch/bad" || note "$(head -n 20 "$scratch/bad")"
	check "$name" test ! -e "$scratch/bad"
	rm -f "$scratch/bad"
}

rescan() {
	"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >"$scratch/index.log" 2>&1 ||
		note "$(cat "$scratch/index.log")"
}

listings() { # MOUNT
	(cd "$1" && find . -name '.dicomfs' -prune -o -print | LC_ALL=C sort)
}

names() { # FOLDER
	ls -f "$1" | sort
}

has_changed() {
	test "$(ls "$folder" | wc -l)" -eq "$(ls "$store/p1/s1" | wc -l)"
}

# A listing is half done when some leave and others come. Who was there all the
# time is listed once, and nobody who never was.
list_while_changing() { # KIND FIRST-NEW
	local kind=$1 number=$2 folder answer reader
	folder=$(ls -d "$mnt"/patients/*ID00001*/*/001*/"$kind")
	names "$folder" >"$scratch/before"
	mkfifo "$scratch/go"
	exec 8<>"$scratch/go"
	"$dir_check" -p "$folder" <"$scratch/go" >"$scratch/listed" &
	reader=$!
	wait_for 60 grep -q half "$scratch/listed"
	# Some that were listed already, and some that were not.
	ls "$store/p1/s1" | awk 'NR % 13 == 5' | sed "s#^#$store/p1/s1/#" | xargs rm
	small_dicom run "$store/p1/s1" 1 1 "$number" $((number + 300))
	rescan
	wait_for 60 has_changed
	echo >&8
	exec 8>&-
	wait "$reader"
	answer=$?
	rm "$scratch/go"
	names "$folder" >"$scratch/after"
	is "$kind: nothing twice" $answer 0
	is "$kind: it was changed in the middle" "$(ls "$folder" | wc -l)" "$(ls "$store/p1/s1" | wc -l)"
	grep -vx half "$scratch/listed" | sort >"$scratch/listed.sorted"
	is "$kind: nothing lost" \
		"$(comm -12 "$scratch/before" "$scratch/after" | comm -23 - "$scratch/listed.sorted" | wc -l)" 0
	is "$kind: nothing that never was" \
		"$(sort -u "$scratch/before" "$scratch/after" | comm -13 - "$scratch/listed.sorted" | wc -l)" 0
}

rm -rf "$store" "$scratch"/index/*
mkdir "$store"
small_store 1 1 3000
small_dicom file "$store/loop.dcm" 2 1 1 0 1500 1
start_mount wait || exit 1
check_folders "folders, one with 3000 files"
check_folders "the same from the kernel's cache"
listings "$mnt" >"$scratch/listings"
is "all files are listed" "$(grep -c '\.png$' "$scratch/listings")" $((3000 + 1500))
# Without a cache of the kernel's, where reading goes on at the daemon.
start_follower || exit 1
check_folders "folders of another mount of the index"
check "they hold the same" diff <(listings "$mnt") "$scratch/listings"
stop_follower
list_while_changing dcm 3001
list_while_changing json 3401
list_while_changing png 3801
check_folders "folders that have changed"
stop_mount
