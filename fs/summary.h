/*
 * What a scan found, for people and for programs.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_SUMMARY_H
#define FS_SUMMARY_H

#include "dicom/buf.h"
#include "index/index.h"

#define FS_SUMMARY_CODES 64
#define FS_SUMMARY_CODE_SIZE 32

struct fs_summary {
	const char *store; /* the caller's, as are index and seconds */
	const char *index;
	double seconds;
	struct ix_status status;
	uint64_t waiting; /* instances whose pictures are not measured yet */
	/* Files by reason, most frequent first. */
	struct fs_summary_code {
		char code[FS_SUMMARY_CODE_SIZE];
		uint64_t count;
	} codes[FS_SUMMARY_CODES];
	size_t code_count;
};

/* Fills status, waiting and codes. */
bool fs_summary_read(struct fs_summary *summary, struct ix_index *index,
		     struct err *err) MUST_CHECK;

/* A screenful; names no file and no patient. */
void fs_summary_text(const struct fs_summary *summary, struct buf *out);

/* One JSON object (RFC 8259) and a line break. */
void fs_summary_json(const struct fs_summary *summary, struct buf *out);

#endif
