#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The index's disk fills up in the middle of the first scan: the mount lives,
# says what it has, and goes on when there is room again.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
small=$scratch/small
mkdir "$small"
mount -t tmpfs -o size=600k,mode=700 none "$small" 2>/dev/null ||
	skip_all "cannot mount a tmpfs"
trap 'mount_end; umount -l "$small"' EXIT
index=$small/index.sqlite

small_store 20 2 50
start_mount || exit 1
check "the log names the reason" wait_for 60 grep -q "No space left on device" "$scratch/log"
check "the status can be read" wait_for 20 grep -q '"state"' "$mnt/.dicomfs/status.json"
check_fails "it is not complete" is_complete
check "every file that is there is as long as stat says" walk read -r "$mnt"

mount -o remount,size=64m "$small"
check "asked for a scan" "$top_builddir/dicomfs-index" --index="$index" -q "$store"
check "complete" is_complete
is "every instance" "$(status_number in_tree)" 2000
check "every file is as long as stat says, at the end" walk read -r "$mnt"
stop_mount
