/* SPDX-License-Identifier: MIT */
#include "fs/request.h"

#include <errno.h>

static void on_interrupt(fuse_req_t req, void *context)
{
	struct fs_request *request = context;

	/* The struct may be gone right after a won exchange. */
	if (!atomic_exchange(&request->claimed, true))
		(void)fuse_reply_err(req, EINTR);
}

void fs_request_arm(struct fs_request *request, fuse_req_t req)
{
	request->req = req;
	atomic_init(&request->claimed, false);
	fuse_req_interrupt_func(req, on_interrupt, request);
}

bool fs_request_claim(struct fs_request *request)
{
	if (atomic_exchange(&request->claimed, true))
		return false;
	/* Waits for an interrupt that is just looking at the struct. */
	fuse_req_interrupt_func(request->req, NULL, NULL);
	return true;
}
