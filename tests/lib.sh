# Functions for shell tests. SPDX-License-Identifier: MIT
#
#   . "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"
#   check "the root lists patients" test -d "$mnt/patients"
#   is "root inode" "$(stat -c %i "$mnt")" 1
#   skip "passthrough" "kernel too old"
#   note "shown in the log"
#
# Output is TAP; the plan is written when the script ends. A script that dies
# half way counts as an error. Variables: $top_srcdir and $top_builddir
# (absolute), $scratch (an own empty folder, removed at the end, mounts in it
# undone), $test_data (folder of real files, or empty).

set -u
top_srcdir=$(cd "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/..}" && pwd)
top_builddir=$(cd "${top_builddir:-.}" && pwd)
export top_srcdir top_builddir

test_data=${DICOMFS_TEST_DATA-$top_srcdir/../shared/data}
test -d "$test_data" || test_data=

scratch=$(mktemp -d "${TMPDIR:-/tmp}/dicomfs-test.XXXXXX") || exit 99
lib_count=0
lib_failed=0

note() {
	printf '%s\n' "$*" | sed 's/^/# /'
}

pass() { # NAME
	lib_count=$((lib_count + 1))
	printf 'ok %d - %s\n' "$lib_count" "${1//#/}"
}

fail() { # NAME [DETAIL]
	lib_count=$((lib_count + 1))
	lib_failed=$((lib_failed + 1))
	printf 'not ok %d - %s\n' "$lib_count" "${1//#/}"
	test $# -lt 2 || note "$2"
}

skip() { # NAME REASON
	lib_count=$((lib_count + 1))
	printf 'ok %d - %s # SKIP %s\n' "$lib_count" "${1//#/}" "${2:-}"
}

# The whole script cannot run here.
skip_all() { # REASON
	lib_count=0
	trap - EXIT
	printf '1..0 # SKIP %s\n' "$1"
	lib_clean
	exit 0
}

# Passes when the command succeeds; its output is shown when it does not.
check() { # NAME COMMAND...
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		pass "$name"
	else
		fail "$name" "exit $? of: $*"
		test -z "$output" || note "$output" | head -n 40
	fi
}

# Passes when the command fails.
check_fails() { # NAME COMMAND...
	local name=$1 output
	shift
	if output=$("$@" 2>&1); then
		fail "$name" "succeeded, but should not: $*"
		test -z "$output" || note "$output" | head -n 40
	else
		pass "$name"
	fi
}

is() { # NAME GOT EXPECTED
	if [ "$2" = "$3" ]; then
		pass "$1"
	else
		fail "$1" "got:      $2"
		note "expected: $3"
	fi
}

contains() { # NAME TEXT PART
	case $2 in
	*"$3"*) pass "$1" ;;
	*)
		fail "$1" "got:           $2"
		note "without: $3"
		;;
	esac
}

# Waits up to SECONDS for the command to succeed.
wait_for() { # SECONDS COMMAND...
	local ends=$(($(date +%s) + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		test "$(date +%s)" -lt "$ends" || return 1
		sleep 0.1
	done
}

lib_unmount() { # FOLDER
	fusermount3 -u "$1" 2>/dev/null || umount "$1" 2>/dev/null ||
		fusermount3 -uz "$1" 2>/dev/null || umount -l "$1" 2>/dev/null
}

lib_clean() {
	local mountpoint
	awk -v under="$scratch/" 'index($2, under) == 1 { print $2 }' /proc/mounts | sort -r |
		while IFS= read -r mountpoint; do
			lib_unmount "$(printf '%b' "$mountpoint")"
		done
	awk -v under="$scratch/" 'index($2, under) == 1 { found = 1 } END { exit !found }' \
		/proc/mounts && return 1
	chmod -R u+rwX "$scratch" 2>/dev/null
	rm -rf "$scratch"
}

lib_end() {
	local status=$?
	lib_clean || note "something is still mounted below $scratch"
	# Without a plan the driver knows that the script did not come to its end.
	if [ $status -ne 0 ] && [ $lib_failed -eq 0 ]; then
		note "the script ended early with status $status"
		exit "$status"
	fi
	printf '1..%d\n' "$lib_count"
	trap - EXIT
	# The driver counts "not ok" itself.
	exit 0
}
trap lib_end EXIT
trap 'exit 130' INT TERM HUP
