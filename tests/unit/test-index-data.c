/*
 * The index over real files, in $DICOMFS_TEST_DATA or beside the source tree:
 * every file is in the tree or has a line, nothing is read twice, and a rebuild
 * gives the same tree.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static bool find_data(char path[static PATH_MAX])
{
	const char *given = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");
	char beside[PATH_MAX];

	(void)snprintf(beside, sizeof(beside), "%s/../shared/data", top != NULL ? top : ".");
	return realpath(given != NULL ? given : beside, path) != NULL;
}

static int setup(void **state)
{
	struct store *store = calloc(1, sizeof(*store));
	char data[PATH_MAX];

	assert_non_null(store);
	store_make(store);
	*state = store;
	if (!find_data(data) || strlen(data) >= sizeof(store->root))
		return 0;
	(void)close(store->fd);
	(void)snprintf(store->root, sizeof(store->root), "%s", data);
	store->fd = open(data, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store->options.store_fd = store->fd;
	return 0;
}

static int teardown(void **state)
{
	store_remove(*state);
	free(*state);
	return 0;
}

static bool has_data(const struct store *store)
{
	return strncmp(store->root, store->base, strlen(store->base)) != 0;
}

/* Paths of files with how often each was met. */
struct paths {
	char **paths;
	unsigned *met;
	size_t count;
};

static void add_path(struct paths *paths, const char *path)
{
	paths->paths = realloc(paths->paths, (paths->count + 1) * sizeof(*paths->paths));
	paths->met = realloc(paths->met, (paths->count + 1) * sizeof(*paths->met));
	assert_non_null(paths->paths);
	assert_non_null(paths->met);
	paths->paths[paths->count] = strdup(path);
	paths->met[paths->count++] = 0;
}

static void meet_path(struct paths *paths, const char *path)
{
	for (size_t i = 0; i < paths->count; i++) {
		if (strcmp(paths->paths[i], path) == 0) {
			paths->met[i]++;
			return;
		}
	}
	fail_msg("%s is not in the store", path);
}

static void walk(struct paths *paths, int parent, const char *name, const char *prefix)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fdopendir(fd);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL) {
		char path[PATH_MAX];
		struct stat st;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		(void)snprintf(path, sizeof(path), "%s%s", prefix, entry->d_name);
		assert_int_equal(fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW), 0);
		if (S_ISDIR(st.st_mode)) {
			(void)snprintf(path, sizeof(path), "%s%s/", prefix, entry->d_name);
			walk(paths, fd, entry->d_name, path);
		} else {
			add_path(paths, path);
		}
	}
	(void)closedir(dir);
}

struct meeting {
	struct ix_index *index;
	struct ix_reader *reader;  /* of the listing in progress */
	struct ix_reader *sources; /* for queries inside it */
	struct paths *paths;
};

static bool meet_instance(const struct ix_instance *instance, void *context)
{
	struct meeting *m = context;
	struct ix_source source;
	struct err err = {0};

	for (unsigned nth = 0; ix_source_get(m->sources, instance->id, nth, &source, &err); nth++) {
		meet_path(m->paths, source.path);
		if (nth == 0)
			assert_true(source.size == instance->size);
	}
	assert_int_equal(err.code, ERR_NOTFOUND);
	return true;
}

static bool meet_node(const struct ix_node *node, void *context)
{
	struct meeting *m = context, below = *m;
	struct err err = {0};

	if (node->type == IX_NODE_SERIES)
		return ix_instances(m->reader, node->id, UINT32_MAX, 0, meet_instance, m, &err);
	/* A listing in a listing takes a reader of its own. */
	assert_true(ix_reader_open(&below.reader, m->index, &err));
	assert_true(ix_children(below.reader, node->id, 0, meet_node, &below, &err));
	ix_reader_close(below.reader);
	return true;
}

static bool meet_problem(const struct ix_problem *problem, void *context)
{
	static const char *const outside[] = {"not-dicom", "dicomdir",    "special", "link",
					      "corrupt",   "unsupported", "limit",   "unreadable"};

	for (size_t i = 0; i < ARRAY_LEN(outside); i++) {
		if (strcmp(problem->code, outside[i]) == 0)
			meet_path(context, problem->path);
	}
	return true;
}

static void test_every_file_is_somewhere(void **state)
{
	struct store *store = *state;
	struct paths paths = {0};
	struct meeting meeting = {.paths = &paths};
	struct err err = {0};

	if (!has_data(store))
		skip();
	store_scan(store);
	walk(&paths, store->fd, ".", "");
	assert_true(paths.count > 0);
	assert_int_equal(store_status(store).counts.files, paths.count);
	meeting.index = store->index;
	meeting.reader = store->reader;
	assert_true(ix_reader_open(&meeting.sources, store->index, &err));
	assert_true(ix_children(store->reader, IX_PATIENTS, 0, meet_node, &meeting, &err));
	ix_reader_close(meeting.sources);
	assert_true(ix_problems(store->reader, meet_problem, &paths, &err));
	for (size_t i = 0; i < paths.count; i++) {
		if (paths.met[i] != 1)
			fail_msg("%s is %s", paths.paths[i],
				 paths.met[i] == 0 ? "nowhere" : "in the tree and listed");
		free(paths.paths[i]);
	}
	free(paths.paths);
	free(paths.met);
}

static void test_again_and_anew(void **state)
{
	struct store *store = *state;
	char *before, *after;

	if (!has_data(store))
		skip();
	store_scan(store);
	before = store_tree(store);
	store_scan(store);
	assert_int_equal(store->measured, 0);
	assert_int_equal(store->changes, 0);
	after = store_tree(store);
	assert_string_equal(before, after);
	free(after);
	store_close(store);
	store_open(store, true);
	store->options.threads = 5;
	store_scan(store);
	after = store_tree(store);
	assert_string_equal(before, after);
	free(before);
	free(after);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_file_is_somewhere, setup, teardown),
		cmocka_unit_test_setup_teardown(test_again_and_anew, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
