/*
 * The file kinds: each a file kind-x.c, a declaration here and a row of the
 * table in kinds.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_KINDS_H
#define RENDER_KINDS_H

#include "render/render.h"

extern const struct rn_kind rn_kind_dcm;
extern const struct rn_kind rn_kind_json;
extern const struct rn_kind rn_kind_png;

#endif
