/* SPDX-License-Identifier: MIT */
#include "fs/helper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "dicom/buf.h"
#include "fs/child.h"
#include "fs/confine.h"
#include "fs/message.h"
#include "fs/places.h"
#include "fs/store-file.h"

enum request_kind { REQUEST_UNMOUNT, REQUEST_CLONE, REQUEST_LEASE, REQUEST_LOG };

/* With the text that follows it, and a descriptor. Both ends are one program. */
struct request {
	enum request_kind kind;
	int priority; /* LOG */
};
struct reply {
	int sys; /* 0: done; what else there is comes as a descriptor */
};

#define TEXT_MAX ((size_t)2048)
/* As long as an answer is waited for, and its end. */
#define ANSWER_MS 5000
#define STOP_TRIES 2000

/* ---- In the helper ---------------------------------------------------------- */

/* Who is not root has a program that is. */
static int unmount_by_program(const char *mountpoint)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		(void)execlp("fusermount3", "fusermount3", "-u", "-q", "-z", "--", mountpoint,
			     (char *)NULL);
		_exit(127);
	}
	while (child > 0 && waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return errno;
	}
	return child > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0 : EPERM;
}

/* Whoever has taken over the daemon may ask for it at any time: then that is all. */
static int unmount(const char *mountpoint)
{
	CLEANUP_BUF struct buf type = buf_empty(256);
	CLEANUP_BUF struct buf device = buf_empty(32);

	if (mountpoint == NULL)
		return EPERM;
	if (fs_mount_here(mountpoint, &type, &device) &&
	    strcmp(buf_text(&type), FS_MOUNT_TYPE) != 0)
		return EBUSY;
	if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) == 0)
		return 0;
	return errno == EPERM ? unmount_by_program(mountpoint) : errno;
}

static int try_lease(int fd)
{
	/* Should a writer come in this very moment: a signal that does nothing. */
	if (fcntl(fd, F_SETSIG, SIGURG) != 0 || fcntl(fd, F_SETLEASE, F_RDLCK) != 0)
		return errno;
	(void)fcntl(fd, F_SETLEASE, F_UNLCK);
	return 0;
}

/* What was asked for; *out: a descriptor for the answer. */
static int answer(const struct fs_helping *helping, const struct request *request, const char *text,
		  int fd, int *out)
{
	switch (request->kind) {
	case REQUEST_UNMOUNT:
		return unmount(helping->mountpoint);
	case REQUEST_CLONE:
		*out = fd >= 0 ? fs_store_clone(fd) : -1;
		return *out >= 0 ? 0 : EPERM;
	case REQUEST_LEASE:
		return fd >= 0 ? try_lease(fd) : EBADF;
	case REQUEST_LOG:
		syslog(request->priority, "%s", text);
		break;
	}
	return 0;
}

static _Noreturn void serve(const struct fs_helping *helping)
{
	struct request request = {.kind = 0};
	char text[TEXT_MAX];
	struct iovec parts[] = {
		{.iov_base = &request, .iov_len = sizeof(request)},
		{.iov_base = text, .iov_len = sizeof(text) - 1},
	};
	int fds[FS_MESSAGE_FDS];
	ssize_t got;

	while ((got = fs_message_receive(FS_CHILD_CHANNEL, parts, ARRAY_LEN(parts), fds)) >=
	       (ssize_t)sizeof(request)) {
		CLEANUP_FD int given = fds[0], too_many = fds[1], out = -1;
		struct reply reply = {.sys = 0};
		struct iovec part = fs_message_part(&reply, sizeof(reply));

		text[(size_t)got - sizeof(request)] = '\0';
		reply.sys = too_many < 0 ? answer(helping, &request, text, given, &out) : EBADF;
		if (request.kind != REQUEST_LOG &&
		    !fs_message_send(FS_CHILD_CHANNEL, &part, 1, (const int[]){out, -1}, 0))
			break;
	}
	_exit(EXIT_SUCCESS);
}

static _Noreturn void run(int channel_fd, const struct fs_helping *helping)
{
	struct fs_arguments arguments;
	/* It speaks for the daemon. */
	pid_t daemon = getppid();
	char name[64];

	fs_child_arguments(&arguments);
	(void)snprintf(name, sizeof(name), "%s[%d]", helping->program, (int)daemon);
	fs_child_rename(&arguments, "dicomfs-helper");
	(void)prctl(PR_SET_DUMPABLE, 0);
	if (!fs_child_settle(channel_fd, helping->quiet))
		_exit(EXIT_FAILURE);
	openlog(name, 0, LOG_DAEMON);
	serve(helping);
}

/* ---- In the daemon ----------------------------------------------------------- */

bool fs_helper_start(struct fs_helper *helper, const struct fs_helping *helping, struct err *err)
{
	const struct timeval patience = {.tv_sec = ANSWER_MS / 1000};
	int ends[2];

	helper->fd = -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
		return err_set_sys(err, errno, "cannot make a socket");
	helper->pid = fork();
	if (helper->pid == 0) {
		(void)close(ends[0]);
		run(ends[1], helping);
	}
	(void)close(ends[1]);
	if (helper->pid < 0) {
		(void)err_set_sys(err, errno, "cannot start a process");
		(void)close(ends[0]);
		return false;
	}
	/* Lines for the log may be in front. */
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	pthread_mutex_init(&helper->lock, NULL);
	helper->fd = ends[0];
	return true;
}

void fs_helper_stop(struct fs_helper *helper)
{
	const struct timespec pause = {.tv_nsec = 1000000};

	if (helper == NULL || helper->fd < 0)
		return;
	base_close_fd(&helper->fd);
	for (int i = 0; i < STOP_TRIES && waitpid(helper->pid, NULL, WNOHANG) == 0; i++)
		(void)nanosleep(&pause, NULL);
	pthread_mutex_destroy(&helper->lock);
}

/* The errno of what was asked for; *out as in answer(), NULL if there is none. */
static int ask(struct fs_helper *helper, enum request_kind kind, const char *text, int fd, int *out)
{
	struct request request = {.kind = kind};
	struct reply reply = {.sys = EIO};
	struct iovec parts[] = {fs_message_part(&request, sizeof(request)),
				fs_message_part(text, strlen(text))};
	struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};
	struct pollfd answer = {.fd = helper->fd, .events = POLLIN};
	int fds[FS_MESSAGE_FDS] = {-1, -1};
	bool ok;

	pthread_mutex_lock(&helper->lock);
	ok = fs_message_send(helper->fd, parts, ARRAY_LEN(parts), (const int[]){fd, -1}, 0) &&
	     poll(&answer, 1, ANSWER_MS) == 1 &&
	     fs_message_receive(helper->fd, &part, 1, fds) == (ssize_t)sizeof(reply);
	/* An answer that comes later would be taken for that of the next question. */
	if (!ok)
		(void)shutdown(helper->fd, SHUT_RDWR);
	pthread_mutex_unlock(&helper->lock);
	if (out != NULL)
		*out = fds[0];
	else
		base_close_fd(&fds[0]);
	base_close_fd(&fds[1]);
	return ok ? reply.sys : EIO;
}

bool fs_helper_unmount(struct fs_helper *helper, struct err *err)
{
	int sys = ask(helper, REQUEST_UNMOUNT, "", -1, NULL);

	return sys == 0 || err_set_sys(err, sys, "cannot unmount");
}

int fs_helper_clone(struct fs_helper *helper, int folder_fd)
{
	int clone_fd = -1;

	if (ask(helper, REQUEST_CLONE, "", folder_fd, &clone_fd) != 0)
		base_close_fd(&clone_fd);
	return clone_fd;
}

bool fs_helper_is_unwritten(int fd, void *helper)
{
	return ask(helper, REQUEST_LEASE, "", fd, NULL) == 0;
}

void fs_helper_log(int priority, const char *line, void *helper)
{
	struct request request = {.kind = REQUEST_LOG, .priority = priority};
	struct iovec parts[] = {fs_message_part(&request, sizeof(request)),
				fs_message_part(line, strnlen(line, TEXT_MAX - 1))};

	if (!fs_message_send(((struct fs_helper *)helper)->fd, parts, ARRAY_LEN(parts), NULL,
			     MSG_DONTWAIT))
		return;
}
