#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Many readers at once, readers that are killed, little memory, and ends in the
# middle of all that.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 2 2 10
for i in $(seq 24); do
	small_dicom file "$store/large-$i.dcm" 7 1 "$i" "$i" 1 1024
done
start_mount wait,cache_memory=4M || exit 1

# Found without asking the mount itself: see mount_device() in fs/session.c.
device=$(awk -v at="$mnt" '$5 == at { device = $3 } END { print device }' /proc/self/mountinfo)
if [ "$(id -u)" -ne 0 ]; then
	skip "the kernel reads ahead in large steps" "not root"
elif [ ! -w "/sys/class/bdi/$device/read_ahead_kb" ]; then
	skip "the kernel reads ahead in large steps" "/sys is read-only"
else
	is "the kernel reads ahead in large steps" "$(cat "/sys/class/bdi/$device/read_ahead_kb")" 1024
fi
check "64 readers" walk read -j 64 -r "$mnt"

# The same file by many.
large=$(find "$mnt/patients" -name '*.png' -size +1M | head -n 1)
for i in $(seq 30); do
	sha1sum <"$large" >>"$scratch/sums" &
done
wait $(jobs -p | grep -vx "$daemon")
is "30 readers of one picture agree" "$(sort -u "$scratch/sums" | wc -l)" 1

# Handles that are kept open beyond the memory there is.
check "pictures beyond the cache can be read" python3 - "$mnt" <<'PYTHON'
import glob, os, sys
names = sorted(glob.glob(sys.argv[1] + "/patients/*/*/*/png/*.png"))
large = [n for n in names if os.stat(n).st_size > 1 << 20]
assert len(large) == 24, len(large)
fds = [os.open(n, os.O_RDONLY) for n in large]
first = [os.pread(fd, 2 << 20, 0) for fd in fds]
os.posix_fadvise(fds[-1], 0, 0, os.POSIX_FADV_DONTNEED)
again = [os.pread(fd, 2 << 20, 0) for fd in reversed(fds)]
assert first == again[::-1]
assert all(len(d) == os.fstat(fd).st_size for d, fd in zip(first, fds))
PYTHON

# Readers that are killed.
for i in $(seq 40); do
	{
		timeout -s KILL "0.$((RANDOM % 90 + 10))" \
			python3 "$mount_tests/walk" read -j 8 "$mnt"
		true
	} >/dev/null 2>&1 &
done
wait $(jobs -p | grep -vx "$daemon")
check "still alive" walk read -j 8 "$mnt"

if [ -z "${DICOMFS_SANITIZERS:-}" ] || [ "$DICOMFS_SANITIZERS" = no ]; then
	peak=$(awk '/VmHWM/ { print $2 }' "/proc/$daemon/status")
	note "peak memory $peak kB"
	check "memory is bounded" test "$peak" -lt 65536
else
	skip "memory is bounded" "sanitizers take more"
fi

# The end while everybody reads.
walk read -j 16 "$mnt" >/dev/null 2>&1 &
reader=$!
sleep 0.2
stop_mount
wait "$reader"
check "the reader ended" true

start_mount wait || exit 1
walk read -j 16 "$mnt" >/dev/null 2>&1 &
reader=$!
sleep 0.2
umount -l "$mnt"
wait "$reader"
wait "$daemon"
is "umount ends the daemon" $? 0
daemon=
