/*
 * Any bytes as encapsulated pixel data: frames are found or not, one asked for
 * again is the same, and without an offset table no two hold the same bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/codec-input.h"
#include "tests/fuzz/fuzz.h"

#include "dicom/frames.h"

/* Frames that are read of each input, from both ends. */
#define FRAMES_READ 16u

static void unref_index(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

/* A data set of an Extended Offset Table, if that has bytes, and the items. */
static void write_dataset(struct buf *out, struct span table, struct span items,
			  struct dc_image *image)
{
	static const uint8_t begin[] = {
		8, 0, 0x16, 0, 'U', 'I', 4, 0, '1', '.', '2', 0, /* SOP Class UID */
	};
	static const uint8_t pixels[] = {0xe0, 0x7f, 0x10, 0, 'O', 'B', 0, 0, 0xff, 0xff, 0xff, 0xff};
	uint8_t offsets[] = {0xe0, 0x7f, 1, 0, 'O', 'V', 0, 0, 0, 0, 0, 0};

	buf_append(out, begin, sizeof(begin));
	if (table.size > 0) {
		offsets[8] = (uint8_t)table.size;
		offsets[9] = (uint8_t)(table.size >> 8);
		buf_append(out, offsets, sizeof(offsets));
		buf_append(out, table.data, table.size);
		image->flags |= DC_IMAGE_EXTENDED_OFFSETS;
	}
	buf_append(out, pixels, sizeof(pixels));
	image->offset = out->size;
	image->length = items.size;
	buf_append(out, items.data, items.size);
}

/* Returns how many bytes there are of it. */
static size_t read_frame(const struct dc_frame_index *index, struct dc_source *source,
			 uint32_t frame)
{
	CLEANUP_BUF struct buf once = buf_empty(BUF_NO_LIMIT), twice = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};

	if (!dc_frame_index_read(index, source, frame, source->size, &once, &err)) {
		fuzz_require_error(&err);
		return 0;
	}
	fuzz_require(once.size > 0, "a frame has bytes");
	fuzz_require(dc_frame_index_read(index, source, frame, source->size, &twice, &err),
		"a frame is read again");
	fuzz_require(span_equals(buf_span(&once), buf_span(&twice)), "and is the same");
	return once.size;
}

/* A table may point into an item of wrong length. */
static bool has_table(struct dc_dataset *dataset, const struct dc_image *image)
{
	static const uint8_t empty[] = {0xfe, 0xff, 0, 0xe0, 0, 0, 0, 0};
	uint8_t first[sizeof(empty)] = {0};
	size_t there;
	struct err err;

	return (image->flags & DC_IMAGE_EXTENDED_OFFSETS) != 0 ||
	       !dc_source_read(dataset->source, image->offset, first, sizeof(first), &there, &err) ||
	       memcmp(first, empty, sizeof(empty)) != 0;
}

static void read_frames(struct dc_dataset *dataset, const struct dc_image *image)
{
	struct dc_frame_index *index CLEANUP(unref_index) = NULL;
	uint32_t frames = image->frames;
	struct err err = {0};
	size_t size = 0;

	if (!dc_frame_index_build(&index, dataset, image, &err)) {
		fuzz_require_error(&err);
		return;
	}
	for (uint32_t i = 0; i < MIN_OF(frames, FRAMES_READ); i++)
		size += read_frame(index, dataset->source, i);
	for (uint32_t i = frames; i > MAX_OF(FRAMES_READ, frames - MIN_OF(frames, FRAMES_READ)); i--)
		size += read_frame(index, dataset->source, i - 1);
	fuzz_require(size <= image->length || has_table(dataset, image), "no two frames share bytes");
	fuzz_require(dc_frame_index_size(index) > 0, "it says what it takes");
}

void fuzz_one(struct span input)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	struct fuzz_guarded guarded CLEANUP_GUARDED = {0};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_memory_source source;
	struct dc_image image = {.pixel_tag = DC_TAG_PIXEL_DATA, .flags = DC_IMAGE_ENCAPSULATED};
	struct span head = fuzz_take_span(&input, FRAMES_INPUT_HEAD), table;
	struct err err = {0};

	if (head.size < FRAMES_INPUT_HEAD)
		return;
	table = fuzz_take_span(&input, (size_t)head.data[3] * 8);
	image.transfer_syntax = (uint16_t)(head.data[0] % dc_transfer_syntax_count);
	image.frames = load_u16(head.data + 1, false);
	write_dataset(&file, table, input, &image);
	guarded = fuzz_guard_copy(buf_span(&file));
	dc_memory_source_init(&source, fuzz_guarded_span(&guarded));
	if (dc_dataset_open(&dataset, &source.base, &err))
		read_frames(&dataset, &image);
	else
		fuzz_require_error(&err);
}
