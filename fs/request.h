/*
 * A request that a pool answers later, and that the kernel may take back
 * meanwhile: so that a reader that waits for a store that hangs can be killed.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_REQUEST_H
#define FS_REQUEST_H

#include <stdatomic.h>

#include "fs/fuse.h"

struct fs_request {
	fuse_req_t req;
	atomic_uint state;
};

/* From here on an interrupt answers EINTR; one that came before has, then. The struct must live until
 * fs_request_claim() was called. */
void fs_request_arm(struct fs_request *request, fuse_req_t req);

/* True: the request is the caller's to answer, exactly once. False: it has been
 * answered, and req is gone. */
bool fs_request_claim(struct fs_request *request) MUST_CHECK;

#endif
