/* SPDX-License-Identifier: MIT */
#include "render/jpeg-huffman.h"

void rn_jpeg_bits_init(struct rn_jpeg_bits *bits, const uint8_t *source, const uint8_t *source_end)
{
	bits->bits = 0;
	bits->count = 0;
	bits->next = bits->filled = bits->last = bits->window + RN_JPEG_BEHIND;
	bits->source = source;
	bits->source_end = source_end;
	bits->ended = false;
}

/* Copies up to room bytes, stuffing taken out. */
static uint8_t *unstuff(struct rn_jpeg_bits *bits, uint8_t *out, size_t room)
{
	const uint8_t *in = bits->source, *end = bits->source_end;

	while (room > 0) {
		size_t size = MIN_OF(room, (size_t)(end - in)), plain;
		const uint8_t *stuffed = size > 0 ? memchr(in, 0xFF, size) : NULL;

		plain = stuffed != NULL ? (size_t)(stuffed - in) : size;
		if (plain > 0)
			memcpy(out, in, plain);
		in += plain;
		out += plain;
		room -= plain;
		if (room == 0)
			break;
		/* A lone 0xFF at the end of the input is part of a lost marker. */
		if (stuffed == NULL || end - in < 2 || in[1] != 0) {
			bits->ended = true;
			break;
		}
		*out++ = 0xFF;
		in += 2;
		room--;
	}
	bits->source = in;
	return out;
}

void rn_jpeg_bits_fill(struct rn_jpeg_bits *bits, size_t bytes)
{
	uint8_t *const base = bits->window + RN_JPEG_BEHIND;
	const size_t room = sizeof(bits->window) - RN_JPEG_BEHIND;
	const size_t kept = (size_t)(bits->filled - bits->next);
	const ptrdiff_t left = bits->last - bits->next;
	size_t size = kept;

	memmove(base, bits->next, kept);
	bits->next = base;
	if (!bits->ended) {
		size = (size_t)(unstuff(bits, base + kept, RN_JPEG_WINDOW - kept) - base);
		bits->last = base + size;
	} else {
		/* Behind the last byte the decoder may stand already; how far matters to
		 * rn_jpeg_bits_overrun() as long as it can be made up by bits->count. */
		bits->last = base + MAX_OF(left, -RN_JPEG_BEHIND);
	}
	/* No more zeros than are needed: segments may be short. */
	if (bits->ended && size < bytes + 16) {
		size_t zeros = MIN_OF(bytes + 16, room) - size;

		memset(base + size, 0, zeros);
		size += zeros;
	}
	bits->filled = base + size;
}

const uint8_t *rn_jpeg_bits_end(const struct rn_jpeg_bits *bits)
{
	struct span rest = span_of(bits->source, (size_t)(bits->source_end - bits->source));

	return bits->source + rn_jpeg_markers_find(rest, 0, true);
}

bool rn_jpeg_bits_restart(struct rn_jpeg_bits *bits, uint32_t number, struct err *err)
{
	struct span rest = span_of(bits->source, (size_t)(bits->source_end - bits->source));
	size_t at = rn_jpeg_markers_find(rest, 0, false);
	unsigned wanted = RN_JPEG_RST0 + (number & 7);

	if (at == rest.size)
		return err_set(err, ERR_CORRUPT, "the codestream ends before restart marker %u",
			       number & 7);
	if (rest.data[at + 1] != wanted)
		return err_set(err, ERR_CORRUPT,
			       "marker 0xFF%02X in place of restart marker 0xFF%02X",
			       rest.data[at + 1], wanted);
	rn_jpeg_bits_init(bits, rest.data + at + 2, bits->source_end);
	return true;
}

/* T.81 Annex C: the codes of one length are consecutive numbers. */
bool rn_jpeg_huffman_init(struct rn_jpeg_huffman *table, const struct rn_jpeg_dht *dht,
			  unsigned value_max, struct err *err)
{
	uint32_t code = 0, index = 0;

	if (!dht->present)
		return err_set(err, ERR_CORRUPT, "a Huffman table that was not defined");
	memset(table, 0, sizeof(*table));
	memcpy(table->values, dht->values, sizeof(table->values));
	for (unsigned i = 0; i < dht->total; i++) {
		if (dht->values[i] > value_max)
			return err_set(err, ERR_CORRUPT,
				       "a Huffman table with value %u, at most %u", dht->values[i],
				       value_max);
	}
	for (unsigned length = 1; length <= 16; length++) {
		unsigned count = dht->counts[length - 1];

		table->offset[length] = (int32_t)code - (int32_t)index;
		for (unsigned i = 0; i < count && length <= RN_JPEG_LOOK; i++) {
			unsigned below = RN_JPEG_LOOK - length;
			uint16_t entry = (uint16_t)(length << 8 | dht->values[index + i]);

			if (code + i >= 1u << length)
				break;
			for (unsigned k = 0; k < 1u << below; k++)
				table->look[((code + i) << below) + k] = entry;
		}
		code += count;
		index += count;
		if (code > 1u << length)
			return err_set(err, ERR_CORRUPT,
				       "a Huffman table with %u codes of %u bits too many",
				       code - (1u << length), length);
		table->limit[length] = code << (16 - length);
		code <<= 1;
	}
	return true;
}

uint32_t rn_jpeg_huffman_long(const struct rn_jpeg_huffman *table, struct rn_jpeg_bits *bits)
{
	uint32_t next = rn_jpeg_bits_peek(bits, 16);
	unsigned length = 1;

	while (length <= 16 && next >= table->limit[length])
		length++;
	if (length > 16)
		return RN_JPEG_NO_CODE;
	rn_jpeg_bits_take(bits, length);
	return table->values[(int32_t)(next >> (16 - length)) - table->offset[length]];
}
