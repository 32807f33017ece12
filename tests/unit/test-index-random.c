/*
 * A store that changes at random: after each scan, of all of it or of what was
 * touched alone, the tree must be the one that an index made anew shows, and a scan
 * of a store that did not change must change nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATHS 60

struct random {
	uint64_t state;
};

static unsigned below(struct random *random, unsigned limit)
{
	random->state =
		random->state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (unsigned)(random->state >> 33) % limit;
}

/* What a watcher would have been told. */
struct touched {
	char paths[256][32];
	size_t count;
};

static void touch_path(struct touched *touched, const char *path)
{
	assert_true(touched->count < ARRAY_LEN(touched->paths));
	(void)snprintf(touched->paths[touched->count++], 32, "%s", path);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void scan_touched(struct store *store, struct touched *touched)
{
	const char *paths[256];
	size_t count = 0;
	bool whole = true;

	qsort(touched->paths, touched->count, sizeof(touched->paths[0]), compare_paths);
	for (size_t i = 0; i < touched->count; i++) {
		if (count == 0 || strcmp(paths[count - 1], touched->paths[i]) != 0)
			paths[count++] = touched->paths[i];
	}
	store_scan_paths(store, paths, count, &whole);
	assert_false(whole);
}

static void choose_path(struct random *random, char path[static 32])
{
	static const char *const folders[] = {"", "a/", "a/b/", "a.x/", "a-x/", "c/d/"};

	(void)snprintf(path, 32, "%sf%u", folders[below(random, ARRAY_LEN(folders))],
		       below(random, PATHS / 6));
}

static bool is_type(struct store *store, const char *path, mode_t type)
{
	struct stat st;

	return fstatat(store->fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == type;
}

/* Few values each, so that files meet: as duplicates, in conflict, in studies
 * of several patients, with patients who are not told completely. */
static void put_file(struct store *store, struct random *random, const char *path)
{
	static const char *const ids[] = {"A", "A", "A", "B", ""};
	static const char *const births[] = {"", "19600101", "19600101", "19700101"};
	static const char *const issuers[] = {"", "", "I"};
	static const char *const studies[] = {"1.2.1", "1.2.2", "1.2.2", ""};
	static const char *const series[] = {"1.5.1", "1.5.2", "1.5.3", ""};
	static const char *const sops[] = {"9.1", "9.2", "9.3", "9.4", "9.5", "9.6", ""};
	static const char *const comments[] = {"x", "y", "longer"};
	struct words words = {
		.id = ids[below(random, ARRAY_LEN(ids))],
		.birth = births[below(random, ARRAY_LEN(births))],
		.issuer = issuers[below(random, ARRAY_LEN(issuers))],
		.study = studies[below(random, ARRAY_LEN(studies))],
		.series = series[below(random, ARRAY_LEN(series))],
		.sop = sops[below(random, ARRAY_LEN(sops))],
		.comment = comments[below(random, ARRAY_LEN(comments))],
		.accession = "A1",
		.frames = below(random, 4),
	};

	if (is_type(store, path, S_IFDIR))
		store_delete(store, path);
	if (below(random, 12) == 0)
		store_put_bytes(store, path, span_of_text("not a DICOM file"));
	else
		store_put(store, path, &words);
}

/* A file where a folder was, or a folder where a file was. */
static void turn(struct store *store, struct random *random, const char *path)
{
	char inner[40];
	bool file = is_type(store, path, S_IFREG);

	store_delete(store, path);
	if (file) {
		(void)snprintf(inner, sizeof(inner), "%s/x", path);
		put_file(store, random, inner);
	} else {
		put_file(store, random, path);
	}
}

static void change_store(struct store *store, struct random *random, struct touched *touched)
{
	const struct timespec times[2] = {{.tv_sec = below(random, 1000000)},
					  {.tv_sec = below(random, 1000000)}};
	char path[32], other[32];

	choose_path(random, path);
	choose_path(random, other);
	touch_path(touched, path);
	touch_path(touched, other);
	touch_path(touched, "a");
	touch_path(touched, "m");
	switch (below(random, 11)) {
	case 0:
	case 1:
		store_delete(store, path);
		break;
	case 2:
		(void)utimensat(store->fd, path, times, AT_SYMLINK_NOFOLLOW);
		break;
	case 3:
		if (is_type(store, path, S_IFREG) && !is_type(store, other, S_IFDIR))
			store_move(store, path, other);
		break;
	case 4:
		(void)renameat(store->fd, "a", store->fd, "m");
		break;
	case 5:
		if (below(random, 4) == 0)
			store_delete(store, below(random, 2) == 0 ? "m" : "a");
		break;
	case 6:
		turn(store, random, path);
		break;
	default:
		put_file(store, random, path);
		break;
	}
}

static void compare(struct store *store, struct store *fresh, unsigned seed, unsigned round)
{
	char *tree = store_tree(store), *problems = store_problems(store), *again;
	char *new_tree, *new_problems;

	store_close(fresh);
	store_open(fresh, true);
	store_scan(fresh);
	new_tree = store_tree(fresh);
	new_problems = store_problems(fresh);
	if (strcmp(tree, new_tree) != 0 || strcmp(problems, new_problems) != 0)
		fail_msg("seed %u, round %u:\n%s\nanew:\n%s", seed, round, tree, new_tree);
	store_scan(store);
	assert_int_equal(store->changes, 0);
	assert_int_equal(store->measured, 0);
	again = store_tree(store);
	assert_string_equal(tree, again);
	free(tree);
	free(problems);
	free(again);
	free(new_tree);
	free(new_problems);
}

static void run(unsigned seed)
{
	static const unsigned counts[] = {1, 1, 2, 5, 20, 40};
	struct random random = {seed};
	struct store store, fresh;

	store_make(&store);
	fresh = store;
	(void)snprintf(fresh.path, sizeof(fresh.path), "%s/index/fresh.sqlite", store.base);
	fresh.options.measure_context = fresh.options.changed_context = &fresh;
	store.options.measure_context = store.options.changed_context = &store;
	store.options.confirm_empty = fresh.options.confirm_empty = true;
	for (unsigned round = 0; round < 12; round++) {
		struct touched touched = {.count = 0};

		for (unsigned i = counts[below(&random, ARRAY_LEN(counts))]; i > 0; i--)
			change_store(&store, &random, &touched);
		if (below(&random, 3) == 0)
			store_scan(&store);
		else
			scan_touched(&store, &touched);
		compare(&store, &fresh, seed, round);
	}
	store_close(&fresh);
	store_remove(&store);
}

static void test_random(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 12; seed++)
		run(seed);
}

/* ---- Names of one file ----------------------------------------------------- */

/* Paths that are to be looked at again. */
struct again {
	char *paths[8];
	size_t count;
};

static void note_again(const char *path, bool soon, void *context)
{
	struct again *again = context;

	assert_true(soon);
	assert_true(again->count < ARRAY_LEN(again->paths));
	again->paths[again->count++] = strdup(path);
}

/* Looks at one place, and at what that says should be looked at as well. */
static void look_with_links(struct store *store, const char *path)
{
	struct again again = {.count = 0};
	bool whole;

	store->options.postponed = note_again;
	store->options.postponed_context = &again;
	store_scan_paths(store, &path, 1, &whole);
	store->options.postponed = NULL;
	for (size_t i = 0; i < again.count; i++) {
		const char *other = again.paths[i];

		store_scan_paths(store, &other, 1, &whole);
		free(again.paths[i]);
	}
}

/* Names of one file: what happens under one of them is true of all, whatever it was
 * before. */
static void test_hard_links(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	(void)state;
	assert_non_null(store);
	store_make(store);
	store_put(store, "a", &(struct words){.sop = "1.1"});
	assert_int_equal(linkat(store->fd, "a", store->fd, "b", 0), 0);
	store_scan(store);
	assert_int_equal(store_status(store).counts.duplicates, 1);
	store_put(store, "a", &(struct words){.sop = "1.1", .id = "OTHER"});
	look_with_links(store, "a");
	assert_int_equal(store_status(store).counts.patients, 1);
	store_expect_like_rebuilt(store);
	store_put_bytes(store, "b", span_of_text("not a DICOM file"));
	look_with_links(store, "b");
	assert_int_equal(store_status(store).counts.skipped, 2);
	store_put(store, "b", &(struct words){.sop = "1.1"});
	look_with_links(store, "b");
	assert_int_equal(store_status(store).counts.duplicates, 1);
	/* One name more, and one less: the times of all change. */
	assert_int_equal(linkat(store->fd, "a", store->fd, "c", 0), 0);
	look_with_links(store, "c");
	store_expect_like_rebuilt(store);
	store_delete(store, "c");
	look_with_links(store, "c");
	store_expect_like_rebuilt(store);
	store_scan(store);
	assert_int_equal(store->measured, 0);
	store_remove(store);
	free(store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_hard_links),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
