#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What a person can get wrong when mounting: each ends before the program goes
# into the background, with one line that says what it is and an exit code,
# and leaves no mount and no process behind.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

export HOME=$scratch/home XDG_CACHE_HOME=$scratch/cache
cd "$scratch" || exit 99
mkdir home store store/sub other mnt full full/x
printf 'no DICOM\n' >store/readme.txt
printf 'a file\n' >file
index=$scratch/index.sqlite
# A copy, where other users can run it too.
dicomfs=$scratch/dicomfs
cp "$top_builddir/dicomfs" . && chmod 755 . dicomfs
dicomfs_index=$top_builddir/dicomfs-index

# Runs dicomfs and expects LINE on standard error, word for word; %s in it
# stands for the scratch folder.
bad() { # NAME EXIT LINE ARGUMENT...
	local name=$1 code=$2 line=${3//%s/$scratch} got status mounts
	shift 3
	mounts=$(grep -cF " $scratch/" /proc/self/mounts)
	got=$("${as[@]}" timeout 60 "$dicomfs" "$@" 2>&1)
	status=$?
	is "$name: the line" "$got" "dicomfs: $line"
	is "$name: exit code" "$status" "$code"
	is "$name: mounts" "$(grep -cF " $scratch/" /proc/self/mounts)" "$mounts"
}

# The same in another setting, such as without rights.
as=()

### STORE and MOUNTPOINT

bad "STORE missing" 3 "STORE 'nowhere': No such file or directory" nowhere mnt
bad "STORE is a file" 3 "STORE '%s/file': not a folder" file mnt
bad "STORE below a file" 3 "STORE 'file/x': Not a directory" file/x mnt
bad "MOUNTPOINT missing" 4 "MOUNTPOINT 'nowhere': No such file or directory" store nowhere
bad "MOUNTPOINT is a file" 4 "MOUNTPOINT '%s/file': not a folder" store file
bad "MOUNTPOINT not empty" 4 \
	"MOUNTPOINT '%s/full': not empty; -o nonempty mounts over it" store full
bad "MOUNTPOINT is STORE" 4 "MOUNTPOINT '%s/store' is STORE itself" store store
bad "MOUNTPOINT in STORE" 4 \
	"MOUNTPOINT '%s/store/sub' is inside STORE '%s/store'" store store/sub
bad "STORE in MOUNTPOINT" 4 \
	"STORE '%s/store' is inside MOUNTPOINT '%s'" -o nonempty store .
bad "MOUNTPOINT busy" 4 \
	"MOUNTPOINT '/proc': busy, a file system (proc) is mounted there" store /proc

### Arguments

bad "no MOUNTPOINT" 2 "STORE and MOUNTPOINT are needed; 'dicomfs -h' shows how" store
bad "unknown option" 2 "unknown option 'nosuch'; 'dicomfs -h' lists the options" \
	-o nosuch store mnt
bad "unknown kind" 2 "option 'kinds': 'gif' is no kind; the kinds are $(
	"$dicomfs" -h | sed -n 's/.*of \([a-z,]*\) \[all\]$/\1/p' | sed 's/,/, /g'
)" -o kinds=gif store mnt
got=$(DICOMFS_DEBUG=nosuch "$dicomfs" store mnt 2>&1)
is "unknown word in DICOMFS_DEBUG: exit code" $? 2
contains "unknown word in DICOMFS_DEBUG: lists the words" "$got" "the words are scan, sql"

### The index

bad "index in STORE" 5 "index '%s/store/new/i' is inside STORE, which is never written" \
	-o index=store/new/i store mnt
bad "index in MOUNTPOINT" 5 "index '%s/mnt/i' is inside MOUNTPOINT" -o index=mnt/i store mnt
bad "index is a folder" 5 "index '%s/full': is a folder; name a file" -o index=full store mnt
bad "index below a file" 5 "index 'file/i': Not a directory" -o index=file/i store mnt
bad "index on a file system without files" 5 \
	"cannot make the folder /proc/nosuch of the index: No such file or directory" \
	-o index=/proc/nosuch/i store mnt

check "an index of the store can be made" "$dicomfs_index" -q --index="$index" store
bad "index of another store" 5 \
	"index %s/index.sqlite is of another store" -o "index=$index" other mnt
bad "index of other options" 5 \
	"index %s/index.sqlite is for other options that change names, sizes or bytes" -o "index=$index,follow" store mnt

set_version() { # FILE VERSION
	python3 - "$@" <<-'PYTHON'
		import sqlite3, sys
		database = sqlite3.connect(sys.argv[1])
		database.execute("PRAGMA user_version = %d" % int(sys.argv[2]))
		database.commit()
	PYTHON
}
if command -v python3 >/dev/null; then
	cp "$index" newer.sqlite
	set_version newer.sqlite 9999
	bad "index of a newer version" 5 \
		"index %s/newer.sqlite is of a newer version of dicomfs" \
		-o index=newer.sqlite store mnt
else
	skip "index of a newer version" "no python3"
fi

# A full disk: a small file system of our own, filled.
mkdir small
if mount -t tmpfs -o size=64k,mode=700 none small 2>/dev/null; then
	head -c 64k /dev/zero >small/filler 2>/dev/null
	got=$("$dicomfs" -o index=small/i store mnt 2>&1)
	is "index on a full disk: exit code" $? 5
	contains "index on a full disk: says so" "$got" "No space left on device"
	is "index on a full disk: one line" "$(printf '%s\n' "$got" | wc -l)" 1
	mount -o remount,ro small
	bad "index on a read-only file system" 5 \
		"cannot write the index %s/small/i: Read-only file system" \
		-o index=small/i store mnt
	umount small
else
	skip "index on a full disk" "cannot mount a tmpfs"
fi

# A /dev of its own, with nothing but what the first argument makes.
in_bare_dev() { # COMMAND-THAT-MAKES-FUSE COMMAND...
	# shellcheck disable=SC2016
	unshare --mount bash -c '
		mount -t tmpfs none /dev && eval "$1" && shift && exec "$@"' bash "$@"
}

# Only the rights of root hide what a user would meet.
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && in_bare_dev true true 2>/dev/null; then
	# Where root is alone, /dev/fuse is often for root alone.
	as=(in_bare_dev "mknod -m 666 /dev/fuse c 10 229"
		setpriv --reuid 65534 --regid 65534 --clear-groups)
	chmod 755 store && mkdir -m 700 private && mkdir -m 755 writable
	chown 65534 writable
	mkdir -m 700 writable/mnt && chown 65534 writable/mnt
	if "${as[@]}" "$dicomfs" -V >/dev/null 2>&1; then
		bad "STORE unreadable" 3 "STORE '%s/private' cannot be read: Permission denied" \
			private writable/mnt
		bad "index unwritable" 5 "cannot write the index %s/i: Permission denied" \
			-o index=i store writable/mnt
		bad "MOUNTPOINT of another user" 4 \
			"MOUNTPOINT '%s/mnt': not writable, so only root can mount there" store mnt
		grep -qs '^[[:space:]]*user_allow_other' /etc/fuse.conf ||
			bad "allow_other as a user" 6 \
				"allow_other: /etc/fuse.conf has to say user_allow_other first" \
				-o allow_other,index=writable/i store writable/mnt
		as=(in_bare_dev "mknod -m 600 /dev/fuse c 10 229"
			setpriv --reuid 65534 --regid 65534 --clear-groups)
		bad "/dev/fuse not permitted" 6 "/dev/fuse may not be opened: Permission denied" \
			-o index=writable/i store writable/mnt
	else
		skip "as another user" "the folder of the test is closed to other users"
	fi
	as=()
else
	skip "as another user" "not root"
fi

### /dev/fuse

if in_bare_dev true true 2>/dev/null; then
	as=(in_bare_dev true)
	bad "/dev/fuse missing" 6 \
		"/dev/fuse is missing: load the kernel module (modprobe fuse), or give this container the device" \
		-o "index=$index" store mnt
	as=(in_bare_dev "mknod /dev/fuse c 10 253")
	bad "/dev/fuse without a driver" 6 \
		"/dev/fuse: the kernel has no FUSE; load the module (modprobe fuse)" \
		-o "index=$index" store mnt
	as=()
else
	skip "/dev/fuse missing" "cannot make a mount namespace"
fi
if [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null && unshare --mount true 2>/dev/null; then
	without_fusermount() {
		# shellcheck disable=SC2016
		unshare --mount bash -c '
			for program in $(type -ap fusermount3); do
				mount --bind "$0" "$program" || exit 99
			done
			exec setpriv --reuid 65534 --regid 65534 --clear-groups "$@"' "$scratch/file" "$@"
	}
	if without_fusermount "$dicomfs" -V >/dev/null 2>&1; then
		as=(without_fusermount)
		bad "fusermount3 missing" 6 \
			"fusermount3 is missing (package fuse3), and only root can mount without it" \
			-o index=writable/i store writable/mnt
		as=()
	else
		skip "fusermount3 missing" "the folder of the test is closed to other users"
	fi
else
	skip "fusermount3 missing" "not root"
fi

### What is no mistake

if [ -c /dev/fuse ] && "$dicomfs" -o "index=$index" store mnt 2>mounted.err; then
	is "a good mount says nothing" "$(cat mounted.err)" ""
	check "a good mount is there when the command returns" test -d mnt/patients
	bad "MOUNTPOINT is mounted already" 4 \
		"MOUNTPOINT '%s/mnt': busy, a file system (fuse.dicomfs) is mounted there" \
		-o nonempty store mnt
	check "unmount" lib_unmount mnt
	wait_for 20 test ! -e mnt/patients

	# Until the program has ended the index is its own.
	wait_for 20 sh -c "! pgrep -f '^$dicomfs -o index=$index store'"
	# Damage is not the user's mistake: the index is only a cache.
	head -c 20000 /dev/urandom >"$index"
	rm -f "$index-wal" "$index-shm"
	check "a damaged index is rebuilt" sh -c \
		"'$dicomfs' -o 'index=$index' store mnt 2>rebuilt.err"
	contains "a damaged index is rebuilt with a warning" "$(cat rebuilt.err)" "dicomfs: warning: index"
	check "the damaged index is kept aside" test -s "$index.bad"
	check "unmount after a rebuild" lib_unmount mnt
	wait_for 20 test ! -e mnt/patients

	check "nonempty" "$dicomfs" -o "nonempty,index=$index" store full
	check "nonempty: mounted" test -d full/patients
	check "nonempty: unmount" lib_unmount full
	wait_for 20 test ! -e full/patients

	check "-o wait" "$dicomfs" -o "wait,index=$index" store mnt
	contains "-o wait: all is there" "$(cat mnt/.dicomfs/status.json)" '"complete"'
	pid=$(pgrep -f "^$dicomfs -o wait,index=$index" | head -n 1)
	check "killed" kill -9 "$pid"
	wait_for 20 sh -c '! ls mnt >/dev/null 2>&1'
	bad "MOUNTPOINT of a dead mount" 4 \
		"MOUNTPOINT '%s/mnt': busy, a mount whose program has ended; unmount it first: umount '%s/mnt'" \
		-o "index=$index" store mnt
	check "unmount a dead mount" lib_unmount mnt
else
	skip "good mounts" "FUSE cannot be used here: $(cat mounted.err 2>/dev/null)"
fi

### dicomfs-index

bad_index() { # NAME EXIT LINE ARGUMENT...
	local name=$1 code=$2 line=${3//%s/$scratch} got
	shift 3
	got=$(timeout 60 "$dicomfs_index" "$@" 2>&1)
	is "dicomfs-index, $name: exit code" "$?" "$code"
	is "dicomfs-index, $name: the line" "$got" "dicomfs-index: $line"
}
bad_index "no STORE" 2 "STORE is needed; 'dicomfs-index -h' shows how"
bad_index "unknown option" 2 "unknown option 'wait'; 'dicomfs-index -h' lists the options" \
	--wait store
bad_index "STORE missing" 1 "STORE 'nowhere': No such file or directory" nowhere
bad_index "index in STORE" 1 "index '%s/store/i' is inside STORE, which is never written" \
	--index=store/i store
bad_index "index of another store" 1 "index %s/index.sqlite is of another store" \
	--index="$index" other
