/* SPDX-License-Identifier: MIT */
#include "render/ybr.h"

#include "render/simd.h"

/* Numbers of that many bits behind the point. More do not fit 32 bits. */
#define FULL_BITS 22
#define PARTIAL_BITS 21

#define FIXED(number, bits) ((int32_t)((number) * (1 << (bits)) + ((number) < 0 ? -0.5 : 0.5)))

/* Above half of a unit, and so much that what a coefficient loses to rounding,
 * 128 times at most, takes no exact half below it. */
#define FULL_ROUND ((1 << (FULL_BITS - 1)) + 64)
#define PARTIAL_ROUND ((1 << (PARTIAL_BITS - 1)) + 48)

#define RED_CR 1.402
#define GREEN_CB (-0.114 * 1.772 / 0.587)
#define GREEN_CR (-0.299 * 1.402 / 0.587)
#define BLUE_CB 1.772
/* From the reduced ranges of the standard to 0 to 255. */
#define PARTIAL_Y (255.0 / 219)
#define PARTIAL_C (255.0 / 224)

struct matrix {
	int32_t y, red_cr, green_cb, green_cr, blue_cb;
	int32_t black, round;
};

static inline RN_INLINE uint8_t clamp(int32_t value)
{
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

/* Compilers split and join pixels of three bytes one by one if they are not
 * told how: 16 pixels are three vectors. ANY marks places filled by the next
 * step. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));
#define HALF 16
#define ANY 0

static inline RN_INLINE void split(const uint8_t *in, uint8_t *first, uint8_t *second,
				   uint8_t *third)
{
	bytes16 a, b, c, v;

	memcpy(&a, in, HALF);
	memcpy(&b, in + HALF, HALF);
	memcpy(&c, in + 2 * HALF, HALF);
	v = __builtin_shufflevector(a, b, 0, 3, 6, 9, 12, 15, 18, 21, 24, 27, 30, ANY, ANY, ANY,
				    ANY, ANY);
	v = __builtin_shufflevector(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 17, 20, 23, 26, 29);
	memcpy(first, &v, HALF);
	v = __builtin_shufflevector(a, b, 1, 4, 7, 10, 13, 16, 19, 22, 25, 28, 31, ANY, ANY, ANY,
				    ANY, ANY);
	v = __builtin_shufflevector(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 18, 21, 24, 27, 30);
	memcpy(second, &v, HALF);
	v = __builtin_shufflevector(a, b, 2, 5, 8, 11, 14, 17, 20, 23, 26, 29, ANY, ANY, ANY, ANY,
				    ANY, ANY);
	v = __builtin_shufflevector(v, c, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 16, 19, 22, 25, 28, 31);
	memcpy(third, &v, HALF);
}

static inline RN_INLINE void join(const uint8_t *first, const uint8_t *second,
				  const uint8_t *third, uint8_t *out)
{
	bytes16 a, b, c, v;

	memcpy(&a, first, HALF);
	memcpy(&b, second, HALF);
	memcpy(&c, third, HALF);
	v = __builtin_shufflevector(a, b, 0, 16, ANY, 1, 17, ANY, 2, 18, ANY, 3, 19, ANY, 4, 20,
				    ANY, 5);
	v = __builtin_shufflevector(v, c, 0, 1, 16, 3, 4, 17, 6, 7, 18, 9, 10, 19, 12, 13, 20, 15);
	memcpy(out, &v, HALF);
	v = __builtin_shufflevector(a, b, 21, ANY, 6, 22, ANY, 7, 23, ANY, 8, 24, ANY, 9, 25, ANY,
				    10, 26);
	v = __builtin_shufflevector(v, c, 0, 21, 2, 3, 22, 5, 6, 23, 8, 9, 24, 11, 12, 25, 14, 15);
	memcpy(out + HALF, &v, HALF);
	v = __builtin_shufflevector(a, b, ANY, 11, 27, ANY, 12, 28, ANY, 13, 29, ANY, 14, 30, ANY,
				    15, 31, ANY);
	v = __builtin_shufflevector(v, c, 26, 1, 2, 27, 4, 5, 28, 7, 8, 29, 10, 11, 30, 13, 14,
				    31);
	memcpy(out + 2 * HALF, &v, HALF);
}

static inline RN_INLINE void convert(const uint8_t *restrict ybr, uint8_t *restrict rgb,
				     const struct matrix *m, unsigned bits)
{
	uint8_t luma[RN_LANES], blueness[RN_LANES], redness[RN_LANES];
	uint8_t red[RN_LANES], green[RN_LANES], blue[RN_LANES];

	for (size_t i = 0; i < RN_LANES; i += HALF)
		split(ybr + 3 * i, luma + i, blueness + i, redness + i);
	for (size_t i = 0; i < RN_LANES; i++) {
		int32_t y = (luma[i] - m->black) * m->y + m->round;
		int32_t cb = blueness[i] - 128, cr = redness[i] - 128;

		red[i] = clamp((y + m->red_cr * cr) >> bits);
		green[i] = clamp((y + m->green_cb * cb + m->green_cr * cr) >> bits);
		blue[i] = clamp((y + m->blue_cb * cb) >> bits);
	}
	for (size_t i = 0; i < RN_LANES; i += HALF)
		join(red + i, green + i, blue + i, rgb + 3 * i);
}

static inline RN_INLINE void convert_all(const uint8_t *ybr, size_t pixels, uint8_t *rgb,
					 const struct matrix *m, unsigned bits)
{
	uint8_t in[3 * RN_LANES] = {0}, out[3 * RN_LANES];

	for (; pixels >= RN_LANES; pixels -= RN_LANES) {
		convert(ybr, rgb, m, bits);
		ybr += sizeof(in);
		rgb += sizeof(out);
	}
	if (pixels == 0)
		return;
	memcpy(in, ybr, 3 * pixels);
	convert(in, out, m, bits);
	memcpy(rgb, out, 3 * pixels);
}

RN_KERNEL static void full(const uint8_t *ybr, size_t pixels, uint8_t *rgb)
{
	static const struct matrix matrix = {
		.y = 1 << FULL_BITS,
		.red_cr = FIXED(RED_CR, FULL_BITS),
		.green_cb = FIXED(GREEN_CB, FULL_BITS),
		.green_cr = FIXED(GREEN_CR, FULL_BITS),
		.blue_cb = FIXED(BLUE_CB, FULL_BITS),
		.round = FULL_ROUND,
	};

	convert_all(ybr, pixels, rgb, &matrix, FULL_BITS);
}

RN_KERNEL static void partial(const uint8_t *ybr, size_t pixels, uint8_t *rgb)
{
	static const struct matrix matrix = {
		.y = FIXED(PARTIAL_Y, PARTIAL_BITS),
		.red_cr = FIXED(PARTIAL_C * RED_CR, PARTIAL_BITS),
		.green_cb = FIXED(PARTIAL_C * GREEN_CB, PARTIAL_BITS),
		.green_cr = FIXED(PARTIAL_C * GREEN_CR, PARTIAL_BITS),
		.blue_cb = FIXED(PARTIAL_C * BLUE_CB, PARTIAL_BITS),
		.black = 16,
		.round = PARTIAL_ROUND,
	};

	convert_all(ybr, pixels, rgb, &matrix, PARTIAL_BITS);
}

void rn_ybr_full(const uint8_t *ybr, size_t pixels, uint8_t *rgb)
{
	full(ybr, pixels, rgb);
}

void rn_ybr_partial(const uint8_t *ybr, size_t pixels, uint8_t *rgb)
{
	partial(ybr, pixels, rgb);
}
