#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Pictures that are kept on disk: found again over remounts and lost indexes,
# never served damaged, foreign or old; and a full or wrong disk costs the cache
# only.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
export DICOMFS_DEBUG=cache

slice=$test_data/dicom-test-files/CT1_JLSL
test -f "$slice" || skip_all "the real files are missing"

count=12
cache=$scratch/cache
python3 "$mount_tests/copy-instance" "$slice" "$store" $count

sums() { # [MOUNTPOINT]
	(cd "${1:-$mnt}" && sha1sum patients/*/*/*/png/*.png)
}

kept() {
	find "$cache" -type f | wc -l
}

kept_is() {
	test "$(kept)" -eq "$1"
}

found() {
	grep -c 'disk: found' "$scratch/log"
}

fresh_mount() { # [OPTIONS]
	: >"$scratch/log"
	start_mount "wait,decode_ahead=0${1:+,$1}" || exit 1
}

fresh_mount
ls "$mnt"/patients/*/*/*/png >/dev/null 2>&1 || skip_all "JPEG-LS is not built in"
sums >"$scratch/plain"
is "all pictures" "$(wc -l <"$scratch/plain")" $count
is "nothing is kept unless asked for" "$(found)" 0
stop_mount

same() { # NAME
	sums >"$scratch/sums"
	check "$1: the pictures are the same" cmp "$scratch/plain" "$scratch/sums"
}

fresh_mount cache_dir="$cache"
same "first time"
is "first time: none was found" "$(found)" 0
wait_for 20 kept_is $count
is "all are kept" "$(kept)" $count
is "the folder is for its owner only" "$(stat -c %a "$cache")" 700
is "so are its folders and files" "$(find "$cache" -mindepth 1 -printf '%y%m\n' | sort -u | xargs)" \
	"d700 f600"
stop_mount

fresh_mount cache_dir="$cache"
same "again"
is "again: all were found" "$(found)" $count
stop_mount

rm -f "$index"*
fresh_mount cache_dir="$cache"
same "with a new index"
is "with a new index: all were found" "$(found)" $count
stop_mount

# Damage, in each of them in another way.
python3 - "$cache" <<'PYTHON'
import glob, os, sys
for number, path in enumerate(sorted(glob.glob(sys.argv[1] + "/??/*"))):
    size = os.path.getsize(path)
    with open(path, "r+b") as file:
        if number % 4 == 0:
            file.truncate(size // 2)
        else:
            file.seek([0, 0, 60, size - 1][number % 4])
            byte = file.read(1)
            file.seek(-1, 1)
            file.write(bytes([byte[0] ^ 1]))
PYTHON
fresh_mount cache_dir="$cache"
same "damaged"
is "damaged: none was taken" "$(found)" 0
wait_for 20 kept_is $count
stop_mount
fresh_mount cache_dir="$cache"
same "mended"
is "mended: all were found" "$(found)" $count
stop_mount

# Changed files: one is touched, one has other pixels and the old times. The
# times of the change itself cannot be set.
touch "$store/0001.dcm"
python3 - "$store/0002.dcm" <<'PYTHON'
import os, sys
name = sys.argv[1]
st = os.stat(name)
data = bytearray(open(name, "rb").read())
at = data.find(b"\x28\x00\x50\x10")
if at < 0:
    at = data.find(b"\x28\x00\x52\x10")
assert at > 0
size = data[at + 6] + data[at + 7] * 256
data[at + 8:at + 8 + size] = b"-500".ljust(size)
open(name, "r+b").write(data)
os.utime(name, ns=(st.st_atime_ns, st.st_mtime_ns))
PYTHON
fresh_mount cache_dir="$cache"
sums >"$scratch/sums"
is "changed: two were not taken" "$(found)" $((count - 2))
stop_mount
fresh_mount
sums >"$scratch/plain"
stop_mount
check "changed: the pictures are the new ones" cmp "$scratch/plain" "$scratch/sums"

# Two mounts at a time.
fresh_mount cache_dir="$cache"
mkdir "$scratch/mnt2"
"$dicomfs" -f -o "index=$scratch/index/2.sqlite,wait,cache_dir=$cache" "$store" "$scratch/mnt2" \
	>>"$scratch/log" 2>&1 &
second=$!
wait_for 60 mountpoint -q "$scratch/mnt2"
sums >"$scratch/sums" &
reader=$!
sums "$scratch/mnt2" >"$scratch/sums-2"
wait $reader
check "two mounts: the first" cmp "$scratch/plain" "$scratch/sums"
check "two mounts: the second" cmp "$scratch/plain" "$scratch/sums-2"
kill -TERM $second
wait $second
is "two mounts: the second ends well" $? 0
stop_mount

# The bound.
rm -rf "$cache"
fresh_mount cache_dir="$cache",cache_size=2M
same "little space"
sleep 0.5
stop_mount
check "the bound is kept" test "$(du -sk --apparent-size "$cache" | cut -f 1)" -le 2400
check "something is kept" test "$(kept)" -ge 4

# Killed in the middle.
rm -rf "$cache"
for pause in 0.05 0.1 0.15; do
	fresh_mount cache_dir="$cache"
	sums >"$scratch/sums" 2>/dev/null &
	reader=$!
	sleep $pause
	kill -KILL "$daemon"
	wait "$daemon" $reader 2>/dev/null
	lib_unmount "$mnt"
done
(umask 077 && : >"$cache/tmp-0123456789abcdef")
fresh_mount cache_dir="$cache"
same "killed"
wait_for 20 kept_is $count
is "killed: nothing is left over" "$(kept)" $count
stop_mount

# A full disk.
full=$scratch/full
mkdir "$full"
if [ "$(id -u)" -eq 0 ] && mount -t tmpfs -o size=700k,mode=700 none "$full" 2>/dev/null; then
	fresh_mount cache_dir="$full"
	same "full disk"
	sleep 0.3
	is "full disk: said once" "$(grep -c 'warning: cache_dir' "$scratch/log")" 1
	is "full disk: nothing unfinished" "$(find "$full" -name 'tmp-*' | wc -l)" 0
	stop_mount
	umount "$full"
else
	skip "full disk" "not root, or no tmpfs"
fi

# Places that are refused.
refused() { # NAME STATUS MESSAGE OPTIONS
	local output status
	output=$(timeout 20 "$dicomfs" -f -o "index=$index,$4" "$store" "$mnt" 2>&1)
	status=$?
	is "$1: exit status" $status "$2"
	contains "$1: message" "$output" "$3"
}
before=$(ls -R "$store")
refused "inside STORE" 5 "is inside STORE, which is never written" "cache_dir=$store/cache"
refused "STORE itself" 5 "is inside STORE, which is never written" "cache_dir=$store"
refused "inside MOUNTPOINT" 5 "is inside MOUNTPOINT" "cache_dir=$mnt/cache"
refused "around STORE" 5 "STORE is inside cache_dir" "cache_dir=$scratch"
is "the store is as it was" "$(ls -R "$store")" "$before"
mkdir -m 777 "$scratch/open"
chmod 777 "$scratch/open"
refused "open to all" 1 "writable for others" "cache_dir=$scratch/open"
: >"$scratch/file"
refused "a file" 1 "cannot be used: Not a directory" "cache_dir=$scratch/file"
refused "no such folder" 1 "cannot be made" "cache_dir=$scratch/no/such"
