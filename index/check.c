/* SPDX-License-Identifier: MIT */
#include "index/check.h"

#include "index/check-parts.h"
#include "index/home.h"
#include "index/reader.h"

/* Lines of PRAGMA integrity_check; a ruined file has millions. */
#define INTEGRITY_LINES "20"

void ix_check_report(struct ix_checker *c, const char *code, const char *says, uint64_t count,
		     int64_t row)
{
	if (count == 0)
		return;
	c->result->damaged = true;
	c->options->damage(code, says, count, row, c->options->context);
}

bool ix_check_forgive(struct ix_checker *c, const struct err *reason, struct err *err)
{
	if (reason->code == ERR_CORRUPT) {
		ix_check_report(c, "unreadable", reason->message, 1, 0);
		return true;
	}
	if (err != NULL)
		*err = *reason;
	return false;
}

/* ---- SQLite's own ------------------------------------------------------- */

/* Its texts have several lines. */
static void report_line(struct ix_checker *c, const char *text)
{
	char line[256];

	(void)snprintf(line, sizeof(line), "%s", text);
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	}
	ix_check_report(c, "sqlite", line, 1, 0);
}

/* Reads every page. */
static bool check_integrity(struct ix_checker *c, struct err *err)
{
	sqlite3_stmt *row = NULL;
	int code = sqlite3_prepare_v2(c->db.handle, "PRAGMA integrity_check(" INTEGRITY_LINES ")",
				      -1, &row, NULL);
	struct err reason = {0};

	while (code == SQLITE_OK || code == SQLITE_ROW) {
		code = sqlite3_step(row);
		if (code == SQLITE_ROW && strcmp(ix_db_text(row, 0), "ok") != 0)
			report_line(c, ix_db_text(row, 0));
	}
	if (code != SQLITE_DONE)
		(void)ix_db_error(&c->db, code, &reason);
	(void)sqlite3_finalize(row);
	return code == SQLITE_DONE || ix_check_forgive(c, &reason, err);
}

/* ---- Ours --------------------------------------------------------------- */

static bool check_invariant(struct ix_checker *c, const struct ix_invariant *invariant,
			    struct err *err)
{
	struct buf sql CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	sqlite3_stmt *row = NULL;
	struct err reason = {0};
	int code;

	buf_printf(&sql, "SELECT count(*), ifnull(min(id), 0) FROM (%s)", invariant->sql);
	(void)buf_text(&sql);
	if (!buf_ok(&sql, err))
		return false;
	code = sqlite3_prepare_v2(c->db.handle, buf_text(&sql), -1, &row, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_step(row);
	if (code == SQLITE_ROW)
		ix_check_report(c, invariant->code, invariant->says, (uint64_t)ix_db_int(row, 0),
				ix_db_int(row, 1));
	else if (code == SQLITE_ERROR)
		/* What it asks for is not there. */
		(void)err_set(&reason, ERR_CORRUPT, "%s", sqlite3_errmsg(c->db.handle));
	else
		(void)ix_db_error(&c->db, code, &reason);
	(void)sqlite3_finalize(row);
	return code == SQLITE_ROW || ix_check_forgive(c, &reason, err);
}

static bool check_itself(struct ix_checker *c, struct err *err)
{
	/* Sorters stay in memory: names of patients are nothing for a temporary
	 * file. One transaction: what a process commits meanwhile is not seen. */
	if (!ix_db_open(&c->db, c->options->index.path, IX_DB_READ, err) ||
	    !ix_db_exec(&c->db,
			"PRAGMA cache_size = -16384; PRAGMA mmap_size = 0; PRAGMA temp_store = 2;"
			"BEGIN",
			err) ||
	    !check_integrity(c, err))
		return false;
	for (size_t i = 0; i < ix_invariant_count; i++) {
		if (!check_invariant(c, &ix_invariant_table[i], err))
			return false;
	}
	return ix_check_rows(c, err);
}

/* ---- All of it ---------------------------------------------------------- */

/* A reader with this one statement: others may ask for what is not there. */
static bool read_status(struct ix_checker *c, struct ix_index *index, struct err *err)
{
	const char *const sql[IX_R_COUNT] = {[IX_R_STATUS] = ix_read_sql_table[IX_R_STATUS]};
	struct ix_reader reader = {.index = index};
	struct err reason = {0};
	bool ok = ix_db_open(&reader.db, c->options->index.path, IX_DB_READ, &reason) &&
		  ix_db_prepare(&reader.db, sql, IX_R_COUNT, &reason) &&
		  ix_status_get(&reader, &c->result->status, &reason);

	ix_db_close(&reader.db);
	return ok || ix_check_forgive(c, &reason, err);
}

static bool check(struct ix_checker *c, struct ix_index *index, struct err *err)
{
	bool marked, ok;

	if (!ix_home_has_mark(c->options->index.path, &marked, err))
		return false;
	if (marked)
		ix_check_report(c, "marked", "damage was met when it was used", 1, 0);
	ok = read_status(c, index, err) && check_itself(c, err);
	/* The snapshot keeps the writer's log from being folded back. */
	ix_db_close(&c->db);
	return ok && ix_check_store(c, err);
}

bool ix_check(const struct ix_check_options *options, struct ix_check_result *result,
	      struct err *err)
{
	struct ix_checker c = {.options = options, .result = result};
	struct ix_options how = options->index;
	struct ix_index *index = NULL;
	struct err reason = {0};
	bool ok;

	memset(result, 0, sizeof(*result));
	how.look = true;
	result->written = ix_is_written(how.path);
	if (!ix_open(&index, &how, &reason))
		return ix_check_forgive(&c, &reason, err);
	ok = check(&c, index, err);
	ix_close(index);
	result->written |= ix_is_written(how.path);
	return ok;
}
