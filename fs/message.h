/*
 * Messages between the processes of a mount, with up to two descriptors: over sockets
 * of SOCK_SEQPACKET, on which a message comes whole or not at all.
 *
 * Thread rule: any thread; who shares a socket keeps questions and answers in order.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_MESSAGE_H
#define FS_MESSAGE_H

#include <sys/types.h>
#include <sys/uio.h>

#include "dicom/base.h"

enum { FS_MESSAGE_FDS = 2 };

/* A part of a message that is sent: sendmsg() does not write there, and does not say so. */
struct iovec fs_message_part(const void *bytes, size_t size);

/* The parts, one behind the other. fds: FS_MESSAGE_FDS of them, -1 from the first on
 * that does not go with it; NULL: none does. They stay the caller's. flags: of
 * sendmsg(). False, and errno: it was not sent. */
bool fs_message_send(int channel_fd, struct iovec *parts, size_t count, const int *fds,
		     int flags) MUST_CHECK;

/* Waits for a message. Bytes of it; 0: the other end is gone; -1: it was longer than
 * all parts, came with more descriptors, or errno. fds: those that came with it, the
 * caller's, then -1; NULL: none is taken. */
ssize_t fs_message_receive(int channel_fd, struct iovec *parts, size_t count,
			   int fds[FS_MESSAGE_FDS]) MUST_CHECK;

#endif
