/*
 * JPEG 2000 in all the ways it is written: what ends early, packets that are
 * missing, the JP2 file around a codestream.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/codec-check.h"

#include <setjmp.h>

#include <cmocka.h>

#include "render/j2k-header.h"

static bool is_left_out(void)
{
	return !codec_is_there(rn_codec_j2k_library);
}

/* ---- Structures ---------------------------------------------------------------- */

static const struct encode_spec structures[] = {
	{SIZE(67, 45, 1, 12)},
	{SIZE(67, 45, 1, 12), .irreversible = true, .rate = 4},
	{SIZE(67, 45, 1, 16), .is_signed = true, .packet_markers = true},
	{SIZE(67, 45, 1, 8), .lengths = true, .layers = 3},
	{SIZE(67, 45, 1, 8), .packet_markers = true, .lengths = true, .parts = true},
	{SIZE(67, 45, 3, 8), .colour_transform = true, .parts = true, .progression = 1},
	{SIZE(67, 45, 3, 8), .irreversible = true, .rate = 6, .layers = 4, .lengths = true},
	{SIZE(67, 45, 3, 8), .tile = 32, .packet_markers = true, .progression = 2},
	{SIZE(67, 45, 3, 8), .progression = 3, .step = 2},
	{SIZE(67, 45, 3, 8), .progression = 4, .lengths = true},
	{SIZE(67, 45, 1, 8), .roi_shift = 3},
	{SIZE(67, 45, 1, 1)},
	{SIZE(3, 2, 1, 8)},
	{SIZE(200, 150, 1, 12), .parts = true, .layers = 2},
};

/* Decodes what was made of a codestream: an error, or what whole is. */
static void check(const struct codec_picture *whole, struct span codestream, size_t row,
		  const char *what, size_t size)
{
	struct codec_picture picture CLEANUP(codec_release) = {.image = whole->image};
	struct err err;

	if (codec_decode(&picture, codestream, &err)) {
		if (memcmp(picture.cells, whole->cells, whole->size) != 0)
			fail_msg("row %zu: %s at %zu: another picture", row, what, size);
	} else if (err.code != ERR_CORRUPT || err.message[0] == '\0') {
		fail_msg("row %zu: %s at %zu: %s: %s", row, what, size, err_code_name(err.code),
			 err.message);
	}
}

/* The end of the last tile-part cut off, and its length made right; EOC follows. */
static void cut_inside(const struct codec_picture *whole, const struct buf *codestream, size_t row)
{
	size_t sot = 0, end = codestream->size - 2, step = codestream->size / 300 + 1;

	for (size_t i = 0; i + 12 < end; i++) {
		if (load_u32(codestream->data + i, true) == ((uint32_t)RN_J2K_SOT << 16 | 10) &&
		    i + load_u32(codestream->data + i + 6, true) == end)
			sot = i;
	}
	assert_int_not_equal(sot, 0);
	for (size_t size = end - 1; size > sot + 14; size -= MIN_OF(step, size - sot - 14)) {
		struct buf cut CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

		if (end - size > 100)
			step = codestream->size / 300 + 1;
		else
			step = 1;
		buf_append(&cut, codestream->data, size);
		buf_append(&cut, "\xff\xd9", 2);
		assert_int_equal(cut.size, size + 2);
		store_be32(cut.data + sot + 6, (uint32_t)(size - sot));
		check(whole, buf_span(&cut), row, "cut", size);
		/* The same, as the length of the rest. */
		store_be32(cut.data + sot + 6, 0);
		check(whole, buf_span(&cut), row, "cut, open", size);
	}
}

static void all_of_it_or_nothing(void **state)
{
	(void)state;
	if (is_left_out())
		skip();
	for (size_t i = 0; i < ARRAY_LEN(structures); i++) {
		const char *syntax = structures[i].irreversible ? "91" : "90";
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture whole CLEANUP(codec_release) = {
			.image = codec_image(&structures[i], syntax)};
		struct err err;
		size_t step;

		codec_make(encode_j2k, &structures[i], &codestream);
		if (!codec_decode(&whole, buf_span(&codestream), &err))
			fail_msg("row %zu: %s", i, err.message);
		step = codestream.size / 300 + 1;
		for (size_t size = 0; size < codestream.size;
		     size += codestream.size - size < 100 ? 1 : step)
			check(&whole, span_of(codestream.data, size), i, "truncated", size);
		cut_inside(&whole, &codestream, i);
	}
}

/* Without the tile-parts at the end, and nothing in the others that tells how many
 * there are. */
static void tile_parts_are_missed(void **state)
{
	static const struct encode_spec spec = {SIZE(67, 45, 1, 8), .parts = true};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(&spec, "90")};
	struct rn_j2k_header header;
	struct err err = {0};
	size_t at;

	(void)state;
	if (is_left_out())
		skip();
	codec_make(encode_j2k, &spec, &codestream);
	assert_true(rn_j2k_header_read(&header, buf_span(&codestream), &err));
	for (at = header.tile_parts; load_u16(codestream.data + at, true) == RN_J2K_SOT;
	     at += load_u32(codestream.data + at + 6, true))
		codestream.data[at + 11] = 0;
	assert_true(codec_decode(&picture, buf_span(&codestream), &err));
	for (at = header.tile_parts; load_u16(codestream.data + at, true) == RN_J2K_SOT;) {
		struct buf cut CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

		at += load_u32(codestream.data + at + 6, true);
		if (load_u16(codestream.data + at, true) != RN_J2K_SOT)
			break;
		buf_append(&cut, codestream.data, at);
		assert_false(codec_decode(&picture, buf_span(&cut), &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		buf_append(&cut, "\xff\xd9", 2);
		assert_false(codec_decode(&picture, buf_span(&cut), &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_string_equal(err.message,
				    "JPEG 2000: packets are missing at the end of a tile");
	}
	/* All but EOC. */
	assert_true(codec_decode(&picture, span_of(codestream.data, at), &err));
}

/* Some writers tell the number of the last tile-part for how many there are: it is the
 * same picture, whatever the decoder makes of that. */
static void tile_parts_are_counted_wrongly(void **state)
{
	static const struct encode_spec spec = {SIZE(67, 45, 1, 8), .parts = true};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture whole CLEANUP(codec_release) = {.image = codec_image(&spec, "90")};
	struct rn_j2k_header header;
	unsigned parts = 0;
	struct err err = {0};

	(void)state;
	if (is_left_out())
		skip();
	codec_make(encode_j2k, &spec, &codestream);
	assert_true(rn_j2k_header_read(&header, buf_span(&codestream), &err));
	assert_true(codec_decode(&whole, buf_span(&codestream), &err));
	for (size_t at = header.tile_parts; load_u16(codestream.data + at, true) == RN_J2K_SOT;
	     at += load_u32(codestream.data + at + 6, true))
		parts++;
	assert_true(parts > 3);
	for (unsigned told = 1; told <= parts + 1; told++) {
		struct codec_picture picture CLEANUP(codec_release) = {.image = whole.image};

		for (size_t at = header.tile_parts;
		     load_u16(codestream.data + at, true) == RN_J2K_SOT;
		     at += load_u32(codestream.data + at + 6, true))
			codestream.data[at + 11] = (uint8_t)told;
		if (!codec_decode(&picture, buf_span(&codestream), &err))
			fail_msg("%u of %u told: %s", told, parts, err.message);
		assert_memory_equal(picture.cells, whole.cells, whole.size);
	}
}

/* ---- Cells wider than samples, and more components --------------------------------- */

static void samples_of_8_bits_in_cells_of_16(void **state)
{
	static const struct {
		codec_encoder *encode;
		void (*library)(struct buf *out);
		const char *syntax;
	} table[] = {{encode_j2k, rn_codec_j2k_library, "90"}, {encode_jls, rn_codec_jls_library, "80"}};
	struct encode_spec spec = {SIZE(33, 21, 3, 8), .interleave = BY_PLANE};

	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(table); i++) {
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture bytes CLEANUP(codec_release) = {0};
		struct codec_picture words CLEANUP(codec_release) = {0};
		struct err err;

		if (!codec_is_there(table[i / 2].library))
			continue;
		spec.components = i % 2 == 0 ? 1 : 3;
		codec_make(table[i / 2].encode, &spec, &codestream);
		bytes.image = words.image = codec_image(&spec, table[i / 2].syntax);
		words.image.bits_allocated = 16;
		assert_true(codec_decode(&bytes, buf_span(&codestream), &err));
		assert_true(codec_decode(&words, buf_span(&codestream), &err));
		for (size_t at = 0; at < bytes.size; at++)
			assert_int_equal(codec_cell(&bytes, at, false), codec_cell(&words, at, false));
	}
}

static void a_fourth_component_is_named(void **state)
{
	static const struct encode_spec spec = {SIZE(20, 30, 4, 8)};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(&spec, "90")};
	struct err err;

	(void)state;
	if (is_left_out())
		skip();
	codec_make(encode_j2k, &spec, &codestream);
	picture.image.samples = 3;
	assert_false(codec_decode(&picture, buf_span(&codestream), &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.message,
			    "the codestream has 4 components, the header 3 samples per pixel");
	picture.image.samples = 5;
	assert_false(codec_decode(&picture, buf_span(&codestream), &err));
	assert_int_equal(err.code, ERR_UNSUPPORTED);
	assert_string_equal(err.message, "JPEG 2000 with 5 samples per pixel");
}

/* ---- JP2 -------------------------------------------------------------------------- */

static void box(struct buf *out, const char *type, const void *content, size_t size)
{
	uint8_t length[4];

	store_be32(length, (uint32_t)size + 8);
	buf_append(out, length, 4);
	buf_append(out, type, 4);
	buf_append(out, content, size);
}

static void jp2_files(void **state)
{
#define BYTES(text) text, sizeof(text) - 1
	static const struct {
		const char *type, *content;
		size_t size;
		uint8_t colour; /* of what decodes */
		enum err_code code;
		const char *message;
	} table[] = {
		{"colr", BYTES("\1\0\0\0\0\0\x10"), RN_COLOUR_HEADER, ERR_NONE, NULL}, /* sRGB */
		{"colr", BYTES("\1\0\0\0\0\0\x11"), RN_COLOUR_HEADER, ERR_NONE, NULL}, /* grey */
		{"colr", BYTES("\1\0\0\0\0\0\x12"), RN_COLOUR_YBR_FULL, ERR_NONE, NULL},
		{"colr", BYTES("\2\0\0profile"), RN_COLOUR_HEADER, ERR_NONE, NULL},
		{"colr", BYTES("\1"), RN_COLOUR_HEADER, ERR_NONE, NULL},
		{"cdef", BYTES("\0\3\0\0\0\0\0\1\0\1\0\0\0\2\0\2\0\0\0\3"), RN_COLOUR_HEADER, ERR_NONE,
		 NULL},
		{"cdef", BYTES("\0\3\0\0\0\0\0\3\0\1\0\0\0\2\0\2\0\0\0\1"), 0, ERR_UNSUPPORTED,
		 "JP2: channel 1 is colour 3, not in their order"},
		{"cdef", BYTES("\0\1\0\2\0\1\0\0"), 0, ERR_UNSUPPORTED, "JP2: an opacity channel"},
		{"cdef", BYTES("\0\7\0\0"), 0, ERR_CORRUPT, "JP2: channel definitions of 4 bytes"},
		{"pclr", BYTES("\1\0\3\7\7\7"), 0, ERR_UNSUPPORTED, "JP2: a palette"},
	};
	static const struct encode_spec spec = {SIZE(20, 30, 3, 8)};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture bare CLEANUP(codec_release) = {.image = codec_image(&spec, "90")};
	struct err err;

	(void)state;
	if (is_left_out())
		skip();
	codec_make(encode_j2k, &spec, &codestream);
	assert_true(codec_decode(&bare, buf_span(&codestream), &err));
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf file CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct buf header CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {.image = bare.image};
		size_t start;

		box(&header, "ihdr", BYTES("\0\0\0\x1e\0\0\0\x14\0\3\7\7\0\0"));
		box(&header, table[i].type, table[i].content, table[i].size);
		box(&file, "jP  ", BYTES("\r\n\x87\n"));
		box(&file, "ftyp", BYTES("jp2 \0\0\0\0jp2 "));
		box(&file, "jp2h", header.data, header.size);
		start = file.size;
		box(&file, "jp2c", codestream.data, codestream.size);
		if (table[i].code != ERR_NONE) {
			assert_false(codec_decode(&picture, buf_span(&file), &err));
			assert_int_equal(err.code, table[i].code);
			assert_string_equal(err.message, table[i].message);
			continue;
		}
		if (!codec_decode(&picture, buf_span(&file), &err))
			fail_msg("row %zu: %s", i, err.message);
		assert_memory_equal(picture.cells, bare.cells, bare.size);
		assert_int_equal(picture.decoded.colour, table[i].colour);
		/* To the end of the file. */
		store_be32(file.data + start, 0);
		assert_true(codec_decode(&picture, buf_span(&file), &err));
		for (size_t size = 0; size < file.size; size += size < start + 8 ? 1 : 37)
			check(&bare, span_of(file.data, size), i, "truncated file", size);
	}
}

/* A few bytes that speak of a huge picture cost nothing. */
static void a_huge_picture_of_few_bytes(void **state)
{
	struct encode_spec spec = {SIZE(16, 16, 1, 8)};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture picture CLEANUP(codec_release) = {0};
	struct err err;

	(void)state;
	if (is_left_out())
		skip();
	codec_make(encode_j2k, &spec, &codestream);
	/* SIZ, behind SOC: the picture's end, and the size of its only tile. */
	store_be32(codestream.data + 8, 4096);
	store_be32(codestream.data + 12, 4096);
	store_be32(codestream.data + 24, 4096);
	store_be32(codestream.data + 28, 4096);
	spec.columns = spec.rows = 4096;
	picture.image = codec_image(&spec, "90");
	assert_false(codec_decode(&picture, buf_span(&codestream), &err));
	assert_int_equal(err.code, ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_of_it_or_nothing),
		cmocka_unit_test(tile_parts_are_missed),
		cmocka_unit_test(tile_parts_are_counted_wrongly),
		cmocka_unit_test(samples_of_8_bits_in_cells_of_16),
		cmocka_unit_test(a_fourth_component_is_named),
		cmocka_unit_test(jp2_files),
		cmocka_unit_test(a_huge_picture_of_few_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
