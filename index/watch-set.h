/*
 * Places of the store that something happened to, each with the time from which on
 * it is to be looked at.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WATCH_SET_H
#define INDEX_WATCH_SET_H

#include "dicom/err.h"

struct ix_watch_place {
	char *path;
	uint64_t hash;
	int64_t first_ns, due_ns; /* monotonic */
};

struct ix_watch_set {
	struct ix_watch_place *places;
	uint32_t *slots;        /* of the hash table: number in places + 1; 0: free */
	size_t count, capacity; /* twice as many slots as capacity */
	int64_t next_ns;        /* nothing is due before; INT64_MAX: nothing at all */
};

/* What is to be done when the place is there already. */
enum ix_watch_when {
	IX_WATCH_BY,    /* not later than due */
	IX_WATCH_AFTER, /* not before due, as long as it has not waited for too long */
	IX_WATCH_ONCE,  /* as it was */
};

void ix_watch_set_init(struct ix_watch_set *set);
void ix_watch_set_release(struct ix_watch_set *set); /* may be used again */

/* False: no memory, or too many. */
bool ix_watch_set_add(struct ix_watch_set *set, const char *path, int64_t now_ns, int64_t due_ns,
		      enum ix_watch_when when) MUST_CHECK;

/* Takes out what is due, sorted by bytes: an array of *count paths, all of them the
 * caller's to free. NULL: nothing is due, or no memory (then it stays). */
char **ix_watch_set_take(struct ix_watch_set *set, int64_t now_ns, size_t *count);
void ix_watch_paths_free(char **paths, size_t count);

#endif
