/* SPDX-License-Identifier: MIT */
#include "fs/places.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* A folder of its own: store/, mnt/, mnt-full/file, file, out -> store. */
struct ground {
	char top[64];
	int back; /* where we came from */
};

static int make_ground(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));

	assert_non_null(ground);
	(void)snprintf(ground->top, sizeof(ground->top), "/tmp/dicomfs-places.XXXXXX");
	assert_non_null(mkdtemp(ground->top));
	ground->back = open(".", O_PATH | O_CLOEXEC);
	assert_true(ground->back >= 0);
	assert_int_equal(chdir(ground->top), 0);
	assert_int_equal(mkdir("store", 0700), 0);
	assert_int_equal(mkdir("store/sub", 0700), 0);
	assert_int_equal(mkdir("mnt", 0700), 0);
	assert_int_equal(mkdir("mnt-full", 0700), 0);
	assert_int_equal(mkdir("mnt-full/x", 0700), 0);
	assert_int_equal(close(open("file", O_CREAT | O_WRONLY, 0600)), 0);
	assert_int_equal(symlink("store", "out"), 0);
	assert_int_equal(symlink("store/index", "dangling"), 0);
	*state = ground;
	return 0;
}

static int remove_ground(void **state)
{
	struct ground *ground = *state;

	(void)unlink("file");
	(void)unlink("out");
	(void)unlink("dangling");
	(void)rmdir("store/sub");
	(void)rmdir("store");
	(void)rmdir("mnt-full/x");
	(void)rmdir("mnt-full");
	(void)rmdir("mnt");
	assert_int_equal(fchdir(ground->back), 0);
	(void)close(ground->back);
	assert_int_equal(rmdir(ground->top), 0);
	free(ground);
	return 0;
}

/* What the message says, with the folder of the test taken out. */
static const char *without(const char *message, const char *top, char *text, size_t size)
{
	size_t used = 0;

	while (*message != '\0' && used + 1 < size) {
		if (strncmp(message, top, strlen(top)) == 0)
			message += strlen(top);
		else
			text[used++] = *message++;
	}
	text[used] = '\0';
	return text;
}

static char *copy_of(const char *text)
{
	return text != NULL ? strdup(text) : NULL;
}

static void test_inside(void **state)
{
	static const struct {
		const char *path;
		const char *folder;
		bool inside;
	} cases[] = {
		{"/a", "/a", true},   {"/a/b", "/a", true}, {"/ab", "/a", false},
		{"/a", "/a/b", false}, {"/a", "/", true},    {"/a/b", "/a/", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		assert_int_equal(fs_path_is_inside(cases[i].path, cases[i].folder),
				 cases[i].inside);
}

static void test_mount_find(void **state)
{
	static const char mountinfo[] =
		"22 27 0:20 / / rw,relatime shared:7 - ext4 /dev/sda1 rw\n"
		"23 27 0:21 / /mnt rw - autofs systemd-1 rw,fd=29\n"
		"24 23 0:22 / /mnt ro,nosuid shared:8 master:1 - fuse.dicomfs /srv/x ro\n"
		"25 27 0:23 / /media/with\\040space\\134 rw - tmpfs none rw\n"
		"26 27 0:24 / /mnt/deeper rw - proc proc rw";
	static const struct {
		const char *folder;
		const char *type, *device;
	} cases[] = {
		{"/", "ext4", "0:20"},
		{"/mnt", "fuse.dicomfs", "0:22"},
		{"/media/with space\\", "tmpfs", "0:23"},
		{"/mnt/deeper", "proc", "0:24"},
		{"/media", NULL, NULL},
		{"/mn", NULL, NULL},
		{"/mnt/", NULL, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf type = buf_empty(64), device = buf_empty(64);
		bool found = fs_mount_find(mountinfo, cases[i].folder, &type, &device);

		assert_int_equal(found, cases[i].type != NULL);
		if (found) {
			assert_string_equal(buf_text(&type), cases[i].type);
			assert_string_equal(buf_text(&device), cases[i].device);
		}
	}
	CLEANUP_BUF struct buf type = buf_empty(64), device = buf_empty(64);

	assert_false(fs_mount_find("", "/", &type, &device));
	assert_false(fs_mount_find("garbage\n1 2 - \n\n - x\n", "/", &type, &device));
}

static void test_mounts_in(void **state)
{
#define OTHERS "22 27 0:20 / / rw shared:7 - ext4 /dev/sda1 rw\n23 22 0:21 / /srv2 rw - a b c\n"
	static const char none[] = OTHERS;
	static const char one[] = OTHERS "30 22 0:30 / /srv/a\\040b/c rw - ext4 /dev/sdb rw\n";
	static const char rights[] = OTHERS "30 22 0:30 / /srv/a\\040b/c ro - ext4 /dev/sdb ro\n";
	static const char another[] = OTHERS "31 22 0:31 / /srv/a\\040b/c rw - ext4 /dev/sdc rw\n";

	(void)state;
	assert_int_equal(fs_mounts_in(none, "/srv"), fs_mounts_in("", "/srv"));
	assert_true(fs_mounts_in(one, "/srv") != fs_mounts_in(none, "/srv"));
	assert_true(fs_mounts_in(one, "/srv/a b") != fs_mounts_in(none, "/srv/a b"));
	assert_true(fs_mounts_in(one, "/srv/a b/c") != fs_mounts_in(none, "/srv/a b/c"));
	assert_int_equal(fs_mounts_in(one, "/srv/a"), fs_mounts_in(none, "/srv/a"));
	assert_int_equal(fs_mounts_in(one, "/srv"), fs_mounts_in(rights, "/srv"));
	assert_true(fs_mounts_in(one, "/srv") != fs_mounts_in(another, "/srv"));
	assert_true(fs_mounts_in(one, "/") != fs_mounts_in(none, "/"));
#undef OTHERS
}

static void test_store(void **state)
{
	static const struct {
		const char *store;
		const char *message; /* NULL: fine */
	} cases[] = {
		{"store", NULL},
		{"out", NULL},
		{"./store/../store/", NULL},
		{"nowhere", "STORE 'nowhere': No such file or directory"},
		{"file", "STORE '/file': not a folder"},
		{"", "STORE '': No such file or directory"},
	};
	const struct ground *ground = *state;

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {.store = copy_of(cases[i].store)};
		CLEANUP_FD int fd = -1;
		struct err err = {0};
		char real[128], text[256];

		if (fs_check_store(&options, &fd, &err)) {
			assert_null(cases[i].message);
			(void)snprintf(real, sizeof(real), "%s/store", ground->top);
			assert_string_equal(options.store, real);
			assert_true(fd >= 0);
		} else {
			assert_non_null(cases[i].message);
			assert_string_equal(without(err.message, ground->top, text, sizeof(text)),
					    cases[i].message);
		}
	}
}

struct place_case {
	const char *store;
	const char *place;
	bool nonempty;
	const char *result; /* the resolved place */
	const char *message;
};

enum place { MOUNTPOINT, INDEX, CACHE };

static void run_place(const struct ground *ground, const struct place_case *row, enum place place)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {.store = copy_of(row->store),
							.nonempty = row->nonempty};
	CLEANUP_FD int fd = -1;
	struct err err = {0};
	char real[128], text[256];
	char **set = place == MOUNTPOINT ? &options.mountpoint
		     : place == INDEX    ? &options.index_path
					 : &options.cache_dir;
	bool ok;

	assert_true(fs_check_store(&options, &fd, &err));
	options.mountpoint = place == MOUNTPOINT ? NULL : realpath("mnt", NULL);
	*set = copy_of(row->place);
	if (place == MOUNTPOINT)
		ok = fs_check_mountpoint(&options, &err);
	else if (place == INDEX)
		ok = fs_check_index_place(&options, &err);
	else
		ok = fs_check_cache_place(&options, &err);
	if (ok != (row->message == NULL))
		fail_msg("'%s': %s", row->place, ok ? "accepted" : err.message);
	if (!ok) {
		assert_string_equal(without(err.message, ground->top, text, sizeof(text)),
				    row->message);
		return;
	}
	(void)snprintf(real, sizeof(real), "%s%s", ground->top, row->result);
	assert_string_equal(*set, real);
}

static void test_mountpoint(void **state)
{
	static const struct place_case cases[] = {
		{"store", "mnt", false, "/mnt", NULL},
		{"store", "./mnt/", false, "/mnt", NULL},
		{"store", "mnt-full", true, "/mnt-full", NULL},
		{"store", "mnt-full", false, NULL,
		 "MOUNTPOINT '/mnt-full': not empty; -o nonempty mounts over it"},
		{"store", "nowhere", false, NULL, "MOUNTPOINT 'nowhere': No such file or directory"},
		{"store", "file", false, NULL, "MOUNTPOINT '/file': not a folder"},
		{"store", "store", false, NULL, "MOUNTPOINT '/store' is STORE itself"},
		{"store", "out", true, NULL, "MOUNTPOINT '/store' is STORE itself"},
		{"store", "out/sub", false, NULL,
		 "MOUNTPOINT '/store/sub' is inside STORE '/store'"},
		{"store/sub", "store", true, NULL,
		 "STORE '/store/sub' is inside MOUNTPOINT '/store'"},
		{"store", "/proc", false, NULL,
		 "MOUNTPOINT '/proc': busy, a file system (proc) is mounted there"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_place(*state, &cases[i], MOUNTPOINT);
}

static void test_index_place(void **state)
{
	static const struct place_case cases[] = {
		{"store", "index", false, "/index", NULL},
		{"store", "new/folder/index", false, "/new/folder/index", NULL},
		{"store", "mnt-full/../index", false, "/index", NULL},
		{"store", "out/index", false, NULL,
		 "index '/store/index' is inside STORE, which is never written"},
		{"store", "store/new/index", false, NULL,
		 "index '/store/new/index' is inside STORE, which is never written"},
		{"store", "dangling", false, NULL,
		 "index '/dangling': a symlink that leads nowhere"},
		{"store", "new/../store/index", false, NULL,
		 "index '/new/../store/index': no such folder"},
		{"store", "mnt/index", false, NULL, "index '/mnt/index' is inside MOUNTPOINT"},
		{"store", "mnt-full", false, NULL, "index '/mnt-full': is a folder; name a file"},
		{"store", "file/index", false, NULL, "index 'file/index': Not a directory"},
		{"store/sub", "store", false, NULL, "STORE is inside the index '/store'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_place(*state, &cases[i], INDEX);
}

static void test_cache_place(void **state)
{
	static const struct place_case cases[] = {
		{"store", "cache", false, "/cache", NULL},
		{"store", "mnt-full", false, "/mnt-full", NULL},
		{"store", "mnt-full/../new/cache", false, "/new/cache", NULL},
		{"store", "out", false, NULL,
		 "cache_dir '/store' is inside STORE, which is never written"},
		{"store", "out/cache", false, NULL,
		 "cache_dir '/store/cache' is inside STORE, which is never written"},
		{"store", "mnt", false, NULL, "cache_dir '/mnt' is inside MOUNTPOINT"},
		{"store", "mnt/cache", false, NULL, "cache_dir '/mnt/cache' is inside MOUNTPOINT"},
		{"store", ".", false, NULL, "STORE is inside cache_dir ''"},
		{"store", "new/../store/cache", false, NULL,
		 "cache_dir '/new/../store/cache': no such folder"},
		{"store", "dangling", false, NULL,
		 "cache_dir '/dangling': a symlink that leads nowhere"},
		{"store", "file/cache", false, NULL, "cache_dir 'file/cache': Not a directory"},
		{"store/sub", "store", false, NULL, "STORE is inside cache_dir '/store'"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		run_place(*state, &cases[i], CACHE);
}

/* The reason stays visible behind a path of any length, on one line. */
static void test_long_path(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	CLEANUP_FD int fd = -1;
	struct err err = {0};
	char path[1000];

	(void)state;
	memset(path, 'a', sizeof(path));
	for (size_t i = 0; i < sizeof(path); i += 100)
		path[i] = '/';
	path[sizeof(path) - 4] = '\n';
	path[sizeof(path) - 1] = '\0';
	options.store = copy_of(path);
	assert_false(fs_check_store(&options, &fd, &err));
	assert_non_null(strstr(err.message, "?aa': No such file or directory"));
	assert_null(strchr(err.message, '\n'));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_inside),
		cmocka_unit_test(test_mount_find),
		cmocka_unit_test(test_mounts_in),
		cmocka_unit_test(test_store),
		cmocka_unit_test(test_mountpoint),
		cmocka_unit_test(test_index_place),
		cmocka_unit_test(test_cache_place),
		cmocka_unit_test(test_long_path),
	};

	return cmocka_run_group_tests(tests, make_ground, remove_ground);
}
