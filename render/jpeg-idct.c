/* SPDX-License-Identifier: MIT */
#include "render/jpeg-idct.h"

#include "render/simd.h"

#define FRACTION 13 /* bits of the constants */
#define KEPT 1      /* bits more after the first pass */
#define MIDDLE 2048
#define LARGEST 4095

/* cos and sin terms of the odd and even parts, times 2^FRACTION. */
#define C0_298 2446u
#define C0_390 3196u
#define C0_541 4433u
#define C0_765 6270u
#define C0_899 7373u
#define C1_175 9633u
#define C1_501 12299u
#define C1_847 15137u
#define C1_961 16069u
#define C2_053 16819u
#define C2_562 20995u
#define C3_072 25172u

/* Arrays of vectors are registers only when no loop is left over them. */
#define UNROLL _Pragma("GCC unroll 8")

/* Eight lanes. Unsigned, because damaged codestreams overflow. */
typedef uint32_t lanes __attribute__((vector_size(32)));
typedef int32_t signed_lanes __attribute__((vector_size(32)));
typedef int16_t samples __attribute__((vector_size(32)));
/* The same in memory; a memcpy() would be made in halves. */
typedef uint32_t lanes_there __attribute__((vector_size(32), aligned(4), may_alias));
typedef uint64_t half_there __attribute__((vector_size(16), aligned(2), may_alias));
typedef uint64_t quarters __attribute__((vector_size(32)));

const uint8_t rn_jpeg_zigzag[64] = {
	0,  1,  8,  16, 9,  2,  3,  10, 17, 24, 32, 25, 18, 11, 4,  5,
	12, 19, 26, 33, 40, 48, 41, 34, 27, 20, 13, 6,  7,  14, 21, 28,
	35, 42, 49, 56, 57, 50, 43, 36, 29, 22, 15, 23, 30, 37, 44, 51,
	58, 59, 52, 45, 38, 31, 39, 46, 53, 60, 61, 54, 47, 55, 62, 63,
};

/* Eight one-dimensional transforms at once, in place: v[k] holds coefficient k
 * of all of them, then sample k. round: added; down: bits dropped at the end.
 * corner: v[4] to v[7] are 0. */
static inline RN_INLINE void transform(lanes v[8], uint32_t round, int down, bool corner)
{
	const lanes nothing = {0};
	lanes in4 = corner ? nothing : v[4], in5 = corner ? nothing : v[5];
	lanes in6 = corner ? nothing : v[6], in7 = corner ? nothing : v[7];
	lanes turned, sum, difference, even[4], odd[4], a, b, c, d, all;

	/* Even part: a rotation of 2 and 6, a butterfly of 0 and 4. */
	turned = (v[2] + in6) * C0_541;
	a = turned + v[2] * C0_765;
	b = turned - in6 * C1_847;
	sum = ((v[0] + in4) << FRACTION) + round;
	difference = ((v[0] - in4) << FRACTION) + round;
	even[0] = sum + a;
	even[1] = difference + b;
	even[2] = difference - b;
	even[3] = sum - a;

	/* Odd part. */
	all = (in7 + v[3] + in5 + v[1]) * C1_175;
	a = (in7 + v[1]) * C0_899;
	b = (in5 + v[3]) * C2_562;
	c = all - (in7 + v[3]) * C1_961;
	d = all - (in5 + v[1]) * C0_390;
	odd[0] = v[1] * C1_501 - a + d;
	odd[1] = v[3] * C3_072 - b + c;
	odd[2] = in5 * C2_053 - b + d;
	odd[3] = in7 * C0_298 - a + c;

	UNROLL
	for (int i = 0; i < 4; i++) {
		v[i] = (lanes)((signed_lanes)(even[i] + odd[i]) >> down);
		v[7 - i] = (lanes)((signed_lanes)(even[i] - odd[i]) >> down);
	}
}

/* Pairs of 32 bits: a0 b0 a1 b1, a4 b4 a5 b5 and the others of each half. */
#define LOW_1(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define HIGH_1(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
/* Pairs of 64 bits. */
#define LOW_2(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define HIGH_2(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
/* Halves. */
#define LOW_4(a, b) __builtin_shufflevector(a, b, 0, 1, 2, 3, 8, 9, 10, 11)
#define HIGH_4(a, b) __builtin_shufflevector(a, b, 4, 5, 6, 7, 12, 13, 14, 15)

/* In each half: four vectors by four lanes. */
static inline RN_INLINE void transpose_halves(lanes v[4])
{
	lanes a = LOW_1(v[0], v[1]), b = HIGH_1(v[0], v[1]);
	lanes c = LOW_1(v[2], v[3]), d = HIGH_1(v[2], v[3]);

	v[0] = LOW_2(a, c);
	v[1] = HIGH_2(a, c);
	v[2] = LOW_2(b, d);
	v[3] = HIGH_2(b, d);
}

/* corner: only lanes 0 to 3 are not 0, and v[4] to v[7] are not needed. */
static inline RN_INLINE void transpose(lanes v[8], bool corner)
{
	lanes low[4], high[4];

	UNROLL
	for (int i = 0; i < 4; i++) {
		low[i] = LOW_4(v[i], v[i + 4]);
		high[i] = HIGH_4(v[i], v[i + 4]);
	}
	transpose_halves(low);
	if (!corner)
		transpose_halves(high);
	UNROLL
	for (int i = 0; i < 4; i++) {
		v[i] = low[i];
		v[i + 4] = high[i];
	}
}

static inline RN_INLINE void clamp(lanes *v)
{
	const samples nothing = {0};
	samples s = (samples)*v + MIDDLE, over;

	s &= ~(s < nothing);
	over = s > LARGEST;
	*v = (lanes)((s & ~over) | (over & LARGEST));
}

/* v[k]: column k of the samples, which fit 16 bits. */
static inline RN_INLINE void store(lanes v[8], uint16_t *out, size_t stride)
{
	lanes pairs[4];

	UNROLL
	for (int i = 0; i < 4; i++) {
		lanes left = v[2 * i], right = v[2 * i + 1];

#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		pairs[i] = (left << 16) | (right & 0xFFFF);
#else
		pairs[i] = (left & 0xFFFF) | (right << 16);
#endif
		clamp(&pairs[i]);
	}
	transpose_halves(pairs);
	UNROLL
	for (size_t i = 0; i < 4; i++) {
		quarters both = (quarters)pairs[i];

		*(half_there *)(out + i * stride) = __builtin_shufflevector(both, both, 0, 1);
		*(half_there *)(out + (i + 4) * stride) =
			__builtin_shufflevector(both, both, 2, 3);
	}
}

static inline RN_INLINE void inverse(int32_t *coefficients, uint16_t *out, size_t stride,
				     bool corner)
{
	const lanes nothing = {0};
	lanes v[8];

	UNROLL
	for (int i = 0; i < 8; i++) {
		lanes_there *row = (lanes_there *)(coefficients + 8 * i);

		v[i] = nothing;
		if (corner && i >= 4)
			continue;
		v[i] = *row;
		*row = nothing;
	}
	transform(v, 1u << (FRACTION - KEPT - 1), FRACTION - KEPT, corner);
	transpose(v, corner);
	/* The mean over 8 x 8 makes 3 bits more. */
	transform(v, 1u << (FRACTION + KEPT + 2), FRACTION + KEPT + 3, corner);
	store(v, out, stride);
}

RN_KERNEL
static void choose(int32_t *coefficients, unsigned last, uint16_t *out, size_t stride)
{
	if (last <= RN_JPEG_IDCT_CORNER)
		inverse(coefficients, out, stride, true);
	else
		inverse(coefficients, out, stride, false);
}

/* Some compilers give a function made several times no name for other files. */
void rn_jpeg_idct(int32_t *coefficients, unsigned last, uint16_t *out, size_t stride)
{
	choose(coefficients, last, out, stride);
}

void rn_jpeg_idct_dc(int32_t coefficient, uint16_t *out, size_t stride)
{
	int64_t value = (((int64_t)coefficient + 4) >> 3) + MIDDLE;
	uint16_t row[8];

	value = MAX_OF(0, MIN_OF(value, LARGEST));
	for (int i = 0; i < 8; i++)
		row[i] = (uint16_t)value;
	for (size_t i = 0; i < 8; i++)
		memcpy(out + i * stride, row, sizeof(row));
}
