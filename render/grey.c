/* SPDX-License-Identifier: MIT */
#include "render/grey.h"

#include <math.h>

#define LEVELS 256

/* A transform seen as levels that grow with the index. */
struct curve {
	const struct rn_cells *cells;
	const struct rn_transform *transform;
	bool falling; /* levels were turned round to grow */
	uint32_t count;
	/* The least index whose level is at least k; count when there is none.
	 * [0] is 0. */
	uint32_t threshold[LEVELS];
};

static unsigned level_of(const struct curve *curve, uint32_t index)
{
	double grey = rn_transform_apply(curve->transform, (int32_t)index + curve->cells->first);
	unsigned level = (unsigned)(grey + 0.5);

	return curve->falling ? LEVELS - 1 - level : level;
}

/* The least index in [from, to] whose level is at least k, to standing for
 * "none below"; guess makes it cheap where it is close. */
static uint32_t find_threshold(const struct curve *curve, unsigned k, uint32_t from, uint32_t to,
			       double guess)
{
	uint32_t step = 1, at;

	/* Not finite or outside: begin at an end. */
	at = guess >= to ? to : guess > from ? (uint32_t)guess : from;
	while (from < to) {
		if (at >= to)
			at = to - 1;
		if (level_of(curve, at) >= k) {
			to = at;
			at = to - from > step ? to - step : from;
		} else {
			from = at + 1;
			at = to - from > step ? from + step - 1 : to;
		}
		step = step < 64 ? step * 2 : (to - from) / 2 + 1;
	}
	return from;
}

/* Thresholds of a straight part are 1 / index_slope apart: last runs along it. */
static void find_thresholds(struct curve *curve, double index_slope)
{
	double last = 0;

	curve->threshold[0] = 0;
	for (unsigned k = 1; k < LEVELS; k++) {
		uint32_t from = curve->threshold[k - 1];
		double guess = from > 0 && index_slope > 0 ? last + 1 / index_slope : from;

		curve->threshold[k] = find_threshold(curve, k, from, curve->count, guess);
		last = curve->threshold[k];
		if (from > 0 && fabs(guess - last) <= 1)
			last = guess;
	}
}

/* Offsets that a line of this slope may have so that it reaches k at every
 * threshold and stays below it one index earlier. */
static bool find_offset(const struct curve *curve, struct rn_cells_line *line, double index_slope,
			uint32_t low)
{
	double least = -INFINITY, most = INFINITY;

	for (unsigned k = 1; k < LEVELS; k++) {
		uint32_t at = curve->threshold[k];

		if (at > 0 && at < curve->count)
			least = fmax(least, k - index_slope * (at - low));
		if (at > low && at <= curve->count)
			most = fmin(most, k - index_slope * (at - 1.0 - low));
	}
	if (least > most)
		return false;
	line->offset = (float)((fmax(least, -1e6) + fmin(most, 1e6)) / 2);
	return true;
}

/* The line itself decides: one wrong level and there is a table instead. */
static bool prove_line(const struct curve *curve, const struct rn_cells_line *line)
{
	uint16_t cell[2 * LEVELS];
	uint8_t narrow[2 * LEVELS], expected[2 * LEVELS], got[2 * LEVELS];
	size_t count = 0;

	for (unsigned k = 1; k < LEVELS; k++) {
		uint32_t at = curve->threshold[k];

		if (at > curve->threshold[k - 1]) {
			expected[count] = (uint8_t)(k - 1);
			cell[count++] = rn_cell_of_index(curve->cells, at - 1);
		}
		if (at < curve->count && (k == LEVELS - 1 || at < curve->threshold[k + 1])) {
			expected[count] = (uint8_t)k;
			cell[count++] = rn_cell_of_index(curve->cells, at);
		}
	}
	for (size_t i = 0; i < count; i++)
		narrow[i] = (uint8_t)cell[i];
	rn_cells_line(curve->cells, line,
		      curve->cells->bytes == 1 ? (const void *)narrow : (const void *)cell, count,
		      got);
	return memcmp(got, expected, count) == 0;
}

static bool fit_line(const struct curve *curve, double index_slope, struct rn_cells_line *line)
{
	unsigned bottom = level_of(curve, 0), top = level_of(curve, curve->count - 1);
	uint32_t low, high;
	float slope = (float)index_slope;

	if (bottom == top || !(slope > 0) || slope > RN_CELLS_LINE_STEP_MAX)
		return false;
	low = bottom == 0 && curve->threshold[1] > 0 ? curve->threshold[1] - 1 : 0;
	high = top == LEVELS - 1 ? curve->threshold[LEVELS - 1] : curve->count - 1;
	*line = (struct rn_cells_line){
		.low = (uint16_t)(low << curve->cells->down),
		.high = (uint16_t)(high << curve->cells->down),
		.scale = slope / (float)(1u << curve->cells->down),
	};
	return find_offset(curve, line, slope, low) && prove_line(curve, line);
}

static void fill_table(const struct curve *curve, uint8_t flip, uint8_t *table)
{
	uint32_t at = 0;

	for (unsigned k = 0; k < LEVELS; k++) {
		uint32_t end = k + 1 < LEVELS ? curve->threshold[k + 1] : curve->count;

		memset(table + at, (int)(k ^ flip), end - at);
		at = end;
	}
}

/* Any transform. */
static void fill_each(const struct rn_cells *cells, const struct rn_transform *transform,
		      uint8_t flip, uint8_t *table)
{
	uint32_t count = rn_cells_count(cells);

	for (uint32_t i = 0; i < count; i++) {
		double grey = rn_transform_apply(transform, (int32_t)i + cells->first);

		table[i] = (uint8_t)((uint8_t)(grey + 0.5) ^ flip);
	}
}

bool rn_grey_map_init(struct rn_grey_map *map, const struct rn_cells *cells,
		      const struct rn_transform *transform, bool invert, struct err *err)
{
	bool with_lut = transform->modality_lut != NULL || transform->voi_lut != NULL;
	struct curve curve = {
		.cells = cells,
		.transform = transform,
		.falling = transform->slope < 0,
		.count = rn_cells_count(cells),
	};
	double index_slope = fabs(transform->slope) * rn_voi_slope(&transform->voi);
	uint8_t flip = curve.falling != invert ? LEVELS - 1 : 0;

	*map = (struct rn_grey_map){.cells = *cells};
	if (!with_lut) {
		find_thresholds(&curve, index_slope);
		map->straight = fit_line(&curve, index_slope, &map->line);
		map->line.flip = flip;
		if (map->straight)
			return true;
	}
	map->table = malloc(curve.count);
	if (map->table == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (with_lut)
		fill_each(cells, transform, invert ? LEVELS - 1 : 0, map->table);
	else
		fill_table(&curve, flip, map->table);
	return true;
}

void rn_grey_map_release(struct rn_grey_map *map)
{
	free(map->table);
	map->table = NULL;
}

void rn_grey_map_row(const struct rn_grey_map *map, const void *in, size_t count, uint8_t *out)
{
	if (map->straight)
		rn_cells_line(&map->cells, &map->line, in, count, out);
	else
		rn_cells_table(&map->cells, map->table, in, count, out);
}
