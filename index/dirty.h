/*
 * What a transaction still has to do to rows it touched, gathered by row key so
 * that each is written once at its end.
 *
 * Taken out in descending order of keys: a child is made after its parent and
 * has the higher key, so children are done before their parents, and may add
 * to them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_DIRTY_H
#define INDEX_DIRTY_H

#include "dicom/err.h"

struct ix_dirty {
	int64_t id;
	int64_t add;          /* instances of a series, entries of a claim */
	int64_t subfolders;   /* change of the number */
	int64_t multiframe;   /* likewise */
	int64_t mtime, ctime; /* at least these */
	uint32_t kinds;       /* bits to add */
	bool recompute;       /* something was removed: maxima have to be found again */
};

struct ix_dirty_set {
	struct ix_dirty *entries; /* by slot of the hash table */
	bool *used;
	size_t capacity, count; /* capacity is a power of two or 0 */
	int64_t *heap;
	size_t heap_capacity;
};

void ix_dirty_release(struct ix_dirty_set *set);
void ix_dirty_clear(struct ix_dirty_set *set);

/* The entry of a key, made when missing. Valid until the next call. NULL: no
 * memory. */
struct ix_dirty *ix_dirty_touch(struct ix_dirty_set *set, int64_t id);

bool ix_dirty_has(const struct ix_dirty_set *set, int64_t id);

/* Takes out the entry with the highest key; false when there is none. */
bool ix_dirty_take(struct ix_dirty_set *set, struct ix_dirty *entry) MUST_CHECK;

#endif
