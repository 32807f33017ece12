/* Opening, with every combination of flags. SPDX-License-Identifier: MIT */
#include "tests/mount/posix-check.h"

#include <linux/openat2.h>
#include <sys/syscall.h>

struct flag {
	int bits;
	const char *name;
};

static const struct flag accesses[] = {
	{O_RDONLY, "RDONLY"},
	{O_WRONLY, "WRONLY"},
	{O_RDWR, "RDWR"},
	{O_WRONLY | O_RDWR, "3"},
};

/* Each with each other. */
static const struct flag combined[] = {
	{O_CREAT, "CREAT"},       {O_EXCL, "EXCL"},
	{O_TRUNC, "TRUNC"},       {O_DIRECTORY, "DIRECTORY"},
	{O_NOFOLLOW, "NOFOLLOW"}, {O_PATH, "PATH"},
	{O_APPEND, "APPEND"},     {O_TMPFILE & ~O_DIRECTORY, "TMPFILE"},
};

/* Alone. */
static const struct flag single[] = {
	{O_DIRECT, "DIRECT"},
	{O_NOATIME, "NOATIME"},
	{O_SYNC, "SYNC"},
	{O_DSYNC, "DSYNC"},
	{O_NONBLOCK, "NONBLOCK"},
	{O_ASYNC, "ASYNC"},
	{O_NOCTTY, "NOCTTY"},
	{O_LARGEFILE, "LARGEFILE"},
	{O_DIRECT | O_DIRECTORY, "DIRECT|DIRECTORY"},
	{O_DIRECT | O_WRONLY, "DIRECT|WRONLY"},
	{O_NOATIME | O_RDWR, "NOATIME|RDWR"},
};

static const struct flag resolves[] = {
	{0, "0"},
	{RESOLVE_NO_XDEV, "NO_XDEV"},
	{RESOLVE_NO_MAGICLINKS, "NO_MAGICLINKS"},
	{RESOLVE_NO_SYMLINKS, "NO_SYMLINKS"},
	{RESOLVE_BENEATH, "BENEATH"},
	{RESOLVE_IN_ROOT, "IN_ROOT"},
};

static const struct flag openat2_flags[] = {
	{O_RDONLY, "RDONLY"},
	{O_RDWR, "RDWR"},
	{O_PATH, "PATH"},
	{O_WRONLY | O_CREAT | O_EXCL, "CREAT"},
};

/* What was opened, and how. */
static void report(struct posix *posix, int fd, const char *role, const char *how)
{
	char text[64];
	struct stat st;

	if (fd < 0) {
		posix_result(posix, -1, "open(%s, %s)", role, how);
		return;
	}
	if (fstat(fd, &st) != 0)
		memset(&st, 0, sizeof(st));
	(void)snprintf(text, sizeof(text), "flags %#o, type %#o", fcntl(fd, F_GETFL),
		       st.st_mode & S_IFMT);
	posix_text(posix, text, "open(%s, %s)", role, how);
	close(fd);
}

static void open_combined(struct posix *posix, const struct posix_role *role,
			  const struct flag *access, size_t count)
{
	for (unsigned set = 0; set < 1u << count; set++) {
		char how[128];
		int flags = access->bits;
		int used = snprintf(how, sizeof(how), "%s", access->name);

		for (size_t i = 0; i < count; i++) {
			if ((set >> i & 1) == 0)
				continue;
			flags |= combined[i].bits;
			used += snprintf(how + used, sizeof(how) - (size_t)used, "|%s",
					 combined[i].name);
		}
		report(posix, open(role->path, flags, 0600), role->name, how);
	}
}

static void open_resolved(struct posix *posix, const struct posix_role *role)
{
	for (size_t i = 0; i < POSIX_LEN(resolves); i++) {
		for (size_t k = 0; k < POSIX_LEN(openat2_flags); k++) {
			struct open_how how = {
				.flags = (__u64)openat2_flags[k].bits,
				.mode = (openat2_flags[k].bits & O_CREAT) != 0 ? 0600 : 0,
				.resolve = (__u64)resolves[i].bits,
			};
			char text[64];
			long fd;

			/* When somebody renames something anywhere meanwhile, it says so. */
			do {
				fd = syscall(SYS_openat2, AT_FDCWD, role->path, &how, sizeof(how));
			} while (fd < 0 && errno == EAGAIN);
			(void)snprintf(text, sizeof(text), "%s, RESOLVE_%s", openat2_flags[k].name,
				       resolves[i].name);
			report(posix, (int)fd, role->name, text);
		}
	}
}

/* Opened again through /proc, and as the folder of *at calls. */
static void open_indirectly(struct posix *posix, const struct posix_role *role)
{
	int path_fd = open(role->path, O_PATH | O_NOFOLLOW);
	char proc[64];

	if (path_fd < 0)
		return;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", path_fd);
	report(posix, open(proc, O_RDONLY), role->name, "RDONLY by /proc");
	report(posix, open(proc, O_RDWR), role->name, "RDWR by /proc");
	report(posix, openat(path_fd, ".", O_RDONLY), role->name, "\".\" of it");
	report(posix, openat(path_fd, "..", O_PATH), role->name, "\"..\" of it");
	report(posix, openat(path_fd, "new", O_WRONLY | O_CREAT, 0600), role->name, "new in it");
	report(posix, openat(path_fd, "", O_RDONLY), role->name, "\"\" of it");
	posix_result(posix, faccessat(path_fd, "", R_OK, AT_EMPTY_PATH), "faccessat(%s, \"\", R)",
		     role->name);
	posix_result(posix, faccessat(path_fd, "", W_OK, AT_EMPTY_PATH), "faccessat(%s, \"\", W)",
		     role->name);
	close(path_fd);
}

/* A path that is no text. Straight to the kernel: sanitizers look at it. */
static void open_bad_address(struct posix *posix)
{
	posix_result(posix, syscall(SYS_openat, AT_FDCWD, 1L, O_RDONLY, 0), "openat(bad address)");
	posix_result(posix, syscall(SYS_mkdirat, AT_FDCWD, 1L, 0700), "mkdirat(bad address)");
	posix_result(posix, syscall(SYS_unlinkat, AT_FDCWD, 1L, 0), "unlinkat(bad address)");
	posix_result(posix, syscall(SYS_readlinkat, AT_FDCWD, ".", 1L, 10L),
		     "readlinkat(bad address)");
	posix_result(posix, syscall(SYS_renameat2, AT_FDCWD, 1L, AT_FDCWD, 1L, 0),
		     "renameat2(bad address)");
	posix_result(posix, syscall(SYS_linkat, AT_FDCWD, ".", AT_FDCWD, 1L, 0),
		     "linkat(bad address)");
}

void posix_open(struct posix *posix)
{
	for (size_t i = 0; i < posix->role_count; i++) {
		const struct posix_role *role = &posix->roles[i];
		/* All of them where there is something, or may be. */
		size_t count = role->given || strncmp(role->name, "missing", 7) == 0
				       ? POSIX_LEN(combined)
				       : 4;

		for (size_t k = 0; k < POSIX_LEN(accesses); k++)
			open_combined(posix, role, &accesses[k], count);
		for (size_t k = 0; k < POSIX_LEN(single); k++)
			report(posix, open(role->path, single[k].bits), role->name, single[k].name);
		open_resolved(posix, role);
		open_indirectly(posix, role);
	}
	open_bad_address(posix);
}
