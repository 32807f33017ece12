/* SPDX-License-Identifier: MIT */
/* Native pixel data (PS3.5 8.1, A.1, A.2, A.3): cells as they are, put into host
 * byte order and, if they come plane by plane (PS3.3 C.7.6.3.1.3), pixel by
 * pixel. */
#include "render/codecs.h"

static const char *const uids[] = {DC_TS_IMPLICIT_LE, DC_TS_EXPLICIT_LE, DC_TS_EXPLICIT_BE,
				   DC_TS_DEFLATED_LE, NULL};

/* Under a compressed transfer syntax plain cells are a mistake of the writer
 * that only an exact length proves: else it may be a compressed stream. */
static bool length_is_exact(const struct dc_image *image)
{
	uint64_t frame, all;

	return dc_image_frame_size(image, &frame) && checked_mul(frame, image->frames, &all) &&
	       image->declared_length == image->length && image->length - all <= all % 2;
}

static bool supports(const struct dc_image *image, struct err *why)
{
	const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[image->transfer_syntax];

	if (ts->encapsulation != DC_NATIVE && !length_is_exact(image))
		return err_set(why, ERR_CORRUPT, "%s pixel data that is not encapsulated",
			       ts->label);
	if (image->bits_allocated != 8 && image->bits_allocated != 16)
		return err_set(why, ERR_UNSUPPORTED, "Bits Allocated %u is not rendered yet",
			       image->bits_allocated);
	return true;
}

static void swap_cells(const uint8_t *in, size_t count, uint8_t *out)
{
	for (size_t i = 0; i < count; i++) {
		uint8_t first = in[2 * i];

		out[2 * i] = in[2 * i + 1];
		out[2 * i + 1] = first;
	}
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

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	const struct dc_image *image = frame->image;
	size_t bytes = image->bits_allocated / 8;
	bool swap = bytes == 2 && ((image->flags & DC_IMAGE_BIG_ENDIAN) != 0) !=
					  (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__);
	const uint8_t *in = frame->input.data;
	uint8_t *out = frame->output;
	uint64_t size;

	if (!dc_image_frame_size(image, &size) || frame->input.size != size ||
	    frame->output_size != size)
		return err_set(err, ERR_CORRUPT, "pixel data has %zu bytes where %zu are needed",
			       frame->input.size, frame->output_size);
	if (image->samples > 1 && image->planar_configuration == 1) {
		interleave(in, (size_t)image->rows * image->columns, image->samples, bytes, out);
		in = out;
	}
	if (swap)
		swap_cells(in, frame->output_size / 2, out);
	else if (in != out)
		memcpy(out, in, frame->output_size);
	return true;
}

const struct rn_codec rn_codec_native = {
	.name = "native",
	.uids = uids,
	.by_rows = true,
	.supports = supports,
	.decode = decode,
};
