/*
 * Views: other ways to the studies and series of the canonical tree, as folders
 * of relative symlinks. A view is one row of the table in view.c: the folder
 * it is in, what it shows, and templates for the levels of folders and for the
 * link. Links are rows of table node, made with the study or series they show.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_VIEW_H
#define INDEX_VIEW_H

#include "index/writer.h"

/* A study or series, as views see it. Names are those of the folders below
 * patients/. */
struct ix_view_object {
	enum dc_level level; /* STUDY or SERIES */
	int64_t id;
	uint64_t ino;
	const char *patient, *study, *series; /* series: NULL for a study */
	const char *const *fact; /* of all levels above, by enum dc_fact; NULL or "" when absent */
	bool plain;              /* study: false: another patient has it too, and first */
	int64_t mtime, ctime;
};

/* Makes the links of an object in all views; appends their ids, packed, to
 * links for the object's row. */
bool ix_view_link(struct ix_writer *w, const struct ix_view_object *object, struct buf *links,
		  struct err *err) MUST_CHECK;
/* Removes links by their packed ids. */
bool ix_view_unlink(struct ix_writer *w, struct span links, struct err *err) MUST_CHECK;
/* Gives links new times. */
bool ix_view_touch(struct ix_writer *w, struct span links, int64_t mtime, int64_t ctime,
		   struct err *err) MUST_CHECK;

/* Looks at every study UID touched in the transaction: of several patients'
 * studies the one whose first file comes first in the store has plain links. */
bool ix_view_flush(struct ix_writer *w, struct err *err) MUST_CHECK;

#endif
