/*
 * A mount without a kernel: a store of one file of each sort, its index, and
 * the parts of a session that make files of them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_FAULT_SESSION_H
#define TESTS_UNIT_FAULT_SESSION_H

#include "fs/core.h"

#include <setjmp.h>

#include <cmocka.h>

struct fault_session {
	char base[64], store[96], index_path[96], cache_dir[96];
	struct fs_options options;
	int store_fd;
	struct ix_index *index;
	/* Files of the tree, in order. */
	struct fs_node *files;
	struct buf *right; /* their bytes */
	size_t count;

	/* A session; what makes files is opened anew for each point. */
	struct fs_session session;
	bool in_file;            /* in a memory file */
	enum err_code complaint; /* that the session has of a file, for good */
};

/* With an option for -o, or NULL. Scans, and makes each file once. */
void fault_session_make(struct fault_session *s, const char *option);
void fault_session_remove(struct fault_session *s);

/* What makes files, with one worker. */
bool fault_session_open(struct fault_session *s, struct err *err) MUST_CHECK;
void fault_session_close(struct fault_session *s);

/* Asks for a file as OPEN does, and waits; pins and unpins it. NULL with err. */
struct fs_blob *fault_session_get(struct fault_session *s, const struct fs_node *file,
				  struct err *err);

/* Lines of the index that say that a file cannot be made. */
unsigned fault_session_complaints(struct fault_session *s);

#endif
