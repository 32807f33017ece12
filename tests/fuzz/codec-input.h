/*
 * Inputs of fuzz-codec and fuzz-frames: a few bytes of header, then what the
 * fragments hold. make-seeds writes them out of DICOM files.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_CODEC_INPUT_H
#define TESTS_FUZZ_CODEC_INPUT_H

#include "dicom/image.h"

/* fuzz-codec: transfer syntax (its index in the table), Rows and Columns (2 bytes
 * each, little endian), flags, Bits Allocated (index), Bits Stored, High Bit,
 * Photometric Interpretation (enum dc_photometric); the codestream. */
#define CODEC_INPUT_HEAD ((size_t)10)
#define CODEC_INPUT_SAMPLES 3u /* index of Samples per Pixel */
#define CODEC_INPUT_SIGNED 4u
#define CODEC_INPUT_PLANAR 8u

static const uint16_t codec_input_samples[] = {1, 3, 4, 2};
static const uint16_t codec_input_bits[] = {8, 16, 1, 32, 12, 64, 24, 4};

/* fuzz-frames: transfer syntax, Number of Frames (2 bytes, little endian), how
 * many bytes of an Extended Offset Table come first, in eights; that table; the
 * items. */
#define FRAMES_INPUT_HEAD ((size_t)4)

#endif
