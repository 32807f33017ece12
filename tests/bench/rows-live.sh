# Rows about how soon a mount shows what happens in its store, for tests/bench/run.
# SPDX-License-Identifier: MIT
#
# The store has 20,000 files, is watched, and lies on the disk of $BENCH_FOLDER.

live=$scratch/live

# Everything that is to come, and where it will be in the mount.
live_stage() {
	local patients=$((live_burst / 1000))
	mkdir -p "$live/stage/single" "$live/stage/burst" "$live/stage/copy"
	/usr/bin/env python3 "$top_srcdir/tests/mount/small-dicom" tree "$live/stage/burst" \
		$((2 * patients)) 10 100 || return 1
	for ((i = patients + 1; i <= 2 * patients; i++)); do
		mv "$live/stage/burst/p$i" "$live/stage/copy/"
	done
	/usr/bin/env python3 "$top_srcdir/tests/mount/small-dicom" run "$live/stage/single" \
		900 1 1 $((live_singles + 1)) || return 1
	live_mount "$live/stage" "$scratch/stage.sqlite" kinds=dcm || return 1
	(cd "$scratch/mnt" && find patients -name '*.dcm') |
		awk -F / -v OFS='\t' '{
			match($2, /\(ID[0-9]+\)/)
			split($6, name, "~")
			print substr($2, RSTART + 3, RLENGTH - 4) + 0, $4 + 0, name[1] + 0, $0
		}' | sort -n -k1,1 -k2,2 -k3,3 >"$live/shown"
	scale_unmount
}

live_mount() { # STORE INDEX OPTIONS
	mkdir -p "$scratch/mnt"
	"$build/dicomfs" -o "wait,index=$2,$3" "$1" "$scratch/mnt" || return 1
	mount_job=$(pgrep -f -n -- "index=$2")
}

# Lines for live-rate.
live_files() { # single|burst|copy
	awk -F '\t' -v OFS='\t' -v what="$1" -v stage="$live/stage/$1/" -v store="$live/store/" \
		-v mnt="$scratch/mnt/" -v half=$((live_burst / 1000)) '{
			kind = $1 == 900 ? "single" : $1 <= half ? "burst" : "copy"
			if (kind != what || (kind == "single" && $3 == 1))
				next
			path = kind == "single" ? "i" $3 ".dcm" : "p" $1 "/s" $2 "/i" $3 ".dcm"
			print stage path, store what "/" path, mnt $4
		}' "$live/shown"
}

# Adds to $live/WHAT.WORD; false when live-rate failed.
live_measure() { # WHAT FILES COMMAND...
	local what=$1 files=$2
	shift 2
	live_files "$files" | "$build/tests/bench/live-rate" "$@" >"$live/out" || return 1
	awk -v base="$live/$what." '{ print $2 >>(base $1) }' "$live/out"
}

live_rows() { # WHAT WORD TEXT
	local percent
	test -s "$live/$1.$2" || return 0
	test -e "$live/$1.event" || : >"$live/$1.event"
	for percent in 50 99; do
		row "$3, ms, p$percent (peer: its inotify event)" \
			"$(percentile $percent "$live/$1.$2")" \
			"$(percentile $percent "$live/$1.event")"
	done
}

live_singles() {
	live_measure add single add && live_measure rename single rename &&
		live_measure delete single delete && live_measure move single move
}

# In, out, and one file after another as "cp -r" would; each leaves the store as it was.
live_bursts() {
	local i
	for ((i = 0; i < rounds; i++)); do
		live_measure burst burst burst "$live/stage/burst" "$live/store/burst" &&
			live_measure burst-out burst burst-out "$live/store/burst" "$live/stage/burst" &&
			live_measure copy copy copy &&
			live_measure copy-out copy burst-out "$live/store/copy" "$live/gone" || return 1
		rm -r "$live/gone"
	done
}

live_burst_rows() { # WHAT TEXT
	live_rows $1 named "a folder of $live_burst files $2"
	test ! -s "$live/$1.named" || row "the same, the last one, ms (peer: the first one)" \
		"$(percentile 100 "$live/$1.named")" "$(percentile 0 "$live/$1.named")"
}

rows_live() {
	local what
	mkdir "$live"
	live_stage || {
		say "live: the files cannot be made"
		return 0
	}
	cp -al "$(store $middle)" "$live/store"
	mkdir "$live/store/single"
	cp "$live/stage/single/i1.dcm" "$live/store/single/"
	live_mount "$live/store" "$scratch/live.sqlite" cache_memory=32M || return 0
	live_singles && live_bursts || say "live: the mount does not follow the store"
	scale_unmount
	for what in named listed; do
		live_rows add $what "a file written until it is $what"
		live_rows move $what "a file moved in until it is $what"
		live_rows delete $what "a file deleted until it is no more $what"
	done
	live_rows rename readable "a file renamed in the store until it can be read again"
	live_burst_rows burst "moved into the store until one is named"
	live_burst_rows burst-out "moved out of the store until one is no more named"
	live_rows copy named "$live_burst files written without a pause, each until it is named"
}
