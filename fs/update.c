/* SPDX-License-Identifier: MIT */
#include "fs/update.h"

#include <time.h>

#include "fs/measure.h"
#include "fs/scan.h"

#define POLL_NS (200L * 1000 * 1000)
#define POLLS_UNTIL_RETRY 10      /* 2 s without a change: is the writer still there? */
#define POLLS_UNTIL_GIVING_UP 300 /* 60 s: it is, and does not scan */
/* Files that are being written are waited for so long; then others take them in. */
#define PAUSE_NS (500L * 1000 * 1000)
#define PAUSES 10

bool fs_open_index(struct ix_index **index, const struct fs_options *options, bool must_write,
		   struct err *err)
{
	struct ix_options how;

	fs_index_options_init(&how, options);
	how.must_write = must_write;
	return ix_open(index, &how, err);
}

static bool get_status(struct ix_index *index, struct ix_status *status, struct err *err)
{
	struct ix_reader *reader = NULL;
	bool ok;

	if (!ix_reader_open(&reader, index, err))
		return false;
	ok = ix_status_get(reader, status, err);
	ix_reader_close(reader);
	return ok;
}

static bool judge(const struct ix_status *status, struct err *err)
{
	switch (status->state) {
	case IX_SCAN_COMPLETE:
		return true;
	case IX_SCAN_SUSPICIOUS:
		return err_set(err, ERR_IO, "%s",
			       status->state_reason[0] != '\0'
				       ? status->state_reason
				       : "STORE looks lost; dicomfs-index --rebuild accepts it");
	case IX_SCAN_STOPPED:
		return err_set(err, ERR_INTERRUPTED, "the scan was stopped: %.200s",
			       status->state_reason);
	case IX_SCAN_NEVER:
	case IX_SCAN_RUNNING:
		break;
	}
	return err_set(err, ERR_IO, "the scan did not come to its end");
}

/* Pictures that have to be made before they can be listed. */
static bool measure_ourselves(struct ix_index *index, const struct fs_options *options,
			      const struct fs_ground *ground, const struct ix_scan_options *scan,
			      struct err *err)
{
	const struct fs_measuring measuring = {
		.index = index,
		.options = options,
		.scan = scan,
		.store_fd = fs_ground_read_fd(ground),
		.workers = ground->measurers,
		.threads = options->decode_threads,
	};
	uint64_t left = 0;

	if (!fs_measure_wanted(options))
		return true;
	if (!fs_measure_all(&measuring, &left, err))
		return false;
	if (scan->stop != NULL && atomic_load(scan->stop))
		return err_set(err, ERR_INTERRUPTED, "interrupted; what was indexed is kept");
	if (left > 0)
		log_warning("%llu pictures cannot be read now and are not listed yet",
			    (unsigned long long)left);
	return true;
}

/* A file that somebody is writing is as good as any other once it is left alone. */
static bool wait_for_writers(struct ix_index *index, const struct ix_scan_options *scan,
			     struct err *err)
{
	const struct timespec pause = {.tv_nsec = PAUSE_NS};
	struct ix_status status;
	bool whole;

	for (unsigned i = 0; i < PAUSES; i++) {
		if (!get_status(index, &status, err))
			return false;
		if (status.state != IX_SCAN_COMPLETE || status.counts.pending == 0 ||
		    (scan->stop != NULL && atomic_load(scan->stop)))
			return true;
		(void)nanosleep(&pause, NULL);
		if (!ix_scan_paths(index, scan, NULL, 0, &whole, err))
			return false;
	}
	return true;
}

static bool scan_ourselves(struct ix_index *index, const struct fs_options *options,
			   const struct fs_ground *ground, struct fs_progress *progress,
			   const atomic_bool *stop, struct err *err)
{
	struct ix_scan_options scan;
	struct ix_status status;
	bool ok;

	fs_scan_options_init(&scan, options, fs_ground_read_fd(ground));
	scan.stop = stop;
	scan.unwritten = ground->helper != NULL ? fs_helper_is_unwritten : NULL;
	scan.unwritten_context = ground->helper;
	if (progress != NULL) {
		scan.progress = fs_progress_update;
		scan.progress_context = progress;
	}
	ok = ix_scan(index, &scan, err) && wait_for_writers(index, &scan, err);
	if (progress != NULL)
		fs_progress_end(progress);
	if (!ok)
		return false;
	if (stop != NULL && atomic_load(stop))
		return err_set(err, ERR_INTERRUPTED, "interrupted; what was indexed is kept");
	return get_status(index, &status, err) && judge(&status, err) &&
	       measure_ourselves(index, options, ground, &scan, err);
}

/* Waiting for another process. */
struct follow {
	struct ix_index **index;
	const struct fs_options *options;
	int64_t ticket;
	uint64_t epoch;        /* of the index that it is of */
	uint64_t seen_version; /* of the last change */
	uint64_t seen_done;
	unsigned quiet; /* polls since the last change */
};

static void pause_poll(void)
{
	struct timespec pause = {.tv_nsec = POLL_NS};

	(void)nanosleep(&pause, NULL);
}

static void note_change(struct follow *follow, const struct ix_status *status)
{
	uint64_t done = status->counts.files - status->counts.pending;

	follow->quiet++;
	if (status->version != follow->seen_version || done != follow->seen_done)
		follow->quiet = 0;
	follow->seen_version = status->version;
	follow->seen_done = done;
}

static bool ask(struct follow *follow, struct err *err)
{
	follow->epoch = ix_epoch(*follow->index);
	return ix_ask_scan(*follow->index, &follow->ticket, err);
}

/* The writer may have ended meanwhile: then we are it. Or another one, which has
 * made the index anew and does not know that we asked. */
static bool reopen(struct follow *follow, struct err *err)
{
	ix_close(*follow->index);
	*follow->index = NULL;
	if (!fs_open_index(follow->index, follow->options, false, err))
		return false;
	return ix_is_writer(*follow->index) || ix_epoch(*follow->index) == follow->epoch ||
	       ask(follow, err);
}

/* True with *ended when the scan is over or the writer is gone. */
static bool poll_writer(struct follow *follow, struct fs_progress *progress, bool *ended,
			struct err *err)
{
	struct ix_status status;
	bool started;

	if (!get_status(*follow->index, &status, err))
		return false;
	started = status.asked >= follow->ticket;
	*ended = started && status.state != IX_SCAN_RUNNING;
	if (*ended)
		return judge(&status, err);
	note_change(follow, &status);
	if (progress != NULL && started)
		fs_progress_update(&status.counts, 0, false, progress);
	if (!started && follow->quiet >= POLLS_UNTIL_GIVING_UP)
		return err_set(err, ERR_IO,
			       "the mount that writes this index does not start a scan");
	if (follow->quiet % POLLS_UNTIL_RETRY != POLLS_UNTIL_RETRY - 1)
		return true;
	if (!reopen(follow, err))
		return false;
	*ended = ix_is_writer(*follow->index);
	return true;
}

static bool follow_writer(struct ix_index **index, const struct fs_options *options,
			  struct fs_progress *progress, const atomic_bool *stop, struct err *err)
{
	struct follow follow = {.index = index, .options = options};
	bool ended = false;
	bool ok = ask(&follow, err);

	while (ok && !ended) {
		pause_poll();
		if (stop != NULL && atomic_load(stop))
			ok = err_set(err, ERR_INTERRUPTED,
				     "interrupted; the mount goes on scanning");
		else
			ok = poll_writer(&follow, progress, &ended, err);
	}
	if (progress != NULL)
		fs_progress_end(progress);
	return ok;
}

bool fs_update_index(struct ix_index **index, const struct fs_options *options,
		     const struct fs_ground *ground, struct fs_progress *progress,
		     const atomic_bool *stop, struct err *err)
{
	if (!ix_is_writer(*index)) {
		if (!follow_writer(index, options, progress, stop, err))
			return false;
		/* Still no writer: the other process has done the work. */
		if (!ix_is_writer(*index))
			return true;
	}
	return scan_ourselves(*index, options, ground, progress, stop, err);
}
