/* SPDX-License-Identifier: MIT */
#include "fs/rescan.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/core.h"
#include "fs/measure.h"
#include "fs/places.h"
#include "fs/scan.h"
#include "index/watch-set.h"
#include "index/watch.h"

/* How often another process's wish for a scan is looked for. */
#define POLL_NS INT64_C(2000000000)
/* At most one scan in this time because of files that were missing, or after one
 * that failed. */
#define REQUEST_NS INT64_C(60000000000)
/* A scan of the whole store takes at most one in so many parts of the time. */
#define SCAN_SHARE 10
/* Looks at single places follow each other no closer: what comes meanwhile comes
 * together. */
#define PAUSE_NS INT64_C(10000000)
/* Below that of other threads, above that of measuring. */
#define LOW_PRIORITY 5

struct fs_rescan {
	struct fs_session *session;
	struct ix_scan_options options;
	atomic_bool stop;
	atomic_bool requested;
	pthread_mutex_t lock;
	pthread_cond_t wake; /* stop or woken was set, or the thread ended */
	bool woken;          /* there is something to look for */
	bool started, ended;
	pthread_t thread;
	struct fs_measurer *measurer; /* NULL: every size is arithmetic */
	struct ix_watcher *watcher;

	/* The thread's own. */
	struct ix_watch watch;
	uint64_t mounts;   /* in the store, see fs_mounts_in_here() */
	bool complete;     /* the last scan of the whole store was */
	bool wanted;       /* another one, as soon as may be */
	int64_t last_scan; /* its end; monotonic, as all times here */
	int64_t took;      /* it took so long */
	int64_t last_look; /* end of the last look at single places */
};

static int64_t now_ns(void)
{
	struct timespec time;

	(void)clock_gettime(CLOCK_MONOTONIC, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static void changed(const struct ix_change *changes, size_t count, void *context)
{
	struct fs_rescan *rescan = context;

	fs_inval_changes(rescan->session->inval, changes, count,
			 fs_session_settled(rescan->session));
}

static void wake(void *context)
{
	struct fs_rescan *rescan = context;

	pthread_mutex_lock(&rescan->lock);
	rescan->woken = true;
	pthread_cond_broadcast(&rescan->wake);
	pthread_mutex_unlock(&rescan->lock);
}

static void progress(const struct ix_counts *counts, uint64_t bytes_seen, bool walk_done,
		     void *context)
{
	(void)context;
	log_trace(LOG_SCAN, "%llu files%s, %llu to do, %llu bytes",
		  (unsigned long long)counts->files, walk_done ? "" : " so far",
		  (unsigned long long)counts->pending, (unsigned long long)bytes_seen);
}

/* The scan leaves access times alone, too. */
static int seen_fd(const struct fs_session *session)
{
	return session->quiet_fd >= 0 ? session->quiet_fd : session->store_fd;
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
	fs_scan_options_init(&rescan->options, session->options, seen_fd(session));
	rescan->options.unwritten = fs_helper_is_unwritten;
	rescan->options.unwritten_context = session->helper;
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

/* ---- Scans -------------------------------------------------------------- */

/* Seconds between two looks at the whole store; 0: none. */
static uint64_t rescan_seconds(const struct fs_rescan *rescan)
{
	unsigned wanted = rescan->session->options->rescan;

	if (wanted != FS_RESCAN_AUTO)
		return wanted;
	return rescan->session->options->no_watch || rescan->watch.mode == IX_WATCH_EVENTS
		       ? 0
		       : FS_RESCAN_SECONDS;
}

/* Tells how the store is watched, and says so in the log when that is not as one
 * would expect. */
static void report_watch(struct fs_rescan *rescan)
{
	struct ix_watch watch;
	struct err err = {0};

	ix_watcher_report(rescan->watcher, &watch);
	/* What was not told before this is known is to be seen. */
	if (rescan->watch.mode == IX_WATCH_EVENTS && watch.mode != IX_WATCH_EVENTS)
		rescan->wanted = true;
	rescan->watch.mode = watch.mode;
	watch.seconds = rescan_seconds(rescan);
	if (watch.mode == IX_WATCH_RESCAN && watch.seconds == 0)
		watch.mode = IX_WATCH_NONE;
	if (watch.reason[0] != '\0' && strcmp(watch.reason, rescan->watch.reason) != 0) {
		if (watch.seconds > 0)
			log_warning("%s: all of it is looked at every %llu s", watch.reason,
				    (unsigned long long)watch.seconds);
		else
			log_warning("%s: changes may go unnoticed", watch.reason);
	}
	rescan->watch = watch;
	if (!ix_watch_set(rescan->session->index, &watch, &err))
		log_trace(LOG_SCAN, "status: %s", err.message);
}

static void scan_whole(struct fs_rescan *rescan)
{
	struct fs_session *session = rescan->session;
	int64_t begun = now_ns();
	struct err err = {0};

	atomic_store(&rescan->requested, false);
	rescan->wanted = false;
	ix_watcher_begin_whole(rescan->watcher);
	if (!ix_scan(session->index, &rescan->options, &err) && err.code != ERR_INTERRUPTED) {
		log_error("scan: %s", err.message);
		/* A full disk may have room again some time. */
		fs_rescan_request(rescan);
	}
	rescan->complete = !atomic_load(&rescan->stop) && is_complete(session);
	ix_watcher_end_whole(rescan->watcher, rescan->complete);
	rescan->last_scan = rescan->last_look = now_ns();
	rescan->took = rescan->last_scan - begun;
	report_watch(rescan);
	if (rescan->complete && !fs_session_settled(session)) {
		atomic_store_explicit(&session->settled, true, memory_order_release);
		log_trace(LOG_SCAN, "complete");
	}
	fs_session_statvfs_refresh(session);
	fs_measurer_wake(rescan->measurer);
}

/* False: it takes a scan of the whole store. */
static bool scan_paths(struct fs_rescan *rescan, const struct ix_watcher_due *due)
{
	const char *const *paths = (const char *const *)due->paths;
	struct err err = {0};
	bool whole = false;

	if (!ix_scan_paths(rescan->session->index, &rescan->options, paths, due->count, &whole,
			   &err) &&
	    err.code != ERR_INTERRUPTED) {
		log_error("scan: %s", err.message);
		/* What should have been seen now is seen then. */
		rescan->complete = false;
		fs_rescan_request(rescan);
	}
	rescan->last_look = now_ns();
	log_trace(LOG_SCAN, "%zu places looked at", due->count);
	fs_measurer_wake(rescan->measurer);
	return !whole;
}

/* ---- The store itself --------------------------------------------------- */

static bool same_mount(int a, int b)
{
	struct statx x, y;

	return statx(a, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &x) ==
		       0 &&
	       statx(b, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO | STATX_MNT_ID, &y) ==
		       0 &&
	       x.stx_dev_major == y.stx_dev_major && x.stx_dev_minor == y.stx_dev_minor &&
	       x.stx_ino == y.stx_ino && x.stx_mnt_id == y.stx_mnt_id;
}

/* The disk of the store, or one in it, was mounted or unmounted. The numbers of the
 * descriptors stay, so that nobody who uses them has to know; what is open stays
 * open. The clone has copies of all mounts in it. */
static bool renew_store(struct fs_rescan *rescan, bool mounts)
{
	struct fs_session *session = rescan->session;
	CLEANUP_FD int now = open(session->options->store, O_PATH | O_DIRECTORY | O_CLOEXEC);
	CLEANUP_FD int clone = -1;
	uint64_t before = rescan->mounts;

	if (mounts)
		rescan->mounts = fs_mounts_in_here(session->options->store);
	if (now < 0 || (rescan->mounts == before && same_mount(now, session->store_fd)))
		return false;
	if (!same_mount(now, session->store_fd))
		log_warning("another file system is mounted at %s, or none",
			    session->options->store);
	if (session->quiet_fd >= 0) {
		clone = fs_helper_clone(session->helper, now);
		(void)dup3(clone >= 0 ? clone : now, session->quiet_fd, O_CLOEXEC);
	}
	(void)dup3(now, session->store_fd, O_CLOEXEC);
	return true;
}

/* ---- The thread --------------------------------------------------------- */

/* True: wait for more; false: stop. */
static bool sleep_until(struct fs_rescan *rescan, int64_t until_ns)
{
	const struct timespec until = {until_ns / 1000000000, until_ns % 1000000000};
	int sys = 0;

	pthread_mutex_lock(&rescan->lock);
	while (!atomic_load(&rescan->stop) && !rescan->woken && sys != ETIMEDOUT)
		sys = pthread_cond_timedwait(&rescan->wake, &rescan->lock, &until);
	rescan->woken = false;
	pthread_mutex_unlock(&rescan->lock);
	return !atomic_load(&rescan->stop);
}

/* It is time for the whole store, apart from what the watcher says. */
static bool is_due(struct fs_rescan *rescan)
{
	int64_t since = now_ns() - rescan->last_scan;
	int64_t every = (int64_t)rescan_seconds(rescan) * 1000000000;

	if (every > 0 && since >= MAX_OF(every, rescan->took * SCAN_SHARE))
		return true;
	return (atomic_load(&rescan->requested) && since >= REQUEST_NS) ||
	       ix_scan_requested(rescan->session->index);
}

/* One round; the time until which there is nothing to do. */
static int64_t look(struct fs_rescan *rescan, int64_t *next_poll)
{
	struct ix_watcher_due due;
	int64_t now = now_ns(), earliest = rescan->last_scan + rescan->took;
	bool asked = false, polled = now >= *next_poll;

	ix_watcher_take(rescan->watcher, &due);
	if (polled || due.mounts)
		asked = renew_store(rescan, due.mounts);
	if (polled) {
		*next_poll = now + POLL_NS;
		report_watch(rescan);
		asked = is_due(rescan) || asked;
	}
	rescan->wanted = rescan->wanted || due.whole || (due.count > 0 && !rescan->complete);
	if (!asked && !rescan->wanted && due.count > 0)
		rescan->wanted = !scan_paths(rescan, &due);
	ix_watch_paths_free(due.paths, due.count);
	/* What goes on in the store must not keep us from everything else. */
	if (asked || (rescan->wanted && now >= earliest)) {
		scan_whole(rescan);
		return now_ns();
	}
	if (rescan->wanted)
		return MIN_OF(*next_poll, earliest);
	return MIN_OF(*next_poll, MAX_OF(due.next_ns, rescan->last_look + PAUSE_NS));
}

static void *scan_thread(void *context)
{
	struct fs_rescan *rescan = context;
	int64_t until, next_poll = 0;

	(void)pthread_setname_np(pthread_self(), "fs-scan");
	/* Of this thread and those it starts, as Linux has it: who looks at the tree
	 * goes first. */
	(void)setpriority(PRIO_PROCESS, 0, MAX_OF(getpriority(PRIO_PROCESS, 0), LOW_PRIORITY));
	rescan->mounts = fs_mounts_in_here(rescan->session->options->store);
	/* After -o wait the scan has just been; but from now on the folders are watched. */
	rescan->options.again =
		rescan->session->options->wait && fs_session_settled(rescan->session);
	rescan->complete = rescan->options.again;
	rescan->last_scan = now_ns();
	if (!rescan->options.again || !rescan->session->options->no_watch)
		scan_whole(rescan);
	rescan->options.again = false;
	until = now_ns();
	while (sleep_until(rescan, until))
		until = look(rescan, &next_poll);
	pthread_mutex_lock(&rescan->lock);
	rescan->ended = true;
	pthread_cond_broadcast(&rescan->wake);
	pthread_mutex_unlock(&rescan->lock);
	return NULL;
}

static bool open_watcher(struct fs_rescan *rescan, struct err *err)
{
	const struct ix_watcher_options options = {
		.store_fd = rescan->session->store_fd,
		.events = !rescan->session->options->no_watch,
		.wake = wake,
		.wake_context = rescan,
	};

	if (!ix_watcher_open(&rescan->watcher, &options, err))
		return false;
	rescan->options.entered = ix_watcher_entered;
	rescan->options.led_out = ix_watcher_led_out;
	rescan->options.entered_context = rescan->watcher;
	rescan->options.postponed = ix_watcher_postponed;
	rescan->options.postponed_context = rescan->watcher;
	rescan->options.more = ix_watcher_more;
	rescan->options.more_context = rescan->watcher;
	return true;
}

bool fs_rescan_start(struct fs_rescan *rescan, struct err *err)
{
	const struct fs_measuring measuring = {
		.index = rescan->session->index,
		.options = rescan->session->options,
		.scan = &rescan->options,
		.store_fd = seen_fd(rescan->session),
		.workers = rescan->session->measurers,
		/* Beside the readers. */
		.threads = 1,
	};
	int sys;

	/* A follower sees what the writing process commits. */
	if (!rescan->session->writer)
		return true;
	if (!open_watcher(rescan, err))
		return false;
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
	(void)clock_gettime(CLOCK_MONOTONIC, &until);
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
	ix_watcher_close(rescan->watcher);
	pthread_cond_destroy(&rescan->wake);
	pthread_mutex_destroy(&rescan->lock);
	free(rescan);
}
