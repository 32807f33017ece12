/*
 * What a process gives up for good before it touches what strangers made: files,
 * network, other programs, rights, core dumps, and memory beyond a bound.
 *
 * Two of the means are not in every build and kernel: system calls are filtered with
 * libseccomp, files are taken away by Landlock (Linux 5.13). What there is not is left
 * out, and fs_confine_describe() does not name it.
 *
 * Thread rule: processes with one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CONFINE_H
#define FS_CONFINE_H

#include <signal.h>

#include "dicom/buf.h"

struct fs_filter; /* of system calls, made once and used in many processes */

/* Allows to compute, to start threads, to read descriptors at a position, to receive
 * and send messages through channel_fd and to write to standard error; any other
 * system call raises SIGSYS. *filter is NULL in a build without libseccomp. */
bool fs_filter_open(struct fs_filter **filter, int channel_fd, struct err *err) MUST_CHECK;
void fs_filter_close(struct fs_filter *filter); /* NULL is allowed */

/* Confines the calling process: no rights, no files, no core, memory bytes more of
 * address space than now (0: no bound), and filter, if there is one. forbidden gets
 * the SIGSYS and must not return. */
bool fs_confine(const struct fs_filter *filter, uint64_t memory,
		void (*forbidden)(int, siginfo_t *, void *), struct err *err) MUST_CHECK;

/* No core of this process, and no look into its memory by other programs of the same
 * user: it holds patients' data. */
void fs_keep_private(void);

/* "openat", or a number; text of 32 bytes. */
void fs_syscall_name(int number, char text[static 32]);

/* By what means fs_confine() does it here, for people: "seccomp, Landlock 3, limits". */
void fs_confine_describe(struct buf *out);

#endif
