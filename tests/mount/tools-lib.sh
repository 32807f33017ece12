# Functions for tests of what programs make of a mount. SPDX-License-Identifier: MIT
#
#   . "$(dirname "$0")/tools-lib.sh"
#   plain_build_only         skips the whole script in builds with sanitizers
#   mixed_store              $store with made files and some of $test_data
#   make_reference           $reference: what $mnt/patients should hold
#   for options in $tiers    each way of reading that this dicomfs has
#   status_if_unreadable 23  the exit status that a program should have
#
# Where DICOMFS_TEST_FULL is set, all of $test_data is in the store.

. "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}/tests/mount/mount-lib.sh"

full=${DICOMFS_TEST_FULL:-}
reference=$scratch/reference
unreadable=$scratch/unreadable # paths below patients/ whose open fails
tiers=default
test -x "$dicomfs" && "$dicomfs" --list-options | grep -qx no_passthrough &&
	tiers="default no_passthrough"

# These run other programs most of the time.
plain_build_only() {
	case ${DICOMFS_SANITIZERS:-no} in
	no | "") ;;
	*) skip_all "the plain build does this" ;;
	esac
}

mixed_store() {
	local number=0 file
	small_store 2 2 4
	small_dicom file "$store/loop.dcm" 3 1 1 0 6
	small_dicom file "$store/large.dcm" 3 2 1 7 1 700
	if [ -z "$test_data" ]; then
		skip "real files" "no test data"
		return
	fi
	mkdir "$store/real"
	if [ -n "$full" ]; then
		cp -a "$test_data/." "$store/real/"
		return
	fi
	find "$test_data" -type f -size -400k | sort | awk 'NR % 20 == 3' >"$scratch/handful"
	while IFS= read -r file; do
		number=$((number + 1))
		cp -p "$file" "$store/real/$number"
	done <"$scratch/handful"
}

# Names come from the mount, bytes from the store and from dicomfs-render.
make_reference() {
	check "every .dcm has the bytes of a file of the store" python3 "$mount_tests/reference" \
		"$top_builddir/dicomfs-render" "$store" "$mnt/patients" "$reference" "$unreadable"
	note "$(find "$reference" -type f | wc -l) files, $(wc -l <"$unreadable") that cannot be opened"
	(cd "$reference" && find . -type f -print0 | sort -z) >"$scratch/names"
	check_fails "the reference is empty" test ! -s "$scratch/names"
}

# Programs name what they cannot read, go on, and end with this.
status_if_unreadable() { # STATUS
	if [ -s "$unreadable" ]; then
		echo "$1"
	else
		echo 0
	fi
}

mount_tier() { # TIER [OPTIONS]: one of $tiers
	local options=wait${2:+,$2}
	test "$1" = default || options=$options,$1
	start_mount "$options"
}

has() { # PROGRAM...: false, with a skipped test, when one is missing
	local program
	for program in "$@"; do
		command -v "$program" >/dev/null || {
			skip "$program" "$program is missing"
			return 1
		}
	done
}
