/*
 * What the header says about showing one frame: of the packed pixel
 * description alone where it is complete, else by reading the header again for
 * functional groups (PS3.3 C.7.6.16), LUTs and overlays. The per-frame functional
 * group comes before the shared one, that before the top level; what cannot be
 * used at one level does not hide the next. Where a level has both a window and a
 * VOI LUT either may be shown (C.11.2.1): the window is, as by most programs.
 *
 * Not for display, and not looked at: Real World Value Mapping (C.7.6.16.2.11),
 * which runs beside the stages here; the Pixel Intensity Relationship LUT (PS3.17
 * FFF.2.3.1.3.4); Dose Grid Scaling (C.8.8.3); Presentation LUT Sequence, which
 * belongs to presentation states (C.11.4, C.11.6) and no image IOD; Smallest and
 * Largest Image Pixel Value, which are often wrong; Enhanced Palette Color Lookup
 * Table Sequence (C.7.6.23), which blends frames of several kinds of data: a
 * picture is that of one frame's values, in grey.
 *
 * Thread rule: one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_PARAMS_H
#define RENDER_PARAMS_H

#include "render/lut.h"
#include "render/overlay.h"
#include "render/render.h"
#include "render/voi.h"

struct rn_params {
	/* Stage modality; identity for X-ray angiography, whose Modality LUT is
	 * not for display (PS3.3 C.8.7.1.1.2). A LUT (count > 0) comes in the place
	 * of slope and intercept. */
	double slope, intercept;
	struct rn_lut modality_lut;
	/* Stage VOI: for pixels with a meaning of their own (segmentations, single
	 * bits) fixed, stored values from 0 to white; else a window, or a LUT
	 * (count > 0), or else the frame's own range. */
	bool window;
	struct rn_voi voi;
	struct rn_lut voi_lut;
	bool fixed;
	uint32_t white;
	/* Stored values of pixels that are none (C.7.5.1.1.2), both ends. */
	bool padding;
	int32_t padding_first, padding_last;
	double float_padding_first, float_padding_last; /* NaN when there is none */
	/* Stage polarity: 0 is white. */
	bool inverse;
	/* Stage overlay. */
	bool overlay;
	struct rn_overlays overlays;
};

/* Errors: of the parser, NOMEM. */
bool rn_params_read(struct rn_params *params, const struct rn_request *request,
		    struct err *err) MUST_CHECK;
void rn_params_release(struct rn_params *params);

#endif
