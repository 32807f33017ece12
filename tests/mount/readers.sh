#!/bin/bash
# SPDX-License-Identifier: MIT
#
# 64 readers for a while, some killed as they read: all bytes are right, and
# afterwards the daemon holds what it held before. DICOMFS_READERS_SECONDS says
# how long, 10 seconds unless told.

. "$(dirname "$0")/tools-lib.sh"
need_fuse

seconds=${DICOMFS_READERS_SECONDS:-10}
sanitized=no
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*)
	sanitized=yes
	seconds=${DICOMFS_READERS_SECONDS:-4}
	;;
esac

# The start is when every thread has worked and the cache is full.
warm_up=$((seconds / 4 > 3 ? seconds / 4 : 3))

# Below everybody else's, not to starve the tests that run beside this one.
crowd() {
	nice -n 10 python3 "$mount_tests/crowd" "$@"
}

# Sets $held_store, _memory, _other, _threads, _kb, of what is held when all is
# closed: the kernel tells of that when it likes.
measure() {
	test "$(id -u)" -ne 0 || echo 2 >/proc/sys/vm/drop_caches
	wait_for 60 nothing_open
	read -r held_store held_memory held_other held_threads held_kb \
		< <(crowd --daemon "$daemon" "$store")
	note "$1: $held_store files of the store, $held_memory memory files," \
		"$held_other other descriptors, $held_threads threads, $held_kb kB"
}

nothing_open() {
	test "$(crowd --daemon "$daemon" "$store" | cut -d' ' -f1)" -eq 0
}

crowd_is_right() { # SECONDS
	crowd 64 "$1" "$mnt/patients" "$reference" >"$scratch/crowd"
	is "64 readers for $1 seconds find nothing wrong" $? 0
	note "$(tail -n 10 "$scratch/crowd")"
}

mixed_store
derived=
for tier in $tiers; do
	note "$tier"
	mount_tier "$tier" cache_memory=8M || exit 1
	test -d "$reference" || make_reference
	derived=$(grep -zvc '\.dcm$' "$scratch/names")

	crowd_is_right $warm_up
	measure "before"
	is "before: no file of the store is open" "$held_store" 0
	other=$held_other threads=$held_threads kb=$held_kb
	crowd_is_right "$seconds"
	measure "after"
	is "no file of the store is open" "$held_store" 0
	check "memory files: at most one for each that can be kept, and reports" \
		test "$held_memory" -le $((derived + 8))
	# Connections to the index, of three descriptors, are opened when a thread first
	# needs one: eight threads for a slow disk may not have needed any before.
	check "descriptors are back at $other, give or take 32" test "$held_other" -le $((other + 32))
	check "threads are back at $threads, give or take 8" test "$held_threads" -le $((threads + 8))
	if [ $sanitized = yes ]; then
		skip "memory is back" "sanitizers keep more"
	else
		# The allocator keeps some.
		check "memory is back at $kb kB, give or take 64 MB" test "$held_kb" -le $((kb + 65536))
	fi
	check "the mount is alive" crowd 4 1 "$mnt/patients" "$reference"
	stop_mount
done
