/* SPDX-License-Identifier: MIT */
#include "render/png.h"

#include "render/checksum.h"

#define CHUNK_EXTRA 12 /* length, type, CRC */
#define BLOCK_EXTRA 5  /* final flag and type, length, its complement */
#define ZLIB_HEADER 2
#define ZLIB_TRAILER 4
#define NUMBER_MAX 0x7fffffffu /* of PNG's four-byte integers */

static const char profile_name[] = "ICC profile";
#define PROFILE_HEADER (sizeof(profile_name) + 1) /* with its 0; compression method */

static const uint8_t signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

static bool has_aspect(const struct rn_png_geometry *geometry)
{
	return geometry->pixel_width != 0 || geometry->pixel_height != 0;
}

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return a / b + (a % b != 0);
}

static bool raw_size(const struct rn_png_geometry *geometry, uint64_t *raw, struct err *err)
{
	if (geometry->width == 0 || geometry->height == 0 || geometry->width > NUMBER_MAX ||
	    geometry->height > NUMBER_MAX)
		return err_set(err, ERR_CORRUPT, "a PNG of %u x %u pixels is impossible",
			       geometry->width, geometry->height);
	if (geometry->channels != 1 && geometry->channels != 3)
		return err_set(err, ERR_CORRUPT, "a PNG of %u channels is impossible",
			       geometry->channels);
	if (!checked_mul((uint64_t)geometry->width * geometry->channels + 1, geometry->height,
			 raw) ||
	    *raw > INT64_MAX / 2)
		return err_set(err, ERR_LIMIT, "the size of the PNG overflows");
	return true;
}

/* Bytes of a zlib stream of stored blocks. */
static uint64_t stored_size(uint64_t raw)
{
	return ZLIB_HEADER + divide_up(raw, RN_PNG_BLOCK) * BLOCK_EXTRA + raw + ZLIB_TRAILER;
}

static uint64_t profile_chunk_size(const struct rn_png_geometry *geometry)
{
	if (geometry->profile_size == 0)
		return 0;
	return CHUNK_EXTRA + PROFILE_HEADER + stored_size(geometry->profile_size);
}

bool rn_png_size(const struct rn_png_geometry *geometry, uint64_t *size, struct err *err)
{
	uint64_t raw, blocks, chunks;

	if (!raw_size(geometry, &raw, err))
		return false;
	if (profile_chunk_size(geometry) > NUMBER_MAX)
		return err_set(err, ERR_LIMIT, "an ICC profile of %u bytes is too large",
			       geometry->profile_size);
	blocks = divide_up(raw, RN_PNG_BLOCK);
	chunks = divide_up(blocks, RN_PNG_BLOCKS_PER_CHUNK);
	*size = sizeof(signature) + (CHUNK_EXTRA + 13) + /* IHDR */
		profile_chunk_size(geometry) + (has_aspect(geometry) ? CHUNK_EXTRA + 9 : 0) +
		chunks * CHUNK_EXTRA + stored_size(raw) + CHUNK_EXTRA;
	return true;
}

static void chunk_begin(struct rn_png *png, const char *type)
{
	png->chunk = png->at;
	memcpy(png->at + 4, type, 4);
	png->at += 8;
}

static void chunk_end(struct rn_png *png)
{
	size_t size = (size_t)(png->at - png->chunk) - 8;

	store_be32(png->chunk, (uint32_t)size);
	store_be32(png->at, rn_crc32(RN_CRC32_START, png->chunk + 4, size + 4));
	png->at += 4;
}

static void put_header(struct rn_png *png, const struct rn_png_geometry *geometry)
{
	memcpy(png->at, signature, sizeof(signature));
	png->at += sizeof(signature);
	chunk_begin(png, "IHDR");
	store_be32(png->at, geometry->width);
	store_be32(png->at + 4, geometry->height);
	png->at[8] = 8;                                 /* bits a channel */
	png->at[9] = geometry->channels == 3 ? 2 : 0;   /* truecolour, greyscale */
	png->at[10] = png->at[11] = png->at[12] = 0;    /* deflate, filters, not interlaced */
	png->at += 13;
	chunk_end(png);
}

/* Pixels per unit are the inverse of the size: the wider a pixel, the fewer fit
 * into a unit of x. With an unknown unit only the ratio counts. */
static void put_aspect(struct rn_png *png, const struct rn_png_geometry *geometry)
{
	uint32_t x = geometry->pixel_height, y = geometry->pixel_width;

	while (x > NUMBER_MAX || y > NUMBER_MAX) {
		x >>= 1;
		y >>= 1;
	}
	chunk_begin(png, "pHYs");
	store_be32(png->at, MAX_OF(x, 1u));
	store_be32(png->at + 4, MAX_OF(y, 1u));
	png->at[8] = 0;
	png->at += 9;
	chunk_end(png);
}

static void put_zlib_header(struct rn_png *png)
{
	png->at[0] = 0x78; /* deflate, window of 32 KiB */
	png->at[1] = 0x01; /* fastest; makes the header a multiple of 31 */
	png->at += ZLIB_HEADER;
}

static void put_block_header(struct rn_png *png, size_t size, bool last)
{
	png->at[0] = last;
	png->at[1] = (uint8_t)size;
	png->at[2] = (uint8_t)(size >> 8);
	png->at[3] = (uint8_t)~png->at[1];
	png->at[4] = (uint8_t)~png->at[2];
	png->at += BLOCK_EXTRA;
}

static void put_profile(struct rn_png *png, const uint8_t *profile, size_t size)
{
	chunk_begin(png, "iCCP");
	memcpy(png->at, profile_name, sizeof(profile_name));
	png->at += sizeof(profile_name);
	*png->at++ = 0; /* deflate */
	put_zlib_header(png);
	for (size_t done = 0; done < size; done += RN_PNG_BLOCK) {
		size_t part = MIN_OF(size - done, (size_t)RN_PNG_BLOCK);

		put_block_header(png, part, done + part == size);
		memcpy(png->at, profile + done, part);
		png->at += part;
	}
	store_be32(png->at, rn_adler32(RN_ADLER32_START, profile, size));
	png->at += ZLIB_TRAILER;
	chunk_end(png);
}

static void block_begin(struct rn_png *png)
{
	size_t size = (size_t)MIN_OF(png->raw_left, (uint64_t)RN_PNG_BLOCK);

	if (png->blocks == RN_PNG_BLOCKS_PER_CHUNK) {
		chunk_end(png);
		chunk_begin(png, "IDAT");
		png->blocks = 0;
	}
	put_block_header(png, size, size == png->raw_left);
	png->payload = png->at;
	png->block_left = size;
	png->blocks++;
}

/* size bytes of the current block are in place. A full block is summed at once,
 * while it is still in the cache. */
static void block_advance(struct rn_png *png, size_t size)
{
	png->at += size;
	png->block_left -= size;
	png->raw_left -= size;
	if (png->block_left > 0)
		return;
	png->adler = rn_adler32(png->adler, png->payload, (size_t)(png->at - png->payload));
	if (png->raw_left > 0)
		block_begin(png);
}

bool rn_png_begin(struct rn_png *png, const struct rn_png_geometry *geometry,
		  const uint8_t *profile, struct buf *out, struct err *err)
{
	uint64_t size, raw;

	*png = (struct rn_png){.adler = RN_ADLER32_START};
	if (!rn_png_size(geometry, &size, err) || !raw_size(geometry, &raw, err))
		return false;
	if (size > SIZE_MAX / 2)
		return err_set(err, ERR_LIMIT, "a PNG of %llu bytes is too large",
			       (unsigned long long)size);
	png->row_size = (size_t)geometry->width * geometry->channels + 1;
	png->raw_left = raw;
	if (raw > RN_PNG_BLOCK) {
		png->bounce = malloc(png->row_size);
		if (png->bounce == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
	}
	png->at = buf_extend(out, (size_t)size);
	if (png->at == NULL)
		return buf_ok(out, err) && err_set(err, ERR_USAGE, "a PNG cannot be counted");
	put_header(png, geometry);
	if (geometry->profile_size > 0)
		put_profile(png, profile, geometry->profile_size);
	if (has_aspect(geometry))
		put_aspect(png, geometry);
	chunk_begin(png, "IDAT");
	put_zlib_header(png);
	block_begin(png);
	return true;
}

uint8_t *rn_png_row(struct rn_png *png)
{
	uint8_t *row;

	png->bounced = png->block_left < png->row_size;
	row = png->bounced ? png->bounce : png->at;
	row[0] = 0; /* filter type None */
	return row + 1;
}

void rn_png_row_done(struct rn_png *png)
{
	size_t done = 0;

	if (!png->bounced) {
		block_advance(png, png->row_size);
		return;
	}
	while (done < png->row_size) {
		size_t part = MIN_OF(png->row_size - done, png->block_left);

		memcpy(png->at, png->bounce + done, part);
		block_advance(png, part);
		done += part;
	}
}

void rn_png_end(struct rn_png *png)
{
	store_be32(png->at, png->adler);
	png->at += ZLIB_TRAILER;
	chunk_end(png);
	chunk_begin(png, "IEND");
	chunk_end(png);
}

void rn_png_release(struct rn_png *png)
{
	free(png->bounce);
	png->bounce = NULL;
}
