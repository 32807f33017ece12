/*
 * What the files of the facts reader share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_FACTS_PRIVATE_H
#define DICOM_FACTS_PRIVATE_H

#include "dicom/facts.h"

/* Values of facts are names, codes and numbers; a longer one is never read
 * whole from a hostile file. */
#define DC_FACT_SIZE_MAX ((uint64_t)64 * 1024)

/* The pixel description while it is being read. */
struct dc_image_reading {
	struct dc_image *image;
	uint64_t seen; /* attributes met, a bit each: the first of duplicates counts */
	/* Window and rescale need both of their halves. */
	bool center, width, intercept, slope;
	bool coloured;       /* Pixel Presentation COLOR or MIXED */
	uint8_t aspect_rank; /* of what the aspect was taken from; 0: nothing yet */
	/* Palettes of red, green, blue: a bit for each that has a descriptor and for
	 * each that has data. */
	uint8_t palette_descriptors, palette_data;
	/* The first (0028,2000) of the data set, else of Optical Path Sequence. */
	uint64_t icc_offset, icc_length;
	uint32_t optical_paths; /* items, if the profile may be theirs */
};

/* Takes the parser's current element, at depth 0, if it is an attribute of the
 * pixel description (*taken). */
bool dc_image_reading_take(struct dc_image_reading *reading, struct dc_parser *parser,
			   bool *taken, struct err *err) MUST_CHECK;
/* After the last element: what needs several of them. */
void dc_image_reading_finish(struct dc_image_reading *reading, struct dc_source *source);

#endif
