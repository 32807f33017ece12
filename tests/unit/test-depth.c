/*
 * Pixel cells of every size: single bits, cells that are not whole bytes, 32 and
 * 64 bits, floating point, subsampled chrominance, both byte orders.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/picture-check.h"

#include <setjmp.h>

#include <cmocka.h>

#include "tests/tools/recipe.h"

#define BITS(rows, columns) GREY(rows, columns, "1", "0")
#define FRAMES(n) "(0028,0008) IS \"" n "\"\n"
#define SIGNED(rows, columns, bits, high)                                                          \
	PIXEL_MODULE("1", "MONOCHROME2", "", rows, columns, bits, bits, high, "1")
#define FLOAT(rows, columns)                                                                       \
	"(0028,0002) US 1\n(0028,0004) CS \"MONOCHROME2\"\n(0028,0010) US " rows                    \
	"\n(0028,0011) US " columns "\n(0028,0100) US 32\n"
#define SEGMENTATION CLASS("1.2.840.10008.5.1.4.1.1.66.4")
#define LABEL_MAP CLASS("1.2.840.10008.5.1.4.1.1.66.7")
#define SEGMENT_NUMBERS                                                                            \
	"(0062,0002) SQ {\nitem {\n(0062,0004) US 5\n}\nitem {\n(0062,0004) US 2\n}\n}\n"
#define YBR_422(rows, columns)                                                                     \
	PIXEL_MODULE("3", "YBR_FULL_422", "(0028,0006) US 0\n", rows, columns, "8", "8", "7", "0")

static const struct picture_case table[] = {
	/* Bits from the least significant one up; 0x4d is 1 0 1 1 0 0 1 0. */
	{"single bits", LITTLE BITS("2", "4") "(7fe0,0010) OB 0x4d 0\n", 0, 8,
	 "\xff\x00\xff\xff\x00\x00\xff\x00"},
	{"rows that begin inside a byte", LITTLE BITS("3", "3") "(7fe0,0010) OB 0x4d 1\n", 0, 9,
	 "\xff\x00\xff\xff\x00\x00\xff\x00\xff"},
	{"a frame that begins inside a byte", LITTLE FRAMES("3") BITS("1", "3")
	 "(7fe0,0010) OB 0x4d 1\n", 1, 3, "\xff\x00\x00"},
	{"the last frame of single bits", LITTLE FRAMES("3") BITS("1", "3")
	 "(7fe0,0010) OB 0x4d 1\n", 2, 3, "\xff\x00\xff"},
	{"single bits, none of them set", LITTLE BITS("1", "3") "(7fe0,0010) OB 0 0\n", 0, 3,
	 "\x00\x00\x00"},
	{"single bits, all of them set", LITTLE BITS("1", "3") "(7fe0,0010) OB 0xff 0\n", 0, 3,
	 "\xff\xff\xff"},
	{"single bits of MONOCHROME1",
	 LITTLE PIXEL_MODULE("1", "MONOCHROME1", "", "1", "3", "1", "1", "0", "0")
	 "(7fe0,0010) OB 0x4d 0\n", 0, 3, "\x00\xff\x00"},
	{"single bits in words", LITTLE BITS("1", "10") "(7fe0,0010) OW 0x024d\n", 0, 10,
	 "\xff\x00\xff\xff\x00\x00\xff\x00\x00\xff"},
	{"single bits in big-endian words", BIG BITS("1", "10") "(7fe0,0010) OW 0x024d\n", 0, 10,
	 "\xff\x00\xff\xff\x00\x00\xff\x00\x00\xff"},
	{"frame 2 of single bits in big-endian words", BIG FRAMES("2") BITS("1", "9")
	 "(7fe0,0010) OW 0x9b4d 0\n", 1, 9, "\xff\x00\xff\xff\x00\x00\xff\x00\x00"},
	{"single bits in bytes, big endian", BIG BITS("1", "10") "(7fe0,0010) OB 0x4d 2\n", 0, 10,
	 "\xff\x00\xff\xff\x00\x00\xff\x00\x00\xff"},
	{"single bits of colour by plane",
	 LITTLE PIXEL_MODULE("3", "RGB", "(0028,0006) US 1\n", "1", "3", "1", "1", "0", "0")
	 "(7fe0,0010) OB 0x4d 1\n", 0, 9, "\xff\xff\xff\x00\x00\x00\xff\x00\xff"},
	{"a bit of eight", LITTLE PIXEL_MODULE("1", "MONOCHROME2", "", "1", "3", "8", "1", "0", "0")
	 "(7fe0,0010) OB 0xff 1 0xff 0\n", 0, 3, "\xff\xff\xff"},
	{"bits that are missing", LITTLE BITS("3", "6") "(7fe0,0010) OB 1 2\n", 0, 0,
	 "pixel data has 2 bytes, but frame 1 ends at 3"},

	/* PS3.5 D.1: two pixels of 12 bits in three bytes. */
	{"12 bits", LITTLE GREY("1", "3", "12", "11") WINDOW("2048", "4096")
	 "(7fe0,0010) OB 0x10 0x00 0x80 0xff 0x0f 0\n", 0, 3, "\x01\x80\xff"},
	{"12 bits in big-endian words", BIG GREY("1", "3", "12", "11") WINDOW("2048", "4096")
	 "(7fe0,0010) OW 0x0010 0xff80 0x000f\n", 0, 3, "\x01\x80\xff"},
	{"frame 2 of 12 bits", LITTLE FRAMES("2") GREY("1", "1", "12", "11") WINDOW("2048", "4096")
	 "(7fe0,0010) OB 0x10 0x00 0x80 0\n", 1, 1, "\x80"},
	{"signed 12 bits", LITTLE SIGNED("1", "2", "12", "11") "(7fe0,0010) OB 0x00 0xf8 0x7f 0\n",
	 0, 2, "\x00\xff"},
	{"4 bits", LITTLE GREY("1", "3", "4", "3") WINDOW("8", "16") "(7fe0,0010) OB 0x50 0xff\n",
	 0, 3, "\x00\x55\xff"},
	{"24 bits", LITTLE GREY("1", "3", "24", "23") "(7fe0,0010) OB 0 0 0 0 0 0x80 255 255 255 0\n",
	 0, 3, "\x00\x80\xff"},
	{"24 bits in bytes, big endian", BIG GREY("1", "3", "24", "23")
	 "(7fe0,0010) OB 0 0 0 0x80 0 0 255 255 255 0\n", 0, 3, "\x00\x80\xff"},
	{"20 bits", LITTLE GREY("1", "1", "20", "19") "(7fe0,0010) OB 1 2 3 4\n", 0, 0,
	 "Bits Allocated 20: pixel cells have 1 to 16 bits or whole bytes up to 64 bits"},
	{"0 bits", LITTLE GREY("1", "1", "0", "0") "(7fe0,0010) OB 1 2 3 4\n", 0, 0,
	 "Bits Allocated 0: pixel cells have 1 to 16 bits or whole bytes up to 64 bits"},
	{"72 bits", LITTLE GREY("1", "1", "72", "71") "(7fe0,0010) OB 10*0\n", 0, 0,
	 "Bits Allocated 72: pixel cells have 1 to 16 bits or whole bytes up to 64 bits"},

	{"32 bits", LITTLE GREY("1", "3", "32", "31")
	 "(7fe0,0010) OL 4294967040 4294967091 4294967295\n", 0, 3, "\x00\x33\xff"},
	{"32 bits and a window", LITTLE GREY("1", "4", "32", "31") WINDOW("128", "256")
	 "(7fe0,0010) OL 0 100 255 4000000000\n", 0, 4, "\x00\x64\xff\xff"},
	{"32 bits with a sign, rescaled", LITTLE SIGNED("1", "3", "32", "31")
	 WINDOW("128", "256") RESCALE("1000", "2") "(7fe0,0010) OL 0xfffffe0c 0xfffffe3e 0\n", 0, 3,
	 "\x00\x64\xff"},
	{"24 bits of 32, others not looked at", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "3", "32", "24", "27", "1")
	 "(7fe0,0010) OL 0xfffffff0 0x30000000 0x0000033f\n", 0, 3, "\x00\x05\xff"},
	{"32 bits, falling slope", LITTLE GREY("1", "3", "32", "31") RESCALE("7", "-1")
	 "(7fe0,0010) OL 100000 100051 100255\n", 0, 3, "\xff\xcc\x00"},
	{"32 bits of MONOCHROME1",
	 LITTLE PIXEL_MODULE("1", "MONOCHROME1", "", "1", "3", "32", "32", "31", "0")
	 "(7fe0,0010) OL 100000 100051 100255\n", 0, 3, "\xff\xcc\x00"},
	{"padding of 32 bits", LITTLE SIGNED("1", "4", "32", "31")
	 "(0028,0120) SS -2000\n(7fe0,0010) OL 0xfffff830 0 51 255\n", 0, 4, "\x00\x00\x33\xff"},
	{"nothing but padding of 32 bits", LITTLE GREY("1", "2", "32", "31")
	 "(0028,0120) US 7\n(7fe0,0010) OL 7 7\n", 0, 2, "\x00\x00"},
	/* PS3.5 D.1: a stream of bits, least significant first, in 16-bit words. */
	{"32 bits in big-endian words", BIG GREY("1", "3", "32", "31") WINDOW("128", "256")
	 "(7fe0,0010) OW 0 0 100 0 0 1\n", 0, 3, "\x00\x64\xff"},
	{"32 bits, big endian", BIG GREY("1", "3", "32", "31") WINDOW("128", "256")
	 "(7fe0,0010) OL 0 100 65536\n", 0, 3, "\x00\x64\xff"},
	{"32 bits of colour", LITTLE RGB("0", "1", "1", "32", "31")
	 "(7fe0,0010) OW 0 0 0 0x8000 0xffff 0xffff\n", 0, 3, "\x00\x80\xff"},
	{"Bits Stored 33 of 32", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "1", "32", "33", "31", "0")
	 "(7fe0,0010) OL 0\n", 0, 0, "Bits Stored 33 and High Bit 31 do not fit Bits Allocated 32"},
	{"64 bits", LITTLE GREY("1", "3", "64", "63")
	 "(7fe0,0010) OV 0xffffffffffffff00 0xffffffffffffff33 0xffffffffffffffff\n", 0, 3,
	 "\x00\x33\xff"},
	{"64 bits with a sign", LITTLE SIGNED("1", "3", "64", "63")
	 "(7fe0,0010) OV 0x8000000000000000 0 0x7fffffffffffffff\n", 0, 3, "\x00\x80\xff"},
	{"64 bits, big endian", BIG GREY("1", "2", "64", "63") WINDOW("128", "256")
	 "(7fe0,0010) OV 100 255\n", 0, 2, "\x64\xff"},

	{"float", LITTLE FLOAT("1", "3") "(7fe0,0008) OF -0.5 0 0.75\n", 0, 3, "\x00\x66\xff"},
	{"float, big endian", BIG FLOAT("1", "3") "(7fe0,0008) OF -0.5 0 0.75\n", 0, 3,
	 "\x00\x66\xff"},
	{"float and a window", LITTLE FLOAT("1", "3") WINDOW("0.5", "0.5")
	 "(7fe0,0008) OF 0 0.5 0.75\n", 0, 3, "\x00\x80\xff"},
	{"float and a rescaled window", LITTLE FLOAT("1", "2") WINDOW("128", "256")
	 RESCALE("-1000", "1000") "(7fe0,0008) OF 1.1 1.255\n", 0, 2, "\x64\xff"},
	{"what is not a number is black and does not count", LITTLE FLOAT("1", "5")
	 "(7fe0,0008) OF <0000c07f> 1 2 <0000807f> <000080ff>\n", 0, 5, "\x00\x00\xff\x00\x00"},
	{"nothing that is a number", LITTLE FLOAT("1", "2")
	 "(7fe0,0008) OF <0000c07f> <0000c07f>\n", 0, 2, "\x00\x00"},
	{"float padding", LITTLE FLOAT("1", "4") "(0028,0122) FL -1000\n"
	 "(7fe0,0008) OF -1000 0 0.2 1\n", 0, 4, "\x00\x00\x33\xff"},
	{"a range of float padding", LITTLE FLOAT("1", "4") "(0028,0122) FL -1000\n"
	 "(0028,0123) FL -2000\n(7fe0,0008) OF -1500 0 0.2 1\n", 0, 4, "\x00\x00\x33\xff"},
	{"double", LITTLE FLOAT("1", "3") "(7fe0,0009) OD -0.5 0 0.75\n", 0, 3, "\x00\x66\xff"},
	{"double at both ends of its range", LITTLE FLOAT("1", "3")
	 "(7fe0,0009) OD -1.7e308 0 1.7e308\n", 0, 3, "\x00\x80\xff"},
	{"frame 2 of doubles", LITTLE FRAMES("2") FLOAT("1", "2")
	 "(7fe0,0009) OD 5 5 1 2\n", 1, 2, "\x00\xff"},
	{"an overlay on floats", LITTLE FLOAT("1", "3")
	 "(6000,0010) US 1\n(6000,0011) US 3\n(6000,0050) SS 1 1\n(6000,3000) OB 2 0\n"
	 "(7fe0,0008) OF 0 1 2\n", 0, 3, "\x00\xff\xff"},
	{"an overlay in bits of 32", LITTLE
	 PIXEL_MODULE("1", "MONOCHROME2", "", "1", "3", "32", "24", "23", "0") WINDOW("128", "256")
	 "(6000,0010) US 1\n(6000,0011) US 3\n(6000,0050) SS 1 1\n(6000,0100) US 32\n"
	 "(6000,0102) US 28\n(7fe0,0010) OL 1 0x10000002 3\n", 0, 3, "\x01\x02\x03"},
	{"too few floats", LITTLE FLOAT("1", "3") "(7fe0,0008) OF 1 2\n", 0, 0,
	 "pixel data has 8 bytes, but frame 1 ends at 12"},

	/* Cb and Cr are neutral: grey of Y. */
	{"422", LITTLE YBR_422("2", "2") "(7fe0,0010) OB 10 20 128 128 30 40 128 128\n", 0, 12,
	 "\x0a\x0a\x0a\x14\x14\x14\x1e\x1e\x1e\x28\x28\x28"},
	{"422, rows with half a pair", LITTLE YBR_422("2", "3")
	 "(7fe0,0010) OB 1 2 128 128 3 99 128 128 4 5 128 128 6 99 128 128\n", 0, 18,
	 "\x01\x01\x01\x02\x02\x02\x03\x03\x03\x04\x04\x04\x05\x05\x05\x06\x06\x06"},
	{"422, pairs that run on", LITTLE YBR_422("2", "3")
	 "(7fe0,0010) OB 1 2 128 128 3 4 128 128 5 6 128 128\n", 0, 18,
	 "\x01\x01\x01\x02\x02\x02\x03\x03\x03\x04\x04\x04\x05\x05\x05\x06\x06\x06"},
	{"422 that is not", LITTLE YBR_422("1", "2") "(7fe0,0010) OB 7 128 128 9 128 128\n", 0, 6,
	 "\x07\x07\x07\x09\x09\x09"},
	{"422 that is not, of an odd size", LITTLE YBR_422("1", "3")
	 "(7fe0,0010) OB 7 128 128 9 128 128 8 128 128 0\n", 0, 9,
	 "\x07\x07\x07\x09\x09\x09\x08\x08\x08"},
	{"frame 2 of 422", LITTLE FRAMES("2") YBR_422("1", "2")
	 "(7fe0,0010) OB 1 2 128 128 3 4 128 128\n", 1, 6, "\x03\x03\x03\x04\x04\x04"},

	/* PS3.3 C.8.20.2.3 */
	{"a binary segmentation in bytes", SEGMENTATION "(0062,0001) CS \"BINARY\"\n"
	 GREY("1", "2", "8", "7") "(7fe0,0010) OB 0 1\n", 0, 2, "\x00\xff"},
	{"a binary segmentation with nothing in it", SEGMENTATION "(0062,0001) CS \"BINARY\"\n"
	 GREY("1", "2", "8", "7") "(7fe0,0010) OB 0 0\n", 0, 2, "\x00\x00"},
	{"a fractional segmentation", SEGMENTATION GREY("1", "4", "8", "7")
	 "(0062,0001) CS \"FRACTIONAL\"\n(0062,000e) US 100\n(7fe0,0010) OB 0 50 100 200\n", 0, 4,
	 "\x00\x80\xff\xff"},
	{"a fractional segmentation that does not say of what", SEGMENTATION
	 GREY("1", "3", "8", "7") "(0062,0001) CS \"FRACTIONAL\"\n(7fe0,0010) OB 0 50 100 0\n", 0, 3,
	 "\x00\x32\x64"},
	{"labels: the same grey in every frame, padding or not", LABEL_MAP GREY("1", "3", "8", "7")
	 "(0028,0120) US 0\n(0062,0001) CS \"LABELMAP\"\n" SEGMENT_NUMBERS
	 "(7fe0,0010) OB 0 2 2 0\n", 0, 3, "\x00\x66\x66"},
	{"labels without segments", LABEL_MAP GREY("1", "3", "8", "7")
	 "(0028,0120) US 0\n(7fe0,0010) OB 0 1 2 0\n", 0, 3, "\x00\x80\xff"},
};

static void pictures_of_recipes(void **state)
{
	(void)state;
	assert_int_equal(picture_check(table, ARRAY_LEN(table)), 0);
}

/* Rows of single bits that begin anywhere in a byte, several strips of them, and
 * three frames. */
static void strips_of_bits_are_joined(void **state)
{
	enum { ROWS = 700, COLUMNS = 501, FRAMES = 3 };
	size_t size = ((size_t)ROWS * COLUMNS * FRAMES + 7) / 8 + 1;
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint8_t *bits;

	(void)state;
	size += size % 2;
	buf_printf(&text, "%s(7fe0,0010) OB %zu*0\n", LITTLE FRAMES("3") BITS("700", "501"), size);
	assert_true(recipe_build(&recipe, buf_span(&text), &err));
	bits = recipe.file.data + recipe.file.size - size;
	for (size_t i = 0; i < size; i++)
		bits[i] = (uint8_t)(i * 167 + i / 256);
	for (uint32_t frame = 0; frame < FRAMES; frame++) {
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

		assert_true(picture_render(buf_span(&recipe.file), frame, &rn_default_options, &out,
					   &err));
		assert_int_equal(out.size, ROWS * COLUMNS);
		for (size_t i = 0; i < out.size; i++) {
			size_t bit = (size_t)frame * ROWS * COLUMNS + i;

			if (out.data[i] != (bits[bit / 8] >> bit % 8 & 1) * 255)
				fail_msg("frame %u: pixel %zu is wrong", frame, i);
		}
	}
}

/* The same for subsampled chrominance, whose pairs may run over ends of rows. */
static void strips_of_pairs_are_joined(void **state)
{
	enum { ROWS = 300, COLUMNS = 501 };
	size_t size = (size_t)ROWS * COLUMNS * 2;
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint8_t *bytes;

	(void)state;
	buf_printf(&text, "%s(7fe0,0010) OB %zu*128\n", LITTLE YBR_422("300", "501"), size);
	assert_true(recipe_build(&recipe, buf_span(&text), &err));
	bytes = recipe.file.data + recipe.file.size - size;
	for (size_t i = 0; i < size / 2; i++)
		bytes[i / 2 * 4 + i % 2] = (uint8_t)(i * 7 / 3);
	assert_true(picture_render(buf_span(&recipe.file), 0, &rn_default_options, &out, &err));
	assert_int_equal(out.size, ROWS * COLUMNS * 3);
	for (size_t i = 0; i < out.size; i++) {
		if (out.data[i] != (uint8_t)(i / 3 * 7 / 3))
			fail_msg("byte %zu is wrong", i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_of_recipes),
		cmocka_unit_test(strips_of_bits_are_joined),
		cmocka_unit_test(strips_of_pairs_are_joined),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
