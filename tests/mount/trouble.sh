#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Trouble with the store: what cannot be read, what changes while it is read, disks
# that go and come back, and very many files at once. Whatever happens, what is read
# is right or an error, and nothing leaves the tree that was not deleted.

. "$(dirname "$0")/tools-lib.sh"
need_fuse

beside() {
	python3 "$mount_tests/beside" "$@"
}
ask() { # has the mount look at the store, and waits
	"$top_builddir/dicomfs-index" --quiet --index="$index" "$store" >/dev/null 2>&1
}
names() { # with what identifies them
	(cd "$mnt" && find patients -name '*.dcm' -printf '%P %i %s %T@\n' | sort)
}
instances() {
	find "$mnt/patients" -name '*.dcm' | wc -l
}
there_are() { # INSTANCES
	test "$(instances)" -eq "$1"
}
problem() { # PATH CODE
	grep -q "^$1	$2	" "$mnt/.dicomfs/problems.txt"
}
no_problem() {
	! problem "$@"
}
counts_add_up() {
	test "$(status_number files)" -eq $(($(status_number in_tree) + \
		$(status_number duplicates) + $(status_number skipped) + $(status_number failed) + \
		$(status_number pending)))
}
dcm() { # INSTANCE
	ls "$mnt"/patients/*/*/*/dcm/0000"$1"~*.dcm
}
error_of() { # FILE
	LC_ALL=C cat "$1" 2>&1 >/dev/null | sed 's/.*: //'
}
whole() { # NAME INSTANCE FILE
	check "$1" cmp "$(dcm "$2")" "$3"
}

# ---- Faults below --------------------------------------------------------

source=$scratch/source
faults=$scratch/faults
for i in 1 2 3 4 5 6; do
	mkdir -p "$source/p"
	small_dicom file "$source/p/i$i.dcm" 1 1 $i $i 1 $((i * 60))
done
series=1
for folder in listed-2 listed-0 closed; do
	mkdir "$source/$folder"
	series=$((series + 1))
	small_dicom run "$source/$folder" 1 $series 11 14
done
: >"$faults"
"$top_builddir/tests/mount/fault-store" "$source" "$store" "$faults" >>"$scratch/fault.log" 2>&1 &
fault_store=$!
wait_for 20 mountpoint -q "$store" || exit 99
fault() { # [LINE...]: from now on these alone
	printf '%s\n' "$@" >"$faults.new"
	mv "$faults.new" "$faults"
}

# What is passed through is as short as the store says.
start_mount no_passthrough || exit 1
wait_complete || exit 1
before=$(names)
is "a store with faults, before there are any" "$(instances)" 18

fault "eio-read /p/i5.dcm 40000"
is "EIO in the middle of a file" "$(error_of "$(dcm 5)")" "Input/output error"
check_fails "nor has it a picture" cat "$mnt"/patients/*/*/*/png/00005*
whole "others can be read" 4 "$source/p/i4.dcm"
fault "short-read /p/i6.dcm 70000"
whole "when the fault is gone, it can be" 5 "$source/p/i5.dcm"
check "and has a picture" wc -c "$mnt"/patients/*/*/*/png/00005*
is "a file that ends too early" "$(error_of "$(dcm 6)")" "Input/output error"
fault "eio-open /p/i1.dcm" "eacces /p/i3.dcm"
whole "when it is whole again" 6 "$source/p/i6.dcm"
is "a file that cannot be opened" "$(error_of "$(dcm 1)")" "Input/output error"
check_fails "a file that may not be opened" cat "$(dcm 3)"

# Scans.
small_dicom file "$source/p/i7.dcm" 1 1 7 7 1 100
fault "eio-list /listed-2 2" "eio-list /listed-0 0" "eacces /closed" "eacces /p/i3.dcm" \
	"eio-read /p/i7.dcm 0"
ask
is "what cannot be listed or opened: nothing leaves" "$(names)" "$before"
for path in listed-2 listed-0 closed; do
	check "there is a line of $path" problem $path unreadable
done
check "a new file that cannot be read has a line" problem p/i7.dcm unreadable
check "counts add up" counts_add_up
fault "eio-list / 0"
ask
is "a store that cannot be listed: nothing leaves" "$(names)" "$before"
fault "eio-stat /p/i6.dcm" "gone /p/i5.dcm"
ask
check "a file without attributes is in the tree or has a line" \
	eval 'there_are 18 || problem p/i6.dcm unreadable'
check_fails "one that is gone leaves" dcm 5
check "counts add up, still" counts_add_up
for path in listed-2 listed-0 closed; do
	check "the line of $path goes with the fault" no_problem $path unreadable
done
fault
ask
is "without faults, all are there" "$(names | grep -v /00007~)" "$before"
is "and the new one, too" "$(instances)" 19
is "and no line" "$(cat "$mnt/.dicomfs/problems.txt")" ""
check "the scan is complete" is_complete
whole "what might not be opened is read" 3 "$source/p/i3.dcm"
whole "what could not be read is" 7 "$source/p/i7.dcm"

# Waits for as long as the store does; others do not.
fault "stall /p/i2.dcm"
cat "$(dcm 2)" >"$scratch/stalled" &
reader=$!
sleep 0.3
check "a store that stalls: listing goes on" timeout 60 ls -lR "$mnt"
whole "and others are read" 1 "$source/p/i1.dcm"
is "its reader waits" "$(stat -c %s "$scratch/stalled")" 0
fault
wait $reader
check "and has it all in the end" cmp "$scratch/stalled" "$source/p/i2.dcm"
stop_mount
lib_unmount "$store"
wait $fault_store
rm -f "$index"*

# ---- Rights ----------------------------------------------------------------

# Root may read everything, unless it gives that up.
rights() {
	local file before
	local -a as=()

	test "$(id -u)" -ne 0 || as=(setpriv --bounding-set=-dac_override,-dac_read_search
		--inh-caps=-dac_override,-dac_read_search)
	store=$scratch/rights
	index=$scratch/index-rights/index.sqlite
	mkdir "$store" "$scratch/index-rights"
	small_store 1 2 3
	chmod 0 "$store/p1/s1"
	if "${as[@]}" ls "$store/p1/s1" >/dev/null 2>&1; then
		skip "rights" "everything may be read here"
		return
	fi
	chmod 755 "$store/p1/s1"
	"${as[@]}" "$dicomfs" -o "wait,index=$index" "$store" "$mnt" >>"$scratch/log" 2>&1 || {
		skip "rights" "cannot mount without rights: $(tail -n 1 "$scratch/log")"
		return
	}
	before=$(names)
	file=$(cd "$mnt" && find patients -name '00002~*.dcm' | sort | tail -n 1)
	chmod 0 "$store/p1/s2/i2.dcm" "$store/p1/s1"
	check "a folder without rights has a line" wait_for 20 problem p1/s1 unreadable
	is "and nothing leaves" "$(names | grep -vF "${file##*/}")" \
		"$(echo "$before" | grep -vF "${file##*/}")"
	check_fails "a file without rights cannot be read" cat "$mnt/$file"
	check "it is in the tree or has a line" eval 'there_are 6 || problem p1/s2/i2.dcm unreadable'
	chmod 755 "$store/p1/s1"
	chmod 644 "$store/p1/s2/i2.dcm"
	check "the line goes" wait_for 20 no_problem p1/s1 unreadable
	check "with rights, everything can be read" wait_for 20 walk read "$mnt/patients"
	is "and all is as before" "$(names)" "$before"
	lib_unmount "$mnt"
	wait_for 20 eval '! mountpoint -q "$mnt"'
}
if command -v setpriv >/dev/null; then
	rights
else
	skip "rights" "setpriv is missing"
fi

# ---- Versions --------------------------------------------------------------

# The store is not on FUSE: it is watched, as others are.
versions() { # TIER [big]
	store=$scratch/versions-$1
	index=$scratch/index-$1/index.sqlite
	mkdir "$store" "$scratch/index-$1"
	beside make "$scratch/made-$1" 4 >/dev/null
	find "$scratch/made-$1" -name '*.dcm' | sort | awk '{ print NR, $0 }' |
		while read -r number file; do
			cp "$file" "$store/$number.dcm"
		done
	if [ "$1" = default ]; then
		start_mount wait || exit 1
	else
		start_mount "wait,$1" || exit 1
	fi
	check "$1: whole versions or errors" beside versions 2 "$mnt" "$store" ${2:-}
	for number in 1 2 3 4; do
		wait_for 20 cmp "$(dcm $number)" "$store/$number.dcm"
		whole "$1: the last version of $number is read in the end" $number "$store/$number.dcm"
	done
	check "$1: everything as long as stat says" walk read -r "$mnt/patients"

	# Shortened while it is open.
	beside make "$scratch/long-$1" 1 >/dev/null
	small_dicom file "$store/5.dcm" 1 2 5 1 1 200
	wait_for 20 eval 'test "$(find "$mnt/patients" -name "00005~*.dcm" | wc -l)" -eq 1'
	exec 7<"$(dcm 5)"
	truncate -s 20000 "$store/5.dcm"
	if [ "$1" != default ]; then
		is "$1: a file that is shortened while it is open" \
			"$(LC_ALL=C dd bs=64k count=1 <&7 2>&1 >/dev/null | grep -cE 'Stale|Input/output')" 1
	fi
	exec 7<&-
	rm "$store/5.dcm"
	wait_for 20 eval '! ls "$mnt"/patients/*/*/*/dcm/00005~*'
	check_fails "$1: when it is deleted, it leaves" dcm 5
	stop_mount
}
for tier in $tiers; do
	test "$tier" = default && versions "$tier" || versions "$tier" big
done

# ---- Disks -----------------------------------------------------------------

state() {
	sed -n 's/.*"state": "\([a-z]*\)".*/\1/p' "$mnt/.dicomfs/status.json"
}
state_is() { # STATE
	test "$(state)" = "$1"
}
all_read() {
	walk read "$mnt/patients"
}

disks() {
	store=$scratch/disk
	index=$scratch/index-disk/index.sqlite
	mkdir "$store" "$scratch/index-disk"
	truncate -s 24M "$scratch/image" && mkfs.ext4 -q "$scratch/image" 2>/dev/null &&
		mount -o loop "$scratch/image" "$store" 2>/dev/null || {
		skip "disks" "no disk image can be mounted here"
		return
	}
	small_store 1 2 3
	start_mount || exit 1
	wait_complete || exit 1
	before=$(names)
	check "a disk: everything is read" all_read

	umount -l "$store"
	check "a disk that is gone: the state says so" wait_for 20 state_is suspicious
	is "nothing leaves" "$(names)" "$before"
	is "and what is read is right, or EIO" "$(for file in "$mnt"/patients/*/*/*/dcm/*; do
		error_of "$file"; done | grep -v 'Input/output error')" ""
	mount -o loop "$scratch/image" "$store"
	check "when it is back, everything is read" wait_for 30 all_read
	check "and the scan is complete" wait_for 30 is_complete
	is "nothing has left" "$(names)" "$before"
	small_dicom file "$store/late.dcm" 1 3 1
	check "and what comes is seen" wait_for 20 there_are 7
	rm "$store/late.dcm"
	check "and what goes" wait_for 20 there_are 6

	umount -l "$store"
	mount -t tmpfs none "$store"
	check "another disk, an empty one: the state says so" wait_for 20 state_is suspicious
	is "nothing leaves" "$(names)" "$before"
	small_dicom file "$store/other.dcm" 2 1 1
	check "another disk with a file: that is seen" wait_for 20 there_are 7
	is "nothing leaves for that" "$(names | grep -F "Patient 1 ")" "$before"
	check "the state says so" wait_for 20 state_is suspicious
	umount -l "$store"
	mount -o loop "$scratch/image" "$store"
	check "the right one again: everything is read" wait_for 30 all_read
	check "the other one's files leave" wait_for 30 there_are 6
	check "complete again" wait_for 30 is_complete
	is "all as it was" "$(names)" "$before"

	# A disk in the store.
	mkdir "$store/inner"
	mount -t tmpfs none "$store/inner"
	small_dicom tree "$store/inner" 3 1 2
	check "a disk inside the store" wait_for 20 there_are 10
	before=$(names)
	umount -l "$store/inner"
	ask
	is "when it is gone, nothing leaves" "$(names)" "$before"
	is "what is read is right, or EIO" "$(for file in "$mnt"/patients/*/*/*/dcm/*; do
		error_of "$file"; done | grep -v 'Input/output error')" ""
	small_dicom file "$store/late.dcm" 1 3 1
	check "the rest of the store lives on" wait_for 20 there_are 11
	stop_mount
	start_mount wait || exit 1
	is "nor after a restart" "$(instances)" 11
	stop_mount
	umount "$store"
}
if [ "$(id -u)" -ne 0 ]; then
	skip "disks" "only root can mount them"
else
	disks
fi

# ---- Many at once ------------------------------------------------------------

count=10000
test -z "$full" || count=100000
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) count=2000 ;;
esac
store=$scratch/many
index=$scratch/index-many/index.sqlite
mkdir "$store" "$scratch/index-many"
beside make "$scratch/staged" $count >/dev/null
beside make "$store/before" 10 490000 >/dev/null
start_mount wait || exit 1
beside arrive "$mnt" "$store" "$scratch/staged" 8 >"$scratch/said" 2>&1
status=$?
note "$(cat "$scratch/said")"
is "$count files at once, with readers" $status 0
stop_mount
