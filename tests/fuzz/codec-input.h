/*
 * Inputs of fuzz-codec-X and fuzz-frames: a few bytes of header, then what the
 * fragments hold. make-seeds writes them out of DICOM files.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_CODEC_INPUT_H
#define TESTS_FUZZ_CODEC_INPUT_H

#include "render/render.h"

/* A target each: those of JPEG by the process that the codestream names. */
enum codec_target {
	CODEC_DEFLATED,
	CODEC_J2K,
	CODEC_JLS,
	CODEC_JPEG_DCT, /* ours, of 12 bits */
	CODEC_JPEG_LOSSLESS,
	CODEC_JPEG_TURBO,
	CODEC_JXL,
	CODEC_RLE,
	CODEC_TARGETS,
};

const char *codec_target_name(enum codec_target target); /* "codec-rle" */

/* Which target a frame is for; CODEC_TARGETS: none. */
enum codec_target codec_target_find(const struct dc_image *image, struct span codestream);

/* The choice-th transfer syntax of the codec, counted round, and back. */
uint16_t codec_target_syntax(enum codec_target target, uint8_t choice);
uint8_t codec_target_choice(enum codec_target target, uint16_t transfer_syntax);

/* fuzz-codec-X: choice of the transfer syntax, Rows and Columns (2 bytes each,
 * little endian), flags, Bits Allocated (index), Bits Stored, High Bit, Photometric
 * Interpretation (enum dc_photometric); the codestream. */
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
