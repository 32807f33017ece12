/*
 * What the parts of a check share.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_CHECK_PARTS_H
#define INDEX_CHECK_PARTS_H

#include "index/check.h"
#include "index/db.h"

struct ix_checker {
	const struct ix_check_options *options;
	struct ix_check_result *result;
	struct ix_db db; /* one snapshot for all */
};

/* Reports something if count is not 0. */
void ix_check_report(struct ix_checker *c, const char *code, const char *says, uint64_t count,
		     int64_t row);

/* An error of the database: damage is reported (true), all else is an error. */
bool ix_check_forgive(struct ix_checker *c, const struct err *reason, struct err *err) MUST_CHECK;

/* What must hold and one query can tell: sql gives a column of the keys of the
 * rows that break it. */
struct ix_invariant {
	const char *code, *says, *sql;
};
extern const struct ix_invariant ix_invariant_table[];
extern const size_t ix_invariant_count;

/* What takes more than a query. */
bool ix_check_rows(struct ix_checker *c, struct err *err) MUST_CHECK;

/* The store against the rows of its files. */
bool ix_check_store(struct ix_checker *c, struct err *err) MUST_CHECK;

#endif
