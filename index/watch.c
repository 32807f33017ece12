/* SPDX-License-Identifier: MIT */
#include "index/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "dicom/log.h"
#include "index/disk.h"
#include "index/watch-map.h"
#include "index/watch-set.h"
#include "index/writer.h"

#define MS INT64_C(1000000)
/* What belongs together comes together: the two sides of a renaming. */
#define SETTLE_NS (5 * MS)
/* A new file that nobody closes: it is a link, or is being written. */
#define CREATED_NS (300 * MS)
/* One that is written to is left alone for so long. */
#define MODIFIED_NS (1000 * MS)

#define FILE_MASK                                                                                  \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |        \
	 IN_DELETE)
#define ROOT_MASK (FILE_MASK | IN_DELETE_SELF | IN_MOVE_SELF)

struct ix_watcher {
	struct ix_watcher_options options;
	pthread_mutex_t lock;
	pthread_t thread;
	bool started;
	int inotify;   /* -1: none */
	int mountinfo; /* polled for changes; -1: none */
	int end;       /* eventfd: the thread shall end */
	struct ix_watch_map map;
	struct ix_watch_set set;
	bool whole, mounts;
	bool full;        /* no room for more watches */
	char refused[96]; /* why there is no inotify at all; "" */
	char silent[24];  /* the file system that tells nothing; "" */
};

/* ---- Places (under the lock) -------------------------------------------- */

/* Says whether the scan has to be told. */
static bool add(struct ix_watcher *w, const char *path, int64_t delay, enum ix_watch_when when)
{
	int64_t now = ix_monotonic_ns(), before = w->set.next_ns;

	if (w->whole)
		return false;
	if (ix_watch_set_add(&w->set, path, now, now + delay, when))
		return w->set.next_ns < before;
	/* One look at everything is less than so many at one thing each. */
	ix_watch_set_release(&w->set);
	w->whole = true;
	return true;
}

static bool want_whole(struct ix_watcher *w)
{
	bool news = !w->whole;

	ix_watch_set_release(&w->set);
	w->whole = true;
	return news;
}

static void unwatch(int wd, void *context)
{
	const struct ix_watcher *w = context;

	/* The kernel has taken away what is gone. */
	(void)inotify_rm_watch(w->inotify, wd);
}

static void drop_folder(struct ix_watcher *w, const char *path)
{
	char prefix[PATH_MAX + 256];
	struct ix_watch_node *node;

	(void)snprintf(prefix, sizeof(prefix), "%s/", path);
	node = ix_watch_map_find_path(&w->map, prefix);
	if (node != NULL)
		ix_watch_map_drop(&w->map, node);
}

/* ---- Events (under the lock) -------------------------------------------- */

static bool folder_event(struct ix_watcher *w, const char *path, uint32_t mask)
{
	/* One that comes back under another name is walked, and watched anew. */
	if ((mask & (IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)) != 0)
		drop_folder(w, path);
	return add(w, path, SETTLE_NS, IX_WATCH_BY);
}

static bool file_event(struct ix_watcher *w, const char *path, uint32_t mask)
{
	if ((mask & (IN_CLOSE_WRITE | IN_MOVED_FROM | IN_MOVED_TO | IN_DELETE)) != 0)
		return add(w, path, SETTLE_NS, IX_WATCH_BY);
	if ((mask & IN_MODIFY) != 0)
		return add(w, path, MODIFIED_NS, IX_WATCH_AFTER);
	return add(w, path, (mask & IN_CREATE) != 0 ? CREATED_NS : SETTLE_NS, IX_WATCH_ONCE);
}

static bool handle(struct ix_watcher *w, const struct inotify_event *event)
{
	struct ix_watch_node *node = ix_watch_map_find(&w->map, event->wd);
	char path[PATH_MAX + 256];

	if ((event->mask & IN_Q_OVERFLOW) != 0) {
		log_trace(LOG_SCAN, "more happened in the store than was told");
		return want_whole(w);
	}
	if (node == NULL)
		return false;
	if ((event->mask & (IN_UNMOUNT | IN_DELETE_SELF | IN_MOVE_SELF)) != 0)
		return want_whole(w);
	if ((event->mask & IN_IGNORED) != 0) {
		ix_watch_map_drop(&w->map, node);
		return false;
	}
	/* Of the folder itself the one around it tells; of the root, nobody. */
	if (event->len == 0)
		return node->path[0] == '\0' && want_whole(w);
	if ((size_t)snprintf(path, sizeof(path), "%s%s", node->path, event->name) >= sizeof(path))
		return want_whole(w);
	if ((event->mask & IN_ISDIR) != 0)
		return folder_event(w, path, event->mask);
	return file_event(w, path, event->mask);
}

/* ---- The thread --------------------------------------------------------- */

static void read_events(struct ix_watcher *w)
{
	union {
		struct inotify_event first; /* aligned */
		char bytes[64 * 1024];
	} *buffer = malloc(sizeof(*buffer));
	bool news = false;
	ssize_t got = 0;

	if (buffer == NULL)
		return;
	do {
		got = read(w->inotify, buffer->bytes, sizeof(buffer->bytes));
		(void)pthread_mutex_lock(&w->lock);
		for (ssize_t at = 0; at < got;) {
			const struct inotify_event *event = (const void *)(buffer->bytes + at);

			news = handle(w, event) || news;
			at += (ssize_t)(sizeof(*event) + event->len);
		}
		(void)pthread_mutex_unlock(&w->lock);
	} while (got > 0);
	free(buffer);
	if (news)
		w->options.wake(w->options.wake_context);
}

static void note_mounts(struct ix_watcher *w)
{
	(void)pthread_mutex_lock(&w->lock);
	w->mounts = true;
	(void)pthread_mutex_unlock(&w->lock);
	w->options.wake(w->options.wake_context);
}

static void *watch_thread(void *context)
{
	struct ix_watcher *w = context;
	struct pollfd fds[] = {
		{.fd = w->end, .events = POLLIN},
		{.fd = w->inotify, .events = POLLIN},
		/* proc(5): a change is an error and an urgent matter. */
		{.fd = w->mountinfo, .events = POLLPRI},
	};

	(void)pthread_setname_np(pthread_self(), "ix-watch");
	for (;;) {
		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR)
			return NULL;
		if (fds[0].revents != 0)
			return NULL;
		if (fds[1].revents != 0)
			read_events(w);
		if (fds[2].revents != 0)
			note_mounts(w);
	}
}

/* ---- Opening ------------------------------------------------------------ */

static void open_inotify(struct ix_watcher *w)
{
	char text[64];

	if (!w->options.events)
		return;
	w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (w->inotify < 0)
		(void)snprintf(w->refused, sizeof(w->refused), "inotify: %s",
			       strerror_r(errno, text, sizeof(text)));
}

bool ix_watcher_open(struct ix_watcher **out, const struct ix_watcher_options *options,
		     struct err *err)
{
	struct ix_watcher *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	w->options = *options;
	w->inotify = -1;
	w->mountinfo = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	w->end = eventfd(0, EFD_CLOEXEC);
	w->map.dropped = unwatch;
	w->map.context = w;
	ix_watch_set_init(&w->set);
	(void)pthread_mutex_init(&w->lock, NULL);
	open_inotify(w);
	w->started = w->end >= 0 && pthread_create(&w->thread, NULL, watch_thread, w) == 0;
	if (!w->started) {
		ix_watcher_close(w);
		return err_set(err, ERR_NOMEM, "cannot start a thread");
	}
	*out = w;
	return true;
}

void ix_watcher_close(struct ix_watcher *w)
{
	if (w == NULL)
		return;
	if (w->started) {
		(void)eventfd_write(w->end, 1);
		(void)pthread_join(w->thread, NULL);
	}
	ix_watch_map_release(&w->map);
	ix_watch_set_release(&w->set);
	base_close_fd(&w->inotify);
	base_close_fd(&w->mountinfo);
	base_close_fd(&w->end);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

/* ---- For the scan ------------------------------------------------------- */

/* A part of the store that was mounted, where others write. */
static void note_silence(struct ix_watcher *w, int folder_fd)
{
	const char *silent = ix_disk_silent(folder_fd);

	if (silent != NULL)
		(void)snprintf(w->silent, sizeof(w->silent), "%s", silent);
}

void ix_watcher_entered(const char *prefix, int folder_fd, bool new_disk, void *watcher)
{
	struct ix_watcher *w = watcher;
	char proc[64];
	int wd;

	(void)pthread_mutex_lock(&w->lock);
	if (new_disk)
		note_silence(w, folder_fd);
	if (w->inotify >= 0) {
		(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", folder_fd);
		wd = inotify_add_watch(w->inotify, proc,
				       (prefix[0] != '\0' ? FILE_MASK : ROOT_MASK) | IN_ONLYDIR);
		if (wd < 0 && (errno == ENOSPC || errno == ENOMEM))
			w->full = true;
		else if (wd >= 0 && !ix_watch_map_put(&w->map, wd, prefix))
			w->full = true;
	}
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_postponed(const char *path, void *watcher)
{
	struct ix_watcher *w = watcher;
	bool news;

	(void)pthread_mutex_lock(&w->lock);
	news = add(w, path, MODIFIED_NS, IX_WATCH_ONCE);
	(void)pthread_mutex_unlock(&w->lock);
	if (news)
		w->options.wake(w->options.wake_context);
}

void ix_watcher_begin_whole(struct ix_watcher *w)
{
	(void)pthread_mutex_lock(&w->lock);
	ix_watch_set_release(&w->set);
	w->whole = false;
	w->full = false;
	w->silent[0] = '\0';
	w->map.round++;
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_end_whole(struct ix_watcher *w, bool done)
{
	(void)pthread_mutex_lock(&w->lock);
	if (done)
		ix_watch_map_sweep(&w->map);
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_take(struct ix_watcher *w, struct ix_watcher_due *due)
{
	(void)pthread_mutex_lock(&w->lock);
	due->whole = w->whole;
	due->mounts = w->mounts;
	w->mounts = false;
	due->paths = ix_watch_set_take(&w->set, ix_monotonic_ns(), &due->count);
	due->next_ns = w->set.next_ns;
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_report(struct ix_watcher *w, struct ix_watch *report)
{
	memset(report, 0, sizeof(*report));
	(void)pthread_mutex_lock(&w->lock);
	report->folders = w->map.count;
	report->mode = IX_WATCH_RESCAN;
	if (w->refused[0] != '\0')
		(void)snprintf(report->reason, sizeof(report->reason), "%s", w->refused);
	else if (w->silent[0] != '\0')
		(void)snprintf(report->reason, sizeof(report->reason),
			       "the store is on %s, which does not tell of all changes", w->silent);
	else if (w->full)
		(void)snprintf(report->reason, sizeof(report->reason),
			       "fs.inotify.max_user_watches allows %zu folders and no more",
			       w->map.count);
	else if (w->inotify >= 0)
		report->mode = IX_WATCH_EVENTS;
	(void)pthread_mutex_unlock(&w->lock);
}
