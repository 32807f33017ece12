#!/bin/bash
# SPDX-License-Identifier: MIT
#
# A store of damaged files: all of it is indexed and read to the last byte by several
# readers, under limits. Nothing but the damaged files suffers: sizes are right,
# listing goes on, and memory, descriptors and processes stay bounded.
#
#   DICOMFS_HOSTILE_FILES=20000     so many instead of 600
#   DICOMFS_HOSTILE_SEED=7          others
#   DICOMFS_HOSTILE_STORE=FOLDER    a store that is there

. "$(dirname "$0")/mount-lib.sh"
need_fuse
count=${DICOMFS_HOSTILE_FILES:-600}
seed=${DICOMFS_HOSTILE_SEED:-1}
bound=500 # MiB, of all processes together
sanitized=no
nm -D "$dicomfs" "$top_builddir/.libs/dicomfs" 2>/dev/null | grep -q '__[at]san_init' && sanitized=yes

# ---- The store ------------------------------------------------------------------

if [ -n "${DICOMFS_HOSTILE_STORE:-}" ]; then
	store=$DICOMFS_HOSTILE_STORE
	count=$(find "$store" -type f | wc -l)
else
	sources=$test_data
	if [ -z "$sources" ]; then
		note "no test data: the sources are test cases"
		sources=$scratch/sources
		mkdir "$sources"
		for recipe in "$top_srcdir"/tests/cases/*/good-*.recipe; do
			name=$(basename "$(dirname "$recipe")")-$(basename "$recipe" .recipe)
			"$top_builddir/tests/tools/make-dicom" "$recipe" "$sources/$name.dcm" ||
				fail "$recipe"
		done
	fi
	# Enough of each kind fits into small files; the few seconds of this test are
	# for many of them.
	limit=300000
	test "$count" -gt 2000 || limit=100000
	check "damaged files" "$top_builddir/tests/tools/mutate" -s "$seed" -l "$limit" "$count" \
		"$store" "$sources"
fi
files=$(find "$store" -type f | wc -l)
is "so many" "$files" "$count"
note "$files files, $(du -sm "$store" | cut -f1) MiB"

# ---- Read ------------------------------------------------------------------------

descriptors() {
	ls "/proc/$daemon/fd" | wc -l
}
memory_files() {
	find "/proc/$daemon/fd" -lname '/memfd:*' | wc -l
}
others() { # descriptors that are not cached pictures
	echo $(($(descriptors) - $(memory_files)))
}
family() {
	local keeper
	for keeper in $(pgrep -P "$daemon" -x dicomfs-keeper); do
		echo "$keeper"
		pgrep -P "$keeper"
	done
}
value() { # KEY
	sed -n "s/^$1 //p" "$scratch/read"
}

ulimit -n 1024
# A sanitizer maps terabytes.
test $sanitized = yes || ulimit -v $((4 << 20))
began=$(date +%s)
start_mount || exit 1
over() {
	is_complete || ! kill -0 "$daemon"
}
wait_for 3600 over
is_complete || {
	fail "the scan comes to its end" "$(tail -n 20 "$scratch/log")"
	exit 1
}
note "indexed in $(($(date +%s) - began)) s"
is "files seen" "$(status_number files)" "$files"
is "the counts add up" "$(($(status_number in_tree) + $(status_number duplicates) + \
	$(status_number skipped) + $(status_number failed) + $(status_number pending)))" "$files"
# What is opened once and stays.
find "$mnt/patients" -name '*.png' -size -64k 2>/dev/null | head -n 20 | tr '\n' '\0' |
	xargs -0r cat >/dev/null 2>&1
before=$(others)
processes=$(family | wc -l)

"$mount_tests/hostile-read" -j 4 "$store" "$mnt" "$daemon" >"$scratch/read" 2>"$scratch/error"
is "everything is what stat said, valid, or EIO with a reason" $? 0
test -s "$scratch/error" && note "$(tail -n 20 "$scratch/error")"
grep '^wrong: ' "$scratch/read" >"$scratch/wrong" && note "$(head -n 20 "$scratch/wrong")"
note "$(grep -v '^wrong: ' "$scratch/read")"

check "the mount is alive" mountpoint -q "$mnt"
check "so is the daemon" kill -0 "$daemon"
check "everything is listed again" find "$mnt" -ls
check "files were read" test "$(value ok)" -gt $((files / 2))
is "no listing was held up" "$(grep -c '^wrong: a listing' "$scratch/read")" 0
if [ $sanitized = yes ]; then
	skip "memory" "a sanitizer takes most of it"
else
	check "at most $bound MiB of memory" \
		test "$(value peak_mib | cut -d. -f1)" -lt "$bound"
fi

# Handles are closed some time after their readers have gone.
no_more() {
	test "$(others)" -le $((before + 2))
}
check "no descriptor is left" wait_for 10 no_more
note "$(others) descriptors besides $(memory_files) pictures, $before before"
as_before() {
	test "$(family | wc -l)" -eq "$processes"
}
check "as many processes as before" wait_for 10 as_before
note "$(family | wc -l) processes, $processes before"
note "$(grep -o '"decoder[^}]*' "$mnt/.dicomfs/status.json" | head -n 3)"

# Nobody else is hurt: what was damaged is there bit by bit, or named.
find "$mnt/patients" -path '*/dcm/*.dcm' | wc -l >"$scratch/dcm"
is "a .dcm for each instance" "$(cat "$scratch/dcm")" "$(status_number in_tree)"
stop_mount
