#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Small files that ask for much (make-bombs lists them) in one store: each costs
# bounded time and memory, says what is wrong with it, and hurts no other.
#
#   DICOMFS_BOMBS=huge      as large as what they aim at needs

. "$(dirname "$0")/mount-lib.sh"
need_fuse
bound=640 # MiB, of all processes together: about 480, when they come as here
patience=60
make="python3 $mount_tests/make-bombs"
sanitized=no
nm -D "$dicomfs" 2>/dev/null | grep -q '__[at]san_init' && sanitized=yes
test $sanitized = no || patience=300

mapfile -t names < <($make --list)
case ${DICOMFS_BOMBS:-} in
huge) make="$make --huge" bound=1300 patience=300 ;;
*) names=("${names[@]/deflated-beyond/}") ;; # seconds of inflating
esac
check "bombs" $make "$store" ${names[*]}
small_dicom file "$store/good.dcm" 900 1 1 1 1 64

has_codec() { # NAME
	"$dicomfs" --version | grep -q "^$1"
}
png_of() { # NAME: of its first frame, or one of its name
	local found
	found=$(echo "$mnt"/patients/"Bomb, $1 "*/*/*/png/*.png)
	test -e "$found" || found=$(echo "$mnt"/patients/"Bomb, $1 "*/*/*/png/*/${2:-0001}.png)
	echo "$found"
}
reason() { # NAME
	awk -F '\t' -v name="$1.dcm" '$1 == name { print $2 ": " $3 }' "$mnt/.dicomfs/problems.txt"
}
good() {
	timeout "$patience" sha256sum "$mnt"/patients/*900*/*/*/*/*.{dcm,json,png} | cut -d' ' -f1
}

ulimit -n 1024
start_mount || exit 1
python3 -B - "$mount_tests" "$daemon" "$scratch/peak" <<'PYTHON' &
import signal, sys
sys.path.insert(0, sys.argv[1])
from hostile_memory import Memory
signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
memory = Memory(int(sys.argv[2]), 0.02)
memory.start()
signal.sigwait([signal.SIGTERM])
with open(sys.argv[3], "w") as file:
    print(memory.peak // 1024, file=file)
PYTHON
watcher=$!
wait_complete $((patience * 5)) && kill -0 "$daemon" || {
	fail "the scan comes to its end" "$(tail -n 20 "$scratch/log")"
	exit 1
}
is "all are seen" "$(status_number files)" "$(find "$store" -type f | wc -l)"
expected=$(good)
is "a good file among them" "$(echo "$expected" | wc -l)" 3

# ---- Each says what is wrong ---------------------------------------------------------

# NAME, what opening its picture (or frame) gives, none: there is no picture; the reason
# in problems.txt, "-": nothing is wrong; the codec it needs; in which mode only.
while IFS='|' read -r name picture text needs mode; do
	test -z "$mode" || test "$mode" = "${DICOMFS_BOMBS:-small}" || continue
	test -e "$store/$name.dcm" || continue
	if [ -n "$needs" ] && ! has_codec "$needs"; then
		skip "$name" "no $needs"
		continue
	fi
	png=$(png_of "$name" "$(case $picture in *:*) echo "${picture#*:}" ;; esac)")
	got=none
	if [ -e "$png" ]; then
		began=$(date +%s%N)
		if timeout "$patience" cat "$png" >/dev/null 2>"$scratch/error"; then
			got=ok
		elif grep -q 'Input/output error' "$scratch/error"; then
			got=eio
		else
			got="error: $(cat "$scratch/error")"
		fi
		note "$name: $(stat -c %s "$store/$name.dcm") bytes, $(((
			$(date +%s%N) - began) / 1000000)) ms"
	fi
	is "$name: its picture" "$got" "${picture%:*}"
	if [ "$text" = - ]; then
		is "$name: nothing is wrong" "$(reason "$name")" ""
	else
		contains "$name: the reason" "$(reason "$name")" "$text"
	fi
	for json in "$mnt"/patients/"Bomb, $name "*/*/*/json/*.json; do
		test ! -e "$json" || timeout "$patience" cat "$json" >/dev/null ||
			fail "$name: its .json can be read"
	done
	is "$name: others are what they were" "$(good)" "$expected"
done <<'TABLE'
deflated-value|none|JSON is larger than the 67108864 bytes of max_json
deflated-beyond|none|deflated data set is larger than 2147483648 bytes
deflated-pixels|ok|JSON is larger than the 67108864 bytes of max_json
deflated-elements|none|-||small
deflated-elements|none|JSON is larger than the 67108864 bytes of max_json||huge
deflated-frame|ok|-
nested-undefined|none|sequences are nested more than the 64 deep of max_depth
nested-explicit|none|sequences are nested more than the 64 deep of max_depth
giga-native|none|65535 x 65535 pixels are more than the 268435456 of max_pixels
giga-rle|none|65535 x 65535 pixels are more than the 268435456 of max_pixels
giga-jpeg|none|65535 x 65535 pixels are more than the 268435456 of max_pixels
giga-jpeg-ls|none|65535 x 65535 pixels are more than the 268435456 of max_pixels|CharLS
giga-j2k|none|65535 x 65535 pixels are more than the 268435456 of max_pixels|OpenJPEG
giga-jxl|none|65535 x 65535 pixels are more than the 268435456 of max_pixels|libjxl
false-jpeg|eio|the codestream has 65535 x 65535 pixels, the header 512 x 512
false-jpeg-ls|eio|the codestream has 65535 x 65535 pixels, the header 512 x 512|CharLS
false-j2k|eio|the codestream has 65535 x 65535 pixels, the header 512 x 512|OpenJPEG
false-j2k-4-giga|eio|the codestream has 4294967280 x 4294967280 pixels|OpenJPEG
false-jxl|eio|the codestream has 2 x 2 pixels, the header 512 x 512|libjxl
black-jpeg-ls|ok|-|CharLS
black-rle|ok|-
black-rle-frames|ok:0024|-
small-rle|ok|-
j2k-precincts|eio|precincts for|OpenJPEG
frames-2-31-less-1|none|pixel data has 64 bytes, but frame
frames-2-31|none|pixel data has 64 bytes, but frame
frames-12-digits|none|pixel data has 64 bytes, but frame
frames-2-31-less-1-rle|none|2147483647 frames are more than
frames-2-31-rle|none|2147483648 frames are more than
frames-promised|eio:0004|pixel data has 128 bytes, but frame
palette|ok|-
many-values|none|-
escapes|none|-
elements|none|-||small
elements|none|more than the 16777216 elements of max_elements||huge
private-blocks|none|-
empty-items|none|-
offset-table|eio:1000000|1000000 frames, but 1 codestreams
extended-table|eio:1000000|1000000 frames, but 1 codestreams
fragments-of-nothing|eio|frame 1 has no bytes
icc|ok|-
overlays|ok|-
character-sets|none|-
TABLE

# What OpenJPEG makes of nothing differs between its versions: a picture or a reason.
for name in black-j2k black-j2k-rgb j2k-blocks; do
	has_codec OpenJPEG || continue
	timeout "$patience" cat "$(png_of "$name")" >/dev/null 2>&1
	is "$name: a picture or a reason" $? "$(test -n "$(reason "$name")" && echo 1 || echo 0)"
	note "$(reason "$name")"
done

# ---- An error of open, and the right colours ------------------------------------------

check "a frame that is not there is an error of open" python3 - "$(png_of frames-promised 0003)" <<'PYTHON'
import errno, os, sys
try:
    os.open(sys.argv[1], os.O_RDONLY)
except OSError as e:
    sys.exit(e.errno != errno.EIO)
sys.exit(1)
PYTHON
check "indices beyond a palette have its last colour" python3 - "$(png_of palette)" <<'PYTHON'
import sys, zlib
data, at, pixels = open(sys.argv[1], "rb").read(), 8, b""
while at < len(data):
    size = int.from_bytes(data[at:at + 4], "big")
    if data[at + 4:at + 8] == b"IDAT":
        pixels += data[at + 8:at + 8 + size]
    at += 12 + size
raw = zlib.decompress(pixels)
rows = b"".join(raw[y * 49 + 1:y * 49 + 49] for y in range(16))
colours = [rows[i:i + 3] for i in range(0, len(rows), 3)]
assert colours[0] == bytes([0x11, 0x22, 0x33]), colours[0].hex()
assert set(colours[1:]) == {bytes([0x22, 0x44, 0x66])}, {c.hex() for c in colours[1:]}
PYTHON

# ---- What it cost -----------------------------------------------------------------------

check "the daemon is alive" kill -0 "$daemon"
check "everything but the frames is listed" \
	find "$mnt" -name png -prune -o -print
kill "$watcher"
wait "$watcher"
note "at most $(cat "$scratch/peak") MiB"
if [ $sanitized = yes ]; then
	skip "memory" "a sanitizer takes most of it"
else
	check "at most $bound MiB of memory" test "$(cat "$scratch/peak")" -lt "$bound"
fi
check_fails "no decoder crashed" grep 'the decoder crashed' "$scratch/log"
stop_mount

# ---- Other limits ---------------------------------------------------------------------

store=$scratch/few
index=$scratch/index/few.sqlite
check "bombs for other limits" $make "$store" nested-explicit empty-items frames-promised
start_mount wait || exit 1
is "within the limits" "$(reason empty-items)" ""
stop_mount
got=$("$dicomfs" -o "index=$index,max_depth=8" "$store" "$mnt" 2>&1)
contains "another limit has another index" "$got" "is for other options"
index=$scratch/index/fewer.sqlite
start_mount wait,max_depth=8 || exit 1
contains "max_depth" "$(reason nested-explicit)" \
	"damaged: sequences are nested more than the 8 deep of max_depth"
stop_mount
index=$scratch/index/elements.sqlite
start_mount wait,max_elements=10 || exit 1
contains "max_elements" "$(reason frames-promised)" \
	"damaged: more than the 10 elements of max_elements"
stop_mount
index=$scratch/index/pixels.sqlite
start_mount wait,max_pixels=63 || exit 1
contains "max_pixels" "$(reason frames-promised)" \
	"no-png: no .png: 8 x 8 pixels are more than the 63 of max_pixels"
stop_mount

# ---- Those that wait for memory keep nobody waiting ---------------------------------------

store=$scratch/queue
index=$scratch/index/queue.sqlite
check "large pictures and a small one" $make "$store" black-rle-frames small-rle
start_mount wait,threads=2,decode_memory=64M,decode_ahead=0 || exit 1
for frame in "$mnt"/patients/"Bomb, black-rle-frames "*/*/*/png/*/*.png; do
	cat "$frame" >/dev/null &
	readers+=($!)
done
left() {
	local reader count=0
	for reader in "${readers[@]}"; do
		kill -0 "$reader" 2>/dev/null && count=$((count + 1))
	done
	echo $count
}
some_are_read() {
	test "$(left)" -lt ${#readers[@]}
}
wait_for "$patience" some_are_read
check "a small picture" timeout "$patience" cat "$(png_of small-rle)"
left=$(left)
check "it comes before $left of ${#readers[@]} large ones that were asked for earlier" \
	test "$left" -gt 4
for reader in "${readers[@]}"; do
	wait "$reader" || fail "a large picture is read"
done
stop_mount
check_fails "less than pictures are made by" "$dicomfs" -o max_depth=7 "$store" "$mnt"
