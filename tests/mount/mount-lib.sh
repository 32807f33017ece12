# Functions for tests with real mounts. SPDX-License-Identifier: MIT
#
#   . "$(dirname "$0")/mount-lib.sh"
#   need_fuse                        skips the whole script where nothing can be mounted
#   small_store 3 2 5                $store with 3 patients x 2 series x 5 instances
#   start_mount [OPTION,...]         mounts $store on $mnt, foreground process $daemon
#   wait_complete                    until the first scan is over
#   stop_mount                       SIGTERM; fails the test when it ends badly
#
# The daemon's output is in $scratch/log; what sanitizers have to say there
# fails the test.

. "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}/tests/lib.sh"

mount_tests=$top_srcdir/tests/mount
dicomfs=$top_builddir/dicomfs
store=$scratch/store
mnt=$scratch/mnt
index=$scratch/index/index.sqlite
daemon=
mkdir -p "$store" "$mnt" "$scratch/index"

need_fuse() {
	test -c /dev/fuse || skip_all "there is no /dev/fuse"
	test -w /dev/fuse || skip_all "/dev/fuse may not be used"
	test "$(id -u)" -eq 0 || command -v fusermount3 >/dev/null ||
		skip_all "fusermount3 is missing"
	command -v python3 >/dev/null || skip_all "python3 is missing"
	test -x "$dicomfs" || { note "$dicomfs is missing"; exit 99; }
}

walk() {
	python3 "$mount_tests/walk" "$@"
}

small_dicom() {
	python3 "$mount_tests/small-dicom" "$@"
}

# Has the kernel drop what it holds of the file that is standard input.
forget_pages() {
	dd of=/dev/null iflag=nocache count=0 2>/dev/null
}

small_store() { # PATIENTS SERIES INSTANCES
	small_dicom tree "$store" "$@"
}

start_mount() { # [OPTIONS]
	: >"$scratch/ready"
	"$dicomfs" -f -o "index=$index${1:+,$1}" "$store" "$mnt" >>"$scratch/log" 2>&1 &
	daemon=$!
	wait_for 60 mountpoint -q "$mnt" || {
		note "no mount:"
		note "$(tail -n 20 "$scratch/log")"
		return 1
	}
}

is_complete() {
	grep -q '"state": "complete"' "$mnt/.dicomfs/status.json"
}

wait_complete() {
	wait_for "${1:-120}" is_complete || {
		note "the scan does not end:"
		note "$(cat "$mnt/.dicomfs/status.json")"
		return 1
	}
}

stop_mount() {
	local status
	kill -TERM "$daemon" 2>/dev/null
	wait "$daemon"
	status=$?
	daemon=
	is "the daemon ends well" $status 0
	check_fails "nothing is mounted any more" mountpoint -q "$mnt"
	check_fails "no complaint of a sanitizer" grep -E \
		'WARNING: ThreadSanitizer|ERROR: (Address|Leak)Sanitizer|runtime error' \
		"$scratch/log"
}

# Opens no file of the store: from the daemon's system calls, see quiet.sh.
status_number() { # NAME
	sed -n "s/.*\"$1\": \([0-9]*\).*/\1/p" "$mnt/.dicomfs/status.json"
}

free_port() {
	python3 -c '
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])'
}

mount_end() {
	local status=$?
	test -z "$daemon" || kill -KILL "$daemon" 2>/dev/null
	(exit $status)
	lib_end
}
trap mount_end EXIT
