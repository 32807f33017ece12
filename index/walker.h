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
	bool known;    /* the index may have rows of it */
	bool complete; /* all entries were listed: what has a row and no entry is gone */
	bool outside;  /* behind a link that leads out of the store */
	bool partial;  /* only single entries are looked at, nothing was listed */
	bool swapped;  /* another file system than in the last scan begins here ... */
	bool keeps;    /* ... or above: what is missing may be on the other one, and is held */
	enum ix_disk_change change;
	/* Files with a row, here and below: what is there as it was, and what is missing,
	 * another one, or not to be seen. Not those of a swapped level below. */
	uint64_t matched, lost;
	size_t held_before; /* walker's count when the level began */
	dev_t device;
	struct ix_walk_rows files, folders;
};

/* A job that is put when it is settled that the disk is the same. */
struct ix_held {
	enum ix_job_type type;
	int64_t row;
};

struct ix_walker {
	struct ix_walk *walk;
	struct ix_db db;
	struct ix_level levels[IX_DEPTH_MAX];
	size_t depth;
	unsigned steps;       /* in this snapshot */
	char store[PATH_MAX]; /* real path */
	struct ix_held *held;
	size_t held_count, held_capacity;
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
/* A row has nothing in the store any more, or something else (HELD), by its type of
 * job. */
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

/* ---- walk-disk.c: disks inside the store -------------------------------- */

/* Which disk begins at a new level, and whether it is the one that began there
 * before. */
void ix_walk_look_at_disk(struct ix_walker *w, struct ix_level *level,
			  const struct ix_walk_row *row, bool link);
/* The end of a swapped level. */
bool ix_walk_settle_disk(struct ix_walker *w) MUST_CHECK;

/* Whether another disk began at a folder with this row, or below it; with_link: also
 * behind a link. */
bool ix_walk_has_disk(struct ix_walker *w, const struct ix_walk_row *folder, bool with_link,
		      bool *has) MUST_CHECK;
/* Whether a folder that is not there any more stays in the index, as it had a disk. */
bool ix_walk_keeps_disk(struct ix_walker *w, const struct ix_level *level,
			const struct ix_walk_row *folder, bool *keeps) MUST_CHECK;
/* The line that says so. */
bool ix_walk_refuse_disk(struct ix_walker *w, struct ix_level *level, const char *name) MUST_CHECK;

/* Whether an entry of the tree stays what it is, although its file is another one,
 * until it is settled whether the disk is. */
bool ix_walk_leaves(const struct ix_walker *w, const struct ix_level *level,
		    const struct ix_walk_row *row);
bool ix_walk_hold(struct ix_walker *w, struct ix_level *level, enum ix_job_type type,
		  int64_t row) MUST_CHECK;
/* Puts what is held behind the first so many. */
bool ix_walk_put_held(struct ix_walker *w, size_t from) MUST_CHECK;

/* ---- walk.c ------------------------------------------------------------- */

/* A folder that cannot be gone into has a line among the files of the one
 * around it; what the index knows below it stays. */
bool ix_walk_refuse_folder(struct ix_walker *w, struct ix_level *level, const char *name,
			   enum ix_outcome outcome, const char *code,
			   const char *reason) MUST_CHECK;
/* It may have been refused in an earlier scan, or have been a file. */
bool ix_walk_accept_folder(struct ix_walker *w, struct ix_level *level,
			   const char *name) MUST_CHECK;

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
