/* Attributes: read, refused to be changed. SPDX-License-Identifier: MIT */
#include "tests/mount/posix-check.h"

#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <utime.h>

/* ---- Reading ----------------------------------------------------------- */

/* A row for each: some differ for a reason. */
static void show_stat(struct posix *posix, const char *how, const char *name, const struct stat *st)
{
	posix_result(posix, st->st_mode, "%s(%s).mode", how, name);
	posix_result(posix, (long long)st->st_nlink, "%s(%s).nlink", how, name);
	posix_result(posix, st->st_uid, "%s(%s).uid", how, name);
	posix_result(posix, st->st_gid, "%s(%s).gid", how, name);
	posix_result(posix, st->st_size, "%s(%s).size of %s", how, name,
		     S_ISDIR(st->st_mode) ? "folder" : "other");
	posix_result(posix, st->st_blocks, "%s(%s).blocks", how, name);
	posix_result(posix, st->st_blksize, "%s(%s).blksize", how, name);
	posix_result(posix, (long long)st->st_rdev, "%s(%s).rdev", how, name);
	posix_result(posix, st->st_mtim.tv_sec, "%s(%s).mtime", how, name);
	posix_result(posix, st->st_mtim.tv_nsec, "%s(%s).mtime_ns", how, name);
}

static void read_stat(struct posix *posix, const struct posix_role *role)
{
	struct stat st, again;
	struct statx x;
	int result = stat(role->path, &st);
	int fd;

	posix_result(posix, result, "stat(%s)", role->name);
	if (result == 0)
		show_stat(posix, "stat", role->name, &st);
	result = lstat(role->path, &st);
	posix_result(posix, result, "lstat(%s)", role->name);
	if (result != 0)
		return;
	show_stat(posix, "lstat", role->name, &st);
	result = statx(AT_FDCWD, role->path, AT_SYMLINK_NOFOLLOW | AT_STATX_FORCE_SYNC,
		       STATX_BASIC_STATS, &x);
	posix_result(posix, result, "statx(%s)", role->name);
	if (result == 0)
		posix_result(posix, x.stx_mask & STATX_BASIC_STATS, "statx(%s).mask", role->name);
	posix_result(posix,
		     result == 0 && x.stx_ino == st.st_ino && x.stx_size == (uint64_t)st.st_size,
		     "statx(%s) as stat", role->name);
	fd = open(role->path, O_PATH | O_NOFOLLOW);
	if (fd < 0)
		return;
	result = fstat(fd, &again);
	posix_result(posix,
		     result == 0 && again.st_ino == st.st_ino && again.st_dev == st.st_dev &&
			     again.st_size == st.st_size && again.st_nlink == st.st_nlink,
		     "fstat(%s) as stat", role->name);
	close(fd);
}

static void read_link(struct posix *posix, const struct posix_role *role)
{
	char target[PATH_MAX] = "";
	ssize_t size = readlink(role->path, target, sizeof(target) - 1);

	posix_result(posix, size, "readlink(%s)", role->name);
	posix_text(posix, target, "readlink(%s) target", role->name);
	posix_result(posix, readlink(role->path, target, 1), "readlink(%s, 1)", role->name);
	posix_result(posix, syscall(SYS_readlinkat, AT_FDCWD, role->path, target, 0L),
		     "readlink(%s, 0)", role->name);
	posix_result(posix, syscall(SYS_readlinkat, AT_FDCWD, role->path, target, -1L),
		     "readlink(%s, -1)", role->name);
}

static void check_access(struct posix *posix, const struct posix_role *role)
{
	static const int flags[] = {0, AT_EACCESS, AT_SYMLINK_NOFOLLOW,
				    AT_EACCESS | AT_SYMLINK_NOFOLLOW};

	for (int mode = 0; mode < 8; mode++) {
		posix_result(posix, access(role->path, mode), "access(%s, %d)", role->name, mode);
		for (size_t i = 0; i < POSIX_LEN(flags); i++)
			posix_result(posix, faccessat(AT_FDCWD, role->path, mode, flags[i]),
				     "faccessat(%s, %d, %#x)", role->name, mode,
				     (unsigned)flags[i]);
	}
	posix_result(posix, access(role->path, 8), "access(%s, 8)", role->name);
}

static void read_statfs(struct posix *posix, const struct posix_role *role)
{
	struct statvfs st;
	struct statfs fs;
	int result = statvfs(role->path, &st);

	posix_result(posix, result, "statvfs(%s)", role->name);
	if (result != 0)
		return;
	posix_result(posix, (long long)st.f_bsize, "statvfs(%s).bsize", role->name);
	posix_result(posix, (long long)st.f_frsize, "statvfs(%s).frsize", role->name);
	posix_result(posix, (long long)st.f_bfree, "statvfs(%s).bfree", role->name);
	posix_result(posix, (long long)st.f_bavail, "statvfs(%s).bavail", role->name);
	posix_result(posix, (long long)st.f_ffree, "statvfs(%s).ffree", role->name);
	posix_result(posix, (long long)st.f_namemax, "statvfs(%s).namemax", role->name);
	posix_result(posix, (long long)st.f_flag, "statvfs(%s).flag", role->name);
	if (statfs(role->path, &fs) == 0)
		posix_result(posix, (long long)fs.f_type, "statfs(%s).type", role->name);
	posix_result(posix, pathconf(role->path, _PC_NAME_MAX), "pathconf(%s, NAME_MAX)",
		     role->name);
	posix_result(posix, pathconf(role->path, _PC_PATH_MAX), "pathconf(%s, PATH_MAX)",
		     role->name);
	posix_result(posix, pathconf(role->path, _PC_NO_TRUNC), "pathconf(%s, NO_TRUNC)",
		     role->name);
}

/* ---- Changing ---------------------------------------------------------- */

static void change_mode(struct posix *posix, const struct posix_role *role)
{
	const char *path = role->path;
	const char *name = role->name;

	posix_result(posix, chmod(path, 0644), "chmod(%s)", name);
	posix_result(posix, chmod(path, 07777), "chmod(%s, 07777)", name);
	posix_result(posix, fchmodat(AT_FDCWD, path, 0, 0), "fchmodat(%s)", name);
	posix_result(posix, chown(path, 1, 1), "chown(%s)", name);
	posix_result(posix, chown(path, (uid_t)-1, (gid_t)-1), "chown(%s, -1)", name);
	posix_result(posix, lchown(path, 1, (gid_t)-1), "lchown(%s)", name);
	posix_result(posix, fchownat(AT_FDCWD, path, 1, 1, AT_SYMLINK_NOFOLLOW),
		     "fchownat(%s, NOFOLLOW)", name);
	posix_result(posix, truncate(path, 0), "truncate(%s, 0)", name);
	posix_result(posix, truncate(path, 1 << 20), "truncate(%s, 1 MiB)", name);
	posix_result(posix, truncate(path, -1), "truncate(%s, -1)", name);
}

static void change_times(struct posix *posix, const struct posix_role *role)
{
	static const struct timespec omit[] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
	static const struct timespec now[] = {{.tv_nsec = UTIME_NOW}, {.tv_nsec = UTIME_NOW}};
	static const struct timespec half[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
	static const struct timespec bad[] = {{.tv_nsec = 2000000000}, {.tv_nsec = 5}};
	static const struct {
		const struct timespec *times;
		const char *name;
	} kinds[] = {{NULL, "NULL"}, {now, "NOW"}, {omit, "OMIT"}, {half, "half"}, {bad, "bad"}};
	static const struct timeval old[2];

	for (size_t i = 0; i < POSIX_LEN(kinds); i++) {
		posix_result(posix, utimensat(AT_FDCWD, role->path, kinds[i].times, 0),
			     "utimensat(%s, %s)", role->name, kinds[i].name);
		posix_result(posix,
			     utimensat(AT_FDCWD, role->path, kinds[i].times, AT_SYMLINK_NOFOLLOW),
			     "utimensat(%s, %s, NOFOLLOW)", role->name, kinds[i].name);
	}
	posix_result(posix, utime(role->path, NULL), "utime(%s)", role->name);
	posix_result(posix, utimes(role->path, old), "utimes(%s)", role->name);
	posix_result(posix, lutimes(role->path, old), "lutimes(%s)", role->name);
}

static void change_open(struct posix *posix, const struct posix_role *role)
{
	static const struct timespec times[2];
	int fd = open(role->path, O_RDONLY);

	if (fd < 0)
		return;
	posix_result(posix, fchmod(fd, 0600), "fchmod(%s)", role->name);
	posix_result(posix, fchown(fd, 1, 1), "fchown(%s)", role->name);
	posix_result(posix, futimens(fd, times), "futimens(%s)", role->name);
	posix_result(posix, futimens(fd, NULL), "futimens(%s, NULL)", role->name);
	close(fd);
}

/* Into it, and back. */
static void enter(struct posix *posix, const struct posix_role *role, int root)
{
	int result = chdir(role->path);

	posix_result(posix, result, "chdir(%s)", role->name);
	if (result != 0)
		return;
	posix_result(posix, access(".", F_OK), "access(\".\") in %s", role->name);
	if (fchdir(root) == 0)
		return;
	perror("posix-check: no way back to the root");
	exit(2);
}

void posix_attributes(struct posix *posix)
{
	int root = open(".", O_PATH | O_DIRECTORY);

	for (size_t i = 0; i < posix->role_count; i++) {
		const struct posix_role *role = &posix->roles[i];

		read_stat(posix, role);
		read_link(posix, role);
		check_access(posix, role);
		read_statfs(posix, role);
		change_mode(posix, role);
		change_times(posix, role);
		change_open(posix, role);
		enter(posix, role, root);
	}
	close(root);
}

/* ---- Extended attributes ----------------------------------------------- */

static const char *const attributes[] = {
	"user.new",
	"user.dicom.Modality",
	"user.dicom.Nothing",
	"user.dicom.",
	"user.",
	"user",
	"trusted.new",
	"security.selinux",
	"security.capability",
	"security.new",
	"system.posix_acl_access",
	"system.posix_acl_default",
	"system.new",
	"user.DOSATTRIB",
	"dicom.Modality",
	"",
};

static void one_attribute(struct posix *posix, const struct posix_role *role, const char *key)
{
	char value[4096] = "";
	ssize_t size = getxattr(role->path, key, value, sizeof(value) - 1);

	posix_result(posix, size, "getxattr(%s, %s)", role->name, key);
	if (size > 0)
		posix_text(posix, value, "getxattr(%s, %s) value", role->name, key);
	posix_result(posix, getxattr(role->path, key, NULL, 0), "getxattr(%s, %s, 0)", role->name,
		     key);
	posix_result(posix, getxattr(role->path, key, value, 1), "getxattr(%s, %s, 1)", role->name,
		     key);
	posix_result(posix, lgetxattr(role->path, key, value, sizeof(value)), "lgetxattr(%s, %s)",
		     role->name, key);
	posix_result(posix, setxattr(role->path, key, "v", 1, 0), "setxattr(%s, %s)", role->name,
		     key);
	posix_result(posix, setxattr(role->path, key, "v", 1, XATTR_CREATE),
		     "setxattr(%s, %s, CREATE)", role->name, key);
	posix_result(posix, setxattr(role->path, key, "v", 1, XATTR_REPLACE),
		     "setxattr(%s, %s, REPLACE)", role->name, key);
	posix_result(posix, lsetxattr(role->path, key, "v", 1, 0), "lsetxattr(%s, %s)", role->name,
		     key);
	posix_result(posix, removexattr(role->path, key), "removexattr(%s, %s)", role->name, key);
	posix_result(posix, lremovexattr(role->path, key), "lremovexattr(%s, %s)", role->name, key);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_attributes(struct posix *posix, const struct posix_role *role)
{
	char names[16384];
	const char *found[256];
	size_t count = 0;
	ssize_t size = listxattr(role->path, names, sizeof(names));

	posix_result(posix, size, "listxattr(%s)", role->name);
	posix_result(posix, listxattr(role->path, NULL, 0), "listxattr(%s, 0)", role->name);
	posix_result(posix, llistxattr(role->path, NULL, 0), "llistxattr(%s, 0)", role->name);
	for (ssize_t at = 0; at < size && count < POSIX_LEN(found);
	     at += (ssize_t)strlen(names + at) + 1)
		found[count++] = names + at;
	qsort(found, count, sizeof(*found), by_text);
	for (size_t i = 0; i < count; i++) {
		posix_text(posix, found[i], "listxattr(%s) %zu", role->name, i);
		one_attribute(posix, role, found[i]);
	}
	if (size > 1) {
		posix_result(posix, listxattr(role->path, names, 1), "listxattr(%s, 1)",
			     role->name);
		posix_result(posix, listxattr(role->path, names, (size_t)size - 1),
			     "listxattr(%s, size - 1)", role->name);
	}
}

static void open_attributes(struct posix *posix, const struct posix_role *role)
{
	int fd = open(role->path, O_RDONLY);
	char value[4096];

	if (fd < 0)
		return;
	posix_result(posix, fgetxattr(fd, "user.dicom.Modality", value, sizeof(value)),
		     "fgetxattr(%s)", role->name);
	posix_result(posix, flistxattr(fd, NULL, 0), "flistxattr(%s)", role->name);
	posix_result(posix, fsetxattr(fd, "user.new", "v", 1, 0), "fsetxattr(%s)", role->name);
	posix_result(posix, fremovexattr(fd, "user.dicom.Modality"), "fremovexattr(%s)",
		     role->name);
	close(fd);
}

void posix_xattrs(struct posix *posix)
{
	char longest[XATTR_NAME_MAX + 2];

	memset(longest, 'n', sizeof(longest));
	memcpy(longest, "user.", 5);
	for (size_t i = 0; i < posix->role_count; i++) {
		const struct posix_role *role = &posix->roles[i];

		for (size_t k = 0; k < POSIX_LEN(attributes); k++)
			one_attribute(posix, role, attributes[k]);
		list_attributes(posix, role);
		open_attributes(posix, role);
		longest[XATTR_NAME_MAX + 1] = '\0';
		posix_result(posix, getxattr(role->path, longest, NULL, 0), "getxattr(%s, 256)",
			     role->name);
		posix_result(posix, setxattr(role->path, longest, "v", 1, 0), "setxattr(%s, 256)",
			     role->name);
		longest[XATTR_NAME_MAX] = '\0';
		posix_result(posix, getxattr(role->path, longest, NULL, 0), "getxattr(%s, 255)",
			     role->name);
		posix_result(posix, setxattr(role->path, longest, "v", 1, 0), "setxattr(%s, 255)",
			     role->name);
		posix_result(posix, setxattr(role->path, "user.new", "v", 1, 7), "setxattr(%s, 7)",
			     role->name);
	}
}
