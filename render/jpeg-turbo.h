/*
 * 8-bit DCT JPEG, sequential and progressive, Huffman and arithmetic, by
 * libjpeg-turbo.
 *
 * The accurate integer inverse DCT and smooth ("fancy") chroma upsampling: what
 * DCMTK, GDCM and Pillow use as well, so that pictures are the same to the bit.
 * No smoothing between blocks, which invents detail for coefficients that are
 * missing.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_TURBO_H
#define RENDER_JPEG_TURBO_H

#include <stdatomic.h>

#include "render/jpeg-colour.h"

struct rn_jpeg_turbo {
	struct span input;
	uint32_t width, height; /* what the output has room for */
	enum rn_jpeg_space space; /* YCbCr is converted to RGB */
	uint8_t cell_bytes;       /* 1 or 2: samples are widened */
	void *output; /* interleaved, width * height * (1 or 3) cells */
	const atomic_bool *cancel; /* or NULL */
};

/* All pixels or an error. ERR_CORRUPT: a coefficient is missing or its code
 * damaged, or the codestream has another size; bytes of no use and a missing EOI
 * behind the last pixel are no error. ERR_UNSUPPORTED: a process or a sampling
 * that the library was built without. ERR_LIMIT: a progression without end.
 * ERR_NOMEM, ERR_INTERRUPTED. Thread-safe. */
bool rn_jpeg_turbo_decode(const struct rn_jpeg_turbo *job, struct err *err) MUST_CHECK;

#endif
