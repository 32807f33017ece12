/*
 * Recipes: text that says how to build a DICOM file, byte by byte where that
 * matters, and what must come of it. One statement a line; # starts a comment; a
 * line that ends with a backslash goes on in the next one.
 *
 *   preamble ["text"]     128 bytes, beginning with text, and "DICM"
 *   meta UID [CLASS]      the meta group with this Transfer Syntax UID and SOP class
 *   encoding implicit-le | explicit-le | explicit-be    of what follows; explicit-le at first
 *   deflate               what follows is one deflate stream (PS3.5 A.5)
 *   object [UID]          SOP class (Secondary Capture, or UID), SOP UID 2.25.1, Modality OT
 *   patient               Doe^Jane, PAT001
 *   study                 Study and Series UID 2.25.2 and 2.25.3, Series and Instance Number 1
 *   image ROWS COLUMNS BITS    (0028,0002) to (0028,0103) of an unsigned MONOCHROME2 image
 *   (gggg,eeee) VR [FLAG...] VALUE
 *   (gggg,eeee) SQ [FLAG...] {      items, then a line with }
 *   (gggg,eeee) VR fragments [FLAG...] {      lines "item VALUE", then }
 *   item [FLAG...] {      elements, then a line with }
 *   bytes VALUE           as they are
 *   nest N (gggg,eeee) [closed]     N sequences of undefined length, one in the other
 *   needs NAME            a library that the program may be built without, as it
 *                         calls it (rn_codec_libraries()): else it is skipped
 *   truncate SIZE | -SIZE          at the end: the file's size, or what is cut off
 *
 * FLAG: undefined        the length is, and a delimiter follows
 *       open             the delimiter is missing
 *       length=N         the length that is written, true or not
 *       as=XX, as=<hex>  the two bytes that stand where the VR should
 *       implicit, explicit   this header only
 *       odd              no padding to even size
 * VALUE: "text" with \" \\ \n \xHH, <hex bytes>, numbers (in the size and byte
 * order of the VR; single bytes for text and OB), N* in front of any of these
 * to repeat it. Text is UTF-8 in the recipe and goes out as it stands.
 *
 *   expect ...            checked by tests/unit/test-cases.c, which lists them
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_RECIPE_H
#define TESTS_TOOLS_RECIPE_H

#include "dicom/buf.h"

#define RECIPE_MAX_EXPECTATIONS 64

struct recipe_expectation {
	unsigned line;
	struct span text; /* behind "expect ", in the recipe's text */
};

struct recipe {
	struct buf file;
	struct recipe_expectation expectations[RECIPE_MAX_EXPECTATIONS];
	size_t expectation_count;
	struct span needs; /* in the recipe's text; empty: nothing */
};

/* text must outlive the recipe. Errors name the line: "line 7: ...". */
bool recipe_build(struct recipe *recipe, struct span text, struct err *err) MUST_CHECK;
void recipe_release(struct recipe *recipe);
#define CLEANUP_RECIPE CLEANUP(recipe_release)

/* Reads a whole file. */
bool recipe_read_file(const char *path, struct buf *out, struct err *err) MUST_CHECK;

#endif
