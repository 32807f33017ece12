/*
 * How many headers a second one thread reads: open, parse up to the pixel data,
 * keep the facts. No index, no JSON: what DCMTK's program beside this does.
 *
 *   header-rate FOLDER      prints files per second
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/facts.h"

#include <fcntl.h>
#include <fts.h>
#include <time.h>

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool read_header(const char *path, uint64_t size, uint8_t *head, struct dc_facts *facts)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	struct dc_file_source file;
	struct err err = {0};
	bool ok;

	if (fd < 0)
		return false;
	dc_file_source_init(&file, fd, size, head);
	ok = dc_dataset_open(&dataset, &file.base, &err) &&
	     dc_facts_read(facts, &dataset, NULL, &err) && facts->fact[DC_FACT_SOP_UID] != NULL;
	dc_source_release(&file.base);
	return ok;
}

int main(int argc, char *argv[])
{
	CLEANUP_FACTS struct dc_facts facts;
	CLEANUP_FREE uint8_t *head = malloc(DC_FILE_HEAD_SIZE);
	char *roots[] = {argc == 2 ? argv[1] : NULL, NULL};
	uint64_t files = 0, wrong = 0;
	double start = seconds();
	FTSENT *entry;
	FTS *walk;

	dc_facts_init(&facts);
	walk = roots[0] != NULL && head != NULL ? fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL)
						: NULL;
	if (walk == NULL) {
		fprintf(stderr, "usage: header-rate FOLDER\n");
		return 2;
	}
	while ((entry = fts_read(walk)) != NULL) {
		if (entry->fts_info != FTS_F)
			continue;
		files++;
		wrong += !read_header(entry->fts_accpath, (uint64_t)entry->fts_statp->st_size, head,
				      &facts);
	}
	(void)fts_close(walk);
	if (wrong > 0)
		fprintf(stderr, "header-rate: %llu of %llu not read\n", (unsigned long long)wrong,
			(unsigned long long)files);
	printf("%.1f\n", (double)files / (seconds() - start));
	return wrong > 0;
}
