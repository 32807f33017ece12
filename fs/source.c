/* SPDX-License-Identifier: MIT */
#include "fs/core.h"

#include <time.h>
#include <unistd.h>

#include "index/names.h"

/* Sources of one instance that are indexed again at one open; the others wait
 * for the next scan. */
#define REFRESH_MAX 8
/* Processor time above which a picture is worth its place in the disk cache. */
#define DISK_MIN_NS 2000000
/* Bytes from which on it pays to have the kernel read a file past us: smaller
 * ones are as fast out of its own cache, and faster the second time. */
#define PASS_ORIGINAL_MIN ((uint64_t)64 * 1024)
#define PASS_MADE_MIN ((uint64_t)1024 * 1024)
/* Bytes of a file that is made faster than a thread wakes up, or nearly. */
#define PROMPT_MAX ((uint64_t)1024 * 1024)
#define PROMPT_TEXT_MAX ((uint64_t)128 * 1024)

static bool open_file(struct fs_session *session, const struct ix_source *source,
		      struct fs_store_file *file, struct err *err)
{
	if (session->quiet_fd >= 0 &&
	    fs_store_file_open(session->quiet_fd, false, source, file, err)) {
		file->quiet = true;
		return true;
	}
	/* The clone lacks what was mounted in the store since, and may show another
	 * file in its place. */
	err_clear(err);
	return fs_store_file_open(session->store_fd, session->options->follow, source, file, err);
}

/* One source. ERR_NOTFOUND: there are no more. *known false: it is the index that
 * failed, and would with all others. */
static bool open_nth(struct fs_session *session, struct ix_reader *reader, int64_t instance,
		     unsigned nth, struct ix_source *source, struct fs_store_file *file,
		     bool *known, struct err *err)
{
	struct ix_source *next CLEANUP_FREE = malloc(sizeof(*next));

	*known = false;
	if (next == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!ix_source_get(reader, instance, nth, next, err))
		return false;
	*source = *next;
	*known = true;
	return open_file(session, source, file, err);
}

static void refresh(struct fs_session *session, const int64_t *files, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct err err = {0};

		if (!fs_rescan_refresh(session->rescan, files[i], &err))
			log_trace(LOG_SCAN, "refresh: %s", err.message);
	}
}

bool fs_source_open(struct fs_session *session, struct fs_thread *thread, int64_t instance,
		    struct ix_source *source, struct fs_store_file *file, struct err *err)
{
	struct ix_reader *reader = fs_thread_reader(thread, err);
	int64_t changed[REFRESH_MAX];
	size_t changed_count = 0;
	struct err last = {.code = ERR_STALE, .message = "the file left the store"};
	bool opened = false;

	source->path[0] = '\0';
	if (reader == NULL)
		return false;
	for (unsigned nth = 0; !opened; nth++) {
		struct err reason = {0};
		bool known;

		opened = open_nth(session, reader, instance, nth, source, file, &known, &reason);
		if (opened || reason.code == ERR_NOTFOUND)
			break;
		last = reason;
		if (!known || reason.code == ERR_NOMEM)
			break;
		if (reason.code == ERR_STALE && changed_count < REFRESH_MAX)
			changed[changed_count++] = source->file;
		else
			fs_rescan_request(session->rescan);
	}
	refresh(session, changed, changed_count);
	if (opened)
		return true;
	*err = last;
	/* With the new row the kernel's second try may succeed. */
	if (changed_count > 0)
		err->code = ERR_STALE;
	return false;
}

bool fs_source_open_cached(struct fs_session *session, struct ix_reader *reader, int64_t instance,
			   struct fs_store_file *file)
{
	struct ix_source source;
	struct err err = {0};

	bool quiet = session->quiet_fd >= 0;

	if (!session->local || !ix_source_get(reader, instance, 0, &source, &err) ||
	    !fs_store_file_open_cached(quiet ? session->quiet_fd : session->store_fd, &source,
				       file))
		return false;
	file->quiet = quiet;
	return true;
}

/* ---- Derived files ---------------------------------------------------- */

struct fs_key fs_source_key(const struct fs_node *file)
{
	return fs_file_key(&file->instance, file->id.kind, file->id.frame);
}

bool fs_source_is_slow(const struct fs_options *options, const struct fs_node *file)
{
	const struct rn_codec *codec = rn_codec_find(&file->instance.image);
	const struct rn_kind *kind = file->kind;

	return kind->per_frame && codec != NULL &&
	       (codec->slow || (kind->measured != NULL && kind->measured(&options->render)));
}

bool fs_is_passed_through(const struct rn_kind *kind, uint64_t size)
{
	return size >= (kind->original ? PASS_ORIGINAL_MIN : PASS_MADE_MIN);
}

/* Whether the pixels of all frames are where they should be. */
static bool is_whole(const struct dc_image *image)
{
	uint64_t size;

	return (image->flags & (DC_IMAGE_ENCAPSULATED | DC_IMAGE_TRUNCATED)) == 0 &&
	       dc_image_frame_size(image, &size) && image->frames > 0 &&
	       size <= image->length / image->frames;
}

bool fs_source_is_prompt(const struct fs_options *options, const struct fs_node *file,
			 uint64_t size)
{
	const struct rn_kind *kind = file->kind;
	uint32_t flags = file->instance.image.flags;

	if (kind->original || (flags & DC_IMAGE_DEFLATED) != 0)
		return false;
	if (!kind->per_frame)
		return size <= PROMPT_TEXT_MAX;
	return size <= PROMPT_MAX && !fs_source_is_slow(options, file) &&
	       (flags & DC_IMAGE_NEEDS_HEADER) == 0 && is_whole(&file->instance.image);
}

static struct fs_node node_of(const struct fs_key *key, const struct ix_instance *instance)
{
	return (struct fs_node){
		.id = {.class = FS_CLASS_FRAME,
		       .kind = key->kind,
		       .frame = key->frame,
		       .row = (uint32_t)key->instance},
		.kind = rn_kind_table[key->kind],
		.instance = *instance,
	};
}

/* All that the bytes follow from, and nothing that another index or another
 * mount would call otherwise. Texts end in NUL. */
static bool make_disk_key(const struct fs_session *session, const struct fs_key *key,
			  const struct ix_instance *instance, struct buf *out, struct err *err)
{
	const struct rn_kind *kind = rn_kind_table[key->kind];
	const char *const texts[] = {
		PACKAGE_VERSION,           kind->folder,      session->options->store,
		session->options->variant, instance->sop_uid, instance->name,
	};
	const uint64_t numbers[] = {
		kind->version,
		key->frame,
		instance->ident,
		instance->size,
		(uint64_t)instance->mtime_ns,
		(uint64_t)instance->ctime_ns,
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		buf_append(out, texts[i], strlen(texts[i]) + 1);
	buf_append(out, numbers, sizeof(numbers));
	dc_image_pack(&instance->image, out);
	return buf_ok(out, err);
}

static void close_file(struct fs_store_file *file)
{
	base_close_fd(&file->fd);
}

static void release_source(struct dc_file_source *source)
{
	dc_source_release(&source->base);
}

/* One making. */
struct making {
	struct fs_session *session;
	struct fs_thread *thread;
	const struct fs_key *key;
	struct fs_node node;
	const atomic_bool *cancel;
	int fd; /* a memory file to make it in; -1: none */
	struct buf *out;
	uint64_t used_ns; /* processor time it took elsewhere */
};

static bool produce_here(const struct making *making, struct dc_source *source, struct err *err)
{
	struct fs_session *session = making->session;
	struct rn_instance known = fs_rn_instance(&making->node.instance);
	const struct rn_request request = {
		.instance = &known,
		.frame = making->key->frame,
		.options = &session->options->render,
		.cancel = making->cancel,
		/* Alone, it need not leave the other processors idle. */
		.threads = 1 + fs_pool_idle(session->decode_pool),
	};

	known.measured_size = making->node.measured_size;
	return fs_produce_from(making->key, session->frames, source, &request, making->out, err);
}

static bool refuse(struct err *err)
{
	return err_set(err, ERR_IO, "not in memory");
}

static bool produce_there(struct making *making, const struct fs_store_file *file, struct err *err)
{
	struct fs_session *session = making->session;
	struct rn_instance known = fs_rn_instance(&making->node.instance);
	struct fs_producing producing = {
		.options = &session->options->render,
		.kind = making->node.kind,
		.instance = &making->node.instance,
		.key = *making->key,
		.measured_size = making->node.measured_size,
		.threads = 1 + fs_pool_idle(session->decode_pool),
		.source_fd = file->fd,
		.source_size = file->size,
		.paid = true,
		.cancel = making->cancel,
		.output_fd = making->fd,
		.out = making->out,
	};
	uint64_t size = 0;

	known.measured_size = making->node.measured_size;
	if (making->fd >= 0 &&
	    !producing.kind->size(&known, producing.options, making->key->frame, &size, err))
		return false;
	producing.output_size = (size_t)size;
	if (!fs_produce(session->workers, &producing, err))
		return false;
	making->used_ns = producing.used_ns;
	return true;
}

static bool produce(struct making *making, const struct fs_store_file *file, struct err *err)
{
	struct dc_file_source source CLEANUP(release_source) = {.base.ops = NULL};
	bool ok;

	if (making->session->workers != NULL &&
	    fs_is_contained(making->node.kind, &making->node.instance.image))
		return produce_there(making, file, err);

	dc_file_source_init(&source, file->fd, file->size, NULL);
	source.prompt = making->thread->prompt;
	ok = produce_here(making, &source.base, err);
	/* Even a success is none then: what could not be read looks like an end. */
	return source.refused ? refuse(err) : ok;
}

/* What is being written may be a good deal longer than it is in the end, and is
 * copied while it grows. */
#define TEXT_WEIGHT 3u

/* Bytes that making it takes. */
static uint64_t weight_of(const struct making *making)
{
	const struct rn_options *options = &making->session->options->render;
	const struct rn_kind *kind = making->node.kind;
	struct rn_instance known = fs_rn_instance(&making->node.instance);
	struct err err = {0};
	uint64_t size;

	known.measured_size = making->node.measured_size;
	if (fs_is_contained(kind, known.image))
		return fs_produce_weight(options, kind, &known, making->key->frame);
	if (!kind->size(&known, options, making->key->frame, &size, &err))
		return 0;
	if (kind->per_frame)
		return size;
	/* A few kilobytes inflate to millions of elements, of which a short text may
	 * remain: those with the same tag are left out in the end. */
	if ((known.image->flags & DC_IMAGE_DEFLATED) != 0)
		size = MAX_OF(size, options->max_json_size);
	return size * TEXT_WEIGHT;
}

/* When there is memory for it. What was opened until then is opened again: what it
 * waits for may take longer than a file stays as it is. */
static bool produce_in_turn(struct making *making, const struct fs_store_file *file,
			    struct err *err)
{
	struct fs_session *session = making->session;
	struct fs_thread *thread = making->thread;
	uint64_t weight = session->workers != NULL ? weight_of(making) : 0;
	bool ok;

	if (thread->prompt && weight >= FS_BUDGET_LARGE)
		return refuse(err);
	if (!fs_pool_pay(session->decode_pool, thread, weight))
		return err_set(err, ERR_INTERRUPTED, "waits for memory");
	ok = produce(making, file, err);
	fs_pool_settle(session->decode_pool, thread);
	return ok;
}

static int64_t processor_ns(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &used);
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

/* What is made as fast as it could be read back need not be on disk. */
static bool produce_timed(struct making *making, const struct fs_store_file *file, bool *keep,
			  struct err *err)
{
	int64_t before = *keep ? processor_ns() : 0;

	if (!produce_in_turn(making, file, err))
		return false;
	*keep = *keep && processor_ns() - before + (int64_t)making->used_ns >= DISK_MIN_NS;
	return true;
}

/* Only after the source was opened: then it is what it was. */
static bool find_on_disk(const struct making *making)
{
	struct buf disk_key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct rn_instance known = fs_rn_instance(&making->node.instance);
	const struct fs_session *session = making->session;
	struct err err = {0};
	uint64_t size;

	known.measured_size = making->node.measured_size;
	return making->node.kind->size(&known, &session->options->render, making->key->frame, &size,
				       &err) &&
	       make_disk_key(session, making->key, &making->node.instance, &disk_key, &err) &&
	       fs_disk_cache_find(session->disk, buf_span(&disk_key), size, making->out);
}

static bool make_from(struct making *making, struct fs_thread *thread,
		      const struct fs_store_file *file, bool *keep, struct err *err)
{
	struct fs_session *session = making->session;
	struct ix_reader *reader = fs_thread_reader(thread, err);

	if (reader == NULL)
		return false;
	if (!fs_node_measure(reader, &making->node, err)) {
		if (err->code == ERR_NOTFOUND)
			err->code = ERR_STALE;
		return false;
	}
	*keep = session->disk != NULL && fs_source_is_slow(session->options, &making->node);
	if (*keep && find_on_disk(making)) {
		*keep = false;
		return true;
	}
	return produce_timed(making, file, keep, err);
}

static bool open_promptly(struct fs_session *session, struct fs_thread *thread, int64_t instance,
			  struct fs_store_file *file, struct err *err)
{
	struct ix_reader *reader = fs_thread_reader(thread, err);

	return (reader != NULL && fs_source_open_cached(session, reader, instance, file)) ||
	       refuse(err);
}

/* The kernel can pass through what lies in a memory file; and what another process
 * makes there needs no copy. */
static size_t file_size(void *context, const struct fs_key *key, const struct ix_instance *instance,
			bool *remote)
{
	const struct fs_session *session = context;
	struct fs_node node = node_of(key, instance);
	struct rn_instance known = fs_rn_instance(instance);
	struct err err = {0};
	uint64_t size;

	*remote = session->workers != NULL && fs_is_contained(node.kind, &instance->image);
	/* JSON is longer while it is written than in the end; of what is measured the
	 * row does not tell the size. */
	if ((!*remote && !fs_passthrough_allowed(session->passthrough)) || !node.kind->per_frame ||
	    (instance->measured >> key->kind & 1) != 0 ||
	    !node.kind->size(&known, &session->options->render, key->frame, &size, &err))
		return 0;
	return fs_is_passed_through(node.kind, size) ? (size_t)size : 0;
}

static bool make(void *context, struct fs_thread *thread, const struct fs_key *key,
		 const struct ix_instance *instance, const atomic_bool *cancel, int fd,
		 struct buf *out, bool *keep, struct err *err)
{
	struct fs_session *session = context;
	struct fs_store_file file CLEANUP(close_file) = {.fd = -1};
	struct ix_source *source CLEANUP_FREE = malloc(sizeof(*source));
	struct making making = {
		.session = session,
		.thread = thread,
		.key = key,
		.node = node_of(key, instance),
		.cancel = cancel,
		.fd = fd,
		.out = out,
	};
	struct err changed = {0};
	bool ok;

	if (source == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (thread->prompt ? !open_promptly(session, thread, key->instance, &file, err)
			   : !fs_source_open(session, thread, key->instance, source, &file, err))
		return false;
	ok = make_from(&making, thread, &file, keep, err);
	/* Overwritten meanwhile, it may be half of one picture and half of another,
	 * and a failure says nothing about either. */
	if (!fs_store_file_check(&file, &changed)) {
		*err = changed;
		return false;
	}
	return ok;
}

static void made(void *context, const struct fs_key *key, const struct ix_instance *instance,
		 struct fs_blob *blob)
{
	struct buf disk_key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct fs_session *session = context;
	struct err err = {0};

	if (make_disk_key(session, key, instance, &disk_key, &err))
		fs_disk_cache_keep(session->disk, buf_span(&disk_key), blob);
}

static void failed(void *context, struct fs_thread *thread, const struct fs_key *key,
		   const struct err *err)
{
	struct fs_session *session = context;
	struct err note = {0};
	struct ix_reader *reader = fs_thread_reader(thread, &note);
	struct ix_source *source CLEANUP_FREE = malloc(sizeof(*source));
	const char *kind = rn_kind_table[key->kind]->folder;
	struct err why = *err;

	if (reader == NULL || source == NULL ||
	    !ix_source_get(reader, key->instance, 0, source, &note))
		return;
	if (key->frame > 0)
		(void)err_prefix(&why, "%s, frame %u", kind, key->frame + 1);
	else
		(void)err_prefix(&why, "%s", kind);
	if (err->code != ERR_IO || fs_session_may_warn(session))
		log_warning("%s: %s", source->path, why.message);
	/* A disk that failed once is no property of the file. */
	if (err->code == ERR_IO)
		return;
	err_clear(&note);
	if (!ix_note_instance(session->index, key->instance, "decode-failed", why.message, &note))
		log_trace(LOG_SQL, "note: %s", note.message);
}

const struct fs_content_ops fs_source_content_ops = {
	.file_size = file_size,
	.make = make,
	.made = made,
	.failed = failed,
};
