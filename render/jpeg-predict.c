/* SPDX-License-Identifier: MIT */
#include "render/jpeg-predict.h"

#include "render/simd.h"

/* Names of T.81: a is left, b above, c above left of the sample. */
static inline RN_INLINE uint16_t predict_one(unsigned predictor, int a, int b, int c)
{
	switch (predictor) {
	case 1:
		return (uint16_t)a;
	case 2:
		return (uint16_t)b;
	case 3:
		return (uint16_t)c;
	case 4:
		return (uint16_t)(a + b - c);
	case 5:
		return (uint16_t)(a + ((b - c) >> 1));
	case 6:
		return (uint16_t)(b + ((a - c) >> 1));
	default:
		return (uint16_t)((a + b) >> 1);
	}
}

/* One sample after the other. */
static inline RN_INLINE void scalar(unsigned predictor, const uint16_t *above, uint16_t *line,
				    size_t count, unsigned components)
{
	uint16_t left[4] = {0};

#pragma GCC unroll 4
	for (unsigned k = 0; k < components; k++)
		left[k] = line[(ptrdiff_t)k - (ptrdiff_t)components];
	for (size_t i = 0; i + components <= count; i += components) {
#pragma GCC unroll 4
		for (unsigned k = 0; k < components; k++) {
			int b = predictor == 1 ? 0 : above[i + k];
			int c = predictor <= 2 ? 0
					       : above[(ptrdiff_t)(i + k) - (ptrdiff_t)components];

			left[k] = (uint16_t)(predict_one(predictor, left[k], b, c) + line[i + k]);
			line[i + k] = left[k];
		}
	}
}

/* Predictors 1, 4 and 5 are sums from the left of terms that are known at once. */
typedef uint16_t lanes __attribute__((vector_size(16)));
#define LANES 8

static inline RN_INLINE lanes load_lanes(const uint16_t *p)
{
	lanes v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline RN_INLINE lanes term(unsigned predictor, const uint16_t *above, const uint16_t *line,
				   unsigned components)
{
	lanes d = load_lanes(line), b, c;

	if (predictor == 1)
		return d;
	b = load_lanes(above);
	c = load_lanes(above - components);
	if (predictor == 4)
		return d + b - c;
	/* floor((b - c) / 2) without a 17th bit */
	return d + (b >> 1) - (c >> 1) - (~b & c & 1);
}

/* Sums within a vector. */
static inline RN_INLINE lanes sums_within(lanes v, unsigned components)
{
	const lanes zero = {0};

	if (components == 3) {
		v += __builtin_shufflevector(v, zero, 8, 8, 8, 0, 1, 2, 3, 4);
		return v + __builtin_shufflevector(v, zero, 8, 8, 8, 8, 8, 8, 0, 1);
	}
	v += __builtin_shufflevector(v, zero, 8, 0, 1, 2, 3, 4, 5, 6);
	v += __builtin_shufflevector(v, zero, 8, 8, 0, 1, 2, 3, 4, 5);
	return v + __builtin_shufflevector(v, zero, 8, 8, 8, 8, 0, 1, 2, 3);
}

/* What a vector leaves to each lane of the next one. */
static inline RN_INLINE lanes last_of(lanes v, unsigned components)
{
	if (components == 3)
		return __builtin_shufflevector(v, v, 5, 6, 7, 5, 6, 7, 5, 6);
	return __builtin_shufflevector(v, v, 7, 7, 7, 7, 7, 7, 7, 7);
}

/* components: 1 or 3 */
static inline RN_INLINE void sums(unsigned predictor, const uint16_t *above, uint16_t *line,
				  size_t count, unsigned components)
{
	lanes before = {0};
	size_t i = 0;

	for (unsigned k = 0; k < LANES; k++)
		before[k] = line[(ptrdiff_t)(k % components) - (ptrdiff_t)components];
	for (; i + LANES <= count; i += LANES) {
		lanes v = sums_within(term(predictor, above + i, line + i, components), components);
		lanes all = v + before;

		memcpy(line + i, &all, sizeof(all));
		/* Nothing but this waits for the vector before. */
		before = last_of(v, components) +
			 (components == 3 ? last_of(before, components) : before);
	}
	for (; i < count; i++) {
		const ptrdiff_t left = (ptrdiff_t)i - (ptrdiff_t)components;
		int b = predictor == 1 ? 0 : above[i], c = predictor == 1 ? 0 : above[left];

		line[i] = (uint16_t)(line[i] + predict_one(predictor, line[left], b, c));
	}
}

RN_KERNEL
static void sums_of_three(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count)
{
	if (predictor == 1)
		sums(1, above, line, count, 3);
	else if (predictor == 4)
		sums(4, above, line, count, 3);
	else
		sums(5, above, line, count, 3);
}

/* Predictors 6 and 7 with the difference d added are half of a and a term that is
 * known before: b + ((a - c) >> 1) + d = (a + 2 * (b + d) - c) >> 1 and
 * ((a + b) >> 1) + d = (a + b + 2 * d) >> 1. */
#define BLOCK 64

RN_KERNEL
static void terms_6(const uint16_t *restrict above, const uint16_t *restrict line,
		    int32_t *restrict out)
{
	for (int i = 0; i < BLOCK; i++)
		out[i] = 2 * (above[i] + (int16_t)line[i]) - above[i - 1];
}

RN_KERNEL
static void terms_7(const uint16_t *restrict above, const uint16_t *restrict line,
		    int32_t *restrict out)
{
	for (int i = 0; i < BLOCK; i++)
		out[i] = above[i] + 2 * (int16_t)line[i];
}

RN_KERNEL
static void cut(const int32_t *restrict in, uint16_t *restrict out)
{
	for (int i = 0; i < BLOCK; i++)
		out[i] = (uint16_t)in[i];
}

static inline RN_INLINE void halves(unsigned predictor, const uint16_t *above, uint16_t *line,
				    size_t count)
{
	int32_t sample[BLOCK];
	size_t i = 0;

	for (; i + BLOCK <= count; i += BLOCK) {
		int32_t left = line[(ptrdiff_t)i - 1], any = 0;

		if (predictor == 6)
			terms_6(above + i, line + i, sample);
		else
			terms_7(above + i, line + i, sample);
		/* As if nothing ever left 16 bits, which saves a step in each sample's
		 * waiting for the one before. */
		for (int k = 0; k < BLOCK; k++) {
			left = (left + sample[k]) >> 1;
			sample[k] = left;
			any |= left;
		}
		if (__builtin_expect((any & ~UINT16_MAX) == 0, 1))
			cut(sample, line + i);
		else
			scalar(predictor, above + i, line + i, BLOCK, 1);
	}
	scalar(predictor, above + i, line + i, count - i, 1);
}

/* Predictors 2 and 3. */
RN_KERNEL
static void add(const uint16_t *restrict above, uint16_t *restrict line, size_t count)
{
	size_t i = 0;

	for (; i + RN_LANES <= count; i += RN_LANES) {
		for (size_t k = 0; k < RN_LANES; k++)
			line[i + k] = (uint16_t)(line[i + k] + above[i + k]);
	}
	for (; i < count; i++)
		line[i] = (uint16_t)(line[i] + above[i]);
}

static void rest_of_one(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count)
{
	switch (predictor) {
	case 1:
		sums(1, above, line, count, 1);
		return;
	case 4:
		sums(4, above, line, count, 1);
		return;
	case 5:
		sums(5, above, line, count, 1);
		return;
	case 6:
		halves(6, above, line, count);
		return;
	default:
		halves(7, above, line, count);
		return;
	}
}

static void rest_of_three(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count)
{
	if (predictor == 6)
		scalar(6, above, line, count, 3);
	else if (predictor == 7)
		scalar(7, above, line, count, 3);
	else
		sums_of_three(predictor, above, line, count);
}

void rn_jpeg_predict_rest(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count,
			  unsigned components)
{
	if (predictor == 2)
		add(above, line, count);
	else if (predictor == 3)
		add(above - components, line, count);
	else if (components == 1)
		rest_of_one(predictor, above, line, count);
	else if (components == 3)
		rest_of_three(predictor, above, line, count);
	else
		scalar(predictor, above, line, count, components);
}

void rn_jpeg_predict_first(uint16_t *line, size_t count, unsigned components, uint16_t start)
{
	for (unsigned k = 0; k < components; k++)
		line[k] = (uint16_t)(line[k] + start);
	rn_jpeg_predict_rest(1, line, line + components, count - components, components);
}

void rn_jpeg_predict(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count,
		     unsigned components)
{
	for (unsigned k = 0; k < components; k++)
		line[k] = (uint16_t)(line[k] + above[k]);
	rn_jpeg_predict_rest(predictor, above + components, line + components, count - components,
			     components);
}
