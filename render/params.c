/* SPDX-License-Identifier: MIT */
#include "render/params.h"

#include <math.h>

#include "dicom/value.h"

#define SHARED_GROUPS DC_TAG(0x5200, 0x9229)
#define FRAME_GROUPS DC_TAG(0x5200, 0x9230)
#define FRAME_VOI_LUT DC_TAG(0x0028, 0x9132)
#define PIXEL_TRANSFORMATION DC_TAG(0x0028, 0x9145)
#define VOI_LUT DC_TAG(0x0028, 0x3010)
#define VALUE_MAX 1024 /* bytes of a value worth looking at */

/* What one functional group says. Halves alone mean nothing. */
struct level {
	bool center, width, slope, intercept, lut;
	struct rn_voi voi;
	double slope_value, intercept_value;
};

struct walk {
	const struct rn_request *request;
	struct rn_params *params;
	struct dc_parser *parser;
	struct level shared, frame;
	struct level *level; /* of the item being read; NULL outside */
	uint32_t macro;      /* sequence inside it being read; 0: none */
	uint64_t items;      /* per-frame items seen */
	bool done;           /* that of the frame was read */
};

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

static bool at_sequence(struct walk *walk, struct err *err)
{
	const struct dc_element *element = &walk->parser->element;

	if (element->depth == 0) {
		if (element->tag == SHARED_GROUPS || element->tag == FRAME_GROUPS)
			return true;
	} else if (element->depth == 1 && walk->level != NULL &&
		   (element->tag == FRAME_VOI_LUT || element->tag == PIXEL_TRANSFORMATION)) {
		walk->macro = element->tag;
		return true;
	} else if (element->tag == VOI_LUT && walk->macro == FRAME_VOI_LUT) {
		walk->level->lut = true;
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
		    !rn_overlays_take(&walk->params->overlays, p, walk->request->frame, err))
			return false;
	}
}

/* Invalid values are left out and do not keep a picture from being shown. */
static bool apply_level(struct rn_params *params, const struct level *level, struct err *err)
{
	if (level->center && level->width && rn_voi_usable(&level->voi)) {
		params->window = true;
		params->voi = level->voi;
	} else if (level->lut) {
		return err_set(err, ERR_UNSUPPORTED, "a VOI LUT is not rendered yet");
	}
	if (level->slope && level->intercept && isfinite(level->slope_value) &&
	    isfinite(level->intercept_value) && level->slope_value != 0) {
		params->slope = level->slope_value;
		params->intercept = level->intercept_value;
	}
	return true;
}

static bool reread(struct rn_params *params, const struct rn_request *request, struct err *err)
{
	struct dc_parser_options options = {.stop = stop_at_pixels};
	struct dc_parser parser CLEANUP_PARSER = {0};
	struct walk walk = {.request = request, .params = params, .parser = &parser};
	const struct dc_image *image = request->instance->image;

	if (!dc_dataset_parser(request->dataset, &options, &parser, err) ||
	    !read_header(&walk, err) || !apply_level(params, &walk.shared, err) ||
	    !apply_level(params, &walk.frame, err))
		return false;
	params->overlay = rn_overlays_finish(&params->overlays, image, request->frame);
	return true;
}

static void top_level(struct rn_params *params, const struct dc_image *image)
{
	struct level level = {
		.center = (image->flags & DC_IMAGE_WINDOW) != 0,
		.width = (image->flags & DC_IMAGE_WINDOW) != 0,
		.voi = {image->voi_function, image->window_center, image->window_width},
		.slope = (image->flags & DC_IMAGE_RESCALE) != 0,
		.intercept = (image->flags & DC_IMAGE_RESCALE) != 0,
		.slope_value = image->slope,
		.intercept_value = image->intercept,
	};

	*params = (struct rn_params){.slope = 1};
	(void)!apply_level(params, &level, NULL);
	if ((image->flags & DC_IMAGE_PADDING) != 0) {
		int32_t limit = (image->flags & DC_IMAGE_PADDING_RANGE) != 0 ? image->padding_limit
									     : image->padding;

		params->padding = true;
		params->padding_first = MIN_OF(image->padding, limit);
		params->padding_last = MAX_OF(image->padding, limit);
	}
	/* Presentation LUT Shape says the same once more, or is wrong: in every
	 * image IOD that has it INVERSE goes with MONOCHROME1 (C.8.11.3.1.2). */
	params->inverse = image->photometric == DC_MONOCHROME1;
}

bool rn_params_read(struct rn_params *params, const struct rn_request *request, struct err *err)
{
	const struct dc_image *image = request->instance->image;

	top_level(params, image);
	if ((image->flags & (DC_IMAGE_FUNCTIONAL_GROUPS | DC_IMAGE_OVERLAY)) != 0 &&
	    !reread(params, request, err)) {
		rn_params_release(params);
		return false;
	}
	if (image->sop_rules == DC_SOP_XRAY_ANGIO) {
		params->slope = 1;
		params->intercept = 0;
	}
	return true;
}

void rn_params_release(struct rn_params *params)
{
	rn_overlays_release(&params->overlays);
}
