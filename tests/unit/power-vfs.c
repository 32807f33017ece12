/* SPDX-License-Identifier: MIT */
#include "power-vfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include <sqlite3.h>
#include <xxhash.h>

#include "dicom/buf.h"
#include "index/vfs.h"
#include "index/wal.h"

#define SECTOR 512
#define FILES_MAX 32

struct change {
	sqlite3_int64 at; /* -1: cut to size */
	size_t size;
	uint8_t *data;
};

struct known {
	char name[512];
	struct buf synced;
	bool is_synced; /* its name is on disk */
	bool removed;   /* that is not */
	struct change *changes;
	size_t count;
};

static struct {
	sqlite3_vfs vfs;
	sqlite3_vfs *real;
	pthread_mutex_t lock;
	bool on;
	unsigned at, count;
	uint32_t seed;
	struct known files[FILES_MAX];
	size_t file_count;
} power = {.lock = PTHREAD_MUTEX_INITIALIZER};

struct file {
	sqlite3_file base;
	struct known *known; /* NULL: nobody looks */
	sqlite3_file *real;
};

static void must(bool ok)
{
	if (!ok)
		_exit(3);
}

static uint32_t next_random(void)
{
	power.seed = power.seed * 1664525 + 1013904223;
	return power.seed >> 8;
}

/* ---- What was written --------------------------------------------------- */

static void put_bytes(struct buf *to, sqlite3_int64 at, const uint8_t *data, size_t size)
{
	static const uint8_t zero[SECTOR];

	while (to->size < (size_t)at + size)
		buf_append(to, zero, MIN_OF(sizeof(zero), (size_t)at + size - to->size));
	must(buf_ok(to, NULL));
	memcpy(to->data + at, data, size);
}

static void put_change(struct buf *to, const struct change *change)
{
	if (change->at >= 0)
		put_bytes(to, change->at, change->data, change->size);
	else if (change->size < to->size)
		buf_truncate(to, change->size);
}

/* Some of its sectors. */
static void put_torn(struct buf *to, const struct change *change)
{
	for (size_t done = 0, part; done < change->size && change->at >= 0; done += part) {
		sqlite3_int64 at = change->at + (sqlite3_int64)done;

		part = MIN_OF((size_t)(SECTOR - at % SECTOR), change->size - done);
		if (next_random() % 2 == 0)
			put_bytes(to, at, change->data + done, part);
	}
}

static void add_change(struct known *known, sqlite3_int64 at, const void *data, size_t size)
{
	struct change *more = realloc(known->changes, (known->count + 1) * sizeof(*more));

	must(more != NULL);
	known->changes = more;
	more += known->count++;
	*more = (struct change){.at = at, .size = size};
	if (at < 0)
		return;
	more->data = malloc(size);
	must(more->data != NULL);
	memcpy(more->data, data, size);
}

static void settle(struct known *known)
{
	for (size_t i = 0; i < known->count; i++) {
		put_change(&known->synced, &known->changes[i]);
		free(known->changes[i].data);
	}
	known->count = 0;
	known->is_synced = true;
}

/* ---- The end ------------------------------------------------------------ */

/* After it the machine has started again. */
static void change_boot(struct buf *sums)
{
	struct ix_wal_record record;

	if (sums->size < sizeof(record))
		return;
	memcpy(&record, sums->data, sizeof(record));
	(void)snprintf(record.boot, sizeof(record.boot), "another");
	record.sum = XXH3_64bits(&record, offsetof(struct ix_wal_record, sum));
	memcpy(sums->data, &record, sizeof(record));
}

static void leave(struct known *known, uint32_t mode)
{
	size_t size = strlen(known->name), suffix = strlen(IX_SUMS_SUFFIX);
	int fd;

	for (size_t i = 0; i < known->count; i++) {
		uint32_t dice = mode == 0 ? 0 : mode == 1 ? 3 : next_random() % 4;

		if (dice == 1)
			put_torn(&known->synced, &known->changes[i]);
		else if (dice > 1)
			put_change(&known->synced, &known->changes[i]);
	}
	(void)unlink(known->name);
	if ((known->removed || !known->is_synced) && next_random() % 2 == 0)
		return;
	if (size > suffix && strcmp(known->name + size - suffix, IX_SUMS_SUFFIX) == 0)
		change_boot(&known->synced);
	fd = open(known->name, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	must(fd >= 0 &&
	     write(fd, known->synced.data, known->synced.size) == (ssize_t)known->synced.size);
	(void)close(fd);
}

/* Nobody syncs it. */
static void leave_shared(const char *main_name)
{
	char name[600];

	(void)snprintf(name, sizeof(name), "%s-shm", main_name);
	if (next_random() % 2 == 0)
		(void)unlink(name);
}

static void lose_power(void)
{
	uint32_t mode = next_random() % 5;

	for (size_t i = 0; i < power.file_count; i++)
		leave(&power.files[i], mode);
	if (power.file_count > 0)
		leave_shared(power.files[0].name);
	_exit(POWER_LOST);
}

/* With the lock. */
static void call(void)
{
	if (power.on && ++power.count == power.at)
		lose_power();
}

/* ---- Files -------------------------------------------------------------- */

static struct file *file_of(sqlite3_file *file)
{
	return (struct file *)file;
}

static void lock(void)
{
	(void)pthread_mutex_lock(&power.lock);
}

static int unlock(int code)
{
	(void)pthread_mutex_unlock(&power.lock);
	return code;
}

static int file_close(sqlite3_file *base)
{
	return file_of(base)->real->pMethods->xClose(file_of(base)->real);
}

static int file_read(sqlite3_file *base, void *data, int size, sqlite3_int64 at)
{
	return file_of(base)->real->pMethods->xRead(file_of(base)->real, data, size, at);
}

static int file_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 at)
{
	struct file *file = file_of(base);

	lock();
	if (file->known != NULL) {
		call();
		add_change(file->known, at, data, (size_t)size);
	}
	return unlock(file->real->pMethods->xWrite(file->real, data, size, at));
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	struct file *file = file_of(base);

	lock();
	if (file->known != NULL) {
		call();
		add_change(file->known, -1, NULL, (size_t)size);
	}
	return unlock(file->real->pMethods->xTruncate(file->real, size));
}

static int file_sync(sqlite3_file *base, int flags)
{
	struct file *file = file_of(base);

	(void)flags;
	lock();
	if (file->known != NULL) {
		call();
		settle(file->known);
	}
	return unlock(SQLITE_OK);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
	return file_of(base)->real->pMethods->xFileSize(file_of(base)->real, size);
}

static int file_lock(sqlite3_file *base, int level)
{
	return file_of(base)->real->pMethods->xLock(file_of(base)->real, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
	return file_of(base)->real->pMethods->xUnlock(file_of(base)->real, level);
}

static int file_check_lock(sqlite3_file *base, int *result)
{
	return file_of(base)->real->pMethods->xCheckReservedLock(file_of(base)->real, result);
}

static int file_control(sqlite3_file *base, int code, void *value)
{
	return file_of(base)->real->pMethods->xFileControl(file_of(base)->real, code, value);
}

static int file_sector(sqlite3_file *base)
{
	return file_of(base)->real->pMethods->xSectorSize(file_of(base)->real);
}

static int file_abilities(sqlite3_file *base)
{
	return file_of(base)->real->pMethods->xDeviceCharacteristics(file_of(base)->real);
}

static int file_map(sqlite3_file *base, int region, int size, int extend, void volatile **memory)
{
	sqlite3_file *real = file_of(base)->real;

	return real->pMethods->xShmMap(real, region, size, extend, memory);
}

static int file_map_lock(sqlite3_file *base, int offset, int count, int flags)
{
	sqlite3_file *real = file_of(base)->real;

	return real->pMethods->xShmLock(real, offset, count, flags);
}

static void file_barrier(sqlite3_file *base)
{
	file_of(base)->real->pMethods->xShmBarrier(file_of(base)->real);
}

static int file_unmap(sqlite3_file *base, int remove)
{
	return file_of(base)->real->pMethods->xShmUnmap(file_of(base)->real, remove);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_abilities,
	.xShmMap = file_map,
	.xShmLock = file_map_lock,
	.xShmBarrier = file_barrier,
	.xShmUnmap = file_unmap,
};

/* ---- Names -------------------------------------------------------------- */

static struct known *find(const char *name)
{
	for (size_t i = 0; i < power.file_count; i++) {
		if (strcmp(power.files[i].name, name) == 0)
			return &power.files[i];
	}
	return NULL;
}

/* What is there was there before, and lasts. */
static struct known *know(const char *name)
{
	static uint8_t block[65536];
	struct known *known = find(name);
	ssize_t got;
	int fd;

	if (known != NULL) {
		if (known->removed) /* and is made again */
			add_change(known, -1, NULL, 0);
		known->removed = false;
		return known;
	}
	must(power.file_count < FILES_MAX);
	known = &power.files[power.file_count++];
	(void)snprintf(known->name, sizeof(known->name), "%s", name);
	known->synced = buf_empty(BUF_NO_LIMIT);
	fd = open(name, O_RDONLY);
	known->is_synced = fd >= 0;
	while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0)
		buf_append(&known->synced, block, (size_t)got);
	if (fd >= 0)
		(void)close(fd);
	return known;
}

static int power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags, int *out)
{
	struct file *file = file_of(base);
	struct known *known = NULL;
	int code;

	(void)vfs;
	memset(file, 0, sizeof(*file));
	file->real = (sqlite3_file *)(file + 1);
	lock();
	if (power.on && name != NULL)
		call();
	if (power.on && name != NULL &&
	    ((flags & SQLITE_OPEN_CREATE) != 0 || access(name, F_OK) == 0))
		known = know(name);
	code = power.real->xOpen(power.real, name, file->real, flags, out);
	file->known = known;
	base->pMethods = code == SQLITE_OK || file->real->pMethods != NULL ? &methods : NULL;
	return unlock(code);
}

static int power_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	struct known *known;

	(void)vfs;
	lock();
	if (power.on) {
		call();
		known = know(name);
		known->removed = true;
		if (sync != 0) {
			settle(known);
			known->is_synced = false;
			buf_truncate(&known->synced, 0);
		}
	}
	return unlock(power.real->xDelete(power.real, name, 0));
}

void power_install(void)
{
	power.real = sqlite3_vfs_find(NULL);
	power.vfs = *power.real;
	power.vfs.iVersion = 2;
	power.vfs.pNext = NULL;
	power.vfs.zName = "power";
	power.vfs.szOsFile = (int)sizeof(struct file) + power.real->szOsFile;
	power.vfs.xOpen = power_open;
	power.vfs.xDelete = power_delete;
	must(sqlite3_vfs_register(&power.vfs, 1) == SQLITE_OK);
}

void power_start(unsigned at, uint32_t seed)
{
	power.on = true;
	power.at = at;
	power.seed = seed;
}

unsigned power_count(void)
{
	return power.count;
}
