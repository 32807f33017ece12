/*
 * Typed access to the value field of an element.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_VALUE_H
#define DICOM_VALUE_H

#include "dicom/parser.h"

/* Without trailing NULs and spaces (and leading spaces when both is set). */
struct span dc_value_trim(struct span value, bool both);

/* The index-th value of backslash-separated text (decoded already where the
 * VR uses a character set); false past the last. An empty span has one empty
 * value. */
bool dc_value_text(struct span text, size_t index, struct span *value) MUST_CHECK;
size_t dc_value_text_count(struct span text);

/* Numbers of binary VRs: US SS UL SL UV SV FL FD AT (as u32: group << 16 |
 * element) and OB OW OL OV OF OD. False past the end or for another VR.
 * Both read DS and IS too, and other text that holds such a number (a wrong VR).
 * dc_value_integer fails for fractions. */
bool dc_value_double(const struct dc_element *element, struct span value, size_t index,
		     double *out) MUST_CHECK;
bool dc_value_integer(const struct dc_element *element, struct span value, size_t index,
		      int64_t *out) MUST_CHECK;
/* How many values there are, by VR. */
size_t dc_value_count(const struct dc_element *element, struct span value);

#endif
