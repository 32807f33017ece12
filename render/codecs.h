/*
 * The codecs: each a file codec-x.c, a declaration here and a row of the table
 * in codecs.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CODECS_H
#define RENDER_CODECS_H

#include "render/render.h"

extern const struct rn_codec rn_codec_jpeg;
extern const struct rn_codec rn_codec_j2k;
extern const struct rn_codec rn_codec_jls;
extern const struct rn_codec rn_codec_jxl;
extern const struct rn_codec rn_codec_deflated;
extern const struct rn_codec rn_codec_native;
extern const struct rn_codec rn_codec_rle;

/* Names and versions of libraries that are not always there, a line each. */
void rn_codec_libraries(struct buf *out);
/* Of one codec; nothing if it was built without. */
void rn_codec_j2k_library(struct buf *out);
void rn_codec_jls_library(struct buf *out);
void rn_codec_jxl_library(struct buf *out);

#endif
