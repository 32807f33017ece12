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

/* ---- Messages -------------------------------------------------------------- */

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(sizeof(int))];
};

/* parts: the message; fd: -1, or one that goes with it. */
static bool send_parts(int channel_fd, struct iovec *parts, size_t count, int fd, int flags)
{
	union control control = {.bytes = {0}};
	struct msghdr to = {.msg_iov = parts, .msg_iovlen = count};
	struct cmsghdr *header;
	ssize_t sent;

	if (fd >= 0) {
		to.msg_control = control.bytes;
		to.msg_controllen = sizeof(control.bytes);
		header = CMSG_FIRSTHDR(&to);
		header->cmsg_level = SOL_SOCKET;
		header->cmsg_type = SCM_RIGHTS;
		header->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(header), &fd, sizeof(int));
	}
	do {
		sent = sendmsg(channel_fd, &to, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

/* There is room for more than the one that we send. */
static void take_one(const struct cmsghdr *header, int *fd)
{
	int fds[CMSG_SPACE(sizeof(int)) / sizeof(int)];
	size_t count = MIN_OF((header->cmsg_len - CMSG_LEN(0)) / sizeof(int), ARRAY_LEN(fds));

	memcpy(fds, CMSG_DATA(header), count * sizeof(int));
	for (size_t i = 1; i < count; i++)
		base_close_fd(&fds[i]);
	if (count > 0)
		*fd = fds[0];
}

/* Bytes of the message; <= 0: the other end is gone. *fd is -1 or the caller's. */
static ssize_t receive_parts(int channel_fd, struct iovec *parts, size_t count, int *fd)
{
	union control control;
	struct msghdr from = {
		.msg_iov = parts,
		.msg_iovlen = count,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	struct cmsghdr *header;
	ssize_t got;

	do {
		got = recvmsg(channel_fd, &from, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	*fd = -1;
	header = got > 0 ? CMSG_FIRSTHDR(&from) : NULL;
	if (header != NULL && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
		take_one(header, fd);
	return got;
}

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
	struct request request;
	char text[TEXT_MAX];
	struct iovec parts[] = {
		{.iov_base = &request, .iov_len = sizeof(request)},
		{.iov_base = text, .iov_len = sizeof(text) - 1},
	};
	ssize_t got;
	int fd;

	while ((got = receive_parts(FS_CHILD_CHANNEL, parts, ARRAY_LEN(parts), &fd)) >=
	       (ssize_t)sizeof(request)) {
		CLEANUP_FD int given = fd, out = -1;
		struct reply reply = {.sys = 0};
		struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};

		text[(size_t)got - sizeof(request)] = '\0';
		reply.sys = answer(helping, &request, text, given, &out);
		if (request.kind != REQUEST_LOG && !send_parts(FS_CHILD_CHANNEL, &part, 1, out, 0))
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
	struct iovec parts[] = {{.iov_base = &request, .iov_len = sizeof(request)},
				{.iov_len = strlen(text)}};
	struct iovec part = {.iov_base = &reply, .iov_len = sizeof(reply)};
	struct pollfd answer = {.fd = helper->fd, .events = POLLIN};
	int got_fd = -1;
	bool ok;

	memcpy(&parts[1].iov_base, &text, sizeof(text));
	pthread_mutex_lock(&helper->lock);
	ok = send_parts(helper->fd, parts, ARRAY_LEN(parts), fd, 0) &&
	     poll(&answer, 1, ANSWER_MS) == 1 &&
	     receive_parts(helper->fd, &part, 1, &got_fd) == (ssize_t)sizeof(reply);
	/* An answer that comes later would be taken for that of the next question. */
	if (!ok)
		(void)shutdown(helper->fd, SHUT_RDWR);
	pthread_mutex_unlock(&helper->lock);
	if (out != NULL)
		*out = got_fd;
	else
		base_close_fd(&got_fd);
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
	struct iovec parts[] = {{.iov_base = &request, .iov_len = sizeof(request)},
				{.iov_len = strnlen(line, TEXT_MAX - 1)}};

	memcpy(&parts[1].iov_base, &line, sizeof(line));
	(void)send_parts(((struct fs_helper *)helper)->fd, parts, ARRAY_LEN(parts), -1,
			 MSG_DONTWAIT);
}
