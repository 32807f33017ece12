/*
 * A store with faults: shows a folder through FUSE, and fails where a list says
 * so, which can be replaced at any time.
 *
 *   fault-store SOURCE MOUNTPOINT LIST
 *
 * A line of LIST is "FAULT PATH [NUMBER]", the path as seen from the mount's root
 * ("/" is that), looked at anew for each request:
 *
 *   eio-read /a.dcm 4096     reads that reach byte NUMBER fail
 *   short-read /a.dcm 4096   the file ends at byte NUMBER, whatever its size is
 *   eio-open /a.dcm          opening fails
 *   eacces /a                opening, or listing, is not permitted
 *   eio-list /a 2            listing fails after NUMBER names
 *   eio-stat /a.dcm          its attributes cannot be had
 *   gone /a.dcm              it is not there, although it is listed
 *   stall /a.dcm             reads wait until the line is gone
 *
 * SPDX-License-Identifier: MIT
 */
#define FUSE_USE_VERSION 34

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

struct store {
	int source;
	const char *list;
};

static const struct store *get_store(void)
{
	return fuse_get_context()->private_data;
}

/* Whether there is such a line; its number. */
static int has_fault(const char *fault, const char *path, long long *number)
{
	FILE *list = fopen(get_store()->list, "re");
	char line[PATH_MAX + 64], word[32], place[PATH_MAX];
	int found = 0;

	while (list != NULL && !found && fgets(line, sizeof(line), list) != NULL) {
		*number = 0;
		found = sscanf(line, "%31s %4095s %lld", word, place, number) >= 2 &&
			strcmp(word, fault) == 0 && strcmp(place, path) == 0;
	}
	if (list != NULL)
		(void)fclose(list);
	return found;
}

static const char *inside(const char *path)
{
	return path[1] == '\0' ? "." : path + 1;
}

static int op_getattr(const char *path, struct stat *st, struct fuse_file_info *file)
{
	long long number;

	(void)file;
	if (has_fault("gone", path, &number))
		return -ENOENT;
	if (has_fault("eio-stat", path, &number))
		return -EIO;
	return fstatat(get_store()->source, inside(path), st, AT_SYMLINK_NOFOLLOW) == 0 ? 0
											: -errno;
}

static int op_readlink(const char *path, char *target, size_t size)
{
	ssize_t got = readlinkat(get_store()->source, inside(path), target, size - 1);

	if (got < 0)
		return -errno;
	target[got] = '\0';
	return 0;
}

static int op_open(const char *path, struct fuse_file_info *file)
{
	long long number;
	int fd;

	if (has_fault("gone", path, &number))
		return -ENOENT;
	if (has_fault("eacces", path, &number))
		return -EACCES;
	if (has_fault("eio-open", path, &number))
		return -EIO;
	fd = openat(get_store()->source, inside(path), O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -errno;
	file->fh = (uint64_t)fd;
	/* Every read comes here. */
	file->direct_io = 1;
	return 0;
}

static int op_release(const char *path, struct fuse_file_info *file)
{
	(void)path;
	(void)close((int)file->fh);
	return 0;
}

static int op_read(const char *path, char *to, size_t size, off_t offset,
		   struct fuse_file_info *file)
{
	const struct timespec moment = {.tv_nsec = 20000000};
	long long number;
	ssize_t got;

	while (has_fault("stall", path, &number) && !fuse_interrupted())
		(void)nanosleep(&moment, NULL);
	if (has_fault("eio-read", path, &number) && offset + (off_t)size > number)
		return -EIO;
	if (has_fault("short-read", path, &number)) {
		if (offset >= number)
			return 0;
		if ((off_t)size > number - offset)
			size = (size_t)(number - offset);
	}
	got = pread((int)file->fh, to, size, offset);
	return got >= 0 ? (int)got : -errno;
}

static int op_opendir(const char *path, struct fuse_file_info *file)
{
	long long number;

	(void)file;
	return has_fault("eacces", path, &number) ? -EACCES : 0;
}

static int op_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
		      struct fuse_file_info *file, enum fuse_readdir_flags flags)
{
	int fd = openat(get_store()->source, inside(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
	long long fails_after;
	int failing = has_fault("eio-list", path, &fails_after), result = 0;
	const struct dirent *entry;

	(void)file;
	(void)flags;
	if (folder == NULL)
		return -errno;
	for (off_t at = 1; result == 0 && (entry = readdir(folder)) != NULL; at++) {
		if (failing && at > fails_after)
			result = -EIO;
		else if (at > offset && fill(buf, entry->d_name, NULL, at, 0) != 0)
			break;
	}
	(void)closedir(folder);
	return result;
}

static void *op_init(struct fuse_conn_info *connection, struct fuse_config *config)
{
	void *store = fuse_get_context()->private_data;

	(void)connection;
	config->use_ino = 1;
	config->attr_timeout = 0;
	config->entry_timeout = 0;
	config->negative_timeout = 0;
	return store;
}

static const struct fuse_operations operations = {
	.init = op_init,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.release = op_release,
	.read = op_read,
	.opendir = op_opendir,
	.readdir = op_readdir,
};

int main(int argc, char **argv)
{
	struct store store;
	char foreground[] = "-f";
	char *arguments[] = {argv[0], foreground, argc == 4 ? argv[2] : NULL, NULL};

	if (argc != 4) {
		(void)fputs("usage: fault-store SOURCE MOUNTPOINT LIST\n", stderr);
		return 2;
	}
	store.list = argv[3];
	store.source = open(argv[1], O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (store.source < 0) {
		perror(argv[1]);
		return 1;
	}
	return fuse_main(3, arguments, &operations, &store);
}
