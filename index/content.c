/* SPDX-License-Identifier: MIT */
#include "index/content.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <xxhash.h>

#define BLOCK_SIZE ((size_t)256 * 1024)

/* A file may claim any time. */
#define SECONDS_MAX INT64_C(9200000000)

int64_t ix_ns_of(struct timespec time)
{
	if (time.tv_sec >= SECONDS_MAX)
		return SECONDS_MAX * 1000000000;
	if (time.tv_sec < -SECONDS_MAX)
		return -SECONDS_MAX * 1000000000;
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

struct ix_fingerprint ix_fingerprint_of(const struct stat *st)
{
	return (struct ix_fingerprint){
		.size = (uint64_t)st->st_size,
		.inode = st->st_ino,
		.mtime_ns = ix_ns_of(st->st_mtim),
		.ctime_ns = ix_ns_of(st->st_ctim),
	};
}

static int open_quietly(int folder_fd, const char *name, int flags)
{
	int fd = openat(folder_fd, name, flags | O_NOATIME);

	/* O_NOATIME is for the file's owner only. */
	return fd < 0 && errno == EPERM ? openat(folder_fd, name, flags) : fd;
}

int ix_open_entry(int folder_fd, const char *name, bool follow)
{
	return open_quietly(folder_fd, name,
			    O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK |
				    (follow ? 0 : O_NOFOLLOW));
}

int ix_open_folder(int parent_fd, const char *name, bool follow)
{
	return open_quietly(parent_fd, name,
			    O_RDONLY | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW));
}

/* The folder of path's last component; *name points to that. */
static bool open_parent(int store_fd, const char *path, bool follow, int *fd, const char **name,
			struct err *err)
{
	int flags = O_PATH | O_DIRECTORY | O_CLOEXEC | (follow ? 0 : O_NOFOLLOW);
	int at CLEANUP_FD = openat(store_fd, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *slash;

	while (at >= 0 && (slash = strchr(path, '/')) != NULL) {
		char component[256];
		int next;

		if ((size_t)(slash - path) >= sizeof(component))
			return err_set(err, ERR_IO, "a name in the path is too long");
		memcpy(component, path, (size_t)(slash - path));
		component[slash - path] = '\0';
		next = openat(at, component, flags);
		base_close_fd(&at);
		at = next;
		path = slash + 1;
	}
	if (at < 0)
		return err_set_sys(err, errno, "cannot be opened");
	*name = path;
	*fd = at;
	at = -1;
	return true;
}

bool ix_open_parent(int store_fd, const char *path, bool follow, int *fd, struct err *err)
{
	const char *name;

	return open_parent(store_fd, path, follow, fd, &name, err);
}

bool ix_open_path(int store_fd, const char *path, bool follow, int *fd, struct err *err)
{
	int folder CLEANUP_FD = -1;
	const char *name;

	*fd = -1;
	if (!open_parent(store_fd, path, follow, &folder, &name, err))
		return false;
	*fd = ix_open_entry(folder, name, follow);
	return *fd >= 0 || err_set_sys(err, errno, "cannot be opened");
}

bool ix_content_open(int store_fd, const char *path, bool follow,
		     const struct ix_fingerprint *print, int *fd, struct err *err)
{
	int file CLEANUP_FD = -1;
	struct ix_fingerprint now;
	struct stat st;

	*fd = -1;
	if (!ix_open_path(store_fd, path, follow, &file, err))
		return false;
	if (fstat(file, &st) != 0)
		return err_set_sys(err, errno, "cannot be read");
	now = ix_fingerprint_of(&st);
	if (!S_ISREG(st.st_mode) || !ix_fingerprint_equals(&now, print))
		return err_set(err, ERR_STALE, "changed while it was indexed");
	*fd = file;
	file = -1;
	return true;
}

/* As many bytes as there are, up to size. */
static bool read_block(int fd, uint8_t *block, size_t size, size_t *got, struct err *err)
{
	*got = 0;
	while (*got < size) {
		ssize_t n = read(fd, block + *got, size - *got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_sys(err, errno, "cannot be read");
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return true;
}

static bool rewind_file(int fd, struct err *err)
{
	return lseek(fd, 0, SEEK_SET) == 0 || err_set_sys(err, errno, "cannot be read");
}

static void free_state(XXH3_state_t **state)
{
	(void)XXH3_freeState(*state);
}

bool ix_content_hash(int fd, uint64_t *hash, struct err *err)
{
	uint8_t *block CLEANUP_FREE = malloc(BLOCK_SIZE);
	XXH3_state_t *state CLEANUP(free_state) = XXH3_createState();
	size_t got;

	if (block == NULL || state == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	(void)XXH3_64bits_reset(state);
	if (!rewind_file(fd, err))
		return false;
	do {
		if (!read_block(fd, block, BLOCK_SIZE, &got, err))
			return false;
		(void)XXH3_64bits_update(state, block, got);
	} while (got == BLOCK_SIZE);
	*hash = XXH3_64bits_digest(state);
	return true;
}

bool ix_content_equal(int a, int b, bool *equal, struct err *err)
{
	uint8_t *blocks CLEANUP_FREE = malloc(2 * BLOCK_SIZE);
	size_t got_a, got_b;

	if (blocks == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!rewind_file(a, err) || !rewind_file(b, err))
		return false;
	do {
		if (!read_block(a, blocks, BLOCK_SIZE, &got_a, err) ||
		    !read_block(b, blocks + BLOCK_SIZE, BLOCK_SIZE, &got_b, err))
			return false;
		*equal = got_a == got_b && memcmp(blocks, blocks + BLOCK_SIZE, got_a) == 0;
	} while (*equal && got_a == BLOCK_SIZE);
	return true;
}
