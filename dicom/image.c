/* SPDX-License-Identifier: MIT */
#include "dicom/image.h"

#define PACK_VERSION 2

const char *dc_photometric_name(uint8_t photometric)
{
	static const char *const names[] = {
		[DC_PHOTOMETRIC_NONE] = "no Photometric Interpretation",
		[DC_MONOCHROME1] = "MONOCHROME1",
		[DC_MONOCHROME2] = "MONOCHROME2",
		[DC_PALETTE_COLOR] = "PALETTE COLOR",
		[DC_RGB] = "RGB",
		[DC_YBR_FULL] = "YBR_FULL",
		[DC_YBR_FULL_422] = "YBR_FULL_422",
		[DC_YBR_PARTIAL_422] = "YBR_PARTIAL_422",
		[DC_YBR_PARTIAL_420] = "YBR_PARTIAL_420",
		[DC_YBR_ICT] = "YBR_ICT",
		[DC_YBR_RCT] = "YBR_RCT",
		[DC_XYB] = "XYB",
		[DC_PHOTOMETRIC_OTHER] = "an unknown Photometric Interpretation",
		[DC_HSV] = "HSV",
		[DC_ARGB] = "ARGB",
		[DC_CMYK] = "CMYK",
	};

	return photometric < ARRAY_LEN(names) ? names[photometric] : names[DC_PHOTOMETRIC_OTHER];
}

uint16_t dc_photometric_samples(uint8_t photometric)
{
	switch (photometric) {
	case DC_PHOTOMETRIC_NONE:
	case DC_PHOTOMETRIC_OTHER:
		return 0;
	case DC_MONOCHROME1:
	case DC_MONOCHROME2:
	case DC_PALETTE_COLOR:
		return 1;
	case DC_ARGB:
	case DC_CMYK:
		return 4;
	default:
		return 3;
	}
}

uint16_t dc_image_cell_bits(const struct dc_image *image)
{
	if (image->pixel_tag == DC_TAG_FLOAT_PIXEL_DATA)
		return 32;
	return image->pixel_tag == DC_TAG_DOUBLE_PIXEL_DATA ? 64 : image->bits_allocated;
}

/* Whether the value field is that of frames of so many cells, and a byte of
 * padding at most. */
static bool has_cells(const struct dc_image *image, uint64_t cells)
{
	uint64_t size;

	return checked_mul(cells, image->bits_allocated / 8, &size) &&
	       checked_mul(size, image->frames, &size) &&
	       image->declared_length == size + size % 2;
}

enum dc_native_layout dc_image_native_layout(const struct dc_image *image)
{
	uint64_t pixels = (uint64_t)image->rows * image->columns;
	uint64_t pairs = (uint64_t)image->rows * (image->columns / 2 + image->columns % 2);

	if ((image->photometric != DC_YBR_FULL_422 && image->photometric != DC_YBR_PARTIAL_422) ||
	    image->samples != 3 || image->bits_allocated % 8 != 0 || pixels > UINT64_MAX / 4)
		return DC_NATIVE_PLAIN;
	if (has_cells(image, pairs * 4))
		return DC_NATIVE_422;
	if (pixels % 2 == 0 && has_cells(image, pixels * 2))
		return DC_NATIVE_422_RUN_ON;
	return has_cells(image, pixels * 3) ? DC_NATIVE_PLAIN : DC_NATIVE_422;
}

bool dc_image_frame_size(const struct dc_image *image, uint64_t *size)
{
	uint64_t columns = image->columns, samples = image->samples, bits;
	uint16_t cell_bits = dc_image_cell_bits(image);
	enum dc_native_layout layout = dc_image_native_layout(image);

	if (image->rows == 0 || columns == 0 || samples == 0 || cell_bits == 0)
		return false;
	if (layout != DC_NATIVE_PLAIN)
		samples = 2;
	if (layout == DC_NATIVE_422)
		columns += columns % 2;
	if (!checked_mul(image->rows, columns, &bits) ||
	    !checked_mul(bits, samples * cell_bits, &bits))
		return false;
	*size = bits / 8 + (bits % 8 != 0);
	return true;
}

static void put(struct buf *out, uint64_t value, unsigned bytes)
{
	uint8_t b[8];

	for (unsigned i = 0; i < bytes; i++)
		b[i] = (uint8_t)(value >> (8 * i));
	buf_append(out, b, bytes);
}

static void put_double(struct buf *out, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	put(out, bits, 8);
}

void dc_image_pack(const struct dc_image *image, struct buf *out)
{
	put(out, PACK_VERSION, 1);
	put(out, image->pixel_tag, 4);
	put(out, image->flags, 4);
	put(out, image->offset, 8);
	put(out, image->length, 8);
	put(out, image->declared_length, 8);
	put(out, image->vr, 2);
	put(out, image->transfer_syntax, 2);
	put(out, image->rows, 4);
	put(out, image->columns, 4);
	put(out, image->frames, 4);
	put(out, image->samples, 2);
	put(out, image->bits_allocated, 2);
	put(out, image->bits_stored, 2);
	put(out, image->high_bit, 2);
	put(out, image->pixel_representation, 1);
	put(out, image->planar_configuration, 1);
	put(out, image->photometric, 1);
	put(out, image->voi_function, 1);
	put(out, image->sop_rules, 1);
	put(out, (uint32_t)image->padding, 4);
	put(out, (uint32_t)image->padding_limit, 4);
	put_double(out, image->slope);
	put_double(out, image->intercept);
	put_double(out, image->window_center);
	put_double(out, image->window_width);
	put(out, image->aspect_vertical, 4);
	put(out, image->aspect_horizontal, 4);
	put(out, image->icc_offset, 8);
	put(out, image->icc_length, 4);
}

struct unpacker {
	struct span left;
	bool failed;
};

static uint64_t take(struct unpacker *in, unsigned bytes)
{
	uint64_t value = 0;

	if (in->left.size < bytes) {
		in->failed = true;
		return 0;
	}
	for (unsigned i = 0; i < bytes; i++)
		value |= (uint64_t)in->left.data[i] << (8 * i);
	in->left.data += bytes;
	in->left.size -= bytes;
	return value;
}

static double take_double(struct unpacker *in)
{
	uint64_t bits = take(in, 8);
	double value;

	memcpy(&value, &bits, sizeof(value));
	return value;
}

bool dc_image_unpack(struct dc_image *image, struct span packed, struct err *err)
{
	struct unpacker in = {.left = packed};

	if (take(&in, 1) != PACK_VERSION)
		return err_set(err, ERR_STALE, "pixel description of another version");
	image->pixel_tag = (uint32_t)take(&in, 4);
	image->flags = (uint32_t)take(&in, 4);
	image->offset = take(&in, 8);
	image->length = take(&in, 8);
	image->declared_length = take(&in, 8);
	image->vr = (uint16_t)take(&in, 2);
	image->transfer_syntax = (uint16_t)take(&in, 2);
	image->rows = (uint32_t)take(&in, 4);
	image->columns = (uint32_t)take(&in, 4);
	image->frames = (uint32_t)take(&in, 4);
	image->samples = (uint16_t)take(&in, 2);
	image->bits_allocated = (uint16_t)take(&in, 2);
	image->bits_stored = (uint16_t)take(&in, 2);
	image->high_bit = (uint16_t)take(&in, 2);
	image->pixel_representation = (uint8_t)take(&in, 1);
	image->planar_configuration = (uint8_t)take(&in, 1);
	image->photometric = (uint8_t)take(&in, 1);
	image->voi_function = (uint8_t)take(&in, 1);
	image->sop_rules = (uint8_t)take(&in, 1);
	image->padding = (int32_t)take(&in, 4);
	image->padding_limit = (int32_t)take(&in, 4);
	image->slope = take_double(&in);
	image->intercept = take_double(&in);
	image->window_center = take_double(&in);
	image->window_width = take_double(&in);
	image->aspect_vertical = (uint32_t)take(&in, 4);
	image->aspect_horizontal = (uint32_t)take(&in, 4);
	image->icc_offset = take(&in, 8);
	image->icc_length = (uint32_t)take(&in, 4);
	if (in.failed || in.left.size != 0 || image->transfer_syntax >= dc_transfer_syntax_count)
		return err_set(err, ERR_STALE, "damaged pixel description");
	return true;
}
