/*
 * Counts the files of a store ahead of the scan, names only, so that progress
 * can say how much is left. What it reads, the walk finds in the cache.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_COUNT_H
#define INDEX_COUNT_H

#include <stdatomic.h>

#include "dicom/base.h"

struct ix_count {
	int store_fd;
	const atomic_bool *stop; /* the caller's; may be NULL */
	atomic_bool quit;        /* ends it early */
	atomic_uint_fast64_t files;
	atomic_bool done; /* files is all of them */
};

/* The thread function. */
void *ix_count_run(void *count);

#endif
