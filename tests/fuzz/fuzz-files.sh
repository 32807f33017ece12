#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The fuzz targets over real files, test cases and damaged copies of them: none
# may crash, and under sanitizers none may do anything undefined.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

fuzz=$top_builddir/tests/fuzz

check "test sources" "$fuzz/fuzz-instance" --damage 5 "$top_srcdir/tests/cases"
check "no DICOM at all" "$fuzz/fuzz-instance" --damage 5 "$top_srcdir/tests/fuzz"
check "text: any bytes" "$fuzz/fuzz-text" --damage 20 "$top_srcdir/tests/fuzz"
check "seeds of test cases" "$fuzz/make-seeds" "$scratch/cases" "$top_srcdir/tests/cases"
check "codestreams of test cases" "$fuzz/fuzz-codec" --damage 20 "$scratch/cases/codec"
check "fragments of test cases" "$fuzz/fuzz-frames" --damage 50 "$scratch/cases/frames"
if [ -n "$test_data" ]; then
	check "real files" "$fuzz/fuzz-instance" --damage 10 --limit 64k "$test_data"
	check "large real files" "$fuzz/fuzz-instance" --damage 2 --limit 1M "$test_data"
	check "text: bytes of real files" "$fuzz/fuzz-text" --damage 3 --limit 4k "$test_data"
	check "seeds of real files" "$fuzz/make-seeds" --limit 64k "$scratch/real" "$test_data"
	check "codestreams of real files" "$fuzz/fuzz-codec" --damage 10 "$scratch/real/codec"
	check "fragments of real files" "$fuzz/fuzz-frames" --damage 50 "$scratch/real/frames"
else
	skip "real files" "there are none"
fi
