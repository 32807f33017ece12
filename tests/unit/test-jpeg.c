/*
 * DCT JPEG: colour rules as a table; 8-bit streams made by libjpeg against what
 * libjpeg makes of them; the same streams called 12-bit ones, which they are
 * too, against the 8-bit picture; damage; real files against other decoders.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/codecs.h"

#include <setjmp.h>

#include <cmocka.h>

#include <jpeglib.h>

#include "render/jpeg-colour.h"
#include "tests/unit/jpeg-make.h"

/* ---- Colour ------------------------------------------------------------- */

enum { NO_ADOBE = -1, NONE = -1 };

static const struct {
	uint8_t photometric;
	bool jfif;
	int adobe; /* transform */
	const char *ids;
	uint8_t components, h; /* sampling factor of the first one */
	int space; /* enum rn_jpeg_space; NONE: an error */
} colours[] = {
	{DC_MONOCHROME2, false, NO_ADOBE, "\1", 1, 1, RN_JPEG_SPACE_GREY},
	{DC_MONOCHROME1, true, NO_ADOBE, "\1", 1, 1, RN_JPEG_SPACE_GREY},
	{DC_PALETTE_COLOR, false, NO_ADOBE, "\1", 1, 2, RN_JPEG_SPACE_GREY},
	{DC_RGB, true, 1, "\1", 1, 1, RN_JPEG_SPACE_GREY},
	/* The header, when the codestream is silent. */
	{DC_RGB, false, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_RGB},
	{DC_YBR_FULL, false, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_YBR_FULL_422, false, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_YBR_ICT, false, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_YBR_PARTIAL_422, false, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	/* Identifiers mean nothing. */
	{DC_YBR_FULL, false, NO_ADOBE, "RGB", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_RGB, false, NO_ADOBE, "RGB", 3, 1, RN_JPEG_SPACE_RGB},
	{DC_RGB, false, NO_ADOBE, "\0\1\2", 3, 1, RN_JPEG_SPACE_RGB},
	{DC_RGB, true, NO_ADOBE, "RGB", 3, 1, RN_JPEG_SPACE_YCBCR},
	/* JFIF first, Adobe next. */
	{DC_RGB, true, NO_ADOBE, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_RGB, true, 0, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_RGB, false, 1, "\1\2\3", 3, 1, RN_JPEG_SPACE_YCBCR},
	{DC_RGB, false, 0, "\1\2\3", 3, 1, RN_JPEG_SPACE_RGB},
	{DC_YBR_FULL_422, false, 0, "\1\2\3", 3, 1, RN_JPEG_SPACE_RGB},
	{DC_YBR_FULL_422, false, 1, "RGB", 3, 1, RN_JPEG_SPACE_YCBCR},
	/* Chroma of less resolution. */
	{DC_RGB, false, NO_ADOBE, "\1\2\3", 3, 2, RN_JPEG_SPACE_YCBCR},
	{DC_RGB, false, 0, "\1\2\3", 3, 2, RN_JPEG_SPACE_RGB},
	/* No meaning. */
	{DC_MONOCHROME2, false, NO_ADOBE, "\1\2\3", 3, 1, NONE},
	{DC_PALETTE_COLOR, false, NO_ADOBE, "\1\2\3", 3, 1, NONE},
	{DC_PHOTOMETRIC_OTHER, false, NO_ADOBE, "\1\2\3", 3, 1, NONE},
	{DC_PHOTOMETRIC_OTHER, false, 2, "\1\2\3\4", 4, 1, NONE},
	{DC_RGB, true, NO_ADOBE, "\1\2", 2, 1, NONE},
};

static void colour_is_decided(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(colours); i++) {
		struct rn_jpeg_markers markers = {
			.has_jfif = colours[i].jfif,
			.has_adobe = colours[i].adobe != NO_ADOBE,
			.adobe_transform = (uint8_t)colours[i].adobe,
			.frame = {.count = colours[i].components},
		};
		enum rn_jpeg_space space;
		struct err err = {0};
		bool ok;

		for (unsigned c = 0; c < colours[i].components; c++)
			markers.frame.component[c] = (struct rn_jpeg_component){
				.id = (uint8_t)colours[i].ids[c],
				.h = c == 0 ? colours[i].h : 1,
				.v = 1,
			};
		ok = rn_jpeg_colour(&markers, colours[i].photometric, &space, &err);
		if (ok != (colours[i].space != NONE) || (ok && (int)space != colours[i].space))
			fail_msg("row %zu: space %d, %s", i, ok ? (int)space : NONE, err.message);
		if (!ok)
			assert_int_equal(err.code, ERR_UNSUPPORTED);
	}
}

/* ---- Decoding ----------------------------------------------------------- */

struct picture {
	struct rn_decoded decoded;
	struct err err;
	bool ok;
	uint8_t *cells;
};

static void release(struct picture *picture)
{
	free(picture->cells);
}

static struct picture decode(struct span input, const struct dc_image *image)
{
	struct picture picture = {0};
	size_t size = (size_t)image->rows * image->columns * image->samples *
		      rn_cell_bytes(image);
	/* In memory of its own, so that a byte too far is seen. */
	uint8_t *copy CLEANUP_FREE = malloc(input.size + 1);
	struct rn_codec_frame frame = {
		.input = span_of(copy, input.size),
		.image = image,
		.output_size = size,
		.decoded = &picture.decoded,
	};

	assert_non_null(copy);
	memcpy(copy, input.data, input.size);
	copy = realloc(copy, MAX_OF(input.size, (size_t)1));
	frame.input.data = copy;
	frame.output = picture.cells = calloc(1, size);
	assert_non_null(picture.cells);
	picture.ok = rn_codec_jpeg.decode(&frame, &picture.err);
	return picture;
}

static struct dc_image image_of(const struct jpeg_shape *shape, unsigned allocated)
{
	return (struct dc_image){
		.rows = shape->height,
		.columns = shape->width,
		.samples = shape->components,
		.bits_allocated = (uint16_t)allocated,
		.bits_stored = allocated == 8 ? 8 : 12,
		.high_bit = allocated == 8 ? 7 : 11,
		.photometric = shape->components == 1 ? DC_MONOCHROME2 : DC_RGB,
	};
}

static const struct jpeg_shape shapes[] = {
	{.width = 64, .height = 64, .components = 1},
	{.width = 1, .height = 1, .components = 1},
	{.width = 67, .height = 41, .components = 1, .restart = 3},
	{.width = 131, .height = 57, .components = 1, .scans = JPEG_SPECTRAL},
	{.width = 131, .height = 57, .components = 1, .scans = JPEG_FULL},
	{.width = 131, .height = 57, .components = 1, .scans = JPEG_FULL, .restart = 5},
	{.width = 99, .height = 50, .components = 3},
	{.width = 99, .height = 50, .components = 3, .rgb = true},
	{.width = 99, .height = 50, .components = 3, .h = 2},
	{.width = 99, .height = 51, .components = 3, .h = 2, .v = 2},
	{.width = 99, .height = 51, .components = 3, .h = 1, .v = 2},
	{.width = 101, .height = 49, .components = 3, .h = 4, .v = 1},
	{.width = 3, .height = 3, .components = 3, .h = 2, .v = 2},
	{.width = 99, .height = 51, .components = 3, .h = 2, .v = 2, .restart = 2},
	{.width = 99, .height = 51, .components = 3, .h = 2, .v = 2, .scans = JPEG_SEPARATE},
	{.width = 99, .height = 51, .components = 3, .h = 2, .scans = JPEG_SPECTRAL},
	{.width = 99, .height = 51, .components = 3, .h = 2, .v = 2, .scans = JPEG_FULL},
	{.width = 99, .height = 51, .components = 3, .scans = JPEG_FULL, .restart = 4},
	{.width = 300, .height = 200, .components = 1, .quality = 100},
	{.width = 300, .height = 200, .components = 1, .quality = 5},
	{.width = 300, .height = 200, .components = 3, .h = 2, .v = 2, .quality = 100,
	 .scans = JPEG_FULL},
};

static void eight_bits_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2 * ARRAY_LEN(shapes); i++) {
		struct jpeg_shape shape = shapes[i / 2];
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
		struct dc_image image = image_of(&shape, 8);
		uint8_t *expected CLEANUP_FREE = NULL;
		size_t count = (size_t)shape.width * shape.height * shape.components;

		shape.arithmetic = i % 2 == 1;
		jpeg_make(&stream, &shape);
		expected = jpeg_read(&stream, JCS_UNKNOWN);
		for (unsigned bytes = 1; bytes <= 2; bytes++) {
			CLEANUP(release) struct picture picture = {0};

			image.bits_allocated = (uint16_t)(8 * bytes);
			picture = decode(jpeg_span(&stream), &image);
			if (!picture.ok)
				fail_msg("row %zu: %s", i, picture.err.message);
			assert_int_equal(picture.decoded.precision, 8);
			assert_true(picture.decoded.lossy);
			assert_int_equal(picture.decoded.colour,
					 shape.components == 1 ? RN_COLOUR_HEADER : RN_COLOUR_RGB);
			for (size_t k = 0; k < count; k++) {
				unsigned got = bytes == 1 ? picture.cells[k]
							  : ((uint16_t *)(void *)picture.cells)[k];

				if (got != expected[k])
					fail_msg("row %zu, %u bytes, sample %zu", i, bytes, k);
			}
		}
	}
}

/* Coefficients of an 8-bit picture are those of a 12-bit one whose grey levels
 * are around 2048 instead of 128. */
static void twelve_bits_are_decoded(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
		struct jpeg_shape shape = shapes[i];
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
		CLEANUP(release) struct picture picture = {0};
		struct dc_image image = image_of(&shape, 16);
		uint8_t *expected CLEANUP_FREE = NULL;
		size_t count = (size_t)shape.width * shape.height * shape.components;
		bool ycbcr = shape.components == 3 && !shape.rgb;

		jpeg_make(&stream, &shape);
		expected = jpeg_read(&stream, ycbcr ? JCS_YCbCr : JCS_UNKNOWN);
		jpeg_patch(&stream, 0, 12);
		picture = decode(jpeg_span(&stream), &image);
		if (!picture.ok)
			fail_msg("row %zu: %s", i, picture.err.message);
		assert_int_equal(picture.decoded.precision, 12);
		assert_true(picture.decoded.lossy);
		assert_int_equal(picture.decoded.colour, ycbcr ? RN_COLOUR_YBR_FULL
							 : shape.rgb ? RN_COLOUR_RGB
								     : RN_COLOUR_HEADER);
		/* libjpeg interpolates between rows alone too, here they are repeated. */
		if (shape.h == 1 && shape.v == 2)
			continue;
		for (size_t k = 0; k < count; k++) {
			int got = ((uint16_t *)(void *)picture.cells)[k] - 2048 + 128;

			got = MAX_OF(0, MIN_OF(got, 255));
			if (abs(got - expected[k]) > 1)
				fail_msg("row %zu, sample %zu: %d, not %u", i, k, got, expected[k]);
		}
	}
}

/* The same coefficients give the same samples in whatever order they come. */
static void scans_do_not_matter(void **state)
{
	struct jpeg_shape shape = {.width = 203, .height = 117, .components = 3, .h = 2, .v = 2,
				   .quality = 90};
	struct dc_image image = image_of(&shape, 16);
	CLEANUP(release) struct picture first = {0};

	(void)state;
	for (unsigned i = 0; i < 2 * JPEG_SCANS; i++) {
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
		CLEANUP(release) struct picture picture = {0};

		shape.scans = i / 2;
		shape.restart = i % 2 * 7;
		jpeg_make(&stream, &shape);
		jpeg_patch(&stream, 0, 12);
		picture = decode(jpeg_span(&stream), &image);
		if (!picture.ok)
			fail_msg("scans %u: %s", i, picture.err.message);
		if (i == 0) {
			first = picture;
			picture.cells = NULL;
		} else {
			assert_memory_equal(picture.cells, first.cells,
					    (size_t)shape.width * shape.height * 6);
		}
	}
}

/* ---- Refusals ----------------------------------------------------------- */

static void expect(const struct jpeg_stream *stream, const struct dc_image *image,
		   enum err_code code, const char *message)
{
	CLEANUP(release) struct picture picture = decode(jpeg_span(stream), image);

	assert_false(picture.ok);
	if (picture.err.code != code || strcmp(picture.err.message, message) != 0)
		fail_msg("%s: %s; not %s", err_code_name(picture.err.code), picture.err.message,
			 message);
}

static void contradictions_are_refused(void **state)
{
	const struct jpeg_shape shape = {.width = 99, .height = 50, .components = 3};
	CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
	struct dc_image image = image_of(&shape, 8);

	(void)state;
	jpeg_make(&stream, &shape);
	image.rows = 51;
	expect(&stream, &image, ERR_CORRUPT,
	       "the codestream has 99 x 50 pixels, the header 99 x 51");
	image = image_of(&shape, 8);
	image.columns = 50;
	image.rows = 99;
	expect(&stream, &image, ERR_CORRUPT,
	       "the codestream has 99 x 50 pixels, the header 50 x 99");
	image = image_of(&shape, 8);
	image.samples = 1;
	expect(&stream, &image, ERR_CORRUPT,
	       "the codestream has 3 components, the header 1 samples per pixel");
	image.samples = 4;
	expect(&stream, &image, ERR_UNSUPPORTED, "JPEG with 4 samples per pixel");
	image = image_of(&shape, 8);
	image.bits_allocated = 32;
	expect(&stream, &image, ERR_UNSUPPORTED, "JPEG with 32 bits allocated");
	image.bits_allocated = 8;
	jpeg_patch(&stream, 0, 12);
	expect(&stream, &image, ERR_CORRUPT,
	       "the codestream has samples of 12 bits, the header 8 bits allocated");
	image.bits_allocated = 16;
	jpeg_patch(&stream, 0, 10);
	expect(&stream, &image, ERR_CORRUPT, "baseline JPEG with samples of 10 bits");
}

static void processes_without_a_decoder_are_named(void **state)
{
	static const struct {
		uint8_t sof, precision;
		const char *message;
	} table[] = {
		{0xC5, 8, "hierarchical sequential JPEG"},
		{0xC6, 8, "hierarchical progressive JPEG"},
		{0xC7, 8, "hierarchical lossless JPEG"},
		{0xCB, 8, "arithmetic lossless JPEG"},
		{0xCD, 8, "hierarchical arithmetic sequential JPEG"},
		{0xC9, 12, "arithmetic sequential JPEG with samples of 12 bits"},
		{0xCA, 12, "arithmetic progressive JPEG with samples of 12 bits"},
	};
	const struct jpeg_shape shape = {.width = 40, .height = 30, .components = 1};
	struct dc_image image = image_of(&shape, 16);
	CLEANUP(jpeg_release) struct jpeg_stream stream = {0};

	(void)state;
	jpeg_make(&stream, &shape);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		jpeg_patch(&stream, table[i].sof, table[i].precision);
		expect(&stream, &image, ERR_UNSUPPORTED, table[i].message);
	}
}

/* Both decoders. */
static void for_decoders(void (*check)(struct jpeg_stream *stream, const struct jpeg_shape *shape))
{
	for (size_t i = 0; i < 2 * ARRAY_LEN(shapes); i++) {
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};

		if (shapes[i / 2].width > 150)
			continue;
		jpeg_make(&stream, &shapes[i / 2]);
		if (i % 2 == 1)
			jpeg_patch(&stream, 0, 12);
		check(&stream, &shapes[i / 2]);
	}
}

/* Every byte is needed but those of EOI. */
static void check_cuts(struct jpeg_stream *stream, const struct jpeg_shape *shape)
{
	struct dc_image image = image_of(shape, 16);
	size_t size = stream->size;

	for (size_t cut = 0; cut <= size; cut += cut + 40 < size && cut > 800 ? 7 : 1) {
		CLEANUP(release) struct picture picture =
			decode(span_of(stream->data, cut), &image);

		if (picture.ok != (cut >= size - 2))
			fail_msg("%u x %u, scans %u: %zu of %zu bytes: %s", shape->width,
				 shape->height, shape->scans, cut, size, picture.err.message);
		if (!picture.ok)
			assert_int_equal(picture.err.code, ERR_CORRUPT);
	}
}

/* Behind the end of arithmetic codes are zeros, so that only EOI tells. */
static void truncated_arithmetic_codes_are_an_error(void **state)
{
	(void)state;
	for (unsigned scans = JPEG_ONE_SCAN; scans < JPEG_SCANS; scans++) {
		const struct jpeg_shape shape = {.width = 60, .height = 50, .components = 3,
						 .scans = scans, .arithmetic = true};
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
		struct dc_image image = image_of(&shape, 8);

		jpeg_make(&stream, &shape);
		for (size_t cut = 0; cut < stream.size - 2; cut += 5) {
			CLEANUP(release) struct picture picture =
				decode(span_of(stream.data, cut), &image);

			if (picture.ok)
				fail_msg("scans %u, cut at %zu of %zu", scans, cut, stream.size);
		}
	}
}

static void truncation_is_an_error(void **state)
{
	(void)state;
	for_decoders(check_cuts);
}

/* Whatever happens, nothing but an error. */
static void check_flips(struct jpeg_stream *stream, const struct jpeg_shape *shape)
{
	struct dc_image image = image_of(shape, 16);
	uint32_t random = 1;

	for (unsigned i = 0; i < 300; i++) {
		size_t at;
		uint8_t bit;

		random = random * 1664525u + 1013904223u;
		/* Half of them in the headers. */
		at = (random >> 8) % (i % 2 == 0 ? stream->size : MIN_OF(stream->size, 700u));
		bit = (uint8_t)(1u << (random >> 5 & 7));
		stream->data[at] ^= bit;
		{
			CLEANUP(release) struct picture picture = decode(jpeg_span(stream), &image);

			if (!picture.ok)
				assert_true(picture.err.code == ERR_CORRUPT ||
					    picture.err.code == ERR_UNSUPPORTED);
		}
		stream->data[at] ^= bit;
	}
}

static void damage_does_no_harm(void **state)
{
	(void)state;
	for_decoders(check_flips);
}

static void check_cancel(struct jpeg_stream *stream, const struct jpeg_shape *shape)
{
	const atomic_bool cancel = true;
	struct dc_image image = image_of(shape, 16);
	struct rn_decoded decoded = {0};
	size_t size = (size_t)shape->width * shape->height * shape->components * 2;
	uint8_t *cells CLEANUP_FREE = calloc(1, size);
	struct err err = {0};
	const struct rn_codec_frame frame = {
		.input = jpeg_span(stream),
		.image = &image,
		.output = cells,
		.output_size = size,
		.decoded = &decoded,
		.cancel = &cancel,
	};

	assert_false(rn_codec_jpeg.decode(&frame, &err));
	assert_int_equal(err.code, ERR_INTERRUPTED);
}

static void cancelling_ends_it(void **state)
{
	(void)state;
	for_decoders(check_cancel);
}

/* A frame header with 0 rows, the number behind the first scan: B.2.5. */
static void rows_may_come_late(void **state)
{
	static const uint8_t dnl[] = {0xFF, 0xDC, 0, 4, 0, 41, 0xFF, 0xD9};

	(void)state;
	for (unsigned precision = 8; precision <= 12; precision += 4) {
		const struct jpeg_shape shape = {.width = 67, .height = 41, .components = 1};
		struct dc_image image = image_of(&shape, 16);
		CLEANUP(jpeg_release) struct jpeg_stream stream = {0};
		CLEANUP(release) struct picture whole = {0}, late = {0};

		jpeg_make(&stream, &shape);
		jpeg_patch(&stream, 0, (uint8_t)precision);
		whole = decode(jpeg_span(&stream), &image);
		stream.data = realloc(stream.data, stream.size + 6);
		assert_non_null(stream.data);
		memcpy(stream.data + stream.size - 2, dnl, sizeof(dnl));
		stream.size += 6;
		memset(stream.data + jpeg_frame_header(&stream) + 5, 0, 2);
		late = decode(jpeg_span(&stream), &image);
		if (!late.ok)
			fail_msg("%s", late.err.message);
		assert_true(whole.ok);
		assert_memory_equal(late.cells, whole.cells, 67 * 41 * 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(colour_is_decided),
		cmocka_unit_test(eight_bits_are_decoded),
		cmocka_unit_test(twelve_bits_are_decoded),
		cmocka_unit_test(scans_do_not_matter),
		cmocka_unit_test(contradictions_are_refused),
		cmocka_unit_test(processes_without_a_decoder_are_named),
		cmocka_unit_test(truncation_is_an_error),
		cmocka_unit_test(truncated_arithmetic_codes_are_an_error),
		cmocka_unit_test(damage_does_no_harm),
		cmocka_unit_test(cancelling_ends_it),
		cmocka_unit_test(rows_may_come_late),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
