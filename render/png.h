/*
 * PNG (ISO/IEC 15948) with stored deflate blocks: the size of a file is
 * arithmetic, and writing one costs a copy and two checksums.
 *
 * Layout, version RN_PNG_LAYOUT; the size of every .png depends on it:
 *
 *   signature                                   8 bytes
 *   IHDR    8 bits a channel, grey or RGB,      25
 *           not interlaced
 *   [iCCP]  only with a profile                 12, and its data
 *   [pHYs]  only with an aspect; unit unknown   21
 *   IDAT    one or more                         12 each, and their data
 *   IEND                                        12
 *
 * The image data is height rows of one filter byte, always 0, and width x
 * channels bytes. It is cut into stored blocks (RFC 1951 3.2.4) of
 * RN_PNG_BLOCK bytes, 5 more each, the last one shorter. An IDAT holds
 * RN_PNG_BLOCKS_PER_CHUNK whole blocks, the last one fewer; the first one also
 * the 2 bytes of the zlib header, the last one the 4 of the Adler-32.
 *
 * The profile is called "ICC profile"; behind that name and 2 bytes of 0 it is a
 * zlib stream of stored blocks of RN_PNG_BLOCK bytes too, the last one shorter.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PNG_H
#define RENDER_PNG_H

#include "dicom/buf.h"

#define RN_PNG_LAYOUT 2
#define RN_PNG_BLOCK 65535
#define RN_PNG_BLOCKS_PER_CHUNK 8

struct rn_png_geometry {
	uint32_t width, height; /* 1 to 2^31 - 1 */
	uint8_t channels;       /* 1 grey, 3 RGB */
	/* Of one pixel, in any unit (pHYs); both 0: square, no chunk. */
	uint32_t pixel_width, pixel_height;
	uint32_t profile_size; /* bytes of an ICC profile of the same colours; 0: none */
};

/* Bytes of the file. ERR_CORRUPT: not a geometry that PNG can have;
 * ERR_LIMIT: more than 2^63 bytes. Arithmetic only. */
bool rn_png_size(const struct rn_png_geometry *geometry, uint64_t *size,
		 struct err *err) MUST_CHECK;

/* Writes a file front to back into memory that is taken once, at the start. */
struct rn_png {
	/* Private. */
	size_t row_size;   /* filter byte included */
	uint64_t raw_left; /* image data that has no block yet, current row included */
	uint8_t *at;       /* where the next byte goes */
	uint8_t *chunk;    /* start of the current IDAT */
	uint8_t *payload;  /* of the current block */
	size_t block_left; /* bytes that the current block still takes */
	unsigned blocks;   /* in the current IDAT, the current one included */
	uint32_t adler;
	uint8_t *bounce; /* a row that does not fit into its block in one piece */
	bool bounced;
};

/* Appends exactly rn_png_size bytes to out, undefined until rn_png_end. They
 * must not move meanwhile: leave out alone. If the room was reserved before,
 * nothing is allocated but, where rows are cut by blocks, one row. profile:
 * geometry->profile_size bytes, used at once; NULL if that is 0. */
bool rn_png_begin(struct rn_png *png, const struct rn_png_geometry *geometry,
		  const uint8_t *profile, struct buf *out, struct err *err) MUST_CHECK;
/* Where to write the width x channels bytes of the next row. */
uint8_t *rn_png_row(struct rn_png *png);
/* The row that rn_png_row gave is written. */
void rn_png_row_done(struct rn_png *png);
/* After all rows. */
void rn_png_end(struct rn_png *png);
void rn_png_release(struct rn_png *png);
#define CLEANUP_PNG CLEANUP(rn_png_release)

#endif
