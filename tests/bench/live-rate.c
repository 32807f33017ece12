/*
 * How long it takes until a mount shows what happens in its store.
 *
 *   live-rate add              each file is copied into the store, one by one
 *   live-rate move             each is renamed into the store
 *   live-rate rename           each gets another name in the store, and the first again
 *   live-rate delete           each is deleted from the store
 *   live-rate copy             as add, all of them as fast as they can be written
 *   live-rate burst FROM TO    a folder with all of them is renamed into the store
 *   live-rate burst-out FROM TO   the same out of it
 *
 * Standard input has a line for each file: where it lies, its place in the store and
 * its path in the mount, with tabs between them. Prints lines of a word and
 * milliseconds since the system call that changed the store began:
 *
 *   event     an inotify of our own knew
 *   named     lstat() of the path in the mount found it, or found it gone
 *   listed    its folder in the mount, listed before, had or had not its name
 *   readable  it could be opened and read again
 *
 * Of many at once, some are looked at, evenly spread, the last one among them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/base.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/inotify.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE 120.0 /* seconds for one file, or for all that come at once */
#define LOOKED_AT 400

struct file {
	char *line; /* holds the paths */
	const char *staged, *stored, *shown;
	/* Seconds; 0: not yet. */
	_Atomic double changed;
	bool seen;
};

struct files {
	struct file *file;
	size_t count, capacity;
};

static double seconds(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void nap(long microseconds)
{
	struct timespec time = {.tv_nsec = microseconds * 1000};

	(void)nanosleep(&time, NULL);
}

static void tell(const char *word, double since)
{
	printf("%s %.3f\n", word, (seconds() - since) * 1e3);
}

static bool failed(const char *what, const char *path)
{
	fprintf(stderr, "live-rate: %s: %s: %s\n", path, what, strerror(errno));
	return false;
}

/* ---- Input -------------------------------------------------------------- */

static void release_files(struct files *files)
{
	for (size_t i = 0; i < files->count; i++)
		free(files->file[i].line);
	free(files->file);
}

static bool take_line(struct files *files, char *line)
{
	struct file *file;
	char *rest = line;

	if (files->count == files->capacity) {
		size_t larger = files->capacity * 2 + 1024;
		struct file *grown = realloc(files->file, larger * sizeof(*grown));

		if (grown == NULL)
			return false;
		files->file = grown;
		files->capacity = larger;
	}
	file = &files->file[files->count++];
	*file = (struct file){.line = line};
	line[strcspn(line, "\n")] = '\0';
	file->staged = strsep(&rest, "\t");
	file->stored = strsep(&rest, "\t");
	file->shown = rest;
	return file->shown != NULL;
}

static bool read_files(struct files *files)
{
	for (;;) {
		char *line = NULL;
		size_t capacity = 0;

		if (getline(&line, &capacity, stdin) <= 0) {
			free(line);
			break;
		}
		if (!take_line(files, line)) {
			fprintf(stderr, "live-rate: a line is not three paths\n");
			return false;
		}
	}
	return files->count > 0;
}

/* ---- What happens in the store ------------------------------------------ */

/* The folders above a path, those that are there included. */
static bool make_folders(const char *path)
{
	char above[PATH_MAX];
	size_t size = strlen(path);

	if (size >= sizeof(above))
		return false;
	memcpy(above, path, size + 1);
	for (char *slash = strchr(above + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(above, 0777) != 0 && errno != EEXIST)
			return failed("mkdir", above);
		*slash = '/';
	}
	return true;
}

/* The change is the close, which is when a file can be taken. */
static bool copy_in(struct file *file)
{
	CLEANUP_FD int in = open(file->staged, O_RDONLY | O_CLOEXEC);
	struct stat st;
	int out;
	bool ok;

	if (in < 0 || fstat(in, &st) != 0)
		return failed("open", file->staged);
	out = open(file->stored, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (out < 0)
		return failed("create", file->stored);
	ok = sendfile(out, in, NULL, (size_t)st.st_size) == st.st_size;
	atomic_store(&file->changed, seconds());
	ok = close(out) == 0 && ok;
	return ok || failed("write", file->stored);
}

static bool rename_from(struct file *file, const char *from, const char *to)
{
	atomic_store(&file->changed, seconds());
	return rename(from, to) == 0 || failed("rename", from);
}

static bool delete_it(struct file *file)
{
	atomic_store(&file->changed, seconds());
	return unlink(file->stored) == 0 || failed("unlink", file->stored);
}

/* ---- What is seen of it ------------------------------------------------- */

static int watch_above(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	if (copy == NULL || fd < 0 ||
	    inotify_add_watch(fd, dirname(copy), IN_CLOSE_WRITE | IN_MOVE | IN_DELETE) < 0) {
		(void)failed("inotify", path);
		return -1;
	}
	return fd;
}

static void drain(int watch)
{
	char events[8192];

	while (read(watch, events, sizeof(events)) > 0)
		continue;
}

static void tell_event(int watch, double since)
{
	struct pollfd poller = {.fd = watch, .events = POLLIN};

	if (poll(&poller, 1, 10000) == 1)
		tell("event", since);
	drain(watch);
}

static bool is_named(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static bool is_listed(const char *path)
{
	CLEANUP_FREE char *copy = strdup(path);
	const char *name = strrchr(path, '/') + 1;
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	dir = copy == NULL ? NULL : opendir(dirname(copy));
	if (dir == NULL)
		return false;
	while (!found && (entry = readdir(dir)) != NULL)
		found = strcmp(entry->d_name, name) == 0;
	(void)closedir(dir);
	return found;
}

static bool is_readable(const char *path)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) == 1;
}

static bool wait_shown(const struct file *file, bool there)
{
	double since = file->changed;
	bool named = false, listed = false;

	while (!named || !listed) {
		if (!named && is_named(file->shown) == there) {
			tell("named", since);
			named = true;
		}
		if (!listed && is_listed(file->shown) == there) {
			tell("listed", since);
			listed = true;
		}
		if (seconds() - since > PATIENCE)
			return failed("not shown in time", file->shown);
		nap(200);
	}
	return true;
}

static bool wait_readable(const struct file *file)
{
	while (!is_readable(file->shown)) {
		if (seconds() - file->changed > PATIENCE)
			return failed("not readable in time", file->shown);
		nap(200);
	}
	tell("readable", file->changed);
	return true;
}

/* ---- One by one --------------------------------------------------------- */

enum change { ADD, MOVE, RENAME, DELETE };

static bool rename_and_back(struct file *file, int watch)
{
	char other[PATH_MAX];

	if (snprintf(other, sizeof(other), "%s.other", file->stored) >= (int)sizeof(other) ||
	    !rename_from(file, file->stored, other))
		return false;
	tell_event(watch, file->changed);
	return wait_readable(file) && rename_from(file, other, file->stored) && wait_readable(file);
}

static bool change_one(struct file *file, enum change change, int watch)
{
	bool ok = false;

	switch (change) {
	case ADD:
		ok = copy_in(file);
		break;
	case MOVE:
		ok = rename_from(file, file->staged, file->stored);
		break;
	case DELETE:
		ok = delete_it(file);
		break;
	case RENAME:
		return rename_and_back(file, watch);
	}
	if (!ok)
		return false;
	tell_event(watch, file->changed);
	return wait_shown(file, change != DELETE);
}

static bool one_by_one(struct files *files, enum change change)
{
	CLEANUP_FD int watch = watch_above(files->file[0].stored);
	uint32_t random = 1;

	if (watch < 0)
		return false;
	for (size_t i = 0; i < files->count; i++) {
		/* As good as listed: its folder and, for a deletion, the file. */
		(void)is_listed(files->file[i].shown);
		(void)is_named(files->file[i].shown);
		/* Far enough apart for one not to wait for what is done for another, and
		 * not in step with anything. */
		random = random * 1103515245 + 12345;
		nap((change == RENAME ? 20000 : 550000) + (long)(random >> 16) % 60000);
		drain(watch);
		if (!change_one(&files->file[i], change, watch))
			return false;
	}
	return true;
}

/* ---- Many at once ------------------------------------------------------- */

struct looker {
	struct files *files;
	bool there;
	bool ok;
};

static void *look(void *data)
{
	struct looker *looker = data;
	struct files *files = looker->files;
	size_t step = (files->count + LOOKED_AT - 1) / LOOKED_AT;
	double last = seconds();
	bool all;

	do {
		all = true;
		for (size_t i = (files->count - 1) % step; i < files->count; i += step) {
			struct file *file = &files->file[i];
			double changed = atomic_load(&file->changed);

			if (file->seen)
				continue;
			if (changed > 0 && is_named(file->shown) == looker->there) {
				tell("named", changed);
				file->seen = true;
				last = seconds();
			}
			all = all && file->seen;
		}
		nap(1000);
	} while (!all && seconds() - last < PATIENCE);
	looker->ok = all;
	return NULL;
}

static bool copy_all(struct files *files)
{
	struct looker looker = {.files = files, .there = true};
	pthread_t thread;
	bool ok = true;

	if (pthread_create(&thread, NULL, look, &looker) != 0)
		return false;
	for (size_t i = 0; ok && i < files->count; i++)
		ok = make_folders(files->file[i].stored) && copy_in(&files->file[i]);
	return pthread_join(thread, NULL) == 0 && ok && looker.ok;
}

static bool burst(struct files *files, const char *from, const char *to, bool there)
{
	CLEANUP_FD int watch = watch_above(there ? to : from);
	struct looker looker = {.files = files, .there = there};
	double start = seconds();

	if (watch < 0)
		return false;
	if (rename(from, to) != 0)
		return failed("rename", from);
	for (size_t i = 0; i < files->count; i++)
		atomic_store(&files->file[i].changed, start);
	tell_event(watch, start);
	(void)look(&looker);
	return looker.ok || failed("not all of it is shown in time", from);
}

int main(int argc, char *argv[])
{
	static const char *const changes[] = {"add", "move", "rename", "delete"};
	CLEANUP(release_files) struct files files = {0};
	const char *what = argc < 2 ? "" : argv[1];

	if (argc == 2) {
		for (size_t i = 0; i < ARRAY_LEN(changes); i++) {
			if (strcmp(what, changes[i]) == 0)
				return read_files(&files) && one_by_one(&files, (enum change)i) ? 0
												: 1;
		}
		if (strcmp(what, "copy") == 0)
			return read_files(&files) && copy_all(&files) ? 0 : 1;
	}
	if (argc == 4 && (strcmp(what, "burst") == 0 || strcmp(what, "burst-out") == 0))
		return read_files(&files) &&
				       burst(&files, argv[2], argv[3], strcmp(what, "burst") == 0)
			       ? 0
			       : 1;
	fprintf(stderr, "usage: live-rate add|move|rename|delete|copy\n"
			"       live-rate burst|burst-out FROM TO\n");
	return 2;
}
