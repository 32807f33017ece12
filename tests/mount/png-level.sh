#!/bin/bash
# SPDX-License-Identifier: MIT
#
# -o png_level: pictures that appear once their size was measured; the same
# pixels in fewer bytes; the same sizes for ever.

. "$(dirname "$0")/mount-lib.sh"
need_fuse
/usr/bin/python3 -c 'import PIL, numpy' 2>/dev/null || pixels=none
small_store 2 2 4
data=${DICOMFS_TEST_DATA:-$top_srcdir/../shared/data}
test ! -d "$data/pydicom" || cp -r "$data/pydicom" "$store/real" 2>/dev/null

nothing_waits() {
	grep -q '"pictures_to_measure": 0' "$mnt/.dicomfs/status.json"
}
sizes() { # FOLDER
	(cd "$1/patients" && find . -name '*.png' -printf '%p\t%s\t%i\t%T@\n' | sort)
}

start_mount wait || exit 1
stored=$(cd "$mnt/patients" && find . -name '*.png' | sort)
mkdir "$scratch/stored"
(cd "$mnt/patients" && find . -name '*.png' -exec cp --parents {} "$scratch/stored" \; 2>/dev/null)
stop_mount
index=$scratch/index/level.sqlite

# Without wait: the tree is there at once, the pictures come.
start_mount png_level=6 || exit 1
wait_complete || exit 1
check "all are measured in the end" wait_for 120 nothing_waits
check "every size is right" walk read -r "$mnt/patients"
sizes "$mnt" >"$scratch/first"
# What cannot be decoded is not listed, and its reason is.
hidden=$(comm -23 <(echo "$stored") <(cut -f1 "$scratch/first" | sort) | wc -l)
failed=$(cd "$scratch/stored" && echo "$stored" | while read -r f; do test -e "$f" || echo; done | wc -l)
is "as many as can be made" "$hidden" "$failed"
check "smaller altogether" test "$(awk -F'\t' '{ s += $2 } END { print s }' "$scratch/first")" -lt \
	"$(find "$scratch/stored" -name '*.png' -printf '%s\n' | awk '{ s += $1 } END { print s }')"
if [ "${pixels:-}" = none ]; then
	skip "the same pixels" "python3-pil is missing"
else
	is "the same pixels" "$(/usr/bin/python3 - "$scratch/stored" "$mnt/patients" <<'END'
import os, sys
import numpy
from PIL import Image
Image.MAX_IMAGE_PIXELS = None
for folder, _, names in os.walk(sys.argv[1]):
    for name in names:
        path = os.path.join(folder, name)
        twin = os.path.join(sys.argv[2], os.path.relpath(path, sys.argv[1]))
        a, b = Image.open(path), Image.open(twin)
        if a.mode != b.mode or not numpy.array_equal(numpy.asarray(a), numpy.asarray(b)):
            print("differs:", name)
END
	)" ""
fi
stop_mount

# A new mount knows them, and a rebuilt index finds the same.
start_mount png_level=6 || exit 1
sizes "$mnt" >"$scratch/again"
check "at once and the same after a new mount" cmp "$scratch/first" "$scratch/again"
stop_mount
rm -f "$scratch"/index/level*
start_mount wait,png_level=6 || exit 1
sizes "$mnt" >"$scratch/rebuilt"
check "complete with wait, and the same after a rebuild" cmp "$scratch/first" "$scratch/rebuilt"

# A new scan, a changed and a removed one while it is mounted.
series=$(ls -d "$mnt"/patients/Name*/*/*/ "$mnt"/patients/*/*/*/ 2>/dev/null | head -n 1)
small_dicom file "$store/p1/s1/i9.dcm" 1 1 9 42
"$top_builddir/dicomfs-index" --quiet -o png_level=6 --index="$index" "$store" >/dev/null 2>&1
check "a new one appears" wait_for 60 sh -c \
	"test \$(find '$mnt/patients' -name '*.png' | wc -l) -gt $(wc -l <"$scratch/rebuilt")"
rm "$store/p1/s1/i9.dcm"
"$top_builddir/dicomfs-index" --quiet -o png_level=6 --index="$index" "$store" >/dev/null 2>&1
check "and leaves" wait_for 60 sh -c \
	"test \$(find '$mnt/patients' -name '*.png' | wc -l) -eq $(wc -l <"$scratch/rebuilt")"
stop_mount

# The level is part of what an index is for.
check_fails "another level has an index of its own" "$dicomfs" -f \
	-o "index=$index,png_level=9" "$store" "$mnt"
check_fails "ten is no level" "$dicomfs" -f -o "index=$scratch/x.sqlite,png_level=10" "$store" "$mnt"
