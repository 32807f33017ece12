#!/bin/bash
# SPDX-License-Identifier: MIT
#
# The rules of the house that a compiler does not check: which folder may use
# which, what the archives export, how long things are, what may be written.
. "${top_srcdir:-$(dirname "$0")/..}/tests/lib.sh"
cd "$top_srcdir" || exit 99

layers="dicom index render fs"

# Passes when there is nothing to complain about.
none() { # NAME COMPLAINTS
	if [ -z "$2" ]; then
		pass "$1"
	else
		fail "$1" "$2"
	fi
}

sources() { # FOLDER...: our C files
	find "$@" -name '*.[ch]' -not -path '*/build*/*' | sort
}

may_include() { # FOLDER: the folders that it may include from
	case $1 in
	dicom) echo 'dicom/' ;;
	index) echo 'dicom/|index/' ;;
	render) echo 'dicom/|render/' ;;
	fs) echo 'dicom/|index/|render/|fs/' ;;
	esac
}

may_export() { # FOLDER: the prefixes of what its archive exports
	case $1 in
	dicom) echo 'dc_|base_|span_|checked_|err_|buf_|log_' ;;
	index) echo 'ix_' ;;
	render) echo 'rn_' ;;
	fs) echo 'fs_' ;;
	esac
}

# System headers that belong to one layer: HEADERS FOLDER
owned_headers='sqlite3\.h index
fuse.*\.h fs
jpeglib\.h|png\.h|openjpeg.*|charls.*|jxl/.* render'

for folder in $layers; do
	allowed=$(may_include "$folder")
	none "$folder/ includes only from its own and lower layers" "$(
		grep -nE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' $(sources "$folder") /dev/null |
			grep -vE "\"($allowed)[^\"/]+\""
	)"
done

while read -r headers owner; do
	others=$(for folder in $layers; do test "$folder" = "$owner" || echo "$folder"; done)
	none "only $owner/ includes <$headers>" "$(
		grep -nE "^[[:space:]]*#[[:space:]]*include[[:space:]]*<($headers)>" \
			$(sources $others) /dev/null
	)"
done <<<"$owned_headers"

none "a source file includes its own header first" "$(
	for file in $(sources $layers | grep '\.c$'); do
		header=${file%.c}.h
		test -f "$header" || continue
		first=$(sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*//p' "$file" | head -n 1)
		test "$first" = "\"$header\"" && continue
		# Or one of its folder that continues it.
		first=${first//\"/}
		test "${first%/*}" = "${header%/*}" &&
			grep -q "^#include \"$header\"" "$first" 2>/dev/null ||
			echo "$file: begins with $first"
	done
)"

if command -v nm >/dev/null; then
	for folder in $layers; do
		archive=$top_builddir/$folder/lib$folder.a
		if [ ! -f "$archive" ]; then
			fail "$folder/ exports its prefixes only" "$archive is not built"
			continue
		fi
		# Names with two underscores in front are the compiler's and the
		# sanitizers'.
		none "$folder/ exports its prefixes only" "$(
			# clang exports what chooses between target_clones.
			nm -g --defined-only --format=posix "$archive" 2>/dev/null |
				grep -v '\.resolver ' |
				awk 'NF >= 2 { print $1 }' | grep -vE "^(__|_*DW|($(may_export "$folder")))"
		)"
	done
else
	skip "exported prefixes" "nm is missing"
fi

# Static state, by section of the object files. Sanitizers add their own.
if command -v objdump >/dev/null && [ "${DICOMFS_SANITIZERS:-no}" = no ]; then
	for folder in $layers; do
		none "$folder/ has no mutable globals" "$(
			objdump -t "$top_builddir/$folder/lib$folder.a" 2>/dev/null |
				awk '/file format/ { object = $1 }
				$0 ~ / O \.(data|bss|tdata|tbss)[[:space:]]/ { print object " " $NF }' |
				grep -vE '^log\.o:? '
		)"
	done
else
	skip "mutable globals" "no objdump, or built with sanitizers"
fi

# Generated tables may be as long as they need to be.
written=$(sources $layers tests | grep -vE -- '-table[^/]*\.[ch]$')

none "no function is longer than 100 lines" "$(
	awk 'FNR == 1 { start = 0 }
		/^\{/ { start = FNR }
		/^\}/ && start { if (FNR - start - 1 > 100)
				print FILENAME ":" start ": " FNR - start - 1 " lines"
			start = 0 }' $written
)"

none "no file is longer than 600 lines" "$(
	awk 'FNR == 601 { print FILENAME }' $written
)"

everything=$(find $layers man mount-helpers m4 tests -type f \
	\( -name '*.[ch]' -o -name '*.cc' -o -name '*.sh' -o -name '*.py' -o -name '*.mk' \
	-o -name '*.m4' -o -path 'mount-helpers/*' -o -name 'run' -o -name 'tap-run' \) \
	-not -name '*~' -not -name '*.pyc' | sort)
everything="configure.ac Makefile.am $everything"

none "every file names its licence" "$(
	for file in $everything; do
		head -n 60 "$file" | grep -q 'SPDX-License-Identifier: MIT' || echo "$file"
	done
)"

# Paths of one developer's machine. Brackets keep this file from finding itself.
none "no paths of one machine" "$(
	grep -nE '/[w]ork/|/[r]oot/|/tmp/[h][0-9]' $everything README.md NEWS /dev/null
)"

none "no trailing blanks" "$(grep -nE '[[:blank:]]+$' $everything README.md NEWS /dev/null)"

# What no list names is neither built nor packed. tests/cases and tests/fuzz/cases
# are packed whole, a program X comes from X.c.
none "every file is listed in a local.mk" "$(
	find $layers man mount-helpers tests -type f -not -path 'tests/cases/*' -not -path 'tests/fuzz/cases/*' \
		-not -name local.mk -not -name '*~' -not -name '.*' -not -path '*/__pycache__/*' | sort |
		while IFS= read -r file; do
			name=${file##*/}
			list=${file%/*}/local.mk
			test -f "$list" || list=$(dirname "${file%/*}")/local.mk
			grep -v '^#' "$list" | tr -s ' \t\\' '\n' |
				grep -qE "/(${name//./\\.}|${name%.c})\$" || echo "$file"
		done
)"
