/*
 * The predictors of JPEG lossless, ITU-T T.81 H.1.2: differences to samples.
 * All is modulo 2^16, whatever the precision, as H.1.2.1 has it.
 *
 * A line holds count differences that become count samples in place; it has
 * components interleaved samples a pixel, and count is a multiple of that.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_PREDICT_H
#define RENDER_JPEG_PREDICT_H

#include "dicom/base.h"

/* A line, or the rest of one, that begins a scan or a restart interval: its
 * first pixel is predicted as start, each other one as the one before. */
void rn_jpeg_predict_first(uint16_t *line, size_t count, unsigned components, uint16_t start);

/* A line that has one above: its first pixel is predicted as the one above, the
 * others by predictor, 1 to 7. */
void rn_jpeg_predict(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count,
		     unsigned components);

/* The rest of a line whose first pixels, line[-components] the last of them, are
 * samples already: all by predictor. */
void rn_jpeg_predict_rest(unsigned predictor, const uint16_t *above, uint16_t *line, size_t count,
			  unsigned components);

#endif
