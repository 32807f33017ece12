#!/bin/bash
# SPDX-License-Identifier: MIT
#
# One index and several processes; an index that is lost, replaced or damaged
# while it is in use. A listing is the true tree or an error, and never shorter.
. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 3 2 5
second_mnt=$scratch/second
mkdir "$second_mnt"
second=

list() { # FOLDER: names and inodes of everything but the status
	(cd "$1" && find . -path ./.dicomfs -prune -o -printf '%P %i %s %l\n' | sort)
}

start_second() { # [OPTIONS]
	"$dicomfs" -f -o "index=$index${1:+,$1}" "$store" "$second_mnt" >>"$scratch/second-log" 2>&1 &
	second=$!
	wait_for 60 mountpoint -q "$second_mnt" || note "$(cat "$scratch/second-log")"
}

stop_second() {
	kill -TERM "$second" 2>/dev/null
	wait "$second"
	is "$1: the other daemon ends well" $? 0
	second=
}

written_by() { # FOLDER
	sed -n 's/.*"written_by": "\([^"]*\)".*/\1/p' "$1/.dicomfs/status.json"
}

end_second() {
	test -z "$second" || kill -KILL "$second" 2>/dev/null
	mount_end
}
trap end_second EXIT

# What was listed has to be in the tree as it was; anything else is an error.
true_or_error() { # NAME FOLDER
	local got status wrong
	got=$(list "$2" 2>"$scratch/complaints")
	status=$?
	test -s "$scratch/complaints" || test $status -ne 0 || {
		is "$1: all of it" "$got" "$whole"
		return
	}
	wrong=$(grep -v 'Input/output error' "$scratch/complaints")
	is "$1: the errors are EIO" "$wrong" ""
	is "$1: what is listed is true" "$(comm -23 <(printf '%s\n' "$got") <(printf '%s\n' "$whole"))" ""
}

### Two daemons

start_mount wait && wait_complete
whole=$(list "$mnt")
check_fails "the tree is empty" test "$(printf '%s\n' "$whole" | wc -l)" -lt 60
start_second
is "a second daemon has the same tree" "$(list "$second_mnt")" "$whole"
is "the first one writes" "$(written_by "$mnt")" "this process"
is "the second one follows" "$(written_by "$second_mnt")" "another process"
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
daemon=
lib_unmount "$mnt"
is "the writer is killed: the other serves on" "$(list "$second_mnt")" "$whole"
is "the writer is killed: it says so" "$(written_by "$second_mnt")" "nobody"
contains "the writer is killed: so does the log" "$(cat "$scratch/second-log")" \
	"the process that wrote index $index has ended"
small_dicom file "$store/new" 9 1 1
check "the writer is killed: dicomfs-index is the writer then" \
	"$top_builddir/dicomfs-index" -q --index="$index" "$store"
has_four() {
	test "$(find "$second_mnt/patients" -mindepth 1 -maxdepth 1 | wc -l)" -eq 4
}
check "the writer is killed: what it adds is seen" wait_for 20 has_four
rm "$store/new"
start_mount wait && wait_complete
is "a new writer: its tree" "$(list "$mnt")" "$whole"
is "a new writer: the follower has seen it" "$(written_by "$second_mnt")" "another process"
is "a new writer: the follower's tree" "$(list "$second_mnt")" "$whole"
stop_second "following"
stop_mount

### Removed while it is in use

start_mount wait && wait_complete
is "again" "$(list "$mnt")" "$whole"
rm -f "$index" "$index"-*
true_or_error "the index is removed" "$mnt"
is_said() { # TEXT
	grep -qF "$1" "$scratch/log"
}
check "the index is removed: the log says so" wait_for 20 is_said \
	"index $index was removed or replaced while it is in use"
start_second wait
is "the index is removed: another daemon makes one" "$(list "$second_mnt")" "$whole"
true_or_error "the index is made by another" "$mnt"
stop_mount
check "the one that lost it leaves the log of the other" test -e "$index-wal"
is "the one that lost it leaves the other's tree" "$(list "$second_mnt")" "$whole"
small_dicom file "$store/new" 9 1 1
check "the other goes on writing" "$top_builddir/dicomfs-index" -q --index="$index" "$store"
rm "$store/new"
stop_second "its own"
start_mount wait && wait_complete
is "mounted again" "$(list "$mnt")" "$whole"
stop_mount

### Replaced by what it was

cp "$index" "$scratch/old"
small_dicom file "$store/new" 9 1 1
"$top_builddir/dicomfs-index" -q --index="$index" "$store"
start_mount wait && wait_complete
whole=$(list "$mnt")
stop_mount
cp "$scratch/old" "$index"
start_mount wait && wait_complete
is "an older copy is not taken for it" "$(list "$mnt")" "$whole"
contains "an older copy: the log says so" "$(cat "$scratch/log")" "moved aside and started anew"
stop_mount

### Damaged while it is in use

damage() { # every page but the first
	python3 - "$index" <<-'PYTHON'
		import os, sys
		with open(sys.argv[1], "r+b") as index:
		    for at in range(4096, os.path.getsize(sys.argv[1]), 4096):
		        index.seek(at + 2048)
		        index.write(b"damage")
	PYTHON
}
start_mount
wait_complete
damage
true_or_error "damaged pages" "$mnt"
true_or_error "damaged pages, again" "$mnt"
stop_mount
damage
: >"$scratch/log"
start_mount wait && wait_complete
is "damaged pages: made anew, with the same inodes" "$(list "$mnt")" "$whole"
contains "damaged pages: the log says so" "$(cat "$scratch/log")" "moved aside and started anew"
stop_mount

### Mounted again at once

# The folder is free before the program has ended: the next one must not follow it.
start_mount
wait_complete
before=$daemon
fusermount3 -u "$mnt" 2>/dev/null || umount "$mnt"
start_mount
wait "$before"
check "mounted again at once: we write" grep -q '"written_by": "this process"' \
	"$mnt/.dicomfs/status.json"
stop_mount
