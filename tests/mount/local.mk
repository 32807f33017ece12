# SPDX-License-Identifier: MIT
#
# Tests with real mounts; each skips itself where nothing can be mounted.

mount_scripts = \
	%D%/ahead.sh \
	%D%/bad-input.sh \
	%D%/change.sh \
	%D%/data.sh \
	%D%/disk-cache.sh \
	%D%/documented.sh \
	%D%/follow.sh \
	%D%/full-disk.sh \
	%D%/growth.sh \
	%D%/hang.sh \
	%D%/index-program.sh \
	%D%/interrupt.sh \
	%D%/load.sh \
	%D%/mount-helper.sh \
	%D%/odd-store.sh \
	%D%/oracles.sh \
	%D%/passthrough.sh \
	%D%/peers.sh \
	%D%/png-level.sh \
	%D%/snapshot.sh \
	%D%/tree.sh
TESTS += $(mount_scripts)

# Tables left by peers.sh.
CLEANFILES += peers.tsv twins.tsv

EXTRA_DIST += $(mount_scripts) \
	%D%/copy-instance \
	%D%/dir-seek \
	%D%/file-handle \
	%D%/mount-lib.sh \
	%D%/small-dicom \
	%D%/walk
