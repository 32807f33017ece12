/*
 * Disks that come and go: of the store itself, and those mounted inside it. A disk
 * that is lost, or another one in its place, takes nothing out of the tree and
 * changes nothing in it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/watch.h"

/* Second word of a disk's text, see struct ix_disk. */
#define RENUMBER(column)                                                                           \
	" SET " column " = substr(" column ", 1, instr(" column ", ' ')) || 'abc ' ||"             \
	" substr(" column ", instr(" column ", ' ') +"                                             \
	" instr(substr(" column ", instr(" column ", ' ') + 1), ' ') + 1) "

#define RENUMBER_STORE "UPDATE meta" RENUMBER("value") "WHERE key = 'store-disk'"
#define RENUMBER_DISKS "UPDATE folder" RENUMBER("disk") "WHERE disk <> ''"

/* In a mount namespace of our own. */
static bool may_mount;

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

static void put(struct store *store, const char *path, const char *uid)
{
	store_put(store, path, &(struct words){.sop = uid});
	/* Not by the clock: whatever is put again is as old. */
	store_touch(store, path, 1000000000);
}

static void put_many(struct store *store, const char *folder, unsigned count)
{
	for (unsigned i = 1; i <= count; i++) {
		char path[64], uid[16];

		(void)snprintf(path, sizeof(path), "%s/%u", folder, i);
		(void)snprintf(uid, sizeof(uid), "1.%u", i);
		put(store, path, uid);
	}
}

/* Another file of the same name. */
static void replace(struct store *store, const char *path, const char *uid)
{
	store_put(store, path, &(struct words){.sop = uid, .comment = "of another disk"});
}

static const char *hidden(const struct store *store, char path[static 96])
{
	(void)snprintf(path, 96, "%s/hidden", store->base);
	return path;
}

static void hide(struct store *store, const char *name)
{
	char path[96];

	assert_int_equal(renameat(store->fd, name, AT_FDCWD, hidden(store, path)), 0);
}

static void show(struct store *store, const char *name)
{
	char path[96];

	assert_int_equal(renameat(AT_FDCWD, hidden(store, path), store->fd, name), 0);
}

static uint64_t instances(struct store *store)
{
	return store_status(store).counts.instances;
}

static void fake_disk(struct store *store, const char *prefix)
{
	char sql[160];

	(void)snprintf(sql, sizeof(sql),
		       "UPDATE folder SET disk = 'ef53 1234 2' WHERE CAST(prefix AS TEXT) = '%s'",
		       prefix);
	store_sql(store, sql);
}

/* ---- The folder of a disk is gone --------------------------------------- */

static void expect_kept(struct store *store, const char *problems)
{
	static const char *const paths[] = {"disk"};
	bool whole = false;

	store_scan(store);
	store_expect_problems(store, problems);
	assert_int_equal(instances(store), 4);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	/* So it stays. */
	store_scan(store);
	store_expect_problems(store, problems);
	assert_int_equal(instances(store), 4);
	assert_int_equal(store->changes, 0);
	store_scan_paths(store, paths, 1, &whole);
	assert_true(whole);
	store_expect_problems(store, problems);
	assert_int_equal(instances(store), 4);
}

static void test_folder_is_gone(void **state)
{
	struct store *store = *state;

	put(store, "a/1", "1.1");
	put(store, "disk/2", "1.2");
	put(store, "disk/sub/3", "1.3");
	put(store, "e", "1.4");
	store_scan(store);
	fake_disk(store, "disk/");
	hide(store, "disk");
	expect_kept(store, "disk [unreadable]\n");
	show(store, "disk");
	store_scan(store);
	assert_int_equal(instances(store), 4);
	store_expect_like_rebuilt(store);
	/* Deeper; and what was a plain folder is gone. */
	fake_disk(store, "disk/sub/");
	hide(store, "disk");
	store_delete(store, "a");
	put(store, "b/1", "1.1");
	expect_kept(store, "disk [unreadable]\n");
	/* It is meant. */
	store->options.confirm_empty = true;
	store_scan(store);
	store->options.confirm_empty = false;
	assert_int_equal(instances(store), 2);
	store_expect_like_rebuilt(store);
	show(store, "disk");
	store_scan(store);
	store_expect_like_rebuilt(store);
}

/* A file in its place is no lost disk. */
static void test_folder_is_a_file(void **state)
{
	struct store *store = *state;

	put(store, "a/1", "1.1");
	put(store, "disk/2", "1.2");
	store_scan(store);
	fake_disk(store, "disk/");
	store_delete(store, "disk");
	put(store, "disk", "1.3");
	store_scan(store);
	assert_int_equal(instances(store), 2);
	store_expect_like_rebuilt(store);
	/* Nor is a link in the place of a plain folder. */
	store_delete(store, "a");
	assert_int_equal(symlinkat("disk", store->fd, "a"), 0);
	store_scan(store);
	assert_int_equal(instances(store), 1);
	store_expect_like_rebuilt(store);
}

/* ---- Another disk in place ---------------------------------------------- */

static int64_t file_of(struct store *store, const char *path)
{
	struct ix_instance instance = store_instance(store, path);
	struct ix_source source;
	struct err err = {0};

	assert_true(ix_source_get(store->reader, instance.id, 0, &source, &err));
	return source.file;
}

static void test_same_names(void **state)
{
	static const char one[] = "patients/Doe, Jane (PAT1) ~0j5cbz/2024-01-15 1015 Thorax "
				  "~st5vf7/003 CT ~dy6fmy/00001~p8mvks";
	struct store *store = *state;
	struct err err = {0};
	char *tree, *now;

	put_many(store, "disk", 5);
	store_scan(store);
	tree = store_tree(store);
	fake_disk(store, "disk/");
	replace(store, "disk/1", "2.1");
	store_delete(store, "disk/2");
	assert_int_equal(mkfifoat(store->fd, "disk/2", 0600), 0);
	store_delete(store, "disk/3");
	assert_int_equal(mkdirat(store->fd, "disk/3", 0700), 0);
	store_scan(store);
	store_expect_problems(store, "disk [unreadable]\n");
	now = store_tree(store);
	assert_string_equal(now, tree);
	free(now);
	/* Who reads finds another file: no reason to take it. */
	assert_false(ix_refresh(store->index, &store->options, file_of(store, one), &err));
	assert_int_equal(err.code, ERR_IO);
	now = store_tree(store);
	assert_string_equal(now, tree);
	free(now);
	free(tree);
	/* New ones come. */
	put(store, "disk/3/new", "2.9");
	store_scan(store);
	store_expect_problems(store, "disk [unreadable]\n");
	assert_int_equal(instances(store), 6);
	store->options.confirm_empty = true;
	store_scan(store);
	store->options.confirm_empty = false;
	assert_int_equal(instances(store), 4);
	store_expect_like_rebuilt(store);
}

/* Of two disks, one in the other, each is settled for itself. */
static void test_one_in_the_other(void **state)
{
	struct store *store = *state;

	put_many(store, "disk", 3);
	put(store, "disk/inner/1", "3.1");
	put(store, "disk/inner/2", "3.2");
	store_scan(store);
	fake_disk(store, "disk/");
	fake_disk(store, "disk/inner/");
	store_delete(store, "disk/inner/1");
	store_scan(store);
	store_expect_problems(store, "disk/inner [unreadable]\n");
	assert_int_equal(instances(store), 5);
	/* The outer one is known again. */
	store_delete(store, "disk/1");
	store_scan(store);
	store_expect_problems(store, "disk/inner [unreadable]\n");
	assert_int_equal(instances(store), 4);
	put(store, "disk/inner/1", "3.1");
	store_scan(store);
	store_expect_like_rebuilt(store);
}

/* ---- A disk with another number ----------------------------------------- */

static void mount_disk(struct store *store, const char *name)
{
	char path[PATH_MAX];

	if (!may_mount)
		skip();
	assert_int_equal(mkdirat(store->fd, name, 0700), 0);
	if (mount("none", store_path(store, name, path), "tmpfs", 0, "size=1m") != 0)
		skip();
}

static void unmount_disk(struct store *store, const char *name)
{
	char path[PATH_MAX];

	store_close(store);
	assert_int_equal(umount2(store_path(store, name, path), MNT_DETACH), 0);
}

static void test_other_number(void **state)
{
	static const char *const paths[] = {"disk/7"};
	struct store *store = *state;
	bool whole = true;

	mount_disk(store, "disk");
	put(store, "a", "5.1");
	put_many(store, "disk", 6);
	put(store, "disk/sub/8", "1.8");
	store_scan(store);
	store_sql(store, RENUMBER_DISKS);
	store_delete(store, "disk/1");
	store_delete(store, "disk/sub");
	replace(store, "disk/2", "2.2");
	put(store, "disk/7", "1.7");
	store_scan(store);
	assert_int_equal(instances(store), 7);
	store_expect_like_rebuilt(store);
	/* It is known from now on. */
	store_delete(store, "disk/7");
	store_scan_paths(store, paths, 1, &whole);
	assert_false(whole);
	assert_int_equal(instances(store), 6);
	/* Most are others, or gone: who knows. */
	store_sql(store, RENUMBER_DISKS);
	store_delete(store, "disk/2");
	replace(store, "disk/3", "2.3");
	replace(store, "disk/4", "2.4");
	store_scan(store);
	store_expect_problems(store, "disk [unreadable]\n");
	assert_int_equal(instances(store), 6);
	store->options.confirm_empty = true;
	store_scan(store);
	store->options.confirm_empty = false;
	assert_int_equal(instances(store), 5);
	store_expect_like_rebuilt(store);
	unmount_disk(store, "disk");
}

/* A real one is unmounted, its folder removed, and mounted again. */
static void test_unmounted(void **state)
{
	struct store *store = *state;
	char path[PATH_MAX], aside[PATH_MAX];
	const char *disk = store_path(store, "disk", path);

	mount_disk(store, "disk");
	put(store, "a", "5.1");
	put_many(store, "disk", 3);
	(void)snprintf(aside, sizeof(aside), "%s/aside", store->base);
	assert_int_equal(mkdir(aside, 0700), 0);
	store_scan(store);
	store_close(store);
	assert_int_equal(mount(disk, aside, "none", MS_MOVE, NULL), 0);
	store_scan(store);
	store_expect_problems(store, "disk [unreadable]\n");
	assert_int_equal(instances(store), 4);
	assert_int_equal(rmdir(disk), 0);
	store_scan(store);
	store_expect_problems(store, "disk [unreadable]\n");
	assert_int_equal(instances(store), 4);
	assert_int_equal(mkdir(disk, 0700), 0);
	assert_int_equal(mount(aside, disk, "none", MS_MOVE, NULL), 0);
	store_scan(store);
	assert_int_equal(instances(store), 4);
	store_expect_like_rebuilt(store);
	store_delete(store, "disk/1");
	store_scan(store);
	assert_int_equal(instances(store), 3);
	store_expect_like_rebuilt(store);
	unmount_disk(store, "disk");
}

/* ---- The store's own disk ----------------------------------------------- */

static void test_store_elsewhere(void **state)
{
	struct store *store = *state;
	char *tree, *now;

	put_many(store, "a", 6);
	store_scan(store);
	tree = store_tree(store);
	store_sql(store, "UPDATE meta SET value = '0 0 0' WHERE key = 'store-disk'");
	replace(store, "a/1", "2.1");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	now = store_tree(store);
	assert_string_equal(now, tree);
	free(now);
	free(tree);
	put(store, "a/1", "1.1");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	store_expect_like_rebuilt(store);
}

static void test_store_other_number(void **state)
{
	static const char *const paths[] = {"a/1"};
	struct store *store = *state;
	bool whole = false;

	put_many(store, "a", 6);
	store_scan(store);
	store_sql(store, RENUMBER_STORE);
	replace(store, "a/1", "2.1");
	store_delete(store, "a/2");
	store_scan_paths(store, paths, 1, &whole);
	assert_true(whole);
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(instances(store), 5);
	store_expect_like_rebuilt(store);
	store_sql(store, RENUMBER_STORE);
	replace(store, "a/3", "2.3");
	replace(store, "a/4", "2.4");
	replace(store, "a/5", "2.5");
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_SUSPICIOUS);
	store->options.confirm_empty = true;
	store_scan(store);
	store->options.confirm_empty = false;
	store_expect_like_rebuilt(store);
}

/* ---- What the kernel does not tell -------------------------------------- */

static void no_wake(void *context)
{
	(void)context;
}

static struct ix_watcher *open_watcher(struct store *store)
{
	const struct ix_watcher_options options = {
		.store_fd = store->fd, .events = true, .wake = no_wake};
	struct ix_watcher *watcher;
	struct err err = {0};

	assert_true(ix_watcher_open(&watcher, &options, &err));
	store->options.entered = ix_watcher_entered;
	store->options.led_out = ix_watcher_led_out;
	store->options.entered_context = watcher;
	return watcher;
}

static void close_watcher(struct store *store, struct ix_watcher *watcher)
{
	store->options.entered = NULL;
	store->options.led_out = NULL;
	ix_watcher_close(watcher);
}

static void expect_watch(struct store *store, struct ix_watcher *watcher, const char *reason)
{
	struct ix_watch report;

	ix_watcher_begin_whole(watcher);
	store_scan(store);
	ix_watcher_end_whole(watcher, true);
	ix_watcher_report(watcher, &report);
	assert_string_equal(report.reason, reason);
	assert_int_equal(report.mode, reason[0] != '\0' ? IX_WATCH_RESCAN : IX_WATCH_EVENTS);
}

/* The file systems of some test machines are silent. */
static void skip_silent(struct store *store, struct ix_watcher *watcher)
{
	struct ix_watch report;

	store_scan(store);
	ix_watcher_report(watcher, &report);
	if (report.mode == IX_WATCH_EVENTS)
		return;
	close_watcher(store, watcher);
	skip();
}

static void test_links_lead_out(void **state)
{
	struct store *store = *state;
	struct ix_watcher *watcher = open_watcher(store);
	char path[PATH_MAX];

	put(store, "a/1", "1.1");
	skip_silent(store, watcher);
	assert_int_equal(symlinkat("a", store->fd, "inside"), 0);
	assert_int_equal(symlinkat("/dev/null", store->fd, "outside"), 0);
	expect_watch(store, watcher, "");
	store->options.follow = true;
	expect_watch(store, watcher, "links lead out of the store");
	store_delete(store, "outside");
	expect_watch(store, watcher, "");
	(void)snprintf(path, sizeof(path), "%s/nothing yet", store->base);
	assert_int_equal(symlinkat(path, store->fd, "outside"), 0);
	expect_watch(store, watcher, "links lead out of the store");
	close_watcher(store, watcher);
}

static void test_two_ways(void **state)
{
	static const char twice[] = "a folder is in the store twice (bind mount)";
	struct store *store = *state;
	struct ix_watcher *watcher;
	char from[PATH_MAX], to[PATH_MAX];

	mount_disk(store, "disk");
	watcher = open_watcher(store);
	put(store, "a/x/1", "1.1");
	put(store, "b/x/2", "1.2");
	skip_silent(store, watcher);
	expect_watch(store, watcher, "");
	/* A folder that was renamed is there once. */
	store_move(store, "b", "c");
	expect_watch(store, watcher, "");
	assert_int_equal(mount(store_path(store, "a", from), store_path(store, "c", to), "none",
			       MS_BIND, NULL),
			 0);
	expect_watch(store, watcher, twice);
	expect_watch(store, watcher, twice);
	assert_int_equal(umount2(to, MNT_DETACH), 0);
	expect_watch(store, watcher, "");
	/* The store in itself. */
	assert_int_equal(mount(store_path(store, ".", from), to, "none", MS_BIND, NULL), 0);
	expect_watch(store, watcher, twice);
	assert_int_equal(umount2(to, MNT_DETACH), 0);
	close_watcher(store, watcher);
	unmount_disk(store, "disk");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_folder_is_gone),  TEST(test_folder_is_a_file),
		TEST(test_same_names),      TEST(test_one_in_the_other),
		TEST(test_other_number),    TEST(test_unmounted),
		TEST(test_store_elsewhere), TEST(test_store_other_number),
		TEST(test_links_lead_out),  TEST(test_two_ways),
	};

	/* Before any store is opened: its descriptor belongs to the namespace. */
	may_mount = geteuid() == 0 && unshare(CLONE_NEWNS) == 0 &&
		    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
