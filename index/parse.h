/*
 * Looking at one store file: from a name in a folder to a result for the
 * writer. Runs in many threads at once.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_PARSE_H
#define INDEX_PARSE_H

#include "index/files.h"

/* What a parsing thread keeps between files. */
struct ix_parser {
	const struct ix_scan_options *options;
	struct dc_parser_options parsing;
	uint8_t *head; /* DC_FILE_HEAD_SIZE bytes */
};
bool ix_parser_init(struct ix_parser *parser, const struct ix_scan_options *options,
		    struct err *err) MUST_CHECK;
void ix_parser_release(struct ix_parser *parser);

void ix_result_init(struct ix_result *result);
void ix_result_release(struct ix_result *result);
/* Not an instance, for the reason given. code: a constant. */
void ix_result_set(struct ix_result *result, enum ix_outcome outcome, const char *code,
		   const char *format, ...) PRINTF_LIKE(4, 5);

/* Never fails: whatever happens is a result. follow: name may be a link. */
void ix_parse_file(struct ix_parser *parser, int folder_fd, const char *name, bool follow,
		   struct ix_result *result);

#endif
