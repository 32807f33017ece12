/* Mapped files, locks, and open folders. SPDX-License-Identifier: MIT */
#include "tests/mount/posix-check.h"

#include <dirent.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#define PAGE 4096

/* ---- Maps -------------------------------------------------------------- */

/* Whether the kernel can read a byte there: one beyond the end is EFAULT then,
 * and SIGBUS to who looks. */
static void touch(struct posix *posix, const uint8_t *address, const char *name, const char *where)
{
	int pipes[2];

	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	posix_result(posix, write(pipes[1], address, 1), "mmap(%s), a byte %s", name, where);
	close(pipes[0]);
	close(pipes[1]);
}

static const struct {
	int protection;
	int flags;
	const char *name;
} map_kinds[] = {
	{PROT_NONE, MAP_SHARED, "NONE, SHARED"},
	{PROT_READ, MAP_SHARED, "READ, SHARED"},
	{PROT_READ, MAP_PRIVATE, "READ, PRIVATE"},
	{PROT_READ | PROT_WRITE, MAP_SHARED, "READ|WRITE, SHARED"},
	{PROT_READ | PROT_WRITE, MAP_PRIVATE, "READ|WRITE, PRIVATE"},
	{PROT_WRITE, MAP_SHARED, "WRITE, SHARED"},
	{PROT_READ | PROT_EXEC, MAP_PRIVATE, "READ|EXEC, PRIVATE"},
	{PROT_READ, MAP_SHARED_VALIDATE, "READ, SHARED_VALIDATE"},
	{PROT_READ, MAP_SHARED_VALIDATE | MAP_SYNC, "READ, SYNC"},
	{PROT_READ, MAP_PRIVATE | MAP_POPULATE, "READ, POPULATE"},
	{PROT_READ, 0, "READ, 0"},
};

static void map_kind(struct posix *posix, const char *name, int fd, size_t size, size_t kind)
{
	static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL,   MADV_WILLNEED,
				      MADV_REMOVE, MADV_FREE,   MADV_POPULATE_READ};
	size_t pages = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *map =
		mmap(NULL, pages + PAGE, map_kinds[kind].protection, map_kinds[kind].flags, fd, 0);
	const char *how = map_kinds[kind].name;

	posix_result(posix, map == MAP_FAILED ? -1 : 0, "mmap(%s, %s)", name, how);
	if (map == MAP_FAILED)
		return;
	if (size > 0) {
		touch(posix, map, name, "at the start");
		touch(posix, map + size - 1, name, "at the end");
	}
	if (size % PAGE != 0)
		touch(posix, map + size, name, "after the end, in its page");
	touch(posix, map + pages, name, "in the page after the end");
	posix_result(posix, msync(map, pages, MS_SYNC), "msync(%s, %s, SYNC)", name, how);
	posix_result(posix, msync(map, pages, MS_ASYNC), "msync(%s, %s, ASYNC)", name, how);
	posix_result(posix, msync(map, pages, MS_SYNC | MS_INVALIDATE), "msync(%s, %s, INVALIDATE)",
		     name, how);
	for (size_t i = 0; i < POSIX_LEN(advices); i++)
		posix_result(posix, madvise(map, PAGE, advices[i]), "madvise(%s, %s, %d)", name,
			     how, advices[i]);
	posix_result(posix, mprotect(map, PAGE, PROT_READ | PROT_WRITE), "mprotect(%s, %s, WRITE)",
		     name, how);
	posix_result(posix, mprotect(map, PAGE, PROT_READ | PROT_EXEC), "mprotect(%s, %s, EXEC)",
		     name, how);
	posix_result(posix, munmap(map, pages + PAGE), "munmap(%s, %s)", name, how);
}

/* What follows the last byte in its page is zero. */
static void map_tail(struct posix *posix, const char *name, int fd, size_t size)
{
	size_t pages = (size + PAGE - 1) / PAGE * PAGE;
	uint8_t *map = size > 0 ? mmap(NULL, pages, PROT_READ, MAP_SHARED, fd, 0) : MAP_FAILED;
	bool zero = true;

	if (map == MAP_FAILED)
		return;
	for (size_t i = size; i < pages; i++)
		zero = zero && map[i] == 0;
	posix_result(posix, zero, "mmap(%s), zeros after the end", name);
	munmap(map, pages);
}

/* A private map that is written to changes no other. */
static void map_private(struct posix *posix, const char *name, int fd, size_t size)
{
	uint8_t *mine, *shared;
	uint8_t byte = 0;

	if (size == 0)
		return;
	mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	shared = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (mine != MAP_FAILED && shared != MAP_FAILED) {
		mine[0] = (uint8_t)~mine[0];
		posix_result(posix, mine[0] == shared[0], "mmap(%s), written in private", name);
		posix_result(posix, pread(fd, &byte, 1, 0) == 1 && byte == shared[0],
			     "mmap(%s), and read", name);
	}
	if (mine != MAP_FAILED)
		munmap(mine, PAGE);
	if (shared != MAP_FAILED)
		munmap(shared, PAGE);
}

static void map_oddly(struct posix *posix, const char *name, int fd)
{
	void *map = mmap(NULL, 0, PROT_READ, MAP_SHARED, fd, 0);

	posix_result(posix, map == MAP_FAILED ? -1 : 0, "mmap(%s, no length)", name);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 1);
	posix_result(posix, map == MAP_FAILED ? -1 : 0, "mmap(%s, offset 1)", name);
	map = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, (off_t)1 << 40);
	posix_result(posix, map == MAP_FAILED ? -1 : 0, "mmap(%s, far beyond)", name);
	if (map != MAP_FAILED) {
		touch(posix, map, name, "far beyond");
		munmap(map, PAGE);
	}
}

void posix_maps(struct posix *posix)
{
	for (size_t i = 0; i < posix->role_count; i++) {
		const char *name = posix->roles[i].name;
		struct stat st;
		int fd = open(posix->roles[i].path, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
			for (size_t k = 0; k < POSIX_LEN(map_kinds); k++)
				map_kind(posix, name, fd, (size_t)st.st_size, k);
			map_tail(posix, name, fd, (size_t)st.st_size);
			map_private(posix, name, fd, (size_t)st.st_size);
		}
		map_oddly(posix, name, fd);
		close(fd);
	}
}

/* ---- Locks ------------------------------------------------------------- */

static void lock_whole(struct posix *posix, const char *name, int a, int b)
{
	posix_result(posix, flock(a, LOCK_SH), "flock(%s, SH)", name);
	posix_result(posix, flock(b, LOCK_SH | LOCK_NB), "flock(%s, SH) again", name);
	posix_result(posix, flock(b, LOCK_EX | LOCK_NB), "flock(%s, EX) against SH", name);
	posix_result(posix, flock(b, LOCK_UN), "flock(%s, UN)", name);
	posix_result(posix, flock(a, LOCK_EX | LOCK_NB), "flock(%s, EX)", name);
	posix_result(posix, flock(b, LOCK_SH | LOCK_NB), "flock(%s, SH) against EX", name);
	posix_result(posix, flock(a, LOCK_UN), "flock(%s, UN) again", name);
	posix_result(posix, flock(a, 77), "flock(%s, 77)", name);
}

static void lock_ranges(struct posix *posix, const char *name, int a, int b, bool folder)
{
	static const int commands[] = {F_SETLK, F_GETLK, F_OFD_SETLK, F_OFD_GETLK};
	static const short types[] = {F_RDLCK, F_WRLCK, F_UNLCK};

	for (size_t i = 0; i < POSIX_LEN(commands); i++) {
		for (size_t k = 0; k < POSIX_LEN(types); k++) {
			struct flock range = {.l_type = types[k], .l_start = 10, .l_len = 20};

			posix_result(posix, fcntl(a, commands[i], &range), "fcntl(%s, %d, %d)",
				     name, commands[i], types[k]);
			/* Before the end; a folder ends where it likes. */
			if (folder)
				continue;
			range = (struct flock){
				.l_type = types[k], .l_whence = SEEK_END, .l_len = -5};
			posix_result(posix, fcntl(b, commands[i], &range), "fcntl(%s, %d, %d, END)",
				     name, commands[i], types[k]);
			posix_result(posix, range.l_type, "fcntl(%s, %d, %d, END) type", name,
				     commands[i], types[k]);
		}
	}
	posix_result(posix, lockf(a, F_TLOCK, 0), "lockf(%s)", name);
	posix_result(posix, fcntl(a, F_GETLEASE), "F_GETLEASE(%s)", name);
	posix_result(posix, fcntl(a, F_GET_SEALS), "F_GET_SEALS(%s)", name);
	posix_result(posix, fcntl(a, F_ADD_SEALS, F_SEAL_WRITE), "F_ADD_SEALS(%s)", name);
}

void posix_locks(struct posix *posix)
{
	for (size_t i = 0; i < posix->role_count; i++) {
		int a = open(posix->roles[i].path, O_RDONLY | O_CLOEXEC);
		int b = open(posix->roles[i].path, O_RDONLY | O_CLOEXEC);
		struct stat st;

		if (a >= 0 && b >= 0 && fstat(a, &st) == 0) {
			lock_whole(posix, posix->roles[i].name, a, b);
			lock_ranges(posix, posix->roles[i].name, a, b, S_ISDIR(st.st_mode));
		}
		if (a >= 0)
			close(a);
		if (b >= 0)
			close(b);
	}
}

/* ---- Folders ----------------------------------------------------------- */

static void watch(struct posix *posix, const struct posix_role *role, int notify)
{
	posix_result(posix, inotify_add_watch(notify, role->path, IN_ALL_EVENTS) < 0 ? -1 : 0,
		     "inotify_add_watch(%s)", role->name);
	posix_result(posix,
		     inotify_add_watch(notify, role->path, IN_ALL_EVENTS | IN_ONLYDIR) < 0 ? -1 : 0,
		     "inotify_add_watch(%s, ONLYDIR)", role->name);
}

static void use_folder(struct posix *posix, const char *name, int fd)
{
	char bytes[4096];
	off_t zero = 0;

	posix_result(posix, read(fd, bytes, 10), "read(%s)", name);
	posix_result(posix, pread(fd, bytes, 10, 0), "pread(%s)", name);
	posix_result(posix, write(fd, "x", 1), "write(%s)", name);
	posix_result(posix, ftruncate(fd, 0), "ftruncate(%s)", name);
	posix_result(posix, fallocate(fd, 0, 0, 10), "fallocate(%s)", name);
	posix_result(posix, fsync(fd), "fsync(%s)", name);
	posix_result(posix, fdatasync(fd), "fdatasync(%s)", name);
	posix_result(posix, lseek(fd, 0, SEEK_SET), "lseek(%s, 0)", name);
	posix_result(posix, lseek(fd, -1, SEEK_SET), "lseek(%s, -1)", name);
	posix_result(posix, copy_file_range(fd, &zero, fd, &zero, 5, 0), "copy_file_range(%s)",
		     name);
	posix_result(posix, posix_fadvise(fd, 0, 0, POSIX_FADV_NORMAL), "posix_fadvise(%s)", name);
	posix_result(posix, readahead(fd, 0, 4096), "readahead(%s)", name);
	posix_result(posix, syscall(SYS_getdents64, fd, bytes, 1), "getdents64(%s, 1)", name);
	posix_result(posix, syscall(SYS_getdents64, fd, bytes, 23), "getdents64(%s, 23)", name);
	posix_result(posix, syscall(SYS_getdents64, fd, 1L, 4096), "getdents64(%s, bad address)",
		     name);
	posix_result(posix, lseek(fd, 0, SEEK_SET), "lseek(%s, 0) again", name);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The same names of the same types, whatever their order. */
static void list(struct posix *posix, const struct posix_role *role)
{
	DIR *folder = opendir(role->path);
	const struct dirent *entry;
	char *names[256];
	size_t count = 0;

	posix_result(posix, folder != NULL ? 0 : -1, "opendir(%s)", role->name);
	if (folder == NULL)
		return;
	while (count < POSIX_LEN(names) && (entry = readdir(folder)) != NULL) {
		if (asprintf(&names[count], "%u %s", entry->d_type, entry->d_name) < 0)
			break;
		count++;
	}
	closedir(folder);
	qsort(names, count, sizeof(*names), by_name);
	for (size_t i = 0; i < count; i++) {
		posix_text(posix, names[i], "readdir(%s) %zu", role->name, i);
		free(names[i]);
	}
}

void posix_folders(struct posix *posix)
{
	int notify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	for (size_t i = 0; i < posix->role_count; i++) {
		const struct posix_role *role = &posix->roles[i];
		int fd;

		watch(posix, role, notify);
		list(posix, role);
		fd = open(role->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (fd < 0) {
			posix_result(posix, -1, "open(%s)", role->name);
			continue;
		}
		use_folder(posix, role->name, fd);
		close(fd);
	}
	close(notify);
}
