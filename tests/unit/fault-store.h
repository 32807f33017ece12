/*
 * A store with something of everything, before and after it changed, and what an
 * index has to show of it: what scans with faults are compared with.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_FAULT_STORE_H
#define TESTS_UNIT_FAULT_STORE_H

#include "tests/unit/fault-view.h"

struct fault_store {
	struct store store; /* as it is after the change */
	char before[160];   /* an index of what was before it */
	char after[160];    /* one that is up to date */
	struct view view_before, view_after;
	/* Names that a true tree has: of all files, or without one of them. */
	struct lines names;
};

void fault_store_make(struct fault_store *fs);
void fault_store_remove(struct fault_store *fs);

/* Puts a copy of an index in the place of the store's. */
enum fault_start {
	FAULT_START_NEW, /* there is none; from is not looked at */
	FAULT_START_INDEX,
	FAULT_START_LOST,   /* only the number of ids is left of it */
	FAULT_START_MARKED, /* damage was met when it was used */
};
void fault_store_restore(struct fault_store *fs, enum fault_start start, const char *from);

/* What is shown is true, and the numbers add up. */
bool fault_store_is_true(const struct fault_store *fs, const struct view *now);
/* After a scan that says it is complete: each file is in the tree as it is
 * without a fault, or has a line that says why not. */
bool fault_store_is_accounted(const struct fault_store *fs, const struct view *now);

#endif
