/*
 * What the phases of a scan share. A scan is: the walk, with parsers and the
 * writer beside it; files that have to be filed again; files that are gone.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_SCAN_H
#define INDEX_SCAN_H

#include "index/count.h"
#include "index/internal.h"
#include "index/walk.h"

struct ix_scan {
	struct ix_index *index;
	const struct ix_scan_options *options;
	struct ix_walk *walk;   /* NULL in a refresh */
	struct ix_count *count; /* NULL when nobody asks for progress */
	uint64_t fresh_done;    /* new files that are written */
	uint64_t bytes;         /* of files that were looked at */
	int64_t progress_ns;    /* when it was last told */
	int64_t begun_ns;       /* monotonic */
	/* Files that are others than before on what may be another disk: to be filed when
	 * it is settled that it is not. */
	int64_t *held;
	size_t held_count, held_capacity;
};

/* Commits when the transaction is old or large enough (or always), and tells
 * listeners. No lock is held. */
bool ix_scan_commit(struct ix_scan *scan, bool always, struct err *err) MUST_CHECK;
void ix_scan_progress(struct ix_scan *scan, bool always);
bool ix_scan_stopped(const struct ix_scan *scan);

/* Files a row's file again, whatever is at its path now. */
bool ix_scan_refile(struct ix_scan *scan, struct ix_parser *parser, struct ix_result *result,
		    int64_t file, struct err *err) MUST_CHECK;
/* Everything pending; *found: there was something. */
bool ix_scan_pending(struct ix_scan *scan, bool *found, struct err *err) MUST_CHECK;
/* Everything that the walk noted as gone. */
bool ix_scan_gone(struct ix_scan *scan, struct err *err) MUST_CHECK;
/* Notes a file to be looked at again, and looks at all that were noted. */
bool ix_scan_hold(struct ix_scan *scan, int64_t file, struct err *err) MUST_CHECK;
bool ix_scan_file_held(struct ix_scan *scan, struct err *err) MUST_CHECK;

/* Whether the store is on another disk than the one that was scanned. */
bool ix_scan_is_lost(struct ix_scan *scan, bool *lost, struct err *err) MUST_CHECK;
/* Likewise of a folder around this file, where another disk is mounted. */
bool ix_scan_is_file_lost(struct ix_scan *scan, int64_t file, bool *lost,
			  struct err *err) MUST_CHECK;
/* Sets *suspicious, and a reason, when what is gone may be a lost disk. */
bool ix_scan_suspect(struct ix_scan *scan, bool *suspicious, struct err *err) MUST_CHECK;

#endif
