/* SPDX-License-Identifier: MIT */
/*
 * All transfer syntaxes of ITU-T T.81. A codestream says itself which process it
 * is of, and that often is not the one of the transfer syntax (a progressive
 * stream called baseline): the codestream decides.
 */
#include "render/codecs.h"
#include "render/jpeg-colour.h"
#include "render/jpeg-dct.h"
#include "render/jpeg-lossless.h"
#include "render/jpeg-turbo.h"

#define TS(last) "1.2.840.10008.1.2.4." last

static const char *const uids[] = {
	TS("50"), TS("51"), TS("52"), TS("53"), TS("54"), TS("55"), TS("56"), TS("57"),
	TS("58"), TS("59"), TS("60"), TS("61"), TS("62"), TS("63"), TS("64"), TS("65"),
	TS("66"), TS("70"), NULL,
};

/* Which decoder. Bits of a precision are 8 and 12 in all DCT processes. */
enum decoder { DECODER_NONE, DECODER_TURBO, DECODER_DCT, DECODER_LOSSLESS };

static bool supports(const struct dc_image *image, struct err *why)
{
	if (image->samples != 1 && image->samples != 3)
		return err_set(why, ERR_UNSUPPORTED, "JPEG with %u samples per pixel",
			       image->samples);
	if (rn_cell_bytes(image) != 1 && rn_cell_bytes(image) != 2)
		return err_set(why, ERR_UNSUPPORTED, "JPEG with %u bits allocated",
			       image->bits_allocated);
	return true;
}

static bool agrees(const struct rn_jpeg_frame *jpeg, const struct dc_image *image, struct err *err)
{
	if (jpeg->width != image->columns || jpeg->height != image->rows)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u x %u pixels, the header %u x %u", jpeg->width,
			       jpeg->height, image->columns, image->rows);
	if (jpeg->count != image->samples)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has %u components, the header %u samples per pixel",
			       jpeg->count, image->samples);
	if (jpeg->precision > image->bits_allocated)
		return err_set(err, ERR_CORRUPT,
			       "the codestream has samples of %u bits, the header %u bits allocated",
			       jpeg->precision, image->bits_allocated);
	return true;
}

static bool find_decoder(const struct rn_jpeg_frame *jpeg, enum decoder *decoder, struct err *err)
{
	const char *process = rn_jpeg_process_name(jpeg->sof);

	*decoder = DECODER_NONE;
	switch (jpeg->sof) {
	case RN_JPEG_SOF0:
	case RN_JPEG_SOF1:
	case RN_JPEG_SOF2:
		*decoder = jpeg->precision == 8 ? DECODER_TURBO : DECODER_DCT;
		break;
	case RN_JPEG_SOF3:
		*decoder = DECODER_LOSSLESS;
		return true;
	case RN_JPEG_SOF0 + 9:  /* arithmetic: sequential */
	case RN_JPEG_SOF0 + 10: /* and progressive */
		*decoder = jpeg->precision == 8 ? DECODER_TURBO : DECODER_NONE;
		break;
	default:
		return err_set(err, ERR_UNSUPPORTED, "%s JPEG", process);
	}
	if (jpeg->precision != 8 && jpeg->precision != 12)
		return err_set(err, ERR_CORRUPT, "%s JPEG with samples of %u bits", process,
			       jpeg->precision);
	if (*decoder == DECODER_NONE)
		return err_set(err, ERR_UNSUPPORTED, "%s JPEG with samples of %u bits", process,
			       jpeg->precision);
	return true;
}

/* On to the first scan: markers that tell the colour may come behind the frame
 * header too. rows: where the frame header says how many. */
static bool read_header(struct rn_jpeg_markers *markers, const struct rn_codec_frame *frame,
			enum decoder *decoder, size_t *rows, struct err *err)
{
	enum rn_jpeg_event event;

	if (!rn_jpeg_markers_frame(markers, frame->input, err) ||
	    !agrees(&markers->frame, frame->image, err) ||
	    !find_decoder(&markers->frame, decoder, err))
		return false;
	*rows = markers->at - 3u * markers->frame.count - 5;
	if (!rn_jpeg_markers_next(markers, &event, err))
		return false;
	if (event != RN_JPEG_EVENT_SCAN)
		return err_set(err, ERR_CORRUPT, "a JPEG codestream without a scan");
	return true;
}

/* libjpeg knows no DNL marker: rows that come late are put where they belong. */
static bool put_rows(struct buf *copy, const struct rn_codec_frame *frame, size_t rows,
		     struct err *err)
{
	buf_append(copy, frame->input.data, frame->input.size);
	if (!buf_ok(copy, err))
		return false;
	copy->data[rows] = (uint8_t)(frame->image->rows >> 8);
	copy->data[rows + 1] = (uint8_t)frame->image->rows;
	return true;
}

static bool decode_turbo(const struct rn_codec_frame *frame, enum rn_jpeg_space space,
			 size_t rows, struct err *err)
{
	struct buf copy CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct rn_jpeg_turbo job = {
		.input = frame->input,
		.width = frame->image->columns,
		.height = frame->image->rows,
		.space = space,
		.cell_bytes = (uint8_t)rn_cell_bytes(frame->image),
		.output = frame->output,
		.cancel = frame->cancel,
	};

	if (load_u16(frame->input.data + rows, true) == 0) {
		if (!put_rows(&copy, frame, rows, err))
			return false;
		job.input = buf_span(&copy);
	}
	frame->decoded->precision = 8;
	if (space != RN_JPEG_SPACE_GREY)
		frame->decoded->colour = RN_COLOUR_RGB;
	return rn_jpeg_turbo_decode(&job, err);
}

static bool decode_dct(const struct rn_codec_frame *frame, enum rn_jpeg_space space,
		       struct err *err)
{
	const struct rn_jpeg_dct job = {
		.input = frame->input,
		.output = frame->output,
		.cancel = frame->cancel,
	};

	frame->decoded->precision = 12;
	if (space != RN_JPEG_SPACE_GREY)
		frame->decoded->colour =
			space == RN_JPEG_SPACE_RGB ? RN_COLOUR_RGB : RN_COLOUR_YBR_FULL;
	return rn_jpeg_dct_decode(&job, err);
}

static bool decode(const struct rn_codec_frame *frame, struct err *err)
{
	const struct dc_image *image = frame->image;
	struct rn_jpeg_markers markers;
	enum rn_jpeg_space space;
	enum decoder decoder;
	size_t rows;

	if (!supports(image, err) || !read_header(&markers, frame, &decoder, &rows, err))
		return false;
	if (frame->output_size != (size_t)image->rows * image->columns * image->samples *
					  rn_cell_bytes(image))
		return err_set(err, ERR_CORRUPT, "room for a frame of another size");
	if (decoder == DECODER_LOSSLESS)
		return rn_jpeg_lossless_decode(frame, err);
	if (!rn_jpeg_colour(&markers, image->photometric, &space, err))
		return false;
	frame->decoded->lossy = true;
	return decoder == DECODER_TURBO ? decode_turbo(frame, space, rows, err)
					: decode_dct(frame, space, err);
}

const struct rn_codec rn_codec_jpeg = {
	.name = "JPEG",
	.uids = uids,
	.slow = true,
	.supports = supports,
	.decode = decode,
};
