/* SPDX-License-Identifier: MIT */
#include "fs/session.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "fs/confine.h"
#include "fs/core.h"
#include "fs/dispatch.h"
#include "fs/handle.h"
#include "fs/places.h"

#define IO_THREADS 8
#define STATUS_THREADS 1
/* A store that has not answered for this long does not keep the mount. */
#define STOP_TIMEOUT_MS 2000
#define READ_AHEAD_KB "1024"
/* Where frames are: of the order of ten bytes a frame. */
#define FRAMES_MEMORY ((uint64_t)16 << 20)

void fs_session_statvfs_refresh(struct fs_session *session)
{
	struct statvfs store;
	struct statvfs st = {.f_bsize = 4096, .f_frsize = 4096, .f_namemax = IX_NAME_MAX};

	if (fstatvfs(session->store_fd, &store) == 0) {
		st.f_frsize = store.f_frsize;
		st.f_bsize = store.f_bsize;
		/* As large as what the store's disk holds, and full. */
		st.f_blocks = store.f_blocks - store.f_bfree;
	}
	pthread_mutex_lock(&session->statvfs_lock);
	session->statvfs = st;
	pthread_mutex_unlock(&session->statvfs_lock);
}

bool fs_session_may_warn(struct fs_session *session)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return atomic_exchange(&session->last_warning, (long long)now.tv_sec) != now.tv_sec;
}

/* ---- Opening ------------------------------------------------------------- */

static bool read_settled(struct fs_session *session, struct err *err)
{
	struct ix_reader *reader = NULL;
	struct ix_status status = {0};
	bool ok;

	if (!ix_reader_open(&reader, session->index, err))
		return false;
	ok = ix_status_get(reader, &status, err);
	ix_reader_close(reader);
	atomic_init(&session->settled, ok && status.state == IX_SCAN_COMPLETE);
	return ok;
}

/* What there need not be. */
static bool open_tiers(struct fs_session *session, struct err *err)
{
	const struct fs_options *options = session->options;

	return (options->cache_dir == NULL || options->cache_size == 0 ||
		fs_disk_cache_open(&session->disk, options->cache_dir, options->cache_size, err)) &&
	       (options->decode_ahead == 0 || fs_ahead_open(&session->ahead, session, err));
}

/* Everything but the mount. */
static bool open_parts(struct fs_session *session, struct err *err)
{
	const struct fs_options *options = session->options;
	struct fs_content_ops content_ops = fs_source_content_ops;

	content_ops.context = session;
	session->ended_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (session->ended_fd < 0)
		return err_set_sys(err, errno, "cannot make an eventfd");
	return read_settled(session, err) && fs_passthrough_open(&session->passthrough, err) &&
	       fs_pool_open(&session->io_pool, "store", IO_THREADS, session->index, err) &&
	       fs_pool_open(&session->decode_pool, "decode", fs_options_decoders(options),
			    session->index, err) &&
	       fs_pool_open(&session->status_pool, "status", STATUS_THREADS, session->index, err) &&
	       fs_content_open(&session->content, options->cache_memory, session->decode_pool,
			       &content_ops, err) &&
	       fs_frames_open(&session->frames, FRAMES_MEMORY, err) && open_tiers(session, err) &&
	       fs_snapshots_open(&session->snapshots, options, session->index, err) &&
	       fs_rescan_open(&session->rescan, session, err);
}

static PRINTF_LIKE(2, 0) void log_to_trace(enum fuse_log_level level, const char *format,
					   va_list args)
{
	char line[256];

	(void)level;
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_trace(LOG_FUSE, "%s", line);
}

static PRINTF_LIKE(2, 0) void log_fuse(enum fuse_log_level level, const char *format, va_list args)
{
	char line[256];

	if (level > FUSE_LOG_ERR) {
		log_to_trace(level, format, args);
		return;
	}
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	log_warning("%s", line);
}

static bool mount_session(struct fs_session *session, struct err *err)
{
	const struct fs_options *options = session->options;
	struct fuse_args args = FUSE_ARGS_INIT(options->fuse_arg_count, options->fuse_args);

	/* libfuse's own words would be a second line beside ours; with -d they are
	 * what was asked for. */
	if (!options->debug)
		fuse_set_log_func(log_to_trace);
	session->fuse = fuse_session_new(&args, &fs_ops, sizeof(fs_ops), session);
	fuse_opt_free_args(&args);
	if (session->fuse == NULL)
		return err_set(err, ERR_USAGE, "libfuse does not accept the mount options");
	if (!fs_inval_open(&session->inval, session->fuse, options, err))
		return false;
	errno = 0;
	if (fuse_session_mount(session->fuse, options->mountpoint) != 0) {
		if (errno == 0)
			return err_set(err, ERR_IO, "cannot mount on %s", options->mountpoint);
		return err_set_sys(err, errno, "cannot mount on %s", options->mountpoint);
	}
	if (!options->debug)
		fuse_set_log_func(log_fuse);
	session->mounted = true;
	return options->no_passthrough ||
	       fs_passthrough_attach(session->passthrough, session->fuse, err);
}

bool fs_session_open(struct fs_session **out, const struct fs_options *options,
		     struct ix_index *index, const struct fs_ground *ground, struct err *err)
{
	struct fs_session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	session->options = options;
	session->index = index;
	session->store_fd = ground->store_fd;
	session->quiet_fd = ground->quiet_fd;
	session->read_ahead_fd = -1;
	session->helper = ground->helper;
	session->unmounter = ground->unmounter;
	session->workers = ground->workers;
	session->measurers = ground->measurers;
	session->epoch = ix_epoch(index);
	session->writer = ix_is_writer(index);
	session->ended_fd = -1;
	session->local = !options->follow && fs_store_is_local(ground->store_fd);
	atomic_init(&session->initialised, false);
	atomic_init(&session->stopping, false);
	atomic_init(&session->making, 0);
	atomic_init(&session->last_warning, -1);
	pthread_mutex_init(&session->statvfs_lock, NULL);
	fs_handles_init(&session->handles);
	(void)pthread_key_create(&session->thread_key, NULL);
	fs_session_statvfs_refresh(session);
	if (!open_parts(session, err) || !mount_session(session, err)) {
		fs_session_close(session);
		return false;
	}
	*out = session;
	return true;
}

/* Whatever is asked of the kernel through it now, the answer is that it is gone. */
static void cut_off(int fd)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) != 0)
		return;
	(void)close(ends[0]);
	(void)dup3(ends[1], fd, O_CLOEXEC);
	(void)close(ends[1]);
}

/* The right to do it is the helper's. */
static void take_mount_away(struct fs_session *session)
{
	struct pollfd device = {.fd = fuse_session_fd(session->fuse)};
	struct err err = {0};

	/* By somebody else; what is at that place now is not ours. */
	if (poll(&device, 1, 0) != 1 || (device.revents & POLLERR) == 0) {
		/* First, so that it does not wait for answers. */
		cut_off(device.fd);
		if (!fs_helper_unmount(session->unmounter, &err))
			log_error("%s: %s", session->options->mountpoint, err.message);
	}
}

/* libfuse, which has it do its own part, is shown a mount that is gone. */
static void unmount(struct fs_session *session)
{
	if (!session->mounted)
		return;
	session->mounted = false;
	take_mount_away(session);
	fuse_session_unmount(session->fuse);
}

void fs_session_close(struct fs_session *session)
{
	if (session == NULL)
		return;
	unmount(session);
	base_close_fd(&session->read_ahead_fd);
	fs_handles_release(&session->handles);
	if (session->fuse != NULL)
		fuse_session_destroy(session->fuse);
	fs_passthrough_close(session->passthrough);
	fs_rescan_close(session->rescan);
	fs_inval_close(session->inval);
	fs_ahead_close(session->ahead);
	fs_content_close(session->content);
	fs_disk_cache_close(session->disk);
	fs_frames_close(session->frames);
	fs_snapshots_close(session->snapshots);
	fs_pool_close(session->status_pool);
	fs_pool_close(session->decode_pool);
	fs_pool_close(session->io_pool);
	base_close_fd(&session->ended_fd);
	(void)pthread_key_delete(session->thread_key);
	pthread_mutex_destroy(&session->statvfs_lock);
	free(session);
}

/* ---- Serving --------------------------------------------------------------- */

/* Eight times fewer requests for the same bytes; root only, and no harm if not.
 * The device is not asked of stat(2): a process that waits for an answer of its
 * own mount can never be ended if the thread that would answer is gone. */
static void open_read_ahead(struct fs_session *session)
{
	const char *mountpoint = session->options->mountpoint;
	CLEANUP_BUF struct buf type = buf_empty(256);
	CLEANUP_BUF struct buf device = buf_empty(32);
	char path[96];

	if (geteuid() != 0 || !fs_mount_here(mountpoint, &type, &device))
		return;
	(void)snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", buf_text(&device));
	session->read_ahead_fd = open(path, O_WRONLY | O_CLOEXEC);
}

/* Not before INIT was answered, which sets it. */
static void raise_read_ahead(struct fs_session *session)
{
	if (session->read_ahead_fd >= 0 &&
	    write(session->read_ahead_fd, READ_AHEAD_KB, strlen(READ_AHEAD_KB)) < 0)
		log_trace(LOG_FUSE, "read ahead: %s", strerror(errno));
	base_close_fd(&session->read_ahead_fd);
}

/* Every open original holds a descriptor. */
static void raise_open_files(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool start_threads(struct fs_session *session, struct fs_dispatch **dispatch,
			  struct err *err)
{
	if (session->workers != NULL)
		fs_pool_share(session->decode_pool, fs_workers_budget(session->workers));
	return fs_pool_start(session->io_pool, err) && fs_pool_start(session->decode_pool, err) &&
	       fs_pool_start(session->status_pool, err) &&
	       (session->disk == NULL || fs_disk_cache_start(session->disk, err)) &&
	       fs_dispatch_start(dispatch, session, err) && fs_inval_start(session->inval, err) &&
	       fs_rescan_start(session->rescan, err);
}

static bool wait_for_end(struct fs_session *session, const sigset_t *signals, struct err *err)
{
	CLEANUP_FD int signal_fd = signalfd(-1, signals, SFD_CLOEXEC);
	struct pollfd ends[] = {
		{.fd = signal_fd, .events = POLLIN},
		{.fd = session->ended_fd, .events = POLLIN},
	};

	if (signal_fd < 0)
		return err_set_sys(err, errno, "cannot wait for signals");
	while (poll(ends, ARRAY_LEN(ends), -1) < 0) {
		if (errno != EINTR)
			return err_set_sys(err, errno, "cannot wait for signals");
	}
	if ((ends[0].revents & POLLIN) != 0) {
		struct signalfd_siginfo info;

		/* Taken, or it would be there again once it is not blocked any more. */
		if (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
			log_trace(LOG_FUSE, "signal %u", info.ssi_signo);
	}
	return true;
}

/* The order matters: who tells the kernel of changes may wait for a folder that is
 * locked for a request, and so for a dispatch thread, none of which may have ended;
 * pools may still answer requests; the mount goes last. */
static bool stop_threads(struct fs_session *session, struct fs_dispatch *dispatch)
{
	bool ended;

	fs_inval_stop(session->inval);
	atomic_store(&session->stopping, true);
	fs_content_cancel_all(session->content);
	fs_dispatch_stop(dispatch);
	ended = fs_rescan_stop(session->rescan, STOP_TIMEOUT_MS);
	ended = fs_pool_stop(session->decode_pool, STOP_TIMEOUT_MS) && ended;
	ended = fs_pool_stop(session->io_pool, STOP_TIMEOUT_MS) && ended;
	ended = (session->disk == NULL || fs_disk_cache_stop(session->disk, STOP_TIMEOUT_MS)) &&
		ended;
	return fs_pool_stop(session->status_pool, STOP_TIMEOUT_MS) && ended;
}

/* Threads that wait for a dead disk cannot be ended, and what they use cannot be freed
 * or closed, should it come to life now: the mount goes, and the process with it. */
static void leave_behind(struct fs_session *session)
{
	log_warning("the store does not answer; leaving requests behind");
	if (session->mounted)
		take_mount_away(session);
	_exit(EXIT_SUCCESS);
}

bool fs_session_run(struct fs_session *session, struct err *err)
{
	struct fs_dispatch *dispatch = NULL;
	sigset_t signals, before;
	bool ok, pass_through;

	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGHUP);
	(void)sigaddset(&signals, SIGPIPE);
	(void)pthread_sigmask(SIG_BLOCK, &signals, &before);
	(void)sigdelset(&signals, SIGPIPE);
	/* Pictures come and go all day: what is freed goes back to the system. */
	(void)mallopt(M_MMAP_THRESHOLD, 1024 * 1024);
	(void)mallopt(M_TRIM_THRESHOLD, 4 * 1024 * 1024);
	raise_open_files();
	open_read_ahead(session);
	/* Where nothing is passed through, mounting was the last that took the right. */
	pass_through = !session->options->no_passthrough && fs_passthrough_is_known();
	ok = fs_confine_to_places(session->options,
				  FS_RIGHT_READ | (pass_through ? FS_RIGHT_ADMIN : 0), err) &&
	     start_threads(session, &dispatch, err);
	if (ok && !atomic_load(&session->stopping))
		raise_read_ahead(session);
	ok = ok && wait_for_end(session, &signals, err);
	if (!stop_threads(session, dispatch))
		leave_behind(session);
	unmount(session);
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}
