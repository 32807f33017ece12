/*
 * A mount: from fs_session_open() on the folder is a mounted file system whose
 * requests queue up in the kernel; fs_session_run() answers them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_SESSION_H
#define FS_SESSION_H

#include "fs/ground.h"
#include "fs/options.h"
#include "index/index.h"

struct fs_session;

/* Makes the mount. Starts no thread, so that the caller may still fork; what
 * it gave away (options, index, what ground holds) must stay valid until the session is
 * closed, and stays the caller's. ERR_IO: no /dev/fuse, no permission, busy
 * mount point: one line that says so. */
bool fs_session_open(struct fs_session **session, const struct fs_options *options,
		     struct ix_index *index, const struct fs_ground *ground,
		     struct err *err) MUST_CHECK;

/* Gives up what serving does not need (fs/confine.h), starts the threads, serves until the folder
 * is unmounted or SIGTERM, SIGINT or SIGHUP arrives, stops the threads and unmounts. Call after
 * daemonising, from the thread that will handle signals; those three are blocked meanwhile. */
bool fs_session_run(struct fs_session *session, struct err *err) MUST_CHECK;

/* Unmounts if that has not happened. NULL is allowed. */
void fs_session_close(struct fs_session *session);

#endif
