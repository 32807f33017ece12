/* SPDX-License-Identifier: MIT */
#include "index/nodes.h"

#include "index/view.h"
#include "index/writer-sql.h"

bool ix_node_add(struct ix_writer *w, const struct ix_node_new *node, int64_t *id, struct err *err)
{
	struct ix_dirty *parent;
	int64_t key;

	*id = 0;
	if (!ix_writer_new_id(w, &key, err))
		return false;
	(void)ix_db_bind(&w->db, IX_W_NODE_INSERT, "iiitiiiti", key, node->parent,
			 (int64_t)node->type, node->name, (int64_t)node->ino, node->mtime,
			 node->ctime, node->target, node->owner);
	if (node->owner == 0)
		(void)sqlite3_bind_null(w->db.statements[IX_W_NODE_INSERT], 9);
	if (!ix_db_finish(&w->db, IX_W_NODE_INSERT, err))
		return false;
	if (sqlite3_changes(w->db.handle) == 0)
		return true;
	*id = key;
	parent = ix_writer_touch(&w->nodes, node->parent, err);
	if (parent == NULL)
		return false;
	parent->subfolders += node->type != IX_NODE_LINK;
	parent->mtime = MAX_OF(parent->mtime, node->mtime);
	parent->ctime = MAX_OF(parent->ctime, node->ctime);
	return ix_writer_change(w, IX_CHANGE_ADDED, node->parent, key, 0, node->name, err);
}

bool ix_node_find(struct ix_writer *w, int64_t parent, const char *name, int64_t *id,
		  struct err *err)
{
	enum ix_step step = ix_db_first(&w->db, IX_W_NODE_FIND, err, "it", parent, name);

	*id = 0;
	if (step == IX_STEP_ROW) {
		*id = ix_db_int(w->db.statements[IX_W_NODE_FIND], 0);
		ix_db_reset(&w->db, IX_W_NODE_FIND);
	}
	return step != IX_STEP_FAILED;
}

bool ix_node_read(struct ix_writer *w, int64_t id, struct ix_node *node, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_NODE_GET];

	switch (ix_db_first(&w->db, IX_W_NODE_GET, err, "i", id)) {
	case IX_STEP_FAILED:
		return false;
	case IX_STEP_DONE:
		return err_set(err, ERR_NOTFOUND, "no node %lld", (long long)id);
	case IX_STEP_ROW:
		break;
	}
	node->id = id;
	node->parent = ix_db_int(row, 0);
	node->type = (uint8_t)ix_db_int(row, 1);
	(void)snprintf(node->name, sizeof(node->name), "%s", ix_db_text(row, 2));
	node->ino = (uint64_t)ix_db_int(row, 3);
	node->mtime_ns = ix_db_int(row, 4);
	node->ctime_ns = ix_db_int(row, 5);
	node->subfolders = (uint32_t)ix_db_int(row, 6);
	node->kinds = (uint32_t)ix_db_int(row, 7);
	node->multiframe = (uint32_t)ix_db_int(row, 8);
	node->instances = (uint64_t)ix_db_int(row, 9);
	node->target[0] = '\0';
	ix_db_reset(&w->db, IX_W_NODE_GET);
	return true;
}

bool ix_node_drop(struct ix_writer *w, const struct ix_node *node, struct err *err)
{
	struct ix_dirty *parent = ix_writer_touch(&w->nodes, node->parent, err);

	if (parent == NULL)
		return false;
	parent->recompute = true;
	return ix_db_run(&w->db, IX_W_NODE_DELETE, err, "i", node->id) &&
	       ix_writer_change(w, IX_CHANGE_REMOVED, node->parent, node->id, 0, node->name, err);
}

static bool write_node(struct ix_writer *w, const struct ix_node *node, struct err *err)
{
	return ix_db_run(&w->db, IX_W_NODE_UPDATE, err, "iiiiiii", node->mtime_ns, node->ctime_ns,
			 (int64_t)node->subfolders, (int64_t)node->kinds, (int64_t)node->multiframe,
			 (int64_t)node->instances, node->id) &&
	       ix_writer_change(w, IX_CHANGE_FOLDER, node->parent, node->id, 0, node->name, err);
}

/* The folder around learns of new times; older ones than before make it look
 * at all its content again. */
static bool touch_parent(struct ix_writer *w, const struct ix_node *before,
			 const struct ix_node *now, struct err *err)
{
	struct ix_dirty *parent;

	if (now->parent == 0 ||
	    (before->mtime_ns == now->mtime_ns && before->ctime_ns == now->ctime_ns))
		return true;
	parent = ix_writer_touch(&w->nodes, now->parent, err);
	if (parent == NULL)
		return false;
	parent->mtime = MAX_OF(parent->mtime, now->mtime_ns);
	parent->ctime = MAX_OF(parent->ctime, now->ctime_ns);
	if (now->mtime_ns < before->mtime_ns || now->ctime_ns < before->ctime_ns)
		parent->recompute = true;
	return true;
}

bool ix_node_set_times(struct ix_writer *w, int64_t id, int64_t mtime, int64_t ctime,
		       struct err *err)
{
	struct ix_node before, now;

	if (!ix_node_read(w, id, &before, err))
		return false;
	now = before;
	now.mtime_ns = mtime;
	now.ctime_ns = ctime;
	if (now.mtime_ns == before.mtime_ns && now.ctime_ns == before.ctime_ns)
		return true;
	return write_node(w, &now, err) && touch_parent(w, &before, &now, err);
}

/* ---- Series ------------------------------------------------------------- */

/* The first file of a study that several patients share may have gone. */
static bool touch_study(struct ix_writer *w, int64_t study, struct err *err)
{
	enum ix_step step = ix_db_first(&w->db, IX_W_STUDY_GET, err, "i", study);
	int64_t uid_hash;

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	uid_hash = ix_db_int(w->db.statements[IX_W_STUDY_GET], 0);
	ix_db_reset(&w->db, IX_W_STUDY_GET);
	return ix_writer_touch(&w->studies, uid_hash, err) != NULL;
}

static bool recount_series(struct ix_writer *w, struct ix_node *node, struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&w->db, IX_W_SERIES_CONTENT, "i", node->id);
	enum ix_step step;

	node->instances = 0;
	node->kinds = node->multiframe = 0;
	node->mtime_ns = node->ctime_ns = INT64_MIN;
	while ((step = ix_db_step(&w->db, IX_W_SERIES_CONTENT, err)) == IX_STEP_ROW) {
		uint32_t kinds = (uint32_t)ix_db_int(row, 0);

		node->instances++;
		node->kinds |= kinds;
		node->multiframe += ix_db_int(row, 1) > 1 && (kinds & w->frame_kinds) != 0;
		node->mtime_ns = MAX_OF(node->mtime_ns, ix_db_int(row, 2));
		node->ctime_ns = MAX_OF(node->ctime_ns, ix_db_int(row, 3));
	}
	return step == IX_STEP_DONE;
}

static bool flush_series(struct ix_writer *w, const struct ix_dirty *dirty, struct ix_node *node,
			 struct err *err)
{
	if (dirty->recompute) {
		if (!recount_series(w, node, err) || !touch_study(w, node->parent, err))
			return false;
	} else {
		node->instances += (uint64_t)dirty->add;
		node->kinds |= dirty->kinds;
		node->multiframe += (uint32_t)dirty->multiframe;
		node->mtime_ns = MAX_OF(node->mtime_ns, dirty->mtime);
		node->ctime_ns = MAX_OF(node->ctime_ns, dirty->ctime);
	}
	node->subfolders = (uint32_t)__builtin_popcount(node->kinds);
	return true;
}

/* ---- Other folders ------------------------------------------------------ */

static bool flush_folder(struct ix_writer *w, const struct ix_dirty *dirty, struct ix_node *node,
			 bool *empty, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_NODE_CONTENT];

	*empty = false;
	if (!dirty->recompute) {
		node->subfolders = (uint32_t)(node->subfolders + dirty->subfolders);
		node->mtime_ns = MAX_OF(node->mtime_ns, dirty->mtime);
		node->ctime_ns = MAX_OF(node->ctime_ns, dirty->ctime);
		return true;
	}
	if (!ix_db_one(&w->db, IX_W_NODE_CONTENT, err, "i", node->id))
		return false;
	*empty = ix_db_int(row, 0) == 0;
	node->mtime_ns = ix_db_int(row, 1);
	node->ctime_ns = ix_db_int(row, 2);
	node->subfolders = (uint32_t)ix_db_int(row, 3);
	ix_db_reset(&w->db, IX_W_NODE_CONTENT);
	/* The fixed folders start at the epoch and never leave. */
	if (node->id < IX_FIRST_ID) {
		*empty = false;
		node->mtime_ns = MAX_OF(node->mtime_ns, 0);
		node->ctime_ns = MAX_OF(node->ctime_ns, 0);
	}
	return true;
}

/* ---- Rows beside the node ----------------------------------------------- */

struct beside {
	bool study;       /* the node is one */
	int64_t uid_hash; /* of a study */
	struct buf links; /* of a study or series */
};

static void release_beside(struct beside *beside)
{
	buf_release(&beside->links);
}

static bool read_beside(struct ix_writer *w, const struct ix_node *node, struct beside *beside,
			struct err *err)
{
	enum ix_write_sql statement =
		node->type == IX_NODE_SERIES ? IX_W_SERIES_GET : IX_W_STUDY_GET;
	sqlite3_stmt *row = w->db.statements[statement];
	enum ix_step step = ix_db_first(&w->db, statement, err, "i", node->id);
	struct span packed;

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	beside->study = statement == IX_W_STUDY_GET;
	beside->uid_hash = beside->study ? ix_db_int(row, 0) : 0;
	packed = ix_db_blob(row, beside->study ? 3 : 0);
	buf_append(&beside->links, packed.data, packed.size);
	ix_db_reset(&w->db, statement);
	return buf_ok(&beside->links, err);
}

static bool remove_folder(struct ix_writer *w, const struct ix_node *node, struct err *err)
{
	struct beside beside CLEANUP(release_beside) = {.links = buf_empty(BUF_NO_LIMIT)};

	/* Ids of what goes are in the cache of places. */
	ix_places_clear(&w->places);
	if (!read_beside(w, node, &beside, err) || !ix_view_unlink(w, buf_span(&beside.links), err))
		return false;
	if (node->type == IX_NODE_SERIES) {
		w->status.counts.series--;
		if (!ix_db_run(&w->db, IX_W_SERIES_DELETE, err, "i", node->id))
			return false;
	} else if (beside.study) {
		/* Another patient's study of the same UID may be the first now. */
		w->status.counts.studies--;
		if (ix_writer_touch(&w->studies, beside.uid_hash, err) == NULL ||
		    !ix_db_run(&w->db, IX_W_STUDY_DELETE, err, "i", node->id))
			return false;
	} else if (node->parent == IX_PATIENTS) {
		w->status.counts.patients--;
		if (!ix_db_run(&w->db, IX_W_PATIENT_DELETE, err, "i", node->id))
			return false;
	}
	return ix_node_drop(w, node, err);
}

static bool touch_links(struct ix_writer *w, const struct ix_node *node, struct err *err)
{
	struct beside beside CLEANUP(release_beside) = {.links = buf_empty(BUF_NO_LIMIT)};

	if (node->id < IX_FIRST_ID || node->type == IX_NODE_LINK)
		return true;
	return read_beside(w, node, &beside, err) &&
	       ix_view_touch(w, buf_span(&beside.links), node->mtime_ns, node->ctime_ns, err);
}

static bool same_row(const struct ix_node *a, const struct ix_node *b)
{
	return a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns &&
	       a->subfolders == b->subfolders && a->kinds == b->kinds &&
	       a->multiframe == b->multiframe && a->instances == b->instances;
}

static bool flush_one(struct ix_writer *w, const struct ix_dirty *dirty, struct err *err)
{
	struct ix_node before, now;
	struct err reason = {0};
	bool empty, times;

	if (!ix_node_read(w, dirty->id, &before, &reason)) {
		/* Touched, and removed later in the same transaction. */
		if (reason.code == ERR_NOTFOUND)
			return true;
		if (err != NULL)
			*err = reason;
		return false;
	}
	now = before;
	if (before.type == IX_NODE_SERIES) {
		if (!flush_series(w, dirty, &now, err))
			return false;
		empty = now.instances == 0;
	} else if (!flush_folder(w, dirty, &now, &empty, err)) {
		return false;
	}
	if (empty)
		return remove_folder(w, &before, err);
	if (same_row(&before, &now))
		return true;
	times = before.mtime_ns != now.mtime_ns || before.ctime_ns != now.ctime_ns;
	return write_node(w, &now, err) && touch_parent(w, &before, &now, err) &&
	       (!times || touch_links(w, &now, err));
}

bool ix_nodes_flush(struct ix_writer *w, struct err *err)
{
	struct ix_dirty dirty;

	while (ix_dirty_take(&w->nodes, &dirty)) {
		if (!flush_one(w, &dirty, err))
			return false;
	}
	return true;
}
