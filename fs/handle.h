/*
 * Open files: what a read needs, so that it asks neither the index nor a lock.
 *
 * Thread rule: immutable but for the count of references; a read that was
 * interrupted may still use one after the kernel has released it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_HANDLE_H
#define FS_HANDLE_H

#include "fs/core.h"

enum fs_handle_type {
	FS_HANDLE_STORE,    /* file: a file of the store, as it is */
	FS_HANDLE_BLOB,     /* key, and blob or instance */
	FS_HANDLE_SNAPSHOT, /* snapshot */
	FS_HANDLE_TEXT,     /* text, for ever the same */
};

struct fs_handle {
	struct fs_job job; /* of its release */
	atomic_uint references;
	uint8_t type;  /* enum fs_handle_type */
	uint64_t size; /* st_size */
	struct fs_session *session;
	struct fs_backing *backing;     /* of what may be passed through; else NULL */
	struct fs_handle *next, **link; /* in the session's list */
	union {
		struct fs_store_file file;
		struct {
			struct fs_key key;
			struct fs_blob *blob;         /* NULL: asked for by each read */
			struct ix_instance *instance; /* to make it from, then */
			bool prompt;                  /* in the thread that reads */
		};
		struct fs_snapshot_info snapshot;
		const char *text;
	};
};

/* Handles of a session: the kernel forgets to release what is open when the
 * mount ends. */
void fs_handles_init(struct fs_handles *handles);
/* Closes what is left. No other thread may use handles any more. */
void fs_handles_release(struct fs_handles *handles);

/* With one reference and an empty union; what is put there becomes the
 * handle's. NULL: no memory. */
struct fs_handle *fs_handle_new(struct fs_session *session, enum fs_handle_type type,
				uint64_t size);
struct fs_handle *fs_handle_ref(struct fs_handle *handle);
/* The last one closes what it holds. */
void fs_handle_unref(struct fs_handle *handle);

static inline uint64_t fs_handle_to_fh(struct fs_handle *handle)
{
	return (uintptr_t)handle;
}

static inline struct fs_handle *fs_handle_of_fh(uint64_t fh)
{
	return (struct fs_handle *)(uintptr_t)fh;
}

#endif
