/* SPDX-License-Identifier: MIT */
#include "render/params.h"

#include <math.h>

#include "dicom/value.h"

#define SHARED_GROUPS DC_TAG(0x5200, 0x9229)
#define FRAME_GROUPS DC_TAG(0x5200, 0x9230)
#define FRAME_VOI_LUT DC_TAG(0x0028, 0x9132)
#define PIXEL_TRANSFORMATION DC_TAG(0x0028, 0x9145)
#define MODALITY_LUT DC_TAG(0x0028, 0x3000)
#define VOI_LUT DC_TAG(0x0028, 0x3010)
#define FLOAT_PADDING DC_TAG(0x0028, 0x0122)
#define FLOAT_PADDING_LIMIT DC_TAG(0x0028, 0x0123)
#define SEGMENTATION_TYPE DC_TAG(0x0062, 0x0001)
#define SEGMENTS DC_TAG(0x0062, 0x0002)
#define SEGMENT_NUMBER DC_TAG(0x0062, 0x0004)
#define MAXIMUM_FRACTIONAL_VALUE DC_TAG(0x0062, 0x000e)
#define VALUE_MAX 1024 /* bytes of a value worth looking at */

/* What the top level or one functional group says. Halves alone mean nothing. */
struct level {
	bool center, width, slope, intercept;
	struct rn_voi voi;
	double slope_value, intercept_value;
	struct rn_lut modality_lut, voi_lut;
};

struct walk {
	const struct rn_request *request;
	struct rn_params *params;
	struct dc_parser *parser;
	struct level top, shared, frame;
	struct level *level; /* of the item being read; NULL outside */
	uint32_t macro;      /* sequence inside it being read; 0: none */
	uint64_t items;      /* per-frame items seen */
	bool done;           /* that of the frame was read */
	bool fractional, labels; /* Segmentation Type */
	uint32_t maximum;    /* Maximum Fractional Value; 0: none */
	uint32_t last_label; /* greatest Segment Number; 0: none */
};

static void release_walk(struct walk *walk)
{
	struct level *const levels[] = {&walk->top, &walk->shared, &walk->frame};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		rn_lut_release(&levels[i]->modality_lut);
		rn_lut_release(&levels[i]->voi_lut);
	}
}

static bool stop_at_pixels(const struct dc_element *element, void *context UNUSED)
{
	return element->tag >= DC_TAG(0x7fe0, 0x0000);
}

static bool take_value(struct walk *walk, struct err *err)
{
	const struct dc_element *element = &walk->parser->element;
	struct level *level = walk->level;
	struct span value, text;
	double number;

	if (element->length > VALUE_MAX)
		return true;
	if (!dc_parser_value(walk->parser, &value, err))
		return false;
	if (element->tag == DC_TAG(0x0028, 0x1056)) {
		if (!dc_value_text(value, 0, &text))
			return true;
		text = dc_value_trim(text, true);
		level->voi.function = span_equals_text(text, "SIGMOID")        ? DC_VOI_SIGMOID
				      : span_equals_text(text, "LINEAR_EXACT") ? DC_VOI_LINEAR_EXACT
									       : DC_VOI_LINEAR;
		return true;
	}
	if (!dc_value_double(element, value, 0, &number))
		return true;
	switch (element->tag) {
	case DC_TAG(0x0028, 0x1050):
		level->center = true;
		level->voi.center = number;
		break;
	case DC_TAG(0x0028, 0x1051):
		level->width = true;
		level->voi.width = number;
		break;
	case DC_TAG(0x0028, 0x1052):
		level->intercept = true;
		level->intercept_value = number;
		break;
	case DC_TAG(0x0028, 0x1053):
		level->slope = true;
		level->slope_value = number;
		break;
	default:
		break;
	}
	return true;
}

static void take_segmentation_type(struct walk *walk, struct span value)
{
	struct span text;

	if (!dc_value_text(value, 0, &text))
		return;
	text = dc_value_trim(text, true);
	walk->fractional = span_equals_text(text, "FRACTIONAL");
	walk->labels = span_equals_text(text, "LABELMAP");
}

/* At depth 0. */
static bool take_top_value(struct walk *walk, struct err *err)
{
	struct rn_params *params = walk->params;
	const struct dc_element *element = &walk->parser->element;
	struct span value;
	double number;

	switch (element->tag) {
	case FLOAT_PADDING:
	case FLOAT_PADDING_LIMIT:
	case SEGMENTATION_TYPE:
	case MAXIMUM_FRACTIONAL_VALUE:
		break;
	default:
		return rn_overlays_take(&params->overlays, walk->parser, walk->request->frame, err);
	}
	if (element->length > VALUE_MAX)
		return true;
	if (!dc_parser_value(walk->parser, &value, err))
		return false;
	if (element->tag == SEGMENTATION_TYPE)
		take_segmentation_type(walk, value);
	else if (!dc_value_double(element, value, 0, &number))
		return true;
	else if (element->tag == FLOAT_PADDING)
		params->float_padding_first = params->float_padding_last = number;
	else if (element->tag == FLOAT_PADDING_LIMIT)
		params->float_padding_last = number;
	else if (number >= 1 && number <= UINT16_MAX)
		walk->maximum = (uint32_t)number;
	return true;
}

/* Segment Sequence, from its SEQUENCE event to its end. */
static bool read_segments(struct walk *walk, struct err *err)
{
	struct dc_parser *p = walk->parser;
	struct span value;
	int64_t number;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END ||
		    (p->event == DC_EVENT_SEQUENCE_END && p->element.depth == 0))
			return true;
		if (p->event == DC_EVENT_SEQUENCE && !dc_parser_skip(p, err))
			return false;
		if (p->event != DC_EVENT_ELEMENT || p->element.tag != SEGMENT_NUMBER ||
		    p->element.length > VALUE_MAX)
			continue;
		if (!dc_parser_value(p, &value, err))
			return false;
		if (dc_value_integer(&p->element, value, 0, &number) && number <= UINT16_MAX &&
		    number > walk->last_label)
			walk->last_label = (uint32_t)number;
	}
}

static bool at_sequence(struct walk *walk, struct err *err)
{
	const struct dc_element *element = &walk->parser->element;

	if (element->depth == 0) {
		if (element->tag == SHARED_GROUPS || element->tag == FRAME_GROUPS)
			return true;
		if (element->tag == MODALITY_LUT)
			return rn_lut_read(&walk->top.modality_lut, walk->parser, err);
		if (element->tag == VOI_LUT)
			return rn_lut_read(&walk->top.voi_lut, walk->parser, err);
		if (element->tag == SEGMENTS)
			return read_segments(walk, err);
	} else if (element->depth == 1 && walk->level != NULL &&
		   (element->tag == FRAME_VOI_LUT || element->tag == PIXEL_TRANSFORMATION)) {
		walk->macro = element->tag;
		return true;
	} else if (element->tag == VOI_LUT && walk->macro == FRAME_VOI_LUT &&
		   walk->level->voi_lut.count == 0) {
		return rn_lut_read(&walk->level->voi_lut, walk->parser, err);
	}
	return dc_parser_skip(walk->parser, err);
}

/* element is the sequence that the item belongs to. */
static bool at_item(struct walk *walk, uint32_t sequence, struct err *err)
{
	if (walk->macro != 0)
		return true;
	if (sequence == SHARED_GROUPS) {
		walk->level = &walk->shared;
		return true;
	}
	if (walk->items++ == walk->request->frame) {
		walk->level = &walk->frame;
		return true;
	}
	return dc_parser_skip(walk->parser, err);
}

static bool read_groups(struct walk *walk, uint32_t sequence, struct err *err)
{
	struct dc_parser *p = walk->parser;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		switch (p->event) {
		case DC_EVENT_ITEM:
			if (!at_item(walk, sequence, err))
				return false;
			break;
		case DC_EVENT_ITEM_END:
			if (walk->macro != 0)
				break;
			walk->done = walk->level == &walk->frame;
			walk->level = NULL;
			if (walk->done)
				return true;
			break;
		case DC_EVENT_SEQUENCE:
			if (!at_sequence(walk, err))
				return false;
			break;
		case DC_EVENT_SEQUENCE_END:
			if (p->element.tag == walk->macro)
				walk->macro = 0;
			else if (p->element.tag == sequence)
				return true;
			break;
		case DC_EVENT_ELEMENT:
			if (walk->macro != 0 && !take_value(walk, err))
				return false;
			break;
		case DC_EVENT_FRAGMENTS:
		case DC_EVENT_END:
			return true;
		}
	}
}

static bool read_header(struct walk *walk, struct err *err)
{
	const struct dc_image *image = walk->request->instance->image;
	struct dc_parser *p = walk->parser;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END)
			return true;
		if (p->event == DC_EVENT_SEQUENCE) {
			uint32_t tag = p->element.tag;

			if (!at_sequence(walk, err))
				return false;
			if ((tag == SHARED_GROUPS || tag == FRAME_GROUPS) &&
			    !read_groups(walk, tag, err))
				return false;
			/* Frames are many: the items behind are not for this one. */
			if (walk->done && (image->flags & DC_IMAGE_OVERLAY) == 0)
				return true;
		}
		if (p->event == DC_EVENT_ELEMENT && p->element.depth == 0 &&
		    !take_top_value(walk, err))
			return false;
	}
}

static void steal_lut(struct rn_lut *to, struct rn_lut *from)
{
	rn_lut_release(to);
	*to = *from;
	*from = (struct rn_lut){0};
}

/* Invalid values are left out and do not keep a picture from being shown. */
static void apply_level(struct rn_params *params, struct level *level)
{
	if (level->center && level->width && rn_voi_usable(&level->voi)) {
		params->window = true;
		params->voi = level->voi;
		rn_lut_release(&params->voi_lut);
	} else if (level->voi_lut.count > 0) {
		params->window = false;
		steal_lut(&params->voi_lut, &level->voi_lut);
	}
	if (level->modality_lut.count > 0) {
		steal_lut(&params->modality_lut, &level->modality_lut);
	} else if (level->slope && level->intercept && isfinite(level->slope_value) &&
		   isfinite(level->intercept_value) && level->slope_value != 0) {
		rn_lut_release(&params->modality_lut);
		params->slope = level->slope_value;
		params->intercept = level->intercept_value;
	}
}

/* Of BINARY 1 is there and 0 is not; FRACTIONAL is a share of Maximum Fractional
 * Value (C.8.20.2.3), which may be less than the pixels could hold. Of LABELMAP
 * values are Segment Numbers: each has the same grey in every frame, and what is
 * no segment is black, padding or not. */
static void apply_segmentation(struct rn_params *params, const struct walk *walk,
			       const struct dc_image *image)
{
	if (walk->labels || image->sop_rules == DC_SOP_LABEL_MAP) {
		params->padding = false;
		params->fixed = walk->last_label > 0;
		params->white = walk->last_label;
		return;
	}
	params->fixed = true;
	params->white = 1;
	if (walk->fractional)
		params->white = walk->maximum > 0 || image->bits_stored > 16
					? MAX_OF(walk->maximum, 1u)
					: (1u << image->bits_stored) - 1;
}

/* Whether there is more to know than the packed description says. */
static bool needs_header(const struct rn_params *params, const struct dc_image *image)
{
	if ((image->flags & DC_IMAGE_OVERLAY) != 0)
		return true;
	if (image->photometric != DC_MONOCHROME1 && image->photometric != DC_MONOCHROME2)
		return false;
	return (image->flags & DC_IMAGE_FUNCTIONAL_GROUPS) != 0 ||
	       ((image->flags & DC_IMAGE_MODALITY_LUT) != 0 &&
		image->sop_rules != DC_SOP_XRAY_ANGIO) ||
	       ((image->flags & DC_IMAGE_VOI_LUT) != 0 && !params->window) ||
	       image->pixel_tag != DC_TAG_PIXEL_DATA || image->sop_rules == DC_SOP_SEGMENTATION ||
	       image->sop_rules == DC_SOP_LABEL_MAP;
}

static void level_of_image(struct level *level, const struct dc_image *image)
{
	bool window = (image->flags & DC_IMAGE_WINDOW) != 0;
	bool rescale = (image->flags & DC_IMAGE_RESCALE) != 0;

	level->center = level->width = window;
	level->voi = (struct rn_voi){image->voi_function, image->window_center,
				     image->window_width};
	level->slope = level->intercept = rescale;
	level->slope_value = image->slope;
	level->intercept_value = image->intercept;
}

static bool reread(struct rn_params *params, const struct rn_request *request, struct err *err)
{
	struct dc_parser_options options = {.stop = stop_at_pixels};
	struct dc_parser parser CLEANUP_PARSER = {0};
	struct walk walk CLEANUP(release_walk) = {
		.request = request, .params = params, .parser = &parser};
	const struct dc_image *image = request->instance->image;

	level_of_image(&walk.top, image);
	if (!dc_dataset_parser(request->dataset, &options, &parser, err) ||
	    !read_header(&walk, err))
		return false;
	apply_level(params, &walk.top);
	apply_level(params, &walk.shared);
	apply_level(params, &walk.frame);
	if (image->sop_rules == DC_SOP_SEGMENTATION || image->sop_rules == DC_SOP_LABEL_MAP)
		apply_segmentation(params, &walk, image);
	params->overlay = rn_overlays_finish(&params->overlays, image, request->frame);
	return true;
}

static void top_level(struct rn_params *params, const struct dc_image *image)
{
	struct level level = {0};

	*params = (struct rn_params){
		.slope = 1, .float_padding_first = NAN, .float_padding_last = NAN};
	level_of_image(&level, image);
	apply_level(params, &level);
	if ((image->flags & DC_IMAGE_PADDING) != 0) {
		int32_t limit = (image->flags & DC_IMAGE_PADDING_RANGE) != 0 ? image->padding_limit
									     : image->padding;

		params->padding = true;
		params->padding_first = MIN_OF(image->padding, limit);
		params->padding_last = MAX_OF(image->padding, limit);
	}
	/* A single bit is black or white, whether a frame has both or not. */
	if (image->bits_stored == 1 && image->pixel_representation == 0) {
		params->fixed = true;
		params->white = 1;
	}
	/* Presentation LUT Shape says the same once more, or is wrong: in every
	 * image IOD that has it INVERSE goes with MONOCHROME1 (C.8.11.3.1.2). */
	params->inverse = image->photometric == DC_MONOCHROME1;
}

/* PS3.3 C.11.1.1.1, C.11.2.1.1: of what goes into a LUT, stored values or modality
 * values, the first entry's has the sign. */
static void settle_luts(struct rn_params *params, const struct dc_image *image)
{
	bool is_signed = image->pixel_representation == 1;
	double range = ldexp(1, image->bits_stored);
	double first = is_signed ? -range / 2 : 0, last = first + range - 1;
	double least = MIN_OF(params->slope * first, params->slope * last) + params->intercept;

	if (is_signed)
		rn_lut_first_is_signed(&params->modality_lut);
	if (params->modality_lut.count == 0 &&
	    (params->slope != 1 || params->intercept != 0 ? least < 0 : is_signed))
		rn_lut_first_is_signed(&params->voi_lut);
}

bool rn_params_read(struct rn_params *params, const struct rn_request *request, struct err *err)
{
	const struct dc_image *image = request->instance->image;

	top_level(params, image);
	if (needs_header(params, image) && !reread(params, request, err)) {
		rn_params_release(params);
		return false;
	}
	if (image->sop_rules == DC_SOP_XRAY_ANGIO) {
		params->slope = 1;
		params->intercept = 0;
		rn_lut_release(&params->modality_lut);
	}
	settle_luts(params, image);
	return true;
}

void rn_params_release(struct rn_params *params)
{
	rn_overlays_release(&params->overlays);
	rn_lut_release(&params->modality_lut);
	rn_lut_release(&params->voi_lut);
}
