# Rows about what hostile files cost, for tests/bench/run.
# SPDX-License-Identifier: MIT

hostile_files=20000

# Single files, each in a mount of its own.
bombs_single() {
	/usr/bin/env python3 "$top_srcdir/tests/mount/make-bombs" $bombs_size "$scratch/bombs" || return 1
	/usr/bin/env python3 -B "$top_srcdir/tests/mount/bomb-cost" "$build/dicomfs" "$scratch" \
		"$scratch"/bombs/*.dcm >"$scratch/bombs.tsv" || return 1
	while IFS=$'\t' read -r name bytes scan json png peak what; do
		row "bomb $name ($bytes bytes; $what), s: scan (peer: picture and JSON)" "$scan" \
			"$(awk -v j="$json" -v p="$png" 'BEGIN { print j + p }')"
		row "the same, peak memory, MiB" "$peak"
	done <"$scratch/bombs.tsv"
}

# Damaged real files, all in one store.
bombs_crowd() {
	local data=${DICOMFS_TEST_DATA:-$top_srcdir/../shared/data} count=$hostile_files out=$scratch/hostile
	test -d "$data" || {
		say "bombs: no real files to damage"
		return 0
	}
	test "$rounds" -gt 3 || count=$((count / 10))
	"$build/tests/tools/mutate" "$count" "$scratch/damaged" "$data" || return 1
	mkdir -p "$scratch/mnt"
	"$build/dicomfs" -f -o "wait,index=$scratch/damaged.sqlite" "$scratch/damaged" "$scratch/mnt" \
		2>/dev/null &
	mount_job=$!
	until mountpoint -q "$scratch/mnt"; do
		kill -0 $mount_job || return 1
		sleep 0.1
	done
	/usr/bin/env python3 -B "$top_srcdir/tests/mount/hostile-read" "$scratch/damaged" \
		"$scratch/mnt" $mount_job >"$out" || say "bombs: $(grep -c '^wrong: ' "$out") wrong files"
	fusermount3 -u "$scratch/mnt" 2>/dev/null || umount "$scratch/mnt"
	wait $mount_job || true
	mount_job=
	value() { sed -n "s/^$1 //p" "$out"; }
	row "$count damaged files read whole by 4 readers, s" "$(value seconds)"
	row "a folder listed meanwhile, ms, p50 (peer: before)" "$(value listing_p50_ms)" \
		"$(value listing_idle_p50_ms)"
	row "a folder listed meanwhile, ms, p99 (peer: before)" "$(value listing_p99_ms)" \
		"$(value listing_idle_p99_ms)"
	row "peak memory of all processes, MiB" "$(value peak_mib)"
}

rows_bombs() {
	local bombs_size=--huge
	test "$rounds" -gt 3 || bombs_size=
	bombs_single || say "bombs: they cannot be made or measured"
	bombs_crowd || say "bombs: damaged files cannot be made or mounted"
}
