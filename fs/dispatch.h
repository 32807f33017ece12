/*
 * The dispatch threads: they take requests from the kernel and run the
 * operations. A loop of our own instead of libfuse's: a fixed small number of
 * threads, each with its reader of the index, and an end that does not cancel
 * threads inside of SQLite.
 *
 * While requests follow each other closely, one of the threads looks for the
 * next for some microseconds before it sleeps: waking a sleeping processor takes
 * longer than most answers.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_DISPATCH_H
#define FS_DISPATCH_H

#include "dicom/err.h"

struct fs_session;
struct fs_dispatch;

/* Starts one thread, waits until it has answered the kernel's INIT (or seen the
 * unmount), then starts the others. session->ended_fd becomes readable when the
 * first of them ends. */
bool fs_dispatch_start(struct fs_dispatch **dispatch, struct fs_session *session,
		       struct err *err) MUST_CHECK;
/* Ends all of them and frees. NULL is allowed. */
void fs_dispatch_stop(struct fs_dispatch *dispatch);

#endif
