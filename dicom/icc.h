/*
 * Whether an ICC profile (ICC.1, PS3.3 C.11.15) can be handed on to readers of
 * pictures: its header and its tag table, not what is inside the tags.
 *
 * Thread rule: pure function over the source.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_ICC_H
#define DICOM_ICC_H

#include "dicom/source.h"

/* The header, and the table's count. */
#define DC_ICC_MIN 132
#define DC_ICC_MAX ((uint32_t)4 * 1024 * 1024)

/* True for a profile of RGB pictures in the value field at offset, of length
 * bytes; *size becomes its own size, which is length or, for a padded value,
 * one byte less. Reads 16 KiB at most. A source that cannot be read holds no
 * valid profile. */
bool dc_icc_check(struct dc_source *source, uint64_t offset, uint64_t length,
		  uint32_t *size) MUST_CHECK;

#endif
