/* SPDX-License-Identifier: MIT */
#include "render/picture.h"

#include <math.h>

uint8_t rn_picture_channels(const struct dc_image *image)
{
	return rn_is_grey(image) && !rn_is_supplemented(image) ? 1 : 3;
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
		return err_set(why, ERR_LIMIT, "%u x %u pixels are more than the %llu of max_pixels",
			       image->columns, image->rows,
			       (unsigned long long)options->max_pixels);
	return true;
}

static bool codec_supported(const struct dc_image *image, struct err *why)
{
	const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[image->transfer_syntax];
	const struct rn_codec *codec = rn_codec_find(image);

	if (codec == NULL && ts->encapsulation != DC_ENCAPSULATED)
		return err_set(why, ERR_UNSUPPORTED, "%s with encapsulated pixel data", ts->label);
	if (codec == NULL)
		return err_set(why, ERR_UNSUPPORTED, "no decoder for %s pixel data", ts->label);
	return codec->supports(image, why);
}

static bool cells_supported(const struct dc_image *image, struct err *why)
{
	static const struct rn_decoded as_header;
	struct rn_cells cells;
	struct rn_wide wide;

	if (!rn_is_grey(image))
		return true;
	return rn_is_wide(image) ? rn_wide_init(&wide, image, &as_header, why)
				 : rn_cells_init(&cells, image, &as_header, why);
}

/* A file that breaks off shows the frames that are whole, if they are half of
 * them: fewer, and its Number of Frames is what is wrong. */
bool rn_picture_supported(const struct dc_image *image, const struct rn_options *options,
			  struct err *why)
{
	struct dc_frame middle;

	return geometry_supported(image, options, why) && codec_supported(image, why) &&
	       rn_colour_supported(image, why) && cells_supported(image, why) &&
	       ((image->flags & DC_IMAGE_ENCAPSULATED) != 0 ||
		dc_frame_locate_native(image, (image->frames - 1) / 2, &middle, why));
}

/* ---- The frame's own range ------------------------------------------------ */

static const struct dc_image *image_of(const struct rn_picture *picture)
{
	return picture->request->instance->image;
}

static struct rn_cells_range empty_range(const struct rn_picture *picture)
{
	const struct rn_params *params = &picture->params;
	struct rn_cells_range range = {.first = UINT32_MAX, .skip_first = 1};

	if (params->padding) {
		uint32_t first = rn_cell_index_of_value(&picture->cells, params->padding_first);
		uint32_t last = rn_cell_index_of_value(&picture->cells, params->padding_last);

		range.skip_first = MIN_OF(first, last);
		range.skip_last = MAX_OF(first, last);
	}
	return range;
}

/* Least and greatest stored value of the frame but padding. */
static bool find_range(struct rn_picture *picture, struct rn_cells_range *range, struct err *err)
{
	const struct dc_image *image = image_of(picture);

	*range = empty_range(picture);
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

/* Lossy compression moves padding a little: what lies within a grey level of it,
 * of those that the whole frame has, is not told from it (C.7.5.1.1.2). */
static void widen_padding(const struct rn_picture *picture, const uint8_t *seen,
			  struct rn_cells_range *range)
{
	uint32_t first = 0, last = rn_cells_count(&picture->cells) - 1, level;

	if (!picture->params.padding)
		return;
	while (first < last && !seen[first])
		first++;
	while (last > first && !seen[last])
		last--;
	level = (last - first) / 255;
	range->skip_first -= MIN_OF(range->skip_first, level);
	range->skip_last += level;
}

static bool is_coloured(const struct rn_picture *picture, int32_t stored)
{
	return rn_is_supplemented(image_of(picture)) && rn_palette_colours(&picture->palette, stored);
}

/* The same value by value: with a LUT, which may turn their order round anywhere,
 * of modality values; without what a palette colours, and near padding. */
static bool find_value_range(struct rn_picture *picture, const struct rn_transform *transform,
			     double *least, double *greatest, struct err *err)
{
	const struct dc_image *image = image_of(picture);
	struct rn_cells_range skip = empty_range(picture);
	uint32_t count = rn_cells_count(&picture->cells);
	uint8_t *seen CLEANUP_FREE = calloc(count, 1);
	bool found = false;

	if (seen == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (uint32_t row = 0; row < image->rows; row++) {
		const void *cells;

		if (!rn_rows_get(&picture->rows, row, &cells, err))
			return false;
		rn_cells_seen(&picture->cells, cells, image->columns, seen);
	}
	if (picture->rows.decoded.lossy)
		widen_padding(picture, seen, &skip);
	*least = INFINITY;
	*greatest = -INFINITY;
	/* A second time if all of it is padding. */
	for (int all = 0; all < 2 && !found; all++) {
		for (uint32_t i = 0; i < count; i++) {
			int32_t stored = (int32_t)i + picture->cells.first;
			double value = stored;

			if (!seen[i] || (!all && ((i >= skip.skip_first && i <= skip.skip_last) ||
						  is_coloured(picture, stored))))
				continue;
			if (transform->modality_lut != NULL)
				value = rn_transform_modality(transform, value);
			*least = fmin(*least, value);
			*greatest = fmax(*greatest, value);
			found = true;
		}
	}
	return true;
}

static struct rn_wide_range empty_wide_range(const struct rn_picture *picture)
{
	const struct rn_params *params = &picture->params;
	struct rn_wide_range range = {
		.skip_first = 1,
		/* Nothing is between NaNs. */
		.float_skip_first = fmin(params->float_padding_first, params->float_padding_last),
		.float_skip_last = fmax(params->float_padding_first, params->float_padding_last),
	};

	if (params->padding && !picture->wide.is_float) {
		uint64_t first = rn_wide_key_of_value(&picture->wide, params->padding_first);
		uint64_t last = rn_wide_key_of_value(&picture->wide, params->padding_last);

		range.skip_first = MIN_OF(first, last);
		range.skip_last = MAX_OF(first, last);
	}
	return range;
}

/* Wide cells, with and without a Modality LUT. */
static bool find_wide_range(struct rn_picture *picture, struct rn_transform *transform,
			    struct err *err)
{
	const struct dc_image *image = image_of(picture);
	struct rn_wide_range range = empty_wide_range(picture);
	double least = INFINITY, greatest = -INFINITY;

	for (uint32_t row = 0; row < image->rows; row++) {
		const void *cells;

		if (!rn_rows_get(&picture->rows, row, &cells, err))
			return false;
		if (transform->modality_lut != NULL)
			rn_wide_modality_range(&picture->wide, transform, &range, cells,
					       image->columns, &least, &greatest);
		else
			rn_wide_range(&picture->wide, cells, image->columns, &range);
	}
	if (transform->modality_lut != NULL)
		transform->voi = (struct rn_voi){RN_VOI_RANGE, least, MAX_OF(greatest - least, 0)};
	else
		*transform = rn_wide_min_max(&picture->wide, &range, transform->slope);
	return true;
}

/* ---- Preparing ---------------------------------------------------------- */

/* The range that pixels of a meaning must have; else, without a window or LUT,
 * the picture's own. */
static bool choose_range(struct rn_picture *picture, struct rn_transform *transform,
			 struct err *err)
{
	const struct rn_params *params = &picture->params;
	struct rn_cells_range range;
	double least = 0, greatest = 0;

	if (params->fixed) {
		*transform = rn_transform_min_max(0, params->white, 1);
		return true;
	}
	if (picture->is_wide)
		return find_wide_range(picture, transform, err);
	if (transform->modality_lut != NULL || rn_is_supplemented(image_of(picture)) ||
	    (params->padding && picture->rows.decoded.lossy)) {
		if (!find_value_range(picture, transform, &least, &greatest, err))
			return false;
	} else {
		if (!find_range(picture, &range, err))
			return false;
		least = (double)range.first + picture->cells.first;
		greatest = (double)range.last + picture->cells.first;
	}
	if (transform->modality_lut != NULL)
		transform->voi = (struct rn_voi){RN_VOI_RANGE, least, greatest - least};
	else
		*transform = rn_transform_min_max(least, greatest, params->slope);
	return true;
}

static bool open_grey(struct rn_picture *picture, struct err *err)
{
	const struct rn_params *params = &picture->params;
	struct rn_transform transform = {
		.slope = params->slope,
		.intercept = params->intercept,
		.modality_lut = params->modality_lut.count > 0 ? &params->modality_lut : NULL,
		.voi = params->voi,
		.voi_lut = params->voi_lut.count > 0 ? &params->voi_lut : NULL,
	};

	if ((params->fixed || (!params->window && transform.voi_lut == NULL)) &&
	    !choose_range(picture, &transform, err))
		return false;
	picture->transform = transform;
	return picture->is_wide || rn_grey_map_init(&picture->map, &picture->cells, &transform,
						    params->inverse, err);
}

/* Whatever is not plain grey; of a supplemented image the grey part is ready. */
static bool open_colour(struct rn_picture *picture, struct err *err)
{
	const struct rn_decoded *decoded = &picture->rows.decoded;

	if (rn_is_supplemented(image_of(picture)))
		return rn_colour_open_supplemented(&picture->colour, image_of(picture), decoded,
						   &picture->map, &picture->palette, err);
	return rn_colour_open(&picture->colour, picture->request, decoded, err);
}

static bool open_cells(struct rn_picture *picture, struct err *err)
{
	const struct dc_image *image = image_of(picture);
	const struct rn_decoded *decoded = &picture->rows.decoded;

	if (decoded->precision != 0)
		rn_overlays_limit(&picture->params.overlays, decoded->lossy, decoded->precision);
	if (!rn_is_grey(image))
		return true;
	picture->is_wide = rn_is_wide(image);
	return picture->is_wide ? rn_wide_init(&picture->wide, image, decoded, err)
				: rn_cells_init(&picture->cells, image, decoded, err);
}

bool rn_picture_open(struct rn_picture *picture, const struct rn_request *request,
		     struct err *err)
{
	const struct dc_image *image = request->instance->image;
	bool ok;

	*picture = (struct rn_picture){.request = request};
	ok = rn_picture_supported(image, request->options, err) &&
	     rn_params_read(&picture->params, request, err) &&
	     rn_rows_init(&picture->rows, request, err) && open_cells(picture, err) &&
	     (!rn_is_supplemented(image) || rn_palette_read(&picture->palette, request, err)) &&
	     (!rn_is_grey(image) || open_grey(picture, err)) &&
	     (rn_picture_channels(image) == 1 || open_colour(picture, err));
	if (!ok)
		rn_picture_release(picture);
	return ok;
}

void rn_picture_release(struct rn_picture *picture)
{
	rn_colour_release(&picture->colour);
	rn_palette_release(&picture->palette);
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
	if (rn_picture_channels(image) == 3)
		rn_colour_row(&picture->colour, cells, image->columns, out);
	else if (picture->is_wide)
		rn_wide_row(&picture->wide, &picture->transform, picture->params.inverse, cells,
			    image->columns, out);
	else
		rn_grey_map_row(&picture->map, cells, image->columns, out);
	if (picture->params.overlay)
		rn_overlays_row(&picture->params.overlays, image, row, cells,
				rn_picture_channels(image), out);
	return true;
}
