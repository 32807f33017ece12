#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Real files: all of them are in the tree or in problems.txt, everything can be
# read or says EIO with a line there, and listing opens no file of the store.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
test -n "$test_data" || skip_all "no test data"
store=$test_data

start_mount wait,cache_memory=32M || exit 1
patients=$mnt/patients

# Counts.
files=$(find "$store" -type f -o -type l | wc -l)
is "files seen" "$(status_number files)" "$files"
is "the counts add up" "$(($(status_number in_tree) + $(status_number duplicates) + \
	$(status_number skipped) + $(status_number failed) + $(status_number pending)))" "$files"
find "$patients" -path '*/dcm/*.dcm' | sort >"$scratch/dcm"
is "a .dcm for each instance" "$(wc -l <"$scratch/dcm")" "$(status_number in_tree)"

# Every file is in the tree bit by bit, or named.
(cd "$store" && find . -type f -exec sha1sum {} +) | sed 's/^\\//' | sort >"$scratch/store.sha1"
tr '\n' '\0' <"$scratch/dcm" | xargs -0 sha1sum | cut -d' ' -f1 | sort -u >"$scratch/tree.sha1"
cut -f1 "$mnt/.dicomfs/problems.txt" | sort -u >"$scratch/named"
awk 'NR == FNR { seen[$1] = 1; next } !($1 in seen) { sub(/^[0-9a-f]* [ *]\.\//, ""); print }' \
	"$scratch/tree.sha1" "$scratch/store.sha1" | sort >"$scratch/absent"
is "absent files without a line in problems.txt" \
	"$(comm -23 "$scratch/absent" "$scratch/named" | head -n 5)" ""
cut -d' ' -f1 "$scratch/store.sha1" | sort -u >"$scratch/known.sha1"
is ".dcm files with other bytes than any source" \
	"$(comm -23 "$scratch/tree.sha1" "$scratch/known.sha1" | wc -l)" 0

# Everything can be read.
walk read -r "$mnt" >"$scratch/read" ||
	note "$(head -n 20 "$scratch/read")"
note "$(tail -n 1 "$scratch/read")"
contains "stat was right everywhere" "$(tail -n 1 "$scratch/read")" " 0 wrong"
sed -n 's/^eio //p' "$scratch/read" >"$scratch/eio"
is "a decode-failed line for each instance with EIO" \
	"$(cut -f2 "$mnt/.dicomfs/problems.txt" | grep -c '^decode-failed$')" \
	"$(sed 's:.*/\([^/]*~[^/.]*\).*:\1:' "$scratch/eio" | sort -u | wc -l)"
walk read -j 64 "$mnt" >"$scratch/read64"
is "64 readers see the same" "$(tail -n 1 "$scratch/read64")" "$(tail -n 1 "$scratch/read")"

# Links lead somewhere inside.
is "links that lead nowhere" "$(find "$mnt" -xtype l | wc -l)" 0
is "links that lead out" "$(find "$mnt" -type l -lname '/*' | wc -l)" 0
stop_mount

# Listing opens nothing.
if ! command -v strace >/dev/null; then
	skip "listing opens no file of the store" "strace is missing"
else
	# Nor does a scan that looks for what happened before it was watched.
	start_mount wait,no_watch || exit 1
	strace -f -qq -e trace=open,openat,openat2,pread64,preadv,preadv2 -o "$scratch/trace" \
		-p "$daemon" 2>"$scratch/strace.err" &
	tracer=$!
	if wait_for 10 grep -q '^TracerPid:.*[1-9]' "/proc/$daemon/status"; then
		find "$mnt" -ls >/dev/null
		ls -lR "$mnt" >/dev/null
		du -s "$mnt" >/dev/null
		# The tracer is there: reading one file shows.
		cat "$(head -n 1 "$scratch/dcm")" >/dev/null
		kill "$tracer"
		wait "$tracer" 2>/dev/null
		# That one may be tried twice, at once and by the pool.
		sed -n 's/^[^"]*open[^"]*"\([^"]*\)".*/\1/p' "$scratch/trace" |
			grep -v '^/proc\|^/sys\|^/etc\|^/usr\|index' | grep -vxF "$(realpath "$test_data")" |
			sort -u >"$scratch/opened"
		is "find -ls, ls -lR and du open no file of the store" \
			"$(wc -l <"$scratch/opened")" 1
		note "$(cat "$scratch/opened")"
	else
		kill "$tracer" 2>/dev/null
		skip "listing opens no file of the store" "strace may not attach: $(cat "$scratch/strace.err")"
	fi
	stop_mount
fi
