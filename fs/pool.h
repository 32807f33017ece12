/*
 * Bounded pools of worker threads. Jobs are members of the caller's structs, so
 * that submitting cannot fail and costs no memory; what bounds the queue is
 * what bounds the callers (the kernel's limit of requests in flight).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_POOL_H
#define FS_POOL_H

#include "fs/thread.h"

struct fs_job {
	struct fs_job *next; /* private */
	/* Called once, in a worker, no lock held; owns the struct around the job. */
	void (*run)(struct fs_job *job, struct fs_thread *thread);
};

struct fs_pool;

/* name: at most 12 characters, seen in top and gdb. index may be NULL. Starts
 * no thread. */
bool fs_pool_open(struct fs_pool **pool, const char *name, unsigned workers, struct ix_index *index,
		  struct err *err) MUST_CHECK;
bool fs_pool_start(struct fs_pool *pool, struct err *err) MUST_CHECK;

/* Any thread. First in, first out. */
void fs_pool_submit(struct fs_pool *pool, struct fs_job *job);

/* Runs what is queued and ends the workers. Nothing may be submitted from here
 * on but by the pool's own jobs. False when a worker is still busy after
 * timeout_ms (a store that does not answer): the pool must not be closed then. */
bool fs_pool_stop(struct fs_pool *pool, unsigned timeout_ms) MUST_CHECK;

/* After fs_pool_stop(), or never started. NULL is allowed. */
void fs_pool_close(struct fs_pool *pool);

#endif
