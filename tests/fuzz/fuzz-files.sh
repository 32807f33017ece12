#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The fuzz targets over test cases, real files, and damaged copies of them: none
# may crash, and under sanitizers none may do anything undefined. tests/fuzz/cases
# holds what once did.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

fuzz=$top_builddir/tests/fuzz
sources=$top_srcdir/tests/fuzz

# Damaged copies of each seed: so many that a target takes a second or less.
copies() { # TARGET
	case $1 in
	codec-j2k | codec-jxl) echo 5 ;;
	instance | pixels) echo 5 ;;
	codec-* | header | json) echo 20 ;;
	*) echo 50 ;;
	esac
}

check "seeds of test cases" "$fuzz/make-seeds" "$scratch/cases" "$top_srcdir/tests/cases"
for folder in "$scratch"/cases/*; do
	target=${folder##*/}
	check "$target: test cases" "$fuzz/fuzz-$target" --damage "$(copies "$target")" "$folder"
	test -d "$sources/cases/$target" || continue
	check "$target: what once failed" "$fuzz/fuzz-$target" --damage 5 "$sources/cases/$target"
done

check "no DICOM at all" "$fuzz/fuzz-instance" --damage 5 "$sources"
check "text: any bytes" "$fuzz/fuzz-text" --damage 20 "$sources"
check "names: any bytes" "$fuzz/fuzz-names" --damage 20 "$sources"

if [ -n "$test_data" ]; then
	check "seeds of real files" "$fuzz/make-seeds" --limit 64k "$scratch/real" "$test_data"
	for folder in "$scratch"/real/*; do
		target=${folder##*/}
		# Random, and the same as above.
		case $target in grey | pixels) continue ;; esac
		check "$target: real files" "$fuzz/fuzz-$target" --damage 2 "$folder"
	done
	check "large real files" "$fuzz/fuzz-instance" --damage 1 --limit 1M "$test_data"
else
	skip "real files" "there are none"
fi
