/* SPDX-License-Identifier: MIT */
#include "fs/message.h"

#include <errno.h>
#include <sys/socket.h>

union control {
	struct cmsghdr align;
	char bytes[CMSG_SPACE(FS_MESSAGE_FDS * sizeof(int))];
};

struct iovec fs_message_part(const void *bytes, size_t size)
{
	struct iovec part = {.iov_len = size};

	memcpy(&part.iov_base, &bytes, sizeof(bytes));
	return part;
}

static void attach(struct msghdr *to, union control *control, const int *fds)
{
	struct cmsghdr *header = &control->align;
	size_t size = 0;

	while (fds != NULL && size < FS_MESSAGE_FDS * sizeof(int) && fds[size / sizeof(int)] >= 0)
		size += sizeof(int);
	if (size == 0)
		return;
	to->msg_control = control->bytes;
	to->msg_controllen = CMSG_SPACE(size);
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(size);
	memcpy(CMSG_DATA(header), fds, size);
}

bool fs_message_send(int channel_fd, struct iovec *parts, size_t count, const int *fds, int flags)
{
	union control control = {.bytes = {0}};
	struct msghdr to = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t sent;

	attach(&to, &control, fds);
	do {
		sent = sendmsg(channel_fd, &to, MSG_NOSIGNAL | flags);
	} while (sent < 0 && errno == EINTR);
	return sent >= 0;
}

/* The kernel has cut off what there was no room for. */
static void detach(struct msghdr *from, int fds[FS_MESSAGE_FDS])
{
	struct cmsghdr *header = CMSG_FIRSTHDR(from);

	if (header == NULL || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS)
		return;
	memcpy(fds, CMSG_DATA(header),
	       MIN_OF(header->cmsg_len - CMSG_LEN(0), FS_MESSAGE_FDS * sizeof(int)));
}

ssize_t fs_message_receive(int channel_fd, struct iovec *parts, size_t count,
			   int fds[FS_MESSAGE_FDS])
{
	int taken[FS_MESSAGE_FDS] = {-1, -1};
	union control control;
	struct msghdr from = {.msg_iov = parts, .msg_iovlen = count};
	ssize_t got;

	if (fds != NULL) {
		from.msg_control = control.bytes;
		from.msg_controllen = sizeof(control.bytes);
	}
	do {
		got = recvmsg(channel_fd, &from, MSG_CMSG_CLOEXEC);
	} while (got < 0 && errno == EINTR);
	if (got >= 0)
		detach(&from, taken);
	if (got >= 0 && (from.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0) {
		errno = EMSGSIZE;
		got = -1;
	}
	for (size_t i = 0; i < FS_MESSAGE_FDS; i++) {
		if (got < 0)
			base_close_fd(&taken[i]);
		if (fds != NULL)
			fds[i] = taken[i];
	}
	return got;
}
