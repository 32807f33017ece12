# Rows about looking at a tree without reading it, for tests/bench/run.
# SPDX-License-Identifier: MIT

tree_parts="patients dates accessions modalities uids"

# First and again, in a mount of its own.
twice() { # SERVER FIGURE COMMAND-WITH-VIEW...
	local server=$1 figure=$2 pass passes="first again"
	shift 2
	test "$server" != ext4-dropped || passes=first
	server_start "$server" "$tree_store" "$tree_index" || {
		note_value "$server" "$figure first" -
		return 0
	}
	for pass in $passes; do
		note_value "$server" "$figure $pass" "$("$@")"
	done
	server_stop
}

walk_seconds() {
	rate "$build/tests/bench/tree-rate" walk "$view" | cut -d ' ' -f 1
}
find_seconds() { # FIND-ARGUMENT...
	seconds find "$view" "$@"
}
du_seconds() {
	seconds du -s "$view"
}
lookup_rate() {
	rate "$build/tests/bench/tree-rate" lookup "$view" <"$tree_store.paths"
}
ls_seconds() { # FOLDER
	seconds ls -l "$view/$1"
}
# Microseconds of one lookup, with both ends on one processor.
pinned_lookup() { # FOLDER
	local got
	got=$(find "$ext4_mnt/$1" -type f -printf '%f\n' |
		${pin-} "$build/tests/bench/tree-rate" lookup "$view/$1") 2>/dev/null || got=
	awk -v rate="${got:--}" 'BEGIN { print rate == "-" ? "-" : 1e6 / rate }'
}

# Makes a tree as mounts and as files: sets tree_name, tree_store, tree_index.
set_tree() { # NAME COUNT MAKE-STORE-OPTION...
	tree_store=$(shaped_store "$@")
	tree_name=$1
	tree_index=$(served_index "$tree_store")
	ext4_tree "$tree_store" "$tree_index" "" $tree_parts || return 1
	squashfs_tree "$tree_store"
	tree_entries=$(find "$ext4_mnt" | wc -l)
	(cd "$ext4_mnt" && find patients -type f | sort) >"$tree_store.paths"
}

whole_tree_round() { # SERVER
	twice "$1" "$tree_name walk" walk_seconds
	test "$1" != squashfs || return 0
	twice "$1" "$tree_name find" find_seconds -type f
	twice "$1" "$tree_name ls" find_seconds -ls
	twice "$1" "$tree_name du" du_seconds
	twice "$1" "$tree_name lookup" lookup_rate
}

whole_tree_rows() {
	local pass text="of $tree_entries entries"
	for pass in first again; do
		figure_rows "$tree_name walk $pass" "walk with lstat $text, s, $pass"
		figure_rows "$tree_name find $pass" "find -type f $text, s, $pass"
		figure_rows "$tree_name ls $pass" "find -ls $text, s, $pass"
		figure_rows "$tree_name du $pass" "du -s $text, s, $pass"
		figure_rows "$tree_name lookup $pass" "random lookups $text, lookups/s, $pass"
	done
}

whole_tree() { # NAME COUNT MAKE-STORE-OPTION...
	local servers i server
	set_tree "$@" || return 0
	servers=$(servers_of "$tree_entries" ours copy ext4 ext4-dropped hp ll squashfs)
	for ((i = 0; i < rounds; i++)); do
		for server in $servers; do
			whole_tree_round "$server"
		done
	done
	ext4_unmount
	whole_tree_rows
}

# One folder of each size, in a tree of which nothing else is looked at.
large_folders() { # NAME COUNT SIZE...
	local name=$1 count=$2 server i size pass path
	shift 2
	set_tree "$name" "$count" -s "$(echo "$*" | tr ' ' ,)" || return 0
	for size in "$@"; do
		path=$(cd "$ext4_mnt" && find patients -type d -name png -exec sh -c \
			'test "$(ls -U "$1" | wc -l)" -ne "$2" || echo "$1"' sh {} "$size" ';' | head -n 1)
		for ((i = 0; i < rounds; i++)); do
			for server in $(servers_of "$size" ours copy ext4 ext4-dropped hp ll); do
				twice "$server" "ls -l $size" ls_seconds "$path"
				test "$size" -eq "$2" || continue
				pin="taskset -c 0" twice "$server" pinned pinned_lookup "$path"
			done
		done
	done
	ext4_unmount
	for size in "$@"; do
		for pass in first again; do
			figure_rows "ls -l $size $pass" "ls -l of a folder of $size, s, $pass"
		done
	done
	figure_rows "pinned first" "one lookup in a folder of $2, both ends on one processor, us, first"
}

rows_tree() {
	local tree_name tree_store tree_index tree_entries
	need_root tree || return 0
	find_peers
	touch_memory 6144
	whole_tree tree-large $tree_files -s 100
	# So few that the peers, too, can have them all open.
	whole_tree tree-small $tree_few -s 100
	large_folders tree-folders $(($(echo $folder_sizes | tr ' ' +))) $folder_sizes
}
