/*
 * Pictures of recipes: what test programs of the pixel pipeline share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_PICTURE_CHECK_H
#define TESTS_UNIT_PICTURE_CHECK_H

#include "render/picture.h"

#define IMPLICIT "preamble\nmeta 1.2.840.10008.1.2\nobject\nencoding implicit-le\n"
#define LITTLE "preamble\nmeta 1.2.840.10008.1.2.1\nobject\n"
#define BIG "preamble\nmeta 1.2.840.10008.1.2.2\nencoding explicit-be\nobject\n"
#define PIXEL_MODULE(samples, photometric, planar, rows, columns, allocated, stored, high, sign)   \
	"(0028,0002) US " samples "\n(0028,0004) CS \"" photometric "\"\n" planar                   \
	"(0028,0010) US " rows "\n(0028,0011) US " columns "\n(0028,0100) US " allocated            \
	"\n(0028,0101) US " stored "\n(0028,0102) US " high "\n(0028,0103) US " sign "\n"
#define GREY(rows, columns, bits, high)                                                            \
	PIXEL_MODULE("1", "MONOCHROME2", "", rows, columns, bits, bits, high, "0")
#define RGB(planar, rows, columns, bits, high)                                                     \
	PIXEL_MODULE("3", "RGB", "(0028,0006) US " planar "\n", rows, columns, bits, bits, high,    \
		     "0")
#define WINDOW(center, width)                                                                      \
	"(0028,1050) DS \"" center "\"\n(0028,1051) DS \"" width "\"\n"
#define FRAME_WINDOW(center, width)                                                                \
	"item {\n(0028,9132) SQ {\nitem {\n" WINDOW(center, width) "}\n}\n}\n"
#define RESCALE(intercept, slope)                                                                  \
	"(0028,1052) DS \"" intercept "\"\n(0028,1053) DS \"" slope "\"\n"
/* A file of this SOP class. */
#define CLASS(uid) "preamble\nmeta 1.2.840.10008.1.2.1 " uid "\nobject " uid "\n"

struct picture_case {
	const char *name;
	const char *recipe;
	uint32_t frame;
	size_t size; /* 0: rendering fails; expected is the message */
	const char *expected;
};

/* One frame of a file in memory. */
bool picture_render(struct span file, uint32_t frame, const struct rn_options *options,
		    struct buf *out, struct err *err) MUST_CHECK;

/* Prints what is wrong; how many cases are. */
int picture_check(const struct picture_case *cases, size_t count);

#endif
