/*
 * What could not be made, remembered for as long as there is room: a picture that cannot
 * be decoded is not tried again at every look of a file manager.
 *
 * Thread rule: the caller's lock.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FAILURES_H
#define FS_FAILURES_H

#include "fs/cache.h"

#define FS_FAILURES 1024u

struct fs_failures {
	/* Private. */
	struct fs_failure {
		struct fs_key key;
		enum err_code code; /* ERR_NONE: free */
		unsigned times;     /* ERR_ABORTED: so often */
	} slots[FS_FAILURES];
};

/* Whether the same bytes will have it again. */
bool fs_failure_is_lasting(enum err_code code);

/* ERR_NONE: none is known. */
enum err_code fs_failures_get(const struct fs_failures *failures, const struct fs_key *key);
/* Whether it, or so much of its file, had its decoder ended that it shall not be tried
 * again. */
bool fs_failures_is_given_up(const struct fs_failures *failures, const struct fs_key *key);
void fs_failures_add(struct fs_failures *failures, const struct fs_key *key, enum err_code code);

#endif
