/*
 * One file of the cache on disk: some bytes under a key. Its name is a hash of
 * the key, in one of 256 folders; it holds the key, so that another with the
 * same hash is not taken for it, and a checksum over all, so that damage is not
 * taken for content. Files are 0600 in folders 0700.
 *
 *    0   16  magic
 *   16    8  bytes of the key, little endian
 *   24    8  bytes of the content
 *   32   16  XXH3 (128 bits) of the content; its seed is XXH3 of bytes 0 to 31
 *            and the key
 *   48       key, content
 *
 * Thread rule: any thread, any process; nothing is written in place.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_DISK_ENTRY_H
#define FS_DISK_ENTRY_H

#include <sys/stat.h>

#include "dicom/buf.h"

#define FS_DISK_KEY_MAX ((size_t)16384)
#define FS_DISK_HEADER ((size_t)48)

struct fs_disk_name {
	char folder[3]; /* "7f" */
	char file[31];  /* the other 30 digits */
};
struct fs_disk_name fs_disk_name_of(struct span key);

/* Whether a file or folder is one of ours by its name, type, owner and rights:
 * nothing else is read or removed. */
bool fs_disk_is_folder_name(const char *name);
bool fs_disk_is_file_name(const char *name);
bool fs_disk_is_temporary_name(const char *name);
bool fs_disk_is_ours(const struct stat *st, mode_t type);

/* Opens one of the 256 folders; make: it is made if it is missing. -1 with errno
 * set. */
int fs_disk_folder_open(int root_fd, const char *name, bool make);

/* Appends the content, which is size bytes, to out. NOTFOUND: there is none.
 * CORRUPT: it is damaged, or the file of another key: out is as before, and the
 * file is of no use. It counts as used now. */
bool fs_disk_entry_read(int root_fd, struct span key, uint64_t size, struct buf *out,
			struct err *err) MUST_CHECK;
/* Writes a temporary file and gives it its name: complete or not there.
 * *written: bytes that the disk has more; 0: it was there already. */
bool fs_disk_entry_write(int root_fd, struct span key, struct span content, uint64_t *written,
			 struct err *err) MUST_CHECK;
void fs_disk_entry_remove(int root_fd, struct span key);

/* Removes a temporary file unless somebody is writing it. */
void fs_disk_temporary_remove(int root_fd, const char *name);

#endif
