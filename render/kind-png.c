/* SPDX-License-Identifier: MIT */
#include "render/kinds.h"
#include "render/picture.h"
#include "render/png-level.h"
#include "render/png.h"

static struct rn_png_geometry geometry_of(const struct dc_image *image)
{
	struct rn_png_geometry geometry = {
		.width = image->columns,
		.height = image->rows,
		.channels = rn_picture_channels(image),
	};

	if ((image->flags & DC_IMAGE_ASPECT) != 0) {
		geometry.pixel_width = image->aspect_horizontal;
		geometry.pixel_height = image->aspect_vertical;
	}
	if ((image->flags & DC_IMAGE_ICC) != 0)
		geometry.profile_size = image->icc_length;
	return geometry;
}

static bool applies(const struct rn_instance *instance, const struct rn_options *options,
		    struct err *why)
{
	struct rn_png_geometry geometry = geometry_of(instance->image);
	uint64_t bytes;

	return rn_picture_supported(instance->image, options, why) &&
	       rn_png_size(&geometry, &bytes, why);
}

static bool is_measured(const struct rn_options *options)
{
	return options->png_level > 0;
}

static bool size(const struct rn_instance *instance, const struct rn_options *options,
		 uint32_t frame UNUSED, uint64_t *bytes, struct err *err)
{
	struct rn_png_geometry geometry = geometry_of(instance->image);

	if (is_measured(options)) {
		*bytes = instance->measured_size;
		return *bytes > 0 || err_set(err, ERR_NOTFOUND, "size not known");
	}
	return rn_png_size(&geometry, bytes, err);
}

/* *profile stays NULL when there is none. */
static bool read_profile(const struct rn_request *request, uint32_t size, uint8_t **profile,
			 struct err *err)
{
	if (size == 0)
		return true;
	*profile = malloc(size);
	if (*profile == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	return dc_source_read_exact(request->dataset->source, request->instance->image->icc_offset,
				    *profile, size, err) ||
	       err_prefix(err, "ICC profile");
}

static bool produce_compressed(const struct rn_request *request,
			       const struct rn_png_geometry *geometry, const uint8_t *profile,
			       struct rn_picture *picture, struct buf *out, struct err *err)
{
	struct rn_png_level *png CLEANUP_PNG_LEVEL = NULL;
	uint8_t *row CLEANUP_FREE = malloc((size_t)geometry->width * geometry->channels);

	if (row == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!rn_png_level_begin(&png, geometry, profile, request->options->png_level, out, err))
		return false;
	for (uint32_t i = 0; i < geometry->height; i++) {
		if (!rn_picture_row(picture, i, row, err) || !rn_png_level_row(png, row, err))
			return false;
	}
	return rn_png_level_end(png, err);
}

static bool produce(const struct rn_request *request, struct buf *out, struct err *err)
{
	struct rn_png_geometry geometry = geometry_of(request->instance->image);
	struct rn_picture picture CLEANUP_PICTURE = {0};
	struct rn_png png CLEANUP_PNG = {0};
	uint8_t *profile CLEANUP_FREE = NULL;

	if (!rn_picture_open(&picture, request, err) ||
	    !read_profile(request, geometry.profile_size, &profile, err))
		return false;
	if (is_measured(request->options))
		return produce_compressed(request, &geometry, profile, &picture, out, err);
	if (!rn_png_begin(&png, &geometry, profile, out, err))
		return false;
	for (uint32_t row = 0; row < geometry.height; row++) {
		if (!rn_picture_row(&picture, row, rn_png_row(&png), err))
			return false;
		rn_png_row_done(&png);
	}
	rn_png_end(&png);
	return true;
}

/* The version counts changes of the PNG layout and of what pixels look like. */
const struct rn_kind rn_kind_png = {
	.number = RN_KIND_PNG,
	.folder = "png",
	.suffix = ".png",
	.help = "the picture, or one of each frame, as PNG",
	.per_frame = true,
	.version = 2,
	.applies = applies,
	.measured = is_measured,
	.size = size,
	.produce = produce,
};
