/* SPDX-License-Identifier: MIT */
/* Native pixel data (PS3.5 8.1, D.1, A.1, A.2, A.3): cells of any size, put into
 * host byte order and, if they come plane by plane (PS3.3 C.7.6.3.1.3), pixel by
 * pixel; chrominance that two pixels share (C.7.6.3.1.2) goes to both. */
#include "render/codecs.h"

#include "render/simd.h"

static const char *const uids[] = {DC_TS_IMPLICIT_LE, DC_TS_EXPLICIT_LE, DC_TS_EXPLICIT_BE,
				   DC_TS_DEFLATED_LE, NULL};

/* Under a compressed transfer syntax plain cells are a mistake of the writer
 * that only an exact length proves: else it may be a compressed stream. */
static bool length_is_exact(const struct dc_image *image)
{
	struct dc_frame last;
	struct err err;
	uint64_t size;

	if (image->frames == 0 || image->declared_length != image->length ||
	    !dc_frame_locate_native(image, image->frames - 1, &last, &err))
		return false;
	size = last.offset + last.length - image->offset;
	return image->length - size <= size % 2;
}

static bool supports(const struct dc_image *image, struct err *why)
{
	const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[image->transfer_syntax];
	uint16_t bits = dc_image_cell_bits(image);

	if (ts->encapsulation != DC_NATIVE && !length_is_exact(image))
		return err_set(why, ERR_CORRUPT, "%s pixel data that is not encapsulated",
			       ts->label);
	if (rn_cell_bytes(image) == 0)
		return err_set(why, ERR_UNSUPPORTED,
			       "Bits Allocated %u: pixel cells have 1 to 16 bits or whole bytes up "
			       "to 64 bits", bits);
	return true;
}

/* ---- Whole cells ---------------------------------------------------------- */

/* In place; blocks of a fixed size vectorise. */
#define SWAP_LOOP(name, type, swap)                                                                \
	RN_KERNEL static void name(void *cells, size_t count)                                      \
	{                                                                                          \
		type *cell = cells;                                                                \
                                                                                                   \
		for (; count >= RN_LANES; count -= RN_LANES, cell += RN_LANES) {                   \
			for (int i = 0; i < RN_LANES; i++)                                         \
				cell[i] = swap(cell[i]);                                           \
		}                                                                                  \
		for (size_t i = 0; i < count; i++)                                                 \
			cell[i] = swap(cell[i]);                                                   \
	}
SWAP_LOOP(swap_16, uint16_t, __builtin_bswap16)
SWAP_LOOP(swap_32, uint32_t, __builtin_bswap32)
SWAP_LOOP(swap_64, uint64_t, __builtin_bswap64)

static void swap_cells(void *cells, size_t count, size_t bytes)
{
	if (bytes == 2)
		swap_16(cells, count);
	else if (bytes == 4)
		swap_32(cells, count);
	else
		swap_64(cells, count);
}

static void interleave(const uint8_t *in, size_t pixels, size_t planes, size_t bytes,
		       uint8_t *out)
{
	for (size_t plane = 0; plane < planes; plane++) {
		const uint8_t *from = in + plane * pixels * bytes;

		for (size_t i = 0; i < pixels; i++)
			memcpy(out + (i * planes + plane) * bytes, from + i * bytes, bytes);
	}
}

/* ---- Cells that are narrower than their place in memory -------------------- */

/* Any number of bits up to 64, of which the first may be inside a byte. */
static uint64_t bits_at(struct span in, uint64_t first, unsigned bits)
{
	uint64_t value = 0;
	unsigned got = 0;

	for (size_t at = (size_t)(first / 8); got < bits && at < in.size; at++) {
		unsigned skip = got == 0 ? (unsigned)(first % 8) : 0;

		value |= (uint64_t)(in.data[at] >> skip) << got;
		got += 8 - skip;
	}
	return bits < 64 ? value & (((uint64_t)1 << bits) - 1) : value;
}

static void put(void *out, size_t bytes, size_t at, uint64_t value)
{
	if (bytes == 1)
		((uint8_t *)out)[at] = (uint8_t)value;
	else if (bytes == 2)
		((uint16_t *)out)[at] = (uint16_t)value;
	else if (bytes == 4)
		((uint32_t *)out)[at] = (uint32_t)value;
	else
		((uint64_t *)out)[at] = value;
}

/* The usual case: single bits, least significant first. */
static void unpack_bits(const uint8_t *in, unsigned shift, size_t count, uint8_t *out)
{
	size_t i = 0;

	for (; i < count && (shift + i) % 8 != 0; i++)
		out[i] = in[(shift + i) / 8] >> (shift + i) % 8 & 1;
	in += (shift + i) / 8;
	for (; count - i >= 8; i += 8) {
		uint8_t byte = *in++;

		for (unsigned bit = 0; bit < 8; bit++)
			out[i + bit] = byte >> bit & 1;
	}
	for (unsigned bit = 0; i + bit < count; bit++)
		out[i + bit] = *in >> bit & 1;
}

/* A stream of bits in which the most significant bit of a cell is followed by
 * the least significant one of the next (PS3.5 D.1); whole bytes may be in big
 * endian order. */
static bool unpack(const struct rn_codec_frame *frame, size_t pixels, size_t planes,
		   struct err *err)
{
	const struct dc_image *image = frame->image;
	unsigned bits = dc_image_cell_bits(image);
	size_t bytes = rn_cell_bytes(image), count = pixels * image->samples;
	uint64_t all;

	if (!checked_mul(count, bits, &all) || !checked_add(all, frame->input_bit_offset + 7u, &all) ||
	    frame->input.size != all / 8)
		return err_set(err, ERR_CORRUPT, "pixel data has %zu bytes where %llu are needed",
			       frame->input.size, (unsigned long long)all / 8);
	if (bits == 1 && planes == 1) {
		unpack_bits(frame->input.data, frame->input_bit_offset, count, frame->output);
		return true;
	}
	for (size_t i = 0; i < count; i++) {
		uint64_t value = bits_at(frame->input, frame->input_bit_offset + (uint64_t)i * bits,
					 bits);

		if (bits % 8 == 0 && (image->flags & DC_IMAGE_BIG_ENDIAN) != 0)
			value = __builtin_bswap64(value) >> (64 - bits);
		put(frame->output, bytes, planes > 1 ? i % pixels * planes + i / pixels : i, value);
	}
	return true;
}

/* ---- Subsampled chrominance ------------------------------------------------ */

static inline RN_INLINE void pairs_422(const uint8_t *in, size_t columns, size_t bytes,
				       uint8_t *out)
{
	for (; columns >= 2; columns -= 2, in += 4 * bytes, out += 6 * bytes) {
		memcpy(out, in, bytes);
		memcpy(out + bytes, in + 2 * bytes, 2 * bytes);
		memcpy(out + 3 * bytes, in + bytes, bytes);
		memcpy(out + 4 * bytes, in + 2 * bytes, 2 * bytes);
	}
	if (columns > 0) {
		memcpy(out, in, bytes);
		memcpy(out + bytes, in + 2 * bytes, 2 * bytes);
	}
}

static void unpack_422(const uint8_t *in, size_t columns, size_t bytes, uint8_t *out)
{
	if (bytes == 1)
		pairs_422(in, columns, 1, out);
	else
		pairs_422(in, columns, bytes, out);
}

/* ---- A frame ---------------------------------------------------------------- */

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	const struct dc_image *image = frame->image;
	enum dc_native_layout layout = dc_image_native_layout(image);
	size_t bytes = rn_cell_bytes(image), pixels = (size_t)image->rows * image->columns;
	bool planar = image->samples > 1 && image->planar_configuration == 1 &&
		      layout == DC_NATIVE_PLAIN;
	bool swap = bytes > 1 && ((image->flags & DC_IMAGE_BIG_ENDIAN) != 0) !=
					 (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	const uint8_t *in = frame->input.data;
	uint8_t *out = frame->output;
	uint64_t size;

	if (bytes == 0 || frame->output_size != pixels * image->samples * bytes)
		return err_set(err, ERR_CORRUPT, "cells of %zu bytes do not make a frame of %zu",
			       bytes, frame->output_size);
	if (dc_image_cell_bits(image) != 8 * bytes)
		return unpack(frame, pixels, planar ? image->samples : 1, err);
	if (!dc_image_frame_size(image, &size) || frame->input.size != size)
		return err_set(err, ERR_CORRUPT, "pixel data has %zu bytes where %zu are needed",
			       frame->input.size, frame->output_size);
	if (planar) {
		interleave(in, pixels, image->samples, bytes, out);
	} else if (layout == DC_NATIVE_422_RUN_ON) {
		unpack_422(in, pixels, bytes, out);
	} else if (layout == DC_NATIVE_422) {
		for (uint32_t row = 0; row < image->rows; row++)
			unpack_422(in + row * (size / image->rows), image->columns, bytes,
				   out + (size_t)row * image->columns * 3 * bytes);
	} else if (in != out) {
		memcpy(out, in, frame->output_size);
	}
	if (swap)
		swap_cells(out, frame->output_size / bytes, bytes);
	return true;
}

const struct rn_codec rn_codec_native = {
	.name = "native",
	.uids = uids,
	.by_rows = true,
	.supports = supports,
	.decode = decode,
};
