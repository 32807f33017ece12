#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A mount ends soon, whatever goes on: while the kernel is told of changes, and
# while many look.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 4 2 6
busy=()

# Folders whose names come and go, and programs that look for names: the kernel
# locks a folder for each question, and to be told of a change.
be_busy() {
	local i
	(
		while test -d "$scratch/busy"; do
			for i in 1 2 3 4; do
				mv "$store/p$i" "$store/q$i" && mv "$store/q$i/s1" "$store/q$i/t1"
				sleep 0.02
				mv "$store/q$i/t1" "$store/q$i/s1" && mv "$store/q$i" "$store/p$i"
				rm -f "$store/p$i/s1/i1.dcm"
				sleep 0.02
				small_dicom file "$store/p$i/s1/i1.dcm" "$i" 1 1
			done
		done
	) 2>/dev/null &
	busy+=($!)
	for i in 1 2 3 4; do
		(
			while test -d "$scratch/busy"; do
				find "$mnt/patients" "$mnt/dates" -size +0 >/dev/null
				stat "$mnt/patients/absent-$RANDOM" "$mnt/accessions/absent-$RANDOM" >/dev/null
			done
		) 2>/dev/null &
		busy+=($!)
	done
}

has_ended() {
	! kill -0 "$daemon" 2>/dev/null || grep -q '^State:.Z' "/proc/$daemon/status" 2>/dev/null
}

# A signal at any moment of the start, most of them in that of the first scan: none is
# forgotten.
scans() {
	pgrep -P "$daemon" -x dicomfs >/dev/null
}
forgotten=0
rounds=0
for delay in $(seq -w 0 8 160) $(seq -w 0 4 80); do
	rm -f "$index"*
	"$dicomfs" -f -o "index=$index,wait" "$store" "$mnt" 2>>"$scratch/log" &
	daemon=$!
	rounds=$((rounds + 1))
	for _ in $(seq 300); do
		test $rounds -gt 20 && ! scans && ! mountpoint -q "$mnt" || break
	done
	sleep "0.$delay"
	kill -TERM "$daemon" 2>/dev/null
	wait_for 20 has_ended || {
		note "forgotten after $delay ms"
		forgotten=$((forgotten + 1))
		umount "$mnt" 2>/dev/null || kill -9 "$daemon"
	}
	wait "$daemon" 2>/dev/null
	! mountpoint -q "$mnt" || fail "after $delay ms: nothing is mounted"
done
is "signals that were forgotten while it starts" "$forgotten" 0
check "some came during the scan" grep -q 'interrupted; what was indexed is kept' "$scratch/log"
daemon=

mkdir "$scratch/busy"
be_busy
for round in 1 2 3 4 5 6 7 8; do
	start_mount || break
	wait_complete >/dev/null || break
	sleep 0.$((RANDOM % 10))
	kill -TERM "$daemon"
	wait_for 20 has_ended || {
		fail "round $round: it ends" "threads: $(cat /proc/"$daemon"/task/*/comm | sort | uniq -c | tr '\n' ' ')"
		# Who hangs in the kernel is let go of with the mount only.
		umount -f "$mnt" 2>/dev/null
		kill -9 "$daemon"
		break
	}
	wait "$daemon"
	is "round $round: it ends, and well" $? 0
	daemon=
done
rmdir "$scratch/busy"
wait "${busy[@]}"
check_fails "nothing is mounted any more" mountpoint -q "$mnt"
check_fails "no complaint of a sanitizer" grep -E \
	'WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error' "$scratch/log"
