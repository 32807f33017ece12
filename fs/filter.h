/*
 * Which system calls a process may make from now on (seccomp). Filters are made with
 * libseccomp, once, and used in many processes; in a build without it there are none.
 *
 * Thread rule: a filter that was made does not change.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FILTER_H
#define FS_FILTER_H

#include <signal.h>

#include "dicom/err.h"

struct fs_filter;

/* For a worker: allows to compute, to start threads, to read descriptors at a
 * position, to receive and send messages through channel_fd and to write to standard
 * error; any other call raises SIGSYS. *filter is NULL in a build without libseccomp. */
bool fs_filter_for_worker(struct fs_filter **filter, int channel_fd, struct err *err) MUST_CHECK;
/* For the daemon, which is the calling process: besides, files, the answers to FUSE, and
 * watching folders. What starts programs or reaches into other processes kills it; any
 * other call fails with ENOSYS. *filter as above. */
bool fs_filter_for_daemon(struct fs_filter **filter, struct err *err) MUST_CHECK;
void fs_filter_close(struct fs_filter *filter); /* NULL is allowed */

/* From now on, in this thread and all that it starts. The process has given up new
 * privileges (PR_SET_NO_NEW_PRIVS). forbidden gets the SIGSYS and must not return; NULL:
 * there are none. filter may be NULL. A kernel without filters is no error. */
bool fs_filter_install(const struct fs_filter *filter, void (*forbidden)(int, siginfo_t *, void *),
		       struct err *err) MUST_CHECK;

/* Whether this build and this kernel have filters. */
bool fs_filter_is_known(void);

/* "openat", or a number; text of 32 bytes. */
void fs_syscall_name(int number, char text[static 32]);

#endif
