/* SPDX-License-Identifier: MIT */
#include "fs/budget.h"

#include <time.h>

/* How soon one that waits sees that nobody wants it any more. */
#define LOOK_NS 20000000L

struct fs_budget_waiter {
	struct fs_budget_waiter *next;
};

void fs_budget_init(struct fs_budget *budget, uint64_t limit)
{
	*budget = (struct fs_budget){.limit = limit};
	pthread_mutex_init(&budget->lock, NULL);
	pthread_cond_init(&budget->changed, NULL);
}

void fs_budget_release(struct fs_budget *budget)
{
	pthread_cond_destroy(&budget->changed);
	pthread_mutex_destroy(&budget->lock);
}

static bool counts(const struct fs_budget *budget, uint64_t bytes)
{
	return budget->limit > 0 && bytes >= FS_BUDGET_LARGE;
}

static bool fits(const struct fs_budget *budget, uint64_t bytes)
{
	return budget->used == 0 ||
	       (budget->used <= budget->limit && bytes <= budget->limit - budget->used);
}

static struct fs_budget_waiter **place_of(struct fs_budget *budget,
					  const struct fs_budget_waiter *waiter)
{
	struct fs_budget_waiter **at = &budget->first;

	while (*at != waiter && *at != NULL)
		at = &(*at)->next;
	return at;
}

static void wait_a_little(struct fs_budget *budget)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += LOOK_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	(void)pthread_cond_timedwait(&budget->changed, &budget->lock, &until);
}

static void tell(const struct fs_budget *budget)
{
	if (budget->changed_fn != NULL)
		budget->changed_fn(budget->changed_context);
}

void fs_budget_tell(struct fs_budget *budget, void (*changed)(void *context), void *context)
{
	budget->changed_fn = changed;
	budget->changed_context = context;
}

bool fs_budget_take(struct fs_budget *budget, uint64_t bytes, const atomic_bool *cancel,
		    struct err *err)
{
	struct fs_budget_waiter waiter = {.next = NULL};
	bool cancelled = false;

	if (!counts(budget, bytes))
		return true;
	pthread_mutex_lock(&budget->lock);
	*place_of(budget, NULL) = &waiter;
	/* In turn, so that the largest comes to its own. */
	while (!cancelled && (budget->first != &waiter || !fits(budget, bytes))) {
		wait_a_little(budget);
		cancelled = cancel != NULL && atomic_load(cancel);
	}
	*place_of(budget, &waiter) = waiter.next;
	if (!cancelled)
		budget->used += bytes;
	pthread_cond_broadcast(&budget->changed);
	pthread_mutex_unlock(&budget->lock);
	/* Whoever waited behind it waits for less. */
	tell(budget);
	return !cancelled || err_set(err, ERR_INTERRUPTED, "interrupted");
}

bool fs_budget_try(struct fs_budget *budget, uint64_t bytes)
{
	bool taken;

	if (!counts(budget, bytes))
		return true;
	pthread_mutex_lock(&budget->lock);
	taken = budget->first == NULL && fits(budget, bytes);
	if (taken)
		budget->used += bytes;
	pthread_mutex_unlock(&budget->lock);
	return taken;
}

void fs_budget_give(struct fs_budget *budget, uint64_t bytes)
{
	if (!counts(budget, bytes))
		return;
	pthread_mutex_lock(&budget->lock);
	budget->used -= bytes;
	pthread_cond_broadcast(&budget->changed);
	pthread_mutex_unlock(&budget->lock);
	tell(budget);
}
