/*
 * SHA-1, as lists of other decoders' results have it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_SHA1_H
#define TESTS_UNIT_SHA1_H

#include "dicom/base.h"

/* The first 16 hexadecimal digits. */
void sha1_text(const uint8_t *data, size_t size, char text[17]);

#endif
