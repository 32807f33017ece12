/*
 * The codecs that use libraries: what their encoders wrote comes back; what
 * contradicts the header, or ends too early, is refused with a reason.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/codecs.h"

#include <setjmp.h>

#include <cmocka.h>

#include "tests/unit/codec-check.h"

/* Encodes, decodes, and compares: no sample may be further off than this. */
static void round_trip(codec_encoder *encode, const struct encode_spec *spec, const char *syntax,
		       int64_t most_off)
{
	size_t count = (size_t)spec->columns * spec->rows * spec->components;
	int32_t *values CLEANUP_FREE = malloc(count * sizeof(*values));
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(spec, syntax)};
	struct err err;

	assert_non_null(values);
	encode_fill(spec, values);
	if (!encode(spec, values, &codestream))
		fail_msg("%u x %u x %u, %u bits: not encoded", spec->columns, spec->rows,
			 spec->components, spec->precision);
	if (!codec_decode(&picture, buf_span(&codestream), &err))
		fail_msg("%u x %u x %u, %u bits: %s", spec->columns, spec->rows, spec->components,
			 spec->precision, err.message);
	assert_int_equal(picture.decoded.precision, spec->precision);
	for (size_t i = 0; i < count; i++) {
		int64_t off = codec_cell(&picture, i, spec->is_signed) - values[i];

		if (off > most_off || off < -most_off)
			fail_msg("%u x %u x %u, %u bits, interleave %d, tile %u: sample %zu is %lld, "
				 "was %d", spec->columns, spec->rows, spec->components,
				 spec->precision, (int)spec->interleave, spec->tile, i,
				 (long long)codec_cell(&picture, i, spec->is_signed), values[i]);
	}
}

/* ---- Each library -------------------------------------------------------------- */

static void jpeg_ls_comes_back(void **state)
{
	(void)state;
	if (!codec_is_there(rn_codec_jls_library))
		skip();
	for (unsigned precision = 2; precision <= 16; precision++) {
		struct encode_spec spec = {SIZE(67, 45, 1, precision)};

		round_trip(encode_jls, &spec, "80", 0);
		if (precision >= 4) {
			spec.near_lossless = 2;
			round_trip(encode_jls, &spec, "81", 2);
		}
		spec.components = 3;
		for (int mode = BY_PLANE; mode <= BY_SAMPLE; mode++) {
			spec.interleave = (enum encode_interleave)mode;
			spec.near_lossless = 0;
			round_trip(encode_jls, &spec, "80", 0);
		}
	}
	for (int transformation = 1; transformation <= 3; transformation++) {
		struct encode_spec spec = {SIZE(33, 20, 3, 8), .interleave = BY_SAMPLE,
					   .transformation = transformation};

		round_trip(encode_jls, &spec, "80", 0);
		spec.interleave = BY_LINE;
		round_trip(encode_jls, &spec, "80", 0);
	}
}

static void jpeg_2000_comes_back(void **state)
{
	static const struct encode_spec table[] = {
		{SIZE(67, 45, 1, 1)},
		{SIZE(67, 45, 1, 8)},
		{SIZE(67, 45, 1, 8), .is_signed = true},
		{SIZE(67, 45, 1, 12)},
		{SIZE(67, 45, 1, 13), .is_signed = true},
		{SIZE(67, 45, 1, 16)},
		{SIZE(67, 45, 1, 16), .is_signed = true},
		{SIZE(67, 45, 1, 20)},
		{SIZE(67, 45, 1, 12), .tile = 16},
		{SIZE(67, 45, 1, 12), .layers = 3},
		{SIZE(67, 45, 1, 12), .tile = 32, .x0 = 5, .y0 = 3},
		{SIZE(67, 45, 3, 8)},
		{SIZE(67, 45, 3, 8), .colour_transform = true},
		{SIZE(67, 45, 3, 16), .colour_transform = true},
		{SIZE(67, 45, 3, 8), .step = 2},
		{SIZE(66, 44, 3, 8), .step = 2, .tile = 32},
		{SIZE(1, 1, 1, 8)},
		{SIZE(512, 1, 1, 16)},
		{SIZE(1, 512, 1, 16)},
	};

	(void)state;
	if (!codec_is_there(rn_codec_j2k_library))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct encode_spec spec = table[i];

		round_trip(encode_j2k, &spec, "90", 0);
		spec.irreversible = true;
		if (spec.layers == 0 && spec.step == 0 && spec.precision > 1)
			round_trip(encode_j2k, &spec, "91", spec.colour_transform ? 4 : 2);
	}
}

static void jpeg_xl_comes_back(void **state)
{
	(void)state;
	if (!codec_is_there(rn_codec_jxl_library))
		skip();
	for (unsigned precision = 7; precision <= 16; precision++) {
		struct encode_spec spec = {SIZE(67, 45, 1, precision)};

		round_trip(encode_jxl, &spec, "110", 0);
		spec.components = 3;
		round_trip(encode_jxl, &spec, "110", 0);
	}
}

static void lossy_jpeg_xl_is_close(void **state)
{
	struct encode_spec spec = {SIZE(67, 45, 1, 8), .lossy = true};

	(void)state;
	if (!codec_is_there(rn_codec_jxl_library))
		skip();
	round_trip(encode_jxl, &spec, "112", 24);
}

/* ---- What is said of samples --------------------------------------------------- */

static void samples_are_described(void **state)
{
	static const struct {
		codec_encoder *encode;
		void (*library)(struct buf *out);
		const char *syntax;
		uint8_t photometric;
		struct encode_spec spec;
		struct rn_decoded decoded;
	} table[] = {
#define J2K encode_j2k, rn_codec_j2k_library
#define JLS encode_jls, rn_codec_jls_library
#define JXL encode_jxl, rn_codec_jxl_library
		{J2K, "90", DC_MONOCHROME2, {SIZE(20, 20, 1, 12)}, {12, false, false, 0}},
		{J2K, "90", DC_MONOCHROME2, {SIZE(20, 20, 1, 12), .is_signed = true}, {12, true, false, 0}},
		{J2K, "91", DC_MONOCHROME2, {SIZE(20, 20, 1, 12)}, {12, false, true, 0}},
		{J2K, "90", DC_MONOCHROME2, {SIZE(20, 20, 1, 12), .irreversible = true},
		 {12, false, true, 0}},
		{J2K, "90", DC_YBR_RCT, {SIZE(20, 20, 3, 8), .colour_transform = true},
		 {8, false, false, RN_COLOUR_RGB}},
		{J2K, "90", DC_YBR_FULL, {SIZE(20, 20, 3, 8), .colour_transform = true},
		 {8, false, false, RN_COLOUR_RGB}},
		{J2K, "90", DC_YBR_FULL, {SIZE(20, 20, 3, 8)}, {8, false, false, RN_COLOUR_HEADER}},
		{J2K, "90", DC_YBR_RCT, {SIZE(20, 20, 3, 8)}, {8, false, false, RN_COLOUR_RGB}},
		{J2K, "91", DC_YBR_ICT, {SIZE(20, 20, 3, 8)}, {8, false, true, RN_COLOUR_RGB}},
		{J2K, "90", DC_RGB, {SIZE(20, 20, 3, 8)}, {8, false, false, RN_COLOUR_HEADER}},
		{JLS, "80", DC_MONOCHROME2, {SIZE(20, 20, 1, 12)}, {12, false, false, 0}},
		{JLS, "81", DC_MONOCHROME2, {SIZE(20, 20, 1, 12), .near_lossless = 1},
		 {12, false, true, 0}},
		{JLS, "81", DC_MONOCHROME2, {SIZE(20, 20, 1, 12)}, {12, false, false, 0}},
		{JLS, "80", DC_YBR_FULL, {SIZE(20, 20, 3, 8)}, {8, false, false, RN_COLOUR_HEADER}},
		{JLS, "80", DC_RGB, {SIZE(20, 20, 3, 8), .interleave = BY_SAMPLE, .transformation = 1},
		 {8, false, false, RN_COLOUR_RGB}},
		{JXL, "110", DC_YBR_FULL, {SIZE(20, 20, 3, 8)}, {8, false, false, RN_COLOUR_HEADER}},
		{JXL, "112", DC_XYB, {SIZE(20, 20, 3, 8), .lossy = true},
		 {8, false, true, RN_COLOUR_RGB}},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {
			.image = codec_image(&table[i].spec, table[i].syntax)};
		struct err err;

		if (!codec_is_there(table[i].library))
			continue;
		picture.image.photometric = table[i].photometric;
		codec_make(table[i].encode, &table[i].spec, &codestream);
		if (!codec_decode(&picture, buf_span(&codestream), &err))
			fail_msg("row %zu: %s", i, err.message);
		if (picture.decoded.precision != table[i].decoded.precision ||
		    picture.decoded.is_signed != table[i].decoded.is_signed ||
		    picture.decoded.lossy != table[i].decoded.lossy ||
		    picture.decoded.colour != table[i].decoded.colour)
			fail_msg("row %zu: %u bits, signed %d, lossy %d, colour %u", i,
				 picture.decoded.precision, picture.decoded.is_signed,
				 picture.decoded.lossy, picture.decoded.colour);
	}
}

/* ---- What is refused -------------------------------------------------------------- */

/* Bytes of a marker segment: found by its marker, changed at an offset from it. */
struct patch {
	uint16_t marker;
	size_t offset;
	uint16_t value; /* big endian, as markers are */
};

static void apply(struct buf *codestream, const struct patch *patch)
{
	for (size_t i = 0; i + patch->offset + 2 <= codestream->size; i++) {
		if (load_u16(codestream->data + i, true) != patch->marker)
			continue;
		codestream->data[i + patch->offset] = (uint8_t)(patch->value >> 8);
		codestream->data[i + patch->offset + 1] = (uint8_t)patch->value;
		return;
	}
	fail_msg("no marker %04x", patch->marker);
}

static void contradictions_are_named(void **state)
{
	static const struct {
		codec_encoder *encode;
		void (*library)(struct buf *out);
		const char *syntax;
		struct encode_spec spec;
		struct patch patch;
		enum err_code code;
		const char *message;
	} table[] = {
		/* SIZ: marker, length, capabilities, width, height, ... */
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 8, 21}, ERR_CORRUPT,
		 "the codestream has 21 x 30 pixels, the header 20 x 30"},
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 10, 0x7fff}, ERR_CORRUPT,
		 "the codestream has 20 x 2147418142 pixels, the header 20 x 30"},
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 12, 29}, ERR_CORRUPT,
		 "the codestream has 20 x 29 pixels, the header 20 x 30"},
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 16, 20}, ERR_CORRUPT,
		 "JPEG 2000: a picture from 20, 0 to 20, 30"},
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 24, 0}, ERR_CORRUPT,
		 "JPEG 2000: tiles of 0 x 30 from 0, 0 do not cover 0, 0"},
		{J2K, "90", {SIZE(20, 30, 1, 12)}, {0xff51, 38, 3}, ERR_CORRUPT,
		 "JPEG 2000: SIZ marker of 39 bytes with 3 components"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff51, 40, 0x0801}, ERR_CORRUPT,
		 "the codestream has samples of 9 bits, the header 8 bits allocated"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff51, 40, 0x0700}, ERR_CORRUPT,
		 "JPEG 2000: component 1 has 8 bits and a sample every 0 x 1 pixels"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff51, 24, 1}, ERR_CORRUPT,
		 "JPEG 2000: 1 of 20 tiles are there"},
		{J2K, "90", {SIZE(200, 300, 1, 8)}, {0xff51, 24, 1}, ERR_LIMIT,
		 "JPEG 2000: 200 tiles for 60000 pixels"},
		{J2K, "90", {SIZE(20, 30, 3, 8)}, {0xff51, 43, 0x0801}, ERR_UNSUPPORTED,
		 "JPEG 2000: components of 8 bits unsigned and of 9 bits unsigned"},
		/* COD: marker, length, style, progression, layers, ... */
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff52, 6, 65535}, ERR_CORRUPT, "packets in"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff52, 6, 0}, ERR_CORRUPT, "JPEG 2000: 0 layers"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff52, 12, 0x0002}, ERR_UNSUPPORTED,
		 "JPEG 2000: wavelet 2 of Part 2"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff64, 0, 0xff74}, ERR_UNSUPPORTED,
		 "JPEG 2000: extension FF74 of Part 2"},
		/* SOT: marker, length, tile, length of the tile-part, ... */
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff90, 4, 1}, ERR_CORRUPT, "of tile 2 of 1"},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff90, 6, 1}, ERR_CORRUPT,
		 "JPEG 2000: the codestream ends in tile 1: "},
		{J2K, "90", {SIZE(20, 30, 1, 8)}, {0xff4f, 0, 0xff4e}, ERR_CORRUPT,
		 "no JPEG 2000 codestream"},
		/* SOF55: marker, length, precision, height, width, components, ... */
		{JLS, "80", {SIZE(20, 30, 1, 12)}, {0xfff7, 5, 31}, ERR_CORRUPT,
		 "the codestream has 20 x 31 pixels, the header 20 x 30"},
		{JLS, "80", {SIZE(20, 30, 1, 12)}, {0xfff7, 7, 65535}, ERR_CORRUPT,
		 "the codestream has 65535 x 30 pixels, the header 20 x 30"},
		{JLS, "80", {SIZE(20, 30, 1, 8)}, {0xfff7, 4, 0x0900}, ERR_CORRUPT,
		 "the codestream has samples of 9 bits, the header 8 bits allocated"},
		{JLS, "80", {SIZE(20, 30, 1, 8)}, {0xfff7, 0, 0xffc3}, ERR_UNSUPPORTED, "JPEG-LS: "},
		{JLS, "80", {SIZE(20, 30, 1, 8)}, {0xffd8, 0, 0xff00}, ERR_CORRUPT, "JPEG-LS: "},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {
			.image = codec_image(&table[i].spec, table[i].syntax)};
		struct err err;

		if (!codec_is_there(table[i].library))
			continue;
		codec_make(table[i].encode, &table[i].spec, &codestream);
		apply(&codestream, &table[i].patch);
		if (codec_decode(&picture, buf_span(&codestream), &err))
			fail_msg("row %zu: decoded", i);
		if (err.code != table[i].code || strstr(err.message, table[i].message) == NULL)
			fail_msg("row %zu: %s: %s", i, err_code_name(err.code), err.message);
	}
}

static void other_components_are_refused(void **state)
{
	static const struct {
		codec_encoder *encode;
		void (*library)(struct buf *out);
		const char *syntax;
		enum err_code code;
		const char *message;
	} table[] = {
		{J2K, "90", ERR_CORRUPT,
		 "the codestream has 3 components, the header 1 samples per pixel"},
		{J2K, "92", ERR_UNSUPPORTED,
		 "JPEG 2000 Part 2: 3 frames as components of one codestream"},
		{JLS, "80", ERR_CORRUPT,
		 "the codestream has 3 components, the header 1 samples per pixel"},
		{JXL, "110", ERR_CORRUPT,
		 "the codestream has 3 components, the header 1 samples per pixel"},
	};
	struct encode_spec spec = {SIZE(20, 30, 3, 8)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(&spec, table[i].syntax)};
		struct err err;

		if (!codec_is_there(table[i].library))
			continue;
		picture.image.samples = 1;
		codec_make(table[i].encode, &spec, &codestream);
		assert_false(codec_decode(&picture, buf_span(&codestream), &err));
		assert_int_equal(err.code, table[i].code);
		assert_string_equal(err.message, table[i].message);
	}
}

/* A codestream that ends early has no picture, unless all that is missing says
 * nothing of pixels. */
static void truncated(codec_encoder *encode, const char *syntax, const struct encode_spec *spec,
		      size_t most_missing)
{
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture whole CLEANUP(codec_release) = {.image = codec_image(spec, syntax)};
	struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(spec, syntax)};
	struct err err;
	size_t step;

	codec_make(encode, spec, &codestream);
	step = codestream.size / 400 + 1;
	assert_true(codec_decode(&whole, buf_span(&codestream), &err));
	for (size_t size = 0; size < codestream.size;
	     size += size < 200 || codestream.size - size < 100 ? 1 : step) {
		if (codec_decode(&picture, span_of(codestream.data, size), &err)) {
			if (size + most_missing < codestream.size)
				fail_msg("%zu of %zu bytes are a picture", size, codestream.size);
			assert_memory_equal(picture.cells, whole.cells, whole.size);
		} else if (err.code != ERR_CORRUPT || err.message[0] == '\0') {
			fail_msg("%zu of %zu bytes: %s: %s", size, codestream.size,
				 err_code_name(err.code), err.message);
		}
	}
}

static void what_ends_early_has_no_picture(void **state)
{
	static const struct encode_spec grey = {SIZE(67, 45, 1, 12)};
	static const struct encode_spec tiles = {SIZE(67, 45, 3, 8), .tile = 16, .interleave = BY_PLANE};

	(void)state;
	if (codec_is_there(rn_codec_j2k_library)) {
		truncated(encode_j2k, "90", &grey, 2); /* EOC */
		truncated(encode_j2k, "90", &tiles, 2);
	}
	if (codec_is_there(rn_codec_jls_library)) {
		truncated(encode_jls, "80", &grey, 0);
		truncated(encode_jls, "80", &tiles, 0);
	}
	if (codec_is_there(rn_codec_jxl_library))
		truncated(encode_jxl, "110", &grey, 1);
}

/* A byte between the last scan and EOI harms nothing; one between two scans is
 * where the decoder stops. */
static void stray_bytes_in_jpeg_ls(void **state)
{
	static const struct encode_spec spec = {SIZE(20, 30, 3, 8), .interleave = BY_PLANE};
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf stray CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct codec_picture whole CLEANUP(codec_release) = {.image = codec_image(&spec, "80")};
	struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(&spec, "80")};
	struct err err;
	size_t scan = 0;

	(void)state;
	if (!codec_is_there(rn_codec_jls_library))
		skip();
	codec_make(encode_jls, &spec, &codestream);
	assert_true(codec_decode(&whole, buf_span(&codestream), &err));
	buf_append(&stray, codestream.data, codestream.size - 2);
	buf_append(&stray, "\0\xff\xd9", 3);
	assert_true(codec_decode(&picture, buf_span(&stray), &err));
	assert_memory_equal(picture.cells, whole.cells, whole.size);

	for (size_t i = 0; i + 2 < codestream.size; i++) {
		if (load_u16(codestream.data + i, true) == 0xffda)
			scan = i;
	}
	buf_truncate(&stray, 0);
	buf_append(&stray, codestream.data, scan);
	buf_append_byte(&stray, 0);
	buf_append(&stray, codestream.data + scan, codestream.size - scan);
	assert_false(codec_decode(&picture, buf_span(&stray), &err));
	assert_int_equal(err.code, ERR_CORRUPT);
}

/* Every interval is as a picture of its own: joined, they are one. */
static void restart_intervals_of_jpeg_ls(void **state)
{
	static const struct encode_spec table[] = {
		{SIZE(67, 40, 1, 8)},
		{SIZE(67, 40, 1, 12)},
		{SIZE(40, 40, 1, 16), .near_lossless = 3},
		{SIZE(40, 40, 3, 8), .interleave = BY_LINE},
		{SIZE(40, 40, 3, 8), .interleave = BY_SAMPLE},
	};
	enum { INTERVAL = 16 };

	(void)state;
	if (!codec_is_there(rn_codec_jls_library))
		skip();
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct encode_spec *spec = &table[i];
		size_t line = (size_t)spec->columns * spec->components;
		int32_t *values CLEANUP_FREE = malloc(line * spec->rows * sizeof(*values));
		struct buf joined CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(spec, "80")};
		struct err err;

		assert_non_null(values);
		encode_fill(spec, values);
		for (unsigned row = 0; row < spec->rows; row += INTERVAL) {
			struct encode_spec part = *spec;
			struct buf one CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
			size_t scan = 0;

			part.rows = MIN_OF(spec->rows - row, (unsigned)INTERVAL);
			assert_true(encode_jls(&part, values + row * line, &one));
			while (load_u16(one.data + scan, true) != 0xffda)
				scan++;
			if (row == 0) {
				buf_append(&joined, one.data, scan);
				buf_append(&joined, "\xff\xdd\0\4\0", 5);
				buf_append_byte(&joined, INTERVAL);
				buf_append(&joined, one.data + scan, one.size - 2 - scan);
				apply(&joined, &(struct patch){0xfff7, 5, (uint16_t)spec->rows});
			} else {
				scan += 2u + load_u16(one.data + scan + 2, true);
				buf_append_byte(&joined, 0xff);
				buf_append_byte(&joined, (uint8_t)(0xd0 + row / INTERVAL - 1));
				buf_append(&joined, one.data + scan, one.size - 2 - scan);
			}
		}
		buf_append(&joined, "\xff\xd9", 2);
		if (!codec_decode(&picture, buf_span(&joined), &err))
			fail_msg("row %zu: %s", i, err.message);
		for (size_t at = 0; at < line * spec->rows; at++) {
			int64_t off = codec_cell(&picture, at, false) - values[at];

			assert_in_range(off + spec->near_lossless, 0, 2 * spec->near_lossless);
		}
		/* Another marker than the one whose turn it is. */
		apply(&joined, &(struct patch){0xffd0, 0, 0xffd3});
		assert_false(codec_decode(&picture, buf_span(&joined), &err));
		assert_int_equal(err.code, ERR_CORRUPT);
	}
}

static void a_cancelled_decode_ends(void **state)
{
	static const struct {
		codec_encoder *encode;
		void (*library)(struct buf *out);
		const char *syntax;
	} table[] = {{J2K, "90"}, {JLS, "80"}, {JXL, "110"}};
	static const struct encode_spec spec = {SIZE(20, 30, 1, 8)};
	atomic_bool cancel = true;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct codec_picture picture CLEANUP(codec_release) = {.image = codec_image(&spec, table[i].syntax)};
		struct err err;

		if (!codec_is_there(table[i].library))
			continue;
		codec_make(table[i].encode, &spec, &codestream);
		assert_false(codec_decode_for(&picture, buf_span(&codestream), &cancel, &err));
		assert_int_equal(err.code, ERR_INTERRUPTED);
	}
}

static void what_was_left_out_says_so(void **state)
{
	static const struct {
		void (*library)(struct buf *out);
		const char *syntax, *message;
	} table[] = {
		{rn_codec_jls_library, "80", "JPEG-LS: built without CharLS"},
		{rn_codec_j2k_library, "91", "JPEG 2000: built without OpenJPEG"},
		{rn_codec_j2k_library, "201", "JPEG 2000: built without OpenJPEG"},
		{rn_codec_jxl_library, "112", "JPEG XL: built without libjxl"},
	};
	static const struct encode_spec spec = {SIZE(20, 30, 1, 8)};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct dc_image image = codec_image(&spec, table[i].syntax);
		struct err err = {0};
		bool there = codec_is_there(table[i].library);

		assert_int_equal(rn_codec_find(&image)->supports(&image, &err), there);
		if (!there) {
			assert_int_equal(err.code, ERR_UNSUPPORTED);
			assert_string_equal(err.message, table[i].message);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(jpeg_ls_comes_back),
		cmocka_unit_test(jpeg_2000_comes_back),
		cmocka_unit_test(jpeg_xl_comes_back),
		cmocka_unit_test(lossy_jpeg_xl_is_close),
		cmocka_unit_test(samples_are_described),
		cmocka_unit_test(contradictions_are_named),
		cmocka_unit_test(other_components_are_refused),
		cmocka_unit_test(what_ends_early_has_no_picture),
		cmocka_unit_test(stray_bytes_in_jpeg_ls),
		cmocka_unit_test(restart_intervals_of_jpeg_ls),
		cmocka_unit_test(a_cancelled_decode_ends),
		cmocka_unit_test(what_was_left_out_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
