/* SPDX-License-Identifier: MIT */
#include "render/jpeg-differences.h"

#include "render/simd.h"

#define SMALL 12
#define LARGE RN_JPEG_DIFFERENCE_BITS
#define WORTH_LARGE (1u << 20) /* differences */
#define AHEAD 4                /* samples that a lookup stores, 3 of them at most to stay */

typedef struct rn_jpeg_differences_entry entry;

/* One difference, 31 bits have to be in. False: no such code. */
static inline bool read_one(const struct rn_jpeg_huffman *huffman, struct rn_jpeg_bits *bits,
			    uint16_t *out)
{
	uint32_t category = rn_jpeg_huffman_get(huffman, bits);

	if (category == RN_JPEG_NO_CODE)
		return false;
	if (category == 16) /* H.1.2.2: no extra bits */
		*out = 0x8000;
	else
		*out = (uint16_t)rn_jpeg_extend(rn_jpeg_bits_get(bits, category), category);
	return true;
}

static void fill(struct rn_jpeg_differences *table, uint32_t from, uint32_t count, uint32_t value,
		 unsigned length, unsigned incomplete)
{
	const entry e = {.value[0] = (uint16_t)value, .category = (uint8_t)incomplete};

	for (uint32_t i = from; i < from + count; i++)
		table->entry[i] = e;
	memset(table->first + from, (int)(1u << 6 | length), count);
}

/* All entries that begin with a code of length bits. */
static void fill_code(struct rn_jpeg_differences *table, uint32_t code, unsigned length,
		      unsigned category)
{
	const unsigned bits = table->bits, left = bits - length;
	const uint32_t from = code << left;

	if (category == 0) {
		fill(table, from, 1u << left, 0, length, 0);
	} else if (category == 16) { /* H.1.2.2: no bits follow */
		fill(table, from, 1u << left, 0x8000, length, 0);
	} else if (category <= left) {
		uint32_t each = 1u << (left - category);

		for (uint32_t i = 0; i < 1u << category; i++)
			fill(table, from + i * each, each, (uint32_t)rn_jpeg_extend(i, category),
			     length + category, 0);
	} else if (left > 0) {
		/* The sign is there: what is to come counts from the least number of it
		 * on. */
		uint32_t half = 1u << (left - 1);

		fill(table, from, half, 1 - (1u << category), length + category, category);
		fill(table, from + half, half, 0, length + category, category);
	}
}

/* Further differences of each entry: each is the first one of another entry. */
static void append(struct rn_jpeg_differences *table, unsigned shortest)
{
	const uint32_t count = 1u << table->bits;

	for (uint32_t i = 0; i < count; i++) {
		unsigned length = table->first[i] & 63, n = 1;

		if (length == 0 || length + shortest > table->bits)
			continue;
		while (n < 3) {
			uint32_t next = i << length & (count - 1);
			unsigned more = table->first[next] & 63;

			if (more == 0 || length + more > table->bits)
				break;
			table->entry[i].value[n++] = table->entry[next].value[0];
			length += more;
		}
		table->take[i] = (uint8_t)(n << 6 | length);
	}
}

bool rn_jpeg_differences_init(struct rn_jpeg_differences *table, const struct rn_jpeg_dht *dht,
			      uint64_t count, struct err *err)
{
	uint32_t code = 0, index = 0;
	unsigned shortest = 16;

	if (!rn_jpeg_huffman_init(&table->huffman, dht, 16, err))
		return false;
	table->bits = count < WORTH_LARGE ? SMALL : LARGE;
	memset(table->first, 0, (size_t)1 << table->bits);
	memset(table->entry, 0, sizeof(entry) << table->bits);
	for (unsigned length = 1; length <= table->bits; length++, code <<= 1) {
		for (unsigned i = 0; i < dht->counts[length - 1]; i++) {
			unsigned category = dht->values[index++];

			fill_code(table, code++, length, category);
			shortest = MIN_OF(shortest, length + category % 16);
		}
	}
	memcpy(table->take, table->first, (size_t)1 << table->bits);
	append(table, shortest);
	return true;
}

/* The bits of an incomplete difference, 0 for complete ones. */
static inline uint64_t rest_of(const entry *e, uint64_t word, unsigned take)
{
	return word >> (-take & 63) & ((1u << e->category) - 1);
}

/* Stores the differences of an entry, and something behind them: 4 in all. */
static inline void store(const entry *e, uint64_t word, unsigned take, uint16_t *out)
{
	uint64_t all;

	memcpy(&all, e, sizeof(all));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	all += rest_of(e, word, take) << 48;
#else
	all += rest_of(e, word, take);
#endif
	memcpy(out, &all, sizeof(all));
}

/* Differences of one table, as many as whole entries can be stored for. Returns
 * how many were read; error: no such code.
 *
 * No branch depends on the picture unless codes are longer than an index, and what
 * one lookup waits for of the one before is nothing but its length: new bits come
 * in while the table is being read. */
static inline RN_INLINE size_t read_many(const struct rn_jpeg_differences *table, unsigned size,
					 struct rn_jpeg_bits *bits, uint16_t *out, size_t count,
					 bool *error)
{
	uint16_t *at = out, *const stop = out + count - AHEAD;
	uint64_t word;
	unsigned have;
	const uint8_t *next;

	rn_jpeg_bits_refill(bits);
	word = bits->bits;
	have = bits->count;
	next = bits->next;
	while (at <= stop) {
		const size_t index = word >> (64 - size);
		const unsigned take = table->take[index];

		word |= load_u64(next, true) >> (have & 63);
		next += (63 - (have & 63)) >> 3;
		have |= 56;
		if (__builtin_expect(take == 0, 0)) {
			bits->bits = word;
			bits->count = have & 63;
			bits->next = next;
			if (!read_one(&table->huffman, bits, at)) {
				*error = true;
				return (size_t)(at - out);
			}
			at++;
			word = bits->bits;
			have = bits->count;
			next = bits->next;
			continue;
		}
		store(&table->entry[index], word, take, at);
		at += take >> 6;
		word <<= take & 63;
		have -= take; /* what is above 6 bits does not count */
	}
	bits->bits = word;
	bits->count = have & 63;
	bits->next = next;
	return (size_t)(at - out);
}

RN_SHIFT_KERNEL
static size_t read_small(const struct rn_jpeg_differences *table, struct rn_jpeg_bits *bits,
			 uint16_t *out, size_t count, bool *error)
{
	return read_many(table, SMALL, bits, out, count, error);
}

RN_SHIFT_KERNEL
static size_t read_large(const struct rn_jpeg_differences *table, struct rn_jpeg_bits *bits,
			 uint16_t *out, size_t count, bool *error)
{
	return read_many(table, LARGE, bits, out, count, error);
}

/* One difference at a time, of each table in turn; all of them. */
static inline RN_INLINE bool read_turns(const struct rn_jpeg_differences *const *tables,
					unsigned components, struct rn_jpeg_bits *bits,
					uint16_t *out, size_t count)
{
	uint64_t word;
	unsigned have, turn = 0;
	const uint8_t *next;

	rn_jpeg_bits_refill(bits);
	word = bits->bits;
	have = bits->count;
	next = bits->next;
	for (size_t i = 0; i < count; i++) {
		const struct rn_jpeg_differences *table = tables[turn];
		const size_t index = word >> (64 - table->bits);
		const unsigned take = table->first[index];
		const entry *e = &table->entry[index];

		turn = turn + 1 == components ? 0 : turn + 1;
		word |= load_u64(next, true) >> (have & 63);
		next += (63 - (have & 63)) >> 3;
		have |= 56;
		if (__builtin_expect(take == 0, 0)) {
			bits->bits = word;
			bits->count = have & 63;
			bits->next = next;
			if (!read_one(&table->huffman, bits, out + i))
				return false;
			word = bits->bits;
			have = bits->count;
			next = bits->next;
			continue;
		}
		out[i] = (uint16_t)(e->value[0] + rest_of(e, word, take));
		word <<= take & 63;
		have -= take;
	}
	bits->bits = word;
	bits->count = have & 63;
	bits->next = next;
	return true;
}

RN_SHIFT_KERNEL
static bool read_singly(const struct rn_jpeg_differences *const *tables, unsigned components,
			struct rn_jpeg_bits *bits, uint16_t *out, size_t count)
{
	return read_turns(tables, components, bits, out, count);
}

static bool read_piece(const struct rn_jpeg_differences *const *tables, unsigned components,
		       struct rn_jpeg_bits *bits, uint16_t *out, size_t count)
{
	size_t done = 0;
	bool error = false;

	if (components == 1 && count >= AHEAD)
		done = tables[0]->bits == SMALL ? read_small(tables[0], bits, out, count, &error)
						: read_large(tables[0], bits, out, count, &error);
	return !error && read_singly(tables, components, bits, out + done, count - done);
}

bool rn_jpeg_differences_read(const struct rn_jpeg_differences *const *tables, unsigned components,
			      struct rn_jpeg_bits *bits, uint16_t *out, size_t count)
{
	const size_t most = RN_JPEG_DIFFERENCE_MOST / components * components;
	bool one_table = true;

	for (unsigned k = 1; k < components; k++)
		one_table = one_table && tables[k] == tables[0];
	while (count > 0) {
		size_t piece = MIN_OF(count, most);

		rn_jpeg_bits_reserve(bits, piece * RN_JPEG_DIFFERENCE_BYTES);
		if (!read_piece(tables, one_table ? 1 : components, bits, out, piece) ||
		    rn_jpeg_bits_overrun(bits))
			return false;
		out += piece;
		count -= piece;
	}
	return true;
}
