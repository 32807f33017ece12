/* SPDX-License-Identifier: MIT */
#include "fs/pool.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

struct fs_pool {
	struct ix_index *index;
	char name[16];
	unsigned workers; /* wanted */
	unsigned started, alive;
	bool stopping;
	pthread_mutex_t lock;
	pthread_cond_t work;  /* a job was queued, or stopping */
	pthread_cond_t ended; /* a worker left */
	struct fs_job *first, **last;
	pthread_t threads[];
};

bool fs_pool_open(struct fs_pool **out, const char *name, unsigned workers, struct ix_index *index,
		  struct err *err)
{
	struct fs_pool *pool = calloc(1, sizeof(*pool) + workers * sizeof(pool->threads[0]));
	pthread_condattr_t monotonic;

	if (pool == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	pool->index = index;
	pool->workers = workers;
	pool->last = &pool->first;
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

static struct fs_job *take_job(struct fs_pool *pool)
{
	struct fs_job *job;

	pthread_mutex_lock(&pool->lock);
	while (pool->first == NULL && !pool->stopping)
		pthread_cond_wait(&pool->work, &pool->lock);
	job = pool->first;
	if (job != NULL) {
		pool->first = job->next;
		if (pool->first == NULL)
			pool->last = &pool->first;
	}
	pthread_mutex_unlock(&pool->lock);
	return job;
}

static void *worker(void *context)
{
	struct fs_pool *pool = context;
	struct fs_thread thread;
	struct fs_job *job;

	(void)pthread_setname_np(pthread_self(), pool->name);
	fs_thread_init(&thread, pool->index);
	while ((job = take_job(pool)) != NULL)
		job->run(job, &thread);
	fs_thread_release(&thread);
	pthread_mutex_lock(&pool->lock);
	pool->alive--;
	pthread_cond_signal(&pool->ended);
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

bool fs_pool_start(struct fs_pool *pool, struct err *err)
{
	for (unsigned i = 0; i < pool->workers; i++) {
		int sys;

		pthread_mutex_lock(&pool->lock);
		sys = pthread_create(&pool->threads[i], NULL, worker, pool);
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

void fs_pool_submit(struct fs_pool *pool, struct fs_job *job)
{
	job->next = NULL;
	pthread_mutex_lock(&pool->lock);
	*pool->last = job;
	pool->last = &job->next;
	pthread_cond_signal(&pool->work);
	pthread_mutex_unlock(&pool->lock);
}

bool fs_pool_stop(struct fs_pool *pool, unsigned timeout_ms)
{
	struct timespec until;
	bool all_ended;
	int sys = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
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
		(void)pthread_join(pool->threads[i], NULL);
	pool->started = 0;
	return true;
}

void fs_pool_close(struct fs_pool *pool)
{
	if (pool == NULL)
		return;
	pthread_cond_destroy(&pool->ended);
	pthread_cond_destroy(&pool->work);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
