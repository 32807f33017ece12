/*
 * Stage "stored" of the pixel pipeline: pixel cells to stored values (PS3.5
 * 8.1.1), and the loops that run over every pixel.
 *
 * A cell is Bits Allocated wide; its value is the Bits Stored bits that end at
 * High Bit, the others are undefined and never looked at. Loops use keys: the
 * value moved to the top of 16 bits, zeros below, with its sign turned round
 * so that keys compare as unsigned numbers in the order of the values. The
 * index of a value is its key >> down: 0 for the least value that fits.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CELLS_H
#define RENDER_CELLS_H

#include "render/render.h"

struct rn_cells {
	uint8_t bytes; /* of a cell in memory: 1 or 2, in host byte order */
	uint16_t multiplier, mask, flip; /* key = (cell * multiplier & mask) ^ flip */
	uint8_t down;
	uint8_t bits;  /* Bits Stored */
	int32_t first; /* value = index + first */
};

/* decoded: what the codec said, or all zero. ERR_CORRUPT: Bits Stored and High
 * Bit do not fit Bits Allocated; ERR_UNSUPPORTED: Bits Allocated is not 1 to 16
 * (see wide.h). */
bool rn_cells_init(struct rn_cells *cells, const struct dc_image *image,
		   const struct rn_decoded *decoded, struct err *err) MUST_CHECK;

/* Whether samples are numbers of at most Bits Stored bits once they are settled,
 * and High Bit, which may say otherwise, is for the cells that were compressed. */
bool rn_cells_right_aligned(const struct dc_image *image, const struct rn_decoded *decoded);

/* Makes samples of a codestream cells of the header, in place, so that
 * rn_cells_init() or rn_wide_init() describe them: what lossy compression moved
 * out of the range of Bits Stored goes back to its end, and numbers of fewer bits
 * than Bits Stored get their sign. Costs nothing where the codestream has Bits
 * Stored bits. ERR_CORRUPT: more bits than the cells have. */
bool rn_cells_settle(const struct dc_image *image, const struct rn_decoded *decoded, void *samples,
		     size_t count, struct err *err) MUST_CHECK;

static inline uint16_t rn_cell_key(const struct rn_cells *cells, uint16_t cell)
{
	return (uint16_t)(((uint32_t)cell * cells->multiplier & cells->mask) ^ cells->flip);
}

static inline uint32_t rn_cell_index(const struct rn_cells *cells, uint16_t cell)
{
	return (uint32_t)(rn_cell_key(cells, cell) >> cells->down);
}

/* How many different indices there are: 2 to the power of Bits Stored. */
static inline uint32_t rn_cells_count(const struct rn_cells *cells)
{
	return (uint32_t)1 << cells->bits;
}

/* The cell that has this index and zeros everywhere else. */
uint16_t rn_cell_of_index(const struct rn_cells *cells, uint32_t index);

/* The index of a value from the header (pixel padding), cut to Bits Stored as
 * the cells are. */
uint32_t rn_cell_index_of_value(const struct rn_cells *cells, int32_t value);

/* Least and greatest index, grown by those of count cells; those from
 * skip_first to skip_last (none if skip_first > skip_last) do not count.
 * Begin with first = UINT32_MAX, last = 0: still so if nothing counted. */
struct rn_cells_range {
	uint32_t first, last;
	uint32_t skip_first, skip_last;
};
void rn_cells_range(const struct rn_cells *cells, const void *in, size_t count,
		    struct rn_cells_range *range);

/* seen[index] = 1, for rn_cells_count indices. */
void rn_cells_seen(const struct rn_cells *cells, const void *in, size_t count, uint8_t *seen);

/* out = clamp(trunc((clamp(key, low, high) - low) * scale + offset), 0, 255) ^ flip */
struct rn_cells_line {
	uint16_t low, high; /* keys */
	float scale, offset;
	uint8_t flip;
};
/* Slopes up to this keep the sum in 16 bits. */
#define RN_CELLS_LINE_STEP_MAX 16000.0f
void rn_cells_line(const struct rn_cells *cells, const struct rn_cells_line *line, const void *in,
		   size_t count, uint8_t *out);

/* out = table[index] */
void rn_cells_table(const struct rn_cells *cells, const uint8_t *table, const void *in,
		    size_t count, uint8_t *out);

#endif
