/* SPDX-License-Identifier: MIT */
#include "dicom/frames.h"

/* Frames of cells that are not whole bytes (1 bit; others in old files) follow
 * each other bit by bit: only the element's end is padded (PS3.5 8.1.1, 8.2). */
static bool locate_bits(const struct dc_image *image, uint32_t frame, uint64_t *first_bit,
			uint64_t *bits, struct err *err)
{
	uint64_t pixels;

	if (!checked_mul(image->rows, image->columns, &pixels) ||
	    !checked_mul(pixels, (uint64_t)image->samples * dc_image_cell_bits(image), bits) ||
	    !checked_mul(*bits, frame, first_bit))
		return err_set(err, ERR_LIMIT, "frame size overflows");
	return true;
}

bool dc_frame_locate_native(const struct dc_image *image, uint32_t frame, struct dc_frame *where,
			    struct err *err)
{
	uint64_t size, start, end, bits = 0, first_bit = 0;

	if (frame >= image->frames)
		return err_set(err, ERR_NOTFOUND, "no frame %llu: there are %u",
			       (unsigned long long)frame + 1, image->frames);
	if (!dc_image_frame_size(image, &size))
		return err_set(err, ERR_LIMIT, "frame size is unknown or overflows");
	where->bit_offset = 0;
	if (dc_image_cell_bits(image) % 8 != 0) {
		if (!locate_bits(image, frame, &first_bit, &bits, err))
			return false;
		start = first_bit / 8;
		where->bit_offset = (uint8_t)(first_bit % 8);
		if (!checked_add(first_bit, bits, &end) || !checked_add(end, 7, &end))
			return err_set(err, ERR_LIMIT, "frame size overflows");
		end /= 8;
	} else if (!checked_mul(size, frame, &start) || !checked_add(start, size, &end)) {
		return err_set(err, ERR_LIMIT, "frame size overflows");
	}
	if (end > image->length)
		return err_set(err, ERR_CORRUPT,
			       "pixel data has %llu bytes, but frame %llu ends at %llu",
			       (unsigned long long)image->length, (unsigned long long)frame + 1,
			       (unsigned long long)end);
	if (!checked_add(image->offset, start, &where->offset))
		return err_set(err, ERR_LIMIT, "frame offset overflows");
	where->length = end - start;
	return true;
}
