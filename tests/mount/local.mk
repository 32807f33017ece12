# SPDX-License-Identifier: MIT
#
# Tests with real mounts; each skips itself where nothing can be mounted. Those that
# take longest come first: none is then left alone at the end.

mount_scripts = \
	%D%/oracles.sh \
	%D%/peers.sh \
	%D%/crash.sh \
	%D%/backups.sh \
	%D%/data.sh \
	%D%/ahead.sh \
	%D%/bad-input.sh \
	%D%/bombs.sh \
	%D%/change.sh \
	%D%/contain.sh \
	%D%/dcm4chee.sh \
	%D%/disks.sh \
	%D%/disk-cache.sh \
	%D%/documented.sh \
	%D%/export.sh \
	%D%/follow.sh \
	%D%/full-disk.sh \
	%D%/growth.sh \
	%D%/hang.sh \
	%D%/hostile.sh \
	%D%/index-program.sh \
	%D%/index-safety.sh \
	%D%/interrupt.sh \
	%D%/load.sh \
	%D%/mount-helper.sh \
	%D%/odd-store.sh \
	%D%/orthanc.sh \
	%D%/passthrough.sh \
	%D%/png-level.sh \
	%D%/posix.sh \
	%D%/readers.sh \
	%D%/receive.sh \
	%D%/rights.sh \
	%D%/samba.sh \
	%D%/snapshot.sh \
	%D%/stop.sh \
	%D%/suites.sh \
	%D%/tools.sh \
	%D%/tree.sh \
	%D%/trouble.sh \
	%D%/watch.sh
TESTS += $(mount_scripts)

# Programs that make system calls and use nothing of ours.
mount_programs = %D%/dir-check %D%/fault-store %D%/posix-check %D%/read-check
check_PROGRAMS += $(mount_programs)
%C%_posix_check_SOURCES = \
	%D%/posix-attributes.c \
	%D%/posix-check.c \
	%D%/posix-check.h \
	%D%/posix-files.c \
	%D%/posix-maps.c \
	%D%/posix-names.c \
	%D%/posix-open.c
%C%_posix_check_LDADD =
%C%_read_check_SOURCES = %D%/read-check.c %D%/read-check.h %D%/read-more.c
%C%_read_check_LDADD =
%C%_dir_check_LDADD =
# A store of its own, below a mount of ours.
%C%_fault_store_LDADD = $(FUSE_LIBS)

# Tables left by peers.sh.
CLEANFILES += peers.tsv twins.tsv

EXTRA_DIST += $(mount_scripts) \
	%D%/SUITES \
	%D%/beside \
	%D%/bomb-cost \
	%D%/copy-instance \
	%D%/crash-model \
	%D%/crash_files.py \
	%D%/crash_store.py \
	%D%/crash_tree.py \
	%D%/crowd \
	%D%/dir-seek \
	%D%/file-handle \
	%D%/hostile-read \
	%D%/hostile_memory.py \
	%D%/make-bombs \
	%D%/mount-lib.sh \
	%D%/posix-compare \
	%D%/posix-differences \
	%D%/read-ways \
	%D%/receive-lib.sh \
	%D%/reference \
	%D%/small-dicom \
	%D%/tools-lib.sh \
	%D%/walk \
	%D%/watch-reads \
	%D%/windows-names
