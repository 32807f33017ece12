#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A store that changes at random, readers on the mount, and a daemon that is
# killed at any moment: then the tree is what is in the store, exactly. See
# "crash-model --help"; DICOMFS_CRASH_SECONDS=3600 by hand, DICOMFS_CRASH_SEED=N again.

. "$(dirname "$0")/tools-lib.sh"
need_fuse

seconds=${DICOMFS_CRASH_SECONDS:-100}
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*address*) seconds=${DICOMFS_CRASH_SECONDS:-20} ;;
*) skip_all "other builds do this" ;;
esac

arguments=(--seconds "$seconds" --tiers "${tiers// /,}")
test -z "${DICOMFS_CRASH_SEED:-}" || arguments+=(--seed "$DICOMFS_CRASH_SEED")
mkdir "$scratch/run"
if python3 "$mount_tests/crash-model" "${arguments[@]}" "$scratch/run" "$dicomfs" >"$scratch/said" 2>&1; then
	pass "the tree is what is in the store"
	note "$(cat "$scratch/said")"
else
	fail "the tree is what is in the store" "$(cat "$scratch/said")"
	note "$(tail -n 20 "$scratch/run/log")"
fi
check_fails "no complaint of a sanitizer" grep -E \
	'ERROR: (Address|Leak)Sanitizer|runtime error' "$scratch/run/log"
