# Functions for tests of stores that other programs write. SPDX-License-Identifier: MIT
#
#   . "$(dirname "$0")/receive-lib.sh"
#   seen COMMAND...          waits until it succeeds, as it will when the mount follows
#   choose_files             $chosen: a list of files to send, made ones and real ones
#   send AE PORT FILE...     each in its own transfer syntax; $report says what became
#                            of them
#   relay PORT BYTES         prints a port that passes on so much of what is sent and
#                            then keeps still; $relay is its process

. "${top_srcdir:-$(dirname "${BASH_SOURCE[0]}")/../..}/tests/mount/mount-lib.sh"

made=$scratch/made
chosen=$scratch/chosen
report=$scratch/report
relay=

need_dcmtk() {
	local program
	for program in storescp storescu dcmsend echoscu dcmdump; do
		command -v $program >/dev/null || skip_all "$program of DCMTK is missing"
	done
}

seen() {
	wait_for 20 "$@" || {
		note "$(tail -n 40 "$mnt/.dicomfs/status.json" "$mnt/.dicomfs/problems.txt" "$scratch/log" 2>&1)"
		return 1
	}
}

choose_files() {
	small_dicom tree "$made" 2 2 4
	find "$made" -type f | sort >"$chosen"
	test -z "$test_data" ||
		find "$test_data" -type f -size -400k | sort | awk 'NR % 20 == 3' >>"$chosen"
}

# What cannot be read or has a syntax that DCMTK does not know is left out.
send() { # AE PORT FILE...
	local ae=$1 port=$2
	shift 2
	rm -f "$report"
	dcmsend --no-halt --decompress-never --aetitle SENDER -aec "$ae" \
		--create-report-file "$report" 127.0.0.1 "$port" "$@" >"$scratch/send.log" 2>&1
}

send_chosen() { # AE PORT
	local files
	mapfile -t files <"$chosen"
	send "$1" "$2" "${files[@]}"
}

# From the report: how many were taken.
taken() {
	grep -c '^DIMSE Status  : 0x0000' "$report"
}

relay() { # PORT BYTES
	rm -f "$scratch/relay"
	python3 - "$1" "$2" "$scratch/relay" <<'PYTHON' &
import os, socket, sys, threading
port, limit, at = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]

def tell(suffix, text):
    with open(at + ".new", "w") as out:
        out.write(text)
    os.rename(at + ".new", at + suffix)

def back(server, client):
    try:
        while data := server.recv(65536):
            client.sendall(data)
    except OSError:
        pass

listener = socket.socket()
listener.bind(("127.0.0.1", 0))
listener.listen()
tell("", str(listener.getsockname()[1]))
client = listener.accept()[0]
server = socket.create_connection(("127.0.0.1", port))
threading.Thread(target=back, args=(server, client), daemon=True).start()
while limit > 0 and (data := client.recv(min(65536, limit))):
    server.sendall(data)
    limit -= len(data)
tell(".full", "")
threading.Event().wait()
PYTHON
	relay=$!
	wait_for 20 test -s "$scratch/relay" || return 1
}

relay_stop() {
	test -n "$relay" || return
	kill -KILL "$relay" 2>/dev/null
	wait "$relay" 2>/dev/null
	relay=
	rm -f "$scratch/relay.full"
}

# The bytes of the .dcm files of the tree, and of all files of a folder.
tree_sums() {
	find "$mnt/patients" -path '*/dcm/*.dcm' -exec sha1sum {} + | cut -d' ' -f1 | sort -u
}
folder_sums() { # FOLDER [FIND-ARGUMENT...]
	find "$@" -type f -exec sha1sum {} + | sed 's/^\\//' | cut -d' ' -f1 | sort -u
}
entries() {
	find "$mnt/patients" -path '*/dcm/*.dcm' | wc -l
}
has_entries() { # COUNT
	test "$(entries)" -eq "$1"
}
