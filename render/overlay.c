/* SPDX-License-Identifier: MIT */
#include "render/overlay.h"

#include "dicom/value.h"

#define WHITE 255

enum {
	OVERLAY_ROWS = 0x0010,
	OVERLAY_COLUMNS = 0x0011,
	OVERLAY_FRAMES = 0x0015,
	OVERLAY_ORIGIN = 0x0050,
	OVERLAY_FRAME_ORIGIN = 0x0051,
	OVERLAY_BITS_ALLOCATED = 0x0100,
	OVERLAY_BIT_POSITION = 0x0102,
	OVERLAY_DATA = 0x3000,
};

void rn_overlays_release(struct rn_overlays *overlays)
{
	for (size_t i = 0; i < RN_OVERLAYS_MAX; i++) {
		free(overlays->plane[i].bits);
		overlays->plane[i].bits = NULL;
	}
}

/* Frame of the plane that belongs to a frame of the image; -1: none. */
static int64_t plane_frame(const struct rn_overlay *plane, uint32_t frame)
{
	int64_t at;

	if (plane->frames < 1)
		return 0;
	at = (int64_t)frame - (MAX_OF(plane->frame_origin, 1) - 1);
	return at >= 0 && at < plane->frames ? at : -1;
}

/* Frames of a plane follow each other bit by bit, as 1-bit pixels do. */
static bool take_bits(struct rn_overlay *plane, const struct dc_element *element,
		      struct span value, uint32_t frame, struct err *err)
{
	int64_t at = plane_frame(plane, frame);
	uint64_t pixels, first, last;
	size_t size;

	if (plane->bits != NULL || plane->rows <= 0 || plane->columns <= 0 || at < 0)
		return true;
	if (!checked_mul((uint64_t)plane->rows, (uint64_t)plane->columns, &pixels) ||
	    !checked_mul(pixels, (uint64_t)at, &first) || !checked_add(first, pixels, &last))
		return true;
	/* Bits behind the end of the data are not set. */
	last = MIN_OF(last, (uint64_t)value.size * 8);
	if (first >= last)
		return true;
	size = (size_t)((last + 7) / 8 - first / 8);
	plane->bits = malloc(size);
	if (plane->bits == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < size; i++) {
		size_t from = (size_t)(first / 8) + i;

		if (element->big_endian && element->vr == DC_VR_OW)
			from ^= 1;
		plane->bits[i] = from < value.size ? value.data[from] : 0;
	}
	plane->size = size;
	plane->shift = (uint8_t)(first % 8);
	return true;
}

static void take_number(struct rn_overlay *plane, const struct dc_element *element,
			struct span value)
{
	int64_t number, second;

	if (!dc_value_integer(element, value, 0, &number))
		return;
	switch (DC_ELEMENT(element->tag)) {
	case OVERLAY_ROWS:
		plane->rows = number;
		break;
	case OVERLAY_COLUMNS:
		plane->columns = number;
		break;
	case OVERLAY_FRAMES:
		plane->frames = number;
		break;
	case OVERLAY_ORIGIN:
		if (dc_value_integer(element, value, 1, &second)) {
			plane->origin_row = number;
			plane->origin_column = second;
		}
		break;
	case OVERLAY_FRAME_ORIGIN:
		plane->frame_origin = number;
		break;
	case OVERLAY_BITS_ALLOCATED:
		plane->bits_allocated = number;
		break;
	case OVERLAY_BIT_POSITION:
		plane->bit_position = number;
		break;
	default:
		break;
	}
}

bool rn_overlays_take(struct rn_overlays *overlays, struct dc_parser *parser, uint32_t frame,
		      struct err *err)
{
	const struct dc_element *element = &parser->element;
	uint16_t group = DC_GROUP(element->tag), number = DC_ELEMENT(element->tag);
	struct rn_overlay *plane;
	struct span value;

	if (group < 0x6000 || group >= 0x6000 + 2 * RN_OVERLAYS_MAX || group % 2 != 0)
		return true;
	if (number != OVERLAY_DATA && element->length > 64)
		return true;
	plane = &overlays->plane[(group - 0x6000) / 2];
	if (!plane->present) {
		plane->present = true;
		plane->origin_row = plane->origin_column = 1;
	}
	if (!dc_parser_value(parser, &value, err))
		return err_prefix(err, "overlay (%04X,%04X)", group, number);
	if (number == OVERLAY_DATA)
		return take_bits(plane, element, value, frame, err);
	take_number(plane, element, value);
	return true;
}

/* A bit of the cells themselves, which no stored value uses. */
static bool is_embedded(const struct rn_overlay *plane, const struct dc_image *image)
{
	int64_t bit = plane->bit_position;

	return plane->bits == NULL && image->samples == 1 &&
	       plane->bits_allocated == image->bits_allocated &&
	       (image->bits_allocated == 8 || image->bits_allocated == 16) && bit >= 0 &&
	       bit < image->bits_allocated &&
	       (bit > image->high_bit || bit <= image->high_bit - image->bits_stored);
}

bool rn_overlays_finish(struct rn_overlays *overlays, const struct dc_image *image,
			uint32_t frame)
{
	bool any = false;

	for (size_t i = 0; i < RN_OVERLAYS_MAX; i++) {
		struct rn_overlay *plane = &overlays->plane[i];

		plane->present = plane->present && plane->rows > 0 && plane->columns > 0 &&
				 plane_frame(plane, frame) >= 0 &&
				 (plane->bits != NULL || is_embedded(plane, image));
		any = any || plane->present;
	}
	return any;
}

void rn_overlays_limit(struct rn_overlays *overlays, bool lossy, unsigned precision)
{
	for (size_t i = 0; i < RN_OVERLAYS_MAX; i++) {
		struct rn_overlay *plane = &overlays->plane[i];

		if (plane->bits == NULL && (lossy || plane->bit_position >= precision))
			plane->present = false;
	}
}

static void draw_bits(const struct rn_overlay *plane, uint32_t columns, int64_t row,
		      unsigned channels, uint8_t *out)
{
	int64_t plane_row, first, last;
	uint64_t base;

	if (__builtin_sub_overflow(row + 1, plane->origin_row, &plane_row) || plane_row < 0 ||
	    plane_row >= plane->rows)
		return;
	/* Columns of the plane that lie on the picture. Origins are 16 bits in a
	 * right file and bounded here in a wrong one. */
	if (plane->origin_column > INT32_MAX || plane->origin_column < INT32_MIN)
		return;
	first = MAX_OF(1 - plane->origin_column, 0);
	last = MIN_OF((int64_t)columns + 1 - plane->origin_column, plane->columns);
	base = plane->shift + (uint64_t)plane_row * (uint64_t)plane->columns;
	for (int64_t x = first; x < last; x++) {
		uint64_t bit = base + (uint64_t)x;

		if (bit / 8 >= plane->size)
			return;
		if ((plane->bits[bit / 8] >> bit % 8 & 1) != 0)
			memset(out + (x + plane->origin_column - 1) * channels, WHITE, channels);
	}
}

static void draw_embedded(const struct rn_overlay *plane, const struct dc_image *image,
			  const void *cells, unsigned channels, uint8_t *out)
{
	const uint8_t *narrow = cells;
	const uint16_t *wide = cells;

	for (uint32_t x = 0; x < image->columns; x++) {
		unsigned cell = image->bits_allocated == 8 ? narrow[x] : wide[x];

		if ((cell >> plane->bit_position & 1) != 0)
			memset(out + (size_t)x * channels, WHITE, channels);
	}
}

void rn_overlays_row(const struct rn_overlays *overlays, const struct dc_image *image, uint32_t row,
		     const void *cells, unsigned channels, uint8_t *out)
{
	for (size_t i = 0; i < RN_OVERLAYS_MAX; i++) {
		const struct rn_overlay *plane = &overlays->plane[i];

		if (!plane->present)
			continue;
		if (plane->bits != NULL)
			draw_bits(plane, image->columns, row, channels, out);
		else
			draw_embedded(plane, image, cells, channels, out);
	}
}
