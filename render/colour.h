/*
 * Stage "colour" of the pixel pipeline: the samples of everything that is not
 * plain grey to 8-bit RGB (PS3.3 C.7.6.3.1.2, C.7.6.3.1.5, C.7.6.19, C.7.9): RGB,
 * YCbCr in its forms, palettes, and what PS3.3 had up to 2001: HSV, ARGB, CMYK.
 *
 * The least number that a sample can be is its minimum, also of signed ones,
 * the greatest its maximum; of more or fewer than 8 bits they become 8, rounded,
 * after conversion. Colour is never windowed.
 *
 * YBR_ICT and YBR_RCT are names of what JPEG 2000 does between its own RGB and
 * its codestream (PS3.5 8.2.4): decoded samples are RGB. They are not defined
 * for other transfer syntaxes, whose samples of 8 bits could not hold those of
 * YBR_RCT either: ERR_UNSUPPORTED.
 *
 * Thread rule: a map is read-only once open.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_COLOUR_H
#define RENDER_COLOUR_H

#include "render/cells.h"
#include "render/grey.h"
#include "render/palette.h"

/* MONOCHROME1 and MONOCHROME2. */
static inline bool rn_is_grey(const struct dc_image *image)
{
	return image->photometric == DC_MONOCHROME1 || image->photometric == DC_MONOCHROME2;
}

/* Grey with colours above a value: Supplemental Palette Color Lookup Table. */
static inline bool rn_is_supplemented(const struct dc_image *image)
{
	return rn_is_grey(image) && (image->flags & DC_IMAGE_SUPPLEMENTAL_PALETTE) != 0;
}

/* Photometric Interpretation and Samples per Pixel agree and can be shown; from
 * the packed description alone, for grey too. */
bool rn_colour_supported(const struct dc_image *image, struct err *why) MUST_CHECK;

struct rn_colour_map {
	/* Private. */
	uint8_t kind;
	uint8_t samples; /* a pixel: 1, 3, 4 */
	struct rn_cells cells;     /* of 16 bits at most */
	bool wide;                 /* 32 bits: number = ((cell >> shift) & most) ^ flip */
	uint8_t shift;
	uint32_t most, flip;       /* numbers are from 0 to most */
	uint32_t *table;           /* RGB by cell */
	uint8_t *levels;           /* of one sample by cell */
	struct rn_palette palette; /* ARGB */
};

/* Reads palettes from the header where the image has some. decoded: what the
 * codec said. The image is supported and not grey. */
bool rn_colour_open(struct rn_colour_map *map, const struct rn_request *request,
		    const struct rn_decoded *decoded, struct err *err) MUST_CHECK;
/* The same of a supplemented one; what is not coloured is as grey makes it. */
bool rn_colour_open_supplemented(struct rn_colour_map *map, const struct dc_image *image,
				 const struct rn_decoded *decoded, const struct rn_grey_map *grey,
				 const struct rn_palette *palette, struct err *err) MUST_CHECK;
void rn_colour_release(struct rn_colour_map *map);

/* A row of cells, columns x samples of them, to columns x 3 bytes RGB. */
void rn_colour_row(const struct rn_colour_map *map, const void *cells, size_t columns,
		   uint8_t *rgb);

#endif
