/*
 * Watching the store: the kernel tells what happens in its folders (inotify(7)),
 * and one thread gathers it as places that have to be looked at, each from some
 * moment on.
 *
 * - The walk of a whole scan says which folders there are, before it lists each:
 *   what happens later is told, what happened earlier is listed.
 * - A file is due when it was closed, or when it has been left alone for a moment.
 * - Where the kernel lost events, has no room for more watches, cannot know what
 *   happens (other machines write to a network file system), or tells of one of two
 *   ways to a folder (bind mounts, links out of the store), whole scans take the place
 *   of it: ix_watcher_report() says so.
 *
 * Thread rule: any thread, but for opening and closing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_WATCH_H
#define INDEX_WATCH_H

#include "index/index.h"

struct ix_watcher;

struct ix_watcher_options {
	int store_fd; /* the caller's; the number stays, what it leads to may change */
	bool events;  /* false: remember postponed places only */
	/* Something is due earlier than before, or the mounts of the machine changed.
	 * From the watcher's thread or the caller's; must not call back. */
	void (*wake)(void *context);
	void *wake_context;
};

/* What cannot be had is reported, and no error. */
bool ix_watcher_open(struct ix_watcher **watcher, const struct ix_watcher_options *options,
		     struct err *err) MUST_CHECK;
void ix_watcher_close(struct ix_watcher *watcher); /* NULL is allowed */

/* For struct ix_scan_options: context is the watcher. */
void ix_watcher_entered(const char *prefix, int folder_fd, bool new_disk, void *watcher);
void ix_watcher_led_out(void *watcher);
void ix_watcher_postponed(const char *path, bool soon, void *watcher);
char **ix_watcher_more(size_t *count, void *watcher);

/* Around a whole scan: what was due before is seen by it. done: it came to its end,
 * so that folders it did not enter are not there any more. */
void ix_watcher_begin_whole(struct ix_watcher *watcher);
void ix_watcher_end_whole(struct ix_watcher *watcher, bool done);

struct ix_watcher_due {
	bool whole;   /* the whole store has to be looked at */
	bool mounts;  /* something was mounted or unmounted on this machine */
	char **paths; /* sorted; ix_watch_paths_free() */
	size_t count;
	int64_t next_ns; /* monotonic: not earlier is anything else due; INT64_MAX: nothing */
};
void ix_watcher_take(struct ix_watcher *watcher, struct ix_watcher_due *due);

/* mode EVENTS: the kernel tells of every change; else why not. seconds is 0. */
void ix_watcher_report(struct ix_watcher *watcher, struct ix_watch *report);

#endif
