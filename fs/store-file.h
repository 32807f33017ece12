/*
 * Files of the store: opened for reading only, inside the store only, and only
 * while they are what the index saw.
 *
 * Thread rule: any thread that may wait for the store.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_STORE_FILE_H
#define FS_STORE_FILE_H

#include "index/index.h"

struct fs_store_file {
	int fd;
	uint64_t size;
	int64_t mtime_ns, ctime_ns;
	bool quiet; /* reading it by any descriptor leaves its access time alone */
};

/* The store's folder and what is mounted below it once more, read-only and
 * without access times: what the kernel then reads for us cannot leave a trace.
 * Not visible to others, and gone with the descriptor. What is mounted below the
 * store later is not in it. -1 without the right to (CAP_SYS_ADMIN) or before
 * Linux 5.12. */
int fs_store_clone(int store_fd);

/* follow: links that lead out of the store are followed. Without it, no
 * component of the path may. The file keeps its access time where the kernel
 * allows it. ERR_STALE: the file is another one than the index saw. ERR_IO:
 * anything else, a missing file too. */
bool fs_store_file_open(int store_fd, bool follow, const struct ix_source *source,
			struct fs_store_file *file, struct err *err) MUST_CHECK;

/* Whether files of the store's own file system can be opened without waiting
 * for a network or another process. */
bool fs_store_is_local(int store_fd);

/* Like fs_store_file_open(), but only from what the kernel has in memory: for
 * threads that must not wait. Local stores only. False: take the long way. */
bool fs_store_file_open_cached(int store_fd, const struct ix_source *source,
			       struct fs_store_file *file) MUST_CHECK;

/* Sets quiet of a file that was not opened through fs_store_clone(). */
void fs_store_file_look_quiet(struct fs_store_file *file);

/* ERR_STALE when it was written to since it was opened. */
bool fs_store_file_check(const struct fs_store_file *file, struct err *err) MUST_CHECK;

/* Reads all size bytes or fails: never short. */
bool fs_read_exact(int fd, void *to, size_t size, uint64_t offset, struct err *err) MUST_CHECK;

#endif
