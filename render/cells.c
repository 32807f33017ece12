/* SPDX-License-Identifier: MIT */
#include "render/cells.h"

#include "render/simd.h"

unsigned rn_cell_bytes(const struct dc_image *image)
{
	if (image->pixel_tag == DC_TAG_FLOAT_PIXEL_DATA)
		return 4;
	if (image->pixel_tag == DC_TAG_DOUBLE_PIXEL_DATA)
		return 8;
	if (image->bits_allocated <= 8)
		return image->bits_allocated == 0 ? 0 : 1;
	if (image->bits_allocated <= 16)
		return 2;
	return image->bits_allocated == 32 ? 4 : image->bits_allocated == 64 ? 8 : 0;
}

/* Whether samples are right-aligned numbers of Bits Stored bits at most, and High
 * Bit, which may say otherwise, is for the cells that were compressed. */
static bool is_right_aligned(const struct dc_image *image, const struct rn_decoded *decoded)
{
	return decoded->precision != 0 &&
	       (decoded->lossy || decoded->precision <= image->bits_stored);
}

static int64_t get(const void *samples, unsigned bytes, size_t i)
{
	return bytes == 1   ? ((const int8_t *)samples)[i]
	       : bytes == 2 ? ((const int16_t *)samples)[i]
			    : ((const int32_t *)samples)[i];
}

static void put(void *samples, unsigned bytes, size_t i, int64_t value)
{
	if (bytes == 1)
		((uint8_t *)samples)[i] = (uint8_t)value;
	else if (bytes == 2)
		((uint16_t *)samples)[i] = (uint16_t)value;
	else
		((uint32_t *)samples)[i] = (uint32_t)value;
}

bool rn_cells_settle(const struct dc_image *image, const struct rn_decoded *decoded, void *samples,
		     size_t count, struct err *err)
{
	unsigned bytes = rn_cell_bytes(image), stored = image->bits_stored;
	unsigned precision = decoded->precision;
	bool is_signed = image->pixel_representation == 1;
	int64_t least, most;

	if (precision > 8 * bytes || bytes > 4)
		return err_set(err, ERR_CORRUPT, "samples of %u bits in cells of %u", precision,
			       8 * bytes);
	if (precision == 0 || stored == 0 || precision == stored ||
	    (precision > stored && !decoded->lossy) || (precision < stored && !is_signed))
		return true;
	least = is_signed ? -((int64_t)1 << (stored - 1)) : 0;
	most = ((int64_t)1 << (is_signed ? stored - 1 : stored)) - 1;
	for (size_t i = 0; i < count; i++) {
		int64_t value = get(samples, bytes, i);

		if (is_signed || decoded->is_signed)
			value = (int64_t)((uint64_t)value << (64 - precision)) >> (64 - precision);
		else
			value &= ((int64_t)1 << precision) - 1;
		put(samples, bytes, i, value < least ? least : value > most ? most : value);
	}
	return true;
}

bool rn_cells_init(struct rn_cells *cells, const struct dc_image *image,
		   const struct rn_decoded *decoded, struct err *err)
{
	unsigned allocated = image->bits_allocated, stored = image->bits_stored;
	unsigned high = image->high_bit;

	if (is_right_aligned(image, decoded) && stored > 0)
		high = stored - 1;

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
