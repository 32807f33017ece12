/*
 * Rows of one folder in the order of names, a page at a time: the other side
 * of the walk's comparison.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WALK_ROWS_H
#define INDEX_WALK_ROWS_H

#include "index/content.h"
#include "index/db.h"
#include "index/disk.h"
#include "index/schema.h"

/* A page grows to the second size for folders that need more than one. */
#define IX_PAGE_ROWS_FIRST 8
#define IX_PAGE_ROWS 64

struct ix_walk_row {
	int64_t id;
	/* Files only: */
	enum ix_file_state state;
	struct ix_fingerprint print;
	/* Folders only: */
	struct ix_disk disk;
	char name[256];
};

enum ix_walk_sql {
	IX_K_FILES,
	IX_K_FOLDERS,
	IX_K_FILE,
	IX_K_FOLDER,
	/* Of a folder and all below it. */
	IX_K_DISK_BELOW,
	IX_K_FILES_BELOW,
	IX_K_COUNT,
};

struct ix_walk_rows {
	enum ix_walk_sql statement; /* FILES or FOLDERS */
	int64_t folder;
	const char *prefix;       /* of the folder, the owner's */
	struct ix_walk_row *page; /* NULL: nothing read yet */
	size_t capacity, count, at;
	bool last; /* no page behind this one */
};

bool ix_walk_db_open(struct ix_db *db, const char *path, struct err *err) MUST_CHECK;

void ix_walk_rows_init(struct ix_walk_rows *rows, enum ix_walk_sql statement, int64_t folder,
		       const char *prefix);
void ix_walk_rows_release(struct ix_walk_rows *rows);
/* The row at hand, NULL at the end. Must be called before the entries that
 * sort behind the last row of a page are put into the ring: their rows may be
 * written at any time then. */
bool ix_walk_rows_peek(struct ix_walk_rows *rows, struct ix_db *db, struct ix_walk_row **row,
		       struct err *err) MUST_CHECK;
void ix_walk_rows_next(struct ix_walk_rows *rows);

/* The row of one file by name; id 0: there is none. */
bool ix_walk_find_file(struct ix_db *db, int64_t folder, const char *name, struct ix_walk_row *row,
		       struct err *err) MUST_CHECK;
/* Likewise of a folder in another one with this prefix. */
bool ix_walk_find_folder(struct ix_db *db, int64_t parent, const char *prefix, const char *name,
			 struct ix_walk_row *row, struct err *err) MUST_CHECK;

#endif
