/* SPDX-License-Identifier: MIT */
#include "index/check-parts.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>

#include "index/content.h"
#include "index/walk.h"

/* The walk gives these to folders that have no row: above all that have one. */
#define NO_FOLDER_ID (INT64_MAX / 2)

enum store_sql { SQL_FILE, SQL_PATH, SQL_FOLDER, SQL_BELOW, SQL_COUNT };

static const char *const sql_table[SQL_COUNT] = {
	[SQL_FILE] = "SELECT f.state, f.size, f.inode, f.mtime, f.ctime, p.reason FROM file f"
		     " LEFT JOIN problem p ON p.file = f.id AND p.code = ? WHERE f.id = ?",
	[SQL_PATH] = "SELECT CAST(d.prefix || f.name AS BLOB) FROM file f"
		     " JOIN folder d ON d.id = f.folder WHERE f.id = ?",
	[SQL_FOLDER] = "SELECT prefix FROM folder WHERE id = ?",
	[SQL_BELOW] = "WITH RECURSIVE below(id) AS (VALUES(?) UNION"
		      " SELECT c.id FROM below JOIN folder c ON c.parent = below.id)"
		      " SELECT count(*) FROM below JOIN file f ON f.folder = below.id",
};

struct comparison {
	struct ix_checker *checker;
	struct ix_db db;
	struct ix_parser parser;
	struct ix_result result;
	struct buf path;
};

/* ---- What differs -------------------------------------------------------- */

/* known: the index says so too. */
static void report(struct comparison *c, enum ix_difference difference, const char *path,
		   uint64_t files, bool known)
{
	const struct ix_check_options *options = c->checker->options;
	struct ix_check_result *result = c->checker->result;

	result->differs |= !known;
	result->differences[difference] += files;
	options->difference(difference, path, files, options->context);
}

static bool report_job(struct comparison *c, const struct ix_job *job,
		       enum ix_difference difference, bool known, struct err *err)
{
	buf_truncate(&c->path, 0);
	buf_append_text(&c->path, job->folder->prefix);
	buf_append_text(&c->path, job->name);
	(void)buf_text(&c->path);
	if (!buf_ok(&c->path, err))
		return false;
	report(c, difference, buf_text(&c->path), 1, known);
	return true;
}

/* The text that a statement has for a key; *found false: no such row any more. */
static bool read_path(struct comparison *c, enum store_sql statement, int64_t id, bool *found,
		      struct err *err)
{
	enum ix_step step = ix_db_first(&c->db, statement, err, "i", id);
	struct span path;

	*found = step == IX_STEP_ROW;
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	path = ix_db_blob(c->db.statements[statement], 0);
	buf_truncate(&c->path, 0);
	buf_append(&c->path, path.data, path.size);
	(void)buf_text(&c->path);
	ix_db_reset(&c->db, statement);
	return buf_ok(&c->path, err);
}

/* ---- Rows ---------------------------------------------------------------- */

struct known {
	bool found;
	enum ix_file_state state;
	struct ix_fingerprint print;
	bool says; /* it has a line of the code and reason asked for */
};

static bool read_known(struct comparison *c, const struct ix_job *job, struct known *known,
		       struct err *err)
{
	bool recorded = job->type == IX_JOB_RECORD && job->result.code != NULL;
	enum ix_step step = ix_db_first(&c->db, SQL_FILE, err, "ti",
					recorded ? job->result.code : "", job->file);
	sqlite3_stmt *row = c->db.statements[SQL_FILE];

	memset(known, 0, sizeof(*known));
	known->found = step == IX_STEP_ROW;
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	known->state = (enum ix_file_state)ix_db_int(row, 0);
	known->print.size = (uint64_t)ix_db_int(row, 1);
	known->print.inode = (uint64_t)ix_db_int(row, 2);
	known->print.mtime_ns = ix_db_int(row, 3);
	known->print.ctime_ns = ix_db_int(row, 4);
	known->says = recorded && sqlite3_column_type(row, 5) != SQLITE_NULL &&
		      strcmp(ix_db_text(row, 5), job->result.reason) == 0;
	ix_db_reset(&c->db, SQL_FILE);
	return true;
}

/* ---- Jobs of the walk ---------------------------------------------------- */

/* The row may have been written since the walk compared it. */
static bool is_current(const struct ix_job *job, const struct known *known)
{
	struct ix_fingerprint now;
	struct stat st;

	if (known->state == IX_FILE_PENDING ||
	    fstatat(job->folder->fd, job->name, &st, job->follow ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	now = ix_fingerprint_of(&st);
	return ix_fingerprint_equals(&now, &known->print);
}

/* A row of a file that could not be read has no fingerprint, so that each scan
 * tries again. */
static bool was_unreadable(const struct known *known)
{
	return known->state == IX_FILE_FAILED && known->print.inode == 0 &&
	       known->print.ctime_ns == 0;
}

static bool is_unreadable(struct comparison *c, const struct ix_job *job)
{
	ix_parse_file(&c->parser, job->folder->fd, job->name, job->follow, &c->result);
	return (c->result.outcome == IX_OUTCOME_FAILED || c->result.outcome == IX_OUTCOME_UNREAD) &&
	       c->result.code != NULL && strcmp(c->result.code, "unreadable") == 0;
}

static bool compare_file(struct comparison *c, const struct ix_job *job, struct err *err)
{
	struct known known;

	if (job->file == 0)
		return report_job(c, job, IX_DIFFERENCE_NEW, false, err);
	if (!read_known(c, job, &known, err))
		return false;
	if (!known.found)
		return report_job(c, job, IX_DIFFERENCE_NEW, false, err);
	if (is_current(job, &known))
		return true;
	if (known.state == IX_FILE_PENDING)
		return report_job(c, job, IX_DIFFERENCE_PENDING, false, err);
	if (was_unreadable(&known) && is_unreadable(c, job))
		return report_job(c, job, IX_DIFFERENCE_UNREADABLE, true, err);
	return report_job(c, job, IX_DIFFERENCE_CHANGED, false, err);
}

/* Links, special files, and folders that cannot be gone into: each scan says of
 * them again what there is to say. */
static bool compare_record(struct comparison *c, const struct ix_job *job, struct err *err)
{
	bool failed = job->result.outcome == IX_OUTCOME_FAILED ||
		      job->result.outcome == IX_OUTCOME_UNREAD;
	bool same;
	struct known known = {0};

	if (job->file != 0 && !read_known(c, job, &known, err))
		return false;
	same = known.found && known.says &&
	       known.state == (failed ? IX_FILE_FAILED : IX_FILE_SKIPPED) &&
	       ix_fingerprint_equals(&known.print, &job->result.print);
	if (failed)
		return report_job(c, job, IX_DIFFERENCE_UNREADABLE, same, err);
	return same || report_job(c, job, known.found ? IX_DIFFERENCE_CHANGED : IX_DIFFERENCE_NEW,
				  false, err);
}

static bool compare_gone(struct comparison *c, const struct ix_job *job, struct err *err)
{
	bool folder = job->type == IX_JOB_GONE_FOLDER, found;
	uint64_t files = 1;

	if (folder) {
		if (!ix_db_one(&c->db, SQL_BELOW, err, "i", job->file))
			return false;
		files = (uint64_t)ix_db_int(c->db.statements[SQL_BELOW], 0);
		ix_db_reset(&c->db, SQL_BELOW);
	}
	if (!read_path(c, folder ? SQL_FOLDER : SQL_PATH, job->file, &found, err))
		return false;
	if (found && files > 0)
		report(c, IX_DIFFERENCE_GONE, buf_text(&c->path), files, false);
	return true;
}

static bool compare_held(struct comparison *c, const struct ix_job *job, struct err *err)
{
	bool found;

	if (!read_path(c, SQL_PATH, job->file, &found, err))
		return false;
	if (found)
		report(c, IX_DIFFERENCE_CHANGED, buf_text(&c->path), 1, false);
	return true;
}

static bool compare_job(struct comparison *c, const struct ix_job *job, struct err *err)
{
	switch (job->type) {
	case IX_JOB_PARSE:
		return compare_file(c, job, err);
	case IX_JOB_RECORD:
		return compare_record(c, job, err);
	case IX_JOB_GONE_FILE:
	case IX_JOB_GONE_FOLDER:
		return compare_gone(c, job, err);
	case IX_JOB_HELD:
		return compare_held(c, job, err);
	case IX_JOB_NEW_FOLDER: /* of consequence with what is in it */
	case IX_JOB_FOLDER_DISK:
		break;
	}
	return true;
}

/* ---- The walk ------------------------------------------------------------ */

/* One thread is parser and writer in one. */
static bool compare_all(struct comparison *c, struct ix_ring *ring, struct err *err)
{
	struct ix_chunk *chunk;
	bool ok = true, end;

	while (ok && (chunk = ix_ring_take(ring)) != NULL) {
		for (size_t i = 0; ok && i < chunk->count; i++)
			ok = compare_job(c, &chunk->jobs[i], err);
		ix_ring_finish(ring, chunk);
		/* Done, and the oldest: it is there at once. */
		chunk = ix_ring_next(ring, 0, &end);
		if (chunk != NULL)
			ix_ring_empty(ring, chunk);
	}
	return ok;
}

static bool walk_store(struct comparison *c, struct ix_ring *ring, struct err *err)
{
	struct ix_scan_options options = c->checker->options->scan;
	struct ix_walk walk = {
		.options = &options,
		.ring = ring,
		.index_path = c->checker->options->index.path,
		.next_folder = NO_FOLDER_ID,
	};
	pthread_t thread;
	bool ok;

	options.entered = NULL;
	options.led_out = NULL;
	options.confirm_empty = false;
	if (pthread_create(&thread, NULL, ix_walk_run, &walk) != 0)
		return err_set(err, ERR_NOMEM, "cannot start a thread");
	ok = compare_all(c, ring, err);
	ix_ring_abort(ring);
	(void)pthread_join(thread, NULL);
	c->checker->result->files = atomic_load(&walk.files);
	if (!ok)
		return false;
	if (walk.err.code != ERR_NONE) {
		if (err != NULL)
			*err = walk.err;
		return false;
	}
	return atomic_load(&walk.done) || err_set(err, ERR_INTERRUPTED, "interrupted");
}

bool ix_check_store(struct ix_checker *checker, struct err *err)
{
	struct comparison c = {.checker = checker, .path = buf_empty(BUF_NO_LIMIT)};
	struct ix_ring ring;
	struct err reason = {0};
	bool ok;

	ix_result_init(&c.result);
	ok = ix_ring_init(&ring, &reason) &&
	     ix_parser_init(&c.parser, &checker->options->scan, &reason) &&
	     ix_db_open(&c.db, checker->options->index.path, IX_DB_READ, &reason);
	if (ok && !ix_db_prepare(&c.db, sql_table, SQL_COUNT, &reason)) {
		ok = false;
		/* A table that is missing has been reported. */
		if (checker->result->damaged)
			reason.code = ERR_CORRUPT;
	}
	ok = ok && walk_store(&c, &ring, &reason);
	ix_db_close(&c.db);
	ix_parser_release(&c.parser);
	ix_result_release(&c.result);
	ix_ring_release(&ring);
	buf_release(&c.path);
	return ok || ix_check_forgive(checker, &reason, err);
}
