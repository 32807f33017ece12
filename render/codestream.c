/* SPDX-License-Identifier: MIT */
#include "render/codestream.h"

#include "render/simd.h"

bool rn_codestream_check(const struct rn_codestream *codestream, const struct rn_codec_frame *frame,
			 struct err *err)
{
	const struct dc_image *image = frame->image;
	unsigned bytes = rn_cell_bytes(image);
	uint64_t size;

	if (codestream->columns != image->columns || codestream->rows != image->rows)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u x %u pixels, the header %u x %u",
			       codestream->columns, codestream->rows, image->columns, image->rows);
	if (codestream->components != image->samples)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u components, the header %u samples per pixel",
			       codestream->components, image->samples);
	if (codestream->precision > 8 * bytes)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has samples of %u bits, the header %u bits allocated",
			       codestream->precision, image->bits_allocated);
	if (!checked_mul((uint64_t)image->rows * image->columns, (uint64_t)image->samples * bytes,
			 &size) ||
	    size != frame->output_size)
		return err_set(err, ERR_CORRUPT, "the frame has %llu bytes, room is for %zu",
			       (unsigned long long)size, frame->output_size);
	return true;
}

bool rn_codestream_cancelled(const struct rn_codec_frame *frame, struct err *err)
{
	if (frame->cancel == NULL || !atomic_load(frame->cancel))
		return false;
	(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	return true;
}

/* A loop for every pair of widths; the steps are constants where it matters. */
#define STORE(name, from, to)                                                                      \
	static inline RN_INLINE void name##_by(const from *in, size_t count, to *out, size_t step) \
	{                                                                                          \
		size_t i = 0;                                                                      \
                                                                                                   \
		for (; count - i >= RN_LANES; i += RN_LANES) {                                     \
			for (size_t k = 0; k < RN_LANES; k++)                                      \
				out[(i + k) * step] = (to)in[i + k];                               \
		}                                                                                  \
		for (; i < count; i++)                                                             \
			out[i * step] = (to)in[i];                                                 \
	}                                                                                          \
	RN_KERNEL static void name(const from *in, size_t count, to *out, size_t step)             \
	{                                                                                          \
		if (step == 1)                                                                     \
			name##_by(in, count, out, 1);                                              \
		else if (step == 3)                                                                \
			name##_by(in, count, out, 3);                                              \
		else                                                                               \
			name##_by(in, count, out, step);                                           \
	}

STORE(store_32_8, int32_t, uint8_t)
STORE(store_32_16, int32_t, uint16_t)
STORE(store_32_32, int32_t, uint32_t)
STORE(store_8_8, uint8_t, uint8_t)
STORE(store_8_16, uint8_t, uint16_t)
STORE(store_8_32, uint8_t, uint32_t)
STORE(store_16_16, uint16_t, uint16_t)
STORE(store_16_32, uint16_t, uint32_t)

void rn_codestream_store_32(const struct rn_codec_frame *frame, unsigned component, size_t first,
			    const int32_t *samples, size_t count)
{
	size_t step = frame->image->samples, at = first * step + component;

	switch (rn_cell_bytes(frame->image)) {
	case 1:
		store_32_8(samples, count, (uint8_t *)frame->output + at, step);
		break;
	case 2:
		store_32_16(samples, count, (uint16_t *)frame->output + at, step);
		break;
	case 4:
		store_32_32(samples, count, (uint32_t *)frame->output + at, step);
		break;
	default:
		break;
	}
}

void rn_codestream_store(const struct rn_codec_frame *frame, unsigned component, size_t first,
			 const void *samples, size_t bytes, size_t count)
{
	size_t step = frame->image->samples, at = first * step + component;

	switch (bytes * 8 + rn_cell_bytes(frame->image)) {
	case 8 + 1:
		store_8_8(samples, count, (uint8_t *)frame->output + at, step);
		break;
	case 8 + 2:
		store_8_16(samples, count, (uint16_t *)frame->output + at, step);
		break;
	case 8 + 4:
		store_8_32(samples, count, (uint32_t *)frame->output + at, step);
		break;
	case 16 + 2:
		store_16_16(samples, count, (uint16_t *)frame->output + at, step);
		break;
	case 16 + 4:
		store_16_32(samples, count, (uint32_t *)frame->output + at, step);
		break;
	default:
		break;
	}
}
