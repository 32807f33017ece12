/* SPDX-License-Identifier: MIT */
#include "index/files.h"

#include "index/entry.h"
#include "index/writer-sql.h"

/* ---- Counts ------------------------------------------------------------- */

static void count_state(struct ix_writer *w, enum ix_file_state state, int change)
{
	struct ix_counts *counts = &w->status.counts;
	uint64_t *const by_state[IX_FILE_STATES] = {
		[IX_FILE_PENDING] = &counts->pending,
		[IX_FILE_INSTANCE] = &counts->instance_files,
		[IX_FILE_DUPLICATE] = &counts->duplicates,
		[IX_FILE_SKIPPED] = &counts->skipped,
		[IX_FILE_FAILED] = &counts->failed,
	};

	*by_state[state] += (uint64_t)(int64_t)change;
}

/* ---- Rows --------------------------------------------------------------- */

bool ix_file_set_state(struct ix_writer *w, int64_t id, enum ix_file_state from,
		       enum ix_file_state to, int64_t instance, struct err *err)
{
	sqlite3_stmt *row =
		ix_db_bind(&w->db, IX_W_FILE_SET_STATE, "iii", (int64_t)to, instance, id);

	if (instance == 0)
		(void)sqlite3_bind_null(row, 2);
	count_state(w, from, -1);
	count_state(w, to, 1);
	w->dirty = true;
	return ix_db_finish(&w->db, IX_W_FILE_SET_STATE, err);
}

bool ix_file_write(struct ix_writer *w, struct ix_file *file, enum ix_file_state state,
		   int64_t instance, struct err *err)
{
	const struct ix_fingerprint *print = &file->print;
	enum ix_write_sql statement;
	sqlite3_stmt *row;

	w->dirty = true;
	if (file->id == 0) {
		file->id = w->next_file++;
		w->status.counts.files++;
		statement = IX_W_FILE_INSERT;
		row = ix_db_bind(&w->db, statement, "iibiiiiii", file->id, file->folder,
				 &file->name, (int64_t)print->size, (int64_t)print->inode,
				 print->mtime_ns, print->ctime_ns, (int64_t)state, instance);
		if (instance == 0)
			(void)sqlite3_bind_null(row, 9);
	} else {
		count_state(w, file->state, -1);
		statement = IX_W_FILE_UPDATE;
		row = ix_db_bind(&w->db, statement, "iiiiiii", (int64_t)print->size,
				 (int64_t)print->inode, print->mtime_ns, print->ctime_ns,
				 (int64_t)state, instance, file->id);
		if (instance == 0)
			(void)sqlite3_bind_null(row, 6);
	}
	count_state(w, state, 1);
	file->state = state;
	return ix_db_finish(&w->db, statement, err);
}

/* The row as it is now; ERR_NOTFOUND. */
static bool read_state(struct ix_writer *w, int64_t id, struct ix_file *file, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_FILE_GET];
	enum ix_step step = ix_db_first(&w->db, IX_W_FILE_GET, err, "i", id);

	if (step == IX_STEP_DONE)
		return err_set(err, ERR_NOTFOUND, "no file %lld in the index", (long long)id);
	if (step == IX_STEP_FAILED)
		return false;
	file->print.size = (uint64_t)ix_db_int(row, 0);
	file->print.inode = (uint64_t)ix_db_int(row, 1);
	file->print.mtime_ns = ix_db_int(row, 2);
	file->print.ctime_ns = ix_db_int(row, 3);
	file->state = (enum ix_file_state)ix_db_int(row, 4);
	ix_db_reset(&w->db, IX_W_FILE_GET);
	return true;
}

/* ---- Problem lines ------------------------------------------------------ */

bool ix_problem_any(struct ix_writer *w, int64_t file, bool *any, struct err *err)
{
	enum ix_step step = ix_db_first(&w->db, IX_W_PROBLEM_ANY, err, "i", file);

	*any = step == IX_STEP_ROW;
	if (*any)
		ix_db_reset(&w->db, IX_W_PROBLEM_ANY);
	return step != IX_STEP_FAILED;
}

static bool set_problem(struct ix_writer *w, int64_t file, const char *code, const char *reason,
			struct err *err)
{
	w->dirty = true;
	return ix_db_run(&w->db, IX_W_PROBLEM_SET, err, "itt", file, code, reason);
}

bool ix_note_set(struct ix_writer *w, int64_t file, const char *code, const char *reason,
		 struct err *err)
{
	bool any;

	if (!ix_problem_any(w, file, &any, err) || !set_problem(w, file, code, reason, err))
		return false;
	w->status.counts.notes += !any;
	return true;
}

bool ix_note_drop(struct ix_writer *w, int64_t file, const char *code, struct err *err)
{
	bool any;

	if (!ix_db_run(&w->db, IX_W_PROBLEM_DROP, err, "it", file, code))
		return false;
	if (sqlite3_changes(w->db.handle) == 0)
		return true;
	w->dirty = true;
	if (!ix_problem_any(w, file, &any, err))
		return false;
	w->status.counts.notes -= !any;
	return true;
}

/* ---- Filing ------------------------------------------------------------- */

/* A file outside the tree with the same row and line as before: links are
 * looked at in every scan. */
static bool is_known(struct ix_writer *w, const struct ix_file *file, enum ix_file_state state,
		     const struct ix_result *result, bool *known, struct err *err)
{
	enum ix_step step;

	*known = false;
	if (file->id == 0 || file->state != state ||
	    !ix_fingerprint_equals(&file->print, &result->print) || result->code == NULL)
		return true;
	step = ix_db_first(&w->db, IX_W_PROBLEM_GET, err, "it", file->id, result->code);
	if (step == IX_STEP_ROW) {
		*known = strcmp(ix_db_text(w->db.statements[IX_W_PROBLEM_GET], 0),
				result->reason) == 0;
		ix_db_reset(&w->db, IX_W_PROBLEM_GET);
	}
	return step != IX_STEP_FAILED;
}

static bool file_outside(struct ix_writer *w, struct ix_file *file, enum ix_file_state state,
			 const struct ix_result *result, struct err *err)
{
	bool known;

	if (!is_known(w, file, state, result, &known, err))
		return false;
	if (known)
		return true;
	if (file->id != 0) {
		if (!ix_entry_detach(w, file->id, IX_FILE_PENDING, err))
			return false;
		file->state = IX_FILE_PENDING;
	}
	file->print = result->print;
	return ix_file_write(w, file, state, 0, err) &&
	       (result->code == NULL ||
		set_problem(w, file->id, result->code, result->reason, err));
}

static void put_off(struct ix_writer *w, struct span path, bool soon)
{
	buf_append_byte(&w->postponed, soon ? '+' : '-');
	buf_append(&w->postponed, path.data, path.size);
	buf_append_byte(&w->postponed, '\0');
}

void ix_file_put_off(struct ix_writer *w, const struct ix_file *file, bool soon)
{
	put_off(w, span_of_text(file->path), soon);
}

/* Files of one inode are one file under several names (hard links), or lie on several
 * disks. What happens to one is told under its own name only, but all have changed:
 * those that are not what now says (NULL: none is) are looked at as well. */
static bool look_at_links(struct ix_writer *w, int64_t id, uint64_t inode,
			  const struct ix_fingerprint *now, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_FILE_LINK];
	enum ix_step step;

	if (inode == 0)
		return true;
	(void)ix_db_bind(&w->db, IX_W_FILE_LINK, "ii", (int64_t)inode, id);
	while ((step = ix_db_step(&w->db, IX_W_FILE_LINK, err)) == IX_STEP_ROW) {
		struct ix_fingerprint print = {.size = (uint64_t)ix_db_int(row, 1),
					       .inode = inode,
					       .mtime_ns = ix_db_int(row, 2),
					       .ctime_ns = ix_db_int(row, 3)};

		if (now == NULL || !ix_fingerprint_equals(&print, now))
			put_off(w, ix_db_blob(row, 0), true);
	}
	return step == IX_STEP_DONE;
}

/* What the tree has of a file stays until it can be looked at: nothing vanishes
 * because it is just being written, or because of a disk that fails for a moment. */
static bool stays(const struct ix_file *file)
{
	return file->id != 0 &&
	       (file->state == IX_FILE_INSTANCE || file->state == IX_FILE_DUPLICATE);
}

bool ix_file_apply(struct ix_writer *w, struct ix_file *file, const struct ix_result *result,
		   struct err *err)
{
	struct err reason = {0};

	w->applied++;
	/* The row may have gone or changed since the walk saw it: a refresh. */
	if (file->id != 0 && !read_state(w, file->id, file, &reason)) {
		if (reason.code != ERR_NOTFOUND) {
			if (err != NULL)
				*err = reason;
			return false;
		}
		file->id = 0;
	}
	if (result->linked && !look_at_links(w, file->id, result->print.inode, &result->print, err))
		return false;
	switch (result->outcome) {
	case IX_OUTCOME_GONE:
		return file->id == 0 || ix_file_remove(w, file->id, err);
	case IX_OUTCOME_SKIPPED:
		return file_outside(w, file, IX_FILE_SKIPPED, result, err);
	case IX_OUTCOME_FAILED:
		return file_outside(w, file, IX_FILE_FAILED, result, err);
	case IX_OUTCOME_UNREAD:
		ix_file_put_off(w, file, false);
		return stays(file) || file_outside(w, file, IX_FILE_FAILED, result, err);
	case IX_OUTCOME_RETRY:
		ix_file_put_off(w, file, true);
		return stays(file) || file_outside(w, file, IX_FILE_PENDING, result, err);
	case IX_OUTCOME_INSTANCE:
		break;
	}
	if (file->id != 0) {
		if (!ix_entry_detach(w, file->id, IX_FILE_PENDING, err))
			return false;
		file->state = IX_FILE_PENDING;
	}
	file->print = result->print;
	return ix_entry_attach(w, file, result, err);
}

bool ix_file_remove(struct ix_writer *w, int64_t id, struct err *err)
{
	struct ix_file file;
	struct err reason = {0};

	if (!read_state(w, id, &file, &reason)) {
		if (reason.code != ERR_NOTFOUND && err != NULL)
			*err = reason;
		return reason.code == ERR_NOTFOUND;
	}
	if (!look_at_links(w, id, file.print.inode, NULL, err) ||
	    !ix_entry_detach(w, id, IX_FILE_PENDING, err) ||
	    !ix_db_run(&w->db, IX_W_FILE_DELETE, err, "i", id))
		return false;
	w->status.counts.files--;
	count_state(w, IX_FILE_PENDING, -1);
	w->dirty = true;
	return true;
}
