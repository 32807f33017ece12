/* SPDX-License-Identifier: MIT */
#include "fs/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/child.h"
#include "fs/confine.h"
#include "fs/message.h"

_Static_assert((int)FS_WORKER_CHANNEL == (int)FS_CHILD_CHANNEL, "in a worker the keeper's goes");

/* A worker that waits for a dead disk cannot be ended: not waited for longer. */
#define END_TRIES 100
#define END_PAUSE_NS 1000000L
/* Of those, so many are looked after until they have gone. */
#define LATE_MAX 64
#define LATE_MS 100

enum request_kind { REQUEST_SPAWN, REQUEST_END };

struct request {
	enum request_kind kind;
	pid_t worker; /* REQUEST_END */
};

struct reply {
	pid_t worker; /* REQUEST_SPAWN; -1: errno is in sys */
	int sys;
	int status; /* REQUEST_END */
	bool known;
};

#define LOWEST_PRIORITY 19

struct keeper {
	struct fs_keeping keeping;
	int fd;
	struct fs_filter *filter;
	struct fs_arguments arguments;
	pid_t late[LATE_MAX]; /* killed, and not gone yet; 0: none */
	/* How soon the keeper goes when memory runs out; -1: nothing to be done. */
	int score_fd;
	char score[16];
};

/* ---- In the keeper -------------------------------------------------------- */

/* Its descriptors are those that a worker begins with, and no others. */
static bool place_descriptors(const int fds[2])
{
	int channel = fcntl(fds[0], F_DUPFD_CLOEXEC, FS_WORKER_MEMORY + 1);
	int memory = fcntl(fds[1], F_DUPFD_CLOEXEC, FS_WORKER_MEMORY + 1);

	return channel >= 0 && memory >= 0 && dup3(channel, FS_WORKER_CHANNEL, O_CLOEXEC) >= 0 &&
	       dup3(memory, FS_WORKER_MEMORY, O_CLOEXEC) >= 0 &&
	       close_range(FS_WORKER_MEMORY + 1, ~0u, 0) == 0;
}

/* Its own files in /proc are root's once others may not look into it. */
static void open_score(struct keeper *self)
{
	ssize_t got = -1;

	self->score_fd = open("/proc/self/oom_score_adj", O_RDWR | O_CLOEXEC);
	if (self->score_fd >= 0)
		got = read(self->score_fd, self->score, sizeof(self->score) - 1);
	if (got <= 0)
		base_close_fd(&self->score_fd);
}

static void set_score(const struct keeper *self, const char *score)
{
	if (self->score_fd >= 0 && pwrite(self->score_fd, score, strlen(score), 0) < 0)
		return;
}

static void spawn(const struct keeper *self, const int fds[2], struct reply *reply)
{
	pid_t keeper = getpid();

	/* A worker begins with what the keeper has: it goes before all others. */
	set_score(self, "1000");
	reply->worker = fds[0] >= 0 ? fork() : -1;
	reply->sys = errno;
	if (reply->worker != 0)
		set_score(self, self->score);
	if (reply->worker != 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fs_child_rename(&self->arguments, "dicomfs-decode");
	if (getppid() != keeper || !place_descriptors(fds))
		_exit(EXIT_FAILURE);
	fs_worker_run(self->filter, self->keeping.memory, self->keeping.work,
		      self->keeping.context);
}

/* False: all have gone. */
static bool reap_late(struct keeper *self)
{
	bool left = false;

	for (size_t i = 0; i < LATE_MAX; i++) {
		if (self->late[i] > 0 && waitpid(self->late[i], NULL, WNOHANG) != 0)
			self->late[i] = 0;
		left = left || self->late[i] > 0;
	}
	return left;
}

static void note_late(struct keeper *self, pid_t worker)
{
	for (size_t i = 0; i < LATE_MAX; i++) {
		if (self->late[i] == 0) {
			self->late[i] = worker;
			return;
		}
	}
}

static void end(struct keeper *self, pid_t worker, struct reply *reply)
{
	const struct timespec pause = {.tv_nsec = END_PAUSE_NS};
	siginfo_t info;
	pid_t ended = 0;

	/* Whoever has taken over the daemon may ask for the end of anybody. */
	if (waitid(P_PID, (id_t)worker, &info, WEXITED | WNOHANG | WNOWAIT) != 0)
		return;
	/* Of a worker that has ended, this changes nothing. */
	(void)kill(worker, SIGKILL);
	for (int i = 0; i < END_TRIES && ended == 0; i++) {
		ended = waitpid(worker, &reply->status, WNOHANG);
		if (ended == 0)
			(void)nanosleep(&pause, NULL);
	}
	reply->known = ended == worker;
	if (ended == 0)
		note_late(self, worker);
}

/* Meanwhile those go that took their time. */
static void wait_for_request(struct keeper *self)
{
	struct pollfd channel = {.fd = self->fd, .events = POLLIN};

	while (reap_late(self) && poll(&channel, 1, LATE_MS) == 0)
		;
}

static _Noreturn void keep(struct keeper *self)
{
	struct request request = {.kind = 0};
	struct iovec part = {.iov_base = &request, .iov_len = sizeof(request)};
	int fds[FS_MESSAGE_FDS];

	for (;;) {
		struct reply reply = {.worker = -1};
		struct iovec answer = fs_message_part(&reply, sizeof(reply));

		wait_for_request(self);
		if (fs_message_receive(self->fd, &part, 1, fds) != (ssize_t)sizeof(request))
			break;
		if (request.kind == REQUEST_SPAWN)
			spawn(self, fds, &reply);
		else if (request.worker > 0)
			end(self, request.worker, &reply);
		base_close_fd(&fds[0]);
		base_close_fd(&fds[1]);
		if (!fs_message_send(self->fd, &answer, 1, NULL, 0))
			break;
	}
	/* Workers see the end of their channels, and of their parent. */
	_exit(EXIT_SUCCESS);
}

/* When a thread first gives much memory back, the C library reads a file in /proc to
 * learn how the kernel deals with memory, and remembers it. */
static void *take_and_give(void *nothing)
{
	void *pieces[64];

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		pieces[i] = malloc(60000);
	__asm__ volatile("" : : "r"(pieces) : "memory");
	for (size_t i = ARRAY_LEN(pieces); i-- > 0;)
		free(pieces[i]);
	return nothing;
}

/* With the first thread the C library does what a worker may not: that, and setting
 * up signals. */
static bool prepare_threads(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, take_and_give, NULL) == 0 &&
	       pthread_join(thread, NULL) == 0;
}

static _Noreturn void run(struct keeper *self, pid_t daemon)
{
	struct err err = {0};

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	fs_child_arguments(&self->arguments);
	fs_child_rename(&self->arguments, "dicomfs-keeper");
	/* Workers have one arena, of which all that is free can be found again (see
	 * fs/worker.c). */
	(void)mallopt(M_ARENA_MAX, 1);
	if (getppid() != daemon || !fs_child_settle(self->fd, self->keeping.quiet))
		_exit(EXIT_FAILURE);
	open_score(self);
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (!prepare_threads() || !fs_give_up_rights(0, &err))
		_exit(EXIT_FAILURE);
	self->fd = FS_CHILD_CHANNEL;
	if (self->keeping.background)
		(void)setpriority(PRIO_PROCESS, 0, LOWEST_PRIORITY);
	keep(self);
}

/* ---- In the daemon -------------------------------------------------------- */

bool fs_keeper_start(struct fs_keeper *keeper, const struct fs_keeping *keeping, struct err *err)
{
	struct keeper self = {.keeping = *keeping};
	pid_t daemon = getpid();
	int ends[2];

	keeper->fd = -1;
	if (!fs_filter_for_worker(&self.filter, FS_WORKER_CHANNEL, err))
		return false;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
		fs_filter_close(self.filter);
		return err_set_sys(err, errno, "cannot make a socket");
	}
	keeper->pid = fork();
	if (keeper->pid == 0) {
		self.fd = ends[1];
		run(&self, daemon);
	}
	(void)close(ends[1]);
	fs_filter_close(self.filter);
	if (keeper->pid < 0) {
		int sys = errno;

		(void)close(ends[0]);
		return err_set_sys(err, sys, "cannot start a process");
	}
	keeper->fd = ends[0];
	return true;
}

void fs_keeper_stop(struct fs_keeper *keeper)
{
	if (keeper->fd < 0)
		return;
	base_close_fd(&keeper->fd);
	while (waitpid(keeper->pid, NULL, 0) < 0 && errno == EINTR)
		;
}

static bool ask(struct fs_keeper *keeper, const struct request *request, const int *fds,
		struct reply *reply)
{
	struct iovec question = fs_message_part(request, sizeof(*request));
	struct iovec answer = {.iov_base = reply, .iov_len = sizeof(*reply)};

	return fs_message_send(keeper->fd, &question, 1, fds, 0) &&
	       fs_message_receive(keeper->fd, &answer, 1, NULL) == (ssize_t)sizeof(*reply);
}

bool fs_keeper_spawn(struct fs_keeper *keeper, int channel_fd, int memory_fd, pid_t *worker,
		     struct err *err)
{
	const struct request request = {.kind = REQUEST_SPAWN};
	const int fds[] = {channel_fd, memory_fd};
	struct reply reply;

	if (!ask(keeper, &request, fds, &reply))
		return err_set(err, ERR_IO, "the process that starts decoders is gone");
	if (reply.worker < 0)
		return err_set_sys(err, reply.sys, "cannot start a decoder");
	*worker = reply.worker;
	return true;
}

bool fs_keeper_end(struct fs_keeper *keeper, pid_t worker, int *status)
{
	const struct request request = {.kind = REQUEST_END, .worker = worker};
	struct reply reply;

	if (!ask(keeper, &request, NULL, &reply))
		return false;
	*status = reply.status;
	return reply.known;
}
