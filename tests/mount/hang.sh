#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A store that does not answer stops only those who read it: they can be
# killed, listings go on, and the mount can be ended; in both tiers. The store
# here is a mount of dicomfs itself, whose daemon is stopped.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
# The last daemon leaves threads behind that nothing can end: that is the test.
export TSAN_OPTIONS="${TSAN_OPTIONS:-} report_thread_leaks=0"

small_store 1 1 4
for i in 5 6; do
	small_dicom file "$store/large-$i.dcm" 1 1 $i 1 1 400
done
inner_store=$store
inner_mnt=$mnt
inner_index=$index

hang() { # TIER OPTIONS
	local tier=$1 inner series one files=() readers=() file pid gone reader

	store=$inner_store
	mnt=$inner_mnt
	index=$inner_index
	# Not passed through itself, so that it can be what is passed through to.
	start_mount wait,no_passthrough || exit 1
	inner=$daemon
	store=$(ls -d "$mnt"/patients/*/*/*/dcm)
	mnt=$scratch/outer
	index=$scratch/outer-index-$tier/index.sqlite
	mkdir -p "$mnt" "$(dirname "$index")"
	start_mount "wait$2" || exit 1
	series=$(ls -d "$mnt"/patients/*/*/*/)
	one=$(ls "$series"/dcm/*.dcm | head -n 1)
	check "$tier: it works" walk read "$series"
	find "$mnt" -ls >/dev/null

	kill -STOP "$inner"
	mapfile -t files < <(find "$series" -type f)
	for file in "${files[@]}"; do
		# Past what the kernel has of it.
		dd if="$file" of=/dev/null bs=1M iflag=direct >/dev/null 2>&1 &
		readers+=($!)
		disown
	done
	sleep 0.5
	check "$tier: listing goes on" timeout 60 ls -lR "$mnt"
	check "$tier: so do the reports" timeout 60 cat "$mnt/.dicomfs/problems.txt"
	kill -KILL "${readers[@]}" 2>/dev/null
	for pid in "${readers[@]}"; do
		wait_for 20 test ! -d "/proc/$pid"
	done
	gone=0
	for pid in "${readers[@]}"; do
		test -d "/proc/$pid" || gone=$((gone + 1))
	done
	is "$tier: waiting readers can be killed" $gone ${#readers[@]}

	kill -CONT "$inner"
	wait_for 60 cat "$one"
	check "$tier: it works again" walk read -j 8 "$series"

	# The end with a dead store.
	kill -STOP "$inner"
	dd if="$one" of=/dev/null bs=1M iflag=direct >/dev/null 2>&1 &
	reader=$!
	sleep 0.3
	kill -TERM "$daemon"
	wait_for 60 test ! -d "$mnt/patients"
	check_fails "$tier: the mount ends although the store hangs" mountpoint -q "$mnt"
	kill -CONT "$inner"
	wait "$daemon"
	is "$tier: the daemon ended" $? 0
	wait "$reader"
	daemon=$inner
	mnt=$inner_mnt
	stop_mount
}

hang passthrough ""
hang copy ,no_passthrough
