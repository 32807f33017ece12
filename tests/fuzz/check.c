/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/check.h"

#include "dicom/charset.h"
#include "tests/fuzz/fuzz.h"

#include <zlib.h>

/* ---- JSON ----------------------------------------------------------------- */

#define DEPTH_MAX 200u

struct reader {
	const uint8_t *at, *end;
};

/* 0 at the end; there is none in JSON. */
static uint8_t next(const struct reader *reader)
{
	return reader->at < reader->end ? *reader->at : 0;
}

static void expect(struct reader *reader, uint8_t byte)
{
	fuzz_require(next(reader) == byte, "JSON has the signs that it needs");
	reader->at++;
}

static bool is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static void skip_space(struct reader *reader)
{
	while (next(reader) == '\n' || next(reader) == ' ')
		reader->at++;
}

static void read_escape(struct reader *reader)
{
	expect(reader, '\\');
	fuzz_require(next(reader) != 0 && strchr("\"\\/bfnrtu", next(reader)) != NULL,
		     "JSON knows the escape");
	if (*reader->at++ != 'u')
		return;
	for (int i = 0; i < 4; i++, reader->at++)
		fuzz_require(is_digit(next(reader)) ||
				     (next(reader) >= 'A' && next(reader) <= 'F') ||
				     (next(reader) >= 'a' && next(reader) <= 'f'),
			     "an escape has four digits");
}

/* Returns what is between the quotes. */
static struct span read_string(struct reader *reader)
{
	const uint8_t *start;

	expect(reader, '"');
	start = reader->at;
	while (next(reader) != '"') {
		fuzz_require(next(reader) >= 0x20, "no control characters in a string");
		if (next(reader) == '\\')
			read_escape(reader);
		else
			reader->at++;
	}
	reader->at++;
	return span_of(start, (size_t)(reader->at - 1 - start));
}

static void read_digits(struct reader *reader)
{
	fuzz_require(is_digit(next(reader)), "a number has digits");
	while (is_digit(next(reader)))
		reader->at++;
}

static void read_number(struct reader *reader)
{
	const uint8_t *first;

	if (next(reader) == '-')
		reader->at++;
	first = reader->at;
	read_digits(reader);
	fuzz_require(*first != '0' || reader->at - first == 1, "no zeros in front");
	if (next(reader) == '.') {
		reader->at++;
		read_digits(reader);
	}
	if (next(reader) == 'e' || next(reader) == 'E') {
		reader->at++;
		if (next(reader) == '+' || next(reader) == '-')
			reader->at++;
		read_digits(reader);
	}
}

static void read_value(struct reader *reader, unsigned depth);

static void read_members(struct reader *reader, unsigned depth)
{
	struct span last = span_of("", 0);

	do {
		struct span name;

		reader->at++;
		skip_space(reader);
		name = read_string(reader);
		if (name.size == 8) {
			fuzz_require(last.size == 0 || memcmp(last.data, name.data, 8) < 0,
				     "tags ascend");
			last = name;
		}
		expect(reader, ':');
		read_value(reader, depth);
		skip_space(reader);
	} while (next(reader) == ',');
	expect(reader, '}');
}

static void read_elements(struct reader *reader, unsigned depth)
{
	do {
		reader->at++;
		read_value(reader, depth);
		skip_space(reader);
	} while (next(reader) == ',');
	expect(reader, ']');
}

/* Whether an array or an object is closed at once. */
static bool is_empty(struct reader *reader, uint8_t close)
{
	struct reader ahead = {reader->at + 1, reader->end};

	skip_space(&ahead);
	if (next(&ahead) != close)
		return false;
	reader->at = ahead.at + 1;
	return true;
}

static void read_value(struct reader *reader, unsigned depth)
{
	fuzz_require(depth < DEPTH_MAX, "JSON is not too deep");
	switch (next(reader)) {
	case '"':
		(void)read_string(reader);
		break;
	case '{':
		if (!is_empty(reader, '}'))
			read_members(reader, depth + 1);
		break;
	case '[':
		if (!is_empty(reader, ']'))
			read_elements(reader, depth + 1);
		break;
	case 'n':
		fuzz_require(reader->end - reader->at >= 4 && memcmp(reader->at, "null", 4) == 0,
			     "no other word than null");
		reader->at += 4;
		break;
	default:
		read_number(reader);
	}
}

void fuzz_check_json_token(struct span text)
{
	struct reader reader = {text.data, text.data + text.size};

	fuzz_require(dc_utf8_valid(text), "JSON is UTF-8");
	read_value(&reader, 0);
	fuzz_require(reader.at == reader.end, "nothing is behind the JSON");
}

void fuzz_check_json(struct span text)
{
	fuzz_require(text.size > 2 && text.data[0] == '{' && text.data[text.size - 1] == '\n',
		     "JSON is one object, and ends its line");
	fuzz_check_json_token(span_of(text.data, text.size - 1));
}

/* ---- PNG ------------------------------------------------------------------ */

#define CHUNK_EXTRA ((size_t)12) /* length, type, CRC */

/* In order; those that may be missing are not. */
static const char chunk_order[][5] = {"IHDR", "iCCP", "pHYs", "IDAT", "IEND"};

static size_t place_of(const uint8_t *type)
{
	size_t place = 0;

	while (place < ARRAY_LEN(chunk_order) && memcmp(type, chunk_order[place], 4) != 0)
		place++;
	fuzz_require(place < ARRAY_LEN(chunk_order), "chunks are those that dicomfs writes");
	return place;
}

/* The next chunk out of *rest; returns its data. */
static struct span read_chunk(struct span *rest, const uint8_t **type)
{
	struct span data;

	fuzz_require(rest->size >= CHUNK_EXTRA, "a chunk has its length, type and checksum");
	data = span_of(rest->data + 8, load_u32(rest->data, true));
	*type = rest->data + 4;
	fuzz_require(data.size <= rest->size - CHUNK_EXTRA, "a chunk ends inside of the file");
	fuzz_require(crc32(0, *type, (uInt)data.size + 4) == load_u32(data.data + data.size, true),
		     "checksums of chunks are right");
	*rest = span_of(rest->data + CHUNK_EXTRA + data.size, rest->size - CHUNK_EXTRA - data.size);
	return data;
}

static void check_header(struct span header, uint32_t width, uint32_t height, uint8_t channels)
{
	static const uint8_t rest[3]; /* deflate, filters, not interlaced */

	fuzz_require(header.size == 13 && load_u32(header.data, true) == width &&
			     load_u32(header.data + 4, true) == height && header.data[8] == 8 &&
			     header.data[9] == (channels == 3 ? 2 : 0) &&
			     memcmp(header.data + 10, rest, sizeof(rest)) == 0,
		     "the header has the size of the picture");
}

static void inflate_exactly(struct span packed, uint8_t *to, size_t size)
{
	uLongf got = size;
	uLong used = packed.size;

	fuzz_require(uncompress2(to, &got, packed.data, &used) == Z_OK, "image data inflates");
	fuzz_require(got == size, "there is image data for every row");
	fuzz_require(used == packed.size, "and nothing behind it");
}

static uint8_t paeth(int left, int above, int corner)
{
	int sum = left + above - corner;
	int to_left = abs(sum - left), to_above = abs(sum - above), to_corner = abs(sum - corner);

	if (to_left <= to_above && to_left <= to_corner)
		return (uint8_t)left;
	return (uint8_t)(to_above <= to_corner ? above : corner);
}

/* Undoes the filter of a row in place; above is the row before, or NULL. */
static void unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t size, size_t step)
{
	fuzz_require(filter <= 4, "there are five filters");
	for (size_t i = 0; i < size; i++) {
		int left = i >= step ? row[i - step] : 0;
		int up = above != NULL ? above[i] : 0;
		int corner = above != NULL && i >= step ? above[i - step] : 0;
		int guess[] = {0, left, up, (left + up) / 2, paeth(left, up, corner)};

		row[i] = (uint8_t)(row[i] + guess[filter]);
	}
}

static void read_pixels(struct span packed, uint32_t width, uint32_t height, uint8_t channels,
			bool stored, struct buf *pixels)
{
	size_t row = (size_t)width * channels;
	struct fuzz_guarded raw CLEANUP_GUARDED = fuzz_guard((row + 1) * height, 0);
	const uint8_t *above = NULL;

	inflate_exactly(packed, raw.bytes, raw.size);
	for (uint32_t i = 0; i < height; i++) {
		uint8_t *at = raw.bytes + i * (row + 1);

		fuzz_require(!stored || *at == 0, "stored rows have no filter");
		unfilter(*at, at + 1, above, row, channels);
		above = at + 1;
		buf_append(pixels, above, row);
	}
}

void fuzz_check_png(struct span png, uint32_t width, uint32_t height, uint8_t channels, bool stored,
		    struct buf *pixels)
{
	static const uint8_t signature[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
	CLEANUP_BUF struct buf packed = buf_empty(BUF_NO_LIMIT);
	struct span rest = png;
	size_t place = 0, before;

	fuzz_require(span_equals(fuzz_take_span(&rest, sizeof(signature)),
				 span_of(signature, sizeof(signature))),
		     "a PNG begins with its signature");
	do {
		const uint8_t *type;
		struct span data = read_chunk(&rest, &type);

		before = place;
		place = place_of(type);
		/* Only IDAT comes more than once. */
		fuzz_require(packed.size == 0 ? place == 0 || place > before
					      : place >= before && place >= 3,
			     "chunks are in order");
		if (place == 0)
			check_header(data, width, height, channels);
		if (place == 3)
			buf_append(&packed, data.data, data.size);
	} while (place < 4);
	fuzz_require(rest.size == 0, "nothing is behind the last chunk");
	read_pixels(buf_span(&packed), width, height, channels, stored, pixels);
}
