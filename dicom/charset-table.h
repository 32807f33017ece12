/*
 * The generated tables behind charset.c; only for charset.c and its siblings.
 * 0 is "no character" everywhere.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_CHARSET_TABLE_H
#define DICOM_CHARSET_TABLE_H

#include "dicom/base.h"

/* Bytes 0xA0 to 0xFF of ISO-IR 100 101 109 110 148 144 127 126 138 203 166 13. */
#define DC_CHARSET_SINGLE_COUNT 12
extern const uint16_t dc_charset_single[DC_CHARSET_SINGLE_COUNT][96];

/* 94 rows of 94 cells, without the 0x21 or 0xA1 that either byte begins with. */
extern const uint16_t dc_charset_jis0208[94 * 94];
extern const uint16_t dc_charset_jis0212[94 * 94];
extern const uint16_t dc_charset_ksx1001[94 * 94];
extern const uint16_t dc_charset_gb2312[94 * 94];

/* First byte 0x81 to 0xFE, second 0x40 to 0xFE without 0x7F. */
extern const uint16_t dc_charset_gb18030[126 * 190];

/* Four-byte characters up to U+FFFF by their number (0x81308130 is 0): from
 * linear on, up to the next row, number and code point grow in step. A row with
 * code point 0 is a gap. Sorted. */
struct dc_charset_range {
	uint16_t linear, code_point;
};
extern const struct dc_charset_range dc_charset_gb18030_ranges[];
extern const size_t dc_charset_gb18030_range_count;

/* The character at data that begins with a byte over 0x7f; U+FFFD when there is
 * none. Moves *at past it. */
uint32_t dc_charset_gb18030_next(struct span text, size_t *at);

#endif
