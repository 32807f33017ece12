/*
 * The bridge between the index's scan and the renderer: what a scan needs to
 * know of the options, and the callback that measures an instance.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_SCAN_H
#define FS_SCAN_H

#include "fs/options.h"
#include "index/index.h"

/* Fills all but changed, progress and stop (NULL). options must outlive the
 * scan. store_fd stays the caller's. */
void fs_scan_options_init(struct ix_scan_options *scan, const struct fs_options *options,
			  int store_fd);

/* Fills everything for ix_open; points into options. must_write is false. */
void fs_index_options_init(struct ix_options *index, const struct fs_options *options);

#endif
