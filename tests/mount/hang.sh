#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A store that does not answer stops only those who read it: they can be
# killed, listings go on, and the mount can be ended. The store here is a mount
# of dicomfs itself, whose daemon is stopped.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
# The last daemon leaves threads behind that nothing can end: that is the test.
export TSAN_OPTIONS="${TSAN_OPTIONS:-} report_thread_leaks=0"

small_store 1 1 6
start_mount wait || exit 1
inner=$daemon
inner_mnt=$mnt
store=$(ls -d "$mnt"/patients/*/*/*/dcm)
mnt=$scratch/outer
index=$scratch/outer-index/index.sqlite
mkdir -p "$mnt" "$scratch/outer-index"
start_mount wait || exit 1
series=$(ls -d "$mnt"/patients/*/*/*/)
one=$(ls "$series"/dcm/*.dcm | head -n 1)
check "it works" walk read "$series"
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null
find "$mnt" -ls >/dev/null

kill -STOP "$inner"
mapfile -t files < <(find "$series" -type f)
readers=()
for file in "${files[@]}"; do
	cat "$file" >/dev/null 2>&1 &
	readers+=($!)
	disown
done
sleep 0.5
check "listing goes on" timeout 20 ls -lR "$mnt"
check "so do the reports" timeout 20 cat "$mnt/.dicomfs/problems.txt"
kill -KILL "${readers[@]}" 2>/dev/null
for pid in "${readers[@]}"; do
	wait_for 10 test ! -d "/proc/$pid"
done
gone=0
for pid in "${readers[@]}"; do
	test -d "/proc/$pid" || gone=$((gone + 1))
done
is "waiting readers can be killed" $gone ${#readers[@]}

kill -CONT "$inner"
wait_for 20 cat "$one"
check "it works again" walk read -j 8 "$series"

# The end with a dead store.
echo 3 >/proc/sys/vm/drop_caches 2>/dev/null
kill -STOP "$inner"
cat "$one" >/dev/null 2>&1 &
reader=$!
sleep 0.3
kill -TERM "$daemon"
wait_for 60 test ! -d "$mnt/patients"
check_fails "the mount ends although the store hangs" mountpoint -q "$mnt"
kill -CONT "$inner"
wait "$daemon"
is "the daemon ended" $? 0
wait "$reader"
daemon=$inner
mnt=$inner_mnt
stop_mount
