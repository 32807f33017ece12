/*
 * YCbCr of 8 bits to RGB (PS3.3 C.7.6.3.1.2).
 *
 * YBR_FULL is what JFIF (ITU-T T.871) has: with the rows of the matrix exactly
 * as its defining weights 0.299, 0.587, 0.114 give them, what comes out is the
 * exact value, rounded, halves up, and clamped. YBR_PARTIAL (ITU-R BT.601, 16 to
 * 235 and 16 to 240) is at most 1 away from that, and that in less than one of
 * ten thousand samples.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_YBR_H
#define RENDER_YBR_H

#include "dicom/base.h"

/* Both: pixels x Y, CB, CR to pixels x R, G, B; not the same memory. */
void rn_ybr_full(const uint8_t *ybr, size_t pixels, uint8_t *rgb);
void rn_ybr_partial(const uint8_t *ybr, size_t pixels, uint8_t *rgb);

#endif
