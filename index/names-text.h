/*
 * Text of names, in memory of fixed size so that nothing here can fail; the
 * rules are in names.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_NAMES_TEXT_H
#define INDEX_NAMES_TEXT_H

#include "dicom/base.h"

/* Of a text from a file, so many bytes count. */
#define IX_TEXT_INPUT_MAX 1024
/* Room for any normal form of that many bytes, with its NUL: normalisation,
 * case folding and U+FFFD for a bad byte grow UTF-8 at most threefold. */
#define IX_TEXT_MAX (3 * IX_TEXT_INPUT_MAX + 16)

enum ix_text_place {
	IX_TEXT_FIRST,  /* the name begins with it: rules 4 and 6 of ix_name_sanitise */
	IX_TEXT_INSIDE, /* something stands in front of it and behind it */
};

/* ix_name_sanitise into out, NUL-terminated; returns the size. max_bytes is
 * less than IX_TEXT_MAX. */
size_t ix_text_sanitise(struct span text, size_t max_bytes, enum ix_text_place place,
			char out[static IX_TEXT_MAX]);

/* Case folded, NFC, spaces (of any kind) in runs made one, none at the ends.
 * Bytes that are not UTF-8 stay as U+FFFD. Returns the size. */
size_t ix_text_fold(struct span text, char out[static IX_TEXT_MAX]);

/* Without spaces and NULs at both ends. */
struct span ix_text_trim(struct span text);

/* Moves the part in front of the next separator out of *rest; false when
 * *rest is used up (its data is NULL). A text has one part more than it has
 * separators. */
bool ix_text_part(struct span *rest, char separator, struct span *part) MUST_CHECK;

#endif
