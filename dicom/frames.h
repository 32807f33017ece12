/*
 * The frame locator: where the bytes of one frame are (PS3.5 8.1, A.4).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_FRAMES_H
#define DICOM_FRAMES_H

#include "dicom/dataset.h"
#include "dicom/image.h"

/* Bytes of a frame in the data set's source. bit_offset is 0..7: bits of the
 * first byte that belong to the frame before (only cells that are not whole
 * bytes, as of 1 bit). */
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

/* Encapsulated pixel data: which fragments make up each frame. Found out once
 * an instance and then the same for every frame; immutable, so that threads may
 * share one. Holds offsets only, no source. */
struct dc_frame_index;

/* dataset is open and positioned anywhere; it is not kept. Uses, in this order
 * and only as far as each proves right: Extended Offset Table, Basic Offset
 * Table, all fragments one frame (up to the next codestream), one fragment a
 * frame, the starts and ends of codestreams in the fragments. Where numbers do
 * not agree only the first frame is sure; in a file that breaks off, those in
 * front of the break. Reading the others fails ("N frames, but M codestreams in
 * F fragments"), as does an offset table that only reading finds wrong, once its
 * items were walked over. Errors: IO, NOMEM, LIMIT (fragments), CORRUPT. Cost:
 * with a right offset table it does not depend on the number of fragments. */
bool dc_frame_index_build(struct dc_frame_index **index, struct dc_dataset *dataset,
			  const struct dc_image *image, struct err *err) MUST_CHECK;
struct dc_frame_index *dc_frame_index_ref(struct dc_frame_index *index);
void dc_frame_index_unref(struct dc_frame_index *index); /* NULL is allowed */
/* Bytes of memory it takes. */
size_t dc_frame_index_size(const struct dc_frame_index *index);

/* Appends the bytes of a frame (from 0) to out, fragments joined. source is the
 * data set's. Errors: NOTFOUND; LIMIT: more than max_size bytes, looked at before
 * anything is allocated; CORRUPT: the fragments end past the file, or there are
 * none; of the source. */
bool dc_frame_index_read(const struct dc_frame_index *index, struct dc_source *source,
			 uint32_t frame, uint64_t max_size, struct buf *out,
			 struct err *err) MUST_CHECK;

#endif
