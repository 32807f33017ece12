/*
 * SQLite for the index: one connection with its prepared statements, values
 * bound by a format, errors of the house.
 *
 * Thread rule: a connection belongs to one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_DB_H
#define INDEX_DB_H

#include <sqlite3.h>

#include "dicom/buf.h"

struct ix_db {
	sqlite3 *handle;
	sqlite3_stmt **statements;
	size_t count;
	bool looking; /* what it is has still to be found out */
	bool keeps_log;
	unsigned log_frames; /* in the log after the last commit */
};

enum ix_db_mode {
	IX_DB_READ,   /* of an index that exists */
	IX_DB_WRITE,  /* of an index that exists */
	IX_DB_CREATE, /* made when missing */
	IX_DB_MEMORY, /* one in memory, the path is of no account */
};

/* Through the VFS of vfs.h. Damage that is met later (ERR_CORRUPT) leaves a note
 * for the next one to open the index, see home.h, and the first time a line in
 * the log. */
bool ix_db_open(struct ix_db *db, const char *path, enum ix_db_mode mode,
		struct err *err) MUST_CHECK;
/* Of what may be no index of ours: without the note, and without checksums when
 * it has none. */
bool ix_db_look(struct ix_db *db, const char *path, bool read_only, struct err *err) MUST_CHECK;
bool ix_db_is_checked(const struct ix_db *db);
/* This connection, which must not move, is the writer's: it does all checkpoints.
 * frames is what ix_wal_inspect() found. */
bool ix_db_keep_log(struct ix_db *db, const char *path, unsigned frames,
		    struct err *err) MUST_CHECK;
void ix_db_close(struct ix_db *db);
#define CLEANUP_DB CLEANUP(ix_db_close)

/* Whether the file that is open is not the one of that name any more: nor are the
 * files beside it ours then. */
bool ix_db_has_moved(const struct ix_db *db);

/* Several statements without values or results. */
bool ix_db_exec(struct ix_db *db, const char *sql, struct err *err) MUST_CHECK;

/* Compiles count statements; later calls name them by number. NULL in sql
 * leaves a gap for ix_db_prepare_one(). */
bool ix_db_prepare(struct ix_db *db, const char *const *sql, size_t count,
		   struct err *err) MUST_CHECK;
bool ix_db_prepare_one(struct ix_db *db, unsigned statement, const char *sql,
		       struct err *err) MUST_CHECK;

/* Values by format: i int64_t, t const char * (NULL is null), b struct span by
 * pointer (data NULL is null), 0 null without an argument. Text and bytes must
 * stay until the statement was reset. Returns the statement, for values that a
 * caller binds itself. */
sqlite3_stmt *ix_db_bind(struct ix_db *db, unsigned statement, const char *format, ...);

enum ix_step { IX_STEP_FAILED, IX_STEP_DONE, IX_STEP_ROW };

/* The next row. After DONE and FAILED the statement is reset. */
enum ix_step ix_db_step(struct ix_db *db, unsigned statement, struct err *err) MUST_CHECK;
void ix_db_reset(struct ix_db *db, unsigned statement);

/* Binds and runs a statement without results. */
bool ix_db_run(struct ix_db *db, unsigned statement, struct err *err, const char *format,
	       ...) MUST_CHECK;
/* Steps a statement that was bound already. */
bool ix_db_finish(struct ix_db *db, unsigned statement, struct err *err) MUST_CHECK;
/* Binds and steps to the first row; the caller resets after reading a ROW. */
enum ix_step ix_db_first(struct ix_db *db, unsigned statement, struct err *err, const char *format,
			 ...) MUST_CHECK;

/* Likewise for a row that must be there: none is a damaged index. */
bool ix_db_one(struct ix_db *db, unsigned statement, struct err *err, const char *format,
	       ...) MUST_CHECK;

/* Columns of the current row. */
static inline int64_t ix_db_int(sqlite3_stmt *row, int column)
{
	return sqlite3_column_int64(row, column);
}
/* "" for null. */
const char *ix_db_text(sqlite3_stmt *row, int column);
struct span ix_db_blob(sqlite3_stmt *row, int column);

/* What SQLite says of the last call, in our words. Returns false. */
bool ix_db_error(struct ix_db *db, int code, struct err *err);
#define ix_db_error(...) ALWAYS_FALSE((ix_db_error)(__VA_ARGS__))

#endif
