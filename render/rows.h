/*
 * Rows of cells of one frame, from its source: a strip at a time where the
 * codec can, so that a large picture costs no more memory than a small one;
 * else the whole frame, decoded once.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_ROWS_H
#define RENDER_ROWS_H

#include "dicom/frames.h"
#include "render/render.h"

/* Bytes of a strip, if rows are not larger. */
#define RN_ROWS_STRIP ((size_t)96 * 1024)

struct rn_rows {
	/* Private. */
	const struct rn_request *request;
	const struct rn_codec *codec;
	struct dc_frame frame; /* native */
	struct rn_decoded decoded; /* final after rn_rows_init() */
	size_t row_size; /* bytes of decoded cells */
	uint32_t strip_rows;
	uint32_t first, count; /* rows in cells */
	uint8_t *cells;
	uint8_t *input; /* what the codec reads, where it cannot work in place */
	bool in_place;
	/* Native: as stored, a row of each of planes (1 if pixels are not apart). */
	uint64_t row_bits;
	uint32_t planes;
	/* Cells that are not 16 bits in big-endian 16-bit words: their bytes are to
	 * be swapped two by two, and are then little endian. */
	bool pairs;
};

/* Locates the frame and takes memory; decodes it if it is encapsulated. The
 * image must have been found renderable (rn_picture_supported). */
bool rn_rows_init(struct rn_rows *rows, const struct rn_request *request,
		  struct err *err) MUST_CHECK;
void rn_rows_release(struct rn_rows *rows);

/* The cells of a row: columns x samples, interleaved, host byte order; valid
 * until the next call. Cheap when rows are asked for in ascending order.
 * Errors: of the source and the codec; INTERRUPTED. */
bool rn_rows_get(struct rn_rows *rows, uint32_t row, const void **cells,
		 struct err *err) MUST_CHECK;

#endif
