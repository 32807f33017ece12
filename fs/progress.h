/*
 * One line of progress on a terminal: files, rate, time left.
 *
 * Thread rule: one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_PROGRESS_H
#define FS_PROGRESS_H

#include "index/index.h"

#define FS_PROGRESS_SAMPLES 16

struct fs_progress {
	bool shown; /* false: everything here does nothing */
	bool drawn;
	/* The rate is that of the last seconds: a ring of samples. */
	struct {
		int64_t ns;
		uint64_t done;
	} samples[FS_PROGRESS_SAMPLES];
	unsigned count; /* samples taken since the start */
};

/* Draws only when wanted and standard error is a terminal that can. */
void fs_progress_init(struct fs_progress *progress, bool wanted);

/* Fits ix_scan_options.progress; context is the struct fs_progress. */
void fs_progress_update(const struct ix_counts *counts, uint64_t bytes_seen, bool walk_done,
			void *context);

/* Clears the line. */
void fs_progress_end(struct fs_progress *progress);

/* The line for a moment (monotonic ns), at most columns wide; keeps the sample.
 * Separate from drawing for tests. */
void fs_progress_line(struct fs_progress *progress, int64_t now_ns, const struct ix_counts *counts,
		      bool walk_done, size_t columns, struct buf *line);

/* "12,345,678". */
void fs_progress_number(struct buf *out, uint64_t number);

#endif
