/* SPDX-License-Identifier: MIT */
#include "index/entry-row.h"

#include "index/names.h"
#include "index/nodes.h"
#include "index/writer-sql.h"

/* In the chain of inode numbers, beside enum ix_node_type. */
#define IDENT_INSTANCE 3

/* Longer hashes are tried on a clash: plain names lengthen the UID's, the
 * others the content's, and at last the path decides. */
#define NAME_ATTEMPTS (IX_HASH_TEXT_MAX - IX_HASH_TEXT + 2)

void ix_entry_release(struct ix_entry *entry)
{
	buf_release(&entry->sop_uid);
	buf_release(&entry->number);
	buf_release(&entry->path);
}

static void keep_text(struct buf *buf, struct span text)
{
	buf->limit = BUF_NO_LIMIT;
	buf_clear(buf);
	buf_append(buf, text.data, text.size);
	(void)buf_text(buf);
}

bool ix_entry_read(struct ix_writer *w, int64_t id, struct ix_entry *entry, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_ENTRY_GET];

	if (!ix_db_one(&w->db, IX_W_ENTRY_GET, err, "i", id))
		return false;
	entry->id = id;
	entry->series = ix_db_int(row, 0);
	entry->uid_hash = ix_db_int(row, 1);
	entry->plain = ix_db_int(row, 2) != 0;
	entry->has_content = sqlite3_column_type(row, 3) != SQLITE_NULL;
	entry->content = ix_db_int(row, 3);
	(void)snprintf(entry->name, sizeof(entry->name), "%s", ix_db_text(row, 4));
	entry->file = ix_db_int(row, 5);
	entry->claim = ix_db_int(row, 6);
	entry->kinds = (uint32_t)ix_db_int(row, 7);
	entry->frames = (uint32_t)ix_db_int(row, 8);
	entry->size = (uint64_t)ix_db_int(row, 9);
	entry->mtime = ix_db_int(row, 10);
	entry->ctime = ix_db_int(row, 11);
	keep_text(&entry->sop_uid, span_of_text(ix_db_text(row, 12)));
	keep_text(&entry->number, span_of_text(ix_db_text(row, 13)));
	keep_text(&entry->path, ix_db_blob(row, 14));
	ix_db_reset(&w->db, IX_W_ENTRY_GET);
	return buf_ok(&entry->sop_uid, err) && buf_ok(&entry->number, err) &&
	       buf_ok(&entry->path, err);
}

/* ---- Names -------------------------------------------------------------- */

struct naming {
	const struct dc_facts *facts; /* for the Instance Number */
	struct span key, path;
	uint64_t content;
	bool plain;
};

static void make_name(const struct naming *n, unsigned attempt, char name[static 64])
{
	uint64_t uid_hash = ix_hash(n->key);
	unsigned size = MIN_OF(IX_HASH_TEXT + attempt, (unsigned)IX_HASH_TEXT_MAX);

	if (attempt == NAME_ATTEMPTS - 1)
		ix_name_instance(n->facts, uid_hash, IX_HASH_TEXT_MAX, ix_hash(n->path),
				 IX_HASH_TEXT_MAX, name);
	else if (n->plain)
		ix_name_instance(n->facts, uid_hash, size, 0, 0, name);
	else
		ix_name_instance(n->facts, uid_hash, IX_HASH_TEXT, n->content, size, name);
}

static bool make_ident(const struct naming *n, uint64_t series_ino, const char *name,
		       uint64_t *ident, struct err *err)
{
	struct buf key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	if (n->plain) {
		*ident = ix_ident(series_ino, IDENT_INSTANCE, n->key);
		return true;
	}
	buf_append(&key, n->key.data, n->key.size);
	buf_append_byte(&key, '/');
	buf_append_text(&key, name);
	*ident = ix_ident(series_ino, IDENT_INSTANCE, buf_span(&key));
	return buf_ok(&key, err);
}

/* ---- Adding ------------------------------------------------------------- */

static bool count_entry(struct ix_writer *w, int64_t series, uint32_t kinds, uint32_t frames,
			int64_t mtime, int64_t ctime, struct err *err)
{
	struct ix_dirty *dirty = ix_writer_touch(&w->nodes, series, err);

	if (dirty == NULL)
		return false;
	dirty->add++;
	dirty->kinds |= kinds;
	dirty->multiframe += frames > 1 && (kinds & w->frame_kinds) != 0;
	dirty->mtime = MAX_OF(dirty->mtime, mtime);
	dirty->ctime = MAX_OF(dirty->ctime, ctime);
	return true;
}

static bool recount(struct ix_writer *w, int64_t series, struct err *err)
{
	struct ix_dirty *dirty = ix_writer_touch(&w->nodes, series, err);

	if (dirty == NULL)
		return false;
	dirty->recompute = true;
	return true;
}

static bool count_claim(struct ix_writer *w, int64_t claim, int change, struct err *err)
{
	struct ix_dirty *dirty = ix_writer_touch(&w->claims, claim, err);

	if (dirty == NULL)
		return false;
	dirty->add += change;
	return true;
}

static bool insert(struct ix_writer *w, const struct ix_entry_new *e, struct span image,
		   struct span differs, char name[static 64], struct err *err)
{
	const struct ix_result *r = e->result;
	const struct ix_fingerprint *print = &e->file->print;
	struct naming naming = {&r->facts, e->key, span_of_text(e->file->path), e->content,
				e->plain};
	sqlite3_stmt *row;
	uint64_t ident;

	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		make_name(&naming, attempt, name);
		if (!make_ident(&naming, e->place->series_ino, name, &ident, err))
			return false;
		row = ix_db_bind(&w->db, IX_W_ENTRY_INSERT, "iiiiitiiiiiiiiiibbii", e->id,
				 e->place->series, (int64_t)ix_hash(e->key), (int64_t)e->plain,
				 (int64_t)e->content, name, (int64_t)ident, e->file->id,
				 e->place->claim, (int64_t)r->measured.kinds,
				 (int64_t)MAX_OF(r->facts.image.frames, 1), (int64_t)print->size,
				 print->mtime_ns, print->ctime_ns, (int64_t)r->measured.json_base,
				 (int64_t)r->measured.json_names, &image, &differs,
				 (int64_t)r->measured.waiting, (int64_t)r->measured.waiting);
		if (!e->has_content)
			(void)sqlite3_bind_null(row, 5);
		(void)ix_schema_bind(row, 21, DC_LEVEL_INSTANCE, r->facts.fact);
		if (!ix_db_finish(&w->db, IX_W_ENTRY_INSERT, err))
			return false;
		if (sqlite3_changes(w->db.handle) > 0)
			return true;
	}
	return err_set(err, ERR_LIMIT, "no name is free for %s", e->file->path);
}

bool ix_entry_add(struct ix_writer *w, const struct ix_entry_new *e, struct err *err)
{
	uint8_t memory[512];
	struct buf image = {.data = memory, .capacity = sizeof(memory), .limit = sizeof(memory)};
	struct buf differs CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const struct ix_result *r = e->result;
	char name[64];

	dc_image_pack(&r->facts.image, &image);
	ix_fact_set_diff(&e->place->facts, &r->facts, &differs);
	if (!buf_ok(&image, err) || !buf_ok(&differs, err) ||
	    !insert(w, e, buf_span(&image), buf_span(&differs), name, err))
		return false;
	w->status.counts.instances++;
	return count_claim(w, e->place->claim, 1, err) &&
	       count_entry(w, e->place->series, r->measured.kinds, r->facts.image.frames,
			   e->file->print.mtime_ns, e->file->print.ctime_ns, err) &&
	       ix_writer_change(w, IX_CHANGE_INSTANCE_ADDED, e->place->series, e->id,
				r->measured.kinds, name, err);
}

/* ---- Changing ----------------------------------------------------------- */

/* Caches know entry's old id and name; the files have to know the new id. */
static bool move_id(struct ix_writer *w, const struct ix_entry *entry, int64_t id, const char *name,
		    struct err *err)
{
	return ix_db_run(&w->db, IX_W_FILE_SET_INSTANCE, err, "ii", id, entry->file) &&
	       ix_db_run(&w->db, IX_W_FILE_SET_DUPLICATES, err, "ii", id, entry->id) &&
	       ix_db_run(&w->db, IX_W_MEASURED_MOVE, err, "ii", id, entry->id) &&
	       recount(w, entry->series, err) &&
	       ix_writer_change(w, IX_CHANGE_INSTANCE_REMOVED, entry->series, entry->id,
				entry->kinds, entry->name, err) &&
	       ix_writer_change(w, IX_CHANGE_INSTANCE_ADDED, entry->series, id, entry->kinds, name,
				err);
}

bool ix_entry_rename(struct ix_writer *w, struct ix_entry *entry, bool plain, struct err *err)
{
	struct dc_facts facts = {.fact = {[DC_FACT_INSTANCE_NUMBER] = buf_text(&entry->number)}};
	struct naming naming = {&facts, buf_span(&entry->sop_uid), buf_span(&entry->path),
				(uint64_t)entry->content, plain};
	struct ix_node series;
	char name[64];
	uint64_t ident;
	int64_t id;

	if (!ix_node_read(w, entry->series, &series, err) || !ix_writer_new_id(w, &id, err))
		return false;
	for (unsigned attempt = 0; attempt < NAME_ATTEMPTS; attempt++) {
		make_name(&naming, attempt, name);
		if (!make_ident(&naming, series.ino, name, &ident, err) ||
		    !ix_db_run(&w->db, IX_W_ENTRY_SET_NAME, err, "itiii", id, name, (int64_t)ident,
			       (int64_t)plain, entry->id))
			return false;
		if (sqlite3_changes(w->db.handle) == 0)
			continue;
		if (!move_id(w, entry, id, name, err))
			return false;
		entry->id = id;
		entry->plain = plain;
		memcpy(entry->name, name, sizeof(entry->name));
		return true;
	}
	return err_set(err, ERR_LIMIT, "no name is free for %s", buf_text(&entry->path));
}

bool ix_entry_set_source(struct ix_writer *w, struct ix_entry *entry, int64_t file,
			 enum ix_file_state from, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_FILE_GET];
	int64_t id, mtime, ctime;

	if (!ix_db_one(&w->db, IX_W_FILE_GET, err, "i", file))
		return false;
	mtime = ix_db_int(row, 2);
	ctime = ix_db_int(row, 3);
	keep_text(&entry->path, ix_db_blob(row, 6));
	ix_db_reset(&w->db, IX_W_FILE_GET);
	/* The same bytes have the same problems. */
	if (!buf_ok(&entry->path, err) || !ix_db_run(&w->db, IX_W_PROBLEM_CLEAR, err, "i", file) ||
	    !ix_db_run(&w->db, IX_W_PROBLEM_MOVE, err, "ii", file, entry->file) ||
	    !ix_writer_new_id(w, &id, err) ||
	    !ix_db_run(&w->db, IX_W_ENTRY_SET_FILE, err, "iiiii", id, file, mtime, ctime,
		       entry->id) ||
	    !ix_file_set_state(w, file, from, IX_FILE_INSTANCE, id, err))
		return false;
	entry->file = file;
	if (!move_id(w, entry, id, entry->name, err))
		return false;
	entry->id = id;
	entry->mtime = mtime;
	entry->ctime = ctime;
	return true;
}

bool ix_entry_set_content(struct ix_writer *w, struct ix_entry *entry, uint64_t content,
			  struct err *err)
{
	entry->content = (int64_t)content;
	entry->has_content = true;
	return ix_db_run(&w->db, IX_W_ENTRY_SET_CONTENT, err, "ii", (int64_t)content, entry->id);
}

bool ix_entry_drop(struct ix_writer *w, const struct ix_entry *entry, struct err *err)
{
	w->status.counts.instances--;
	return ix_db_run(&w->db, IX_W_ENTRY_DELETE, err, "i", entry->id) &&
	       ix_db_run(&w->db, IX_W_MEASURED_DROP, err, "i", entry->id) &&
	       count_claim(w, entry->claim, -1, err) && recount(w, entry->series, err) &&
	       ix_writer_change(w, IX_CHANGE_INSTANCE_REMOVED, entry->series, entry->id,
				entry->kinds, entry->name, err);
}
