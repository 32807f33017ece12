/* SPDX-License-Identifier: MIT */
#include "index/scan.h"

#include <limits.h>
#include <unistd.h>

#include "dicom/log.h"
#include "index/home.h"
#include "index/watch-set.h"
#include "index/writer-sql.h"

/* A transaction ends after so long or with so many files, whichever comes
 * first: readers see the tree grow, and memory stays bounded. */
#define COMMIT_NS INT64_C(300000000)
#define COMMIT_FILES 4096
#define PROGRESS_NS INT64_C(200000000)
#define THREADS_MAX 64
/* Filing again can make others pending, but not for ever: each round settles
 * the claims of its files. */
#define ROUNDS_MAX 4

/* ---- Shared by the phases ----------------------------------------------- */

bool ix_scan_stopped(const struct ix_scan *scan)
{
	const atomic_bool *stop = scan->options->stop;

	return stop != NULL && atomic_load_explicit(stop, memory_order_relaxed);
}

static uint64_t queued(const struct ix_scan *scan)
{
	uint64_t fresh = scan->walk != NULL
				 ? atomic_load_explicit(&scan->walk->fresh, memory_order_relaxed)
				 : 0;

	return fresh > scan->fresh_done ? fresh - scan->fresh_done : 0;
}

bool ix_scan_commit(struct ix_scan *scan, bool always, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;

	(void)pthread_mutex_lock(&scan->index->mutex);
	if (!always && (!w->open || (w->applied < COMMIT_FILES &&
				     ix_monotonic_ns() - w->begun_ns < COMMIT_NS))) {
		(void)pthread_mutex_unlock(&scan->index->mutex);
		return true;
	}
	w->queued = queued(scan);
	return ix_index_commit(scan->index, scan->options, err);
}

void ix_scan_progress(struct ix_scan *scan, bool always)
{
	const struct ix_scan_options *options = scan->options;
	int64_t now = ix_monotonic_ns();
	uint64_t ahead = queued(scan);
	struct ix_counts counts;

	if (options->progress == NULL || scan->count == NULL ||
	    (!always && now - scan->progress_ns < PROGRESS_NS))
		return;
	scan->progress_ns = now;
	(void)pthread_mutex_lock(&scan->index->mutex);
	counts = scan->index->writer.status.counts;
	(void)pthread_mutex_unlock(&scan->index->mutex);
	if (!atomic_load(&scan->walk->done) && atomic_load(&scan->count->files) > counts.files)
		ahead = MAX_OF(ahead, atomic_load(&scan->count->files) - counts.files);
	counts.files += ahead;
	counts.pending += ahead;
	options->progress(&counts, scan->bytes + atomic_load(&scan->walk->bytes),
			  atomic_load(&scan->count->done) || atomic_load(&scan->walk->done),
			  options->progress_context);
}

/* ---- Parsers ------------------------------------------------------------ */

struct parsing_thread {
	pthread_t thread;
	struct ix_ring *ring;
	struct ix_parser parser;
	const atomic_bool *stop;
};

static void *parse_chunks(void *context)
{
	struct parsing_thread *self = context;
	struct ix_chunk *chunk;

	while ((chunk = ix_ring_take(self->ring)) != NULL) {
		for (size_t i = 0; i < chunk->count; i++) {
			struct ix_job *job = &chunk->jobs[i];

			if (job->type == IX_JOB_PARSE)
				ix_parse_file(&self->parser, job->folder->fd, job->name,
					      job->follow, &job->result);
		}
		ix_ring_finish(self->ring, chunk);
	}
	return NULL;
}

/* ---- Writing what the walk found ---------------------------------------- */

static bool file_job(struct ix_scan *scan, const struct ix_job *job, struct err *err)
{
	char path[PATH_MAX + 256];
	struct ix_file file = {
		.id = job->file,
		.folder = job->folder->id,
		.name = span_of_text(job->name),
		.path = path,
	};

	(void)snprintf(path, sizeof(path), "%s%s", job->folder->prefix, job->name);
	if (job->file == 0)
		scan->fresh_done++;
	scan->bytes += job->result.print.size;
	/* A new file that vanished before it was opened never was. */
	return ix_file_apply(&scan->index->writer, &file, &job->result, err);
}

static bool apply_job(struct ix_scan *scan, const struct ix_job *job, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	struct span prefix;

	switch (job->type) {
	case IX_JOB_PARSE:
	case IX_JOB_RECORD:
		return file_job(scan, job, err);
	case IX_JOB_NEW_FOLDER:
		prefix = span_of_text(job->folder->prefix);
		w->next_folder = MAX_OF(w->next_folder, job->folder->id + 1);
		return ix_db_run(&w->db, IX_W_FOLDER_INSERT, err, "iibt", job->folder->id,
				 job->folder->parent, &prefix, job->folder->disk.text);
	case IX_JOB_FOLDER_DISK:
		return ix_db_run(&w->db, IX_W_FOLDER_DISK, err, "ti", job->folder->disk.text,
				 job->folder->id);
	case IX_JOB_GONE_FILE:
		return ix_db_run(&w->db, IX_W_GONE_FILE, err, "i", job->file);
	case IX_JOB_GONE_FOLDER:
		return ix_db_run(&w->db, IX_W_GONE_FOLDER_FILES, err, "i", job->file) &&
		       ix_db_run(&w->db, IX_W_GONE_FOLDERS, err, "i", job->file);
	case IX_JOB_HELD:
		return ix_scan_hold(scan, job->file, err);
	}
	return true;
}

static bool apply_chunk(struct ix_scan *scan, const struct ix_chunk *chunk, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	bool ok;

	(void)pthread_mutex_lock(&scan->index->mutex);
	w->store_fd = scan->options->store_fd;
	w->follow = scan->options->follow;
	ok = ix_writer_begin(w, err);
	for (size_t i = 0; ok && i < chunk->count; i++)
		ok = apply_job(scan, &chunk->jobs[i], err);
	if (!ok)
		ix_writer_abort(w);
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return ok;
}

static bool write_all(struct ix_scan *scan, struct ix_ring *ring, struct err *err)
{
	bool end = false;

	while (!end) {
		struct ix_chunk *chunk =
			ix_ring_next(ring, ix_monotonic_ns() + COMMIT_NS / 3, &end);
		bool ok = true;

		if (chunk != NULL) {
			ok = apply_chunk(scan, chunk, err);
			ix_ring_empty(ring, chunk);
		}
		if (!ok || !ix_scan_commit(scan, false, err))
			return false;
		ix_scan_progress(scan, false);
		if (ix_scan_stopped(scan))
			break;
	}
	return ix_scan_commit(scan, true, err);
}

/* ---- The walk with its threads ------------------------------------------ */

static unsigned thread_count(const struct ix_scan_options *options)
{
	long cores = options->threads > 0 ? (long)options->threads : sysconf(_SC_NPROCESSORS_ONLN);

	return (unsigned)MIN_OF(MAX_OF(cores, 1), (long)THREADS_MAX);
}

static bool start_parsers(struct ix_scan *scan, struct ix_ring *ring,
			  struct parsing_thread *threads, unsigned wanted, unsigned *started,
			  struct err *err)
{
	for (*started = 0; *started < wanted; (*started)++) {
		struct parsing_thread *t = &threads[*started];

		t->ring = ring;
		if (!ix_parser_init(&t->parser, scan->options, err))
			return false;
		if (pthread_create(&t->thread, NULL, parse_chunks, t) != 0) {
			ix_parser_release(&t->parser);
			/* Fewer are slower, none cannot work. */
			return *started > 0 || err_set(err, ERR_NOMEM, "cannot start a thread");
		}
	}
	return true;
}

static bool run_walk(struct ix_scan *scan, struct ix_ring *ring, struct parsing_thread *threads,
		     struct err *err)
{
	pthread_t walker;
	unsigned started;
	bool walking = false;
	bool ok = start_parsers(scan, ring, threads, thread_count(scan->options), &started, err);

	if (ok) {
		walking = pthread_create(&walker, NULL, ix_walk_run, scan->walk) == 0;
		ok = walking || err_set(err, ERR_NOMEM, "cannot start a thread");
	}
	ok = ok && write_all(scan, ring, err);
	/* At the end everybody has gone already; after a stop or an error this
	 * sends them home. */
	ix_ring_abort(ring);
	if (walking)
		(void)pthread_join(walker, NULL);
	for (unsigned i = 0; i < started; i++) {
		(void)pthread_join(threads[i].thread, NULL);
		ix_parser_release(&threads[i].parser);
	}
	if (ok && scan->walk->err.code != ERR_NONE) {
		if (err != NULL)
			*err = scan->walk->err;
		return false;
	}
	return ok;
}

static bool walk_store(struct ix_scan *scan, struct err *err)
{
	struct parsing_thread *threads CLEANUP_FREE = calloc(THREADS_MAX, sizeof(*threads));
	struct ix_ring ring;
	bool ok;

	if (threads == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	ok = ix_ring_init(&ring, err);
	scan->walk->ring = &ring;
	ok = ok && run_walk(scan, &ring, threads, err);
	scan->walk->ring = NULL;
	ix_ring_release(&ring);
	return ok;
}

static bool settle_pending(struct ix_scan *scan, struct err *err)
{
	bool found = true;

	for (unsigned round = 0; found && round < ROUNDS_MAX; round++) {
		if (!ix_scan_pending(scan, &found, err))
			return false;
	}
	return true;
}

/* ---- What happened meanwhile -------------------------------------------- */

/* Nothing is taken out before everything that came was seen: what was renamed while
 * the walk went on is there under its new name. */
static bool look_again(struct ix_scan *scan, struct err *err)
{
	const struct ix_scan_options *options = scan->options;
	struct ix_walk *walk = scan->walk;
	uint64_t fresh_done = scan->fresh_done;
	bool ok = true;

	for (unsigned round = 0; ok && options->more != NULL && round < ROUNDS_MAX; round++) {
		size_t count = 0;
		char **paths = options->more(&count, options->more_context);
		struct ix_walk again = {
			.options = options,
			.index_path = scan->index->path,
			.only = (const char *const *)paths,
			.only_count = count,
			.doubtful = walk->doubtful,
		};

		if (paths == NULL)
			break;
		(void)pthread_mutex_lock(&scan->index->mutex);
		again.next_folder = scan->index->writer.next_folder;
		(void)pthread_mutex_unlock(&scan->index->mutex);
		scan->walk = &again;
		scan->fresh_done = 0;
		ok = walk_store(scan, err) && settle_pending(scan, err);
		scan->walk = walk;
		scan->fresh_done = fresh_done;
		again.whole_wanted = again.whole_wanted || !atomic_load(&again.done);
		walk->whole_wanted = walk->whole_wanted || again.whole_wanted;
		/* After this scan, then. */
		for (size_t i = 0; again.whole_wanted && options->postponed != NULL && i < count;
		     i++)
			options->postponed(paths[i], true, options->postponed_context);
		ix_watch_paths_free(paths, count);
	}
	return ok;
}

/* ---- The scan ----------------------------------------------------------- */

static bool set_state(struct ix_scan *scan, enum ix_scan_state state, const char *reason,
		      struct err *err)
{
	struct ix_writer *w = &scan->index->writer;

	(void)pthread_mutex_lock(&scan->index->mutex);
	if (!ix_writer_begin(w, err)) {
		(void)pthread_mutex_unlock(&scan->index->mutex);
		return false;
	}
	w->status.state = state;
	if (reason != NULL)
		(void)snprintf(w->status.state_reason, sizeof(w->status.state_reason), "%s",
			       reason);
	if (state == IX_SCAN_RUNNING)
		w->status.scan_started_ns = ix_now_ns();
	else
		w->status.scan_ended_ns = ix_now_ns();
	if (state == IX_SCAN_COMPLETE) {
		w->status.scan_files = w->status.counts.files;
		w->status.scan_ns = ix_monotonic_ns() - scan->begun_ns;
	}
	w->dirty = true;
	w->queued = 0;
	return ix_index_commit(scan->index, scan->options, err);
}

static bool prepare(struct ix_scan *scan, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	bool ok;

	(void)pthread_mutex_lock(&scan->index->mutex);
	ok = ix_writer_begin(w, err) &&
	     (scan->walk->only != NULL || ix_db_run(&w->db, IX_W_REQUEST_DONE, err, "")) &&
	     ix_db_exec(&w->db, "DELETE FROM gone; DELETE FROM gone_folder", err);
	if (!ok)
		ix_writer_abort(w);
	scan->walk->next_folder = w->next_folder;
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return ok;
}

/* On what may be another disk than before, what is another file than before waits
 * until that is settled. */
static bool doubt(struct ix_scan *scan, struct err *err)
{
	bool lost;

	if (!ix_scan_is_lost(scan, &lost, err))
		return false;
	scan->walk->doubtful = lost && !scan->options->confirm_empty;
	return true;
}

static bool run(struct ix_scan *scan, struct err *err)
{
	bool suspicious;

	scan->begun_ns = ix_monotonic_ns();
	if (!prepare(scan, err) ||
	    (!scan->options->again && !set_state(scan, IX_SCAN_RUNNING, "", err)) ||
	    !doubt(scan, err) || !walk_store(scan, err))
		return false;
	if (!atomic_load(&scan->walk->done) || ix_scan_stopped(scan))
		return set_state(scan, IX_SCAN_STOPPED, "stopped before it was done", err);
	if (!settle_pending(scan, err) || !look_again(scan, err) ||
	    !ix_scan_suspect(scan, &suspicious, err))
		return false;
	if (suspicious)
		return set_state(scan, IX_SCAN_SUSPICIOUS, NULL, err);
	if (!ix_scan_gone(scan, err) || !ix_scan_file_held(scan, err) || !settle_pending(scan, err))
		return false;
	if (ix_scan_stopped(scan))
		return set_state(scan, IX_SCAN_STOPPED, "stopped before it was done", err);
	return set_state(scan, IX_SCAN_COMPLETE, "", err);
}

/* The scan with somebody who counts ahead of it. */
static bool run_counted(struct ix_scan *scan, struct err *err)
{
	struct ix_count count = {.store_fd = scan->options->store_fd, .stop = scan->options->stop};
	pthread_t thread;
	bool counting, ok;

	if (scan->options->progress == NULL)
		return run(scan, err);
	scan->count = &count;
	counting = pthread_create(&thread, NULL, ix_count_run, &count) == 0;
	ok = run(scan, err);
	atomic_store(&count.quit, true);
	if (counting)
		(void)pthread_join(thread, NULL);
	ix_scan_progress(scan, true);
	scan->count = NULL;
	return ok;
}

bool ix_scan(struct ix_index *index, const struct ix_scan_options *options, struct err *err)
{
	struct ix_walk walk = {.options = options, .index_path = index->path};
	struct ix_scan scan = {.index = index, .options = options, .walk = &walk};
	struct err reason = {0};
	bool ok;

	if (!index->is_writer)
		return err_set(err, ERR_USAGE, "another process writes this index");
	(void)pthread_mutex_lock(&index->scan_mutex);
	ok = run_counted(&scan, &reason);
	/* The disk may be full: then this fails too, and the next one to open the
	 * index sees that the scan did not end. */
	if (!ok && !set_state(&scan, IX_SCAN_STOPPED, reason.message, NULL))
		log_trace(LOG_SCAN, "the state of the scan could not be written");
	free(scan.held);
	if (reason.code == ERR_CORRUPT)
		ix_home_mark_damaged(index->path);
	(void)pthread_mutex_unlock(&index->scan_mutex);
	if (!ok && err != NULL)
		*err = reason;
	return ok;
}

/* ---- Some places -------------------------------------------------------- */

static bool run_some(struct ix_scan *scan, bool *whole, struct err *err)
{
	bool suspicious;

	if (!prepare(scan, err) || !doubt(scan, err))
		return false;
	/* Whether the disk is the same is to be seen in all of it only. */
	*whole = scan->walk->doubtful;
	if (*whole)
		return ix_scan_commit(scan, true, err);
	if (!walk_store(scan, err))
		return false;
	*whole = scan->walk->whole_wanted;
	/* What was begun is kept; the next whole scan sees the rest. */
	if (*whole || !atomic_load(&scan->walk->done) || ix_scan_stopped(scan))
		return ix_scan_commit(scan, true, err);
	if (!settle_pending(scan, err) || !look_again(scan, err) ||
	    !ix_scan_suspect(scan, &suspicious, err))
		return false;
	*whole = scan->walk->whole_wanted;
	if (suspicious)
		return set_state(scan, IX_SCAN_SUSPICIOUS, NULL, err);
	return ix_scan_gone(scan, err) && ix_scan_file_held(scan, err) &&
	       settle_pending(scan, err) && ix_scan_commit(scan, true, err);
}

bool ix_scan_paths(struct ix_index *index, const struct ix_scan_options *options,
		   const char *const *paths, size_t count, bool *whole, struct err *err)
{
	static const char *const none[1];
	struct ix_walk walk = {
		.options = options,
		.index_path = index->path,
		.only = count > 0 ? paths : none,
		.only_count = count,
	};
	struct ix_scan scan = {.index = index, .options = options, .walk = &walk};
	struct err reason = {0};
	bool ok;

	*whole = false;
	if (!index->is_writer)
		return err_set(err, ERR_USAGE, "another process writes this index");
	(void)pthread_mutex_lock(&index->scan_mutex);
	ok = run_some(&scan, whole, &reason);
	free(scan.held);
	if (reason.code == ERR_CORRUPT)
		ix_home_mark_damaged(index->path);
	(void)pthread_mutex_unlock(&index->scan_mutex);
	if (!ok && err != NULL)
		*err = reason;
	return ok;
}

/* ---- One file ----------------------------------------------------------- */

static bool refresh(struct ix_scan *scan, int64_t file, struct err *err)
{
	struct ix_parser parser;
	struct ix_result result;
	bool lost, ok;

	/* What is not there because the disk is not is no change. */
	if (!ix_scan_is_lost(scan, &lost, err) ||
	    (!lost && !ix_scan_is_file_lost(scan, file, &lost, err)))
		return false;
	if (lost)
		return err_set(err, ERR_IO, "the store is on another disk than before");
	if (!ix_parser_init(&parser, scan->options, err))
		return false;
	ix_result_init(&result);
	ok = ix_scan_refile(scan, &parser, &result, file, err);
	ix_result_release(&result);
	ix_parser_release(&parser);
	return ok && settle_pending(scan, err);
}

bool ix_refresh(struct ix_index *index, const struct ix_scan_options *options, int64_t file,
		struct err *err)
{
	struct ix_scan scan = {.index = index, .options = options};

	if (!index->is_writer)
		return err_set(err, ERR_STALE,
			       "the file changed, and another process writes the index");
	return refresh(&scan, file, err);
}
