#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The storage folder of a running Orthanc as a store: everything that Orthanc has is
# in the tree, byte for byte, what comes is there and what is deleted goes. Orthanc
# runs for this test alone, on the loopback interface.

. "$(dirname "$0")/receive-lib.sh"
need_fuse
# Programs that only look from outside: the plain build is enough.
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) skip_all "the plain build does this" ;;
esac
need_dcmtk
program=$(PATH=$PATH:/usr/sbin command -v Orthanc) || skip_all "Orthanc is not installed"

orthanc=
here=$scratch/orthanc

# ---- The server ---------------------------------------------------------

rest() { # METHOD PATH [FILE-WITH-BODY]
	rest_python 'sys.stdout.buffer.write(call(*sys.argv[2:4], *map(read, sys.argv[4:])))' "$@"
}

rest_python() { # CODE ARGUMENT...
	local code=$1
	shift
	python3 -c '
import hashlib, json, sys, urllib.request
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))

def read(path):
    with open(path, "rb") as file:
        return file.read()

def call(method, path, body=None):
    request = urllib.request.Request(sys.argv[1] + path, body, method=method)
    with opener.open(request, timeout=60) as answer:
        return answer.read()

'"$code" "http://127.0.0.1:$http" "$@"
}

orthanc_stop() {
	test -n "$orthanc" || return
	kill "$orthanc" 2>/dev/null
	wait "$orthanc" 2>/dev/null
	orthanc=
}

orthanc_start() { # STORAGE INDEX COMPRESSION
	http=$(free_port)
	port=$(free_port)
	mkdir -p "$here" "$1" "$2"
	cat >"$here/configuration.json" <<EOF
{
	"StorageDirectory": "$1",
	"IndexDirectory": "$2",
	"StorageCompression": $3,
	"HttpPort": $http,
	"RemoteAccessAllowed": false,
	"DicomPort": $port,
	"UnknownSopClassAccepted": true
}
EOF
	"$program" "$here/configuration.json" >"$here/log" 2>&1 </dev/null &
	orthanc=$!
	wait_for 60 rest GET /system && return
	note "$(tail -n 5 "$here/log")"
	orthanc_stop
	return 1
}

orthanc_end() {
	local status=$?
	orthanc_stop
	(exit $status)
	mount_end
}
trap orthanc_end EXIT

instances() { # prints their identifiers
	rest_python 'print(*json.loads(call("GET", "/instances")), sep="\n")'
}

# What Orthanc itself gives of each instance.
orthanc_sums() {
	rest_python '
for name in json.loads(call("GET", "/instances")):
    print(hashlib.sha1(call("GET", "/instances/%s/file" % name)).hexdigest())' | sort -u
}

# ---- What is tried ------------------------------------------------------

everything() {
	local known
	known=$(instances | wc -l)
	is "Orthanc has what was sent" "$known" "$(taken)"
	check "they are in the tree" seen has_entries "$known"
	is "byte for byte what Orthanc gives" "$(tree_sums)" "$(orthanc_sums)"
}

coming_and_going() {
	local before first
	before=$(entries)
	small_dicom file "$scratch/new.dcm" 7 1 1
	send ORTHANC "$port" "$scratch/new.dcm"
	check "one more is seen" seen has_entries $((before + 1))
	first=$(instances | sed -n 1p)
	rest GET "/instances/$first/file" >"$scratch/gone"
	rest DELETE "/instances/$first" >/dev/null
	check "one that is deleted is gone" seen has_entries "$before"
	is "the others stay" "$(tree_sums)" "$(orthanc_sums)"
	check_fails "it was that one" grep -qF "$(sha1sum <"$scratch/gone" | cut -d' ' -f1)" \
		<(tree_sums)
}

# Orthanc keeps other things in the same folder: they are named.
attachment() {
	local first
	first=$(instances | sed -n 1p)
	echo "a note" >"$scratch/note"
	rest PUT "/instances/$first/attachments/1024" "$scratch/note" >/dev/null
	is "an attachment is in the folder" "$(grep -rlx "a note" "$store" | wc -l)" 1
	check "an attachment has its line" seen grep -q "	not-dicom	" "$mnt/.dicomfs/problems.txt"
}

# The index in the same folder, as Debian has it.
shared_folder() {
	orthanc_stop
	rm -rf "$store" "${index:?}"*
	orthanc_start "$store" "$store" false || exit 1
	send_chosen ORTHANC "$port"
	start_mount || exit 1
	wait_complete || exit 1
	everything
	check "the index of Orthanc has its line" grep -q "^index	not-dicom	" \
		"$mnt/.dicomfs/problems.txt"
	stop_mount
}

compressed() {
	orthanc_stop
	rm -rf "$store" "${index:?}"*
	orthanc_start "$store" "$here/compressed" true || exit 1
	send_chosen ORTHANC "$port"
	start_mount || exit 1
	wait_complete || exit 1
	is "compressed: nothing of it is in the tree" "$(entries)" 0
	is "compressed: each file has its line" \
		"$(grep -c "	not-dicom	" "$mnt/.dicomfs/problems.txt")" \
		"$(find "$store" -type f | wc -l)"
	stop_mount
}

choose_files
orthanc_start "$store" "$here/index" false || skip_all "Orthanc does not run here"
start_mount || exit 1
wait_complete || exit 1
send_chosen ORTHANC "$port"
note "$(taken) of $(wc -l <"$chosen") files were sent"
check_fails "nothing made was refused" test "$(taken)" -lt "$(find "$made" -type f | wc -l)"
everything
coming_and_going
attachment
stop_mount
shared_folder
compressed
