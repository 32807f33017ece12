/*
 * ICC profiles: which are found, where, and what keeps one from being used; and
 * the size of pixels, of which a header may have several.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/icc.h"

#include <setjmp.h>

#include <cmocka.h>

#include "dicom/facts.h"
#include "tests/tools/recipe.h"

#define SIZE 160

/* A header and one tag. */
static void make_profile(uint8_t *p)
{
	memset(p, 0, SIZE);
	store_be32(p, SIZE);
	p[8] = 4;
	memcpy(p + 12, "mntrRGB XYZ ", 12);
	memcpy(p + 36, "acsp", 4);
	store_be32(p + 128, 1);
	memcpy(p + 132, "desc", 4);
	store_be32(p + 136, 144);
	store_be32(p + 140, 16);
}

static const struct {
	const char *name;
	size_t at; /* where 4 bytes are changed, to value */
	uint32_t value;
	uint64_t length; /* of the value field */
	bool valid;
} table[] = {
	{"as it is", 0, SIZE, SIZE, true},
	{"a printer's", 12, 0x70727472, SIZE, true},
	{"Lab", 20, 0x4c616220, SIZE, true},
	{"a byte of padding", 0, SIZE - 4, SIZE - 3, false}, /* its tag is outside */
	{"two bytes more", 0, SIZE, SIZE + 2, false},
	{"fewer bytes than it says", 0, SIZE, SIZE - 2, false},
	{"a size of its own that is no multiple of 4", 0, SIZE - 1, SIZE, false},
	{"too short", 0, 100, 100, false},
	{"4 GB", 0, UINT32_MAX, SIZE, false},
	{"a link between devices", 12, 0x6c696e6b, SIZE, false},
	{"an abstract one", 12, 0x61627374, SIZE, false},
	{"grey", 16, 0x47524159, SIZE, false},
	{"CMYK", 16, 0x434d594b, SIZE, false},
	{"another connection space", 20, 0x52474220, SIZE, false},
	{"another signature", 36, 0x61637371, SIZE, false},
	{"another intent", 64, 4, SIZE, false},
	{"no tags", 128, 0, SIZE, false},
	{"more tags than fit", 128, 3, SIZE, false},
	{"tags past the end of the world", 128, UINT32_MAX, SIZE, false},
	{"a tag behind the end", 136, SIZE + 4, SIZE, false},
	{"a tag across the end", 140, 17, SIZE, false},
	{"a tag without end", 140, UINT32_MAX, SIZE, false},
	{"a tag in the header", 136, 4, SIZE, false},
};

static void valid_and_invalid_profiles(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		uint8_t bytes[SIZE + 8];
		struct dc_memory_source source;
		uint32_t size = 0;
		bool valid;

		memset(bytes, 0, sizeof(bytes));
		make_profile(bytes + 4);
		store_be32(bytes + 4 + table[i].at, table[i].value);
		dc_memory_source_init(&source, span_of(bytes, sizeof(bytes)));
		valid = dc_icc_check(&source.base, 4, table[i].length, &size);
		if (valid != table[i].valid)
			fail_msg("%s: %d", table[i].name, valid);
		if (valid)
			assert_int_equal(size, SIZE);
	}
}

/* An odd profile of version 2, which has a byte of padding behind it. */
static void padding_is_left_out(void **state)
{
	uint8_t bytes[SIZE];
	struct dc_memory_source source;
	uint32_t size;

	(void)state;
	make_profile(bytes);
	bytes[8] = 2;
	store_be32(bytes, SIZE - 1);
	store_be32(bytes + 140, 15);
	dc_memory_source_init(&source, span_of(bytes, SIZE));
	assert_true(dc_icc_check(&source.base, 0, SIZE, &size));
	assert_int_equal(size, SIZE - 1);
	dc_memory_source_init(&source, span_of(bytes, SIZE - 1));
	assert_false(dc_icc_check(&source.base, 0, SIZE + 100, &size));
}

#define START "preamble\nmeta 1.2.840.10008.1.2.1\nobject\n"
#define RGB "(0028,0004) CS \"RGB\"\n"
#define GREY "(0028,0004) CS \"MONOCHROME2\"\n"
#define ICC "(0028,2000) OB %s\n"
#define PATH(more) "item {\n" more "}\n"

static const struct {
	const char *name;
	const char *recipe; /* each %s is the profile */
	bool found;
} places[] = {
	{"the data set's", START RGB ICC, true},
	{"of grey", START GREY ICC, false},
	{"of one optical path", START RGB "(0048,0105) SQ {\n" PATH(ICC) "}\n", true},
	{"of two", START RGB "(0048,0105) SQ {\n" PATH(ICC) PATH(ICC) "}\n", false},
	{"of one of two", START RGB "(0048,0105) SQ {\n" PATH(ICC) PATH("") "}\n", false},
	{"the data set's before those of paths",
	 START RGB ICC "(0048,0105) SQ {\n" PATH(ICC) PATH(ICC) "}\n", true},
	{"of something else inside a path",
	 START RGB "(0048,0105) SQ {\n" PATH("(0022,0016) SQ {\n" PATH(ICC) "}\n") "}\n", false},
	{"of another sequence", START RGB "(0022,0016) SQ {\n" PATH(ICC) "}\n", false},
};

static void read_facts(const char *recipe_text, struct dc_facts *facts, struct buf *file)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct dc_memory_source source;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct err err = {0};

	if (!recipe_build(&recipe, span_of_text(recipe_text), &err))
		fail_msg("%s", err.message);
	buf_append(file, recipe.file.data, recipe.file.size);
	dc_memory_source_init(&source, buf_span(file));
	assert_true(dc_dataset_open(&dataset, &source.base, &err));
	assert_true(dc_facts_read(facts, &dataset, NULL, &err));
}

static void fill_in(const char *text, const uint8_t *profile, struct buf *out)
{
	for (; *text != '\0'; text++) {
		if (strncmp(text, "%s", 2) != 0) {
			buf_append_byte(out, (uint8_t)*text);
			continue;
		}
		text++;
		buf_append_byte(out, '<');
		for (size_t i = 0; i < SIZE; i++)
			buf_printf(out, "%02x", profile[i]);
		buf_append_byte(out, '>');
	}
}

static void check_packed(const struct dc_image *image)
{
	struct buf packed CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_image back = {0};
	struct err err = {0};

	dc_image_pack(image, &packed);
	assert_true(dc_image_unpack(&back, buf_span(&packed), &err));
	assert_int_equal(back.icc_offset, image->icc_offset);
	assert_int_equal(back.icc_length, image->icc_length);
	packed.data[0]--;
	assert_false(dc_image_unpack(&back, buf_span(&packed), &err));
	assert_int_equal(err.code, ERR_STALE);
}

static void where_profiles_are(void **state)
{
	uint8_t profile[SIZE];

	(void)state;
	make_profile(profile);
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct buf file CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct dc_facts facts CLEANUP_FACTS;

		dc_facts_init(&facts);
		fill_in(places[i].recipe, profile, &text);
		read_facts(buf_text(&text), &facts, &file);
		if (((facts.image.flags & DC_IMAGE_ICC) != 0) != places[i].found)
			fail_msg("%s: flags %x", places[i].name, facts.image.flags);
		assert_int_equal(facts.image.icc_length, places[i].found ? SIZE : 0);
		if (places[i].found) {
			assert_memory_equal(file.data + facts.image.icc_offset, profile, SIZE);
			check_packed(&facts.image);
		}
	}
}

#define IMAGER(text) "(0018,1164) DS \"" text "\"\n"
#define SCANNED(text) "(0018,2010) DS \"" text "\"\n"
#define SPACING(text) "(0028,0030) DS \"" text "\"\n"
#define ASPECT(text) "(0028,0034) IS \"" text "\"\n"

static const struct {
	const char *name;
	const char *recipe;
	uint32_t vertical, horizontal; /* equal: no aspect */
} aspects[] = {
	{"nothing", START, 0, 0},
	{"spacing", START SPACING("0.5\\\\0.25"), 500000, 250000},
	{"square", START SPACING("0.5\\\\0.5"), 1, 1},
	{"a ratio", START ASPECT("4\\\\3"), 4, 3},
	{"in the patient before on the detector", START IMAGER("0.1\\\\0.2") SPACING("0.3\\\\0.3"),
	 1, 1},
	{"on the detector", START IMAGER("0.1\\\\0.2") ASPECT("4\\\\3"), 100000, 200000},
	{"on the film", START SCANNED("0.1\\\\0.2") ASPECT("4\\\\3"), 100000, 200000},
	{"a ratio beside square spacing", START SPACING("0.3\\\\0.3") ASPECT("4\\\\3"), 1, 1},
	{"spacing of nothing", START SPACING("0\\\\0.3") ASPECT("4\\\\3"), 4, 3},
	{"negative", START SPACING("-1\\\\0.3"), 0, 0},
	{"half of it", START SPACING("0.3"), 0, 0},
	{"a ratio that is no whole number", START ASPECT("1.25\\\\1"), 1250000, 1000000},
	{"pixels like needles", START SPACING("0.001\\\\1") ASPECT("4\\\\3"), 4, 3},
	{"nanometres", START SPACING("0.0000001\\\\0.0000002"), 0, 0},
	{"of all frames", START "(5200,9229) SQ {\nitem {\n(0018,9329) SQ {\nitem {\n"
	 SPACING("7\\\\1") "}\n}\n(0028,9110) SQ {\nitem {\n" SPACING("0.5\\\\0.25")
	 "}\n}\n}\n}\n", 500000, 250000},
	{"of the data set before that of all frames", START SPACING("0.3\\\\0.6")
	 "(5200,9229) SQ {\nitem {\n(0028,9110) SQ {\nitem {\n" SPACING("0.5\\\\0.25")
	 "}\n}\n}\n}\n", 300000, 600000},
	{"kilometres", START SPACING("1e9\\\\2e9"), 0, 0},
};

static void sizes_of_pixels(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(aspects); i++) {
		struct buf file CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct dc_facts facts CLEANUP_FACTS;
		bool unequal = aspects[i].vertical != aspects[i].horizontal;

		dc_facts_init(&facts);
		read_facts(aspects[i].recipe, &facts, &file);
		if (((facts.image.flags & DC_IMAGE_ASPECT) != 0) != unequal)
			fail_msg("%s: flags %x", aspects[i].name, facts.image.flags);
		if (!unequal)
			continue;
		assert_int_equal(facts.image.aspect_vertical, aspects[i].vertical);
		assert_int_equal(facts.image.aspect_horizontal, aspects[i].horizontal);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(valid_and_invalid_profiles),
		cmocka_unit_test(padding_is_left_out),
		cmocka_unit_test(where_profiles_are),
		cmocka_unit_test(sizes_of_pixels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
