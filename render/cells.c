/* SPDX-License-Identifier: MIT */
#include "render/cells.h"

#include "render/simd.h"

bool rn_cells_init(struct rn_cells *cells, const struct dc_image *image, struct err *err)
{
	unsigned allocated = image->bits_allocated, stored = image->bits_stored;
	unsigned high = image->high_bit;

	if (allocated != 8 && allocated != 16)
		return err_set(err, ERR_UNSUPPORTED, "Bits Allocated %u is not rendered yet",
			       allocated);
	if (stored < 1 || stored > allocated || high >= allocated || high + 1 < stored)
		return err_set(err, ERR_CORRUPT,
			       "Bits Stored %u and High Bit %u do not fit Bits Allocated %u",
			       stored, high, allocated);
	*cells = (struct rn_cells){
		.bytes = (uint8_t)(allocated / 8),
		.multiplier = (uint16_t)(1u << (15 - high)),
		.mask = (uint16_t)(0xffff0000u >> stored),
		.flip = image->pixel_representation == 1 ? 0x8000 : 0,
		.down = (uint8_t)(16 - stored),
		.bits = (uint8_t)stored,
		.first = image->pixel_representation == 1 ? -(1 << (stored - 1)) : 0,
	};
	return true;
}

uint16_t rn_cell_of_index(const struct rn_cells *cells, uint32_t index)
{
	uint16_t key = (uint16_t)((index << cells->down) ^ cells->flip);

	return (uint16_t)(key / cells->multiplier);
}

uint32_t rn_cell_index_of_value(const struct rn_cells *cells, int32_t value)
{
	uint16_t key = (uint16_t)((uint32_t)value << cells->down);

	return (uint32_t)((uint16_t)(key ^ cells->flip) >> cells->down);
}

/* The loops exist for cells of both widths. */
#define CELL uint8_t
#define NAME(name) name##_8
#include "render/cells-loops.h"
#undef CELL
#undef NAME
#define CELL uint16_t
#define NAME(name) name##_16
#include "render/cells-loops.h"
#undef CELL
#undef NAME

void rn_cells_range(const struct rn_cells *cells, const void *in, size_t count,
		    struct rn_cells_range *range)
{
	/* No key is >= 0xffff and <= 0. */
	struct key_range keys = {.first = UINT16_MAX, .skip_first = UINT16_MAX};

	if (range->skip_first <= range->skip_last) {
		keys.skip_first = (uint16_t)(range->skip_first << cells->down);
		keys.skip_last = (uint16_t)(range->skip_last << cells->down);
	}
	if (cells->bytes == 1)
		range_8(cells, in, count, &keys);
	else
		range_16(cells, in, count, &keys);
	if (!keys.found)
		return;
	range->first = MIN_OF(range->first, (uint32_t)(keys.first >> cells->down));
	range->last = MAX_OF(range->last, (uint32_t)(keys.last >> cells->down));
}

void rn_cells_line(const struct rn_cells *cells, const struct rn_cells_line *line, const void *in,
		   size_t count, uint8_t *out)
{
	if (cells->bytes == 1)
		line_8(cells, line, in, count, out);
	else
		line_16(cells, line, in, count, out);
}

void rn_cells_table(const struct rn_cells *cells, const uint8_t *table, const void *in,
		    size_t count, uint8_t *out)
{
	if (cells->bytes == 1)
		table_8(cells, table, in, count, out);
	else
		table_16(cells, table, in, count, out);
}
