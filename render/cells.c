/* SPDX-License-Identifier: MIT */
#include "render/cells.h"

#include "render/simd.h"

unsigned rn_cell_bytes(const struct dc_image *image)
{
	uint16_t bits = dc_image_cell_bits(image);

	if (bits <= 16)
		return bits == 0 ? 0 : bits <= 8 ? 1 : 2;
	if (bits % 8 != 0 || bits > 64)
		return 0;
	return bits <= 32 ? 4 : 8;
}

bool rn_cells_right_aligned(const struct dc_image *image, const struct rn_decoded *decoded)
{
	unsigned precision = decoded->precision, stored = image->bits_stored;

	if (precision == 0)
		return false;
	/* Values that were compressed with the bits below them stay where they are. */
	if (precision > stored && precision == image->high_bit + 1u)
		return false;
	return precision <= stored || decoded->lossy;
}

bool rn_cells_init(struct rn_cells *cells, const struct dc_image *image,
		   const struct rn_decoded *decoded, struct err *err)
{
	unsigned allocated = image->bits_allocated, stored = image->bits_stored;
	unsigned high = image->high_bit;

	if (rn_cells_right_aligned(image, decoded) && stored > 0)
		high = stored - 1;
	if (allocated < 1 || allocated > 16)
		return err_set(err, ERR_UNSUPPORTED, "Bits Allocated %u: not 1 to 16", allocated);
	if (stored < 1 || stored > allocated || high >= allocated || high + 1 < stored)
		return err_set(err, ERR_CORRUPT,
			       "Bits Stored %u and High Bit %u do not fit Bits Allocated %u",
			       stored, high, allocated);
	*cells = (struct rn_cells){
		.bytes = allocated <= 8 ? 1 : 2,
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

/* The loops exist for cells of every width. */
#define CELL uint8_t
#define VALUE int8_t
#define NAME(name) name##_8
#include "render/cells-loops.h"
#include "render/cells-settle.h"
#undef CELL
#undef VALUE
#undef NAME
#define CELL uint16_t
#define VALUE int16_t
#define NAME(name) name##_16
#include "render/cells-loops.h"
#include "render/cells-settle.h"
#undef CELL
#undef VALUE
#undef NAME
#define CELL uint32_t
#define VALUE int32_t
#define NAME(name) name##_32
#include "render/cells-settle.h"
#undef CELL
#undef VALUE
#undef NAME
#define CELL uint64_t
#define VALUE int64_t
#define NAME(name) name##_64
#include "render/cells-settle.h"
#undef CELL
#undef VALUE
#undef NAME

bool rn_cells_settle(const struct dc_image *image, const struct rn_decoded *decoded, void *samples,
		     size_t count, struct err *err)
{
	unsigned bytes = rn_cell_bytes(image), stored = image->bits_stored;
	unsigned precision = decoded->precision;
	bool is_signed = image->pixel_representation == 1;
	int64_t least, most;

	if (precision > 8 * bytes)
		return err_set(err, ERR_CORRUPT, "samples of %u bits in cells of %u", precision,
			       8 * bytes);
	/* Nearly always: the bits that count are the header's. */
	if (precision == stored || stored == 0 || stored > 63 ||
	    !rn_cells_right_aligned(image, decoded) || (precision < stored && !is_signed))
		return true;
	least = is_signed ? -((int64_t)1 << (stored - 1)) : 0;
	most = ((int64_t)1 << (is_signed ? stored - 1 : stored)) - 1;
	if (is_signed || decoded->is_signed) {
		unsigned shift = 8 * bytes - precision;

		if (bytes == 1)
			settle_signed_8(samples, count, shift, (int8_t)least, (int8_t)MIN_OF(most, INT8_MAX));
		else if (bytes == 2)
			settle_signed_16(samples, count, shift, (int16_t)least,
					 (int16_t)MIN_OF(most, INT16_MAX));
		else if (bytes == 4)
			settle_signed_32(samples, count, shift, (int32_t)least,
					 (int32_t)MIN_OF(most, INT32_MAX));
		else
			settle_signed_64(samples, count, shift, least, most);
		return true;
	}
	if (bytes == 1)
		settle_8(samples, count, precision, (uint8_t)most);
	else if (bytes == 2)
		settle_16(samples, count, precision, (uint16_t)most);
	else if (bytes == 4)
		settle_32(samples, count, precision, (uint32_t)most);
	else
		settle_64(samples, count, precision, (uint64_t)most);
	return true;
}

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

void rn_cells_seen(const struct rn_cells *cells, const void *in, size_t count, uint8_t *seen)
{
	const uint8_t *narrow = in;
	const uint16_t *cell = in;

	for (size_t i = 0; i < count; i++)
		seen[rn_cell_index(cells, cells->bytes == 1 ? narrow[i] : cell[i])] = 1;
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
