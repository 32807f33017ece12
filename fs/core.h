/*
 * What the parts of a running mount share. Made by fs/session.c, constant
 * while threads run but for the atomics; the parts have locks of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CORE_H
#define FS_CORE_H

#include <pthread.h>
#include <sys/statvfs.h>

#include "fs/ahead.h"
#include "fs/content.h"
#include "fs/disk-cache.h"
#include "fs/frames.h"
#include "fs/inval.h"
#include "fs/node.h"
#include "fs/passthrough.h"
#include "fs/produce.h"
#include "fs/rescan.h"
#include "fs/session.h"
#include "fs/snapshot.h"
#include "fs/store-file.h"

/* Kernel caches are told of changes, so that nothing has to expire. */
#define FS_LONG_TIMEOUT 86400.0
/* While the tree grows, or another process writes the index. */
#define FS_SHORT_TIMEOUT 1.0
/* Bytes of the largest request to read. */
#define FS_READ_SIZE ((size_t)1024 * 1024)

/* fs/handle.h */
struct fs_handles {
	pthread_mutex_t lock;
	struct fs_handle *first;
};

struct fs_session {
	const struct fs_options *options;
	struct ix_index *index;
	int store_fd;
	int quiet_fd;      /* a clone of its mount; -1: none */
	int read_ahead_fd; /* of this mount, to be written to; -1: none */
	uint64_t epoch;
	bool writer; /* we write the index, so we know of every change */
	/* The tree was complete once; from then on changes are announced. */
	atomic_bool settled;
	atomic_bool initialised; /* the kernel's INIT was answered */
	atomic_bool stopping;
	bool mounted;
	bool no_opendir; /* the kernel keeps listings without opening folders */
	atomic_uint making; /* dispatch threads that make a file just now */
	bool local; /* opening what the kernel has in memory never waits */

	struct fuse_session *fuse;
	pthread_key_t thread_key; /* struct fs_thread of a dispatch thread */
	int ended_fd;             /* eventfd: a dispatch thread saw the unmount, or INIT */

	struct fs_passthrough *passthrough;
	struct fs_pool *io_pool;     /* reads of the store */
	struct fs_pool *decode_pool; /* what makes derived files */
	struct fs_pool *status_pool; /* snapshots: never waits for the store */
	struct fs_helper *helper, *unmounter;
	struct fs_workers *workers; /* NULL: pictures are decoded in this process */
	struct fs_workers *measurers; /* that measure them; NULL likewise */
	struct fs_content *content;
	struct fs_frames *frames;
	struct fs_disk_cache *disk; /* NULL: none */
	struct fs_ahead *ahead;     /* NULL: none */
	struct fs_snapshots *snapshots;
	struct fs_handles handles;
	struct fs_inval *inval;
	struct fs_rescan *rescan;

	atomic_llong last_warning; /* s, monotonic: see fs_session_may_warn() */
	pthread_mutex_t statvfs_lock;
	struct statvfs statvfs; /* of the store; taken now and then, see rescan */
};

/* fs/session.c: asks the store how large it is; may wait for it. */
void fs_session_statvfs_refresh(struct fs_session *session);

/* For failures of the store, of which a lost disk has one a file: true once a
 * second. */
bool fs_session_may_warn(struct fs_session *session);

/* fs/ops.c */
extern const struct fuse_lowlevel_ops fs_ops;

/* The calling dispatch thread. */
static inline struct fs_thread *fs_session_thread(const struct fs_session *session)
{
	return pthread_getspecific(session->thread_key);
}

/* Whether the kernel may keep folders and absent names until it is told. */
static inline bool fs_session_settled(const struct fs_session *session)
{
	return atomic_load_explicit(&session->settled, memory_order_acquire);
}

/* fs/source.c: opens one of the instance's sources, each tried in turn. What
 * changed since it was indexed is indexed again, and the error is ERR_STALE
 * when no source is left. source is the one that was opened, or the last that
 * failed (path "" if there was none). Waits for the store: pools only. */
bool fs_source_open(struct fs_session *session, struct fs_thread *thread, int64_t instance,
		    struct ix_source *source, struct fs_store_file *file,
		    struct err *err) MUST_CHECK;

/* Likewise, but at once or not at all: for dispatch threads. False: take the
 * long way. */
bool fs_source_open_cached(struct fs_session *session, struct ix_reader *reader, int64_t instance,
			   struct fs_store_file *file) MUST_CHECK;

/* fs/source.c: for the content conductor; context is the session. */
extern const struct fs_content_ops fs_source_content_ops;
struct fs_key fs_source_key(const struct fs_node *file);
/* Whether the kernel shall read it past us, where it can: for all opens of a file
 * alike. */
bool fs_is_passed_through(const struct rn_kind *kind, uint64_t size);
/* Made so fast, from memory, that a dispatch thread may do it. Nothing of it can
 * fail but the store, so that OPEN need not wait for it. */
bool fs_source_is_prompt(const struct fs_options *options, const struct fs_node *file,
			 uint64_t size);
/* Making it takes so long that it is worth being made ahead, and kept. */
bool fs_source_is_slow(const struct fs_options *options, const struct fs_node *file);

#endif
