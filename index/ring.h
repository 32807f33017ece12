/*
 * The pipe of a scan: one walker fills it, several parsers work on it, one
 * writer empties it in the order in which it was filled. Work moves in chunks,
 * so that threads meet once for many files; the number of chunks bounds the
 * memory.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_RING_H
#define INDEX_RING_H

#include <pthread.h>
#include <stdatomic.h>

#include "index/disk.h"
#include "index/parse.h"

/* A folder of the store, open, shared by the walker and the jobs in it. */
struct ix_folder {
	atomic_int refs;
	int fd;
	int64_t id, parent;  /* rows of table folder */
	char *prefix;        /* its path and a slash; "" for the root */
	struct ix_disk disk; /* of a folder where another file system begins; else "" */
};
struct ix_folder *ix_folder_ref(struct ix_folder *folder);
void ix_folder_unref(struct ix_folder *folder);

enum ix_job_type {
	IX_JOB_PARSE,       /* result is to be found out */
	IX_JOB_RECORD,      /* result is given */
	IX_JOB_NEW_FOLDER,  /* a row for folder itself */
	IX_JOB_FOLDER_DISK, /* its row has another disk now */
	IX_JOB_GONE_FILE,   /* file is the row key */
	IX_JOB_GONE_FOLDER, /* likewise of a folder */
	IX_JOB_HELD,        /* file has to be looked at, if the store is on the same disk */
};

struct ix_job {
	enum ix_job_type type;
	struct ix_folder *folder; /* a reference; NULL for GONE and HELD */
	int64_t file;             /* row key; 0: new */
	bool follow;              /* name is a link that may be followed */
	char name[256];
	struct ix_result result;
};

#define IX_CHUNK_JOBS 32
#define IX_CHUNK_FOLDERS 8 /* open descriptors are few */
#define IX_CHUNKS 16

struct ix_chunk {
	size_t count, folders;
	bool done;
	struct ix_job jobs[IX_CHUNK_JOBS];
};

struct ix_ring {
	pthread_mutex_t mutex;
	pthread_cond_t room, work, done;
	struct ix_chunk *chunks;         /* IX_CHUNKS of them */
	uint64_t filled, taken, emptied; /* chunks so far: published, given to a parser, freed */
	atomic_uint idle;                /* parsers that wait */
	bool closed, aborted;
	bool filling; /* the walker's: a chunk is being filled */
};

bool ix_ring_init(struct ix_ring *ring, struct err *err) MUST_CHECK;
void ix_ring_release(struct ix_ring *ring);
/* Wakes everybody up; nothing more goes through. */
void ix_ring_abort(struct ix_ring *ring);

/* Walker. The next job, to be filled before the next call; takes a reference
 * of folder. Waits for room. NULL: aborted. */
struct ix_job *ix_ring_put(struct ix_ring *ring, enum ix_job_type type, struct ix_folder *folder);
/* No more jobs will come. */
void ix_ring_close(struct ix_ring *ring);

/* Parsers. A chunk of which the PARSE jobs are to be done; NULL: the end. */
struct ix_chunk *ix_ring_take(struct ix_ring *ring);
void ix_ring_finish(struct ix_ring *ring, struct ix_chunk *chunk);

/* Writer. The next chunk in order, all done; waits until the deadline (of the
 * monotonic clock). NULL: not yet, or the end. */
struct ix_chunk *ix_ring_next(struct ix_ring *ring, int64_t deadline_ns, bool *end);
/* Gives it back. */
void ix_ring_empty(struct ix_ring *ring, struct ix_chunk *chunk);

#endif
