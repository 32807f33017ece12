/*
 * Cells and grey levels, pixel by pixel, against the standard's formulas
 * written down once more in the plainest way.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/grey.h"

#include <math.h>
#include <setjmp.h>

#include <cmocka.h>

static const struct rn_decoded as_header;

#define CELLS 65536

/* The same "random" numbers every time. */
static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* ---- Stored values ------------------------------------------------------ */

/* PS3.5 8.1.1: Bits Stored bits that end at High Bit, two's complement. */
static int32_t stored_value(const struct dc_image *image, uint32_t cell)
{
	uint32_t value = cell >> (image->high_bit + 1u - image->bits_stored);

	value &= (1u << image->bits_stored) - 1;
	if (image->pixel_representation == 1 && (value >> (image->bits_stored - 1)) != 0)
		return (int32_t)value - (1 << image->bits_stored);
	return (int32_t)value;
}

static void for_all_cell_layouts(void (*check)(const struct dc_image *image))
{
	for (unsigned allocated = 8; allocated <= 16; allocated += 8) {
		for (unsigned stored = 1; stored <= allocated; stored++) {
			for (unsigned high = stored - 1; high < allocated; high++) {
				struct dc_image image = {
					.bits_allocated = (uint16_t)allocated,
					.bits_stored = (uint16_t)stored,
					.high_bit = (uint16_t)high,
				};

				check(&image);
				image.pixel_representation = 1;
				check(&image);
			}
		}
	}
}

static void check_cells(const struct dc_image *image)
{
	struct rn_cells cells;
	struct err err = {0};

	assert_true(rn_cells_init(&cells, image, &as_header, &err));
	for (uint32_t cell = 0; cell < 1u << image->bits_allocated;
	     cell += image->bits_allocated == 16 ? 7 : 1) {
		uint32_t index = rn_cell_index(&cells, (uint16_t)cell);
		int32_t value = stored_value(image, cell);
		uint16_t clean = rn_cell_of_index(&cells, index);

		if ((int32_t)index + cells.first != value || index >= rn_cells_count(&cells) ||
		    stored_value(image, clean) != value ||
		    rn_cell_index_of_value(&cells, value) != index)
			fail_msg("%u of %u bits, high bit %u: cell %x", image->bits_stored,
				 image->bits_allocated, image->high_bit, cell);
	}
}

static void cells_give_stored_values(void **state)
{
	(void)state;
	for_all_cell_layouts(check_cells);
}

static void impossible_cells_are_refused(void **state)
{
	static const struct {
		uint16_t allocated, stored, high;
		enum err_code code;
	} table[] = {
		{0, 0, 0, ERR_UNSUPPORTED},    {1, 2, 1, ERR_CORRUPT},
		{12, 13, 12, ERR_CORRUPT},     {32, 32, 31, ERR_UNSUPPORTED},
		{65528, 8, 7, ERR_UNSUPPORTED}, {8, 0, 0, ERR_CORRUPT},
		{8, 9, 8, ERR_CORRUPT},        {16, 17, 16, ERR_CORRUPT},
		{16, 12, 16, ERR_CORRUPT},     {16, 12, 10, ERR_CORRUPT},
		{8, 8, 15, ERR_CORRUPT},       {16, 12, 65535, ERR_CORRUPT},
		{16, 65535, 15, ERR_CORRUPT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct dc_image image = {.bits_allocated = table[i].allocated,
					 .bits_stored = table[i].stored,
					 .high_bit = table[i].high};
		struct rn_cells cells;
		struct err err = {0};

		assert_false(rn_cells_init(&cells, &image, &as_header, &err));
		assert_int_equal(err.code, table[i].code);
	}
}

static void fill_cells(const struct dc_image *image, uint32_t seed, size_t count, void *to)
{
	for (size_t i = 0; i < count; i++) {
		uint32_t random = next_random(&seed);

		if (image->bits_allocated == 8)
			((uint8_t *)to)[i] = (uint8_t)random;
		else
			((uint16_t *)to)[i] = (uint16_t)random;
	}
}

static uint32_t cell_at(const struct dc_image *image, const void *cells, size_t i)
{
	return image->bits_allocated == 8 ? ((const uint8_t *)cells)[i]
					  : ((const uint16_t *)cells)[i];
}

/* With and without values to leave out, all lengths around a vector's. */
static void check_range(const struct dc_image *image)
{
	static const size_t counts[] = {0, 1, 2, 31, 32, 33, 64, 95, 200};
	uint16_t memory[200];
	struct rn_cells cells;
	struct err err = {0};

	assert_true(rn_cells_init(&cells, image, &as_header, &err));
	for (size_t c = 0; c < ARRAY_LEN(counts); c++) {
		uint32_t all = rn_cells_count(&cells);
		struct rn_cells_range range = {.first = UINT32_MAX, .skip_first = 1};
		uint32_t first = UINT32_MAX, last = 0;

		if (c % 2 == 1) {
			range.skip_first = all / 8 * (uint32_t)(c / 2);
			range.skip_last = MIN_OF(range.skip_first + all / 2, all - 1);
		}
		fill_cells(image, (uint32_t)c, counts[c], memory);
		for (size_t i = 0; i < counts[c]; i++) {
			uint32_t index = (uint32_t)(stored_value(image, cell_at(image, memory, i)) -
						    cells.first);

			if (index >= range.skip_first && index <= range.skip_last)
				continue;
			first = MIN_OF(first, index);
			last = MAX_OF(last, index);
		}
		rn_cells_range(&cells, memory, counts[c], &range);
		assert_int_equal(range.first, first);
		assert_int_equal(range.last, last);
	}
}

static void ranges_leave_padding_out(void **state)
{
	(void)state;
	for_all_cell_layouts(check_range);
}

/* ---- Grey levels -------------------------------------------------------- */

/* PS3.3 C.11.1.1.2, then C.11.2.1.2.1, C.11.2.1.3.1 or C.11.2.1.3.2, then
 * polarity; the output range is 0 to 255. */
static uint8_t reference_grey(double stored, double slope, double intercept,
			      const struct rn_voi *voi, bool invert)
{
	double x = slope * stored + intercept, c = voi->center, w = voi->width, y;
	uint8_t grey;

	if (voi->function == DC_VOI_SIGMOID)
		y = 255 / (1 + exp(-4 * (x - c) / w));
	else if (voi->function == DC_VOI_LINEAR_EXACT || w < 1)
		y = x <= c - w / 2 ? 0 : x > c + w / 2 ? 255 : ((x - c) / w + 0.5) * 255;
	else if (x <= c - 0.5 - (w - 1) / 2)
		y = 0;
	else if (x > c - 0.5 + (w - 1) / 2)
		y = 255;
	else
		y = ((x - (c - 0.5)) / (w - 1) + 0.5) * 255;
	grey = (uint8_t)floor(y + 0.5);
	return invert ? (uint8_t)(255 - grey) : grey;
}

/* Every cell there can be; returns whether a line did it. */
static bool check_grey(const struct dc_image *image, double slope, double intercept,
		       struct rn_voi voi, bool invert)
{
	struct rn_transform transform = {
		.slope = slope, .intercept = intercept, .voi = voi};
	size_t count = (size_t)1 << image->bits_allocated;
	uint16_t *in = malloc(CELLS * sizeof(*in));
	uint8_t *out = malloc(CELLS);
	struct rn_grey_map map;
	struct rn_cells cells;
	struct err err = {0};
	bool straight;

	assert_non_null(in);
	assert_non_null(out);
	assert_true(rn_cells_init(&cells, image, &as_header, &err));
	assert_true(rn_grey_map_init(&map, &cells, &transform, invert, &err));
	for (size_t i = 0; i < count; i++) {
		if (image->bits_allocated == 8)
			((uint8_t *)in)[i] = (uint8_t)i;
		else
			in[i] = (uint16_t)i;
	}
	/* Odd pieces, so that the ends of rows are tried too. */
	rn_grey_map_row(&map, in, 77, out);
	rn_grey_map_row(&map, (uint8_t *)in + 77 * (size_t)cells.bytes, count - 77, out + 77);
	for (size_t i = 0; i < count; i++) {
		int32_t stored = stored_value(image, (uint32_t)i);
		uint8_t expected = reference_grey(stored, slope, intercept, &voi, invert);

		if (out[i] != expected)
			fail_msg("stored %d is %u, not %u: slope %.17g %.17g, function %u, center "
				 "%.17g, width %.17g, invert %d, %u of %u bits",
				 stored, out[i], expected, slope, intercept, voi.function,
				 voi.center, voi.width, invert, image->bits_stored,
				 image->bits_allocated);
	}
	straight = map.straight;
	rn_grey_map_release(&map);
	free(in);
	free(out);
	return straight;
}

static struct dc_image layout(unsigned allocated, unsigned stored, unsigned high, bool is_signed)
{
	return (struct dc_image){.bits_allocated = (uint16_t)allocated,
				 .bits_stored = (uint16_t)stored,
				 .high_bit = (uint16_t)high,
				 .pixel_representation = is_signed};
}

static void windows_follow_the_standard(void **state)
{
	static const struct {
		uint8_t allocated, stored, high;
		bool is_signed;
		double slope, intercept;
		uint8_t function;
		double center, width;
	} table[] = {
		/* Windows of CT and MR. */
		{16, 16, 15, true, 1, -1024, DC_VOI_LINEAR, 40, 400},
		{16, 12, 11, false, 1, -1024, DC_VOI_LINEAR, 40, 80},
		{16, 12, 11, false, 1, -1024, DC_VOI_LINEAR, -600, 1500},
		{16, 16, 15, true, 1, 0, DC_VOI_LINEAR, 2048, 4096},
		{16, 16, 15, false, 1, 0, DC_VOI_LINEAR, 32768, 65536},
		{16, 16, 15, true, 1, 0, DC_VOI_LINEAR, 0, 65536},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2048, 4001},
		{16, 14, 13, false, 1, 0, DC_VOI_LINEAR, 8192, 16383},
		{16, 12, 11, false, 2.0222414, 0, DC_VOI_LINEAR, 1164, 2324},
		{16, 12, 11, false, 0.684, 200, DC_VOI_LINEAR, 500.5, 777.25},
		/* Falling, tiny and huge slopes. */
		{16, 12, 11, false, -1, 4095, DC_VOI_LINEAR, 2048, 4096},
		{16, 16, 15, true, -0.37, 12.5, DC_VOI_LINEAR, 3, 2000},
		{16, 16, 15, true, -1, 0, DC_VOI_LINEAR, 0, 2},
		{16, 16, 15, false, 1e-12, 0, DC_VOI_LINEAR_EXACT, 3e-8, 6e-8},
		{16, 16, 15, false, 1e-12, 0, DC_VOI_LINEAR, 3e-8, 6e-8},
		{16, 16, 15, false, 3e9, -1e12, DC_VOI_LINEAR, 4e13, 9e13},
		{16, 16, 15, false, 1e300, 0, DC_VOI_LINEAR, 1e300, 1e301},
		{16, 16, 15, false, 1e308, 1e308, DC_VOI_LINEAR, 1e308, 1e308},
		{16, 16, 15, false, 0.0010346139, 33.901196, DC_VOI_LINEAR, 60, 70},
		/* Widths that mean something special. */
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 1},
		{16, 12, 11, false, 0.1, 0, DC_VOI_LINEAR, 200, 1},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 2},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 1.0000001},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 1.5},
		{16, 12, 11, false, 1e-4, 0, DC_VOI_LINEAR, 0.2, 0.4},
		{16, 12, 11, false, 1e-4, 0, DC_VOI_LINEAR, 0.2, 0.9999},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 1e-300},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2000, 1e300},
		/* Windows beside all values, or far wider. */
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, -5000, 100},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 50000, 100},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 2048, 1000000},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 4000, 1000},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR, 100, 1000},
		/* Other layouts of cells. */
		{16, 12, 15, false, 1, 0, DC_VOI_LINEAR, 2048, 4096},
		{16, 10, 12, true, 1, 0, DC_VOI_LINEAR, 17, 333},
		{16, 1, 0, false, 1, 0, DC_VOI_LINEAR, 1, 2},
		{16, 1, 15, true, 1, 0, DC_VOI_LINEAR, 0, 2},
		{8, 8, 7, false, 1, 0, DC_VOI_LINEAR, 128, 256},
		{8, 8, 7, false, 1, 0, DC_VOI_LINEAR, 127.5, 255},
		{8, 8, 7, true, 1, 0, DC_VOI_LINEAR, 0, 256},
		{8, 8, 7, false, -1, 255, DC_VOI_LINEAR, 128, 256},
		{8, 6, 6, true, 3, 1, DC_VOI_LINEAR, 10, 90},
		{8, 1, 0, false, 1, 0, DC_VOI_LINEAR, 0, 1},
		/* Other functions. */
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR_EXACT, 2048, 4096},
		{16, 12, 11, false, 1, 0, DC_VOI_LINEAR_EXACT, 2048, 1},
		{16, 12, 11, false, 1, -1024, DC_VOI_LINEAR_EXACT, 40, 0.5},
		{16, 16, 15, true, -1, 0, DC_VOI_LINEAR_EXACT, 100, 1000},
		{16, 12, 11, false, 1, -1024, DC_VOI_SIGMOID, 40, 400},
		{16, 16, 15, true, -2, 7, DC_VOI_SIGMOID, 0, 5000},
		{16, 16, 15, true, 1, 0, DC_VOI_SIGMOID, 0, 1e-9},
		{8, 8, 7, false, 1, 0, DC_VOI_SIGMOID, 128, 100},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct dc_image image = layout(table[i].allocated, table[i].stored, table[i].high,
					       table[i].is_signed);
		struct rn_voi voi = {table[i].function, table[i].center, table[i].width};

		assert_true(rn_voi_usable(&voi));
		check_grey(&image, table[i].slope, table[i].intercept, voi, false);
		check_grey(&image, table[i].slope, table[i].intercept, voi, true);
	}
}

static void random_windows_follow_the_standard(void **state)
{
	uint32_t seed = 12345;

	(void)state;
	for (int i = 0; i < 150; i++) {
		unsigned stored = 8 + next_random(&seed) % 9;
		struct dc_image image =
			layout(16, stored, stored - 1 + next_random(&seed) % (17 - stored),
			       next_random(&seed) % 2 == 0);
		double range = (double)(1u << stored);
		double slope = (next_random(&seed) % 8 == 0 ? -1 : 1) *
			       (next_random(&seed) % 2 == 0 ? 1 : (next_random(&seed) % 4000 + 1) / 999.0);
		double intercept = (double)(next_random(&seed) % 4096) - 2048;
		struct rn_voi voi = {
			.function = next_random(&seed) % 10 == 0 ? DC_VOI_LINEAR_EXACT : DC_VOI_LINEAR,
			.center = (double)(next_random(&seed) % (1u << stored)) -
				  (image.pixel_representation == 1 ? range / 2 : 0) + intercept,
			.width = 1 + (double)(next_random(&seed) % (1u << stored)),
		};

		check_grey(&image, slope, intercept, voi, next_random(&seed) % 4 == 0);
	}
}

/* What speed rests on: the windows of everyday pictures are lines. */
static void everyday_windows_are_lines(void **state)
{
	static const struct {
		uint8_t stored;
		bool is_signed;
		double slope, intercept, center, width;
	} table[] = {
		{16, true, 1, -1024, 40, 400},   {16, true, 1, 0, 40, 80},
		{12, false, 1, -1024, 35, 350},  {12, false, 1, -1024, -600, 1600},
		{12, false, 1, 0, 2048, 4096},   {16, true, 1, 0, 500, 2000},
		{16, false, 1, 0, 600, 1300},    {14, false, 1, 0, 8192, 16384},
		{10, false, 1, 0, 512, 1024},    {12, false, -1, 4095, 2048, 4001},
		{16, true, 9.570207, -19595, 40, 400},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct dc_image image = layout(16, table[i].stored, table[i].stored - 1u,
					       table[i].is_signed);
		struct rn_voi voi = {DC_VOI_LINEAR, table[i].center, table[i].width};

		if (!check_grey(&image, table[i].slope, table[i].intercept, voi, false))
			fail_msg("row %zu is a table", i);
	}
}

static void unusable_windows(void **state)
{
	static const struct rn_voi table[] = {
		{DC_VOI_LINEAR, 40, 0},        {DC_VOI_LINEAR, 40, -1},
		{DC_VOI_LINEAR, 40, NAN},      {DC_VOI_LINEAR, NAN, 40},
		{DC_VOI_LINEAR, INFINITY, 40}, {DC_VOI_LINEAR, 40, INFINITY},
		{DC_VOI_SIGMOID, 40, 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		assert_false(rn_voi_usable(&table[i]));
}

/* ---- Min-max ------------------------------------------------------------ */

/* The least value is 0, the greatest 255, linear between, halves up. */
static void check_min_max(const struct dc_image *image, int32_t first, int32_t last, double slope)
{
	struct rn_transform transform = rn_transform_min_max(first, last, slope);

	for (uint32_t cell = 0; cell < CELLS; cell += 3) {
		int32_t stored = stored_value(image, cell);
		int64_t size = (int64_t)last - first, up = (int64_t)stored - first;
		int64_t grey;
		uint8_t got;
		struct rn_grey_map map;
		struct rn_cells cells;
		struct err err = {0};
		uint16_t in = (uint16_t)cell;

		if (stored < first || stored > last || cell % 37 != 0)
			continue;
		if (slope < 0)
			up = size - up;
		grey = size > 0 ? (up * 510 + size) / (2 * size) : 0;
		assert_true(rn_cells_init(&cells, image, &as_header, &err));
		assert_true(rn_grey_map_init(&map, &cells, &transform, false, &err));
		rn_grey_map_row(&map, &in, 1, &got);
		rn_grey_map_release(&map);
		if (got != grey)
			fail_msg("stored %d of %d to %d is %u, not %lld", stored, first, last, got,
				 (long long)grey);
	}
}

static void min_max_covers_black_to_white(void **state)
{
	struct dc_image plain = layout(16, 16, 15, false), sign = layout(16, 16, 15, true);

	(void)state;
	check_min_max(&plain, 0, 65535, 1);
	check_min_max(&plain, 0, 255, 1e-12);
	check_min_max(&plain, 1000, 1510, -3);
	check_min_max(&plain, 111, 111, 1);
	check_min_max(&sign, -32768, 32767, 1);
	check_min_max(&sign, -2000, 3071, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cells_give_stored_values),
		cmocka_unit_test(impossible_cells_are_refused),
		cmocka_unit_test(ranges_leave_padding_out),
		cmocka_unit_test(windows_follow_the_standard),
		cmocka_unit_test(random_windows_follow_the_standard),
		cmocka_unit_test(everyday_windows_are_lines),
		cmocka_unit_test(unusable_windows),
		cmocka_unit_test(min_max_covers_black_to_white),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
