/*
 * Stage "colour" of the pixel pipeline: the samples of everything that is not
 * plain grey to 8-bit RGB (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.9): RGB, YCbCr in
 * its forms, palettes.
 *
 * Thread rule: a map is read-only once open.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_COLOUR_H
#define RENDER_COLOUR_H

#include "render/cells.h"
#include "render/grey.h"

/* MONOCHROME1 and MONOCHROME2. */
static inline bool rn_is_grey(const struct dc_image *image)
{
	return image->photometric == DC_MONOCHROME1 || image->photometric == DC_MONOCHROME2;
}

/* Photometric Interpretation and Samples per Pixel agree and can be shown; from
 * the packed description alone, for grey too. */
bool rn_colour_supported(const struct dc_image *image, struct err *why) MUST_CHECK;

struct rn_colour_map {
	/* Private. */
	struct rn_grey_map channel; /* of each sample */
	bool plain_copy;            /* cells are 8-bit RGB already */
};

/* Reads palettes from the header where the image has some. decoded: what the
 * codec said. */
bool rn_colour_open(struct rn_colour_map *map, const struct rn_request *request,
		    const struct rn_cells *cells, const struct rn_decoded *decoded,
		    struct err *err) MUST_CHECK;
void rn_colour_release(struct rn_colour_map *map);

/* A row of cells, columns x samples of them, to columns x 3 bytes RGB. */
void rn_colour_row(const struct rn_colour_map *map, const void *cells, size_t columns,
		   uint8_t *rgb);

#endif
