/*
 * The loops of cells.c for one cell type: CELL and NAME() are defined around
 * each inclusion.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CELLS_LOOPS_H
#define RENDER_CELLS_LOOPS_H

struct key_range {
	uint16_t first, last;
	uint16_t skip_first, skip_last;
	bool found;
};

#define KEY(cell) ((uint16_t)(((uint16_t)((cell)*multiplier) & mask) ^ flip_sign))

#endif

/* One vector's worth each. Functions of their own, so that the compiler knows
 * that in and out are not the same memory; the rest of a row is padded to a
 * whole block and so rounds the same way. */
static inline RN_INLINE void NAME(range_block)(const struct rn_cells *cells,
					       const struct key_range *range,
					       const CELL *restrict cell,
					       uint16_t *restrict first, uint16_t *restrict last)
{
	const uint16_t multiplier = cells->multiplier, mask = cells->mask, flip_sign = cells->flip;
	const uint16_t skip_first = range->skip_first, skip_last = range->skip_last;

	for (int i = 0; i < RN_LANES; i++) {
		uint16_t key = KEY(cell[i]);
		bool skipped = (key >= skip_first) & (key <= skip_last);
		uint16_t skip = skipped ? UINT16_MAX : 0;
		uint16_t low = key | skip, high = (uint16_t)(key & ~skip);

		first[i] = low < first[i] ? low : first[i];
		last[i] = high > last[i] ? high : last[i];
	}
}

RN_KERNEL
static void NAME(range)(const struct rn_cells *cells, const void *in, size_t count,
			struct key_range *range)
{
	const CELL *cell = in;
	CELL rest[RN_LANES];
	uint16_t first[RN_LANES], last[RN_LANES];

	if (count == 0)
		return;
	for (int i = 0; i < RN_LANES; i++) {
		first[i] = UINT16_MAX;
		last[i] = 0;
	}
	for (; count >= RN_LANES; count -= RN_LANES, cell += RN_LANES)
		NAME(range_block)(cells, range, cell, first, last);
	if (count > 0) {
		for (size_t i = 0; i < RN_LANES; i++)
			rest[i] = cell[i < count ? i : 0];
		NAME(range_block)(cells, range, rest, first, last);
	}
	for (int i = 0; i < RN_LANES; i++) {
		range->first = MIN_OF(range->first, first[i]);
		range->last = MAX_OF(range->last, last[i]);
	}
	/* Nothing but skipped ones leaves the crossed pair of the start. */
	range->found = range->first <= range->last;
}

static inline RN_INLINE void NAME(line_block)(const struct rn_cells *cells,
					      const struct rn_cells_line *line,
					      const CELL *restrict cell, uint8_t *restrict out)
{
	const uint16_t multiplier = cells->multiplier, mask = cells->mask, flip_sign = cells->flip;
	const uint16_t low = line->low, high = line->high;
	const float scale = line->scale, offset = line->offset;
	const uint8_t flip = line->flip;

	for (int i = 0; i < RN_LANES; i++) {
		uint16_t key = KEY(cell[i]);
		float sum;
		int16_t grey;

		key = key < low ? low : key;
		key = key > high ? high : key;
		sum = (float)(int32_t)(uint16_t)(key - low) * scale + offset;
		grey = (int16_t)(int32_t)sum;
		grey = grey > 0 ? grey : 0;
		grey = grey < 255 ? grey : 255;
		out[i] = (uint8_t)((uint8_t)grey ^ flip);
	}
}

RN_KERNEL
static void NAME(line)(const struct rn_cells *cells, const struct rn_cells_line *line,
		       const void *in, size_t count, uint8_t *out)
{
	const CELL *cell = in;
	CELL rest[RN_LANES];
	uint8_t rest_out[RN_LANES];

	for (; count >= RN_LANES; count -= RN_LANES, cell += RN_LANES, out += RN_LANES)
		NAME(line_block)(cells, line, cell, out);
	if (count > 0) {
		for (size_t i = 0; i < RN_LANES; i++)
			rest[i] = cell[i < count ? i : 0];
		NAME(line_block)(cells, line, rest, rest_out);
		memcpy(out, rest_out, count);
	}
}

static void NAME(table)(const struct rn_cells *cells, const uint8_t *restrict table,
			const void *in, size_t count, uint8_t *restrict out)
{
	const uint16_t multiplier = cells->multiplier, mask = cells->mask, flip_sign = cells->flip;
	const uint8_t down = cells->down;
	const CELL *cell = in;

	for (size_t i = 0; i < count; i++)
		out[i] = table[KEY(cell[i]) >> down];
}
