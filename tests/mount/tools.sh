#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What programs copy, pack, search, map and measure is what is there, byte for
# byte: all they say of the mount, they say of a folder that was made without it.

. "$(dirname "$0")/tools-lib.sh"
need_fuse
plain_build_only

patients=$mnt/patients
work=$scratch/work
mkdir "$work"

# A program for all files but those that cannot be opened.
each() { # COMMAND...
	xargs -0 "$@" <"$scratch/names"
}

readable() { # of names from standard input
	grep -vxFf "$work/eio"
}

# The command, run in either folder, says the same.
alike() { # NAME COMMAND
	local folder out
	for folder in "$reference" "$patients"; do
		out=$work/said.$(basename "$folder")
		(cd "$folder" && set -o pipefail && eval "$2") >"$out" 2>"$out.err"
		echo "status $?" >>"$out"
	done
	if [ "$(wc -l <"$work/said.reference")" -lt 2 ] || [ -s "$work/said.reference.err" ]; then
		fail "$1" "says nothing without a mount: $(head -n 3 "$work/said.reference.err")"
	elif cmp -s "$work/said.patients" "$work/said.reference"; then
		pass "$1"
	else
		fail "$1" "$(diff -a "$work/said.reference" "$work/said.patients" | head -n 10)"
		note "$(head -n 5 "$work/said.patients.err")"
	fi
}

# Of a program that walks by itself: it ends with STATUS where something cannot
# be opened, and FOLDER holds the rest.
copied() { # NAME GOT STATUS FOLDER
	is "$1: ends with" "$2" "$(status_if_unreadable "$3")"
	check "$1: diff -r finds nothing" diff -r "$reference" "$4"
	chmod -R u+w "$4" && rm -rf "$4"
}

# Times and sizes of files; those of folders are not everybody's business.
times_of() { # FOLDER
	(cd "$1" && each stat -c '%.9Y %s %n')
}

copy_programs() {
	cp -a "$patients" "$work/cp" 2>/dev/null
	local status=$?
	is "cp -a keeps times and sizes" \
		"$(diff <(times_of "$patients") <(times_of "$work/cp") | head -n 5)" ""
	copied "cp -a" $status 1 "$work/cp"
	cp -r --sparse=always "$patients" "$work/cp" 2>/dev/null
	copied "cp --sparse=always" $? 1 "$work/cp"
	mkdir "$work/tar"
	# Files of 1970 and before it are fine.
	tar -C "$patients" -S -cf "$work/out.tar" . 2>/dev/null
	status=$?
	tar -C "$work/tar" --warning=no-timestamp -xf "$work/out.tar"
	copied "tar -S" $status 2 "$work/tar"
	rm -f "$work/out.tar"
	if has zip unzip; then
		(cd "$patients" && zip -q -r "$work/out.zip" .) >"$work/err" 2>&1
		status=$?
		check "unzip -t" unzip -tq "$work/out.zip"
		unzip -q "$work/out.zip" -d "$work/zip" 2>"$work/err"
		copied "zip -r" $status 18 "$work/zip"
		rm -f "$work/out.zip"
	fi
	if has rsync; then
		rsync -rc --out-format=%n "$patients/" "$reference/" --dry-run >"$work/out" 2>/dev/null
		is "rsync --checksum finds nothing" \
			"$(grep -v '/$' "$work/out" | sed 's:^:./:' | readable | head -n 5)" ""
	fi
}

reading_programs() {
	alike "sha1sum" "each sha1sum"
	alike "cksum" "each cksum"
	alike "cat" "each cat | sha1sum"
	alike "wc" "each wc -lc"
	alike "head -c" "each head -c 1000 | sha1sum"
	alike "tail -c" "each tail -c 1000 | sha1sum"
	alike "tail -c +777" "each tail -c +777 | sha1sum"
	alike "dd with odd blocks" "each -I{} dd if={} bs=1021 skip=1 count=3 status=none | sha1sum"
	# It says that it could not read some.
	alike "grep -r, which files" "{ grep -rlaF IHDR . 2>/dev/null || true; } | sort"
	alike "grep -r, how many lines" \
		"{ LC_ALL=C grep -rcaE '[A-Z]{3}' . 2>/dev/null || true; } | sort"
	if has file; then
		alike "file" "each file -N"
		alike "file --mime" "each file -N --mime"
	fi
	alike "du --apparent-size" "each du -b --apparent-size"
	alike "stat" "each stat -c '%s %F %n'"
	for size in -2 +7k -100k +300k 1 777c; do
		alike "find -size $size" "{ find . -type f -size $size | readable | sort; echo; }"
	done
	is "du counts the blocks that hold the bytes" \
		"$(cd "$patients" && each stat -c '%b %s' |
			awk '$1 != int(($2 + 511) / 512)' | wc -l)" 0
	check "mmap, sendfile, O_DIRECT and others" python3 "$mount_tests/read-ways" \
		"$patients" "$reference" <"$scratch/names"
	cut -f1 "$unreadable" | while IFS= read -r file; do
		head -c 1 "$patients/$file" 2>&1
	done | grep -vF 'Input/output error' >"$work/out"
	is "what cannot be opened says EIO" "$(cat "$work/out")" ""
}

# Pixels, as a program that knows nothing of us decodes them.
picture_programs() {
	has identify || return
	tr '\0' '\n' <"$scratch/names" | grep '\.png$' | tr '\n' '\0' >"$work/pictures"
	for folder in "$patients" "$reference"; do
		# From standard input: brackets in a name would choose a frame.
		(cd "$folder" && xargs -0 -n 1 sh -c \
			'identify -quiet -format "%w %h %z %[channels] %#\n" png:- <"$1"' sh \
			<"$work/pictures") >"$work/identify.$(basename "$folder")" 2>&1
	done
	is "identify knows every picture" \
		"$(grep -cE '^[0-9]+ [0-9]+ (8|16) .* [0-9a-f]{64}$' "$work/identify.patients")" \
		"$(tr -cd '\0' <"$work/pictures" | wc -c)"
	check "identify sees the same pixels" cmp "$work/identify.patients" "$work/identify.reference"
}

# The pixels of one file are blocks with checksums, written by fio.
fio_verify() { # FILE OPTIONS...
	local file=$1
	shift
	(cd "$work" && fio --readonly --name=verify --filename="$file" --offset=4096 --size=1M \
		--bs=4k --verify=crc32c --verify_state_save=0 --allow_file_create=0 "$@")
}

fio_programs() {
	test -f "$store/verify.dcm" || return
	local file
	file=$(cd "$reference" && find . -name '*.dcm' -size "$(stat -c %s "$store/verify.dcm")c" \
		-exec cmp -s {} "$store/verify.dcm" \; -print | head -n 1)
	is "fio: one file was found" "$(test -f "$patients/$file" && echo yes)" yes
	# A colon separates names.
	cp "$patients/$file" "$work/broken.dcm"
	ln -sfn "$patients/$file" "$work/mounted.dcm"
	check "fio reads and verifies" fio_verify mounted.dcm --rw=read --ioengine=psync
	check "fio verifies at random, four at once" fio_verify mounted.dcm --rw=randread \
		--ioengine=pvsync --numjobs=4 --thread
	check "fio verifies with O_DIRECT" fio_verify mounted.dcm --rw=read --direct=1 \
		--ioengine=psync
	chmod u+w "$work/broken.dcm"
	printf 'X' | dd of="$work/broken.dcm" bs=1 seek=500000 conv=notrunc 2>/dev/null
	check_fails "fio would see a wrong byte" fio_verify broken.dcm --rw=read --ioengine=psync
	rm -f "$work/broken.dcm"
}

mixed_store
# Long runs of zeros, and a hole.
small_dicom file "$store/zeros.dcm" 5 1 1 0 1 600
dd if=/dev/zero of="$store/zeros.dcm" bs=4096 seek=10 count=60 conv=notrunc 2>/dev/null
fallocate -p -o 40960 -l 131072 "$store/zeros.dcm" 2>/dev/null
if has fio; then
	small_dicom file "$store/verify.dcm" 5 1 2 0 1 1100
	(cd "$work" && fio --name=verify --filename="$store/verify.dcm" --rw=write --bs=4k \
		--offset=4096 --size=1M --verify=crc32c --do_verify=0 --ioengine=psync \
		--verify_state_save=0 --allow_file_create=0) >"$work/out" 2>&1 ||
		note "$(cat "$work/out")"
fi

for tier in $tiers; do
	note "$tier"
	mount_tier "$tier" || exit 1
	test -d "$reference" || make_reference
	cut -f1 "$unreadable" | sed 's:^:./:' >"$work/eio"
	copy_programs
	reading_programs
	picture_programs
	fio_programs
	stop_mount
done
