/*
 * JPEG streams for tests, made and read by libjpeg, which exits when something
 * fails.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_JPEG_MAKE_H
#define TESTS_UNIT_JPEG_MAKE_H

#include "dicom/base.h"

enum { JPEG_ONE_SCAN, JPEG_SEPARATE, JPEG_SPECTRAL, JPEG_FULL, JPEG_SCANS };

struct jpeg_shape {
	uint32_t width, height;
	uint8_t components; /* 1 or 3 */
	bool rgb;           /* not converted, with an Adobe marker that says it */
	uint8_t h, v;       /* sampling factors of the first component; 0 is 1 */
	unsigned scans;
	unsigned restart; /* interval in MCUs */
	bool arithmetic;
	unsigned quality; /* 0: 85 */
};

struct jpeg_stream {
	uint8_t *data;
	size_t size;
};

/* A smooth picture with some noise. */
void jpeg_make(struct jpeg_stream *stream, const struct jpeg_shape *shape);
void jpeg_release(struct jpeg_stream *stream);

/* Samples, to be freed. space: a J_COLOR_SPACE, or JCS_UNKNOWN: grey or RGB. */
uint8_t *jpeg_read(const struct jpeg_stream *stream, int space);

/* Where 0xFF of the frame header is. */
size_t jpeg_frame_header(const struct jpeg_stream *stream);

/* Other values for the frame header: marker (0: as it is) and precision. */
void jpeg_patch(struct jpeg_stream *stream, uint8_t sof, uint8_t precision);

static inline struct span jpeg_span(const struct jpeg_stream *stream)
{
	return span_of(stream->data, stream->size);
}

#endif
