# Rows about decoding and about pictures read through a mount, for tests/bench/run.
# SPDX-License-Identifier: MIT
#
# Real files where there are, else made of them once by DCMTK's and GDCM's own
# encoders, in $folder/pixels.

data=${DICOMFS_TEST_DATA:-$top_srcdir/../shared/data}
pixels=$folder/pixels
seconds=${BENCH_SECONDS:-0.5} # of each run at least

# Makes a file unless it is there; nothing is left of a failure.
make_file() { # FILE COMMAND... ; "OUT" among the arguments is the file to write
	local file=$1 arguments=() one
	shift
	test ! -f "$file" || return 0
	mkdir -p "$(dirname "$file")"
	for one in "$@"; do
		test "$one" != OUT || one=$file.part
		arguments+=("$one")
	done
	"${arguments[@]}" >"$file.log" 2>&1 && mv "$file.part" "$file" || {
		rm -f "$file.part"
		return 1
	}
}

# The file of a syntax in a size, or nothing. CT 512x512, RG 2140x1760 and MG
# 4664x3064, of 16 bits; JPEG baseline has 8, of RG 1536x2048 in RGB.
pixel_file() { # SYNTAX SIZE
	local real= native=$pixels/native-$2.dcm made=$pixels/$1-$2.dcm
	case $1-$2 in
	native-CT) real=dicomsdl/CT1_UNC ;;
	baseline-CT) real=cornerstone3D/testImages__CTImage.dcm_JPEGProcess1TransferSyntax_1.2.840.10008.1.2.4.50.dcm ;;
	baseline-RG) real=deid-data/image1.dcm ;;
	12-bit-CT) real=dicom-test-files/MR4_JPLY ;;
	12-bit-RG) real=dicom-test-files/RG2_JPLY ;;
	12-bit-MG) real=dicom-test-files/MG1_JPLY ;;
	lossless57-CT) real=cornerstone3D/CTImage.dcm_JPEGProcess14TransferSyntax_1.2.840.10008.1.2.4.57.dcm ;;
	lossless70-CT) real=dwv/nema-ct1_jpll.dcm ;;
	lossless70-RG) real=dicom-test-files/RG2_JPLL ;;
	rle-RG) real=dicom-test-files/RG2_RLE ;;
	jpegls-CT) real=dicom-test-files/CT1_JLSL ;;
	jpegls-RG) real=dicom-test-files/RG2_JLSL ;;
	jpegls-near-CT) real=dicom-test-files/CT1_JLSN ;;
	jpegls-near-RG) real=dicom-test-files/RG2_JLSN ;;
	j2k-CT) real=cornerstone3D/CT1_J2KR ;;
	j2k-RG) real=dicom-test-files/RG2_J2KR ;;
	j2k-lossy-CT) real=dwv/nema-ct1_j2ki.dcm ;;
	j2k-lossy-RG) real=dicom-test-files/RG2_J2KI ;;
	j2k-lossy-MG) real=dicom-test-files/MG1_J2KI ;;
	htj2k-CT) real=DICOMHTJ2K/CT1_JPH ;;
	htj2k-RG) real=DICOMHTJ2K/RG2_JPH ;;
	esac
	if [ -n "$real" ]; then
		test ! -f "$data/$real" || echo "$data/$real"
		return 0
	fi
	case $1-$2 in
	native-RG) make_file "$made" dcmdjpeg "$data/dicom-test-files/RG2_JPLL" OUT ;;
	native-MG) make_file "$made" dcmdjpeg "$data/dicom-test-files/MG1_JPLY" OUT ;;
	*)
		native=$(pixel_file native "$2")
		test -n "$native" || return 0
		case $1 in
		rle) make_file "$made" dcmcrle "$native" OUT ;;
		baseline) make_file "$made" dcmcjpeg +eb +Wm "$native" OUT ;;
		lossless57) make_file "$made" dcmcjpeg +el +sv 4 "$native" OUT ;;
		lossless70) make_file "$made" dcmcjpeg +e1 "$native" OUT ;;
		jpegls) make_file "$made" dcmcjpls +el "$native" OUT ;;
		jpegls-near) make_file "$made" dcmcjpls +en "$native" OUT ;;
		j2k) make_file "$made" gdcmconv --j2k "$native" OUT ;;
		*) return 0 ;;
		esac
		;;
	esac && echo "$made"
	return 0
}

peer_dcmtk() {
	peer peer-dcmtk -ldcmjpeg -ldcmjpls -ldcmimage -ldcmimgle -ldcmdata -loflog -lofstd
}

peer_gdcm() {
	peer peer-gdcm -isystem /usr/include/gdcm-3.0 -lgdcmMSFF -lgdcmDSED -lgdcmCommon
}

# Frames a second of one program, where it tells so also of processor time behind
# that; "-" where it cannot.
rate() { # COMMAND...
	"$@" 2>/dev/null || echo -
}

# Of lines of two figures.
per_second() { # LINE...
	median $(printf '%s\n' "$@" | cut -d ' ' -f 1)
}
per_cpu_second() { # LINE...
	median $(printf '%s\n' "$@" | cut -s -d ' ' -f 2)
}

decode_row() { # SYNTAX SIZE FILE
	local i ours=() dcmtk=() gdcm=() show=() shown=() name
	for ((i = 0; i < rounds; i++)); do
		ours+=("$(rate "$build/tests/bench/decode-rate" samples "$3" $seconds)")
		show+=("$(rate "$build/tests/bench/decode-rate" pictures "$3" $seconds)")
		test $have_dcmtk = no || {
			dcmtk+=("$(rate "$folder/peer-dcmtk" rate "$3" $seconds)")
			shown+=("$(rate "$folder/peer-dcmtk" pictures "$3" $seconds)")
		}
		test $have_gdcm = no || gdcm+=("$(rate "$folder/peer-gdcm" rate "$3" $seconds)")
	done
	case " ${ours[*]} " in *" - "*) say "$1 $2: dicomfs cannot decode $3" && return 0 ;; esac
	name="decode $1 $2, frames/s"
	case " ${dcmtk[*]:--} " in
	*" - "*) ;;
	*) row "$name (peer: DCMTK)" "$(per_second "${ours[@]}")" "$(per_second "${dcmtk[@]}")" ;;
	esac
	case " ${gdcm[*]:--} " in
	*" - "*) ;;
	*) row "$name (peer: GDCM)" "$(per_second "${ours[@]}")" "$(per_second "${gdcm[@]}")" ;;
	esac
	case " ${show[*]} ${shown[*]:--} " in
	*" - "*) ;;
	*)
		row "show $1 $2, frames/s to 8 bits (peer: DCMTK's DicomImage)" \
			"$(per_second "${show[@]}")" "$(per_second "${shown[@]}")"
		;;
	esac
	case " ${dcmtk[*]:--} / ${gdcm[*]:--} " in
	*" - "*/*" - "*) row "$name (no peer can)" "$(per_second "${ours[@]}")" ;;
	esac
	# GDCM decodes JPEG 2000 in as many threads as there are processors.
	case "$1 ${gdcm[*]:--} " in
	j2k*" - "*) ;;
	j2k*)
		row "decode $1 $2, frames per processor second (peer: GDCM)" \
			"$(per_cpu_second "${ours[@]}")" "$(per_cpu_second "${gdcm[@]}")"
		;;
	esac
}

rows_decode() {
	local have_dcmtk=yes have_gdcm=yes syntax size file
	peer_dcmtk || have_dcmtk=no
	peer_gdcm || have_gdcm=no
	for syntax in $syntaxes; do
		for size in CT RG MG; do
			file=$(pixel_file "$syntax" "$size")
			test -n "$file" || continue
			decode_row "$syntax" "$size" "$file"
		done
	done
}

# What it costs that compressed pictures are made in another process.
rows_workers() {
	local syntax size file here there after
	for syntax in $syntaxes; do
		test "$syntax" != native || continue
		for size in CT RG; do
			file=$(pixel_file "$syntax" "$size")
			test -n "$file" || continue
			IFS=$'\t' read -r _ here there after < <(
				"$build/tests/bench/worker-rate" $((rounds * 20 + 1)) "$file")
			row "picture of $size, $syntax, made in a worker, us (peer: in this process)" \
				"$there" "$here"
			row "the same, after one of another series" "$after" "$here"
		done
	done
}

# ---- Through the mount -------------------------------------------------------

pixel_store() { # FILE COUNT NAME: prints the folder
	local path=$folder/series-$3-$2
	if [ ! -f "$path.complete" ]; then
		say "making a series of $2: $3"
		rm -rf "$path"
		/usr/bin/python3 "$top_srcdir/tests/bench/make-series.py" copies "$1" "$2" "$path" || return 1
		touch "$path.complete"
	fi
	cat "$path"/* >/dev/null
	echo "$path"
}

loop_store() { # FILE COUNT NAME: prints the folder
	local path=$folder/loop-$3-$2
	test -f "$path/loop.dcm" || /usr/bin/python3 "$top_srcdir/tests/bench/make-series.py" loop \
		"$1" "$2" "$path/loop.dcm" || return 1
	cat "$path/loop.dcm" >/dev/null
	echo "$path"
}

# A fresh mount over an index that is complete: nothing is in any cache of ours
# or the kernel's, the store is in the page cache.
mount_fresh() { # STORE [OPTIONS]
	mkdir -p "$scratch/mnt"
	"$build/dicomfs" -f -o "index=$scratch/pixels.sqlite,cache_memory=2G${2:+,$2}" \
		"$1" "$scratch/mnt" >"$scratch/mount.log" 2>&1 &
	mount_job=$!
	until mountpoint -q "$scratch/mnt"; do
		kill -0 $mount_job 2>/dev/null || {
			say "no mount: $(tail -n 1 "$scratch/mount.log")"
			mount_job=
			return 1
		}
		sleep 0.05
	done
	# The check of the store in the background is over.
	until grep -q '"state": "complete"' "$scratch/mnt/.dicomfs/status.json"; do sleep 0.05; done
}

mount_over() {
	fusermount3 -u "$scratch/mnt" 2>/dev/null || umount "$scratch/mnt"
	wait $mount_job || true
	mount_job=
}

scan_for_mount() { # STORE
	rm -f "$scratch"/pixels.sqlite*
	"$build/dicomfs-index" --quiet --index="$scratch/pixels.sqlite" "$1"
}

read_pictures() { # READERS [PAUSE]
	rate "$build/tests/bench/read-rate" "$scratch/mnt/patients" .png "$@"
}

mount_row() { # SYNTAX SIZE FILE COUNT
	local path i readers name cold warm dcmtk=()
	path=$(pixel_store "$3" "$4" "$1-$2") || return 0
	scan_for_mount "$path"
	for readers in 1 4; do
		cold=() warm=()
		for ((i = 0; i < rounds; i++)); do
			mount_fresh "$path" || return 0
			cold+=("$(read_pictures $readers)")
			# What was read is in dicomfs' cache and the kernel's.
			warm+=("$(read_pictures $readers)")
			mount_over
			test $have_dcmtk = no || test $readers -ne 1 ||
				dcmtk+=("$(rate "$folder/peer-dcmtk" pictures "$3" $seconds)")
		done
		case " ${dcmtk[*]:--} " in *" - "*) dcmtk=(-) ;; esac
		case " ${cold[*]} ${warm[*]} " in
		*" - "*) say "mount $1 $2: not all can be read" && return 0 ;;
		esac
		name=$(test $readers -eq 1 && echo "1 reader" || echo "$readers readers")
		row "mount $1 $2, PNG/s cold, $name (peer: DicomImage to 8 bits, one process)" \
			"$(median "${cold[@]}")" "$(per_second "${dcmtk[@]}")"
		row "mount $1 $2, PNG/s warm, $name (peer: cold)" \
			"$(median "${warm[@]}")" "$(median "${cold[@]}")"
	done
}

rows_mount() {
	local have_dcmtk=yes syntax file
	peer_dcmtk || have_dcmtk=no
	for syntax in $syntaxes; do
		file=$(pixel_file "$syntax" CT)
		test -z "$file" || mount_row "$syntax" CT "$file" "$slices"
	done
	file=$(pixel_file lossless70 RG)
	test -z "$file" || mount_row lossless70 RG "$file" 16
}

sequence_row() { # NAME STORE
	local i pause with without
	scan_for_mount "$2"
	for pause in 0 40; do
		with=() without=()
		for ((i = 0; i < rounds; i++)); do
			mount_fresh "$2" || return 0
			with+=("$(read_pictures 1 $pause)")
			mount_over
			mount_fresh "$2" "$readahead_off" || return 0
			without+=("$(read_pictures 1 $pause)")
			mount_over
		done
		case " ${with[*]} ${without[*]} " in
		*" - "*) say "sequence $1: not all can be read" && return 0 ;;
		esac
		row "sequence $1, PNG/s$(test $pause -eq 0 || echo ", $pause ms between them") (peer: no decode-ahead)" \
			"$(median "${with[@]}")" "$(median "${without[@]}")"
	done
}

rows_sequence() {
	local path readahead_off=decode_ahead=0 file
	"$build/dicomfs" --help | grep -q 'decode_ahead' || {
		say "dicomfs has no option decode_ahead"
		return 0
	}
	file=$(pixel_file lossless70 CT)
	if [ -n "$file" ] && path=$(pixel_store "$file" "$sequence" lossless70-CT); then
		sequence_row "of $sequence CT slices in JPEG lossless" "$path"
	fi
	file=$data/pydicom/examples_ybr_color.dcm
	if [ -f "$file" ] && path=$(loop_store "$file" "$loop" baseline); then
		sequence_row "of $loop colour frames in JPEG baseline, one file" "$path"
	fi
}
