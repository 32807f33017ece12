/* SPDX-License-Identifier: MIT */
#include "index/writer.h"

#include <time.h>

#include "dicom/log.h"
#include "index/claim.h"
#include "index/home.h"
#include "index/nodes.h"
#include "index/view.h"
#include "index/writer-sql.h"

/* Ids are reserved in PATH-ids by so many, so that the file is written rarely
 * and few are lost with a lost index. */
#define ID_BLOCK 16384

/* Bounded memory (KiB, pages): the system's cache holds what does not fit. */
#define WRITER_PRAGMAS                                                                             \
	"PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA cache_size = -8192;"       \
	"PRAGMA journal_size_limit = 16777216; PRAGMA mmap_size = 0; PRAGMA trusted_schema = 0;"

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t ix_now_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t ix_monotonic_ns(void)
{
	return clock_ns(CLOCK_MONOTONIC);
}

/* ---- Table status ------------------------------------------------------- */

static bool load_status(struct ix_writer *w, struct err *err)
{
	struct ix_status *status = &w->status;
	struct ix_counts *counts = &status->counts;
	sqlite3_stmt *row = w->db.statements[IX_W_STATUS_LOAD];
	uint64_t *const fields[] = {&counts->files,   &counts->instance_files, &counts->duplicates,
				    &counts->skipped, &counts->failed,         &counts->pending,
				    &counts->notes,   &counts->patients,       &counts->studies,
				    &counts->series,  &counts->instances};

	if (!ix_db_one(&w->db, IX_W_STATUS_LOAD, err, ""))
		return false;
	status->state = (enum ix_scan_state)ix_db_int(row, 0);
	(void)snprintf(status->state_reason, sizeof(status->state_reason), "%s",
		       ix_db_text(row, 1));
	for (size_t i = 0; i < ARRAY_LEN(fields); i++)
		*fields[i] = (uint64_t)ix_db_int(row, (int)i + 2);
	status->scan_started_ns = ix_db_int(row, 13);
	status->scan_ended_ns = ix_db_int(row, 14);
	status->last_change_ns = ix_db_int(row, 15);
	status->version = (uint64_t)ix_db_int(row, 16);
	w->next_id = MAX_OF(ix_db_int(row, 17), w->id_floor);
	w->next_file = ix_db_int(row, 18);
	/* The walk gives out folder ids; a failed transaction must not give them
	 * out again while the walk still uses them. */
	w->next_folder = MAX_OF(w->next_folder, ix_db_int(row, 19));
	w->next_claim = ix_db_int(row, 20);
	status->scan_files = (uint64_t)ix_db_int(row, 21);
	status->scan_ns = ix_db_int(row, 22);
	w->unknown = false;
	ix_db_reset(&w->db, IX_W_STATUS_LOAD);
	return true;
}

static bool save_status(struct ix_writer *w, struct err *err)
{
	const struct ix_status *status = &w->status;
	const struct ix_counts *counts = &status->counts;

	const struct ix_watch *watch = &status->watch;

	return ix_db_run(&w->db, IX_W_STATUS_SAVE, err, "itiiiiiiiiiiiiiiiiiiiiitiiii",
			 (int64_t)status->state, status->state_reason, counts->files,
			 counts->instance_files, counts->duplicates, counts->skipped,
			 counts->failed, counts->pending, w->queued, counts->notes,
			 counts->patients, counts->studies, counts->series, counts->instances,
			 status->scan_started_ns, status->scan_ended_ns, status->last_change_ns,
			 status->version, w->next_id, w->next_file, w->next_folder, w->next_claim,
			 (int64_t)watch->mode, watch->reason, watch->folders, watch->seconds,
			 status->scan_files, status->scan_ns);
}

/* ---- Opening ------------------------------------------------------------ */

bool ix_writer_open(struct ix_writer *w, const char *path, uint32_t frame_kinds,
		    unsigned log_frames, struct err *err)
{
	memset(w, 0, sizeof(*w));
	w->path = path;
	w->frame_kinds = frame_kinds;
	w->store_fd = -1;
	w->postponed = buf_empty(BUF_NO_LIMIT);
	/* If the machine went down, commits that others saw may be lost. */
	return ix_home_ids_read(path, &w->id_floor, err) &&
	       ix_db_open(&w->db, path, IX_DB_WRITE, err) &&
	       ix_db_keep_log(&w->db, path, log_frames, err) &&
	       ix_db_exec(&w->db, WRITER_PRAGMAS, err) && ix_write_sql_prepare(&w->db, err) &&
	       load_status(w, err);
}

void ix_writer_close(struct ix_writer *w)
{
	if (w->open)
		ix_writer_abort(w);
	/* What is reserved and was not used is for the next one. */
	if (w->id_limit > w->next_id && !ix_db_has_moved(&w->db) &&
	    !ix_home_ids_write(w->path, w->next_id, NULL))
		log_trace(LOG_SQL, "the number of ids cannot be written");
	ix_db_close(&w->db);
	ix_dirty_release(&w->nodes);
	ix_dirty_release(&w->claims);
	ix_dirty_release(&w->studies);
	ix_places_release(&w->places);
	buf_release(&w->postponed);
	free(w->changes);
	w->changes = NULL;
}

/* ---- Transactions ------------------------------------------------------- */

/* SQLite rolls back by itself when memory or the disk fails, in whichever
 * statement, also in one that reads for somebody else. */
static bool is_lost(struct ix_writer *w, struct err *err)
{
	if (!w->open || sqlite3_get_autocommit(w->db.handle) == 0)
		return false;
	ix_writer_abort(w);
	(void)err_set(err, ERR_IO, "index: what was being written is lost");
	return true;
}

bool ix_writer_begin(struct ix_writer *w, struct err *err)
{
	if (is_lost(w, err))
		return false;
	if (w->open)
		return true;
	if ((w->unknown && !load_status(w, err)) || !ix_db_run(&w->db, IX_W_BEGIN, err, ""))
		return false;
	w->open = true;
	w->begun_ns = ix_monotonic_ns();
	w->applied = 0;
	w->dirty = false;
	return true;
}

static bool flush(struct ix_writer *w, struct err *err)
{
	/* Each may give the others work: a claim that goes frees files, a folder
	 * that goes frees a link. */
	while (w->claims.count + w->nodes.count + w->studies.count > 0) {
		w->dirty = true;
		if (!ix_claims_flush(w, err) || !ix_nodes_flush(w, err) || !ix_view_flush(w, err))
			return false;
	}
	w->status.version += w->dirty;
	if (w->change_count > w->committed)
		w->status.last_change_ns = ix_now_ns();
	return save_status(w, err);
}

bool ix_writer_commit(struct ix_writer *w, struct err *err)
{
	if (is_lost(w, err))
		return false;
	if (!w->open)
		return true;
	if (!flush(w, err) || !ix_db_run(&w->db, IX_W_COMMIT, err, "")) {
		ix_writer_abort(w);
		return false;
	}
	w->open = false;
	w->committed = w->change_count;
	log_trace(LOG_SQL, "committed %llu files in %lld ms", (unsigned long long)w->applied,
		  (long long)(ix_monotonic_ns() - w->begun_ns) / 1000000);
	return true;
}

void ix_writer_abort(struct ix_writer *w)
{
	if (!w->open)
		return;
	/* SQLite has rolled back by itself after a full disk. */
	for (size_t i = 0; i < w->db.count; i++)
		ix_db_reset(&w->db, (unsigned)i);
	if (sqlite3_get_autocommit(w->db.handle) == 0 &&
	    !ix_db_run(&w->db, IX_W_ROLLBACK, NULL, ""))
		log_trace(LOG_SQL, "rollback failed");
	w->open = false;
	w->change_count = w->committed;
	ix_dirty_clear(&w->nodes);
	ix_dirty_clear(&w->claims);
	ix_dirty_clear(&w->studies);
	ix_places_clear(&w->places);
	w->unknown = true;
	if (!load_status(w, NULL))
		log_trace(LOG_SQL, "status cannot be read");
}

/* ---- Changes ------------------------------------------------------------ */

bool ix_writer_change(struct ix_writer *w, enum ix_change_type type, int64_t parent, int64_t id,
		      uint32_t kinds, const char *name, struct err *err)
{
	struct ix_change *change;

	w->dirty = true;
	if (w->change_count == w->change_capacity) {
		size_t capacity = w->change_capacity > 0 ? w->change_capacity * 2 : 256;
		struct ix_change *larger = realloc(w->changes, capacity * sizeof(*larger));

		if (larger == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		w->changes = larger;
		w->change_capacity = capacity;
	}
	change = &w->changes[w->change_count++];
	change->type = (uint8_t)type;
	change->parent = parent;
	change->id = id;
	change->kinds = kinds;
	(void)snprintf(change->name, sizeof(change->name), "%s", name);
	return true;
}

struct ix_change *ix_writer_take_changes(struct ix_writer *w, size_t *count)
{
	struct ix_change *changes = w->changes;

	*count = w->change_count;
	w->changes = NULL;
	w->change_count = w->change_capacity = w->committed = 0;
	return changes;
}

/* ---- Keys --------------------------------------------------------------- */

bool ix_writer_new_id(struct ix_writer *w, int64_t *id, struct err *err)
{
	if (w->next_id > IX_MAX_ID)
		return err_set(err, ERR_LIMIT,
			       "the index has no row keys left; remove it with "
			       "its -ids file to start over");
	if (w->next_id >= w->id_limit) {
		int64_t limit = MIN_OF(w->next_id + ID_BLOCK, IX_MAX_ID + 1);

		/* The file with the number is another's by now. */
		if (ix_db_has_moved(&w->db))
			return err_set(err, ERR_IO,
				       "index %s was removed or replaced while it is in use",
				       w->path);
		if (!ix_home_ids_write(w->path, limit, err))
			return false;
		w->id_limit = limit;
	}
	*id = w->next_id++;
	return true;
}

struct ix_dirty *ix_writer_touch(struct ix_dirty_set *set, int64_t id, struct err *err)
{
	struct ix_dirty *entry = ix_dirty_touch(set, id);

	if (entry == NULL)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	return entry;
}
