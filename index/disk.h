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

/* Neither id nor inode (of the folder) survives everything alone: device numbers
 * and some ids change when a machine starts; both together change when something
 * else is mounted there. */
struct ix_disk {
	char text[72]; /* "type id inode"; "": not known */
};

/* ERR_IO and the like when the folder does not answer. */
bool ix_disk_of(int folder_fd, struct ix_disk *disk, struct err *err) MUST_CHECK;
/* Whether something else is there now. One that is not known is no other. */
bool ix_disk_is_another(const char *before, const char *now);

/* The name of a file system that other machines can write to, by the type that
 * statfs() tells: "NFS"; NULL: it is none of these. */
const char *ix_disk_network_name(unsigned long type);
/* Whether changes made there may go unannounced (network, FUSE), by name; NULL:
 * inotify tells all. */
const char *ix_disk_silent(int folder_fd);

#endif
