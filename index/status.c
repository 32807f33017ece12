/* SPDX-License-Identifier: MIT */
#include "index/internal.h"
#include "index/reader.h"
#include "index/files.h"
#include "index/writer-sql.h"

/* ---- Reading ------------------------------------------------------------ */

bool ix_status_get(struct ix_reader *reader, struct ix_status *status, struct err *err)
{
	struct ix_counts *counts = &status->counts;
	sqlite3_stmt *row = reader->db.statements[IX_R_STATUS];
	uint64_t *const fields[] = {&counts->files,   &counts->instance_files, &counts->duplicates,
				    &counts->skipped, &counts->failed,         &counts->pending,
				    &counts->notes,   &counts->patients,       &counts->studies,
				    &counts->series,  &counts->instances};
	uint64_t queued;

	if (!ix_db_one(&reader->db, IX_R_STATUS, err, ""))
		return false;
	status->state = (enum ix_scan_state)ix_db_int(row, 0);
	(void)snprintf(status->state_reason, sizeof(status->state_reason), "%s",
		       ix_db_text(row, 1));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = (uint64_t)ix_db_int(row, (int)i + 2);
	queued = (uint64_t)ix_db_int(row, 13);
	counts->files += queued;
	counts->pending += queued;
	status->scan_started_ns = ix_db_int(row, 14);
	status->scan_ended_ns = ix_db_int(row, 15);
	status->last_change_ns = ix_db_int(row, 16);
	status->version = (uint64_t)ix_db_int(row, 17);
	status->watch.mode = (enum ix_watching)ix_db_int(row, 18);
	(void)snprintf(status->watch.reason, sizeof(status->watch.reason), "%s",
		       ix_db_text(row, 19));
	status->watch.folders = (uint64_t)ix_db_int(row, 20);
	status->watch.seconds = (uint64_t)ix_db_int(row, 21);
	status->scan_files = (uint64_t)ix_db_int(row, 22);
	status->scan_ns = ix_db_int(row, 23);
	status->asked = ix_db_int(row, 24);
	ix_db_reset(&reader->db, IX_R_STATUS);
	status->written_by = reader->index != NULL ? ix_index_written_by(reader->index)
						   : IX_WRITTEN_BY_NOBODY;
	return true;
}

bool ix_problems(struct ix_reader *reader,
		 bool (*each)(const struct ix_problem *problem, void *context), void *context,
		 struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&reader->db, IX_R_PROBLEMS, "");
	enum ix_step step;

	while ((step = ix_db_step(&reader->db, IX_R_PROBLEMS, err)) == IX_STEP_ROW) {
		struct ix_problem problem = {ix_db_text(row, 0), ix_db_text(row, 1),
					     ix_db_text(row, 2)};

		if (!each(&problem, context)) {
			ix_db_reset(&reader->db, IX_R_PROBLEMS);
			return true;
		}
	}
	return step == IX_STEP_DONE;
}

bool ix_problem_counts(struct ix_reader *reader,
		       void (*each)(const char *code, uint64_t count, void *context), void *context,
		       struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&reader->db, IX_R_PROBLEM_COUNTS, "");
	enum ix_step step;

	while ((step = ix_db_step(&reader->db, IX_R_PROBLEM_COUNTS, err)) == IX_STEP_ROW) {
		if (ix_db_int(row, 1) > 0)
			each(ix_db_text(row, 0), (uint64_t)ix_db_int(row, 1), context);
	}
	return step == IX_STEP_DONE;
}

/* ---- Run-time problems -------------------------------------------------- */

/* The file behind an instance, when its line is to be written; 0: it says so
 * already, or the instance is gone. */
static bool note_target(struct ix_writer *w, int64_t instance, const char *code, const char *reason,
			int64_t *file, struct err *err)
{
	enum ix_step step = ix_db_first(&w->db, IX_W_ENTRY_GET, err, "i", instance);
	bool known = false;

	*file = 0;
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	*file = ix_db_int(w->db.statements[IX_W_ENTRY_GET], 5);
	ix_db_reset(&w->db, IX_W_ENTRY_GET);
	step = ix_db_first(&w->db, IX_W_PROBLEM_GET, err, "it", *file, code);
	if (step == IX_STEP_ROW) {
		known = strcmp(ix_db_text(w->db.statements[IX_W_PROBLEM_GET], 0), reason) == 0;
		ix_db_reset(&w->db, IX_W_PROBLEM_GET);
	}
	if (known)
		*file = 0;
	return step != IX_STEP_FAILED;
}

static bool write_note(struct ix_writer *w, int64_t instance, const char *code, const char *reason,
		       struct err *err)
{
	int64_t file;

	if (!note_target(w, instance, code, reason, &file, err))
		return false;
	if (file == 0)
		return true;
	/* What a scan has open is committed on its own: it must not go down with
	 * this. The scan tells its listener with its next commit. */
	if (!ix_writer_commit(w, err) || !ix_writer_begin(w, err))
		return false;
	if (!ix_note_set(w, file, code, reason, err)) {
		ix_writer_abort(w);
		return false;
	}
	return ix_writer_commit(w, err);
}

bool ix_note_instance(struct ix_index *index, int64_t instance, const char *code,
		      const char *reason, struct err *err)
{
	bool ok;

	if (!index->is_writer)
		return true;
	(void)pthread_mutex_lock(&index->mutex);
	ok = write_note(&index->writer, instance, code, reason, err);
	(void)pthread_mutex_unlock(&index->mutex);
	return ok;
}

/* ---- Watching ------------------------------------------------------------ */

static bool write_watch(struct ix_writer *w, const struct ix_watch *watch, struct err *err)
{
	if (!ix_writer_commit(w, err) || !ix_writer_begin(w, err))
		return false;
	w->status.watch = *watch;
	w->dirty = true;
	return ix_writer_commit(w, err);
}

/* Not as bytes: between the members there may be some that belong to none. */
static bool same_watch(const struct ix_watch *a, const struct ix_watch *b)
{
	return a->mode == b->mode && strcmp(a->reason, b->reason) == 0 &&
	       a->folders == b->folders && a->seconds == b->seconds;
}

bool ix_watch_set(struct ix_index *index, const struct ix_watch *watch, struct err *err)
{
	bool ok;

	if (!index->is_writer)
		return true;
	(void)pthread_mutex_lock(&index->mutex);
	ok = same_watch(&index->writer.status.watch, watch) ||
	     write_watch(&index->writer, watch, err);
	(void)pthread_mutex_unlock(&index->mutex);
	return ok;
}

/* ---- Asking for a scan -------------------------------------------------- */

bool ix_ask_scan(struct ix_index *index, int64_t *ticket, struct err *err)
{
	static const char *const sql[] = {"SELECT wanted FROM request"};
	struct ix_db db CLEANUP_DB = {0};

	if (!ix_index_in_place(index))
		return err_set(err, ERR_IO, "index %s was replaced while it is in use",
			       index->path);
	/* A connection of its own also in the writer: it must not become part of
	 * the scan's transaction. */
	if (!ix_db_open(&db, index->path, IX_DB_WRITE, err) ||
	    !ix_db_exec(&db, "BEGIN IMMEDIATE; UPDATE request SET wanted = wanted + 1", err) ||
	    !ix_db_prepare(&db, sql, ARRAY_LEN(sql), err) || !ix_db_one(&db, 0, err, ""))
		return false;
	*ticket = ix_db_int(db.statements[0], 0);
	ix_db_reset(&db, 0);
	return ix_db_exec(&db, "COMMIT", err);
}

bool ix_request_scan(struct ix_index *index, struct err *err)
{
	int64_t ticket;

	return ix_ask_scan(index, &ticket, err);
}

bool ix_scan_requested(struct ix_index *index)
{
	struct ix_writer *w = &index->writer;
	bool requested = false;

	/* Of all places, this one comes along every few seconds. */
	if (index->is_writer)
		(void)ix_index_in_place(index);
	/* Busy: a scan is writing; the next poll will see it. */
	if (!index->is_writer || pthread_mutex_trylock(&index->mutex) != 0)
		return false;
	if (ix_db_first(&w->db, IX_W_REQUEST_GET, NULL, "") == IX_STEP_ROW) {
		requested = ix_db_int(w->db.statements[IX_W_REQUEST_GET], 0) != 0;
		ix_db_reset(&w->db, IX_W_REQUEST_GET);
	}
	(void)pthread_mutex_unlock(&index->mutex);
	return requested;
}
