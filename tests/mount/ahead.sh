#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Pictures that are opened in order are made ahead, in whatever order; others
# are not; and none is made twice or otherwise.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
export DICOMFS_DEBUG=cache

slice=$test_data/dicom-test-files/CT1_JLSL
loop=$test_data/pydicom/examples_ybr_color.dcm
test -f "$slice" && test -f "$loop" || skip_all "the real files are missing"

count=40
python3 "$mount_tests/copy-instance" "$slice" "$store" $count

# Opens the pictures of the folder, the first LIMIT in the given order, SECONDS
# after each other; prints a sum of each, by name.
open_in_order() { # ORDER LIMIT SECONDS
	python3 - "$mnt" "$@" <<'PYTHON'
import glob, hashlib, os, random, sys, time
mnt, order, limit, pause = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
folder = glob.glob(mnt + "/patients/*/*/*/png")[0]
entries = list(os.scandir(folder))
if order == "name":
    entries.sort(key=lambda e: e.name)
elif order == "backward":
    entries.sort(key=lambda e: e.name, reverse=True)
elif order == "inode":
    entries.sort(key=lambda e: e.inode())
elif order == "every-fifth":
    entries.sort(key=lambda e: e.name)
    entries = entries[::5] + entries[2::5]
sums = {}
for entry in entries[:limit]:
    with open(entry.path, "rb") as file:
        sums[entry.name] = hashlib.sha1(file.read()).hexdigest()
    time.sleep(pause)
for name, value in sorted(sums.items()):
    print(name, value)
PYTHON
}

made() {
	grep -c 'made kind .* done$' "$scratch/log"
}

at_least() {
	test "$(made)" -ge "$1"
}

fresh_mount() { # [OPTIONS]
	: >"$scratch/log"
	start_mount "wait${1:+,$1}" || exit 1
}

fresh_mount
if ! ls "$mnt"/patients/*/*/*/png >/dev/null 2>&1; then
	skip_all "JPEG-LS is not built in"
fi
stop_mount

fresh_mount decode_ahead=0
open_in_order name $count 0 >"$scratch/plain"
is "all pictures" "$(wc -l <"$scratch/plain")" $count
is "none is made ahead with decode_ahead=0" "$(made)" $count
stop_mount

for order in name backward listed inode; do
	fresh_mount decode_ahead=6
	open_in_order $order 8 0.05 >/dev/null
	wait_for 20 at_least 14
	sleep 0.3
	is "$order: six more than eight are made" "$(made)" 14
	open_in_order $order $count 0 >"$scratch/sums"
	check "$order: the pictures are the same" cmp "$scratch/plain" "$scratch/sums"
	is "$order: each is made once" "$(made)" $count
	stop_mount
done

fresh_mount
open_in_order name 1 0.3 >/dev/null
is "a single one is no pattern" "$(made)" 1
open_in_order every-fifth 16 0.05 >/dev/null
# Some are neighbours in one of the orders by chance.
check "every fifth is no pattern" test "$(made)" -le 20
note "made $(made) for 16"
stop_mount

# 0.25 MiB a picture: no room for what nobody has asked for.
fresh_mount cache_memory=1000k,decode_ahead=6
open_in_order name $count 0.02 >"$scratch/sums"
check "little memory: the pictures are the same" cmp "$scratch/plain" "$scratch/sums"
is "little memory: nothing is made that is thrown away" "$(made)" $count
stop_mount

# 4 pictures may be ahead, not 6.
fresh_mount cache_memory=4800k,decode_ahead=6
open_in_order name 10 0.1 >/dev/null
wait_for 30 at_least 14
sleep 0.3
is "no more is made than the cache can hold" "$(made)" 14
open_in_order name $count 0 >"$scratch/sums"
check "a full cache: the pictures are the same" cmp "$scratch/plain" "$scratch/sums"
stop_mount

fresh_mount decode_ahead=4,threads=1
open_in_order name 8 0.1 >/dev/null
wait_for 20 at_least 12
is "one thread makes ahead too" "$(made)" 12
stop_mount

fresh_mount
for i in 1 2 3 4 5 6; do
	open_in_order "$(test $((i % 2)) -eq 0 && echo name || echo inode)" $count 0 \
		>"$scratch/sums-$i" &
done
wait $(jobs -p | grep -vx "$daemon")
is "six readers agree" "$(sort -u "$scratch"/sums-? | cmp - "$scratch/plain" && echo yes)" yes
is "six readers: each is made once" "$(made)" $count
stop_mount

# Who does not want to wait for the open is not made to, and reads the same.
fresh_mount decode_ahead=0
check "opened without waiting" python3 - "$mnt" "$scratch/log" <<'PYTHON'
import glob, os, sys
names = sorted(glob.glob(sys.argv[1] + "/patients/*/*/*/png/*.png"))[:6]
fds = [os.open(n, os.O_RDONLY | os.O_NONBLOCK) for n in names]
assert all(os.fstat(fd).st_size > 1000 for fd in fds)
assert "made kind" not in open(sys.argv[2]).read()
late = [os.pread(fd, 1 << 20, 0) for fd in fds]
assert all(len(data) == os.fstat(fd).st_size for data, fd in zip(late, fds))
assert late == [open(n, "rb").read() for n in names]
PYTHON
stop_mount

# The end in the middle of it.
fresh_mount decode_ahead=64
open_in_order name 12 0 >/dev/null
stop_mount

# Frames.
rm -f "$store"/*
cp "$loop" "$store"
fresh_mount decode_ahead=6
frames=$(echo "$mnt"/patients/*/*/*/png/*)
for i in 3 4 5 6 7 8 9 10; do
	cat "$frames/00$(printf %02d $i).png" >/dev/null
	sleep 0.05
done
wait_for 20 at_least 14
sleep 0.2
is "frames are made ahead" "$(made)" 14
stop_mount
