/*
 * Scans in which each call fails once: what is shown is true nevertheless, no
 * file is lost from sight, nothing leaks, and a scan without faults gives what
 * there would have been without one.
 *
 * All points of failure with DICOMFS_TEST_FULL=1, else a part of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "faults.h"
#include "fault-store.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <sqlite3.h>

static const struct row {
	const char *name;
	struct fault fault;
	unsigned points; /* tried from the index of a changed store, unless all are */
} rows[] = {
	{"no memory", {.class = FAULT_MEMORY}, 60},
	{"no memory any more", {.class = FAULT_MEMORY, .lasting = true}, 10},
	{"EIO", {.class = FAULT_CALL, .code = EIO}, 200},
	{"EIO for good", {.class = FAULT_CALL, .code = EIO, .lasting = true}, 20},
	{"EMFILE", {.class = FAULT_CALL, .code = EMFILE}, 10},
	{"ENOMEM", {.class = FAULT_CALL, .code = ENOMEM}, 10},
	{"EINTR", {.class = FAULT_CALL, .code = EINTR}, 10},
	{"ESTALE", {.class = FAULT_CALL, .code = ESTALE}, 20},
	{"EACCES", {.class = FAULT_CALL, .code = EACCES}, 15},
	{"ENOSPC for good", {.class = FAULT_CALL, .code = ENOSPC, .lasting = true}, 5},
	{"a short read", {.class = FAULT_SHORT}, 5},
	{"short reads", {.class = FAULT_SHORT, .lasting = true}, 3},
	{"SQLite: no memory", {.class = FAULT_SQL_MEMORY}, 40},
	{"SQLite: no memory any more", {.class = FAULT_SQL_MEMORY, .lasting = true}, 10},
	{"SQLite: I/O", {.class = FAULT_SQL_FILE}, 40},
	{"SQLite: I/O for good", {.class = FAULT_SQL_FILE, .lasting = true}, 15},
	{"SQLite: disk full", {.class = FAULT_SQL_FILE, .code = SQLITE_FULL}, 20},
	{"SQLite: disk full for good",
	 {.class = FAULT_SQL_FILE, .code = SQLITE_FULL, .lasting = true},
	 5},
	{"SQLite: locked", {.class = FAULT_SQL_FILE, .code = SQLITE_BUSY}, 10},
};

static struct fault_store ground;
static const char *only_row; /* NULL: all */

static int make_ground(void **state)
{
	(void)state;
	fault_store_make(&ground);
	return 0;
}

static int remove_ground(void **state)
{
	(void)state;
	fault_store_remove(&ground);
	return 0;
}

static bool all_points(void)
{
	const char *full = getenv("DICOMFS_TEST_FULL");

	return full != NULL && strcmp(full, "1") == 0;
}

/* ---- One scan with a fault ------------------------------------------------ */

/* Where a scan starts from. */
struct start {
	const char *name;
	enum fault_start start;
	bool rebuild;
};

struct outcome {
	bool opened, scanned, complete;
	struct err err;
};

static struct ix_options index_options(bool rebuild)
{
	return (struct ix_options){
		.path = ground.store.path,
		.store = ground.store.root,
		.variant = "",
		.rebuild = rebuild,
		.must_write = true,
		.frame_kinds = PNG_KIND,
	};
}

/* Opens and scans while something fails; the index stays open. */
static void scan_with(const struct start *start, const struct fault *fault, struct outcome *outcome)
{
	struct ix_options options = index_options(start->rebuild);
	struct store *store = &ground.store;

	*outcome = (struct outcome){0};
	faults_arm(fault);
	outcome->opened = ix_open(&store->index, &options, &outcome->err);
	outcome->scanned = outcome->opened && ix_scan(store->index, &store->options, &outcome->err);
}

static bool there_is(const char *suffix)
{
	char name[192];

	(void)snprintf(name, sizeof(name), "%s%s", ground.store.path, suffix);
	return access(name, F_OK) == 0;
}

/* A fault is no damage: an index is not thrown away for it. But one that is
 * damaged is not used. */
static void check_beside(const struct start *start)
{
	bool marked = start->start == FAULT_START_MARKED;

	if (marked ? !there_is(".bad") && !there_is("-damaged")
		   : there_is(".bad") || there_is("-damaged"))
		fail_msg("%s: there is %s", start->name,
			 there_is(".bad")       ? ".bad"
			 : there_is("-damaged") ? "-damaged"
						: "neither");
}

/* What a reader sees now. */
static void check_shown(const struct start *start, const struct outcome *outcome)
{
	struct store *store = &ground.store;
	struct view now;
	struct err err = {0};
	bool right;

	if (store->index == NULL)
		store_open(store, false);
	else if (!ix_reader_open(&store->reader, store->index, &err))
		fail_msg("%s", err.message);
	view_read(&now, store->reader, store->path);
	right = fault_store_is_true(&ground, &now);
	if (right && outcome->scanned && now.state == IX_SCAN_COMPLETE)
		right = fault_store_is_accounted(&ground, &now);
	/* Ids are never handed out twice. */
	if (right && start->start != FAULT_START_NEW)
		right = now.next_id >= ground.view_before.next_id;
	if (!right) {
		view_print_differences(&now, &ground.view_after);
		fail_msg("%s: what is shown is wrong", start->name);
	}
	view_free(&now);
}

/* Without a fault all is as if there had been none: in the same process, and in
 * the next one. */
static void check_after(const struct start *start)
{
	struct store *store = &ground.store;
	struct view now;
	struct err err = {0};

	for (unsigned round = 0; round < 2; round++) {
		if (round == 1) {
			store_close(store);
			store_open(store, false);
		} else if (!ix_scan(store->index, &store->options, &err)) {
			fail_msg("%s: the scan without a fault: %s", start->name, err.message);
		}
		view_read(&now, store->reader, store->path);
		if (!view_equal(&now, &ground.view_after)) {
			view_print_differences(&now, &ground.view_after);
			fail_msg("%s: something stayed", start->name);
		}
		if (start->start != FAULT_START_NEW)
			assert_true(now.next_id >= ground.view_before.next_id);
		view_free(&now);
	}
}

/* False: nothing failed, there were fewer calls. */
static bool try_point(const struct start *start, const struct row *row, unsigned nth)
{
	struct fault fault = row->fault;
	struct store *store = &ground.store;
	struct outcome outcome;
	long live = faults_live();
	unsigned descriptors = faults_descriptors(), fired;

	fault.nth = nth;
	fault_store_restore(&ground, start->start, ground.before);
	scan_with(start, &fault, &outcome);
	fired = faults_disarm();
	print_message("# %s, %s, %u: %s: %s\n", start->name, row->name, nth, faults_first(),
		      outcome.err.code == ERR_NONE ? "" : outcome.err.message);
	check_beside(start);
	check_shown(start, &outcome);
	check_after(start);
	store_close(store);
	assert_int_equal(faults_live(), live);
	assert_int_equal(faults_descriptors(), descriptors);
	return fired > 0;
}

static unsigned count_calls(const struct start *start, const struct row *row)
{
	struct fault fault = row->fault;
	struct outcome outcome;

	fault.nth = UINT32_MAX;
	fault_store_restore(&ground, start->start, ground.before);
	scan_with(start, &fault, &outcome);
	(void)faults_disarm();
	assert_true(outcome.scanned);
	store_close(&ground.store);
	return faults_seen();
}

static void try_row(const struct start *start, const struct row *row)
{
	unsigned calls = count_calls(start, row), tried = 0, points = row->points, step;

	/* Much of what other starts do is the same. */
	if (start->start != FAULT_START_INDEX || start->rebuild)
		points = MAX_OF(points / 8, 1u);
	step = all_points() ? 1 : MAX_OF(calls / points, 1u);
	for (unsigned nth = 1; try_point(start, row, nth); nth += step)
		tried++;
	print_message("# %s, %s: %u of %u\n", start->name, row->name, tried, calls);
}

static void try_all(const struct start *start)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (only_row == NULL || strcmp(rows[i].name, only_row) == 0)
			try_row(start, &rows[i]);
	}
}

static void test_new_index(void **state)
{
	(void)state;
	try_all(&(struct start){"new", FAULT_START_NEW, false});
}

static void test_changed_store(void **state)
{
	(void)state;
	try_all(&(struct start){"changed", FAULT_START_INDEX, false});
}

static void test_rebuild(void **state)
{
	(void)state;
	try_all(&(struct start){"rebuild", FAULT_START_INDEX, true});
}

static void test_lost_index(void **state)
{
	(void)state;
	try_all(&(struct start){"lost", FAULT_START_LOST, false});
}

static void test_marked_index(void **state)
{
	(void)state;
	try_all(&(struct start){"marked", FAULT_START_MARKED, false});
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_new_index),    cmocka_unit_test(test_changed_store),
		cmocka_unit_test(test_rebuild),      cmocka_unit_test(test_lost_index),
		cmocka_unit_test(test_marked_index),
	};

	only_row = argc > 1 ? argv[1] : NULL;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	faults_setup();
	return cmocka_run_group_tests(tests, make_ground, remove_ground);
}
