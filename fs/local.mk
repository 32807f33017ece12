# SPDX-License-Identifier: MIT

noinst_LIBRARIES += %D%/libfs.a
%C%_libfs_a_SOURCES = \
	%D%/ahead.c \
	%D%/ahead.h \
	%D%/budget.c \
	%D%/budget.h \
	%D%/cache.c \
	%D%/cache.h \
	%D%/check.c \
	%D%/check.h \
	%D%/child.c \
	%D%/child.h \
	%D%/confine.c \
	%D%/confine.h \
	%D%/content.c \
	%D%/content.h \
	%D%/core.h \
	%D%/disk-cache.c \
	%D%/disk-cache.h \
	%D%/disk-entry.c \
	%D%/disk-entry.h \
	%D%/dispatch.c \
	%D%/dispatch.h \
	%D%/failures.c \
	%D%/failures.h \
	%D%/filter.c \
	%D%/filter.h \
	%D%/first-scan.c \
	%D%/first-scan.h \
	%D%/folder-order.c \
	%D%/folder-order.h \
	%D%/frames.c \
	%D%/frames.h \
	%D%/fuse.h \
	%D%/ground.h \
	%D%/handle.c \
	%D%/handle.h \
	%D%/helper.c \
	%D%/helper.h \
	%D%/inval.c \
	%D%/inval.h \
	%D%/json.c \
	%D%/json.h \
	%D%/keeper.c \
	%D%/keeper.h \
	%D%/measure.c \
	%D%/measure.h \
	%D%/message.c \
	%D%/message.h \
	%D%/node.c \
	%D%/node.h \
	%D%/ops-dir.c \
	%D%/ops-file.c \
	%D%/ops-snapshot.c \
	%D%/ops-xattr.c \
	%D%/ops.c \
	%D%/ops.h \
	%D%/options-help.c \
	%D%/options-table.c \
	%D%/options-table.h \
	%D%/options-values.c \
	%D%/options.c \
	%D%/options.h \
	%D%/passthrough.c \
	%D%/passthrough.h \
	%D%/pattern.c \
	%D%/pattern.h \
	%D%/places.c \
	%D%/places.h \
	%D%/pool.c \
	%D%/pool.h \
	%D%/produce.c \
	%D%/produce.h \
	%D%/progress.c \
	%D%/progress.h \
	%D%/request.c \
	%D%/request.h \
	%D%/rescan.c \
	%D%/rescan.h \
	%D%/sanitizer.h \
	%D%/scan.c \
	%D%/scan.h \
	%D%/session.c \
	%D%/session.h \
	%D%/snapshot.c \
	%D%/snapshot.h \
	%D%/source.c \
	%D%/stop.c \
	%D%/stop.h \
	%D%/store-file.c \
	%D%/store-file.h \
	%D%/summary.c \
	%D%/summary.h \
	%D%/thread.c \
	%D%/thread.h \
	%D%/update.c \
	%D%/update.h \
	%D%/worker.c \
	%D%/worker.h \
	%D%/workers.c \
	%D%/workers.h

bin_PROGRAMS += dicomfs dicomfs-index dicomfs-render
dicomfs_SOURCES = %D%/main.c
dicomfs_LDADD = $(layers) $(libraries)
dicomfs_index_SOURCES = %D%/index-main.c
dicomfs_index_LDADD = $(layers) $(libraries)
dicomfs_render_SOURCES = %D%/render-main.c
dicomfs_render_LDADD = $(layers) $(libraries)
