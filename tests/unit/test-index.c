/*
 * Opening an index: what is refused, what is started anew, who may write, and
 * that row keys and inode numbers survive all of it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

static int setup(void **state)
{
	struct store *store = calloc(1, sizeof(*store));

	assert_non_null(store);
	store_make(store);
	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2", .number = "2", .frames = 3});
	store_put(store, "b/1",
		  &(struct words){.sop = "1.3", .study = "1.2.4", .series = "1.2.4.0"});
	*state = store;
	return 0;
}

static int teardown(void **state)
{
	store_remove(*state);
	free(*state);
	return 0;
}

static struct ix_options options_of(const struct store *store)
{
	return (struct ix_options){
		.path = store->path,
		.store = store->root,
		.variant = "",
		.frame_kinds = PNG_KIND,
	};
}

static void expect_refusal(const struct ix_options *options, enum err_code code, const char *text)
{
	struct ix_index *index = NULL;
	struct err err = {0};

	assert_false(ix_open(&index, options, &err));
	assert_null(index);
	assert_int_equal(err.code, code);
	if (strstr(err.message, text) == NULL)
		fail_msg("\"%s\" does not hold \"%s\"", err.message, text);
	assert_null(strchr(err.message, '\n'));
}

/* Of another program. */
static void make_foreign(const struct store *store, const char *text)
{
	sqlite3 *db = NULL;

	assert_int_equal(sqlite3_open(store->path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static void test_files_are_private(void **state)
{
	struct store *store = *state;
	char folder[128];
	struct stat st;

	(void)umask(0);
	store_scan(store);
	assert_int_equal(stat(store->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(folder, sizeof(folder), "%s-wal", store->path);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	(void)snprintf(folder, sizeof(folder), "%s/index", store->base);
	assert_int_equal(stat(folder, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0700);
	(void)umask(022);
}

static void test_refusals(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	char path[PATH_MAX];

	store_scan(store);
	store_close(store);
	options.store = "/elsewhere";
	expect_refusal(&options, ERR_USAGE, "another store");
	options = options_of(store);
	options.variant = "x";
	expect_refusal(&options, ERR_USAGE, "other options");
	options = options_of(store);
	options.path = store_path(store, "sub/i.sqlite", path);
	expect_refusal(&options, ERR_USAGE, "inside the store");
	options.path = "/dev/null/x/i.sqlite";
	expect_refusal(&options, ERR_IO, "Not a directory");
	options.path = store->root;
	options.store = "/elsewhere";
	expect_refusal(&options, ERR_IO, "index");
	store_sql(store, "PRAGMA user_version = 99");
	options = options_of(store);
	expect_refusal(&options, ERR_USAGE, "newer version");
}

static void test_foreign_database_is_left_alone(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	char folder[128];
	struct stat st;

	(void)snprintf(folder, sizeof(folder), "%s/index", store->base);
	assert_int_equal(mkdir(folder, 0700), 0);
	make_foreign(store, "CREATE TABLE precious(x)");
	expect_refusal(&options, ERR_USAGE, "another program");
	assert_int_equal(stat(store->path, &st), 0);
}

/* Ways to spoil an index that are noticed when it is opened. */
static void spoil_magic(struct store *store)
{
	int fd = open(store->path, O_WRONLY);

	assert_true(pwrite(fd, "garbage", 7, 0) == 7);
	(void)close(fd);
}

static void spoil_pages(struct store *store)
{
	static const char garbage[4096] = {1};
	int fd = open(store->path, O_WRONLY);

	for (off_t at = 4096; at < 40960; at += 4096)
		assert_true(pwrite(fd, garbage, sizeof(garbage), at) == sizeof(garbage));
	(void)close(fd);
}

static void spoil_length(struct store *store)
{
	assert_int_equal(truncate(store->path, 8192), 0);
}

static void spoil_version(struct store *store)
{
	store_sql(store, "UPDATE meta SET value = 'other' WHERE key = 'fingerprint'");
}

static void test_damaged_is_started_anew(void **state)
{
	static void (*const ways[])(struct store * store) = {spoil_magic, spoil_pages, spoil_length,
							     spoil_version};
	struct store *store = *state;
	char bad[128], *before;
	struct ix_node node;
	int64_t highest = 0;

	store_scan(store);
	before = store_tree(store);
	(void)snprintf(bad, sizeof(bad), "%s.bad", store->path);
	for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
		char *after;

		assert_true(store_find(store, "patients", &node));
		store_close(store);
		(void)unlink(bad);
		ways[i](store);
		store_scan(store);
		assert_int_equal(access(bad, F_OK), 0);
		after = store_tree(store);
		assert_string_equal(before, after);
		free(after);
		/* Keys are never used again, even though the old index is lost. */
		assert_true(store_find(store, "uids/1.2.3", &node));
		assert_true(node.id > highest);
		highest = node.id + 10;
	}
	free(before);
}

static void test_rebuild_keeps_identity(void **state)
{
	struct store *store = *state;
	char *before, *after;
	struct ix_node old, new;
	uint64_t epoch;

	store_scan(store);
	before = store_tree(store);
	assert_true(store_find(store, "uids/1.2.4", &old));
	epoch = ix_epoch(store->index);
	store_close(store);
	store_open(store, true);
	assert_int_equal(store_status(store).counts.files, 0);
	store_scan(store);
	after = store_tree(store);
	assert_string_equal(before, after);
	assert_true(store_find(store, "uids/1.2.3", &new));
	assert_true(new.id > old.id);
	assert_true(new.id <= IX_MAX_ID);
	assert_true(ix_epoch(store->index) != epoch);
	free(before);
	free(after);
}

static void test_one_writer(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	struct ix_index *follower;
	struct ix_reader *reader;
	struct ix_status status;
	struct err err = {0};

	store_scan(store);
	assert_true(ix_is_writer(store->index));
	options.must_write = true;
	expect_refusal(&options, ERR_IO, "in use by another process");
	options.must_write = false;
	options.rebuild = true;
	expect_refusal(&options, ERR_IO, "in use by another process");
	options.rebuild = false;
	assert_true(ix_open(&follower, &options, &err));
	assert_false(ix_is_writer(follower));
	assert_true(ix_epoch(follower) == ix_epoch(store->index));
	assert_true(ix_reader_open(&reader, follower, &err));
	assert_true(ix_status_get(reader, &status, &err));
	assert_int_equal(status.counts.instances, 3);

	/* It asks, the writer hears it, once. */
	assert_false(ix_scan_requested(store->index));
	assert_true(ix_request_scan(follower, &err));
	assert_true(ix_scan_requested(store->index));
	assert_false(ix_scan(follower, &store->options, &err));
	assert_int_equal(err.code, ERR_USAGE);
	store_put(store, "c", &(struct words){.sop = "1.4"});
	store_scan(store);
	assert_false(ix_scan_requested(store->index));
	assert_true(ix_status_get(reader, &status, &err));
	assert_int_equal(status.counts.instances, 4);
	assert_true(ix_note_instance(follower, 1, "decode", "no", &err));
	ix_reader_close(reader);
	ix_close(follower);
}

/* Somebody cleans up while it is in use, ids file and all, and another process
 * makes it anew: the same ids are other objects' then. */
static void test_replaced_index_is_not_read(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	struct ix_index *other;
	struct ix_reader *reader;
	struct ix_status status;
	struct err err = {0};
	char command[256];

	store_scan(store);
	(void)snprintf(command, sizeof(command), "rm -f '%s'*", store->path);
	assert_int_equal(system(command), 0);
	assert_true(ix_open(&other, &options, &err));
	assert_true(ix_is_writer(other));
	assert_false(ix_reader_open(&reader, store->index, &err));
	assert_int_equal(err.code, ERR_IO);
	assert_non_null(strstr(err.message, "replaced"));
	assert_null(reader);
	/* Who has it open goes on with what was there. */
	assert_true(ix_status_get(store->reader, &status, &err));
	assert_int_equal(status.counts.instances, 3);
	ix_close(other);
}

/* What is in its place may be anything. */
static void test_replaced_file(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	char other[128], target[128], *before, *after;
	struct stat st;

	store_scan(store);
	before = store_tree(store);
	store_close(store);
	(void)snprintf(other, sizeof(other), "%s/other", store->base);
	assert_int_equal(rename(store->path, other), 0);
	assert_int_equal(mkdir(store->path, 0700), 0);
	expect_refusal(&options, ERR_IO, "not a regular file");
	assert_int_equal(rmdir(store->path), 0);
	/* A lock and files beside it for each name would be two of each. */
	assert_int_equal(symlink(other, store->path), 0);
	expect_refusal(&options, ERR_IO, "not a regular file");
	/* Nor is anything written to what a link leads to. */
	(void)snprintf(target, sizeof(target), "%s/empty", store->base);
	assert_int_equal(unlink(store->path), 0);
	assert_int_equal(symlink(target, store->path), 0);
	expect_refusal(&options, ERR_IO, "not a regular file");
	assert_int_equal(stat(target, &st), -1);
	assert_int_equal(unlink(store->path), 0);
	/* An empty file is one that was begun; without one all beside it is of nothing. */
	for (unsigned round = 0; round < 2; round++) {
		if (round == 0)
			(void)close(open(store->path, O_WRONLY | O_CREAT, 0600));
		store_scan(store);
		after = store_tree(store);
		assert_string_equal(before, after);
		free(after);
		store_close(store);
		assert_int_equal(unlink(store->path), 0);
	}
	free(before);
}

static void test_versions(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	char *before, *after, sums[128];
	uint64_t epoch;

	store_scan(store);
	before = store_tree(store);
	epoch = ix_epoch(store->index);
	store_sql(store, "PRAGMA user_version = 1");
	store_scan(store);
	after = store_tree(store);
	assert_string_equal(before, after);
	assert_true(ix_epoch(store->index) != epoch);
	free(after);
	free(before);
	store_sql(store, "PRAGMA user_version = 99");
	expect_refusal(&options, ERR_USAGE, "newer version");
	/* Whose checksums may be elsewhere. */
	(void)snprintf(sums, sizeof(sums), "%s-sums", store->path);
	assert_int_equal(unlink(sums), 0);
	expect_refusal(&options, ERR_USAGE, "newer version");
}

static void test_read_only_folder(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	char folder[128];

	store_scan(store);
	store_close(store);
	(void)snprintf(folder, sizeof(folder), "%s/index", store->base);
	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount(folder, folder, "none", MS_BIND, NULL) != 0)
		skip();
	assert_int_equal(mount("none", folder, "none", MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	expect_refusal(&options, ERR_IO, "Read-only file system");
	assert_int_equal(umount(folder), 0);
	store_scan(store);
	assert_int_equal(store->measured, 0);
}

/* The clock has no part in it. */
static void test_tickets(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	struct ix_index *follower;
	struct err err = {0};
	int64_t first, second;

	store_scan(store);
	assert_true(ix_open(&follower, &options, &err));
	assert_true(ix_ask_scan(follower, &first, &err));
	assert_true(ix_ask_scan(follower, &second, &err));
	assert_true(second > first);
	assert_true(store_status(store).asked < first);
	assert_true(ix_scan_requested(store->index));
	store_scan(store);
	assert_int_equal(store_status(store).asked, second);
	assert_false(ix_scan_requested(store->index));
	assert_int_equal(store_status(store).written_by, IX_WRITTEN_BY_US);
	ix_close(follower);
}

static void test_writer_is_gone(void **state)
{
	struct store *store = *state;
	struct ix_options options = options_of(store);
	struct ix_index *follower;
	struct ix_reader *reader;
	struct ix_status status;
	struct err err = {0};

	store_scan(store);
	assert_true(ix_open(&follower, &options, &err));
	assert_true(ix_reader_open(&reader, follower, &err));
	assert_true(ix_status_get(reader, &status, &err));
	assert_int_equal(status.written_by, IX_WRITTEN_BY_ANOTHER);
	store_close(store);
	assert_true(ix_status_get(reader, &status, &err));
	assert_int_equal(status.written_by, IX_WRITTEN_BY_NOBODY);
	assert_int_equal(status.counts.instances, 3);
	store_open(store, false);
	assert_true(ix_status_get(reader, &status, &err));
	assert_int_equal(status.written_by, IX_WRITTEN_BY_ANOTHER);
	ix_reader_close(reader);
	ix_close(follower);
}

/* Whoever has it open goes on with that; and does not harm its successor when it
 * ends. */
static void test_successor_is_left_alone(void **state)
{
	struct store *store = *state, other = *store;
	char command[256], log[128], ids[128], *tree, *after;
	struct ix_reader *reader;
	struct err err = {0};

	store_scan(store);
	(void)snprintf(command, sizeof(command), "rm -f '%s'*", store->path);
	assert_int_equal(system(command), 0);
	assert_false(ix_reader_open(&reader, store->index, &err));
	assert_int_equal(err.code, ERR_IO);
	other.options.measure_context = other.options.changed_context = &other;
	store_scan(&other);
	tree = store_tree(&other);
	store_close(store);
	(void)snprintf(log, sizeof(log), "%s-wal", store->path);
	(void)snprintf(ids, sizeof(ids), "%s-ids", store->path);
	assert_int_equal(access(log, F_OK), 0);
	store_put(&other, "new", &(struct words){.sop = "1.9"});
	store_scan(&other);
	store_delete(&other, "new");
	store_scan(&other);
	store_close(&other);
	store_open(store, false);
	after = store_tree(store);
	assert_string_equal(tree, after);
	free(tree);
	free(after);
}

static void test_killed_scan_is_noticed(void **state)
{
	struct store *store = *state;

	store_scan(store);
	store_close(store);
	store_sql(store, "UPDATE status SET state = 1");
	store_open(store, false);
	assert_int_equal(store_status(store).state, IX_SCAN_STOPPED);
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store->measured, 0);
}

static void test_default_path(void **state)
{
	struct buf a CLEANUP_BUF = buf_empty(BUF_NO_LIMIT), b CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf c CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};

	(void)state;
	assert_true(ix_default_path("/data/store one", "", &a, &err));
	assert_true(ix_default_path("/data/store one", "v", &b, &err));
	assert_true(ix_default_path("/other/store one", "", &c, &err));
	assert_non_null(strstr(buf_text(&a), "/dicomfs/store one-"));
	assert_non_null(strstr(buf_text(&a), ".sqlite"));
	assert_string_not_equal(buf_text(&a), buf_text(&b));
	assert_string_not_equal(buf_text(&a), buf_text(&c));
	buf_truncate(&a, 0);
	assert_true(ix_default_path("/", "", &a, &err));
	assert_non_null(strstr(buf_text(&a), "/dicomfs/"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_files_are_private, setup, teardown),
		cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_database_is_left_alone, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_damaged_is_started_anew, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rebuild_keeps_identity, setup, teardown),
		cmocka_unit_test_setup_teardown(test_one_writer, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_index_is_not_read, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced_file, setup, teardown),
		cmocka_unit_test_setup_teardown(test_versions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_read_only_folder, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tickets, setup, teardown),
		cmocka_unit_test_setup_teardown(test_writer_is_gone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_successor_is_left_alone, setup, teardown),
		cmocka_unit_test_setup_teardown(test_killed_scan_is_noticed, setup, teardown),
		cmocka_unit_test(test_default_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
