/* SPDX-License-Identifier: MIT */
#include "index/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
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
/* One that could not be read is tried again. */
#define FAILED_NS (60 * 1000 * MS)

#define FILE_MASK                                                                                  \
	(IN_CREATE | IN_CLOSE_WRITE | IN_MODIFY | IN_ATTRIB | IN_MOVED_FROM | IN_MOVED_TO |        \
	 IN_DELETE)
#define ROOT_MASK (FILE_MASK | IN_DELETE_SELF | IN_MOVE_SELF)

#define EVENTS_SIZE ((size_t)64 * 1024)
/* So much is taken in before one looks at it. */
#define DRAIN_MAX 64

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
	char *buffer;     /* EVENTS_SIZE bytes */
	int unwatched;    /* why a folder is not watched, errno; 0: all are */
	bool twice;       /* there are two ways to a folder, and the kernel tells of one */
	bool led_out;     /* links lead to folders that nobody watches */
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

/* Takes in what the kernel has to tell, at most one buffer of it. *more: there may
 * be more. Under the lock, so that it is taken in in its order. */
static bool read_events(struct ix_watcher *w, bool *more)
{
	bool news = false;
	ssize_t got = w->inotify >= 0 ? read(w->inotify, w->buffer, EVENTS_SIZE) : 0;

	for (ssize_t at = 0; at < got;) {
		const struct inotify_event *event = (const void *)(w->buffer + at);

		news = handle(w, event) || news;
		at += (ssize_t)(sizeof(*event) + event->len);
	}
	*more = got > 0;
	return news;
}

static void note_events(struct ix_watcher *w)
{
	bool more, news;

	(void)pthread_mutex_lock(&w->lock);
	news = read_events(w, &more);
	(void)pthread_mutex_unlock(&w->lock);
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
			note_events(w);
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
	w->buffer = malloc(EVENTS_SIZE);
	ix_watch_set_init(&w->set);
	(void)pthread_mutex_init(&w->lock, NULL);
	open_inotify(w);
	w->started = w->end >= 0 && w->buffer != NULL &&
		     pthread_create(&w->thread, NULL, watch_thread, w) == 0;
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
	free(w->buffer);
	base_close_fd(&w->inotify);
	base_close_fd(&w->mountinfo);
	base_close_fd(&w->end);
	(void)pthread_mutex_destroy(&w->lock);
	free(w);
}

/* ---- For the scan ------------------------------------------------------- */

/* A folder has one watch, by whichever way it was found. Whether it can still be found
 * by the other one as well. */
static bool is_twice(const struct ix_watcher *w, int wd, const char *prefix, int folder_fd)
{
	const struct ix_watch_node *node = ix_watch_map_find(&w->map, wd);
	struct stat now, other;

	return node != NULL && strcmp(node->path, prefix) != 0 && fstat(folder_fd, &now) == 0 &&
	       fstatat(w->options.store_fd, node->path[0] != '\0' ? node->path : ".", &other, 0) ==
		       0 &&
	       now.st_dev == other.st_dev && now.st_ino == other.st_ino;
}

/* Under the lock. */
static void watch_folder(struct ix_watcher *w, const char *prefix, int folder_fd)
{
	char proc[64];
	int wd;

	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", folder_fd);
	wd = inotify_add_watch(w->inotify, proc,
			       (prefix[0] != '\0' ? FILE_MASK : ROOT_MASK) | IN_ONLYDIR);
	if (wd < 0)
		w->unwatched = errno;
	w->twice = w->twice || (wd >= 0 && is_twice(w, wd, prefix, folder_fd));
	if (wd >= 0 && !ix_watch_map_put(&w->map, wd, prefix))
		w->unwatched = ENOMEM;
}

void ix_watcher_entered(const char *prefix, int folder_fd, bool new_disk, void *watcher)
{
	struct ix_watcher *w = watcher;
	/* A part of the store that was mounted, where others write. Without the lock: it
	 * may take its time to answer. */
	const char *silent = new_disk ? ix_disk_silent(folder_fd) : NULL;

	(void)pthread_mutex_lock(&w->lock);
	if (silent != NULL)
		(void)snprintf(w->silent, sizeof(w->silent), "%s", silent);
	if (w->inotify >= 0)
		watch_folder(w, prefix, folder_fd);
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_led_out(void *watcher)
{
	struct ix_watcher *w = watcher;

	(void)pthread_mutex_lock(&w->lock);
	w->led_out = true;
	(void)pthread_mutex_unlock(&w->lock);
}

void ix_watcher_postponed(const char *path, bool soon, void *watcher)
{
	struct ix_watcher *w = watcher;
	bool news;

	(void)pthread_mutex_lock(&w->lock);
	news = add(w, path, soon ? MODIFIED_NS : FAILED_NS, IX_WATCH_ONCE);
	(void)pthread_mutex_unlock(&w->lock);
	if (news)
		w->options.wake(w->options.wake_context);
}

void ix_watcher_begin_whole(struct ix_watcher *w)
{
	(void)pthread_mutex_lock(&w->lock);
	ix_watch_set_release(&w->set);
	w->whole = false;
	w->unwatched = 0;
	w->twice = false;
	w->led_out = false;
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

/* Under the lock. */
static void drain(struct ix_watcher *w)
{
	bool more = true;

	for (unsigned i = 0; more && i < DRAIN_MAX; i++)
		(void)read_events(w, &more);
}

void ix_watcher_take(struct ix_watcher *w, struct ix_watcher_due *due)
{
	(void)pthread_mutex_lock(&w->lock);
	/* With what is due comes what happened up to this moment: of a renaming never
	 * one side alone. */
	if (ix_monotonic_ns() >= w->set.next_ns)
		drain(w);
	due->whole = w->whole;
	due->mounts = w->mounts;
	w->mounts = false;
	due->paths = NULL;
	due->count = 0;
	if (ix_monotonic_ns() >= w->set.next_ns)
		due->paths = ix_watch_set_take(&w->set, ix_monotonic_ns() + SETTLE_NS, &due->count);
	due->next_ns = w->set.next_ns;
	(void)pthread_mutex_unlock(&w->lock);
}

char **ix_watcher_more(size_t *count, void *watcher)
{
	struct ix_watcher *w = watcher;
	char **paths;

	(void)pthread_mutex_lock(&w->lock);
	drain(w);
	paths = ix_watch_set_take(&w->set, ix_monotonic_ns() + SETTLE_NS, count);
	(void)pthread_mutex_unlock(&w->lock);
	return paths;
}

void ix_watcher_report(struct ix_watcher *w, struct ix_watch *report)
{
	char text[64];

	memset(report, 0, sizeof(*report));
	(void)pthread_mutex_lock(&w->lock);
	report->folders = w->map.count;
	report->mode = IX_WATCH_RESCAN;
	if (w->refused[0] != '\0')
		(void)snprintf(report->reason, sizeof(report->reason), "%s", w->refused);
	else if (w->silent[0] != '\0')
		(void)snprintf(report->reason, sizeof(report->reason),
			       "the store is on %s, which does not tell of all changes", w->silent);
	else if (w->unwatched == ENOSPC)
		(void)snprintf(report->reason, sizeof(report->reason),
			       "fs.inotify.max_user_watches allows %zu folders and no more",
			       w->map.count);
	else if (w->unwatched != 0)
		(void)snprintf(report->reason, sizeof(report->reason),
			       "a folder cannot be watched: %s",
			       strerror_r(w->unwatched, text, sizeof(text)));
	else if (w->twice)
		(void)snprintf(report->reason, sizeof(report->reason),
			       "a folder is in the store twice (bind mount)");
	else if (w->led_out)
		(void)snprintf(report->reason, sizeof(report->reason),
			       "links lead out of the store");
	else if (w->inotify >= 0)
		report->mode = IX_WATCH_EVENTS;
	(void)pthread_mutex_unlock(&w->lock);
}
