/*
 * Rows of table instance: read, made, renamed, given another source, removed;
 * each with its counts, its folder's share and the change for caches.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_ENTRY_ROW_H
#define INDEX_ENTRY_ROW_H

#include "index/files.h"

/* A row with what it takes to name it again. */
struct ix_entry {
	int64_t id, series, uid_hash, file, claim, content;
	bool plain, has_content;
	char name[IX_INSTANCE_NAME_MAX + 1];
	uint32_t kinds, frames;
	uint64_t size;
	int64_t mtime, ctime;
	struct buf sop_uid, number, path; /* path: of its first source */
};
void ix_entry_release(struct ix_entry *entry);
#define CLEANUP_ENTRY CLEANUP(ix_entry_release)

/* entry is empty or was read before. */
bool ix_entry_read(struct ix_writer *w, int64_t id, struct ix_entry *entry,
		   struct err *err) MUST_CHECK;

struct ix_entry_new {
	int64_t id; /* from ix_writer_new_id() */
	const struct ix_place *place;
	const struct ix_file *file;
	const struct ix_result *result;
	struct span key; /* ix_instance_key */
	bool plain, has_content;
	uint64_t content; /* hash of the bytes; needed unless plain */
};
bool ix_entry_add(struct ix_writer *w, const struct ix_entry_new *entry,
		  struct err *err) MUST_CHECK;

/* Under the plain name or under the one with the content hash, which is known
 * then. The entry gets a new id. */
bool ix_entry_rename(struct ix_writer *w, struct ix_entry *entry, bool plain,
		     struct err *err) MUST_CHECK;

/* Makes another source, whose row is in state from, the first; problem lines
 * go with it. The row of the source before is left to the caller. The entry
 * gets a new id. */
bool ix_entry_set_source(struct ix_writer *w, struct ix_entry *entry, int64_t file,
			 enum ix_file_state from, struct err *err) MUST_CHECK;

bool ix_entry_set_content(struct ix_writer *w, struct ix_entry *entry, uint64_t content,
			  struct err *err) MUST_CHECK;

/* Removes the row. */
bool ix_entry_drop(struct ix_writer *w, const struct ix_entry *entry, struct err *err) MUST_CHECK;

#endif
