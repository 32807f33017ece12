/*
 * JSON that the programs write about themselves (RFC 8259).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_JSON_H
#define FS_JSON_H

#include "dicom/buf.h"

/* In quotation marks. A path is bytes; JSON is UTF-8: what is none becomes
 * U+FFFD. */
void fs_json_text(struct buf *out, const char *text);

/* A time in UTC as ISO 8601, "2024-01-15T10:15:00Z"; null for 0. */
void fs_json_time(struct buf *out, int64_t time_ns);

#endif
