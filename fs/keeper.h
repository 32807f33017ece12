/*
 * The keeper: a small process with one thread, forked before the daemon has opened
 * anything or started a thread. Workers are its children: it forks them, so that
 * they begin small and know nothing, and says what they died of. It ends with the
 * daemon, and they with it.
 *
 * Thread rule: one caller at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_KEEPER_H
#define FS_KEEPER_H

#include <sys/types.h>

#include "fs/worker.h"

struct fs_keeper {
	pid_t pid;
	int fd; /* -1: there is none */
};

/* What its workers are. */
struct fs_keeping {
	uint64_t memory; /* bytes each may take; 0: no bound */
	fs_work_fn work;
	void *context;   /* of work; as it is now, in each */
	bool quiet;      /* nobody reads standard error */
	bool background; /* every other process goes first */
};

/* Forks: the caller has one thread. */
bool fs_keeper_start(struct fs_keeper *keeper, const struct fs_keeping *keeping,
		     struct err *err) MUST_CHECK;
/* Ends it and all workers. */
void fs_keeper_stop(struct fs_keeper *keeper);

/* A new worker with these two descriptors, which stay the caller's. */
bool fs_keeper_spawn(struct fs_keeper *keeper, int channel_fd, int memory_fd, pid_t *worker,
		     struct err *err) MUST_CHECK;
/* Kills the worker, if it lives, and tells how it ended, as waitpid() does. False:
 * not known. */
bool fs_keeper_end(struct fs_keeper *keeper, pid_t worker, int *status) MUST_CHECK;

#endif
