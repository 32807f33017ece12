/*
 * The inverse DCT of 12-bit JPEG, ITU-T T.81 A.3.3.
 *
 * The method of C. Loeffler, A. Ligtenberg and G. Moschytz (1989), columns
 * first, in the fixed-point arithmetic of the Independent JPEG Group's accurate
 * integer transform at 12 bits: constants of 13 bits, one bit more kept between
 * the passes. Results are the same to the bit; where those would wrap around,
 * these are clamped.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_IDCT_H
#define RENDER_JPEG_IDCT_H

#include "dicom/base.h"

/* Where the coefficients of the zigzag sequence are in a block, row by row. */
extern const uint8_t rn_jpeg_zigzag[64];

/* The last coefficient of the zigzag sequence up to which all are in the first
 * four rows and columns. */
#define RN_JPEG_IDCT_CORNER 9

/* coefficients: 64, dequantised, row by row, 0 afterwards; those behind the one
 * with number last of the zigzag sequence are 0. out: 8 rows of 8 samples, 0 to 4095, stride
 * samples apart. */
void rn_jpeg_idct(int32_t *coefficients, unsigned last, uint16_t *out, size_t stride);

/* The same if only the first coefficient is not 0. */
void rn_jpeg_idct_dc(int32_t coefficient, uint16_t *out, size_t stride);

#endif
