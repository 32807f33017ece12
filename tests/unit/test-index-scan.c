/*
 * Scans: what is not in the tree is listed with a reason, a lost disk removes
 * nothing, and single files can be looked at again.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>


#define PATIENT "patients/Doe, Jane (PAT1) ~0j5cbz"
#define STUDY PATIENT "/2024-01-15 1015 Thorax ~st5vf7"
#define SERIES STUDY "/003 CT ~dy6fmy"

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

/* ---- Not in the tree ---------------------------------------------------- */

static void test_other_files(void **state)
{
	struct store *store = *state;
	char path[PATH_MAX], outside[128];

	store_put(store, "good/1", &(struct words){.sop = "1.1"});
	store_put_bytes(store, "empty", span_of_text(""));
	store_put_bytes(store, "text", span_of_text("not a DICOM file"));
	store_put_bytes(store, "\xff\xfe bytes\n", span_of_text("not a DICOM file"));
	assert_int_equal(mkfifoat(store->fd, "fifo", 0600), 0);
	assert_int_equal(symlinkat("good/1", store->fd, "link-in"), 0);
	assert_int_equal(symlinkat("good", store->fd, "link-folder"), 0);
	assert_int_equal(symlinkat("nowhere", store->fd, "link-broken"), 0);
	assert_int_equal(symlinkat("link-loop", store->fd, "link-loop"), 0);
	(void)snprintf(outside, sizeof(outside), "%s/outside", store->base);
	assert_int_equal(mkdir(outside, 0700), 0);
	assert_int_equal(symlinkat(outside, store->fd, "link-out"), 0);
	store_scan(store);
	assert_int_equal(store_status(store).counts.skipped, 9);
	assert_int_equal(store_status(store).counts.instances, 1);
	store_expect_problems(store, "empty [not-dicom]\n"
				     "fifo [special]\n"
				     "link-broken [link]\n"
				     "link-folder [link]\n"
				     "link-in [link]\n"
				     "link-loop [link]\n"
				     "link-out [link]\n"
				     "text [not-dicom]\n"
				     "\xff\xfe bytes\n [not-dicom]\n");
	store_expect_like_rebuilt(store);
	store_scan(store);
	assert_int_equal(store->changes, 0);
	assert_int_equal(store->measured, 0);
	store_put(store, "text", &(struct words){.sop = "1.2"});
	store_delete(store, "link-out");
	store_put(store, "link-out/1", &(struct words){.sop = "1.3"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.instances, 3);
	store_expect_like_rebuilt(store);
	assert_int_equal(access(store_path(store, "good/1", path), F_OK), 0);
}

static void test_follow(void **state)
{
	struct store *store = *state, other;

	/* Outside: a file, a link to itself, one back into the store. */
	store_make(&other);
	store_put(&other, "x/1", &(struct words){.sop = "1.1"});
	store_put(&other, "2", &(struct words){.sop = "1.2"});
	assert_int_equal(symlinkat(".", other.fd, "again"), 0);
	assert_int_equal(symlinkat(store->root, other.fd, "back"), 0);
	store_put(store, "0", &(struct words){.sop = "1.0"});
	assert_int_equal(symlinkat(other.root, store->fd, "out"), 0);
	assert_int_equal(symlinkat(other.root, store->fd, "out2"), 0);
	store->options.follow = true;
	store_scan(store);
	assert_int_equal(store_status(store).counts.instances, 3);
	store_expect_problems(store, "out/again [link]\nout/back [link]\nout2 [link]\n");
	store_scan(store);
	assert_int_equal(store->changes, 0);
	store_expect_like_rebuilt(store);
	/* Another way to the same folder, which comes first: what was known by the
	 * one before goes. */
	assert_int_equal(symlinkat(other.root, store->fd, "new way"), 0);
	store_scan(store);
	store_expect_problems(store, "new way/again [link]\nnew way/back [link]\nout [link]\n"
				     "out2 [link]\n");
	store_expect_like_rebuilt(store);
	store_remove(&other);
}

static void test_unreadable(void **state)
{
	struct store *store = *state;
	int fd;

	if (geteuid() == 0)
		skip();
	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_put(store, "b/1", &(struct words){.sop = "1.2"});
	store_put(store, "b/2", &(struct words){.sop = "1.3"});
	store_scan(store);
	fd = openat(store->fd, "b", O_RDONLY);
	assert_int_equal(fchmodat(store->fd, "a", 0, 0), 0);
	assert_int_equal(fchmod(fd, 0), 0);
	store_scan(store);
	/* Nobody knows that what is in the folder is gone, and the file is there. */
	store_expect_problems(store, "b [unreadable]\n");
	assert_int_equal(store_status(store).counts.instances, 3);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(fchmodat(store->fd, "a", 0600, 0), 0);
	store_scan(store);
	store_expect_problems(store, "");
	assert_int_equal(store_status(store).counts.instances, 3);
	(void)close(fd);
}

static void test_damaged_headers(void **state)
{
	struct store *store = *state;
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	uint8_t *data;
	char path[PATH_MAX];
	int fd;

	store_put(store, "whole", &(struct words){.sop = "1.1", .series = "1.2.3.1"});
	fd = open(store_path(store, "whole", path), O_RDONLY);
	data = buf_extend(&bytes, 345);
	assert_true(read(fd, data, 345) == 345);
	(void)close(fd);
	store_put_bytes(store, "cut", buf_span(&bytes));
	buf_truncate(&bytes, 145);
	store_put_bytes(store, "stump", buf_span(&bytes));
	store_delete(store, "whole");
	store_scan(store);
	assert_int_equal(store_status(store).counts.files, 2);
	assert_int_equal(store_status(store).counts.instances, 1);
	store_expect_problems(store, "cut [damaged]\nstump [corrupt]\n");
}

/* ---- A lost disk -------------------------------------------------------- */

static void test_sudden_emptiness(void **state)
{
	struct store *store = *state;
	struct ix_status status;

	store_scan(store); /* empty from the start is fine */
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_scan(store);
	store_delete(store, "a");
	store_scan(store);
	status = store_status(store);
	assert_int_equal(status.state, IX_SCAN_SUSPICIOUS);
	assert_non_null(strstr(status.state_reason, "empty"));
	assert_int_equal(status.counts.instances, 1);
	(void)store_node(store, SERIES);
	/* Back again. */
	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	store_delete(store, "a");
	store->options.confirm_empty = true;
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.files, 0);
	store_expect_none(store, PATIENT);
}

static void test_other_file_system(void **state)
{
	struct store *store = *state;

	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2"});
	store_touch(store, "a/2", 1000000000);
	store_scan(store);
	store_sql(store, "UPDATE meta SET value = '0 0 0' WHERE key = 'store-disk'");
	/* All files are there: it moved. One is missing: who knows. */
	store_delete(store, "a/2");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	assert_int_equal(store_status(store).counts.instances, 2);
	store_put(store, "a/2", &(struct words){.sop = "1.2"});
	store_touch(store, "a/2", 1000000000);
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	store_delete(store, "a/2");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.instances, 1);
}

/* The same type and the same folder, but another number: a disk that the machine
 * calls otherwise today, or another one of the same make. */
static void test_other_number(void **state)
{
	static const char renumber[] =
		"UPDATE meta SET value = substr(value, 1, instr(value, ' ')) || 'abc ' ||"
		" substr(value, instr(value, ' ') + instr(substr(value, instr(value, ' ') + 1), ' ') + 1)"
		" WHERE key = 'store-disk'";
	struct store *store = *state;
	char path[16];

	for (int i = 1; i <= 6; i++) {
		char uid[16];

		(void)snprintf(path, sizeof(path), "a/%d", i);
		(void)snprintf(uid, sizeof(uid), "1.%d", i);
		store_put(store, path, &(struct words){.sop = uid});
	}
	store_scan(store);
	store_sql(store, renumber);
	store_delete(store, "a/1");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.instances, 5);
	store_sql(store, renumber);
	store_delete(store, "a/2");
	store_delete(store, "a/3");
	store_delete(store, "a/4");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	assert_int_equal(store_status(store).counts.instances, 5);
	/* Nor is one file alone believed to have gone. */
	{
		struct err err = {0};

		assert_false(ix_refresh(store->index, &store->options, 2, &err));
		assert_int_equal(err.code, ERR_IO);
	}
	store->options.confirm_empty = true;
	store_scan(store);
	store->options.confirm_empty = false;
	assert_int_equal(store_status(store).counts.instances, 2);
}

struct seen {
	struct ix_counts counts;
	bool walk_done;
	unsigned calls;
};

static void keep_progress(const struct ix_counts *counts, uint64_t bytes, bool walk_done,
			  void *context)
{
	struct seen *seen = context;

	(void)bytes;
	assert_int_equal(counts->files, counts->instance_files + counts->duplicates +
						counts->skipped + counts->failed + counts->pending);
	seen->counts = *counts;
	seen->walk_done = walk_done;
	seen->calls++;
}

static void test_progress(void **state)
{
	struct store *store = *state;
	struct seen seen = {.calls = 0};

	for (unsigned i = 0; i < 200; i++) {
		char path[32], uid[32];

		(void)snprintf(path, sizeof(path), "%u/%u", i / 30, i);
		(void)snprintf(uid, sizeof(uid), "1.%u", i);
		store_put(store, path, &(struct words){.sop = uid});
	}
	store->options.progress = keep_progress;
	store->options.progress_context = &seen;
	store_scan(store);
	assert_true(seen.calls > 0);
	assert_true(seen.walk_done);
	assert_int_equal(seen.counts.files, 200);
	assert_int_equal(seen.counts.pending, 0);
}

/* ---- Single files ------------------------------------------------------- */

static void test_refresh(void **state)
{
	struct store *store = *state;
	struct ix_instance before, after;
	struct ix_source source;
	struct err err = {0};

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_put(store, "b", &(struct words){.sop = "1.2"});
	store_scan(store);
	before = store_instance(store, SERIES "/00001~p8mvks");
	assert_true(ix_source_get(store->reader, before.id, 0, &source, &err));
	store_put(store, "a", &(struct words){.sop = "1.1", .comment = "changed since"});
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	after = store_instance(store, SERIES "/00001~p8mvks");
	assert_true(after.id != before.id && after.ident == before.ident);
	assert_true(after.size > before.size);
	assert_int_equal(store_status(store).counts.instances, 2);
	store_delete(store, "a");
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	assert_int_equal(store_status(store).counts.files, 1);
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	store_expect_like_rebuilt(store);
}

static void test_notes(void **state)
{
	struct store *store = *state;
	struct ix_instance instance;
	struct err err = {0};
	uint64_t version;

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_scan(store);
	instance = store_instance(store, SERIES "/00001~p8mvks");
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	store_expect_problems(store, "a [decode]\n");
	assert_int_equal(store_status(store).counts.notes, 1);
	version = store_status(store).version;
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	assert_true(store_status(store).version == version);
	store_scan(store);
	store_expect_problems(store, "a [decode]\n");
	store_touch(store, "a", 77);
	store_scan(store);
	store_expect_problems(store, "");
	assert_int_equal(store_status(store).counts.notes, 0);
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	store_expect_problems(store, "");
}

static void test_stop(void **state)
{
	struct store *store = *state;
	atomic_bool stop = true;
	struct err err = {0};

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_open(store, false);
	store->options.stop = &stop;
	assert_true(ix_scan(store->index, &store->options, &err));
	assert_int_equal(store_status(store).state, IX_SCAN_STOPPED);
	stop = false;
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.instances, 1);
}

static void test_changes_are_told(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_put(store, "b", &(struct words){.sop = "1.2"});
	store_scan(store);
	assert_int_equal(store->changes_of[IX_CHANGE_INSTANCE_ADDED], 2);
	assert_int_equal(store->changes_of[IX_CHANGE_INSTANCE_REMOVED], 0);
	/* Patient, study, series; year, month, day, modality, month; three links. */
	assert_int_equal(store->changes_of[IX_CHANGE_ADDED], 11);
	store_scan(store);
	assert_int_equal(store->changes, 0);
	store_delete(store, "b");
	store_scan(store);
	assert_int_equal(store->changes_of[IX_CHANGE_INSTANCE_REMOVED], 1);
	store->options.confirm_empty = true;
	store_delete(store, "a");
	store_scan(store);
	assert_int_equal(store->changes_of[IX_CHANGE_INSTANCE_REMOVED], 1);
	assert_int_equal(store->changes_of[IX_CHANGE_REMOVED], 11);
}

/* Places that lead to the same thing: a file where a folder was, and was not seen. */
static void test_the_same_place_twice(void **state)
{
	static const char *const paths[] = {"c", "c/x", "c/y/z"};
	struct store *store = *state;
	bool whole;

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_scan(store);
	store_put(store, "c", &(struct words){.sop = "1.2"});
	store_scan_paths(store, paths + 1, 2, &whole);
	assert_int_equal(store_status(store).counts.instances, 2);
	store_delete(store, "c");
	store_scan_paths(store, paths, 3, &whole);
	assert_int_equal(store_status(store).counts.instances, 1);
}

/* What a watcher tells between the walk and the end of a scan. */
struct meanwhile {
	struct store *store;
	const char *from, *to;
	unsigned calls;
};

static char **rename_now(size_t *count, void *context)
{
	struct meanwhile *m = context;
	char **paths;

	if (m->calls++ > 0)
		return NULL;
	paths = calloc(2, sizeof(*paths));
	assert_non_null(paths);
	paths[0] = strdup(m->from);
	paths[1] = strdup(m->to);
	*count = 2;
	return paths;
}

/* A folder that is renamed: of its old names a walk knows before of the new ones. */
static void test_renamed_meanwhile(void **state)
{
	static const char *const old[] = {"a/1"};
	struct store *store = *state;
	struct meanwhile m = {store, "a", "b", 0};
	struct ix_node before, after;
	bool whole;

	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2"});
	store_scan(store);
	before = store_node(store, "patients");
	store_move(store, "a", "b");
	store->options.more = rename_now;
	store->options.more_context = &m;
	store_scan_paths(store, old, 1, &whole);
	store->options.more = NULL;
	assert_int_equal(m.calls, 2);
	assert_int_equal(store_status(store).counts.instances, 2);
	/* No folder of the tree went. */
	assert_int_equal(store->changes_of[IX_CHANGE_REMOVED], 0);
	after = store_node(store, "patients");
	assert_int_equal(after.subfolders, before.subfolders);
	store_expect_like_rebuilt(store);
}

/* The only file of a series is renamed: the folders around it stay what they are. */
static void test_renamed_alone(void **state)
{
	static const char *const paths[] = {"a", "b"};
	struct store *store = *state;
	bool whole;

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_scan(store);
	store_move(store, "a", "b");
	store_scan_paths(store, paths, 2, &whole);
	assert_int_equal(store->changes_of[IX_CHANGE_REMOVED], 0);
	assert_int_equal(store_status(store).counts.instances, 1);
	assert_int_equal(store_status(store).counts.duplicates, 0);
	store_expect_problems(store, "");
	store_expect_like_rebuilt(store);
}

/* What a scan takes for gone is back when it is to be taken out. */
static char **put_back(size_t *count, void *context)
{
	struct meanwhile *m = context;

	*count = 0;
	store_move(m->store, "kept", "a");
	return NULL;
}

static void test_back_again(void **state)
{
	struct store *store = *state;
	struct meanwhile m = {.store = store};

	store_put(store, "a/b/1", &(struct words){.sop = "1.1"});
	store_put(store, "z", &(struct words){.sop = "1.2"});
	store_scan(store);
	store_move(store, "a", "../kept");
	assert_int_equal(renameat(store->fd, "../kept", store->fd, "kept"), 0);
	/* Under another name that is not looked at. */
	store->options.more = put_back;
	store->options.more_context = &m;
	{
		static const char *const paths[] = {"a"};
		bool whole;

		store_scan_paths(store, paths, 1, &whole);
	}
	store->options.more = NULL;
	assert_int_equal(store_status(store).counts.instances, 2);
	store_scan(store);
	assert_int_equal(store->changes, 0);
}

/* A store that was suddenly empty is not full again with one file. */
static void test_suspicion_stays(void **state)
{
	struct store *store = *state;

	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2"});
	store_put(store, "a/3", &(struct words){.sop = "1.3"});
	store_scan(store);
	store_move(store, "a", "../kept");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	store_put_bytes(store, "README", span_of_text("hello"));
	store_close(store);
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	assert_int_equal(store_status(store).counts.instances, 3);
	assert_int_equal(renameat(store->fd, "../kept", store->fd, "a"), 0);
	store_delete(store, "a/1");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.instances, 2);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_other_files),
		TEST(test_follow),
		TEST(test_unreadable),
		TEST(test_damaged_headers),
		TEST(test_sudden_emptiness),
		TEST(test_other_file_system),
		TEST(test_other_number),
		TEST(test_progress),
		TEST(test_refresh),
		TEST(test_notes),
		TEST(test_stop),
		TEST(test_changes_are_told),
		TEST(test_the_same_place_twice),
		TEST(test_renamed_meanwhile),
		TEST(test_renamed_alone),
		TEST(test_back_again),
		TEST(test_suspicion_stays),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
