/* SPDX-License-Identifier: MIT */
#include "render/jpeg-dct-private.h"

#define REFILL_SYMBOLS 5 /* of RN_DCT_LOOK bits fit into 56 */
#define NO_CODE_RUN 255

static int32_t entry_of(uint32_t next, uint32_t code_bits, unsigned symbol)
{
	unsigned run = symbol >> 4, size = symbol & 15, bits = code_bits + size;
	int32_t value = 0;

	if (bits > RN_DCT_LOOK)
		return 0;
	if (size > 0)
		value = rn_jpeg_extend(next >> (RN_DCT_LOOK - bits) & ((1u << size) - 1), size);
	else if (run < 15)
		run = RN_DCT_END_RUN;
	return (int32_t)((uint32_t)value << 16 | run << 8 | bits);
}

void rn_dct_table_init(struct rn_dct_table *table)
{
	const struct rn_jpeg_huffman *huffman = &table->huffman;

	for (uint32_t next = 0; next < 1u << RN_DCT_LOOK; next++) {
		uint32_t entry = huffman->look[next >> (RN_DCT_LOOK - RN_JPEG_LOOK)];

		table->look[next] = 0;
		if (entry != 0)
			table->look[next] = entry_of(next, entry >> 8, entry & 0xFF);
	}
}

static bool bad_code(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "JPEG: a Huffman code that is in no table");
}

/* A symbol that is not in look: its entry, without bits, which are taken. */
static __attribute__((noinline)) int32_t take_long(const struct rn_dct_table *table,
						   struct rn_jpeg_bits *bits)
{
	uint32_t symbol, run, size;
	int32_t value = 0;

	rn_jpeg_bits_refill(bits);
	symbol = rn_jpeg_huffman_get(&table->huffman, bits);
	if (symbol == RN_JPEG_NO_CODE)
		return NO_CODE_RUN << 8;
	run = symbol >> 4;
	size = symbol & 15;
	if (size > 0)
		value = rn_jpeg_extend(rn_jpeg_bits_get(bits, size), size);
	else if (run < 15)
		run = RN_DCT_END_RUN;
	rn_jpeg_bits_refill(bits);
	return (int32_t)((uint32_t)value << 16 | run << 8);
}

static inline bool take_dc(struct rn_dct *dct, const struct rn_dct_table *table,
			   struct rn_dct_component *component, struct err *err)
{
	uint32_t size;
	int32_t difference = 0;

	rn_jpeg_bits_refill(&dct->bits);
	size = rn_jpeg_huffman_get(&table->huffman, &dct->bits);
	if (size == RN_JPEG_NO_CODE)
		return bad_code(err);
	if (size > 0)
		difference = rn_jpeg_extend(rn_jpeg_bits_get(&dct->bits, size), size);
	/* Modulo 2^16: the sum of damaged ones has no end. */
	component->dc = (int16_t)(component->dc + difference);
	return true;
}

/* AC coefficients, dequantised, into block; *last: where the last one went. */
static inline bool take_ac(struct rn_dct *dct, const struct rn_dct_table *table,
			   const uint16_t *quantization, int32_t block[64], unsigned *last,
			   struct err *err)
{
	struct rn_jpeg_bits *bits = &dct->bits;
	unsigned at = 1, left = 0;

	*last = 0;
	while (at < 64) {
		int32_t entry;

		if (left == 0) {
			rn_jpeg_bits_refill(bits);
			left = REFILL_SYMBOLS;
		}
		left--;
		entry = table->look[rn_jpeg_bits_peek(bits, RN_DCT_LOOK)];
		if (__builtin_expect(entry == 0, 0)) {
			entry = take_long(table, bits);
			left = REFILL_SYMBOLS;
		}
		rn_jpeg_bits_take(bits, (unsigned)entry & 0xFF);
		at += (unsigned)entry >> 8 & 0xFF;
		if (at >= 64)
			break;
		block[rn_jpeg_zigzag[at]] = (entry >> 16) * quantization[at];
		*last = at++;
	}
	if (at >= NO_CODE_RUN)
		return bad_code(err);
	if (at > 64 && at < RN_DCT_END_RUN)
		return err_set(err, ERR_CORRUPT, "JPEG: a block of more than 64 coefficients");
	return true;
}

bool rn_dct_sequential_block(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y,
			     struct err *err)
{
	const unsigned index = dct->markers.scan.part[part].component;
	struct rn_dct_component *component = &dct->component[index];
	int32_t *block = dct->block;
	unsigned last;

	rn_jpeg_bits_reserve(&dct->bits, RN_DCT_BLOCK_BYTES);
	if (!take_dc(dct, &dct->dc[dct->markers.scan.part[part].dc], component, err) ||
	    !take_ac(dct, &dct->ac[dct->markers.scan.part[part].ac], component->quantization,
		     block, &last, err))
		return false;
	block[0] = component->dc * component->quantization[0];
	rn_dct_put_block(component, x, y, block, last);
	return true;
}
