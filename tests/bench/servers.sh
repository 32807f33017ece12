# The file systems that show one tree, for tests/bench/run.
# SPDX-License-Identifier: MIT
#
#   ours      dicomfs as it comes
#   copy      dicomfs with -o no_passthrough, where it has that
#   ext4      the tree copied out of the mount into a file system of its own
#   hp, ll    libfuse's passthrough_hp and passthrough_ll over that
#   squashfs  squashfuse_ll over an image of it
#
# Values are noted by server and figure, and become rows when all rounds are over.

declare -A values=()
ext4_mnt=$scratch/ext4
server_job=

note_value() { # SERVER FIGURE VALUE
	local key="$1 $2"
	values[$key]="${values[$key]-} ${3:--}"
}

# "-" when there is none, or one round failed.
median_of() { # SERVER FIGURE
	local all=${values["$1 $2"]--}
	case " $all " in
	*" - "*) echo - ;;
	*) median $all ;;
	esac
}

# A row for each tier of ours beside each peer that was measured.
figure_rows() { # FIGURE TEXT
	local tier peer mine theirs
	for tier in ours copy; do
		mine=$(median_of $tier "$1")
		test "$mine" != - || continue
		for peer in ext4 ext4-dropped hp ll squashfs; do
			test -n "${values["$peer $1"]-}" || continue
			theirs=$(median_of $peer "$1")
			row "$2$(test $tier = ours || echo ", copy tier") (peer: ${peer_name[$peer]})" \
				"$mine" "$theirs"
		done
	done
}
declare -A peer_name=([ext4]="ext4" [ext4-dropped]="ext4, dentries dropped"
	[hp]="passthrough_hp" [ll]="passthrough_ll" [squashfs]="squashfuse_ll")

# Seconds that a command takes; "-" when it fails.
seconds() { # COMMAND...
	local start=$EPOCHREALTIME
	"$@" >/dev/null 2>&1 || {
		echo -
		return 0
	}
	awk -v s="$start" -v e="$EPOCHREALTIME" 'BEGIN { printf "%.6f\n", e - s }'
}

has_option() { # NAME
	"$build/dicomfs" --list-options | grep -qx "$1"
}

# Of all memory, half is enough and never all there is.
touch_memory() { # MIB
	local free
	free=$(awk '/^MemAvailable:/ { print int($2 / 2048) }' /proc/meminfo)
	"$build/tests/bench/io-rate" touch "$((free < $1 ? free : $1))M"
}

# Dentries and inodes only: page caches stay.
drop_dentries() {
	echo 2 >/proc/sys/vm/drop_caches
}

# ---- Peers -------------------------------------------------------------------

# libfuse's examples as its package has them, from its sources.
fetch_fuse() {
	local at=$folder/fuse3
	test ! -d "$at"/fuse3-*/example || return 0
	command -v dpkg-source >/dev/null || return 1
	mkdir -p "$at/lists/partial"
	awk '/^VERSION_CODENAME=/ { sub(/.*=/, ""); print "deb-src http://deb.debian.org/debian", $0, "main" }' \
		/etc/os-release >"$at/sources.list"
	(
		cd "$at" || exit 1
		options="-q -o Dir::Etc::SourceList=$at/sources.list -o Dir::Etc::SourceParts=/dev/null
			-o Dir::State::Lists=$at/lists"
		apt-get $options update && apt-get $options source fuse3
	) >"$at/log" 2>&1 </dev/null
}

# Sets $hp and $ll; empty: missing.
find_peers() {
	local source
	hp=${BENCH_PASSTHROUGH_HP:-$folder/passthrough_hp}
	if [ ! -x "$hp" ]; then
		fetch_fuse && source=$(echo "$folder"/fuse3/fuse3-*/example/passthrough_hp.cc) &&
			"${CXX:-g++}" -std=c++17 -O2 "$source" -o "$hp" \
				$(pkg-config --cflags --libs fuse3) >"$folder/passthrough_hp.log" 2>&1 || {
			say "passthrough_hp is missing: name one in BENCH_PASSTHROUGH_HP"
			hp=
		}
	fi
	ll=$folder/passthrough_ll
	source=/usr/share/doc/libfuse3-dev/examples/passthrough_ll.c
	if [ ! -x "$ll" ]; then
		{ test -f "$source" || source=$(echo "$folder"/fuse3/fuse3-*/example/passthrough_ll.c); } &&
			"${CC:-gcc}" -O2 "$source" -o "$ll" $(pkg-config --cflags --libs fuse3) \
				>"$folder/passthrough_ll.log" 2>&1 || {
			say "passthrough_ll is missing"
			ll=
		}
	fi
	squashfs=$(command -v squashfuse_ll || true)
	test -n "$squashfs" && command -v mksquashfs >/dev/null || {
		say "squashfuse_ll or mksquashfs is missing"
		squashfs=
	}
}

# Both keep a descriptor for each file that the kernel knows.
server_fits() { # SERVER ENTRIES
	local limit
	limit=$(ulimit -Hn)
	case $1 in
	hp | ll) test "$limit" = unlimited || test $((${2:-0} + 500)) -lt "$limit" ;;
	esac
}

# Those that are there and can show so many entries.
servers_of() { # ENTRIES NAME...
	local entries=$1 name
	shift
	for name in "$@"; do
		case $name in
		copy) has_option no_passthrough || continue ;;
		hp) test -n "$hp" || continue ;;
		ll) test -n "$ll" || continue ;;
		squashfs) test -n "$squashfs" || continue ;;
		esac
		server_fits "$name" "$entries" || {
			say "$name needs a descriptor for each of $entries files, and may have" \
				"$(ulimit -Hn): not measured"
			continue
		}
		echo "$name"
	done
}

# ---- The tree as files -------------------------------------------------------

ext4_unmount() {
	! mountpoint -q "$ext4_mnt" || umount "$ext4_mnt"
}

ext4_mount() { # IMAGE OPTIONS
	local loop
	mkdir -p "$ext4_mnt"
	ext4_unmount
	# The bytes shall not be in memory twice.
	loop=$(losetup --show --find --direct-io=on "$1" 2>/dev/null || losetup --show --find "$1")
	mount -t ext4 -o "noatime,$2" "$loop" "$ext4_mnt" || {
		losetup -d "$loop"
		return 1
	}
	losetup -d "$loop" # when it is unmounted
}

# Makes STORE.ext4 unless it is there, out of a mount of the store: what is in the
# folders given. It is left mounted, read-only.
ext4_tree() { # STORE INDEX OPTIONS FOLDER...
	local image=$1.ext4 store=$1 index=$2 options=$3 size files part
	shift 3
	if [ ! -f "$image.complete" ]; then
		say "copying the tree of $store into a file system"
		server_start ours "$store" "$index" "$options" || return 1
		size=$(du -s -B 1M "$scratch/mnt" | cut -f 1)
		files=$(find "$scratch/mnt" | wc -l)
		rm -f "$image"
		truncate -s "$((size * 5 / 4 + files / 256 + 64))M" "$image"
		mkfs.ext4 -q -F -m 0 -N $((files * 5 / 4 + 1024)) "$image" && ext4_mount "$image" rw || {
			server_stop
			return 1
		}
		for part in "$@"; do
			cp -a "$scratch/mnt/$part" "$ext4_mnt/" || {
				server_stop
				return 1
			}
		done
		ext4_unmount
		server_stop
		touch "$image.complete"
	fi
	ext4_mount "$image" ro
}

squashfs_tree() { # STORE
	local image=$1.squashfs
	test -n "$squashfs" || return 0
	test -f "$image.complete" || {
		rm -f "$image"
		mksquashfs "$ext4_mnt" "$image" -no-progress -noD -noF -noI >"$image.log" 2>&1 &&
			touch "$image.complete"
	}
}

# ---- Serving -----------------------------------------------------------------

wait_mounted() { # JOB
	until mountpoint -q "$scratch/mnt"; do
		kill -0 "$1" 2>/dev/null || {
			say "no mount: $(tail -n 1 "$scratch/mount.log")"
			return 1
		}
		sleep 0.01
	done
}

# A fresh mount: nothing of the tree is in any cache of the kernel's. $view is the
# folder to look at. $pin may hold a command to run it by.
server_start() { # SERVER STORE INDEX [OPTIONS]
	local options=index=$3${4:+,$4}
	mkdir -p "$scratch/mnt"
	view=$scratch/mnt
	case $1 in
	ext4 | ext4-dropped)
		view=$ext4_mnt
		server_job=
		test "$1" = ext4 || drop_dentries
		return 0
		;;
	ours) set -- "$build/dicomfs" -f -o "$options" "$2" "$view" ;;
	copy) set -- "$build/dicomfs" -f -o "$options,no_passthrough" "$2" "$view" ;;
	hp) set -- "$hp" --foreground "$ext4_mnt" "$view" ;;
	ll) set -- "$ll" -f -o "source=$ext4_mnt,cache=always" "$view" ;;
	squashfs) set -- "$squashfs" -f "$2.squashfs" "$view" ;;
	esac
	(ulimit -n "$(ulimit -Hn)" && exec ${pin-} "$@") >"$scratch/mount.log" 2>&1 &
	server_job=$!
	mount_job=$server_job
	wait_mounted $server_job || {
		mount_job=
		return 1
	}
	case $1 in
	*/dicomfs) until grep -q '"state": "complete"' "$view/.dicomfs/status.json"; do sleep 0.05; done ;;
	esac
}

server_stop() {
	test -n "$server_job" || return 0
	fusermount3 -u "$scratch/mnt" 2>/dev/null || umount "$scratch/mnt"
	wait $server_job || true
	server_job=
	mount_job=
}

# The index of a store that does not change, made once a run.
served_index() { # STORE
	local index
	index=$scratch/$(basename "$1").sqlite
	test -f "$index" || {
		say "scanning $1"
		"$build/dicomfs-index" --quiet --index="$index" "$1"
	}
	echo "$index"
}

warm() { # FOLDER...
	find "$@" -type f -exec cat {} + >/dev/null
}

shaped_store() { # NAME COUNT MAKE-STORE-OPTION...: prints the folder
	local path=$folder/$1-$2 count=$2
	shift 2
	test -f "$path.complete" || {
		say "making a store of $count files: $path"
		rm -rf "$path"
		"$build/tests/tools/make-store" "$@" "$count" "$path" >&2 && touch "$path.complete"
	}
	echo "$path"
}

need_root() { # GROUP
	test "$(id -u)" -eq 0 && command -v mkfs.ext4 >/dev/null && test -e /dev/loop-control || {
		say "$1 needs root, mkfs.ext4 and loop devices"
		return 1
	}
}
