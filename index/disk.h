/*
 * Which file system a folder is on, told so that it is known again after the
 * machine was started anew; and whether it announces changes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_DISK_H
#define INDEX_DISK_H

#include <sys/stat.h>

#include "dicom/err.h"

/* Neither id nor inode (of the folder) survives everything alone: the ids of some
 * file systems are device numbers, which change when a machine starts, and a folder
 * may be made anew. */
struct ix_disk {
	char text[72]; /* "type id inode"; "": not known */
};

/* ERR_IO and the like when the folder does not answer. */
bool ix_disk_of(int folder_fd, struct ix_disk *disk, struct err *err) MUST_CHECK;
enum ix_disk_change {
	IX_DISK_SAME,    /* also when one of them is not known */
	IX_DISK_UNSURE,  /* id or inode is another */
	IX_DISK_ANOTHER, /* both, or the type */
};
enum ix_disk_change ix_disk_compare(const char *before, const char *now);

/* The name of a file system that other machines can write to, by the type that
 * statfs() tells: "NFS"; NULL: it is none of these. */
const char *ix_disk_network_name(unsigned long type);
/* Whether changes made there may go unannounced (network, FUSE), by name; NULL:
 * inotify tells all. */
const char *ix_disk_silent(int folder_fd);

#endif
