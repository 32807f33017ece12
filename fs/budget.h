/*
 * Memory that large tasks share: one that would need more than what is left waits
 * until others have given theirs back. One at a time always goes, however large; and
 * small ones, of which a few hundred come at once, never wait. Who has other things
 * to do tries, and is told when it may be worth another try.
 *
 * Thread rule: any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_BUDGET_H
#define FS_BUDGET_H

#include <pthread.h>
#include <stdatomic.h>

#include "dicom/err.h"

/* Bytes of a task that counts. */
#define FS_BUDGET_LARGE ((uint64_t)16 << 20)

struct fs_budget_waiter;

struct fs_budget {
	/* Private. */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	uint64_t limit, used;
	struct fs_budget_waiter *first; /* in turn */
	void (*changed_fn)(void *context);
	void *changed_context;
};

/* limit 0: no bound. */
void fs_budget_init(struct fs_budget *budget, uint64_t limit);
void fs_budget_release(struct fs_budget *budget);

/* Waits. False, and INTERRUPTED, when *cancel (or NULL) became true meanwhile. */
bool fs_budget_take(struct fs_budget *budget, uint64_t bytes, const atomic_bool *cancel,
		    struct err *err) MUST_CHECK;
/* False where it would have to wait. */
bool fs_budget_try(struct fs_budget *budget, uint64_t bytes) MUST_CHECK;
/* The same bytes. */
void fs_budget_give(struct fs_budget *budget, uint64_t bytes);

/* changed: called with no lock held when what did not fit may fit now, by whoever made
 * room. Set while nobody uses the budget; NULL: nobody wants to know. */
void fs_budget_tell(struct fs_budget *budget, void (*changed)(void *context), void *context);

#endif
