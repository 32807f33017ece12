#!/bin/bash
# SPDX-License-Identifier: MIT
#
# What the tree says, against what others say of the same files: pydicom and
# dcm2json for the JSON, DCMTK's dcmj2pnm for the pictures. Known differences
# are listed in the two tools with the paragraph of the standard for each.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
test -n "$test_data" || skip_all "no test data"
# Here the peers work, not we; once is enough.
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) skip_all "the plain build does this" ;;
esac
store=$test_data
tools=$top_srcdir/tests/tools

# The tools ask for what they need; Debian's python3 has pydicom.
python=/usr/bin/python3
"$python" -c 'import pydicom, numpy' 2>/dev/null || skip_all "python3-pydicom or python3-numpy is missing"

start_mount wait || exit 1
patients=$mnt/patients
pictures=$(find "$patients" -name '*.png' | wc -l)
check_fails "no pictures at all" test "$pictures" -eq 0

if command -v dcm2json >/dev/null; then
	check "json: pydicom and dcm2json agree" "$python" "$tools/compare-json" --tree "$patients"
else
	skip "json: pydicom and dcm2json agree" "dcm2json is missing (package dcmtk)"
fi

if command -v dcmj2pnm >/dev/null; then
	check "png: dcmj2pnm agrees" "$python" "$tools/compare-pixels" \
		--render "$top_builddir/dicomfs-render" "$store"
else
	skip "png: dcmj2pnm agrees" "dcmj2pnm is missing (package dcmtk)"
fi
check "png: the formulas of PS3.3 agree" "$python" "$tools/compare-pixels" --formula \
	--samples "$top_builddir/tests/tools/decode-samples" \
	--render "$top_builddir/dicomfs-render" "$store"

has_uid() { # FILE
	"$python" -c 'import os, sys; os.getxattr(sys.argv[1], "user.dicom.SOPInstanceUID")' "$1" \
		2>/dev/null
}

# The program gives the bytes of the mount: of one in seven files.
find "$patients" -name '*.json' -o -name '*.png' | sort | awk 'NR % 7 == 0' >"$scratch/some"
different=0
compared=0
while IFS= read -r file; do
	kind=${file##*.}
	name=$(basename "$file" ".$kind")
	folder=$(dirname "$file")
	frame=1
	if [ "$(basename "$folder")" != "$kind" ]; then # png/NAME/0012.png
		frame=$((10#$name))
		name=$(basename "$folder")
		folder=$(dirname "$folder")
	fi
	# A name with a hash of the content belongs to a clash in the store.
	case $name in *~*-*) continue ;; esac
	compared=$((compared + 1))
	"$top_builddir/dicomfs-render" -k "$kind" -n "$frame" -o "$scratch/one" \
		"$(dirname "$folder")/dcm/$name.dcm" 2>>"$scratch/render.err" &&
		cmp -s "$scratch/one" "$file" ||
		# Without a SOP Instance UID the name comes from the path in the store.
		! has_uid "$(dirname "$folder")/dcm/$name.dcm" || {
		different=$((different + 1))
		note "differs: $file"
	}
done <"$scratch/some"
is "dicomfs-render gives other bytes than the mount" "$different" 0
check_fails "nothing was compared" test "$compared" -eq 0
stop_mount
