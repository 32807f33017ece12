/*
 * Readers of what dicomfs writes, strict and not made of its own code.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_CHECK_H
#define TESTS_FUZZ_CHECK_H

#include "dicom/buf.h"

/* Strict JSON (RFC 8259) in UTF-8 with a newline at the end, whose members of 8
 * characters, which are tags, ascend in every object. */
void fuzz_check_json(struct span text);
/* The same of one token: a number, a string. */
void fuzz_check_json_token(struct span text);

/* A PNG of this size and 8 bits a sample: chunks, their order and checksums, and
 * exactly the image data that there has to be. Appends its pixels, filters
 * undone. stored: it has stored blocks and no filters. */
void fuzz_check_png(struct span png, uint32_t width, uint32_t height, uint8_t channels, bool stored,
		    struct buf *pixels);

#endif
