/*
 * Power is lost while an index is made, scanned, changed and closed, at any call
 * and again and again: it opens by itself afterwards, a scan gives the tree of a
 * new index, and no id that anybody has seen belongs to something else.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "index/internal.h"
#include "index/wal.h"
#include "power-vfs.h"

#define FILES 12
#define LOSSES 240
#define IDS_MAX (LOSSES * 20000)

/* What readers saw over all lives, in all processes. */
struct seen {
	uint64_t owners[IDS_MAX]; /* by id */
	unsigned calls;           /* of a whole life */
};

struct ground {
	struct store store;
	struct store other; /* the same files, another index */
	struct seen *seen;
	unsigned lost, rebuilt;
};

/* ---- Ids ---------------------------------------------------------------- */

struct list {
	struct seen *seen;
	size_t count;
	int64_t ids[2048];
	uint8_t types[2048];
};

static void see(struct seen *seen, int64_t id, uint64_t owner)
{
	if (id < IX_FIRST_ID)
		return;
	if (id >= IDS_MAX || (seen->owners[id] != 0 && seen->owners[id] != owner)) {
		printf("not ok: id %lld is another's\n", (long long)id);
		(void)fflush(stdout);
		_exit(5);
	}
	seen->owners[id] = owner;
}

static bool see_instance(const struct ix_instance *instance, void *context)
{
	struct list *list = context;

	see(list->seen, instance->id, instance->ident | 1);
	return true;
}

static bool see_node(const struct ix_node *node, void *context)
{
	struct list *list = context;

	see(list->seen, node->id, node->ino | 1);
	assert_true(list->count < ARRAY_LEN(list->ids));
	list->ids[list->count] = node->id;
	list->types[list->count++] = node->type;
	return true;
}

static bool see_all(struct ix_reader *reader, struct seen *seen, struct err *err)
{
	struct list list = {.seen = seen, .count = 1, .ids = {IX_ROOT}};
	bool ok = true;

	for (size_t i = 0; ok && i < list.count; i++) {
		if (list.types[i] == IX_NODE_FOLDER)
			ok = ix_children(reader, list.ids[i], 0, see_node, &list, err);
		else if (list.types[i] == IX_NODE_SERIES)
			ok = ix_instances(reader, list.ids[i], UINT32_MAX, 0, see_instance, &list,
					  err);
	}
	return ok;
}

/* ---- A life ------------------------------------------------------------- */

static void put_file(struct store *store, unsigned i, const char *comment)
{
	char path[32], sop[32], series[32], study[32];

	(void)snprintf(path, sizeof(path), "%u/%u", i % 3, i);
	(void)snprintf(sop, sizeof(sop), "1.2.%u", i);
	(void)snprintf(study, sizeof(study), "5.%u", i % 4);
	(void)snprintf(series, sizeof(series), "5.%u.%u", i % 4, i % 8);
	store_put(
		store, path,
		&(struct words){.sop = sop, .series = series, .study = study, .comment = comment});
}

/* Of three files one is new, one is gone, one has other bytes, in turns. */
static void change_store(struct store *store, unsigned turn)
{
	char comment[16], path[32];

	(void)snprintf(comment, sizeof(comment), "%u", turn);
	for (unsigned i = 0; i < FILES; i++) {
		(void)snprintf(path, sizeof(path), "%u/%u", i % 3, i);
		if ((i + turn) % 3 == 0)
			store_delete(store, path);
		else if ((i + turn) % 3 == 1 || faccessat(store->fd, path, F_OK, 0) != 0)
			put_file(store, i, comment);
	}
}

static bool try_open(struct store *store, struct err *err)
{
	struct ix_options options = {
		.path = store->path,
		.store = store->root,
		.variant = "",
		.must_write = true,
		.frame_kinds = PNG_KIND,
	};

	return ix_open(&store->index, &options, err) &&
	       ix_reader_open(&store->reader, store->index, err);
}

static bool checkpoint(struct store *store)
{
	struct ix_db *db = &store->index->writer.db;
	bool complete;

	return ix_wal_checkpoint(db->handle, db->log_frames, false, &complete) == SQLITE_OK;
}

/* Ends in it, or with the process. */
static void live(struct ground *ground, unsigned at, unsigned turn)
{
	struct store *store = &ground->store;
	struct err err = {0};
	bool ok;

	power_start(at, at * 7919 + turn);
	ok = try_open(store, &err);
	for (unsigned i = 0; ok && i < 2; i++) {
		change_store(store, turn + i);
		ok = ix_scan(store->index, &store->options, &err) &&
		     see_all(store->reader, ground->seen, &err) &&
		     ((turn + i) % 2 == 0 || checkpoint(store));
	}
	if (ok)
		store_close(store);
	else
		printf("%s\n", err.message);
	ground->seen->calls = power_count();
	_exit(ok ? 0 : 4);
}

static int live_apart(struct ground *ground, unsigned at, unsigned turn)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0)
		live(ground, at, turn);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* ---- What is left ------------------------------------------------------- */

static char *tree_of_new_index(struct ground *ground)
{
	struct store *other = &ground->other;
	char *tree;

	store_open(other, true);
	store_scan(other);
	tree = store_tree(other);
	store_close(other);
	return tree;
}

static void expect_all_well(struct ground *ground, unsigned turn, uint64_t *epoch)
{
	struct store *store = &ground->store;
	struct err err = {0};
	char *tree, *expected;

	change_store(store, turn + 2);
	if (!try_open(store, &err) || !see_all(store->reader, ground->seen, &err))
		fail_msg("turn %u: %s", turn, err.message);
	ground->rebuilt += *epoch != 0 && *epoch != ix_epoch(store->index);
	*epoch = ix_epoch(store->index);
	tree = store_tree(store); /* an earlier one, and whole */
	free(tree);
	store_scan(store);
	assert_true(see_all(store->reader, ground->seen, &err));
	tree = store_tree(store);
	expected = tree_of_new_index(ground);
	assert_string_equal(tree, expected);
	free(tree);
	free(expected);
	store_close(store);
}

static void remove_index(struct store *store)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-sums", ".bad"};
	char name[128];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", store->path, suffixes[i]);
		(void)unlink(name);
	}
}

static void test_power_is_lost(void **state)
{
	struct ground *ground = *state;
	uint64_t epoch = 0;
	unsigned calls;

	assert_int_equal(live_apart(ground, 0, 0), 0);
	calls = ground->seen->calls;
	assert_true(calls > 100);
	for (unsigned turn = 0; turn < LOSSES; turn++) {
		/* All of them, in an order that mixes. */
		unsigned at = turn * 89 % calls + 1;
		int status;

		if (turn % 12 == 0) {
			remove_index(&ground->store);
			epoch = 0;
		}
		status = live_apart(ground, at, turn);
		assert_true(status == 0 || status == POWER_LOST);
		ground->lost += status == POWER_LOST;
		expect_all_well(ground, turn, &epoch);
	}
	assert_true(ground->lost > LOSSES / 2);
	/* Power was lost, and nothing else. */
	assert_int_equal(ground->rebuilt, 0);
}

static int setup(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));

	assert_non_null(ground);
	ground->seen = mmap(NULL, sizeof(*ground->seen), PROT_READ | PROT_WRITE,
			    MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_true(ground->seen != MAP_FAILED);
	store_make(&ground->store);
	ground->other = ground->store;
	(void)snprintf(ground->other.path, sizeof(ground->other.path), "%s/other/i.sqlite",
		       ground->store.base);
	*state = ground;
	return 0;
}

static int teardown(void **state)
{
	struct ground *ground = *state;

	store_remove(&ground->store);
	(void)munmap(ground->seen, sizeof(*ground->seen));
	free(ground);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_power_is_lost, setup, teardown),
	};

	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	power_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
