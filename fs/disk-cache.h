/*
 * The disk tier of the cache: finished files that took long to make, in a folder
 * of their own, over remounts. A byte-bounded LRU of files, see fs/disk-entry.h.
 *
 * Nobody waits for a write: what is to be kept is queued for one thread, and
 * dropped when the disk does not keep up. What cannot be read back whole and
 * right is no entry, and is removed. A full or broken disk costs the cache only.
 * Several mounts may share a folder.
 *
 * Thread rule: any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_DISK_CACHE_H
#define FS_DISK_CACHE_H

#include "fs/cache.h"

struct fs_disk_cache;

/* Makes the folder (0700) if it is missing. ERR_IO or ERR_USAGE with one line:
 * not possible, a symlink, another user's, or writable for others. Starts no
 * thread. */
bool fs_disk_cache_open(struct fs_disk_cache **cache, const char *folder, uint64_t limit,
			struct err *err) MUST_CHECK;
/* The thread begins with what earlier processes left behind. */
bool fs_disk_cache_start(struct fs_disk_cache *cache, struct err *err) MUST_CHECK;
/* Drops what is queued. False when the disk does not answer: then it must not be
 * closed. */
bool fs_disk_cache_stop(struct fs_disk_cache *cache, unsigned timeout_ms) MUST_CHECK;
void fs_disk_cache_close(struct fs_disk_cache *cache); /* NULL is allowed */

/* Appends the size bytes that are kept under key to out. False: there are none.
 * Waits for the disk. */
bool fs_disk_cache_find(struct fs_disk_cache *cache, struct span key, uint64_t size,
			struct buf *out) MUST_CHECK;
/* Equal keys have equal bytes, for ever and in every process. */
void fs_disk_cache_keep(struct fs_disk_cache *cache, struct span key, struct fs_blob *blob);

/* Waits until nothing is queued; for tests. */
void fs_disk_cache_drain(struct fs_disk_cache *cache);

#endif
