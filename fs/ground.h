/*
 * What a mount, or a scan, stands on: the store, and the processes beside it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_GROUND_H
#define FS_GROUND_H

#include "fs/helper.h"
#include "fs/workers.h"

struct fs_ground {
	int store_fd;
	int quiet_fd;                 /* fs_store_clone() of it; -1: none */
	struct fs_helper *helper;     /* NULL: there is none */
	struct fs_helper *unmounter;  /* likewise; of a mount alone */
	struct fs_workers *workers;   /* make what is asked for; NULL: this process does */
	struct fs_workers *measurers; /* make what has to be measured; NULL likewise */
};

/* The store as it is read: without changing access times, if that can be had. */
static inline int fs_ground_read_fd(const struct fs_ground *ground)
{
	return ground->quiet_fd >= 0 ? ground->quiet_fd : ground->store_fd;
}

#endif
