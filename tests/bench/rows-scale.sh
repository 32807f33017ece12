# Rows about what a mount costs by the number of instances, for tests/bench/run.
# SPDX-License-Identifier: MIT
#
# The indexes are made, see tests/tools/make-index; of the instances only those of
# the first patient have content.

sample_series=40 # looked at, of all that there are

# $1 of the lines evenly spread over a file, without the first.
spread() { # COUNT FILE
	awk -v want="$1" -v all="$(wc -l <"$2")" \
		'BEGIN { step = (all - 1) / want } NR > 1 && NR > 1 + int(step * taken) && taken < want {
			taken++
			print
		}' "$2"
}

# A store and an index of so many, made once; then the paths to look at, which are
# as many whatever the size. Prints what both begin with.
scale_store() { # COUNT FILES
	local at=$folder/scale-$1 real=$scale_real
	# Were there any, the others would be gone.
	test "$2" != none || real=0
	if [ ! -f "$at.complete" ]; then
		say "making an index of $1 instances"
		rm -rf "$at" "$at".*
		"$build/tests/tools/make-index" -f "$2" -r $real "$1" "$at" "$at.sqlite" >&2 ||
			return 1
		scale_mount "$at" || return 1
		(cd "$scratch/mnt" && find patients -mindepth 3 -maxdepth 3 | sort) >"$at.series"
		spread $sample_series "$at.series" >"$at.sample"
		(cd "$scratch/mnt" && head -n $((sample_series / 2)) "$at.sample" |
			tr '\n' '\0' | xargs -0 -I '{}' find '{}' -type f) >"$at.paths"
		find "$scratch/mnt/patients" -maxdepth 1 -name '*(ID0000000)*' -printf 'patients/%f\n' \
			>"$at.patient"
		scale_unmount
		touch "$at.complete"
	fi
	echo "$at"
}

# Sets $scale_options. An index without files is not to be scanned: the whole tree
# would be noted as gone, which takes long and is not what is measured.
scale_prepare() { # AT
	mkdir -p "$scratch/mnt"
	scale_options=index=$1.sqlite,cache_memory=32M
	if [ -n "$(ls "$1")" ]; then
		return 0
	elif has_option no_scan; then
		scale_options=$scale_options,no_scan
	else
		# Who does not get the lock follows, and does not scan.
		exec 9>>"$1.sqlite-lock" && flock -n 9
	fi
}

# A mount as people make it: the command returns when it is ready. Sets $ready, in
# milliseconds.
scale_mount() { # AT
	local start
	scale_prepare "$1" || return 1
	start=$EPOCHREALTIME
	"$build/dicomfs" -o "$scale_options" "$1" "$scratch/mnt" 9>&- || return 1
	ready=$(awk -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { print (e - s) * 1e3 }')
	mount_job=$(pgrep -f -n -- "index=$1.sqlite")
}

scale_unmount() {
	fusermount3 -u "$scratch/mnt" 2>/dev/null || umount "$scratch/mnt"
	# A daemon is no child of ours.
	wait "$mount_job" 2>/dev/null || while kill -0 "$mount_job" 2>/dev/null; do sleep 0.02; done
	mount_job=
	exec 9>&-
}

scale_settle() {
	local start=$EPOCHREALTIME
	until grep -q '"state": "complete"' "$scratch/mnt/.dicomfs/status.json"; do sleep 0.02; done
	checked=$(awk -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { print e - s }')
}

inverse() { # FACTOR RATE
	awk -v factor="$1" -v rate="$2" 'BEGIN { print rate == "-" ? "-" : factor / rate }'
}

scale_reads() { # COUNT AT
	local kind patient
	patient=$scratch/mnt/$(cat "$2.patient")
	for kind in dcm json png; do
		note_value "$1" "read $kind" \
			"$(inverse 1e3 "$(rate "$build/tests/bench/read-rate" "$patient" .$kind 1)")"
	done
}

scale_round() { # COUNT AT FILES
	local ready checked walked mnt=$scratch/mnt folders
	scale_mount "$2" || return 0
	note_value "$1" ready "$ready"
	note_value "$1" "first ls" \
		"$(rate "$build/tests/bench/tree-rate" list "$mnt/$(tail -n 1 "$2.sample")/dcm")"
	scale_settle
	note_value "$1" checked "$checked"
	note_value "$1" lookup \
		"$(inverse 1e6 "$(rate "$build/tests/bench/tree-rate" lookup "$mnt" <"$2.paths")")"
	mapfile -t folders < <(tail -n $((sample_series / 2)) "$2.sample" |
		head -n -1 | sed "s|.*|$mnt/&/png|")
	note_value "$1" list "$(rate "$build/tests/bench/tree-rate" list "${folders[@]}")"
	note_value "$1" status \
		"$(rate "$build/tests/bench/io-rate" once "$mnt/.dicomfs/status.json")"
	test "$3" = none || scale_reads "$1" "$2"
	walked=$(rate "$build/tests/bench/tree-rate" walk "$mnt/patients")
	note_value "$1" walk "$(echo "$walked" | awk '{ print NF == 2 ? $1 / $2 * 1e6 : "-" }')"
	scale_unmount
}

# ---- Listings while the store is checked -----------------------------------

checked_at_once=20 # listings between two looks at whether the check still runs

# Lists series that this mount has never listed, while a command succeeds or until
# there are no more; milliseconds of each go into a file. What the end of the check
# fell into is left out.
list_while() { # SERIES-FILE OUT COMMAND...
	local series=$1 out=$2 taken=0 some
	shift 2
	: >"$out"
	while "$@"; do
		mapfile -s $taken -n $checked_at_once -t some <"$series"
		test ${#some[@]} -gt 0 || break
		"$build/tests/bench/tree-rate" each "${some[@]/#/$scratch/mnt/}" >"$out.some" || return 1
		! "$@" || cat "$out.some" >>"$out"
		taken=$((taken + checked_at_once))
	done
}

is_checking() {
	grep -q '"state": "running"' "$scratch/mnt/.dicomfs/status.json"
}

# Two halves of the series take turns at being listed during and after the check,
# and both are listed in a mount that does not check.
check_round() { # AT ROUND
	local i name halves=("$scratch/half0" "$scratch/half1") during=$(($2 % 2))
	shuf --random-source=<(yes "$2") "$1.series" | sed 's|$|/dcm|' >"$scratch/shuffled"
	awk -v base="$scratch/half" '{ print >(base NR % 2) }' "$scratch/shuffled"
	scale_mount "$1" || return 1
	# It begins a moment after the mount is there.
	for ((i = 0; i < 500; i++)); do
		! is_checking || break
		sleep 0.01
	done
	list_while "${halves[$during]}" "$scratch/during" is_checking
	scale_settle
	head -n $(($(wc -l <"$scratch/during") + checked_at_once)) "${halves[$((1 - during))]}" \
		>"$scratch/others"
	list_while "$scratch/others" "$scratch/after" true
	scale_unmount
	# Who does not get the lock follows, and does not check.
	exec 9>>"$1.sqlite-lock" && flock -n 9
	scale_mount "$1" 2>/dev/null || return 1
	list_while "$scratch/others" "$scratch/without" true
	scale_unmount
	for name in during after without; do
		cat "$scratch/$name" >>"$scratch/all-$name"
	done
}

rows_check() {
	local at i name percent scale_options ready checked
	# Of an index without files there is nothing to check.
	test -z "$huge" || return 0
	at=$(scale_store $scale_large links) || {
		say "check: the store cannot be made"
		return 0
	}
	cat "$at.sqlite" >/dev/null # warm
	for ((i = 0; i < rounds; i++)); do
		check_round "$at" $i || return 0
	done
	say "$(wc -l <"$scratch/all-during") listings while the store was checked"
	for name in after without; do
		for percent in 50 99; do
			row "first listing of a series while $scale_large files are checked, ms, p$percent (peer: $(
				test $name = after && echo after the check || echo a mount that does not check))" \
				"$(percentile $percent "$scratch/all-during")" \
				"$(percentile $percent "$scratch/all-$name")"
		done
	done
}

# Peak of memory that is the daemon's own, after everything was listed.
scale_memory() { # COUNT AT
	scale_prepare "$2" || return 0
	"$build/tests/bench/peak-memory" "$scratch/peak" "$build/dicomfs" -f -o "$scale_options" \
		"$2" "$scratch/mnt" >"$scratch/mount.log" 2>&1 9>&- &
	mount_job=$!
	wait_mounted $mount_job || return 0
	find "$scratch/mnt" >/dev/null
	scale_unmount
	note_value "$1" memory "$(awk '{ print $1 / 1048576 }' "$scratch/peak")"
}

scale_row() { # FIGURE TEXT
	test -n "${values["$scale_large $1"]-}" || return 0
	row "$2: $scale_large instances (peer: $scale_small)" \
		"$(median_of "$scale_large" "$1")" "$(median_of "$scale_small" "$1")"
}

rows_scale() {
	local small large files=links i kind scale_options ready
	test -z "$huge" || files=none
	small=$(scale_store $scale_small links) && large=$(scale_store $scale_large $files) || {
		say "scale: the stores cannot be made"
		return 0
	}
	touch_memory 4096
	cat "$small.sqlite" "$large.sqlite" >/dev/null # warm
	for ((i = 0; i < rounds; i++)); do
		scale_round $scale_small "$small" links
		scale_round $scale_large "$large" $files
	done
	scale_memory $scale_small "$small"
	scale_memory $scale_large "$large"
	scale_row ready "from the start of dicomfs to ready, ms"
	scale_row "first ls" "first listing of a series, as soon as it is ready, ms"
	scale_row checked "from then to the end of the check of the store, s"
	scale_row lookup "one lookup, first, us"
	scale_row list "listing of a series, first, ms"
	scale_row status "status.json opened and read, ms"
	for kind in dcm json png; do
		scale_row "read $kind" ".$kind opened and read, first, ms"
	done
	scale_row walk "walk with lstat of the whole tree, first, us an entry"
	scale_row memory "peak memory of the mount with cache_memory=32M after find, MiB"
}
