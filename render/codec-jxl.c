/* SPDX-License-Identifier: MIT */
/* JPEG XL (ISO/IEC 18181, PS3.5 A.4.13 on), by libjxl: of recompressed JPEG the
 * pixels too. Cancel is looked at between its steps, of which the pixels are
 * one. */
#include "render/codecs.h"
#include "render/codestream.h"

#define TS(number) "1.2.840.10008.1.2.4." number

static const char *const uids[] = {TS("110"), TS("111"), TS("112"), NULL};

#ifdef HAVE_LIBJXL
#include <jxl/decode.h>

/* Memory of a decode: floats of every channel, several times over. */
#define BYTES_ALWAYS ((uint64_t)256 << 20)
#define BYTES_PER_SAMPLE 64

static bool supports(const struct dc_image *image, struct err *why)
{
	if (rn_cell_bytes(image) == 0 || rn_cell_bytes(image) > 2 ||
	    image->pixel_tag != DC_TAG_PIXEL_DATA)
		return err_set(why, ERR_UNSUPPORTED, "JPEG XL with %u bits allocated",
			       image->bits_allocated);
	return true;
}

/* ---- Memory ----------------------------------------------------------------- */

struct block {
	size_t size;
	size_t pad; /* what follows is aligned as malloc does it */
};

struct memory {
	uint64_t used, most;
	bool refused; /* more than most */
	bool failed;  /* there was no more */
};

static void *take(void *opaque, size_t size)
{
	struct memory *memory = opaque;
	struct block *block;

	if (size > memory->most - memory->used) {
		memory->refused = true;
		return NULL;
	}
	block = malloc(size + sizeof(*block));
	if (block == NULL) {
		memory->failed = true;
		return NULL;
	}
	block->size = size;
	memory->used += size;
	return block + 1;
}

static void give_back(void *opaque, void *address)
{
	struct memory *memory = opaque;
	struct block *block;

	if (address == NULL)
		return;
	block = (struct block *)address - 1;
	memory->used -= block->size;
	free(block);
}

/* ---- Decoding ----------------------------------------------------------------- */

static void destroy(JxlDecoder **decoder)
{
	JxlDecoderDestroy(*decoder);
}

static bool check(const JxlBasicInfo *info, const struct rn_codec_frame *frame, struct err *err)
{
	struct rn_codestream codestream = {
		.columns = info->xsize,
		.rows = info->ysize,
		.components = info->num_color_channels + info->num_extra_channels,
		.precision = info->bits_per_sample,
	};

	if (!rn_codestream_check(&codestream, frame, err))
		return false;
	if (info->have_animation)
		return err_set(err, ERR_UNSUPPORTED, "JPEG XL: an animation");
	if (info->exponent_bits_per_sample != 0)
		return err_set(err, ERR_UNSUPPORTED, "JPEG XL: floating point samples");
	if (info->num_extra_channels != 0 || info->num_color_channels == 2)
		return err_set(err, ERR_UNSUPPORTED, "JPEG XL: %u colour and %u other channels",
			       info->num_color_channels, info->num_extra_channels);
	return true;
}

/* Colours that the codestream describes and does not hold (XYB) come as sRGB;
 * others come as they are. */
static bool choose_colours(JxlDecoder *decoder, const JxlBasicInfo *info)
{
	JxlColorEncoding colours = {
		.color_space = info->num_color_channels == 1 ? JXL_COLOR_SPACE_GRAY
							     : JXL_COLOR_SPACE_RGB,
		.white_point = JXL_WHITE_POINT_D65,
		.primaries = JXL_PRIMARIES_SRGB,
		.transfer_function = JXL_TRANSFER_FUNCTION_SRGB,
		.rendering_intent = JXL_RENDERING_INTENT_RELATIVE,
	};

	return info->uses_original_profile ||
	       JxlDecoderSetPreferredColorProfile(decoder, &colours) == JXL_DEC_SUCCESS;
}

/* Feeds the decoder and follows it to the end of the picture. */
static bool run(JxlDecoder *decoder, const struct rn_codec_frame *frame, JxlBasicInfo *info,
		const struct memory *memory, struct err *err)
{
	size_t bytes = rn_cell_bytes(frame->image);
	JxlPixelFormat format = {
		.num_channels = frame->image->samples,
		.data_type = bytes == 1 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
		.endianness = JXL_NATIVE_ENDIAN,
	};

	for (;;) {
		JxlDecoderStatus status = JxlDecoderProcessInput(decoder);

		if (rn_codestream_cancelled(frame, err))
			return false;
		if (status == JXL_DEC_FULL_IMAGE)
			return true;
		if (status == JXL_DEC_BASIC_INFO) {
			if (JxlDecoderGetBasicInfo(decoder, info) != JXL_DEC_SUCCESS)
				break;
			if (!check(info, frame, err))
				return false;
		} else if (status == JXL_DEC_COLOR_ENCODING) {
			if (!choose_colours(decoder, info))
				break;
		} else if (status == JXL_DEC_NEED_IMAGE_OUT_BUFFER) {
			if (JxlDecoderSetImageOutBuffer(decoder, &format, frame->output,
							frame->output_size) != JXL_DEC_SUCCESS)
				break;
		} else if (status == JXL_DEC_NEED_MORE_INPUT) {
			return err_set(err, ERR_CORRUPT, "JPEG XL: the codestream ends too early");
		} else {
			break;
		}
	}
	if (memory->refused)
		return err_set(err, ERR_LIMIT,
			       "JPEG XL: a decode of this picture needs more than %llu bytes",
			       (unsigned long long)memory->most);
	if (memory->failed)
		return err_set(err, ERR_NOMEM, "out of memory");
	return err_set(err, ERR_CORRUPT, "JPEG XL: damaged");
}

/* The library has scaled samples to all bits of a cell. */
static void scale_back(const struct rn_codec_frame *frame, unsigned precision)
{
	size_t bytes = rn_cell_bytes(frame->image), count = frame->output_size / bytes;
	uint32_t most = (1u << precision) - 1;

	if (bytes == 1) {
		uint8_t *cells = frame->output;

		for (size_t i = 0; i < count; i++)
			cells[i] = (uint8_t)((cells[i] * most + 127) / 255);
	} else {
		uint16_t *cells = frame->output;

		for (size_t i = 0; i < count; i++)
			cells[i] = (uint16_t)((cells[i] * most + 32767) / 65535);
	}
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	struct memory memory = {
		.most = BYTES_ALWAYS + (uint64_t)frame->output_size * BYTES_PER_SAMPLE,
	};
	JxlMemoryManager manager = {.opaque = &memory, .alloc = take, .free = give_back};
	JxlDecoder *decoder CLEANUP(destroy) = JxlDecoderCreate(&manager);
	const char *uid = dc_transfer_syntax_table[frame->image->transfer_syntax].uid;
	JxlBasicInfo info = {0};

	if (decoder == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (rn_codestream_cancelled(frame, err))
		return false;
	if (JxlDecoderSubscribeEvents(decoder, JXL_DEC_BASIC_INFO | JXL_DEC_COLOR_ENCODING |
						       JXL_DEC_FULL_IMAGE) != JXL_DEC_SUCCESS ||
	    JxlDecoderSetKeepOrientation(decoder, JXL_TRUE) != JXL_DEC_SUCCESS ||
	    JxlDecoderSetInput(decoder, frame->input.data, frame->input.size) != JXL_DEC_SUCCESS)
		return err_set(err, ERR_UNSUPPORTED, "libjxl refuses its own parameters");
	if (!run(decoder, frame, &info, &memory, err))
		return false;
	if (info.bits_per_sample < 8 * rn_cell_bytes(frame->image))
		scale_back(frame, info.bits_per_sample);
	frame->decoded->precision = (uint8_t)info.bits_per_sample;
	frame->decoded->lossy = !info.uses_original_profile || strcmp(uid, TS("110")) != 0;
	/* Of lossless samples the codestream knows not what they mean. */
	if (info.num_color_channels == 3 && frame->decoded->lossy)
		frame->decoded->colour = RN_COLOUR_RGB;
	return true;
}

void rn_codec_jxl_library(struct buf *out)
{
	unsigned version = JxlDecoderVersion();

	buf_printf(out, "libjxl %u.%u.%u\n", version / 1000000, version / 1000 % 1000,
		   version % 1000);
}

#else

static bool supports(const struct dc_image *image UNUSED, struct err *why)
{
	return err_set(why, ERR_UNSUPPORTED, "JPEG XL: built without libjxl");
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	return supports(frame->image, err);
}

void rn_codec_jxl_library(struct buf *out UNUSED)
{
}

#endif

const struct rn_codec rn_codec_jxl = {
	.name = "JPEG XL",
	.uids = uids,
	.slow = true,
	.supports = supports,
	.decode = decode,
};
