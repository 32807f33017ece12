/* SPDX-License-Identifier: MIT */
#include "index/disk.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <sys/vfs.h>

#define FUSE_TYPE 0x65735546
#define VBOXSF_TYPE 0x786f4256

bool ix_disk_of(int folder_fd, struct ix_disk *disk, struct err *err)
{
	struct statfs fs;
	struct stat st;
	uint64_t id = 0;

	if (fstatfs(folder_fd, &fs) != 0 || fstat(folder_fd, &st) != 0)
		return err_set_sys(err, errno, "the store cannot be read");
	memcpy(&id, &fs.f_fsid, MIN_OF(sizeof(id), sizeof(fs.f_fsid)));
	(void)snprintf(disk->text, sizeof(disk->text), "%" PRIx64 " %" PRIx64 " %" PRIu64,
		       (uint64_t)fs.f_type, id, (uint64_t)st.st_ino);
	return true;
}

/* The next word of both, and whether it is the same. */
static bool same_word(const char **a, const char **b)
{
	size_t x = strcspn(*a, " "), y = strcspn(*b, " ");
	bool same = x == y && strncmp(*a, *b, x) == 0;

	*a += x + ((*a)[x] != '\0');
	*b += y + ((*b)[y] != '\0');
	return same;
}

enum ix_disk_change ix_disk_compare(const char *before, const char *now)
{
	bool type, id, inode;

	if (before[0] == '\0' || now[0] == '\0')
		return IX_DISK_SAME;
	type = same_word(&before, &now);
	id = same_word(&before, &now);
	inode = same_word(&before, &now);
	if (!type || (!id && !inode))
		return IX_DISK_ANOTHER;
	return id && inode ? IX_DISK_SAME : IX_DISK_UNSURE;
}

const char *ix_disk_network_name(unsigned long type)
{
	switch (type) {
	case 0x6969:
		return "NFS";
	case 0x517b:
	case 0xff534d42:
	case 0xfe534d42:
		return "SMB";
	case 0x01021997:
		return "9p";
	case 0x00c36400:
		return "Ceph";
	case 0x5346414f:
	case 0x6b414653:
		return "AFS";
	case 0x73757245:
		return "Coda";
	case 0x0bd00bd0:
		return "Lustre";
	case 0x47504653:
		return "GPFS";
	default:
		return NULL;
	}
}

const char *ix_disk_silent(int folder_fd)
{
	struct statfs fs;

	if (fstatfs(folder_fd, &fs) != 0)
		return NULL;
	switch ((unsigned long)fs.f_type & 0xffffffff) {
	case FUSE_TYPE:
		return "FUSE";
	case VBOXSF_TYPE:
		return "vboxsf";
	default:
		return ix_disk_network_name((unsigned long)fs.f_type & 0xffffffff);
	}
}
