/* GB 18030 and, as its two-byte part, GBK.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/charset-table.h"

#define REPLACEMENT 0xfffdu

/* The first supplementary character, and how many there are. */
#define SUPPLEMENTARY 189000u
#define SUPPLEMENTARY_COUNT 0x100000u

static bool is_first(uint8_t byte)
{
	return byte >= 0x81 && byte <= 0xfe;
}

static bool is_digit(uint8_t byte)
{
	return byte >= 0x30 && byte <= 0x39;
}

static uint32_t two_bytes(uint8_t first, uint8_t second)
{
	uint32_t cell = second - 0x40u - (second > 0x7f ? 1 : 0);
	uint32_t c = dc_charset_gb18030[(first - 0x81u) * 190u + cell];

	return c != 0 ? c : REPLACEMENT;
}

static uint32_t four_bytes(const uint8_t *p)
{
	uint32_t linear = (((p[0] - 0x81u) * 10u + (p[1] - 0x30u)) * 126u + (p[2] - 0x81u)) * 10u +
			  (p[3] - 0x30u);
	size_t low = 0, high = dc_charset_gb18030_range_count;
	const struct dc_charset_range *range;

	if (linear >= SUPPLEMENTARY)
		return linear - SUPPLEMENTARY < SUPPLEMENTARY_COUNT
			       ? linear - SUPPLEMENTARY + 0x10000u
			       : REPLACEMENT;
	if (linear >= 39420)
		return REPLACEMENT;
	while (high - low > 1) {
		size_t middle = low + (high - low) / 2;

		if (dc_charset_gb18030_ranges[middle].linear <= linear)
			low = middle;
		else
			high = middle;
	}
	range = &dc_charset_gb18030_ranges[low];
	return range->code_point != 0 ? range->code_point + (linear - range->linear) : REPLACEMENT;
}

uint32_t dc_charset_gb18030_next(struct span text, size_t *at)
{
	const uint8_t *p = text.data + *at;
	size_t left = text.size - *at;

	if (is_first(p[0]) && left >= 2 && p[1] >= 0x40 && p[1] <= 0xfe && p[1] != 0x7f) {
		*at += 2;
		return two_bytes(p[0], p[1]);
	}
	if (is_first(p[0]) && left >= 4 && is_digit(p[1]) && is_first(p[2]) && is_digit(p[3])) {
		*at += 4;
		return four_bytes(p);
	}
	*at += 1;
	return REPLACEMENT;
}
