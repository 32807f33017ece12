/*
 * JPEG lossless against an encoder of its own, written from T.81 Annex H, and
 * against what other decoders make of real files.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/jpeg-lossless.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "dicom/facts.h"
#include "tests/unit/jpeg-lossless-encode.h"

/* ---- Pictures ----------------------------------------------------------- */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* Rows in turn smooth, of any values, and jumping by half of the range, which is
 * category 16 for 16 bits. */
static uint16_t *make_samples(const struct shape *shape, uint32_t seed)
{
	size_t count = (size_t)shape->width * shape->height * shape->components;
	uint32_t most = (1u << (shape->precision - shape->shift)) - 1, value = most / 2;
	uint16_t *samples = malloc(count * sizeof(*samples));

	assert_non_null(samples);
	for (size_t i = 0; i < count; i++) {
		size_t row = i / (shape->width * shape->components);

		if (row % 4 == 1)
			value = next_random(&seed);
		else if (row % 4 == 3)
			value = value + (most + 1) / 2;
		else
			value = value + next_random(&seed) % 9 - 4;
		samples[i] = (uint16_t)(value & most);
	}
	return samples;
}

struct decoding {
	struct dc_image image;
	struct rn_decoded decoded;
	void *output;
	size_t size;
	struct err err;
};

static void decoding_of(struct decoding *decoding, const struct shape *shape, unsigned allocated)
{
	memset(decoding, 0, sizeof(*decoding));
	decoding->image = (struct dc_image){
		.pixel_tag = DC_TAG_PIXEL_DATA,
		.columns = shape->width,
		.rows = shape->height,
		.samples = (uint16_t)shape->components,
		.bits_allocated = (uint16_t)allocated,
		.bits_stored = (uint16_t)shape->precision,
		.high_bit = (uint16_t)(shape->precision - 1),
	};
	decoding->size = (size_t)shape->width * shape->height * shape->components * allocated / 8;
	decoding->output = calloc(1, decoding->size);
	assert_non_null(decoding->output);
}

/* In memory of just that size, so that a tool sees a byte read too much. */
static bool decode(struct decoding *decoding, struct span stream)
{
	void *copy = malloc(stream.size > 0 ? stream.size : 1);
	bool ok;

	assert_non_null(copy);
	if (stream.size > 0)
		memcpy(copy, stream.data, stream.size);
	struct rn_codec_frame frame = {
		.input = span_of(copy, stream.size),
		.image = &decoding->image,
		.output = decoding->output,
		.output_size = decoding->size,
		.decoded = &decoding->decoded,
	};
	err_clear(&decoding->err);
	ok = rn_jpeg_lossless_decode(&frame, &decoding->err);
	free(copy);
	return ok;
}

static size_t differences(const struct decoding *decoding, const struct shape *shape,
			  const uint16_t *samples)
{
	size_t count = (size_t)shape->width * shape->height * shape->components, wrong = 0;
	unsigned bytes = decoding->image.bits_allocated / 8u;

	for (size_t i = 0; i < count; i++) {
		unsigned got = bytes == 1 ? ((const uint8_t *)decoding->output)[i]
					  : ((const uint16_t *)decoding->output)[i];

		wrong += got != (unsigned)samples[i] << shape->shift;
	}
	return wrong;
}

static void check_shape(const struct shape *shape)
{
	uint16_t *samples = make_samples(shape, shape->width + shape->precision);
	struct writer writer;

	encode_lossless(&writer, shape, samples);
	for (unsigned allocated = shape->precision <= 8 ? 8 : 16; allocated <= 16; allocated += 8) {
		struct decoding decoding;
		bool ok;
		size_t wrong;

		decoding_of(&decoding, shape, allocated);
		ok = decode(&decoding, span_of(writer.out.data, writer.out.size));
		wrong = ok ? differences(&decoding, shape, samples) : 0;
		if (!ok || wrong > 0)
			fail_msg("%ux%ux%u, %u bits, predictor %u, shift %u, restart %u, codes %d, "
				 "separate %d: %s, %zu samples differ",
				 shape->width, shape->height, shape->components, shape->precision,
				 shape->predictor, shape->shift, shape->restart, shape->codes,
				 shape->separate, decoding.err.message, wrong);
		assert_int_equal(decoding.decoded.precision, shape->precision);
		assert_false(decoding.decoded.is_signed);
		assert_false(decoding.decoded.lossy);
		free(decoding.output);
	}
	buf_release(&writer.out);
	free(samples);
}

/* ---- What is right ------------------------------------------------------ */

static void predictors_precisions_and_point_transforms(void **state)
{
	(void)state;
	for (unsigned precision = 2; precision <= 16; precision++) {
		for (unsigned predictor = 1; predictor <= 7; predictor++) {
			for (unsigned shift = 0; shift < precision; shift += 5) {
				struct shape shape = {
					.width = 61 + 20 * precision,
					.height = 13,
					.components = 1,
					.precision = precision,
					.predictor = predictor,
					.shift = shift,
					.codes = predictor % 2 == 0 ? CODES_SHORT : CODES_LONG,
				};

				check_shape(&shape);
			}
		}
	}
}

static void components_scans_tables_and_restarts(void **state)
{
	static const unsigned restarts[] = {0, 1, 7, 29, 58, 37};

	(void)state;
	for (unsigned i = 0; i < 4 * CODES_KINDS * 2 * ARRAY_LEN(restarts) * 7; i++) {
		unsigned at = i;
		struct shape shape = {.width = 29, .height = 9};

		shape.components = 1 + at % 4;
		at /= 4;
		shape.codes = (enum codes)(at % CODES_KINDS);
		at /= CODES_KINDS;
		shape.separate = at % 2 == 1;
		at /= 2;
		shape.restart = restarts[at % ARRAY_LEN(restarts)];
		at /= ARRAY_LEN(restarts);
		shape.predictor = 1 + at;
		shape.precision = i % 3 == 0 ? 8 : i % 3 == 1 ? 12 : 16;
		shape.dnl = i % 5 == 0;
		shape.fillers = i % 2 == 0;
		shape.no_eoi = i % 3 == 1;
		check_shape(&shape);
	}
}

static void sizes(void **state)
{
	static const struct shape shapes[] = {
		{.width = 1, .height = 1, .components = 1, .precision = 16, .predictor = 1},
		{.width = 1, .height = 50, .components = 3, .precision = 8, .predictor = 7},
		{.width = 2, .height = 2, .components = 1, .precision = 12, .predictor = 4},
		{.width = 50, .height = 1, .components = 1, .precision = 12, .predictor = 6},
		{.width = 65535, .height = 3, .components = 1, .precision = 16, .predictor = 5},
		{.width = 9000, .height = 5, .components = 4, .precision = 8, .predictor = 2},
		{.width = 65535,
		 .height = 2,
		 .components = 3,
		 .precision = 12,
		 .predictor = 1,
		 .separate = true,
		 .codes = CODES_EACH},
		/* Enough for the large tables. */
		{.width = 1200, .height = 900, .components = 1, .precision = 16, .predictor = 1},
		{.width = 1200,
		 .height = 900,
		 .components = 1,
		 .precision = 16,
		 .predictor = 6,
		 .codes = CODES_LONG},
		{.width = 700,
		 .height = 700,
		 .components = 3,
		 .precision = 8,
		 .predictor = 4,
		 .codes = CODES_EACH},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(shapes); i++)
		check_shape(&shapes[i]);
}

/* ---- What is wrong ------------------------------------------------------ */

static const struct shape small_shapes[] = {
	{.width = 19, .height = 7, .components = 1, .precision = 12, .predictor = 1},
	{.width = 9, .height = 7, .components = 3, .precision = 8, .predictor = 6, .restart = 9},
	{.width = 9,
	 .height = 8,
	 .components = 2,
	 .precision = 16,
	 .predictor = 4,
	 .codes = CODES_EACH,
	 .separate = true,
	 .fillers = true},
	{.width = 11,
	 .height = 8,
	 .components = 1,
	 .precision = 16,
	 .predictor = 7,
	 .dnl = true,
	 .codes = CODES_LONG,
	 .restart = 13},
};

static bool is_refusal(const struct err *err)
{
	return err->code == ERR_CORRUPT || err->code == ERR_UNSUPPORTED;
}

static void cut_anywhere(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(small_shapes); i++) {
		const struct shape *shape = &small_shapes[i];
		uint16_t *samples = make_samples(shape, 5);
		struct decoding decoding;
		struct writer writer;

		encode_lossless(&writer, shape, samples);
		decoding_of(&decoding, shape, shape->precision > 8 ? 16 : 8);
		for (size_t size = 0; size <= writer.out.size; size++) {
			bool ok = decode(&decoding, span_of(writer.out.data, size));

			/* Behind the last coded byte only DNL is missed. */
			if (!shape->dnl && ok != (size >= writer.coded))
				fail_msg("shape %zu, %zu of %zu bytes, %zu coded: %s", i, size,
					 writer.out.size, writer.coded, decoding.err.message);
			if (ok)
				assert_int_equal(differences(&decoding, shape, samples), 0);
			else
				assert_int_equal(decoding.err.code, ERR_CORRUPT);
		}
		free(decoding.output);
		buf_release(&writer.out);
		free(samples);
	}
}

static void bits_turned_round(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(small_shapes); i++) {
		const struct shape *shape = &small_shapes[i];
		uint16_t *samples = make_samples(shape, 6);
		struct decoding decoding;
		struct writer writer;

		encode_lossless(&writer, shape, samples);
		decoding_of(&decoding, shape, shape->precision > 8 ? 16 : 8);
		for (size_t bit = 0; bit < writer.out.size * 8; bit++) {
			uint8_t *byte = (uint8_t *)writer.out.data + bit / 8;

			*byte = (uint8_t)(*byte ^ 1u << bit % 8);
			if (!decode(&decoding, span_of(writer.out.data, writer.out.size)))
				assert_true(is_refusal(&decoding.err));
			*byte = (uint8_t)(*byte ^ 1u << bit % 8);
		}
		free(decoding.output);
		buf_release(&writer.out);
		free(samples);
	}
}

/* A header that says something else, and bytes of the codestream changed. */
static void refusals(void **state)
{
	static const struct {
		unsigned columns, rows, samples, allocated; /* of the header */
		unsigned at, byte; /* in the codestream: SOF3 at 40, SOS at 53 */
		enum err_code code;
		const char *message;
	} cases[] = {
		{18, 7, 1, 16, 0, 0xFF, ERR_CORRUPT,
		 "the codestream has 19 x 7 pixels, the header 18 x 7"},
		{19, 70, 1, 16, 0, 0xFF, ERR_CORRUPT,
		 "the codestream has 19 x 7 pixels, the header 19 x 70"},
		{19, 7, 3, 16, 0, 0xFF, ERR_CORRUPT,
		 "the codestream has 1 samples per pixel, the header 3"},
		{19, 7, 1, 8, 0, 0xFF, ERR_CORRUPT,
		 "the codestream has samples of 12 bits, the header allocates 8"},
		{19, 7, 1, 32, 0, 0xFF, ERR_UNSUPPORTED, "JPEG lossless with Bits Allocated 32"},
		{19, 7, 1, 16, 0, 0xFE, ERR_CORRUPT, "no JPEG codestream (no SOI marker)"},
		{19, 7, 1, 16, 41, 0xC1, ERR_UNSUPPORTED,
		 "JPEG, extended sequential: not a lossless process"},
		{19, 7, 1, 16, 41, 0xDC, ERR_CORRUPT, "a scan before the frame header"},
		{19, 7, 1, 16, 44, 17, ERR_CORRUPT,
		 "a frame header with 17 bits, 19 columns and 1 components"},
		{19, 7, 1, 16, 46, 0, ERR_CORRUPT,
		 "the codestream has 0 rows and no DNL marker that says how many"},
		{19, 7, 1, 16, 51, 0x50, ERR_CORRUPT,
		 "a component with sampling factors 5 x 0 and quantization table 0"},
		{19, 7, 1, 16, 58, 11, ERR_CORRUPT, "a scan of component 11, which is not there"},
		{19, 7, 1, 16, 59, 0x10, ERR_CORRUPT, "a Huffman table that was not defined"},
		{19, 7, 1, 16, 60, 8, ERR_CORRUPT, "JPEG lossless predictor 8, there are 1 to 7"},
		{19, 7, 1, 16, 62, 12, ERR_CORRUPT,
		 "a point transform of 12 for samples of 12 bits"},
		{19, 7, 1, 16, 23, 17, ERR_CORRUPT, "a Huffman table with value 17, at most 16"},
		{19, 7, 1, 16, 7, 3, ERR_CORRUPT, "a Huffman table of 20 codes in 17 bytes"},
		{19, 7, 1, 16, 4, 200, ERR_CORRUPT, "marker segment 0xFFC4 of 51236 bytes"},
	};
	const struct shape *shape = &small_shapes[0];
	uint16_t *samples = make_samples(shape, 5);
	struct writer writer;

	(void)state;
	encode_lossless(&writer, shape, samples);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		uint8_t *byte = (uint8_t *)writer.out.data + cases[i].at, before = *byte;
		struct shape header = *shape;
		struct decoding decoding;

		header.width = cases[i].columns;
		header.height = cases[i].rows;
		header.components = cases[i].samples;
		decoding_of(&decoding, &header, cases[i].allocated);
		if (cases[i].at > 0 || cases[i].byte != 0xFF)
			*byte = (uint8_t)cases[i].byte;
		assert_false(decode(&decoding, span_of(writer.out.data, writer.out.size)));
		*byte = before;
		if (decoding.err.code != cases[i].code ||
		    strncmp(decoding.err.message, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("case %zu: %s", i, decoding.err.message);
		free(decoding.output);
	}
	buf_release(&writer.out);
	free(samples);
}

static void rows_and_components_that_are_missing(void **state)
{
	struct shape shape = {.width = 9,
			      .height = 20,
			      .components = 3,
			      .precision = 8,
			      .predictor = 1,
			      .separate = true};
	uint16_t *samples = make_samples(&shape, 5);
	struct decoding decoding;
	struct writer writer;
	size_t second;

	(void)state;
	encode_lossless(&writer, &shape, samples);
	decoding_of(&decoding, &shape, 8);
	assert_false(decode(&decoding, span_of(writer.out.data, writer.coded - 60)));
	assert_non_null(strstr(decoding.err.message, "the codestream ends in row "));
	/* Without its last scan. */
	second = writer.coded;
	while (memcmp(writer.out.data + second, "\xFF\xDA", 2) != 0)
		second--;
	assert_false(decode(&decoding, span_of(writer.out.data, second)));
	assert_string_equal(decoding.err.message, "the codestream has 2 of 3 components");
	assert_int_equal(decoding.err.code, ERR_CORRUPT);
	free(decoding.output);
	buf_release(&writer.out);
	free(samples);
}

static void interrupted(void **state)
{
	const struct shape *shape = &small_shapes[0];
	uint16_t *samples = make_samples(shape, 5);
	struct decoding decoding;
	struct writer writer;
	atomic_bool cancel = true;

	(void)state;
	encode_lossless(&writer, shape, samples);
	decoding_of(&decoding, shape, 16);
	struct rn_codec_frame frame = {
		.input = span_of(writer.out.data, writer.out.size),
		.image = &decoding.image,
		.output = decoding.output,
		.output_size = decoding.size,
		.decoded = &decoding.decoded,
		.cancel = &cancel,
	};
	assert_false(rn_jpeg_lossless_decode(&frame, &decoding.err));
	assert_int_equal(decoding.err.code, ERR_INTERRUPTED);
	free(decoding.output);
	buf_release(&writer.out);
	free(samples);
}

/* ---- Real files --------------------------------------------------------- */

static void sha1_block(uint32_t h[5], const uint8_t *block)
{
	static const uint32_t k[4] = {0x5A827999, 0x6ED9EBA1, 0x8F1BBCDC, 0xCA62C1D6};
	uint32_t w[80], v[5];

	memcpy(v, h, sizeof(v));
	for (unsigned t = 0; t < 80; t++) {
		uint32_t f, next;

		if (t < 16)
			w[t] = load_u32(block + 4 * t, true);
		else
			w[t] = w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
		if (t >= 16)
			w[t] = w[t] << 1 | w[t] >> 31;
		f = t < 20   ? (v[1] & v[2]) | (~v[1] & v[3])
		    : t < 40 ? v[1] ^ v[2] ^ v[3]
		    : t < 60 ? (v[1] & v[2]) | (v[1] & v[3]) | (v[2] & v[3])
			     : v[1] ^ v[2] ^ v[3];
		next = (v[0] << 5 | v[0] >> 27) + f + v[4] + k[t / 20] + w[t];
		v[4] = v[3];
		v[3] = v[2];
		v[2] = v[1] << 30 | v[1] >> 2;
		v[1] = v[0];
		v[0] = next;
	}
	for (unsigned i = 0; i < 5; i++)
		h[i] += v[i];
}

/* The first 16 hexadecimal digits. */
static void sha1_16(const uint8_t *data, size_t size, char *text)
{
	uint32_t h[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	uint8_t last[128] = {0};
	size_t rest = size % 64, end = rest < 56 ? 64 : 128;

	for (size_t i = 0; i + 64 <= size; i += 64)
		sha1_block(h, data + i);
	memcpy(last, data + size - rest, rest);
	last[rest] = 0x80;
	store_be32(last + end - 8, (uint32_t)(size >> 29));
	store_be32(last + end - 4, (uint32_t)(size << 3));
	for (size_t i = 0; i < end; i += 64)
		sha1_block(h, last + i);
	(void)snprintf(text, 17, "%08x%08x", h[0], h[1]);
}

/* The first frame of a file, decoded; its hash. */
static bool hash_of_file(const char *path, char *hash, struct err *err)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct dc_file_source file;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_frame_index *index = NULL;
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct rn_decoded decoded = {0};
	void *output CLEANUP_FREE = NULL;
	size_t size;
	bool ok;

	dc_facts_init(&facts);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_set_sys(err, errno, "open");
	dc_file_source_init(&file, fd, (uint64_t)st.st_size, NULL);
	ok = dc_dataset_open(&dataset, &file.base, err) &&
	     dc_facts_read(&facts, &dataset, NULL, err) &&
	     dc_frame_index_build(&index, &dataset, &facts.image, err) &&
	     dc_frame_index_read(index, dataset.source, 0, UINT64_MAX, &input, err);
	dc_frame_index_unref(index);
	if (ok) {
		size = (size_t)facts.image.rows * facts.image.columns * facts.image.samples *
		       rn_cell_bytes(&facts.image);
		output = calloc(1, size);
		assert_non_null(output);
		struct rn_codec_frame frame = {
			.input = span_of(input.data, input.size),
			.image = &facts.image,
			.output = output,
			.output_size = size,
			.decoded = &decoded,
		};
		ok = rn_jpeg_lossless_decode(&frame, err);
		sha1_16(output, size, hash);
	}
	dc_source_release(&file.base);
	return ok;
}

static void real_files_as_other_decoders_have_them(void **state)
{
	const char *given = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");
	char folder[2048], path[4096], line[8192];
	unsigned files = 0, wrong = 0;
	FILE *list;

	(void)state;
	/* The hashes are of little-endian samples. */
	if (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)
		skip();
	(void)snprintf(folder, sizeof(folder), "%s%s",
		       given != NULL ? given
		       : top != NULL ? top
				     : ".",
		       given != NULL ? "" : "/../shared/data");
	(void)snprintf(path, sizeof(path), "%s/ORACLE.tsv", folder);
	list = fopen(path, "r");
	if (list == NULL)
		skip();
	while (fgets(line, sizeof(line), list) != NULL) {
		char *rest = line, *name = strsep(&rest, "\t"), *syntax = strsep(&rest, "\t");
		char *verdict = strsep(&rest, "\t"), *expected = strsep(&rest, "\t");
		char hash[17] = "";
		struct err err = {0};

		if (expected == NULL || strcmp(verdict, "agree") != 0 ||
		    (strcmp(syntax, "1.2.840.10008.1.2.4.57") != 0 &&
		     strcmp(syntax, "1.2.840.10008.1.2.4.70") != 0))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
		files++;
		if (!hash_of_file(path, hash, &err) || strcmp(hash, expected) != 0) {
			print_error("%s: %s %s\n", name, hash, err.message);
			wrong++;
		}
	}
	(void)fclose(list);
	assert_true(files > 0);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(predictors_precisions_and_point_transforms),
		cmocka_unit_test(components_scans_tables_and_restarts),
		cmocka_unit_test(sizes),
		cmocka_unit_test(cut_anywhere),
		cmocka_unit_test(bits_turned_round),
		cmocka_unit_test(refusals),
		cmocka_unit_test(rows_and_components_that_are_missing),
		cmocka_unit_test(interrupted),
		cmocka_unit_test(real_files_as_other_decoders_have_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
