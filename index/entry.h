/*
 * Instances as entries of the tree: one for each SOP Instance UID and content
 * in a series, with one or more files as sources.
 *
 * - Files with the same UID and the same bytes (compared, not hashed) are
 *   sources of one entry. The first of them by path is the one that is served
 *   and that gives the times.
 * - Entries with the same UID and different bytes are all flagged "conflict".
 *   Within a series the one whose first file comes first by path has the plain
 *   name, the others carry a hash of their content.
 * - Without a SOP Instance UID the path is the key: such a file is an entry of
 *   its own.
 *
 * All of this depends on the files that are there, not on the order in which
 * they came: when an earlier one arrives or leaves, names move, under new row
 * keys.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_ENTRY_H
#define INDEX_ENTRY_H

#include "index/files.h"

/* Files a DICOM file; its row is written with the state that results:
 * INSTANCE, DUPLICATE, or FAILED when it had to be compared and could not be
 * read. An existing row must have been detached. */
bool ix_entry_attach(struct ix_writer *w, struct ix_file *file, const struct ix_result *result,
		     struct err *err) MUST_CHECK;

/* Takes a file away from its entry, which goes with its last source. The row
 * stays, without problem lines, in the given state. A file without an entry
 * only changes its state. */
bool ix_entry_detach(struct ix_writer *w, int64_t file, enum ix_file_state state,
		     struct err *err) MUST_CHECK;

#endif
