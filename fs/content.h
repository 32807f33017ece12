/*
 * The content conductor: finished files by key, each made once however many
 * ask for it at the same time, and answered asynchronously.
 *
 * A key is in the cache, pending or unknown. The first to ask for an unknown
 * one makes it pending and queues the work; later ones wait for the same
 * result. When the last waiter was interrupted, the work is cancelled, unless
 * somebody asks again before it has ended: the same never runs twice at once. No
 * lock is held during work or replies.
 *
 * What is likely to be asked for soon can be made ahead, in the background: who
 * then asks for it waits for the same work, which is in the background no more.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CONTENT_H
#define FS_CONTENT_H

#include "fs/cache.h"
#include "fs/fuse.h"
#include "fs/pool.h"

struct fs_content;

/* What does the work; called in a worker of the pool, several at a time. */
struct fs_content_ops {
	/* Bytes of the memory file that key is to be made in; 0: it gets none. *remote
	 * is false; set, another process fills it. NULL is allowed. */
	size_t (*file_size)(void *context, const struct fs_key *key,
			    const struct ix_instance *instance, bool *remote);
	/* Makes the bytes of key, of which instance is the row it was asked with: in
	 * out, or, if fd is not -1 and out stays empty, in that file. *keep is false;
	 * set, made gets them. False with thread->wanted set: it is called again once there
	 * is so much memory, see fs_pool_pay(). */
	bool (*make)(void *context, struct fs_thread *thread, const struct fs_key *key,
		     const struct ix_instance *instance, const atomic_bool *cancel, int fd,
		     struct buf *out, bool *keep, struct err *err);
	/* What was made and is to be kept elsewhere too; all waiters have it. A
	 * reference is the callee's to take. NULL is allowed. */
	void (*made)(void *context, const struct fs_key *key, const struct ix_instance *instance,
		     struct fs_blob *blob);
	/* A failure of make that was not reported before; still before the waiters
	 * are told. Not for STALE, NOMEM and INTERRUPTED, nor for what nobody has
	 * asked for yet and may go well another time. */
	void (*failed)(void *context, struct fs_thread *thread, const struct fs_key *key,
		       const struct err *err);
	void *context;
};

/* Asks for one content; embedded in the caller's struct. */
struct fs_waiter {
	fuse_req_t req; /* NULL: nothing to interrupt */
	/* It is made again as fast as it is found, or nearly: kept for the next
	 * moments only, in memory that is then used for others like it. */
	bool brief;
	/* Called exactly once, from any thread, no lock held, perhaps before
	 * fs_content_get() returns: with a reference to the blob, which is the
	 * callee's from then on, or NULL and why. Owns the waiter. */
	void (*done)(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err);

	/* Private. */
	uint8_t state;
	struct fs_content *content;
	struct fs_waiter *next;
	struct fs_pending *pending;
};

/* pool and ops outlive the content. */
bool fs_content_open(struct fs_content **content, uint64_t cache_limit, struct fs_pool *pool,
		     const struct fs_content_ops *ops, struct err *err) MUST_CHECK;
/* Nothing may be pending any more. NULL is allowed. */
void fs_content_close(struct fs_content *content);

void fs_content_get(struct fs_content *content, const struct fs_key *key,
		    const struct ix_instance *instance, struct fs_waiter *waiter);

/* Likewise, and makes it in the calling thread if nobody does yet; when that
 * fails, thread->prompt being set, the pool does it again and may wait. */
void fs_content_get_here(struct fs_content *content, struct fs_thread *thread,
			 const struct fs_key *key, const struct ix_instance *instance,
			 struct fs_waiter *waiter);

/* Whether it is there at once. */
bool fs_content_has(struct fs_content *content, const struct fs_key *key);

/* Makes it in the background unless it is there, on its way, or known to fail. */
void fs_content_ahead(struct fs_content *content, const struct fs_key *key,
		      const struct ix_instance *instance);
/* It need not be made ahead any more; no effect on what somebody asked for. */
void fs_content_drop_ahead(struct fs_content *content, const struct fs_key *key);
/* Bytes of the cache that open handles do not hold. */
uint64_t fs_content_room(struct fs_content *content);

/* See fs_cache_pin(). */
struct fs_blob *fs_content_pin(struct fs_content *content, const struct fs_key *key,
			       struct fs_blob *blob) MUST_CHECK;
/* Likewise of what is there; NULL when there is none. */
struct fs_blob *fs_content_pin_found(struct fs_content *content,
				     const struct fs_key *key) MUST_CHECK;
void fs_content_unpin(struct fs_content *content, const struct fs_key *key);

/* Ends all pending work early; its waiters get ERR_INTERRUPTED. */
void fs_content_cancel_all(struct fs_content *content);

#endif
