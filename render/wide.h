/*
 * Pixel cells of more than 16 bits, integers of 32 and 64 bits and those of Float
 * and Double Float Pixel Data (PS3.3 C.7.6.24, C.7.6.25): the stages "stored" to
 * "polarity", value by value in double precision.
 *
 * Integers beyond 53 bits are rounded to these where a window or a LUT is applied
 * to them, but not for their own range. What is not finite is no value: it does
 * not count, and is black (before polarity).
 *
 * Thread rule: pure functions, read-only once made.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_WIDE_H
#define RENDER_WIDE_H

#include "render/cells.h"
#include "render/voi.h"

struct rn_wide {
	uint8_t bytes;    /* of a cell in memory: 4 or 8, in host byte order */
	bool is_float;
	uint8_t up, down; /* value = cell << up >> down, of 64 bits */
	bool is_signed;
	/* Integers count from the key base, so that their differences are exact. */
	bool relative;
	uint64_t base;
};

/* Whether the image has such cells. */
bool rn_is_wide(const struct dc_image *image);

/* decoded: what the codec said. ERR_CORRUPT: Bits Stored and High Bit do not fit
 * Bits Allocated. */
bool rn_wide_init(struct rn_wide *wide, const struct dc_image *image,
		  const struct rn_decoded *decoded, struct err *err) MUST_CHECK;

/* Least and greatest value, grown by those of count cells; those from
 * skip_first to skip_last (none if skip_first > skip_last) do not count. Begin with
 * all zero and what is to be skipped. */
struct rn_wide_range {
	bool found;
	/* Integers: turned so that they compare as unsigned numbers. */
	uint64_t first, last, skip_first, skip_last;
	double float_first, float_last, float_skip_first, float_skip_last;
};
void rn_wide_range(const struct rn_wide *wide, const void *in, size_t count,
		   struct rn_wide_range *range);

/* What a value of the header (padding) is in ranges: cut to Bits Stored. */
uint64_t rn_wide_key_of_value(const struct rn_wide *wide, int64_t value);

/* The transform that maps a range to black and white; integers count from its
 * beginning from now on. */
struct rn_transform rn_wide_min_max(struct rn_wide *wide, const struct rn_wide_range *range,
				    double slope);

/* Least and greatest modality value, grown by those of count cells. Begin with
 * least = INFINITY, greatest = -INFINITY. */
void rn_wide_modality_range(const struct rn_wide *wide, const struct rn_transform *transform,
			    const struct rn_wide_range *skip, const void *in, size_t count,
			    double *least, double *greatest);

/* count cells to grey levels: round(transform(value)), halves up, turned round if
 * invert. */
void rn_wide_row(const struct rn_wide *wide, const struct rn_transform *transform, bool invert,
		 const void *in, size_t count, uint8_t *out);

#endif
