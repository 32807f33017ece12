/*
 * The ways of reading that read-check.c takes; they are in read-more.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_MOUNT_READ_CHECK_H
#define TESTS_MOUNT_READ_CHECK_H

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define READ_PAGE ((size_t)4096)
#define READ_FILES 7
#define READ_MOST ((size_t)3 << 19) /* bytes at once */
#define READ_WAYS_MAX 64
#define READ_LEN(array) (sizeof(array) / sizeof((array)[0]))

struct read_file {
	int fd;
	bool direct; /* open with O_DIRECT */
};

struct read_check {
	const char *path;
	uint8_t *reference; /* size bytes */
	size_t size;
	struct read_file files[READ_FILES]; /* all of the same file */
	uint8_t *buffer;                    /* READ_MOST and two pages, at a page's start */
	int out;                            /* a file elsewhere */
	int pipes[2];                       /* empty between ways */
	uint64_t seed, state;
	unsigned long round;
	const char *way;
	bool show;
};

struct read_way {
	const char *name;
	bool (*run)(struct read_check *check); /* false: something is wrong, and told */
};

extern const struct read_way read_ways[];
extern const size_t read_way_count;

uint64_t read_random(struct read_check *check);
size_t read_below(struct read_check *check, size_t limit);
size_t read_place(struct read_check *check);
size_t read_length(struct read_check *check); /* at most READ_MOST */
const struct read_file *read_any_file(struct read_check *check);
bool read_reopen(struct read_check *check, size_t number);

/* How many of size bytes there are at a place. */
size_t read_available(const struct read_check *check, size_t at, size_t size);
/* Compares bytes that exist. */
bool read_same(struct read_check *check, const uint8_t *bytes, size_t at, size_t size);
/* Compares what a call that reads all it can has put into check->buffer. */
bool read_expect(struct read_check *check, ssize_t got, size_t at, size_t size);
/* Tells what is wrong; always false. */
bool read_wrong(struct read_check *check, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
