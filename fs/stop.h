/*
 * Ctrl-C and SIGTERM during long work that has no event loop: the signals
 * become a flag that the work looks at. A second signal ends the process.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_STOP_H
#define FS_STOP_H

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>

#include "dicom/err.h"

struct fs_stop {
	atomic_bool stop;  /* for the work: a signal came */
	atomic_bool ended; /* for the watching thread */
	sigset_t before;
	pthread_t thread;
	bool started;
};

/* SIGINT, SIGTERM and SIGHUP. */
void fs_stop_signals(sigset_t *signals);

/* Blocks them in this thread and those it starts from now
 * on, and watches for them. */
bool fs_stop_start(struct fs_stop *stop, struct err *err) MUST_CHECK;

/* Ends watching and gives the signals back; afterwards stop is settled, and what came
 * too late for the work may still ask for an end. Zeroed structs are allowed. */
void fs_stop_end(struct fs_stop *stop);
#define CLEANUP_FS_STOP CLEANUP(fs_stop_end)

#endif
