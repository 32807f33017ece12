/* SPDX-License-Identifier: MIT */
/* JPEG-LS, lossless and near-lossless (ISO/IEC 14495-1, PS3.5 A.4.3), by CharLS.
 * A decode cannot be interrupted: cancel is looked at before it begins. */
#include "render/codecs.h"
#include "render/codestream.h"

static const char *const uids[] = {"1.2.840.10008.1.2.4.80", "1.2.840.10008.1.2.4.81", NULL};

#ifdef HAVE_CHARLS
#include <charls/charls.h>

static bool supports(const struct dc_image *image, struct err *why)
{
	if (rn_cell_bytes(image) == 0 || rn_cell_bytes(image) > 4 ||
	    image->pixel_tag != DC_TAG_PIXEL_DATA)
		return err_set(why, ERR_UNSUPPORTED, "JPEG-LS with %u bits allocated",
			       image->bits_allocated);
	return true;
}

static void destroy(charls_jpegls_decoder **decoder)
{
	charls_jpegls_decoder_destroy(*decoder);
}

static bool fail(charls_jpegls_errc code, struct err *err)
{
	enum err_code kind = ERR_CORRUPT;

	switch ((int)code) {
	case CHARLS_JPEGLS_ERRC_NOT_ENOUGH_MEMORY:
		kind = ERR_NOMEM;
		break;
	case CHARLS_JPEGLS_ERRC_PARAMETER_VALUE_NOT_SUPPORTED:
	case CHARLS_JPEGLS_ERRC_BIT_DEPTH_FOR_TRANSFORM_NOT_SUPPORTED:
	case CHARLS_JPEGLS_ERRC_COLOR_TRANSFORM_NOT_SUPPORTED:
	case CHARLS_JPEGLS_ERRC_ENCODING_NOT_SUPPORTED:
	case CHARLS_JPEGLS_ERRC_JPEGLS_PRESET_EXTENDED_PARAMETER_TYPE_NOT_SUPPORTED:
		kind = ERR_UNSUPPORTED;
		break;
	default:
		break;
	}
	return err_set(err, kind, "JPEG-LS: %s", charls_get_error_message(code));
}

/* Up to the last EOI; false if there is none. CharLS (2.4.1) goes round for ever in
 * a scan that ends with its input, but stops at any marker, so its input has to
 * end with one. */
static bool cut_behind_end(struct span *input)
{
	for (size_t i = input->size; i >= 2; i--) {
		if (input->data[i - 2] == 0xff && input->data[i - 1] == 0xd9) {
			input->size = i;
			return true;
		}
	}
	return false;
}

struct headers {
	charls_frame_info frame;
	charls_interleave_mode interleave;
	charls_color_transformation transformation;
	int32_t near_lossless;
};

static bool read_headers(charls_jpegls_decoder *decoder, struct span input, struct headers *headers,
			 struct err *err)
{
	charls_jpegls_errc code;

	code = charls_jpegls_decoder_set_source_buffer(decoder, input.data, input.size);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_read_header(decoder);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_frame_info(decoder, &headers->frame);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_interleave_mode(decoder, &headers->interleave);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_color_transformation(decoder,
								      &headers->transformation);
	if (code == CHARLS_JPEGLS_ERRC_SUCCESS)
		code = charls_jpegls_decoder_get_near_lossless(decoder, 0, &headers->near_lossless);
	return code == CHARLS_JPEGLS_ERRC_SUCCESS || fail(code, err);
}

/* Bytes that follow the last scan and are no marker end a decode in error, as
 * they do in front of any other scan: decoded again over other bytes, a frame
 * that is complete comes out the same. */
static bool is_complete(struct span input, const uint8_t *samples, size_t size, struct err *err)
{
	charls_jpegls_decoder *decoder CLEANUP(destroy) = charls_jpegls_decoder_create();
	uint8_t *again CLEANUP_FREE = malloc(size);
	struct headers headers;

	if (decoder == NULL || again == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	memset(again, 0xff, size);
	if (!read_headers(decoder, input, &headers, err))
		return false;
	if (charls_jpegls_decoder_decode_to_buffer(decoder, again, size, 0) !=
		    CHARLS_JPEGLS_ERRC_JPEG_MARKER_START_BYTE_NOT_FOUND ||
	    memcmp(samples, again, size) != 0)
		return fail(CHARLS_JPEGLS_ERRC_JPEG_MARKER_START_BYTE_NOT_FOUND, err);
	return true;
}

/* samples holds zeros. */
static bool decode_samples(charls_jpegls_decoder *decoder, struct span input, void *samples,
			   size_t size, struct err *err)
{
	charls_jpegls_errc code;

	code = charls_jpegls_decoder_decode_to_buffer(decoder, samples, size, 0);
	if (code == CHARLS_JPEGLS_ERRC_JPEG_MARKER_START_BYTE_NOT_FOUND)
		return is_complete(input, samples, size, err);
	return code == CHARLS_JPEGLS_ERRC_SUCCESS || fail(code, err);
}

/* Samples of another width than cells, or plane by plane. */
static bool decode_aside(charls_jpegls_decoder *decoder, const struct rn_codec_frame *frame,
			 const struct headers *headers, size_t bytes, struct err *err)
{
	size_t samples = frame->image->samples;
	size_t pixels = (size_t)frame->image->rows * frame->image->columns;
	size_t size = pixels * samples * bytes;
	uint8_t *aside CLEANUP_FREE = calloc(1, size);
	struct dc_image as_one = *frame->image;
	struct rn_codec_frame line = *frame;

	if (aside == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!decode_samples(decoder, frame->input, aside, size, err))
		return false;
	if (headers->interleave == CHARLS_INTERLEAVE_MODE_NONE) {
		for (unsigned i = 0; i < samples; i++)
			rn_codestream_store(frame, i, 0, aside + i * pixels * bytes, bytes, pixels);
		return true;
	}
	as_one.samples = 1;
	line.image = &as_one;
	rn_codestream_store(&line, 0, 0, aside, bytes, pixels * samples);
	return true;
}

static bool decode(const struct rn_codec_frame *as_given, struct err *err)
{
	charls_jpegls_decoder *decoder CLEANUP(destroy) = charls_jpegls_decoder_create();
	struct rn_codec_frame cut = *as_given;
	const struct rn_codec_frame *frame = &cut;
	bool has_end = cut_behind_end(&cut.input);
	struct headers headers;
	struct rn_codestream codestream;
	size_t bytes;
	bool as_cells;

	if (decoder == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (rn_codestream_cancelled(frame, err) ||
	    !read_headers(decoder, frame->input, &headers, err))
		return false;
	codestream = (struct rn_codestream){
		.columns = headers.frame.width,
		.rows = headers.frame.height,
		.components = (uint32_t)headers.frame.component_count,
		.precision = (uint32_t)headers.frame.bits_per_sample,
	};
	if (!rn_codestream_check(&codestream, frame, err))
		return false;
	if (!has_end)
		return err_set(err, ERR_CORRUPT, "JPEG-LS: %zu bytes without an end (EOI)",
			       frame->input.size);
	bytes = codestream.precision <= 8 ? 1 : 2;
	as_cells = bytes == rn_cell_bytes(frame->image) &&
		   (codestream.components == 1 ||
		    headers.interleave != CHARLS_INTERLEAVE_MODE_NONE);
	if (as_cells ? !decode_samples(decoder, frame->input, frame->output, frame->output_size, err)
		     : !decode_aside(decoder, frame, &headers, bytes, err))
		return false;
	frame->decoded->precision = (uint8_t)codestream.precision;
	frame->decoded->lossy = headers.near_lossless > 0;
	/* Hewlett-Packard's transformations are of RGB, and undone by now. */
	if (headers.transformation != CHARLS_COLOR_TRANSFORMATION_NONE)
		frame->decoded->colour = RN_COLOUR_RGB;
	return true;
}

void rn_codec_jls_library(struct buf *out)
{
	buf_printf(out, "CharLS %s\n", charls_get_version_string());
}

#else

static bool supports(const struct dc_image *image UNUSED, struct err *why)
{
	return err_set(why, ERR_UNSUPPORTED, "JPEG-LS: built without CharLS");
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	return supports(frame->image, err);
}

void rn_codec_jls_library(struct buf *out UNUSED)
{
}

#endif

const struct rn_codec rn_codec_jls = {
	.name = "JPEG-LS",
	.uids = uids,
	.slow = true,
	.supports = supports,
	.decode = decode,
};
