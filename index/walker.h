/*
 * The walk's own state, for its two ways: through the whole store, and to places
 * that are said to have changed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WALKER_H
#define INDEX_WALKER_H

#include <limits.h>

#include "index/dirty.h"
#include "index/disk.h"
#include "index/index.h"
#include "index/listing.h"
#include "index/walk-rows.h"
#include "index/walk.h"

/* Each level holds a descriptor and its listing. */
#define IX_DEPTH_MAX 200

struct ix_level {
	struct ix_folder *folder;
	struct ix_listing listing;
	size_t next;
	bool known;           /* the index may have rows of it */
	bool complete;        /* all entries were listed: what has a row and no entry is gone */
	bool outside;         /* behind a link that leads out of the store */
	bool partial;         /* only single entries are looked at, nothing was listed */
	bool swapped;         /* another file system than in the last scan begins here ... */
	bool keeps;           /* ... or above: what is missing may be on the other one, and stays */
	uint64_t kept_before; /* walker's count when the level began */
	dev_t device;
	struct ix_walk_rows files, folders;
};

struct ix_walker {
	struct ix_walk *walk;
	struct ix_db db;
	struct ix_level levels[IX_DEPTH_MAX];
	size_t depth;
	unsigned steps;       /* in this snapshot */
	char store[PATH_MAX]; /* real path */
	uint64_t kept;        /* rows that were left although nothing is there */
	/* Folders met behind links, by a hash of device and inode, and the store
	 * itself: none is walked twice. */
	struct ix_dirty_set visited;
	struct ix_walk_row row; /* of a single look, see level.partial */
	struct err *err;
};

/* ---- walk-jobs.c: what goes into the ring, and the rows it follows from ---- */

/* The next job; NULL, or false: the writer gave up, and knows why. */
struct ix_job *ix_walk_put_file(struct ix_walker *w, struct ix_level *level, enum ix_job_type type,
				const char *name, int64_t row);
bool ix_walk_put_record(struct ix_walker *w, struct ix_level *level, const char *name, int64_t row,
			const struct stat *st, enum ix_outcome outcome, const char *code,
			const char *reason) MUST_CHECK;
/* A row has nothing in the store any more, by its type of job. */
bool ix_walk_put_gone(struct ix_walker *w, enum ix_job_type type, int64_t row) MUST_CHECK;
bool ix_walk_out_of_ring(struct ix_walker *w); /* false */
bool ix_walk_path_fits(const struct ix_level *level, const char *name);

/* The row of an entry, NULL when it is new; those before it are gone. name
 * NULL: all that are left are. */
bool ix_walk_match_file(struct ix_walker *w, struct ix_level *level, const char *name,
			struct ix_walk_row **match) MUST_CHECK;
/* Likewise for folders, which sort with their slash. match is a copy; id 0: new. */
bool ix_walk_match_folder(struct ix_walker *w, struct ix_level *level, const char *name,
			  struct ix_walk_row *match) MUST_CHECK;

/* ---- walk.c ------------------------------------------------------------- */

/* Looks at one entry; a folder becomes a level of its own, to be walked. */
bool ix_walk_visit(struct ix_walker *w, struct ix_level *level, const char *name,
		   uint8_t type) MUST_CHECK;
/* False: stop, or an error. */
bool ix_walk_may_go_on(struct ix_walker *w) MUST_CHECK;
/* Walks until only depth levels are left. */
bool ix_walk_down_to(struct ix_walker *w, size_t depth) MUST_CHECK;

/* A level of which single entries are to be looked at. Takes the descriptor
 * over. */
bool ix_walk_push_partial(struct ix_walker *w, int fd, const char *name,
			  const struct ix_walk_row *row) MUST_CHECK;
void ix_walk_pop(struct ix_walker *w);

/* ---- walk-some.c: the places of walk->only ------------------------------ */

bool ix_walk_some(struct ix_walker *w) MUST_CHECK;

#endif
