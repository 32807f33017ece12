/*
 * Compares an index with itself and with the store, and changes neither. Works
 * beside a process that writes: then with what that one has committed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_CHECK_H
#define INDEX_CHECK_H

#include "index/index.h"

enum ix_difference {
	IX_DIFFERENCE_NEW,        /* in the store, not in the index */
	IX_DIFFERENCE_CHANGED,    /* another file than the one that was indexed */
	IX_DIFFERENCE_GONE,       /* in the index, not in the store */
	IX_DIFFERENCE_PENDING,    /* the index knows that it has to look again */
	IX_DIFFERENCE_UNREADABLE, /* cannot be read now; when the index says so, they agree */
	IX_DIFFERENCES,
};

struct ix_check_options {
	struct ix_options index; /* look is taken for granted */
	struct ix_scan_options
		scan; /* of this: store_fd, follow, charset_fallback, measure, stop */
	/* What is wrong within the index: a stable word, a sentence without a full
	 * stop, how many rows it holds for, and the key of one of them (0: they have
	 * none). Names no patient and no file. */
	void (*damage)(const char *code, const char *says, uint64_t count, int64_t row,
		       void *context);
	/* In the order of paths. The path of a folder ends in a slash; files is how
	 * many files there are behind the path. */
	void (*difference)(enum ix_difference difference, const char *path, uint64_t files,
			   void *context);
	void *context;
};

struct ix_check_result {
	struct ix_status status;              /* what the index says of itself */
	bool written;                         /* somebody wrote it meanwhile, or could have */
	bool damaged;                         /* with itself */
	bool differs;                         /* from the store */
	uint64_t files;                       /* in the store */
	uint64_t differences[IX_DIFFERENCES]; /* files */
};

/* Blocks. ERR_NOTFOUND: there is no index; other errors: one of the two cannot
 * be read at all. A damaged index is a result, not an error. */
bool ix_check(const struct ix_check_options *options, struct ix_check_result *result,
	      struct err *err) MUST_CHECK;

#endif
