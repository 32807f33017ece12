/* SPDX-License-Identifier: MIT */
#include "fs/frames.h"

#include <pthread.h>

/* Few instances are open at a time: looking through all costs less than the
 * open of the file that comes with it. */
#define ENTRIES 64u

struct entry {
	int64_t instance;
	uint64_t fingerprint;
	struct dc_frame_index *index; /* NULL: free */
	uint64_t size;                /* as it was counted: an index may learn more */
	uint64_t used;                /* higher: later */
};

struct fs_frames {
	pthread_mutex_t lock;
	uint64_t limit, size;
	uint64_t clock;
	struct entry entries[ENTRIES];
};

bool fs_frames_open(struct fs_frames **out, uint64_t limit, struct err *err)
{
	struct fs_frames *frames = calloc(1, sizeof(*frames));

	if (frames == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	frames->limit = limit;
	pthread_mutex_init(&frames->lock, NULL);
	*out = frames;
	return true;
}

static void drop(struct fs_frames *frames, struct entry *entry)
{
	frames->size -= entry->size;
	dc_frame_index_unref(entry->index);
	entry->index = NULL;
}

void fs_frames_close(struct fs_frames *frames)
{
	if (frames == NULL)
		return;
	for (size_t i = 0; i < ENTRIES; i++) {
		if (frames->entries[i].index != NULL)
			drop(frames, &frames->entries[i]);
	}
	pthread_mutex_destroy(&frames->lock);
	free(frames);
}

/* ---- Under the lock ----------------------------------------------------- */

static struct dc_frame_index *find(struct fs_frames *frames, const struct fs_key *key)
{
	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *entry = &frames->entries[i];

		if (entry->index == NULL || entry->instance != key->instance ||
		    entry->fingerprint != key->fingerprint)
			continue;
		entry->used = ++frames->clock;
		return dc_frame_index_ref(entry->index);
	}
	return NULL;
}

/* The least recently used one, or a free one. */
static struct entry *least_used(struct fs_frames *frames, bool or_free)
{
	struct entry *found = NULL;

	for (size_t i = 0; i < ENTRIES; i++) {
		struct entry *entry = &frames->entries[i];

		if (entry->index == NULL && or_free)
			return entry;
		if (entry->index != NULL && (found == NULL || entry->used < found->used))
			found = entry;
	}
	return found;
}

static void keep(struct fs_frames *frames, const struct fs_key *key, struct dc_frame_index *index)
{
	uint64_t size = dc_frame_index_size(index);
	struct entry *entry;

	if (size > frames->limit)
		return;
	while (frames->size > frames->limit - size)
		drop(frames, least_used(frames, false));
	entry = least_used(frames, true);
	if (entry->index != NULL)
		drop(frames, entry);
	*entry = (struct entry){
		.instance = key->instance,
		.fingerprint = key->fingerprint,
		.index = dc_frame_index_ref(index),
		.size = size,
		.used = ++frames->clock,
	};
	frames->size += size;
}

/* ---- Asking ------------------------------------------------------------- */

bool fs_frames_get(struct fs_frames *frames, const struct fs_key *key, struct dc_dataset *dataset,
		   const struct dc_image *image, struct dc_frame_index **out, struct err *err)
{
	struct dc_frame_index *built, *other;

	pthread_mutex_lock(&frames->lock);
	*out = find(frames, key);
	pthread_mutex_unlock(&frames->lock);
	if (*out != NULL)
		return true;
	if (!dc_frame_index_build(&built, dataset, image, err))
		return false;
	pthread_mutex_lock(&frames->lock);
	other = find(frames, key);
	if (other == NULL)
		keep(frames, key, built);
	pthread_mutex_unlock(&frames->lock);
	dc_frame_index_unref(other);
	*out = built;
	return true;
}
