/*
 * The helper: a small process with one thread that does for the daemon what that has
 * given up the rights to do. It does nothing else, takes nothing from files, and ends
 * with the daemon; then it leaves the mount as it is, so that nobody takes a daemon that
 * died for an empty folder.
 *
 * Thread rule: any thread, once started.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_HELPER_H
#define FS_HELPER_H

#include <pthread.h>
#include <sys/types.h>

#include "dicom/err.h"

struct fs_helper {
	pid_t pid;
	int fd; /* -1: there is none */
	pthread_mutex_t lock;
};

/* Forks: the caller has one thread, and the rights that the helper shall have.
 * program: as the log names it. quiet: nobody reads standard error. */
bool fs_helper_start(struct fs_helper *helper, const char *program, bool quiet,
		     struct err *err) MUST_CHECK;
/* After everything it was asked for is done. NULL, or one that was not started, is
 * allowed. */
void fs_helper_stop(struct fs_helper *helper);

/* Takes the mount away, also while files of it are open. */
bool fs_helper_unmount(struct fs_helper *helper, const char *mountpoint,
		       struct err *err) MUST_CHECK;

/* A copy of the mount that folder_fd is on, and of all below it, read-only and without
 * access times, which nobody else sees; -1: there is none. The daemon's promise not to
 * change the store is the kernel's then. */
int fs_helper_clone(struct fs_helper *helper, int folder_fd);

/* Whether nobody has the file open for writing, also if it belongs to somebody else.
 * False if that is not known. helper: struct fs_helper. */
bool fs_helper_is_unwritten(int fd, void *helper);

/* To the system's log, as pid. helper: struct fs_helper. Lost if the log does not keep
 * up. */
void fs_helper_log(int priority, const char *line, void *helper);

#endif
