/* SPDX-License-Identifier: MIT */
#include "index/db.h"

#include <errno.h>

#include "dicom/log.h"
#include "index/home.h"
#include "index/index.h"
#include "index/vfs.h"
#include "index/wal.h"

/* Another process commits within a second; a machine that swaps takes longer. */
#define BUSY_TIMEOUT_MS 20000

/* The log goes into the main file when it has so many pages. */
#define CHECKPOINT_FRAMES 2048

/* ---- Errors ------------------------------------------------------------- */

/* Whoever meets damage first says so; the note keeps the others from it. */
static void note_damage(struct ix_db *db, const char *text)
{
	const char *path = sqlite3_db_filename(db->handle, "main");

	if (db->looking || path == NULL || path[0] == '\0' || !ix_home_mark_damaged(path))
		return;
	log_error("index %s is damaged (%s); it will be made anew when it is opened next", path,
		  text);
}

static bool damaged(struct ix_db *db, struct err *err, const char *text)
{
	if (db->handle != NULL)
		note_damage(db, text);
	return err_set(err, ERR_CORRUPT, "index is damaged: %s", text);
}

bool(ix_db_error)(struct ix_db *db, int code, struct err *err)
{
	int sys = db->handle != NULL ? sqlite3_system_errno(db->handle) : 0;
	const char *text = db->handle != NULL ? sqlite3_errmsg(db->handle) : sqlite3_errstr(code);

	log_trace(LOG_SQL, "error %d: %s", code, text);
	if (db->handle != NULL && (sqlite3_extended_errcode(db->handle) & 0xff) == (code & 0xff))
		code = sqlite3_extended_errcode(db->handle);
	if (code == SQLITE_IOERR_DATA)
		return damaged(db, err, "a checksum does not fit");
	switch (code & 0xff) {
	case SQLITE_FULL:
		return err_set_sys(err, ENOSPC, "index");
	case SQLITE_NOMEM:
		return err_set(err, ERR_NOMEM, "index: out of memory");
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return damaged(db, err, text);
	case SQLITE_INTERRUPT:
		return err_set(err, ERR_INTERRUPTED, "index: interrupted");
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return err_set(err, ERR_IO, "index is kept locked by another process");
	case SQLITE_CANTOPEN:
	case SQLITE_IOERR:
		if (sys != 0) {
			(void)err_set_sys(err, sys, "index");
			if (err != NULL)
				err->code = ERR_IO;
			return false;
		}
		break;
	default:
		break;
	}
	return err_set(err, ERR_IO, "index: %s", text);
}

/* ---- Opening ------------------------------------------------------------ */

static bool open_handle(struct ix_db *db, const char *path, int flags, struct err *err)
{
	int code;

	if (!ix_vfs_register(err))
		return false;
	code = sqlite3_open_v2(path, &db->handle,
			       flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE, IX_VFS_NAME);
	if (code != SQLITE_OK) {
		(void)ix_db_error(db, code, err);
		ix_db_close(db);
		return false;
	}
	(void)sqlite3_extended_result_codes(db->handle, 1);
	(void)sqlite3_busy_timeout(db->handle, BUSY_TIMEOUT_MS);
	/* Only the writer checkpoints: see wal.h. */
	(void)sqlite3_wal_autocheckpoint(db->handle, 0);
	(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return true;
}

bool ix_use_folder(const char *folder, struct err *err)
{
	char *copy = sqlite3_mprintf("%s", folder);

	if (copy == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	sqlite3_free(sqlite3_temp_directory);
	sqlite3_temp_directory = copy;
	return true;
}

bool ix_db_open(struct ix_db *db, const char *path, enum ix_db_mode mode, struct err *err)
{
	static const int flags[] = {
		[IX_DB_READ] = SQLITE_OPEN_READONLY,
		[IX_DB_WRITE] = SQLITE_OPEN_READWRITE,
		[IX_DB_CREATE] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE,
		[IX_DB_MEMORY] = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_MEMORY,
	};
	int reserve = IX_PAGE_RESERVE;

	memset(db, 0, sizeof(*db));
	if (!open_handle(db, path, flags[mode], err))
		return false;
	if (mode == IX_DB_MEMORY)
		return true;
	if (ix_vfs_sums(db->handle) == NULL) {
		(void)damaged(db, err, "its checksums are missing");
		ix_db_close(db);
		return false;
	}
	if (mode == IX_DB_CREATE)
		(void)sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_RESERVE_BYTES,
					   &reserve);
	return true;
}

bool ix_db_look(struct ix_db *db, const char *path, bool read_only, struct err *err)
{
	memset(db, 0, sizeof(*db));
	db->looking = true;
	return open_handle(db, path, read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, err);
}

bool ix_db_is_checked(const struct ix_db *db)
{
	return ix_vfs_sums(db->handle) != NULL;
}

bool ix_db_has_moved(const struct ix_db *db)
{
	int moved = 0;

	return db->handle != NULL &&
	       sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_HAS_MOVED, &moved) ==
		       SQLITE_OK &&
	       moved != 0;
}

/* False: not all of the log is in the main file, as far as its record says. */
static bool checkpoint(struct ix_db *db, bool last)
{
	bool complete;
	int code = ix_wal_checkpoint(db->handle, db->log_frames, last, &complete);

	/* Readers may be in the way, or the disk full: another time. */
	if (code != SQLITE_OK && code != SQLITE_BUSY)
		(void)ix_db_error(db, code, NULL);
	return complete;
}

static int on_commit(void *context, sqlite3 *handle, const char *name, int frames)
{
	struct ix_db *db = context;

	(void)handle;
	(void)name;
	db->log_frames = (unsigned)frames;
	if (db->log_frames >= CHECKPOINT_FRAMES)
		(void)checkpoint(db, false);
	return SQLITE_OK;
}

bool ix_db_keep_log(struct ix_db *db, const char *path, unsigned frames, struct err *err)
{
	if (!ix_wal_start(db->handle, path, err))
		return false;
	db->keeps_log = true;
	db->log_frames = frames;
	(void)sqlite3_wal_hook(db->handle, on_commit, db);
	return true;
}

void ix_db_close(struct ix_db *db)
{
	for (size_t i = 0; i < db->count; i++)
		(void)sqlite3_finalize(db->statements[i]);
	free(db->statements);
	/* The last one to close removes the log, but not one that the record asks for. */
	if (db->keeps_log && checkpoint(db, true))
		(void)sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	(void)sqlite3_close_v2(db->handle);
	memset(db, 0, sizeof(*db));
}

bool ix_db_exec(struct ix_db *db, const char *sql, struct err *err)
{
	int code = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);

	return code == SQLITE_OK || ix_db_error(db, code, err);
}

bool ix_db_prepare_one(struct ix_db *db, unsigned statement, const char *sql, struct err *err)
{
	int code = sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
				      &db->statements[statement], NULL);

	if (code == SQLITE_OK)
		return true;
	log_trace(LOG_SQL, "cannot compile: %s", sql);
	return ix_db_error(db, code, err);
}

bool ix_db_prepare(struct ix_db *db, const char *const *sql, size_t count, struct err *err)
{
	db->statements = calloc(count, sizeof(*db->statements));
	if (db->statements == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	db->count = count;
	for (unsigned i = 0; i < count; i++) {
		if (sql[i] != NULL && !ix_db_prepare_one(db, i, sql[i], err))
			return false;
	}
	return true;
}

static void bind_span(sqlite3_stmt *row, int at, const struct span *bytes)
{
	if (bytes->data == NULL && bytes->size == 0)
		(void)sqlite3_bind_null(row, at);
	else
		(void)sqlite3_bind_blob64(row, at, bytes->data, bytes->size, SQLITE_STATIC);
}

/* Binding fails only for a wrong number of values: a mistake that every test
 * of the statement shows. */
static sqlite3_stmt *bind_list(struct ix_db *db, unsigned statement, const char *format,
			       va_list args)
{
	sqlite3_stmt *row = db->statements[statement];
	const char *text;

	for (int i = 0; format[i] != '\0'; i++) {
		switch (format[i]) {
		case 'i':
			(void)sqlite3_bind_int64(row, i + 1, va_arg(args, int64_t));
			break;
		case 't':
			text = va_arg(args, const char *);
			(void)sqlite3_bind_text(row, i + 1, text, -1, SQLITE_STATIC);
			break;
		case 'b':
			bind_span(row, i + 1, va_arg(args, const struct span *));
			break;
		default:
			(void)sqlite3_bind_null(row, i + 1);
			break;
		}
	}
	return row;
}

sqlite3_stmt *ix_db_bind(struct ix_db *db, unsigned statement, const char *format, ...)
{
	sqlite3_stmt *row;
	va_list args;

	va_start(args, format);
	row = bind_list(db, statement, format, args);
	va_end(args);
	return row;
}

void ix_db_reset(struct ix_db *db, unsigned statement)
{
	(void)sqlite3_reset(db->statements[statement]);
}

enum ix_step ix_db_step(struct ix_db *db, unsigned statement, struct err *err)
{
	int code = sqlite3_step(db->statements[statement]);

	if (code == SQLITE_ROW)
		return IX_STEP_ROW;
	if (code != SQLITE_DONE) {
		(void)ix_db_error(db, code, err);
		log_trace(LOG_SQL, "in: %s", sqlite3_sql(db->statements[statement]));
	}
	ix_db_reset(db, statement);
	return code == SQLITE_DONE ? IX_STEP_DONE : IX_STEP_FAILED;
}

bool ix_db_finish(struct ix_db *db, unsigned statement, struct err *err)
{
	enum ix_step step = ix_db_step(db, statement, err);

	if (step == IX_STEP_ROW)
		ix_db_reset(db, statement);
	return step != IX_STEP_FAILED;
}

bool ix_db_run(struct ix_db *db, unsigned statement, struct err *err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)bind_list(db, statement, format, args);
	va_end(args);
	return ix_db_finish(db, statement, err);
}

enum ix_step ix_db_first(struct ix_db *db, unsigned statement, struct err *err, const char *format,
			 ...)
{
	va_list args;

	va_start(args, format);
	(void)bind_list(db, statement, format, args);
	va_end(args);
	return ix_db_step(db, statement, err);
}

bool ix_db_one(struct ix_db *db, unsigned statement, struct err *err, const char *format, ...)
{
	enum ix_step step;
	va_list args;

	va_start(args, format);
	(void)bind_list(db, statement, format, args);
	va_end(args);
	step = ix_db_step(db, statement, err);
	if (step == IX_STEP_DONE) {
		log_trace(LOG_SQL, "in: %s", sqlite3_sql(db->statements[statement]));
		(void)damaged(db, err, "a row is missing");
	}
	return step == IX_STEP_ROW;
}

const char *ix_db_text(sqlite3_stmt *row, int column)
{
	const unsigned char *text = sqlite3_column_text(row, column);

	return text != NULL ? (const char *)text : "";
}

struct span ix_db_blob(sqlite3_stmt *row, int column)
{
	const void *data = sqlite3_column_blob(row, column);

	return span_of(data, data != NULL ? (size_t)sqlite3_column_bytes(row, column) : 0);
}
