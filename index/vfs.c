/* SPDX-License-Identifier: MIT */
#include "index/vfs.h"

#include <endian.h>

#include <xxhash.h>

#include "index/wal.h"

/* SQLite's own codes end at 100. */
#define FCNTL_SUMS 0x64636d66

#define HEADER_SIZE 100 /* of the main file */
#define SUMMED (IX_PAGE_SIZE - IX_PAGE_RESERVE)

/* One file of SQLite's. Room for those of the VFS below follows. */
struct file {
	sqlite3_file base;
	sqlite3_file *below;
	/* Main file. */
	sqlite3_file *sums; /* NULL: not compared */
	char *sums_name;    /* the VFS below keeps the pointer */
	/* Log: frames from here on were written again by the transaction in progress,
	 * which gives them their checksums when it ends. */
	sqlite3_int64 rewritten;
	sqlite3_int64 header; /* the write before was this frame's header; -1: it was not */
};

static sqlite3_vfs *below_of(const sqlite3_vfs *vfs)
{
	return vfs->pAppData;
}

static struct file *file_of(sqlite3_file *file)
{
	return (struct file *)file;
}

/* ---- Sums --------------------------------------------------------------- */

static uint64_t sum_of(const uint8_t *page, uint64_t number)
{
	uint64_t sum = XXH3_64bits_withSeed(page, SUMMED, number);

	return sum != 0 ? sum : 1;
}

static sqlite3_int64 sum_offset(uint64_t number)
{
	return IX_SUMS_START + (sqlite3_int64)(number - 1) * (sqlite3_int64)sizeof(uint64_t);
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, IX_PAGE_SIZE - 1) == 0;
}

/* SQLite writes no page in place that another connection may be reading. */
static int compare_page(const struct file *file, const uint8_t *page, sqlite3_int64 offset)
{
	uint64_t number = (uint64_t)offset / IX_PAGE_SIZE + 1;
	uint64_t known = 0, stored, sum;
	int code =
		file->sums->pMethods->xRead(file->sums, &known, sizeof(known), sum_offset(number));

	if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
		return code;
	if (known == 0)
		return is_zero(page) ? SQLITE_OK : SQLITE_IOERR_DATA;
	sum = htole64(sum_of(page, number));
	memcpy(&stored, page + SUMMED, sizeof(stored));
	return stored == sum && known == sum ? SQLITE_OK : SQLITE_IOERR_DATA;
}

/* ---- The main file ------------------------------------------------------ */

static int read_pages(const struct file *file, uint8_t *data, int size, sqlite3_int64 offset)
{
	int code = file->below->pMethods->xRead(file->below, data, size, offset);

	if (code != SQLITE_OK && code != SQLITE_IOERR_SHORT_READ)
		return code;
	for (int at = 0; at < size; at += IX_PAGE_SIZE) {
		int compared = compare_page(file, data + at, offset + at);

		if (compared != SQLITE_OK)
			return compared;
	}
	return code;
}

/* Some builds of SQLite read parts of pages that hold long values. */
static int read_part(const struct file *file, uint8_t *data, int size, sqlite3_int64 offset)
{
	uint8_t page[IX_PAGE_SIZE];
	int code = SQLITE_OK;

	while (size > 0) {
		int start = (int)(offset % IX_PAGE_SIZE);
		int part = MIN_OF(size, IX_PAGE_SIZE - start);
		int got = read_pages(file, page, IX_PAGE_SIZE, offset - start);

		if (got != SQLITE_OK)
			code = got;
		if (got != SQLITE_OK && got != SQLITE_IOERR_SHORT_READ)
			return got;
		memcpy(data, page + start, (size_t)part);
		data += part;
		offset += part;
		size -= part;
	}
	return code;
}

static int main_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset)
{
	const struct file *file = file_of(base);

	if (file->sums == NULL || offset + size <= HEADER_SIZE)
		return file->below->pMethods->xRead(file->below, data, size, offset);
	if (size % IX_PAGE_SIZE == 0 && offset % IX_PAGE_SIZE == 0)
		return read_pages(file, data, size, offset);
	return read_part(file, data, size, offset);
}

static int main_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
	const struct file *file = file_of(base);
	uint64_t number = (uint64_t)offset / IX_PAGE_SIZE + 1, sum;
	uint8_t page[IX_PAGE_SIZE];
	int code;

	if (file->sums == NULL)
		return file->below->pMethods->xWrite(file->below, data, size, offset);
	if (size != IX_PAGE_SIZE || offset % IX_PAGE_SIZE != 0)
		return SQLITE_IOERR_WRITE;
	/* SQLite's buffer is not ours to change. */
	memcpy(page, data, SUMMED);
	sum = htole64(sum_of(page, number));
	memcpy(page + SUMMED, &sum, sizeof(sum));
	code = file->sums->pMethods->xWrite(file->sums, &sum, sizeof(sum), sum_offset(number));
	if (code != SQLITE_OK)
		return code;
	return file->below->pMethods->xWrite(file->below, page, size, offset);
}

static int main_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	const struct file *file = file_of(base);
	int code = SQLITE_OK;

	if (file->sums != NULL)
		code = file->sums->pMethods->xTruncate(
			file->sums, sum_offset((uint64_t)size / IX_PAGE_SIZE + 1));
	if (code != SQLITE_OK)
		return code;
	return file->below->pMethods->xTruncate(file->below, size);
}

static int main_sync(sqlite3_file *base, int flags)
{
	const struct file *file = file_of(base);
	int code = SQLITE_OK;

	if (file->sums != NULL)
		code = file->sums->pMethods->xSync(file->sums, flags);
	if (code != SQLITE_OK)
		return code;
	return file->below->pMethods->xSync(file->below, flags);
}

static void close_sums(struct file *file)
{
	if (file->sums != NULL && file->sums->pMethods != NULL)
		(void)file->sums->pMethods->xClose(file->sums);
	file->sums = NULL;
	free(file->sums_name);
	file->sums_name = NULL;
}

/* ---- The log ------------------------------------------------------------ */

static int log_read(sqlite3_file *base, void *data, int size, sqlite3_int64 offset)
{
	const struct file *file = file_of(base);
	int code = file->below->pMethods->xRead(file->below, data, size, offset);
	sqlite3_int64 frame = ix_wal_frame_at(offset, size);

	/* Whole frames and headers are what SQLite compares itself. */
	if (code != SQLITE_OK || frame < 0 || frame >= file->rewritten)
		return code;
	return ix_wal_compare(file->below, frame, data);
}

static int log_write(sqlite3_file *base, const void *data, int size, sqlite3_int64 offset)
{
	struct file *file = file_of(base);
	sqlite3_int64 header = ix_wal_header_at(offset, size);
	sqlite3_int64 frame = ix_wal_frame_at(offset, size);

	/* What has no header right before it is written over. */
	if (frame >= 0 && frame != file->header)
		file->rewritten = MIN_OF(file->rewritten, frame);
	/* And once that has a new one, the others follow. */
	if (header >= 0 && header <= file->rewritten)
		file->rewritten = INT64_MAX;
	file->header = header;
	return file->below->pMethods->xWrite(file->below, data, size, offset);
}

/* ---- The same for both -------------------------------------------------- */

static int file_close(sqlite3_file *base)
{
	struct file *file = file_of(base);

	close_sums(file);
	return file->below->pMethods->xClose(file->below);
}

static int file_truncate(sqlite3_file *base, sqlite3_int64 size)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xTruncate(below, size);
}

static int file_sync(sqlite3_file *base, int flags)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xSync(below, flags);
}

static int file_size(sqlite3_file *base, sqlite3_int64 *size)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xFileSize(below, size);
}

static int file_lock(sqlite3_file *base, int level)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xLock(below, level);
}

static int file_unlock(sqlite3_file *base, int level)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xUnlock(below, level);
}

static int file_check_lock(sqlite3_file *base, int *reserved)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xCheckReservedLock(below, reserved);
}

static int file_control(sqlite3_file *base, int code, void *value)
{
	struct file *file = file_of(base);

	if (code != FCNTL_SUMS)
		return file->below->pMethods->xFileControl(file->below, code, value);
	*(sqlite3_file **)value = file->sums;
	return SQLITE_OK;
}

static int file_sector(sqlite3_file *base)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xSectorSize(below);
}

static int file_abilities(sqlite3_file *base)
{
	sqlite3_file *below = file_of(base)->below;
	int abilities = below->pMethods->xDeviceCharacteristics(below);

#ifdef SQLITE_IOCAP_SUBPAGE_READ
	abilities &= ~SQLITE_IOCAP_SUBPAGE_READ;
#endif
	return abilities;
}

static int file_map(sqlite3_file *base, int region, int size, int extend, void volatile **memory)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xShmMap(below, region, size, extend, memory);
}

static int file_map_lock(sqlite3_file *base, int offset, int count, int flags)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xShmLock(below, offset, count, flags);
}

static void file_map_barrier(sqlite3_file *base)
{
	sqlite3_file *below = file_of(base)->below;

	below->pMethods->xShmBarrier(below);
}

static int file_unmap(sqlite3_file *base, int remove)
{
	sqlite3_file *below = file_of(base)->below;

	return below->pMethods->xShmUnmap(below, remove);
}

/* Version 2: no pages mapped into memory, which nobody could compare. */
static const sqlite3_io_methods main_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = main_read,
	.xWrite = main_write,
	.xTruncate = main_truncate,
	.xSync = main_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_abilities,
	.xShmMap = file_map,
	.xShmLock = file_map_lock,
	.xShmBarrier = file_map_barrier,
	.xShmUnmap = file_unmap,
};

static const sqlite3_io_methods log_methods = {
	.iVersion = 1,
	.xClose = file_close,
	.xRead = log_read,
	.xWrite = log_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_abilities,
};

/* ---- Opening ------------------------------------------------------------ */

static size_t room(const sqlite3_vfs *below)
{
	return ((size_t)below->szOsFile + 15) & ~(size_t)15;
}

static size_t own_room(void)
{
	return (sizeof(struct file) + 15) & ~(size_t)15;
}

/* Only what makes an index makes its sums. */
static int start_sums(struct file *file, int flags)
{
	char magic[sizeof(IX_SUMS_MAGIC) - 1];
	int code = file->sums->pMethods->xRead(file->sums, magic, sizeof(magic), 0);

	if (code == SQLITE_IOERR_SHORT_READ && (flags & SQLITE_OPEN_CREATE) != 0)
		return ix_wal_write_record(file->sums, &(struct ix_wal_record){.complete = 1});
	if (code == SQLITE_OK && memcmp(magic, IX_SUMS_MAGIC, sizeof(magic)) == 0)
		return SQLITE_OK;
	close_sums(file);
	return code == SQLITE_IOERR_SHORT_READ ? SQLITE_OK : code;
}

/* To SQLite it is a file like a log: private to whoever opens it, unlocked, with
 * the rights of the main file. */
static int open_sums(sqlite3_vfs *below, struct file *file, const char *name, int flags)
{
	const int access =
		flags & (SQLITE_OPEN_READONLY | SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
	size_t size = strlen(name) + sizeof(IX_SUMS_SUFFIX);
	int code, exists;

	file->sums_name = malloc(size);
	if (file->sums_name == NULL)
		return SQLITE_NOMEM;
	(void)snprintf(file->sums_name, size, "%s" IX_SUMS_SUFFIX, name);
	file->sums = (sqlite3_file *)((char *)file->below + room(below));
	code = below->xOpen(below, file->sums_name, file->sums, access | SQLITE_OPEN_WAL, NULL);
	if (code == SQLITE_OK) {
		code = start_sums(file, flags);
		if (code != SQLITE_OK)
			close_sums(file);
		return code;
	}
	/* That there are none is one thing, that they cannot be had now another. */
	if ((code & 0xff) == SQLITE_CANTOPEN && (flags & SQLITE_OPEN_CREATE) == 0 &&
	    below->xAccess(below, file->sums_name, SQLITE_ACCESS_EXISTS, &exists) == SQLITE_OK &&
	    !exists)
		code = SQLITE_OK;
	close_sums(file);
	return code;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
		    int *flags_out)
{
	const int kinds = SQLITE_OPEN_MAIN_DB | SQLITE_OPEN_WAL;
	sqlite3_vfs *below = below_of(vfs);
	struct file *file = file_of(base);
	int code;

	/* Journals in memory and what SQLite sorts with. */
	if ((flags & kinds) == 0 || name == NULL)
		return below->xOpen(below, name, base, flags, flags_out);
	memset(file, 0, own_room() + 2 * room(below));
	file->below = (sqlite3_file *)((char *)base + own_room());
	file->rewritten = INT64_MAX;
	file->header = -1;
	code = below->xOpen(below, name, file->below, flags, flags_out);
	if (code == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) != 0)
		code = open_sums(below, file, name, flags);
	if (code == SQLITE_OK)
		base->pMethods = (flags & SQLITE_OPEN_WAL) != 0 ? &log_methods : &main_methods;
	else if (file->below->pMethods != NULL)
		(void)file->below->pMethods->xClose(file->below);
	return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	return below_of(vfs)->xDelete(below_of(vfs), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
	return below_of(vfs)->xAccess(below_of(vfs), name, flags, result);
}

static int vfs_full_path(sqlite3_vfs *vfs, const char *name, int size, char *path)
{
	return below_of(vfs)->xFullPathname(below_of(vfs), name, size, path);
}

static int vfs_randomness(sqlite3_vfs *vfs, int size, char *bytes)
{
	return below_of(vfs)->xRandomness(below_of(vfs), size, bytes);
}

static int vfs_sleep(sqlite3_vfs *vfs, int microseconds)
{
	return below_of(vfs)->xSleep(below_of(vfs), microseconds);
}

static int vfs_time(sqlite3_vfs *vfs, double *days)
{
	return below_of(vfs)->xCurrentTime(below_of(vfs), days);
}

static int vfs_time_ms(sqlite3_vfs *vfs, sqlite3_int64 *time)
{
	return below_of(vfs)->xCurrentTimeInt64(below_of(vfs), time);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
	return below_of(vfs)->xGetLastError(below_of(vfs), size, text);
}

static sqlite3_vfs *make_vfs(sqlite3_vfs *below)
{
	sqlite3_vfs *vfs = calloc(1, sizeof(*vfs));

	if (vfs == NULL)
		return NULL;
	*vfs = (sqlite3_vfs){
		.iVersion = 2,
		.szOsFile = (int)(own_room() + 2 * room(below)),
		.mxPathname = below->mxPathname,
		.zName = IX_VFS_NAME,
		.pAppData = below,
		.xOpen = vfs_open,
		.xDelete = vfs_delete,
		.xAccess = vfs_access,
		.xFullPathname = vfs_full_path,
		.xRandomness = vfs_randomness,
		.xSleep = vfs_sleep,
		.xCurrentTime = vfs_time,
		.xGetLastError = vfs_last_error,
		.xCurrentTimeInt64 = vfs_time_ms,
	};
	return vfs;
}

/* SQLite keeps it to the end of the process, and has the lock for this too. */
bool ix_vfs_register(struct err *err)
{
	sqlite3_mutex *mutex;
	sqlite3_vfs *vfs;
	bool ok = true;

	if (sqlite3_initialize() != SQLITE_OK)
		return err_set(err, ERR_NOMEM, "index: SQLite cannot be used");
	mutex = sqlite3_mutex_alloc(SQLITE_MUTEX_STATIC_APP1);
	sqlite3_mutex_enter(mutex);
	if (sqlite3_vfs_find(IX_VFS_NAME) == NULL) {
		vfs = make_vfs(sqlite3_vfs_find(NULL));
		ok = vfs != NULL && sqlite3_vfs_register(vfs, 0) == SQLITE_OK;
		if (!ok)
			free(vfs);
	}
	sqlite3_mutex_leave(mutex);
	return ok || err_set(err, ERR_NOMEM, "index: out of memory");
}

sqlite3_file *ix_vfs_sums(sqlite3 *handle)
{
	sqlite3_file *sums = NULL;

	return sqlite3_file_control(handle, "main", FCNTL_SUMS, &sums) == SQLITE_OK ? sums : NULL;
}
