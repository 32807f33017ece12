/*
 * The codecs: each a file codec-x.c, a declaration here and a row of the table
 * in codecs.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CODECS_H
#define RENDER_CODECS_H

#include "render/render.h"

extern const struct rn_codec rn_codec_native;

#endif
