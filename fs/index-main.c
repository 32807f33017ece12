/* SPDX-License-Identifier: MIT */
#include <sys/stat.h>
#include <time.h>

#include "fs/options.h"
#include "fs/places.h"
#include "fs/progress.h"
#include "fs/stop.h"
#include "fs/summary.h"
#include "fs/update.h"

static double seconds_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool print_summary(struct ix_index *index, const struct fs_options *options,
			  double seconds, struct err *err)
{
	CLEANUP_BUF struct buf text = buf_empty((size_t)1 << 20);
	struct fs_summary summary = {.store = options->store, .index = options->index_path,
				     .seconds = seconds};

	if (!fs_summary_read(&summary, index, err))
		return false;
	if (options->json)
		fs_summary_json(&summary, &text);
	else if (!options->quiet)
		fs_summary_text(&summary, &text);
	if (!buf_ok(&text, err))
		return false;
	if (fwrite(buf_text(&text), 1, text.size, stdout) != text.size || fflush(stdout) != 0)
		return err_set(err, ERR_IO, "the summary cannot be written");
	return true;
}

static bool run(struct fs_options *options, int *store_fd, struct ix_index **index,
		struct err *err)
{
	CLEANUP_FS_STOP struct fs_stop stop = {0};
	struct fs_progress progress;
	double started = seconds_now();

	fs_progress_init(&progress, !options->quiet);
	return fs_check_store(options, store_fd, err) && fs_check_index_place(options, err) &&
	       fs_stop_start(&stop, err) &&
	       fs_open_index(index, options, options->rebuild, err) &&
	       fs_update_index(index, options, *store_fd, &progress, &stop.stop, err) &&
	       print_summary(*index, options, seconds_now() - started, err);
}

int main(int argc, char *argv[])
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	CLEANUP_FD int store_fd = -1;
	struct ix_index *index = NULL;
	struct err err = {0};
	bool ok;

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
	ok = run(&options, &store_fd, &index, &err);
	if (!ok)
		log_error("%s", err.message);
	ix_close(index);
	return ok ? FS_EXIT_OK : FS_EXIT_FAILURE;
}
