/*
 * Files whose size is known only once they were made (option png_level): each
 * is made once, in the background, and its size kept in the index; until then
 * it is not in the tree.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_MEASURE_H
#define FS_MEASURE_H

#include "fs/options.h"
#include "fs/workers.h"
#include "index/index.h"

/* Whether there is such a kind with these options. */
bool fs_measure_wanted(const struct fs_options *options);

struct fs_measuring {
	struct ix_index *index; /* that we write */
	const struct fs_options *options;
	const struct ix_scan_options *scan; /* its listener and its stop */
	int store_fd;
	struct fs_workers *workers; /* NULL: in this process */
	unsigned threads;
};

/* Makes everything that waits, in several threads of low priority. What cannot
 * be read now (*left is how many) goes on waiting; what cannot be made has a
 * line among the problems. Errors: NOMEM, of the index; a stop is none. */
bool fs_measure_all(const struct fs_measuring *measuring, uint64_t *left,
		    struct err *err) MUST_CHECK;

/* The same again and again, in a thread of its own. */
struct fs_measurer;
bool fs_measurer_start(struct fs_measurer **measurer, const struct fs_measuring *measuring,
		       struct err *err) MUST_CHECK;
/* Look soon: a scan has found something. */
void fs_measurer_wake(struct fs_measurer *measurer); /* NULL is allowed */
/* scan->stop is set. False when it has not ended after timeout_ms: then nothing
 * that it uses may be freed. NULL is allowed. */
bool fs_measurer_stop(struct fs_measurer *measurer, unsigned timeout_ms) MUST_CHECK;

#endif
