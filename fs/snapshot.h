/*
 * The files of .dicomfs: reports about the mount, written when they are looked
 * up and unchanged from then on, so that their size is exact. Each is an
 * unlinked temporary file in the folder of the index: a million problems cost
 * no memory. One is shared by all lookups until the index changes, and freed
 * when the kernel has forgotten it and no handle is open.
 *
 * Thread rule: any thread. Taking one reads the index for as long as that
 * takes; everything else is quick.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_SNAPSHOT_H
#define FS_SNAPSHOT_H

#include "fs/options.h"
#include "fs/thread.h"

enum fs_snapshot_kind { FS_SNAPSHOT_PROBLEMS, FS_SNAPSHOT_STATUS, FS_SNAPSHOT_KINDS };

/* "status.json"; part of st_ino too. */
extern const char *const fs_snapshot_names[FS_SNAPSHOT_KINDS];
/* False: there is no such file. */
bool fs_snapshot_find(const char *name, enum fs_snapshot_kind *kind) MUST_CHECK;

struct fs_snapshots;
bool fs_snapshots_open(struct fs_snapshots **snapshots, const struct fs_options *options,
		       struct ix_index *index, struct err *err) MUST_CHECK;
void fs_snapshots_close(struct fs_snapshots *snapshots); /* NULL is allowed */

struct fs_snapshot_info {
	uint32_t row; /* of the nodeid */
	enum fs_snapshot_kind kind;
	int fd; /* valid while a reference is held; read with pread */
	uint64_t size;
	int64_t time_ns;
};
/* A reference to the current one, made if need be. */
bool fs_snapshot_take(struct fs_snapshots *snapshots, struct fs_thread *thread,
		      enum fs_snapshot_kind kind, struct fs_snapshot_info *info,
		      struct err *err) MUST_CHECK;
/* By row, without a reference. False: it is gone. */
bool fs_snapshot_get(struct fs_snapshots *snapshots, uint32_t row,
		     struct fs_snapshot_info *info) MUST_CHECK;
/* Likewise with one more reference. */
bool fs_snapshot_ref(struct fs_snapshots *snapshots, uint32_t row,
		     struct fs_snapshot_info *info) MUST_CHECK;
void fs_snapshot_unref(struct fs_snapshots *snapshots, uint32_t row, uint64_t references);
/* How many there are; for tests. */
size_t fs_snapshot_count(struct fs_snapshots *snapshots);

#endif
