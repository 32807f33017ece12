/*
 * A store in a temporary folder with its index, for the tests of index/: files
 * from a few words each, scans, and the tree and the problems as sorted text.
 *
 * Every scan checks that the counts add up and agree with the tree.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_INDEX_STORE_H
#define TESTS_UNIT_INDEX_STORE_H

#include "index/index.h"

#include <limits.h>
#include <setjmp.h>

#include <cmocka.h>

#define PNG_KIND 4u /* the kind that is a folder for several frames */

struct store {
	char base[64];  /* temporary folder of everything */
	char root[512]; /* the store */
	char path[96];  /* of the index */
	int fd;
	struct ix_index *index;
	struct ix_reader *reader;
	struct ix_scan_options options;
	atomic_uint measured;          /* files that were parsed */
	size_t changes, changes_of[8]; /* by enum ix_change_type */
};

/* What a file says; NULL: the usual value, "": the attribute is absent. */
struct words {
	const char *patient, *id, *issuer, *birth;
	const char *study, *series, *sop, *number;
	const char *date, *accession, *modality;
	const char *comment; /* makes the bytes differ */
	unsigned frames;     /* 0: no pixel data */
};

void store_make(struct store *store);
void store_remove(struct store *store);

void store_put(struct store *store, const char *path, const struct words *words);
void store_put_bytes(struct store *store, const char *path, struct span bytes);
void store_delete(struct store *store, const char *path);
void store_move(struct store *store, const char *from, const char *to);
/* Absolute; static memory of the caller. */
const char *store_path(const struct store *store, const char *path, char out[static PATH_MAX]);

/* Opens the index with its reader; store->path must be usable. */
void store_open(struct store *store, bool rebuild);
void store_close(struct store *store);
/* Scans (opening the index first if it is not) and checks the counts. */
void store_scan(struct store *store);
/* Likewise of these places alone, see ix_scan_paths(). */
void store_scan_paths(struct store *store, const char *const *paths, size_t count, bool *whole);
/* The index agrees with itself and with the store. */
void store_check(struct store *store);
struct ix_status store_status(struct store *store);
/* Closes the index and changes it as dicomfs would: with checksums. */
void store_sql(struct store *store, const char *text);

/* Everything of the tree that has to survive a rebuild: path, inode, times,
 * counts, target; one line each, sorted. The caller frees. */
char *store_tree(struct store *store);
/* Likewise, of an index that may be damaged. */
bool store_try_tree(struct store *store, char **tree, struct err *err);
/* "path [code]" lines in order. */
char *store_problems(struct store *store);

/* A node or instance by path from the root of the tree. */
bool store_find(struct store *store, const char *path, struct ix_node *node);
bool store_find_instance(struct store *store, const char *path, struct ix_instance *instance);

/* ---- Expectations -------------------------------------------------------- */

/* The test fails when they are not met. */
struct ix_node store_node(struct store *store, const char *path);
struct ix_instance store_instance(struct store *store, const char *path);
void store_expect_none(struct store *store, const char *path);
void store_expect_problems(struct store *store, const char *expected);
/* The tree, the problems and the counts are those of a rebuilt index. */
void store_expect_like_rebuilt(struct store *store);

/* Sets the modification time. */
void store_touch(struct store *store, const char *path, time_t seconds);

#endif
