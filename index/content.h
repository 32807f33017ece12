/*
 * Bytes of store files: opened by their path without following links, compared
 * and hashed whole, in fixed memory.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_CONTENT_H
#define INDEX_CONTENT_H

#include <sys/stat.h>

#include "dicom/err.h"

/* What tells without reading that a file is the one that was indexed. */
struct ix_fingerprint {
	uint64_t size, inode;
	int64_t mtime_ns, ctime_ns;
};

struct ix_fingerprint ix_fingerprint_of(const struct stat *st);
/* A time of a file. What 63 bits cannot hold, before 1678 or after 2261, becomes
 * the nearest that they can, with seconds to spare for sums. */
int64_t ix_ns_of(struct timespec time);

static inline bool ix_fingerprint_equals(const struct ix_fingerprint *a,
					 const struct ix_fingerprint *b)
{
	return a->size == b->size && a->inode == b->inode && a->mtime_ns == b->mtime_ns &&
	       a->ctime_ns == b->ctime_ns;
}

/* Opens an entry of a folder for reading: never waits for a FIFO or a device,
 * leaves the access time alone where it may. follow: through a link, too. -1
 * with errno set. */
int ix_open_entry(int folder_fd, const char *name, bool follow);
/* Likewise a folder, to be listed. */
int ix_open_folder(int parent_fd, const char *name, bool follow);

/* Opens a file by its path in the store, component by component, so that no
 * link on the way is followed unless follow is set. */
bool ix_open_path(int store_fd, const char *path, bool follow, int *fd, struct err *err) MUST_CHECK;
/* Likewise the folder that holds it. */
bool ix_open_parent(int store_fd, const char *path, bool follow, int *fd,
		    struct err *err) MUST_CHECK;

/* Also ERR_STALE when it is not the file of that fingerprint any more. */
bool ix_content_open(int store_fd, const char *path, bool follow,
		     const struct ix_fingerprint *print, int *fd, struct err *err) MUST_CHECK;

/* XXH3 64 bit, seed 0, of the whole file. */
bool ix_content_hash(int fd, uint64_t *hash, struct err *err) MUST_CHECK;
bool ix_content_equal(int a, int b, bool *equal, struct err *err) MUST_CHECK;

#endif
