/*
 * The PNG writer: sizes are arithmetic, libpng and zlib read every file.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/png.h"

#include <setjmp.h>
#include <zlib.h>

#include <cmocka.h>
#include <png.h>

#include "render/checksum.h"

static uint8_t pixel_at(size_t i)
{
	return (uint8_t)((i * 2654435761u) >> 13);
}

/* As much of an ICC profile as libpng looks at: a header and no tags. */
static void make_profile(uint8_t *profile, uint32_t size)
{
	memset(profile, 0, size);
	store_be32(profile, size);
	profile[8] = 2;
	memcpy(profile + 12, "mntrRGB XYZ ", 12);
	memcpy(profile + 36, "acsp", 4);
	/* The illuminant, D50. */
	store_be32(profile + 68, 0xf6d6);
	store_be32(profile + 72, 0x10000);
	store_be32(profile + 76, 0xd32d);
	for (uint32_t i = 132; i < size; i++)
		profile[i] = pixel_at(i);
}

/* Writes a picture of pixel_at values. */
static void write_picture(const struct rn_png_geometry *geometry, struct buf *out)
{
	struct rn_png png CLEANUP_PNG = {0};
	size_t row_size = (size_t)geometry->width * geometry->channels;
	uint8_t *profile = NULL;
	struct err err = {0};

	if (geometry->profile_size > 0) {
		profile = malloc(geometry->profile_size);
		assert_non_null(profile);
		make_profile(profile, geometry->profile_size);
	}
	assert_true(rn_png_begin(&png, geometry, profile, out, &err));
	free(profile);
	for (uint32_t y = 0; y < geometry->height; y++) {
		uint8_t *row = rn_png_row(&png);

		for (size_t i = 0; i < row_size; i++)
			row[i] = pixel_at(y * row_size + i);
		rn_png_row_done(&png);
	}
	rn_png_end(&png);
}

static void read_memory(png_structp png, png_bytep to, size_t size)
{
	struct span *left = png_get_io_ptr(png);

	if (size > left->size)
		png_error(png, "short");
	memcpy(to, left->data, size);
	left->data += size;
	left->size -= size;
}

static void ignore_warning(png_structp png, png_const_charp text)
{
	(void)png;
	fail_msg("libpng warns: %s", text);
}

static void check_profile(png_structp png, png_infop info, uint32_t size)
{
	uint8_t *expected = malloc(size), *got;
	png_uint_32 got_size;
	png_charp name;
	int method;

	assert_non_null(expected);
	make_profile(expected, size);
	assert_int_not_equal(png_get_iCCP(png, info, &name, &method, &got, &got_size), 0);
	assert_string_equal(name, "ICC profile");
	assert_int_equal(got_size, size);
	assert_memory_equal(got, expected, size);
	free(expected);
}

/* libpng reads it without a warning, to its last byte. */
static void check_with_libpng(const struct rn_png_geometry *geometry, struct span file)
{
	size_t row_size = (size_t)geometry->width * geometry->channels;
	uint8_t *row = malloc(row_size);
	png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, ignore_warning);
	png_infop info = png_create_info_struct(png);
	png_uint_32 x, y;
	int unit;

	assert_non_null(row);
	if (setjmp(png_jmpbuf(png)) != 0)
		fail_msg("libpng fails");
	png_set_crc_action(png, PNG_CRC_ERROR_QUIT, PNG_CRC_ERROR_QUIT);
	png_set_read_fn(png, &file, read_memory);
	png_read_info(png, info);
	assert_int_equal(png_get_image_width(png, info), geometry->width);
	assert_int_equal(png_get_image_height(png, info), geometry->height);
	assert_int_equal(png_get_bit_depth(png, info), 8);
	assert_int_equal(png_get_channels(png, info), geometry->channels);
	assert_int_equal(png_get_interlace_type(png, info), PNG_INTERLACE_NONE);
	if (geometry->pixel_width != 0) {
		assert_int_not_equal(png_get_pHYs(png, info, &x, &y, &unit), 0);
		assert_int_equal(unit, PNG_RESOLUTION_UNKNOWN);
		assert_int_equal(x, geometry->pixel_height);
		assert_int_equal(y, geometry->pixel_width);
	} else {
		assert_int_equal(png_get_valid(png, info, PNG_INFO_pHYs), 0);
	}
	if (geometry->profile_size > 0)
		check_profile(png, info, geometry->profile_size);
	else
		assert_int_equal(png_get_valid(png, info, PNG_INFO_iCCP), 0);
	for (size_t at = 0; at < row_size * geometry->height; at += row_size) {
		png_read_row(png, row, NULL);
		for (size_t i = 0; i < row_size; i++) {
			if (row[i] != pixel_at(at + i))
				fail_msg("byte %zu is wrong", at + i);
		}
	}
	png_read_end(png, NULL);
	assert_int_equal(file.size, 0);
	png_destroy_read_struct(&png, &info, NULL);
	free(row);
}

/* The layout that png.h promises: which chunks, how long, all stored blocks. */
static void check_layout(const struct rn_png_geometry *geometry, struct span file)
{
	uint64_t raw = ((uint64_t)geometry->width * geometry->channels + 1) * geometry->height;
	uint64_t blocks = (raw + RN_PNG_BLOCK - 1) / RN_PNG_BLOCK;
	uint64_t chunks = (blocks + RN_PNG_BLOCKS_PER_CHUNK - 1) / RN_PNG_BLOCKS_PER_CHUNK;
	bool aspect = geometry->pixel_width != 0;
	size_t at = 8 + 25, size;

	if (geometry->profile_size > 0) {
		assert_memory_equal(file.data + at + 4, "iCCP", 4);
		at += load_u32(file.data + at, true) + 12;
	}
	if (aspect) {
		assert_memory_equal(file.data + at + 4, "pHYs", 4);
		at += 21;
	}
	for (uint64_t i = 0; i < chunks; i++) {
		size = load_u32(file.data + at, true);
		assert_memory_equal(file.data + at + 4, "IDAT", 4);
		if (i + 1 < chunks)
			assert_int_equal(size, (i == 0 ? 2 : 0) +
						       RN_PNG_BLOCKS_PER_CHUNK * (RN_PNG_BLOCK + 5));
		/* A whole stored block begins, and it is the last one or not. */
		assert_int_equal(file.data[at + 8 + (i == 0 ? 2 : 0)],
				 i + 1 == chunks && blocks - i * RN_PNG_BLOCKS_PER_CHUNK == 1);
		at += size + 12;
	}
	assert_int_equal(at + 12, file.size);
	assert_memory_equal(file.data + at + 4, "IEND", 4);
}

static void check_geometry(uint32_t width, uint32_t height, uint8_t channels, bool aspect,
			   uint32_t profile_size)
{
	struct rn_png_geometry geometry = {width,          height,         channels,
					   aspect ? 3 : 0, aspect ? 4 : 0, profile_size};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	uint64_t size;

	assert_true(rn_png_size(&geometry, &size, &err));
	write_picture(&geometry, &out);
	assert_int_equal(out.size, size);
	check_layout(&geometry, buf_span(&out));
	check_with_libpng(&geometry, buf_span(&out));
}

static void small_geometries(void **state)
{
	(void)state;
	for (uint32_t width = 1; width <= 35; width++) {
		for (uint32_t height = 1; height <= 9; height++)
			check_geometry(width, height, width % 2 == 0 ? 3 : 1, height % 3 == 0, 0);
	}
}

/* Image data of exactly a block, of exactly a chunk, one byte more or less,
 * rows longer than a block, rows cut by blocks. */
static void edges_of_the_layout(void **state)
{
	static const struct {
		uint32_t width, height;
		uint8_t channels;
	} table[] = {
		{65533, 1, 1},   {65534, 1, 1},   {65535, 1, 1},   {1, 32767, 1},
		{1, 32768, 1},   {21844, 1, 3},   {21845, 1, 3},   {65535, 1, 3},
		{65535, 5, 3},   {100000, 2, 1},  {524279, 1, 1},  {524280, 1, 1},
		{262139, 2, 1},  {262140, 2, 1},  {174760, 1, 3},  {524278, 2, 1},
		{32767, 16, 1},  {32766, 17, 1},  {1, 65535, 1},   {3, 65535, 3},
		{512, 512, 1},   {512, 512, 3},   {4664, 3064, 1}, {1000003, 3, 1},
		{131069, 33, 1}, {65534, 16, 1},  {65534, 17, 1},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		/* libpng reads widths up to a million unless it is told. */
		if (table[i].width <= 1000000)
			check_geometry(table[i].width, table[i].height, table[i].channels,
				       i % 2 == 0, 0);
	}
}

/* Of one block, of several, of exactly so many. */
static void profiles(void **state)
{
	static const uint32_t sizes[] = {132,   133,    3145,   65534,  65535,
					 65536, 131070, 131071, 4194304};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
		check_geometry(7, 5, 3, i % 2 == 0, sizes[i]);
}

static void impossible_geometries(void **state)
{
	static const struct {
		struct rn_png_geometry geometry;
		enum err_code code;
	} table[] = {
		{{0, 1, 1, 0, 0, 0}, ERR_CORRUPT},
		{{1, 0, 1, 0, 0, 0}, ERR_CORRUPT},
		{{0x80000000u, 1, 1, 0, 0, 0}, ERR_CORRUPT},
		{{1, UINT32_MAX, 3, 0, 0, 0}, ERR_CORRUPT},
		{{1, 1, 2, 0, 0, 0}, ERR_CORRUPT},
		{{0x7fffffff, 0x7fffffff, 3, 0, 0, 0}, ERR_LIMIT},
		{{1, 1, 3, 0, 0, 0x7fffffff}, ERR_LIMIT},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf out CLEANUP_BUF = buf_empty(1000);
		struct rn_png png CLEANUP_PNG = {0};
		struct err err = {0};
		uint64_t size;

		assert_false(rn_png_size(&table[i].geometry, &size, &err));
		assert_int_equal(err.code, table[i].code);
		assert_false(rn_png_begin(&png, &table[i].geometry, NULL, &out, &err));
		assert_int_equal(out.size, 0);
	}
}

static void room_that_was_reserved_is_used(void **state)
{
	struct rn_png_geometry geometry = {300, 400, 3, 0, 0, 0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf tight CLEANUP_BUF = buf_empty(0);
	struct rn_png png CLEANUP_PNG = {0};
	struct err err = {0};
	const uint8_t *data;
	uint64_t size;

	(void)state;
	assert_true(rn_png_size(&geometry, &size, &err));
	assert_true(buf_reserve(&out, (size_t)size));
	data = out.data;
	write_picture(&geometry, &out);
	assert_ptr_equal(out.data, data);
	assert_int_equal(out.size, size);
	tight.limit = (size_t)size - 1;
	assert_false(rn_png_begin(&png, &geometry, NULL, &tight, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

/* The ratio is kept when the numbers are larger than PNG's. */
static void large_aspects(void **state)
{
	struct rn_png_geometry geometry = {2, 2, 1, 3000000000u, 1000000000u, 0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	(void)state;
	write_picture(&geometry, &out);
	assert_int_equal(load_u32(out.data + 8 + 25 + 8, true), 500000000u);
	assert_int_equal(load_u32(out.data + 8 + 25 + 12, true), 1500000000u);
}

static void checksums_agree_with_zlib(void **state)
{
	static const size_t sizes[] = {0, 1, 2, 15, 16, 63, 64, 1000, 5552, 65535, 200001};
	uint8_t *data = malloc(200002);

	(void)state;
	assert_non_null(data);
	for (size_t i = 0; i < 200002; i++)
		data[i] = pixel_at(i);
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		size_t size = sizes[i], half = size / 3;
		const uint8_t *at = data + i % 2;

		assert_int_equal(rn_crc32(RN_CRC32_START, at, size), crc32_z(0, at, size));
		assert_int_equal(rn_adler32(RN_ADLER32_START, at, size), adler32_z(1, at, size));
		assert_int_equal(rn_crc32(rn_crc32(RN_CRC32_START, at, half), at + half,
					  size - half),
				 crc32_z(0, at, size));
		assert_int_equal(rn_adler32(rn_adler32(RN_ADLER32_START, at, half), at + half,
					    size - half),
				 adler32_z(1, at, size));
	}
	assert_true(strlen(rn_crc32_library()) > 0 && strlen(rn_adler32_library()) > 0);
	free(data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_geometries),
		cmocka_unit_test(edges_of_the_layout),
		cmocka_unit_test(profiles),
		cmocka_unit_test(impossible_geometries),
		cmocka_unit_test(room_that_was_reserved_is_used),
		cmocka_unit_test(large_aspects),
		cmocka_unit_test(checksums_agree_with_zlib),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
