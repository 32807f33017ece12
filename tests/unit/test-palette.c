/*
 * Palettes: entries out of value fields, honest and hostile ones, plain and in
 * segments; levels by stored value.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/palette.h"

#include <setjmp.h>

#include <cmocka.h>

#define BYTES(text) {(const uint8_t *)(text), sizeof(text) - 1}

static const struct {
	const char *name;
	struct rn_palette_descriptor descriptor;
	bool segmented, words, big_endian;
	struct span data;
	uint32_t count; /* 0: an error */
	uint16_t expected[8];
	const char *message;
} table[] = {
	{"words", {3, 0, 16}, false, true, false, BYTES("\x01\x02\x03\x04\x05\x06"), 3,
	 {0x201, 0x403, 0x605}, NULL},
	{"words, big endian", {2, 0, 16}, false, true, true, BYTES("\x01\x02\x03\x04"), 2,
	 {0x102, 0x304}, NULL},
	{"too many are left out", {1, 0, 16}, false, true, false, BYTES("\x01\x02\x03\x04\x05\x06"),
	 1, {0x201}, NULL},
	{"too few are all there is", {9, 0, 16}, false, true, false, BYTES("\x01\x02\x03\x04"), 2,
	 {0x201, 0x403}, NULL},
	{"bytes", {4, 0, 8}, false, true, false, BYTES("\x01\x02\x03\x04"), 4, {1, 2, 3, 4}, NULL},
	{"bytes, padded", {3, 0, 8}, false, true, false, BYTES("\x01\x02\x03\x00"), 3, {1, 2, 3},
	 NULL},
	{"bytes in big-endian words", {4, 0, 8}, false, true, true, BYTES("\x02\x01\x04\x03"), 4,
	 {1, 2, 3, 4}, NULL},
	{"bytes in big-endian OB", {4, 0, 8}, false, false, true, BYTES("\x01\x02\x03\x04"), 4,
	 {1, 2, 3, 4}, NULL},
	{"the last byte of an odd value", {3, 0, 8}, false, true, true, BYTES("\x02\x01\x03"), 3,
	 {1, 2, 3}, NULL},
	{"words called bytes", {2, 0, 8}, false, true, false, BYTES("\x01\x02\x03\x04"), 2,
	 {0x201, 0x403}, NULL},
	{"bytes called words", {4, 0, 16}, false, true, false, BYTES("\x01\x02\x03\x04"), 4,
	 {1, 2, 3, 4}, NULL},
	{"half a word", {4, 0, 16}, false, true, false, BYTES("\x01"), 0, {0},
	 "the palette has no entries"},

	{"discrete", {3, 0, 16}, true, true, false, BYTES("\0\0\3\0\1\0\2\0\3\0"), 3, {1, 2, 3},
	 NULL},
	/* From 2 to 10 in four steps, the first behind the 2. */
	{"linear", {5, 0, 16}, true, true, false, BYTES("\0\0\1\0\2\0\1\0\4\0\12\0"), 5,
	 {2, 4, 6, 8, 10}, NULL},
	{"linear, falling and rounded", {4, 0, 16}, true, true, false,
	 BYTES("\0\0\1\0\12\0\1\0\3\0\0\0"), 4, {10, 7, 3, 0}, NULL},
	{"linear over everything", {3, 0, 16}, true, true, false,
	 BYTES("\0\0\1\0\xff\xff\1\0\2\0\0\0"), 3, {65535, 32768, 0}, NULL},
	{"bytes of segments", {5, 0, 8}, true, true, false, BYTES("\0\1\2\1\4\12"), 5,
	 {2, 4, 6, 8, 10}, NULL},
	{"segments in big-endian words", {5, 0, 8}, true, true, true, BYTES("\1\0\1\2\12\4"), 5,
	 {2, 4, 6, 8, 10}, NULL},
	/* Two segments from byte 0 again; the linear one begins where it now is. */
	{"indirect", {6, 0, 16}, true, true, false,
	 BYTES("\0\0\1\0\2\0\1\0\2\0\6\0\2\0\2\0\0\0\0\0"), 6, {2, 4, 6, 2, 4, 6}, NULL},
	{"an indirect linear segment", {5, 0, 16}, true, true, false,
	 BYTES("\0\0\1\0\2\0\1\0\2\0\6\0\2\0\1\0\6\0\0\0"), 5, {2, 4, 6, 6, 6}, NULL},
	{"indirect, bytes", {4, 0, 8}, true, true, false, BYTES("\0\2\7\11\2\1\0\0\0\0"), 4,
	 {7, 9, 7, 9}, NULL},
	{"more than the descriptor says", {2, 0, 16}, true, true, false,
	 BYTES("\0\0\3\0\1\0\2\0\3\0"), 2, {1, 2}, NULL},
	{"fewer", {9, 0, 16}, true, true, false, BYTES("\0\0\2\0\1\0\2\0"), 2, {1, 2}, NULL},
	{"nothing in segments", {9, 0, 16}, true, true, false, BYTES("\0\0\0\0"), 0, {0},
	 "the palette has no entries"},
	{"discrete, cut short", {9, 0, 16}, true, true, false, BYTES("\0\0\3\0\1\0\2\0"), 0, {0},
	 "a palette segment ends past the table"},
	{"linear, cut short", {9, 0, 16}, true, true, false, BYTES("\0\0\1\0\1\0\1\0\2\0"), 0, {0},
	 "a palette segment ends past the table"},
	{"linear at the start", {9, 0, 16}, true, true, false, BYTES("\1\0\2\0\1\0"), 0, {0},
	 "a linear palette segment has nothing in front of it"},
	{"indirect, cut short", {9, 0, 16}, true, true, false, BYTES("\2\0\1\0\0\0"), 0, {0},
	 "a palette segment ends past the table"},
	{"indirect to itself", {9, 0, 16}, true, true, false, BYTES("\2\0\1\0\0\0\0\0"), 0, {0},
	 "an indirect palette segment in another one"},
	{"indirect past the end", {9, 0, 16}, true, true, false, BYTES("\2\0\1\0\xfe\xff\xff\xff"),
	 0, {0}, "a palette segment ends past the table"},
	{"indirect to half an entry", {9, 0, 16}, true, true, false, BYTES("\2\0\1\0\1\0\0\0"), 0,
	 {0}, "a palette segment begins inside an entry"},
	{"a type that is none", {9, 0, 16}, true, true, false, BYTES("\3\0\1\0\1\0"), 0, {0},
	 "palette segments of type 3"},
};

static void entries_of_value_fields(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct rn_palette_lut lut = {0};
		struct err err = {0};
		/* Memory of its own, so that a sanitizer sees what is read behind it. */
		uint8_t *data = malloc(table[i].data.size);
		bool ok;

		assert_non_null(data);
		memcpy(data, table[i].data.data, table[i].data.size);
		ok = rn_palette_expand(&table[i].descriptor, table[i].segmented,
				       span_of(data, table[i].data.size), table[i].words,
				       table[i].big_endian, &lut, &err);
		free(data);
		if (ok != (table[i].count > 0))
			fail_msg("%s: %s", table[i].name, ok ? "is accepted" : err.message);
		if (!ok) {
			assert_string_equal(err.message, table[i].message);
			assert_int_equal(err.code, ERR_CORRUPT);
			continue;
		}
		if (lut.count != table[i].count)
			fail_msg("%s: %u entries", table[i].name, lut.count);
		for (uint32_t k = 0; k < lut.count; k++) {
			if (lut.entries[k] != table[i].expected[k])
				fail_msg("%s: entry %u is %u", table[i].name, k, lut.entries[k]);
		}
		free(lut.entries);
	}
}

/* Copies of 32767 segments of nothing, of 8 bytes each. */
static void endless_segments_end(void **state)
{
	struct rn_palette_descriptor descriptor = {65536, 0, 16};
	struct rn_palette_lut lut = {0};
	struct err err = {0};
	static uint8_t data[262144];

	(void)state;
	for (size_t i = 131072; i < sizeof(data); i += 8) {
		data[i] = 2;
		data[i + 2] = 0xff;
		data[i + 3] = 0x7f;
	}
	assert_false(rn_palette_expand(&descriptor, true, span_of(data, sizeof(data)), true, false,
				       &lut, &err));
	assert_string_equal(err.message, "a palette has more than 131072 segments");
}

static void values_are_clamped(void **state)
{
	uint16_t entries[] = {0x1100, 0x2200, 0x3300};
	struct rn_palette palette = {.lut = {{{9, -1, 16}, entries, 3, 0x3300, true}}, .shift = {8}};

	(void)state;
	assert_int_equal(rn_palette_level(&palette, 0, INT32_MIN), 0x11);
	assert_int_equal(rn_palette_level(&palette, 0, -2), 0x11);
	assert_int_equal(rn_palette_level(&palette, 0, -1), 0x11);
	assert_int_equal(rn_palette_level(&palette, 0, 0), 0x22);
	assert_int_equal(rn_palette_level(&palette, 0, 1), 0x33);
	assert_int_equal(rn_palette_level(&palette, 0, 2), 0x33);
	assert_int_equal(rn_palette_level(&palette, 0, INT32_MAX), 0x33);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(entries_of_value_fields),
		cmocka_unit_test(endless_segments_end),
		cmocka_unit_test(values_are_clamped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
