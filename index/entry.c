/* SPDX-License-Identifier: MIT */
#include "index/entry.h"

#include <errno.h>

#include "index/entry-row.h"
#include "index/names.h"
#include "index/writer-sql.h"

/* Entries of one UID in one series. */
struct group {
	int64_t uid_hash, series;
	const char *sop_uid;
};

static const char duplicate_code[] = "duplicate";
static const char conflict_code[] = "conflict";
static const char conflict_reason[] =
	"other files have the same SOP Instance UID with different bytes";

/* ---- Flags -------------------------------------------------------------- */

/* Entries with the UID anywhere in the tree: at most count ids and files. */
static bool find_uid(struct ix_writer *w, int64_t uid_hash, const char *sop_uid, int64_t files[3],
		     size_t *count, struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&w->db, IX_W_UID_ANY, "it", uid_hash, sop_uid);
	enum ix_step step;

	*count = 0;
	while ((step = ix_db_step(&w->db, IX_W_UID_ANY, err)) == IX_STEP_ROW)
		files[(*count)++] = ix_db_int(row, 1);
	return step == IX_STEP_DONE;
}

/* After an entry came: it and, if that is the second, the one before. */
static bool flag_conflict(struct ix_writer *w, int64_t uid_hash, const char *sop_uid, int64_t file,
			  struct err *err)
{
	int64_t files[3];
	size_t count;

	if (sop_uid[0] == '\0')
		return true;
	if (!find_uid(w, uid_hash, sop_uid, files, &count, err))
		return false;
	if (count < 2)
		return true;
	if (count == 2 && !ix_note_set(w, files[0] != file ? files[0] : files[1], conflict_code,
				       conflict_reason, err))
		return false;
	return ix_note_set(w, file, conflict_code, conflict_reason, err);
}

/* After an entry went: one that is left alone has no conflict any more. */
static bool unflag_conflict(struct ix_writer *w, int64_t uid_hash, const char *sop_uid,
			    struct err *err)
{
	int64_t files[3];
	size_t count;

	if (sop_uid[0] == '\0')
		return true;
	if (!find_uid(w, uid_hash, sop_uid, files, &count, err))
		return false;
	return count != 1 || ix_note_drop(w, files[0], conflict_code, err);
}

/* ---- The plain name ----------------------------------------------------- */

static bool find_one(struct ix_writer *w, enum ix_write_sql statement, const struct group *g,
		     int64_t *id, struct err *err)
{
	enum ix_step step =
		ix_db_first(&w->db, statement, err, "iit", g->uid_hash, g->series, g->sop_uid);

	*id = 0;
	if (step == IX_STEP_ROW) {
		*id = ix_db_int(w->db.statements[statement], 0);
		ix_db_reset(&w->db, statement);
	}
	return step != IX_STEP_FAILED;
}

static int compare_paths(struct span a, struct span b)
{
	size_t size = MIN_OF(a.size, b.size);
	int order = size > 0 ? memcmp(a.data, b.data, size) : 0;

	return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* The entry whose first source comes first gets the plain name; whoever has it
 * gives it up. Both have their content hash: there are two of them. */
static bool settle_plain(struct ix_writer *w, const struct group *g, struct err *err)
{
	struct ix_entry entry CLEANUP_ENTRY = {0};
	int64_t first, plain;

	if (!find_one(w, IX_W_GROUP_FIRST, g, &first, err) ||
	    !find_one(w, IX_W_GROUP_PLAIN, g, &plain, err))
		return false;
	if (first == plain)
		return true;
	if (plain != 0 &&
	    (!ix_entry_read(w, plain, &entry, err) || !ix_entry_rename(w, &entry, false, err)))
		return false;
	return ix_entry_read(w, first, &entry, err) && ix_entry_rename(w, &entry, true, err);
}

/* Whether a new entry takes the plain name; then its holder has given it up. */
static bool claim_plain(struct ix_writer *w, const struct group *g, const char *path, bool *plain,
			struct err *err)
{
	struct ix_entry holder CLEANUP_ENTRY = {0};
	int64_t id;

	*plain = true;
	if (!find_one(w, IX_W_GROUP_PLAIN, g, &id, err))
		return false;
	if (id == 0)
		return true;
	if (!ix_entry_read(w, id, &holder, err))
		return false;
	*plain = compare_paths(span_of_text(path), buf_span(&holder.path)) < 0;
	return !*plain || ix_entry_rename(w, &holder, false, err);
}

/* ---- The same bytes ----------------------------------------------------- */

/* A new file against the entries of its UID. */
struct meeting {
	struct ix_writer *w;
	struct ix_file *file;
	const struct group *group;
	int fd; /* of the file; -1: not open yet */
	uint64_t content;
	bool has_content;
	struct err failure; /* why the new file cannot be read */
};

static bool open_new(struct meeting *m)
{
	return m->fd >= 0 || ix_content_open(m->w->store_fd, m->file->path, m->w->follow,
					     &m->file->print, &m->fd, &m->failure);
}

static bool hash_new(struct meeting *m)
{
	if (m->has_content)
		return true;
	m->has_content = open_new(m) && ix_content_hash(m->fd, &m->content, &m->failure);
	return m->has_content;
}

enum same { SAME_NO, SAME_YES, SAME_UNKNOWN /* the entry's file changed or cannot be read */ };

/* The new file is the entry's own, under another name. */
static bool is_renamed(const struct meeting *m, const struct ix_fingerprint *print,
		       const struct err *reason)
{
	const struct ix_fingerprint *now = &m->file->print;

	return reason->code == ERR_NOTFOUND && print->inode == now->inode &&
	       print->size == now->size && print->mtime_ns == now->mtime_ns;
}

/* The first source of an entry, if it still is the file that was indexed; else *fd
 * is -1, and what that means for the new file is in *verdict. */
static bool open_entry(struct meeting *m, const struct ix_entry *entry, int *fd, enum same *verdict,
		       struct err *err)
{
	sqlite3_stmt *row = m->w->db.statements[IX_W_FILE_GET];
	struct ix_fingerprint print;
	struct err reason = {0};

	*fd = -1;
	if (!ix_db_one(&m->w->db, IX_W_FILE_GET, err, "i", entry->file))
		return false;
	print.size = (uint64_t)ix_db_int(row, 0);
	print.inode = (uint64_t)ix_db_int(row, 1);
	print.mtime_ns = ix_db_int(row, 2);
	print.ctime_ns = ix_db_int(row, 3);
	ix_db_reset(&m->w->db, IX_W_FILE_GET);
	if (ix_content_open(m->w->store_fd, (const char *)entry->path.data, m->w->follow, &print,
			    fd, &reason))
		return true;
	*fd = -1;
	*verdict = is_renamed(m, &print, &reason) ? SAME_YES : SAME_UNKNOWN;
	return true;
}

static enum same compare(struct meeting *m, int other)
{
	struct err err = {0};
	bool equal = false;

	if (!open_new(m))
		return SAME_NO;
	/* Whose fault it is that they cannot be compared, reading one alone shows. */
	if (!ix_content_equal(m->fd, other, &equal, &err))
		return hash_new(m) ? SAME_UNKNOWN : SAME_NO;
	return equal ? SAME_YES : SAME_NO;
}

/* One entry of the UID. With a second one content hashes are needed, to name
 * them and to find equals among thousands. */
static bool meet_single(struct meeting *m, int64_t id, int64_t *same, bool *again, struct err *err)
{
	struct ix_entry entry CLEANUP_ENTRY = {0};
	int fd CLEANUP_FD = -1;
	enum same verdict = SAME_NO;
	uint64_t content = 0;

	if (!ix_entry_read(m->w, id, &entry, err) || !open_entry(m, &entry, &fd, &verdict, err))
		return false;
	if (fd >= 0 && entry.size == m->file->print.size)
		verdict = compare(m, fd);
	if (m->failure.code != ERR_NONE)
		return true;
	if (verdict == SAME_NO && !entry.has_content && !ix_content_hash(fd, &content, NULL))
		verdict = SAME_UNKNOWN;
	if (verdict == SAME_UNKNOWN) {
		*again = true;
		return ix_entry_detach(m->w, entry.file, IX_FILE_PENDING, err);
	}
	if (verdict == SAME_YES) {
		*same = id;
		return true;
	}
	if (!hash_new(m) || entry.has_content)
		return true;
	return ix_entry_set_content(m->w, &entry, content, err);
}

/* Several entries: only those with the same hash can be the same. */
static bool meet_many(struct meeting *m, int64_t *same, bool *again, struct err *err)
{
	const struct group *g = m->group;
	struct ix_entry entry CLEANUP_ENTRY = {0};
	sqlite3_stmt *row = m->w->db.statements[IX_W_GROUP_CONTENT];
	int64_t id = 0;

	if (!hash_new(m))
		return true;
	for (;;) {
		int fd CLEANUP_FD = -1;
		enum same verdict = SAME_NO;
		enum ix_step step = ix_db_first(&m->w->db, IX_W_GROUP_CONTENT, err, "iiiiti",
						g->uid_hash, g->series, (int64_t)m->content,
						(int64_t)m->file->print.size, g->sop_uid, id);

		if (step != IX_STEP_ROW)
			return step == IX_STEP_DONE;
		id = ix_db_int(row, 0);
		ix_db_reset(&m->w->db, IX_W_GROUP_CONTENT);
		if (!ix_entry_read(m->w, id, &entry, err) ||
		    !open_entry(m, &entry, &fd, &verdict, err))
			return false;
		if (fd >= 0)
			verdict = compare(m, fd);
		if (verdict == SAME_UNKNOWN) {
			*again = true;
			return ix_entry_detach(m->w, entry.file, IX_FILE_PENDING, err);
		}
		if (verdict == SAME_YES) {
			*same = id;
			return true;
		}
	}
}

/* The entry with the same bytes; 0: none. Entries whose files turn out to have
 * changed leave, to be looked at again later in the scan. */
static bool meet(struct meeting *m, int64_t *same, struct err *err)
{
	const struct group *g = m->group;
	bool again = true;

	*same = 0;
	while (again) {
		sqlite3_stmt *row = ix_db_bind(&m->w->db, IX_W_GROUP_ANY, "iit", g->uid_hash,
					       g->series, g->sop_uid);
		int64_t id = 0;
		size_t count = 0;
		enum ix_step step;

		again = false;
		while ((step = ix_db_step(&m->w->db, IX_W_GROUP_ANY, err)) == IX_STEP_ROW) {
			id = ix_db_int(row, 0);
			count++;
		}
		if (step == IX_STEP_FAILED)
			return false;
		if (count == 1 && !meet_single(m, id, same, &again, err))
			return false;
		if (count > 1 && !meet_many(m, same, &again, err))
			return false;
		if (m->failure.code != ERR_NONE)
			return true;
	}
	return true;
}

/* ---- Attaching ---------------------------------------------------------- */

/* One more source of an entry with the same bytes. */
static bool join(struct meeting *m, int64_t same, struct err *err)
{
	struct ix_writer *w = m->w;
	struct ix_entry entry CLEANUP_ENTRY = {0};
	int64_t before;

	if (!ix_entry_read(w, same, &entry, err))
		return false;
	if (compare_paths(span_of_text(m->file->path), buf_span(&entry.path)) > 0)
		return ix_file_set_state(w, m->file->id, IX_FILE_PENDING, IX_FILE_DUPLICATE, same,
					 err) &&
		       ix_db_run(&w->db, IX_W_PROBLEM_SET, err, "itt", m->file->id, duplicate_code,
				 "");
	before = entry.file;
	return ix_entry_set_source(w, &entry, m->file->id, IX_FILE_PENDING, err) &&
	       ix_file_set_state(w, before, IX_FILE_INSTANCE, IX_FILE_DUPLICATE, entry.id, err) &&
	       ix_db_run(&w->db, IX_W_PROBLEM_SET, err, "itt", before, duplicate_code, "") &&
	       settle_plain(w, m->group, err);
}

static bool add_notes(struct ix_writer *w, const struct ix_file *file,
		      const struct ix_result *result, struct err *err)
{
	const struct ix_measured *measured = &result->measured;

	if (result->code != NULL && !ix_note_set(w, file->id, result->code, result->reason, err))
		return false;
	if (measured->note.code == ERR_NONE)
		return true;
	/* The note is about the first kind that one would expect: a picture, or
	 * else the metadata. */
	return ix_note_set(w, file->id,
			   ((measured->kinds | measured->waiting) & w->frame_kinds) == 0
				   ? "no-png"
				   : "no-json",
			   measured->note.message, err);
}

/* Memory and descriptors come back, and a file that changed is looked at again:
 * then it is pending. A disk that failed is tried again by the next scan, which
 * does not know such a file by its fingerprint. */
static bool set_unread(struct ix_writer *w, struct ix_file *file, const struct err *why,
		       struct err *err)
{
	bool failed = why->code == ERR_IO && why->sys != EMFILE && why->sys != ENFILE;

	file->print.inode = 0;
	file->print.ctime_ns = 0;
	return ix_file_write(w, file, failed ? IX_FILE_FAILED : IX_FILE_PENDING, 0, err) &&
	       ix_db_run(&w->db, IX_W_PROBLEM_SET, err, "itt", file->id,
			 failed ? "unreadable" : "postponed", why->message);
}

/* A UID that is in the tree already. */
static bool attach_known(struct ix_writer *w, struct ix_file *file, struct ix_entry_new *entry,
			 struct err *err)
{
	struct group group = {(int64_t)ix_hash(entry->key), entry->place->series,
			      dc_fact(&entry->result->facts, DC_FACT_SOP_UID)};
	struct meeting m = {.w = w, .file = file, .group = &group, .fd = -1};
	int64_t same;
	bool ok;

	if (!ix_file_write(w, file, IX_FILE_PENDING, 0, err))
		return false;
	ok = meet(&m, &same, err);
	base_close_fd(&m.fd);
	if (!ok)
		return false;
	if (m.failure.code != ERR_NONE) {
		/* A hard link that comes or goes changes the times of all its names, and
		 * only the one is told of. */
		ix_file_put_off(w, file, m.failure.code == ERR_STALE);
		return set_unread(w, file, &m.failure, err);
	}
	if (same != 0)
		return join(&m, same, err);
	entry->content = m.content;
	entry->has_content = m.has_content;
	if (!claim_plain(w, &group, file->path, &entry->plain, err) ||
	    !ix_writer_new_id(w, &entry->id, err) ||
	    !ix_file_set_state(w, file->id, IX_FILE_PENDING, IX_FILE_INSTANCE, entry->id, err))
		return false;
	file->state = IX_FILE_INSTANCE;
	return ix_entry_add(w, entry, err) && add_notes(w, file, entry->result, err) &&
	       flag_conflict(w, group.uid_hash, group.sop_uid, file->id, err);
}

bool ix_entry_attach(struct ix_writer *w, struct ix_file *file, const struct ix_result *result,
		     struct err *err)
{
	struct buf key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct ix_entry_new entry = {.file = file, .result = result, .plain = true};
	const char *sop_uid = dc_fact(&result->facts, DC_FACT_SOP_UID);
	int64_t files[3];
	size_t count = 0;

	ix_instance_key(&result->facts, file->path, &key);
	entry.key = buf_span(&key);
	if (!buf_ok(&key, err) ||
	    !ix_place_find(w, &result->facts, file->path, file->print.mtime_ns,
			   file->print.ctime_ns, &entry.place, err))
		return false;
	if (entry.place->shared && ix_writer_touch(&w->studies, entry.place->uid_hash, err) == NULL)
		return false;
	if (sop_uid[0] != '\0' &&
	    !find_uid(w, (int64_t)ix_hash(entry.key), sop_uid, files, &count, err))
		return false;
	if (count > 0)
		return attach_known(w, file, &entry, err);
	return ix_writer_new_id(w, &entry.id, err) &&
	       ix_file_write(w, file, IX_FILE_INSTANCE, entry.id, err) &&
	       ix_entry_add(w, &entry, err) && add_notes(w, file, result, err);
}

/* ---- Detaching ---------------------------------------------------------- */

/* The first source leaves: the next one takes over, or the entry goes. */
static bool leave_entry(struct ix_writer *w, int64_t instance, int64_t file, struct err *err)
{
	struct ix_entry entry CLEANUP_ENTRY = {0};
	enum ix_step step = ix_db_first(&w->db, IX_W_ENTRY_DUPLICATE, err, "i", instance);
	int64_t next = 0;
	struct group group;
	bool notes;

	if (step == IX_STEP_FAILED)
		return false;
	if (step == IX_STEP_ROW) {
		next = ix_db_int(w->db.statements[IX_W_ENTRY_DUPLICATE], 0);
		ix_db_reset(&w->db, IX_W_ENTRY_DUPLICATE);
	}
	if (!ix_entry_read(w, instance, &entry, err))
		return false;
	group = (struct group){entry.uid_hash, entry.series, (const char *)entry.sop_uid.data};
	if (next != 0) {
		if (!ix_entry_set_source(w, &entry, next, IX_FILE_DUPLICATE, err))
			return false;
		return group.sop_uid[0] == '\0' || settle_plain(w, &group, err);
	}
	if (!ix_problem_any(w, file, &notes, err) || !ix_entry_drop(w, &entry, err))
		return false;
	w->status.counts.notes -= notes;
	if (group.sop_uid[0] == '\0')
		return true;
	if (entry.plain) {
		int64_t left;

		if (!find_one(w, IX_W_GROUP_ANY, &group, &left, err) ||
		    (left != 0 && !settle_plain(w, &group, err)))
			return false;
	}
	return unflag_conflict(w, group.uid_hash, group.sop_uid, err);
}

bool ix_entry_detach(struct ix_writer *w, int64_t file, enum ix_file_state state, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_FILE_GET];
	enum ix_step step = ix_db_first(&w->db, IX_W_FILE_GET, err, "i", file);
	enum ix_file_state before;
	int64_t instance;

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	before = (enum ix_file_state)ix_db_int(row, 4);
	instance = ix_db_int(row, 5);
	ix_db_reset(&w->db, IX_W_FILE_GET);
	if (before == IX_FILE_INSTANCE && !leave_entry(w, instance, file, err))
		return false;
	return ix_db_run(&w->db, IX_W_PROBLEM_CLEAR, err, "i", file) &&
	       ix_file_set_state(w, file, before, state, 0, err);
}
