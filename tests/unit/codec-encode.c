/* SPDX-License-Identifier: MIT */
#include "tests/unit/codec-encode.h"

void encode_fill(const struct encode_spec *spec, int32_t *values)
{
	uint32_t random = 1, step = spec->step > 0 ? spec->step : 1;
	uint32_t mask = (uint32_t)(((uint64_t)1 << spec->precision) - 1);

	for (unsigned y = 0; y < spec->rows; y++) {
		for (unsigned x = 0; x < spec->columns; x++) {
			for (unsigned c = 0; c < spec->components; c++) {
				size_t at = ((size_t)y * spec->columns + x) * spec->components + c;
				/* Samples are at multiples of the step, counted from 0. */
				unsigned from_x = (spec->x0 + x) % step, from_y = (spec->y0 + y) % step;

				random = random * 1664525u + 1013904223u;
				values[at] = (int32_t)((x * 7u + y * 3u + c * 11u +
							((random >> 24) & 15)) & mask);
				if (spec->is_signed)
					values[at] -= (int32_t)(mask / 2 + 1);
				if (c > 0 && from_x <= x && from_x != 0)
					values[at] = values[at - from_x * spec->components];
				if (c > 0 && from_y <= y && from_y != 0)
					values[at] = values[at - (size_t)from_y * spec->columns *
								      spec->components];
			}
		}
	}
}

/* Values as bytes or 16-bit words, plane by plane if asked for. */
UNUSED static void *pack(const struct encode_spec *spec, const int32_t *values, bool planar,
			 size_t *size)
{
	size_t pixels = (size_t)spec->columns * spec->rows, count = pixels * spec->components;
	size_t bytes = spec->precision <= 8 ? 1 : 2;
	uint8_t *packed = malloc(count * bytes);

	if (packed == NULL)
		abort();
	*size = count * bytes;
	for (size_t i = 0; i < count; i++) {
		size_t from = planar ? i % pixels * spec->components + i / pixels : i;
		uint16_t value = (uint16_t)values[from];

		if (bytes == 1)
			packed[i] = (uint8_t)value;
		else
			memcpy(packed + 2 * i, &value, sizeof(value));
	}
	return packed;
}

#ifdef HAVE_CHARLS
#include <charls/charls.h>

bool encode_jls(const struct encode_spec *spec, const int32_t *values, struct buf *out)
{
	static const charls_interleave_mode modes[] = {CHARLS_INTERLEAVE_MODE_NONE,
						       CHARLS_INTERLEAVE_MODE_LINE,
						       CHARLS_INTERLEAVE_MODE_SAMPLE};
	charls_frame_info info = {spec->columns, spec->rows, (int32_t)spec->precision,
				  (int32_t)spec->components};
	charls_jpegls_encoder *encoder = charls_jpegls_encoder_create();
	size_t size, room, used = 0;
	void *samples CLEANUP_FREE = pack(spec, values, spec->interleave == BY_PLANE, &size);
	uint8_t *to;
	bool good;

	room = size * 2 + 4096;
	to = buf_extend(out, room);
	good = encoder != NULL && to != NULL &&
	       charls_jpegls_encoder_set_frame_info(encoder, &info) == 0 &&
	       charls_jpegls_encoder_set_near_lossless(encoder, spec->near_lossless) == 0 &&
	       charls_jpegls_encoder_set_interleave_mode(encoder, modes[spec->interleave]) == 0 &&
	       charls_jpegls_encoder_set_color_transformation(
		       encoder, (charls_color_transformation)spec->transformation) == 0 &&
	       charls_jpegls_encoder_set_destination_buffer(encoder, to, room) == 0 &&
	       charls_jpegls_encoder_encode_from_buffer(encoder, samples, size, 0) == 0 &&
	       charls_jpegls_encoder_get_bytes_written(encoder, &used) == 0;
	charls_jpegls_encoder_destroy(encoder);
	buf_truncate(out, out->size - room + used);
	return good;
}
#else
bool encode_jls(const struct encode_spec *spec UNUSED, const int32_t *values UNUSED,
		struct buf *out UNUSED)
{
	return false;
}
#endif

#ifdef HAVE_OPENJPEG
#include <openjpeg.h>

/* A file in memory; the encoder goes back to write lengths. */
struct output {
	struct buf *buf;
	size_t start, at;
};

static OPJ_BOOL seek_output(OPJ_OFF_T to, void *data)
{
	struct output *output = data;

	output->at = (size_t)to;
	return OPJ_TRUE;
}

static OPJ_OFF_T skip_output(OPJ_OFF_T size, void *data)
{
	struct output *output = data;

	output->at += (size_t)size;
	return size;
}

static OPJ_SIZE_T write_output(void *from, OPJ_SIZE_T size, void *data)
{
	struct output *output = data;
	size_t end = output->start + output->at + size;

	if (end > output->buf->size && buf_extend(output->buf, end - output->buf->size) == NULL)
		return (OPJ_SIZE_T)-1;
	memcpy(output->buf->data + output->start + output->at, from, size);
	output->at += size;
	return size;
}

static opj_image_t *make_image(const struct encode_spec *spec, const int32_t *values)
{
	opj_image_cmptparm_t parameters[4] = {{0}};
	unsigned x1 = spec->x0 + spec->columns, y1 = spec->y0 + spec->rows;
	opj_image_t *image;

	for (unsigned c = 0; c < spec->components; c++) {
		unsigned step = c > 0 && spec->step > 0 ? spec->step : 1;

		parameters[c].dx = parameters[c].dy = step;
		parameters[c].x0 = spec->x0;
		parameters[c].y0 = spec->y0;
		parameters[c].w = (x1 + step - 1) / step - (spec->x0 + step - 1) / step;
		parameters[c].h = (y1 + step - 1) / step - (spec->y0 + step - 1) / step;
		parameters[c].prec = spec->precision;
		parameters[c].sgnd = spec->is_signed;
	}
	image = opj_image_create(spec->components, parameters, OPJ_CLRSPC_UNSPECIFIED);
	if (image == NULL)
		return NULL;
	image->x0 = spec->x0;
	image->y0 = spec->y0;
	image->x1 = x1;
	image->y1 = y1;
	for (unsigned c = 0; c < spec->components; c++) {
		opj_image_comp_t *to = &image->comps[c];

		for (unsigned y = 0; y < to->h; y++) {
			unsigned row = ((spec->y0 + to->dy - 1) / to->dy + y) * to->dy - spec->y0;

			for (unsigned x = 0; x < to->w; x++) {
				unsigned column = ((spec->x0 + to->dx - 1) / to->dx + x) * to->dx -
						  spec->x0;

				to->data[y * to->w + x] =
					values[((size_t)row * spec->columns + column) *
						       spec->components + c];
			}
		}
	}
	return image;
}

bool encode_j2k(const struct encode_spec *spec, const int32_t *values, struct buf *out)
{
	static const char *const lengths[] = {"PLT=YES", "TLM=YES", NULL};
	struct output output = {.buf = out, .start = out->size};
	opj_cparameters_t parameters;
	opj_codec_t *codec = opj_create_compress(OPJ_CODEC_J2K);
	opj_stream_t *stream = opj_stream_create(1 << 16, OPJ_FALSE);
	opj_image_t *image = make_image(spec, values);
	bool good;

	opj_set_default_encoder_parameters(&parameters);
	parameters.tcp_numlayers = spec->layers > 0 ? (int)spec->layers : 1;
	for (int i = 0; i < parameters.tcp_numlayers; i++)
		parameters.tcp_rates[i] = (float)(parameters.tcp_numlayers - i - 1) * 4;
	if (spec->rate > 0)
		parameters.tcp_rates[parameters.tcp_numlayers - 1] = (float)spec->rate;
	parameters.cp_disto_alloc = 1;
	parameters.prog_order = (OPJ_PROG_ORDER)spec->progression;
	if (spec->packet_markers)
		parameters.csty |= 2 | 4;
	if (spec->parts) {
		parameters.tp_on = 1;
		parameters.tp_flag = 'R';
	}
	if (spec->roi_shift > 0) {
		parameters.roi_compno = 0;
		parameters.roi_shift = spec->roi_shift;
	}
	parameters.numresolution = MIN_OF(spec->columns, spec->rows) >= 16 ? 4 : 1;
	parameters.irreversible = spec->irreversible;
	parameters.tcp_mct = spec->colour_transform;
	parameters.image_offset_x0 = (int)spec->x0;
	parameters.image_offset_y0 = (int)spec->y0;
	if (spec->tile > 0) {
		parameters.tile_size_on = OPJ_TRUE;
		parameters.cp_tdx = parameters.cp_tdy = (int)spec->tile;
	}
	opj_stream_set_user_data(stream, &output, NULL);
	opj_stream_set_write_function(stream, write_output);
	opj_stream_set_skip_function(stream, skip_output);
	opj_stream_set_seek_function(stream, seek_output);
	good = image != NULL && opj_setup_encoder(codec, &parameters, image) &&
	       (!spec->lengths || opj_encoder_set_extra_options(codec, lengths)) &&
	       opj_start_compress(codec, image, stream) && opj_encode(codec, stream) &&
	       opj_end_compress(codec, stream);
	opj_image_destroy(image);
	opj_stream_destroy(stream);
	opj_destroy_codec(codec);
	return good;
}
#else
bool encode_j2k(const struct encode_spec *spec UNUSED, const int32_t *values UNUSED,
		struct buf *out UNUSED)
{
	return false;
}
#endif

#ifdef HAVE_LIBJXL
#include <jxl/encode.h>

static bool setup_jxl(const struct encode_spec *spec, JxlEncoder *encoder)
{
	JxlBasicInfo info;
	JxlColorEncoding colours;

	JxlEncoderInitBasicInfo(&info);
	info.xsize = spec->columns;
	info.ysize = spec->rows;
	info.bits_per_sample = spec->precision;
	info.num_color_channels = spec->components;
	info.uses_original_profile = spec->lossy ? JXL_FALSE : JXL_TRUE;
	JxlColorEncodingSetToSRGB(&colours, spec->components == 1);
	return JxlEncoderSetBasicInfo(encoder, &info) == JXL_ENC_SUCCESS &&
	       JxlEncoderSetColorEncoding(encoder, &colours) == JXL_ENC_SUCCESS;
}

/* The library takes samples scaled to all bits of 8 or 16. */
bool encode_jxl(const struct encode_spec *spec, const int32_t *values, struct buf *out)
{
	JxlPixelFormat format = {spec->components,
				 spec->precision <= 8 ? JXL_TYPE_UINT8 : JXL_TYPE_UINT16,
				 JXL_NATIVE_ENDIAN, 0};
	size_t count = (size_t)spec->columns * spec->rows * spec->components, size;
	uint64_t most = (1u << spec->precision) - 1, all = spec->precision <= 8 ? 255 : 65535;
	int32_t *scaled CLEANUP_FREE = malloc(count * sizeof(*scaled));
	void *samples CLEANUP_FREE = NULL;
	JxlEncoder *encoder = JxlEncoderCreate(NULL);
	JxlEncoderFrameSettings *settings = JxlEncoderFrameSettingsCreate(encoder, NULL);
	size_t room = count * 8 + 65536, left = room;
	uint8_t *to = buf_extend(out, room);
	bool good;

	if (scaled == NULL || to == NULL)
		abort();
	for (size_t i = 0; i < count; i++)
		scaled[i] = (int32_t)(((uint64_t)values[i] * all + most / 2) / most);
	samples = pack(spec, scaled, false, &size);
	good = setup_jxl(spec, encoder) &&
	       JxlEncoderSetFrameLossless(settings, spec->lossy ? JXL_FALSE : JXL_TRUE) ==
		       JXL_ENC_SUCCESS &&
	       JxlEncoderAddImageFrame(settings, &format, samples, size) == JXL_ENC_SUCCESS;
	JxlEncoderCloseInput(encoder);
	good = good && JxlEncoderProcessOutput(encoder, &to, &left) == JXL_ENC_SUCCESS;
	JxlEncoderDestroy(encoder);
	buf_truncate(out, out->size - left);
	return good;
}
#else
bool encode_jxl(const struct encode_spec *spec UNUSED, const int32_t *values UNUSED,
		struct buf *out UNUSED)
{
	return false;
}
#endif
