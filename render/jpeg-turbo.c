/* SPDX-License-Identifier: MIT */
#include "render/jpeg-turbo.h"

#include <setjmp.h>

#include <jpeglib.h>
#include <jerror.h>

/* Three components of 64 coefficients in a few bit planes never take more; each
 * scan costs a pass over the whole picture. */
#define SCANS_MAX 256
#define ROWS_AT_ONCE 16

struct turbo {
	struct jpeg_decompress_struct library;
	struct jpeg_error_mgr errors;
	struct jpeg_progress_mgr progress;
	jmp_buf jump;
	const struct rn_jpeg_turbo *job;
	struct err *err;
	bool input_ended; /* before EOI */
	uint8_t *row;     /* for widening */
};

/* ---- What the library reports ------------------------------------------- */

static struct turbo *turbo_of(j_common_ptr library)
{
	return library->client_data;
}

static _Noreturn void give_up(struct turbo *turbo, enum err_code code)
{
	char text[JMSG_LENGTH_MAX];

	turbo->errors.format_message((j_common_ptr)&turbo->library, text);
	(void)err_set(turbo->err, code, "JPEG: %s", text);
	longjmp(turbo->jump, 1);
}

static void on_error(j_common_ptr library)
{
	enum err_code code = ERR_CORRUPT;

	switch (library->err->msg_code) {
	case JERR_OUT_OF_MEMORY:
		code = ERR_NOMEM;
		break;
	case JERR_IMAGE_TOO_BIG:
	case JERR_WIDTH_OVERFLOW:
		code = ERR_LIMIT;
		break;
	case JERR_ARITH_NOTIMPL:
	case JERR_BAD_PRECISION:
	case JERR_CCIR601_NOTIMPL:
	case JERR_CONVERSION_NOTIMPL:
	case JERR_FRACT_SAMPLE_NOTIMPL:
	case JERR_NOTIMPL:
	case JERR_NOT_COMPILED:
	case JERR_SOF_UNSUPPORTED:
		code = ERR_UNSUPPORTED;
		break;
	default:
		break;
	}
	give_up(turbo_of(library), code);
}

/* The library goes on after a warning; a picture with invented pixels is worth
 * nothing, so that the rest is not waited for. */
static void on_message(j_common_ptr library, int level)
{
	if (level >= 0)
		return;
	switch (library->err->msg_code) {
	case JWRN_ADOBE_XFORM:     /* decided elsewhere */
	case JWRN_JFIF_MAJOR:      /* nothing of it is used */
	case JWRN_NOT_SEQUENTIAL:  /* numbers in a scan header that mean nothing there */
	case JWRN_EXTRANEOUS_DATA: /* skipped, up to a marker */
		return;
	case JWRN_JPEG_EOF: /* EOI is made up; if pixels are missing, more will come */
		turbo_of(library)->input_ended = true;
		return;
	default:
		give_up(turbo_of(library), ERR_CORRUPT);
	}
}

static void print_nothing(j_common_ptr library)
{
	(void)library;
}

static void on_progress(j_common_ptr library)
{
	struct turbo *turbo = turbo_of(library);

	if (turbo->job->cancel != NULL && atomic_load(turbo->job->cancel)) {
		(void)err_set(turbo->err, ERR_INTERRUPTED, "interrupted");
		longjmp(turbo->jump, 1);
	}
	if (turbo->library.input_scan_number > SCANS_MAX) {
		(void)err_set(turbo->err, ERR_LIMIT, "JPEG: more than %d scans", SCANS_MAX);
		longjmp(turbo->jump, 1);
	}
}

/* ---- Decoding ----------------------------------------------------------- */

static void set_up(struct turbo *turbo)
{
	struct jpeg_decompress_struct *library = &turbo->library;
	enum rn_jpeg_space space = turbo->job->space;

	switch (space) {
	case RN_JPEG_SPACE_GREY:
		library->jpeg_color_space = JCS_GRAYSCALE;
		break;
	case RN_JPEG_SPACE_RGB:
		library->jpeg_color_space = JCS_RGB;
		break;
	case RN_JPEG_SPACE_YCBCR:
		library->jpeg_color_space = JCS_YCbCr;
		break;
	}
	library->out_color_space = space == RN_JPEG_SPACE_GREY ? JCS_GRAYSCALE : JCS_RGB;
	library->dct_method = JDCT_ISLOW;
	library->do_fancy_upsampling = TRUE;
	library->do_block_smoothing = FALSE;
}

/* After all scans of a codestream with several. */
static bool is_complete(const struct turbo *turbo, struct err *err)
{
	const struct jpeg_decompress_struct *library = &turbo->library;

	for (int c = 0; c < library->num_components; c++) {
		/* Taken over when the first scan of the component begins. */
		if (library->comp_info[c].quant_table == NULL)
			return err_set(err, ERR_CORRUPT, "JPEG: component %d has no scan", c + 1);
		if (library->coef_bits == NULL)
			continue;
		for (int k = 0; k < DCTSIZE2; k++) {
			int bits = library->coef_bits[c][k];

			/* -1: never sent. Encoders may leave out what is 0 everywhere, then
			 * the stream has its proper end. */
			if (bits > 0 || (bits < 0 && (k == 0 || turbo->input_ended)))
				return err_set(err, ERR_CORRUPT,
					       "JPEG: scans of component %d are missing", c + 1);
		}
	}
	return true;
}

static void widen(const uint8_t *in, size_t count, uint16_t *out)
{
	for (size_t i = 0; i < count; i++)
		out[i] = in[i];
}

static void read_rows(struct turbo *turbo)
{
	struct jpeg_decompress_struct *library = &turbo->library;
	const struct rn_jpeg_turbo *job = turbo->job;
	size_t samples = (size_t)job->width * (unsigned)library->output_components;

	while (library->output_scanline < library->output_height) {
		uint8_t *to = (uint8_t *)job->output +
			      library->output_scanline * samples * job->cell_bytes;
		JSAMPROW rows[ROWS_AT_ONCE];
		JDIMENSION left = library->output_height - library->output_scanline;
		JDIMENSION most = turbo->row != NULL ? 1 : MIN_OF(left, ROWS_AT_ONCE);

		for (JDIMENSION i = 0; i < most; i++)
			rows[i] = turbo->row != NULL ? turbo->row : to + i * samples;
		if (jpeg_read_scanlines(library, rows, most) != 0 && turbo->row != NULL)
			widen(turbo->row, samples, (uint16_t *)(void *)to);
	}
}

static bool decode(struct turbo *turbo)
{
	struct jpeg_decompress_struct *library = &turbo->library;
	const struct rn_jpeg_turbo *job = turbo->job;

	if (setjmp(turbo->jump) != 0)
		return false;
	jpeg_create_decompress(library);
	library->client_data = turbo;
	turbo->progress.progress_monitor = on_progress;
	library->progress = &turbo->progress;
	jpeg_mem_src(library, job->input.data, job->input.size);
	(void)jpeg_read_header(library, TRUE);
	if (library->image_width != job->width || library->image_height != job->height ||
	    library->num_components != (job->space == RN_JPEG_SPACE_GREY ? 1 : 3))
		return err_set(turbo->err, ERR_CORRUPT, "JPEG: the codestream has two frame headers");
	set_up(turbo);
	(void)jpeg_start_decompress(library);
	if (jpeg_has_multiple_scans(library) && !is_complete(turbo, turbo->err))
		return false;
	read_rows(turbo);
	/* Arithmetic codes go on with zeros behind their last byte, and nothing is
	 * warned of: only a marker tells that it was the last. */
	if (library->arith_code && turbo->input_ended)
		return err_set(turbo->err, ERR_CORRUPT,
			       "JPEG: the arithmetic codes end without a marker");
	return true;
}

bool rn_jpeg_turbo_decode(const struct rn_jpeg_turbo *job, struct err *err)
{
	struct turbo *turbo CLEANUP_FREE = calloc(1, sizeof(*turbo));
	uint8_t *row CLEANUP_FREE = NULL;
	bool ok;

	if (job->cell_bytes != 1)
		row = malloc((size_t)job->width * 3);
	if (turbo == NULL || (job->cell_bytes != 1 && row == NULL))
		return err_set(err, ERR_NOMEM, "out of memory");
	turbo->job = job;
	turbo->err = err;
	turbo->row = row;
	turbo->library.err = jpeg_std_error(&turbo->errors);
	turbo->library.client_data = turbo;
	turbo->errors.error_exit = on_error;
	turbo->errors.emit_message = on_message;
	turbo->errors.output_message = print_nothing;
	ok = decode(turbo);
	jpeg_destroy_decompress(&turbo->library);
	return ok;
}
