/*
 * How many files a second can be read below a folder, as a viewer does that pages
 * through it: in the order of their paths, each opened, read to its end, closed.
 *
 *   read-rate FOLDER SUFFIX READERS [PAUSE]
 *
 * READERS threads take the files one by one. PAUSE milliseconds pass before each
 * file, as they do when somebody looks at it; they are not counted. Prints files
 * per second.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/base.h"
#include "dicom/number.h"

#include <fcntl.h>
#include <fts.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#define MOST_FILES 65536
#define MOST_READERS 64
#define CHUNK ((size_t)1 << 20)

struct work {
	char **paths;
	size_t count;
	long pause; /* nanoseconds */
	atomic_size_t next, failed;
	/* Summed over the readers, in nanoseconds. */
	atomic_ullong busy;
};

static uint64_t nanoseconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_name(const FTSENT **one, const FTSENT **other)
{
	return strcmp((*one)->fts_name, (*other)->fts_name);
}

static bool find_files(struct work *work, char *folder, const char *suffix)
{
	char *roots[] = {folder, NULL};
	FTS *walk = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	size_t tail = strlen(suffix);
	FTSENT *entry;

	if (walk == NULL)
		return false;
	while (work->count < MOST_FILES && (entry = fts_read(walk)) != NULL) {
		size_t length = strlen(entry->fts_path);

		if (entry->fts_info != FTS_F || length < tail ||
		    strcmp(entry->fts_path + length - tail, suffix) != 0)
			continue;
		work->paths[work->count] = strdup(entry->fts_path);
		if (work->paths[work->count++] == NULL)
			return false;
	}
	return fts_close(walk) == 0 && work->count > 0;
}

static bool read_file(const char *path, char *chunk)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (fd < 0)
		return false;
	do
		got = read(fd, chunk, CHUNK);
	while (got > 0);
	return got == 0;
}

static void *reader(void *context)
{
	struct work *work = context;
	struct timespec pause = {.tv_sec = work->pause / 1000000000,
				 .tv_nsec = work->pause % 1000000000};
	CLEANUP_FREE char *chunk = malloc(CHUNK);
	size_t file;

	if (chunk == NULL)
		return NULL;
	while ((file = atomic_fetch_add(&work->next, 1)) < work->count) {
		uint64_t start;

		if (work->pause > 0)
			(void)nanosleep(&pause, NULL);
		start = nanoseconds();
		if (!read_file(work->paths[file], chunk))
			atomic_fetch_add(&work->failed, 1);
		atomic_fetch_add(&work->busy, nanoseconds() - start);
	}
	return NULL;
}

static bool run(struct work *work, size_t readers)
{
	pthread_t threads[MOST_READERS];
	size_t started = 0;

	while (started < readers &&
	       pthread_create(&threads[started], NULL, reader, work) == 0)
		started++;
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
	return started == readers && atomic_load(&work->failed) == 0 &&
	       atomic_load(&work->next) >= work->count;
}

int main(int argc, char *argv[])
{
	static char *paths[MOST_FILES];
	struct work work = {.paths = paths};
	uint64_t readers = 0, pause = 0, start;
	double took;

	if (argc < 4 || argc > 5 || !dc_number_unsigned(argv[3], &readers) || readers < 1 ||
	    readers > MOST_READERS ||
	    (argc == 5 && (!dc_number_unsigned(argv[4], &pause) || pause > 10000))) {
		fprintf(stderr, "usage: read-rate FOLDER SUFFIX READERS [PAUSE]\n");
		return 2;
	}
	work.pause = (long)pause * 1000000;
	if (!find_files(&work, argv[1], argv[2])) {
		fprintf(stderr, "read-rate: no files *%s below %s\n", argv[2], argv[1]);
		return 1;
	}
	start = nanoseconds();
	if (!run(&work, (size_t)readers)) {
		fprintf(stderr, "read-rate: %zu of %zu files not read\n",
			atomic_load(&work.failed), work.count);
		return 1;
	}
	took = work.pause > 0 ? (double)atomic_load(&work.busy) / (double)readers
			      : (double)(nanoseconds() - start);
	printf("%.2f\n", (double)work.count * 1e9 / took);
	return 0;
}
