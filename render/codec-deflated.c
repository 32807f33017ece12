/* SPDX-License-Identifier: MIT */
/* Native cells in fragments: each frame a deflate stream (PS3.5 A.4.13), or as it
 * is (A.4.11). */
#include "render/codecs.h"

#include <limits.h>
#include <zlib.h>

#define UID_DEFLATED_FRAME "1.2.840.10008.1.2.8.1"
#define UID_UNCOMPRESSED "1.2.840.10008.1.2.1.98"

static const char *const uids[] = {UID_DEFLATED_FRAME, UID_UNCOMPRESSED, NULL};

/* The frame's bytes are laid out as Explicit VR Little Endian has them. */
static bool as_native(const struct dc_image *image, struct dc_image *native, uint64_t *size,
		      struct err *err)
{
	const struct dc_transfer_syntax *ts =
		dc_transfer_syntax_find(span_of_text(DC_TS_EXPLICIT_LE));

	*native = *image;
	native->flags &= ~(uint32_t)(DC_IMAGE_ENCAPSULATED | DC_IMAGE_BIG_ENDIAN);
	native->transfer_syntax = (uint16_t)(ts - dc_transfer_syntax_table);
	native->frames = 1;
	if (!dc_image_frame_size(native, size) || *size > SIZE_MAX / 2)
		return err_set(err, ERR_LIMIT, "frame size is unknown or overflows");
	native->offset = 0;
	native->length = *size;
	native->declared_length = *size;
	return true;
}

static bool supports(const struct dc_image *image, struct err *why)
{
	struct dc_image native;
	uint64_t size;

	return as_native(image, &native, &size, why) && rn_codec_native.supports(&native, why);
}

static bool cancelled(const struct rn_codec_frame *frame, struct err *err)
{
	if (frame->cancel == NULL || !atomic_load(frame->cancel))
		return false;
	(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	return true;
}

/* Output at a time, so that cancelling takes effect. */
#define STEP ((size_t)1 << 20)

/* Exactly size bytes; what the stream holds beyond them is never inflated. */
static bool inflate_all(const struct rn_codec_frame *frame, z_stream *stream, uint8_t *to,
			size_t size, struct err *err)
{
	const uint8_t *input = frame->input.data;
	size_t done = 0, fed = 0;
	int result = Z_OK;

	while (done < size && result == Z_OK) {
		uInt in = (uInt)MIN_OF(frame->input.size - fed, (size_t)UINT_MAX);
		uInt out = (uInt)MIN_OF(size - done, STEP);

		if (cancelled(frame, err))
			return false;
		stream->next_in = (z_const Bytef *)(uintptr_t)(input + fed);
		stream->avail_in = in;
		stream->next_out = to + done;
		stream->avail_out = out;
		result = inflate(stream, Z_NO_FLUSH);
		fed += in - stream->avail_in;
		done += out - stream->avail_out;
	}
	if (result == Z_MEM_ERROR)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (done < size)
		return err_set(err, ERR_CORRUPT, "deflated frame %s after %zu of %zu bytes",
			       result == Z_DATA_ERROR ? "is damaged" : "ends", done, size);
	return true;
}

static bool inflate_frame(const struct rn_codec_frame *frame, uint8_t *to, size_t size,
			  struct err *err)
{
	z_stream stream = {0};
	bool ok;

	/* Negative window bits: raw deflate (RFC 1951). */
	if (inflateInit2(&stream, -15) != Z_OK)
		return err_set(err, ERR_NOMEM, "out of memory");
	ok = inflate_all(frame, &stream, to, size, err);
	(void)inflateEnd(&stream);
	return ok;
}

static bool is_planar(const struct dc_image *image)
{
	return image->samples > 1 && image->planar_configuration == 1;
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	struct dc_image image;
	struct rn_codec_frame native = *frame;
	uint8_t *bytes CLEANUP_FREE = NULL, *to = frame->output;
	uint64_t size;

	if (!as_native(frame->image, &image, &size, err))
		return false;
	native.image = &image;
	if (strcmp(dc_transfer_syntax_table[frame->image->transfer_syntax].uid,
		   UID_DEFLATED_FRAME) == 0) {
		/* Cells that need not move are inflated to where they belong. */
		if (size != frame->output_size || is_planar(&image)) {
			to = bytes = malloc((size_t)size);
			if (bytes == NULL)
				return err_set(err, ERR_NOMEM, "out of memory");
		}
		if (!inflate_frame(frame, to, (size_t)size, err))
			return false;
		native.input = span_of(to, (size_t)size);
	}
	if (native.input.size < size)
		return err_set(err, ERR_CORRUPT, "an uncompressed frame has %zu of %llu bytes",
			       native.input.size, (unsigned long long)size);
	native.input.size = (size_t)size; /* without padding */
	return rn_codec_native.decode(&native, err);
}

const struct rn_codec rn_codec_deflated = {
	.name = "deflated or uncompressed frames",
	.uids = uids,
	.slow = true,
	.supports = supports,
	.decode = decode,
};
