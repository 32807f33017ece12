/*
 * The scan that -o wait asks for before there is a mount: in a process of its own, which
 * is confined as the mount will be (fs/confine.h), since what mounts cannot be yet.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FIRST_SCAN_H
#define FS_FIRST_SCAN_H

#include "fs/ground.h"
#include "fs/options.h"

/* Forks: the caller has one thread, and has not opened the index. Waits until the index
 * is complete; a signal ends that as it would end a scan here. *no_index: it is the
 * index that cannot be opened. Errors: of fs_open_index() and fs_update_index(). */
bool fs_first_scan(const struct fs_options *options, const struct fs_ground *ground, bool *no_index,
		   struct err *err) MUST_CHECK;

#endif
