/* SPDX-License-Identifier: MIT */
/* JPEG 2000 and HTJ2K (PS3.5 A.4.4 to A.4.6, 8.2.4), by OpenJPEG in its strict
 * mode. A decode cannot be interrupted: cancel is looked at before and behind
 * it. */
#include "render/codecs.h"
#include "render/codestream.h"
#include "render/j2k-header.h"

#define TS(number) "1.2.840.10008.1.2.4." number

static const char *const uids[] = {TS("90"),  TS("91"),  TS("92"),  TS("93"),
				   TS("201"), TS("202"), TS("203"), NULL};

#ifdef HAVE_OPENJPEG
#include <openjpeg.h>

/* OpenJPEG keeps this much of its input in memory of its own. */
#define STREAM_BUFFER 16384
/* More are not worth their start, nor is a second one for a small frame. */
#define THREADS_MAX 8u
#define THREADS_PIXELS 65536u

static bool supports(const struct dc_image *image, struct err *why)
{
	if (rn_cell_bytes(image) == 0 || rn_cell_bytes(image) > 4 ||
	    image->pixel_tag != DC_TAG_PIXEL_DATA)
		return err_set(why, ERR_UNSUPPORTED, "JPEG 2000 with %u bits allocated",
			       image->bits_allocated);
	if (image->samples > RN_J2K_COMPONENTS)
		return err_set(why, ERR_UNSUPPORTED, "JPEG 2000 with %u samples per pixel",
			       image->samples);
	return true;
}

/* ---- The library's input and messages ---------------------------------------- */

struct input {
	struct span span;
	size_t at;
};

static OPJ_SIZE_T read_input(void *to, OPJ_SIZE_T size, void *data)
{
	struct input *input = data;
	size_t left = input->span.size - input->at;

	if (left == 0)
		return (OPJ_SIZE_T)-1;
	size = MIN_OF(size, left);
	memcpy(to, input->span.data + input->at, size);
	input->at += size;
	return size;
}

static OPJ_OFF_T skip_input(OPJ_OFF_T size, void *data)
{
	struct input *input = data;

	if (size < 0)
		return -1;
	size = MIN_OF(size, (OPJ_OFF_T)(input->span.size - input->at));
	input->at += (size_t)size;
	return size;
}

static OPJ_BOOL seek_input(OPJ_OFF_T to, void *data)
{
	struct input *input = data;

	if (to < 0 || (uint64_t)to > input->span.size)
		return OPJ_FALSE;
	input->at = (size_t)to;
	return OPJ_TRUE;
}

struct messages {
	char first[160];   /* error, without the end of its line */
	char missing[160]; /* the first warning that may mean wrong samples */
};

static void keep(char to[160], const char *text)
{
	if (to[0] == '\0')
		(void)snprintf(to, 160, "%.*s", (int)strcspn(text, "\r\n"), text);
}

static void on_error(const char *text, void *data)
{
	struct messages *messages = data;

	keep(messages->first, text);
}

/* The strict mode lets pass, with a warning, codeblocks that are left out, colour
 * transformations that do not fit, and whatever later versions will. Warnings that
 * may be: what they are about was read here, or asks of the samples nothing. */
static void on_warning(const char *text, void *data)
{
	static const char *const harmless[] = {
		"Psot value",
		"Empty SOT marker",
		"Stream does not end with EOC",
		"Expected SOP marker",
		"Expected EPH marker",
		"Unknown marker",
		"TLM",
		"PLT",
	};
	struct messages *messages = data;

	for (size_t i = 0; i < ARRAY_LEN(harmless); i++) {
		if (strstr(text, harmless[i]) != NULL)
			return;
	}
	keep(messages->missing, text);
}

static void on_info(const char *text UNUSED, void *data UNUSED)
{
}

/* ---- A picture ------------------------------------------------------------------ */

struct decoder {
	opj_codec_t *codec;
	opj_stream_t *stream;
	opj_image_t *image;
	struct input input;
	struct messages messages;
};

static void release(struct decoder *decoder)
{
	opj_image_destroy(decoder->image);
	opj_stream_destroy(decoder->stream);
	opj_destroy_codec(decoder->codec);
}

/* without: so many levels of resolution are left out. OpenJPEG locks its message
 * handlers itself when it uses several threads. */
static bool init(struct decoder *decoder, struct span codestream, unsigned without,
		 unsigned threads, struct err *err)
{
	opj_dparameters_t parameters;

	decoder->input.span = codestream;
	decoder->codec = opj_create_decompress(OPJ_CODEC_J2K);
	decoder->stream = opj_stream_create(STREAM_BUFFER, OPJ_TRUE);
	if (decoder->codec == NULL || decoder->stream == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	opj_stream_set_user_data(decoder->stream, &decoder->input, NULL);
	opj_stream_set_user_data_length(decoder->stream, codestream.size);
	opj_stream_set_read_function(decoder->stream, read_input);
	opj_stream_set_skip_function(decoder->stream, skip_input);
	opj_stream_set_seek_function(decoder->stream, seek_input);
	(void)opj_set_error_handler(decoder->codec, on_error, &decoder->messages);
	(void)opj_set_warning_handler(decoder->codec, on_warning, &decoder->messages);
	(void)opj_set_info_handler(decoder->codec, on_info, &decoder->messages);
	opj_set_default_decoder_parameters(&parameters);
	parameters.cp_reduce = without;
	if (!opj_setup_decoder(decoder->codec, &parameters) ||
	    !opj_decoder_set_strict_mode(decoder->codec, OPJ_TRUE))
		return err_set(err, ERR_UNSUPPORTED, "OpenJPEG refuses its own parameters");
	/* Without threads in the library, or with no memory for them: one will do. */
	if (threads > 1)
		(void)opj_codec_set_threads(decoder->codec, (int)MIN_OF(threads, THREADS_MAX));
	return true;
}

static bool fail(const struct decoder *decoder, struct err *err)
{
	const char *text = decoder->messages.first;
	bool memory = strstr(text, "memory") != NULL || strstr(text, "llocat") != NULL;

	return err_set(err, memory ? ERR_NOMEM : ERR_CORRUPT, "JPEG 2000: %s",
		       text[0] != '\0' ? text : "damaged");
}

static bool run(struct decoder *decoder, struct err *err)
{
	if (!opj_read_header(decoder->stream, decoder->codec, &decoder->image) ||
	    !opj_decode(decoder->codec, decoder->stream, decoder->image))
		return fail(decoder, err);
	if (decoder->messages.missing[0] != '\0')
		return err_set(err, ERR_CORRUPT, "JPEG 2000: %s", decoder->messages.missing);
	return true;
}

/* ---- Its samples ------------------------------------------------------------------ */

/* Every pixel has the sample at or before it, as far as there is one. */
static void spread(const struct rn_codec_frame *frame, const struct rn_j2k_header *header,
		   unsigned component, const opj_image_comp_t *from, int32_t *line)
{
	uint32_t columns = frame->image->columns, dx = header->step[component].dx;
	uint32_t dy = header->step[component].dy;
	uint32_t first_x = (header->x0 + dx - 1) / dx, first_y = (header->y0 + dy - 1) / dy;

	for (uint32_t row = 0; row < frame->image->rows; row++) {
		uint32_t y = MAX_OF((header->y0 + row) / dy, first_y) - first_y;
		const int32_t *samples = from->data + (size_t)y * from->w;

		for (uint32_t x = 0; x < columns; x++)
			line[x] = samples[MAX_OF((header->x0 + x) / dx, first_x) - first_x];
		rn_codestream_store_32(frame, component, (size_t)row * columns, line, columns);
	}
}

static bool store(const struct rn_codec_frame *frame, const struct rn_j2k_header *header,
		  const opj_image_t *image, struct err *err)
{
	size_t pixels = (size_t)frame->image->rows * frame->image->columns;
	int32_t *line CLEANUP_FREE = malloc(frame->image->columns * sizeof(*line));

	if (line == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (image->numcomps != header->components)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: %u of %u components decoded",
			       image->numcomps, header->components);
	for (unsigned i = 0; i < image->numcomps; i++) {
		const opj_image_comp_t *from = &image->comps[i];

		if (from->data == NULL || from->w == 0 || from->h == 0 ||
		    from->w != rn_j2k_component_width(header, i) ||
		    from->h != rn_j2k_component_height(header, i))
			return err_set(err, ERR_CORRUPT, "JPEG 2000: component %u was not decoded",
				       i + 1);
		if (header->step[i].dx == 1 && header->step[i].dy == 1)
			rn_codestream_store_32(frame, i, 0, from->data, pixels);
		else
			spread(frame, header, i, from, line);
	}
	return true;
}

/* PS3.5 8.2.4: YBR_RCT and YBR_ICT name a transformation of the codestream, which
 * is undone by now; without it, a header that says so has samples that were never
 * transformed. */
static uint8_t colour(const struct rn_codec_frame *frame, const struct rn_j2k_header *header)
{
	if (header->components < 3)
		return RN_COLOUR_HEADER;
	if (header->style.colour_transform)
		return RN_COLOUR_RGB;
	if (header->ycc)
		return RN_COLOUR_YBR_FULL;
	if (frame->image->photometric == DC_YBR_RCT || frame->image->photometric == DC_YBR_ICT)
		return RN_COLOUR_RGB;
	return RN_COLOUR_HEADER;
}

/* Reversible codestreams too may have been cut to a size. */
static bool is_lossy(const struct rn_codec_frame *frame, const struct rn_j2k_header *header)
{
	const char *uid = dc_transfer_syntax_table[frame->image->transfer_syntax].uid;

	return !header->style.component[0].reversible || strcmp(uid, TS("91")) == 0 ||
	       strcmp(uid, TS("93")) == 0 || strcmp(uid, TS("203")) == 0;
}

static bool check(const struct rn_codec_frame *frame, const struct rn_j2k_header *header,
		  struct err *err)
{
	struct rn_codestream codestream = {
		.columns = header->x1 - header->x0,
		.rows = header->y1 - header->y0,
		.components = header->components,
		.precision = header->precision,
	};
	const char *uid = dc_transfer_syntax_table[frame->image->transfer_syntax].uid;

	/* PS3.5 A.4.4: frames as the components of one codestream. */
	if ((strcmp(uid, TS("92")) == 0 || strcmp(uid, TS("93")) == 0) &&
	    header->components > frame->image->samples)
		return err_set(err, ERR_UNSUPPORTED,
			       "JPEG 2000 Part 2: %u frames as components of one codestream",
			       header->components / frame->image->samples);
	if (!rn_codestream_check(&codestream, frame, err))
		return false;
	if (header->precision > 31)
		return err_set(err, ERR_UNSUPPORTED, "JPEG 2000: samples of %u bits",
			       header->precision);
	return rn_j2k_check_tiles(header, err);
}

/* Reads the packets once more, and of their samples as few as can be. */
static bool check_packets(const struct rn_j2k_header *header, struct err *err)
{
	struct buf codestream CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct decoder decoder CLEANUP(release) = {0};
	unsigned levels;

	if (!rn_j2k_guard_tiles(header, &codestream, &levels, err) ||
	    !init(&decoder, buf_span(&codestream), levels, 1, err))
		return false;
	if (run(&decoder, err))
		return true;
	if (err->code == ERR_NOMEM)
		return false;
	return err_set(err, ERR_CORRUPT, "JPEG 2000: packets are missing at the end of a tile");
}

static unsigned threads_for(const struct rn_codec_frame *frame)
{
	uint64_t pixels = (uint64_t)frame->image->rows * frame->image->columns;

	return pixels < THREADS_PIXELS ? 1 : frame->threads;
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	struct buf copy CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct decoder decoder CLEANUP(release) = {0};
	struct rn_j2k_header header;

	if (rn_codestream_cancelled(frame, err) ||
	    !rn_j2k_header_read(&header, frame->input, err) || !check(frame, &header, err) ||
	    !rn_j2k_conform(&header, &copy, err))
		return false;
	if (!init(&decoder, header.codestream, 0, threads_for(frame), err) || !run(&decoder, err))
		return false;
	if (rn_codestream_cancelled(frame, err) || !check_packets(&header, err) ||
	    !store(frame, &header, decoder.image, err))
		return false;
	frame->decoded->precision = header.precision;
	frame->decoded->is_signed = header.is_signed;
	frame->decoded->lossy = is_lossy(frame, &header);
	frame->decoded->colour = colour(frame, &header);
	return true;
}

void rn_codec_j2k_library(struct buf *out)
{
	buf_printf(out, "OpenJPEG %s\n", opj_version());
}

#else

static bool supports(const struct dc_image *image UNUSED, struct err *why)
{
	return err_set(why, ERR_UNSUPPORTED, "JPEG 2000: built without OpenJPEG");
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	return supports(frame->image, err);
}

void rn_codec_j2k_library(struct buf *out UNUSED)
{
}

#endif

const struct rn_codec rn_codec_j2k = {
	.name = "JPEG 2000",
	.uids = uids,
	.slow = true,
	.supports = supports,
	.decode = decode,
};
