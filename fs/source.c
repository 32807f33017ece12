/* SPDX-License-Identifier: MIT */
#include "fs/core.h"

#include <unistd.h>

#include "index/names.h"

/* Sources of one instance that are indexed again at one open; the others wait
 * for the next scan. */
#define REFRESH_MAX 8

/* One source. ERR_NOTFOUND: there are no more. */
static bool open_nth(struct fs_session *session, struct ix_reader *reader, int64_t instance,
		     unsigned nth, struct ix_source *source, struct fs_store_file *file,
		     struct err *err)
{
	struct ix_source *next CLEANUP_FREE = malloc(sizeof(*next));

	if (next == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!ix_source_get(reader, instance, nth, next, err))
		return false;
	*source = *next;
	return fs_store_file_open(session->store_fd, session->options->follow, source, file, err);
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

		opened = open_nth(session, reader, instance, nth, source, file, &reason);
		if (opened || reason.code == ERR_NOTFOUND)
			break;
		last = reason;
		if (reason.code == ERR_NOMEM)
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

	return session->local && ix_source_get(reader, instance, 0, &source, &err) &&
	       fs_store_file_open_cached(session->store_fd, &source, file);
}

/* ---- Derived files ---------------------------------------------------- */

struct fs_key fs_source_key(const struct fs_node *file)
{
	const struct ix_instance *instance = &file->instance;
	const uint64_t parts[] = {
		instance->size,
		(uint64_t)instance->mtime_ns,
		(uint64_t)instance->ctime_ns,
		instance->json_base,
	};

	return (struct fs_key){
		.instance = instance->id,
		.fingerprint = ix_hash(span_of(parts, sizeof(parts))),
		.frame = file->id.frame,
		.kind = file->id.kind,
	};
}

static void close_file(struct fs_store_file *file)
{
	base_close_fd(&file->fd);
}

static void release_source(struct dc_file_source *source)
{
	dc_source_release(&source->base);
}

static bool produce(struct fs_session *session, const struct fs_key *key,
		    const struct ix_instance *instance, const struct fs_store_file *file,
		    const atomic_bool *cancel, struct buf *out, struct err *err)
{
	struct dc_file_source source CLEANUP(release_source) = {.base.ops = NULL};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	const struct rn_instance known = fs_rn_instance(instance);
	struct rn_request request = {
		.dataset = &dataset,
		.instance = &known,
		.frame = key->frame,
		.options = &session->options->render,
		.cancel = cancel,
	};

	dc_file_source_init(&source, file->fd, file->size, NULL);
	if (!dc_dataset_open(&dataset, &source.base, err))
		return false;
	return rn_produce(rn_kind_table[key->kind], &request, out, err);
}

static bool make(void *context, struct fs_thread *thread, const struct fs_key *key,
		 const struct ix_instance *instance, const atomic_bool *cancel, struct buf *out,
		 struct err *err)
{
	struct fs_session *session = context;
	struct fs_store_file file CLEANUP(close_file) = {.fd = -1};
	struct ix_source *source CLEANUP_FREE = malloc(sizeof(*source));
	struct err changed = {0};
	bool made;

	if (source == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!fs_source_open(session, thread, key->instance, source, &file, err))
		return false;
	made = produce(session, key, instance, &file, cancel, out, err);
	/* Overwritten meanwhile, it may be half of one picture and half of another,
	 * and a failure says nothing about either. */
	if (!fs_store_file_check(&file, &changed)) {
		*err = changed;
		return false;
	}
	return made;
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

const struct fs_content_ops fs_source_content_ops = {.make = make, .failed = failed};
