/*
 * Codestreams for tests, made by the encoders of the libraries that decode.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_CODEC_ENCODE_H
#define TESTS_UNIT_CODEC_ENCODE_H

#include "dicom/buf.h"

enum encode_interleave { BY_PLANE, BY_LINE, BY_SAMPLE };

struct encode_spec {
	unsigned columns, rows, components, precision;
	bool is_signed;
	/* JPEG-LS */
	enum encode_interleave interleave;
	int near_lossless;
	int transformation; /* Hewlett-Packard's, 1 to 3 */
	/* JPEG 2000 */
	unsigned tile, x0, y0; /* tile 0: one */
	unsigned layers;       /* 0: one */
	unsigned step;         /* of components 2 and 3; 0: 1 */
	bool colour_transform, irreversible;
	bool packet_markers; /* SOP and EPH */
	bool lengths;        /* PLT and TLM */
	bool parts;          /* a tile-part for every resolution */
	int progression;     /* 0 to 4: LRCP, RLCP, RPCL, PCRL, CPRL */
	int roi_shift;       /* of component 1 */
	int rate;            /* cut to 1/rate; 0: not */
	bool lossy; /* JPEG XL: XYB */
};

/* The samples of a spec: a slope with noise in it, interleaved; all pixels of a
 * block of step x step have the same. values has room for columns x rows x
 * components. */
void encode_fill(const struct encode_spec *spec, int32_t *values);

/* Appends a codestream; false when the library is not there (or refused). */
bool encode_jls(const struct encode_spec *spec, const int32_t *values, struct buf *out);
bool encode_j2k(const struct encode_spec *spec, const int32_t *values, struct buf *out);
bool encode_jxl(const struct encode_spec *spec, const int32_t *values, struct buf *out);

#endif
