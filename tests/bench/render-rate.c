/*
 * How many pictures a second: every round opens the file, reads its facts and
 * makes the whole PNG of frame 1, on one core.
 *
 *   render-rate FILE SECONDS     prints images per second
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/number.h"
#include "render/render.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool produce_from(struct dc_dataset *dataset, struct dc_facts *facts, uint64_t file_size,
			 struct buf *out, struct err *err)
{
	struct rn_instance instance = {
		.image = &facts->image, .dcm_size = file_size, .name = "00001~000000"};
	struct rn_request request = {
		.dataset = dataset, .instance = &instance, .options = &rn_default_options};

	if (!dc_facts_read(facts, dataset, NULL, err))
		return false;
	buf_truncate(out, 0);
	return rn_produce(rn_kind_table[RN_KIND_PNG], &request, out, err);
}

static bool render_once(const char *path, uint8_t *head, struct dc_facts *facts, struct buf *out,
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
	done = produce_from(&dataset, facts, (uint64_t)status.st_size, out, err);
	dc_dataset_release(&dataset);
	dc_source_release(&file.base);
	return done;
}

int main(int argc, char *argv[])
{
	static uint8_t head[DC_FILE_HEAD_SIZE];
	CLEANUP_FACTS struct dc_facts facts;
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	double start = seconds(), took, limit;
	unsigned long rounds = 0;

	dc_facts_init(&facts);
	if (argc != 3 || !dc_number_decimal(span_of_text(argv[2]), &limit)) {
		fprintf(stderr, "usage: render-rate FILE SECONDS\n");
		return 2;
	}
	do {
		if (!render_once(argv[1], head, &facts, &out, &err)) {
			fprintf(stderr, "render-rate: %s\n", err.message);
			return 1;
		}
		rounds++;
		took = seconds() - start;
	} while (took < limit);
	printf("%.1f\n", (double)rounds / took);
	return 0;
}
