/*
 * The words and values of a recipe's line.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_RECIPE_SCAN_H
#define TESTS_TOOLS_RECIPE_SCAN_H

#include "tests/tools/dicom-write.h"

struct scanner {
	const char *at, *end; /* what is left of the line */
};

/* All return false, with err set, when the line has something else here. */

/* Moves over blanks; true when nothing but a comment is left. */
bool scan_at_end(struct scanner *scanner);
/* The next word, up to a blank. Empty at the end of the line. */
struct span scan_word(struct scanner *scanner);
/* The next word if it is this one; else nothing moves. */
bool scan_this(struct scanner *scanner, const char *word);
/* The next word if it begins with prefix: what is behind it. */
bool scan_prefixed(struct scanner *scanner, const char *prefix, struct span *rest);
bool scan_tag(struct scanner *scanner, uint32_t *tag, struct err *err) MUST_CHECK;
bool scan_integer(struct span word, int64_t *number) MUST_CHECK;
bool scan_next_integer(struct scanner *scanner, int64_t *number, struct err *err) MUST_CHECK;
/* The rest of the line as the value of a VR, in the writer's byte order, into
 * out; not padded. */
bool scan_value(struct scanner *scanner, const char *vr, const struct dw_writer *writer,
		struct buf *out, struct err *err) MUST_CHECK;

#endif
