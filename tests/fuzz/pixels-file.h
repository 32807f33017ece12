/*
 * DICOM files of native pixel data out of any bytes: most of them are pictures,
 * with windows, LUTs, palettes and overlays that may be wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_PIXELS_FILE_H
#define TESTS_FUZZ_PIXELS_FILE_H

#include "dicom/buf.h"

#define PIXELS_MAX (1u << 17) /* of a frame */

void pixels_file(struct span input, struct buf *file);

#endif
