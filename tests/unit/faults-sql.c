/* SPDX-License-Identifier: MIT */
#include "faults.h"

#include <stdlib.h>

#include <sqlite3.h>

/* ---- The allocator ------------------------------------------------------ */

static sqlite3_mem_methods usual;

static void *sql_malloc(int size)
{
	void *memory = faults_hit(FAULT_SQL_MEMORY, "sqlite malloc") ? NULL : usual.xMalloc(size);

	if (memory != NULL)
		faults_count_live(1);
	return memory;
}

static void sql_free(void *memory)
{
	if (memory != NULL)
		faults_count_live(-1);
	usual.xFree(memory);
}

static void *sql_realloc(void *memory, int size)
{
	return faults_hit(FAULT_SQL_MEMORY, "sqlite realloc") ? NULL : usual.xRealloc(memory, size);
}

/* ---- Files -------------------------------------------------------------- */

struct file {
	sqlite3_file base;
	sqlite3_file *real; /* behind this in memory */
};

static sqlite3_vfs *real_vfs;

static sqlite3_file *real_of(sqlite3_file *file)
{
	return ((struct file *)file)->real;
}

/* 0: go on. usual: what the method says of a disk that fails; other: what it may
 * say, too, 0: nothing else. */
static int hit(const char *name, int usual_code, int other)
{
	if (!faults_hit(FAULT_SQL_FILE, name))
		return SQLITE_OK;
	return faults_code() != 0 && faults_code() == other ? other : usual_code;
}

#define FAIL(name, usual_code, other)                                                              \
	do {                                                                                       \
		int failed_ = hit(name, usual_code, other);                                        \
		if (failed_ != SQLITE_OK)                                                          \
			return failed_;                                                            \
	} while (0)

static int file_close(sqlite3_file *file)
{
	return real_of(file)->pMethods->xClose(real_of(file));
}

static int file_read(sqlite3_file *file, void *to, int size, sqlite3_int64 offset)
{
	FAIL("xRead", SQLITE_IOERR_READ, 0);
	return real_of(file)->pMethods->xRead(real_of(file), to, size, offset);
}

static int file_write(sqlite3_file *file, const void *from, int size, sqlite3_int64 offset)
{
	int code = hit("xWrite", SQLITE_IOERR_WRITE, SQLITE_FULL);

	if (code == SQLITE_OK)
		return real_of(file)->pMethods->xWrite(real_of(file), from, size, offset);
	/* A full disk takes a part. */
	if (code == SQLITE_FULL && size > 1)
		(void)real_of(file)->pMethods->xWrite(real_of(file), from, size / 2, offset);
	return code;
}

static int file_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	FAIL("xTruncate", SQLITE_IOERR_TRUNCATE, 0);
	return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

/* Nothing here outlives the machine's next start. */
static int file_sync(sqlite3_file *file, int flags)
{
	(void)file, (void)flags;
	FAIL("xSync", SQLITE_IOERR_FSYNC, SQLITE_FULL);
	return SQLITE_OK;
}

static int file_size(sqlite3_file *file, sqlite3_int64 *size)
{
	FAIL("xFileSize", SQLITE_IOERR_FSTAT, 0);
	return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int file_lock(sqlite3_file *file, int level)
{
	FAIL("xLock", SQLITE_IOERR_LOCK, SQLITE_BUSY);
	return real_of(file)->pMethods->xLock(real_of(file), level);
}

/* What fails here has let go nevertheless: nobody could wait for it. */
static int file_unlock(sqlite3_file *file, int level)
{
	int done = real_of(file)->pMethods->xUnlock(real_of(file), level);

	FAIL("xUnlock", SQLITE_IOERR_UNLOCK, 0);
	return done;
}

static int file_check_reserved(sqlite3_file *file, int *reserved)
{
	FAIL("xCheckReservedLock", SQLITE_IOERR_CHECKRESERVEDLOCK, 0);
	return real_of(file)->pMethods->xCheckReservedLock(real_of(file), reserved);
}

static int file_control(sqlite3_file *file, int operation, void *argument)
{
	return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int file_sector_size(sqlite3_file *file)
{
	return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int file_characteristics(sqlite3_file *file)
{
	return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int file_shm_map(sqlite3_file *file, int region, int size, int extend, void volatile **at)
{
	FAIL("xShmMap", SQLITE_IOERR_SHMMAP, 0);
	return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, at);
}

static int file_shm_lock(sqlite3_file *file, int offset, int count, int flags)
{
	int done;

	if ((flags & SQLITE_SHM_UNLOCK) == 0) {
		FAIL("xShmLock", SQLITE_IOERR_SHMLOCK, SQLITE_BUSY);
		return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
	}
	done = real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
	FAIL("xShmLock to unlock", SQLITE_IOERR_SHMLOCK, 0);
	return done;
}

static void file_shm_barrier(sqlite3_file *file)
{
	real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int file_shm_unmap(sqlite3_file *file, int remove)
{
	return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

/* Version 2: memory is not mapped, every read is a call. */
static const sqlite3_io_methods file_methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_reserved,
	.xFileControl = file_control,
	.xSectorSize = file_sector_size,
	.xDeviceCharacteristics = file_characteristics,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, sqlite3_filename name, sqlite3_file *file, int flags,
		    int *out_flags)
{
	struct file *self = (struct file *)file;
	int code;

	(void)vfs;
	self->base.pMethods = NULL;
	self->real = (sqlite3_file *)(self + 1);
	FAIL("xOpen", SQLITE_CANTOPEN, 0);
	code = real_vfs->xOpen(real_vfs, name, self->real, flags, out_flags);
	if (self->real->pMethods != NULL)
		self->base.pMethods = &file_methods;
	return code;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync_folder)
{
	(void)vfs, (void)sync_folder;
	FAIL("xDelete", SQLITE_IOERR_DELETE, 0);
	return real_vfs->xDelete(real_vfs, name, 0);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *result)
{
	(void)vfs;
	FAIL("xAccess", SQLITE_IOERR_ACCESS, 0);
	return real_vfs->xAccess(real_vfs, name, flags, result);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *out)
{
	(void)vfs;
	FAIL("xFullPathname", SQLITE_CANTOPEN, 0);
	return real_vfs->xFullPathname(real_vfs, name, size, out);
}

void faults_setup_sql(void)
{
	static sqlite3_vfs vfs;
	sqlite3_mem_methods ours;

	if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &usual) != SQLITE_OK)
		abort();
	if (usual.xMalloc == NULL)
		abort();
	ours = usual;
	ours.xMalloc = sql_malloc;
	ours.xRealloc = sql_realloc;
	ours.xFree = sql_free;
	/* No lookaside: each allocation is a call. */
	if (sqlite3_config(SQLITE_CONFIG_MALLOC, &ours) != SQLITE_OK ||
	    sqlite3_config(SQLITE_CONFIG_LOOKASIDE, 0, 0) != SQLITE_OK ||
	    sqlite3_initialize() != SQLITE_OK)
		abort();
	real_vfs = sqlite3_vfs_find(NULL);
	vfs = *real_vfs;
	vfs.zName = "faults";
	vfs.pNext = NULL;
	vfs.szOsFile = (int)sizeof(struct file) + real_vfs->szOsFile;
	vfs.xOpen = vfs_open;
	vfs.xDelete = vfs_delete;
	vfs.xAccess = vfs_access;
	vfs.xFullPathname = vfs_full_pathname;
	if (sqlite3_vfs_register(&vfs, 1) != SQLITE_OK)
		abort();
}
