#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Samba over a mount: every name is one that Windows can open, and a client
# copies studies whole. The share is that of mount-helpers/smb.conf.example; smbd
# runs for this test alone, on the loopback interface.

. "$(dirname "$0")/tools-lib.sh"
need_fuse
plain_build_only

server=
smbd=$(PATH=$PATH:/usr/sbin:/sbin command -v smbd)
samba=$scratch/samba

# ---- Names --------------------------------------------------------------

# Names of people and series that Windows would not have.
odd_names() {
	python3 - "$mount_tests/small-dicom" "$store" <<'PYTHON'
import os, runpy, sys
small = runpy.run_path(sys.argv[1])
element = small["element"]
names = ["CON", "aux.txt", "Trailing. ", "COM1", "LPT9.x", "a:b?*<>|\"c", "x" * 64,
         "Grün^Jörg", "Ünï" * 20, "...", "   ", "山田^太郎", "con", "Con", "-dash", ".dot",
         "semi;colon$dollar`tick'quote"]
for number, name in enumerate(names, 100):
    data = small["instance"](number, 1, 1)
    for tag, vr, old in ((0x00100010, "PN", "Test^Patient %d" % number),
                         (0x00081030, "LO", "Study of %d" % number),
                         (0x0008103E, "LO", "Series 1")):
        data = data.replace(element(tag, vr, old), element(tag, vr, name[:64]))
    with open(os.path.join(sys.argv[2], "odd-%d.dcm" % number), "wb") as file:
        file.write(data)
PYTHON
}

# ---- The server ---------------------------------------------------------

write_configuration() { # PORT
	mkdir -p "$samba"/{private,lock,state,cache,pid,ncalrpc,log}
	cat >"$samba/smb.conf" <<EOF
[global]
	server role = standalone server
	interfaces = 127.0.0.1
	bind interfaces only = yes
	smb ports = $1
	disable netbios = yes
	disable spoolss = yes
	load printers = no
	rpc start on demand helpers = no
	map to guest = Bad User
	guest account = nobody
	passdb backend = tdbsam:$samba/private/passdb.tdb
	private dir = $samba/private
	lock directory = $samba/lock
	state directory = $samba/state
	cache directory = $samba/cache
	pid directory = $samba/pid
	ncalrpc dir = $samba/ncalrpc
	log file = $samba/log/smbd
	log level = 1
EOF
	sed "s:^\(.*path = \).*:\1$mnt:" "$top_srcdir/mount-helpers/smb.conf.example" >>"$samba/smb.conf"
	printf '\tguest ok = yes\n' >>"$samba/smb.conf"
}

client() { # COMMANDS
	smbclient -s "$samba/smb.conf" -p "$port" -N -U% "//127.0.0.1/dicom" -c "$1"
}

server_stop() {
	test -n "$server" || return
	kill -- "-$server" 2>/dev/null || kill "$server" 2>/dev/null
	wait "$server" 2>/dev/null
	server=
}

# In a session of its own: it ends all of its process group when it ends.
server_start() {
	port=$(free_port)
	write_configuration "$port"
	setsid "$smbd" --foreground --no-process-group -s "$samba/smb.conf" -l "$samba/log" \
		>"$samba/out" 2>&1 </dev/null &
	server=$!
	wait_for 30 client "ls" && return
	note "$(tail -n 5 "$samba/out" "$samba"/log/* 2>/dev/null)"
	server_stop
	return 1
}

samba_end() {
	local status=$?
	server_stop
	(exit $status)
	mount_end
}
trap samba_end EXIT

# ---- What a client sees -------------------------------------------------

copy() { # FOLDER OF THE SHARE: into $scratch/copy
	rm -rf "$scratch/copy"
	mkdir "$scratch/copy"
	client "lcd \"$scratch/copy\"; cd \"$1\"; recurse ON; prompt OFF; mget *" >"$scratch/out" 2>&1 ||
		note "$(grep -v '^getting file' "$scratch/out" | head -n 20)"
}

upper() {
	LC_ALL=C tr '[:lower:]' '[:upper:]'
}

all_lists_alike() {
	client "recurse ON; cd patients; ls" >"$scratch/out"
	is "a client lists as many files" \
		"$(grep -cE '^  .*[.](dcm|json|png) +[A-Z]* +[0-9]+  ' "$scratch/out")" \
		"$(find "$mnt/patients" -type f | wc -l)"
	is "and their bytes" \
		"$(sed -nE 's/^  .*[.](dcm|json|png) +[A-Z]* +([0-9]+)  .*/\2/p' "$scratch/out" |
			awk '{ sum += $1 } END { print sum }')" \
		"$(find "$mnt/patients" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')"
}

client_tests() {
	local study link file
	all_lists_alike
	study=$(cd "$reference" && find . -mindepth 2 -maxdepth 2 | sort | head -n 1)
	study=${study#./}
	copy "patients/$study"
	check "a study is copied whole" diff -r "$reference/$study" "$scratch/copy"
	link=$(cd "$mnt" && find dates -type l | sort | tail -n 1)
	copy "$link"
	check "so is one by its date" diff -r "$mnt/$link/" "$scratch/copy"
	copy "patients"
	check "all patients are copied whole" diff -r "$reference" "$scratch/copy"

	# Open by names in another case; letters beyond ASCII stay.
	file=$(cd "$reference" && find . -name '*.png' | sort | tail -n 1)
	file=patients/${file#./}
	client "get \"$(printf '%s' "$file" | upper)\" \"$scratch/copy/upper\"" >"$scratch/out" 2>&1
	check "names in capitals open" cmp "$mnt/$file" "$scratch/copy/upper"
	client "get \"patients/no such file\" \"$scratch/copy/none\"" >"$scratch/out" 2>&1
	contains "what is not there is not found" "$(cat "$scratch/out")" NT_STATUS_OBJECT_
	for command in "put /etc/hostname new" "mkdir new" "rm \"$file\"" "rename \"$file\" new"; do
		client "$command" >"$scratch/out" 2>&1
		contains "no ${command%% *}" "$(cat "$scratch/out")" NT_STATUS_
	done
}

mixed_store
odd_names
nobody=$(id -g nobody 2>/dev/null || echo 65534)
chmod 711 "$scratch"
for tier in $tiers; do
	note "$tier"
	if [ "$(id -u)" -eq 0 ]; then
		mount_tier "$tier" "allow_other,gid=$nobody" || exit 1
	else
		mount_tier "$tier" || exit 1
	fi
	if [ ! -d "$reference" ]; then
		make_reference
		check "Windows can open every name" python3 "$mount_tests/windows-names" "$mnt"
		note "$(python3 "$mount_tests/windows-names" "$mnt" | tail -n 1)"
	fi
	if [ -z "$smbd" ] || ! command -v smbclient >/dev/null; then
		skip "Samba" "smbd or smbclient is missing"
	elif [ "$(id -u)" -ne 0 ]; then
		skip "Samba" "smbd needs root"
	elif ! server_start; then
		skip "Samba" "smbd does not run here"
	else
		client_tests
		server_stop
	fi
	stop_mount
done
