/* SPDX-License-Identifier: MIT */
#include "render/kinds.h"
#include "render/picture.h"
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

static bool size(const struct rn_instance *instance, const struct rn_options *options UNUSED,
		 uint32_t frame UNUSED, uint64_t *bytes, struct err *err)
{
	struct rn_png_geometry geometry = geometry_of(instance->image);

	return rn_png_size(&geometry, bytes, err);
}

static bool produce(const struct rn_request *request, struct buf *out, struct err *err)
{
	struct rn_png_geometry geometry = geometry_of(request->instance->image);
	struct rn_picture picture CLEANUP_PICTURE = {0};
	struct rn_png png CLEANUP_PNG = {0};

	if (!rn_picture_open(&picture, request, err) ||
	    !rn_png_begin(&png, &geometry, out, err))
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
	.version = 1,
	.applies = applies,
	.size = size,
	.produce = produce,
};
