/*
 * The helper: a small process with one thread that does for the daemon what that has
 * given up the rights to do. It does nothing else, takes nothing from files, and ends
 * with the daemon; then it leaves the mount as it is, so that nobody takes a daemon that
 * died for an empty folder.
 *
 * One that does not answer in time, as when a log or a network disk hangs, is not asked
 * again.
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

struct fs_helping {
	const char *program;    /* as the log names it */
	const char *mountpoint; /* all that it unmounts; NULL: nothing */
	bool quiet;             /* nobody reads standard error */
};

/* Forks: the caller has one thread, and the rights that the helper shall have. */
bool fs_helper_start(struct fs_helper *helper, const struct fs_helping *helping,
		     struct err *err) MUST_CHECK;
/* After what it was asked for is done, unless that takes too long. NULL, or one that
 * was not started, is allowed. */
void fs_helper_stop(struct fs_helper *helper);

/* Takes our mount away from its mountpoint, also while files of it are open. */
bool fs_helper_unmount(struct fs_helper *helper, struct err *err) MUST_CHECK;

/* A copy of the mount that folder_fd is on, and of all below it, read-only and without
 * access times, which nobody else sees; -1: there is none. The daemon's promise not to
 * change the store is the kernel's then. */
int fs_helper_clone(struct fs_helper *helper, int folder_fd);

/* Whether nobody has the file open for writing, also if it belongs to somebody else.
 * False if that is not known. helper: struct fs_helper. */
bool fs_helper_is_unwritten(int fd, void *helper);

/* To the system's log, in the name of the daemon. helper: struct fs_helper. Lost if the log does not keep
 * up. */
void fs_helper_log(int priority, const char *line, void *helper);

#endif
