/* SPDX-License-Identifier: MIT */
#include "fs/first-scan.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/confine.h"
#include "fs/measure.h"
#include "fs/places.h"
#include "fs/produce.h"
#include "fs/stop.h"
#include "fs/update.h"

/* How often it is looked whether a signal came. */
#define LOOK_MS 100

/* What the process that scans has to say. */
struct outcome {
	bool done, no_index;
	struct err err;
};

/* ---- In that process --------------------------------------------------------- */

/* The other end says so when it is time to stop, and says so too by being gone. */
struct listener {
	int fd;
	atomic_bool stop;
};

static void *listen_to_parent(void *context)
{
	struct listener *listener = context;
	struct pollfd parent = {.fd = listener->fd, .events = POLLIN};

	while (poll(&parent, 1, -1) < 0 && errno == EINTR)
		;
	atomic_store(&listener->stop, true);
	return NULL;
}

static bool start_listening(struct listener *listener, struct err *err)
{
	pthread_t thread;
	int sys = pthread_create(&thread, NULL, listen_to_parent, listener);

	/* It ends with the process. */
	return (sys == 0 && pthread_detach(thread) == 0) ||
	       err_set_sys(err, sys, "cannot start a thread");
}

static bool scan(const struct fs_options *options, const struct fs_ground *ground,
		 struct listener *listener, bool *no_index, struct err *err)
{
	struct fs_ground own = *ground;
	struct ix_index *index = NULL;
	struct fs_progress progress;
	bool ok;

	if (fs_measure_wanted(options) &&
	    !fs_producers_open(&own.measurers, options, false, true, err))
		return false;
	*no_index = !fs_open_index(&index, options, false, err);
	fs_progress_init(&progress, true);
	ok = !*no_index && fs_confine_to_places(options, FS_RIGHT_READ, err) &&
	     start_listening(listener, err) &&
	     fs_update_index(&index, options, &own, &progress, &listener->stop, err);
	ix_close(index);
	fs_workers_close(own.measurers);
	return ok;
}

static _Noreturn void run(const struct fs_options *options, const struct fs_ground *ground, int fd,
			  const sigset_t *mask)
{
	static const int ignored[] = {SIGINT, SIGTERM, SIGHUP};
	struct outcome outcome = {.done = false};
	/* Of a thread that may outlive this function. */
	struct listener *listener = calloc(1, sizeof(*listener));

	/* Also when they are sent to all processes: they are for the parent. */
	for (size_t i = 0; i < ARRAY_LEN(ignored); i++)
		(void)signal(ignored[i], SIG_IGN);
	(void)pthread_sigmask(SIG_SETMASK, mask, NULL);
	if (listener == NULL)
		_exit(EXIT_FAILURE);
	listener->fd = fd;
	atomic_init(&listener->stop, false);
	outcome.done = scan(options, ground, listener, &outcome.no_index, &outcome.err);
	if (send(fd, &outcome, sizeof(outcome), MSG_NOSIGNAL) != (ssize_t)sizeof(outcome))
		_exit(EXIT_FAILURE);
	exit(EXIT_SUCCESS);
}

/* ---- Beside it ------------------------------------------------------------------ */

/* Until it has said something, or has ended. */
static bool wait_for(int fd, const struct fs_stop *stop, struct outcome *outcome)
{
	struct pollfd result = {.fd = fd, .events = POLLIN};
	bool told = false;
	ssize_t got;

	while (poll(&result, 1, LOOK_MS) <= 0) {
		if (atomic_load(&stop->stop) && !told)
			told = send(fd, "", 1, MSG_NOSIGNAL) == 1;
	}
	got = recv(fd, outcome, sizeof(*outcome), 0);
	/* It ended without having read what it was told; that is said first. */
	if (got < 0 && errno == ECONNRESET)
		got = recv(fd, outcome, sizeof(*outcome), 0);
	return got == (ssize_t)sizeof(*outcome);
}

static bool describe_end(int status, struct err *err)
{
	if (WIFSIGNALED(status))
		return err_set(err, ERR_ABORTED, "the scan was ended by signal %d",
			       WTERMSIG(status));
	return err_set(err, ERR_ABORTED, "the scan ended too early");
}

/* The signals are blocked: none of them is lost, whenever it comes. *stopped: one came,
 * perhaps too late for the scan to hear of it. A second one ends this process. */
static bool scan_in_child(const struct fs_options *options, const struct fs_ground *ground,
			  const sigset_t *mask, bool *stopped, struct outcome *outcome,
			  struct err *err)
{
	CLEANUP_FS_STOP struct fs_stop stop = {0};
	int ends[2], status = 0;
	pid_t child;
	bool heard;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set_sys(err, errno, "cannot make a socket");
	child = fork();
	if (child == 0) {
		(void)close(ends[0]);
		run(options, ground, ends[1], mask);
	}
	(void)close(ends[1]);
	if (child < 0) {
		(void)err_set_sys(err, errno, "cannot start a process");
		(void)close(ends[0]);
		return false;
	}
	heard = fs_stop_start(&stop, err) && wait_for(ends[0], &stop, outcome);
	/* With that it stops, if it has not. */
	(void)close(ends[0]);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	fs_stop_end(&stop);
	*stopped = atomic_load(&stop.stop);
	return heard || (err->code == ERR_NONE ? describe_end(status, err) : false);
}

bool fs_first_scan(const struct fs_options *options, const struct fs_ground *ground, bool *no_index,
		   struct err *err)
{
	static const struct timespec at_once = {0};
	struct outcome outcome = {.done = false};
	sigset_t signals, before;
	bool stopped = false, heard;

	*no_index = false;
	fs_stop_signals(&signals);
	(void)pthread_sigmask(SIG_BLOCK, &signals, &before);
	heard = scan_in_child(options, ground, &before, &stopped, &outcome, err);
	stopped = sigtimedwait(&signals, NULL, &at_once) > 0 || stopped;
	(void)pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!heard)
		return false;
	*no_index = outcome.no_index;
	if (!outcome.done)
		*err = outcome.err;
	else if (stopped)
		return err_set(err, ERR_INTERRUPTED, "interrupted; what was indexed is kept");
	return outcome.done;
}
