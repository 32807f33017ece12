/*
 * What the codecs of compressed frames have in common: a codestream against
 * the header, and samples as a decoder leaves them into cells.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CODESTREAM_H
#define RENDER_CODESTREAM_H

#include "render/render.h"

/* What a codestream says of its picture. */
struct rn_codestream {
	uint32_t columns, rows;
	uint32_t components;
	uint32_t precision; /* bits of a sample, its sign included */
};

/* Whether it is the picture that the header describes and the caller has room
 * for. ERR_CORRUPT with both numbers. Precision may differ from Bits Stored as
 * long as samples fit the cells. */
bool rn_codestream_check(const struct rn_codestream *codestream, const struct rn_codec_frame *frame,
			 struct err *err) MUST_CHECK;

/* ERR_INTERRUPTED, and true, when the caller wants the frame no more. */
bool rn_codestream_cancelled(const struct rn_codec_frame *frame, struct err *err);

/* One component into its place in the interleaved cells of frame: count samples,
 * of which the first goes to pixel first. Of a sample as many bits are kept as
 * the cell has. */
void rn_codestream_store_32(const struct rn_codec_frame *frame, unsigned component, size_t first,
			    const int32_t *samples, size_t count);
/* The same for samples of 1 or 2 bytes. */
void rn_codestream_store(const struct rn_codec_frame *frame, unsigned component, size_t first,
			 const void *samples, size_t bytes, size_t count);

#endif
