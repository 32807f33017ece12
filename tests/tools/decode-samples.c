/*
 * What a file's pixel data decodes to, before anything is made of it.
 *
 *   decode-samples FILE OUT [FRAME]     writes the samples of FRAME (from 1 [1])
 *   decode-samples --pictures FILE      makes the PNG of every frame and prints
 *                                       their number, or the first error
 *
 * OUT begins with a line of text,
 *   ROWS COLUMNS SAMPLES BITS SIGNED PLANAR LOSSY COLOUR
 * (bits of a cell; COLOUR as in Photometric Interpretation, as far as it is
 * true of these samples); then come the samples, interleaved unless PLANAR, in
 * little-endian cells.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/number.h"
#include "render/picture.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

struct input {
	struct dc_file_source source;
	struct dc_dataset dataset;
	struct dc_facts facts;
	struct rn_instance instance;
	struct rn_request request;
};

static bool input_open(struct input *input, const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return err_set(err, ERR_IO, "cannot open it");
	dc_file_source_init(&input->source, fd, (uint64_t)status.st_size, NULL);
	dc_facts_init(&input->facts);
	input->instance = (struct rn_instance){.image = &input->facts.image,
					       .dcm_size = (uint64_t)status.st_size,
					       .name = "00001~000000"};
	input->request = (struct rn_request){.dataset = &input->dataset,
					     .instance = &input->instance,
					     .options = &rn_default_options};
	return dc_dataset_open(&input->dataset, &input->source.base, err) &&
	       dc_facts_read(&input->facts, &input->dataset, NULL, err);
}

static const char *colour_name(const struct input *input, const struct rn_decoded *decoded)
{
	if (decoded->colour == RN_COLOUR_RGB)
		return "RGB";
	if (decoded->colour == RN_COLOUR_YBR_FULL)
		return "YBR_FULL";
	return dc_photometric_name(input->facts.image.photometric);
}

/* Cells are in host byte order. */
static bool write_row(FILE *out, const uint8_t *cells, size_t count, unsigned bytes)
{
	for (size_t i = 0; i < count; i++) {
		uint64_t value = bytes == 1   ? cells[i]
				 : bytes == 2 ? ((const uint16_t *)(const void *)cells)[i]
				 : bytes == 4 ? ((const uint32_t *)(const void *)cells)[i]
					      : ((const uint64_t *)(const void *)cells)[i];

		for (unsigned byte = 0; byte < bytes; byte++)
			if (putc((int)(value >> (8 * byte) & 0xff), out) == EOF)
				return false;
	}
	return true;
}

static bool write_samples(const struct input *input, struct rn_rows *rows, FILE *out,
			  struct err *err)
{
	const struct dc_image *image = &input->facts.image;
	unsigned bytes = rn_cell_bytes(image);
	const void *cells = NULL;
	bool written;

	/* Native codecs know only after a row what they found. */
	if (!rn_rows_get(rows, 0, &cells, err))
		return false;
	written = fprintf(out, "%" PRIu32 " %" PRIu32 " %u %u %u 0 %d %s\n", image->rows,
			  image->columns, (unsigned)image->samples, 8 * bytes,
			  (unsigned)image->pixel_representation, rows->decoded.lossy,
			  colour_name(input, &rows->decoded)) > 0;
	for (uint32_t row = 0; written && row < image->rows; row++) {
		if (!rn_rows_get(rows, row, &cells, err))
			return false;
		written = write_row(out, cells, (size_t)image->columns * image->samples, bytes);
	}
	return written || err_set(err, ERR_IO, "cannot write");
}

static bool samples(struct input *input, const char *to, struct err *err)
{
	struct rn_rows rows;
	FILE *out;
	bool done;

	if (!rn_picture_supported(&input->facts.image, &rn_default_options, err) ||
	    !rn_rows_init(&rows, &input->request, err))
		return false;
	out = fopen(to, "we");
	done = out != NULL ? write_samples(input, &rows, out, err)
			   : err_set(err, ERR_IO, "cannot create %s", to);
	if (out != NULL && fclose(out) != 0 && done)
		done = err_set(err, ERR_IO, "cannot write %s", to);
	rn_rows_release(&rows);
	return done;
}

static bool pictures(struct input *input, struct err *err)
{
	const struct rn_kind *png = rn_kind_table[RN_KIND_PNG];
	uint32_t frames = input->facts.image.frames;
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	if (!png->applies(&input->instance, &rn_default_options, err))
		return false;
	for (uint32_t frame = 0; frame < frames; frame++) {
		buf_truncate(&out, 0);
		input->request.frame = frame;
		if (!rn_produce(png, &input->request, &out, err))
			return err_prefix(err, "frame %" PRIu32, frame + 1);
	}
	printf("%" PRIu32 "\n", frames);
	return true;
}

int main(int argc, char *argv[])
{
	bool all = argc == 3 && strcmp(argv[1], "--pictures") == 0;
	struct input input = {0};
	struct err err = {0};
	uint64_t frame = 1;
	bool done;

	if (argc < 3 || argc > 4 ||
	    (argc == 4 && (!dc_number_unsigned(argv[3], &frame) || frame < 1 ||
			   frame > UINT32_MAX))) {
		fprintf(stderr, "usage: decode-samples FILE OUT [FRAME]\n"
				"       decode-samples --pictures FILE\n");
		return 2;
	}
	/* The process ends, and with it what is open. */
	done = input_open(&input, argv[all ? 2 : 1], &err);
	input.request.frame = (uint32_t)frame - 1;
	done = done && (all ? pictures(&input, &err) : samples(&input, argv[2], &err));
	if (!done)
		fprintf(stderr, "%s\n", err.message);
	return !done;
}
