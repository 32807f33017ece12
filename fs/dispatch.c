/* SPDX-License-Identifier: MIT */
#include "fs/dispatch.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "fs/core.h"

/* Interrupts a read of the device; its handler does nothing. */
#define WAKE_SIGNAL SIGUSR1
#define WAKE_EVERY_NS 2000000L

/* As long as waking takes, so that looking in vain costs no more than that. */
#define LOOK_NS 50000

struct fs_dispatch {
	struct fs_session *session;
	bool may_look;         /* there is another processor for who asks */
	atomic_bool looking;   /* one thread is enough */
	atomic_llong answered; /* when, monotonic ns: the last request */
	atomic_bool close;     /* it came within LOOK_NS of the one before */
	struct sigaction old_action;
	unsigned started;
	pthread_t threads[];
};

static void on_wake(int number)
{
	(void)number;
}

static void announce(struct fs_session *session)
{
	const uint64_t one = 1;
	ssize_t put = write(session->ended_fd, &one, sizeof(one));

	(void)put;
}

static long long now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (long long)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Returns when a request is there, or probably does not come soon. Another thread
 * may take it: then the read after this sleeps, as it would have anyway. */
static void look_for_next(struct fs_dispatch *dispatch)
{
	struct pollfd device = {
		.fd = fuse_session_fd(dispatch->session->fuse),
		.events = POLLIN,
	};
	long long until;

	if (!dispatch->may_look || !atomic_load(&dispatch->close) ||
	    atomic_exchange(&dispatch->looking, true))
		return;
	until = now_ns() + LOOK_NS;
	while (poll(&device, 1, 0) == 0 && now_ns() < until)
		;
	atomic_store(&dispatch->looking, false);
}

/* False: the mount has ended. */
static bool serve_one(struct fs_dispatch *dispatch, struct fuse_buf *buf)
{
	struct fs_session *session = dispatch->session;
	int got;

	look_for_next(dispatch);
	got = fuse_session_receive_buf(session->fuse, buf);
	if (dispatch->may_look)
		atomic_store(&dispatch->close,
			     now_ns() - atomic_load(&dispatch->answered) < LOOK_NS);
	if (got == -EINTR || got == -EAGAIN)
		return true;
	if (got < 0)
		log_error("cannot read from the kernel: %s", strerror(-got));
	if (got <= 0)
		return false;
	fuse_session_process_buf(session->fuse, buf);
	if (dispatch->may_look)
		atomic_store(&dispatch->answered, now_ns());
	return true;
}

/* So that the first request need not wait for it. */
static void open_index_ahead(struct fs_thread *thread)
{
	struct err err = {0};

	if (fs_thread_reader(thread, &err) == NULL)
		log_trace(LOG_SQL, "index: %s", err.message);
}

static void *dispatch_thread(void *context)
{
	struct fs_dispatch *dispatch = context;
	struct fs_session *session = dispatch->session;
	struct fs_thread thread;
	struct fuse_buf buf = {0};
	bool told = atomic_load(&session->initialised);

	(void)pthread_setname_np(pthread_self(), "fs-dispatch");
	fs_thread_init(&thread, session->index);
	(void)pthread_setspecific(session->thread_key, &thread);
	if (told)
		open_index_ahead(&thread);
	while (!atomic_load(&session->stopping) && !fuse_session_exited(session->fuse) &&
	       serve_one(dispatch, &buf)) {
		if (!told && atomic_load(&session->initialised)) {
			announce(session);
			told = true;
			open_index_ahead(&thread);
		}
	}
	atomic_store(&session->stopping, true);
	announce(session);
	fs_thread_release(&thread);
	free(buf.mem);
	return NULL;
}

static bool start_one(struct fs_dispatch *dispatch, struct err *err)
{
	int sys = pthread_create(&dispatch->threads[dispatch->started], NULL, dispatch_thread,
				 dispatch);

	if (sys != 0)
		return err_set_sys(err, sys, "cannot start a thread");
	dispatch->started++;
	return true;
}

/* The size of requests is agreed upon in the first one: nobody else may have a
 * buffer of the size before. */
static void wait_for_init(struct fs_session *session)
{
	struct pollfd ended = {.fd = session->ended_fd, .events = POLLIN};
	uint64_t count;

	while (poll(&ended, 1, -1) < 0 && errno == EINTR)
		;
	if (!atomic_load(&session->stopping) && read(session->ended_fd, &count, sizeof(count)) < 0)
		log_trace(LOG_FUSE, "eventfd: %s", strerror(errno));
}

static bool has_processors(void)
{
	cpu_set_t set;

	return sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) > 1;
}

bool fs_dispatch_start(struct fs_dispatch **out, struct fs_session *session, struct err *err)
{
	unsigned wanted = MAX_OF(session->options->dispatch_threads, 1u);
	struct fs_dispatch *dispatch =
		calloc(1, sizeof(*dispatch) + wanted * sizeof(dispatch->threads[0]));
	struct sigaction action = {.sa_handler = on_wake};

	if (dispatch == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	dispatch->session = session;
	dispatch->may_look = has_processors();
	atomic_init(&dispatch->looking, false);
	atomic_init(&dispatch->answered, 0);
	atomic_init(&dispatch->close, false);
	(void)sigemptyset(&action.sa_mask);
	(void)sigaction(WAKE_SIGNAL, &action, &dispatch->old_action);
	*out = dispatch;
	if (!start_one(dispatch, err))
		return false;
	wait_for_init(session);
	while (dispatch->started < wanted && !atomic_load(&session->stopping)) {
		if (!start_one(dispatch, err))
			return false;
	}
	return true;
}

/* A signal that comes between the thread's look at the flag and its read is
 * lost: hence again and again. No wait until a time of day: that may jump. */
static void join(pthread_t thread)
{
	const struct timespec pause = {.tv_nsec = WAKE_EVERY_NS};

	while (pthread_tryjoin_np(thread, NULL) == EBUSY) {
		(void)pthread_kill(thread, WAKE_SIGNAL);
		(void)nanosleep(&pause, NULL);
	}
}

void fs_dispatch_stop(struct fs_dispatch *dispatch)
{
	if (dispatch == NULL)
		return;
	atomic_store(&dispatch->session->stopping, true);
	for (unsigned i = 0; i < dispatch->started; i++)
		join(dispatch->threads[i]);
	(void)sigaction(WAKE_SIGNAL, &dispatch->old_action, NULL);
	free(dispatch);
}
