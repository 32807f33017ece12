/*
 * Who goes through a folder in order? Takes the positions that are opened and
 * says which ones are likely to come next. A folder may have several orders, the
 * first of which is the usual one (by name); readers go through it in either direction, several at a
 * time, and a group of readers that share the work may come out of step.
 *
 * Thread rule: one thread. Nothing is allocated.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_PATTERN_H
#define FS_PATTERN_H

#include "dicom/base.h"

#define FS_PATTERN_ORDERS 3
#define FS_PATTERN_STREAMS 4
#define FS_PATTERN_RECENT 4

/* One reader, or a group. */
struct fs_stream {
	uint8_t order;
	int8_t direction; /* 1 or -1; 0: not in use */
	uint8_t backward; /* steps against the direction, one after another */
	uint32_t position; /* the furthest that was opened */
	uint32_t ahead;    /* positions after it that are being made, or were */
	uint32_t window;   /* as many as there should be */
	uint64_t used;     /* fs_pattern.clock at the last open */
};

struct fs_pattern {
	uint8_t orders;
	uint8_t recent_count;
	uint64_t clock; /* opens */
	uint32_t recent[FS_PATTERN_RECENT][FS_PATTERN_ORDERS]; /* newest first */
	struct fs_stream streams[FS_PATTERN_STREAMS];
};

/* orders: 1 to FS_PATTERN_ORDERS. */
void fs_pattern_init(struct fs_pattern *pattern, uint8_t orders);

/* Called before a stream forgets what is ahead of it: nobody waits for it. */
typedef void (*fs_pattern_drop_fn)(const struct fs_stream *stream, void *context);

/* Something was opened, at these positions in each order. The stream that it
 * belongs to, whose window is at most max; NULL: to none, and then the others
 * lose what they have ahead. */
struct fs_stream *fs_pattern_note(struct fs_pattern *pattern, const uint32_t *positions,
				  uint32_t max, fs_pattern_drop_fn drop, void *context);

/* The nth position after the furthest opened one, from 1; false: there is none
 * among count. */
bool fs_stream_position(const struct fs_stream *stream, uint32_t nth, uint32_t count,
			uint32_t *position) MUST_CHECK;

/* Drops what all streams have ahead. */
void fs_pattern_break(struct fs_pattern *pattern, fs_pattern_drop_fn drop, void *context);

#endif
