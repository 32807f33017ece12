/* SPDX-License-Identifier: MIT */
#include "fs/disk-cache.h"

#include <fcntl.h>
#include <ftw.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/disk-entry.h"

#define LIMIT ((uint64_t)64 << 20)

struct ground {
	char folder[64];
	int fd; /* of the folder */
};

/* ---- Ground ------------------------------------------------------------- */

static int open_ground(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));

	assert_non_null(ground);
	(void)snprintf(ground->folder, sizeof(ground->folder), "/tmp/dicomfs-test.XXXXXX");
	assert_non_null(mkdtemp(ground->folder));
	ground->fd = open(ground->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(ground->fd >= 0);
	*state = ground;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

static int close_ground(void **state)
{
	struct ground *ground = *state;

	base_close_fd(&ground->fd);
	(void)nftw(ground->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(ground);
	return 0;
}

static struct fs_disk_cache *open_cache(const char *folder, uint64_t limit)
{
	struct fs_disk_cache *cache = NULL;
	struct err err = {0};

	assert_true(fs_disk_cache_open(&cache, folder, limit, &err));
	assert_true(fs_disk_cache_start(cache, &err));
	return cache;
}

static void close_cache(struct fs_disk_cache *cache)
{
	fs_disk_cache_drain(cache);
	assert_true(fs_disk_cache_stop(cache, 20000));
	fs_disk_cache_close(cache);
}

/* Content that follows from its number, so that everybody can check it. */
static struct fs_blob *blob_of(unsigned number, size_t size)
{
	struct buf bytes = buf_empty(BUF_NO_LIMIT);
	uint8_t *data = buf_extend(&bytes, size);
	struct fs_blob *blob;

	assert_non_null(data);
	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(number + i * 7 + i / 256);
	blob = fs_blob_new(&bytes);
	assert_non_null(blob);
	return blob;
}

static struct span key_of(unsigned number, char text[static 32])
{
	(void)snprintf(text, 32, "picture %u", number);
	return span_of_text(text);
}

static void keep(struct fs_disk_cache *cache, unsigned number, size_t size)
{
	struct fs_blob *blob = blob_of(number, size);
	char text[32];

	fs_disk_cache_keep(cache, key_of(number, text), blob);
	fs_blob_unref(blob);
}

/* Whether it is there; if it is, it is right. */
static bool has(struct fs_disk_cache *cache, unsigned number, size_t size)
{
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct fs_blob *blob = blob_of(number, size);
	char text[32];
	bool found;

	buf_append_text(&out, "before");
	found = fs_disk_cache_find(cache, key_of(number, text), size, &out);
	assert_int_equal(out.size, found ? size + 6 : 6);
	assert_memory_equal(out.data, "before", 6);
	if (found && size > 0)
		assert_memory_equal(out.data + 6, blob->data, size);
	fs_blob_unref(blob);
	return found;
}

static void path_of(const struct ground *ground, unsigned number, char path[static 128])
{
	char text[32];
	struct fs_disk_name name = fs_disk_name_of(key_of(number, text));

	(void)snprintf(path, 128, "%s/%s/%s", ground->folder, name.folder, name.file);
}

static bool exists(const struct ground *ground, unsigned number)
{
	char path[128];

	path_of(ground, number, path);
	return faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static unsigned counted;

static int count_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)path, (void)st, (void)where;
	counted += type == FTW_F;
	return 0;
}

static unsigned count_files(const struct ground *ground)
{
	counted = 0;
	assert_int_equal(nftw(ground->folder, count_one, 16, FTW_PHYS), 0);
	return counted;
}

/* ---- What is kept is found --------------------------------------------- */

static void test_kept_and_found(void **state)
{
	static const size_t sizes[] = {1, 100, 4096, 1000000};
	struct ground *ground = *state;
	struct fs_disk_cache *cache = open_cache(ground->folder, LIMIT);
	struct stat st;
	char path[128];

	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++) {
		assert_false(has(cache, i, sizes[i]));
		keep(cache, i, sizes[i]);
	}
	fs_disk_cache_drain(cache);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++)
		assert_true(has(cache, i, sizes[i]));
	path_of(ground, 1, path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	*strrchr(path, '/') = '\0';
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	close_cache(cache);
	cache = open_cache(ground->folder, LIMIT);
	for (unsigned i = 0; i < ARRAY_LEN(sizes); i++)
		assert_true(has(cache, i, sizes[i]));
	/* Another size than the one that is wanted is no hit. */
	assert_false(has(cache, 2, 4095));
	assert_false(exists(ground, 2));
	close_cache(cache);
}

/* ---- Damage --------------------------------------------------------------- */

static void change_byte(const char *path, off_t at)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	uint8_t byte;

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, at), 1);
	assert_int_equal(close(fd), 0);
}

static void test_every_byte_counts(void **state)
{
	struct ground *ground = *state;
	struct fs_disk_cache *cache = open_cache(ground->folder, LIMIT);
	char text[32], path[128];
	off_t size = (off_t)(FS_DISK_HEADER + key_of(1, text).size + 300);

	path_of(ground, 1, path);
	for (off_t at = 0; at < size; at++) {
		keep(cache, 1, 300);
		fs_disk_cache_drain(cache);
		assert_true(has(cache, 1, 300));
		change_byte(path, at);
		assert_false(has(cache, 1, 300));
		/* It is gone, and made again. */
		assert_false(exists(ground, 1));
	}
	for (off_t cut = 0; cut < size; cut += 13) {
		keep(cache, 1, 300);
		fs_disk_cache_drain(cache);
		assert_int_equal(truncate(path, cut), 0);
		assert_false(has(cache, 1, 300));
		assert_false(exists(ground, 1));
	}
	keep(cache, 1, 300);
	fs_disk_cache_drain(cache);
	assert_int_equal(truncate(path, size + 1), 0);
	assert_false(has(cache, 1, 300));
	close_cache(cache);
}

static void test_foreign_entries(void **state)
{
	struct ground *ground = *state;
	struct fs_disk_cache *cache = open_cache(ground->folder, LIMIT);
	char one[128], two[128];

	path_of(ground, 1, one);
	path_of(ground, 2, two);
	keep(cache, 1, 300);
	keep(cache, 2, 300);
	fs_disk_cache_drain(cache);
	/* The whole file of another key. */
	assert_int_equal(rename(two, one), 0);
	assert_false(has(cache, 1, 300));
	assert_false(exists(ground, 1));
	/* A link to a good one. */
	keep(cache, 2, 300);
	fs_disk_cache_drain(cache);
	assert_int_equal(rename(two, "/tmp/dicomfs-test-moved"), 0);
	assert_int_equal(symlink("/tmp/dicomfs-test-moved", two), 0);
	assert_false(has(cache, 2, 300));
	assert_false(exists(ground, 2));
	assert_int_equal(unlink("/tmp/dicomfs-test-moved"), 0);
	/* One that others could write to. */
	keep(cache, 2, 300);
	fs_disk_cache_drain(cache);
	assert_int_equal(chmod(two, 0666), 0);
	assert_false(has(cache, 2, 300));
	assert_false(exists(ground, 2));
	/* What waits when it is opened. */
	assert_int_equal(mkfifo(two, 0600), 0);
	assert_false(has(cache, 2, 300));
	close_cache(cache);
}

/* ---- Folders that cannot be used -------------------------------------------- */

static void assert_refused(const char *folder, const char *why)
{
	struct fs_disk_cache *cache = NULL;
	struct err err = {0};

	assert_false(fs_disk_cache_open(&cache, folder, LIMIT, &err));
	assert_null(cache);
	assert_non_null(strstr(err.message, why));
}

static void test_folders(void **state)
{
	struct ground *ground = *state;
	char path[128], other[128];

	(void)snprintf(path, sizeof(path), "%s/new", ground->folder);
	(void)snprintf(other, sizeof(other), "%s/other", ground->folder);
	close_cache(open_cache(path, LIMIT));
	close_cache(open_cache(path, LIMIT));
	assert_int_equal(chmod(path, 0755), 0);
	close_cache(open_cache(path, LIMIT));
	assert_int_equal(chmod(path, 0775), 0);
	assert_refused(path, "writable for others");
	assert_int_equal(chmod(path, 01777), 0);
	assert_refused(path, "writable for others");
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(symlink(path, other), 0);
	assert_refused(other, "cannot be used");
	if (geteuid() == 0) {
		assert_int_equal(chown(path, 12345, 12345), 0);
		assert_refused(path, "belongs to another user");
	}
	(void)snprintf(path, sizeof(path), "%s/no/such", ground->folder);
	assert_refused(path, "cannot be made");
}

/* A fan-out folder that leads elsewhere is not used. */
static void test_no_link_is_followed(void **state)
{
	struct ground *ground = *state;
	struct fs_disk_cache *cache = open_cache(ground->folder, LIMIT);
	char path[128], elsewhere[128];

	(void)snprintf(elsewhere, sizeof(elsewhere), "%s/elsewhere", ground->folder);
	assert_int_equal(mkdir(elsewhere, 0700), 0);
	path_of(ground, 1, path);
	*strrchr(path, '/') = '\0';
	assert_int_equal(symlink(elsewhere, path), 0);
	keep(cache, 1, 300);
	fs_disk_cache_drain(cache);
	assert_false(has(cache, 1, 300));
	assert_int_equal(rmdir(elsewhere), 0);
	close_cache(cache);
}

/* ---- The bound --------------------------------------------------------------- */

static void set_age(const struct ground *ground, unsigned number, time_t age)
{
	struct timespec times[2] = {{.tv_sec = time(NULL) - age}, {.tv_sec = time(NULL) - age}};
	char path[128];

	path_of(ground, number, path);
	assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static void test_the_bound(void **state)
{
	struct ground *ground = *state;
	struct fs_disk_cache *cache = open_cache(ground->folder, 1000000);

	/* 100 KiB each, with the head. */
	for (unsigned i = 0; i < 9; i++)
		keep(cache, i, 98304);
	fs_disk_cache_drain(cache);
	for (unsigned i = 0; i < 9; i++) {
		assert_true(exists(ground, i));
		set_age(ground, i, 10000 - 100 * (time_t)i);
	}
	/* Used now. */
	assert_true(has(cache, 0, 98304));
	keep(cache, 9, 98304);
	keep(cache, 10, 98304);
	fs_disk_cache_drain(cache);
	assert_true(exists(ground, 0));
	assert_false(exists(ground, 1));
	assert_true(exists(ground, 8));
	assert_true(exists(ground, 9));
	assert_in_range(count_files(ground), 8, 10);
	/* Too large for a cache of this size. */
	keep(cache, 11, 300000);
	fs_disk_cache_drain(cache);
	assert_false(exists(ground, 11));
	close_cache(cache);
	/* A smaller bound at the next start. */
	close_cache(open_cache(ground->folder, 400000));
	assert_in_range(count_files(ground), 2, 4);
	assert_true(exists(ground, 9) || exists(ground, 10));
}

static void write_text(const struct ground *ground, const char *name)
{
	int fd = openat(ground->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "text", 4), 4);
	assert_int_equal(close(fd), 0);
}

static void test_what_is_not_ours_stays(void **state)
{
	struct ground *ground = *state;
	int fd;

	assert_int_equal(mkdirat(ground->fd, "ab", 0700), 0);
	write_text(ground, "notes.txt");
	write_text(ground, "tmp-notes");
	write_text(ground, "ab/notes.txt");
	write_text(ground, "tmp-0123456789abcdef"); /* of a process that was killed */
	write_text(ground, "tmp-fedcba9876543210"); /* of one that is writing it */
	fd = openat(ground->fd, "tmp-fedcba9876543210", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	close_cache(open_cache(ground->folder, 1));
	base_close_fd(&fd);
	assert_int_equal(count_files(ground), 4);
	assert_int_equal(faccessat(ground->fd, "tmp-0123456789abcdef", F_OK, 0), -1);
}

/* ---- Other processes ------------------------------------------------------------ */

#define SHARED 40
#define SHARED_SIZE 20000

/* Keeps and finds the same pictures as others, under a bound that is too small. */
static void work(const char *folder, unsigned seed, unsigned rounds)
{
	struct fs_disk_cache *cache = open_cache(folder, 500000);

	for (unsigned i = 0; i < rounds; i++) {
		unsigned number = (unsigned)rand_r(&seed) % SHARED;

		if (!has(cache, number, SHARED_SIZE))
			keep(cache, number, SHARED_SIZE);
	}
	close_cache(cache);
}

static pid_t start_worker(const struct ground *ground, unsigned seed, unsigned rounds)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		work(ground->folder, seed, rounds);
		_exit(0);
	}
	return pid;
}

static void test_processes_share(void **state)
{
	struct ground *ground = *state;
	pid_t workers[4];

	for (unsigned i = 0; i < ARRAY_LEN(workers); i++)
		workers[i] = start_worker(ground, i, 600);
	for (unsigned i = 0; i < ARRAY_LEN(workers); i++) {
		int status = -1;

		assert_int_equal(waitpid(workers[i], &status, 0), workers[i]);
		assert_int_equal(status, 0);
	}
	/* The bound, and what each may add before it looks at the others'. */
	assert_true(count_files(ground) * (uint64_t)24576 <= 500000 + 4 * 80000);
}

static void test_killed(void **state)
{
	struct ground *ground = *state;
	struct fs_disk_cache *cache;

	for (unsigned i = 0; i < 30; i++) {
		const struct timespec pause = {.tv_nsec = (long)(i % 7 + 1) * 1000000};
		pid_t pid = start_worker(ground, i, 1000000);
		int status;

		(void)nanosleep(&pause, NULL);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, &status, 0), pid);
	}
	write_text(ground, "tmp-00000000000000aa");
	cache = open_cache(ground->folder, 500000);
	for (unsigned i = 0; i < SHARED; i++)
		(void)has(cache, i, SHARED_SIZE);
	close_cache(cache);
	assert_int_equal(faccessat(ground->fd, "tmp-00000000000000aa", F_OK, 0), -1);
}

/* In a process of its own, with mounts of its own; 77: not possible here. */
static int fill_a_disk(const char *folder)
{
	struct fs_disk_cache *cache;
	unsigned kept = 0;

	if (unshare(CLONE_NEWNS) != 0 ||
	    mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) != 0 ||
	    mount("none", folder, "tmpfs", 0, "size=300k,mode=700") != 0)
		return 77;
	cache = open_cache(folder, LIMIT);
	for (unsigned i = 0; i < 10; i++)
		keep(cache, i, 60000);
	fs_disk_cache_drain(cache);
	for (unsigned i = 0; i < 10; i++)
		kept += has(cache, i, 60000);
	close_cache(cache);
	/* Some are there, whole; the others left nothing behind. */
	if (kept < 2 || kept > 5)
		return 1;
	counted = 0;
	if (nftw(folder, count_one, 16, FTW_PHYS) != 0 || counted != kept)
		return 2;
	return 0;
}

static void test_full_disk(void **state)
{
	struct ground *ground = *state;
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(fill_a_disk(ground->folder));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_kept_and_found, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_every_byte_counts, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_foreign_entries, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_folders, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_no_link_is_followed, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_the_bound, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_what_is_not_ours_stays, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_processes_share, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_killed, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_full_disk, open_ground, close_ground),
	};

	(void)umask(077);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
