/*
 * Decode ahead: while the pictures of a folder are opened in order, the next
 * ones are made in the background, if they take long to decode. At most so many
 * as the option says a reader, and never more than a part of the cache, so that
 * what was made is still there when it is asked for. What turns out not to be
 * wanted is dropped.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_AHEAD_H
#define FS_AHEAD_H

#include "fs/node.h"

struct fs_session;
struct fs_ahead;

/* More ahead of one reader is of no use. */
#define FS_AHEAD_MAX 64u

/* The session has its content and its status pool, which both are closed
 * later: plans are made there. */
bool fs_ahead_open(struct fs_ahead **ahead, struct fs_session *session,
		   struct err *err) MUST_CHECK;
void fs_ahead_close(struct fs_ahead *ahead); /* NULL is allowed */

/* A picture was opened. Any thread, cheap; ahead NULL: no effect. */
void fs_ahead_note(struct fs_ahead *ahead, const struct fs_node *file);

#endif
