/* SPDX-License-Identifier: MIT */
#include "render/picture.h"

uint8_t rn_picture_channels(const struct dc_image *image)
{
	return rn_is_grey(image) ? 1 : 3;
}

/* ---- What can be rendered ----------------------------------------------- */

static bool geometry_supported(const struct dc_image *image, const struct rn_options *options,
			       struct err *why)
{
	if (image->pixel_tag == 0)
		return err_set(why, ERR_NOTFOUND, "no pixel data");
	if (image->rows == 0 || image->columns == 0)
		return err_set(why, ERR_CORRUPT, "Rows or Columns is absent or 0");
	if (image->frames == 0)
		return err_set(why, ERR_CORRUPT, "Number of Frames is 0 or less");
	if (image->rows > options->max_pixels / image->columns)
		return err_set(why, ERR_LIMIT, "%u x %u pixels are more than %llu",
			       image->columns, image->rows,
			       (unsigned long long)options->max_pixels);
	return true;
}

static bool codec_supported(const struct dc_image *image, struct err *why)
{
	const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[image->transfer_syntax];
	const struct rn_codec *codec = rn_codec_find(image);

	if (image->pixel_tag != DC_TAG_PIXEL_DATA)
		return err_set(why, ERR_UNSUPPORTED,
			       "floating-point pixel data is not rendered yet");
	if (codec == NULL && ts->encapsulation != DC_ENCAPSULATED)
		return err_set(why, ERR_UNSUPPORTED, "%s with encapsulated pixel data", ts->label);
	if (codec == NULL)
		return err_set(why, ERR_UNSUPPORTED, "%s is not rendered yet", ts->label);
	return codec->supports(image, why);
}

static bool luts_supported(const struct dc_image *image, struct err *why)
{
	struct rn_voi voi = {image->voi_function, image->window_center, image->window_width};
	bool window = (image->flags & DC_IMAGE_WINDOW) != 0 && rn_voi_usable(&voi);

	if (!rn_is_grey(image))
		return true;
	/* X-ray angiography: not for display, PS3.3 C.8.7.1.1.2. */
	if ((image->flags & DC_IMAGE_MODALITY_LUT) != 0 && image->sop_rules != DC_SOP_XRAY_ANGIO)
		return err_set(why, ERR_UNSUPPORTED, "a Modality LUT is not rendered yet");
	/* With both a window and a LUT either may be applied (C.11.2.1). */
	if ((image->flags & DC_IMAGE_VOI_LUT) != 0 && !window)
		return err_set(why, ERR_UNSUPPORTED, "a VOI LUT is not rendered yet");
	if ((image->flags & DC_IMAGE_PRESENTATION_LUT) != 0)
		return err_set(why, ERR_UNSUPPORTED, "a Presentation LUT is not rendered yet");
	if ((image->flags & DC_IMAGE_SUPPLEMENTAL_PALETTE) != 0)
		return err_set(why, ERR_UNSUPPORTED,
			       "a Supplemental Palette is not rendered yet");
	return true;
}

bool rn_picture_supported(const struct dc_image *image, const struct rn_options *options,
			  struct err *why)
{
	static const struct rn_decoded as_header;
	struct rn_cells cells;
	struct dc_frame last;

	return geometry_supported(image, options, why) && codec_supported(image, why) &&
	       rn_colour_supported(image, why) && luts_supported(image, why) &&
	       rn_cells_init(&cells, image, &as_header, why) &&
	       ((image->flags & DC_IMAGE_ENCAPSULATED) != 0 ||
		dc_frame_locate_native(image, image->frames - 1, &last, why));
}

/* ---- Preparing ---------------------------------------------------------- */

static const struct dc_image *image_of(const struct rn_picture *picture)
{
	return picture->request->instance->image;
}

/* Least and greatest stored value of the frame but padding. */
static bool find_range(struct rn_picture *picture, struct rn_cells_range *range, struct err *err)
{
	const struct dc_image *image = image_of(picture);
	const struct rn_params *params = &picture->params;

	*range = (struct rn_cells_range){.first = UINT32_MAX, .skip_first = 1};
	if (params->padding) {
		uint32_t first = rn_cell_index_of_value(&picture->cells, params->padding_first);
		uint32_t last = rn_cell_index_of_value(&picture->cells, params->padding_last);

		range->skip_first = MIN_OF(first, last);
		range->skip_last = MAX_OF(first, last);
	}
	for (uint32_t row = 0; row < image->rows; row++) {
		const void *cells;

		if (!rn_rows_get(&picture->rows, row, &cells, err))
			return false;
		rn_cells_range(&picture->cells, cells, image->columns, range);
	}
	/* All padding: that is then what there is to see. */
	if (range->first > range->last) {
		range->first = range->skip_first;
		range->last = range->skip_last;
	}
	return true;
}

static bool open_grey(struct rn_picture *picture, struct err *err)
{
	const struct rn_params *params = &picture->params;
	struct rn_transform transform = {
		.slope = params->slope, .intercept = params->intercept, .voi = params->voi};
	struct rn_cells_range range;

	if (!params->window) {
		if (!find_range(picture, &range, err))
			return false;
		transform = rn_grey_min_max((int32_t)range.first + picture->cells.first,
					    (int32_t)range.last + picture->cells.first,
					    params->slope);
	}
	return rn_grey_map_init(&picture->map, &picture->cells, &transform, params->inverse, err);
}

bool rn_picture_open(struct rn_picture *picture, const struct rn_request *request,
		     struct err *err)
{
	const struct dc_image *image = request->instance->image;
	bool ok;

	*picture = (struct rn_picture){.request = request};
	ok = rn_picture_supported(image, request->options, err) &&
	     rn_params_read(&picture->params, request, err) &&
	     rn_rows_init(&picture->rows, request, err) &&
	     rn_cells_init(&picture->cells, image, &picture->rows.decoded, err) &&
	     (rn_is_grey(image) ? open_grey(picture, err) : rn_colour_open(&picture->colour, request, &picture->cells,
					 &picture->rows.decoded, err));
	if (!ok)
		rn_picture_release(picture);
	return ok;
}

void rn_picture_release(struct rn_picture *picture)
{
	rn_colour_release(&picture->colour);
	rn_grey_map_release(&picture->map);
	rn_rows_release(&picture->rows);
	rn_params_release(&picture->params);
}

/* ---- Rows --------------------------------------------------------------- */

bool rn_picture_row(struct rn_picture *picture, uint32_t row, uint8_t *out, struct err *err)
{
	const struct dc_image *image = image_of(picture);
	const void *cells;

	if (!rn_rows_get(&picture->rows, row, &cells, err))
		return false;
	if (rn_is_grey(image))
		rn_grey_map_row(&picture->map, cells, image->columns, out);
	else
		rn_colour_row(&picture->colour, cells, image->columns, out);
	if (picture->params.overlay)
		rn_overlays_row(&picture->params.overlays, image, row, cells,
				rn_picture_channels(image), out);
	return true;
}
