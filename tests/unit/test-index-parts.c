/*
 * The parts of the index that need no database: the order of a listing, the
 * set of what is left to do, contents, packed facts, numbers of row keys.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/content.h"
#include "index/dirty.h"
#include "index/fact-set.h"
#include "index/home.h"
#include "index/listing.h"

static int setup(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	assert_non_null(store);
	store_make(store);
	*state = store;
	return 0;
}

static int teardown(void **state)
{
	store_remove(*state);
	free(*state);
	return 0;
}

/* ---- Listing ------------------------------------------------------------ */

static void test_listing_is_in_the_order_of_paths(void **state)
{
	static const char *const sorted[] = {"A",  "a", "a-b",      "a.b", "a b",
					     "aa", "b", "\xc3\xa4", "\xff"};
	struct store *store = *state;
	struct ix_listing listing;
	struct err err = {0};
	const char *expected[] = {"A", "a b", "a-b", "a.b", "a", "aa", "b", "\xc3\xa4", "\xff"};

	/* a is a folder: a/ comes behind a-b and a.b, in front of aa. */
	for (size_t i = 0; i < ARRAY_LEN(sorted); i++) {
		if (strcmp(sorted[i], "a") != 0)
			store_put_bytes(store, sorted[i], span_of_text("x"));
	}
	store_put_bytes(store, "a/x", span_of_text("x"));
	assert_int_equal(symlinkat("a", store->fd, "zlink"), 0);
	assert_true(ix_listing_read(&listing, store->fd, false, &err));
	assert_int_equal(listing.count, ARRAY_LEN(expected) + 1);
	for (size_t i = 0, at = 0; i < listing.count; i++) {
		if (strcmp(ix_listing_name(&listing, i), "zlink") == 0)
			assert_int_equal(listing.entries[i].type, IX_ENTRY_LINK);
		else
			assert_string_equal(ix_listing_name(&listing, i), expected[at++]);
	}
	assert_true(ix_listing_has_folder(&listing, "a"));
	assert_false(ix_listing_has_folder(&listing, "aa"));
	assert_false(ix_listing_has_folder(&listing, "zlink"));
	ix_listing_release(&listing);
	assert_true(ix_listing_read(&listing, store->fd, true, &err));
	assert_true(ix_listing_has_folder(&listing, "zlink"));
	ix_listing_release(&listing);
}

static void test_listing_drops_repeated(void **state)
{
	struct ix_listing listing = {.names = buf_empty(BUF_NO_LIMIT)};
	static const struct {
		const char *name;
		uint8_t type;
	} told[] = {
		{"b", IX_ENTRY_FILE}, {"a", IX_ENTRY_FILE}, {"b", IX_ENTRY_FILE},
		/* Replaced by a folder meanwhile. */
		{"a", IX_ENTRY_FOLDER}, {"b", IX_ENTRY_FILE}, {"a", IX_ENTRY_FOLDER},
	};
	struct err err = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(told); i++)
		assert_true(ix_listing_add(&listing, told[i].name, told[i].type, &err));
	ix_listing_sort(&listing);
	assert_int_equal(listing.count, 3);
	assert_string_equal(ix_listing_name(&listing, 0), "a");
	assert_string_equal(ix_listing_name(&listing, 1), "a");
	assert_string_equal(ix_listing_name(&listing, 2), "b");
	assert_int_equal(listing.entries[0].type, IX_ENTRY_FILE);
	assert_int_equal(listing.entries[1].type, IX_ENTRY_FOLDER);
	ix_listing_release(&listing);
}

/* ---- Times -------------------------------------------------------------- */

static void test_times_of_any_year(void **state)
{
	static const struct {
		struct timespec time;
		int64_t ns;
	} cases[] = {
		{{0, 0}, 0},
		{{-1, 999999999}, -1},
		{{1, 5}, 1000000005},
		{{-2177452800, 0}, -2177452800000000000}, /* 1901 */
		{{9199999999, 999999999}, 9199999999999999999},
		{{16725225600, 7}, 9200000000000000000}, /* 2500 */
		{{INT64_MAX, 999999999}, 9200000000000000000},
		{{INT64_MIN, 0}, -9200000000000000000},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_true(ix_ns_of(cases[i].time) == cases[i].ns);
}

/* ---- What is left to do ------------------------------------------------- */

static void test_dirty_set(void **state)
{
	enum { KEYS = 3000 };
	static bool present[KEYS];
	struct ix_dirty_set set = {0};
	struct ix_dirty entry;
	uint64_t random = 7;
	int64_t last = KEYS;

	(void)state;
	for (unsigned i = 0; i < 2 * KEYS; i++) {
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
		int64_t id = (int64_t)((random >> 33) % KEYS);
		struct ix_dirty *touched = ix_dirty_touch(&set, id);

		assert_non_null(touched);
		assert_int_equal(touched->id, id);
		assert_int_equal(touched->add > 0, present[id]);
		touched->add++;
		present[id] = true;
	}
	while (ix_dirty_take(&set, &entry)) {
		assert_true(entry.id < last);
		last = entry.id;
		assert_true(present[entry.id] && entry.add > 0);
		present[entry.id] = false;
		/* Its parent, so to speak. */
		if (entry.id > 10 && entry.id % 7 == 0) {
			assert_non_null(ix_dirty_touch(&set, entry.id / 2));
			ix_dirty_touch(&set, entry.id / 2)->add++;
			present[entry.id / 2] = true;
		}
	}
	for (unsigned i = 0; i < KEYS; i++)
		assert_false(present[i]);
	assert_non_null(ix_dirty_touch(&set, 5));
	ix_dirty_clear(&set);
	assert_false(ix_dirty_take(&set, &entry));
	ix_dirty_release(&set);
}

/* ---- Contents ----------------------------------------------------------- */

static void put_large(struct store *store, const char *path, size_t size, uint8_t last)
{
	uint8_t *bytes = calloc(1, size);

	assert_non_null(bytes);
	bytes[size - 1] = last;
	store_put_bytes(store, path, span_of(bytes, size));
	free(bytes);
}

static bool equal_files(struct store *store, const char *a, const char *b)
{
	int x CLEANUP_FD = -1, y CLEANUP_FD = -1;
	struct err err = {0};
	uint64_t hash_x, hash_y;
	bool equal = false;

	assert_true(ix_open_path(store->fd, a, false, &x, &err));
	assert_true(ix_open_path(store->fd, b, false, &y, &err));
	assert_true(ix_content_equal(x, y, &equal, &err));
	assert_true(ix_content_hash(x, &hash_x, &err));
	assert_true(ix_content_hash(y, &hash_y, &err));
	assert_int_equal(equal, hash_x == hash_y);
	return equal;
}

static void test_contents(void **state)
{
	struct store *store = *state;

	put_large(store, "a", 700000, 1);
	put_large(store, "b", 700000, 1);
	put_large(store, "c", 700000, 2);
	put_large(store, "d", 262144, 1);
	put_large(store, "e", 262144, 1);
	assert_true(equal_files(store, "a", "b"));
	assert_false(equal_files(store, "a", "c"));
	assert_false(equal_files(store, "a", "d"));
	assert_true(equal_files(store, "d", "e"));
}

static void test_paths_follow_no_links(void **state)
{
	struct store *store = *state;
	struct ix_fingerprint print;
	struct err err = {0};
	struct stat st;
	int fd;

	store_put_bytes(store, "a/b/c", span_of_text("x"));
	assert_int_equal(symlinkat("a", store->fd, "link"), 0);
	assert_int_equal(symlinkat("b/c", store->fd, "a/file"), 0);
	assert_false(ix_open_path(store->fd, "link/b/c", false, &fd, &err));
	assert_false(ix_open_path(store->fd, "a/file", false, &fd, &err));
	assert_true(ix_open_path(store->fd, "link/file", true, &fd, &err));
	(void)close(fd);
	assert_true(ix_open_path(store->fd, "a/b/c", false, &fd, &err));
	assert_int_equal(fstat(fd, &st), 0);
	(void)close(fd);
	print = ix_fingerprint_of(&st);
	assert_true(ix_content_open(store->fd, "a/b/c", false, &print, &fd, &err));
	(void)close(fd);
	print.mtime_ns++;
	assert_false(ix_content_open(store->fd, "a/b/c", false, &print, &fd, &err));
	assert_int_equal(err.code, ERR_STALE);
	assert_int_equal(mkfifoat(store->fd, "fifo", 0600), 0);
	assert_false(ix_content_open(store->fd, "fifo", false, &print, &fd, &err));
}

/* ---- Facts -------------------------------------------------------------- */

static void test_fact_differences(void **state)
{
	struct ix_fact_set set CLEANUP_FACT_SET, other CLEANUP_FACT_SET;
	struct buf packed CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts = {.fact = {[DC_FACT_PATIENT_NAME] = "Doe^Jane",
					  [DC_FACT_MODALITY] = "PR",
					  [DC_FACT_SOP_UID] = "1.2"}};

	(void)state;
	ix_fact_set_init(&set);
	ix_fact_set_init(&other);
	ix_fact_set_put(&set, DC_FACT_PATIENT_NAME, span_of_text("Doe^Jane"));
	ix_fact_set_put(&set, DC_FACT_MODALITY, span_of_text("PR"));
	ix_fact_set_diff(&set, &facts, &packed);
	assert_int_equal(packed.size, 0);
	ix_fact_set_put(&set, DC_FACT_MODALITY, span_of_text("CT"));
	ix_fact_set_put(&set, DC_FACT_ACCESSION, span_of_text("A"));
	ix_fact_set_diff(&set, &facts, &packed);
	assert_true(packed.size > 0);
	ix_fact_set_apply(&set, buf_span(&packed));
	assert_string_equal(ix_fact_set_get(&set, DC_FACT_MODALITY), "PR");
	assert_string_equal(ix_fact_set_get(&set, DC_FACT_ACCESSION), "");
	assert_string_equal(ix_fact_set_get(&set, DC_FACT_PATIENT_NAME), "Doe^Jane");
	/* Cut anywhere it does no harm. */
	for (size_t size = 0; size < packed.size; size++)
		ix_fact_set_apply(&other, span_of(packed.data, size));
}

/* ---- Numbers beside the index ------------------------------------------- */

static int64_t read_ids(const char *path)
{
	struct err err = {0};
	int64_t limit;

	assert_true(ix_home_ids_read(path, &limit, &err));
	return limit;
}

static void test_ids_file(void **state)
{
	struct store *store = *state;
	struct err err = {0};
	char path[PATH_MAX];
	int64_t limit;

	store_path(store, "index", path);
	assert_int_equal(read_ids(path), 0);
	assert_true(ix_home_ids_write(path, 99, &err));
	assert_int_equal(read_ids(path), 99);
	assert_true(ix_home_ids_write(path, IX_MAX_ID, &err));
	assert_int_equal(read_ids(path), IX_MAX_ID);
	store_put_bytes(store, "index-ids", span_of_text("99999999999\n"));
	assert_int_equal(read_ids(path), 0);
	store_put_bytes(store, "index-ids", span_of_text("x"));
	assert_int_equal(read_ids(path), 0);
	/* Not to be read is not the same as none. */
	store_delete(store, "index-ids");
	assert_int_equal(mkdirat(store->fd, "index-ids", 0700), 0);
	assert_false(ix_home_ids_read(path, &limit, &err));
	assert_int_equal(err.code, ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_listing_is_in_the_order_of_paths),
		cmocka_unit_test(test_listing_drops_repeated),
		cmocka_unit_test(test_times_of_any_year),
		cmocka_unit_test(test_dirty_set),
		TEST(test_contents),
		TEST(test_paths_follow_no_links),
		cmocka_unit_test(test_fact_differences),
		TEST(test_ids_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
