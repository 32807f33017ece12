/*
 * What it costs to make a picture in another process: each file's first picture
 * made here, in a worker, and in a worker that made one of another series before, in
 * turn. Prints "FILE HERE THERE AFTER", medians in us.
 *
 * worker-rate ROUNDS FILE...
 *
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <malloc.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "dicom/facts.h"
#include "dicom/number.h"
#include "fs/produce.h"

struct file {
	const char *path;
	int fd;
	uint64_t size;
	struct ix_instance instance;
};

static double now_us(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void release_source(struct dc_file_source *source)
{
	dc_source_release(&source->base);
}

static bool open_file(struct file *file, const char *path, struct err *err)
{
	CLEANUP(release_source) struct dc_file_source source = {.base.ops = NULL};
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	CLEANUP_FACTS struct dc_facts facts;
	struct stat st;

	dc_facts_init(&facts);
	*file = (struct file){.path = path, .fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (file->fd < 0 || fstat(file->fd, &st) != 0)
		return err_set(err, ERR_IO, "cannot open it");
	file->size = (uint64_t)st.st_size;
	dc_file_source_init(&source, file->fd, file->size, NULL);
	if (!dc_dataset_open(&dataset, &source.base, err) ||
	    !dc_facts_read(&facts, &dataset, NULL, err))
		return false;
	file->instance.id = 1;
	file->instance.size = file->size;
	file->instance.frames = facts.image.frames;
	file->instance.image = facts.image;
	return true;
}

static bool make_here(const struct file *file, const struct rn_kind *kind, struct buf *out,
		      struct err *err)
{
	CLEANUP(release_source) struct dc_file_source source = {.base.ops = NULL};
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	struct rn_instance known = fs_rn_instance(&file->instance);
	struct rn_request request = {
		.dataset = &dataset, .instance = &known, .options = &rn_default_options};

	dc_file_source_init(&source, file->fd, file->size, NULL);
	return dc_dataset_open(&dataset, &source.base, err) && rn_produce(kind, &request, out, err);
}

static bool make_there(struct fs_workers *workers, const struct file *file,
		       const struct rn_kind *kind, struct buf *out, struct err *err)
{
	struct fs_producing producing = {
		.options = &rn_default_options,
		.kind = kind,
		.instance = &file->instance,
		.key = fs_file_key(&file->instance, kind->number, 0),
		.threads = 1,
		.source_fd = file->fd,
		.source_size = file->size,
		.output_fd = -1,
		.out = out,
	};

	return fs_produce(workers, &producing, err);
}

static int compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare);
	return values[count / 2];
}

/* us; < 0: it failed. */
static double time_there(struct fs_workers *workers, const struct file *file,
			 const struct rn_kind *kind, struct buf *out, struct err *err)
{
	double before = now_us();

	buf_release(out);
	return make_there(workers, file, kind, out, err) ? now_us() - before : -1;
}

static bool measure(struct fs_workers *workers, struct file *file, size_t rounds, struct err *err)
{
	const struct rn_kind *kind = rn_kind_table[RN_KIND_PNG];
	double *here CLEANUP_FREE = calloc(rounds, sizeof(*here));
	double *there CLEANUP_FREE = calloc(rounds, sizeof(*there));
	double *after CLEANUP_FREE = calloc(rounds, sizeof(*after));
	CLEANUP_BUF struct buf first = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf second = buf_empty(BUF_NO_LIMIT);

	if (here == NULL || there == NULL || after == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (size_t i = 0; i < rounds; i++) {
		double before = now_us();

		buf_release(&first);
		if (!make_here(file, kind, &first, err))
			return false;
		here[i] = now_us() - before;
		file->instance.series = (int64_t)i;
		after[i] = time_there(workers, file, kind, &second, err);
		there[i] = time_there(workers, file, kind, &second, err);
		if (after[i] < 0 || there[i] < 0)
			return false;
	}
	if (first.size != second.size || memcmp(first.data, second.data, first.size) != 0)
		return err_set(err, ERR_CORRUPT, "the pictures differ");
	(void)printf("%s\t%.1f\t%.1f\t%.1f\n", file->path, median(here, rounds),
		     median(there, rounds), median(after, rounds));
	return true;
}

int main(int argc, char *argv[])
{
	const struct fs_options options = {
		.decode_threads = 1, .decode_memory = (uint64_t)1 << 30, .decode_seconds = 60};
	struct fs_workers *workers = NULL;
	struct err err = {0};
	uint64_t rounds = 0;
	int failed = 0;

	if (argc < 3 || !dc_number_unsigned(argv[1], &rounds) || rounds == 0) {
		(void)fprintf(stderr, "usage: worker-rate ROUNDS FILE...\n");
		return 2;
	}
	/* As the daemon has it. */
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
	if (!fs_producers_open(&workers, &options, false, false, &err)) {
		(void)fprintf(stderr, "worker-rate: %s\n", err.message);
		return 1;
	}
	for (int i = 2; i < argc; i++) {
		struct file file;

		err_clear(&err);
		if (!open_file(&file, argv[i], &err) ||
		    !measure(workers, &file, (size_t)rounds, &err)) {
			(void)fprintf(stderr, "worker-rate: %s: %s\n", argv[i], err.message);
			failed = 1;
		}
		base_close_fd(&file.fd);
	}
	fs_workers_close(workers);
	return failed;
}
