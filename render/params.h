/*
 * What the header says about showing one frame: of the packed pixel
 * description alone where it is complete, else by reading the header again for
 * functional groups (PS3.3 C.7.6.16) and overlays. The per-frame functional
 * group comes before the shared one, that before the top level; what cannot be
 * used at one level does not hide the next.
 *
 * Thread rule: one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PARAMS_H
#define RENDER_PARAMS_H

#include "render/overlay.h"
#include "render/render.h"
#include "render/voi.h"

struct rn_params {
	/* Stage modality; identity for X-ray angiography, whose Modality LUT is
	 * not for display (PS3.3 C.8.7.1.1.2). */
	double slope, intercept;
	/* Stage VOI; without a window the frame's own range. */
	bool window;
	struct rn_voi voi;
	/* Stored values of pixels that are none (C.7.5.1.1.2), both ends. */
	bool padding;
	int32_t padding_first, padding_last;
	/* Stage polarity: 0 is white. */
	bool inverse;
	/* Stage overlay. */
	bool overlay;
	struct rn_overlays overlays;
};

/* Errors: of the parser; UNSUPPORTED: the frame has a VOI LUT and no window. */
bool rn_params_read(struct rn_params *params, const struct rn_request *request,
		    struct err *err) MUST_CHECK;
void rn_params_release(struct rn_params *params);

#endif
