/*
 * What the components of a JPEG codestream are. The codestream and the header
 * often contradict each other, and encoders lie in both.
 *
 * Of three DCT-coded components, the first of these that applies decides:
 *	1. JFIF (APP0): YCbCr, which is all that JFIF knows, even if the header
 *	   says RGB;
 *	2. Adobe (APP14): its transform, 0 is RGB, anything else YCbCr;
 *	3. chroma of fewer samples than the first component: YCbCr;
 *	4. Photometric Interpretation.
 * Component identifiers, 'R' 'G' 'B' too, say nothing.
 *
 * A lossless process gives back what was put in, so that Photometric
 * Interpretation describes it and markers do not matter.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_COLOUR_H
#define RENDER_JPEG_COLOUR_H

#include "dicom/image.h"
#include "render/jpeg-markers.h"

enum rn_jpeg_space { RN_JPEG_SPACE_GREY, RN_JPEG_SPACE_RGB, RN_JPEG_SPACE_YCBCR };

/* Of a DCT process; markers have been read up to the first scan. photometric is
 * enum dc_photometric. ERR_UNSUPPORTED: two or four components, or three that
 * neither marker nor header give a meaning. Pure function. */
bool rn_jpeg_colour(const struct rn_jpeg_markers *markers, uint8_t photometric,
		    enum rn_jpeg_space *space, struct err *err) MUST_CHECK;

#endif
