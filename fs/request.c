/* SPDX-License-Identifier: MIT */
#include "fs/request.h"

#include <errno.h>

enum { ARMING, INTERRUPTED, WAITING, CLAIMED };

static void on_interrupt(fuse_req_t req, void *context)
{
	struct fs_request *request = context;

	for (;;) {
		unsigned waiting = WAITING, arming = ARMING;

		/* The struct may be gone right after a won exchange. */
		if (atomic_compare_exchange_strong(&request->state, &waiting, CLAIMED)) {
			(void)fuse_reply_err(req, EINTR);
			return;
		}
		if (atomic_compare_exchange_strong(&request->state, &arming, INTERRUPTED) ||
		    arming != WAITING)
			return;
	}
}

void fs_request_arm(struct fs_request *request, fuse_req_t req)
{
	unsigned arming = ARMING;

	request->req = req;
	atomic_init(&request->state, ARMING);
	/* A request that has been interrupted already calls from within, and still holds a
	 * lock of the request, which an answer would free. */
	fuse_req_interrupt_func(req, on_interrupt, request);
	if (atomic_compare_exchange_strong(&request->state, &arming, WAITING))
		return;
	atomic_store(&request->state, CLAIMED);
	(void)fuse_reply_err(req, EINTR);
}

bool fs_request_claim(struct fs_request *request)
{
	if (atomic_exchange(&request->state, CLAIMED) == CLAIMED)
		return false;
	/* Waits for an interrupt that is just looking at the struct. */
	fuse_req_interrupt_func(request->req, NULL, NULL);
	return true;
}
