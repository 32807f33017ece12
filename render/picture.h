/*
 * The pixel pipeline: one frame of an instance as rows of 8-bit grey or RGB.
 *
 *   stage          what                                   where
 *   ------------   ------------------------------------   -----------------------
 *   decode         bytes of the frame to cells            rows.h, codec-x.c
 *   stored         cells to stored values                 cells.h, wide.h
 *   modality       slope and intercept, or a LUT          params.h, voi.h, lut.h
 *   VOI            window, LUT, or min-max without        params.h, voi.h, lut.h
 *                  padding
 *   polarity       MONOCHROME1                            params.h
 *                  (these three in one step               grey.h, wide.h)
 *   colour         samples to 8-bit RGB                   colour.h
 *   overlay        bitmaps burned in                      overlay.h
 *   output         rows into a file                       png.h, kind-png.c
 *
 * Colour is neither rescaled nor windowed (PS3.3 C.11.1, C.11.2 apply to
 * MONOCHROME1 and 2).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PICTURE_H
#define RENDER_PICTURE_H

#include "render/colour.h"
#include "render/grey.h"
#include "render/params.h"
#include "render/rows.h"
#include "render/wide.h"

/* Whether the frames can be rendered, from the packed description alone;
 * ERR_NOTFOUND: there are no pixels. */
bool rn_picture_supported(const struct dc_image *image, const struct rn_options *options,
			  struct err *why) MUST_CHECK;

/* 1 grey or 3 RGB; fixed by the header. */
uint8_t rn_picture_channels(const struct dc_image *image);

struct rn_picture {
	/* Private. */
	const struct rn_request *request;
	struct rn_params params;
	struct rn_rows rows;
	struct rn_cells cells;       /* of grey of up to 16 bits */
	struct rn_grey_map map;      /* grey */
	struct rn_colour_map colour; /* all else */
	struct rn_palette palette;   /* of a supplemented image */
	bool is_wide;
	struct rn_wide wide;
	struct rn_transform transform; /* wide grey */
};

/* Prepares the frame of the request, which must outlive the picture. Reads all
 * of its pixels once if it has no window. */
bool rn_picture_open(struct rn_picture *picture, const struct rn_request *request,
		     struct err *err) MUST_CHECK;
/* One row: columns x channels bytes. Best asked for in ascending order. */
bool rn_picture_row(struct rn_picture *picture, uint32_t row, uint8_t *out,
		    struct err *err) MUST_CHECK;
void rn_picture_release(struct rn_picture *picture);
#define CLEANUP_PICTURE CLEANUP(rn_picture_release)

#endif
