# SPDX-License-Identifier: MIT
#
# Tests with real mounts; each skips itself where nothing can be mounted.

mount_scripts = \
	%D%/change.sh \
	%D%/data.sh \
	%D%/growth.sh \
	%D%/hang.sh \
	%D%/load.sh \
	%D%/snapshot.sh \
	%D%/test-bad-input.sh \
	%D%/test-documented.sh \
	%D%/test-mount-helper.sh \
	%D%/tree.sh
TESTS += $(mount_scripts)

EXTRA_DIST += $(mount_scripts) \
	%D%/mount-lib.sh \
	%D%/small-dicom \
	%D%/walk
