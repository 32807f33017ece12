/* SPDX-License-Identifier: MIT */
#include "index/ring.h"

#include <time.h>

struct ix_folder *ix_folder_ref(struct ix_folder *folder)
{
	(void)atomic_fetch_add_explicit(&folder->refs, 1, memory_order_relaxed);
	return folder;
}

void ix_folder_unref(struct ix_folder *folder)
{
	if (folder == NULL || atomic_fetch_sub_explicit(&folder->refs, 1, memory_order_acq_rel) > 1)
		return;
	base_close_fd(&folder->fd);
	free(folder->prefix);
	free(folder);
}

bool ix_ring_init(struct ix_ring *ring, struct err *err)
{
	pthread_condattr_t monotonic;

	memset(ring, 0, sizeof(*ring));
	(void)pthread_mutex_init(&ring->mutex, NULL);
	(void)pthread_cond_init(&ring->room, NULL);
	(void)pthread_cond_init(&ring->work, NULL);
	(void)pthread_condattr_init(&monotonic);
	(void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&ring->done, &monotonic);
	(void)pthread_condattr_destroy(&monotonic);
	ring->chunks = calloc(IX_CHUNKS, sizeof(*ring->chunks));
	if (ring->chunks == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < IX_CHUNKS; i++) {
		for (size_t j = 0; j < IX_CHUNK_JOBS; j++)
			ix_result_init(&ring->chunks[i].jobs[j].result);
	}
	return true;
}

void ix_ring_release(struct ix_ring *ring)
{
	for (size_t i = 0; ring->chunks != NULL && i < IX_CHUNKS; i++) {
		for (size_t j = 0; j < IX_CHUNK_JOBS; j++) {
			ix_folder_unref(ring->chunks[i].jobs[j].folder);
			ix_result_release(&ring->chunks[i].jobs[j].result);
		}
	}
	free(ring->chunks);
	ring->chunks = NULL;
	(void)pthread_cond_destroy(&ring->room);
	(void)pthread_cond_destroy(&ring->work);
	(void)pthread_cond_destroy(&ring->done);
	(void)pthread_mutex_destroy(&ring->mutex);
}

void ix_ring_abort(struct ix_ring *ring)
{
	(void)pthread_mutex_lock(&ring->mutex);
	ring->aborted = true;
	(void)pthread_cond_broadcast(&ring->room);
	(void)pthread_cond_broadcast(&ring->work);
	(void)pthread_cond_broadcast(&ring->done);
	(void)pthread_mutex_unlock(&ring->mutex);
}

/* ---- Walker ------------------------------------------------------------- */

/* The chunk that the walker fills is nobody else's until it is published. */
static struct ix_chunk *current(struct ix_ring *ring)
{
	return &ring->chunks[ring->filled % IX_CHUNKS];
}

static void publish(struct ix_ring *ring)
{
	(void)pthread_mutex_lock(&ring->mutex);
	ring->filled++;
	(void)pthread_cond_signal(&ring->work);
	(void)pthread_mutex_unlock(&ring->mutex);
	ring->filling = false;
}

static bool wait_for_room(struct ix_ring *ring)
{
	bool room;

	(void)pthread_mutex_lock(&ring->mutex);
	while (!ring->aborted && ring->filled - ring->emptied == IX_CHUNKS)
		(void)pthread_cond_wait(&ring->room, &ring->mutex);
	room = !ring->aborted;
	(void)pthread_mutex_unlock(&ring->mutex);
	return room;
}

static bool is_full(struct ix_ring *ring)
{
	const struct ix_chunk *chunk = current(ring);

	return chunk->count == IX_CHUNK_JOBS || chunk->folders == IX_CHUNK_FOLDERS ||
	       (chunk->count >= IX_CHUNK_JOBS / 4 &&
		atomic_load_explicit(&ring->idle, memory_order_relaxed) > 0);
}

struct ix_job *ix_ring_put(struct ix_ring *ring, enum ix_job_type type, struct ix_folder *folder)
{
	struct ix_chunk *chunk;
	struct ix_job *job;

	if (ring->filling && is_full(ring))
		publish(ring);
	if (!ring->filling && !wait_for_room(ring))
		return NULL;
	ring->filling = true;
	chunk = current(ring);
	job = &chunk->jobs[chunk->count];
	if (folder != NULL && (chunk->count == 0 || chunk->jobs[chunk->count - 1].folder != folder))
		chunk->folders++;
	chunk->count++;
	job->type = type;
	job->folder = folder != NULL ? ix_folder_ref(folder) : NULL;
	job->file = 0;
	job->follow = false;
	job->name[0] = '\0';
	job->result.code = NULL;
	return job;
}

void ix_ring_close(struct ix_ring *ring)
{
	if (ring->filling)
		publish(ring);
	(void)pthread_mutex_lock(&ring->mutex);
	ring->closed = true;
	(void)pthread_cond_broadcast(&ring->work);
	(void)pthread_cond_broadcast(&ring->done);
	(void)pthread_mutex_unlock(&ring->mutex);
}

/* ---- Parsers ------------------------------------------------------------ */

struct ix_chunk *ix_ring_take(struct ix_ring *ring)
{
	struct ix_chunk *chunk = NULL;

	(void)pthread_mutex_lock(&ring->mutex);
	(void)atomic_fetch_add_explicit(&ring->idle, 1, memory_order_relaxed);
	while (!ring->aborted && ring->taken == ring->filled && !ring->closed)
		(void)pthread_cond_wait(&ring->work, &ring->mutex);
	(void)atomic_fetch_sub_explicit(&ring->idle, 1, memory_order_relaxed);
	if (!ring->aborted && ring->taken < ring->filled)
		chunk = &ring->chunks[ring->taken++ % IX_CHUNKS];
	(void)pthread_mutex_unlock(&ring->mutex);
	return chunk;
}

void ix_ring_finish(struct ix_ring *ring, struct ix_chunk *chunk)
{
	(void)pthread_mutex_lock(&ring->mutex);
	chunk->done = true;
	/* The writer waits for the oldest one only. */
	if (chunk == &ring->chunks[ring->emptied % IX_CHUNKS])
		(void)pthread_cond_signal(&ring->done);
	(void)pthread_mutex_unlock(&ring->mutex);
}

/* ---- Writer ------------------------------------------------------------- */

struct ix_chunk *ix_ring_next(struct ix_ring *ring, int64_t deadline_ns, bool *end)
{
	const struct timespec deadline = {.tv_sec = deadline_ns / 1000000000,
					  .tv_nsec = deadline_ns % 1000000000};
	struct ix_chunk *chunk = &ring->chunks[ring->emptied % IX_CHUNKS];
	int code = 0;

	(void)pthread_mutex_lock(&ring->mutex);
	*end = false;
	while (code == 0 && !ring->aborted && !(ring->emptied < ring->filled && chunk->done) &&
	       !(ring->closed && ring->emptied == ring->filled))
		code = pthread_cond_timedwait(&ring->done, &ring->mutex, &deadline);
	*end = ring->aborted || (ring->closed && ring->emptied == ring->filled);
	if (*end || !(ring->emptied < ring->filled && chunk->done))
		chunk = NULL;
	(void)pthread_mutex_unlock(&ring->mutex);
	return chunk;
}

void ix_ring_empty(struct ix_ring *ring, struct ix_chunk *chunk)
{
	for (size_t i = 0; i < chunk->count; i++) {
		ix_folder_unref(chunk->jobs[i].folder);
		chunk->jobs[i].folder = NULL;
	}
	(void)pthread_mutex_lock(&ring->mutex);
	chunk->count = chunk->folders = 0;
	chunk->done = false;
	ring->emptied++;
	(void)pthread_cond_signal(&ring->room);
	(void)pthread_mutex_unlock(&ring->mutex);
}
