/* SPDX-License-Identifier: MIT */
#include "fs/inval.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

#include "fs/node.h"

/* A queue longer than this makes the scan wait. */
#define QUEUE_MAX ((size_t)32 * 1024)
/* From the first telling to the second. */
#define ECHO_NS INT64_C(250000000)
/* Between two tellings: what comes one by one is told together. */
#define PAUSE_NS INT64_C(10000000)

struct entry {
	uint64_t parent;
	size_t name; /* offset in names */
};

/* Things to forget. */
struct batch {
	struct buf nodes;   /* uint64_t: nodeids whose attributes and content go */
	struct buf entries; /* struct entry: names that go */
	struct buf names;   /* NUL-terminated */
};

struct fs_inval {
	struct fuse_session *fuse;
	const struct fs_options *options;
	pthread_mutex_t lock;
	pthread_cond_t work; /* queued is not empty any more, or stop */
	pthread_cond_t room; /* queued was taken, or stop */
	struct batch queued;
	/* The series, and its kinds, whose folders are in queued already. */
	int64_t last_series;
	uint32_t last_kinds;
	bool stop, started;
	pthread_t thread;
};

static void batch_init(struct batch *batch)
{
	batch->nodes = buf_empty(BUF_NO_LIMIT);
	batch->entries = buf_empty(BUF_NO_LIMIT);
	batch->names = buf_empty(BUF_NO_LIMIT);
}

static void batch_release(struct batch *batch)
{
	buf_release(&batch->nodes);
	buf_release(&batch->entries);
	buf_release(&batch->names);
	batch_init(batch);
}

static size_t batch_count(const struct batch *batch)
{
	return batch->nodes.size / sizeof(uint64_t) + batch->entries.size / sizeof(struct entry);
}

bool fs_inval_open(struct fs_inval **out, struct fuse_session *fuse,
		   const struct fs_options *options, struct err *err)
{
	struct fs_inval *inval = calloc(1, sizeof(*inval));
	pthread_condattr_t monotonic;

	if (inval == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	inval->fuse = fuse;
	inval->options = options;
	batch_init(&inval->queued);
	pthread_mutex_init(&inval->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&inval->work, &monotonic);
	pthread_cond_init(&inval->room, NULL);
	pthread_condattr_destroy(&monotonic);
	*out = inval;
	return true;
}

void fs_inval_close(struct fs_inval *inval)
{
	if (inval == NULL)
		return;
	batch_release(&inval->queued);
	pthread_cond_destroy(&inval->room);
	pthread_cond_destroy(&inval->work);
	pthread_mutex_destroy(&inval->lock);
	free(inval);
}

/* ---- Collecting (under the lock) --------------------------------------- */

static void add_node(struct batch *batch, uint64_t nodeid)
{
	/* Changes come sorted by folder; the rest is done before telling. */
	if (batch->nodes.size >= sizeof(nodeid) &&
	    memcmp(batch->nodes.data + batch->nodes.size - sizeof(nodeid), &nodeid,
		   sizeof(nodeid)) == 0)
		return;
	buf_append(&batch->nodes, &nodeid, sizeof(nodeid));
}

static void add_entry(struct batch *batch, uint64_t parent, const char *name, const char *suffix)
{
	struct entry entry = {.parent = parent, .name = batch->names.size};

	/* An entry has its name, or there is none: memory may end in between. */
	buf_append_text(&batch->names, name);
	buf_append(&batch->names, suffix, strlen(suffix) + 1);
	if (batch->names.failure == ERR_NONE)
		buf_append(&batch->entries, &entry, sizeof(entry));
}

/* With the last instance of a kind its folder goes, and nothing else says so. */
static void add_kind_folders(struct fs_inval *inval, int64_t series, uint32_t kinds)
{
	if (inval->last_series != series)
		inval->last_kinds = 0;
	kinds &= ~inval->last_kinds;
	for (unsigned number = 0; number < RN_KIND_LIMIT; number++) {
		if (rn_kind_table[number] != NULL && (kinds >> number & 1) != 0)
			add_entry(&inval->queued, fs_nodeid_of_index(series),
				  rn_kind_table[number]->folder, "");
	}
	inval->last_series = series;
	inval->last_kinds |= kinds;
}

static void add_instance(struct batch *batch, const struct fs_options *options,
			 const struct ix_change *change)
{
	uint64_t series = fs_nodeid_of_index(change->parent);

	add_node(batch, series);
	for (uint8_t number = 0; number < RN_KIND_LIMIT; number++) {
		const struct rn_kind *kind = rn_kind_table[number];
		uint64_t folder;

		if (kind == NULL || (change->kinds & options->kinds & UINT32_C(1) << number) == 0)
			continue;
		folder = fs_nodeid_pack((struct fs_nodeid){.class = FS_CLASS_KIND_FOLDER,
							   .kind = number,
							   .row = (uint32_t)change->parent});
		add_node(batch, folder);
		add_entry(batch, folder, change->name, kind->suffix);
		if (kind->per_frame)
			add_entry(batch, folder, change->name, "");
	}
}

/* A series' folders of kinds have their times and links from it; of others the
 * kernel knows no such nodes. */
static void add_folder(struct batch *batch, int64_t folder)
{
	add_node(batch, fs_nodeid_of_index(folder));
	for (uint8_t number = 0; number < RN_KIND_LIMIT; number++) {
		if (rn_kind_table[number] != NULL)
			add_node(batch, fs_nodeid_pack((struct fs_nodeid){
						.class = FS_CLASS_KIND_FOLDER,
						.kind = number,
						.row = (uint32_t)folder,
					}));
	}
}

static void add_change(struct fs_inval *inval, const struct ix_change *change, bool settled)
{
	struct batch *batch = &inval->queued;

	switch ((enum ix_change_type)change->type) {
	case IX_CHANGE_ADDED:
		if (!settled)
			return;
		__attribute__((fallthrough));
	case IX_CHANGE_REMOVED:
		add_entry(batch, fs_nodeid_of_index(change->parent), change->name, "");
		/* A name that the kernel never knew leaves a cached listing as it is. */
		add_node(batch, fs_nodeid_of_index(change->parent));
		return;
	case IX_CHANGE_FOLDER:
		add_folder(batch, change->id);
		return;
	case IX_CHANGE_INSTANCE_ADDED:
		if (settled)
			add_instance(batch, inval->options, change);
		return;
	case IX_CHANGE_INSTANCE_REMOVED:
		add_instance(batch, inval->options, change);
		add_kind_folders(inval, change->parent, change->kinds & inval->options->kinds);
		return;
	}
}

void fs_inval_changes(struct fs_inval *inval, const struct ix_change *changes, size_t count,
		      bool settled)
{
	pthread_mutex_lock(&inval->lock);
	for (size_t i = 0; i < count; i++) {
		while (batch_count(&inval->queued) >= QUEUE_MAX && inval->started && !inval->stop)
			pthread_cond_wait(&inval->room, &inval->lock);
		if (inval->stop)
			break;
		add_change(inval, &changes[i], settled);
		pthread_cond_signal(&inval->work);
	}
	pthread_mutex_unlock(&inval->lock);
}

/* ---- Telling ----------------------------------------------------------- */

static int compare_nodeids(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a;
	uint64_t right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

static void sort_nodes(struct batch *batch)
{
	uint64_t *nodes = (void *)batch->nodes.data;
	size_t count = batch->nodes.size / sizeof(uint64_t);
	size_t kept = 0;

	if (count == 0)
		return;
	qsort(nodes, count, sizeof(nodes[0]), compare_nodeids);
	for (size_t i = 0; i < count; i++) {
		if (i == 0 || nodes[i] != nodes[kept - 1])
			nodes[kept++] = nodes[i];
	}
	buf_truncate(&batch->nodes, kept * sizeof(nodes[0]));
}

static void tell(struct fs_inval *inval, const struct batch *batch)
{
	const struct entry *entries = (const void *)batch->entries.data;
	const uint64_t *nodes = (const void *)batch->nodes.data;
	size_t entry_count = batch->entries.size / sizeof(struct entry);
	size_t node_count = batch->nodes.size / sizeof(uint64_t);

	/* What the kernel never knew it answers with ENOENT. */
	for (size_t i = 0; i < entry_count; i++) {
		const char *name = (const char *)batch->names.data + entries[i].name;

		(void)fuse_lowlevel_notify_inval_entry(inval->fuse, entries[i].parent, name,
						       strlen(name));
	}
	for (size_t i = 0; i < node_count; i++)
		(void)fuse_lowlevel_notify_inval_inode(inval->fuse, nodes[i], 0, 0);
	if (entry_count + node_count > 0)
		log_trace(LOG_INVAL, "%zu names, %zu nodes", entry_count, node_count);
}

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Waits for something to be queued, but not longer than until; takes it. False:
 * stop. */
static bool take(struct fs_inval *inval, struct batch *batch, int64_t until)
{
	const struct timespec deadline = {until / 1000000000, until % 1000000000};
	int sys = 0;
	bool stop;

	pthread_mutex_lock(&inval->lock);
	while (!inval->stop && sys == 0 && batch_count(&inval->queued) == 0) {
		if (until == INT64_MAX)
			sys = pthread_cond_wait(&inval->work, &inval->lock);
		else
			sys = pthread_cond_timedwait(&inval->work, &inval->lock, &deadline);
	}
	*batch = inval->queued;
	batch_init(&inval->queued);
	inval->last_series = 0;
	stop = inval->stop;
	pthread_cond_broadcast(&inval->room);
	pthread_mutex_unlock(&inval->lock);
	return !stop;
}

/* Adds what is in from, which is empty then. */
static void move_batch(struct batch *to, struct batch *from)
{
	const struct entry *entries = (const void *)from->entries.data;
	size_t before = to->names.size;

	buf_append(&to->names, from->names.data, from->names.size);
	for (size_t i = 0; i < from->entries.size / sizeof(struct entry); i++) {
		struct entry entry = {entries[i].parent, entries[i].name + before};

		if (to->names.failure == ERR_NONE)
			buf_append(&to->entries, &entry, sizeof(entry));
	}
	buf_append(&to->nodes, from->nodes.data, from->nodes.size);
	batch_release(from);
}

static void rest(struct fs_inval *inval)
{
	int64_t until = now_ns() + PAUSE_NS;
	const struct timespec deadline = {until / 1000000000, until % 1000000000};
	int sys = 0;

	pthread_mutex_lock(&inval->lock);
	while (!inval->stop && sys == 0 && batch_count(&inval->queued) < QUEUE_MAX)
		sys = pthread_cond_timedwait(&inval->work, &inval->lock, &deadline);
	pthread_mutex_unlock(&inval->lock);
}

/* What was told, and is to be told again. */
struct echoes {
	struct batch next;  /* at the time of due */
	struct batch later; /* told since next was begun: one more round */
	int64_t due;        /* INT64_MAX: next is empty */
};

static void add_echo(struct echoes *echoes, struct batch *batch)
{
	if (batch_count(batch) == 0)
		return;
	if (echoes->due != INT64_MAX) {
		move_batch(&echoes->later, batch);
		return;
	}
	move_batch(&echoes->next, batch);
	echoes->due = now_ns() + ECHO_NS;
}

static void tell_echo(struct fs_inval *inval, struct echoes *echoes)
{
	if (now_ns() < echoes->due)
		return;
	sort_nodes(&echoes->next);
	tell(inval, &echoes->next);
	batch_release(&echoes->next);
	echoes->due = INT64_MAX;
	add_echo(echoes, &echoes->later);
}

static void *inval_thread(void *context)
{
	struct fs_inval *inval = context;
	struct echoes echoes = {.due = INT64_MAX};
	struct batch batch;

	(void)pthread_setname_np(pthread_self(), "fs-inval");
	batch_init(&echoes.next);
	batch_init(&echoes.later);
	while (take(inval, &batch, echoes.due)) {
		sort_nodes(&batch);
		tell(inval, &batch);
		add_echo(&echoes, &batch);
		batch_release(&batch);
		tell_echo(inval, &echoes);
		rest(inval);
	}
	batch_release(&batch);
	batch_release(&echoes.next);
	batch_release(&echoes.later);
	return NULL;
}

bool fs_inval_start(struct fs_inval *inval, struct err *err)
{
	int sys = pthread_create(&inval->thread, NULL, inval_thread, inval);

	if (sys != 0)
		return err_set_sys(err, sys, "cannot start a thread");
	inval->started = true;
	return true;
}

void fs_inval_stop(struct fs_inval *inval)
{
	pthread_mutex_lock(&inval->lock);
	inval->stop = true;
	pthread_cond_broadcast(&inval->work);
	pthread_cond_broadcast(&inval->room);
	pthread_mutex_unlock(&inval->lock);
	if (inval->started)
		(void)pthread_join(inval->thread, NULL);
	inval->started = false;
}
