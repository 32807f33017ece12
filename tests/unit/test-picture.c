/*
 * The whole pixel pipeline on small data sets: what the header says is found,
 * and each stage does its part at its place.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/picture-check.h"

#include <setjmp.h>

#include <cmocka.h>

#include "tests/tools/recipe.h"

#define BLACK_ROWS                                                                                 \
	"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define GREY_AND_WHITE "\x00\x00\x00\x00\xff\xff\xff\xff"

static const struct picture_case table[] = {
	/* LINEAR from 0 to 255: c - 0.5 = 127.5, w - 1 = 255. */
	{"window", LITTLE GREY("1", "4", "16", "15") WINDOW("128", "256")
		   "(7fe0,0010) OW 0 100 255 256\n", 0, 4, "\x00\x64\xff\xff"},
	{"the first of two windows", LITTLE GREY("1", "3", "16", "15")
	 WINDOW("128\\\\9999", "256\\\\1") "(7fe0,0010) OW 0 100 255\n", 0, 3, "\x00\x64\xff"},
	{"rescale before the window", LITTLE GREY("1", "3", "16", "15") WINDOW("128", "256")
	 RESCALE("-100", "2") "(7fe0,0010) OW 50 100 150\n", 0, 3, "\x00\x64\xc8"},
	{"width 0 is no window", LITTLE GREY("1", "3", "16", "15") WINDOW("128", "0")
	 "(7fe0,0010) OW 10 15 20\n", 0, 3, "\x00\x80\xff"},
	{"big endian", BIG GREY("1", "3", "16", "15") WINDOW("128", "256")
	 "(7fe0,0010) OW 0 100 255\n", 0, 3, "\x00\x64\xff"},
	{"implicit", IMPLICIT GREY("1", "3", "16", "15") WINDOW("128", "256")
	 "(7fe0,0010) OW 0 100 255\n", 0, 3, "\x00\x64\xff"},
	{"deflated", "preamble\nmeta 1.2.840.10008.1.2.1.99\ndeflate\nobject\n"
	 GREY("1", "3", "16", "15") WINDOW("128", "256")
	 "(7fe0,0010) OW 0 100 255\n", 0, 3, "\x00\x64\xff"},
	/* PS3.5 8.1.1, A.3: 8-bit cells in big-endian words swap places. The frames
	 * have an odd size: the second one begins inside a word. */
	{"words of bytes, big endian", BIG "(0028,0008) IS \"2\"\n" GREY("1", "3", "8", "7")
	 WINDOW("128", "256") "(7fe0,0010) OW 0x0201 0x0403 0x0605\n", 0, 3, "\x01\x02\x03"},
	{"frame 2 of words of bytes", BIG "(0028,0008) IS \"2\"\n" GREY("1", "3", "8", "7")
	 WINDOW("128", "256") "(7fe0,0010) OW 0x0201 0x0403 0x0605\n", 1, 3, "\x04\x05\x06"},
	{"bytes, big endian", BIG GREY("1", "4", "8", "7") WINDOW("128", "256")
	 "(7fe0,0010) OB 1 2 3 4\n", 0, 4, "\x01\x02\x03\x04"},

	{"MONOCHROME1", LITTLE PIXEL_MODULE("1", "MONOCHROME1", "", "1", "3", "8", "8", "7", "0")
	 WINDOW("128", "256") "(7fe0,0010) OB 0 100 255\n", 0, 3, "\xff\x9b\x00"},
	{"MONOCHROME1 and INVERSE: once",
	 LITTLE PIXEL_MODULE("1", "MONOCHROME1", "", "1", "3", "8", "8", "7", "0")
	 WINDOW("128", "256") "(2050,0020) CS \"INVERSE\"\n(7fe0,0010) OB 0 100 255\n", 0, 3,
	 "\xff\x9b\x00"},
	{"MONOCHROME2 wins over INVERSE", LITTLE GREY("1", "3", "8", "7") WINDOW("128", "256")
	 "(2050,0020) CS \"INVERSE\"\n(7fe0,0010) OB 0 100 255\n", 0, 3, "\x00\x64\xff"},

	{"min-max", LITTLE GREY("1", "3", "16", "15") "(7fe0,0010) OW 1000 1051 1255\n", 0, 3,
	 "\x00\x33\xff"},
	{"min-max falls with a negative slope", LITTLE GREY("1", "3", "16", "15")
	 RESCALE("7", "-1") "(7fe0,0010) OW 1000 1051 1255\n", 0, 3, "\xff\xcc\x00"},
	{"min-max of each frame", LITTLE "(0028,0008) IS \"2\"\n" GREY("1", "2", "16", "15")
	 "(7fe0,0010) OW 1 2 500 1000\n", 1, 2, "\x00\xff"},
	{"padding is not in the range", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "4", "16", "16", "15", "1")
	 "(0028,0120) SS -2000\n(7fe0,0010) OW 0xf830 0 51 255\n", 0, 4, "\x00\x00\x33\xff"},
#ifdef HAVE_CHARLS
	/* JPEG-LS made 5 of the padding of 3; 1000 and 4005 beside it. */
	{"padding that lossy compression moved is not in the range",
	 "preamble\nmeta 1.2.840.10008.1.2.4.81\nobject\n"
	 PIXEL_MODULE("1", "MONOCHROME2", "", "8", "8", "16", "12", "11", "0")
	 "(0028,0120) US 3\n(7fe0,0010) OB fragments {\nitem\nitem <ff d8 ff f7 00 0b 0c 00 08 00 08 01 01 11 00 ff da 00 08 01 01 00 02 00 00 46 "
	 "11 12 4a 1f fe 00 00 00 00 0b 19 08 80 00 00 00 00 5b 58 10 20 c1 c3 11 88 80 ff d9>\n}\n", 0, 64,
	 BLACK_ROWS GREY_AND_WHITE GREY_AND_WHITE GREY_AND_WHITE GREY_AND_WHITE},
#endif
	{"a range of padding", LITTLE GREY("1", "5", "16", "15")
	 "(0028,0120) US 60000\n(0028,0121) US 50000\n(7fe0,0010) OW 55000 0 51 255 50000\n", 0, 5,
	 "\xff\x00\x33\xff\xff"},
	{"nothing but padding", LITTLE GREY("1", "2", "16", "15")
	 "(0028,0120) US 7\n(7fe0,0010) OW 7 7\n", 0, 2, "\x00\x00"},
	{"padding does not concern a window", LITTLE GREY("1", "2", "16", "15")
	 "(0028,0120) US 100\n" WINDOW("128", "256") "(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},
	{"Smallest and Largest are not believed", LITTLE GREY("1", "2", "16", "15")
	 "(0028,0106) US 0\n(0028,0107) US 65535\n(7fe0,0010) OW 10 20\n", 0, 2, "\x00\xff"},

	/* What other numbers say too need not be there. */
	{"no Samples per Pixel, Bits Stored, High Bit", LITTLE "(0028,0004) CS \"MONOCHROME2\"\n"
	 "(0028,0010) US 1\n(0028,0011) US 3\n(0028,0100) US 8\n" WINDOW("128", "256")
	 "(7fe0,0010) OB 0 100 255\n", 0, 3, "\x00\x64\xff"},
	{"High Bit alone", LITTLE "(0028,0004) CS \"MONOCHROME2\"\n"
	 "(0028,0010) US 1\n(0028,0011) US 3\n(0028,0100) US 16\n(0028,0102) US 7\n"
	 WINDOW("128", "256") "(7fe0,0010) OW 0 0xff64 255\n", 0, 3, "\x00\x64\xff"},
	{"a Photometric Interpretation that is nearly spelled so",
	 LITTLE PIXEL_MODULE("1", "Monochrome 2", "", "1", "3", "8", "8", "7", "0")
	 WINDOW("128", "256") "(7fe0,0010) OB 0 100 255\n", 0, 3, "\x00\x64\xff"},
	{"Number of Frames 0 with pixels", LITTLE "(0028,0008) IS \"0\"\n" GREY("1", "3", "8", "7")
	 WINDOW("128", "256") "(7fe0,0010) OB 0 100 255\n", 0, 3, "\x00\x64\xff"},

	{"RGB", LITTLE RGB("0", "1", "2", "8", "7") "(7fe0,0010) OB 1 2 3 4 5 6\n", 0, 6,
	 "\x01\x02\x03\x04\x05\x06"},
	{"RGB by plane", LITTLE RGB("1", "2", "1", "8", "7") "(7fe0,0010) OB 1 4 2 5 3 6\n", 0, 6,
	 "\x01\x02\x03\x04\x05\x06"},
	{"RGB is not windowed", LITTLE RGB("0", "1", "2", "8", "7") WINDOW("1", "2")
	 RESCALE("9", "9") "(7fe0,0010) OB 1 2 3 4 5 6\n", 0, 6, "\x01\x02\x03\x04\x05\x06"},
	{"RGB of 16 bits", LITTLE RGB("0", "1", "1", "16", "15")
	 "(7fe0,0010) OW 0 0x8080 0xffff\n", 0, 3, "\x00\x80\xff"},
	{"RGB of 16 bits by plane, big endian", BIG RGB("1", "1", "2", "16", "15")
	 "(7fe0,0010) OW 0 0x101 0x202 0x303 0x404 0x505\n", 0, 6, "\x00\x02\x04\x01\x03\x05"},
	{"RGB by plane in words of bytes", BIG RGB("1", "1", "3", "8", "7")
	 "(7fe0,0010) OW 0x0401 0x0207 0x0805 0x0603 0x0009\n", 0, 9,
	 "\x01\x02\x03\x04\x05\x06\x07\x08\x09"},
	{"RGB of 4 bits", LITTLE PIXEL_MODULE("3", "RGB", "(0028,0006) US 0\n", "1", "1", "8", "4",
	 "3", "0") "(7fe0,0010) OB 0xf0 0x35 0x7f\n", 0, 3, "\x00\x55\xff"},

	{"window of the frame before the shared one", LITTLE "(0028,0008) IS \"2\"\n"
	 GREY("1", "2", "16", "15") WINDOW("9", "9")
	 "(5200,9229) SQ {\n" FRAME_WINDOW("1", "3") "}\n"
	 "(5200,9230) SQ {\nitem {\n}\n" FRAME_WINDOW("128", "256") "}\n"
	 "(7fe0,0010) OW 0 0 100 255\n", 1, 2, "\x64\xff"},
	{"the shared window before that of the image", LITTLE "(0028,0008) IS \"2\"\n"
	 GREY("1", "2", "16", "15") WINDOW("9", "9")
	 "(5200,9229) SQ {\n" FRAME_WINDOW("128", "256") "}\n"
	 "(5200,9230) SQ undefined {\nitem undefined {\n}\n" FRAME_WINDOW("1", "3") "}\n"
	 "(7fe0,0010) OW 100 255 0 0\n", 0, 2, "\x64\xff"},
	{"a useless window of the frame", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "2", "16", "15") WINDOW("128", "256")
	 "(5200,9230) SQ {\n" FRAME_WINDOW("x", "0") "}\n"
	 "(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},
	{"rescale and SIGMOID of the frame", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "3", "16", "15")
	 "(5200,9230) SQ {\nitem {\n(0028,9132) SQ {\nitem {\n" WINDOW("100", "40")
	 "(0028,1056) CS \"SIGMOID\"\n}\n}\n(0028,9145) SQ {\nitem {\n" RESCALE("-100", "2")
	 "}\n}\n}\n}\n(7fe0,0010) OW 100 105 95\n", 0, 3, "\x80\xba\x45"},
	{"LINEAR_EXACT", LITTLE GREY("1", "3", "16", "15") WINDOW("128", "256")
	 "(0028,1056) CS \"LINEAR_EXACT\"\n(7fe0,0010) OW 0 128 256\n", 0, 3, "\x00\x80\xff"},
	{"X-ray angiography is not rescaled", "preamble\n"
	 "meta 1.2.840.10008.1.2.1 1.2.840.10008.5.1.4.1.1.12.1\n"
	 "object 1.2.840.10008.5.1.4.1.1.12.1\n" GREY("1", "2", "16", "15") WINDOW("128", "256")
	 RESCALE("1000", "-9") "(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},

	/* 3 x 3, its upper left pixel at row 0, column 2: the lower right 2 x 2 of
	 * bits 000 110 101 falls on columns 2 to 4. */
	{"an overlay partly outside", LITTLE GREY("2", "4", "8", "7") WINDOW("128", "256")
	 "(6000,0010) US 3\n(6000,0011) US 3\n(6000,0050) SS 0 2\n(6000,0100) US 1\n"
	 "(6000,0102) US 0\n(6000,3000) OW 0x0158\n(7fe0,0010) OB 1 2 3 4 5 6 7 8\n", 0, 8,
	 "\x01\xff\xff\x04\x05\xff\x07\xff"},
	{"an overlay shorter than it says", LITTLE GREY("1", "4", "8", "7") WINDOW("128", "256")
	 "(6002,0010) US 500\n(6002,0011) US 4\n(6002,0050) SS 1 1\n"
	 "(6002,3000) OB 0x06 0\n(7fe0,0010) OB 1 2 3 4\n", 0, 4, "\x01\xff\xff\x04"},
	{"an overlay far away", LITTLE GREY("1", "4", "8", "7") WINDOW("128", "256")
	 "(6000,0010) US 65535\n(6000,0011) US 65535\n(6000,0050) SS -32768 32767\n"
	 "(6000,3000) OB 0xff 0xff\n(7fe0,0010) OB 1 2 3 4\n", 0, 4, "\x01\x02\x03\x04"},
	{"an overlay in big-endian words", BIG GREY("1", "4", "8", "7") WINDOW("128", "256")
	 "(6000,0010) US 1\n(6000,0011) US 4\n(6000,0050) SS 1 1\n(6000,3000) OW 0x0006\n"
	 "(7fe0,0010) OB 1 2 3 4\n", 0, 4, "\x01\xff\xff\x04"},
	{"an overlay in a bit left over", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "3", "16", "12", "11", "0") WINDOW("128", "256")
	 "(6000,0010) US 9999\n(6000,0011) US 9999\n(6000,0050) SS 1 1\n(6000,0100) US 16\n"
	 "(6000,0102) US 12\n(7fe0,0010) OW 1 0x1002 3\n", 0, 3, "\x01\xff\x03"},
	{"an overlay in bits that are pixels", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "3", "16", "12", "11", "0") WINDOW("128", "256")
	 "(6000,0010) US 1\n(6000,0011) US 3\n(6000,0050) SS 1 1\n(6000,0100) US 16\n"
	 "(6000,0102) US 0\n(7fe0,0010) OW 1 2 3\n", 0, 3, "\x01\x02\x03"},
	{"frame 2 of an overlay that begins at frame 2", LITTLE "(0028,0008) IS \"3\"\n"
	 GREY("1", "3", "8", "7") WINDOW("128", "256")
	 "(6000,0010) US 1\n(6000,0011) US 3\n(6000,0015) IS \"2\"\n(6000,0050) SS 1 1\n"
	 "(6000,0051) US 2\n(6000,3000) OB 0x11 0\n(7fe0,0010) OB 1 2 3 4 5 6 7 8 9 0\n", 2, 3,
	 "\x07\xff\x09"},
	{"no overlay on frame 1", LITTLE "(0028,0008) IS \"3\"\n"
	 GREY("1", "3", "8", "7") WINDOW("128", "256")
	 "(6000,0010) US 1\n(6000,0011) US 3\n(6000,0015) IS \"2\"\n(6000,0050) SS 1 1\n"
	 "(6000,0051) US 2\n(6000,3000) OB 0x11 0\n(7fe0,0010) OB 1 2 3 4 5 6 7 8 9 0\n", 0, 3,
	 "\x01\x02\x03"},
	{"an overlay on colour", LITTLE RGB("0", "1", "2", "8", "7")
	 "(6000,0010) US 1\n(6000,0011) US 2\n(6000,0050) SS 1 1\n(6000,3000) OB 2 0\n"
	 "(7fe0,0010) OB 1 2 3 4 5 6\n", 0, 6, "\x01\x02\x03\xff\xff\xff"},

	{"16 bits in OB", LITTLE GREY("1", "2", "16", "15") WINDOW("128", "256")
	 "(7fe0,0010) OB 100 0 255 0\n", 0, 2, "\x64\xff"},
	{"native under a compressed syntax", "preamble\nmeta 1.2.840.10008.1.2.4.90\nobject\n"
	 GREY("1", "3", "8", "7") WINDOW("128", "256") "(7fe0,0010) OB 1 2 3 0\n", 0, 3,
	 "\x01\x02\x03"},
	{"not quite native under a compressed syntax",
	 "preamble\nmeta 1.2.840.10008.1.2.4.90\nobject\n"
	 GREY("1", "3", "8", "7") WINDOW("128", "256") "(7fe0,0010) OB 1 2 3 4 5 6\n", 0, 0,
	 "JPEG 2000 Lossless pixel data that is not encapsulated"},
	{"fragments under a native syntax", LITTLE GREY("1", "2", "8", "7")
	 "(7fe0,0010) OB fragments {\nitem\nitem 1 2\n}\n", 0, 0,
	 "Explicit VR Little Endian with encapsulated pixel data"},
	{"too short", LITTLE "(0028,0008) IS \"2\"\n" GREY("1", "3", "8", "7")
	 "(7fe0,0010) OB 1 2 3 4\n", 1, 0, "pixel data has 4 bytes, but frame 2 ends at 6"},
	{"three samples of grey", LITTLE
	 PIXEL_MODULE("3", "MONOCHROME2", "", "1", "1", "8", "8", "7", "0")
	 "(7fe0,0010) OB 1 2 3 4\n", 0, 0, "MONOCHROME2 with 3 samples per pixel"},
};

static void pictures_of_recipes(void **state)
{
	(void)state;
	assert_int_equal(picture_check(table, ARRAY_LEN(table)), 0);
}

/* Large enough for several strips, of all shapes that rows are read in. */
static void strips_are_joined(void **state)
{
	enum { ROWS = 301, COLUMNS = 500 };
	static const char *const layouts[] = {
		LITTLE RGB("0", "301", "500", "8", "7"),
		LITTLE RGB("1", "301", "500", "8", "7"),
		BIG RGB("1", "301", "500", "8", "7"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layouts); i++) {
		struct recipe recipe CLEANUP_RECIPE = {0};
		struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		size_t size = (size_t)ROWS * COLUMNS * 3;
		struct err err = {0};
		uint8_t *pixels;

		buf_printf(&text, "%s(7fe0,0010) OW %zu*0\n", layouts[i], size / 2);
		assert_true(recipe_build(&recipe, buf_span(&text), &err));
		pixels = recipe.file.data + recipe.file.size - size;
		for (size_t at = 0; at < size; at++)
			pixels[at ^ (i == 2)] = (uint8_t)(at * 7 / 3);
		assert_true(picture_render(buf_span(&recipe.file), 0, &rn_default_options, &out, &err));
		assert_int_equal(out.size, size);
		for (size_t at = 0; at < size; at++) {
			size_t from = i == 0 ? at : at % 3 * ROWS * COLUMNS + at / 3;

			if (out.data[at] != (uint8_t)(from * 7 / 3))
				fail_msg("layout %zu: byte %zu is wrong", i, at);
		}
	}
}

static void pixels_are_limited(void **state)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct rn_options options = rn_default_options;
	struct err err = {0};

	(void)state;
	assert_true(recipe_build(&recipe,
				 span_of_text(LITTLE GREY("2", "3", "8", "7")
					      "(7fe0,0010) OB 1 2 3 4 5 6\n"),
				 &err));
	options.max_pixels = 6;
	assert_true(picture_render(buf_span(&recipe.file), 0, &options, &out, &err));
	options.max_pixels = 5;
	assert_false(picture_render(buf_span(&recipe.file), 0, &options, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	assert_string_equal(err.message, "3 x 2 pixels are more than the 5 of max_pixels");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_of_recipes),
		cmocka_unit_test(strips_are_joined),
		cmocka_unit_test(pixels_are_limited),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
