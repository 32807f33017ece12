/* SPDX-License-Identifier: MIT */
#include "fs/disk-cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "dicom/log.h"
#include "fs/disk-entry.h"
#include "fs/pool.h"

/* Bytes that may wait for the disk, or a single larger file. */
#define QUEUE_LIMIT ((uint64_t)32 << 20)
/* After a failed write. */
#define PAUSE_S 60
/* Others may write into the folder too: it is measured again whenever this part
 * of the bound was written. */
#define MEASURE_PARTS 16
/* What a file takes at least. */
#define BLOCK_SIZE ((uint64_t)4096)
/* An entry larger than this part of the bound would leave too few others. */
#define LARGEST_PARTS 4

struct fs_disk_cache {
	int root_fd;
	uint64_t limit;
	struct fs_pool *pool; /* one thread */
	pthread_mutex_t lock;
	pthread_cond_t drained;
	uint64_t queued; /* bytes */
	unsigned jobs;
	atomic_bool stopping;
	/* The thread's alone. */
	uint64_t total;      /* bytes in the folder, as far as is known */
	uint64_t unmeasured; /* of these, written since it was measured */
	time_t pause_until;
	bool complained;
};

/* ---- Opening ------------------------------------------------------------ */

static bool check_folder(int fd, const char *folder, struct err *err)
{
	struct stat st;

	if (fstat(fd, &st) != 0)
		return err_set_sys(err, errno, "cache_dir '%s'", folder);
	if (st.st_uid != geteuid())
		return err_set(err, ERR_USAGE, "cache_dir '%s' belongs to another user", folder);
	if ((st.st_mode & 022) != 0)
		return err_set(err, ERR_USAGE,
			       "cache_dir '%s' is writable for others: chmod 700 it", folder);
	return true;
}

static int open_root(const char *folder, struct err *err)
{
	CLEANUP_FD int fd = -1;
	int checked;

	if (mkdir(folder, 0700) != 0 && errno != EEXIST) {
		(void)err_set_sys(err, errno, "cache_dir '%s' cannot be made", folder);
		return -1;
	}
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0) {
		(void)err_set_sys(err, errno, "cache_dir '%s' cannot be used", folder);
		return -1;
	}
	if (!check_folder(fd, folder, err))
		return -1;
	checked = fd;
	fd = -1;
	return checked;
}

bool fs_disk_cache_open(struct fs_disk_cache **out, const char *folder, uint64_t limit,
			struct err *err)
{
	struct fs_disk_cache *cache = calloc(1, sizeof(*cache));

	if (cache == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	cache->root_fd = open_root(folder, err);
	cache->limit = limit;
	atomic_init(&cache->stopping, false);
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->drained, NULL);
	if (cache->root_fd < 0 || !fs_pool_open(&cache->pool, "cache", 1, NULL, err)) {
		fs_disk_cache_close(cache);
		return false;
	}
	*out = cache;
	return true;
}

void fs_disk_cache_close(struct fs_disk_cache *cache)
{
	if (cache == NULL)
		return;
	fs_pool_close(cache->pool);
	base_close_fd(&cache->root_fd);
	pthread_cond_destroy(&cache->drained);
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* ---- Measuring and trimming (in the thread) ------------------------------ */

struct kept {
	time_t used;
	uint64_t size;
	struct fs_disk_name name;
};

struct kept_list {
	struct kept *items;
	size_t count, capacity;
	uint64_t total;
};

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static bool add_kept(struct kept_list *list, const struct kept *kept)
{
	if (list->count == list->capacity) {
		size_t capacity = list->capacity > 0 ? list->capacity * 2 : 256;
		struct kept *larger = reallocarray(list->items, capacity, sizeof(*larger));

		if (larger == NULL)
			return false;
		list->items = larger;
		list->capacity = capacity;
	}
	list->items[list->count++] = *kept;
	list->total += kept->size;
	return true;
}

static uint64_t size_on_disk(uint64_t size)
{
	return (size + BLOCK_SIZE - 1) / BLOCK_SIZE * BLOCK_SIZE;
}

/* A stream over a copy of the descriptor, with a position of its own. */
static DIR *list_folder(int parent_fd, const char *name)
{
	int fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

	if (dir == NULL)
		base_close_fd(&fd);
	return dir;
}

static bool measure_folder(struct fs_disk_cache *cache, const char *folder, struct kept_list *list)
{
	CLEANUP_FD int fd = fs_disk_folder_open(cache->root_fd, folder, false);
	DIR *dir CLEANUP(close_dir) = fd >= 0 ? list_folder(fd, ".") : NULL;
	const struct dirent *entry;

	if (dir == NULL)
		return true;
	while ((entry = readdir(dir)) != NULL && !atomic_load(&cache->stopping)) {
		struct kept kept = {.used = 0};
		struct stat st;

		if (!fs_disk_is_file_name(entry->d_name) ||
		    fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !fs_disk_is_ours(&st, S_IFREG))
			continue;
		memcpy(kept.name.folder, folder, sizeof(kept.name.folder));
		memcpy(kept.name.file, entry->d_name, sizeof(kept.name.file));
		kept.used = st.st_mtim.tv_sec;
		kept.size = size_on_disk((uint64_t)st.st_size);
		if (!add_kept(list, &kept))
			return false;
	}
	return true;
}

static bool measure(struct fs_disk_cache *cache, struct kept_list *list)
{
	for (unsigned i = 0; i < 256; i++) {
		char folder[3];

		(void)snprintf(folder, sizeof(folder), "%02x", i);
		if (!measure_folder(cache, folder, list))
			return false;
	}
	return true;
}

static int compare_used(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;

	return (x->used > y->used) - (x->used < y->used);
}

static void remove_kept(struct fs_disk_cache *cache, const struct kept *kept)
{
	CLEANUP_FD int fd = fs_disk_folder_open(cache->root_fd, kept->name.folder, false);

	if (fd >= 0)
		(void)unlinkat(fd, kept->name.file, 0);
}

static void trim(struct fs_disk_cache *cache, struct kept_list *list)
{
	uint64_t total = list->total;
	uint64_t target = cache->limit - cache->limit / 10;
	size_t removed = 0;

	cache->unmeasured = 0;
	if (total > cache->limit) {
		qsort(list->items, list->count, sizeof(*list->items), compare_used);
		for (; removed < list->count && total > target; removed++) {
			remove_kept(cache, &list->items[removed]);
			total -= list->items[removed].size;
		}
	}
	cache->total = total;
	log_trace(LOG_CACHE, "disk: %zu files, %llu bytes; %zu removed", list->count,
		  (unsigned long long)list->total, removed);
}

static void measure_and_trim(struct fs_disk_cache *cache)
{
	struct kept_list list = {.items = NULL};

	/* Without memory for all of them, what was seen is better than nothing. */
	(void)measure(cache, &list);
	if (!atomic_load(&cache->stopping))
		trim(cache, &list);
	free(list.items);
}

static void remove_temporaries(struct fs_disk_cache *cache)
{
	DIR *dir CLEANUP(close_dir) = list_folder(cache->root_fd, ".");
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL) {
		if (fs_disk_is_temporary_name(entry->d_name))
			fs_disk_temporary_remove(cache->root_fd, entry->d_name);
	}
}

/* ---- Keeping ------------------------------------------------------------ */

struct keep_job {
	struct fs_job job;
	struct fs_disk_cache *cache;
	struct fs_blob *blob; /* NULL: the first job, which measures */
	size_t key_size;
	uint8_t key[];
};

static time_t now_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static void cannot_write(struct fs_disk_cache *cache, const struct err *err)
{
	cache->pause_until = now_s() + PAUSE_S;
	if (!cache->complained)
		log_warning("cache_dir: %s; going on without", err->message);
	else
		log_trace(LOG_CACHE, "disk: %s", err->message);
	cache->complained = true;
}

static void write_blob(struct fs_disk_cache *cache, struct span key, const struct fs_blob *blob)
{
	uint64_t size = size_on_disk(FS_DISK_HEADER + key.size + blob->size);
	uint64_t written;
	struct err err = {0};

	if (now_s() < cache->pause_until)
		return;
	if (cache->total + size > cache->limit ||
	    cache->unmeasured > cache->limit / MEASURE_PARTS)
		measure_and_trim(cache);
	if (!fs_disk_entry_write(cache->root_fd, key, span_of(blob->data, blob->size), &written,
				 &err)) {
		cannot_write(cache, &err);
	} else if (written > 0) {
		cache->total += size;
		cache->unmeasured += size;
	}
}

static void run_keep(struct fs_job *job, struct fs_thread *thread UNUSED)
{
	struct keep_job *keep = (struct keep_job *)job;
	struct fs_disk_cache *cache = keep->cache;
	struct fs_blob *blob = keep->blob;

	if (blob != NULL && !atomic_load(&cache->stopping)) {
		write_blob(cache, span_of(keep->key, keep->key_size), blob);
	} else if (blob == NULL) {
		remove_temporaries(cache);
		measure_and_trim(cache);
	}
	pthread_mutex_lock(&cache->lock);
	cache->queued -= blob != NULL ? blob->size : 0;
	if (--cache->jobs == 0)
		pthread_cond_broadcast(&cache->drained);
	pthread_mutex_unlock(&cache->lock);
	fs_blob_unref(blob);
	free(keep);
}

/* False: the queue is full. Takes over the job. */
static bool submit(struct fs_disk_cache *cache, struct keep_job *keep)
{
	uint64_t size = keep->blob != NULL ? keep->blob->size : 0;
	bool fits;

	pthread_mutex_lock(&cache->lock);
	fits = !atomic_load(&cache->stopping) &&
	       (cache->queued == 0 || cache->queued + size <= QUEUE_LIMIT);
	if (fits) {
		cache->queued += size;
		cache->jobs++;
		/* Under the lock: nothing is submitted once it stops. */
		fs_pool_submit(cache->pool, &keep->job);
	}
	pthread_mutex_unlock(&cache->lock);
	if (fits)
		return true;
	fs_blob_unref(keep->blob);
	free(keep);
	return false;
}

static struct keep_job *new_job(struct fs_disk_cache *cache, struct span key, struct fs_blob *blob)
{
	struct keep_job *keep = malloc(sizeof(*keep) + key.size);

	if (keep == NULL)
		return NULL;
	*keep = (struct keep_job){
		.job.run = run_keep,
		.cache = cache,
		.blob = blob != NULL ? fs_blob_ref(blob) : NULL,
		.key_size = key.size,
	};
	if (key.size > 0)
		memcpy(keep->key, key.data, key.size);
	return keep;
}

void fs_disk_cache_keep(struct fs_disk_cache *cache, struct span key, struct fs_blob *blob)
{
	struct keep_job *keep;

	if (blob->size > cache->limit / LARGEST_PARTS)
		return;
	keep = new_job(cache, key, blob);
	if (keep != NULL && !submit(cache, keep))
		log_trace(LOG_CACHE, "disk: too slow, not kept");
}

bool fs_disk_cache_start(struct fs_disk_cache *cache, struct err *err)
{
	struct keep_job *first;

	if (!fs_pool_start(cache->pool, err))
		return false;
	first = new_job(cache, span_of(NULL, 0), NULL);
	return (first != NULL && submit(cache, first)) || err_set(err, ERR_NOMEM, "out of memory");
}

void fs_disk_cache_drain(struct fs_disk_cache *cache)
{
	pthread_mutex_lock(&cache->lock);
	while (cache->jobs > 0)
		pthread_cond_wait(&cache->drained, &cache->lock);
	pthread_mutex_unlock(&cache->lock);
}

bool fs_disk_cache_stop(struct fs_disk_cache *cache, unsigned timeout_ms)
{
	pthread_mutex_lock(&cache->lock);
	atomic_store(&cache->stopping, true);
	pthread_mutex_unlock(&cache->lock);
	return fs_pool_stop(cache->pool, timeout_ms);
}

/* ---- Finding ------------------------------------------------------------ */

bool fs_disk_cache_find(struct fs_disk_cache *cache, struct span key, uint64_t size,
			struct buf *out)
{
	struct err err = {0};

	if (fs_disk_entry_read(cache->root_fd, key, size, out, &err)) {
		log_trace(LOG_CACHE, "disk: found %llu bytes", (unsigned long long)size);
		return true;
	}
	if (err.code != ERR_NOTFOUND)
		log_trace(LOG_CACHE, "disk: %s", err.message);
	if (err.code == ERR_CORRUPT)
		fs_disk_entry_remove(cache->root_fd, key);
	return false;
}
