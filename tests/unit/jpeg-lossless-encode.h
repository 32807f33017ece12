/*
 * An encoder of JPEG lossless for tests, written from T.81 Annex H as plainly as
 * can be: it decides about no picture, only about what a codestream looks like.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_JPEG_LOSSLESS_ENCODE_H
#define TESTS_JPEG_LOSSLESS_ENCODE_H

#include "dicom/buf.h"

enum codes { CODES_SHORT, CODES_LONG, CODES_EACH, CODES_KINDS };

/* What is in a codestream. */
struct shape {
	unsigned width, height, components, precision, predictor, shift;
	unsigned restart; /* pixels, 0: none */
	enum codes codes; /* EACH: a table for each component, the last one by a late DHT */
	bool separate;    /* a scan for each component, the last component first */
	bool dnl;
	bool fillers; /* fill bytes, comments, an APP0 and bytes behind EOI */
	bool no_eoi;
};

struct writer {
	struct buf out;
	size_t coded; /* end of the last entropy-coded byte */
	uint32_t bits;
	unsigned count;
};

/* samples: interleaved, shifted right by the point transform already. The caller
 * releases writer->out. */
void encode_lossless(struct writer *writer, const struct shape *shape, const uint16_t *samples);

#endif
