/* SPDX-License-Identifier: MIT */
#include "tests/unit/sha1.h"

/* FIPS 180-4, of whole bytes. */
static void sha1_block(uint32_t hash[5], const uint8_t *in)
{
	uint32_t w[80], a = hash[0], b = hash[1], c = hash[2], d = hash[3], e = hash[4];

	for (unsigned t = 0; t < 80; t++) {
		uint32_t x = t < 16 ? load_u32(in + 4 * t, true)
				    : w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16];
		uint32_t f = t < 20   ? (b & c) | (~b & d)
			     : t < 40 ? b ^ c ^ d
			     : t < 60 ? (b & c) | (b & d) | (c & d)
				      : b ^ c ^ d;
		uint32_t k = t < 20   ? 0x5A827999
			     : t < 40 ? 0x6ED9EBA1
			     : t < 60 ? 0x8F1BBCDC
				      : 0xCA62C1D6;

		w[t] = t < 16 ? x : x << 1 | x >> 31;
		x = (a << 5 | a >> 27) + f + e + k + w[t];
		e = d;
		d = c;
		c = b << 30 | b >> 2;
		b = a;
		a = x;
	}
	hash[0] += a;
	hash[1] += b;
	hash[2] += c;
	hash[3] += d;
	hash[4] += e;
}

void sha1_text(const uint8_t *data, size_t size, char text[17])
{
	uint32_t hash[5] = {0x67452301, 0xEFCDAB89, 0x98BADCFE, 0x10325476, 0xC3D2E1F0};
	uint8_t last[128] = {0};
	size_t whole = size / 64 * 64, rest = size - whole, padded = rest < 56 ? 64 : 128;

	for (size_t i = 0; i < whole; i += 64)
		sha1_block(hash, data + i);
	if (rest > 0)
		memcpy(last, data + whole, rest);
	last[rest] = 0x80;
	store_be32(last + padded - 8, (uint32_t)((uint64_t)size >> 29));
	store_be32(last + padded - 4, (uint32_t)(size << 3));
	for (size_t i = 0; i < padded; i += 64)
		sha1_block(hash, last + i);
	(void)snprintf(text, 17, "%08x%08x", hash[0], hash[1]);
}
