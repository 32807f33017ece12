/*
 * Bringing an index up to date before going on: by a scan of our own, or, when
 * another process (a mount) writes the index, by asking that one and waiting.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_UPDATE_H
#define FS_UPDATE_H

#include <stdatomic.h>

#include "fs/ground.h"
#include "fs/options.h"
#include "fs/progress.h"
#include "index/index.h"

/* Returns after a complete scan that began after the call. *index may be
 * replaced by a newly opened one, when its writer goes away meanwhile, and is
 * NULL when that failed. Errors: INTERRUPTED when *stop became true (what was indexed is
 * kept); IO when the store looks lost (the reason is the index's) or the writer does not
 * react. progress may be NULL. */
bool fs_update_index(struct ix_index **index, const struct fs_options *options,
		     const struct fs_ground *ground, struct fs_progress *progress,
		     const atomic_bool *stop, struct err *err) MUST_CHECK;

/* ix_open() with what the options say. must_write: see struct ix_options. */
bool fs_open_index(struct ix_index **index, const struct fs_options *options, bool must_write,
		   struct err *err) MUST_CHECK;

#endif
