/* Making, removing and renaming. SPDX-License-Identifier: MIT */
#include "tests/mount/posix-check.h"

#include <linux/fs.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

static void make_nodes(struct posix *posix, const struct posix_role *role)
{
	const char *path = role->path;
	const char *name = role->name;
	int fd;

	posix_result(posix, mkdir(path, 0755), "mkdir(%s)", name);
	posix_result(posix, mkdirat(AT_FDCWD, path, 0), "mkdirat(%s)", name);
	posix_result(posix, mknod(path, S_IFREG | 0644, 0), "mknod(%s, file)", name);
	posix_result(posix, mknod(path, S_IFIFO | 0644, 0), "mknod(%s, pipe)", name);
	posix_result(posix, mknod(path, S_IFSOCK | 0644, 0), "mknod(%s, socket)", name);
	posix_result(posix, mknod(path, S_IFCHR | 0644, makedev(1, 3)), "mknod(%s, device)", name);
	posix_result(posix, mknod(path, S_IFBLK | 0644, makedev(1, 3)), "mknod(%s, disk)", name);
	posix_result(posix, mknod(path, S_IFDIR | 0755, 0), "mknod(%s, folder)", name);
	posix_result(posix, mkfifo(path, 0600), "mkfifo(%s)", name);
	posix_result(posix, symlink("target", path), "symlink(%s)", name);
	posix_result(posix, symlink("", path), "symlink(\"\", %s)", name);
	fd = creat(path, 0600);
	posix_result(posix, fd, "creat(%s)", name);
	if (fd >= 0)
		close(fd);
}

static void make_socket(struct posix *posix, const struct posix_role *role)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (strlen(role->path) > 0 && strlen(role->path) < sizeof(address.sun_path)) {
		memcpy(address.sun_path, role->path, strlen(role->path) + 1);
		posix_result(posix, bind(fd, (struct sockaddr *)&address, sizeof(address)),
			     "bind(%s)", role->name);
		posix_result(posix, connect(fd, (struct sockaddr *)&address, sizeof(address)),
			     "connect(%s)", role->name);
	}
	close(fd);
}

static void remove_it(struct posix *posix, const struct posix_role *role)
{
	posix_result(posix, unlink(role->path), "unlink(%s)", role->name);
	posix_result(posix, rmdir(role->path), "rmdir(%s)", role->name);
	posix_result(posix, unlinkat(AT_FDCWD, role->path, 0), "unlinkat(%s)", role->name);
	posix_result(posix, unlinkat(AT_FDCWD, role->path, AT_REMOVEDIR), "unlinkat(%s, REMOVEDIR)",
		     role->name);
	posix_result(posix, unlinkat(AT_FDCWD, role->path, 1), "unlinkat(%s, 1)", role->name);
	posix_result(posix, remove(role->path), "remove(%s)", role->name);
}

static const struct {
	unsigned bits;
	const char *name;
} renames[] = {
	{0, "0"},
	{RENAME_NOREPLACE, "NOREPLACE"},
	{RENAME_EXCHANGE, "EXCHANGE"},
	{RENAME_WHITEOUT, "WHITEOUT"},
	{RENAME_NOREPLACE | RENAME_EXCHANGE, "NOREPLACE|EXCHANGE"},
	{1u << 30, "1<<30"},
};

/* Every name with some others, in both directions. */
static void move_and_link(struct posix *posix, const struct posix_role *role,
			  const struct posix_role *other)
{
	for (size_t i = 0; i < POSIX_LEN(renames); i++)
		posix_result(
			posix,
			renameat2(AT_FDCWD, role->path, AT_FDCWD, other->path, renames[i].bits),
			"renameat2(%s, %s, %s)", role->name, other->name, renames[i].name);
	posix_result(posix, renameat2(AT_FDCWD, other->path, AT_FDCWD, role->path, 0),
		     "renameat2(%s, %s, 0)", other->name, role->name);
	posix_result(posix,
		     renameat2(AT_FDCWD, other->path, AT_FDCWD, role->path, RENAME_NOREPLACE),
		     "renameat2(%s, %s, NOREPLACE)", other->name, role->name);
	posix_result(posix, rename(role->path, other->path), "rename(%s, %s)", role->name,
		     other->name);
	posix_result(posix, link(role->path, other->path), "link(%s, %s)", role->name, other->name);
	posix_result(posix, link(other->path, role->path), "link(%s, %s)", other->name, role->name);
	posix_result(posix, linkat(AT_FDCWD, role->path, AT_FDCWD, other->path, AT_SYMLINK_FOLLOW),
		     "linkat(%s, %s, FOLLOW)", role->name, other->name);
}

/* From elsewhere into the tree, and out of it. */
static void move_elsewhere(struct posix *posix, const struct posix_role *role)
{
	posix_result(posix, rename("/dev/null", role->path), "rename(elsewhere, %s)", role->name);
	posix_result(posix, link("/dev/null", role->path), "link(elsewhere, %s)", role->name);
	posix_result(posix, rename(role->path, "/dev/dicomfs-test"), "rename(%s, elsewhere)",
		     role->name);
	posix_result(posix, link(role->path, "/dev/dicomfs-test"), "link(%s, elsewhere)",
		     role->name);
}

/* An open file gets a name: as root only, and not here. */
static void link_open(struct posix *posix, const struct posix_role *role)
{
	int fd = open(role->path, O_PATH);
	char proc[64];

	if (fd < 0)
		return;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	posix_result(posix, linkat(AT_FDCWD, proc, AT_FDCWD, "new", AT_SYMLINK_FOLLOW),
		     "linkat(%s by /proc, new)", role->name);
	posix_result(posix, linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH),
		     "linkat(%s by number, new)", role->name);
	close(fd);
}

void posix_names(struct posix *posix)
{
	static const char *const others[] = {
		"root",    "folder",  "series", "dcm", "link", "frames", "missing-in-folder",
		"missing", "name-256"};

	for (size_t i = 0; i < posix->role_count; i++) {
		const struct posix_role *role = &posix->roles[i];

		make_nodes(posix, role);
		make_socket(posix, role);
		remove_it(posix, role);
		move_elsewhere(posix, role);
		link_open(posix, role);
		for (size_t k = 0; k < posix->role_count; k++) {
			for (size_t n = 0; n < POSIX_LEN(others); n++) {
				/* To itself is no change, wherever that can be tried. */
				if (strcmp(posix->roles[k].name, others[n]) == 0 &&
				    (k != i || !posix->writable))
					move_and_link(posix, role, &posix->roles[k]);
			}
		}
	}
}
