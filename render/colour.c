/* SPDX-License-Identifier: MIT */
#include "render/colour.h"

bool rn_colour_supported(const struct dc_image *image, struct err *why)
{
	const char *name = dc_photometric_name(image->photometric);
	unsigned samples = rn_is_grey(image) ? 1 : 3;

	if (image->photometric == DC_PHOTOMETRIC_NONE)
		return err_set(why, ERR_CORRUPT, "Photometric Interpretation is absent");
	if (!rn_is_grey(image) && image->photometric != DC_RGB)
		return err_set(why, ERR_UNSUPPORTED, "%s is not rendered yet", name);
	if (image->samples != samples)
		return err_set(why, ERR_CORRUPT, "%s with %u samples per pixel", name,
			       image->samples);
	if (image->photometric == DC_RGB && image->pixel_representation != 0)
		return err_set(why, ERR_UNSUPPORTED, "RGB with signed samples");
	return true;
}

/* The full range of the samples is black to white. */
bool rn_colour_open(struct rn_colour_map *map, const struct rn_request *request UNUSED,
		    const struct rn_cells *cells, const struct rn_decoded *decoded UNUSED,
		    struct err *err)
{
	struct rn_transform transform =
		rn_grey_min_max(0, (int32_t)rn_cells_count(cells) - 1, 1);

	map->plain_copy = cells->bytes == 1 && cells->bits == 8;
	return rn_grey_map_init(&map->channel, cells, &transform, false, err);
}

void rn_colour_release(struct rn_colour_map *map)
{
	rn_grey_map_release(&map->channel);
}

void rn_colour_row(const struct rn_colour_map *map, const void *cells, size_t columns,
		   uint8_t *rgb)
{
	if (map->plain_copy)
		memcpy(rgb, cells, columns * 3);
	else
		rn_grey_map_row(&map->channel, cells, columns * 3, rgb);
}
