/*
 * Telling the kernel what it must forget: one thread that does nothing else,
 * because a notification may wait for a lock that a request in progress holds.
 * Changes are collected, and each is told twice, the second time a moment
 * later: an answer made before the change may reach the kernel after the first.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_INVAL_H
#define FS_INVAL_H

#include "fs/fuse.h"
#include "fs/options.h"
#include "index/index.h"

struct fs_inval;

bool fs_inval_open(struct fs_inval **inval, struct fuse_session *fuse,
		   const struct fs_options *options, struct err *err) MUST_CHECK;
bool fs_inval_start(struct fs_inval *inval, struct err *err) MUST_CHECK;
/* Ends the thread, dropping what is left. Dispatch threads must still answer. */
void fs_inval_stop(struct fs_inval *inval);
void fs_inval_close(struct fs_inval *inval); /* NULL is allowed */

/* What ix_scan reports. Waits while too much is queued: never call it from a
 * dispatch thread. settled: the kernel keeps folders and absent names; while it
 * is false, additions need not be told. */
void fs_inval_changes(struct fs_inval *inval, const struct ix_change *changes, size_t count,
		      bool settled);

#endif
