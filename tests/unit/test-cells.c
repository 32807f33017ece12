/*
 * What rn_cells_settle() makes of samples of a codestream, against arithmetic on
 * single numbers.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/cells.h"

#include <setjmp.h>

#include <cmocka.h>

#define COUNT 263

static const struct {
	const char *name;
	uint8_t allocated, stored, high;
	bool is_signed;
	struct rn_decoded decoded;
	int64_t in, out;
} table[] = {
	{"as the header says", 16, 12, 11, false, {.precision = 12}, 4095, 4095},
	{"12-bit JPEG, 10 stored", 16, 10, 9, false, {.precision = 12, .lossy = true}, 1100, 1023},
	{"12-bit JPEG, 10 stored, in range", 16, 10, 9, false, {.precision = 12, .lossy = true},
	 1000, 1000},
	{"lossless is not clamped: high bits are not looked at", 16, 10, 9, false,
	 {.precision = 12}, 1100, 1100},
	{"compressed with the bits below", 16, 12, 15, false, {.precision = 16, .lossy = true},
	 65530, 65530},
	{"negative, in an unsigned codestream", 16, 16, 15, true, {.precision = 12}, 0xf00, -256},
	{"negative, sign copied", 16, 16, 15, true, {.precision = 12, .is_signed = true}, -256,
	 -256},
	{"below the least", 16, 12, 11, true,
	 {.precision = 13, .is_signed = true, .lossy = true}, -2100, -2048},
	{"above the greatest", 16, 12, 11, true,
	 {.precision = 13, .is_signed = true, .lossy = true}, 2100, 2047},
	{"below 0 without a sign", 16, 12, 11, false,
	 {.precision = 13, .is_signed = true, .lossy = true}, -5, 0},
	{"8 bits, 6 stored", 8, 6, 5, false, {.precision = 8, .lossy = true}, 70, 63},
	{"8 bits, negative", 8, 8, 7, true, {.precision = 7}, 0x7f, -1},
	{"8 bits, below the least", 8, 6, 5, true,
	 {.precision = 8, .is_signed = true, .lossy = true}, -100, -32},
	{"32 bits, negative", 32, 32, 31, true, {.precision = 20}, 0xfffff, -1},
	{"32 bits, 24 stored", 32, 24, 23, false, {.precision = 28, .lossy = true}, 0x1000000,
	 0xffffff},
	{"64 bits, negative", 64, 64, 63, true, {.precision = 20}, 0xfffff, 0xfffff},
};

static void put(void *cells, unsigned bytes, size_t i, int64_t value)
{
	if (bytes == 1)
		((uint8_t *)cells)[i] = (uint8_t)value;
	else if (bytes == 2)
		((uint16_t *)cells)[i] = (uint16_t)value;
	else if (bytes == 4)
		((uint32_t *)cells)[i] = (uint32_t)value;
	else
		((uint64_t *)cells)[i] = (uint64_t)value;
}

/* At every place of a row that is no multiple of a vector. */
static void samples_become_cells(void **state)
{
	(void)state;
	for (size_t t = 0; t < ARRAY_LEN(table); t++) {
		struct dc_image image = {
			.pixel_tag = DC_TAG_PIXEL_DATA,
			.bits_allocated = table[t].allocated,
			.bits_stored = table[t].stored,
			.high_bit = table[t].high,
			.pixel_representation = table[t].is_signed,
		};
		unsigned bytes = rn_cell_bytes(&image);
		uint64_t cells[COUNT], expected[COUNT];
		struct err err = {0};

		memset(cells, 0, sizeof(cells));
		memset(expected, 0, sizeof(expected));
		for (size_t i = 0; i < COUNT; i++) {
			put(cells, bytes, i, i % 3 == 0 ? table[t].in : 1);
			put(expected, bytes, i, i % 3 == 0 ? table[t].out : 1);
		}
		assert_true(rn_cells_settle(&image, &table[t].decoded, cells, COUNT, &err));
		if (memcmp(cells, expected, sizeof(cells)) != 0)
			fail_msg("%s: other cells", table[t].name);
	}
}

static void too_many_bits_are_refused(void **state)
{
	struct dc_image image = {.pixel_tag = DC_TAG_PIXEL_DATA, .bits_allocated = 8,
				 .bits_stored = 8, .high_bit = 7};
	struct rn_decoded decoded = {.precision = 9};
	struct err err = {0};
	uint8_t cell = 0;

	(void)state;
	assert_false(rn_cells_settle(&image, &decoded, &cell, 1, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.message, "samples of 9 bits in cells of 8");
}

/* Where values are in cells once they are settled. */
static void alignment(void **state)
{
	static const struct {
		uint8_t stored, high;
		struct rn_decoded decoded;
		bool right;
	} rows[] = {
		{12, 11, {0}, false},
		{12, 15, {.precision = 12}, true},
		{12, 15, {.precision = 16}, false},
		{12, 15, {.precision = 16, .lossy = true}, false},
		{12, 11, {.precision = 16, .lossy = true}, true},
		{12, 11, {.precision = 8}, true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_image image = {.pixel_tag = DC_TAG_PIXEL_DATA, .bits_allocated = 16,
					 .bits_stored = rows[i].stored, .high_bit = rows[i].high};

		if (rn_cells_right_aligned(&image, &rows[i].decoded) != rows[i].right)
			fail_msg("row %zu", i);
	}
}

static void sizes_of_cells(void **state)
{
	static const struct {
		uint16_t bits;
		unsigned bytes;
	} rows[] = {{0, 0},  {1, 1},  {8, 1},  {9, 2},  {12, 2}, {16, 2},  {17, 0},    {20, 0},
		    {24, 4}, {32, 4}, {40, 8}, {56, 8}, {64, 8}, {72, 0}, {65528, 0}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_image image = {.pixel_tag = DC_TAG_PIXEL_DATA,
					 .bits_allocated = rows[i].bits};

		assert_int_equal(rn_cell_bytes(&image), rows[i].bytes);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(samples_become_cells),
		cmocka_unit_test(too_many_bits_are_refused),
		cmocka_unit_test(alignment),
		cmocka_unit_test(sizes_of_cells),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
