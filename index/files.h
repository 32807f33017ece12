/*
 * Rows of store files, their counts and their problem lines; and filing what
 * was found out about a file.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_FILES_H
#define INDEX_FILES_H

#include "index/content.h"
#include "index/writer.h"

/* What became of a file that was looked at. */
enum ix_outcome {
	IX_OUTCOME_INSTANCE,
	IX_OUTCOME_SKIPPED,
	IX_OUTCOME_FAILED,
	IX_OUTCOME_UNREAD, /* it cannot be read: what the tree has of it stays */
	IX_OUTCOME_RETRY,  /* not to be had right now (memory, being written): soon again */
	IX_OUTCOME_GONE,   /* not there any more */
};

struct ix_result {
	enum ix_outcome outcome;
	const char *code; /* of the problem line; NULL: none */
	char reason[sizeof(((struct err *)NULL)->message)];
	struct ix_fingerprint print;
	bool linked; /* it has other names (hard links) */
	/* INSTANCE only: */
	struct dc_facts facts;
	struct ix_measured measured;
};

/* A file in the writer's hands. */
struct ix_file {
	int64_t id; /* 0: new */
	int64_t folder;
	struct span name;
	const char *path;         /* in the store */
	enum ix_file_state state; /* of the row, when there is one */
	struct ix_fingerprint print;
};

/* Files the result under the row of file->id or a new one. store_fd and follow
 * of the writer are set. */
bool ix_file_apply(struct ix_writer *w, struct ix_file *file, const struct ix_result *result,
		   struct err *err) MUST_CHECK;
/* Has the file looked at again, soon or some time later: what kept it from being
 * filed need not be told by anybody. */
void ix_file_put_off(struct ix_writer *w, const struct ix_file *file, bool soon);
/* Takes a file out of the index. */
bool ix_file_remove(struct ix_writer *w, int64_t id, struct err *err) MUST_CHECK;

/* Writes the row: state, instance (0: none) and fingerprint; keeps the counts
 * of states. */
bool ix_file_write(struct ix_writer *w, struct ix_file *file, enum ix_file_state state,
		   int64_t instance, struct err *err) MUST_CHECK;
/* Changes the state of a row that was in state from. */
bool ix_file_set_state(struct ix_writer *w, int64_t id, enum ix_file_state from,
		       enum ix_file_state to, int64_t instance, struct err *err) MUST_CHECK;

/* Problem lines of a file that is the first source of an entry are counted as
 * notes (once a file). */
bool ix_note_set(struct ix_writer *w, int64_t file, const char *code, const char *reason,
		 struct err *err) MUST_CHECK;
bool ix_note_drop(struct ix_writer *w, int64_t file, const char *code, struct err *err) MUST_CHECK;
/* Whether the file has any line. */
bool ix_problem_any(struct ix_writer *w, int64_t file, bool *any, struct err *err) MUST_CHECK;

#endif
