/*
 * What comes after the walk: pending files, files that are gone, and the
 * question whether to believe that they are.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "index/disk.h"
#include "index/writer-sql.h"

/* Rows of table meta. */
static const char disk_key[] = "store-disk";
static const char suspicion_key[] = "suspicion";

/* ---- Filing again ------------------------------------------------------- */

struct target {
	int64_t id, folder;
	char name[256];
	char path[PATH_MAX + 256];
};

/* *id 0: there is no such file. */
static bool find_target(struct ix_index *index, int64_t file, struct target *target,
			struct err *err)
{
	struct ix_writer *w = &index->writer;
	sqlite3_stmt *row = w->db.statements[IX_W_FILE_PLACE];
	struct span name, prefix;
	enum ix_step step;

	target->id = 0;
	(void)pthread_mutex_lock(&index->mutex);
	step = ix_db_first(&w->db, IX_W_FILE_PLACE, err, "i", file);
	if (step == IX_STEP_ROW) {
		target->id = file;
		target->folder = ix_db_int(row, 0);
		name = ix_db_blob(row, 1);
		prefix = ix_db_blob(row, 2);
		(void)snprintf(target->name, sizeof(target->name), "%.*s", (int)name.size,
			       (const char *)name.data);
		(void)snprintf(target->path, sizeof(target->path), "%.*s%s", (int)prefix.size,
			       prefix.size > 0 ? (const char *)prefix.data : "", target->name);
		ix_db_reset(&w->db, IX_W_FILE_PLACE);
	}
	(void)pthread_mutex_unlock(&index->mutex);
	return step != IX_STEP_FAILED;
}

static void look_at(struct ix_scan *scan, struct ix_parser *parser, const struct target *target,
		    struct ix_result *result)
{
	int folder CLEANUP_FD = -1;
	struct err err = {0};

	if (ix_open_parent(scan->options->store_fd, target->path, scan->options->follow, &folder,
			   &err)) {
		ix_parse_file(parser, folder, target->name, scan->options->follow, result);
		return;
	}
	memset(&result->print, 0, sizeof(result->print));
	if (err.code == ERR_NOTFOUND || err.sys == ENOTDIR || err.sys == ELOOP)
		ix_result_set(result, IX_OUTCOME_GONE, NULL, "%s", "");
	else
		ix_result_set(result, IX_OUTCOME_UNREAD, "unreadable", "%s", err.message);
}

bool ix_scan_refile(struct ix_scan *scan, struct ix_parser *parser, struct ix_result *result,
		    int64_t id, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	struct target *target CLEANUP_FREE = malloc(sizeof(*target));
	struct ix_file file;
	bool ok;

	if (target == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!find_target(scan->index, id, target, err))
		return false;
	if (target->id == 0)
		return true;
	look_at(scan, parser, target, result);
	file = (struct ix_file){
		.id = id,
		.folder = target->folder,
		.name = span_of_text(target->name),
		.path = target->path,
	};
	(void)pthread_mutex_lock(&scan->index->mutex);
	w->store_fd = scan->options->store_fd;
	w->follow = scan->options->follow;
	/* A scan's transaction is not a refresh's to lose. */
	ok = (scan->walk != NULL || ix_writer_commit(w, err)) && ix_writer_begin(w, err) &&
	     ix_file_apply(w, &file, result, err);
	if (!ok)
		ix_writer_abort(w);
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return ok;
}

/* The next pending file behind *id; *id 0: none. */
static bool next_pending(struct ix_index *index, int64_t *id, struct err *err)
{
	struct ix_writer *w = &index->writer;
	enum ix_step step;

	(void)pthread_mutex_lock(&index->mutex);
	step = ix_db_first(&w->db, IX_W_FILE_PENDING, err, "i", *id);
	*id = 0;
	if (step == IX_STEP_ROW) {
		*id = ix_db_int(w->db.statements[IX_W_FILE_PENDING], 0);
		ix_db_reset(&w->db, IX_W_FILE_PENDING);
	}
	(void)pthread_mutex_unlock(&index->mutex);
	return step != IX_STEP_FAILED;
}

static bool refile_pending(struct ix_scan *scan, struct ix_parser *parser, struct ix_result *result,
			   bool *found, struct err *err)
{
	int64_t id = 0;

	*found = false;
	for (;;) {
		if (ix_scan_stopped(scan))
			return true;
		if (!next_pending(scan->index, &id, err))
			return false;
		if (id == 0)
			return ix_scan_commit(scan, true, err);
		if (!ix_scan_refile(scan, parser, result, id, err) ||
		    !ix_scan_commit(scan, false, err))
			return false;
		/* What was put off is not to be had a moment later either. */
		*found = *found || (result->outcome != IX_OUTCOME_RETRY &&
				    result->outcome != IX_OUTCOME_UNREAD);
		ix_scan_progress(scan, false);
	}
}

bool ix_scan_pending(struct ix_scan *scan, bool *found, struct err *err)
{
	struct ix_parser parser;
	struct ix_result result;
	bool ok;

	*found = false;
	/* The flush at a commit may make files pending. */
	if (!ix_scan_commit(scan, true, err) || !ix_parser_init(&parser, scan->options, err))
		return false;
	ix_result_init(&result);
	ok = refile_pending(scan, &parser, &result, found, err);
	ix_result_release(&result);
	ix_parser_release(&parser);
	return ok;
}

/* ---- Gone --------------------------------------------------------------- */

/* It may be back, or have been missed by a listing that went on while it was
 * renamed. Behind links that are followed it may be there, and be known by another
 * way. */
static bool is_there(const struct ix_writer *w, const char *path)
{
	const char *name = strrchr(path, '/') != NULL ? strrchr(path, '/') + 1 : path;
	int folder CLEANUP_FD = -1;
	struct stat st;

	return !w->follow && ix_open_parent(w->store_fd, path, false, &folder, NULL) &&
	       fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && !S_ISDIR(st.st_mode);
}

/* From the last path to the first: whoever has a plain name by being the first
 * goes last, and names move as little as can be. */
static bool remove_last(struct ix_writer *w, bool *left, struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_GONE_LAST];
	struct buf path CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	enum ix_step step = ix_db_first(&w->db, IX_W_GONE_LAST, err, "");
	struct span bytes;
	int64_t file;

	*left = step == IX_STEP_ROW;
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	bytes = ix_db_blob(row, 0);
	buf_append(&path, bytes.data, bytes.size);
	file = ix_db_int(row, 1);
	ix_db_reset(&w->db, IX_W_GONE_LAST);
	bytes = buf_span(&path);
	w->applied++;
	(void)buf_text(&path);
	if (!buf_ok(&path, err))
		return false;
	return (is_there(w, buf_text(&path)) || ix_file_remove(w, file, err)) &&
	       ix_db_run(&w->db, IX_W_GONE_DROP, err, "b", &bytes);
}

/* Folders that are gone, from the innermost outwards, unless something in them is
 * there after all. */
static bool remove_folders(struct ix_writer *w, struct err *err)
{
	do {
		if (!ix_db_run(&w->db, IX_W_GONE_FOLDER_DROP, err, ""))
			return false;
	} while (sqlite3_changes(w->db.handle) > 0);
	return ix_db_exec(&w->db, "DELETE FROM gone_folder", err);
}

static bool remove_some(struct ix_scan *scan, bool *left, struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	bool ok;

	*left = true;
	(void)pthread_mutex_lock(&scan->index->mutex);
	w->store_fd = scan->options->store_fd;
	w->follow = scan->options->follow;
	ok = ix_writer_begin(w, err);
	for (unsigned i = 0; ok && *left && i < 256; i++)
		ok = remove_last(w, left, err);
	if (ok && !*left)
		ok = remove_folders(w, err);
	if (!ok)
		ix_writer_abort(w);
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return ok;
}

bool ix_scan_gone(struct ix_scan *scan, struct err *err)
{
	bool left = true;

	while (left && !ix_scan_stopped(scan)) {
		if (!remove_some(scan, &left, err) || !ix_scan_commit(scan, !left, err))
			return false;
		ix_scan_progress(scan, false);
	}
	return true;
}

/* ---- A lost disk -------------------------------------------------------- */

/* A row of table meta; "" when there is none. */
static bool recall(struct ix_writer *w, const char *key, char *value, size_t size, struct err *err)
{
	enum ix_step step = ix_db_first(&w->db, IX_W_META_GET, err, "t", key);

	value[0] = '\0';
	if (step == IX_STEP_ROW) {
		(void)snprintf(value, size, "%s", ix_db_text(w->db.statements[IX_W_META_GET], 0));
		ix_db_reset(&w->db, IX_W_META_GET);
	}
	return step != IX_STEP_FAILED;
}

/* Whether the store is another one than is remembered, if any is. */
static bool compare(struct ix_writer *w, const struct ix_disk *now, enum ix_disk_change *change,
		    struct err *err)
{
	struct ix_disk before;

	if (!recall(w, disk_key, before.text, sizeof(before.text), err))
		return false;
	*change = ix_disk_compare(before.text, now->text);
	return true;
}

static bool remember(struct ix_writer *w, const struct ix_disk *now, struct err *err)
{
	return ix_db_run(&w->db, IX_W_META_SET, err, "tt", suspicion_key, "") &&
	       ix_db_run(&w->db, IX_W_META_SET, err, "tt", disk_key, now->text);
}

/* How many files are gone, or others than before. */
static bool count_gone(struct ix_scan *scan, uint64_t *gone, struct err *err)
{
	struct ix_db *db = &scan->index->writer.db;

	if (!ix_db_one(db, IX_W_GONE_COUNT, err, ""))
		return false;
	*gone = (uint64_t)ix_db_int(db->statements[IX_W_GONE_COUNT], 0) + scan->held_count;
	ix_db_reset(db, IX_W_GONE_COUNT);
	return true;
}

static bool judge(struct ix_scan *scan, const struct ix_disk *now, bool *suspicious,
		  struct err *err)
{
	struct ix_writer *w = &scan->index->writer;
	bool empty = scan->walk->only == NULL && atomic_load(&scan->walk->files) == 0;
	enum ix_disk_change change;
	char suspicion[4];
	uint64_t gone;
	bool unsure;

	if (!ix_writer_begin(w, err) || !compare(w, now, &change, err) ||
	    !recall(w, suspicion_key, suspicion, sizeof(suspicion), err) ||
	    !count_gone(scan, &gone, err))
		return false;
	/* A disk with another number is the same one if most files are where they were;
	 * and a lost one is not back because of the first file that somebody puts into
	 * its place. */
	unsure = change == IX_DISK_UNSURE || suspicion[0] != '\0';
	*suspicious = gone > 0 && !scan->options->confirm_empty &&
		      (empty || change == IX_DISK_ANOTHER ||
		       (unsure && gone > w->status.counts.files / 2));
	if (!*suspicious)
		return remember(w, now, err);
	if (!ix_db_run(&w->db, IX_W_META_SET, err, "tt", suspicion_key, "yes"))
		return false;
	(void)snprintf(w->status.state_reason, sizeof(w->status.state_reason),
		       "the store is %s: nothing was removed (once unmounted, dicomfs-index "
		       "--rebuild accepts it)",
		       empty                    ? "empty all at once"
		       : change != IX_DISK_SAME ? "on another file system and files are missing"
						: "still without most of its files");
	return true;
}

bool ix_scan_is_lost(struct ix_scan *scan, bool *lost, struct err *err)
{
	enum ix_disk_change change = IX_DISK_SAME;
	struct ix_disk now;
	bool ok;

	*lost = false;
	if (!ix_disk_of(scan->options->store_fd, &now, err))
		return false;
	(void)pthread_mutex_lock(&scan->index->mutex);
	ok = compare(&scan->index->writer, &now, &change, err);
	(void)pthread_mutex_unlock(&scan->index->mutex);
	*lost = change != IX_DISK_SAME;
	return ok;
}

bool ix_scan_suspect(struct ix_scan *scan, bool *suspicious, struct err *err)
{
	struct ix_disk now;
	bool ok;

	*suspicious = false;
	if (!ix_disk_of(scan->options->store_fd, &now, err))
		return false;
	(void)pthread_mutex_lock(&scan->index->mutex);
	ok = judge(scan, &now, suspicious, err);
	if (!ok)
		ix_writer_abort(&scan->index->writer);
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return ok;
}
