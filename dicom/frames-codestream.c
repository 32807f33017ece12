/* SPDX-License-Identifier: MIT */
#include "dicom/frames-private.h"

enum dc_codestream dc_codestream_of(const struct dc_transfer_syntax *ts)
{
	static const struct {
		const char *prefix;
		enum dc_codestream codestream;
	} table[] = {
		{DC_TS_IMPLICIT_LE ".4.11", DC_CODESTREAM_JPEG_XL},
		{DC_TS_IMPLICIT_LE ".4.20", DC_CODESTREAM_JPEG},
		{DC_TS_IMPLICIT_LE ".4.1", DC_CODESTREAM_UNKNOWN}, /* video */
		{DC_TS_IMPLICIT_LE ".4.", DC_CODESTREAM_JPEG},
		{DC_TS_IMPLICIT_LE ".5", DC_CODESTREAM_RLE},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		if (strncmp(ts->uid, table[i].prefix, strlen(table[i].prefix)) == 0)
			return table[i].codestream;
	}
	return DC_CODESTREAM_UNKNOWN;
}

static bool has_prefix(struct span bytes, const void *prefix, size_t size)
{
	return bytes.size >= size && memcmp(bytes.data, prefix, size) == 0;
}

#define HAS_PREFIX(bytes, prefix) has_prefix(bytes, prefix, sizeof(prefix) - 1)

/* PS3.5 G.5: how many segments, where each begins, zeros. */
static bool is_rle_header(struct span head, uint64_t length)
{
	uint32_t count, last = 0;

	if (head.size < 64 || length <= 64)
		return false;
	count = load_u32(head.data, false);
	if (count < 1 || count > 15 || load_u32(head.data + 4, false) != 64)
		return false;
	for (uint32_t i = 0; i < 15; i++) {
		uint32_t offset = load_u32(head.data + 4 + (size_t)4 * i, false);

		if (i < count ? offset <= last || offset >= length : offset != 0)
			return false;
		last = offset;
	}
	return true;
}

bool dc_codestream_begins(enum dc_codestream codestream, struct span head, uint64_t length)
{
	switch (codestream) {
	case DC_CODESTREAM_JPEG: /* SOI and a marker; SOC and SIZ; the JP2 signature box */
		return HAS_PREFIX(head, "\xff\xd8\xff") || HAS_PREFIX(head, "\xff\x4f\xff\x51") ||
		       HAS_PREFIX(head, "\0\0\0\x0cjP  \r\n\x87\n");
	case DC_CODESTREAM_JPEG_XL: /* bare, or in a container */
		return HAS_PREFIX(head, "\xff\x0a") ||
		       HAS_PREFIX(head, "\0\0\0\x0cJXL \r\n\x87\n");
	case DC_CODESTREAM_RLE:
		return is_rle_header(head, length);
	default:
		return false;
	}
}

/* EOI, EOC: no data of these codestreams holds the two bytes, so that any in
 * sight are the end, and what follows is padding. */
bool dc_codestream_ends(enum dc_codestream codestream, struct span tail)
{
	if (codestream != DC_CODESTREAM_JPEG)
		return false;
	for (size_t i = 1; i < tail.size; i++) {
		if (tail.data[i - 1] == 0xff && tail.data[i] == 0xd9)
			return true;
	}
	return false;
}
