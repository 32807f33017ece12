/*
 * Stages "modality" and "VOI" of the pixel pipeline as the standard writes
 * them, in double precision (PS3.3 C.11.1.1.2, C.11.2.1.2, C.11.2.1.3): the one
 * place where these formulas are. Loops over pixels use tables and lines made
 * from them (grey.h).
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_VOI_H
#define RENDER_VOI_H

#include "dicom/image.h"
#include "render/lut.h"

enum { RN_VOI_RANGE = 0x80 }; /* beside enum dc_voi_function */

/* A VOI transformation: what it makes of a modality value, 0.0 black to 255.0
 * white, before polarity and rounding.
 *
 * DC_VOI_LINEAR with a width below 1, which the standard forbids but PET and
 * parametric images have, is evaluated as DC_VOI_LINEAR_EXACT.
 * RN_VOI_RANGE: center to center + width is mapped linearly onto black to
 * white; width 0 is black. Used for min-max, over stored values or those of a
 * Modality LUT. */
struct rn_voi {
	uint8_t function; /* enum dc_voi_function or RN_VOI_RANGE */
	double center, width;
};

/* Whether a window from a file can be used: finite, and the width above 0
 * (C.11.2.1.2.1: "shall always be greater than 0"). */
bool rn_voi_usable(const struct rn_voi *voi);

/* From 0 to 255, growing with value, for every value but NaN (0). */
double rn_voi_apply(const struct rn_voi *voi, double value);

/* Grey levels a unit of value in the straight part; 0 when it has none. */
double rn_voi_slope(const struct rn_voi *voi);

/* Modality and VOI of one stored value. LUTs are not owned; with one of them
 * grey levels need not grow or fall with stored values. */
struct rn_transform {
	double slope, intercept; /* identity: 1, 0; slope is never 0 */
	const struct rn_lut *modality_lut; /* in place of slope and intercept */
	struct rn_voi voi;
	const struct rn_lut *voi_lut; /* in place of voi */
};

static inline double rn_transform_modality(const struct rn_transform *transform, double stored)
{
	if (transform->modality_lut != NULL)
		return rn_lut_entry(transform->modality_lut, stored);
	return transform->slope * stored + transform->intercept;
}

static inline double rn_transform_apply(const struct rn_transform *transform, double stored)
{
	double value = rn_transform_modality(transform, stored);

	if (transform->voi_lut != NULL)
		return rn_lut_entry(transform->voi_lut, value) * 255.0 / transform->voi_lut->top;
	return rn_voi_apply(&transform->voi, value);
}

/* The transform that maps the least of the values from first to last (after a
 * modality stage of this slope) to black and the greatest to white. */
struct rn_transform rn_transform_min_max(double first, double last, double slope);

#endif
