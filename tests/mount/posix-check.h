/*
 * posix-check: makes every call that a tool could make on a read-only tree and
 * writes what comes of it, one line a call, so that two file systems that hold
 * the same tree can be compared.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_MOUNT_POSIX_CHECK_H
#define TESTS_MOUNT_POSIX_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define POSIX_ROLES 64
#define POSIX_LEN(array) (sizeof(array) / sizeof((array)[0]))

/* A path below the root of the tree, which is the working folder. */
struct posix_role {
	const char *name;
	char *path;
	bool given; /* an object of the tree that the script chose, under one name */
};

struct posix {
	struct posix_role roles[POSIX_ROLES];
	size_t role_count;
	const char *group;
	int own;       /* a file elsewhere, open for reading and writing */
	bool writable; /* the mount says so; the file system has to refuse */
};

/* One line: the group, the call, and the result, or the name of errno when the
 * result is -1. errno is that at the time of the call. */
void posix_result(struct posix *posix, long long result, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with a text as the result. */
void posix_text(struct posix *posix, const char *text, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The path of a role that the script gave; NULL: it gave none. */
const char *posix_path(const struct posix *posix, const char *name);
bool posix_is_file(const char *path);
bool posix_is_folder(const char *path);

/* The groups. */
void posix_open(struct posix *posix);
void posix_names(struct posix *posix);
void posix_attributes(struct posix *posix);
void posix_xattrs(struct posix *posix);
void posix_files(struct posix *posix);
void posix_maps(struct posix *posix);
void posix_locks(struct posix *posix);
void posix_folders(struct posix *posix);

#endif
