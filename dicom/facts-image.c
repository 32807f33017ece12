/* SPDX-License-Identifier: MIT */
#include "dicom/facts-private.h"

#include <math.h>

#include "dicom/icc.h"
#include "dicom/value.h"

/* Each row: where a number of the header goes. Order is the bit in seen. */
enum image_field {
	FIELD_SAMPLES,
	FIELD_PHOTOMETRIC,
	FIELD_PLANAR,
	FIELD_FRAMES,
	FIELD_ROWS,
	FIELD_COLUMNS,
	FIELD_SPACING,
	FIELD_IMAGER_SPACING,
	FIELD_SCANNED_SPACING,
	FIELD_ASPECT,
	FIELD_ALLOCATED,
	FIELD_STORED,
	FIELD_HIGH_BIT,
	FIELD_REPRESENTATION,
	FIELD_PADDING,
	FIELD_PADDING_LIMIT,
	FIELD_CENTER,
	FIELD_WIDTH,
	FIELD_INTERCEPT,
	FIELD_SLOPE,
	FIELD_VOI_FUNCTION,
	FIELD_SHAPE,
	FIELD_PRESENTATION,
	FIELD_RED_DESCRIPTOR,
	FIELD_GREEN_DESCRIPTOR,
	FIELD_BLUE_DESCRIPTOR,
	FIELD_NONE,
};

static enum image_field find_field(uint32_t tag)
{
	switch (tag) {
	case DC_TAG(0x0008, 0x9205):
		return FIELD_PRESENTATION;
	case DC_TAG(0x0018, 0x1164):
		return FIELD_IMAGER_SPACING;
	case DC_TAG(0x0018, 0x2010):
		return FIELD_SCANNED_SPACING;
	case DC_TAG(0x0028, 0x0002):
		return FIELD_SAMPLES;
	case DC_TAG(0x0028, 0x0004):
		return FIELD_PHOTOMETRIC;
	case DC_TAG(0x0028, 0x0006):
		return FIELD_PLANAR;
	case DC_TAG(0x0028, 0x0008):
		return FIELD_FRAMES;
	case DC_TAG(0x0028, 0x0010):
		return FIELD_ROWS;
	case DC_TAG(0x0028, 0x0011):
		return FIELD_COLUMNS;
	case DC_TAG(0x0028, 0x0030):
		return FIELD_SPACING;
	case DC_TAG(0x0028, 0x0034):
		return FIELD_ASPECT;
	case DC_TAG(0x0028, 0x0100):
		return FIELD_ALLOCATED;
	case DC_TAG(0x0028, 0x0101):
		return FIELD_STORED;
	case DC_TAG(0x0028, 0x0102):
		return FIELD_HIGH_BIT;
	case DC_TAG(0x0028, 0x0103):
		return FIELD_REPRESENTATION;
	case DC_TAG(0x0028, 0x0120):
		return FIELD_PADDING;
	case DC_TAG(0x0028, 0x0121):
		return FIELD_PADDING_LIMIT;
	case DC_TAG(0x0028, 0x1050):
		return FIELD_CENTER;
	case DC_TAG(0x0028, 0x1051):
		return FIELD_WIDTH;
	case DC_TAG(0x0028, 0x1052):
		return FIELD_INTERCEPT;
	case DC_TAG(0x0028, 0x1053):
		return FIELD_SLOPE;
	case DC_TAG(0x0028, 0x1056):
		return FIELD_VOI_FUNCTION;
	case DC_TAG(0x0028, 0x1101):
		return FIELD_RED_DESCRIPTOR;
	case DC_TAG(0x0028, 0x1102):
		return FIELD_GREEN_DESCRIPTOR;
	case DC_TAG(0x0028, 0x1103):
		return FIELD_BLUE_DESCRIPTOR;
	case DC_TAG(0x2050, 0x0020):
		return FIELD_SHAPE;
	default:
		return FIELD_NONE;
	}
}

/* The next letter or digit, in upper case; 0 at the end. */
static uint8_t next_sign(struct span *text)
{
	while (text->size > 0) {
		uint8_t c = *text->data++;

		text->size--;
		if (c >= 'a' && c <= 'z')
			return (uint8_t)(c - 'a' + 'A');
		if ((c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'))
			return c;
	}
	return 0;
}

/* The same word but for case, spaces and underscores, which writers mix up. */
static bool is_word(struct span text, struct span word)
{
	uint8_t c;

	do {
		c = next_sign(&text);
		if (c != next_sign(&word))
			return false;
	} while (c != 0);
	return true;
}

static uint8_t photometric_of(struct span text)
{
	for (uint8_t i = DC_MONOCHROME1; i < DC_PHOTOMETRIC_COUNT; i++) {
		if (i != DC_PHOTOMETRIC_OTHER && is_word(text, span_of_text(dc_photometric_name(i))))
			return i;
	}
	return text.size == 0 ? DC_PHOTOMETRIC_NONE : DC_PHOTOMETRIC_OTHER;
}

static uint8_t voi_function_of(struct span text)
{
	if (span_equals_text(text, "SIGMOID"))
		return DC_VOI_SIGMOID;
	return span_equals_text(text, "LINEAR_EXACT") ? DC_VOI_LINEAR_EXACT : DC_VOI_LINEAR;
}

static void take_text(struct dc_image_reading *r, enum image_field field, struct span value)
{
	struct dc_image *image = r->image;
	struct span text;

	if (!dc_value_text(value, 0, &text))
		return;
	text = dc_value_trim(text, true);
	switch (field) {
	case FIELD_PHOTOMETRIC:
		image->photometric = photometric_of(text);
		break;
	case FIELD_VOI_FUNCTION:
		image->voi_function = voi_function_of(text);
		break;
	case FIELD_SHAPE:
		if (span_equals_text(text, "INVERSE"))
			image->flags |= DC_IMAGE_INVERSE;
		break;
	default: /* Pixel Presentation, PS3.3 C.8.16.2.1 */
		if (span_equals_text(text, "COLOR") || span_equals_text(text, "MIXED"))
			r->coloured = true;
		break;
	}
}

/* Which of several sizes counts (PS3.3 C.7.6.3.1.7, 10.7.1.3): that in the
 * patient before those on the detector and on the film; Pixel Aspect Ratio if
 * there is no spacing at all. */
static uint8_t aspect_rank(enum image_field field)
{
	switch (field) {
	case FIELD_SPACING:
		return 4;
	case FIELD_IMAGER_SPACING:
		return 3;
	case FIELD_SCANNED_SPACING:
		return 2;
	default:
		return 1;
	}
}

/* No device has such pixels, and a viewer that believes in them makes a picture
 * without end. */
#define ASPECT_MAX 100

/* Spacings are row\column: the distance between rows is the height of a pixel. */
static void take_aspect(struct dc_image_reading *r, enum image_field field,
			const struct dc_element *element, struct span value)
{
	struct dc_image *image = r->image;
	uint8_t rank = aspect_rank(field);
	double vertical, horizontal, scale = 1;

	if (rank <= r->aspect_rank || !dc_value_double(element, value, 0, &vertical) ||
	    !dc_value_double(element, value, 1, &horizontal) || !(vertical > 0) ||
	    !(horizontal > 0) || !isfinite(vertical) || !isfinite(horizontal) ||
	    vertical / horizontal > ASPECT_MAX || horizontal / vertical > ASPECT_MAX)
		return;
	/* Millimetres to nanometres; two whole numbers stay what they are. */
	if (rank > 1 || vertical != floor(vertical) || horizontal != floor(horizontal))
		scale = 1e6;
	vertical *= scale;
	horizontal *= scale;
	if (vertical < 1 || horizontal < 1 || vertical > 4e9 || horizontal > 4e9)
		return;
	r->aspect_rank = rank;
	image->aspect_vertical = (uint32_t)lround(vertical);
	image->aspect_horizontal = (uint32_t)lround(horizontal);
}

/* The padding value has the sign of the pixels, whatever VR a writer chose. */
static int32_t padding_of(const struct dc_image *image, int64_t number)
{
	if (image->bits_allocated <= 16)
		return image->pixel_representation == 1 ? (int16_t)(uint16_t)number
							: (uint16_t)number;
	return (int32_t)number;
}

static void take_number(struct dc_image *image, enum image_field field, int64_t number)
{
	uint16_t small = number >= 0 && number <= UINT16_MAX ? (uint16_t)number : 0;

	switch (field) {
	case FIELD_SAMPLES:
		image->samples = small;
		break;
	case FIELD_PLANAR:
		image->planar_configuration = number == 1;
		break;
	case FIELD_FRAMES:
		image->frames = (uint32_t)MIN_OF(MAX_OF(number, (int64_t)1), (int64_t)UINT32_MAX);
		break;
	case FIELD_ROWS:
		image->rows = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
		break;
	case FIELD_COLUMNS:
		image->columns = number > 0 && number <= UINT32_MAX ? (uint32_t)number : 0;
		break;
	case FIELD_ALLOCATED:
		image->bits_allocated = small;
		break;
	case FIELD_STORED:
		image->bits_stored = small;
		break;
	case FIELD_HIGH_BIT:
		image->high_bit = small;
		break;
	case FIELD_REPRESENTATION:
		image->pixel_representation = number == 1;
		break;
	case FIELD_PADDING:
		image->padding = padding_of(image, number);
		image->flags |= DC_IMAGE_PADDING;
		break;
	default:
		image->padding_limit = padding_of(image, number);
		image->flags |= DC_IMAGE_PADDING_RANGE;
		break;
	}
}

static void take_double(struct dc_image_reading *r, enum image_field field, double number)
{
	switch (field) {
	case FIELD_CENTER:
		r->image->window_center = number;
		r->center = true;
		break;
	case FIELD_WIDTH:
		r->image->window_width = number;
		r->width = true;
		break;
	case FIELD_INTERCEPT:
		r->image->intercept = number;
		r->intercept = true;
		break;
	default:
		r->image->slope = number;
		r->slope = true;
		break;
	}
}

bool dc_image_reading_take(struct dc_image_reading *r, struct dc_parser *parser, bool *taken,
			   struct err *err)
{
	enum image_field field = find_field(parser->element.tag);
	const struct dc_element *element = &parser->element;
	struct dc_image *image = r->image;
	struct span value;
	int64_t number;
	double decimal;

	*taken = field != FIELD_NONE;
	if (!*taken || (r->seen & (1ull << field)) != 0 || element->length > DC_FACT_SIZE_MAX)
		return true;
	r->seen |= 1ull << field;
	if (!dc_parser_value(parser, &value, err))
		return false;
	switch (field) {
	case FIELD_PHOTOMETRIC:
	case FIELD_VOI_FUNCTION:
	case FIELD_SHAPE:
	case FIELD_PRESENTATION:
		take_text(r, field, value);
		break;
	case FIELD_SPACING:
	case FIELD_IMAGER_SPACING:
	case FIELD_SCANNED_SPACING:
	case FIELD_ASPECT:
		take_aspect(r, field, element, value);
		break;
	case FIELD_RED_DESCRIPTOR:
	case FIELD_GREEN_DESCRIPTOR:
	case FIELD_BLUE_DESCRIPTOR:
		/* Three numbers of 16 bits, whatever the VR. */
		if (value.size >= 6)
			r->palette_descriptors |= (uint8_t)(1u << (field - FIELD_RED_DESCRIPTOR));
		break;
	case FIELD_CENTER:
	case FIELD_WIDTH:
	case FIELD_INTERCEPT:
	case FIELD_SLOPE:
		if (dc_value_double(element, value, 0, &decimal))
			take_double(r, field, decimal);
		break;
	default:
		if (dc_value_integer(element, value, 0, &number))
			take_number(image, field, number);
		break;
	}
	return true;
}

static void finish_icc(struct dc_image_reading *r, struct dc_source *source)
{
	struct dc_image *image = r->image;
	bool grey = image->photometric == DC_MONOCHROME1 || image->photometric == DC_MONOCHROME2;

	/* Levels of a window are not what a profile of stored values speaks of. Of
	 * profiles of several optical paths none is that of the picture. */
	if ((grey && (image->flags & DC_IMAGE_SUPPLEMENTAL_PALETTE) == 0) ||
	    r->icc_length == 0 || r->optical_paths > 1 ||
	    !dc_icc_check(source, r->icc_offset, r->icc_length, &image->icc_length)) {
		image->icc_length = 0;
		return;
	}
	image->icc_offset = r->icc_offset;
	image->flags |= DC_IMAGE_ICC;
}

/* What others of its numbers say too. Contradictions stay. */
static void fill_in(struct dc_image *image)
{
	if (image->samples == 0)
		image->samples = dc_photometric_samples(image->photometric);
	if (image->bits_stored == 0)
		image->bits_stored = image->high_bit > 0 ? image->high_bit + 1
							 : image->bits_allocated;
	if (image->high_bit == 0 && image->bits_stored > 0)
		image->high_bit = image->bits_stored - 1;
}

void dc_image_reading_finish(struct dc_image_reading *r, struct dc_source *source)
{
	struct dc_image *image = r->image;

	fill_in(image);
	if (r->center && r->width)
		image->flags |= DC_IMAGE_WINDOW;
	/* A slope of 0 would make every pixel the same: absent, like a missing one. */
	if (r->intercept && r->slope && image->slope != 0)
		image->flags |= DC_IMAGE_RESCALE;
	if (image->aspect_vertical != image->aspect_horizontal)
		image->flags |= DC_IMAGE_ASPECT;
	if (r->palette_descriptors == 7 && r->palette_data == 7) {
		image->flags |= DC_IMAGE_PALETTE;
		if (r->coloured && image->photometric == DC_MONOCHROME2)
			image->flags |= DC_IMAGE_SUPPLEMENTAL_PALETTE;
	}
	finish_icc(r, source);
}
