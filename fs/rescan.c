/* SPDX-License-Identifier: MIT */
#include "fs/rescan.h"

#include <errno.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fs/core.h"
#include "fs/measure.h"
#include "fs/scan.h"

/* How often another process's wish for a scan is looked for. */
#define POLL_SECONDS 2
/* At most one scan in this time because of files that were missing. */
#define REQUEST_SECONDS 60
/* Below that of other threads, above that of measuring. */
#define LOW_PRIORITY 5

struct fs_rescan {
	struct fs_session *session;
	struct ix_scan_options options;
	atomic_bool stop;
	atomic_bool requested;
	time_t last_scan; /* monotonic */
	pthread_mutex_t lock;
	pthread_cond_t wake; /* stop was set, or the thread ended */
	bool started, ended;
	pthread_t thread;
	struct fs_measurer *measurer; /* NULL: every size is arithmetic */
};

static void changed(const struct ix_change *changes, size_t count, void *context)
{
	struct fs_rescan *rescan = context;

	fs_inval_changes(rescan->session->inval, changes, count,
			 fs_session_settled(rescan->session));
}

static void progress(const struct ix_counts *counts, uint64_t bytes_seen, bool walk_done,
		     void *context)
{
	(void)context;
	log_trace(LOG_SCAN, "%llu files%s, %llu to do, %llu bytes",
		  (unsigned long long)counts->files, walk_done ? "" : " so far",
		  (unsigned long long)counts->pending, (unsigned long long)bytes_seen);
}

bool fs_rescan_open(struct fs_rescan **out, struct fs_session *session, struct err *err)
{
	struct fs_rescan *rescan = calloc(1, sizeof(*rescan));
	pthread_condattr_t monotonic;

	if (rescan == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	rescan->session = session;
	atomic_init(&rescan->stop, false);
	atomic_init(&rescan->requested, false);
	fs_scan_options_init(&rescan->options, session->options, session->store_fd);
	rescan->options.changed = changed;
	rescan->options.changed_context = rescan;
	rescan->options.progress = progress;
	rescan->options.stop = &rescan->stop;
	pthread_mutex_init(&rescan->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&rescan->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	*out = rescan;
	return true;
}

static time_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return time.tv_sec;
}

/* True: wait for more; false: stop. */
static bool sleep_until_poll(struct fs_rescan *rescan)
{
	struct timespec until;
	int sys = 0;

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += POLL_SECONDS;
	pthread_mutex_lock(&rescan->lock);
	while (!atomic_load(&rescan->stop) && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&rescan->wake, &rescan->lock, &until);
	pthread_mutex_unlock(&rescan->lock);
	return !atomic_load(&rescan->stop);
}

static bool is_complete(struct fs_session *session)
{
	struct ix_reader *reader = NULL;
	struct ix_status status = {0};
	struct err err = {0};
	bool complete;

	if (!ix_reader_open(&reader, session->index, &err))
		return false;
	complete = ix_status_get(reader, &status, &err) && status.state == IX_SCAN_COMPLETE;
	if (status.state == IX_SCAN_SUSPICIOUS)
		log_warning("%s", status.state_reason);
	ix_reader_close(reader);
	return complete;
}

static void scan(struct fs_rescan *rescan)
{
	struct fs_session *session = rescan->session;
	struct err err = {0};

	atomic_store(&rescan->requested, false);
	if (!ix_scan(session->index, &rescan->options, &err) && err.code != ERR_INTERRUPTED) {
		log_error("scan: %s", err.message);
		/* A full disk may have room again some time. */
		fs_rescan_request(rescan);
	}
	rescan->last_scan = now();
	if (!atomic_load(&rescan->stop) && !fs_session_settled(session) && is_complete(session)) {
		atomic_store_explicit(&session->settled, true, memory_order_release);
		log_trace(LOG_SCAN, "complete");
	}
	fs_session_statvfs_refresh(session);
	fs_measurer_wake(rescan->measurer);
}

static void *scan_thread(void *context)
{
	struct fs_rescan *rescan = context;
	struct fs_session *session = rescan->session;

	(void)pthread_setname_np(pthread_self(), "fs-scan");
	/* Of this thread and those it starts, as Linux has it: who looks at the tree
	 * goes first. */
	(void)setpriority(PRIO_PROCESS, (id_t)syscall(SYS_gettid), LOW_PRIORITY);
	/* With -o wait the scan has just been. */
	if (!session->options->wait || !fs_session_settled(session))
		scan(rescan);
	while (sleep_until_poll(rescan)) {
		bool missing = atomic_load(&rescan->requested) &&
			       now() - rescan->last_scan >= REQUEST_SECONDS;

		if (missing || ix_scan_requested(session->index))
			scan(rescan);
	}
	pthread_mutex_lock(&rescan->lock);
	rescan->ended = true;
	pthread_cond_broadcast(&rescan->wake);
	pthread_mutex_unlock(&rescan->lock);
	return NULL;
}

bool fs_rescan_start(struct fs_rescan *rescan, struct err *err)
{
	const struct fs_measuring measuring = {
		.index = rescan->session->index,
		.options = rescan->session->options,
		.scan = &rescan->options,
		.store_fd = rescan->session->store_fd,
		/* Beside the readers. */
		.threads = 1,
	};
	int sys;

	/* A follower sees what the writing process commits. */
	if (!rescan->session->writer)
		return true;
	if (fs_measure_wanted(measuring.options) &&
	    !fs_measurer_start(&rescan->measurer, &measuring, err))
		return false;
	sys = pthread_create(&rescan->thread, NULL, scan_thread, rescan);
	if (sys != 0)
		return err_set_sys(err, sys, "cannot start a thread");
	rescan->started = true;
	return true;
}

void fs_rescan_request(struct fs_rescan *rescan)
{
	atomic_store(&rescan->requested, true);
}

bool fs_rescan_refresh(struct fs_rescan *rescan, int64_t file, struct err *err)
{
	if (!rescan->session->writer)
		return ix_request_scan(rescan->session->index, err);
	return ix_refresh(rescan->session->index, &rescan->options, file, err);
}

/* The scan thread wakes it: it goes last. */
static bool stop_measurer(struct fs_rescan *rescan, unsigned timeout_ms)
{
	if (!fs_measurer_stop(rescan->measurer, timeout_ms))
		return false;
	rescan->measurer = NULL;
	return true;
}

bool fs_rescan_stop(struct fs_rescan *rescan, unsigned timeout_ms)
{
	struct timespec until;
	int sys = 0;
	bool ended;

	atomic_store(&rescan->stop, true);
	if (!rescan->started)
		return stop_measurer(rescan, timeout_ms);
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += timeout_ms / 1000 + 1;
	pthread_mutex_lock(&rescan->lock);
	pthread_cond_broadcast(&rescan->wake);
	while (!rescan->ended && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&rescan->wake, &rescan->lock, &until);
	ended = rescan->ended;
	pthread_mutex_unlock(&rescan->lock);
	if (!ended)
		return false;
	(void)pthread_join(rescan->thread, NULL);
	rescan->started = false;
	return stop_measurer(rescan, timeout_ms);
}

void fs_rescan_close(struct fs_rescan *rescan)
{
	if (rescan == NULL)
		return;
	pthread_cond_destroy(&rescan->wake);
	pthread_mutex_destroy(&rescan->lock);
	free(rescan);
}
