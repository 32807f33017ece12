#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Files of the store that change, vanish or are not what they claim, while they
# are mounted: never new bytes under an old size, never a mixture.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 1 1 3
file=$store/p1/s1/i2.dcm
# Nobody tells of the changes: they are met when a file is opened.
start_mount no_watch || exit 1
wait_complete || exit 1
series=$(ls -d "$mnt"/patients/*/*/*/)
dcm=$(ls "$series"/dcm/*.dcm | sed -n 2p)
png=$series/png/$(basename "$dcm" .dcm).png
check "it is the one" cmp "$file" "$dcm"
cat "$png" >"$scratch/old.png"

# Overwritten in place, same length: the next open sees the new file.
sleep 0.01
small_dicom file "$file" 1 1 2 99
cat "$dcm" >"$scratch/new.dcm" 2>"$scratch/err" || cat "$dcm" >"$scratch/new.dcm"
check "the new bytes" cmp "$file" "$scratch/new.dcm"
cat "$png" >"$scratch/new.png"
check_fails "a new picture" cmp -s "$scratch/old.png" "$scratch/new.png"
check "as long as stat says" walk read -r "$series"

# Replaced by a longer one.
small_dicom file "$scratch/longer" 1 1 2 5 1 64
mv "$scratch/longer" "$file"
cat "$dcm" >"$scratch/new.dcm" 2>/dev/null || cat "$dcm" >"$scratch/new.dcm"
check "the longer file" cmp "$file" "$scratch/new.dcm"
is "its length" "$(stat -c %s "$dcm")" "$(stat -c %s "$file")"
check "everything as long as stat says" walk read -r "$series"

# Overwritten while it is open.
exec 7<"$dcm"
sleep 0.01
small_dicom file "$file" 1 1 2 77 1 64
forget_pages <&7
is "a reader in the middle" "$(LC_ALL=C dd bs=64k count=1 <&7 2>&1 >/dev/null |
	grep -c 'Stale file handle')" 1
exec 7<&-

# Gone.
mv "$file" "$scratch/kept"
forget_pages 2>/dev/null <"$dcm"
is "a file that is gone" "$(LC_ALL=C cat "$dcm" 2>&1 >/dev/null | sed 's/.*: //')" \
	"Input/output error"
check "others can be read" wc -c "$(ls "$series"/dcm/*.dcm | head -n 1)"
mv "$scratch/kept" "$file"
cat "$dcm" >/dev/null 2>&1
check "back again" cmp "$dcm" "$file"

# A link that took its place must not lead out of the store.
mv "$file" "$scratch/kept"
ln -s "$scratch/kept" "$file"
check_fails "a link out of the store" cat "$dcm"
rm "$file"
mkfifo "$file"
check_fails "a pipe stops nobody" timeout 20 cat "$dcm"
rm "$file"
mv "$scratch/kept" "$file"
stop_mount

# The store itself is never written: no access time moves.
find "$store" -type f -exec touch -a -d 2001-01-01 {} +
start_mount wait || exit 1
walk read "$mnt" >/dev/null
is "access times stay" "$(find "$store" -type f -newerat 2002-01-01 | wc -l)" 0
stop_mount
