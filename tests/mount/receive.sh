#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Images arrive by C-STORE and are in the tree, by themselves and never by halves.
# The receiver is started as mount-helpers/dicomfs-receive@.service starts it.

. "$(dirname "$0")/receive-lib.sh"
need_fuse
# Programs that only look from outside: the plain build is enough.
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) skip_all "the plain build does this" ;;
esac
need_dcmtk

unit=$top_srcdir/mount-helpers/dicomfs-receive@.service
receiver=
port=
large=$scratch/large.dcm

# ---- The receiver -------------------------------------------------------

receiver_stop() {
	test -n "$receiver" || return
	kill -"${1:-TERM}" -- "-$receiver" 2>/dev/null
	wait "$receiver" 2>/dev/null
	receiver=
}

# With the unit's environment, that of the example settings, and then our own.
receiver_start() { # STORE [SYNTAXES]
	local command
	command=$(sed -n '/^ExecStart=/,/[^\\]$/p' "$unit" | sed 's/^ExecStart=//; s/\\$//' |
		tr -d '\n')
	port=$(free_port)
	(
		eval "$(sed -n 's/^Environment=//p' "$unit")"
		. "$top_srcdir/mount-helpers/dicomfs-receive-example.conf"
		STORE=$1 PORT=$port SYNTAXES=${2:-$SYNTAXES}
		umask "$(sed -n 's/^UMask=//p' "$unit")"
		eval "exec setsid $command"
	) >>"$scratch/receiver.log" 2>&1 </dev/null &
	receiver=$!
	wait_for 20 echoscu -aec DICOM 127.0.0.1 "$port" && return
	note "$(tail -n 5 "$scratch/receiver.log")"
	return 1
}

receive_end() {
	local status=$?
	relay_stop
	receiver_stop
	(exit $status)
	mount_end
}
trap receive_end EXIT

stored() {
	find "$store" -type f | wc -l
}

# ---- What is tried ------------------------------------------------------

arrival() {
	send_chosen DICOM "$port"
	sent=$(taken)
	note "$sent of $(wc -l <"$chosen") files were sent"
	check_fails "nothing made was refused" test "$sent" -lt "$(find "$made" -type f | wc -l)"
	is "a file for each" "$(stored)" "$sent"
	is "taken in the syntax that they have" \
		"$(sed -n 's/^Network Xfer  : //p' "$report" | sort | uniq -c)" \
		"$(sed -n 's/^Original Xfer : //p' "$report" | sort | uniq -c)"
	is "others cannot read them" "$(find "$store" -type f ! -perm 640)" ""
	check "they are in the tree" seen has_entries "$sent"
	is "byte for byte" "$(tree_sums)" "$(folder_sums "$store")"
	contains "one from the scanner can be looked at" "$(
		file -b "$(find "$mnt/patients" -path '*Test, Patient 1*/png/*.png' | sort | head -n 1)"
	)" "PNG image data, 16 x 16"
}

# The same bytes from the same sender: a second file and no second entry.
again() {
	send_chosen DICOM "$port"
	is "sent again: nothing was overwritten" "$(stored)" $((2 * sent))
	check "sent again: known as the same" seen sh -c \
		"grep -q '\"duplicates\": $sent\\b' '$mnt/.dicomfs/status.json'"
	check "sent again: no second entry" has_entries "$sent"
}

# storescp writes the sender into the file, so that it is another one.
other_sender() {
	local number
	storescu --aetitle ANOTHER_SCANNER -aec DICOM 127.0.0.1 "$port" "$made/p1/s1/i1.dcm" >"$scratch/out" 2>&1
	check "from another sender: an entry of its own" seen has_entries $((sent + 1))
	number=$(grep -c "	conflict	" "$mnt/.dicomfs/problems.txt")
	check_fails "from another sender: with a remark" test "$number" -lt 1
	rm "$(grep -rl ANOTHER_SCANNER "$store")"
	check "and leaves alone" seen has_entries "$sent"
}

# A connection that is cut in the middle of a file.
cut_off() {
	relay "$port" 1000000
	send DICOM "$(cat "$scratch/relay")" "$large" &
	local sender=$!
	check "half of it was sent" wait_for 30 test -e "$scratch/relay.full"
	relay_stop
	wait "$sender"
	is "cut off: not taken" "$(taken)" 0
	is "cut off: no file" "$(stored)" $((2 * sent))
	check "cut off: no entry" has_entries "$sent"
}

# The receiver dies in the middle of a file, and is started again.
killed() {
	relay "$port" 1000000
	send DICOM "$(cat "$scratch/relay")" "$large" &
	local sender=$!
	check "half of it was sent, again" wait_for 30 test -e "$scratch/relay.full"
	receiver_stop KILL
	relay_stop
	wait "$sender"
	is "killed: no file" "$(stored)" $((2 * sent))
	receiver_start "$store" || exit 1
	send DICOM "$port" "$large"
	is "started again: taken" "$(taken)" 1
	check "started again: in the tree" seen has_entries $((sent + 1))
	is "started again: byte for byte" "$(tree_sums)" "$(folder_sums "$store")"
}

# What a power failure may leave.
half_file() {
	small_dicom file "$scratch/half" 9 1 1 0 1 300
	mkdir "$store/study_half"
	head -c 50000 "$scratch/half" >"$store/study_half/half.dcm"
	check "half a file has its line in problems.txt" seen grep -q "^study_half/half.dcm	damaged" \
		"$mnt/.dicomfs/problems.txt"
	rm -r "$store/study_half"
	check "and leaves with it" seen has_entries $((sent + 1))
}

full_disk() {
	local small=$scratch/small
	mkdir "$small"
	mount -t tmpfs -o size=400k none "$small" 2>/dev/null || {
		skip "the disk is full" "cannot mount a tmpfs"
		return
	}
	receiver_stop
	receiver_start "$small" || exit 1
	storescu -v -aec DICOM 127.0.0.1 "$port" "$large" >"$scratch/out" 2>&1
	contains "the disk is full: the sender is told" "$(cat "$scratch/out")" \
		"Refused: OutOfResources"
	is "the disk is full: no half file" "$(find "$small" -type f)" ""
	mount -o remount,size=16m "$small"
	send DICOM "$port" "$large"
	is "room again: taken" "$(taken)" 1
	is "room again: a file" "$(find "$small" -type f | wc -l)" 1
}

offer() {
	storescu -d -R +C -xw -aec DICOM 127.0.0.1 "$port" "$made/p1/s1/i1.dcm" 2>&1 |
		grep 'Accepted Transfer Syntax'
}

# What the example settings say of senders that compress as they are told.
choice() {
	contains "+xa asks for JPEG 2000 where it may choose" "$(offer)" "Syntax: =JPEG2000"
	receiver_stop
	mkdir "$scratch/plain"
	receiver_start "$scratch/plain" +x= || exit 1
	contains "+x= does not" "$(offer)" "Syntax: =LittleEndianExplicit"
	is "+x= takes it so" "$(find "$scratch/plain" -type f | wc -l)" 1
}

# The lines of the README, with other places.
by_hand() {
	local line places
	port=$(free_port)
	places="s|/tmp/received|$scratch/received|; s|/mnt/dicom|$mnt|; s|\<11112\>|$port|
		s|^dicomfs |'$dicomfs' -o index=$scratch/index/by-hand |; s|IMAGE.dcm|$made/p1/s1/i1.dcm|
		s|^storescp |exec setsid storescp |"
	while IFS= read -r line; do
		check "the README has: $line" grep -qxF "$line" "$top_srcdir/README.md"
		line=$(printf '%s\n' "$line" | sed "$places")
		case $line in
		*" &")
			bash -c "${line% &}" >>"$scratch/receiver.log" 2>&1 </dev/null &
			receiver=$!
			wait_for 20 echoscu 127.0.0.1 "$port"
			;;
		*) check "it works" bash -c "$line" ;;
		esac
	done <<'README'
mkdir /tmp/received
storescp --fork +xa -pm -su study +uf -fe .dcm -od /tmp/received 11112 &
dicomfs /tmp/received /mnt/dicom
dcmsend 127.0.0.1 11112 IMAGE.dcm
README
	index=$scratch/index/by-hand store=$scratch/received seen has_entries 1
	is "received by hand, byte for byte" "$(tree_sums)" "$(folder_sums "$scratch/received")"
	lib_unmount "$mnt"
}

choose_files
small_dicom file "$large" 8 1 1 0 1 1400
receiver_start "$store" || exit 1
start_mount || exit 1
wait_complete || exit 1
arrival
again
other_sender
cut_off
killed
half_file
stop_mount
choice
full_disk
receiver_stop
by_hand
check_fails "no receiver ended by itself" grep '^F:' "$scratch/receiver.log"
