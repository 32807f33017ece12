/* SPDX-License-Identifier: MIT */
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/check.h"
#include "fs/confine.h"
#include "fs/measure.h"
#include "fs/options.h"
#include "fs/places.h"
#include "fs/produce.h"
#include "fs/progress.h"
#include "fs/scan.h"
#include "fs/store-file.h"
#include "fs/stop.h"
#include "fs/summary.h"
#include "fs/update.h"

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool print(struct buf *text, struct err *err)
{
	if (!buf_ok(text, err))
		return false;
	if (fwrite(buf_text(text), 1, text->size, stdout) != text->size || fflush(stdout) != 0)
		return err_set(err, ERR_IO, "the output cannot be written");
	return true;
}

static bool read_summary(struct fs_summary *summary, struct ix_index *index, struct err *err)
{
	struct ix_reader *reader = NULL;
	bool ok =
		ix_reader_open(&reader, index, err) && fs_summary_read(summary, reader, NULL, err);

	ix_reader_close(reader);
	return ok;
}

static bool print_summary(struct ix_index *index, const struct fs_options *options, double seconds,
			  struct err *err)
{
	CLEANUP_BUF struct buf text = buf_empty((size_t)1 << 20);
	struct fs_summary summary = {
		.store = options->store, .index = options->index_path, .seconds = seconds};

	if (!read_summary(&summary, index, err))
		return false;
	if (options->json)
		fs_summary_json(&summary, &text);
	else if (!options->quiet)
		fs_summary_text(&summary, &text);
	return print(&text, err);
}

static bool update(struct fs_options *options, struct fs_ground *ground, struct err *err)
{
	CLEANUP_FS_STOP struct fs_stop stop = {0};
	struct ix_index *index = NULL;
	struct fs_progress progress;
	double started = seconds_now();
	bool ok;

	fs_progress_init(&progress, !options->quiet);
	ok = (!fs_measure_wanted(options) ||
	      fs_producers_open(&ground->measurers, options, false, true, err)) &&
	     fs_open_index(&index, options, options->rebuild, err) &&
	     fs_confine_to_places(options, FS_RIGHT_READ | FS_RIGHT_LEASE, err) &&
	     fs_stop_start(&stop, err) &&
	     fs_update_index(&index, options, ground, &progress, &stop.stop, err) &&
	     print_summary(index, options, seconds_now() - started, err);
	ix_close(index);
	fs_workers_close(ground->measurers);
	return ok;
}

static bool print_status(const struct fs_options *options, struct err *err)
{
	CLEANUP_BUF struct buf text = buf_empty((size_t)1 << 20);
	struct fs_summary summary = {.store = options->store, .index = options->index_path};
	struct ix_index *index = NULL;
	struct ix_options how;
	struct timespec now;
	bool ok;

	fs_index_options_init(&how, options);
	how.look = true;
	ok = ix_open(&index, &how, err) && read_summary(&summary, index, err);
	ix_close(index);
	if (!ok)
		return false;
	(void)clock_gettime(CLOCK_REALTIME, &now);
	summary.seconds = fs_summary_seconds(&summary.status);
	if (options->json)
		fs_summary_json(&summary, &text);
	else if (!options->quiet)
		fs_summary_status(&summary, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, &text);
	return print(&text, err);
}

/* Bounded by what a report lists. */
static bool print_check(const struct fs_options *options, int store_fd, bool *agrees,
			struct err *err)
{
	CLEANUP_BUF struct buf text = buf_empty((size_t)1 << 26);

	if (!fs_check(options, store_fd, agrees, &text, err))
		return false;
	if (options->quiet && !options->json)
		buf_truncate(&text, 0);
	return print(&text, err);
}

/* Of root's rights it has as many as a mount (fs/confine.h); it needs no helper, since it
 * takes the clone beforehand and keeps the right to leases. */
static bool settle(const struct fs_options *options, struct fs_ground *ground, struct err *err)
{
	if (geteuid() == 0 && !options->follow && !options->status)
		ground->quiet_fd = fs_store_clone(ground->store_fd);
	return fs_give_up_rights(FS_RIGHT_READ | FS_RIGHT_LEASE, err);
}

static void release_ground(struct fs_ground *ground)
{
	base_close_fd(&ground->quiet_fd);
	base_close_fd(&ground->store_fd);
}

static bool run(struct fs_options *options, bool *agrees, struct err *err)
{
	CLEANUP(release_ground) struct fs_ground ground = {.store_fd = -1, .quiet_fd = -1};

	*agrees = true;
	if (!fs_give_up_rights(FS_RIGHT_ADMIN | FS_RIGHT_READ | FS_RIGHT_LEASE, err) ||
	    !fs_check_store(options, &ground.store_fd, err) ||
	    !fs_check_index_place(options, err) || !settle(options, &ground, err))
		return false;
	if (options->status)
		return print_status(options, err);
	if (options->check)
		return print_check(options, fs_ground_read_fd(&ground), agrees, err);
	return update(options, &ground, err);
}

int main(int argc, char *argv[])
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	struct err err = {0};
	bool ok, agrees;

	if (!log_init("dicomfs-index", getenv("DICOMFS_DEBUG"), LOG_LEVEL_INFO, &err) ||
	    !fs_options_parse(&options, FS_PROGRAM_INDEX, argc, argv, &err) ||
	    !log_init("dicomfs-index", getenv("DICOMFS_DEBUG"), options.log_level, &err)) {
		log_error("%s", err.message);
		return err.code == ERR_USAGE ? FS_EXIT_USAGE : FS_EXIT_FAILURE;
	}
	if (options.action != FS_ACTION_RUN)
		return fs_options_answer(FS_PROGRAM_INDEX, options.action) ? FS_EXIT_OK
									   : FS_EXIT_FAILURE;
	(void)umask(077);
	(void)signal(SIGCHLD, SIG_DFL);
	fs_keep_private();
	ok = run(&options, &agrees, &err);
	if (!ok)
		log_error("%s", err.message);
	return ok && agrees ? FS_EXIT_OK : FS_EXIT_FAILURE;
}
