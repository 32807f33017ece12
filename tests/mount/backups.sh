#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The backups that the README recommends: complete the first time, and with
# nothing to do after a remount with an index made anew. What was read again is
# asked of the programs, and of the kernel.

. "$(dirname "$0")/tools-lib.sh"
need_fuse
plain_build_only

seen=$scratch/seen       # what watch-reads has to say
watched=$scratch/watched # of that, during a command
marks=$scratch/marks
mark=0
watcher=
mkdir "$marks"
export HOME=$scratch/home RESTIC_PASSWORD=test RESTIC_CACHE_DIR=$scratch/restic-cache
export BORG_BASE_DIR=$scratch/borg-base BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK=yes
mkdir "$HOME"

# ---- What is read -------------------------------------------------------

watch_start() {
	: >"$seen"
	python3 "$mount_tests/watch-reads" "$seen" "$mnt/patients" "$store" "$marks" \
		2>"$scratch/watch.err" &
	watcher=$!
	wait_for 60 grep -qx ready "$seen" && return
	watch_stop
	note "$(cat "$scratch/watch.err")"
	return 1
}

watch_stop() {
	test -n "$watcher" || return
	kill "$watcher" 2>/dev/null
	wait "$watcher" 2>/dev/null
	watcher=
}

# What happened until now is in $seen: events come in order.
watch_settle() {
	mark=$((mark + 1))
	: >"$marks/$mark"
	wait_for 60 grep -qxF "open $marks/$mark" "$seen" || note "the watcher is stuck"
}

watch() { # COMMAND...
	local from status
	test -n "$watcher" && watch_settle
	from=$(wc -l <"$seen")
	"$@"
	status=$?
	test -n "$watcher" && watch_settle
	tail -n "+$((from + 1))" "$seen" | grep -vF " $marks/" | sort -u >"$watched"
	return $status
}

read_again() { # how many files of the mount
	grep -c -e "^read $mnt/" -e '^lost' "$watched"
}

# Of the store, and not because what could not be read is tried each time.
opened_again() {
	sed -n "s:^open \($store/.*\):\1:p" "$watched" |
		grep -vxFf <(cut -f2 "$unreadable") | wc -l
}

# ---- The recipes --------------------------------------------------------

# As they stand in the README; /backup is $backup.
declare -A recipes
recipe() { # NAME LINE
	recipes[$1]=$2
	check "the README has the recipe for $1" grep -qxF "$2" "$top_srcdir/README.md"
}
# shellcheck disable=SC2016
{
	recipe rsync 'rsync -aH --delete patients/ /backup/rsync/'
	recipe tar 'tar -cf "/backup/$(date +%s).tar" -g /backup/tar.snar --no-check-device patients'
	recipe restic 'restic -r /backup/restic backup patients'
	recipe borg 'touch /backup/newest; borg create /backup/borg::{now} /backup/newest patients'
}

run() { # NAME [MORE]: output in $scratch/out, messages in $scratch/err
	local line=${recipes[$1]}${2:+ $2}
	(cd "$mnt" && eval "${line//\/backup/$backup}") >"$scratch/out" 2>"$scratch/err"
}

# Archives are named after the second, and borg reads the newest file again: no
# time of the tree may lie ahead.
last=$(date +%s)
next_second() {
	wait_for 30 eval "test \$(date +%s) -gt $last" || note "the clock stands still"
	last=$(date +%s)
}

# The file system of the copies has extended attributes.
keeps_attributes() {
	: >"$scratch/attributes"
	python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.test", b"")' "$scratch/attributes" \
		2>/dev/null
}

expected_status() { # NAME WHEN
	case $1 in
	rsync) status_if_unreadable 23 ;;
	# It does not try again what has not changed.
	tar) test "$2" != first && echo 0 || status_if_unreadable 2 ;;
	restic) status_if_unreadable 3 ;;
	borg) status_if_unreadable 1 ;;
	esac
}

run_well() { # NAME WHEN MORE
	local status
	run "$1" "$3"
	status=$?
	is "$1, $2: ends with" $status "$(expected_status "$1" "$2")"
	test $status -eq "$(expected_status "$1" "$2")" || note "$(tail -n 20 "$scratch/err")"
}

json_numbers() { # NAME...: of restic's summary
	grep '"message_type":"summary"' "$scratch/out" | python3 -c '
import json, sys
summary = json.loads(sys.stdin.readline())
print(*(summary[name] for name in sys.argv[1:]))' "$@"
}

options_of() { # NAME: for a report of what it did
	case $1 in
	rsync) echo "$attributes_rsync --itemize-changes --stats" ;;
	tar) echo "--xattrs --verbose" ;;
	restic) echo "--json" ;;
	borg) echo "--list --filter=AMC --stats" ;;
	esac
}

# What the program says of files that it took.
taken() { # NAME
	case $1 in
	rsync) sed -n 's/^[<>ch.*][fdLDS][^ ]* //p' "$scratch/out" ;;
	tar) grep -v '/$' "$scratch/out" ;;
	restic) test "$(json_numbers data_blobs files_changed)" = "0 0" || cat "$scratch/out" ;;
	borg) sed -n 's/^[AMC] patients\///p' "$scratch/err" ;;
	esac | sed 's:^patients/::' | grep -vxFf <(cut -f1 "$unreadable")
}

report() { # NAME: the numbers, for the log
	case $1 in
	rsync) grep -E '^(Number of regular|Total transferred|Literal)' "$scratch/out" ;;
	tar) stat -c '%s bytes of archive' "$(ls -t "$backup"/*.tar | head -n 1)" ;;
	restic) grep '"message_type":"summary"' "$scratch/out" | tr -d '{}"' | cut -d, -f2-10 ;;
	borg) grep -E '^(Number of files|This archive)' "$scratch/err" ;;
	esac
}

# ---- Once and again -----------------------------------------------------

first_time() { # NAME
	next_second
	run_well "$1" "first" "$(options_of "$1")"
	note "$(report "$1")"
}

again() { # NAME WHEN
	next_second
	watch run_well "$1" "$2" "$(options_of "$1")"
	is "$1, $2: takes no file" "$(taken "$1" | head -n 5)" ""
	note "$(report "$1")"
	if [ -z "$watcher" ]; then
		skip "$1, $2: reads no file" "inotify cannot be used"
		return
	fi
	is "$1, $2: reads no file" "$(read_again)" 0
	if [ "$1" = borg ]; then
		# It opens every file before it asks its cache.
		note "borg opened $(grep -c "^open $mnt/" "$watched") files," \
			"for which $(opened_again) of the store were opened"
	else
		is "$1, $2: no file of the store is opened" "$(opened_again)" 0
	fi
}

# Only where what is read shows, it says something that nothing does.
watcher_works() {
	local file
	file=$(cd "$reference" && find . -name '*.dcm' | sort | tail -n 1)
	watch cat "$mnt/patients/$file" >/dev/null
	is "a file that is read shows" "$(read_again)" 1
	check "so does the file of the store" grep -q "^open $store/" "$watched"
}

all_again() { # WHEN
	local program
	watch_start && watcher_works
	for program in $programs; do
		again "$program" "$1"
	done
	watch_stop
}

# ---- What came out ------------------------------------------------------

same() { # NAME FOLDER
	check "$1: diff -r finds nothing" diff -r "$reference" "$2"
	chmod -R u+w "$2"
	rm -rf "$2"
}

restore() { # NAME
	local out=$scratch/restored archive
	mkdir -p "$out"
	case $1 in
	rsync) mv "$backup/rsync" "$out/patients" ;;
	tar)
		for archive in "$backup"/*.tar; do
			tar -C "$out" -g /dev/null -xf "$archive" || note "$archive"
		done
		;;
	restic) restic -r "$backup/restic" restore latest --target "$out" >"$scratch/out" 2>&1 ;;
	borg) (cd "$out" && borg extract "$backup/borg::$(borg list --short --last 1 "$backup/borg")") ;;
	esac
	same "$1" "$out/patients"
	rm -rf "$out"
}

# Only what is original.
without_caches() { # NAME
	next_second
	run "$1" "--exclude-caches$(test "$1" != tar || echo " -g $backup/other")"
	case $1 in
	tar) tar -tf "$(ls -t "$backup"/*.tar | head -n 1)" ;;
	restic) restic -r "$backup/restic" ls latest 2>/dev/null | sed 's:^/::' ;;
	borg) borg list --short "$backup/borg::$(borg list --short --last 1 "$backup/borg")" ;;
	esac | grep '\.\(dcm\|json\|png\)$' | sed 's:^patients/:./:' | sort >"$scratch/originals"
	is "$1 --exclude-caches takes originals only" \
		"$(diff "$scratch/originals" \
			<(tr '\0' '\n' <"$scratch/names" | grep '\.dcm$' | sort) | head -n 5)" ""
}

programs=
for program in rsync tar restic borg; do
	has $program && programs="$programs $program"
done
test -n "$programs" || skip_all "no program for backups"
# With what costs more, where it can be had.
attributes_rsync=-AX
keeps_attributes || {
	skip "attributes" "$scratch keeps none"
	attributes_rsync=
}

mixed_store
for tier in $tiers; do
	note "$tier"
	backup=$scratch/backup-$tier
	mkdir "$backup"
	mount_tier "$tier" || exit 1
	test -d "$reference" || make_reference
	last=$(find "$mnt/patients" -printf '%C@\n' | sort -n | tail -n 1)
	last=${last%.*}
	test "${programs/restic/}" = "$programs" || restic -r "$backup/restic" init >/dev/null
	test "${programs/borg/}" = "$programs" || borg init -e none "$backup/borg"
	for program in $programs; do
		first_time "$program"
	done
	stop_mount

	if [ "$tier" = default ]; then
		check "the index is made anew" \
			"$top_builddir/dicomfs-index" --quiet --rebuild --index="$index" "$store"
		mount_tier "$tier" || exit 1
		all_again "after dicomfs-index --rebuild"
		stop_mount
	fi

	rm -f "$index"*
	mount_tier "$tier" || exit 1
	all_again "without the old index"
	for program in $programs; do
		restore "$program"
		test "$program" = rsync || without_caches "$program"
	done
	stop_mount
	chmod -R u+w "$backup"
	rm -rf "$backup"
done
