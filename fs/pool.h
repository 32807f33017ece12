/*
 * Bounded pools of worker threads. Jobs are members of the caller's structs, so
 * that submitting cannot fail and costs no memory; what bounds the queue is
 * what bounds the callers (the kernel's limit of requests in flight).
 *
 * Background jobs are what nobody waits for yet. Every other job goes first,
 * and one worker is always left to those; whoever comes to wait for a background
 * job raises it.
 *
 * Jobs that take much memory share a budget (fs_pool_share()). One finds out what it
 * takes, asks for it, and if there is not as much left goes back into the queue with that
 * weight; then it runs when its turn has come. Small ones pass, so that no worker stands
 * still for a large one.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_POOL_H
#define FS_POOL_H

#include "fs/budget.h"
#include "fs/thread.h"

struct fs_job {
	/* Private. */
	struct fs_job *next;
	bool waits_in_background;

	/* Bytes of the budget that are taken before it runs, as its thread->paid tells:
	 * what thread->wanted said, or 0. */
	uint64_t weight;
	/* NULL, or set when nobody wants it any more: then it does not wait, and gets
	 * nothing. See fs_pool_wake(). */
	const atomic_bool *cancel;
	/* Called once, in a worker, no lock held; owns the struct around the job. */
	void (*run)(struct fs_job *job, struct fs_thread *thread);
};

struct fs_pool;

/* name: at most 12 characters, seen in top and gdb. index may be NULL. Starts
 * no thread. */
bool fs_pool_open(struct fs_pool **pool, const char *name, unsigned workers, struct ix_index *index,
		  struct err *err) MUST_CHECK;
/* Before it starts. The budget outlives the pool, and tells nobody else. */
void fs_pool_share(struct fs_pool *pool, struct fs_budget *budget);
bool fs_pool_start(struct fs_pool *pool, struct err *err) MUST_CHECK;

/* Any thread. First in, first out. */
void fs_pool_submit(struct fs_pool *pool, struct fs_job *job);

/* Any thread. Runs in the background; first in, first out among its like. Never
 * runs before fs_pool_stop() in a pool of one worker, unless it is raised. */
void fs_pool_submit_background(struct fs_pool *pool, struct fs_job *job);
/* From now on it is a job like others, queued behind those that are. For jobs
 * that have not come to their end. */
void fs_pool_raise(struct fs_pool *pool, struct fs_job *job);
/* A job of it was cancelled. Any thread. */
void fs_pool_wake(struct fs_pool *pool);

/* In a job that is going to take so many bytes: false when it has to wait for them;
 * thread->wanted says so, and it has to be submitted again, with that weight, and to
 * return. Otherwise they are its until it returns or settles. */
bool fs_pool_pay(struct fs_pool *pool, struct fs_thread *thread, uint64_t weight) MUST_CHECK;
/* It does not need them any more. */
void fs_pool_settle(struct fs_pool *pool, struct fs_thread *thread);

/* Takes a background job out of the queue: true when it was there, and then it
 * is the caller's again and does not run. */
bool fs_pool_withdraw(struct fs_pool *pool, struct fs_job *job) MUST_CHECK;

/* Workers that have nothing to do at this moment. Any thread. */
unsigned fs_pool_idle(struct fs_pool *pool);

/* Runs what is queued and ends the workers. Nothing may be submitted from here
 * on but by the pool's own jobs. False when a worker is still busy after
 * timeout_ms (a store that does not answer): the pool must not be closed then. */
bool fs_pool_stop(struct fs_pool *pool, unsigned timeout_ms) MUST_CHECK;

/* After fs_pool_stop(), or never started. NULL is allowed. */
void fs_pool_close(struct fs_pool *pool);

#endif
