/* SPDX-License-Identifier: MIT */
#include "fs/failures.h"

/* A picture that had its decoder ended so often, and all pictures of a file that did, are
 * not tried again. */
#define ABORTED_MAX 2u
#define ABORTED_FILE_MAX 16u
#define WHOLE_FILE UINT32_MAX

static size_t slot_of(const struct fs_key *key)
{
	return (size_t)(fs_key_hash(key) % FS_FAILURES);
}

static struct fs_key whole_file(const struct fs_key *key)
{
	struct fs_key file = *key;

	file.frame = WHOLE_FILE;
	return file;
}

bool fs_failure_is_lasting(enum err_code code)
{
	return code == ERR_CORRUPT || code == ERR_UNSUPPORTED || code == ERR_LIMIT;
}

enum err_code fs_failures_get(const struct fs_failures *failures, const struct fs_key *key)
{
	const struct fs_failure *failure = &failures->slots[slot_of(key)];

	return failure->code != ERR_NONE && fs_key_equals(&failure->key, key) ? failure->code
									      : ERR_NONE;
}

static unsigned times_aborted(const struct fs_failures *failures, const struct fs_key *key)
{
	return fs_failures_get(failures, key) == ERR_ABORTED ? failures->slots[slot_of(key)].times
							     : 0;
}

bool fs_failures_is_given_up(const struct fs_failures *failures, const struct fs_key *key)
{
	struct fs_key file = whole_file(key);

	return times_aborted(failures, key) >= ABORTED_MAX ||
	       times_aborted(failures, &file) >= ABORTED_FILE_MAX;
}

static void count_aborted(struct fs_failures *failures, const struct fs_key *key)
{
	unsigned times = times_aborted(failures, key);

	failures->slots[slot_of(key)] =
		(struct fs_failure){.key = *key, .code = ERR_ABORTED, .times = times + 1};
}

void fs_failures_add(struct fs_failures *failures, const struct fs_key *key, enum err_code code)
{
	struct fs_key file = whole_file(key);

	if (code != ERR_ABORTED) {
		failures->slots[slot_of(key)] = (struct fs_failure){.key = *key, .code = code};
		return;
	}
	count_aborted(failures, key);
	count_aborted(failures, &file);
}
