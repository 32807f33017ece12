/*
 * Modality LUT and VOI LUT (PS3.3 C.11.1, C.11.2), at every level, and what their
 * writers get wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/picture-check.h"

#include <setjmp.h>

#include <cmocka.h>

#define SIGNED(columns)                                                                            \
	PIXEL_MODULE("1", "MONOCHROME2", "", "1", columns, "16", "16", "15", "1")
#define LUT(sequence, descriptor, data)                                                            \
	sequence " SQ {\nitem {\n(0028,3002) " descriptor "\n(0028,3006) " data "\n}\n}\n"
#define MODALITY(descriptor, data) LUT("(0028,3000)", descriptor, data)
#define VOI(descriptor, data) LUT("(0028,3010)", descriptor, data)
/* In a functional group. */
#define FRAME_VOI(content) "item {\n(0028,9132) SQ {\nitem {\n" content "}\n}\n}\n"
#define WHITE_8 "US 4 0 8"
#define XA "1.2.840.10008.5.1.4.1.1.12.1"

static const struct picture_case table[] = {
	{"VOI LUT", LITTLE GREY("1", "4", "16", "15") VOI(WHITE_8, "US 0 10 200 255")
	 "(7fe0,0010) OW 0 1 2 3\n", 0, 4, "\x00\x0a\xc8\xff"},
	{"before the first entry and behind the last", LITTLE GREY("1", "4", "16", "15")
	 VOI("US 2 100 8", "US 50 200") "(7fe0,0010) OW 99 100 101 5000\n", 0, 4,
	 "\x32\x32\xc8\xc8"},
	{"an entry of 16 bits", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 3 0 16", "OW 0 0x8080 0xffff") "(7fe0,0010) OW 0 1 2\n", 0, 3, "\x00\x80\xff"},
	{"16 bits declared, 12 used", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 3 0 16", "OW 0 2048 4095") "(7fe0,0010) OW 0 1 2\n", 0, 3, "\x00\x80\xff"},
	{"10 bits declared, 12 used", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 3 0 10", "OW 0 2048 4095") "(7fe0,0010) OW 0 1 2\n", 0, 3, "\x00\x80\xff"},
	{"12 bits declared, 11 used", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 3 0 12", "OW 0 1024 2047") "(7fe0,0010) OW 0 1 2\n", 0, 3, "\x00\x40\x7f"},
	{"8-bit entries, two to a word", LITTLE GREY("1", "4", "16", "15")
	 VOI(WHITE_8, "OW 0x0a00 0xffc8") "(7fe0,0010) OW 0 1 2 3\n", 0, 4, "\x00\x0a\xc8\xff"},
	{"8-bit entries, two to a big-endian word", BIG GREY("1", "4", "16", "15")
	 VOI(WHITE_8, "OW 0x0a00 0xffc8") "(7fe0,0010) OW 0 1 2 3\n", 0, 4, "\x00\x0a\xc8\xff"},
	{"8-bit entries in bytes, big endian", BIG GREY("1", "4", "16", "15")
	 VOI(WHITE_8, "OB 0 10 200 255") "(7fe0,0010) OW 0 1 2 3\n", 0, 4, "\x00\x0a\xc8\xff"},
	{"8-bit entries, 16 declared", LITTLE GREY("1", "4", "16", "15")
	 VOI("US 4 0 16", "OW 0x0a00 0xffc8") "(7fe0,0010) OW 0 1 2 3\n", 0, 4,
	 "\x00\x0a\xc8\xff"},
	{"an odd number of 8-bit entries", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 3 0 8", "OW 0x0a00 0x00ff") "(7fe0,0010) OW 0 1 2\n", 0, 3, "\x00\x0a\xff"},
	{"entries with a sign are none", LITTLE GREY("1", "2", "16", "15")
	 VOI("US 2 0 16", "SS 0 -1") "(7fe0,0010) OW 0 1\n", 0, 2, "\x00\xff"},
	{"fewer entries than declared", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 1000 0 16", "OW 0 0x8080 0xffff") "(7fe0,0010) OW 0 1 999\n", 0, 3,
	 "\x00\x80\xff"},
	{"65536 entries", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 0 0 16", "OW 32768*0 32767*0x8080 0xffff") "(7fe0,0010) OW 65535 65534 1\n", 0, 3,
	 "\xff\x80\x00"},
	{"65536 entries of 8 bits", LITTLE GREY("1", "3", "16", "15")
	 VOI("US 0 0 8", "OW 16384*0 16383*0x8080 0xff80") "(7fe0,0010) OW 65535 65534 1\n", 0, 3,
	 "\xff\x80\x00"},
	{"no entries: the frame's range", LITTLE GREY("1", "2", "16", "15")
	 VOI("US 2 0 16", "OW") "(7fe0,0010) OW 5 6\n", 0, 2, "\x00\xff"},
	{"no descriptor: the frame's range", LITTLE GREY("1", "2", "16", "15")
	 "(0028,3010) SQ {\nitem {\n(0028,3003) LO \"x\"\n}\n}\n(7fe0,0010) OW 5 6\n", 0, 2,
	 "\x00\xff"},
	{"the first of use of two", LITTLE GREY("1", "2", "16", "15")
	 "(0028,3010) SQ {\nitem {\n}\nitem {\n(0028,3002) US 2 0 8\n(0028,3006) US 20 255\n}\n"
	 "item {\n(0028,3002) US 2 0 8\n(0028,3006) US 0 90\n}\n}\n(7fe0,0010) OW 0 1\n", 0, 2,
	 "\x14\xff"},
	{"a window comes first", LITTLE GREY("1", "2", "16", "15") WINDOW("128", "256")
	 VOI(WHITE_8, "US 0 1 2 255") "(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},
	{"unless it is none", LITTLE GREY("1", "2", "16", "15") WINDOW("128", "0")
	 VOI("US 2 0 8", "US 7 255") "(7fe0,0010) OW 0 1\n", 0, 2, "\x07\xff"},
	{"VOI LUT and MONOCHROME1",
	 LITTLE PIXEL_MODULE("1", "MONOCHROME1", "", "1", "2", "8", "8", "7", "0")
	 VOI("US 2 0 8", "US 10 255") "(7fe0,0010) OB 0 1\n", 0, 2, "\xf5\x00"},
	{"VOI LUT of 8-bit pixels that turns back", LITTLE GREY("1", "4", "8", "7")
	 VOI(WHITE_8, "US 0 255 10 90") "(7fe0,0010) OB 0 1 2 3\n", 0, 4, "\x00\xff\x0a\x5a"},
	{"VOI LUT behind a rescale", LITTLE GREY("1", "3", "16", "15") RESCALE("-10", "2")
	 VOI("US 3 10 8", "US 1 2 255") "(7fe0,0010) OW 10 11 9\n", 0, 3, "\x01\xff\x01"},
	{"VOI LUT behind a fraction", LITTLE GREY("1", "3", "16", "15") RESCALE("0", "0.5")
	 VOI("US 3 0 8", "US 1 2 255") "(7fe0,0010) OW 0 1 3\n", 0, 3, "\x01\x02\xff"},

	/* C.11.2.1.1: which sign the first input has. */
	{"the first input of unsigned pixels", LITTLE GREY("1", "2", "16", "15")
	 VOI("SS 2 -2 8", "US 1 255") "(7fe0,0010) OW 65534 65535\n", 0, 2, "\x01\xff"},
	{"the first input of signed pixels", LITTLE SIGNED("2")
	 VOI("US 2 65534 8", "US 1 255") "(7fe0,0010) OW 0xfffe 0xffff\n", 0, 2, "\x01\xff"},
	{"the first input of values that may be negative", LITTLE GREY("1", "2", "16", "15")
	 RESCALE("-1024", "1") VOI("US 2 65534 8", "US 1 255") "(7fe0,0010) OW 1022 1023\n", 0, 2,
	 "\x01\xff"},
	{"the first input of values that may not be", LITTLE SIGNED("2") RESCALE("32768", "1")
	 VOI("SS 2 -2 8", "US 1 255") "(7fe0,0010) OW 0x7ffe 0x7fff\n", 0, 2, "\x01\xff"},
	{"the first input of a Modality LUT", LITTLE SIGNED("2") MODALITY("SS 2 -5 16", "OW 0 65535")
	 VOI("SS 2 -2 8", "US 1 255") "(7fe0,0010) OW 0xfffb 0xfffc\n", 0, 2, "\x01\xff"},

	{"Modality LUT and window", LITTLE GREY("1", "3", "16", "15") WINDOW("128", "256")
	 MODALITY("US 3 5 16", "OW 10 20 255") "(7fe0,0010) OW 5 6 7\n", 0, 3, "\x0a\x14\xff"},
	{"Modality LUT of signed pixels has no sign", LITTLE SIGNED("3") WINDOW("32768", "65536")
	 MODALITY("SS 3 -1 16", "SS 0 -32768 -1") "(7fe0,0010) OW 0xffff 0 1\n", 0, 3,
	 "\x00\x80\xff"},
	{"Modality LUT and range", LITTLE GREY("1", "4", "16", "15")
	 MODALITY("US 4 0 16", "OW 0 300 100 151") "(7fe0,0010) OW 1 2 3 1\n", 0, 4,
	 "\xff\x00\x41\xff"},
	{"Modality LUT and range without padding", LITTLE GREY("1", "4", "16", "15")
	 "(0028,0120) US 0\n" MODALITY("US 4 0 16", "OW 9999 355 100 151")
	 "(7fe0,0010) OW 1 2 3 0\n", 0, 4, "\xff\x00\x33\xff"},
	{"Modality LUT and nothing but padding", LITTLE GREY("1", "2", "16", "15")
	 "(0028,0120) US 1\n" MODALITY("US 2 0 16", "OW 5 6") "(7fe0,0010) OW 1 1\n", 0, 2,
	 "\x00\x00"},
	{"Modality LUT in place of a rescale", LITTLE GREY("1", "2", "16", "15")
	 WINDOW("128", "256") RESCALE("-1000", "50") MODALITY("US 2 0 8", "US 100 200")
	 "(7fe0,0010) OW 0 1\n", 0, 2, "\x64\xc8"},
	{"Modality LUT, then VOI LUT", LITTLE GREY("1", "3", "16", "15")
	 MODALITY("US 3 0 16", "OW 102 100 101") VOI("US 3 100 8", "US 1 2 255")
	 "(7fe0,0010) OW 0 1 2\n", 0, 3, "\xff\x01\x02"},
	{"Modality LUT of 32-bit pixels", LITTLE GREY("1", "3", "32", "31") WINDOW("128", "256")
	 MODALITY("US 3 5 16", "OW 10 20 255") "(7fe0,0010) OL 5 6 7000000\n", 0, 3,
	 "\x0a\x14\xff"},
	{"Modality LUT and range of 32-bit pixels", LITTLE GREY("1", "3", "32", "31")
	 MODALITY("US 3 5 16", "OW 10 20 265") "(7fe0,0010) OL 5 6 7\n", 0, 3, "\x00\x0a\xff"},
	{"VOI LUT of floats", LITTLE "(0028,0002) US 1\n(0028,0004) CS \"MONOCHROME2\"\n"
	 "(0028,0010) US 1\n(0028,0011) US 3\n(0028,0100) US 32\n" VOI("US 3 0 8", "US 1 2 255")
	 "(7fe0,0008) OF -5 1.4 1.5\n", 0, 3, "\x01\x02\xff"},
	{"X-ray angiography: the Modality LUT is not for display", CLASS(XA)
	 GREY("1", "2", "16", "15") MODALITY("US 2 0 8", "US 255 0") WINDOW("128", "256")
	 "(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},
	{"a Presentation LUT belongs to no image", LITTLE GREY("1", "2", "16", "15")
	 WINDOW("128", "256") "(2050,0010) SQ {\nitem {\n(0028,3002) US 2 0 16\n"
	 "(0028,3006) OW 65535 0\n}\n}\n(7fe0,0010) OW 100 255\n", 0, 2, "\x64\xff"},

	{"VOI LUT of the frame before the image's window", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "2", "16", "15") WINDOW("128", "256")
	 "(5200,9230) SQ {\n" FRAME_VOI(VOI("US 2 0 8", "US 7 255")) "}\n(7fe0,0010) OW 0 1\n", 0, 2,
	 "\x07\xff"},
	{"window of the frame before the shared VOI LUT", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "2", "16", "15")
	 "(5200,9229) SQ {\n" FRAME_VOI(VOI("US 2 0 8", "US 7 255")) "}\n"
	 "(5200,9230) SQ {\n" FRAME_WINDOW("128", "256") "}\n(7fe0,0010) OW 100 255\n", 0, 2,
	 "\x64\xff"},
	{"VOI LUT of the image, nothing of use in the groups", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "2", "16", "15") VOI("US 2 0 8", "US 7 255")
	 "(5200,9230) SQ {\n" FRAME_VOI("(0028,3010) SQ {\nitem {\n(0028,3003) LO \"x\"\n}\n}\n")
	 "}\n(7fe0,0010) OW 0 1\n", 0, 2, "\x07\xff"},
	{"rescale of the frame before the image's Modality LUT", LITTLE "(0028,0008) IS \"1\"\n"
	 GREY("1", "2", "16", "15") WINDOW("128", "256") MODALITY("US 2 0 8", "US 255 0")
	 "(5200,9230) SQ {\nitem {\n(0028,9145) SQ {\nitem {\n" RESCALE("50", "1")
	 "}\n}\n}\n}\n(7fe0,0010) OW 50 205\n", 0, 2, "\x64\xff"},
};

static void pictures_of_recipes(void **state)
{
	(void)state;
	assert_int_equal(picture_check(table, ARRAY_LEN(table)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pictures_of_recipes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
