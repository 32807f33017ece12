/*
 * The stages "stored" to "polarity" of grey cells: what comes out of the loops is
 * what the formulas say, cell by cell, whatever the description, the window, the
 * LUTs and the codec's word.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include <math.h>

#include "render/grey.h"
#include "render/wide.h"

#define CELLS_MAX 200u
#define ENTRIES_MAX 64u

struct grey {
	struct dc_image image;
	struct rn_decoded decoded;
	struct rn_transform transform;
	struct rn_lut luts[2]; /* Modality, VOI */
	uint16_t entries[2][ENTRIES_MAX];
	bool invert;
};

/* Of many sizes, and now and then none at all. */
static double take_double(struct span *input)
{
	uint8_t how = fuzz_take_below(input, 8);
	uint64_t bits;
	double value;

	switch (how) {
	case 0:
		return 1;
	case 1:
		return 0;
	case 2:
		return (double)(int16_t)fuzz_take_16(input);
	case 3:
		return (int16_t)fuzz_take_16(input) / 16.0;
	case 4:
		return (int16_t)fuzz_take_16(input) / 65536.0;
	case 5:
		return (double)(int32_t)fuzz_take_32(input);
	default:
		bits = fuzz_take_64(input);
		memcpy(&value, &bits, sizeof(value));
		return isfinite(value) ? value : 1;
	}
}

static void take_image(struct grey *grey, struct span *input)
{
	static const uint8_t bits[] = {8, 16, 12, 10, 1, 32, 64, 4};
	static const uint32_t tags[] = {DC_TAG_PIXEL_DATA, DC_TAG_FLOAT_PIXEL_DATA,
					DC_TAG_DOUBLE_PIXEL_DATA};
	struct dc_image *image = &grey->image;
	uint8_t flags = fuzz_take_8(input);

	image->pixel_tag = (flags & 0x30) == 0x30 ? tags[fuzz_take_below(input, 3)] : tags[0];
	image->photometric = DC_MONOCHROME2;
	image->samples = 1;
	image->pixel_representation = flags & 1;
	image->bits_allocated = bits[fuzz_take_below(input, ARRAY_LEN(bits))];
	image->bits_stored = (uint16_t)(1 + fuzz_take_below(input, image->bits_allocated));
	image->high_bit =
		(uint16_t)((flags & 2) != 0 ? fuzz_take_8(input) % 65 : image->bits_stored - 1);
	grey->invert = (flags & 4) != 0;
	if ((flags & 8) != 0)
		grey->decoded = (struct rn_decoded){
			.precision = 1 + fuzz_take_below(input, 16),
			.is_signed = (flags & 0x40) != 0,
			.lossy = (flags & 0x80) != 0,
		};
}

static const struct rn_lut *take_lut(struct grey *grey, unsigned which, struct span *input)
{
	struct rn_lut *lut = &grey->luts[which];

	lut->count = 1u + fuzz_take_below(input, ENTRIES_MAX);
	lut->first = (int16_t)fuzz_take_16(input);
	lut->entries = grey->entries[which];
	for (uint32_t i = 0; i < lut->count; i++) {
		lut->entries[i] = fuzz_take_16(input);
		lut->top = MAX_OF(lut->top, lut->entries[i]);
	}
	lut->top = MAX_OF(lut->top, 1);
	return lut;
}

static void take_transform(struct grey *grey, struct span *input)
{
	uint8_t flags = fuzz_take_8(input);
	struct rn_transform *transform = &grey->transform;

	transform->slope = take_double(input);
	if (transform->slope == 0)
		transform->slope = 1;
	transform->intercept = take_double(input);
	transform->voi.function = flags % 4 == 3 ? RN_VOI_RANGE : flags % 4;
	transform->voi.center = take_double(input);
	transform->voi.width = fabs(take_double(input));
	if (!rn_voi_usable(&transform->voi) && transform->voi.function != RN_VOI_RANGE)
		transform->voi.width = 1;
	if ((flags & 0x10) != 0)
		transform->modality_lut = take_lut(grey, 0, input);
	if ((flags & 0x20) != 0)
		transform->voi_lut = take_lut(grey, 1, input);
}

/* Samples as a codec leaves them: above their precision zeros or the sign. */
static void take_samples(const struct grey *grey, struct fuzz_guarded *cells, struct span input)
{
	unsigned bytes = rn_cell_bytes(&grey->image), precision = grey->decoded.precision;

	for (size_t i = 0; i < cells->size / bytes; i++) {
		struct span some = span_of(input.data, input.size);
		uint64_t cell;

		/* Where the input ends before the cells do, they are counted on. */
		if (some.size < bytes)
			cell = i * 0x9e3779b97f4a7c15u >> 7;
		else
			cell = fuzz_take_64(&some);
		(void)fuzz_take_span(&input, bytes);
		if (precision > 0 && precision < 64) {
			cell <<= 64 - precision;
			cell = grey->decoded.is_signed
				       ? (uint64_t)((int64_t)cell >> (64 - precision))
				       : cell >> (64 - precision);
		}
		memcpy(cells->bytes + i * bytes, &cell, bytes);
	}
}

/* The stored value of a cell, as PS3.5 8.1.1 has it; not of floats. */
static int64_t stored_of(const struct grey *grey, const uint8_t *cell)
{
	const struct dc_image *image = &grey->image;
	unsigned stored = image->bits_stored, high = image->high_bit;
	uint64_t bits = 0;

	if (rn_cells_right_aligned(image, &grey->decoded))
		high = stored - 1;
	memcpy(&bits, cell, rn_cell_bytes(image));
	bits <<= 63 - high;
	return image->pixel_representation == 1 ? (int64_t)bits >> (64 - stored)
						: (int64_t)(bits >> (64 - stored));
}

static uint8_t level_of(const struct grey *grey, double value)
{
	uint8_t level = (uint8_t)(rn_transform_apply(&grey->transform, value) + 0.5);

	return grey->invert ? (uint8_t)(255 - level) : level;
}

static void check_narrow(const struct grey *grey, const struct rn_cells *cells,
			 const struct fuzz_guarded *in)
{
	size_t count = in->size / cells->bytes;
	struct fuzz_guarded out CLEANUP_GUARDED = fuzz_guard(count, 0xa5);
	struct fuzz_guarded seen CLEANUP_GUARDED = fuzz_guard(rn_cells_count(cells), 0);
	struct rn_cells_range range = {.first = UINT32_MAX, .skip_first = 1};
	struct rn_grey_map map = {0};
	uint32_t first = UINT32_MAX, last = 0;
	struct err err = {0};

	fuzz_require(rn_grey_map_init(&map, cells, &grey->transform, grey->invert, &err),
		     "there is memory");
	rn_grey_map_row(&map, in->bytes, count, out.bytes);
	rn_cells_range(cells, in->bytes, count, &range);
	rn_cells_seen(cells, in->bytes, count, seen.bytes);
	for (size_t i = 0; i < count; i++) {
		int64_t stored = stored_of(grey, in->bytes + i * cells->bytes);
		uint32_t index = (uint32_t)(stored - cells->first);

		fuzz_require(index < rn_cells_count(cells), "an index is inside");
		fuzz_require(seen.bytes[index] == 1, "a value is seen");
		fuzz_require(out.bytes[i] == level_of(grey, (double)stored),
			     "a grey level is what the formula says");
		first = MIN_OF(first, index);
		last = MAX_OF(last, index);
	}
	fuzz_require(range.first == first && range.last == last, "the range is that of all cells");
	rn_grey_map_release(&map);
}

static double wide_value(const struct grey *grey, const uint8_t *cell, unsigned bytes)
{
	double value;
	float single;

	if (grey->image.pixel_tag == DC_TAG_PIXEL_DATA) {
		int64_t stored = stored_of(grey, cell);

		return grey->image.pixel_representation == 1 ? (double)stored
							     : (double)(uint64_t)stored;
	}
	memcpy(&single, cell, sizeof(single));
	if (bytes == 4)
		return (double)single;
	memcpy(&value, cell, sizeof(value));
	return value;
}

static void check_wide(const struct grey *grey, const struct rn_wide *wide,
		       const struct fuzz_guarded *in)
{
	size_t count = in->size / wide->bytes;
	struct fuzz_guarded out CLEANUP_GUARDED = fuzz_guard(count, 0xa5);
	struct rn_wide_range range = {
		.skip_first = 1, .float_skip_first = (double)NAN, .float_skip_last = (double)NAN};
	struct rn_wide own = *wide;
	struct rn_transform all;

	rn_wide_row(wide, &grey->transform, grey->invert, in->bytes, count, out.bytes);
	for (size_t i = 0; i < count; i++) {
		double value = wide_value(grey, in->bytes + i * wide->bytes, wide->bytes);
		uint8_t black = grey->invert ? 255 : 0;

		fuzz_require(out.bytes[i] == (isfinite(value) ? level_of(grey, value) : black),
			     "a wide grey level is what the formula says");
	}
	rn_wide_range(wide, in->bytes, count, &range);
	all = rn_wide_min_max(&own, &range, grey->transform.slope);
	rn_wide_row(&own, &all, false, in->bytes, count, out.bytes);
	if (count > 0 && range.found && all.voi.width > 0)
		fuzz_require(memchr(out.bytes, 255, count) != NULL &&
				     memchr(out.bytes, 0, count) != NULL,
			     "the own range goes from black to white");
}

void fuzz_one(struct span input)
{
	struct fuzz_guarded cells CLEANUP_GUARDED = {0};
	struct grey grey = {0};
	struct rn_cells narrow;
	struct rn_wide wide;
	struct err err = {0};
	unsigned bytes;
	size_t count;

	take_image(&grey, &input);
	take_transform(&grey, &input);
	bytes = rn_cell_bytes(&grey.image);
	if (bytes == 0)
		return;
	count = 1u + fuzz_take_below(&input, CELLS_MAX);
	cells = fuzz_guard(count * bytes, 0);
	take_samples(&grey, &cells, input);
	if (!rn_cells_settle(&grey.image, &grey.decoded, cells.bytes, count, &err)) {
		fuzz_require_error(&err);
		return;
	}
	if (rn_is_wide(&grey.image) ? rn_wide_init(&wide, &grey.image, &grey.decoded, &err)
				    : rn_cells_init(&narrow, &grey.image, &grey.decoded, &err)) {
		if (rn_is_wide(&grey.image))
			check_wide(&grey, &wide, &cells);
		else
			check_narrow(&grey, &narrow, &cells);
	} else {
		fuzz_require_error(&err);
	}
}
