/* SPDX-License-Identifier: MIT */
#include "fs/ahead.h"

#include <time.h>

#include "dicom/log.h"
#include "fs/core.h"
#include "fs/folder-order.h"
#include "fs/pattern.h"

/* Folders that are watched at a time. */
#define FOLDERS 8
/* Opens that wait for the planner; it misses what is beyond. */
#define NOTES 32
/* The part of the cache that may hold what was made ahead. */
#define CACHE_PARTS 4
/* What was made for a reader who has not come for so many opens is not counted
 * any more. */
#define IDLE_OPENS 64
/* A folder with new files is listed again after this; one that was too large to
 * be listed, much later. */
#define REREAD_S 2
#define REREAD_FAILED_S 300

/* Keys of what a stream has ahead, each in the place of its position modulo
 * their number, which is no less than the window. */
struct ahead_keys {
	uint64_t size; /* bytes of each, about */
	struct fs_key keys[FS_AHEAD_MAX];
};

/* A kind folder of a series, or the frames of an instance. */
struct folder {
	uint64_t used; /* 0: free */
	uint8_t class; /* FS_CLASS_FILE or FS_CLASS_FRAME: what is in it */
	uint8_t kind;
	int64_t row; /* the series; the instance */
	struct fs_folder_order *order; /* FS_CLASS_FILE; NULL: not read yet */
	time_t reread_after;
	uint32_t first; /* the instance that was opened first */
	struct fs_pattern pattern;
	struct ahead_keys keys[FS_PATTERN_STREAMS];
};

struct note {
	struct fs_nodeid id;
	struct ix_instance instance;
};

struct fs_ahead {
	struct fs_session *session;
	uint32_t max;
	pthread_mutex_t lock;
	/* Under the lock. */
	struct fs_job job;
	bool planning; /* the job is queued or runs */
	unsigned first, count;
	struct note notes[NOTES];
	/* The job's alone. */
	uint64_t clock;
	struct folder folders[FOLDERS];
};

bool fs_ahead_open(struct fs_ahead **out, struct fs_session *session, struct err *err)
{
	struct fs_ahead *ahead = calloc(1, sizeof(*ahead));

	if (ahead == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	ahead->session = session;
	ahead->max = MIN_OF(session->options->decode_ahead, FS_AHEAD_MAX);
	pthread_mutex_init(&ahead->lock, NULL);
	*out = ahead;
	return true;
}

void fs_ahead_close(struct fs_ahead *ahead)
{
	if (ahead == NULL)
		return;
	for (size_t i = 0; i < FOLDERS; i++)
		fs_folder_order_free(ahead->folders[i].order);
	pthread_mutex_destroy(&ahead->lock);
	free(ahead);
}

/* ---- Folders ------------------------------------------------------------ */

/* A stream's place in its folder. */
struct place {
	struct fs_ahead *ahead;
	struct folder *folder;
};

static struct ahead_keys *keys_of(struct folder *folder, const struct fs_stream *stream)
{
	return &folder->keys[stream - folder->pattern.streams];
}

static void drop(const struct fs_stream *stream, void *context)
{
	const struct place *place = context;
	const struct ahead_keys *keys = keys_of(place->folder, stream);

	log_trace(LOG_CACHE, "ahead: %u dropped", stream->ahead);
	for (uint32_t i = 1; i <= stream->ahead; i++) {
		uint32_t at = stream->position + (stream->direction > 0 ? i : -i);

		fs_content_drop_ahead(place->ahead->session->content, &keys->keys[at % FS_AHEAD_MAX]);
	}
}

static void clear(struct fs_ahead *ahead, struct folder *folder)
{
	struct place place = {ahead, folder};

	fs_pattern_break(&folder->pattern, drop, &place);
	fs_folder_order_free(folder->order);
	*folder = (struct folder){.used = 0};
}

static struct folder *least_used(struct fs_ahead *ahead)
{
	struct folder *found = &ahead->folders[0];

	for (size_t i = 1; i < FOLDERS; i++) {
		if (ahead->folders[i].used < found->used)
			found = &ahead->folders[i];
	}
	return found;
}

/* The folder of what was opened; *known: it was seen before. */
static struct folder *find_folder(struct fs_ahead *ahead, const struct note *note, bool *known)
{
	bool is_frame = note->id.class == FS_CLASS_FRAME;
	int64_t row = is_frame ? note->instance.id : note->instance.series;
	struct folder *folder;

	for (size_t i = 0; i < FOLDERS; i++) {
		folder = &ahead->folders[i];
		*known = folder->used > 0 && folder->class == note->id.class &&
			 folder->kind == note->id.kind && folder->row == row;
		if (*known)
			return folder;
	}
	folder = least_used(ahead);
	clear(ahead, folder);
	folder->class = note->id.class;
	folder->kind = note->id.kind;
	folder->row = row;
	folder->first = note->id.row;
	fs_pattern_init(&folder->pattern, is_frame ? 1 : FS_PATTERN_ORDERS);
	return folder;
}

/* ---- The order of a folder's files --------------------------------------- */

static time_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static bool read_order(struct fs_ahead *ahead, struct folder *folder, struct ix_reader *reader)
{
	const struct fs_options *options = ahead->session->options;
	struct place place = {ahead, folder};
	struct err err = {0};

	if (now_s() < folder->reread_after)
		return false;
	/* Positions mean something else from now on. */
	fs_pattern_break(&folder->pattern, drop, &place);
	fs_pattern_init(&folder->pattern, FS_PATTERN_ORDERS);
	fs_folder_order_free(folder->order);
	folder->order = NULL;
	folder->reread_after = now_s() + REREAD_S;
	if (fs_folder_order_read(&folder->order, reader, options, rn_kind_table[folder->kind],
				 folder->row, &err))
		return true;
	folder->reread_after = now_s() + REREAD_FAILED_S;
	log_trace(LOG_CACHE, "ahead: %s", err.message);
	return false;
}

/* False: not known, or there is nothing to go by yet. */
static bool find_positions(struct fs_ahead *ahead, struct folder *folder, struct ix_reader *reader,
			   const struct note *note, uint32_t *positions)
{
	struct place place = {ahead, folder};

	if (folder->class == FS_CLASS_FRAME) {
		positions[0] = note->id.frame;
		return true;
	}
	if (folder->order != NULL && fs_folder_order_find(folder->order, note->id.row, positions))
		return true;
	if (!read_order(ahead, folder, reader))
		return false;
	if (fs_folder_order_find(folder->order, folder->first, positions))
		(void)fs_pattern_note(&folder->pattern, positions, ahead->max, drop, &place);
	return fs_folder_order_find(folder->order, note->id.row, positions);
}

/* ---- Making ahead ------------------------------------------------------- */

static uint64_t bytes_ahead(const struct fs_ahead *ahead)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < FOLDERS; i++) {
		const struct folder *folder = &ahead->folders[i];

		if (folder->used == 0 || ahead->clock - folder->used > IDLE_OPENS)
			continue;
		for (size_t j = 0; j < FS_PATTERN_STREAMS; j++)
			sum += folder->pattern.streams[j].ahead * folder->keys[j].size;
	}
	return sum;
}

static bool node_at(const struct folder *folder, struct ix_reader *reader, const struct note *note,
		    const struct fs_stream *stream, uint32_t position, struct fs_node *node)
{
	struct err err = {0};

	*node = (struct fs_node){.id = note->id, .kind = rn_kind_table[note->id.kind]};
	if (folder->class == FS_CLASS_FRAME) {
		node->id.frame = position;
		node->instance = note->instance;
	} else {
		node->id.row = fs_folder_order_at(folder->order, stream->order, position);
		if (!ix_instance_get(reader, node->id.row, &node->instance, &err))
			return false;
	}
	return fs_node_measure(reader, node, &err);
}

/* False: there is no room. */
static bool make_ahead(struct fs_ahead *ahead, struct folder *folder, struct fs_stream *stream,
		       uint32_t position, const struct fs_node *node)
{
	const struct fs_session *session = ahead->session;
	struct rn_instance known = fs_rn_instance(&node->instance);
	struct fs_key key = fs_source_key(node);
	struct ahead_keys *keys = keys_of(folder, stream);
	struct err err = {0};
	uint64_t size;

	known.measured_size = node->measured_size;
	if (!fs_source_is_slow(session->options, node) ||
	    !node->kind->size(&known, &session->options->render, node->id.frame, &size, &err))
		return true;
	if (bytes_ahead(ahead) + size > fs_content_room(session->content) / CACHE_PARTS)
		return false;
	keys->size = size;
	keys->keys[position % FS_AHEAD_MAX] = key;
	fs_content_ahead(session->content, &key, &node->instance);
	return true;
}

static void fill_window(struct fs_ahead *ahead, struct folder *folder, struct ix_reader *reader,
			const struct note *note, struct fs_stream *stream)
{
	uint32_t count = folder->class == FS_CLASS_FRAME ? note->instance.frames
							 : fs_folder_order_count(folder->order);
	uint32_t before = stream->ahead;
	uint32_t position;
	struct fs_node node;

	while (stream->ahead < stream->window &&
	       fs_stream_position(stream, stream->ahead + 1, count, &position)) {
		/* What is gone meanwhile takes its place all the same. */
		if (node_at(folder, reader, note, stream, position, &node) &&
		    !make_ahead(ahead, folder, stream, position, &node))
			break;
		stream->ahead++;
	}
	log_trace(LOG_CACHE, "ahead: %u at %u, order %u, %s: %u of %u, %u new", folder->class,
		  stream->position, stream->order, stream->direction > 0 ? "forward" : "backward",
		  stream->ahead, stream->window, stream->ahead - before);
}

static void plan(struct fs_ahead *ahead, struct ix_reader *reader, const struct note *note)
{
	uint32_t positions[FS_PATTERN_ORDERS];
	struct fs_stream *stream;
	bool known;
	struct folder *folder = find_folder(ahead, note, &known);
	struct place place = {ahead, folder};

	folder->used = ++ahead->clock;
	/* One picture of a folder is no reason to list the folder. */
	if (!known && folder->class == FS_CLASS_FILE)
		return;
	if (!find_positions(ahead, folder, reader, note, positions))
		return;
	stream = fs_pattern_note(&folder->pattern, positions, ahead->max, drop, &place);
	if (stream != NULL)
		fill_window(ahead, folder, reader, note, stream);
}

/* ---- Notes -------------------------------------------------------------- */

static bool take_note(struct fs_ahead *ahead, struct note *note)
{
	bool taken;

	pthread_mutex_lock(&ahead->lock);
	taken = ahead->count > 0;
	if (taken) {
		*note = ahead->notes[ahead->first];
		ahead->first = (ahead->first + 1) % NOTES;
		ahead->count--;
	}
	ahead->planning = taken;
	pthread_mutex_unlock(&ahead->lock);
	return taken;
}

static void run(struct fs_job *job, struct fs_thread *thread)
{
	struct fs_ahead *ahead =
		(struct fs_ahead *)(void *)((char *)job - offsetof(struct fs_ahead, job));
	struct note note;

	while (take_note(ahead, &note)) {
		struct err err = {0};
		struct ix_reader *reader = fs_thread_reader(thread, &err);

		if (reader != NULL && !atomic_load(&ahead->session->stopping))
			plan(ahead, reader, &note);
	}
}

void fs_ahead_note(struct fs_ahead *ahead, const struct fs_node *file)
{
	bool start = false;

	if (ahead == NULL || !fs_source_is_slow(ahead->session->options, file))
		return;
	pthread_mutex_lock(&ahead->lock);
	if (ahead->count < NOTES) {
		struct note *note = &ahead->notes[(ahead->first + ahead->count) % NOTES];

		note->id = file->id;
		note->instance = file->instance;
		ahead->count++;
		start = !ahead->planning;
		ahead->planning = true;
	}
	if (start) {
		ahead->job.run = run;
		fs_pool_submit(ahead->session->status_pool, &ahead->job);
	}
	pthread_mutex_unlock(&ahead->lock);
}
