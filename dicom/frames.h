/*
 * The frame locator: where the bytes of one frame are (PS3.5 8.1, A.4). This
 * issue of it knows native pixel data; encapsulated pixel data is next.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_FRAMES_H
#define DICOM_FRAMES_H

#include "dicom/image.h"
#include "dicom/source.h"

/* Bytes of a frame in the data set's source. bit_offset is 0..7: bits of the
 * first byte that belong to the frame before (1 bit allocated only). */
struct dc_frame {
	uint64_t offset;
	uint64_t length;
	uint8_t bit_offset;
};

/* frame counts from 0. ERR_NOTFOUND: no such frame. ERR_CORRUPT: the value
 * field is too short for it ("pixel data has N of M bytes"). ERR_LIMIT: sizes
 * overflow. Cost: arithmetic only. */
bool dc_frame_locate_native(const struct dc_image *image, uint32_t frame, struct dc_frame *where,
			    struct err *err) MUST_CHECK;

#endif
