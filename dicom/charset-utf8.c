/* UTF-8, strictly (RFC 3629).
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/charset.h"

#define REPLACEMENT 0xfffdu

/* Bytes of the character at the start of text and its value; 0 when it is not
 * one: a stray or missing continuation, an overlong form, a surrogate, or more
 * than U+10FFFF. */
static size_t decode(struct span text, uint32_t *code_point)
{
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};
	uint32_t c = text.data[0];
	size_t size = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;

	if (size == 0 || size > text.size)
		return 0;
	if (size > 1)
		c &= 0x7fu >> size;
	for (size_t i = 1; i < size; i++) {
		if ((text.data[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (text.data[i] & 0x3fu);
	}
	if (c < smallest[size] || (c >= 0xd800 && c <= 0xdfff) || c > 0x10ffff)
		return 0;
	*code_point = c;
	return size;
}

bool dc_utf8_valid(struct span text)
{
	size_t at = 0;

	while (at < text.size) {
		uint32_t code_point;
		size_t size;

		if (text.size - at >= 8) {
			uint64_t eight;

			memcpy(&eight, text.data + at, sizeof(eight));
			if ((eight & 0x8080808080808080u) == 0) {
				at += 8;
				continue;
			}
		}
		size = decode(span_of(text.data + at, text.size - at), &code_point);
		if (size == 0)
			return false;
		at += size;
	}
	return true;
}

uint32_t dc_utf8_next(struct span text, size_t *at)
{
	uint32_t code_point = REPLACEMENT;
	size_t size = 0;

	if (*at < text.size)
		size = decode(span_of(text.data + *at, text.size - *at), &code_point);
	*at += size > 0 ? size : 1;
	return code_point;
}

void dc_utf8_append(struct buf *out, uint32_t c)
{
	uint8_t bytes[4];
	size_t size;

	if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		c = REPLACEMENT;
	if (c < 0x80) {
		bytes[0] = (uint8_t)c;
		size = 1;
	} else if (c < 0x800) {
		bytes[0] = (uint8_t)(0xc0 | c >> 6);
		bytes[1] = (uint8_t)(0x80 | (c & 0x3f));
		size = 2;
	} else if (c < 0x10000) {
		bytes[0] = (uint8_t)(0xe0 | c >> 12);
		bytes[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		bytes[2] = (uint8_t)(0x80 | (c & 0x3f));
		size = 3;
	} else {
		bytes[0] = (uint8_t)(0xf0 | c >> 18);
		bytes[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
		bytes[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
		bytes[3] = (uint8_t)(0x80 | (c & 0x3f));
		size = 4;
	}
	buf_append(out, bytes, size);
}
