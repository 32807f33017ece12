/*
 * What every thread that answers requests has for itself: a connection to the
 * index and a buffer. Nothing of it is shared, so nothing of it needs a lock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_THREAD_H
#define FS_THREAD_H

#include "index/index.h"

struct fs_thread {
	struct ix_index *index; /* NULL: a thread that needs no reader */
	struct ix_reader *reader;
	uint8_t *buffer;
	size_t buffer_size;
	bool prompt; /* must not wait for the store now: what would fails */
	/* Bytes that its job has of the pool's budget, and that it has to wait for: see
	 * fs_pool_pay(). */
	uint64_t paid, wanted;
};

void fs_thread_init(struct fs_thread *thread, struct ix_index *index);
void fs_thread_release(struct fs_thread *thread);

/* Opened on first use; NULL when that failed. */
struct ix_reader *fs_thread_reader(struct fs_thread *thread, struct err *err);

/* size bytes or more, content undefined; NULL: no memory. Valid until the next
 * call in this thread. */
uint8_t *fs_thread_buffer(struct fs_thread *thread, size_t size);

#endif
