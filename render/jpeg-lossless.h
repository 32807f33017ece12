/*
 * JPEG lossless, ITU-T T.81 process 14 (SOF3, Huffman): transfer syntaxes
 * 1.2.840.10008.1.2.4.57 and .70.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_LOSSLESS_H
#define RENDER_JPEG_LOSSLESS_H

#include "render/render.h"

/* As rn_codec.decode (render.h), for a codestream whose frame header is SOF3: all
 * predictors, 2 to 16 bits, point transforms, 1 to 4 components in any scans.
 * Colour is left to the caller: decoded->colour is RN_COLOUR_HEADER. Samples are
 * numbers modulo 2^16 as H.1.2.1 has them: a codestream that says 12 bits and
 * carries sign-extended 16 gives those 16.
 *
 * T.81 wants restart intervals of whole lines; one that begins inside of a line
 * is taken as H.1.1 describes its beginning: the rest of the line is predicted
 * from the left, lines after it as usual.
 *
 * Errors beyond those there: sampling factors that differ are ERR_UNSUPPORTED.
 * Bytes behind the last pixel, EOI or not, do not matter. */
bool rn_jpeg_lossless_decode(const struct rn_codec_frame *frame, struct err *err) MUST_CHECK;

#endif
