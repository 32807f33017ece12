/* SPDX-License-Identifier: MIT */
#include "fs/json.h"

#include <time.h>

#include "dicom/charset.h"

void fs_json_text(struct buf *out, const char *text)
{
	struct span bytes = span_of_text(text);
	size_t at = 0;

	buf_append_byte(out, '"');
	while (at < bytes.size) {
		uint32_t c = dc_utf8_next(bytes, &at);

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (char)c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			dc_utf8_append(out, c);
	}
	buf_append_byte(out, '"');
}

void fs_json_time(struct buf *out, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / 1000000000);
	char text[64];
	struct tm utc;

	if (time_ns == 0 || gmtime_r(&seconds, &utc) == NULL ||
	    strftime(text, sizeof(text), "\"%Y-%m-%dT%H:%M:%SZ\"", &utc) == 0)
		buf_append_text(out, "null");
	else
		buf_append_text(out, text);
}
