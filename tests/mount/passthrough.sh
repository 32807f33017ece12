#!/bin/bash
# SPDX-License-Identifier: MIT
#
# Files that the kernel reads past us: no READ reaches the daemon, the bytes are
# the same as without, access times of the store stay, and opens of one file never
# get into each other's way. Where it cannot be had, everything works as well.

. "$(dirname "$0")/mount-lib.sh"
need_fuse

small_store 1 1 3
for i in $(seq 12); do
	small_dicom file "$store/large-$i.dcm" 7 1 "$i" "$i" 1 1200
done
# JSON of more than a megabyte, which is longer while it is written.
small_dicom long "$store/long.dcm" 7 1 99
find "$store" -exec touch -a -d '3 days ago' {} +
atimes() {
	find "$1" -type f -printf '%A@ %p\n' | sort
}
atimes "$store" >"$scratch/atimes"

# Requests of one sort that the daemon got, from what -d prints.
requests() { # NAME
	grep -c "opcode: $1 " "$scratch/log"
}
large() { # KIND
	find "$mnt/patients" -name "*.$1" -size +1M | LC_ALL=C sort
}
sums() {
	(cd "$mnt" && find patients -type f -exec sha1sum {} + | LC_ALL=C sort)
}

# ---- Without ----------------------------------------------------------------
start_mount wait,debug,no_passthrough || exit 1
is "large files" "$(large dcm | wc -l)" 13
: >"$scratch/log"
large dcm | xargs -d '\n' cat >/dev/null
check "no_passthrough: READ requests" test "$(requests READ)" -ge 13
sums >"$scratch/sums.copy"
stop_mount
is "no_passthrough: access times stay" "$(atimes "$store" | diff "$scratch/atimes" -)" ""

# ---- With -------------------------------------------------------------------
start_mount wait,debug || exit 1
: >"$scratch/log"
large dcm | xargs -d '\n' cat >/dev/null
reads=$(requests READ)
passes=yes
if [ "$reads" -gt 0 ]; then
	passes=no
	skip "originals are passed through" "this kernel, or who runs this, cannot"
else
	pass "originals are passed through"
fi
: >"$scratch/log"
large png | xargs -d '\n' cat >/dev/null
if [ $passes = no ]; then
	skip "so are large pictures" "not here"
else
	is "so are large pictures" "$(requests READ)" 0
fi
sums >"$scratch/sums.pass"
is "a long .json" "$(large json | wc -l)" 1
check "the same bytes in both tiers" cmp "$scratch/sums.copy" "$scratch/sums.pass"
is "access times stay" "$(atimes "$store" | diff "$scratch/atimes" -)" ""
is "store files left open" "$(find "/proc/$daemon/fd" -lname "$store/*" 2>/dev/null | wc -l)" 0

check "opens of one file agree, and mappings outlive them" python3 - "$(large dcm | head -n 1)" \
	"$(large png | head -n 1)" <<'PYTHON'
import mmap, os, sys, threading
for path in sys.argv[1:]:
    size = os.stat(path).st_size
    fds = [os.open(path, os.O_RDONLY) for _ in range(20)]
    first = os.pread(fds[0], size + 1, 0)
    assert len(first) == size
    for fd in fds[1:]:
        assert os.pread(fd, size + 1, 0) == first
        assert os.pread(fd, 10, size) == b""
    mapped = mmap.mmap(fds[3], size, prot=mmap.PROT_READ)
    for fd in fds:
        os.close(fd)
    assert mapped[:] == first
    # Opened and closed by many at once: all of one mode, or open fails.
    failures = []
    def hammer():
        try:
            for _ in range(150):
                fd = os.open(path, os.O_RDONLY)
                if os.pread(fd, 4096, size - 4096) != first[-4096:]:
                    failures.append("bytes")
                os.close(fd)
        except OSError as e:
            failures.append(str(e))
    threads = [threading.Thread(target=hammer) for _ in range(8)]
    for t in threads: t.start()
    for t in threads: t.join()
    assert not failures, failures[:3]
    assert mapped[:] == first
PYTHON

# A file that takes the place of another while that is open.
one=$(large dcm | head -n 1)
source=$store/$(cd "$store" && sha1sum -- *.dcm | grep "$(sha1sum <"$one" | cut -d' ' -f1)" |
	cut -c43-)
exec 5<"$one"
before=$(sha1sum <"$one")
cp -p "$source" "$scratch/kept"
small_dicom file "$scratch/new.dcm" 7 1 1 99 1 1200
mv "$scratch/new.dcm" "$source"
is "an open file keeps its bytes when another takes its place" "$(sha1sum <&5)" "$before"
exec 5<&-
mv "$scratch/kept" "$source"
stop_mount

# ---- More open than there is memory for --------------------------------------
start_mount wait,cache_memory=4M || exit 1
check "many pictures open beyond the memory there is" python3 - "$mnt" <<'PYTHON'
import glob, os, random, sys
names = [n for n in glob.glob(sys.argv[1] + "/patients/*/*/*/png/*.png")
         if os.stat(n).st_size > 1 << 20]
assert len(names) == 12
random.seed(1)
want = {n: open(n, "rb").read() for n in names}
fds = []
for _ in range(300):
    if fds and random.random() < 0.45:
        name, fd = fds.pop(random.randrange(len(fds)))
        os.close(fd)
        continue
    name = random.choice(names)
    fd = os.open(name, os.O_RDONLY)
    fds.append((name, fd))
    at = random.randrange(len(want[name]))
    assert os.pread(fd, 100000, at) == want[name][at:at + 100000], name
for name, fd in fds:
    assert os.pread(fd, 2 << 20, 0) == want[name], name
PYTHON
stop_mount

# ---- A store that is a stack itself -------------------------------------------
mkdir -p "$scratch/upper" "$scratch/work" "$scratch/overlay"
if mount -t overlay -o "lowerdir=$store,upperdir=$scratch/upper,workdir=$scratch/work" none \
	"$scratch/overlay" 2>/dev/null; then
	real_store=$store
	store=$scratch/overlay
	index=$scratch/index/overlay.sqlite
	start_mount wait || exit 1
	sums | cut -d' ' -f1 >"$scratch/sums.overlay"
	cut -d' ' -f1 "$scratch/sums.copy" >"$scratch/sums.plain"
	check "a store on an overlay" cmp "$scratch/sums.plain" "$scratch/sums.overlay"
	stop_mount
	umount "$scratch/overlay"
	store=$real_store
	index=$scratch/index/index.sqlite
else
	skip "a store on an overlay" "overlayfs cannot be mounted here"
fi

# ---- What is mounted in the store later ---------------------------------------
mkdir -p "$store/later"
start_mount wait || exit 1
if mount -t tmpfs none "$store/later" 2>/dev/null; then
	small_dicom file "$store/later/file.dcm" 8 1 1 1 1 1200
	"$top_builddir/dicomfs-index" --index="$index" "$store" >/dev/null 2>&1
	wait_for 30 sh -c "ls '$mnt'/patients | grep -q 'Patient 8'"
	check "a file on what was mounted in the store later" \
		cmp "$(find "$mnt"/patients/*'Patient 8'* -name '*.dcm')" "$store/later/file.dcm"
	umount -l "$store/later"
else
	skip "a file on what was mounted in the store later" "tmpfs cannot be mounted here"
fi
stop_mount
