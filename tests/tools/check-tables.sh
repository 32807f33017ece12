#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The committed tables are what their generators make.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

command -v python3 >/dev/null || skip_all "no python3"
for generator in make-charsets make-dictionary; do
	check "tables of $generator are up to date" \
		python3 "$top_srcdir/tests/tools/$generator" --check
done
