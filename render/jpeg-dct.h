/*
 * 12-bit DCT JPEG with Huffman codes, ITU-T T.81 processes 4, 8 and 12:
 * sequential, spectral selection and full progression.
 *
 * The inverse DCT is the accurate integer one of the Independent JPEG Group,
 * the same to the bit at 12 bits, so that pictures are those that DCMTK and GDCM
 * make; chroma of half the width, or half the width and height, is interpolated
 * as there, any other is repeated.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_DCT_H
#define RENDER_JPEG_DCT_H

#include <stdatomic.h>

#include "render/jpeg-markers.h"

struct rn_jpeg_dct {
	/* Its frame header has 12 bits, 1 to 4 components, and the size that the
	 * output has room for. */
	struct span input;
	uint16_t *output; /* interleaved, components as they are, 0 to 4095 */
	const atomic_bool *cancel; /* or NULL */
};

/* All pixels or an error. ERR_CORRUPT: a coefficient is missing or its code
 * damaged. ERR_LIMIT: a progression without end. ERR_NOMEM, ERR_INTERRUPTED.
 * Thread-safe. */
bool rn_jpeg_dct_decode(const struct rn_jpeg_dct *job, struct err *err) MUST_CHECK;

#endif
