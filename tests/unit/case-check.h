/*
 * Checks what dicomfs makes of a file that a recipe (tests/tools/recipe.h)
 * describes. One "expect" line of the recipe each:
 *
 *   error CODE TEXT       opening the data set fails; TEXT is in the message
 *   layout [WORD...]      all that is true of: preamble meta guessed dicomdir
 *                         unknown-syntax
 *   encoding NAME         of the data set: implicit-le, explicit-le, explicit-be
 *   warning TEXT          what was tolerated. Without this line nothing may be
 *   damage CODE TEXT      the walk over all elements ended early; likewise
 *   fact KEYWORD "TEXT" | none     as in PS3.6; none: absent
 *   image KEY=NUMBER...   fields of struct dc_image, flags as flag=NAME
 *   json LINE             a line of the JSON, without its comma
 *   no-json KEY           no element of this key ("00100010") at depth 0
 *   kinds NAME...         exactly these kinds of file
 *   note CODE TEXT        why a kind that one would expect is missing
 *   png FRAME <hex>       its pixels, grey or RGB, as libpng reads them
 *   png FRAME within N <hex>       the same, each sample up to N off
 *   png FRAME error CODE TEXT      making it fails
 *
 *   chunk FRAME NAME <hex> | some | none    what is in its first chunk of this name
 *
 * CODE is a word of err_code_name(). Further, of every file: the events of the
 * parser are balanced, the JSON is strict JSON, each file that applies can be
 * made and has the promised size, and neither a beginning of the file nor one
 * with a byte changed breaks any of this.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_CASE_CHECK_H
#define TESTS_UNIT_CASE_CHECK_H

#include "tests/tools/recipe.h"

/* Whether the program has what the recipe needs. */
bool case_has_needs(const struct recipe *recipe);

/* False: problem has a message in it, several lines. */
bool case_check(const struct recipe *recipe, struct buf *problem) MUST_CHECK;

/* Only what holds for every file, however broken. */
bool case_survives(struct span file, struct buf *problem) MUST_CHECK;

/* Whether text is one JSON value (RFC 8259), and where not. */
bool case_json_valid(struct span text, size_t *error_at) MUST_CHECK;

#endif
