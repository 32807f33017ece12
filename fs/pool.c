/* SPDX-License-Identifier: MIT */
#include "fs/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct queue {
	struct fs_job *first, **last;
};

struct worker {
	struct fs_pool *pool;
	pthread_t thread;
	/* Under the pool's lock: what it does in the background, to be compared
	 * only; NULL once that was raised. */
	const struct fs_job *background;
};

struct fs_pool {
	struct ix_index *index;
	char name[16];
	unsigned count; /* of workers wanted */
	unsigned started, alive;
	unsigned waiting; /* workers without a job */
	bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t work;  /* a job may run, or stopping */
	pthread_cond_t ended; /* a worker left */
	struct queue queue, background;
	struct fs_budget *budget; /* or NULL */
	unsigned large;           /* jobs in the queues that wait for some of it */
	unsigned running_background;
	struct worker workers[];
};

/* ---- Queues (under the lock) -------------------------------------------- */

static void queue_init(struct queue *queue)
{
	queue->first = NULL;
	queue->last = &queue->first;
}

static bool is_large(const struct fs_job *job)
{
	return job->weight >= FS_BUDGET_LARGE;
}

static void push(struct fs_pool *pool, struct queue *queue, struct fs_job *job)
{
	job->next = NULL;
	*queue->last = job;
	queue->last = &job->next;
	pool->large += is_large(job);
}

static void take_out_at(struct fs_pool *pool, struct queue *queue, struct fs_job **at)
{
	pool->large -= is_large(*at);
	*at = (*at)->next;
	if (*at == NULL)
		queue->last = at;
}

/* Walks: what may wait in the background is little, see fs/ahead.h. */
static void take_out(struct fs_pool *pool, struct queue *queue, const struct fs_job *job)
{
	struct fs_job **at = &queue->first;

	while (*at != job)
		at = &(*at)->next;
	take_out_at(pool, queue, at);
}

/* Waits for no memory: there is no bound, or it is going to end at once. */
static bool is_free(const struct fs_pool *pool, const struct fs_job *job)
{
	return !is_large(job) || pool->budget == NULL || pool->stopping ||
	       (job->cancel != NULL && atomic_load(job->cancel));
}

/* The first that may run, with what it weighs. *full: a large one in front does not fit.
 * Walks over large ones, of which there are as many as pictures are asked for. */
static struct fs_job *pop(struct fs_pool *pool, struct queue *queue, bool *full, uint64_t *paid)
{
	for (struct fs_job **at = &queue->first; *at != NULL; at = &(*at)->next) {
		struct fs_job *job = *at;

		if (!is_free(pool, job)) {
			/* In turn, so that the largest comes to its own. */
			*full = *full || !fs_budget_try(pool->budget, job->weight);
			if (*full)
				continue;
			*paid = job->weight;
		}
		take_out_at(pool, queue, at);
		return job;
	}
	return NULL;
}

/* ---- Opening ------------------------------------------------------------ */

bool fs_pool_open(struct fs_pool **out, const char *name, unsigned workers, struct ix_index *index,
		  struct err *err)
{
	struct fs_pool *pool = calloc(1, sizeof(*pool) + workers * sizeof(pool->workers[0]));
	pthread_condattr_t monotonic;

	if (pool == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	pool->index = index;
	pool->count = workers;
	queue_init(&pool->queue);
	queue_init(&pool->background);
	(void)snprintf(pool->name, sizeof(pool->name), "fs-%.12s", name);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&pool->work, NULL);
	pthread_cond_init(&pool->ended, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = pool;
	return true;
}

/* ---- Workers ------------------------------------------------------------ */

static bool may_run_background(const struct fs_pool *pool)
{
	return pool->running_background + 1 < pool->count || pool->stopping;
}

static struct fs_job *next_job(struct fs_pool *pool, struct worker *worker, uint64_t *paid)
{
	bool full = false;
	struct fs_job *job = pop(pool, &pool->queue, &full, paid);

	if (job != NULL || !may_run_background(pool))
		return job;
	/* What somebody waits for has the memory too, before what nobody does. */
	job = pop(pool, &pool->background, &full, paid);
	if (job == NULL)
		return NULL;
	job->waits_in_background = false;
	worker->background = job;
	pool->running_background++;
	return job;
}

static void end_background(struct fs_pool *pool, struct worker *worker)
{
	if (worker->background == NULL)
		return;
	worker->background = NULL;
	pool->running_background--;
	/* For whoever could not run one because of this one. */
	if (pool->background.first != NULL)
		pthread_cond_signal(&pool->work);
}

/* Ends the job that the worker had, and waits for its next one. */
static struct fs_job *take_job(struct worker *worker, uint64_t *paid)
{
	struct fs_pool *pool = worker->pool;
	struct fs_job *job;

	pthread_mutex_lock(&pool->lock);
	end_background(pool, worker);
	pool->waiting++;
	*paid = 0;
	while ((job = next_job(pool, worker, paid)) == NULL && !pool->stopping)
		pthread_cond_wait(&pool->work, &pool->lock);
	pool->waiting--;
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct fs_pool *pool = worker->pool;
	struct fs_thread thread;
	struct fs_job *job;

	(void)pthread_setname_np(pthread_self(), pool->name);
	fs_thread_init(&thread, pool->index);
	while ((job = take_job(worker, &thread.paid)) != NULL) {
		job->run(job, &thread);
		fs_pool_settle(pool, &thread);
	}
	fs_thread_release(&thread);
	pthread_mutex_lock(&pool->lock);
	pool->alive--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

void fs_pool_wake(struct fs_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	if (pool->large > 0)
		pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

/* Called by any thread that made room. */
static void look_again(void *context)
{
	fs_pool_wake(context);
}

void fs_pool_share(struct fs_pool *pool, struct fs_budget *budget)
{
	pool->budget = budget;
	fs_budget_tell(budget, look_again, pool);
}

bool fs_pool_pay(struct fs_pool *pool, struct fs_thread *thread, uint64_t weight)
{
	bool paid;

	thread->wanted = 0;
	if (pool->budget == NULL || weight < FS_BUDGET_LARGE || weight <= thread->paid)
		return true;
	fs_pool_settle(pool, thread);
	pthread_mutex_lock(&pool->lock);
	/* Who asks before those that wait would keep the largest waiting for good. What
	 * still runs when the pool stops is going to end. */
	if (pool->stopping) {
		paid = true;
	} else {
		paid = pool->large == 0 && fs_budget_try(pool->budget, weight);
		if (paid)
			thread->paid = weight;
	}
	pthread_mutex_unlock(&pool->lock);
	if (!paid)
		thread->wanted = weight;
	return paid;
}

void fs_pool_settle(struct fs_pool *pool, struct fs_thread *thread)
{
	if (thread->paid > 0)
		fs_budget_give(pool->budget, thread->paid);
	thread->paid = 0;
}

bool fs_pool_start(struct fs_pool *pool, struct err *err)
{
	for (unsigned i = 0; i < pool->count; i++) {
		struct worker *worker = &pool->workers[i];
		int sys;

		worker->pool = pool;
		pthread_mutex_lock(&pool->lock);
		sys = pthread_create(&worker->thread, NULL, work, worker);
		if (sys == 0) {
			pool->started++;
			pool->alive++;
		}
		pthread_mutex_unlock(&pool->lock);
		if (sys != 0)
			return err_set_sys(err, sys, "cannot start a thread");
	}
	return true;
}

/* ---- Jobs --------------------------------------------------------------- */

static void submit(struct fs_pool *pool, struct fs_job *job, bool background)
{
	pthread_mutex_lock(&pool->lock);
	job->waits_in_background = background;
	push(pool, background ? &pool->background : &pool->queue, job);
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

void fs_pool_submit(struct fs_pool *pool, struct fs_job *job)
{
	submit(pool, job, false);
}

void fs_pool_submit_background(struct fs_pool *pool, struct fs_job *job)
{
	submit(pool, job, true);
}

unsigned fs_pool_idle(struct fs_pool *pool)
{
	unsigned idle;

	pthread_mutex_lock(&pool->lock);
	idle = pool->waiting;
	/* Large ones wait for memory, not for a worker. */
	for (const struct fs_job *job = pool->queue.first; job != NULL; job = job->next) {
		if (!is_large(job))
			idle = 0;
	}
	pthread_mutex_unlock(&pool->lock);
	return idle;
}

void fs_pool_raise(struct fs_pool *pool, struct fs_job *job)
{
	pthread_mutex_lock(&pool->lock);
	if (job->waits_in_background) {
		take_out(pool, &pool->background, job);
		job->waits_in_background = false;
		push(pool, &pool->queue, job);
		pthread_cond_signal(&pool->work);
	}
	for (unsigned i = 0; i < pool->started; i++) {
		/* Then another may run in the background. */
		if (pool->workers[i].background == job)
			end_background(pool, &pool->workers[i]);
	}
	pthread_mutex_unlock(&pool->lock);
}

bool fs_pool_withdraw(struct fs_pool *pool, struct fs_job *job)
{
	bool waits;

	pthread_mutex_lock(&pool->lock);
	waits = job->waits_in_background;
	if (waits)
		take_out(pool, &pool->background, job);
	/* Those behind it wait for less. */
	if (waits && pool->large > 0)
		pthread_cond_broadcast(&pool->work);
	pthread_mutex_unlock(&pool->lock);
	return waits;
}

/* ---- The end ------------------------------------------------------------ */

bool fs_pool_stop(struct fs_pool *pool, unsigned timeout_ms)
{
	struct timespec until;
	bool all_ended;
	int sys = 0;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000;
	until.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&pool->lock);
	pool->stopping = true;
	pthread_cond_broadcast(&pool->work);
	while (pool->alive > 0 && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&pool->ended, &pool->lock, &until);
	all_ended = pool->alive == 0;
	pthread_mutex_unlock(&pool->lock);
	if (!all_ended)
		return false;
	for (unsigned i = 0; i < pool->started; i++)
		(void)pthread_join(pool->workers[i].thread, NULL);
	pool->started = 0;
	return true;
}

void fs_pool_close(struct fs_pool *pool)
{
	if (pool == NULL)
		return;
	if (pool->budget != NULL)
		fs_budget_tell(pool->budget, NULL, NULL);
	pthread_cond_destroy(&pool->ended);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
