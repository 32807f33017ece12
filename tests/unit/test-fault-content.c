/*
 * Files of the mount are made while each call fails once: what comes is right or
 * an error, the error is forgotten, nothing leaks and nothing stays pinned.
 *
 * All points of failure with DICOMFS_TEST_FULL=1, else a part of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"
#include "fault-session.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

#include "fs/measure.h"
#include "fs/scan.h"
#include "index/vfs.h"

static const struct row {
	const char *name;
	struct fault fault;
	unsigned points; /* a file, unless all are tried */
} rows[] = {
	{"no memory", {.class = FAULT_MEMORY}, 12},
	{"no memory any more", {.class = FAULT_MEMORY, .lasting = true}, 3},
	{"EIO", {.class = FAULT_CALL, .code = EIO}, 12},
	{"EIO for good", {.class = FAULT_CALL, .code = EIO, .lasting = true}, 3},
	{"EINTR", {.class = FAULT_CALL, .code = EINTR}, 3},
	{"ESTALE", {.class = FAULT_CALL, .code = ESTALE}, 3},
	{"EMFILE", {.class = FAULT_CALL, .code = EMFILE}, 3},
	{"a short read", {.class = FAULT_SHORT}, 1},
	{"SQLite: no memory", {.class = FAULT_SQL_MEMORY}, 2},
	{"SQLite: no memory any more", {.class = FAULT_SQL_MEMORY, .lasting = true}, 1},
	{"SQLite: I/O", {.class = FAULT_SQL_FILE}, 2},
	{"SQLite: I/O for good", {.class = FAULT_SQL_FILE, .lasting = true}, 1},
};

static struct fault_session ground;

static bool all_points(void)
{
	const char *full = getenv("DICOMFS_TEST_FULL");

	return full != NULL && strcmp(full, "1") == 0;
}

/* What a point may not change. */
struct level {
	long live;
	unsigned descriptors;
};

static struct level level_now(void)
{
	return (struct level){faults_live(), faults_descriptors()};
}

/* The first time, without a fault, something may be made that stays. */
static void check_level(const struct level *before, unsigned nth)
{
	if (nth == UINT32_MAX)
		return;
	assert_int_equal(faults_live(), before->live);
	assert_int_equal(faults_descriptors(), before->descriptors);
}

/* Runs the thing, which returns how often something failed, at all points of a
 * row. */
static unsigned sweep(const struct row *row, unsigned points,
		      unsigned (*run)(const struct row *row, unsigned nth))
{
	unsigned tried = 0, step;

	assert_int_equal(run(row, UINT32_MAX), 0);
	step = all_points() ? 1 : MAX_OF(faults_seen() / points, 1u);
	for (unsigned nth = 1; run(row, nth) > 0; nth += step)
		tried++;
	return tried;
}

/* ---- Files that are made ---------------------------------------------------- */

static size_t current; /* file */

static bool is_right(const struct fs_blob *blob)
{
	return span_equals(span_of(blob->data, blob->size), buf_span(&ground.right[current]));
}

/* The answer while things fail; then without. */
static unsigned make_once(const struct row *row, unsigned nth)
{
	const struct fs_node *file = &ground.files[current];
	struct fault fault = row->fault;
	struct level level = level_now();
	unsigned fired;
	struct fs_blob *blob = NULL;
	struct err err = {0};
	uint64_t room;
	bool opened;

	fault.nth = nth;
	faults_arm(&fault);
	opened = fault_session_open(&ground, &err);
	if (opened)
		blob = fault_session_get(&ground, file, &err);
	fired = faults_disarm();
	if (blob == NULL && err.code == ERR_NONE)
		fail_msg("%s, %s, %u: %s: no file, and no reason", file->kind->folder, row->name,
			 nth, faults_first());
	if (blob != NULL && !is_right(blob))
		fail_msg("%s of %s, %s, %u: %s: wrong bytes", file->kind->folder,
			 file->instance.name, row->name, nth, faults_first());
	fs_blob_unref(blob);
	/* A disk that failed, or memory, is no property of the file. */
	if (ground.complaint != ERR_NONE)
		fail_msg("%s of %s, %s, %u: %s: %s", file->kind->folder, file->instance.name,
			 row->name, nth, faults_first(), err.message);
	if (!opened && !fault_session_open(&ground, &err))
		fail_msg("%s", err.message);
	blob = fault_session_get(&ground, file, &err);
	if (blob == NULL)
		fail_msg("%s of %s, %s, %u: %s: afterwards: %s", file->kind->folder,
			 file->instance.name, row->name, nth, faults_first(), err.message);
	assert_true(is_right(blob));
	fs_blob_unref(blob);
	room = fs_content_room(ground.session.content);
	fault_session_close(&ground);
	assert_int_equal(room, ((uint64_t)64 << 20) - ((uint64_t)4 << 20));
	check_level(&level, nth);
	return fired;
}

/* In memory files it is pictures alone, and the same but for the call of them. */
static bool is_tried(const struct rn_kind *kind, const struct row *row)
{
	if (kind->original)
		return false;
	return !ground.in_file || (kind->per_frame && row->fault.class <= FAULT_CALL &&
				   row->fault.code != EINTR && row->fault.code != ESTALE);
}

static void make_all(void)
{
	unsigned tried[ARRAY_LEN(rows)] = {0};

	for (current = 0; current < ground.count; current++) {
		for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
			if (is_tried(ground.files[current].kind, &rows[i]))
				tried[i] += sweep(&rows[i], rows[i].points, make_once);
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_message("# %s: %u\n", rows[i].name, tried[i]);
	assert_int_equal(fault_session_complaints(&ground), 0);
}

static void test_in_memory(void **state)
{
	(void)state;
	ground.in_file = false;
	make_all();
}

static void test_in_memory_files(void **state)
{
	(void)state;
	ground.in_file = true;
	make_all();
}

/* ---- Originals -------------------------------------------------------------- */

static unsigned read_once(const struct row *row, unsigned nth)
{
	const struct fs_node *file = &ground.files[current];
	struct fault fault = row->fault;
	struct level level = level_now();
	unsigned fired;
	struct fs_store_file opened = {.fd = -1};
	struct ix_source source;
	struct fs_thread thread;
	uint8_t bytes[16384];
	size_t size = MIN_OF(file->instance.size, sizeof(bytes));
	struct err err = {0};
	bool ok;

	fault.nth = nth;
	fs_thread_init(&thread, ground.index);
	memset(bytes, 0, sizeof(bytes));
	faults_arm(&fault);
	ok = fs_source_open(&ground.session, &thread, file->instance.id, &source, &opened, &err) &&
	     fs_read_exact(opened.fd, bytes, size, 0, &err) && fs_store_file_check(&opened, &err);
	fired = faults_disarm();
	base_close_fd(&opened.fd);
	assert_true(ok || err.code != ERR_NONE);
	assert_true(!ok || memcmp(bytes + 128, "DICM", 4) == 0);
	if (!fs_source_open(&ground.session, &thread, file->instance.id, &source, &opened, &err))
		fail_msg("afterwards: %s", err.message);
	base_close_fd(&opened.fd);
	fs_thread_release(&thread);
	check_level(&level, nth);
	return fired;
}

static void test_originals(void **state)
{
	(void)state;
	current = 0;
	while (!ground.files[current].kind->original)
		current++;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_message("# %s: %u\n", rows[i].name, sweep(&rows[i], 100, read_once));
}

/* ---- The cache on disk ------------------------------------------------------ */

static struct fs_blob *new_blob(uint8_t byte)
{
	struct buf bytes = buf_empty(BUF_NO_LIMIT);
	struct fs_blob *blob;
	uint8_t *at = buf_extend(&bytes, 3000);

	memset(at, byte, 3000);
	blob = fs_blob_new(&bytes);
	assert_non_null(blob);
	return blob;
}

static struct fs_disk_cache *open_cache(struct err *err)
{
	struct fs_disk_cache *cache = NULL;

	if (!fs_disk_cache_open(&cache, ground.cache_dir, (uint64_t)1 << 20, err))
		return NULL;
	if (fs_disk_cache_start(cache, err))
		return cache;
	assert_true(fs_disk_cache_stop(cache, 20000));
	fs_disk_cache_close(cache);
	return NULL;
}

static void close_cache(struct fs_disk_cache *cache)
{
	if (cache == NULL)
		return;
	fs_disk_cache_drain(cache);
	assert_true(fs_disk_cache_stop(cache, 20000));
	fs_disk_cache_close(cache);
}

/* What is found is what was kept. */
static bool find(struct fs_disk_cache *cache, const char *key, uint8_t byte)
{
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	if (!fs_disk_cache_find(cache, span_of_text(key), 3000, &out))
		return false;
	assert_int_equal(out.size, 3000);
	for (size_t i = 0; i < 3000; i++)
		assert_int_equal(out.data[i], byte);
	return true;
}

static unsigned count_temporaries(void)
{
	unsigned count = 0;
	DIR *dir = opendir(ground.cache_dir);
	const struct dirent *entry;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strncmp(entry->d_name, "tmp-", 4) == 0;
	(void)closedir(dir);
	return count;
}

static unsigned keep_once(const struct row *row, unsigned nth)
{
	struct level level = level_now();
	unsigned fired;
	struct fault fault = row->fault;
	struct fs_blob *old = new_blob(1), *young = new_blob(2);
	struct fs_disk_cache *cache;
	struct err err = {0};

	fault.nth = nth;
	cache = open_cache(&err);
	assert_non_null(cache);
	fs_disk_cache_keep(cache, span_of_text("old"), old);
	close_cache(cache);
	faults_arm(&fault);
	cache = open_cache(&err);
	if (cache != NULL) {
		fs_disk_cache_keep(cache, span_of_text("young"), young);
		fs_disk_cache_drain(cache);
		(void)find(cache, "old", 1);
		(void)find(cache, "young", 2);
	}
	fired = faults_disarm();
	close_cache(cache);
	/* The next process has it all. */
	cache = open_cache(&err);
	assert_non_null(cache);
	fs_disk_cache_keep(cache, span_of_text("young"), young);
	fs_disk_cache_drain(cache);
	assert_true(find(cache, "old", 1));
	assert_true(find(cache, "young", 2));
	close_cache(cache);
	assert_int_equal(count_temporaries(), 0);
	fs_blob_unref(old);
	fs_blob_unref(young);
	check_level(&level, nth);
	return fired;
}

static void test_disk_cache(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_message("# %s: %u\n", rows[i].name, sweep(&rows[i], 100, keep_once));
}

/* ---- Reports ---------------------------------------------------------------- */

static char report[FS_SNAPSHOT_KINDS][4096]; /* as they are without faults */

static bool read_report(struct fs_snapshots *snapshots, struct fs_thread *thread,
			enum fs_snapshot_kind kind, char text[static 4096], struct err *err)
{
	struct fs_snapshot_info info;

	if (!fs_snapshot_take(snapshots, thread, kind, &info, err))
		return false;
	assert_true(info.size < 4096);
	memset(text, 0, 4096);
	faults_disarm();
	assert_true(pread(info.fd, text, 4095, 0) == (ssize_t)info.size);
	fs_snapshot_unref(snapshots, info.row, 1);
	return true;
}

static enum fs_snapshot_kind current_report;

static unsigned report_once(const struct row *row, unsigned nth)
{
	struct level level = level_now();
	unsigned fired;
	struct fault fault = row->fault;
	struct fs_snapshots *snapshots = NULL;
	struct fs_thread thread;
	struct err err = {0};
	char text[4096];
	bool ok;

	fault.nth = nth;
	fs_thread_init(&thread, ground.index);
	faults_arm(&fault);
	ok = fs_snapshots_open(&snapshots, &ground.options, ground.index, &err) &&
	     read_report(snapshots, &thread, current_report, text, &err);
	fired = faults_disarm();
	assert_true(ok || err.code != ERR_NONE);
	if (report[current_report][0] == '\0')
		memcpy(report[current_report], text, sizeof(text));
	if (ok)
		assert_string_equal(text, report[current_report]);
	if (snapshots == NULL)
		assert_true(fs_snapshots_open(&snapshots, &ground.options, ground.index, &err));
	if (!read_report(snapshots, &thread, current_report, text, &err))
		fail_msg("%s", err.message);
	assert_string_equal(text, report[current_report]);
	fs_snapshots_close(snapshots);
	fs_thread_release(&thread);
	check_level(&level, nth);
	return fired;
}

static void test_reports(void **state)
{
	(void)state;
	for (unsigned kind = 0; kind < FS_SNAPSHOT_KINDS; kind++) {
		current_report = (enum fs_snapshot_kind)kind;
		for (size_t i = 0; i < ARRAY_LEN(rows); i++)
			print_message("# %s: %u\n", rows[i].name, sweep(&rows[i], 40, report_once));
	}
}

/* ---- Sizes that are measured ------------------------------------------------ */

static struct fault_session measured;
static struct buf index_bytes, index_sums, right_sizes;

static void read_index(const char *suffix, struct buf *bytes)
{
	uint8_t block[8192];
	char path[128];
	ssize_t got;
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", measured.index_path, suffix);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	*bytes = buf_empty(BUF_NO_LIMIT);
	while ((got = read(fd, block, sizeof(block))) > 0)
		buf_append(bytes, block, (size_t)got);
	(void)close(fd);
}

static void write_index(const char *suffix, const struct buf *bytes)
{
	char path[128];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", measured.index_path, suffix);
	fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(write(fd, bytes->data, bytes->size) == (ssize_t)bytes->size);
	(void)close(fd);
}

/* The index in which everything still waits. */
static void restore_index(void)
{
	struct ix_options options;
	struct err err = {0};

	write_index("", &index_bytes);
	write_index(IX_SUMS_SUFFIX, &index_sums);
	fs_index_options_init(&options, &measured.options);
	if (!ix_open(&measured.index, &options, &err))
		fail_msg("%s", err.message);
}

static bool measure(uint64_t *left, struct err *err)
{
	struct ix_scan_options scan;
	struct fs_measuring measuring = {
		.index = measured.index,
		.options = &measured.options,
		.scan = &scan,
		.store_fd = measured.store_fd,
		.threads = 1,
	};

	fs_scan_options_init(&scan, &measured.options, measured.store_fd);
	return fs_measure_all(&measuring, left, err);
}

static void read_sizes(struct buf *out)
{
	struct ix_reader *reader = NULL;
	struct err err = {0};

	assert_true(ix_reader_open(&reader, measured.index, &err));
	for (size_t i = 0; i < measured.count; i++) {
		const struct ix_instance *instance = &measured.files[i].instance;

		for (uint32_t frame = 0; frame < instance->frames; frame++) {
			uint64_t size = 0;

			if (!ix_measured_get(reader, instance->id, RN_KIND_PNG, frame, &size, &err))
				assert_int_equal(err.code, ERR_NOTFOUND);
			buf_printf(out, "%lld %u: %llu\n", (long long)instance->id, frame,
				   (unsigned long long)size);
		}
	}
	ix_reader_close(reader);
}

static unsigned measure_once(const struct row *row, unsigned nth)
{
	struct level level = level_now();
	struct fault fault = row->fault;
	struct buf sizes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	uint64_t left = 0;
	struct err err = {0};
	unsigned fired;
	bool ok;

	fault.nth = nth;
	restore_index();
	faults_arm(&fault);
	ok = measure(&left, &err);
	fired = faults_disarm();
	assert_true(ok || err.code != ERR_NONE);
	if (!measure(&left, &err))
		fail_msg("%s, %u: %s: %s", row->name, nth, faults_first(), err.message);
	assert_int_equal(left, 0);
	read_sizes(nth == UINT32_MAX && right_sizes.data == NULL ? &right_sizes : &sizes);
	if (sizes.data != NULL && !span_equals(buf_span(&sizes), buf_span(&right_sizes)))
		fail_msg("%s, %u: %s: other sizes", row->name, nth, faults_first());
	assert_int_equal(fault_session_complaints(&measured), 0);
	ix_close(measured.index);
	measured.index = NULL;
	buf_release(&sizes);
	check_level(&level, nth);
	return fired;
}

static void test_measuring(void **state)
{
	(void)state;
	fault_session_make(&measured, "png_level=1");
	ix_close(measured.index);
	measured.index = NULL;
	right_sizes = buf_empty(BUF_NO_LIMIT);
	read_index("", &index_bytes);
	read_index(IX_SUMS_SUFFIX, &index_sums);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		print_message("# %s: %u\n", rows[i].name,
			      sweep(&rows[i], MIN_OF(rows[i].points * 2, 30u), measure_once));
	buf_release(&right_sizes);
	buf_release(&index_bytes);
	buf_release(&index_sums);
	fault_session_remove(&measured);
}

static int make_ground(void **state)
{
	(void)state;
	fault_session_make(&ground, NULL);
	return 0;
}

static int remove_ground(void **state)
{
	(void)state;
	fault_session_remove(&ground);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_in_memory), cmocka_unit_test(test_in_memory_files),
		cmocka_unit_test(test_originals), cmocka_unit_test(test_disk_cache),
		cmocka_unit_test(test_reports),   cmocka_unit_test(test_measuring),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	faults_setup();
	return cmocka_run_group_tests(tests, make_ground, remove_ground);
}
