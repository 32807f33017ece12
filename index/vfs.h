/*
 * What SQLite's files go through: a checksum of every page of the index, which
 * SQLite itself does not have, so that a flipped bit or a page that an old disk
 * gave back is an error and never another tree.
 *
 * The main file: the last IX_PAGE_RESERVE bytes of a page are the XXH3 (64 bits,
 * little endian, seed: number of the page, from 1) of those before; PATH-sums
 * has the same numbers once more, so that an old copy of a page is noticed as
 * well. Both are put in where SQLite writes the main file (which in WAL mode is
 * a checkpoint only) and compared at each read of a page; of a mismatch SQLite
 * says SQLITE_IOERR_DATA, and ix_db_error() ERR_CORRUPT. Whatever is read without
 * a lock (the first 100 bytes, before SQLite knows the size of pages) is not
 * compared; SQLite reads it again with page 1.
 *
 * The write-ahead log has checksums of its own, which SQLite compares only when
 * it opens a log that was left behind: here they are at each read of a frame.
 * See wal.h for what is lost when a log is.
 *
 * A main file without PATH-sums is not compared at all: it may be another
 * program's, or of an older version. ix_db_open() refuses to work with it.
 *
 * Free pages that were never written are zero, and so is their row in PATH-sums.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_VFS_H
#define INDEX_VFS_H

#include <sqlite3.h>

#include "dicom/err.h"

#define IX_VFS_NAME "dicomfs"

#define IX_PAGE_SIZE 4096
#define IX_PAGE_RESERVE 8

/* PATH-sums: a record (see wal.h), then the sums of pages 1, 2 and so on, 8
 * bytes each. Sums are never 0. */
#define IX_SUMS_SUFFIX "-sums"
#define IX_SUMS_MAGIC "dcmfsum1"
#define IX_SUMS_START 512

/* Makes the VFS known to SQLite unless it is, on top of the one that is SQLite's
 * default at that time: a test that wants to be below makes its own the default
 * before anything of the index is opened. Any thread. */
bool ix_vfs_register(struct err *err) MUST_CHECK;

/* PATH-sums of a connection, for wal.c; NULL: its pages are not compared. */
sqlite3_file *ix_vfs_sums(sqlite3 *handle);

#endif
