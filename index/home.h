/*
 * The place of an index on disk: its folder, the lock, and the number that
 * keeps ids from being handed out twice when the index file is lost.
 *
 * Beside PATH there are PATH-wal and PATH-shm (SQLite's), PATH-sums (see vfs.h),
 * PATH-lock (empty, the writer holds flock on it, never removed), PATH-ids (a
 * number above every id handed out so far, in text), PATH.bad (a damaged index
 * moved aside) and PATH-damaged (a note that it has to be).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_HOME_H
#define INDEX_HOME_H

#include "dicom/err.h"

/* Makes the folder of path if it is missing (0700) and checks that an index may
 * be there: not in the store (a real path; may be NULL), not on a network file
 * system, a folder we may enter. */
bool ix_home_prepare(const char *path, const char *store, struct err *err) MUST_CHECK;

/* Takes the write lock. *fd is -1 without an error when another process has
 * it. The lock lasts until the descriptor is closed. */
bool ix_home_lock(const char *path, int *fd, struct err *err) MUST_CHECK;
/* Whether a process has it, ours included. Takes nothing, not for a moment: who
 * opens the index meanwhile gets the lock. */
bool ix_home_is_locked(const char *path);

/* Makes an empty file of mode 0600 unless there is one; an existing one loses
 * the rights of others. */
bool ix_home_create(const char *path, struct err *err) MUST_CHECK;

/* PATH to PATH.bad, over an older one; the files that belong to it go along. */
bool ix_home_move_aside(const char *path, struct err *err) MUST_CHECK;

/* Removes PATH and the files that belong to it. */
bool ix_home_remove(const char *path, struct err *err) MUST_CHECK;

/* Leaves a note that damage was met deep inside, which opening does not see.
 * False: there is one, or it cannot be left. */
bool ix_home_mark_damaged(const char *path);
/* Whether there is such a note. */
bool ix_home_has_mark(const char *path, bool *marked, struct err *err) MUST_CHECK;
/* Once the index that it is of is gone. */
bool ix_home_drop_mark(const char *path, struct err *err) MUST_CHECK;

/* Ids below the number may have been handed out; 0: nothing known. ERR_IO when
 * there is a number that cannot be read. When writing returns, the number outlives a
 * loss of power. */
bool ix_home_ids_read(const char *path, int64_t *limit, struct err *err) MUST_CHECK;
bool ix_home_ids_write(const char *path, int64_t limit, struct err *err) MUST_CHECK;

#endif
