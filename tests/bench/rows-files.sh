# Rows about reading files through a mount, for tests/bench/run.
# SPDX-License-Identifier: MIT

# $view/patients/... of the only patient's only file, whatever it is called.
only_file() { # SUFFIX
	find "$view/patients" -name "*$1" -type f | head -n 1
}

big_file_round() { # SERVER
	local pass
	server_start "$1" "$big" "$(served_index "$big")" kinds=dcm || return 0
	for pass in first again; do
		note_value "$1" "sequential $pass" \
			"$(rate "$build/tests/bench/io-rate" sequential "$(only_file .dcm)")"
	done
	server_stop
	server_start "$1" "$big" "$(served_index "$big")" kinds=dcm || return 0
	for pass in first again; do
		note_value "$1" "random $pass" \
			"$(rate "$build/tests/bench/io-rate" random "$(only_file .dcm)" $random_reads)"
	done
	server_stop
}

many_files_round() { # SERVER
	local readers pass
	for readers in 1 4; do
		server_start "$1" "$many" "$(served_index "$many")" kinds=dcm || return 0
		for pass in first again; do
			note_value "$1" "many $readers $pass" \
				"$(rate "$build/tests/bench/read-rate" "$view/patients" .dcm $readers)"
		done
		server_stop
	done
}

pictures_round() { # SERVER
	local pass
	server_start "$1" "$pictures" "$(served_index "$pictures")" || return 0
	for pass in first again; do
		note_value "$1" "pictures $pass" \
			"$(rate "$build/tests/bench/read-rate" "$view/patients" .png 1)"
	done
	server_stop
}

# All servers in each round, one after another.
file_rounds() { # ROUND-FUNCTION SERVER...
	local i server step=$1
	shift
	for ((i = 0; i < rounds; i++)); do
		for server in "$@"; do
			$step "$server"
		done
	done
}

rows_files() {
	local big many pictures servers pass readers size
	need_root files || return 0
	find_peers
	big=$(shaped_store big-$big_frames 1 -x 512x512 -n $big_frames)
	many=$(shaped_store many $many_files -s 100 -x 500x500)
	pictures=$(shaped_store pictures $many_pictures -s 100 -x 512x512)
	size=$((big_frames * 512 * 512 * 2 / 1000000))
	touch_memory 8192
	warm "$big" "$many" "$pictures"
	servers=$(servers_of $many_files ours copy hp ll ext4)

	ext4_tree "$big" "$(served_index "$big")" kinds=dcm patients && warm "$ext4_mnt"
	file_rounds big_file_round $servers
	ext4_tree "$many" "$(served_index "$many")" kinds=dcm patients && warm "$ext4_mnt"
	file_rounds many_files_round $servers
	ext4_tree "$pictures" "$(served_index "$pictures")" kinds=png patients && warm "$ext4_mnt"
	file_rounds pictures_round $(servers_of 0 ours copy ext4)
	ext4_unmount

	for pass in first again; do
		figure_rows "sequential $pass" "a .dcm of $size MB from start to end, MB/s, $pass"
	done
	for pass in first again; do
		figure_rows "random $pass" "$random_reads random reads of 4 kB in it, reads/s, $pass"
	done
	for readers in 1 4; do
		for pass in first again; do
			figure_rows "many $readers $pass" \
				"$many_files .dcm of 500 kB, files/s, readers: $readers, $pass"
		done
	done
	for pass in first again; do
		figure_rows "pictures $pass" \
			"$many_pictures .png of CT 512x512, files/s, $pass; peer: equal files"
	done
}
