/*
 * The differences of JPEG lossless, ITU-T T.81 H.1.2.2: Huffman codes of
 * categories 0 to 16 and their extra bits, several of them in one lookup.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_DIFFERENCES_H
#define RENDER_JPEG_DIFFERENCES_H

#include "render/jpeg-huffman.h"

#define RN_JPEG_DIFFERENCE_BITS 14 /* of an index, at most */
#define RN_JPEG_DIFFERENCE_BYTES 4 /* in the codestream: at most 16 + 15 bits */
#define RN_JPEG_DIFFERENCE_MOST (RN_JPEG_RESERVE / RN_JPEG_DIFFERENCE_BYTES)

/* What the next bits, those of an index, begin with: one to three complete
 * differences, or one whose lowest bits are still to come. */
struct rn_jpeg_differences_entry {
	uint16_t value[3]; /* modulo 2^16; with no bits of an incomplete one */
	uint8_t category;  /* of an incomplete one, else 0 */
	uint8_t unused;
};

struct rn_jpeg_differences {
	unsigned bits; /* of an index: 12 or 14 */
	/* Bits to take, in 6 bits; above them how many differences that are. 0: no
	 * code of so few bits. Apart from the entries because this is what the next
	 * lookup waits for: it stays in the first-level cache. */
	uint8_t take[1 << RN_JPEG_DIFFERENCE_BITS];
	uint8_t first[1 << RN_JPEG_DIFFERENCE_BITS]; /* the same for the first one */
	struct rn_jpeg_differences_entry entry[1 << RN_JPEG_DIFFERENCE_BITS];
	struct rn_jpeg_huffman huffman;
};

/* count: about how many differences will be read, which decides how large a table
 * is worth its making. ERR_CORRUPT as rn_jpeg_huffman_init(), categories above 16
 * included. */
bool rn_jpeg_differences_init(struct rn_jpeg_differences *table, const struct rn_jpeg_dht *dht,
			      uint64_t count, struct err *err) MUST_CHECK;

/* The next count differences, whatever count is; takes no bit beyond the last of
 * them. tables: of each component in turn, components of them. False: a code
 * that is not in the table, or bits past the end of the segment were used
 * (rn_jpeg_bits_overrun()). */
bool rn_jpeg_differences_read(const struct rn_jpeg_differences *const *tables, unsigned components,
			      struct rn_jpeg_bits *bits, uint16_t *out, size_t count) MUST_CHECK;

#endif
