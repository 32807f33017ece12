/*
 * Any bytes as the codestream of a frame, under a header of any kind that has a
 * codec. Input and output end at a page that nobody may touch, so that decoders
 * of libraries are seen to keep to them as well. What a decode leaves must not
 * depend on what was there before: else samples are missing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/codec-input.h"
#include "tests/fuzz/fuzz.h"

#include "render/cells.h"
#include "render/picture.h"

#include <sys/mman.h>
#include <unistd.h>

/* Small, so that a run is short. */
#define PIXELS_MAX ((uint64_t)1 << 19)
#define FRONT ((size_t)16)

static const struct rn_options options = {
	.max_pixels = PIXELS_MAX, .max_json_size = 1u << 20, .bulk_threshold = 64};

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fuzz-codec: broken promise: %s\n", what);
		abort();
	}
}

/* size bytes between pages that cannot be read or written, at the second. */
struct guarded {
	uint8_t *pages;
	size_t mapped;
	uint8_t *bytes;
};

static struct guarded guard(size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t room = (size + FRONT + page - 1) / page * page;
	struct guarded guarded = {.mapped = room + 2 * page};

	guarded.pages = mmap(NULL, guarded.mapped, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	require(guarded.pages != MAP_FAILED, "there is memory");
	require(mprotect(guarded.pages + page, room, PROT_READ | PROT_WRITE) == 0, "it is ours");
	guarded.bytes = guarded.pages + page + room - size;
	return guarded;
}

static void unguard(struct guarded *guarded)
{
	(void)munmap(guarded->pages, guarded->mapped);
}

static struct dc_image image_of(const uint8_t *head)
{
	uint8_t flags = head[5];
	struct dc_image image = {
		.pixel_tag = DC_TAG_PIXEL_DATA,
		.vr = DC_VR_OB,
		.flags = DC_IMAGE_ENCAPSULATED | DC_IMAGE_PALETTE,
		.transfer_syntax = (uint16_t)(head[0] % dc_transfer_syntax_count),
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

static bool decode(const struct dc_image *image, struct span input, uint8_t *output, size_t size,
		   struct rn_decoded *decoded)
{
	struct rn_codec_frame frame = {
		.input = input,
		.image = image,
		.output = output,
		.output_size = size,
		.decoded = decoded,
	};
	struct err err = {0};

	if (rn_codec_find(image)->decode(&frame, &err))
		return true;
	require(err.code != ERR_NONE && err.message[0] != '\0', "an error says why");
	return false;
}

static void decode_twice(const struct dc_image *image, struct span input, size_t size)
{
	struct guarded first CLEANUP(unguard) = guard(size), second CLEANUP(unguard) = guard(size);
	struct rn_decoded decoded = {0}, again = {0};
	uint8_t *front = first.bytes - FRONT;
	struct err err = {0};

	memset(front, 0x5a, FRONT);
	if (!decode(image, input, first.bytes, size, &decoded))
		return;
	for (size_t i = 0; i < FRONT; i++)
		require(front[i] == 0x5a, "nothing is written in front");
	memset(second.bytes, 0xa5, size);
	require(decode(image, input, second.bytes, size, &again), "a decode can be repeated");
	require(memcmp(first.bytes, second.bytes, size) == 0, "every sample is decoded");
	require(memcmp(&decoded, &again, sizeof(decoded)) == 0, "so is what is said of them");
	if (!rn_cells_settle(image, &decoded, first.bytes, size / rn_cell_bytes(image), &err))
		require(err.code != ERR_NONE && err.message[0] != '\0', "an error says why");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct guarded input CLEANUP(unguard) = {0};
	struct dc_image image;
	struct err err = {0};

	if (size < CODEC_INPUT_HEAD)
		return 0;
	image = image_of(data);
	if (!rn_picture_supported(&image, &options, &err))
		return 0;
	input = guard(size - CODEC_INPUT_HEAD);
	memcpy(input.bytes, data + CODEC_INPUT_HEAD, size - CODEC_INPUT_HEAD);
	decode_twice(&image, span_of(input.bytes, size - CODEC_INPUT_HEAD),
		     (size_t)image.rows * image.columns * image.samples * rn_cell_bytes(&image));
	return 0;
}
