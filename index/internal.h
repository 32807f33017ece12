/*
 * struct ix_index itself, for the modules that implement index.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_INTERNAL_H
#define INDEX_INTERNAL_H

#include <pthread.h>
#include <sys/types.h>

#include "index/writer.h"

struct ix_index {
	char *path;
	bool is_writer;
	int lock_fd; /* -1: follower */
	uint64_t epoch;
	dev_t device; /* of the file */
	ino_t inode;
	atomic_bool lost;      /* it was said that it is another's */
	atomic_bool unwritten; /* it was said that nobody writes it */
	pthread_mutex_t mutex;      /* guards writer */
	struct ix_writer writer;    /* not open in a follower */
	pthread_mutex_t scan_mutex; /* held by the scan in progress */
};

/* Whether path is the file that was opened; says so once when it is not. */
bool ix_index_in_place(struct ix_index *index);

/* Of a follower, as far as the system tells; says so once when nobody does. */
enum ix_written_by ix_index_written_by(struct ix_index *index);

/* With the mutex held: commits, releases the mutex, and tells the listener of
 * options what was committed. */
bool ix_index_commit(struct ix_index *index, const struct ix_scan_options *options,
		     struct err *err) MUST_CHECK;

#endif
