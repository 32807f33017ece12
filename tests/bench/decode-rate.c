/*
 * How many frames a second one thread decodes: every round opens the file anew,
 * parses its header, locates and decodes all frames to samples, or makes pictures
 * of 8 bits of them, in memory and without PNG: what DCMTK's and GDCM's programs
 * beside this do.
 *
 *   decode-rate samples|pictures FILE SECONDS
 *
 * Prints frames per second, and per second of processor time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/number.h"
#include "render/picture.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock)
{
	struct timespec now;

	(void)clock_gettime(clock, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool show_frame(const struct rn_request *request, struct buf *out, struct err *err)
{
	const struct dc_image *image = request->instance->image;
	size_t row_size = (size_t)image->columns * rn_picture_channels(image);
	struct rn_picture picture;
	bool done = true;

	buf_truncate(out, 0);
	if (buf_extend(out, row_size * image->rows) == NULL)
		return buf_ok(out, err);
	if (!rn_picture_open(&picture, request, err))
		return false;
	for (uint32_t row = 0; done && row < image->rows; row++)
		done = rn_picture_row(&picture, row, out->data + row * row_size, err);
	rn_picture_release(&picture);
	return done;
}

static bool decode_frame(const struct rn_request *request, struct err *err)
{
	struct rn_rows rows;
	const void *cells;
	bool done = true;

	if (!rn_rows_init(&rows, request, err))
		return false;
	for (uint32_t row = 0; done && row < request->instance->image->rows; row++)
		done = rn_rows_get(&rows, row, &cells, err);
	rn_rows_release(&rows);
	return done;
}

/* out: NULL for samples only. */
static bool decode_frames(struct rn_request *request, struct buf *out, struct err *err)
{
	const struct dc_image *image = request->instance->image;
	struct dc_frame_index *frames = NULL;
	bool done = true;

	if (!rn_picture_supported(image, request->options, err))
		return false;
	if ((image->flags & DC_IMAGE_ENCAPSULATED) != 0 &&
	    !dc_frame_index_build(&frames, request->dataset, image, err))
		return false;
	request->frames = frames;
	for (request->frame = 0; done && request->frame < image->frames; request->frame++)
		done = out != NULL ? show_frame(request, out, err) : decode_frame(request, err);
	dc_frame_index_unref(frames);
	return done;
}

static bool decode_dataset(struct dc_dataset *dataset, struct dc_facts *facts, struct buf *out,
			   struct err *err)
{
	struct rn_instance instance = {.image = &facts->image, .name = "00001~000000"};
	struct rn_request request = {
		.dataset = dataset, .instance = &instance, .options = &rn_default_options,
		.threads = (unsigned)sysconf(_SC_NPROCESSORS_ONLN)};

	return dc_facts_read(facts, dataset, NULL, err) && decode_frames(&request, out, err);
}

static bool decode_file(const char *path, struct buf *out, uint8_t *head, struct dc_facts *facts,
			struct err *err)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	struct dc_file_source file;
	struct dc_dataset dataset;
	bool done;

	if (fd < 0 || fstat(fd, &status) != 0)
		return err_set(err, ERR_IO, "cannot open %s", path);
	dc_file_source_init(&file, fd, (uint64_t)status.st_size, head);
	if (!dc_dataset_open(&dataset, &file.base, err)) {
		dc_source_release(&file.base);
		return false;
	}
	done = decode_dataset(&dataset, facts, out, err);
	dc_dataset_release(&dataset);
	dc_source_release(&file.base);
	return done;
}

int main(int argc, char *argv[])
{
	static uint8_t head[DC_FILE_HEAD_SIZE];
	CLEANUP_FACTS struct dc_facts facts;
	struct err err = {0};
	double start = seconds(CLOCK_MONOTONIC), took, limit;
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	bool show = argc > 1 && strcmp(argv[1], "pictures") == 0;
	uint64_t frames = 0;

	dc_facts_init(&facts);
	if (argc != 4 || !dc_number_decimal(span_of_text(argv[3]), &limit)) {
		fprintf(stderr, "usage: decode-rate samples|pictures FILE SECONDS\n");
		return 2;
	}
	do {
		if (!decode_file(argv[2], show ? &out : NULL, head, &facts, &err)) {
			fprintf(stderr, "decode-rate: %s\n", err.message);
			return 1;
		}
		frames += facts.image.frames;
		took = seconds(CLOCK_MONOTONIC) - start;
	} while (took < limit);
	printf("%.2f %.2f\n", (double)frames / took,
	       (double)frames / seconds(CLOCK_PROCESS_CPUTIME_ID));
	return 0;
}
