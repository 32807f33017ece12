/* SPDX-License-Identifier: MIT */
#include "fs/measure.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "dicom/log.h"
#include "fs/node.h"
#include "fs/produce.h"
#include "fs/store-file.h"

#define MAX_THREADS 64
/* Seconds between looks; longer when all that is left cannot be read. */
#define PAUSE_S 2
#define PAUSE_FAILED_S 60
#define LOWEST_PRIORITY 19
/* A picture that has its decoder ended is tried so often, and so often one file may
 * do that. */
#define ABORTED_MAX 2u
#define ABORTED_FILE_MAX 16u

bool fs_measure_wanted(const struct fs_options *options)
{
	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		const struct rn_kind *kind = rn_kind_table[i];

		if (kind != NULL && kind->measured != NULL && kind->measured(&options->render))
			return true;
	}
	return false;
}

/* ---- One instance ------------------------------------------------------ */

static bool is_stopped(const struct fs_measuring *m)
{
	return m->scan->stop != NULL && atomic_load(m->scan->stop);
}

/* The same bytes fail the same way again. */
static bool is_lasting(const struct err *err)
{
	return err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED || err->code == ERR_LIMIT ||
	       err->code == ERR_ABORTED;
}

static void close_file(struct fs_store_file *file)
{
	base_close_fd(&file->fd);
}

static bool open_source(const struct fs_measuring *m, struct ix_reader *reader, int64_t instance,
			struct fs_store_file *file, struct err *err)
{
	struct ix_source *source CLEANUP_FREE = malloc(sizeof(*source));

	if (source == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (unsigned nth = 0;; nth++) {
		struct err end = {0};

		if (!ix_source_get(reader, instance, nth, source, &end)) {
			if (nth == 0)
				*err = end;
			return false;
		}
		err_clear(err);
		if (fs_store_file_open(m->store_fd, m->options->follow, source, file, err))
			return true;
	}
}

static void note(const struct fs_measuring *m, const struct ix_instance *instance,
		 const struct rn_kind *kind, uint32_t frame, const struct err *err)
{
	struct err why = *err, ignored = {0};

	if (frame > 0)
		(void)err_prefix(&why, "%s, frame %u", kind->folder, frame + 1);
	else
		(void)err_prefix(&why, "%s", kind->folder);
	if (!ix_note_instance(m->index, instance->id, "decode-failed", why.message, &ignored))
		log_trace(LOG_SQL, "note: %s", ignored.message);
}

/* What is to be made, and from what; dataset and frames in this process only. */
struct making {
	const struct fs_measuring *m;
	const struct ix_instance *instance;
	const struct rn_kind *kind;
	const struct fs_store_file *file;
	bool contained;
	struct dc_file_source source;
	struct dc_dataset dataset;
	struct dc_frame_index *frames;
};

static void release_making(struct making *making)
{
	dc_frame_index_unref(making->frames);
	dc_dataset_release(&making->dataset);
	dc_source_release(&making->source.base);
}

static bool make_here(struct making *making, uint32_t frame, struct buf *out, struct err *err)
{
	const struct rn_instance known = fs_rn_instance(making->instance);
	const struct rn_request request = {
		.dataset = &making->dataset,
		.instance = &known,
		.frame = frame,
		.measuring = true,
		.frames = making->frames,
		.options = &making->m->options->render,
		.cancel = making->m->scan->stop,
	};

	buf_clear(out);
	return rn_produce(making->kind, &request, out, err);
}

static bool make_there(struct making *making, uint32_t frame, struct buf *out, struct err *err)
{
	struct fs_producing producing = {
		.options = &making->m->options->render,
		.kind = making->kind,
		.instance = making->instance,
		.key = fs_file_key(making->instance, making->kind->number, frame),
		.measuring = true,
		.threads = 1,
		.source_fd = making->file->fd,
		.source_size = making->file->size,
		.cancel = making->m->scan->stop,
		.output_fd = -1,
		.out = out,
	};

	buf_clear(out);
	return fs_produce(making->m->workers, &producing, err);
}

/* All frames of one kind. sizes[frame] stays 0 where that cannot be made; false:
 * another time perhaps. */
static bool make_frames(struct making *making, uint64_t *sizes, struct err *err)
{
	const struct ix_instance *instance = making->instance;
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	unsigned aborted = 0;
	bool noted = false;

	for (uint32_t frame = 0; frame < instance->frames; frame++) {
		struct err why = {0};
		bool made = false;

		for (unsigned tries = 0; tries < ABORTED_MAX; tries++) {
			err_clear(&why);
			made = making->contained ? make_there(making, frame, &out, &why)
						 : make_here(making, frame, &out, &why);
			aborted += why.code == ERR_ABORTED;
			if (why.code != ERR_ABORTED || aborted >= ABORTED_FILE_MAX)
				break;
		}
		if (made) {
			sizes[frame] = out.size;
			continue;
		}
		if (!is_lasting(&why)) {
			*err = why;
			return false;
		}
		if (!noted)
			note(making->m, instance, making->kind, frame, &why);
		noted = true;
		/* The rest would do the same. */
		if (aborted >= ABORTED_FILE_MAX)
			break;
	}
	return true;
}

/* Without the frame index each frame looks for itself, and says what is wrong. */
static bool open_here(struct making *making, struct err *err)
{
	const struct dc_image *image = &making->instance->image;

	if (!dc_dataset_open(&making->dataset, &making->source.base, err))
		return false;
	if (image->frames > 1 && (image->flags & DC_IMAGE_ENCAPSULATED) != 0 &&
	    !dc_frame_index_build(&making->frames, &making->dataset, image, NULL))
		making->frames = NULL;
	return true;
}

static bool make_kind(const struct fs_measuring *m, struct ix_reader *reader,
		      const struct ix_instance *instance, const struct rn_kind *kind,
		      struct err *err)
{
	struct fs_store_file file CLEANUP(close_file) = {.fd = -1};
	struct making making CLEANUP(release_making) = {
		.m = m, .instance = instance, .kind = kind, .file = &file};
	uint64_t *sizes CLEANUP_FREE = calloc(instance->frames, sizeof(*sizes));

	if (sizes == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!open_source(m, reader, instance->id, &file, err))
		return false;
	making.contained = m->workers != NULL && fs_is_contained(kind, &instance->image);
	dc_file_source_init(&making.source, file.fd, file.size, NULL);
	return (making.contained || open_here(&making, err)) && make_frames(&making, sizes, err) &&
	       /* Written to meanwhile: these are sizes of nothing. */
	       fs_store_file_check(&file, err) &&
	       ix_measured_set(m->index, m->scan, instance->id, kind->number, sizes,
			       instance->frames, err);
}

/* ---- All of them ------------------------------------------------------- */

struct work {
	const struct fs_measuring *m;
	pthread_mutex_t lock;
	int64_t last; /* taken */
	uint64_t left;
	struct err failure; /* that ends all */
};

static bool take(struct work *work, struct ix_reader *reader, struct ix_instance *instance)
{
	struct err err = {0};
	bool found;

	pthread_mutex_lock(&work->lock);
	found = work->failure.code == ERR_NONE && !is_stopped(work->m) &&
		ix_waiting_next(reader, work->last, instance, &err);
	if (found)
		work->last = instance->id;
	else if (err.code != ERR_NONE && err.code != ERR_NOTFOUND)
		work->failure = err;
	pthread_mutex_unlock(&work->lock);
	return found;
}

static void put_back(struct work *work, const struct err *why)
{
	log_trace(LOG_DECODE, "not measured: %s", why->message);
	pthread_mutex_lock(&work->lock);
	work->left++;
	if (why->code == ERR_NOMEM)
		work->failure = *why;
	pthread_mutex_unlock(&work->lock);
}

static void *work_thread(void *context)
{
	struct work *work = context;
	struct ix_instance *instance CLEANUP_FREE = malloc(sizeof(*instance));
	struct ix_reader *reader = NULL;
	struct err err = {0};

	(void)pthread_setname_np(pthread_self(), "fs-measure");
	/* Of this thread alone, as Linux has it; reading a picture goes first. */
	(void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY);
	if (instance == NULL)
		(void)err_set(&err, ERR_NOMEM, "out of memory");
	if (instance == NULL || !ix_reader_open(&reader, work->m->index, &err)) {
		put_back(work, &err);
		return NULL;
	}
	while (take(work, reader, instance)) {
		for (uint8_t number = 0; number < RN_KIND_LIMIT; number++) {
			if ((instance->waiting >> number & 1) == 0 || rn_kind_table[number] == NULL)
				continue;
			err_clear(&err);
			if (!make_kind(work->m, reader, instance, rn_kind_table[number], &err) &&
			    err.code != ERR_INTERRUPTED)
				put_back(work, &err);
		}
	}
	ix_reader_close(reader);
	return NULL;
}

bool fs_measure_all(const struct fs_measuring *m, uint64_t *left, struct err *err)
{
	struct work work = {.m = m, .lock = PTHREAD_MUTEX_INITIALIZER};
	unsigned count = MIN_OF(MAX_OF(m->threads, 1u), (unsigned)MAX_THREADS), started = 0;
	pthread_t threads[MAX_THREADS];
	int sys = 0;

	while (started < count && sys == 0) {
		sys = pthread_create(&threads[started], NULL, work_thread, &work);
		started += sys == 0;
	}
	for (unsigned i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	pthread_mutex_destroy(&work.lock);
	*left = work.left;
	if (started == 0)
		return err_set_sys(err, sys, "cannot start a thread");
	if (work.failure.code != ERR_NONE) {
		*err = work.failure;
		return false;
	}
	return true;
}

/* ---- In the background ------------------------------------------------- */

struct fs_measurer {
	struct fs_measuring measuring;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool woken, ended;
	pthread_t thread;
};

static struct timespec in_seconds(time_t seconds)
{
	struct timespec until;

	(void)clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += seconds;
	return until;
}

static void pause_for(struct fs_measurer *measurer, time_t seconds)
{
	struct timespec until = in_seconds(seconds);
	int sys = 0;

	pthread_mutex_lock(&measurer->lock);
	while (!measurer->woken && !is_stopped(&measurer->measuring) && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&measurer->changed, &measurer->lock, &until);
	measurer->woken = false;
	pthread_mutex_unlock(&measurer->lock);
}

/* Whether there is anything to do, without starting threads for it. */
static bool anything_waits(struct fs_measurer *measurer)
{
	struct ix_instance *instance CLEANUP_FREE = malloc(sizeof(*instance));
	struct ix_reader *reader = NULL;
	struct err err = {0};
	bool found;

	if (instance == NULL || !ix_reader_open(&reader, measurer->measuring.index, &err))
		return false;
	found = ix_waiting_next(reader, 0, instance, &err);
	ix_reader_close(reader);
	return found;
}

static void *measurer_thread(void *context)
{
	struct fs_measurer *measurer = context;

	while (!is_stopped(&measurer->measuring)) {
		struct err err = {0};
		uint64_t left = 0;

		if (anything_waits(measurer) &&
		    !fs_measure_all(&measurer->measuring, &left, &err)) {
			log_error("measuring pictures: %s", err.message);
			left = 1;
		}
		pause_for(measurer, left > 0 ? PAUSE_FAILED_S : PAUSE_S);
	}
	pthread_mutex_lock(&measurer->lock);
	measurer->ended = true;
	pthread_cond_broadcast(&measurer->changed);
	pthread_mutex_unlock(&measurer->lock);
	return NULL;
}

bool fs_measurer_start(struct fs_measurer **out, const struct fs_measuring *measuring,
		       struct err *err)
{
	struct fs_measurer *measurer = calloc(1, sizeof(*measurer));
	pthread_condattr_t monotonic;
	int sys;

	if (measurer == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	measurer->measuring = *measuring;
	pthread_mutex_init(&measurer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&measurer->changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	sys = pthread_create(&measurer->thread, NULL, measurer_thread, measurer);
	if (sys == 0) {
		*out = measurer;
		return true;
	}
	pthread_cond_destroy(&measurer->changed);
	pthread_mutex_destroy(&measurer->lock);
	free(measurer);
	return err_set_sys(err, sys, "cannot start a thread");
}

void fs_measurer_wake(struct fs_measurer *measurer)
{
	if (measurer == NULL)
		return;
	pthread_mutex_lock(&measurer->lock);
	measurer->woken = true;
	pthread_cond_broadcast(&measurer->changed);
	pthread_mutex_unlock(&measurer->lock);
}

bool fs_measurer_stop(struct fs_measurer *measurer, unsigned timeout_ms)
{
	struct timespec until = in_seconds((time_t)(timeout_ms / 1000) + 1);
	int sys = 0;
	bool ended;

	if (measurer == NULL)
		return true;
	pthread_mutex_lock(&measurer->lock);
	pthread_cond_broadcast(&measurer->changed);
	while (!measurer->ended && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&measurer->changed, &measurer->lock, &until);
	ended = measurer->ended;
	pthread_mutex_unlock(&measurer->lock);
	if (!ended)
		return false;
	(void)pthread_join(measurer->thread, NULL);
	pthread_cond_destroy(&measurer->changed);
	pthread_mutex_destroy(&measurer->lock);
	free(measurer);
	return true;
}
