/*
 * Stage "colour": every YCbCr triple against exact arithmetic, and pictures of
 * all Photometric Interpretations and depths against pixels worked out by hand.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/colour.h"

#include <setjmp.h>

#include <cmocka.h>

#include "render/picture.h"
#include "render/ybr.h"
#include "tests/tools/recipe.h"

/* ---- YCbCr -------------------------------------------------------------- */

static int clamp(int64_t value)
{
	return value < 0 ? 0 : value > 255 ? 255 : (int)value;
}

/* numerator / denominator, rounded, halves up. */
static int64_t divide(int64_t numerator, int64_t denominator)
{
	int64_t twice = 2 * numerator + denominator, by = 2 * denominator;

	return twice >= 0 ? twice / by : -((-twice + by - 1) / by);
}

/* 0.114 x 1.772 / 0.587 and so on, as fractions. */
static void exact_full(const int *ybr, int *rgb)
{
	int64_t y = ybr[0], cb = ybr[1] - 128, cr = ybr[2] - 128;

	rgb[0] = clamp(divide(1000 * y + 1402 * cr, 1000));
	rgb[1] = clamp(divide(587000 * y - 202008 * cb - 419198 * cr, 587000));
	rgb[2] = clamp(divide(1000 * y + 1772 * cb, 1000));
}

static void exact_partial(const int *ybr, int *rgb)
{
	/* 255 / 219 of y and 255 / 224 of the others over one denominator. */
	int64_t y = (int64_t)(ybr[0] - 16) * 255 * 224, c = (int64_t)255 * 219, by = 219 * 224;
	int64_t cb = (ybr[1] - 128) * c, cr = (ybr[2] - 128) * c;

	rgb[0] = clamp(divide(1000 * y + 1402 * cr, 1000 * by));
	rgb[1] = clamp(divide(587000 * y - 202008 * cb - 419198 * cr, 587000 * by));
	rgb[2] = clamp(divide(1000 * y + 1772 * cb, 1000 * by));
}

static void compare(void (*convert)(const uint8_t *, size_t, uint8_t *),
		    void (*exact)(const int *, int *), int tolerance, int64_t *different)
{
	static uint8_t in[65536 * 3], out[65536 * 3];

	*different = 0;
	for (int y = 0; y < 256; y++) {
		for (size_t i = 0; i < 65536; i++) {
			in[3 * i] = (uint8_t)y;
			in[3 * i + 1] = (uint8_t)(i >> 8);
			in[3 * i + 2] = (uint8_t)i;
		}
		convert(in, 65536, out);
		for (size_t i = 0; i < 65536; i++) {
			int ybr[3] = {y, (int)(i >> 8), (int)(i & 255)}, rgb[3];

			exact(ybr, rgb);
			for (size_t k = 0; k < 3; k++) {
				int error = abs(rgb[k] - out[3 * i + k]);

				*different += error > 0;
				if (error > tolerance)
					fail_msg("%d %d %d: %zu is %d, not %d", y, ybr[1], ybr[2],
						 k, out[3 * i + k], rgb[k]);
			}
		}
	}
}

static void full_range_is_exact(void **state)
{
	int64_t different;

	(void)state;
	compare(rn_ybr_full, exact_full, 0, &different);
}

static void partial_range_is_all_but_exact(void **state)
{
	int64_t different;

	(void)state;
	compare(rn_ybr_partial, exact_partial, 1, &different);
	assert_true(different < (int64_t)3 * 256 * 65536 / 10000);
}

static void any_number_of_pixels(void **state)
{
	uint8_t in[3 * 100], all[3 * 100], some[3 * 100 + 1];

	(void)state;
	for (size_t i = 0; i < sizeof(in); i++)
		in[i] = (uint8_t)(i * 37);
	rn_ybr_full(in, 100, all);
	for (size_t count = 0; count <= 100; count++) {
		some[3 * count] = 0xa5;
		rn_ybr_full(in, count, some);
		assert_memory_equal(some, all, 3 * count);
		assert_int_equal(some[3 * count], 0xa5);
	}
}

/* ---- Pictures ----------------------------------------------------------- */

#define LITTLE "preamble\nmeta 1.2.840.10008.1.2.1\nobject\n"
#define BIG "preamble\nmeta 1.2.840.10008.1.2.2\nencoding explicit-be\nobject\n"
#define MODULE(samples, name, columns, allocated, stored, high, sign)                              \
	"(0028,0002) US " samples "\n(0028,0004) CS \"" name "\"\n(0028,0010) US 1\n"               \
	"(0028,0011) US " columns "\n(0028,0100) US " allocated "\n(0028,0101) US " stored         \
	"\n(0028,0102) US " high "\n(0028,0103) US " sign "\n"
#define BYTES(samples, name, columns) MODULE(samples, name, columns, "8", "8", "7", "0")
#define PALETTE(descriptor, tag, vr, red, green, blue)                                             \
	"(0028,1101) US " descriptor "\n(0028,1102) US " descriptor "\n(0028,1103) US " descriptor  \
	"\n(0028,12" tag "1) " vr " " red "\n(0028,12" tag "2) " vr " " green "\n(0028,12" tag      \
	"3) " vr " " blue "\n"
#define WORDS PALETTE("3 10 16", "0", "OW", "0x1000 0x2000 0x3000", "0x4000 0x5000 0x6000",       \
		      "0x7000 0x8000 0x9000")
#define FRAME_TYPE(presentation)                                                                   \
	"item {\n(0018,9329) SQ {\nitem {\n(0008,9205) CS \"" presentation "\"\n}\n}\n}\n"

static const struct {
	const char *name;
	const char *recipe;
	size_t size; /* 0: an error; expected is its message */
	const char *expected;
} table[] = {
	{"RGB of 12 bits", LITTLE MODULE("3", "RGB", "1", "16", "12", "11", "0")
	 "(7fe0,0010) OW 0 2048 0xffff\n", 3, "\x00\x80\xff"},
	{"RGB of 32 bits", LITTLE MODULE("3", "RGB", "1", "32", "32", "31", "0")
	 "(7fe0,0010) OW 0 0 0 0x8000 0xffff 0xffff\n", 3, "\x00\x80\xff"},
	/* The least sample is black (PS3.3 C.7.6.3.1.2). */
	{"RGB with signs", LITTLE MODULE("3", "RGB", "1", "8", "8", "7", "1")
	 "(7fe0,0010) OB 128 0 127 0\n", 3, "\x00\x80\xff"},
	{"YBR_FULL", LITTLE BYTES("3", "YBR_FULL", "2")
	 "(7fe0,0010) OB 76 85 255 29 255 107\n", 6, "\xfe\x00\x00\x00\x00\xfe"},
	{"YBR_FULL of 16 bits", LITTLE MODULE("3", "YBR_FULL", "1", "16", "16", "15", "0")
	 "(7fe0,0010) OW 0x8000 0x8000 0x8000\n", 3, "\x80\x80\x80"},
	{"YBR_FULL of 4 bits", LITTLE MODULE("3", "YBR_FULL", "1", "8", "4", "3", "0")
	 "(7fe0,0010) OB 0xf8 8 8 0\n", 3, "\x88\x88\x88"},
	{"YBR_FULL_422", LITTLE BYTES("3", "YBR_FULL_422", "2")
	 "(7fe0,0010) OB 10 20 128 128\n", 6, "\x0a\x0a\x0a\x14\x14\x14"},
	{"YBR_PARTIAL_422", LITTLE BYTES("3", "YBR_PARTIAL_422", "2")
	 "(7fe0,0010) OB 16 235 128 128\n", 6, "\x00\x00\x00\xff\xff\xff"},
	{"HSV", LITTLE BYTES("3", "HSV", "3")
	 "(7fe0,0010) OB 0 255 255 128 255 200 77 0 9 0\n", 9,
	 "\xff\x00\x00\x00\xc8\xc8\x09\x09\x09"},
	{"CMYK", LITTLE BYTES("4", "CMYK", "2")
	 "(7fe0,0010) OB 255 0 0 0 10 20 30 200\n", 6, "\x00\xff\xff\x2d\x23\x19"},
	{"ARGB", LITTLE BYTES("4", "ARGB", "2") WORDS
	 "(7fe0,0010) OB 0 1 2 3 11 1 2 3\n", 6, "\x01\x02\x03\x20\x50\x80"},
	{"ARGB without a palette", LITTLE BYTES("4", "ARGB", "1") "(7fe0,0010) OB 0 1 2 3\n", 0,
	 "ARGB without a palette"},
	{"YBR_RCT", LITTLE BYTES("3", "YBR_RCT", "1") "(7fe0,0010) OB 1 2 3 0\n", 0,
	 "YBR_RCT in Explicit VR Little Endian"},
	{"a name that is none", LITTLE BYTES("3", "RBG", "1") "(7fe0,0010) OB 1 2 3 0\n", 0,
	 "an unknown Photometric Interpretation"},
	{"one sample of RGB", LITTLE BYTES("1", "RGB", "2") "(7fe0,0010) OB 1 2\n", 0,
	 "RGB with 1 samples per pixel"},
	{"High Bit", LITTLE MODULE("3", "RGB", "1", "16", "12", "10", "0")
	 "(7fe0,0010) OW 0 2048 0xffff\n", 0,
	 "Bits Stored 12 and High Bit 10 do not fit Bits Allocated 16"},

	{"palette", LITTLE BYTES("1", "PALETTE COLOR", "4") WORDS "(7fe0,0010) OB 0 10 11 200\n",
	 12, "\x10\x40\x70\x10\x40\x70\x20\x50\x80\x30\x60\x90"},
	{"palette, big endian", BIG BYTES("1", "PALETTE COLOR", "2") WORDS
	 "(7fe0,0010) OB 10 11\n", 6, "\x10\x40\x70\x20\x50\x80"},
	{"palette of bytes, big endian", BIG BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 8", "0", "OW", "0x0201", "0x0403", "0x0605") "(7fe0,0010) OB 0 1\n", 6,
	 "\x01\x03\x05\x02\x04\x06"},
	{"palette of 16-bit indices", LITTLE MODULE("1", "PALETTE COLOR", "2", "16", "16", "15", "0")
	 WORDS "(7fe0,0010) OW 11 0xffff\n", 6, "\x20\x50\x80\x30\x60\x90"},
	/* 0xfffe is -2 by Pixel Representation, not by the VR. */
	{"signed indices", LITTLE MODULE("1", "PALETTE COLOR", "3", "8", "8", "7", "1")
	 PALETTE("3 0xfffe 16", "0", "OW", "0x1000 0x2000 0x3000", "0x4000 0x5000 0x6000",
		 "0x7000 0x8000 0x9000") "(7fe0,0010) OB 128 0xff 127 0\n", 9,
	 "\x10\x40\x70\x20\x50\x80\x30\x60\x90"},
	{"8 bits in words", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 16", "0", "OW", "1 255", "2 0", "3 0") "(7fe0,0010) OB 0 1\n", 6,
	 "\x01\x02\x03\xff\x00\x00"},
	{"a dark blue stays dark", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 16", "0", "OW", "0 0xffff", "0 0xffff", "1 255") "(7fe0,0010) OB 0 1\n", 6,
	 "\x00\x00\x00\xff\xff\x00"},
	{"palette in segments", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 16", "2", "OW", "0 1 0x1000 1 1 0x2000", "0 2 0x3000 0x4000",
		 "0 2 0x5000 0x6000") "(7fe0,0010) OB 0 1\n", 6, "\x10\x30\x50\x20\x40\x60"},
	{"no palette", LITTLE BYTES("1", "PALETTE COLOR", "2") "(7fe0,0010) OB 0 1\n", 0,
	 "PALETTE COLOR without a palette"},
	{"two descriptors", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 "(0028,1101) US 2 0 16\n(0028,1102) US 2 0 16\n(0028,1201) OW 1 2\n"
	 "(0028,1202) OW 1 2\n(0028,1203) OW 1 2\n(7fe0,0010) OB 0 1\n", 0,
	 "PALETTE COLOR without a palette"},
	{"segments that lead nowhere", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 16", "2", "OW", "0 2 1 2", "2 1 0 0", "0 2 1 2") "(7fe0,0010) OB 0 1\n", 0,
	 "green: an indirect palette segment in another one"},
	{"a palette without end", LITTLE BYTES("1", "PALETTE COLOR", "2")
	 PALETTE("2 0 16", "0", "OW", "200000*1", "1 2", "1 2") "(7fe0,0010) OB 0 1\n", 0,
	 "a palette of 400000 bytes"},

	/* Grey below 10, by the window; colours from there. */
	{"supplemental", LITTLE "(0008,9205) CS \"COLOR\"\n"
	 MODULE("1", "MONOCHROME2", "3", "16", "16", "15", "0")
	 "(0028,1050) DS \"128\"\n(0028,1051) DS \"256\"\n" WORDS "(7fe0,0010) OW 9 10 300\n", 9,
	 "\x09\x09\x09\x10\x40\x70\x30\x60\x90"},
	{"supplemental without a window: the range of what is grey", LITTLE
	 "(0008,9205) CS \"COLOR\"\n" MODULE("1", "MONOCHROME2", "4", "16", "16", "15", "0") WORDS
	 "(7fe0,0010) OW 4 9 10 300\n", 12,
	 "\x00\x00\x00\xff\xff\xff\x10\x40\x70\x30\x60\x90"},
	{"a coloured frame", LITTLE "(0008,9205) CS \"MIXED\"\n"
	 MODULE("1", "MONOCHROME2", "2", "8", "8", "7", "0")
	 "(0028,1050) DS \"128\"\n(0028,1051) DS \"256\"\n" WORDS
	 "(5200,9230) SQ {\n" FRAME_TYPE("COLOR") "}\n(7fe0,0010) OB 9 10\n", 6,
	 "\x09\x09\x09\x10\x40\x70"},
	{"a frame that is not coloured", LITTLE "(0008,9205) CS \"MIXED\"\n"
	 MODULE("1", "MONOCHROME2", "2", "8", "8", "7", "0")
	 "(0028,1050) DS \"128\"\n(0028,1051) DS \"256\"\n" WORDS
	 "(5200,9230) SQ {\n" FRAME_TYPE("MONOCHROME") "}\n(7fe0,0010) OB 9 10\n", 6,
	 "\x09\x09\x09\x0a\x0a\x0a"},
	{"COLOR without a palette", LITTLE "(0008,9205) CS \"COLOR\"\n"
	 MODULE("1", "MONOCHROME2", "2", "8", "8", "7", "0")
	 "(0028,1050) DS \"128\"\n(0028,1051) DS \"256\"\n(7fe0,0010) OB 9 10\n", 2, "\x09\x0a"},
	{"a palette that nothing asks for", LITTLE
	 MODULE("1", "MONOCHROME2", "2", "8", "8", "7", "0")
	 "(0028,1050) DS \"128\"\n(0028,1051) DS \"256\"\n" WORDS "(7fe0,0010) OB 9 10\n", 2,
	 "\x09\x0a"},
};

static bool render(struct span file, struct buf *out, struct err *err)
{
	struct dc_memory_source source;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_facts facts CLEANUP_FACTS;
	struct rn_instance instance = {.image = &facts.image, .name = "x"};
	struct rn_request request = {
		.dataset = &dataset, .instance = &instance, .options = &rn_default_options};
	struct rn_picture picture CLEANUP_PICTURE = {0};
	uint8_t *row;

	dc_facts_init(&facts);
	dc_memory_source_init(&source, file);
	if (!dc_dataset_open(&dataset, &source.base, err) ||
	    !dc_facts_read(&facts, &dataset, NULL, err) ||
	    !rn_picture_open(&picture, &request, err))
		return false;
	row = buf_extend(out, (size_t)facts.image.columns * rn_picture_channels(&facts.image));
	return row != NULL && rn_picture_row(&picture, 0, row, err);
}

static void pictures_of_recipes(void **state)
{
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct recipe recipe CLEANUP_RECIPE = {0};
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct err err = {0};
		bool ok;

		if (!recipe_build(&recipe, span_of_text(table[i].recipe), &err))
			fail_msg("%s: %s", table[i].name, err.message);
		ok = render(buf_span(&recipe.file), &out, &err);
		if (ok ? span_equals(buf_span(&out), span_of(table[i].expected, table[i].size))
		       : table[i].size == 0 && strcmp(err.message, table[i].expected) == 0)
			continue;
		print_message("%s: %s", table[i].name, ok ? "" : err.message);
		for (size_t k = 0; ok && k < out.size; k++)
			print_message(" %02x", out.data[k]);
		print_message("\n");
		wrong++;
	}
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(full_range_is_exact),
		cmocka_unit_test(partial_range_is_all_but_exact),
		cmocka_unit_test(any_number_of_pixels),
		cmocka_unit_test(pictures_of_recipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
