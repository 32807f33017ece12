/* SPDX-License-Identifier: MIT */
#include "fs/cache.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

/* Buckets of the hash table; a chain is short for any number of pictures that
 * fits into memory. */
#define BUCKETS 16384u
/* What an entry costs beside its bytes: with many small files it counts. */
#define OVERHEAD 256u

struct entry {
	struct fs_key key;
	struct fs_blob *blob;
	unsigned pins;
	struct entry *chain;         /* of its bucket */
	struct entry *newer, *older; /* NULL at the ends */
};

struct fs_cache {
	uint64_t limit;
	uint64_t size;   /* of all entries */
	uint64_t pinned; /* of entries with pins */
	struct entry *newest, *oldest;
	struct entry *buckets[BUCKETS];
};

/* ---- Blobs ------------------------------------------------------------ */

struct fs_blob *fs_blob_new(struct buf *bytes)
{
	struct fs_blob *blob = calloc(1, sizeof(*blob));
	uint8_t *data;

	if (blob == NULL)
		return NULL;
	/* A buffer grows in powers of two; what is left over would be kept for as
	 * long as the blob. */
	data = realloc(bytes->data, MAX_OF(bytes->size, (size_t)1));
	if (data == NULL) {
		free(blob);
		return NULL;
	}
	atomic_init(&blob->references, 1);
	blob->fd = -1;
	blob->data = data;
	blob->size = bytes->size;
	bytes->data = NULL;
	buf_release(bytes);
	return blob;
}

/* One more byte than size: see buf_over(). With its memory: what is not there later
 * is a signal, not an error. */
static struct fs_blob *new_file(size_t size, unsigned flags)
{
	struct fs_blob *blob = calloc(1, sizeof(*blob));

	if (blob == NULL)
		return NULL;
	atomic_init(&blob->references, 1);
	blob->size = size;
	blob->fd = memfd_create("dicomfs", MFD_CLOEXEC | flags);
	if (blob->fd >= 0 && fallocate(blob->fd, 0, 0, (off_t)size + 1) == 0)
		return blob;
	base_close_fd(&blob->fd);
	free(blob);
	return NULL;
}

static bool map(struct fs_blob *blob, size_t size, int protection)
{
	void *data = mmap(NULL, size, protection, MAP_SHARED, blob->fd, 0);

	if (data == MAP_FAILED)
		return false;
	blob->data = data;
	blob->mapped = size;
	return true;
}

struct fs_blob *fs_blob_new_file(size_t size)
{
	struct fs_blob *blob = new_file(size, 0);

	if (blob != NULL && !map(blob, size + 1, PROT_READ | PROT_WRITE)) {
		fs_blob_unref(blob);
		return NULL;
	}
	return blob;
}

bool fs_blob_seal(struct fs_blob *blob, size_t size)
{
	return size == blob->size && ftruncate(blob->fd, (off_t)size) == 0;
}

struct fs_blob *fs_blob_new_remote(size_t size)
{
	return new_file(size, MFD_ALLOW_SEALING);
}

bool fs_blob_map(struct fs_blob *blob, const uint8_t *data)
{
	for (size_t done = 0; data != NULL && done < blob->size;) {
		ssize_t put = pwrite(blob->fd, data + done, blob->size - done, (off_t)done);

		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return (data == NULL || ftruncate(blob->fd, (off_t)blob->size) == 0) &&
	       map(blob, blob->size, PROT_READ);
}

static void free_data(struct fs_blob *blob)
{
	if (blob->fd < 0) {
		free(blob->data);
		return;
	}
	if (blob->mapped > 0)
		(void)munmap(blob->data, blob->mapped);
	base_close_fd(&blob->fd);
}

struct fs_blob *fs_blob_ref(struct fs_blob *blob)
{
	atomic_fetch_add_explicit(&blob->references, 1, memory_order_relaxed);
	return blob;
}

void fs_blob_unref(struct fs_blob *blob)
{
	if (blob == NULL ||
	    atomic_fetch_sub_explicit(&blob->references, 1, memory_order_acq_rel) != 1)
		return;
	free_data(blob);
	free(blob);
}

/* ---- Keys ------------------------------------------------------------- */

bool fs_key_equals(const struct fs_key *a, const struct fs_key *b)
{
	return a->instance == b->instance && a->fingerprint == b->fingerprint &&
	       a->frame == b->frame && a->kind == b->kind;
}

uint64_t fs_key_hash(const struct fs_key *key)
{
	uint64_t hash = (uint64_t)key->instance * UINT64_C(0x9e3779b97f4a7c15);

	hash ^= key->fingerprint + ((uint64_t)key->frame << 8 | key->kind);
	hash *= UINT64_C(0xd6e8feb86659fd93);
	return hash ^ hash >> 32;
}

/* ---- The LRU ---------------------------------------------------------- */

bool fs_cache_open(struct fs_cache **out, uint64_t limit, struct err *err)
{
	struct fs_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	cache->limit = limit;
	*out = cache;
	return true;
}

static uint64_t cost(const struct fs_blob *blob)
{
	return blob->size + OVERHEAD;
}

static struct entry **find_slot(struct fs_cache *cache, const struct fs_key *key)
{
	struct entry **slot = &cache->buckets[fs_key_hash(key) % BUCKETS];

	while (*slot != NULL && !fs_key_equals(&(*slot)->key, key))
		slot = &(*slot)->chain;
	return slot;
}

static void unlink_used(struct fs_cache *cache, struct entry *entry)
{
	if (entry->newer != NULL)
		entry->newer->older = entry->older;
	else
		cache->newest = entry->older;
	if (entry->older != NULL)
		entry->older->newer = entry->newer;
	else
		cache->oldest = entry->newer;
}

static void link_newest(struct fs_cache *cache, struct entry *entry)
{
	entry->newer = NULL;
	entry->older = cache->newest;
	if (cache->newest != NULL)
		cache->newest->newer = entry;
	else
		cache->oldest = entry;
	cache->newest = entry;
}

static void drop(struct fs_cache *cache, struct entry *entry)
{
	struct entry **slot = find_slot(cache, &entry->key);

	*slot = entry->chain;
	unlink_used(cache, entry);
	cache->size -= cost(entry->blob);
	fs_blob_unref(entry->blob);
	free(entry);
}

/* Entries with pins are not in the LRU list: trimming never meets them. */
static void trim(struct fs_cache *cache)
{
	while (cache->size > cache->limit && cache->oldest != NULL)
		drop(cache, cache->oldest);
}

static struct entry *insert(struct fs_cache *cache, const struct fs_key *key, struct fs_blob *blob)
{
	struct entry **slot = find_slot(cache, key);
	struct entry *entry = *slot;

	if (entry != NULL)
		return entry;
	entry = calloc(1, sizeof(*entry));
	if (entry == NULL)
		return NULL;
	entry->key = *key;
	entry->blob = fs_blob_ref(blob);
	*slot = entry;
	link_newest(cache, entry);
	cache->size += cost(blob);
	return entry;
}

struct fs_blob *fs_cache_find(struct fs_cache *cache, const struct fs_key *key)
{
	struct entry *entry = *find_slot(cache, key);

	if (entry == NULL)
		return NULL;
	if (entry->pins == 0) {
		unlink_used(cache, entry);
		link_newest(cache, entry);
	}
	return fs_blob_ref(entry->blob);
}

void fs_cache_add(struct fs_cache *cache, const struct fs_key *key, struct fs_blob *blob)
{
	/* Others need not leave for what cannot stay. */
	if (cost(blob) > cache->limit || cache->pinned > cache->limit - cost(blob))
		return;
	if (insert(cache, key, blob) != NULL)
		trim(cache);
}

struct fs_blob *fs_cache_pin(struct fs_cache *cache, const struct fs_key *key, struct fs_blob *blob)
{
	struct entry *entry = *find_slot(cache, key);
	bool fits = cache->pinned <= cache->limit && cost(blob) <= cache->limit - cache->pinned;

	if (entry != NULL && entry->pins > 0) {
		entry->pins++;
		return fs_blob_ref(entry->blob);
	}
	/* Only what is larger than the whole bound may exceed it, and one at a time. */
	if (!fits && (cost(blob) <= cache->limit || cache->pinned > cache->limit))
		return NULL;
	entry = insert(cache, key, blob);
	if (entry == NULL)
		return NULL;
	unlink_used(cache, entry);
	entry->pins = 1;
	cache->pinned += cost(entry->blob);
	trim(cache);
	return fs_blob_ref(entry->blob);
}

void fs_cache_unpin(struct fs_cache *cache, const struct fs_key *key)
{
	struct entry *entry = *find_slot(cache, key);

	if (entry == NULL || entry->pins == 0)
		return;
	entry->pins--;
	if (entry->pins > 0)
		return;
	cache->pinned -= cost(entry->blob);
	link_newest(cache, entry);
	trim(cache);
}

uint64_t fs_cache_size(const struct fs_cache *cache)
{
	return cache->size;
}

uint64_t fs_cache_room(const struct fs_cache *cache)
{
	return cache->limit - MIN_OF(cache->pinned, cache->limit);
}

bool fs_cache_has(struct fs_cache *cache, const struct fs_key *key)
{
	return *find_slot(cache, key) != NULL;
}

void fs_cache_close(struct fs_cache *cache)
{
	if (cache == NULL)
		return;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *entry = cache->buckets[i];

		while (entry != NULL) {
			struct entry *chain = entry->chain;

			fs_blob_unref(entry->blob);
			free(entry);
			entry = chain;
		}
	}
	free(cache);
}
