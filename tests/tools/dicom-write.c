/* SPDX-License-Identifier: MIT */
#include "tests/tools/dicom-write.h"

#include <assert.h>

#include <zlib.h>

void dw_init(struct dw_writer *writer, struct buf *out, enum dw_encoding encoding)
{
	writer->out = out;
	writer->encoding = encoding;
	writer->depth = 0;
}

/* ---- Numbers ----------------------------------------------------------- */

static bool big_endian(const struct dw_writer *writer)
{
	return writer->encoding == DW_EXPLICIT_BE;
}

static void put_number(struct dw_writer *writer, uint64_t value, unsigned size)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < size; i++)
		bytes[big_endian(writer) ? size - 1 - i : i] = (uint8_t)(value >> (8 * i));
	buf_append(writer->out, bytes, size);
}

void dw_u16(struct dw_writer *writer, uint16_t value)
{
	put_number(writer, value, 2);
}

void dw_u32(struct dw_writer *writer, uint32_t value)
{
	put_number(writer, value, 4);
}

void dw_u64(struct dw_writer *writer, uint64_t value)
{
	put_number(writer, value, 8);
}

/* ---- The beginning of a file ------------------------------------------- */

void dw_preamble(struct buf *out, const char *start)
{
	uint8_t bytes[128] = {0};

	if (start != NULL)
		memcpy(bytes, start, strnlen(start, sizeof(bytes)));
	buf_append(out, bytes, sizeof(bytes));
	buf_append(out, "DICM", 4);
}

void dw_meta(struct buf *out, const char *sop_class, const char *sop_instance,
	     const char *transfer_syntax)
{
	struct dw_writer writer;
	size_t length_at, start;
	uint8_t version[2] = {0, 1};

	dw_init(&writer, out, DW_EXPLICIT_LE);
	dw_header(&writer, DW_TAG(2, 0), "UL", NULL, 4);
	length_at = out->size;
	dw_u32(&writer, 0);
	start = out->size;
	dw_bytes(&writer, DW_TAG(2, 1), "OB", version, 2);
	dw_text(&writer, DW_TAG(2, 2), "UI", sop_class);
	dw_text(&writer, DW_TAG(2, 3), "UI", sop_instance);
	dw_text(&writer, DW_TAG(2, 0x10), "UI", transfer_syntax);
	dw_text(&writer, DW_TAG(2, 0x12), "UI", "2.25.329800735698586629295641978511506172918");
	if (out->failure == ERR_NONE) {
		uint32_t length = (uint32_t)(out->size - start);

		for (unsigned i = 0; i < 4; i++)
			out->data[length_at + i] = (uint8_t)(length >> (8 * i));
	}
}

void dw_deflate(struct buf *out, size_t offset)
{
	CLEANUP_BUF struct buf packed = buf_empty(BUF_NO_LIMIT);
	z_stream stream = {0};
	uint8_t *to;
	uLong bound;
	int result;

	if (out->failure != ERR_NONE)
		return;
	if (deflateInit2(&stream, 9, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
		out->failure = ERR_NOMEM;
		return;
	}
	bound = deflateBound(&stream, out->size - offset);
	to = buf_extend(&packed, bound);
	if (to == NULL) {
		out->failure = ERR_NOMEM;
		(void)deflateEnd(&stream);
		return;
	}
	stream.next_in = out->data + offset;
	stream.avail_in = (uInt)(out->size - offset);
	stream.next_out = to;
	stream.avail_out = (uInt)bound;
	result = deflate(&stream, Z_FINISH);
	assert(result == Z_STREAM_END);
	(void)result;
	buf_truncate(&packed, stream.total_out);
	(void)deflateEnd(&stream);
	buf_truncate(out, offset);
	buf_append(out, packed.data, packed.size);
	if (packed.size % 2 != 0)
		buf_append_byte(out, 0);
}

/* ---- Elements ---------------------------------------------------------- */

static bool is_one_of(const char *vr, const char *list)
{
	const char *found = strstr(list, vr);

	return strlen(vr) == 2 && found != NULL && (found - list) % 3 == 0;
}

bool dw_long_length(const char *vr)
{
	return is_one_of(vr, "OB OD OF OL OV OW SQ SV UC UN UR UT UV");
}

unsigned dw_unit(const char *vr)
{
	if (is_one_of(vr, "AT OW SS US"))
		return 2;
	if (is_one_of(vr, "FL OF OL SL UL"))
		return 4;
	return is_one_of(vr, "FD OD OV SV UV") ? 8 : 1;
}

void dw_header(struct dw_writer *writer, uint32_t tag, const char *vr, const char *stored_vr,
	       uint32_t length)
{
	dw_u16(writer, (uint16_t)(tag >> 16));
	dw_u16(writer, (uint16_t)tag);
	if (stored_vr == NULL)
		stored_vr = vr;
	if (writer->encoding == DW_IMPLICIT_LE || tag >> 16 == 0xfffe) {
		dw_u32(writer, length);
		return;
	}
	buf_append(writer->out, stored_vr, 2);
	if (dw_long_length(stored_vr)) {
		dw_u16(writer, 0);
		dw_u32(writer, length);
	} else {
		dw_u16(writer, (uint16_t)length);
	}
}

static void put_padding(struct dw_writer *writer, const char *vr, size_t size)
{
	if (size % 2 != 0)
		buf_append_byte(writer->out, is_one_of(vr, "OB UI UN") ? '\0' : ' ');
}

void dw_bytes(struct dw_writer *writer, uint32_t tag, const char *vr, const void *data, size_t size)
{
	dw_header(writer, tag, vr, NULL, (uint32_t)(size + size % 2));
	buf_append(writer->out, data, size);
	put_padding(writer, vr, size);
}

void dw_text(struct dw_writer *writer, uint32_t tag, const char *vr, const char *text)
{
	dw_bytes(writer, tag, vr, text, strlen(text));
}

void dw_number(struct dw_writer *writer, uint32_t tag, const char *vr, uint16_t value)
{
	unsigned size = dw_unit(vr);

	dw_header(writer, tag, vr, NULL, size);
	put_number(writer, value, size);
}

void dw_words(struct dw_writer *writer, uint32_t tag, const char *vr, const uint16_t *words,
	      size_t count)
{
	uint8_t *to;

	dw_header(writer, tag, vr, NULL, (uint32_t)(2 * count));
	to = buf_extend(writer->out, 2 * count);
	for (size_t i = 0; to != NULL && i < count; i++) {
		to[2 * i + !big_endian(writer)] = (uint8_t)(words[i] >> 8);
		to[2 * i + big_endian(writer)] = (uint8_t)words[i];
	}
}

/* ---- Sequences and fragments ------------------------------------------- */

/* The header was just written and its length is its last four bytes. */
static void push(struct dw_writer *writer, bool undefined)
{
	assert(writer->depth < DW_MAX_DEPTH);
	writer->levels[writer->depth++] = (struct dw_level){
		.length_at = writer->out->size - 4,
		.start = writer->out->size,
		.undefined = undefined,
		.encoding = writer->encoding,
	};
}

/* A defined length is known only now; else the delimiter follows. */
static void pop(struct dw_writer *writer, uint16_t delimiter)
{
	struct dw_level *level;
	size_t end = writer->out->size;

	assert(writer->depth > 0);
	level = &writer->levels[--writer->depth];
	writer->encoding = level->encoding;
	if (level->undefined) {
		dw_header(writer, DW_TAG(0xfffe, delimiter), "", NULL, 0);
	} else if (writer->out->failure == ERR_NONE) {
		writer->out->size = level->length_at;
		dw_u32(writer, (uint32_t)(end - level->start));
		writer->out->size = end;
	}
}

void dw_sequence_begin(struct dw_writer *writer, uint32_t tag, const char *stored_vr,
		       bool undefined)
{
	dw_header(writer, tag, "SQ", stored_vr, undefined ? DW_UNDEFINED : 0);
	push(writer, undefined);
}

void dw_sequence_end(struct dw_writer *writer)
{
	pop(writer, 0xe0dd);
}

void dw_item_begin(struct dw_writer *writer, bool undefined)
{
	dw_header(writer, DW_TAG(0xfffe, 0xe000), "", NULL, undefined ? DW_UNDEFINED : 0);
	push(writer, undefined);
}

void dw_item_end(struct dw_writer *writer)
{
	pop(writer, 0xe00d);
}

void dw_leave_open(struct dw_writer *writer)
{
	assert(writer->depth > 0);
	writer->encoding = writer->levels[--writer->depth].encoding;
}

void dw_fragments_begin(struct dw_writer *writer, uint32_t tag, const char *vr)
{
	dw_header(writer, tag, vr, NULL, DW_UNDEFINED);
	push(writer, true);
}

void dw_fragment(struct dw_writer *writer, const void *data, size_t size)
{
	dw_header(writer, DW_TAG(0xfffe, 0xe000), "", NULL, (uint32_t)(size + size % 2));
	buf_append(writer->out, data, size);
	if (size % 2 != 0)
		buf_append_byte(writer->out, 0);
}

void dw_fragments_end(struct dw_writer *writer)
{
	pop(writer, 0xe0dd);
}
