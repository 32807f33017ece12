/*
 * PNG that is really compressed, by libpng: small files whose size is known
 * only once they are made (option png_level). What comes out depends on libpng
 * and zlib too, see rn_png_level_library().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PNG_LEVEL_H
#define RENDER_PNG_LEVEL_H

#include "render/png.h"

#define RN_PNG_LEVEL_MAX 9

struct rn_png_level;

/* Begins a file at the end of out, to which nothing else may be added until it
 * is released; profile: geometry->profile_size bytes, or NULL; level 1 (fast) to 9
 * (small). */
bool rn_png_level_begin(struct rn_png_level **png, const struct rn_png_geometry *geometry,
			const uint8_t *profile, unsigned level, struct buf *out,
			struct err *err) MUST_CHECK;
/* The next row: width x channels bytes. */
bool rn_png_level_row(struct rn_png_level *png, const uint8_t *row, struct err *err) MUST_CHECK;
/* After all rows. */
bool rn_png_level_end(struct rn_png_level *png, struct err *err) MUST_CHECK;
void rn_png_level_release(struct rn_png_level **png); /* NULL inside is allowed */
#define CLEANUP_PNG_LEVEL CLEANUP(rn_png_level_release)

/* "libpng-1.6.39,zlib-1.2.13": with other versions the same picture may have
 * another size. */
void rn_png_level_library(struct buf *out);

#endif
