/*
 * What a watcher remembers: places with their times, and folders.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "index/watch-map.h"
#include "index/watch-set.h"

#define SECOND INT64_C(1000000000)

/* ---- Places ------------------------------------------------------------- */

static void expect_taken(struct ix_watch_set *set, int64_t now, const char *expected)
{
	size_t count;
	char **paths = ix_watch_set_take(set, now, &count);
	char text[256] = "";

	for (size_t i = 0; i < count; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s ", paths[i]);
	assert_string_equal(text, expected);
	ix_watch_paths_free(paths, count);
}

static void test_times(void **state)
{
	struct ix_watch_set set;

	(void)state;
	ix_watch_set_init(&set);
	expect_taken(&set, 100, "");
	assert_true(ix_watch_set_add(&set, "b", 0, 50, IX_WATCH_BY));
	assert_true(ix_watch_set_add(&set, "a/x", 0, 20, IX_WATCH_BY));
	assert_true(ix_watch_set_add(&set, "a", 0, 50, IX_WATCH_BY));
	assert_true(ix_watch_set_add(&set, "a-", 0, 60, IX_WATCH_BY));
	assert_int_equal(set.next_ns, 20);
	expect_taken(&set, 19, "");
	expect_taken(&set, 20, "a/x ");
	assert_int_equal(set.next_ns, 50);
	/* Earlier, later, and as it was. */
	assert_true(ix_watch_set_add(&set, "a-", 0, 30, IX_WATCH_BY));
	assert_true(ix_watch_set_add(&set, "a", 0, 70, IX_WATCH_BY));
	assert_true(ix_watch_set_add(&set, "b", 0, 90, IX_WATCH_AFTER));
	assert_true(ix_watch_set_add(&set, "a-", 0, 90, IX_WATCH_ONCE));
	expect_taken(&set, 30, "a- ");
	expect_taken(&set, 80, "a ");
	expect_taken(&set, 90, "b ");
	assert_int_equal(set.next_ns, INT64_MAX);
	ix_watch_set_release(&set);
}

/* What is never left alone has its turn all the same. */
static void test_patience(void **state)
{
	struct ix_watch_set set;
	int64_t now = 0;
	size_t count = 0;

	(void)state;
	ix_watch_set_init(&set);
	while (count == 0) {
		char **paths;

		assert_true(now < 100 * SECOND);
		assert_true(ix_watch_set_add(&set, "log", now, now + SECOND, IX_WATCH_AFTER));
		now += SECOND / 2;
		paths = ix_watch_set_take(&set, now, &count);
		ix_watch_paths_free(paths, count);
	}
	assert_true(now >= 30 * SECOND && now < 32 * SECOND);
	ix_watch_set_release(&set);
}

static void test_too_many(void **state)
{
	struct ix_watch_set set;
	char path[32];
	size_t count = 0;

	(void)state;
	ix_watch_set_init(&set);
	do {
		(void)snprintf(path, sizeof(path), "f%zu", count);
	} while (ix_watch_set_add(&set, path, 0, 1, IX_WATCH_BY) && ++count < 1000000);
	assert_int_equal(count, 200000);
	ix_watch_set_release(&set);
	/* It can be used again. */
	assert_true(ix_watch_set_add(&set, path, 0, 1, IX_WATCH_BY));
	expect_taken(&set, 1, "f200000 ");
	ix_watch_set_release(&set);
}

/* ---- Folders ------------------------------------------------------------ */

struct dropped {
	int wds[64];
	size_t count;
};

static void note_dropped(int wd, void *context)
{
	struct dropped *dropped = context;

	assert_true(dropped->count < ARRAY_LEN(dropped->wds));
	dropped->wds[dropped->count++] = wd;
}

static bool was_dropped(const struct dropped *dropped, int wd)
{
	for (size_t i = 0; i < dropped->count; i++) {
		if (dropped->wds[i] == wd)
			return true;
	}
	return false;
}

static void fill(struct ix_watch_map *map)
{
	static const char *const paths[] = {"", "a/", "a/b/", "a/b/c/", "a/d/", "e/", "ab/"};

	for (size_t i = 0; i < ARRAY_LEN(paths); i++)
		assert_true(ix_watch_map_put(map, (int)i + 1, paths[i]));
	assert_int_equal(map->count, ARRAY_LEN(paths));
}

static void test_drop(void **state)
{
	struct dropped dropped = {.count = 0};
	struct ix_watch_map map = {.dropped = note_dropped, .context = &dropped};

	(void)state;
	fill(&map);
	assert_string_equal(ix_watch_map_find(&map, 3)->path, "a/b/");
	assert_null(ix_watch_map_find(&map, 99));
	ix_watch_map_drop(&map, ix_watch_map_find_path(&map, "a/"));
	assert_int_equal(dropped.count, 4);
	for (int wd = 2; wd <= 5; wd++) {
		assert_true(was_dropped(&dropped, wd));
		assert_null(ix_watch_map_find(&map, wd));
	}
	assert_non_null(ix_watch_map_find_path(&map, "ab/"));
	assert_null(ix_watch_map_find_path(&map, "a/b/c/"));
	ix_watch_map_drop(&map, ix_watch_map_find_path(&map, ""));
	assert_int_equal(map.count, 0);
	ix_watch_map_release(&map);
}

/* A folder that the kernel knows already comes back under another path: its watch
 * is kept, those below are given up. */
static void test_move(void **state)
{
	struct dropped dropped = {.count = 0};
	struct ix_watch_map map = {.dropped = note_dropped, .context = &dropped};

	(void)state;
	fill(&map);
	assert_true(ix_watch_map_put(&map, 3, "e/moved/"));
	assert_string_equal(ix_watch_map_find(&map, 3)->path, "e/moved/");
	assert_null(ix_watch_map_find_path(&map, "a/b/"));
	assert_int_equal(dropped.count, 1);
	assert_true(was_dropped(&dropped, 4));
	/* Another folder at the path of one: that one is gone, with all in it. */
	assert_true(ix_watch_map_put(&map, 50, "e/"));
	assert_true(was_dropped(&dropped, 6) && was_dropped(&dropped, 3));
	assert_int_equal(map.count, 5);
	ix_watch_map_release(&map);
}

static void test_sweep(void **state)
{
	struct dropped dropped = {.count = 0};
	struct ix_watch_map map = {.dropped = note_dropped, .context = &dropped};

	(void)state;
	fill(&map);
	map.round++;
	assert_true(ix_watch_map_put(&map, 1, ""));
	assert_true(ix_watch_map_put(&map, 6, "e/"));
	assert_true(ix_watch_map_put(&map, 7, "ab/"));
	ix_watch_map_sweep(&map);
	assert_int_equal(map.count, 3);
	assert_int_equal(dropped.count, 4);
	ix_watch_map_release(&map);
}

static void test_many_folders(void **state)
{
	struct ix_watch_map map = {.dropped = NULL};
	char path[64];

	(void)state;
	assert_true(ix_watch_map_put(&map, 0, ""));
	for (int i = 1; i < 20000; i++) {
		(void)snprintf(path, sizeof(path), "%d/", i % 100);
		if (i >= 100)
			(void)snprintf(path + strlen(path), 32, "%d/", i);
		assert_true(ix_watch_map_put(&map, i, path));
	}
	for (int i = 0; i < 100; i++) {
		(void)snprintf(path, sizeof(path), "%d/", i);
		if (ix_watch_map_find_path(&map, path) != NULL)
			ix_watch_map_drop(&map, ix_watch_map_find_path(&map, path));
	}
	/* Those of i % 100 == 0 had no folder around them. */
	assert_int_equal(map.count, 1 + 199);
	ix_watch_map_release(&map);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_times),        cmocka_unit_test(test_patience),
		cmocka_unit_test(test_too_many),     cmocka_unit_test(test_drop),
		cmocka_unit_test(test_move),         cmocka_unit_test(test_sweep),
		cmocka_unit_test(test_many_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
