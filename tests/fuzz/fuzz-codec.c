/*
 * Any bytes as the codestream of a frame, under a header of any kind that has
 * the codec. Built once for each of enum codec_target, as FUZZ_CODEC. What a
 * decode leaves must not depend on what was there before: else samples are
 * missing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/codec-input.h"
#include "tests/fuzz/fuzz.h"

#include "render/cells.h"
#include "render/picture.h"

/* Small, so that a run is short. */
static const struct rn_options options = {
	.max_pixels = 1u << 19, .max_json_size = 1u << 20, .bulk_threshold = 64};

static struct dc_image image_of(const uint8_t *head)
{
	uint8_t flags = head[5];
	struct dc_image image = {
		.pixel_tag = DC_TAG_PIXEL_DATA,
		.vr = DC_VR_OB,
		.flags = DC_IMAGE_ENCAPSULATED | DC_IMAGE_PALETTE,
		.transfer_syntax = codec_target_syntax(FUZZ_CODEC, head[0]),
		.rows = load_u16(head + 1, false),
		.columns = load_u16(head + 3, false),
		.frames = 1,
		.samples = codec_input_samples[flags & CODEC_INPUT_SAMPLES],
		.pixel_representation = (flags & CODEC_INPUT_SIGNED) != 0,
		.planar_configuration = (flags & CODEC_INPUT_PLANAR) != 0,
		.bits_allocated = codec_input_bits[head[6] % ARRAY_LEN(codec_input_bits)],
		.bits_stored = head[7],
		.high_bit = head[8],
		.photometric = head[9] % DC_PHOTOMETRIC_COUNT,
	};

	return image;
}

static bool decode(const struct dc_image *image, struct span input, struct fuzz_guarded *output,
		   struct rn_decoded *decoded)
{
	struct rn_codec_frame frame = {
		.input = input,
		.image = image,
		.output = output->bytes,
		.output_size = output->size,
		.decoded = decoded,
		.threads = 1,
	};
	struct err err = {0};

	if (rn_codec_find(image)->decode(&frame, &err))
		return true;
	fuzz_require_error(&err);
	return false;
}

/* Cells that the next stage can work with: each has an index. */
static void settle(const struct dc_image *image, const struct rn_decoded *decoded,
		   struct fuzz_guarded *samples)
{
	size_t bytes = rn_cell_bytes(image), count = samples->size / bytes;
	struct rn_cells cells;
	struct err err = {0};

	if (!rn_cells_settle(image, decoded, samples->bytes, count, &err)) {
		fuzz_require_error(&err);
		return;
	}
	if (bytes > 2 || !rn_cells_init(&cells, image, decoded, &err))
		return;
	fuzz_require(cells.bytes == bytes, "cells have the size of samples");
	for (size_t i = 0; i < count; i++) {
		uint16_t cell = bytes == 1 ? samples->bytes[i]
					   : ((const uint16_t *)(const void *)samples->bytes)[i];

		fuzz_require(rn_cell_index(&cells, cell) < rn_cells_count(&cells),
			     "a cell has an index");
	}
}

static void decode_twice(const struct dc_image *image, struct span input, size_t size)
{
	struct fuzz_guarded first CLEANUP_GUARDED = fuzz_guard(size, 0);
	struct fuzz_guarded second CLEANUP_GUARDED = {0};
	struct rn_decoded decoded = {0}, again = {0};

	if (!decode(image, input, &first, &decoded))
		return;
	second = fuzz_guard(size, 0xa5);
	fuzz_require(decode(image, input, &second, &again), "a decode can be repeated");
	fuzz_require(memcmp(first.bytes, second.bytes, size) == 0, "every sample is decoded");
	fuzz_require(memcmp(&decoded, &again, sizeof(decoded)) == 0, "so is what is said of them");
	settle(image, &decoded, &first);
}

void fuzz_one(struct span input)
{
	struct span head = fuzz_take_span(&input, CODEC_INPUT_HEAD);
	struct dc_image image;
	struct err err = {0};

	if (head.size < CODEC_INPUT_HEAD)
		return;
	image = image_of(head.data);
	if (!rn_picture_supported(&image, &options, &err)) {
		fuzz_require_error(&err);
		return;
	}
	/* Of the JPEG targets each has its own processes. */
	if (codec_target_find(&image, input) != FUZZ_CODEC)
		return;
	decode_twice(&image, input,
		     (size_t)image.rows * image.columns * image.samples * rn_cell_bytes(&image));
}
