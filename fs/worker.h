/*
 * A worker: a process that does tasks for the daemon, one after another, and can do
 * nothing else (see fs/confine.h). What a task needs comes as bytes and as a
 * descriptor to read from; what it makes goes into memory that both share, of a
 * size that the daemon has fixed.
 *
 * Both ends are one program: messages are structs as they lie in memory. What a
 * worker sends is nevertheless looked at as a stranger's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_WORKER_H
#define FS_WORKER_H

#include <stdatomic.h>

#include "dicom/buf.h"

/* The descriptors that a worker begins with. */
enum { FS_WORKER_CHANNEL = 3, FS_WORKER_MEMORY = 4 };

#define FS_TASK_MAX ((size_t)4096) /* bytes of what a task is told */

/* What both see all the time: the first page of the shared memory. */
struct fs_worker_page {
	atomic_bool cancel; /* to the worker: end soon */
};
#define FS_WORKER_PAGE ((size_t)4096)

/* In front of what a task is told. With the message come one or two descriptors:
 * the source; where the result goes, unless that is the shared memory. */
struct fs_task_header {
	uint64_t capacity; /* bytes of the result at most */
	uint64_t group;    /* see struct fs_task */
	uint64_t memory;   /* bytes it may take; 0, or more than the worker has: all */
	bool own_output;
};

struct fs_task_reply {
	bool done;
	uint64_t size;    /* of the result */
	uint64_t used_ns; /* processor time */
	struct err err;   /* unless done; ABORTED: sys is the system call it must not make */
};

/* The work: told is the task, source a descriptor to read from, out has room for
 * capacity bytes. *cancel becomes true when nobody wants it any more. */
struct fs_work {
	struct span told;
	int source_fd;
	const atomic_bool *cancel;
	struct buf *out;
};
typedef bool (*fs_work_fn)(void *context, const struct fs_work *work, struct err *err);

/* Where the result begins in the shared memory. */
static inline size_t fs_worker_memory_size(size_t capacity)
{
	return FS_WORKER_PAGE + capacity + 1; /* one more: see buf_over() */
}

struct fs_filter;

/* The whole life of a worker: never returns. */
_Noreturn void fs_worker_run(const struct fs_filter *filter, uint64_t memory, fs_work_fn work,
			     void *context);

#endif
