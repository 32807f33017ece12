/*
 * dicomfs-index --check: what an index and its store do not agree on, for people
 * and for programs.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_CHECK_H
#define FS_CHECK_H

#include "fs/options.h"

/* Checks, and appends the report. *agrees: nothing is damaged, nothing differs.
 * Names files of the store, and no patient. */
bool fs_check(const struct fs_options *options, int store_fd, bool *agrees, struct buf *out,
	      struct err *err) MUST_CHECK;

#endif
