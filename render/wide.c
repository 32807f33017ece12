/* SPDX-License-Identifier: MIT */
#include "render/wide.h"

#include <math.h>

#define SIGN ((uint64_t)1 << 63)

bool rn_is_wide(const struct dc_image *image)
{
	return rn_cell_bytes(image) > 2;
}

bool rn_wide_init(struct rn_wide *wide, const struct dc_image *image,
		  const struct rn_decoded *decoded, struct err *err)
{
	unsigned allocated = dc_image_cell_bits(image), stored = image->bits_stored;
	unsigned high = image->high_bit;

	*wide = (struct rn_wide){
		.bytes = (uint8_t)rn_cell_bytes(image),
		.is_float = image->pixel_tag != DC_TAG_PIXEL_DATA,
		.is_signed = image->pixel_representation == 1,
	};
	if (wide->bytes <= 2)
		return err_set(err, ERR_UNSUPPORTED, "Bits Allocated %u: not 32 or 64", allocated);
	if (wide->is_float)
		return true;
	if (rn_cells_right_aligned(image, decoded) && stored > 0)
		high = stored - 1;
	if (stored < 1 || stored > allocated || high >= allocated || high + 1 < stored)
		return err_set(err, ERR_CORRUPT,
			       "Bits Stored %u and High Bit %u do not fit Bits Allocated %u",
			       stored, high, allocated);
	wide->up = (uint8_t)(63 - high);
	wide->down = (uint8_t)(64 - stored);
	return true;
}

/* ---- Values --------------------------------------------------------------- */

static inline uint64_t cell_at(const struct rn_wide *wide, const void *in, size_t i)
{
	uint32_t narrow;
	uint64_t cell;

	if (wide->bytes == 4) {
		memcpy(&narrow, (const uint8_t *)in + 4 * i, sizeof(narrow));
		return narrow;
	}
	memcpy(&cell, (const uint8_t *)in + 8 * i, sizeof(cell));
	return cell;
}

static inline double float_at(const struct rn_wide *wide, const void *in, size_t i)
{
	float narrow;
	double value;

	if (wide->bytes == 4) {
		memcpy(&narrow, (const uint8_t *)in + 4 * i, sizeof(narrow));
		return (double)narrow;
	}
	memcpy(&value, (const uint8_t *)in + 8 * i, sizeof(value));
	return value;
}

/* Values, signed or not, that compare as unsigned numbers. */
static inline uint64_t key_of(const struct rn_wide *wide, uint64_t cell)
{
	uint64_t top = cell << wide->up;

	if (wide->is_signed)
		return (uint64_t)((int64_t)top >> wide->down) ^ SIGN;
	return top >> wide->down;
}

static inline double number_of(const struct rn_wide *wide, uint64_t key)
{
	if (wide->relative)
		return key >= wide->base ? (double)(key - wide->base)
					 : -(double)(wide->base - key);
	return wide->is_signed ? (double)(int64_t)(key ^ SIGN) : (double)key;
}

static inline double value_at(const struct rn_wide *wide, const void *in, size_t i)
{
	return wide->is_float ? float_at(wide, in, i)
			      : number_of(wide, key_of(wide, cell_at(wide, in, i)));
}

uint64_t rn_wide_key_of_value(const struct rn_wide *wide, int64_t value)
{
	struct rn_wide plain = *wide;

	plain.up = wide->down;
	return key_of(&plain, (uint64_t)value);
}

/* ---- Ranges --------------------------------------------------------------- */

static bool is_skipped(const struct rn_wide *wide, const struct rn_wide_range *range,
		       const void *in, size_t i)
{
	uint64_t key;
	double value;

	if (wide->is_float) {
		value = float_at(wide, in, i);
		return !isfinite(value) ||
		       (value >= range->float_skip_first && value <= range->float_skip_last);
	}
	key = key_of(wide, cell_at(wide, in, i));
	return key >= range->skip_first && key <= range->skip_last;
}

static void float_range(const struct rn_wide *wide, const void *in, size_t count,
			struct rn_wide_range *range)
{
	for (size_t i = 0; i < count; i++) {
		double value = float_at(wide, in, i);

		if (is_skipped(wide, range, in, i))
			continue;
		if (!range->found || value < range->float_first)
			range->float_first = value;
		if (!range->found || value > range->float_last)
			range->float_last = value;
		range->found = true;
	}
}

void rn_wide_range(const struct rn_wide *wide, const void *in, size_t count,
		   struct rn_wide_range *range)
{
	if (wide->is_float) {
		float_range(wide, in, count, range);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t key = key_of(wide, cell_at(wide, in, i));

		if (key >= range->skip_first && key <= range->skip_last)
			continue;
		if (!range->found || key < range->first)
			range->first = key;
		if (!range->found || key > range->last)
			range->last = key;
		range->found = true;
	}
}

struct rn_transform rn_wide_min_max(struct rn_wide *wide, const struct rn_wide_range *range,
				    double slope)
{
	/* Near the ends of double's range their difference, and what is computed
	 * with it, would be past it. */
	double scale = ldexp(1, -20);
	struct rn_transform transform;

	if (!wide->is_float) {
		wide->relative = true;
		wide->base = range->first;
		return rn_transform_min_max(0, number_of(wide, range->last), slope);
	}
	transform = rn_transform_min_max(range->float_first, range->float_last, slope);
	if (transform.voi.width < 1e300)
		return transform;
	transform = rn_transform_min_max(range->float_first * scale, range->float_last * scale,
					 slope);
	transform.slope *= scale;
	return transform;
}

void rn_wide_modality_range(const struct rn_wide *wide, const struct rn_transform *transform,
			    const struct rn_wide_range *skip, const void *in, size_t count,
			    double *least, double *greatest)
{
	for (size_t i = 0; i < count; i++) {
		double value;

		if (is_skipped(wide, skip, in, i))
			continue;
		value = rn_transform_modality(transform, value_at(wide, in, i));
		*least = fmin(*least, value);
		*greatest = fmax(*greatest, value);
	}
}

/* ---- Pixels --------------------------------------------------------------- */

void rn_wide_row(const struct rn_wide *wide, const struct rn_transform *transform, bool invert,
		 const void *in, size_t count, uint8_t *out)
{
	uint8_t flip = invert ? 255 : 0;

	for (size_t i = 0; i < count; i++) {
		double value = value_at(wide, in, i);
		double grey = isfinite(value) ? rn_transform_apply(transform, value) : 0;

		out[i] = (uint8_t)((uint8_t)(grey + 0.5) ^ flip);
	}
}
