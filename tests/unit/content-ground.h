/*
 * What tests of the content conductor stand on: a conductor whose contents are
 * texts, made behind a gate that the test opens, and counted.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef UNIT_CONTENT_GROUND_H
#define UNIT_CONTENT_GROUND_H

#include "fs/content.h"

#include <pthread.h>
#include <setjmp.h>

#include <cmocka.h>

struct ground {
	struct fs_pool *pool;
	struct fs_content *content;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned made, failed, kept;
	int64_t order[64]; /* instances, as they were made */
	unsigned done;     /* waiters that were answered */
	bool closed;       /* make waits while it is set */
	bool cancelled;    /* make saw the flag */
	bool deaf;         /* make does not look at it before its end */
	unsigned running;
	enum err_code fail;
};

struct fs_key key_of(int64_t instance);

/* Makes "instance 5 frame 1", or fails as the ground says. */
bool make(void *context, struct fs_thread *thread, const struct fs_key *key,
	  const struct ix_instance *instance, const atomic_bool *cancel, int fd,
	  struct buf *out, bool *keep, struct err *err);

/* Set-up and tear-down of a test, with three workers; the former sets what ops lacks but make. */
int open_ground_with(void **state, struct fs_content_ops ops);
int open_ground(void **state);
int open_lone_ground(void **state); /* one worker */
int close_ground(void **state);

/* One who asks, and what was answered. */
struct ask {
	struct fs_waiter waiter;
	struct ground *ground;
	char text[64];
	enum err_code code;
	int fd; /* a duplicate of the blob's; -1: none */
};
void prepare(struct ask *ask, struct ground *ground);
void ask(struct ask *ask, struct ground *ground, int64_t instance);

/* Until one of the ground's numbers is value. */
void wait_until(struct ground *ground, const unsigned *count, unsigned value);
void open_gate(struct ground *ground, bool closed);

#endif
