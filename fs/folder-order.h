/*
 * The files of one kind folder of a series in the orders that programs read them
 * in: by name (viewers, shells, rsync), as listed (tar, find), by inode number
 * (cp, borg). Taken at one moment; what came later is not in it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FOLDER_ORDER_H
#define FS_FOLDER_ORDER_H

#include "fs/node.h"
#include "fs/pattern.h"

/* Larger folders have no order: it would take too much memory. */
#define FS_FOLDER_ORDER_MAX 32768u

struct fs_folder_order;

/* Only files, no folders of frames. ERR_LIMIT: too many. */
bool fs_folder_order_read(struct fs_folder_order **order, struct ix_reader *reader,
			  const struct fs_options *options, const struct rn_kind *kind,
			  int64_t series, struct err *err) MUST_CHECK;
void fs_folder_order_free(struct fs_folder_order *order); /* NULL is allowed */

uint32_t fs_folder_order_count(const struct fs_folder_order *order);
/* The positions of an instance, one an order; false: it is not there. */
bool fs_folder_order_find(const struct fs_folder_order *order, uint32_t instance,
			  uint32_t positions[static FS_PATTERN_ORDERS]) MUST_CHECK;
/* The instance at a position below the count. */
uint32_t fs_folder_order_at(const struct fs_folder_order *order, unsigned which,
			    uint32_t position);

#endif
