/*
 * The one writer of an index: a connection, the transaction in progress, and
 * what it has to finish before it commits.
 *
 * Thread rule: everything here and in the modules that take a struct ix_writer
 * needs the index's mutex. Nothing of them calls back.
 *
 * After a failure the transaction has to be rolled back with ix_writer_abort();
 * then the state in memory is that of the last commit again.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WRITER_H
#define INDEX_WRITER_H

#include "index/db.h"
#include "index/dirty.h"
#include "index/index.h"
#include "index/place.h"
#include "index/schema.h"

struct ix_writer {
	const char *path;     /* of the index, the owner's */
	uint32_t frame_kinds; /* as in struct ix_options */
	struct ix_db db;

	/* The store, for comparing files; of the scan or refresh in progress. */
	int store_fd;
	bool follow;

	/* The transaction. */
	bool open;
	int64_t begun_ns; /* monotonic */
	uint64_t applied; /* results in it */
	bool dirty;       /* something visible changed */
	struct ix_change *changes;
	size_t change_count, change_capacity;
	size_t committed;            /* of the changes; the others are the transaction's */
	struct buf postponed;        /* to be told with the next commit: '+' (soon) or '-', the
				      * path and NUL, of each */
	struct ix_dirty_set nodes;   /* folders and series, by id */
	struct ix_dirty_set claims;  /* by id */
	struct ix_dirty_set studies; /* UIDs (hashes) of which the links have to be looked at */

	/* Rows of table status; unknown: they have to be read again first. */
	bool unknown;
	struct ix_status status;
	uint64_t queued; /* seen by the walk, not yet written */
	int64_t next_id, next_file, next_folder, next_claim;

	int64_t id_limit; /* ids below are reserved in PATH-ids */
	int64_t id_floor; /* ids below may be known, whatever the index has lost */
	struct ix_places places;
};

/* log_frames: what ix_wal_inspect() found. */
bool ix_writer_open(struct ix_writer *w, const char *path, uint32_t frame_kinds,
		    unsigned log_frames, struct err *err) MUST_CHECK;
void ix_writer_close(struct ix_writer *w);

bool ix_writer_begin(struct ix_writer *w, struct err *err) MUST_CHECK;
/* Finishes and commits. No transaction: nothing to do. */
bool ix_writer_commit(struct ix_writer *w, struct err *err) MUST_CHECK;
void ix_writer_abort(struct ix_writer *w);

/* The changes committed so far; the caller frees them. */
struct ix_change *ix_writer_take_changes(struct ix_writer *w, size_t *count);

/* A new row key for a node or an instance. */
bool ix_writer_new_id(struct ix_writer *w, int64_t *id, struct err *err) MUST_CHECK;

/* Notes a change for whoever caches the tree. */
bool ix_writer_change(struct ix_writer *w, enum ix_change_type type, int64_t parent, int64_t id,
		      uint32_t kinds, const char *name, struct err *err) MUST_CHECK;

/* touched: row of a dirty set, "out of memory" when it is NULL. */
struct ix_dirty *ix_writer_touch(struct ix_dirty_set *set, int64_t id, struct err *err) MUST_CHECK;

int64_t ix_now_ns(void); /* real time */
int64_t ix_monotonic_ns(void);

#endif
