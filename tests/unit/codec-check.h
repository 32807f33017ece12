/*
 * Pictures for tests of codecs: the header that fits what an encoder makes, and
 * a codec called as the pipeline does it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_CODEC_CHECK_H
#define TESTS_UNIT_CODEC_CHECK_H

#include "render/codecs.h"
#include "tests/unit/codec-encode.h"

#define SIZE(columns_, rows_, components_, precision_)                                             \
	.columns = columns_, .rows = rows_, .components = components_, .precision = precision_

struct codec_picture {
	struct dc_image image;
	struct rn_decoded decoded;
	uint8_t *cells;
	size_t size;
};
void codec_release(struct codec_picture *picture);

/* syntax: what follows 1.2.840.10008.1.2.4. */
struct dc_image codec_image(const struct encode_spec *spec, const char *syntax);

/* Decodes as picture->image says, into cells of its own; input is copied, so that
 * a byte read too far is seen. */
bool codec_decode_for(struct codec_picture *picture, struct span input, const atomic_bool *cancel,
		      struct err *err);
bool codec_decode(struct codec_picture *picture, struct span input, struct err *err);

int64_t codec_cell(const struct codec_picture *picture, size_t at, bool is_signed);

typedef bool codec_encoder(const struct encode_spec *spec, const int32_t *values, struct buf *out);

/* Appends the codestream of encode_fill(); it has to succeed. */
void codec_make(codec_encoder *encode, const struct encode_spec *spec, struct buf *out);

/* rn_codec_x_library: whether it was built with it. */
bool codec_is_there(void (*library)(struct buf *out));

#endif
