/*
 * Real files of the DCT JPEG transfer syntaxes, in $DICOMFS_TEST_DATA or beside
 * the source tree: the samples are those that other decoders made (ORACLE.tsv:
 * file, transfer syntax, verdict, beginning of the SHA-1 of frame 0).
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/codecs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "dicom/facts.h"
#include "render/jpeg-markers.h"

#define PREFIX "1.2.840.10008.1.2.4.5"

/* FIPS 180-4, of whole bytes. */
static void sha1_block(uint32_t hash[5], const uint8_t *in)
{
	uint32_t w[80], a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];

	for (unsigned t = 0; t < 80; t++) {
		uint32_t x = t < 16 ? load_u32(in + 4 * t, true)
				    : w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
		uint32_t f = t < 20   ? (b & c) | (~b & d)
			     : t < 40 ? b ^ c ^ d
			     : t < 60 ? (b & c) | (b & d) | (c & d)
				      : b ^ c ^ d;
		uint32_t k = t < 20   ? 0x5A827999
			     : t < 40 ? 0x6ED9EBA1
			     : t < 60 ? 0x8F1BBCDC
				      : 0xCA62C1D6;

		w[t] = t < 16 ? x : x << 1 | x >> 31;
		x = (a << 5 | a >> 27) + f + e + k + w[t];
		e = d;
		d = c;
		c = b << 30 | b >> 2;
		b = a;
		a = x;
	}
	hash[0] += a;
	hash[1] += b;
	hash[2] += c;
	hash[3] += d;
	hash[4] += e;
}

/* The first 16 digits. */
static void sha1_text(const uint8_t *data, size_t size, char text[17])
{
	uint32_t hash[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	uint8_t last[128] = {0};
	size_t whole = size / 64 * 64, rest = size - whole, padded = rest < 56 ? 64 : 128;

	for (size_t i = 0; i < whole; i += 64)
		sha1_block(hash, data + i);
	memcpy(last, data + whole, rest);
	last[rest] = 0x80;
	store_be32(last + padded - 8, (uint32_t)((uint64_t)size >> 29));
	store_be32(last + padded - 4, (uint32_t)(size << 3));
	for (size_t i = 0; i < padded; i += 64)
		sha1_block(hash, last + i);
	(void)snprintf(text, 17, "%08x%08x", hash[0], hash[1]);
}

static void sha1_is_right(void **state)
{
	char text[17];

	(void)state;
	sha1_text((const uint8_t *)"abc", 3, text);
	assert_string_equal(text, "a9993e364706816a");
}

static void unref(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

static void release_source(struct dc_file_source *file)
{
	dc_source_release(&file->base);
}

/* Frame 0 as the codec leaves it; false: its colours were converted, so that
 * there is nothing to compare. */
static bool decode_file(const char *path, struct buf *cells)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	struct dc_frame_index *index CLEANUP(unref) = NULL;
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_file_source file CLEANUP(release_source) = {0};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_facts facts CLEANUP_FACTS;
	struct rn_decoded decoded = {0};
	struct rn_codec_frame frame = {.image = &facts.image, .decoded = &decoded};
	struct rn_jpeg_markers markers;
	struct err err = {0};
	struct stat status;

	dc_facts_init(&facts);
	assert_return_code(fd, 0);
	assert_return_code(fstat(fd, &status), 0);
	dc_file_source_init(&file, fd, (uint64_t)status.st_size, NULL);
	if (!dc_dataset_open(&dataset, &file.base, &err) ||
	    !dc_facts_read(&facts, &dataset, NULL, &err) ||
	    !dc_frame_index_build(&index, &dataset, &facts.image, &err) ||
	    !dc_frame_index_read(index, dataset.source, 0, UINT32_MAX, &input, &err))
		fail_msg("%s: %s", path, err.message);
	frame.input = buf_span(&input);
	frame.output_size = (size_t)facts.image.rows * facts.image.columns *
			    facts.image.samples * rn_cell_bytes(&facts.image);
	frame.output = buf_extend(cells, frame.output_size);
	assert_non_null(frame.output);
	memset(frame.output, 0, frame.output_size);
	if (!rn_codec_jpeg.decode(&frame, &err) ||
	    !rn_jpeg_markers_frame(&markers, frame.input, &err))
		fail_msg("%s: %s", path, err.message);
	return decoded.colour == RN_COLOUR_HEADER ||
	       (facts.image.photometric == DC_RGB && !markers.has_jfif);
}

static void others_decode_the_same(void **state)
{
	const char *data = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");
	char line[4096], path[4096], folder[2048];
	unsigned compared = 0;
	FILE *list;

	(void)state;
	(void)snprintf(folder, sizeof(folder), "%s%s", data != NULL ? data : top != NULL ? top : ".",
		       data != NULL ? "" : "/../shared/data");
	(void)snprintf(path, sizeof(path), "%s/ORACLE.tsv", folder);
	list = fopen(path, "r");
	if (list == NULL)
		skip();
	while (fgets(line, sizeof(line), list) != NULL) {
		CLEANUP_BUF struct buf cells = buf_empty(BUF_NO_LIMIT);
		char *rest = line, *name = strsep(&rest, "\t"), *syntax = strsep(&rest, "\t");
		char *verdict = strsep(&rest, "\t"), *expected = strsep(&rest, "\t"), got[17];

		if (expected == NULL || strncmp(syntax, PREFIX, strlen(PREFIX)) != 0 ||
		    (strcmp(verdict, "agree") != 0 && strcmp(verdict, "single") != 0))
			continue;
		(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
		if (!decode_file(path, &cells))
			continue;
		sha1_text(cells.data, cells.size, got);
		if (strcmp(got, expected) != 0)
			fail_msg("%s: %s, not %s", name, got, expected);
		compared++;
	}
	(void)fclose(list);
	assert_true(compared > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha1_is_right),
		cmocka_unit_test(others_decode_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
