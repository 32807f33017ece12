/*
 * Finished files in memory: a byte-bounded LRU of reference-counted blobs.
 *
 * The bound counts what is cached and what open handles pin. A handle that
 * would exceed it gets no pin and renders again when it reads; a single blob
 * larger than the whole bound may be pinned alone, so that it can be read at
 * all. Memory is thus at most the bound plus one file.
 *
 * Thread rule: the cache belongs to its owner's lock; blobs may be used and
 * unreferenced by any thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CACHE_H
#define FS_CACHE_H

#include <stdatomic.h>

#include "dicom/buf.h"

/* Immutable bytes. */
struct fs_blob {
	atomic_uint references;
	int fd; /* the memory file of these bytes and no others; -1: none */
	size_t size;
	size_t mapped; /* bytes of fd at data */
	uint8_t *data; /* NULL: another process makes it */
};

/* Takes over the buffer's memory; NULL: no memory (the buffer keeps its own). */
struct fs_blob *fs_blob_new(struct buf *bytes);
/* A memory file of size bytes, all zero, to be filled by buf_over(data, size)
 * before anybody else has a reference. NULL: no memory, or no descriptor. */
struct fs_blob *fs_blob_new_file(size_t size);
/* Cuts it to what was filled. False: the file cannot be used. */
bool fs_blob_seal(struct fs_blob *blob, size_t size) MUST_CHECK;
/* Likewise a file, for another process to fill and then to be sealed; data is NULL
 * until it is mapped. */
struct fs_blob *fs_blob_new_remote(size_t size);
/* After these size bytes were written to it (data NULL: by the other process). */
bool fs_blob_map(struct fs_blob *blob, const uint8_t *data) MUST_CHECK;
struct fs_blob *fs_blob_ref(struct fs_blob *blob);
void fs_blob_unref(struct fs_blob *blob); /* NULL is allowed */

/* What a blob is: equal keys have equal bytes. */
struct fs_key {
	int64_t instance;
	uint64_t fingerprint; /* of the source at indexing */
	uint32_t frame;
	uint8_t kind;
};
bool fs_key_equals(const struct fs_key *a, const struct fs_key *b);
uint64_t fs_key_hash(const struct fs_key *key);

struct fs_cache;
bool fs_cache_open(struct fs_cache **cache, uint64_t limit, struct err *err) MUST_CHECK;
void fs_cache_close(struct fs_cache *cache); /* NULL is allowed */

/* A new reference, or NULL. Makes it the most recently used. */
struct fs_blob *fs_cache_find(struct fs_cache *cache, const struct fs_key *key);
/* Keeps the blob if it fits after dropping others; takes a reference of its own. */
void fs_cache_add(struct fs_cache *cache, const struct fs_key *key, struct fs_blob *blob);
/* Keeps the blob until as many unpins, and returns a reference to the one that
 * is kept (an equal one may have been first); NULL when that would exceed the
 * bound. */
struct fs_blob *fs_cache_pin(struct fs_cache *cache, const struct fs_key *key,
			     struct fs_blob *blob) MUST_CHECK;
void fs_cache_unpin(struct fs_cache *cache, const struct fs_key *key);
/* Bytes held, those to manage them included. */
uint64_t fs_cache_size(const struct fs_cache *cache);
/* Of the bound, what is not pinned. */
uint64_t fs_cache_room(const struct fs_cache *cache);
bool fs_cache_has(struct fs_cache *cache, const struct fs_key *key);

#endif
