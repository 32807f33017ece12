/*
 * struct ix_reader and its statements, for the modules that read.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_READER_H
#define INDEX_READER_H

#include "index/db.h"
#include "index/index.h"

struct ix_reader {
	struct ix_index *index;
	struct ix_db db;
	struct buf name; /* of a lookup, normalised */
};

enum ix_read_sql {
	IX_R_EPOCH,
	IX_R_NODE_GET,
	IX_R_NODE_LOOKUP,
	IX_R_NODE_CHILDREN,
	IX_R_INSTANCE_GET,
	IX_R_INSTANCE_LOOKUP,
	IX_R_INSTANCE_LIST,
	IX_R_SOURCE_FIRST,
	IX_R_SOURCE_OTHER,
	IX_R_FACTS, /* put together when the reader is opened */
	IX_R_WAITING,
	IX_R_WAITING_COUNT,
	IX_R_MEASURED,
	IX_R_STATUS,
	IX_R_PROBLEMS,
	IX_R_PROBLEM_COUNTS,
	IX_R_COUNT,
};
extern const char *const ix_read_sql_table[IX_R_COUNT];

#endif
