/*
 * Palette Color Lookup Tables of an image (PS3.3 C.7.6.3.1.5, C.7.6.3.1.6), plain
 * and segmented (C.7.9.2), as 8-bit levels.
 *
 * Index and data are clamped: a value below the first mapped one has the first
 * entry, one above the last has the last entry that exists.
 *
 * What descriptors say of bits is compared with the data: bytes under a
 * descriptor of 16 bits and words under one of 8 are read as what they are, told
 * by the length. Words give their high byte, as 16 bits of colour do; but if none
 * in the three tables is above 255 they are 8-bit levels, whatever the
 * descriptors say (the picture would be black).
 *
 * Thread rule: read-only once read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PALETTE_H
#define RENDER_PALETTE_H

#include "render/render.h"

#define RN_PALETTE_ENTRIES 65536

struct rn_palette_descriptor {
	uint32_t entries; /* 1 to 65536 */
	int32_t first;    /* stored value of the first entry */
	uint16_t bits;    /* 8 or 16, if it is true */
};

/* One of red, green, blue. */
struct rn_palette_lut {
	struct rn_palette_descriptor descriptor;
	uint16_t *entries;
	uint32_t count; /* entries that exist: 1 to descriptor.entries */
	uint16_t greatest;
	bool wide; /* they are words, else bytes */
};

struct rn_palette {
	struct rn_palette_lut lut[3];
	uint8_t shift[3]; /* of entries, to their 8-bit levels */
	/* The frame's own Pixel Presentation says MONOCHROME: a frame of a MIXED image
	 * that the palette is not for. */
	bool monochrome;
};

/* Reads the header again. ERR_CORRUPT: descriptor or data is missing, empty or
 * too long, or segments make no sense. */
bool rn_palette_read(struct rn_palette *palette, const struct rn_request *request,
		     struct err *err) MUST_CHECK;
void rn_palette_release(struct rn_palette *palette);
#define CLEANUP_PALETTE CLEANUP(rn_palette_release)

/* Whether a stored value of a supplemented image is coloured (PS3.3 C.8.16.2.1.1.1). */
static inline bool rn_palette_colours(const struct rn_palette *palette, int32_t value)
{
	return !palette->monochrome && value >= palette->lut[0].descriptor.first;
}

/* The level of a stored value. */
static inline uint8_t rn_palette_level(const struct rn_palette *palette, int colour,
				       int32_t value)
{
	const struct rn_palette_lut *lut = &palette->lut[colour];
	int64_t at = (int64_t)value - lut->descriptor.first;
	uint16_t entry = lut->entries[at < 0 ? 0 : MIN_OF(at, (int64_t)lut->count - 1)];

	return (uint8_t)(entry >> palette->shift[colour]);
}

/* The entries of one table out of its value field; its entries are to be freed.
 * words: the value field consists of 16-bit words of this byte order. CORRUPT:
 * as above. */
bool rn_palette_expand(const struct rn_palette_descriptor *descriptor, bool segmented,
		       struct span data, bool words, bool big_endian, struct rn_palette_lut *lut,
		       struct err *err) MUST_CHECK;

#endif
