/* SPDX-License-Identifier: MIT */
#include "tests/unit/jpeg-lossless-encode.h"

static void put_byte(struct writer *writer, unsigned byte)
{
	uint8_t b = (uint8_t)byte;

	buf_append(&writer->out, &b, 1);
}

static void put_two(struct writer *writer, unsigned value)
{
	put_byte(writer, value >> 8);
	put_byte(writer, value & 255);
}

static void put_marker(struct writer *writer, unsigned marker)
{
	put_byte(writer, 0xFF);
	put_byte(writer, marker);
}

static void put_bits(struct writer *writer, unsigned value, unsigned count)
{
	while (count-- > 0) {
		writer->bits = writer->bits << 1 | (value >> count & 1);
		if (++writer->count < 8)
			continue;
		put_byte(writer, writer->bits & 255);
		if ((writer->bits & 255) == 255)
			put_byte(writer, 0);
		writer->count = 0;
	}
}

static void flush_bits(struct writer *writer)
{
	while (writer->count != 0)
		put_bits(writer, 1, 1);
	writer->coded = writer->out.size;
}

/* Lengths of the 17 codes by rank, and the category that has rank 0: with short
 * codes small differences have them, with long ones those of 7 bits and more. */
static const uint8_t code_lengths[17] = {2, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 16};

static unsigned category_of_rank(unsigned kind, unsigned rank)
{
	return (rank + (kind % 2 == 0 ? 0 : 10) + kind / 2) % 17;
}

static void put_dht(struct writer *writer, unsigned number, unsigned kind)
{
	uint8_t counts[16] = {0};

	for (unsigned i = 0; i < 17; i++)
		counts[code_lengths[i] - 1]++;
	put_marker(writer, 0xC4);
	put_two(writer, 2 + 1 + 16 + 17);
	put_byte(writer, number);
	buf_append(&writer->out, counts, sizeof(counts));
	for (unsigned i = 0; i < 17; i++)
		put_byte(writer, category_of_rank(kind, i));
}

static void put_difference(struct writer *writer, unsigned kind, uint16_t difference)
{
	int value = difference > 0x8000 ? difference - 0x10000 : difference;
	unsigned category = 0, code = 0, rank = 0;

	while (category < 16 && abs(value) >> category != 0)
		category++;
	while (category_of_rank(kind, rank) != category) {
		code = (code + 1) << (code_lengths[rank + 1] - code_lengths[rank]);
		rank++;
	}
	put_bits(writer, code, code_lengths[rank]);
	if (category < 16)
		put_bits(writer, (unsigned)(value < 0 ? value - 1 : value), category);
}

static unsigned table_kind(const struct shape *shape, unsigned component)
{
	return shape->codes == CODES_EACH ? component : shape->codes;
}

/* H.1.2, sample by sample. samples: point transform done, interleaved. */
static unsigned prediction(const struct shape *shape, const uint16_t *samples, unsigned k,
			   unsigned x, unsigned y)
{
	const unsigned line = shape->width * shape->components, pixel = y * shape->width + x;
	const uint16_t *at = samples + (size_t)y * line + x * shape->components + k;
	const unsigned begin = shape->restart > 0 ? pixel - pixel % shape->restart : 0;
	int a, b, c;

	if (pixel == begin)
		return 1u << (shape->precision - shape->shift - 1);
	if (y == begin / shape->width)
		return at[-(ptrdiff_t)shape->components];
	if (x == 0)
		return at[-(ptrdiff_t)line];
	a = at[-(ptrdiff_t)shape->components];
	b = at[-(ptrdiff_t)line];
	c = at[-(ptrdiff_t)(line + shape->components)];
	switch (shape->predictor) {
	case 1:
		return (unsigned)a;
	case 2:
		return (unsigned)b;
	case 3:
		return (unsigned)c;
	case 4:
		return (unsigned)(a + b - c);
	case 5:
		return (unsigned)(a + ((b - c) >> 1));
	case 6:
		return (unsigned)(b + ((a - c) >> 1));
	default:
		return (unsigned)((a + b) >> 1);
	}
}

static void put_scan(struct writer *writer, const struct shape *shape, const uint16_t *samples,
		     unsigned first, unsigned count)
{
	const unsigned pixels = shape->width * shape->height;

	put_marker(writer, 0xDA);
	put_two(writer, 6 + 2 * count);
	put_byte(writer, count);
	for (unsigned k = first; k < first + count; k++) {
		put_byte(writer, 10 + k);
		put_byte(writer, (shape->codes == CODES_EACH ? k : 0) << 4);
	}
	put_byte(writer, shape->predictor);
	put_byte(writer, 0);
	put_byte(writer, shape->shift);
	for (unsigned pixel = 0; pixel < pixels; pixel++) {
		if (shape->restart > 0 && pixel > 0 && pixel % shape->restart == 0) {
			flush_bits(writer);
			put_marker(writer, 0xD0 + (pixel / shape->restart - 1) % 8);
		}
		for (unsigned k = first; k < first + count; k++) {
			unsigned guess = prediction(shape, samples, k, pixel % shape->width,
						    pixel / shape->width);

			put_difference(writer, table_kind(shape, k),
				       (uint16_t)(samples[pixel * shape->components + k] - guess));
		}
	}
	flush_bits(writer);
}

static void put_fillers(struct writer *writer, const struct shape *shape)
{
	if (!shape->fillers)
		return;
	put_byte(writer, 0xFF);
	put_marker(writer, 0xFE);
	put_two(writer, 4);
	put_two(writer, 0xFFD9);
	put_marker(writer, 0x01);
}

void encode_lossless(struct writer *writer, const struct shape *shape, const uint16_t *samples)
{
	unsigned tables = shape->codes == CODES_EACH ? shape->components : 1;

	memset(writer, 0, sizeof(*writer));
	writer->out = buf_empty(BUF_NO_LIMIT);
	put_marker(writer, 0xD8);
	put_fillers(writer, shape);
	for (unsigned i = 0; i + (shape->separate ? 1 : 0) < tables; i++)
		put_dht(writer, i, table_kind(shape, i));
	put_marker(writer, 0xC3);
	put_two(writer, 8 + 3 * shape->components);
	put_byte(writer, shape->precision);
	put_two(writer, shape->dnl ? 0 : shape->height);
	put_two(writer, shape->width);
	put_byte(writer, shape->components);
	for (unsigned k = 0; k < shape->components; k++) {
		put_byte(writer, 10 + k);
		put_two(writer, 0x1100);
	}
	if (shape->restart > 0) {
		put_marker(writer, 0xDD);
		put_two(writer, 4);
		put_two(writer, shape->restart);
	}
	for (unsigned k = 0; shape->separate && k < shape->components; k++) {
		unsigned i = shape->components - 1 - k;

		put_fillers(writer, shape);
		if (k == 0)
			put_dht(writer, tables - 1, table_kind(shape, tables - 1));
		put_scan(writer, shape, samples, i, 1);
		if (shape->dnl && k == 0) {
			put_marker(writer, 0xDC);
			put_two(writer, 4);
			put_two(writer, shape->height);
		}
	}
	if (!shape->separate)
		put_scan(writer, shape, samples, 0, shape->components);
	if (!shape->separate && shape->dnl) {
		put_marker(writer, 0xDC);
		put_two(writer, 4);
		put_two(writer, shape->height);
	}
	if (!shape->no_eoi)
		put_marker(writer, 0xD9);
	if (shape->fillers)
		put_two(writer, 0xFFDA);
}
