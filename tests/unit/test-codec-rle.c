/*
 * RLE, deflated and uncompressed frames: segments written by hand, long random
 * ones against the plainest decoder, hostile ones, and real files against their
 * native twins.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/codecs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <zlib.h>

#define SEGMENTS 15

/* An RLE frame of segments, one behind the other. */
static void put_frame(struct buf *out, const struct span *segments, uint32_t count)
{
	uint32_t at = 64;

	for (uint32_t i = 0; i <= SEGMENTS; i++) {
		uint32_t number = i == 0 ? count : i <= count ? at : 0;

		for (unsigned k = 0; k < 4; k++)
			buf_append_byte(out, (uint8_t)(number >> (8 * k)));
		if (i > 0 && i <= count)
			at += (uint32_t)segments[i - 1].size;
	}
	for (uint32_t i = 0; i < count; i++)
		buf_append(out, segments[i].data, segments[i].size);
}

static struct dc_image image_of(uint32_t rows, uint32_t columns, uint16_t samples, uint16_t bits,
				const char *syntax)
{
	return (struct dc_image){
		.pixel_tag = DC_TAG_PIXEL_DATA,
		.flags = DC_IMAGE_ENCAPSULATED,
		.rows = rows,
		.columns = columns,
		.frames = 1,
		.samples = samples,
		.bits_allocated = bits,
		.bits_stored = bits,
		.high_bit = (uint16_t)(bits - 1),
		.photometric = samples == 1 ? DC_MONOCHROME2 : DC_RGB,
		.transfer_syntax = (uint16_t)(dc_transfer_syntax_find(span_of_text(syntax)) -
					      dc_transfer_syntax_table),
	};
}

static size_t size_of(const struct dc_image *image)
{
	return (size_t)image->rows * image->columns * image->samples * rn_cell_bytes(image);
}

/* Input and output stand alone in memory of just their size, for sanitizers. */
static bool decode(const struct dc_image *image, struct span input, uint8_t *out, struct err *err)
{
	const struct rn_codec *codec = rn_codec_find(image);
	uint8_t *exact CLEANUP_FREE = malloc(input.size + 1);
	struct rn_decoded decoded = {0};
	struct rn_codec_frame frame = {
		.image = image,
		.output = out,
		.output_size = size_of(image),
		.decoded = &decoded,
	};

	assert_non_null(codec);
	assert_non_null(exact);
	if (input.size > 0)
		memcpy(exact + 1, input.data, input.size);
	frame.input = span_of(exact + 1, input.size);
	memset(out, 0, frame.output_size);
	return codec->supports(image, err) && codec->decode(&frame, err);
}

/* ---- By hand ------------------------------------------------------------------ */

#define RLE "1.2.840.10008.1.2.5"
#define BYTES(...) {(const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__})}
#define LITERAL(...) BYTES(sizeof((const uint8_t[]){__VA_ARGS__}) - 1, __VA_ARGS__)

static const struct {
	const char *name;
	uint16_t columns, samples, bits;
	struct span segments[6];
	/* The samples as numbers; or what the message begins with. */
	uint32_t expected[8];
	const char *error;
} by_hand[] = {
	{"literal", 3, 1, 8, {LITERAL(1, 2, 3)}, {1, 2, 3}, NULL},
	{"replicate", 4, 1, 8, {BYTES(0xfd, 7)}, {7, 7, 7, 7}, NULL},
	{"no operation", 2, 1, 8, {BYTES(0x80, 0, 1, 0x80, 0x80, 0, 2)}, {1, 2}, NULL},
	{"both kinds", 5, 1, 8, {BYTES(1, 1, 2, 0xfe, 9)}, {1, 2, 9, 9, 9}, NULL},
	{"a pad byte", 2, 1, 8, {BYTES(1, 1, 2, 0)}, {1, 2}, NULL},
	{"more than needed", 2, 1, 8, {BYTES(3, 1, 2, 3, 4)}, {1, 2}, NULL},
	{"a run past the end", 2, 1, 8, {BYTES(0x81, 5)}, {5, 5}, NULL},
	{"the last run cut, but not needed", 2, 1, 8, {BYTES(9, 1, 2)}, {1, 2}, NULL},
	{"16 bits", 3, 1, 16, {LITERAL(0x12, 0x56, 0x9a), LITERAL(0x34, 0x78, 0xbc)},
	 {0x1234, 0x5678, 0x9abc}, NULL},
	{"16 bits, segments of odd size", 2, 1, 16, {LITERAL(1, 2), BYTES(0xff, 3)},
	 {0x0103, 0x0203}, NULL},
	{"32 bits", 1, 1, 32, {BYTES(0, 1), BYTES(0, 2), BYTES(0, 3), BYTES(0, 4)}, {0x01020304}, NULL},
	{"RGB", 2, 3, 8, {LITERAL(1, 4), LITERAL(2, 5), LITERAL(3, 6)}, {1, 2, 3, 4, 5, 6}, NULL},
	{"RGB of 16 bits", 1, 3, 16, {BYTES(0, 1), BYTES(0, 2), BYTES(0, 3), BYTES(0, 4), BYTES(0, 5),
	 BYTES(0, 6)}, {0x0102, 0x0304, 0x0506}, NULL},
	{"two samples", 2, 2, 8, {LITERAL(1, 3), LITERAL(2, 4)}, {1, 2, 3, 4}, NULL},
	{"four samples", 2, 4, 8, {LITERAL(1, 5), LITERAL(2, 6), LITERAL(3, 7), LITERAL(4, 8)},
	 {1, 2, 3, 4, 5, 6, 7, 8}, NULL},
	{"packed bits", 8, 1, 1, {BYTES(0, 0xa1)}, {1, 0, 0, 0, 0, 1, 0, 1}, NULL},
	{"packed bits, not whole bytes", 3, 1, 1, {BYTES(0, 0xfe)}, {0, 1, 1}, NULL},
	{"a byte a bit", 5, 1, 1, {LITERAL(1, 0, 0, 1, 255)}, {1, 0, 0, 1, 1}, NULL},

	{"short", 3, 1, 8, {LITERAL(1, 2)}, {0}, "RLE segment 1 ends after 2 of 3 bytes"},
	{"empty", 3, 1, 8, {BYTES(0x80)}, {0}, "RLE segment 1 ends after 0 of 3 bytes"},
	{"a literal cut", 3, 1, 8, {BYTES(2, 1)}, {0}, "RLE segment 1 ends after 1 of 3 bytes"},
	{"a replicate cut", 3, 1, 8, {BYTES(0, 1, 0xfe)}, {0}, "RLE segment 1 ends after 1 of 3 bytes"},
	{"the second short", 2, 1, 16, {LITERAL(1, 2), BYTES(0, 1)}, {0},
	 "RLE segment 2 ends after 1 of 2 bytes"},
	{"bits short", 17, 1, 1, {LITERAL(1, 2)}, {0}, "RLE segment 1 ends after 2 of 3 bytes"},
	{"a segment too few", 2, 1, 16, {LITERAL(1, 2)}, {0},
	 "an RLE frame has 1 segments where 2 are needed"},
	{"a segment too many", 2, 1, 8, {LITERAL(1, 2), LITERAL(1, 2)}, {0},
	 "an RLE frame has 2 segments where 1 are needed"},
};

static uint32_t sample_at(const uint8_t *out, size_t i, unsigned bytes)
{
	uint16_t two;
	uint32_t four;

	if (bytes == 1)
		return out[i];
	memcpy(&two, out + 2 * i, 2);
	memcpy(&four, bytes == 4 ? out + 4 * i : (const uint8_t *)"\0\0\0", 4);
	return bytes == 2 ? two : four;
}

static void segments_by_hand(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(by_hand); i++) {
		struct dc_image image =
			image_of(1, by_hand[i].columns, by_hand[i].samples, by_hand[i].bits, RLE);
		struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		uint8_t *out CLEANUP_FREE = malloc(size_of(&image));
		struct err err = {0};
		uint32_t count = 0;

		while (count < 6 && by_hand[i].segments[count].size > 0)
			count++;
		put_frame(&input, by_hand[i].segments, count);
		if (decode(&image, buf_span(&input), out, &err) != (by_hand[i].error == NULL))
			fail_msg("%s: %s", by_hand[i].name, err.message);
		if (by_hand[i].error != NULL) {
			assert_int_equal(err.code, ERR_CORRUPT);
			assert_string_equal(err.message, by_hand[i].error);
			continue;
		}
		for (size_t k = 0; k < (size_t)image.columns * image.samples; k++) {
			if (sample_at(out, k, rn_cell_bytes(&image)) != by_hand[i].expected[k])
				fail_msg("%s: sample %zu", by_hand[i].name, k);
		}
	}
}

static void impossible_headers_are_refused(void **state)
{
	static const struct {
		uint32_t numbers[4]; /* count and offsets */
		size_t size;
		const char *error;
	} headers[] = {
		{{0, 0, 0, 0}, 100, "an RLE frame has 0 segments where 2 are needed"},
		{{UINT32_MAX, 64, 80, 0}, 100, "an RLE frame has 4294967295 segments where 2 are needed"},
		{{2, 64, 80, 0}, 63, "an RLE frame has 63 bytes, less than its header"},
		{{2, 63, 80, 0}, 100, "RLE segment 1 goes from byte 63 to 80 of 100"},
		{{2, 64, 101, 0}, 100, "RLE segment 1 goes from byte 64 to 101 of 100"},
		{{2, 80, 64, 0}, 100, "RLE segment 1 goes from byte 80 to 64 of 100"},
		{{2, 64, UINT32_MAX, 0}, 100, "RLE segment 1 goes from byte 64 to 4294967295 of 100"},
		{{2, 0, 0, 0}, 100, "RLE segment 1 goes from byte 0 to 0 of 100"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		struct dc_image image = image_of(1, 2, 1, 16, RLE);
		uint8_t input[128] = {0}, out[4];
		struct err err = {0};

		for (size_t k = 0; k < 16; k++)
			input[k] = (uint8_t)(headers[i].numbers[k / 4] >> (8 * (k % 4)));
		assert_false(decode(&image, span_of(input, headers[i].size), out, &err));
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_string_equal(err.message, headers[i].error);
	}
}

static void impossible_cells_are_unsupported(void **state)
{
	static const uint16_t table[][2] = {{12, 1}, {24, 1}, {1, 3}, {0, 1}, {8, 0}, {64, 3}, {8, 16}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct dc_image image = image_of(1, 2, table[i][1], table[i][0], RLE);
		struct err err = {0};

		assert_false(rn_codec_rle.supports(&image, &err));
		assert_int_not_equal(err.code, ERR_NONE);
	}
}

/* ---- Long ones ------------------------------------------------------------------ */

static uint32_t next_random(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 8;
}

/* A segment of random runs that gives size bytes and some more, with those bytes. */
static void random_segment(uint32_t *seed, size_t size, struct buf *segment, struct buf *bytes)
{
	while (bytes->size < size) {
		uint32_t kind = next_random(seed) % 8;
		size_t run = 1 + next_random(seed) % (kind < 4 ? 8 : 128);
		uint8_t value = (uint8_t)next_random(seed);

		if (kind == 7) {
			buf_append_byte(segment, 0x80);
			continue;
		}
		if (run == 1 || kind % 2 == 0) {
			buf_append_byte(segment, (uint8_t)(run - 1));
			for (size_t i = 0; i < run; i++) {
				value = (uint8_t)(value * 5 + 3);
				buf_append_byte(segment, value);
				buf_append_byte(bytes, value);
			}
		} else {
			buf_append_byte(segment, (uint8_t)(257 - run));
			buf_append_byte(segment, value);
			for (size_t i = 0; i < run; i++)
				buf_append_byte(bytes, value);
		}
	}
}

static void check_random(uint32_t seed, uint32_t pixels, uint16_t samples, uint16_t bits)
{
	struct dc_image image = image_of(1, pixels, samples, bits, RLE);
	unsigned bytes = bits / 8u, count = bytes * samples;
	struct buf segments[SEGMENTS], planes[SEGMENTS], input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct span spans[SEGMENTS] = {{0}};
	uint8_t *out CLEANUP_FREE = malloc(size_of(&image));
	struct err err = {0};

	for (unsigned i = 0; i < count; i++) {
		segments[i] = buf_empty(BUF_NO_LIMIT);
		planes[i] = buf_empty(BUF_NO_LIMIT);
		random_segment(&seed, pixels, &segments[i], &planes[i]);
		spans[i] = buf_span(&segments[i]);
	}
	put_frame(&input, spans, count);
	assert_true(decode(&image, buf_span(&input), out, &err));
	for (size_t i = 0; i < (size_t)pixels * count; i++) {
		size_t byte = i % bytes, sample = i / bytes % samples;

		if (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)
			byte = bytes - 1 - byte;
		if (out[i] != planes[sample * bytes + byte].data[i / count])
			fail_msg("%u pixels of %u x %u bits: byte %zu", pixels, samples, bits, i);
	}
	/* Without its last byte that counts it is an error, at any place. */
	for (size_t cut = 1; cut < input.size && pixels < 100; cut++)
		(void)decode(&image, span_of(input.data, input.size - cut), out, &err);
	for (unsigned i = 0; i < count; i++) {
		buf_release(&segments[i]);
		buf_release(&planes[i]);
	}
}

static void random_runs_decode(void **state)
{
	static const uint32_t pixels[] = {1,    2,    31,    33,    127,   128,   129,  257,
					  1000, 8191, 8192,  8193,  16384, 30000, 600000};
	static const uint16_t cells[][2] = {{1, 8},  {1, 16}, {3, 8},  {3, 16}, {1, 32},
					    {4, 8},  {2, 16}, {1, 64}, {3, 32}};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(pixels); i++) {
		for (size_t k = 0; k < ARRAY_LEN(cells); k++) {
			for (uint32_t seed = 0; seed < (pixels[i] > 1000 ? 1u : 4u); seed++)
				check_random(seed, pixels[i], cells[k][0], cells[k][1]);
		}
	}
}

static void cancelled_decodes_end(void **state)
{
	struct dc_image image = image_of(1, 4, 1, 8, RLE);
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const struct span segment = LITERAL(1, 2, 3, 4);
	atomic_bool cancel = true;
	struct rn_decoded decoded = {0};
	uint8_t out[4];
	struct rn_codec_frame frame = {.image = &image, .output = out, .output_size = 4,
				       .decoded = &decoded, .cancel = &cancel};
	struct err err = {0};

	(void)state;
	put_frame(&input, &segment, 1);
	frame.input = buf_span(&input);
	assert_false(rn_codec_rle.decode(&frame, &err));
	assert_int_equal(err.code, ERR_INTERRUPTED);
}

/* ---- Deflated and uncompressed frames -------------------------------------------- */

static void deflate_bytes(struct span bytes, struct buf *out)
{
	z_stream stream = {0};
	size_t room = bytes.size + 100;

	assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (z_const Bytef *)(uintptr_t)bytes.data;
	stream.avail_in = (uInt)bytes.size;
	stream.next_out = buf_extend(out, room);
	stream.avail_out = (uInt)room;
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	buf_truncate(out, room - stream.avail_out);
	(void)deflateEnd(&stream);
}

static void deflated_and_plain_frames(void **state)
{
	static const uint8_t cells[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	struct dc_image deflated = image_of(1, 10, 1, 8, "1.2.840.10008.1.2.8.1");
	struct dc_image plain = image_of(1, 5, 1, 16, "1.2.840.10008.1.2.1.98");
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	uint8_t out[10];
	size_t deflated_size;
	struct err err = {0};

	(void)state;
	deflate_bytes(span_of(cells, sizeof(cells)), &input);
	deflated_size = input.size;
	buf_append_byte(&input, 0); /* padding */
	for (size_t size = 0; size <= input.size; size++) {
		bool ok = decode(&deflated, span_of(input.data, size), out, &err);

		/* All cells may be there before the end mark is. */
		if (size >= deflated_size ? !ok : ok && memcmp(out, cells, sizeof(cells)) != 0)
			fail_msg("%zu of %zu bytes: %s", size, deflated_size, err.message);
	}
	assert_true(decode(&plain, span_of(cells, 10), out, &err));
	assert_int_equal(sample_at(out, 0, 2), 0x0201);
	assert_false(decode(&plain, span_of(cells, 9), out, &err));
	assert_string_equal(err.message, "an uncompressed frame has 9 of 10 bytes");
	/* A bomb gives what the frame has room for, no more. */
	deflated.columns = 1;
	assert_true(decode(&deflated, buf_span(&input), out, &err));
	buf_truncate(&input, 0);
	buf_append_text(&input, "\xff\xff\xff");
	assert_false(decode(&deflated, buf_span(&input), out, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_string_equal(err.message, "deflated frame is damaged after 0 of 1 bytes");
}

/* ---- Real files -------------------------------------------------------------------- */

struct opened {
	int fd;
	struct dc_file_source file;
	struct dc_dataset dataset;
	struct dc_facts facts;
	struct dc_frame_index *index;
};

static bool open_file(struct opened *o, const char *folder, const char *name)
{
	struct stat stat;
	char path[4096];
	struct err err = {0};

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	o->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (o->fd < 0 || fstat(o->fd, &stat) != 0)
		return false;
	dc_file_source_init(&o->file, o->fd, (uint64_t)stat.st_size, NULL);
	dc_facts_init(&o->facts);
	o->index = NULL;
	assert_true(dc_dataset_open(&o->dataset, &o->file.base, &err));
	assert_true(dc_facts_read(&o->facts, &o->dataset, NULL, &err));
	return true;
}

static void close_file(struct opened *o)
{
	dc_frame_index_unref(o->index);
	dc_facts_release(&o->facts);
	dc_dataset_release(&o->dataset);
	dc_source_release(&o->file.base);
	(void)close(o->fd);
}

static void read_samples(struct opened *o, uint32_t number, uint8_t *out)
{
	const struct dc_image *image = &o->facts.image;
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const struct rn_codec *codec = rn_codec_find(image);
	struct rn_decoded decoded = {0};
	struct rn_codec_frame frame = {.image = image, .output = out,
				       .output_size = size_of(image), .decoded = &decoded};
	struct dc_frame where;
	struct err err = {0};
	bool ok;

	if ((image->flags & DC_IMAGE_ENCAPSULATED) == 0) {
		ok = dc_frame_locate_native(image, number, &where, &err) &&
		     dc_source_read_exact(o->dataset.source, where.offset,
					  buf_extend(&bytes, (size_t)where.length),
					  (size_t)where.length, &err);
		frame.input_bit_offset = where.bit_offset;
	} else {
		ok = (o->index != NULL ||
		      dc_frame_index_build(&o->index, &o->dataset, image, &err)) &&
		     dc_frame_index_read(o->index, o->dataset.source, number, 1 << 26, &bytes, &err);
	}
	frame.input = buf_span(&bytes);
	if (!ok || codec == NULL || !codec->decode(&frame, &err))
		fail_msg("frame %u: %s", number + 1, err.message);
}

static void real_files_agree_with_their_twins(void **state)
{
	static const char *const twins[][2] = {
		{"pydicom-data/liver_rle.dcm", "pydicom-data/liver.dcm"},
		{"pydicom-data/liver_nonbyte_aligned_rle.dcm", "pydicom-data/liver_nonbyte_aligned.dcm"},
		{"pydicom-data/liver_deflate.dcm", "pydicom-data/liver.dcm"},
		{"pydicom-data/emri_small_RLE.dcm", "pydicom-data/emri_small.dcm"},
		{"pydicom-data/OBXXXX1A_rle_2frame.dcm", "pydicom-data/OBXXXX1A_2frame.dcm"},
		{"pydicom/MR_small_RLE.dcm", "pydicom/MR_small.dcm"},
		{"pydicom/SC_rgb_rle.dcm", "pydicom/SC_rgb.dcm"},
		{"pydicom/SC_rgb_rle_16bit_2frame.dcm", "pydicom/SC_rgb_16bit_2frame.dcm"},
		{"pydicom/SC_rgb_rle_32bit.dcm", "pydicom/SC_rgb_32bit.dcm"},
	};
	const char *data = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");
	char folder[4000];
	unsigned compared = 0;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s/../shared/data", top != NULL ? top : ".");
	if (data != NULL)
		(void)snprintf(folder, sizeof(folder), "%s", data);
	for (size_t i = 0; i < ARRAY_LEN(twins); i++) {
		struct opened one, other;
		bool has_one = open_file(&one, folder, twins[i][0]);
		bool has_other = open_file(&other, folder, twins[i][1]);

		for (uint32_t f = 0; has_one && has_other && f < one.facts.image.frames; f++) {
			size_t size = size_of(&one.facts.image);
			uint8_t *a CLEANUP_FREE = calloc(1, size), *b CLEANUP_FREE = calloc(1, size);

			assert_int_equal(size_of(&other.facts.image), size);
			read_samples(&one, f, a);
			read_samples(&other, f, b);
			if (memcmp(a, b, size) != 0)
				fail_msg("%s: frame %u is not that of %s", twins[i][0], f + 1, twins[i][1]);
			compared++;
		}
		if (has_one)
			close_file(&one);
		if (has_other)
			close_file(&other);
	}
	if (compared == 0)
		skip();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(segments_by_hand),
		cmocka_unit_test(impossible_headers_are_refused),
		cmocka_unit_test(impossible_cells_are_unsupported),
		cmocka_unit_test(random_runs_decode),
		cmocka_unit_test(cancelled_decodes_end),
		cmocka_unit_test(deflated_and_plain_frames),
		cmocka_unit_test(real_files_agree_with_their_twins),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
