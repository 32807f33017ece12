/*
 * The walk of a scan: goes through the store in the order of paths, compares
 * each folder with the rows of the index, and puts into the ring what is new,
 * changed or gone. What has not changed is not opened.
 *
 * Nothing here writes, neither the index nor the store.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WALK_H
#define INDEX_WALK_H

#include "index/ring.h"

struct ix_walk {
	const struct ix_scan_options *options;
	struct ix_ring *ring;
	const char *index_path;
	/* Row keys for new folders, from here on. */
	int64_t next_folder;
	/* Paths to look at, in the order of bytes, each once; NULL: the whole store. */
	const char *const *only;
	size_t only_count;
	/* The store may be on another disk: files that are others than before are held
	 * back, see IX_JOB_HELD. */
	bool doubtful;

	/* Results, for other threads while the walk goes on. */
	atomic_uint_fast64_t files; /* seen */
	atomic_uint_fast64_t fresh; /* of those, without a row before */
	atomic_uint_fast64_t bytes; /* of files that had not changed */
	atomic_bool done;           /* the whole store was seen */

	/* After it ended. */
	bool stopped;
	bool whole_wanted; /* what changed can be told only from the whole store */
	struct err err;    /* why it broke off; ERR_NONE: it did not */
};

/* The thread function; closes the ring at its end. */
void *ix_walk_run(void *walk);

#endif
