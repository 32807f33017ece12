#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Every file with pixel data: what DCMTK, GDCM or pydicom render, dicomfs
# renders, with the same samples; what nobody renders has a reason. The table
# is left in the build folder as peers.tsv. Exceptions are listed in
# tests/tools/peers, each with what explains it.

. "$(dirname "$0")/../lib.sh"
test -n "$test_data" || skip_all "no test data"
# Here the peers work, not we; once is enough.
case ${DICOMFS_SANITIZERS:-no} in
no | "") ;;
*) skip_all "the plain build does this" ;;
esac
python=/usr/bin/python3
"$python" -c 'import pydicom, numpy' 2>/dev/null || skip_all "python3-pydicom or python3-numpy is missing"
test -x "$top_builddir/dicomfs-render" || { note "dicomfs-render is missing"; exit 99; }

tools=$top_srcdir/tests/tools
table=$top_builddir/peers.tsv
oracle=$test_data/ORACLE.tsv
test -f "$oracle" || oracle=

"$python" "$tools/peers" --build "$top_builddir" ${oracle:+--oracle "$oracle"} \
	"$test_data" >"$table" 2>"$scratch/err"
status=$?
note "$(cat "$scratch/err")"
sed -n 's/^# //p' "$table" | while IFS= read -r line; do note "$line"; done

rows() { # AWK-CONDITION, over the columns by name
	awk -F '\t' '/^#/ { next } NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		function c(name) { return $at[name] }
		'"$1"' { print }' "$table"
}
none() { # NAME AWK-CONDITION
	local found
	found=$(rows "$2")
	if [ -z "$found" ]; then
		pass "$1"
	else
		fail "$1" "$(printf '%s\n' "$found" | wc -l) files:"
		printf '%s\n' "$found" | cut -f 1,2,6-10,14 | head -n 60 | sed 's/^/# /'
	fi
}

check_fails "the tool has ended badly" test "$status" -gt 1
check_fails "there is no file with pixel data" test "$(rows 1 | wc -l)" -eq 0
for peer in dcmtk gdcm pydicom; do
	test -z "$(rows "c(\"$peer\") == \"absent\"")" ||
		skip "$peer takes part" "its library or g++ is missing"
done
none "all that a peer renders is rendered" 'c("verdict") == "MISSING"'
none "all samples are those of a peer" 'c("verdict") == "WRONG"'
# Lossy ones depend on the decoder's arithmetic.
none "lossless samples are those of the oracle" \
	'c("oracle") == "differs" && c("verdict") != "explained" &&
	c("samples") !~ /=same/ && c("syntax") !~ /\.4\.(50|51|53|55|91|203|112)$/'
none "what is not rendered has a reason" 'c("dicomfs") != "ok" && c("reason") == "-"'
none "nothing crashes or hangs" 'c("dicomfs") == "killed"'

# One image in many transfer syntaxes.
"$python" -c 'import PIL' 2>/dev/null || {
	skip "the same picture from each syntax" "python3-pil is missing"
	exit 0
}
twins=$top_builddir/twins.tsv
"$python" "$tools/peers" --build "$top_builddir" --twins "$test_data" >"$twins" 2>"$scratch/err"
check_fails "there are no images in several syntaxes" test "$(wc -l <"$twins")" -lt 2
while IFS=$'\t' read -r image syntax _ samples most mean verdict; do
	test "$image" != image || continue
	is "$image as $syntax: samples $samples, picture at most $most apart" \
		"${verdict%%:*}" "$(test "${verdict%%:*}" = explained && echo explained || echo ok)"
done <"$twins"
