/*
 * Scans, refreshes, notes and readers at the same time; for the thread
 * sanitizer, and for the tree to be right afterwards.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <pthread.h>

#define FILES 400
#define ROUNDS 40

struct busy {
	struct store *store;
	atomic_bool quit;
	atomic_uint refreshed, listed;
};

static void name_file(unsigned i, char path[static 32])
{
	(void)snprintf(path, 32, "%c/%02u/f%03u", 'a' + (int)(i % 3), i / 20, i);
}

static void put(struct store *store, unsigned i, const char *comment)
{
	char path[32], sop[32], series[32];

	name_file(i, path);
	(void)snprintf(sop, sizeof(sop), "9.%u", i % 350); /* some meet */
	(void)snprintf(series, sizeof(series), "8.%u", i % 7);
	store_put(store, path, &(struct words){.sop = sop, .series = series, .comment = comment});
}

static void *refresh(void *context)
{
	struct busy *busy = context;
	struct err err = {0};

	for (int64_t file = 1; !atomic_load(&busy->quit); file = file % FILES + 1) {
		if (ix_refresh(busy->store->index, &busy->store->options, file, &err))
			busy->refreshed++;
		(void)ix_scan_requested(busy->store->index);
	}
	return NULL;
}

static bool note_instance(const struct ix_instance *instance, void *context)
{
	struct busy *busy = context;
	struct err err = {0};

	busy->listed++;
	return ix_note_instance(busy->store->index, instance->id, "decode", "a test", &err) &&
	       !atomic_load(&busy->quit);
}

static bool list_node(const struct ix_node *node, void *context)
{
	*(int64_t *)context = node->id;
	return node->type != IX_NODE_SERIES;
}

static void *read_tree(void *context)
{
	struct busy *busy = context;
	struct ix_reader *reader;
	struct err err = {0};

	if (!ix_reader_open(&reader, busy->store->index, &err))
		return NULL;
	while (!atomic_load(&busy->quit)) {
		int64_t id = IX_PATIENTS, last = 0;

		while (last != id) {
			last = id;
			if (!ix_children(reader, id, 0, list_node, &id, &err))
				break;
		}
		if (!ix_instances(reader, id, UINT32_MAX, 0, note_instance, busy, &err))
			break;
	}
	ix_reader_close(reader);
	return NULL;
}

static void test_all_at_once(void **state)
{
	struct store store;
	struct busy busy = {.store = &store};
	pthread_t threads[2];
	char *tree, *anew;

	(void)state;
	store_make(&store);
	/* Three threads tell it changes; it counts for one. */
	store.options.changed = NULL;
	for (unsigned i = 0; i < FILES; i++)
		put(&store, i, "first");
	store_scan(&store);
	assert_int_equal(pthread_create(&threads[0], NULL, refresh, &busy), 0);
	assert_int_equal(pthread_create(&threads[1], NULL, read_tree, &busy), 0);
	for (unsigned round = 0; round < ROUNDS; round++) {
		char path[32];

		put(&store, round * 7 % FILES, round % 2 == 0 ? "first" : "second");
		name_file(round * 11 % FILES, path);
		store_delete(&store, path);
		put(&store, (round + 3) * 11 % FILES, "third");
		store_scan(&store);
	}
	atomic_store(&busy.quit, true);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_true(busy.refreshed > 0);
	assert_true(busy.listed > 0);
	store_scan(&store);
	tree = store_tree(&store);
	store_close(&store);
	store_open(&store, true);
	store_scan(&store);
	anew = store_tree(&store);
	assert_string_equal(tree, anew);
	free(tree);
	free(anew);
	store_remove(&store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_all_at_once)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
