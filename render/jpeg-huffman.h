/*
 * Huffman codes and bits of JPEG entropy-coded segments, ITU-T T.81 Annex C and
 * F.2.2: shared by the lossless and the DCT decoders.
 *
 * The bit reader takes byte stuffing out of the codestream into a small window
 * ahead of the decoder, up to the next marker, and the decoder works on plain
 * bits without a check per symbol:
 *
 *	rn_jpeg_bits_reserve(bits, bytes)  before a run of symbols: as many bytes as
 *	                                   they can take in the worst case
 *	rn_jpeg_bits_refill(bits)          before each symbol: at least 56 bits then
 *	...
 *	rn_jpeg_bits_overrun(bits)         after the run: more was taken than there
 *	                                   was; all since the last check is void
 *
 * Past a marker or the end of the input, bits are zeros.
 *
 * Thread rule: a struct belongs to one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_HUFFMAN_H
#define RENDER_JPEG_HUFFMAN_H

#include "render/jpeg-markers.h"

#define RN_JPEG_RESERVE 16384 /* the most that may be reserved at once */
#define RN_JPEG_WINDOW 32768
#define RN_JPEG_BEHIND 16 /* room in front, for a last byte that was passed */
#define RN_JPEG_LOOK 9    /* codes up to this many bits come from one lookup */

struct rn_jpeg_bits {
	uint64_t bits;         /* the next ones, the very next at the top */
	unsigned count;        /* how many of them count; below them are zeros or more of them */
	const uint8_t *next;   /* in window: not in bits yet */
	const uint8_t *filled; /* end of what may be read in window, zeros included */
	const uint8_t *last;   /* end of what came from the codestream */
	const uint8_t *source, *source_end; /* codestream, still stuffed */
	bool ended;                         /* source is at a marker or at source_end */
	uint8_t window[RN_JPEG_BEHIND + RN_JPEG_WINDOW + RN_JPEG_RESERVE + 64];
};

/* source: behind a scan header or a restart marker. */
void rn_jpeg_bits_init(struct rn_jpeg_bits *bits, const uint8_t *source, const uint8_t *source_end);

/* What reserve does when there is not enough in the window. */
void rn_jpeg_bits_fill(struct rn_jpeg_bits *bits, size_t bytes);

/* The next bytes (RN_JPEG_RESERVE at most) may be taken without another check. */
static inline void rn_jpeg_bits_reserve(struct rn_jpeg_bits *bits, size_t bytes)
{
	if (__builtin_expect((size_t)(bits->filled - bits->next) < bytes + 16, 0))
		rn_jpeg_bits_fill(bits, bytes);
}

static inline void rn_jpeg_bits_refill(struct rn_jpeg_bits *bits)
{
	bits->bits |= load_u64(bits->next, true) >> bits->count;
	bits->next += (63 - bits->count) >> 3;
	bits->count |= 56;
}

/* The next n bits, 1 to 32, without taking them. */
static inline uint32_t rn_jpeg_bits_peek(const struct rn_jpeg_bits *bits, unsigned n)
{
	return (uint32_t)(bits->bits >> (64 - n));
}

static inline void rn_jpeg_bits_take(struct rn_jpeg_bits *bits, unsigned n)
{
	bits->bits <<= n;
	bits->count -= n;
}

/* n bits, 0 to 32. */
static inline uint32_t rn_jpeg_bits_get(struct rn_jpeg_bits *bits, unsigned n)
{
	uint32_t value = (uint32_t)(bits->bits >> 1 >> (63 - n));

	rn_jpeg_bits_take(bits, n);
	return value;
}

/* F.2.2.1 EXTEND: what n bits, 0 to 16, say of a number of category n. */
static inline int32_t rn_jpeg_extend(uint32_t value, unsigned n)
{
	int32_t negative = (int32_t)(value << 1 >> n) - 1; /* -1: the top bit is not set */

	return (int32_t)value + (negative & (1 - (1 << n)));
}

/* Whether more bits were taken than there were before the marker or the end. */
static inline bool rn_jpeg_bits_overrun(const struct rn_jpeg_bits *bits)
{
	return bits->next > bits->last && (size_t)(bits->next - bits->last) * 8 > bits->count;
}

/* Where the codestream goes on: the marker that ended the segment, with what was
 * not decoded before it passed over; for markers.at. */
const uint8_t *rn_jpeg_bits_end(const struct rn_jpeg_bits *bits);

/* Passes over RSTn, n = number modulo 8, which has to be the next marker.
 * ERR_CORRUPT: it is another one or none. */
bool rn_jpeg_bits_restart(struct rn_jpeg_bits *bits, uint32_t number, struct err *err) MUST_CHECK;

/* A decoding table. */
struct rn_jpeg_huffman {
	/* By the next RN_JPEG_LOOK bits: length << 8 | value; 0: a longer code. */
	uint16_t look[1 << RN_JPEG_LOOK];
	/* The first 16-bit number, left-aligned, that is no code of this length or a
	 * shorter one; index of a code's value = (16 bits >> (16 - length)) - offset. */
	uint32_t limit[17];
	int32_t offset[17];
	uint8_t values[256];
};

/* ERR_CORRUPT: no such table, more codes of a length than fit, or a value above
 * value_max (lossless 16; DCT: DC 11 or 15, AC 255). A table whose codes use up
 * all bit patterns, which T.81 forbids, is taken. */
bool rn_jpeg_huffman_init(struct rn_jpeg_huffman *table, const struct rn_jpeg_dht *dht,
			  unsigned value_max, struct err *err) MUST_CHECK;

/* A code that is not in the table. */
#define RN_JPEG_NO_CODE UINT32_MAX

/* For codes longer than RN_JPEG_LOOK: takes one, or nothing when there is none
 * (RN_JPEG_NO_CODE). */
uint32_t rn_jpeg_huffman_long(const struct rn_jpeg_huffman *table, struct rn_jpeg_bits *bits);

/* Takes one code; 16 bits have to be in. */
static inline uint32_t rn_jpeg_huffman_get(const struct rn_jpeg_huffman *table,
					   struct rn_jpeg_bits *bits)
{
	uint32_t entry = table->look[rn_jpeg_bits_peek(bits, RN_JPEG_LOOK)];

	if (__builtin_expect(entry == 0, 0))
		return rn_jpeg_huffman_long(table, bits);
	rn_jpeg_bits_take(bits, entry >> 8);
	return entry & 0xFF;
}

#endif
