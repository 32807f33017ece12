/*
 * The workers of a mount: a bounded number of processes that decode what strangers
 * made (fs/worker.h), started ahead of need. One that crashes, takes too long or
 * asks for what it must not have is ended; the task that did it fails, with the
 * reason, and nothing else does.
 *
 * Thread rule: any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_WORKERS_H
#define FS_WORKERS_H

#include "fs/budget.h"
#include "fs/worker.h"

struct fs_workers;

struct fs_workers_options {
	unsigned count;   /* tasks at a time; more wait */
	uint64_t memory;  /* bytes a worker may take, and large tasks share; 0: no bound */
	unsigned seconds; /* of processor time a task may take; 0: no bound */
	bool quiet;       /* nobody reads standard error */
	bool background;  /* every other process goes first */
	fs_work_fn work;
	void *context; /* of work; as it is now, in each worker */
};

/* Forks: the caller has one thread, and has opened nothing that a worker must not
 * have. Had it had others that took memory, the C library would give the threads of a
 * worker arenas of their own, of which what is left cannot be found again. */
bool fs_workers_open(struct fs_workers **workers, const struct fs_workers_options *options,
		     struct err *err) MUST_CHECK;
/* No task runs. NULL is allowed. */
void fs_workers_close(struct fs_workers *workers);

struct fs_task {
	struct span told; /* at most FS_TASK_MAX bytes */
	/* Tasks of one group may find in fresh memory what others of it left, and are
	 * faster for it: pictures of one series. Of another group's there is at most what
	 * shares a page with what the worker needs itself. */
	uint64_t group;
	int source_fd;
	size_t capacity;           /* bytes of the result at most */
	int output_fd;             /* a memory file of capacity + 1 bytes; -1: none */
	struct buf *out;           /* else the result is appended here; NULL with output_fd */
	const atomic_bool *cancel; /* or NULL */
	uint64_t weight;           /* bytes it is going to take, if all goes well */
	bool paid;                 /* they were taken from the budget already */
	uint64_t most;             /* bytes it may take, if that is less than a worker may */
	size_t size;               /* of the result */
	uint64_t used_ns;          /* processor time it took */
};

/* Waits until there is memory for it, unless it is paid. ERR_ABORTED: the worker
 * crashed, hung, or was stopped; ERR_IO: it waits for the disk, or there is none; INTERRUPTED; else what the work says. */
bool fs_workers_do(struct fs_workers *workers, struct fs_task *task, struct err *err) MUST_CHECK;

/* Of what large tasks share, for those that are done elsewhere. */
struct fs_budget *fs_workers_budget(struct fs_workers *workers);

struct fs_workers_state {
	unsigned running; /* processes */
	uint64_t tasks;   /* done or failed */
	uint64_t aborted; /* of these */
};
void fs_workers_state(struct fs_workers *workers, struct fs_workers_state *state);

#endif
