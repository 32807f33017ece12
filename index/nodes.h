/*
 * Folders and links of the tree: rows of table node. Times, counts and
 * emptiness go up the tree once per transaction, in ix_nodes_flush().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_NODES_H
#define INDEX_NODES_H

#include "index/writer.h"

struct ix_node_new {
	int64_t parent;
	enum ix_node_type type;
	const char *name;
	uint64_t ino;
	int64_t mtime, ctime;
	const char *target; /* links */
	int64_t owner;      /* links */
};

/* *id is 0 without an error when the parent has an entry of that name. */
bool ix_node_add(struct ix_writer *w, const struct ix_node_new *node, int64_t *id,
		 struct err *err) MUST_CHECK;
/* The entry of a folder by name; *id is 0 when there is none. */
bool ix_node_find(struct ix_writer *w, int64_t parent, const char *name, int64_t *id,
		  struct err *err) MUST_CHECK;
/* The tree's row of a node without side tables. ERR_NOTFOUND. */
bool ix_node_read(struct ix_writer *w, int64_t id, struct ix_node *node,
		  struct err *err) MUST_CHECK;
/* Takes one row away; the folder around it follows if that leaves it empty. */
bool ix_node_drop(struct ix_writer *w, const struct ix_node *node, struct err *err) MUST_CHECK;
/* Gives a link the times of its owner. */
bool ix_node_set_times(struct ix_writer *w, int64_t id, int64_t mtime, int64_t ctime,
		       struct err *err) MUST_CHECK;

/* Brings all touched folders up to date: removes empty ones, with their links
 * and rows, and notes a change for each that differs. */
bool ix_nodes_flush(struct ix_writer *w, struct err *err) MUST_CHECK;

#endif
