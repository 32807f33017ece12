/*
 * dir-check [-s SEED] [-p] FOLDER: reads a folder in every way that there is
 * and compares what it finds, with itself and with stat. Prints the number of
 * entries; exit 1 and a line for everything that is wrong.
 *
 * With -p it reads half of the folder in small steps, prints "half", waits for
 * a line of standard input, reads the rest, and prints all names, one a line;
 * a name that comes twice is wrong.
 *
 * SPDX-License-Identifier: MIT
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What getdents64 fills in. */
struct raw_entry {
	uint64_t ino;
	int64_t next; /* where the entry after this one is */
	uint16_t size;
	uint8_t type;
	char name[];
};

struct entry {
	char *name;
	uint64_t ino;
	int64_t at, next;
	uint8_t type;
};

struct list {
	struct entry *entries;
	size_t count, room;
};

static int wrong_count;

static void wrong(const char *what, const char *name)
{
	if (wrong_count++ < 20)
		printf("%s: %s\n", name, what);
}

static void die(const char *what)
{
	perror(what);
	exit(2);
}

/* ---- Lists ------------------------------------------------------------- */

static void list_add(struct list *list, const struct raw_entry *raw, int64_t at)
{
	struct entry *entry;

	if (list->count == list->room) {
		list->room = list->room > 0 ? 2 * list->room : 64;
		list->entries = reallocarray(list->entries, list->room, sizeof(*list->entries));
		if (list->entries == NULL)
			die("dir-check");
	}
	entry = &list->entries[list->count++];
	*entry = (struct entry){
		.name = strdup(raw->name),
		.ino = raw->ino,
		.at = at,
		.next = raw->next,
		.type = raw->type,
	};
	if (entry->name == NULL)
		die("dir-check");
}

static void list_free(struct list *list)
{
	for (size_t i = 0; i < list->count; i++)
		free(list->entries[i].name);
	free(list->entries);
	*list = (struct list){.entries = NULL};
}

/* One call; the number of entries, 0 at the end. */
static size_t read_some(int fd, size_t size, struct list *list, int64_t *at)
{
	static union {
		char bytes[1 << 20];
		uint64_t aligned;
	} buffer;
	long got = syscall(SYS_getdents64, fd, buffer.bytes, size);
	size_t count = 0;

	if (got < 0)
		die("getdents64");
	for (long used = 0; used < got; count++) {
		const struct raw_entry *raw = (const void *)(buffer.bytes + used);

		list_add(list, raw, *at);
		*at = raw->next;
		used += raw->size;
	}
	return count;
}

static void read_all(int fd, size_t size, struct list *list)
{
	int64_t at = 0;

	if (lseek(fd, 0, SEEK_SET) != 0)
		die("lseek");
	while (read_some(fd, size, list, &at) > 0)
		;
}

/* ---- Checks ------------------------------------------------------------ */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct entry *)a)->name, ((const struct entry *)b)->name);
}

static int by_next(const void *a, const void *b)
{
	int64_t x = ((const struct entry *)a)->next, y = ((const struct entry *)b)->next;

	return x < y ? -1 : x > y;
}

/* No name and no place twice. */
static void check_unique(const struct list *list)
{
	struct entry *sorted = reallocarray(NULL, list->count + 1, sizeof(*sorted));

	if (sorted == NULL)
		die("dir-check");
	memcpy(sorted, list->entries, list->count * sizeof(*sorted));
	qsort(sorted, list->count, sizeof(*sorted), by_name);
	for (size_t i = 1; i < list->count; i++) {
		if (strcmp(sorted[i - 1].name, sorted[i].name) == 0)
			wrong("is listed twice", sorted[i].name);
	}
	qsort(sorted, list->count, sizeof(*sorted), by_next);
	for (size_t i = 1; i < list->count; i++) {
		if (sorted[i - 1].next == sorted[i].next)
			wrong("has the place of another", sorted[i].name);
	}
	free(sorted);
}

static void check_equal(const struct list *list, const struct list *other, const char *how)
{
	if (list->count != other->count) {
		wrong("another number of entries", how);
		return;
	}
	for (size_t i = 0; i < list->count; i++) {
		if (strcmp(list->entries[i].name, other->entries[i].name) != 0 ||
		    list->entries[i].ino != other->entries[i].ino ||
		    list->entries[i].type != other->entries[i].type ||
		    list->entries[i].next != other->entries[i].next) {
			wrong("another entry", how);
			return;
		}
	}
}

/* d_ino and d_type are what stat says. What is mounted there hides "..". */
static void check_stat(int fd, const struct list *list)
{
	struct stat st, root;
	bool is_root =
		fstat(fd, &root) != 0 || fstatat(fd, "..", &st, 0) != 0 || root.st_dev != st.st_dev;
	int dots = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct entry *entry = &list->entries[i];

		if (strcmp(entry->name, ".") == 0 || strcmp(entry->name, "..") == 0)
			dots++;
		if (strchr(entry->name, '/') != NULL || entry->name[0] == '\0')
			wrong("is no name", entry->name);
		if (entry->type == DT_UNKNOWN)
			wrong("has no type", entry->name);
		if (fstatat(fd, entry->name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
			wrong(strerror(errno), entry->name);
			continue;
		}
		if (is_root && strcmp(entry->name, "..") == 0)
			st.st_ino = root.st_ino;
		if (entry->ino != st.st_ino)
			wrong("has another inode number than stat says", entry->name);
		if (entry->type != (st.st_mode & S_IFMT) >> 12)
			wrong("has another type than stat says", entry->name);
	}
	if (dots != 2)
		wrong("not there", ". and ..");
}

/* Every buffer that holds an entry gives the same list; smaller ones EINVAL. */
static void check_buffers(int fd, const struct list *list)
{
	static const size_t sizes[] = {280, 281, 1000, 4096, 32768, 1 << 20};
	char small[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct list other = {.entries = NULL};
		char how[32];

		(void)snprintf(how, sizeof(how), "buffer of %zu", sizes[i]);
		read_all(fd, sizes[i], &other);
		check_equal(list, &other, how);
		list_free(&other);
	}
	if (lseek(fd, 0, SEEK_SET) != 0 || syscall(SYS_getdents64, fd, small, 20) != -1 ||
	    errno != EINVAL)
		wrong("is no EINVAL", "buffer of 20");
	if (syscall(SYS_getdents64, fd, small, 24) != 24)
		wrong("does not hold \".\"", "buffer of 24");
}

/* Back to every place, in random order: what followed follows again. */
static void check_places(int fd, const struct list *list, unsigned *seed)
{
	size_t *order = reallocarray(NULL, list->count + 1, sizeof(*order));

	if (order == NULL)
		die("dir-check");
	for (size_t i = 0; i < list->count; i++) {
		size_t k = (size_t)rand_r(seed) % (i + 1);

		order[i] = order[k];
		order[k] = i;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct entry *entry = &list->entries[order[i]];
		struct list some = {.entries = NULL};
		int64_t at = entry->at;

		if (lseek(fd, at, SEEK_SET) != at)
			die("lseek");
		if (read_some(fd, 600, &some, &at) == 0 ||
		    strcmp(some.entries[0].name, entry->name) != 0 ||
		    (some.count > 1 && order[i] + 1 < list->count &&
		     strcmp(some.entries[1].name, entry[1].name) != 0))
			wrong("is not at its place", entry->name);
		list_free(&some);
	}
	free(order);
}

static int name_order(const void *name, const void *entry)
{
	return strcmp(name, ((const struct entry *)entry)->name);
}

/* Whatever is read from somewhere is something of the folder. */
static void check_known(const struct list *sorted, const struct list *some)
{
	for (size_t i = 0; i < some->count; i++) {
		if (bsearch(some->entries[i].name, sorted->entries, sorted->count,
			    sizeof(*sorted->entries), name_order) == NULL)
			wrong("is not in the folder", some->entries[i].name);
	}
}

/* Places that were never told, and negative ones. */
static void check_odd_places(int fd, const struct list *sorted, unsigned *seed)
{
	for (int i = 0; i < 200; i++) {
		struct list some = {.entries = NULL};
		int64_t at = (int64_t)rand_r(seed) << (rand_r(seed) % 32) >> (rand_r(seed) % 32);

		if (lseek(fd, at, SEEK_SET) == at)
			(void)read_some(fd, 600, &some, &at);
		check_known(sorted, &some);
		list_free(&some);
	}
	if (lseek(fd, -1, SEEK_SET) != -1 || errno != EINVAL)
		wrong("is no EINVAL", "place -1");
}

/* Another process reads and moves the same open folder. */
static void check_shared(int fd, const struct list *sorted, unsigned seed)
{
	pid_t child = fork();
	char byte;
	int status;

	if (child < 0)
		die("fork");
	for (int i = 0; i < 300; i++) {
		struct list some = {.entries = NULL};
		int64_t at = sorted->entries[(size_t)rand_r(&seed) % sorted->count].at;

		if (child == 0) {
			if (lseek(fd, at, SEEK_SET) < 0 || read(fd, &byte, 1) != -1 ||
			    errno != EISDIR)
				_exit(1);
			continue;
		}
		(void)read_some(fd, 1000, &some, &at);
		check_known(sorted, &some);
		list_free(&some);
	}
	if (child == 0)
		_exit(0);
	if (waitpid(child, &status, 0) != child || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
		wrong("fails", "another process");
}

/* As the C library does it, with a rewind in the middle. */
static void check_library(const char *path, const struct list *list)
{
	DIR *folder = opendir(path);
	size_t count = 0;

	if (folder == NULL)
		die(path);
	for (size_t i = 0; i < list->count / 2; i++)
		(void)readdir(folder);
	rewinddir(folder);
	for (const struct dirent *entry; (entry = readdir(folder)) != NULL; count++) {
		if (count < list->count && (strcmp(list->entries[count].name, entry->d_name) != 0 ||
					    telldir(folder) != list->entries[count].next))
			wrong("is another after rewinding", entry->d_name);
	}
	if (count != list->count)
		wrong("another number of entries", "rewinddir");
	closedir(folder);
}

/* ---- Running ----------------------------------------------------------- */

static void check_all(const char *path, int fd, unsigned seed)
{
	struct list list = {.entries = NULL};

	read_all(fd, 32768, &list);
	check_unique(&list);
	check_stat(fd, &list);
	check_buffers(fd, &list);
	check_places(fd, &list, &seed);
	check_library(path, &list);
	qsort(list.entries, list.count, sizeof(*list.entries), by_name);
	check_odd_places(fd, &list, &seed);
	check_shared(fd, &list, seed);
	printf("%zu entries\n", list.count);
	list_free(&list);
}

static void read_with_pause(int fd)
{
	struct list list = {.entries = NULL};
	int64_t at = 0;
	char *line = NULL;
	size_t room = 0, half;

	read_all(fd, 4096, &list);
	half = list.count / 2;
	list_free(&list);
	if (lseek(fd, 0, SEEK_SET) != 0)
		die("lseek");
	while (list.count < half && read_some(fd, 280, &list, &at) > 0)
		;
	printf("half\n");
	fflush(stdout);
	if (getline(&line, &room, stdin) < 0)
		die("standard input");
	free(line);
	while (read_some(fd, 280, &list, &at) > 0)
		;
	check_unique(&list);
	for (size_t i = 0; i < list.count; i++)
		printf("%s\n", list.entries[i].name);
	list_free(&list);
}

int main(int argc, char **argv)
{
	unsigned seed = 1;
	bool pause = false;
	int option, fd;

	while ((option = getopt(argc, argv, "s:p")) != -1) {
		if (option == 's')
			seed = (unsigned)strtoul(optarg, NULL, 10);
		else if (option == 'p')
			pause = true;
		else
			return 2;
	}
	if (optind + 1 != argc) {
		fprintf(stderr, "usage: dir-check [-s SEED] [-p] FOLDER\n");
		return 2;
	}
	fd = open(argv[optind], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		die(argv[optind]);
	if (pause)
		read_with_pause(fd);
	else
		check_all(argv[optind], fd, seed);
	close(fd);
	return wrong_count > 0 ? 1 : 0;
}
