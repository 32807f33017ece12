/*
 * JSON tokens (RFC 8259) into a buffer, without printf: a scan measures every
 * header with these. All work on a counting buffer too, at the cost of the
 * arithmetic only.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JSON_FORMAT_H
#define RENDER_JSON_FORMAT_H

#include "dicom/buf.h"

/* buf_extend and buf_append with the counting case inline: measuring a header is
 * thousands of these. */
static inline uint8_t *rn_json_extend(struct buf *out, size_t size)
{
	if (out->counting && out->failure == ERR_NONE && size <= out->limit - out->size) {
		out->size += size;
		return NULL;
	}
	return buf_extend(out, size);
}

static inline void rn_json_append(struct buf *out, const void *data, size_t size)
{
	uint8_t *to = rn_json_extend(out, size);

	if (to != NULL && size > 0)
		memcpy(to, data, size);
}

/* Of a string literal or another array of characters with a NUL. */
#define rn_json_literal(out, text) rn_json_append(out, text, sizeof(text) - 1)

/* The text between quotes: quote, backslash and controls below U+0020 escaped.
 * text is valid UTF-8. */
void rn_json_escaped(struct buf *out, struct span text);
/* The same with the quotes. */
void rn_json_string(struct buf *out, struct span text);

/* Decimal numbers. Beyond 2^53 (not exact in a double, which most readers
 * use) in quotes, as F.2.3 allows. */
void rn_json_unsigned(struct buf *out, uint64_t value);
void rn_json_signed(struct buf *out, int64_t value);

/* The shortest text that reads back the same; NaN and infinities, for which
 * JSON has no number, as strings. */
void rn_json_double(struct buf *out, double value);
void rn_json_float(struct buf *out, float value);

/* An attribute tag as in keys and AT values: "7FE00010" in quotes. */
void rn_json_tag(struct buf *out, uint32_t tag);

/* Base64 (RFC 4648) with padding, no quotes. Every full group of unit bytes (1,
 * 2, 4, 8) is turned round first. */
void rn_json_base64(struct buf *out, struct span bytes, unsigned unit);
static inline uint64_t rn_json_base64_size(uint64_t bytes)
{
	return (bytes / 3 + (bytes % 3 != 0)) * 4;
}

/* Room for a normalised number. */
#define RN_JSON_NUMBER 40

/* Brings a trimmed DS (integer: IS) into JSON's grammar without changing a
 * digit that counts: "+05." -> 5, "-.50" -> -0.50. False when it is not what
 * PS3.5 6.2 calls a DS (IS), is too long, does not fit a double, or an integer
 * is beyond 2^53. number means nothing then. */
bool rn_json_number(struct span text, bool integer, char number[static RN_JSON_NUMBER],
		    size_t *size) MUST_CHECK;

#endif
