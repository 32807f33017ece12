/* SPDX-License-Identifier: MIT */
#include "fs/store-file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "index/content.h"

/* O_NONBLOCK: a pipe that took a file's place must not stop the thread. */
#define OPEN_FLAGS (O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK)

static int open_beneath(int store_fd, const char *path, int flags, uint64_t more)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)flags,
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS | more,
	};

	return (int)syscall(SYS_openat2, store_fd, path, &how, sizeof(how));
}

static int open_in_store(int store_fd, bool follow, const char *path, int flags)
{
	int fd;

	if (follow)
		return openat(store_fd, path, flags);
	fd = open_beneath(store_fd, path, flags, 0);
	/* Before Linux 5.6, and in some containers. No link at the end then; links
	 * to folders the scan has checked. */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		fd = openat(store_fd, path, flags | O_NOFOLLOW);
	return fd;
}

int fs_store_clone(int store_fd)
{
	struct mount_attr attributes = {
		.attr_set = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOATIME,
		.attr_clr = MOUNT_ATTR__ATIME,
	};
	int fd = open_tree(store_fd, "",
			   AT_EMPTY_PATH | AT_RECURSIVE | OPEN_TREE_CLONE |
				   (unsigned)OPEN_TREE_CLOEXEC);

	if (fd >= 0 && mount_setattr(fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &attributes,
				     sizeof(attributes)) != 0)
		base_close_fd(&fd);
	return fd;
}

static bool fingerprint_matches(const struct stat *st, const struct ix_source *source)
{
	return S_ISREG(st->st_mode) && (uint64_t)st->st_size == source->size &&
	       ix_ns_of(st->st_mtim) == source->mtime_ns &&
	       ix_ns_of(st->st_ctim) == source->ctime_ns;
}

bool fs_store_file_open(int store_fd, bool follow, const struct ix_source *source,
			struct fs_store_file *file, struct err *err)
{
	CLEANUP_FD int fd = -1;
	struct stat st;

	/* Only the owner and root may leave the access time alone. */
	fd = open_in_store(store_fd, follow, source->path, OPEN_FLAGS | O_NOATIME);
	if (fd < 0 && errno == EPERM)
		fd = open_in_store(store_fd, follow, source->path, OPEN_FLAGS);
	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)err_set_sys(err, errno, "cannot open the file in the store");
		/* For the reader of the mount the entry is there; and a device in
		 * its place is no reason to try again. */
		if (err->code != ERR_NOMEM)
			err->code = ERR_IO;
		return false;
	}
	if (!fingerprint_matches(&st, source))
		return err_set(err, ERR_STALE, "the file changed since it was indexed");
	*file = (struct fs_store_file){
		.fd = fd,
		.size = (uint64_t)st.st_size,
		.mtime_ns = source->mtime_ns,
		.ctime_ns = source->ctime_ns,
	};
	fd = -1;
	return true;
}

bool fs_store_is_local(int store_fd)
{
	/* Disk and memory file systems; what stacks on others is none of them. */
	static const uint32_t local[] = {
		0xef53,     /* ext2, ext3, ext4 */
		0x58465342, /* XFS */
		0x9123683e, /* btrfs */
		0xf2f52010, /* F2FS */
		0x2fc12fc1, /* ZFS */
		0xca451a4e, /* bcachefs */
		0x01021994, /* tmpfs */
	};
	struct statfs st;

	if (fstatfs(store_fd, &st) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(local); i++) {
		if ((uint32_t)st.f_type == local[i])
			return true;
	}
	return false;
}

bool fs_store_file_open_cached(int store_fd, const struct ix_source *source,
			       struct fs_store_file *file)
{
	/* What is mounted inside the store may be anything. */
	CLEANUP_FD int fd = open_beneath(store_fd, source->path, OPEN_FLAGS | O_NOATIME,
					 RESOLVE_CACHED | RESOLVE_NO_XDEV);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0 || !fingerprint_matches(&st, source))
		return false;
	*file = (struct fs_store_file){
		.fd = fd,
		.size = source->size,
		.mtime_ns = source->mtime_ns,
		.ctime_ns = source->ctime_ns,
	};
	fd = -1;
	return true;
}

void fs_store_file_look_quiet(struct fs_store_file *file)
{
	struct statvfs st;

	file->quiet = file->quiet ||
		      (fstatvfs(file->fd, &st) == 0 && (st.f_flag & (ST_NOATIME | ST_RDONLY)) != 0);
}

bool fs_store_file_check(const struct fs_store_file *file, struct err *err)
{
	struct stat st;

	if (fstat(file->fd, &st) != 0)
		return err_set_sys(err, errno, "cannot check the file in the store");
	/* Not the change time: a backup that links or renames the file leaves its
	 * bytes alone. */
	if ((uint64_t)st.st_size != file->size || ix_ns_of(st.st_mtim) != file->mtime_ns)
		return err_set(err, ERR_STALE, "the file was overwritten while it was open");
	return true;
}

bool fs_read_exact(int fd, void *to, size_t size, uint64_t offset, struct err *err)
{
	uint8_t *at = to;
	size_t left = size;

	while (left > 0) {
		ssize_t got = pread(fd, at, left, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_sys(err, errno, "cannot read");
		if (got == 0)
			return err_set(err, ERR_IO, "%zu bytes are missing at the end", left);
		at += got;
		left -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}
