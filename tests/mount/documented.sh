#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Manual pages, completion and example settings keep up with the option table.
. "${top_srcdir:-$(dirname "$0")/../..}/tests/lib.sh"

for program in dicomfs dicomfs-index; do
	missing=
	while IFS= read -r option; do
		name=${option#--}
		name=${name%=}
		grep -qE "(Cm |Fl -?)$name( |\$)" "$top_srcdir/man/$program.1" ||
			missing="$missing $name"
	done < <("$top_builddir/$program" --list-options)
	is "$program.1 has every option" "$missing" ""
	check "$program -h starts with an example" sh -c \
		"'$top_builddir/$program' -h | sed -n 1,5p | grep -q '^  $program /'"
	check "$program -V" "$top_builddir/$program" -V
done

for kind in $("$top_builddir/dicomfs" -h | sed -n 's/.* of \([a-z,]*\) \[all\]$/\1/p' | tr , ' '); do
	check "dicomfs.1 has the kind $kind" grep -q "^\.Cm $kind\b" "$top_srcdir/man/dicomfs.1"
	check "dicomfs.1 has the folder $kind/" grep -q "^\.It Pa $kind/" "$top_srcdir/man/dicomfs.1"
done

if command -v mandoc >/dev/null; then
	for page in "$top_srcdir"/man/*.1; do
		# Which other pages are installed here is not the page's business.
		is "mandoc -T lint ${page##*/}" \
			"$(mandoc -T lint "$page" 2>&1 | grep -vE 'mandoc.db|referenced manual not found')" ""
	done
else
	skip "mandoc -T lint" "no mandoc"
fi

# Completion, with the shell's own function for readline taken away.
complete_line() { # WORD...
	bash -c '
		PATH=$1:$PATH
		. "$2/mount-helpers/completions/dicomfs-index"
		shift 2
		compopt() { :; }
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_dicomfs "$1"
		printf "%s " "${COMPREPLY[@]}"' bash "$top_builddir" "$top_srcdir" "$@"
}
contains "completion of a word" "$(complete_line dicomfs --cache)" "--cache_memory="
contains "completion of a list" "$(complete_line dicomfs -o wait,ind)" "wait,index="
contains "completion of dicomfs-index" "$(complete_line dicomfs-index --reb)" "--rebuild"
is "completion knows what a program has not" "$(complete_line dicomfs --reb)" " "

for unit in dicomfs dicomfs-receive; do
	if ! command -v systemd-analyze >/dev/null; then
		skip "the systemd unit $unit@ is well-formed" "no systemd-analyze"
		continue
	fi
	# Programs that are not installed here are not the unit's fault.
	got=$(systemd-analyze verify "$top_srcdir/mount-helpers/$unit@.service" 2>&1 |
		grep "$unit@" | grep -vE "Command 'man |is not executable")
	is "the systemd unit $unit@ is well-formed" "$got" ""
done

sourced() { # FILE NAME...: a shell can read it, and it sets these
	sh -eu -c '. "$1"; shift; for name; do eval "test -n \"\$$name\""; done' sh "$@"
}
check "the example settings of a mount" sourced \
	"$top_srcdir/mount-helpers/dicomfs-example.conf" STORE MOUNTPOINT OPTIONS
check "the example settings of a receiver" sourced \
	"$top_srcdir/mount-helpers/dicomfs-receive-example.conf" STORE AETITLE PORT SYNTAXES
