#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Pictures are decoded in processes that have given up everything: what they may
# still do, what happens when one dies, and that none is left behind.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
small_store 1 1 3
data=${DICOMFS_TEST_DATA:-$top_srcdir/../shared/data}
real=$data/dicom-test-files
test -d "$real" || skip_all "there are no compressed pictures without the test data"
cp "$real"/{MR1_RLE,MR1_J2KR,SC1_J2KR,MR4_JLSL} "$store/"

keeper() {
	pgrep -P "$daemon" -x dicomfs-keeper
}
decoders() {
	local keeper
	keeper=$(keeper) && pgrep -P "$keeper" -x dicomfs-decode
}
field() { # NAME PID
	awk -v name="$1:" '$1 == name { print $2 }' "/proc/$2/status"
}
pictures() {
	find "$mnt/patients" -path '*/png/*' -name '*.png' | sort
}

start_mount wait || exit 1
mapfile -t files < <(pictures)
is "pictures" "${#files[@]}" 7
sha256sum "${files[@]}" >"$scratch/sums"
one=$(decoders | head -n 1)
count=$(decoders | wc -l)
check "there is a process that decodes" test -n "$one"
note "confined by: $("$dicomfs" --version | sed -n 's/^confined by //p')"

# ---- What it has ---------------------------------------------------------------

is "no capabilities" "$(field CapEff "$one") $(field CapPrm "$one")" "0000000000000000 0000000000000000"
is "no new privileges" "$(field NoNewPrivs "$one")" 1
case $("$dicomfs" --version) in
*seccomp*) is "its system calls are filtered" "$(field Seccomp "$one")" 2 ;;
*) skip "its system calls are filtered" "built without libseccomp" ;;
esac
if [ "$(id -u)" -eq 0 ]; then
	is "no file, nothing of the daemon's" "$(
		for fd in "/proc/$one/fd"/*; do readlink "$fd"; done | sed 's/[0-9]*]$//' | sort -u |
			grep -v -e '^/dev/null$' -e "^$scratch/log$"
	)" "/memfd:dicomfs-decode (deleted)
socket:["
else
	skip "no file, nothing of the daemon's" "only root sees it"
fi
is "first to go when memory runs out" "$(cat "/proc/$one/oom_score_adj")" 1000
is "not so who starts them" "$(cat "/proc/$(keeper | head -n 1)/oom_score_adj")" \
	"$(cat "/proc/$daemon/oom_score_adj")"
check "no core of it" grep -q '^Max core file size  *0  *0 ' "/proc/$one/limits"
check "no core of the daemon" grep -q '^Max core file size  *0  *0 ' "/proc/$daemon/limits"

# ---- When it dies ---------------------------------------------------------------

stop_mount
start_mount wait,cache_memory=1M,no_passthrough,decode_ahead=0 || exit 1
mapfile -t files < <(pictures)
for round in 1 2 3; do
	kill -9 $(decoders)
	sleep 0.5 # until they have gone
	sha256sum "${files[@]}" >"$scratch/again" 2>&1
	check "killed while idle, $round: nothing is missed" cmp "$scratch/sums" "$scratch/again"
done

# In the middle of a picture: that one fails, with a reason; the next reader has it.
failed=no
for ((i = 0; i < 200; i++)); do
	(
		sleep "0.00$((RANDOM % 9 + 1))"
		kill -9 $(decoders) 2>/dev/null
	) &
	killer=$!
	for file in "${files[@]}"; do
		cat "$file" >/dev/null 2>"$scratch/error" || {
			failed=$file
			break
		}
	done
	wait "$killer"
	test "$failed" = no || break
done
if [ "$failed" = no ]; then
	skip "a decoder dies in the middle of a picture" "it never did"
else
	check "a picture whose decoder dies is an error" grep -q 'Input/output error' "$scratch/error"
	check "the log says why" grep -q 'png: the decoder crashed (SIGKILL)' "$scratch/log"
	check "it is among the problems" wait_for 10 grep -q 'the decoder crashed' "$mnt/.dicomfs/problems.txt"
	is "its next reader has it" "$(sha256sum "$failed")" "$(grep -F "  $failed" "$scratch/sums")"
fi
sha256sum "${files[@]}" >"$scratch/again" 2>&1
check "all others are what they were" cmp "$scratch/sums" "$scratch/again"
is "as many as before" "$(decoders | wc -l)" "$count"

# ---- None is left --------------------------------------------------------------

gone() { # PID...
	local pid
	for pid in "$@"; do
		test ! -d "/proc/$pid" || return 1
	done
}
all="$(keeper) $(decoders)"
stop_mount
check "none is left after the mount" wait_for 5 gone $all

start_mount wait || exit 1
all="$(keeper) $(decoders)"
kill -9 "$daemon"
wait "$daemon" 2>/dev/null
check "nor when the daemon is killed" wait_for 5 gone $all
umount -f "$mnt" 2>/dev/null || fusermount3 -u -z "$mnt"
daemon=

"$top_builddir/dicomfs-index" --quiet -o png_level=1 \
	--index="$scratch/index/level.sqlite" "$store" &
daemon=$!
all=
while test -z "$all" && kill -0 "$daemon" 2>/dev/null; do
	all=$(keeper)
done
check "dicomfs-index has them, too" test -n "$all"
wait "$daemon"
is "it ends well" $? 0
daemon=
check "nor is one left of it" wait_for 5 gone $all
