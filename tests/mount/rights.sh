#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a mount has once it serves: as root only two rights, as anybody else none; no
# other program, no network, no writing outside of its folders. And what still has to
# work without them: unmounting, the system's log, files of others.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
small_store 2 1 3

field() { # NAME PID
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$2/status"
}
rights() { # PID
	echo "$(field CapEff "$1") $(field CapPrm "$1") $(field CapInh "$1")"
}
child() { # NAME
	pgrep -P "$daemon" -x "$1"
}
has_filters() {
	"$dicomfs" --version | grep -q seccomp
}

# Where access times are kept at all, they are when the last one is a day old.
access_times() {
	local before
	find "$store" -type f -exec touch -a -d '2 days ago' {} +
	cat "$(find "$store" -type f | head -n 1)" >/dev/null
	if [ "$(find "$store" -type f -amin -60 | wc -l)" -ne 1 ]; then
		skip "access times stay as they are" "here they do whatever is read"
		return
	fi
	before=$(find "$store" -type f -printf '%A@ %p\n' | sort)
	"$top_builddir/dicomfs-index" -o "index=$scratch/index/other.sqlite" "$store" >/dev/null
	rm -f "$scratch/index/other.sqlite"*
	touch "$store/.look" && rm "$store/.look"
	find "$mnt" -type f -exec cat {} + >/dev/null
	is "access times stay as they are" "$(find "$store" -type f -printf '%A@ %p\n' | sort)" "$before"
}

none="0000000000000000 0000000000000000 0000000000000000"
read_only=$none
read_and_admin=$none
if [ "$(id -u)" -eq 0 ]; then
	read_only="0000000000000004 0000000000000004 0000000000000000"
	read_and_admin="0000000000200004 0000000000200004 0000000000000000"
fi

# ---- While it serves --------------------------------------------------------------

start_mount || exit 1
wait_complete
is "rights: to read, and to pass reads through" "$(rights "$daemon")" "$read_and_admin"
is "no new privileges" "$(field NoNewPrivs "$daemon")" 1
if has_filters; then
	is "its system calls are filtered" "$(field Seccomp "$daemon")" 2
	# Threads that were started since, too.
	is "those of all threads" "$(awk '$1 == "Seccomp:" { print $2 }' \
		"/proc/$daemon"/task/*/status | sort -u)" 2
else
	skip "its system calls are filtered" "built without libseccomp"
fi
keeper=$(child dicomfs-keeper | head -n 1)
is "the process that starts decoders has none" "$(rights "$keeper")" "$none"
helper=$(child dicomfs-helper | head -n 1)
is "there are two helpers" "$(child dicomfs-helper | wc -l)" 2
check "the index is its owner's alone" test "$(stat -c %a "$index")" = 600
if [ "$(id -u)" -eq 0 ]; then
	check "which can be looked at" test -e "/proc/$helper/fd/3"
	is "it has no files" "$(find "/proc/$helper/fd" -type l -printf '%l\n' | sort |
		grep -v -e '^/dev/null$' -e "^$scratch/log$" -e '^socket:')" ""
	# Written to by others, and by nobody: is it seen at once?
	# Also one that nobody else may read.
	small_dicom file "$scratch/one.dcm" 3 1 1
	small_dicom file "$scratch/two.dcm" 3 1 2
	chown 12345 "$scratch/one.dcm" "$scratch/two.dcm"
	chmod 000 "$scratch/two.dcm"
	appeared() {
		test "$(find "$mnt/patients" -name '*.dcm' | wc -l)" -eq 8
	}
	started=$(date +%s%N)
	mv "$scratch/one.dcm" "$scratch/two.dcm" "$store"
	wait_for 20 appeared
	note "files of somebody else, moved in: seen after $((($(date +%s%N) - started) / 1000000)) ms"
	check "files of others are taken in" appeared
	is "and are what they were" "$(find "$mnt/patients" -name '*.dcm' -exec sha256sum {} + | cut -c1-64 | sort)" \
		"$(find "$store" -type f -exec sha256sum {} + | cut -c1-64 | sort)"
	access_times
else
	skip "files of others are taken in" "only root"
fi
stop_mount
check_fails "no helper is left" kill -0 "$helper"

# ---- The scan before there is a mount --------------------------------------------------

small_dicom tree "$scratch/many" 50 5 20
"$dicomfs" -f -o "index=$scratch/index/many.sqlite,wait,threads=1" "$scratch/many" "$mnt" \
	>>"$scratch/log" 2>&1 &
daemon=$!
seen=
met=
for _ in $(seq 500); do
	scanner=$(child dicomfs)
	test -z "$scanner" || met=yes
	if [ -n "$scanner" ] && grep -q '^Seccomp:.*2' "/proc/$scanner/status" 2>/dev/null; then
		seen=$(rights "$scanner")
		break
	fi
	! mountpoint -q "$mnt" || break
	sleep 0.01
done
if [ -n "$seen" ]; then
	is "rights: to read" "$seen" "$read_only"
	kill -TERM "$daemon"
	wait "$daemon"
	is "a signal ends it" $? 1
	check "with a word" grep -q 'interrupted; what was indexed is kept' "$scratch/log"
	check_fails "and the process that scans" kill -0 "$scanner"
elif [ -n "$met" ] && has_filters; then
	fail "the scan before the mount is confined" "it was met, but never confined"
	kill -TERM "$daemon"
	wait "$daemon"
else
	skip "the scan before the mount is confined" "it was over too soon to be seen, or nothing is filtered"
	kill -TERM "$daemon"
	wait "$daemon"
fi
daemon=

# ---- Without passthrough ------------------------------------------------------------

start_mount no_passthrough || exit 1
wait_complete
is "rights: to read" "$(rights "$daemon")" "$read_only"
if [ "$(id -u)" -eq 0 ]; then
	access_times
fi
exec 9<"$(find "$mnt" -name '*.dcm' | head -n 1)"
stop_mount
exec 9<&-

# Whoever unmounts: the mount that is there afterwards is not ours.
start_mount no_passthrough || exit 1
if [ "$(id -u)" -eq 0 ]; then
	umount "$mnt"
else
	fusermount3 -u "$mnt"
fi
wait "$daemon"
is "unmounted by somebody else: it ends well" $? 0
daemon=

# Killed: nobody takes what is left for an empty folder.
start_mount || exit 1
helper=$(child dicomfs-helper | head -n 1)
kill -KILL "$daemon"
wait "$daemon" 2>/dev/null
daemon=
gone() {
	! kill -0 "$helper" 2>/dev/null
}
wait_for 10 gone
check "killed: the helper ends" gone
check_fails "and the folder is not empty, but broken" ls "$mnt"
umount -l "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"

# ---- In the background ---------------------------------------------------------------

if [ "$(id -u)" -eq 0 ] && ! [ -e /dev/log ]; then
	python3 - "$scratch/syslog" <<'PYTHON' &
import os, socket, sys
log = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
log.bind("/dev/log")
with open(sys.argv[1], "wb", 0) as out:
    while True:
        out.write(log.recv(4096).rstrip(b"\0\n") + b"\n")
PYTHON
	listener=$!
	wait_for 10 test -S /dev/log
	"$dicomfs" -o "index=$index,wait" "$store" "$mnt" 2>"$scratch/log"
	is "it goes into the background" $? 0
	daemon=$(pgrep -f "^$dicomfs -o index=$index,wait ")
	# Of which a warning is said.
	mv "$store" "$scratch/moved" && mkdir "$store"
	logged() {
		grep -q "dicomfs\[$daemon\]: " "$scratch/syslog"
	}
	wait_for 20 logged
	check "the system's log hears of it, from the daemon" logged
	note "$(cat "$scratch/syslog")"
	umount "$mnt"
	kill "$listener"
	wait "$listener" 2>/dev/null
	rm -f /dev/log
	daemon=
else
	skip "the system's log hears of it" "there is one, which is not for tests, or we are not root"
fi

# ---- Problems that are many ---------------------------------------------------------------

# SQLite sorts them in a file: where may it be?
if command -v python3 >/dev/null; then
	python3 - "$store" <<'PYTHON'
import os, sys
for folder in range(15):
    os.makedirs("%s/many-%02d" % (sys.argv[1], folder))
    for file in range(1000):
        with open("%s/many-%02d/damaged-file-with-a-long-name-%04d.dcm" % (sys.argv[1], folder, file), "wb") as out:
            out.write(b"\0" * 128 + b"DICM\2\0\0\0UL\4\0\xff")
PYTHON
	start_mount wait || exit 1
	is "fifteen thousand problems are all told" "$(grep -c damaged-file "$mnt/.dicomfs/problems.txt")" 15000
	check "and counted" grep -q '15000' "$mnt/.dicomfs/status.json"
	stop_mount
	rm -rf "$store"/many-*
fi

# ---- Folders of others ----------------------------------------------------------------

if [ "$(id -u)" -eq 0 ]; then
	mkdir -m 700 "$scratch/theirs"
	chown 12345 "$scratch/theirs"
	"$dicomfs" -f -o "index=$scratch/theirs/index.sqlite" "$store" "$mnt" >"$scratch/out" 2>&1
	is "an index in a folder of somebody else" $? 5
	note "$(cat "$scratch/out")"
	check "is refused with the reason" grep -q "index.*theirs' belongs to another user" "$scratch/out"
fi
