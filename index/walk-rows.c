/* SPDX-License-Identifier: MIT */
#include "index/walk-rows.h"

#define BELOW                                                                                      \
	"WITH RECURSIVE below(id) AS (VALUES(?) UNION ALL SELECT c.id FROM below"                  \
	" JOIN folder c ON c.parent = below.id) "

bool ix_walk_db_open(struct ix_db *db, const char *path, struct err *err)
{
	static const char *const sql_table[IX_K_COUNT] = {
		[IX_K_FILES] = "SELECT id, name, state, size, inode, mtime, ctime FROM file"
			       " WHERE folder = ? AND name > ? ORDER BY name LIMIT ?",
		[IX_K_FOLDERS] =
			"SELECT id, prefix, disk FROM folder WHERE parent = ? AND prefix > ?"
			" ORDER BY prefix LIMIT ?",
		[IX_K_FILE] = "SELECT id, name, state, size, inode, mtime, ctime FROM file"
			      " WHERE folder = ? AND name = ?",
		[IX_K_FOLDER] =
			"SELECT id, prefix, disk FROM folder WHERE parent = ? AND prefix = ?",
		[IX_K_DISK_BELOW] = BELOW "SELECT 1 FROM below JOIN folder d ON d.id = below.id"
					  " WHERE d.disk <> '' AND d.disk NOT LIKE ? LIMIT 1",
		[IX_K_FILES_BELOW] = BELOW "SELECT count(*) FROM below JOIN file f"
					   " ON f.folder = below.id",
	};

	return ix_db_open(db, path, IX_DB_READ, err) &&
	       ix_db_exec(db, "PRAGMA cache_size = -1024; PRAGMA mmap_size = 0", err) &&
	       ix_db_prepare(db, sql_table, IX_K_COUNT, err);
}

void ix_walk_rows_init(struct ix_walk_rows *rows, enum ix_walk_sql statement, int64_t folder,
		       const char *prefix)
{
	memset(rows, 0, sizeof(*rows));
	rows->statement = statement;
	rows->folder = folder;
	rows->prefix = prefix;
}

void ix_walk_rows_release(struct ix_walk_rows *rows)
{
	free(rows->page);
	rows->page = NULL;
}

static void copy_name(struct ix_walk_row *row, struct span name)
{
	name.size = MIN_OF(name.size, sizeof(row->name) - 1);
	if (name.size > 0)
		memcpy(row->name, name.data, name.size);
	row->name[name.size] = '\0';
}

static void read_file_row(sqlite3_stmt *from, struct ix_walk_row *row)
{
	row->id = ix_db_int(from, 0);
	copy_name(row, ix_db_blob(from, 1));
	row->state = (enum ix_file_state)ix_db_int(from, 2);
	row->print.size = (uint64_t)ix_db_int(from, 3);
	row->print.inode = (uint64_t)ix_db_int(from, 4);
	row->print.mtime_ns = ix_db_int(from, 5);
	row->print.ctime_ns = ix_db_int(from, 6);
}

static void read_folder_row(sqlite3_stmt *from, size_t prefix, struct ix_walk_row *row)
{
	struct span path = ix_db_blob(from, 1);

	row->id = ix_db_int(from, 0);
	(void)snprintf(row->disk.text, sizeof(row->disk.text), "%s", ix_db_text(from, 2));
	/* Without the folder's own prefix and the slash. */
	if (path.size > prefix)
		copy_name(row, span_of(path.data + prefix, path.size - prefix - 1));
	else
		row->name[0] = '\0';
}

static void read_row(const struct ix_walk_rows *rows, sqlite3_stmt *from, struct ix_walk_row *row)
{
	if (rows->statement == IX_K_FILES)
		read_file_row(from, row);
	else
		read_folder_row(from, strlen(rows->prefix), row);
}

/* Rows behind the name: bytes of a file name, or the prefix of a folder. */
static bool read_page(struct ix_walk_rows *rows, struct ix_db *db, struct span behind,
		      struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(db, rows->statement, "ibi", rows->folder, &behind,
				       (int64_t)rows->capacity);
	enum ix_step step;

	rows->count = rows->at = 0;
	while ((step = ix_db_step(db, rows->statement, err)) == IX_STEP_ROW) {
		if (rows->count < rows->capacity)
			read_row(rows, row, &rows->page[rows->count++]);
	}
	rows->last = rows->count < rows->capacity;
	return step == IX_STEP_DONE;
}

static bool grow_page(struct ix_walk_rows *rows, struct err *err)
{
	size_t capacity = rows->page == NULL ? IX_PAGE_ROWS_FIRST : IX_PAGE_ROWS;
	struct ix_walk_row *page;

	if (capacity == rows->capacity)
		return true;
	page = realloc(rows->page, capacity * sizeof(*page));
	if (page == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	rows->page = page;
	rows->capacity = capacity;
	return true;
}

bool ix_walk_rows_peek(struct ix_walk_rows *rows, struct ix_db *db, struct ix_walk_row **row,
		       struct err *err)
{
	struct buf behind CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	*row = NULL;
	if (rows->at == rows->count && !rows->last) {
		if (rows->statement == IX_K_FOLDERS)
			buf_append_text(&behind, rows->prefix);
		if (rows->page != NULL) {
			buf_append_text(&behind, rows->page[rows->count - 1].name);
			if (rows->statement == IX_K_FOLDERS)
				buf_append_byte(&behind, '/');
		}
		(void)buf_text(&behind);
		if (!buf_ok(&behind, err) || !grow_page(rows, err) ||
		    !read_page(rows, db, buf_span(&behind), err))
			return false;
	}
	if (rows->at < rows->count)
		*row = &rows->page[rows->at];
	return true;
}

void ix_walk_rows_next(struct ix_walk_rows *rows)
{
	rows->at++;
}

bool ix_walk_find_file(struct ix_db *db, int64_t folder, const char *name, struct ix_walk_row *row,
		       struct err *err)
{
	struct span bytes = span_of_text(name);
	enum ix_step step = ix_db_first(db, IX_K_FILE, err, "ib", folder, &bytes);

	row->id = 0;
	if (step == IX_STEP_ROW) {
		read_file_row(db->statements[IX_K_FILE], row);
		ix_db_reset(db, IX_K_FILE);
	}
	return step != IX_STEP_FAILED;
}

bool ix_walk_find_folder(struct ix_db *db, int64_t parent, const char *prefix, const char *name,
			 struct ix_walk_row *row, struct err *err)
{
	struct buf path CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct span bytes;
	enum ix_step step;

	row->id = 0;
	row->disk.text[0] = '\0';
	buf_append_text(&path, prefix);
	buf_append_text(&path, name);
	buf_append_byte(&path, '/');
	bytes = buf_span(&path);
	if (!buf_ok(&path, err))
		return false;
	step = ix_db_first(db, IX_K_FOLDER, err, "ib", parent, &bytes);
	if (step == IX_STEP_ROW) {
		read_folder_row(db->statements[IX_K_FOLDER], strlen(prefix), row);
		ix_db_reset(db, IX_K_FOLDER);
	}
	return step != IX_STEP_FAILED;
}
