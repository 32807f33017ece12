/*
 * The scan thread of a mount: one scan at the start, then what the watcher says
 * that changed, and the whole store again when it is asked for, when time comes, or
 * when something was mounted or unmounted. What changed goes to the invalidation
 * thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_RESCAN_H
#define FS_RESCAN_H

#include "dicom/base.h"
#include "dicom/err.h"

struct fs_session;
struct fs_rescan;

bool fs_rescan_open(struct fs_rescan **rescan, struct fs_session *session,
		    struct err *err) MUST_CHECK;
bool fs_rescan_start(struct fs_rescan *rescan, struct err *err) MUST_CHECK;

/* Asks for another scan, soon but not at once (any thread, cheap). */
void fs_rescan_request(struct fs_rescan *rescan);
/* Indexes one file of the store again; waits for the store and the index. */
bool fs_rescan_refresh(struct fs_rescan *rescan, int64_t file, struct err *err) MUST_CHECK;

/* Ends the scan; false when it has not ended after timeout_ms: then it must not
 * be closed. */
bool fs_rescan_stop(struct fs_rescan *rescan, unsigned timeout_ms) MUST_CHECK;
void fs_rescan_close(struct fs_rescan *rescan); /* NULL is allowed */

#endif
