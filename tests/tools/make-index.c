/*
 * make-index [OPTION...] N STORE INDEX: the index of a store of N made-up CT
 * files (see plan.h), as a complete scan would have left it, and the store.
 *
 * Headers are parsed and measured, and rows are written, by the functions of the
 * scan itself, so that the index cannot become another one than the scan's; only
 * the walk is left out, and most of the parsing, see instance-maker.h. Files are
 *
 *   -f none     not there: the store is empty. A mount that scans it finds it
 *               suspicious and keeps the tree.
 *   -f links    there with their size, but no content, and share their inodes
 *   -f real     as make-store writes them
 *
 * and the first ones are always as make-store writes them, with -r.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/instance-maker.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/number.h"
#include "fs/places.h"
#include "fs/scan.h"
#include "index/internal.h"
#include "index/writer-sql.h"
#include "tests/tools/sample.h"

#define BATCH 512
/* Of one maker: one is filed while the other is made. */
#define BATCHES 2
#define MAKERS 8
#define COMMIT_FILES 16384
/* Of files that are not there. */
#define WHEN INT64_C(1705313700000000000)
/* Different sizes in one batch that share inodes. */
#define SIZES 16

/* Nobody reads meanwhile, and half an index is thrown away. */
#define BULK_PRAGMAS                                                                               \
	"PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1048576"
#define USUAL_PRAGMAS "PRAGMA journal_mode = WAL"

enum files { FILES_NONE, FILES_LINKS, FILES_REAL };

struct batch {
	sem_t empty, full;
	size_t count;
	struct im_instance instances[BATCH];
};

struct making;

/* A thread that makes every nth batch. */
struct maker {
	struct making *making;
	uint64_t first; /* batch */
	pthread_t thread;
	struct im_maker maker;
	struct buf bytes;
	struct err err;
	struct batch batches[BATCHES];
};

struct making {
	struct plan plan;
	uint64_t count, real;
	enum files files;
	const char *store;
	struct fs_options options;
	struct ix_scan_options scan;
	struct ix_index *index;
	unsigned maker_count;
	atomic_bool stop;
	struct maker *makers;
	/* Of the file that was filed last: its folders, from the patient's on. */
	struct {
		uint64_t number;
		int64_t id;
	} folders[3];
};

/* ---- Files -------------------------------------------------------------- */

static void store_path(const struct making *making, const struct im_instance *instance,
		       char path[static 4096])
{
	(void)snprintf(path, 4096, "%s/%s", making->store, instance->path);
}

static bool make_sparse(const struct making *making, const struct im_instance *instance,
			struct err *err)
{
	CLEANUP_FD int fd = -1;
	char path[4096];

	store_path(making, instance, path);
	if (!sample_save(making->store, instance->path, span_of(NULL, 0), err))
		return false;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return (fd >= 0 && ftruncate(fd, (off_t)instance->result.print.size) == 0) ||
	       err_set_sys(err, errno, "%s", path);
}

/* The first file of each size in a batch, to which others are links. */
struct firsts {
	const struct im_instance *of_size[SIZES];
	size_t count;
};

static bool make_link(const struct making *making, const struct im_instance *instance,
		      struct firsts *firsts, struct err *err)
{
	char from[4096], to[4096];

	store_path(making, instance, to);
	for (size_t i = 0; i < firsts->count; i++) {
		if (firsts->of_size[i]->result.print.size != instance->result.print.size)
			continue;
		store_path(making, firsts->of_size[i], from);
		if (link(from, to) == 0)
			return true;
		/* Without a folder the next one makes it. */
		return errno == ENOENT ? make_sparse(making, instance, err)
				       : err_set_sys(err, errno, "%s", to);
	}
	if (firsts->count < SIZES)
		firsts->of_size[firsts->count++] = instance;
	return make_sparse(making, instance, err);
}

static bool make_file(struct maker *maker, const struct im_instance *instance,
		      struct firsts *firsts, struct err *err)
{
	const struct making *making = maker->making;

	if (making->files == FILES_REAL || instance->at.instance < making->real)
		return plan_save(&making->plan, &instance->at, making->store, &maker->bytes, err);
	return making->files == FILES_NONE || make_link(making, instance, firsts, err);
}

/* A link changes the fingerprint of all that share the inode, so this comes when
 * all are there. */
static bool take_print(const struct making *making, struct im_instance *instance, struct err *err)
{
	struct ix_fingerprint *print = &instance->result.print;
	char path[4096];
	struct stat st;

	store_path(making, instance, path);
	if (making->files == FILES_NONE && instance->at.instance >= making->real) {
		print->inode = instance->at.instance + 1;
		print->mtime_ns = print->ctime_ns = WHEN;
		return true;
	}
	if (stat(path, &st) != 0)
		return err_set_sys(err, errno, "%s", path);
	*print = ix_fingerprint_of(&st);
	return true;
}

/* ---- Makers ------------------------------------------------------------- */

static bool make_batch(struct maker *maker, struct batch *batch, uint64_t number)
{
	struct making *making = maker->making;
	struct err *err = &maker->err;
	struct firsts firsts = {.count = 0};

	batch->count = MIN_OF((uint64_t)BATCH, making->count - number * BATCH);
	for (size_t i = 0; i < batch->count; i++) {
		struct im_instance *instance = &batch->instances[i];

		if (!im_make(&maker->maker, number * BATCH + i, instance, err) ||
		    !make_file(maker, instance, &firsts, err))
			return false;
	}
	for (size_t i = 0; i < batch->count; i++) {
		if (!take_print(making, &batch->instances[i], err))
			return false;
	}
	return true;
}

static void *make_batches(void *context)
{
	struct maker *maker = context;
	struct making *making = maker->making;
	uint64_t number = maker->first;

	for (size_t turn = 0; number * BATCH < making->count; turn = (turn + 1) % BATCHES) {
		struct batch *batch = &maker->batches[turn];
		bool ok;

		while (sem_wait(&batch->empty) != 0)
			continue;
		ok = !atomic_load(&making->stop) && make_batch(maker, batch, number);
		(void)sem_post(&batch->full);
		if (!ok)
			return NULL;
		number += making->maker_count;
	}
	return NULL;
}

static bool maker_init(struct maker *maker, struct making *making, uint64_t first, struct err *err)
{
	maker->making = making;
	maker->first = first;
	maker->bytes = buf_empty(BUF_NO_LIMIT);
	for (size_t i = 0; i < BATCHES; i++) {
		(void)sem_init(&maker->batches[i].empty, 0, 1);
		(void)sem_init(&maker->batches[i].full, 0, 0);
		for (size_t k = 0; k < BATCH; k++)
			im_instance_init(&maker->batches[i].instances[k]);
	}
	return im_init(&maker->maker, &making->plan, &making->scan, err);
}

static void maker_release(struct maker *maker)
{
	for (size_t i = 0; i < BATCHES; i++) {
		(void)sem_destroy(&maker->batches[i].empty);
		(void)sem_destroy(&maker->batches[i].full);
		for (size_t k = 0; k < BATCH; k++)
			im_instance_release(&maker->batches[i].instances[k]);
	}
	im_release(&maker->maker);
	buf_release(&maker->bytes);
}

/* ---- The index ---------------------------------------------------------- */

/* The rows of the folders of a path, in the order in which the walk meets them. */
static bool enter_folders(struct making *making, const struct im_instance *instance,
			  struct err *err)
{
	const uint64_t numbers[] = {instance->at.patient, instance->at.study, instance->at.series};
	struct ix_writer *w = &making->index->writer;
	int64_t parent = 1;
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		size += strcspn(instance->path + size, "/") + 1;
		if (making->folders[i].id == 0 || making->folders[i].number != numbers[i]) {
			struct span prefix = span_of(instance->path, size);

			making->folders[i].number = numbers[i];
			making->folders[i].id = w->next_folder++;
			if (!ix_db_run(&w->db, IX_W_FOLDER_INSERT, err, "iibt",
				       making->folders[i].id, parent, &prefix, ""))
				return false;
		}
		parent = making->folders[i].id;
	}
	return true;
}

static bool commit(struct making *making, struct err *err)
{
	struct ix_writer *w = &making->index->writer;
	size_t count;
	bool ok = ix_writer_commit(w, err);

	free(ix_writer_take_changes(w, &count));
	return ok;
}

static bool file_batch(struct making *making, const struct batch *batch, struct err *err)
{
	struct ix_writer *w = &making->index->writer;

	if (!ix_writer_begin(w, err))
		return false;
	for (size_t i = 0; i < batch->count; i++) {
		const struct im_instance *instance = &batch->instances[i];
		struct ix_file file = {.path = instance->path,
				       .name = span_of_text(strrchr(instance->path, '/') + 1)};

		if (!enter_folders(making, instance, err))
			return false;
		file.folder = making->folders[ARRAY_LEN(making->folders) - 1].id;
		if (!ix_file_apply(w, &file, &instance->result, err))
			return false;
	}
	return w->applied < COMMIT_FILES || commit(making, err);
}

static bool file_all(struct making *making, struct err *err)
{
	for (uint64_t number = 0; number * BATCH < making->count; number++) {
		struct maker *maker = &making->makers[number % making->maker_count];
		struct batch *batch = &maker->batches[number / making->maker_count % BATCHES];
		bool ok;

		while (sem_wait(&batch->full) != 0)
			continue;
		ok = maker->err.code == ERR_NONE;
		if (!ok && err != NULL)
			*err = maker->err;
		ok = ok && file_batch(making, batch, err);
		(void)sem_post(&batch->empty);
		if (!ok)
			return false;
	}
	return true;
}

static bool set_complete(struct making *making, int64_t started, struct err *err)
{
	struct ix_writer *w = &making->index->writer;

	if (!ix_writer_begin(w, err))
		return false;
	w->status.state = IX_SCAN_COMPLETE;
	w->status.scan_started_ns = started;
	w->status.scan_ended_ns = ix_now_ns();
	w->dirty = true;
	return commit(making, err);
}

/* ---- All together ------------------------------------------------------- */

/* Sends the makers home, whether they are through or not. */
static void stop_makers(struct making *making, unsigned started)
{
	atomic_store(&making->stop, true);
	for (unsigned i = 0; i < started; i++) {
		for (size_t k = 0; k < BATCHES; k++)
			(void)sem_post(&making->makers[i].batches[k].empty);
		(void)pthread_join(making->makers[i].thread, NULL);
	}
}

static bool run_makers(struct making *making, struct err *err)
{
	unsigned started = 0, ready = 0;
	bool ok = true;

	making->makers = calloc(making->maker_count, sizeof(*making->makers));
	if (making->makers == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	while (ok && ready < making->maker_count) {
		ok = maker_init(&making->makers[ready], making, ready, err);
		ready++;
	}
	while (ok && started < making->maker_count) {
		struct maker *maker = &making->makers[started];
		int sys = pthread_create(&maker->thread, NULL, make_batches, maker);

		ok = sys == 0 || err_set_sys(err, sys, "cannot start a thread");
		started += ok;
	}
	ok = ok && file_all(making, err);
	stop_makers(making, started);
	for (unsigned i = 0; i < ready; i++)
		maker_release(&making->makers[i]);
	free(making->makers);
	return ok;
}

static bool open_index(struct making *making, char *program, char *store, const char *index,
		       int *store_fd, struct err *err)
{
	CLEANUP_BUF struct buf option = buf_empty(BUF_NO_LIMIT);
	char end[] = "--";
	char *arguments[] = {program, NULL, end, store, NULL};
	struct ix_options how;

	buf_printf(&option, "--index=%s%c", index, '\0');
	arguments[1] = (char *)option.data;
	if (mkdir(store, 0777) != 0 && errno != EEXIST)
		return err_set_sys(err, errno, "%s", store);
	if (!buf_ok(&option, err) ||
	    !fs_options_parse(&making->options, FS_PROGRAM_INDEX, 4, arguments, err) ||
	    !fs_check_store(&making->options, store_fd, err) ||
	    !fs_check_index_place(&making->options, err))
		return false;
	fs_scan_options_init(&making->scan, &making->options, *store_fd);
	fs_index_options_init(&how, &making->options);
	how.rebuild = how.must_write = true;
	making->store = making->options.store;
	return ix_open(&making->index, &how, err);
}

static bool make_index(struct making *making, struct err *err)
{
	struct ix_db *db = &making->index->writer.db;
	int64_t started = ix_now_ns();

	return ix_db_exec(db, BULK_PRAGMAS, err) && run_makers(making, err) &&
	       commit(making, err) && set_complete(making, started, err) &&
	       ix_db_exec(db, USUAL_PRAGMAS, err);
}

static int usage(void)
{
	fprintf(stderr, "usage: make-index [OPTION...] N STORE INDEX\n"
			"  -f KIND          files: none, links, real [links]\n"
			"  -r N             real ones for the first N instances [0]\n" PLAN_USAGE);
	return 2;
}

static bool set_option(struct making *making, int letter, const char *value)
{
	static const char *const kinds[] = {"none", "links", "real"};

	if (letter == 'r')
		return dc_number_unsigned(value, &making->real);
	if (letter != 'f')
		return plan_option(&making->plan, letter, value);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (strcmp(value, kinds[i]) == 0) {
			making->files = (enum files)i;
			return true;
		}
	}
	return false;
}

int main(int argc, char **argv)
{
	struct making making = {.plan = PLAN_DEFAULT, .files = FILES_LINKS};
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	CLEANUP_FD int store_fd = -1;
	struct err err = {0};
	int letter;
	bool ok;

	while ((letter = getopt(argc, argv, "f:r:" PLAN_LETTERS)) != -1) {
		if (letter == '?' || !set_option(&making, letter, optarg))
			return usage();
	}
	if (argc - optind != 3 || !dc_number_unsigned(argv[optind], &making.count))
		return usage();
	/* One core files. */
	making.maker_count = (unsigned)MIN_OF(MAX_OF(cores - 1, 1), (long)MAKERS);
	ok = plan_fits(&making.plan, making.count, &err) &&
	     open_index(&making, argv[0], argv[optind + 1], argv[optind + 2], &store_fd, &err) &&
	     make_index(&making, &err);
	ix_close(making.index);
	fs_options_release(&making.options);
	if (!ok)
		fprintf(stderr, "make-index: %s\n", err.message);
	return ok ? 0 : 1;
}
