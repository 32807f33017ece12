/*
 * Grey pixels: the stages "modality", "VOI" and "polarity" of a frame made
 * into one step from cells to grey levels.
 *
 * What comes out is exactly round(transform(stored)), halves up, and 255 minus
 * that when inverted. Without LUTs the transform only grows or only falls, so
 * 255 thresholds describe it completely. They are found with the formulas in
 * double precision; from them come
 *  - a line in single precision, if it meets every threshold (most windows:
 *    it vectorises), which is proved by running it over both sides of each;
 *  - else a table by index.
 * With a LUT the table is filled value by value: modality, VOI and polarity in
 * one.
 *
 * Thread rule: a map is read-only once built.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_GREY_H
#define RENDER_GREY_H

#include "render/cells.h"
#include "render/voi.h"

struct rn_grey_map {
	struct rn_cells cells;
	bool straight; /* line, else table */
	struct rn_cells_line line;
	uint8_t *table; /* rn_cells_count entries, polarity included */
};

/* Errors: NOMEM. Takes some microseconds. */
bool rn_grey_map_init(struct rn_grey_map *map, const struct rn_cells *cells,
		      const struct rn_transform *transform, bool invert,
		      struct err *err) MUST_CHECK;
void rn_grey_map_release(struct rn_grey_map *map);

/* count cells of in (cells.bytes each, aligned) to grey levels. */
void rn_grey_map_row(const struct rn_grey_map *map, const void *in, size_t count, uint8_t *out);

#endif
