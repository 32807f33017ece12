/*
 * What an index shows, as sorted lines that can be compared: for tests that let
 * things fail.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_FAULT_VIEW_H
#define TESTS_UNIT_FAULT_VIEW_H

#include "tests/unit/index-store.h"

struct lines {
	char **at;
	size_t count;
};
void lines_add(struct lines *lines, const char *line);
void lines_sort(struct lines *lines);
bool lines_has(const struct lines *lines, const char *line); /* sorted */
/* The first line that begins with the text and a tab; NULL. */
const char *lines_find(const struct lines *lines, const char *text);
bool lines_equal(const struct lines *a, const struct lines *b);
void lines_print_differences(const struct lines *now, const struct lines *right);
void lines_free(struct lines *lines);

struct view {
	struct lines entries; /* of the tree, with all that a rebuild gives again */
	struct lines names;   /* likewise, only what does not depend on neighbours */
	struct lines files;   /* "path<TAB>state<TAB>problems" a row */
	struct ix_counts counts;
	enum ix_scan_state state;
	int64_t next_id;
};

/* The tree alone; false with err when it cannot be read. Allocates through our
 * own functions. */
bool view_entries(struct ix_reader *reader, struct lines *entries, struct lines *names,
		  struct err *err) MUST_CHECK;
/* All; the test fails when it cannot be read, or when the numbers do not add
 * up. */
void view_read(struct view *view, struct ix_reader *reader, const char *index_path);
void view_free(struct view *view);
bool view_equal(const struct view *a, const struct view *b);
void view_print_differences(const struct view *now, const struct view *right);

#endif
