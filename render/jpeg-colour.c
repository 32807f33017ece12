/* SPDX-License-Identifier: MIT */
#include "render/jpeg-colour.h"

/* No encoder takes samples away from green and blue. */
static bool is_subsampled(const struct rn_jpeg_frame *frame)
{
	for (unsigned i = 1; i < frame->count; i++) {
		if (frame->component[i].h < frame->component[0].h ||
		    frame->component[i].v < frame->component[0].v)
			return true;
	}
	return false;
}

static bool of_header(uint8_t photometric, enum rn_jpeg_space *space, struct err *err)
{
	switch (photometric) {
	case DC_RGB:
		*space = RN_JPEG_SPACE_RGB;
		return true;
	case DC_YBR_FULL:
	case DC_YBR_FULL_422:
	/* Names of other codecs' transforms, and of a range that T.81 codestreams
	 * do not have: wrong, but YCbCr is meant. */
	case DC_YBR_PARTIAL_422:
	case DC_YBR_PARTIAL_420:
	case DC_YBR_ICT:
	case DC_YBR_RCT:
		*space = RN_JPEG_SPACE_YCBCR;
		return true;
	default:
		return err_set(err, ERR_UNSUPPORTED,
			       "JPEG with 3 components and Photometric Interpretation %s",
			       dc_photometric_name(photometric));
	}
}

bool rn_jpeg_colour(const struct rn_jpeg_markers *markers, uint8_t photometric,
		    enum rn_jpeg_space *space, struct err *err)
{
	const struct rn_jpeg_frame *frame = &markers->frame;

	*space = RN_JPEG_SPACE_GREY;
	if (frame->count == 1)
		return true;
	if (frame->count != 3)
		return err_set(err, ERR_UNSUPPORTED, "JPEG with %u components", frame->count);
	*space = RN_JPEG_SPACE_YCBCR;
	if (markers->has_jfif)
		return true;
	if (markers->has_adobe) {
		if (markers->adobe_transform == 0)
			*space = RN_JPEG_SPACE_RGB;
		return true;
	}
	return is_subsampled(frame) || of_header(photometric, space, err);
}
