/*
 * Stage "overlay" of the pixel pipeline (PS3.3 C.9.2): the overlay planes of
 * an image, groups 6000 to 601E, burned into its pictures in white, as some
 * scanner pages exist only there. A plane is a bitmap of its own (60xx,3000)
 * or, in old images, a bit of every cell that Bits Stored leaves over.
 *
 * Thread rule: one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_OVERLAY_H
#define RENDER_OVERLAY_H

#include "dicom/image.h"
#include "dicom/parser.h"

#define RN_OVERLAYS_MAX 16

struct rn_overlay {
	int64_t rows, columns;
	int64_t origin_row, origin_column; /* 1, 1: the upper left pixel */
	int64_t frames;       /* 0: not given, the plane is for every frame */
	int64_t frame_origin; /* from 1 */
	int64_t bits_allocated, bit_position;
	uint8_t *bits; /* of the one frame, least significant bit first */
	size_t size;   /* bytes in bits */
	uint8_t shift; /* of the first pixel in bits[0] */
	bool present;
};

struct rn_overlays {
	struct rn_overlay plane[RN_OVERLAYS_MAX];
};

void rn_overlays_release(struct rn_overlays *overlays);

/* The current depth-0 element of the parser, of any group: takes what belongs
 * to an overlay of this frame (from 0). Errors: of the parser, NOMEM. */
bool rn_overlays_take(struct rn_overlays *overlays, struct dc_parser *parser, uint32_t frame,
		      struct err *err) MUST_CHECK;

/* Forgets planes that cannot be drawn on this image; true when some are left. */
bool rn_overlays_finish(struct rn_overlays *overlays, const struct dc_image *image,
			uint32_t frame);

/* Cells come from a codestream of this precision: planes in bits that it does not
 * have, or has only about, are forgotten. */
void rn_overlays_limit(struct rn_overlays *overlays, bool lossy, unsigned precision);

/* Draws into one row of a picture of channels bytes a pixel; cells are the
 * row's cells (8 or 16 bits allocated, one sample). */
void rn_overlays_row(const struct rn_overlays *overlays, const struct dc_image *image, uint32_t row,
		     const void *cells, unsigned channels, uint8_t *out);

#endif
