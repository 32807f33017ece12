/*
 * Lookup tables of grey pixels (PS3.3 C.11.1.1.1, C.11.2.1.1): items of Modality
 * LUT Sequence and VOI LUT Sequence. What writers get wrong is read as the file
 * must mean it: entries that are fewer than declared, two to a word or not, more
 * or fewer bits than declared.
 *
 * Thread rule: read-only once read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_LUT_H
#define RENDER_LUT_H

#include "dicom/parser.h"

struct rn_lut {
	uint32_t count; /* 1 to 65536; 0: there is no LUT */
	int32_t first;  /* input of the first entry: as 16 unsigned bits at first */
	uint16_t top;   /* what is white in its output */
	uint16_t *entries;
};

/* The parser is at the SEQUENCE event; it is read to its end. lut is all zero
 * before, and stays so if no item is of use; else it is that of the first one
 * that is. Errors: of the parser, NOMEM. */
bool rn_lut_read(struct rn_lut *lut, struct dc_parser *parser, struct err *err) MUST_CHECK;
void rn_lut_release(struct rn_lut *lut);

/* The first input is a two's complement number of 16 bits. */
void rn_lut_first_is_signed(struct rn_lut *lut);

/* Inputs before the first and behind the last entry have these; NaN has the
 * first. Inputs between two integers have the nearer one's, halves up. */
static inline uint16_t rn_lut_entry(const struct rn_lut *lut, double input)
{
	double index = input - lut->first + 0.5;

	if (!(index >= 1))
		return lut->entries[0];
	return lut->entries[index < lut->count ? (uint32_t)index : lut->count - 1];
}

#endif
