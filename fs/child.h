/*
 * What the small processes beside the daemon have in common: forked from it while it
 * had one thread, they shed what they have inherited.
 *
 * Thread rule: processes with one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CHILD_H
#define FS_CHILD_H

#include "dicom/base.h"

/* The one descriptor above standard error that such a process keeps. */
enum { FS_CHILD_CHANNEL = 3 };

/* Where the command line of this process is in its memory; all NULL: not known. */
struct fs_arguments {
	char *text;
	size_t size;
};
void fs_child_arguments(struct fs_arguments *arguments);
/* What ps and pgrep show: the daemon's command line, of which this is a copy, would have
 * it taken for the daemon. */
void fs_child_rename(const struct fs_arguments *arguments, const char *name);

/* Signals that end the daemon are not for it; channel_fd becomes FS_CHILD_CHANNEL, all
 * else is closed. quiet: nobody reads standard error. */
bool fs_child_settle(int channel_fd, bool quiet) MUST_CHECK;

#endif
