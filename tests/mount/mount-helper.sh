#!/bin/bash
# SPDX-License-Identifier: MIT
#
# mount.dicomfs: what mount(8) and systemd hand over, and what comes of it.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

helper=$top_srcdir/mount-helpers/mount.dicomfs
cd "$scratch" || exit 99
mkdir bin store mnt
printf 'no DICOM\n' >store/readme.txt

# A stand-in that says how it was called.
cat >bin/dicomfs <<'PROGRAM'
#!/bin/sh
for argument; do printf '[%s]' "$argument"; done
exit "${RESULT:-0}"
PROGRAM
chmod +x bin/dicomfs

calls() { # NAME EXPECTED ARGUMENT...
	local name=$1 expected=$2
	shift 2
	is "$name" "$(PATH=$scratch/bin:$PATH "$helper" "$@" 2>&1)" "$expected"
}
calls "plain" "[--][/s][/m]" /s /m
calls "as mount(8) calls" "[-o][rw,allow_other][--][/s][/m]" /s /m -o rw,allow_other
calls "letters in one" "[-o][ro][--][/s][/m]" /s /m -sno ro
calls "value in the same word" "[-o][ro][--][/s][/m]" -oro /s /m
calls "several lists" "[-o][ro,index=/a b][--][/s][/m]" -o ro /s /m -o "index=/a b"
calls "type and name space" "[--][/s][/m]" /s /m -t fuse.dicomfs -N 1234
calls "spaces" "[--][/s tore][/m nt]" "/s tore" "/m nt"
calls "fake" "" /s /m -f -o rw
calls "fake and verbose" "dicomfs -o rw -- /s /m" /s /m -fv -o rw
calls "verbose" "dicomfs -- /s /m
[--][/s][/m]" -v /s /m

ends() { # NAME CODE RESULT ARGUMENT...
	local name=$1 code=$2 result=$3
	shift 3
	RESULT=$result PATH=$scratch/bin:$PATH "$helper" "$@" >/dev/null 2>&1
	is "exit code: $name" $? "$code"
}
ends "mounted" 0 0 /s /m
ends "wrong option" 1 2 /s /m
ends "STORE missing" 32 3 /s /m
ends "mount failed" 32 1 /s /m
ends "no mount point" 1 0 /s
ends "too many arguments" 1 0 /s /m /x
ends "unknown letter" 1 0 -z /s /m
ends "no value" 1 0 /s /m -o

# The real thing: mount(8) finds helpers in /sbin only and sets PATH, so that
# folder gets two more files, for this test's eyes.
# shellcheck disable=SC2016
with_helper() {
	unshare --mount bash -c '
		sbin=$1
		shift
		mount -t overlay -o "lowerdir=$sbin:$(realpath /sbin)" none "$(realpath /sbin)" &&
			exec "$@"' bash "$scratch/sbin" "$@"
}
mkdir sbin && cp "$helper" sbin/mount.dicomfs && chmod +x sbin/mount.dicomfs
ln -s "$top_builddir/dicomfs" sbin/dicomfs
if [ -c /dev/fuse ] && with_helper true 2>/dev/null; then
	export index=$scratch/index.sqlite
	# shellcheck disable=SC2016
	got=$(with_helper bash -c '
		mount -t dicomfs -o "rw,noatime,_netdev,x-systemd.automount,index=$index" store mnt &&
			ls mnt && findmnt -n -o FSTYPE,SOURCE,OPTIONS mnt
		umount mnt' 2>&1)
	contains "mount -t dicomfs: mounts" "$got" "patients"
	contains "mount -t dicomfs: type and source" "$got" "fuse.dicomfs"
	contains "mount -t dicomfs: source is STORE" "$got" "$scratch/store"
	contains "mount -t dicomfs: always read-only" "$got" "ro,nosuid,nodev,noexec"

	printf '%s %s dicomfs kinds=dcm,json,noauto,user,nofail,index=%s 0 0\n' \
		"$scratch/store" "$scratch/mnt" "$index" >fstab
	got=$(with_helper bash -c 'mount --fstab fstab mnt && ls mnt; umount mnt' 2>&1)
	contains "a line of fstab: mounts" "$got" "patients"
	with_helper mount -t dicomfs nowhere mnt >/dev/null 2>&1
	is "mount -t dicomfs: exit code of a failure" $? 32
else
	skip "mount -t dicomfs" "FUSE or overlay cannot be used here"
fi
