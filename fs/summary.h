/*
 * What a scan found and what the index says of itself, for people and for
 * programs: dicomfs-index and .dicomfs/status.json tell the same.
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
	double seconds; /* that the scan took */
	struct ix_status status;
	bool whole;       /* all that follows is of this version of the status */
	uint64_t waiting; /* instances whose pictures are not measured yet */
	/* Files by reason, most frequent first. */
	struct fs_summary_code {
		char code[FS_SUMMARY_CODE_SIZE];
		uint64_t count;
	} codes[FS_SUMMARY_CODES];
	size_t code_count;
};

/* Fills what follows seconds. Counting the codes takes a look at every problem:
 * they are taken from an earlier summary (may be NULL) if nothing has changed
 * since. */
bool fs_summary_read(struct fs_summary *summary, struct ix_reader *reader,
		     const struct fs_summary *earlier, struct err *err) MUST_CHECK;

/* How long the last scan took; 0 while one is running. */
double fs_summary_seconds(const struct ix_status *status);

/* A screenful; names no file and no patient. */
void fs_summary_text(const struct fs_summary *summary, struct buf *out);

/* Likewise for who did not scan: when, how, and whether somebody writes. Times
 * are local; now_ns is the real time. */
void fs_summary_status(const struct fs_summary *summary, int64_t now_ns, struct buf *out);

/* One JSON object and a line break. */
void fs_summary_json(const struct fs_summary *summary, struct buf *out);

#endif
