#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The index that make-index makes is the one that a scan of the same store makes.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

command -v sqlite3 >/dev/null || skip_all "no sqlite3"
tools=$top_builddir/tests/tools

# All rows, but for what each scan has of its own: times, the epoch, the log of
# versions, and the file system that it remembers.
rows() { # INDEX
	sqlite3 "$1" .dump | grep -v -e '^INSERT INTO meta VALUES' -e '^INSERT INTO status VALUES'
	sqlite3 "$1" "SELECT state, reason, files, instance_files, duplicates, skipped, failed,
		pending, queued, notes, patients, studies, series, instances, next_id, next_file,
		next_folder, next_claim FROM status"
	sqlite3 "$1" "SELECT * FROM meta WHERE key IN ('fingerprint', 'store', 'variant')"
}

scan() { # STORE INDEX
	"$top_builddir/dicomfs-index" --quiet --index="$2" "$1"
}

compare() { # NAME N OPTION...
	local name=$1 count=$2 at=$scratch/$1
	shift 2
	check "$name: made" "$tools/make-index" -f real "$@" "$count" "$at" "$at.made"
	check "$name: the store is made as well" "$tools/make-store" "$@" "$count" "$at.store"
	check "$name: with the same files" diff -r "$at" "$at.store"
	check "$name: scanned" scan "$at" "$at.scanned"
	is "$name: whole" "$(sqlite3 "$at.made" 'PRAGMA integrity_check')" ok
	rows "$at.made" >"$at.1"
	rows "$at.scanned" >"$at.2"
	check "$name: the same rows" cmp "$at.1" "$at.2"
	check "$name: scanned again" scan "$at" "$at.made"
	rows "$at.made" >"$at.3"
	check "$name: nothing has changed" cmp "$at.1" "$at.3"
}

compare usual 1000
compare shapes 333 -s 1,100,7 -t 3 -p 1 -x 16x12
compare frames 20 -s 4 -n 3

at=$scratch/part
check "files without content" "$tools/make-index" -r 60 500 "$at" "$at.index"
rows "$at.index" >"$at.1"
check "a scan of them" scan "$at" "$at.index"
rows "$at.index" >"$at.2"
check "finds that nothing has changed" cmp "$at.1" "$at.2"
check "the first ones are real" cmp "$at/P00000/ST00000/SE000001/IM00000059.dcm" \
	"$scratch/usual/P00000/ST00000/SE000001/IM00000059.dcm"
check_fails "the others are empty" grep -q . "$at/P00000/ST00000/SE000001/IM00000060.dcm"

at=$scratch/none
check "no files" "$tools/make-index" -f none 500 "$at" "$at.index"
is "the store is empty" "$(ls -A "$at")" ""
is "the tree is not" "$(sqlite3 "$at.index" 'SELECT count(*) FROM instance')" 500
