/*
 * How fast a tree of files can be looked at, by the system calls that tools make,
 * without the tools.
 *
 *   tree-rate walk FOLDER           every entry below with lstat(); prints seconds
 *                                   and entries
 *   tree-rate list FOLDER...        names alone; prints milliseconds a folder
 *   tree-rate each FOLDER...        the same, a line for each
 *   tree-rate lookup FOLDER         lstat() of the paths below it that standard
 *                                   input names, a line each, in an order that is
 *                                   random and always the same; prints them per second
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/base.h"

#include <dirent.h>
#include <fcntl.h>
#include <fts.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool walk(char *folder)
{
	char *roots[] = {folder, NULL};
	double start = seconds();
	FTS *fts = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
	unsigned long long entries = 0;
	bool ok = fts != NULL;
	FTSENT *entry;

	while (ok && (entry = fts_read(fts)) != NULL) {
		ok = entry->fts_info != FTS_ERR && entry->fts_info != FTS_NS &&
		     entry->fts_info != FTS_DNR;
		entries += entry->fts_info != FTS_DP;
	}
	if (fts == NULL || fts_close(fts) != 0 || !ok)
		return false;
	printf("%.6f %llu\n", seconds() - start, entries);
	return true;
}

static bool list_one(const char *folder)
{
	DIR *dir = opendir(folder);

	if (dir == NULL)
		return false;
	while (readdir(dir) != NULL)
		continue;
	(void)closedir(dir);
	return true;
}

static bool list(char *const *folders, int count)
{
	double start = seconds();

	for (int i = 0; i < count; i++) {
		if (!list_one(folders[i]))
			return false;
	}
	printf("%.4f\n", (seconds() - start) * 1e3 / count);
	return true;
}

static bool list_each(char *const *folders, int count)
{
	for (int i = 0; i < count; i++) {
		double start = seconds();

		if (!list_one(folders[i]))
			return false;
		printf("%.4f\n", (seconds() - start) * 1e3);
	}
	return true;
}

/* ---- Lookups ------------------------------------------------------------ */

struct names {
	char **name;
	size_t count, capacity;
};

static void release_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->name[i]);
	free(names->name);
}

static bool read_names(struct names *names)
{
	CLEANUP_FREE char *line = NULL;
	size_t capacity = 0;
	ssize_t size;

	while ((size = getline(&line, &capacity, stdin)) > 0) {
		if (names->count == names->capacity) {
			size_t larger = names->capacity * 2 + 1024;
			char **grown = realloc(names->name, larger * sizeof(*grown));

			if (grown == NULL)
				return false;
			names->name = grown;
			names->capacity = larger;
		}
		line[strcspn(line, "\n")] = '\0';
		names->name[names->count] = strdup(line);
		if (names->name[names->count++] == NULL)
			return false;
	}
	return names->count > 0;
}

static void shuffle(struct names *names)
{
	uint64_t state = 1;

	for (size_t i = names->count - 1; i > 0; i--) {
		char *kept = names->name[i];
		size_t other;

		state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
		other = (size_t)(state >> 33) % (i + 1);
		names->name[i] = names->name[other];
		names->name[other] = kept;
	}
}

static bool lookup(const char *folder)
{
	CLEANUP(release_names) struct names names = {0};
	CLEANUP_FD int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	double start;

	if (fd < 0 || !read_names(&names))
		return false;
	shuffle(&names);
	start = seconds();
	for (size_t i = 0; i < names.count; i++) {
		struct stat st;

		if (fstatat(fd, names.name[i], &st, AT_SYMLINK_NOFOLLOW) != 0)
			return false;
	}
	printf("%.1f\n", (double)names.count / (seconds() - start));
	return true;
}

int main(int argc, char *argv[])
{
	bool ok;

	if (argc == 3 && strcmp(argv[1], "walk") == 0) {
		ok = walk(argv[2]);
	} else if (argc >= 3 && strcmp(argv[1], "list") == 0) {
		ok = list(argv + 2, argc - 2);
	} else if (argc >= 3 && strcmp(argv[1], "each") == 0) {
		ok = list_each(argv + 2, argc - 2);
	} else if (argc == 3 && strcmp(argv[1], "lookup") == 0) {
		ok = lookup(argv[2]);
	} else {
		fprintf(stderr, "usage: tree-rate walk|list|each|lookup FOLDER...\n");
		return 2;
	}
	if (!ok)
		fprintf(stderr, "tree-rate: %s: not all of it can be read\n", argv[2]);
	return ok ? 0 : 1;
}
