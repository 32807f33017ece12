/* SPDX-License-Identifier: MIT */
#include "fs/content.h"

#include <errno.h>
#include <pthread.h>

#include "dicom/log.h"
#include "fs/failures.h"

/* Of the memory there is, for what is kept briefly: so little that a processor's
 * own caches nearly hold it. */
#define BRIEF_LIMIT ((uint64_t)4 << 20)

/* Under the lock. FRESH: not queued yet; WAITING: in pending's list; TAKEN: the
 * worker is about to answer; INTERRUPTED: the kernel took it back while FRESH. */
enum waiter_state { FRESH, WAITING, TAKEN, INTERRUPTED };

struct fs_pending {
	struct fs_job job;
	struct fs_content *content;
	struct fs_key key;
	struct ix_instance instance;
	atomic_bool cancel;
	bool listed;  /* in content's list: later ones may join */
	bool ahead;   /* nobody has asked for it yet */
	bool revived; /* asked for after it was cancelled */
	bool brief;   /* see struct fs_waiter */
	struct fs_waiter *waiters;
	struct fs_pending *next, **link;
};

struct fs_content {
	struct fs_pool *pool;
	struct fs_content_ops ops;
	pthread_mutex_t lock;
	struct fs_cache *cache;
	struct fs_cache *brief;
	struct fs_pending *pending;
	bool cancelled; /* cancel_all was called */
	struct fs_failures failures;
};

bool fs_content_open(struct fs_content **out, uint64_t cache_limit, struct fs_pool *pool,
		     const struct fs_content_ops *ops, struct err *err)
{
	struct fs_content *content = calloc(1, sizeof(*content));
	uint64_t brief_limit = MIN_OF(BRIEF_LIMIT, cache_limit / 16);

	if (content == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!fs_cache_open(&content->cache, cache_limit - brief_limit, err) ||
	    !fs_cache_open(&content->brief, brief_limit, err)) {
		fs_cache_close(content->cache);
		free(content);
		return false;
	}
	content->pool = pool;
	content->ops = *ops;
	pthread_mutex_init(&content->lock, NULL);
	*out = content;
	return true;
}

void fs_content_close(struct fs_content *content)
{
	if (content == NULL)
		return;
	fs_cache_close(content->brief);
	fs_cache_close(content->cache);
	pthread_mutex_destroy(&content->lock);
	free(content);
}

/* ---- Failures --------------------------------------------------------- */

static void note_failure(const struct fs_pending *pending, struct fs_thread *thread,
			 const struct err *err)
{
	struct fs_content *content = pending->content;
	const struct fs_key *key = &pending->key;
	bool known;

	if (err->code == ERR_STALE || err->code == ERR_NOMEM || err->code == ERR_INTERRUPTED)
		return;
	pthread_mutex_lock(&content->lock);
	known = fs_failures_get(&content->failures, key) == err->code ||
		(pending->ahead && !fs_failure_is_lasting(err->code) && err->code != ERR_ABORTED);
	if (err->code == ERR_ABORTED || !known)
		fs_failures_add(&content->failures, key, err->code);
	pthread_mutex_unlock(&content->lock);
	if (!known)
		content->ops.failed(content->ops.context, thread, key, err);
}

/* ---- Pending entries (under the lock) --------------------------------- */

static struct fs_pending *find_pending(struct fs_content *content, const struct fs_key *key)
{
	struct fs_pending *pending = content->pending;

	while (pending != NULL && !fs_key_equals(&pending->key, key))
		pending = pending->next;
	return pending;
}

static void unlist(struct fs_pending *pending)
{
	if (!pending->listed)
		return;
	*pending->link = pending->next;
	if (pending->next != NULL)
		pending->next->link = pending->link;
	pending->listed = false;
}

static void list(struct fs_content *content, struct fs_pending *pending)
{
	pending->link = &content->pending;
	pending->next = content->pending;
	if (pending->next != NULL)
		pending->next->link = &pending->next;
	content->pending = pending;
	pending->listed = true;
}

/* Joins what is queued or runs. */
static void join(struct fs_content *content, struct fs_pending *pending)
{
	if (atomic_load(&pending->cancel) && !content->cancelled) {
		atomic_store(&pending->cancel, false);
		pending->revived = true;
	}
	if (pending->ahead)
		fs_pool_raise(content->pool, &pending->job);
	pending->ahead = false;
}

static void add_waiter(struct fs_pending *pending, struct fs_waiter *waiter)
{
	waiter->state = WAITING;
	waiter->pending = pending;
	waiter->next = pending->waiters;
	pending->waiters = waiter;
}

static void remove_waiter(struct fs_pending *pending, struct fs_waiter *waiter)
{
	struct fs_waiter **at = &pending->waiters;

	while (*at != waiter)
		at = &(*at)->next;
	*at = waiter->next;
	if (pending->waiters == NULL) {
		/* Nobody wants it any more. It stays listed: who comes before it has
		 * ended revives it, so that it never runs twice at once. */
		atomic_store(&pending->cancel, true);
		fs_pool_wake(pending->content->pool);
	}
}

/* ---- Work ------------------------------------------------------------- */

static void answer(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	/* An interrupt that is under way sees TAKEN and leaves the waiter alone;
	 * this waits for it. */
	if (waiter->req != NULL)
		fuse_req_interrupt_func(waiter->req, NULL, NULL);
	waiter->done(waiter, blob != NULL ? fs_blob_ref(blob) : NULL, err);
}

/* The pending is the caller's alone from then on. False: it was interrupted, and
 * somebody came who wants it after all. */
static bool finish(struct fs_pending *pending, struct fs_blob *blob, const struct err *err)
{
	struct fs_content *content = pending->content;
	struct fs_waiter *waiters;
	bool again;

	pthread_mutex_lock(&content->lock);
	again = blob == NULL && err->code == ERR_INTERRUPTED && pending->revived &&
		!atomic_load(&pending->cancel);
	pending->revived = false;
	if (again) {
		pthread_mutex_unlock(&content->lock);
		return false;
	}
	unlist(pending);
	waiters = pending->waiters;
	for (struct fs_waiter *waiter = waiters; waiter != NULL; waiter = waiter->next)
		waiter->state = TAKEN;
	if (blob != NULL)
		fs_cache_add(pending->brief ? content->brief : content->cache, &pending->key, blob);
	pthread_mutex_unlock(&content->lock);
	while (waiters != NULL) {
		struct fs_waiter *next = waiters->next;

		answer(waiters, blob, err);
		waiters = next;
	}
	return true;
}

static struct fs_blob *new_file(struct fs_pending *pending)
{
	const struct fs_content_ops *ops = &pending->content->ops;
	bool remote = false;
	size_t size = 0;

	if (ops->file_size != NULL)
		size = ops->file_size(ops->context, &pending->key, &pending->instance, &remote);
	if (size == 0)
		return NULL;
	return remote ? fs_blob_new_remote(size) : fs_blob_new_file(size);
}

/* The bytes that were made, out of the file or the buffer they were made in. */
static struct fs_blob *take_blob(struct fs_blob **file, struct buf *out, struct err *err)
{
	bool remote = *file != NULL && (*file)->data == NULL;

	if (*file == NULL)
		return fs_blob_new(out);
	if (remote && out->size == 0) {
		if (fs_blob_map(*file, NULL))
			return STEAL(*file);
		(void)err_set_sys(err, errno, "cannot map a memory file");
	} else if (out->size != (*file)->size)
		(void)err_set(err, ERR_CORRUPT, "%zu bytes were made of %zu", out->size,
			      (*file)->size);
	else if (remote ? fs_blob_map(*file, out->data) : fs_blob_seal(*file, out->size))
		return STEAL(*file);
	else
		(void)err_set_sys(err, errno, "cannot cut a memory file");
	return NULL;
}

static void drop_file(struct fs_blob **file)
{
	fs_blob_unref(*file);
}

static struct fs_blob *make_blob(struct fs_pending *pending, struct fs_thread *thread, bool *keep,
				 struct err *err)
{
	struct fs_content *content = pending->content;
	struct fs_blob *file CLEANUP(drop_file) = new_file(pending);
	bool remote = file != NULL && file->data == NULL;
	struct buf out = file != NULL && !remote ? buf_over(file->data, file->size)
						 : buf_empty(BUF_NO_LIMIT);
	struct fs_blob *blob = NULL;

	*keep = false;
	err_clear(err);
	if (atomic_load(&pending->cancel))
		(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	else if (content->ops.make(content->ops.context, thread, &pending->key, &pending->instance,
				   &pending->cancel, remote ? file->fd : -1, &out, keep, err))
		blob = take_blob(&file, &out, err);
	if (blob == NULL && err->code == ERR_NONE)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	buf_release(&out);
	log_trace(LOG_CACHE, "made kind %u frame %u of instance %lld: %s", pending->key.kind,
		  pending->key.frame, (long long)pending->key.instance,
		  blob != NULL ? "done" : err->message);
	return blob;
}

/* Lets it wait in the queue, where it waits for nobody's thread. */
static bool wait_for_memory(struct fs_pending *pending, struct fs_thread *thread)
{
	struct fs_content *content = pending->content;

	if (thread->wanted == 0)
		return false;
	pthread_mutex_lock(&content->lock);
	pending->job.weight = thread->wanted;
	thread->wanted = 0;
	if (pending->ahead)
		fs_pool_submit_background(content->pool, &pending->job);
	else
		fs_pool_submit(content->pool, &pending->job);
	pthread_mutex_unlock(&content->lock);
	return true;
}

static void work(struct fs_job *job, struct fs_thread *thread)
{
	struct fs_pending *pending = (struct fs_pending *)job;
	struct fs_content *content = pending->content;
	const struct fs_content_ops *ops = &content->ops;
	struct fs_blob *blob;
	struct err err;
	bool keep;

	do {
		blob = make_blob(pending, thread, &keep, &err);
		if (blob == NULL && wait_for_memory(pending, thread))
			return;
		/* Also what failed for good: telling it may wait for the index. */
		if (blob == NULL && thread->prompt && err.code != ERR_INTERRUPTED) {
			fs_pool_submit(content->pool, &pending->job);
			return;
		}
		if (blob == NULL)
			note_failure(pending, thread, &err);
	} while (!finish(pending, blob, &err));
	if (blob != NULL && keep && ops->made != NULL)
		ops->made(ops->context, &pending->key, &pending->instance, blob);
	fs_blob_unref(blob);
	free(pending);
}

/* ---- Asking ----------------------------------------------------------- */

static void on_interrupt(fuse_req_t req, void *context)
{
	static const struct err interrupted = {.code = ERR_INTERRUPTED, .message = "interrupted"};
	struct fs_waiter *waiter = context;
	struct fs_content *content = waiter->content;
	bool mine = false;

	(void)req;
	pthread_mutex_lock(&content->lock);
	if (waiter->state == WAITING) {
		remove_waiter(waiter->pending, waiter);
		mine = true;
	} else if (waiter->state == FRESH) {
		waiter->state = INTERRUPTED;
	}
	pthread_mutex_unlock(&content->lock);
	if (mine)
		waiter->done(waiter, NULL, &interrupted);
}

static struct fs_pending *new_pending(struct fs_content *content, const struct fs_key *key,
				      const struct ix_instance *instance)
{
	struct fs_pending *pending = calloc(1, sizeof(*pending));

	if (pending == NULL)
		return NULL;
	pending->job.run = work;
	pending->job.cancel = &pending->cancel;
	pending->content = content;
	pending->key = *key;
	pending->instance = *instance;
	atomic_init(&pending->cancel, content->cancelled);
	return pending;
}

/* Under the lock: a blob, an error, or neither when the waiter was queued;
 * *start is new work to submit. */
static struct fs_blob *find_or_queue(struct fs_content *content, const struct fs_key *key,
				     const struct ix_instance *instance, struct fs_waiter *waiter,
				     struct fs_pending **start, struct err *err)
{
	struct fs_blob *blob;
	struct fs_pending *pending;
	enum err_code failure;

	if (waiter->state == INTERRUPTED) {
		(void)err_set(err, ERR_INTERRUPTED, "interrupted");
		return NULL;
	}
	waiter->state = TAKEN;
	blob = fs_cache_find(content->cache, key);
	if (blob == NULL)
		blob = fs_cache_find(content->brief, key);
	if (blob != NULL)
		return blob;
	failure = fs_failures_get(&content->failures, key);
	if (fs_failure_is_lasting(failure) || fs_failures_is_given_up(&content->failures, key)) {
		(void)err_set(err, fs_failure_is_lasting(failure) ? failure : ERR_ABORTED,
			      "failed before");
		return NULL;
	}
	pending = find_pending(content, key);
	if (pending == NULL) {
		pending = new_pending(content, key, instance);
		if (pending == NULL) {
			(void)err_set(err, ERR_NOMEM, "out of memory");
			return NULL;
		}
		pending->brief = waiter->brief;
		list(content, pending);
		*start = pending;
	} else {
		join(content, pending);
	}
	add_waiter(pending, waiter);
	return NULL;
}

/* Answers at once, or has the waiter answered later; what then has to be made is
 * the result. */
static struct fs_pending *get(struct fs_content *content, const struct fs_key *key,
			      const struct ix_instance *instance, struct fs_waiter *waiter)
{
	struct fs_pending *start = NULL;
	struct err err = {0};
	struct fs_blob *blob;

	waiter->state = FRESH;
	waiter->content = content;
	waiter->pending = NULL;
	/* Before it can be answered by anybody: afterwards req may be gone. */
	if (waiter->req != NULL)
		fuse_req_interrupt_func(waiter->req, on_interrupt, waiter);
	pthread_mutex_lock(&content->lock);
	blob = find_or_queue(content, key, instance, waiter, &start, &err);
	pthread_mutex_unlock(&content->lock);
	if (blob == NULL && err.code == ERR_NONE)
		return start;
	if (waiter->req != NULL)
		fuse_req_interrupt_func(waiter->req, NULL, NULL);
	waiter->done(waiter, blob, &err);
	return NULL;
}

void fs_content_get(struct fs_content *content, const struct fs_key *key,
		    const struct ix_instance *instance, struct fs_waiter *waiter)
{
	struct fs_pending *start = get(content, key, instance, waiter);

	if (start != NULL)
		fs_pool_submit(content->pool, &start->job);
}

void fs_content_get_here(struct fs_content *content, struct fs_thread *thread,
			 const struct fs_key *key, const struct ix_instance *instance,
			 struct fs_waiter *waiter)
{
	struct fs_pending *start = get(content, key, instance, waiter);

	if (start == NULL)
		return;
	thread->prompt = true;
	work(&start->job, thread);
	thread->prompt = false;
}

bool fs_content_has(struct fs_content *content, const struct fs_key *key)
{
	bool found;

	pthread_mutex_lock(&content->lock);
	found = fs_cache_has(content->cache, key) || fs_cache_has(content->brief, key);
	pthread_mutex_unlock(&content->lock);
	return found;
}

/* ---- Ahead of being asked ----------------------------------------------- */

void fs_content_ahead(struct fs_content *content, const struct fs_key *key,
		      const struct ix_instance *instance)
{
	struct fs_pending *pending;

	pthread_mutex_lock(&content->lock);
	if (!content->cancelled && !fs_cache_has(content->cache, key) &&
	    !fs_failure_is_lasting(fs_failures_get(&content->failures, key)) &&
	    !fs_failures_is_given_up(&content->failures, key) &&
	    find_pending(content, key) == NULL &&
	    (pending = new_pending(content, key, instance)) != NULL) {
		pending->ahead = true;
		list(content, pending);
		/* Under the lock: nothing is submitted once all was cancelled. */
		fs_pool_submit_background(content->pool, &pending->job);
	}
	pthread_mutex_unlock(&content->lock);
}

void fs_content_drop_ahead(struct fs_content *content, const struct fs_key *key)
{
	struct fs_pending *pending, *withdrawn = NULL;

	pthread_mutex_lock(&content->lock);
	pending = find_pending(content, key);
	if (pending != NULL && pending->ahead) {
		atomic_store(&pending->cancel, true);
		if (fs_pool_withdraw(content->pool, &pending->job))
			withdrawn = pending;
	}
	if (withdrawn != NULL)
		unlist(withdrawn);
	pthread_mutex_unlock(&content->lock);
	free(withdrawn);
}

uint64_t fs_content_room(struct fs_content *content)
{
	uint64_t room;

	pthread_mutex_lock(&content->lock);
	room = fs_cache_room(content->cache);
	pthread_mutex_unlock(&content->lock);
	return room;
}

/* ---- Handles ------------------------------------------------------------ */

struct fs_blob *fs_content_pin(struct fs_content *content, const struct fs_key *key,
			       struct fs_blob *blob)
{
	struct fs_blob *pinned;

	pthread_mutex_lock(&content->lock);
	pinned = fs_cache_pin(content->cache, key, blob);
	pthread_mutex_unlock(&content->lock);
	return pinned;
}

struct fs_blob *fs_content_pin_found(struct fs_content *content, const struct fs_key *key)
{
	struct fs_blob *found, *pinned = NULL;

	pthread_mutex_lock(&content->lock);
	found = fs_cache_find(content->cache, key);
	if (found != NULL)
		pinned = fs_cache_pin(content->cache, key, found);
	pthread_mutex_unlock(&content->lock);
	fs_blob_unref(found);
	return pinned;
}

void fs_content_unpin(struct fs_content *content, const struct fs_key *key)
{
	pthread_mutex_lock(&content->lock);
	fs_cache_unpin(content->cache, key);
	pthread_mutex_unlock(&content->lock);
}

void fs_content_cancel_all(struct fs_content *content)
{
	pthread_mutex_lock(&content->lock);
	content->cancelled = true;
	for (struct fs_pending *pending = content->pending; pending != NULL;
	     pending = pending->next)
		atomic_store(&pending->cancel, true);
	pthread_mutex_unlock(&content->lock);
}
