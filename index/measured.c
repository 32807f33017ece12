/* SPDX-License-Identifier: MIT */
#include "index/index.h"

#include "index/internal.h"
#include "index/writer-sql.h"

struct target {
	uint32_t waiting, kinds, frames;
	int64_t series, mtime, ctime;
	char name[IX_INSTANCE_NAME_MAX + 1];
};

/* False with err clear: nothing to do. */
static bool find_target(struct ix_writer *w, int64_t instance, uint8_t kind, struct target *target,
			struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_MEASURED_WAITING];

	if (ix_db_first(&w->db, IX_W_MEASURED_WAITING, err, "i", instance) != IX_STEP_ROW)
		return false;
	target->waiting = (uint32_t)ix_db_int(row, 0);
	target->series = ix_db_int(row, 1);
	target->kinds = (uint32_t)ix_db_int(row, 2);
	target->frames = (uint32_t)ix_db_int(row, 3);
	target->mtime = ix_db_int(row, 4);
	target->ctime = ix_db_int(row, 5);
	(void)snprintf(target->name, sizeof(target->name), "%s", ix_db_text(row, 6));
	ix_db_reset(&w->db, IX_W_MEASURED_WAITING);
	return (target->waiting >> kind & 1) != 0;
}

/* The kind's files are there from now on. */
static bool show(struct ix_writer *w, int64_t instance, uint32_t bit, const struct target *target,
		 struct err *err)
{
	struct ix_dirty *dirty = ix_writer_touch(&w->nodes, target->series, err);

	if (dirty == NULL)
		return false;
	dirty->kinds |= bit;
	/* Kinds of frames of one instance have a folder together. */
	dirty->multiframe += target->frames > 1 && (bit & w->frame_kinds) != 0 &&
			     (target->kinds & w->frame_kinds) == 0;
	return ix_writer_change(w, IX_CHANGE_INSTANCE_ADDED, target->series, instance, bit,
				target->name, err);
}

static bool store(struct ix_writer *w, int64_t instance, uint8_t kind, const struct target *target,
		  const uint64_t *sizes, uint32_t count, struct err *err)
{
	uint32_t bit = UINT32_C(1) << kind;
	bool any = false;

	/* The number of those that wait is part of what reports say. */
	w->dirty = true;
	for (uint32_t frame = 0; frame < count && frame < target->frames; frame++) {
		if (sizes[frame] == 0)
			continue;
		any = true;
		if (!ix_db_run(&w->db, IX_W_MEASURED_SET, err, "iiii", instance, (int64_t)kind,
			       (int64_t)frame, (int64_t)sizes[frame]))
			return false;
	}
	return ix_db_run(&w->db, IX_W_MEASURED_DONE, err, "iii",
			 (int64_t)(target->waiting & ~bit),
			 (int64_t)(any ? target->kinds | bit : target->kinds), instance) &&
	       (!any || show(w, instance, bit, target, err));
}

bool ix_measured_set(struct ix_index *index, const struct ix_scan_options *options,
		     int64_t instance, uint8_t kind, const uint64_t *sizes, uint32_t count,
		     struct err *err)
{
	struct ix_writer *w = &index->writer;
	struct target target;
	struct err reason = {0};

	if (!index->is_writer)
		return err_set(err, ERR_STALE, "another process writes the index");
	(void)pthread_mutex_lock(&index->mutex);
	/* What a scan has open is committed on its own: see ix_note_instance(). */
	if (find_target(w, instance, kind, &target, &reason) && ix_writer_commit(w, &reason) &&
	    ix_writer_begin(w, &reason)) {
		if (store(w, instance, kind, &target, sizes, count, &reason))
			return ix_index_commit(index, options, err);
		ix_writer_abort(w);
	}
	(void)pthread_mutex_unlock(&index->mutex);
	if (reason.code == ERR_NONE)
		return true;
	if (err != NULL)
		*err = reason;
	return false;
}
