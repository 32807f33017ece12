/* SPDX-License-Identifier: MIT */
/* ITU-T T.81 Annex G: a scan brings some coefficients (spectral selection), or
 * one more bit of them (successive approximation). */
#include "render/jpeg-dct-private.h"

static bool bad_code(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "JPEG: a Huffman code that is in no table");
}

static int16_t *block_at(const struct rn_dct_component *component, uint32_t x, uint32_t y)
{
	return component->coefficients + ((size_t)y * component->padded_x + x) * 64;
}

static inline struct rn_dct_component *component_of(struct rn_dct *dct, unsigned part)
{
	return &dct->component[dct->markers.scan.part[part].component];
}

static bool dc_first(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y, struct err *err)
{
	const struct rn_dct_table *table = &dct->dc[dct->markers.scan.part[part].dc];
	struct rn_dct_component *component = component_of(dct, part);
	uint32_t size;
	int32_t difference = 0;

	rn_jpeg_bits_reserve(&dct->bits, RN_DCT_BLOCK_BYTES);
	rn_jpeg_bits_refill(&dct->bits);
	size = rn_jpeg_huffman_get(&table->huffman, &dct->bits);
	if (size == RN_JPEG_NO_CODE)
		return bad_code(err);
	if (size > 0)
		difference = rn_jpeg_extend(rn_jpeg_bits_get(&dct->bits, size), size);
	component->dc = (int16_t)(component->dc + difference);
	*block_at(component, x, y) = (int16_t)(component->dc * (1 << dct->markers.scan.al));
	return true;
}

static bool dc_refine(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y,
		      struct err *err UNUSED)
{
	int16_t *block = block_at(component_of(dct, part), x, y);

	rn_jpeg_bits_reserve(&dct->bits, RN_DCT_BLOCK_BYTES);
	rn_jpeg_bits_refill(&dct->bits);
	*block = (int16_t)(*block | (int)(rn_jpeg_bits_get(&dct->bits, 1) << dct->markers.scan.al));
	return true;
}

/* EOBn: this block and so many after it, G.1.2.2. */
static void begin_end_of_band(struct rn_dct *dct, unsigned size)
{
	dct->end_of_band = 1u << size;
	if (size > 0)
		dct->end_of_band += rn_jpeg_bits_get(&dct->bits, size);
}

static bool ac_first(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y, struct err *err)
{
	const struct rn_jpeg_scan *scan = &dct->markers.scan;
	const struct rn_dct_table *table = &dct->ac[scan->part[part].ac];
	struct rn_jpeg_bits *bits = &dct->bits;
	int16_t *block = block_at(component_of(dct, part), x, y);
	unsigned at = scan->ss;

	if (dct->end_of_band > 0) {
		dct->end_of_band--;
		return true;
	}
	rn_jpeg_bits_reserve(bits, RN_DCT_BLOCK_BYTES);
	while (at <= scan->se) {
		uint32_t symbol;
		unsigned run, size;

		rn_jpeg_bits_refill(bits);
		symbol = rn_jpeg_huffman_get(&table->huffman, bits);
		if (symbol == RN_JPEG_NO_CODE)
			return bad_code(err);
		run = symbol >> 4;
		size = symbol & 15;
		if (size == 0 && run < 15) {
			begin_end_of_band(dct, run);
			dct->end_of_band--;
			return true;
		}
		at += run;
		if (at > scan->se)
			break;
		if (size > 0)
			block[rn_jpeg_zigzag[at]] =
				(int16_t)(rn_jpeg_extend(rn_jpeg_bits_get(bits, size), size) *
					  (1 << scan->al));
		at++;
	}
	if (at > (unsigned)scan->se + 1)
		return err_set(err, ERR_CORRUPT, "JPEG: coefficients past the end of the band");
	return true;
}

/* One more bit of a coefficient that is not 0. */
static inline void refine(struct rn_jpeg_bits *bits, int16_t *coefficient, int bit)
{
	rn_jpeg_bits_refill(bits);
	if (rn_jpeg_bits_get(bits, 1) != 0 && (*coefficient & bit) == 0)
		*coefficient = (int16_t)(*coefficient < 0 ? *coefficient - bit : *coefficient + bit);
}

/* Passes over zeros as many as run says, refining the others on the way: where
 * the next new coefficient goes, past the end of the band if nowhere. */
static unsigned pass_zeros(struct rn_dct *dct, int16_t *block, unsigned at, unsigned run, int bit)
{
	for (; at <= dct->markers.scan.se; at++) {
		int16_t *coefficient = &block[rn_jpeg_zigzag[at]];

		if (*coefficient != 0)
			refine(&dct->bits, coefficient, bit);
		else if (run-- == 0)
			break;
	}
	return at;
}

static bool ac_refine(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y, struct err *err)
{
	const struct rn_jpeg_scan *scan = &dct->markers.scan;
	const struct rn_dct_table *table = &dct->ac[scan->part[part].ac];
	struct rn_jpeg_bits *bits = &dct->bits;
	int16_t *block = block_at(component_of(dct, part), x, y);
	const int bit = 1 << scan->al;
	unsigned at = scan->ss;

	rn_jpeg_bits_reserve(bits, RN_DCT_BLOCK_BYTES);
	while (dct->end_of_band == 0 && at <= scan->se) {
		uint32_t symbol;
		unsigned run, size;
		int value = 0;

		rn_jpeg_bits_refill(bits);
		symbol = rn_jpeg_huffman_get(&table->huffman, bits);
		if (symbol == RN_JPEG_NO_CODE)
			return bad_code(err);
		run = symbol >> 4;
		size = symbol & 15;
		if (size > 1)
			return err_set(err, ERR_CORRUPT, "JPEG: a refinement of %u bits", size);
		if (size == 1) {
			value = rn_jpeg_bits_get(bits, 1) != 0 ? bit : -bit;
		} else if (run < 15) {
			begin_end_of_band(dct, run);
			break;
		}
		at = pass_zeros(dct, block, at, run, bit);
		if (at > scan->se) {
			if (size == 0)
				return true;
			return err_set(err, ERR_CORRUPT,
				       "JPEG: coefficients past the end of the band");
		}
		if (size == 1)
			block[rn_jpeg_zigzag[at]] = (int16_t)value;
		at++;
	}
	if (dct->end_of_band > 0) {
		(void)pass_zeros(dct, block, at, 64, bit);
		dct->end_of_band--;
	}
	return true;
}

rn_dct_block *rn_dct_progressive_begin(struct rn_dct *dct, struct err *err)
{
	const struct rn_jpeg_scan *scan = &dct->markers.scan;
	bool dc = scan->ss == 0;

	if (scan->ss > scan->se || scan->se > 63 || scan->al > 13 || (dc && scan->se != 0) ||
	    (!dc && scan->count != 1) || (scan->ah != 0 && scan->ah != scan->al + 1)) {
		(void)err_set(err, ERR_CORRUPT,
			      "JPEG: a progressive scan of coefficients %u to %u, bits %u to %u, %u "
			      "components",
			      scan->ss, scan->se, scan->ah, scan->al, scan->count);
		return NULL;
	}
	for (unsigned i = 0; i < scan->count; i++) {
		struct rn_dct_component *component = component_of(dct, i);

		for (unsigned k = scan->ss; k <= scan->se; k++) {
			int missing = scan->ah == 0 ? -1 : scan->ah;

			if (component->bits_missing[k] != missing ||
			    (!dc && component->bits_missing[0] == -1)) {
				(void)err_set(err, ERR_CORRUPT,
					      "JPEG: scan %u is not the next one of its coefficients",
					      dct->markers.scans);
				return NULL;
			}
			component->bits_missing[k] = (int8_t)scan->al;
		}
	}
	dct->end_of_band = 0;
	if (dc)
		return scan->ah == 0 ? dc_first : dc_refine;
	return scan->ah == 0 ? ac_first : ac_refine;
}

/* Whether all bits of a component came; what is 0 everywhere may be left out of a
 * stream that has its proper end. */
static bool is_complete(const struct rn_dct *dct, unsigned c, struct err *err)
{
	const uint8_t *at = dct->markers.input.data + dct->markers.at;
	bool ended = dct->markers.at < 2 || at[-2] != 0xFF || at[-1] != RN_JPEG_EOI;

	for (unsigned k = 0; k < 64; k++) {
		int missing = dct->component[c].bits_missing[k];

		if (missing > 0 || (missing < 0 && (k == 0 || ended)))
			return err_set(err, ERR_CORRUPT, "JPEG: scans of component %u are missing",
				       c + 1);
	}
	return true;
}

/* False: all but the first one are 0. */
static bool dequantize(const int16_t *in, const int32_t *quantization, int32_t *out)
{
	int all = 0;

	for (unsigned i = 0; i < 64; i++)
		all |= in[i] & -(i > 0);
	for (unsigned i = 0; i < 64; i++)
		out[i] = in[i] * quantization[i];
	return all != 0;
}

static bool end_component(struct rn_dct *dct, struct rn_dct_component *component, struct err *err)
{
	int32_t quantization[64], block[64] __attribute__((aligned(32)));

	for (unsigned k = 0; k < 64; k++)
		quantization[rn_jpeg_zigzag[k]] = component->quantization[k];
	for (uint32_t y = 0; y < component->blocks_y; y++) {
		if (rn_dct_cancelled(dct, err))
			return false;
		for (uint32_t x = 0; x < component->blocks_x; x++) {
			bool many = dequantize(block_at(component, x, y), quantization, block);

			rn_dct_put_block(component, x, y, block, many ? 63 : 0);
		}
	}
	return true;
}

bool rn_dct_progressive_end(struct rn_dct *dct, struct err *err)
{
	for (unsigned c = 0; c < dct->count; c++) {
		if (!is_complete(dct, c, err) || !end_component(dct, &dct->component[c], err))
			return false;
	}
	return true;
}
