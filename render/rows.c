/* SPDX-License-Identifier: MIT */
#include "render/rows.h"

#include "render/cells.h"

/* No codec makes a frame larger than this many times its samples, and some room
 * for markers and metadata: a longer one is no frame. */
#define INPUT_FACTOR 4
#define INPUT_ROOM ((uint64_t)1 << 20)

static const struct dc_image *image_of(const struct rn_rows *rows)
{
	return rows->request->instance->image;
}

/* Bytes that hold count rows of one plane, wherever in a byte they begin. */
static bool rows_bytes(const struct rn_rows *rows, uint32_t count, uint64_t *size)
{
	uint64_t bits;

	if (!checked_mul(rows->row_bits, count, &bits))
		return false;
	*size = rows->row_bits % 8 == 0 && rows->frame.bit_offset == 0 ? bits / 8 : bits / 8 + 2;
	return true;
}

/* Room for what the codec reads, two bytes more for words that begin before or
 * end behind. */
static bool take_memory(struct rn_rows *rows, struct err *err)
{
	uint64_t size, input;

	if (!checked_mul(rows->row_size, rows->strip_rows, &size) ||
	    !rows_bytes(rows, rows->strip_rows, &input) ||
	    !checked_mul(input, rows->planes, &input) || size > SIZE_MAX / 4 ||
	    input > SIZE_MAX / 4)
		return err_set(err, ERR_LIMIT, "frame size overflows");
	rows->cells = malloc((size_t)size);
	if (!rows->in_place)
		rows->input = malloc((size_t)input + 2);
	if (rows->cells == NULL || (!rows->in_place && rows->input == NULL)) {
		rn_rows_release(rows);
		return err_set(err, ERR_NOMEM, "out of memory");
	}
	return true;
}

static bool cancelled(const struct rn_rows *rows, struct err *err)
{
	if (rows->request->cancel == NULL || !atomic_load(rows->request->cancel))
		return false;
	(void)err_set(err, ERR_INTERRUPTED, "interrupted");
	return true;
}

static void unref_index(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

static bool read_frame(const struct rn_rows *rows, uint64_t max_size, struct buf *input,
		       struct err *err)
{
	const struct rn_request *request = rows->request;
	const struct dc_frame_index *known = request->frames;
	struct dc_frame_index *found CLEANUP(unref_index) = NULL;

	if (known == NULL) {
		if (!dc_frame_index_build(&found, request->dataset, image_of(rows), err))
			return false;
		known = found;
	}
	return dc_frame_index_read(known, request->dataset->source, request->frame, max_size,
				   input, err);
}

/* An encapsulated frame, all of its rows. */
static bool decode_frame(struct rn_rows *rows, struct err *err)
{
	const struct dc_image *image = image_of(rows);
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct rn_codec_frame frame = {
		.image = image,
		.decoded = &rows->decoded,
		.cancel = rows->request->cancel,
		.threads = rows->request->threads,
	};
	uint64_t size, most;

	if (!checked_mul(rows->row_size, image->rows, &size) || size > SIZE_MAX / 2 ||
	    !checked_mul(size, INPUT_FACTOR, &most) || !checked_add(most, INPUT_ROOM, &most))
		return err_set(err, ERR_LIMIT, "frame size overflows");
	if (cancelled(rows, err) || !read_frame(rows, most, &input, err))
		return false;
	/* Zeroed by the system and taken only as far as it is written. */
	rows->cells = calloc(1, (size_t)size);
	if (rows->cells == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	frame.input = buf_span(&input);
	frame.output = rows->cells;
	frame.output_size = (size_t)size;
	if (!rows->codec->decode(&frame, err) ||
	    !rn_cells_settle(image, &rows->decoded, rows->cells,
			     (size_t)size / rn_cell_bytes(image), err)) {
		rn_rows_release(rows);
		return false;
	}
	rows->strip_rows = image->rows;
	rows->count = image->rows;
	return true;
}

/* How cells lie in the file, and how many rows are read at a time. */
static bool open_native(struct rn_rows *rows, struct err *err)
{
	const struct dc_image *image = image_of(rows);
	enum dc_native_layout layout = dc_image_native_layout(image);
	uint16_t bits = dc_image_cell_bits(image);
	uint64_t columns = image->columns, samples = image->samples;
	uint64_t most = MAX_OF(RN_ROWS_STRIP / rows->row_size, 1u);

	if (!dc_frame_locate_native(image, rows->request->frame, &rows->frame, err))
		return false;
	rows->planes = 1;
	if (layout != DC_NATIVE_PLAIN) {
		samples = 2;
		columns += layout == DC_NATIVE_422 ? columns % 2 : 0;
		/* Whole pairs, where they run on. */
		most += most % 2;
	} else if (image->samples > 1 && image->planar_configuration == 1) {
		rows->planes = image->samples;
		samples = 1;
	}
	/* No overflow: 32, 16 and 16 bits. */
	rows->row_bits = columns * samples * bits;
	rows->strip_rows = (uint32_t)MIN_OF(most, (uint64_t)image->rows);
	/* Planes that begin inside a byte are read all at once. */
	if (rows->planes > 1 && bits % 8 != 0)
		rows->strip_rows = image->rows;
	rows->pairs = bits != 16 && image->vr == DC_VR_OW &&
		      (image->flags & DC_IMAGE_BIG_ENDIAN) != 0;
	rows->in_place = rows->planes == 1 && !rows->pairs && layout == DC_NATIVE_PLAIN &&
			 bits == 8 * rn_cell_bytes(image);
	return take_memory(rows, err);
}

bool rn_rows_init(struct rn_rows *rows, const struct rn_request *request, struct err *err)
{
	const struct dc_image *image = request->instance->image;
	uint64_t row_size;

	*rows = (struct rn_rows){.request = request, .codec = rn_codec_find(image)};
	if (rows->codec == NULL)
		return err_set(err, ERR_UNSUPPORTED, "no codec for this transfer syntax");
	if (!checked_mul((uint64_t)image->samples * rn_cell_bytes(image), image->columns,
			 &row_size) ||
	    row_size == 0 || row_size > SIZE_MAX / 4)
		return err_set(err, ERR_LIMIT, "row size overflows");
	rows->row_size = (size_t)row_size;
	if ((image->flags & DC_IMAGE_ENCAPSULATED) != 0)
		return decode_frame(rows, err);
	return open_native(rows, err);
}

void rn_rows_release(struct rn_rows *rows)
{
	free(rows->cells);
	free(rows->input);
	rows->cells = NULL;
	rows->input = NULL;
}

/* PS3.5 A.3 and 8.1.1: the first of two 8-bit cells is the less significant
 * byte of their word, the second one in the file. to has room for size + 2. */
static bool read_pairs(struct rn_rows *rows, uint64_t offset, size_t size, uint8_t *to,
		       struct err *err)
{
	const struct dc_image *image = image_of(rows);
	size_t before = (size_t)((offset - image->offset) % 2);
	size_t whole = (before + size + 1) / 2 * 2;

	if (offset - before + whole > image->offset + image->length)
		return err_set(err, ERR_CORRUPT, "the last word of the pixel data is incomplete");
	if (!dc_source_read_exact(rows->request->dataset->source, offset - before, to, whole, err))
		return false;
	for (size_t i = 0; i < whole; i += 2) {
		uint8_t first = to[i];

		to[i] = to[i + 1];
		to[i + 1] = first;
	}
	memmove(to, to + before, size);
	return true;
}

/* size bytes at an offset of the data set's source. */
static bool read_bytes(struct rn_rows *rows, uint64_t offset, size_t size, uint8_t *to,
		       struct err *err)
{
	if (rows->pairs)
		return read_pairs(rows, offset, size, to, err);
	return dc_source_read_exact(rows->request->dataset->source, offset, to, size, err);
}

/* Rows of every plane, one after another. Where cells are not whole bytes there
 * is one plane, or all of the frame is read. */
static bool read_input(struct rn_rows *rows, uint32_t first, uint32_t count, uint8_t *to,
		       struct rn_codec_frame *frame, struct err *err)
{
	uint32_t rows_of_plane = image_of(rows)->rows;
	uint64_t planes = rows->planes, plane_bits = count * rows->row_bits;
	size_t size = 0;

	if (count == rows_of_plane) {
		plane_bits *= planes;
		planes = 1;
	}
	for (uint64_t plane = 0; plane < planes; plane++) {
		uint64_t bit = (plane * rows_of_plane + first) * rows->row_bits +
			       rows->frame.bit_offset;
		size_t bytes = (size_t)((bit % 8 + plane_bits + 7) / 8);

		frame->input_bit_offset = (uint8_t)(bit % 8);
		if (!read_bytes(rows, rows->frame.offset + bit / 8, bytes, to + size, err))
			return false;
		size += bytes;
	}
	frame->input = span_of(to, size);
	return true;
}

static bool load(struct rn_rows *rows, uint32_t first, uint32_t count, struct err *err)
{
	struct dc_image strip = *image_of(rows);
	uint8_t *input = rows->in_place ? rows->cells : rows->input;
	struct rn_codec_frame frame = {
		.image = &strip,
		.output = rows->cells,
		.output_size = count * rows->row_size,
		.decoded = &rows->decoded,
		.cancel = rows->request->cancel,
		.threads = rows->request->threads,
	};

	if (cancelled(rows, err))
		return false;
	rows->count = 0;
	if (!read_input(rows, first, count, input, &frame, err))
		return false;
	/* An image of its own. */
	strip.rows = count;
	strip.frames = 1;
	strip.length = frame.input.size;
	strip.declared_length = frame.input.size + frame.input.size % 2;
	if (rows->pairs)
		strip.flags &= ~(uint32_t)DC_IMAGE_BIG_ENDIAN;
	if (!rows->in_place)
		memset(rows->cells, 0, frame.output_size);
	if (!rows->codec->decode(&frame, err))
		return false;
	rows->first = first;
	rows->count = count;
	return true;
}

bool rn_rows_get(struct rn_rows *rows, uint32_t row, const void **cells, struct err *err)
{
	if (row - rows->first >= rows->count) {
		uint32_t first = row - row % rows->strip_rows;
		uint32_t left = image_of(rows)->rows - first;

		if (!load(rows, first, MIN_OF(left, rows->strip_rows), err))
			return false;
	}
	*cells = rows->cells + (size_t)(row - rows->first) * rows->row_size;
	return true;
}
