/* SPDX-License-Identifier: MIT */
#include "index/index.h"

#include <errno.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "dicom/log.h"
#include "index/home.h"
#include "index/internal.h"
#include "index/vfs.h"
#include "index/wal.h"

/* How long a follower waits for the writer to make the index. */
#define FOLLOW_ATTEMPTS 100
#define FOLLOW_PAUSE_NS 50000000
/* And for one that may be about to end. */
#define LOCK_ATTEMPTS 20

/* ---- What a file is ----------------------------------------------------- */

enum verdict {
	VERDICT_FINE,
	VERDICT_EMPTY,   /* nothing there yet */
	VERDICT_BROKEN,  /* damaged or outdated: reason says it */
	VERDICT_REFUSED, /* somebody else's, or newer: err says it */
};

struct inspection {
	char reason[256];
	int64_t next_id; /* 0: not known */
	uint64_t epoch;
	unsigned log_frames;
};

static bool read_pragma(struct ix_db *db, const char *sql, int64_t *value, struct err *err)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(db->handle, sql, -1, &row, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(row);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(row, 0);
	(void)sqlite3_finalize(row);
	if (code == SQLITE_DONE)
		return err_set(err, ERR_CORRUPT, "index is damaged: a row is missing");
	return code == SQLITE_ROW || ix_db_error(db, code, err);
}

/* "" when there is no such row. */
static bool read_meta(struct ix_db *db, const char *key, struct buf *value, struct err *err)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(db->handle, "SELECT value FROM meta WHERE key = ?", -1, &row,
				      NULL);

	buf_clear(value);
	if (code == SQLITE_OK) {
		(void)sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
		code = sqlite3_step(row);
	}
	if (code == SQLITE_ROW)
		buf_append_text(value, ix_db_text(row, 0));
	(void)sqlite3_finalize(row);
	(void)buf_text(value);
	return (code == SQLITE_ROW || code == SQLITE_DONE || ix_db_error(db, code, err)) &&
	       buf_ok(value, err);
}

/* Pages at the roots and at the far end of every large table: what a cut file
 * or a stray write is likely to have hit. Constant time. */
static bool probe_tables(struct ix_db *db, struct err *err)
{
	static const char *const probes[] = {
		"SELECT count(*) FROM status",
		"SELECT ifnull(max(id), 0) FROM file",
		"SELECT ifnull(max(id), 0) FROM node",
		"SELECT ifnull(max(id), 0) FROM instance",
		"SELECT ifnull(max(folder), 0) FROM file",
		"SELECT ifnull(max(parent), 0) FROM node",
		"SELECT ifnull(max(uid_hash), 0) FROM instance",
		"SELECT ifnull(max(series), 0) FROM instance",
		"SELECT ifnull(max(id), 0) + ifnull(max(parent), 0) FROM folder",
		"SELECT (SELECT ifnull(max(id), 0) FROM patient) + (SELECT ifnull(max(id), 0) FROM "
		"study)"
		" + (SELECT ifnull(max(id), 0) FROM series) + (SELECT ifnull(max(id), 0) FROM "
		"claim)",
	};
	int64_t ignored;

	for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
		if (!read_pragma(db, probes[i], &ignored, err))
			return false;
	}
	return true;
}

static enum verdict refuse(const struct ix_options *options, struct err *err, const char *why)
{
	(void)err_set(err, ERR_USAGE, "index %s is %s", options->path, why);
	return VERDICT_REFUSED;
}

static enum verdict broken(struct inspection *found, const char *why)
{
	(void)snprintf(found->reason, sizeof(found->reason), "%s", why);
	return VERDICT_BROKEN;
}

/* What cannot be read now (memory, a disk that fails) is not damaged, and nothing
 * to throw away; a table or column that is missing is. */
static enum verdict unreadable(const struct ix_db *db, struct inspection *found,
			       const struct err *reason, struct err *err)
{
	if (reason->code == ERR_CORRUPT || sqlite3_errcode(db->handle) == SQLITE_ERROR)
		return broken(found, reason->message);
	if (err != NULL)
		*err = *reason;
	return VERDICT_REFUSED;
}

/* The index is ours and of this version: is it of this store? */
static enum verdict inspect_rows(struct ix_db *db, const struct ix_options *options,
				 struct inspection *found, struct err *err)
{
	struct buf value CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	char fingerprint[IX_FINGERPRINT_SIZE + 1];
	struct err reason = {0};
	int64_t epoch;

	if (!ix_schema_fingerprint(fingerprint, err))
		return VERDICT_REFUSED;
	if (!read_meta(db, "fingerprint", &value, &reason))
		return unreadable(db, found, &reason, err);
	if (!span_equals_text(buf_span(&value), fingerprint))
		return broken(found, "made by another version of dicomfs");
	if (!read_meta(db, "store", &value, &reason))
		return unreadable(db, found, &reason, err);
	if (!span_equals_text(buf_span(&value), options->store))
		return refuse(options, err, "of another store");
	if (!read_meta(db, "variant", &value, &reason))
		return unreadable(db, found, &reason, err);
	if (!span_equals_text(buf_span(&value), options->variant))
		return refuse(options, err, "for other options that change names, sizes or bytes");
	if (!read_pragma(db, "SELECT next_id FROM status", &found->next_id, &reason) ||
	    !read_pragma(db, "SELECT value FROM meta WHERE key = 'epoch'", &epoch, &reason) ||
	    !probe_tables(db, &reason))
		return unreadable(db, found, &reason, err);
	found->epoch = (uint64_t)epoch;
	return VERDICT_FINE;
}

static enum verdict inspect_open(struct ix_db *db, const struct ix_options *options,
				 struct inspection *found, struct err *err)
{
	struct err reason = {0};
	int64_t application, version, tables;

	if (!read_pragma(db, "PRAGMA application_id", &application, &reason) ||
	    !read_pragma(db, "PRAGMA user_version", &version, &reason) ||
	    !read_pragma(db, "SELECT count(*) FROM sqlite_schema", &tables, &reason))
		return unreadable(db, found, &reason, err);
	if (application == 0 && version == 0 && tables == 0)
		return VERDICT_EMPTY;
	if (application != IX_APPLICATION_ID)
		return refuse(options, err, "a database of another program");
	if (version > IX_SCHEMA_VERSION)
		return refuse(options, err, "of a newer version of dicomfs");
	if (version < IX_SCHEMA_VERSION)
		return broken(found, "made by an older version of dicomfs");
	if (!ix_db_is_checked(db))
		return broken(found, "its checksums are missing");
	return inspect_rows(db, options, found, err);
}

/* The lock and the files beside it go by the name: of a file with two names there
 * would be two. */
static enum verdict inspect_file(const struct ix_options *options, struct err *err)
{
	struct stat st;

	if (lstat(options->path, &st) != 0) {
		if (errno == ENOENT)
			return VERDICT_EMPTY;
		(void)err_set_sys(err, errno, "cannot read the index %s", options->path);
		return VERDICT_REFUSED;
	}
	if (S_ISREG(st.st_mode))
		return st.st_size == 0 ? VERDICT_EMPTY : VERDICT_FINE;
	(void)err_set(err, ERR_IO, "index %s is not a regular file", options->path);
	return VERDICT_REFUSED;
}

static enum verdict inspect(const struct ix_options *options, bool read_only,
			    struct inspection *found, struct err *err)
{
	struct ix_db db CLEANUP_DB = {0};
	enum verdict verdict = inspect_file(options, err);
	const char *reason;

	if (verdict != VERDICT_FINE)
		return verdict;
	/* Before SQLite makes the best of it. */
	if (!read_only && !ix_wal_inspect(options->path, &found->log_frames, &reason, err))
		return VERDICT_REFUSED;
	if (!read_only && reason != NULL)
		return broken(found, reason);
	if (!ix_db_look(&db, options->path, read_only, err)) {
		(void)err_prefix(err, "%s", options->path);
		return VERDICT_REFUSED;
	}
	return inspect_open(&db, options, found, err);
}

/* ---- Making one --------------------------------------------------------- */

static bool write_meta(struct ix_db *db, const char *key, const char *text, int64_t number,
		       struct err *err)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(db->handle, "INSERT OR REPLACE INTO meta VALUES(?, ?)", -1,
				      &row, NULL);

	if (code == SQLITE_OK) {
		(void)sqlite3_bind_text(row, 1, key, -1, SQLITE_STATIC);
		if (text != NULL)
			(void)sqlite3_bind_text(row, 2, text, -1, SQLITE_STATIC);
		else
			(void)sqlite3_bind_int64(row, 2, number);
		code = sqlite3_step(row);
	}
	(void)sqlite3_finalize(row);
	return code == SQLITE_DONE || ix_db_error(db, code, err);
}

static bool fill(struct ix_db *db, const struct ix_options *options, int64_t next_id,
		 struct inspection *found, struct err *err)
{
	char fingerprint[IX_FINGERPRINT_SIZE + 1], sql[96];

	if (getrandom(&found->epoch, sizeof(found->epoch), 0) != sizeof(found->epoch))
		found->epoch = (uint64_t)ix_now_ns();
	found->epoch &= INT64_MAX;
	(void)snprintf(sql, sizeof(sql), "UPDATE status SET next_id = %lld", (long long)next_id);
	return ix_schema_fingerprint(fingerprint, err) && ix_schema_create(db, err) &&
	       ix_db_exec(db, sql, err) && write_meta(db, "fingerprint", fingerprint, 0, err) &&
	       write_meta(db, "store", options->store, 0, err) &&
	       write_meta(db, "variant", options->variant, 0, err) &&
	       write_meta(db, "epoch", NULL, (int64_t)found->epoch, err);
}

/* A new index, complete or not there at all: one transaction. Ids start above
 * what was ever handed out. */
static bool create(const struct ix_options *options, int64_t next_id, struct inspection *found,
		   struct err *err)
{
	struct ix_db db CLEANUP_DB = {0};
	char pragmas[128], start[96];
	int64_t reserved;

	found->log_frames = 0;
	if (!ix_home_ids_read(options->path, &reserved, err))
		return false;
	next_id = MAX_OF(MAX_OF(next_id, reserved), (int64_t)IX_FIRST_ID);
	(void)snprintf(pragmas, sizeof(pragmas),
		       "PRAGMA application_id = %d; PRAGMA user_version = %d", IX_APPLICATION_ID,
		       IX_SCHEMA_VERSION);
	(void)snprintf(start, sizeof(start),
		       "PRAGMA page_size = %d; PRAGMA journal_mode = WAL; BEGIN IMMEDIATE",
		       IX_PAGE_SIZE);
	/* What is left of one that is gone belongs to nothing. */
	if (!ix_home_remove(options->path, err) || !ix_home_create(options->path, err) ||
	    !ix_db_open(&db, options->path, IX_DB_CREATE, err) || !ix_db_exec(&db, start, err) ||
	    !ix_db_exec(&db, pragmas, err) || !fill(&db, options, next_id, found, err) ||
	    !ix_db_exec(&db, "COMMIT", err))
		return err_prefix(err, "%s", options->path);
	return true;
}

/* ---- Opening ------------------------------------------------------------ */

static bool note_file(struct ix_index *index, struct err *err)
{
	struct stat st;

	if (lstat(index->path, &st) != 0) {
		(void)err_set_sys(err, errno, "cannot read the index %s", index->path);
		if (err != NULL)
			err->code = ERR_IO;
		return false;
	}
	index->device = st.st_dev;
	index->inode = st.st_ino;
	return true;
}

static bool open_writer(struct ix_index *index, const struct ix_options *options, struct err *err)
{
	struct inspection found = {0};
	enum verdict verdict = inspect(options, false, &found, err);
	bool marked;

	if (verdict == VERDICT_REFUSED || !ix_home_has_mark(options->path, &marked, err))
		return false;
	if (verdict == VERDICT_FINE && marked)
		verdict = broken(&found, "damage was met when it was used");
	if (verdict == VERDICT_BROKEN) {
		log_warning("index %s cannot be used (%s): moved aside and started anew",
			    options->path, found.reason);
		if (!ix_home_move_aside(options->path, err))
			return false;
	} else if (verdict == VERDICT_FINE && options->rebuild) {
		/* Followers keep what they have open. */
		if (!ix_home_remove(options->path, err))
			return false;
		verdict = VERDICT_EMPTY;
	}
	/* The mark is for the index that is not there any more. */
	if (verdict != VERDICT_FINE && (!ix_home_drop_mark(options->path, err) ||
					!create(options, found.next_id, &found, err)))
		return false;
	if (!ix_home_create(options->path, err) ||
	    !ix_writer_open(&index->writer, index->path, options->frame_kinds, found.log_frames,
			    err))
		return err_prefix(err, "%s", options->path);
	index->epoch = found.epoch;
	index->is_writer = true;
	return note_file(index, err);
}

/* A process that was killed left "running" behind. */
static bool mark_interrupted(struct ix_writer *w, struct err *err)
{
	if (w->status.state != IX_SCAN_RUNNING)
		return true;
	if (!ix_writer_begin(w, err))
		return false;
	w->status.state = IX_SCAN_STOPPED;
	(void)snprintf(w->status.state_reason, sizeof(w->status.state_reason),
		       "the process that scanned ended before it was done");
	w->queued = 0;
	w->dirty = true;
	return ix_writer_commit(w, err);
}

static bool open_follower(struct ix_index *index, const struct ix_options *options, struct err *err)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};
	struct inspection found = {0};

	for (unsigned i = 0; i < FOLLOW_ATTEMPTS; i++) {
		switch (inspect(options, true, &found, err)) {
		case VERDICT_REFUSED:
			return false;
		case VERDICT_FINE:
			index->epoch = found.epoch;
			return note_file(index, err);
		case VERDICT_BROKEN:
			return err_set(err, ERR_IO, "index %s is in use by another process and: %s",
				       options->path, found.reason);
		case VERDICT_EMPTY:
			break;
		}
		(void)nanosleep(&pause, NULL);
	}
	return err_set(err, ERR_IO, "index %s is locked by another process that does not fill it",
		       options->path);
}

/* Follows whoever may be writing, and waits for nobody. */
static bool open_to_look(struct ix_index *index, const struct ix_options *options, struct err *err)
{
	struct inspection found = {0};

	index->path = strdup(options->path);
	if (index->path == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	switch (inspect(options, true, &found, err)) {
	case VERDICT_REFUSED:
		return false;
	case VERDICT_EMPTY:
		return err_set(err, ERR_NOTFOUND, "there is no index %s yet", options->path);
	case VERDICT_BROKEN:
		return err_set(err, ERR_CORRUPT, "index %s cannot be used: %s", options->path,
			       found.reason);
	case VERDICT_FINE:
		break;
	}
	index->epoch = found.epoch;
	/* That nobody writes is no news. */
	atomic_store(&index->unwritten, true);
	return note_file(index, err);
}

/* A mount that is being ended keeps the lock a moment longer than its folder: whoever
 * mounts again at once would follow nobody. */
static bool take_lock(struct ix_index *index, struct err *err)
{
	const struct timespec pause = {.tv_nsec = FOLLOW_PAUSE_NS};

	for (unsigned i = 0; i < LOCK_ATTEMPTS; i++) {
		if (!ix_home_lock(index->path, &index->lock_fd, err))
			return false;
		if (index->lock_fd >= 0)
			return true;
		(void)nanosleep(&pause, NULL);
	}
	return true;
}

static bool open_locked(struct ix_index *index, const struct ix_options *options, struct err *err)
{
	if (!ix_home_prepare(options->path, options->store, err))
		return false;
	index->path = strdup(options->path);
	if (index->path == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!take_lock(index, err))
		return false;
	if (index->lock_fd >= 0)
		return open_writer(index, options, err) && mark_interrupted(&index->writer, err);
	if (options->must_write || options->rebuild)
		return err_set(err, ERR_IO, "index %s is in use by another process", options->path);
	return open_follower(index, options, err);
}

bool ix_open(struct ix_index **index, const struct ix_options *options, struct err *err)
{
	struct ix_index *opened = calloc(1, sizeof(*opened));

	*index = NULL;
	if (opened == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	opened->lock_fd = -1;
	opened->writer.store_fd = -1;
	(void)pthread_mutex_init(&opened->mutex, NULL);
	(void)pthread_mutex_init(&opened->scan_mutex, NULL);
	if (!(options->look ? open_to_look(opened, options, err)
			    : open_locked(opened, options, err))) {
		ix_close(opened);
		return false;
	}
	*index = opened;
	return true;
}

void ix_close(struct ix_index *index)
{
	const struct ix_watch none = {.mode = IX_WATCH_NONE};

	if (index == NULL)
		return;
	/* Nobody watches any more. */
	if (!ix_watch_set(index, &none, NULL))
		log_trace(LOG_SQL, "the status could not be written");
	/* Nor are there numbers to give back to an index that is another one now. */
	if (index->is_writer && !ix_index_in_place(index))
		index->writer.id_limit = 0;
	ix_writer_close(&index->writer);
	base_close_fd(&index->lock_fd);
	(void)pthread_mutex_destroy(&index->mutex);
	(void)pthread_mutex_destroy(&index->scan_mutex);
	free(index->path);
	free(index);
}

bool ix_index_in_place(struct ix_index *index)
{
	struct stat st;

	if (lstat(index->path, &st) == 0) {
		if (st.st_dev == index->device && st.st_ino == index->inode)
			return true;
	} else if (errno != ENOENT) {
		return true; /* Who knows. */
	}
	if (!atomic_exchange(&index->lost, true))
		log_error("index %s was removed or replaced while it is in use: mount again",
			  index->path);
	return false;
}

enum ix_written_by ix_index_written_by(struct ix_index *index)
{
	if (index->is_writer)
		return IX_WRITTEN_BY_US;
	if (ix_home_is_locked(index->path)) {
		atomic_store(&index->unwritten, false);
		return IX_WRITTEN_BY_ANOTHER;
	}
	if (!atomic_exchange(&index->unwritten, true))
		log_warning("the process that wrote index %s has ended: what it left is shown; "
			    "mount again to follow the store",
			    index->path);
	return IX_WRITTEN_BY_NOBODY;
}

bool ix_is_writer(const struct ix_index *index)
{
	return index->is_writer;
}

bool ix_is_written(const char *path)
{
	return ix_home_is_locked(path);
}

uint64_t ix_epoch(const struct ix_index *index)
{
	return index->epoch;
}

bool ix_index_commit(struct ix_index *index, const struct ix_scan_options *options, struct err *err)
{
	struct ix_change *changes = NULL;
	struct buf postponed CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	size_t count = 0, size;
	bool ok = ix_writer_commit(&index->writer, err);

	/* Also what a note committed for somebody who has no listener. */
	changes = ix_writer_take_changes(&index->writer, &count);
	postponed = index->writer.postponed;
	index->writer.postponed = buf_empty(BUF_NO_LIMIT);
	(void)pthread_mutex_unlock(&index->mutex);
	if (count > 0 && options->changed != NULL)
		options->changed(changes, count, options->changed_context);
	free(changes);
	for (size_t at = 0; options->postponed != NULL && at < postponed.size; at += size) {
		size = strlen((const char *)postponed.data + at) + 1;
		options->postponed((const char *)postponed.data + at + 1,
				   postponed.data[at] == '+', options->postponed_context);
	}
	return ok;
}
