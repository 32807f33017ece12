/*
 * What else is done with an index, each call failing once: readers see the truth
 * or an error, and what is written is written whole or not at all.
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

#include "index/internal.h"
#include "index/writer-sql.h"

static const struct row {
	const char *name;
	struct fault fault;
} rows[] = {
	{"no memory", {.class = FAULT_MEMORY}},
	{"no memory any more", {.class = FAULT_MEMORY, .lasting = true}},
	{"EIO", {.class = FAULT_CALL, .code = EIO}},
	{"EMFILE for good", {.class = FAULT_CALL, .code = EMFILE, .lasting = true}},
	{"SQLite: no memory", {.class = FAULT_SQL_MEMORY}},
	{"SQLite: no memory any more", {.class = FAULT_SQL_MEMORY, .lasting = true}},
	{"SQLite: I/O", {.class = FAULT_SQL_FILE}},
	{"SQLite: I/O for good", {.class = FAULT_SQL_FILE, .lasting = true}},
	{"SQLite: disk full", {.class = FAULT_SQL_FILE, .code = SQLITE_FULL}},
};

static struct fault_store ground;

/* ---- One thing, again and again ------------------------------------------- */

/* prepare opens the index in the state that it begins with; run is what fails;
 * check looks and goes on without faults. The index is closed afterwards. */
struct thing {
	const char *name;
	unsigned points; /* a row or fewer, unless all are tried */
	void (*prepare)(void);
	bool (*run)(struct err *err);
	void (*check)(bool ok);
};

static unsigned try_point(const struct thing *thing, const struct row *row, unsigned nth)
{
	struct fault fault = row->fault;
	struct err err = {0};
	unsigned fired, descriptors = faults_descriptors();
	long live = faults_live();
	bool ok;

	fault.nth = nth;
	thing->prepare();
	faults_arm(&fault);
	ok = thing->run(&err);
	fired = faults_disarm();
	print_message("# %s, %s, %u: %s: %s\n", thing->name, row->name, nth, faults_first(),
		      ok ? "" : err.message);
	assert_true(ok || err.code != ERR_NONE);
	thing->check(ok);
	store_close(&ground.store);
	assert_int_equal(faults_live(), live);
	assert_int_equal(faults_descriptors(), descriptors);
	return fired;
}

static void try_all(const struct thing *thing)
{
	const char *full = getenv("DICOMFS_TEST_FULL");
	bool all = full != NULL && strcmp(full, "1") == 0;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct fault *fault = &rows[i].fault;
		unsigned tried = 0, step, calls, points = thing->points;

		assert_int_equal(try_point(thing, &rows[i], UINT32_MAX), 0);
		calls = faults_seen();
		/* Once is more likely to go unnoticed than from then on. */
		points /= (fault->class == FAULT_SQL_MEMORY ? 4u : 1u) *
			  (fault->lasting || fault->code == SQLITE_FULL ? 3u : 1u);
		step = all ? 1 : MAX_OF(calls / MAX_OF(points, 1u), 1u);
		for (unsigned nth = 1; try_point(thing, &rows[i], nth) > 0; nth += step)
			tried++;
		print_message("# %s, %s: %u of %u\n", thing->name, rows[i].name, tried, calls);
	}
}

static void open_at(const char *index)
{
	fault_store_restore(&ground, FAULT_START_INDEX, index);
	store_open(&ground.store, false);
}

static void look(struct view *view)
{
	view_read(view, ground.store.reader, ground.store.path);
}

static void expect(const struct view *right)
{
	struct view now;

	look(&now);
	if (!view_equal(&now, right)) {
		view_print_differences(&now, right);
		fail_msg("not what is right");
	}
	view_free(&now);
}

static void scan(void)
{
	struct err err = {0};

	if (!ix_scan(ground.store.index, &ground.store.options, &err))
		fail_msg("%s", err.message);
	expect(&ground.view_after);
}

/* ---- Opening -------------------------------------------------------------- */

static void prepare_making(void)
{
	fault_store_restore(&ground, FAULT_START_NEW, NULL);
}

static void prepare_opening(void)
{
	fault_store_restore(&ground, FAULT_START_INDEX, ground.after);
}

static bool open_index(struct err *err)
{
	const struct ix_options options = {
		.path = ground.store.path,
		.store = ground.store.root,
		.variant = "",
		.must_write = true,
		.frame_kinds = PNG_KIND,
	};

	return ix_open(&ground.store.index, &options, err);
}

/* The failed one leaves nothing behind that the next one minds, nor a word of
 * damage. */
static void check_opening(bool ok)
{
	static const char *const suffixes[] = {".bad", "-damaged"};
	char name[192];

	(void)ok;
	store_close(&ground.store);
	store_open(&ground.store, false);
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		(void)snprintf(name, sizeof(name), "%s%s", ground.store.path, suffixes[i]);
		assert_int_not_equal(access(name, F_OK), 0);
	}
}

static void check_kept(bool ok)
{
	check_opening(ok);
	expect(&ground.view_after);
}

static void test_opening(void **state)
{
	(void)state;
	try_all(&(struct thing){"making", 215, prepare_making, open_index, check_opening});
	try_all(&(struct thing){"opening", 165, prepare_opening, open_index, check_kept});
}

/* ---- Reading -------------------------------------------------------------- */

static struct buf text = {.limit = BUF_NO_LIMIT}, right_text; /* of all that can be read */
static struct ix_reader *reader;                              /* opened while things fail */

static void add_fact(enum dc_fact fact, const char *value, void *context)
{
	buf_printf(context, "fact %d %s\n", (int)fact, value);
}

static bool add_problem(const struct ix_problem *problem, void *context)
{
	buf_printf(context, "%s: %s: %s\n", problem->path, problem->code, problem->reason);
	return true;
}

static void add_count(const char *code, uint64_t count, void *context)
{
	buf_printf(context, "%s %llu\n", code, (unsigned long long)count);
}

static bool add_instance(int64_t id, struct buf *out, struct err *err)
{
	struct ix_instance instance;
	struct ix_source source;
	unsigned nth = 0;

	if (!ix_instance_get(reader, id, &instance, err))
		return false;
	buf_printf(out, "%lld %s %s %s\n", (long long)id, instance.name, instance.sop_uid,
		   instance.sop_class);
	while (ix_source_get(reader, id, nth++, &source, err))
		buf_printf(out, "source %s %llu\n", source.path, (unsigned long long)source.size);
	if (err->code != ERR_NOTFOUND)
		return false;
	err_clear(err);
	return ix_instance_facts(reader, id, add_fact, out, err);
}

/* All ids that there may be: those of folders and links, too. */
static bool read_everything(struct err *err)
{
	int64_t end = ground.view_after.next_id;

	buf_clear(&text);
	if (!ix_reader_open(&reader, ground.store.index, err) ||
	    !view_entries(reader, NULL, NULL, err) ||
	    !ix_problems(reader, add_problem, &text, err) ||
	    !ix_problem_counts(reader, add_count, &text, err))
		return false;
	for (int64_t id = 1; id < end; id++) {
		struct ix_node node;

		if (ix_node_get(reader, id, &node, err)) {
			buf_printf(&text, "%lld %s %s\n", (long long)id, node.name, node.target);
			continue;
		}
		if (err->code != ERR_NOTFOUND)
			return false;
		err_clear(err);
		if (!add_instance(id, &text, err) && err->code != ERR_NOTFOUND)
			return false;
		err_clear(err);
	}
	return buf_ok(&text, err);
}

static void prepare_reading(void)
{
	open_at(ground.after);
}

static void check_reading(bool ok)
{
	struct err err = {0};

	if (ok)
		assert_true(span_equals(buf_span(&text), buf_span(&right_text)));
	ix_reader_close(reader);
	reader = NULL;
	/* What failed once does not stay with a reader. */
	if (!read_everything(&err))
		fail_msg("%s", err.message);
	assert_true(span_equals(buf_span(&text), buf_span(&right_text)));
	ix_reader_close(reader);
	reader = NULL;
	buf_release(&text);
}

static void test_reading(void **state)
{
	struct err err = {0};

	(void)state;
	prepare_reading();
	assert_true(read_everything(&err));
	ix_reader_close(reader);
	reader = NULL;
	store_close(&ground.store);
	right_text = text;
	text = buf_empty(BUF_NO_LIMIT);
	try_all(&(struct thing){"reading", 20, prepare_reading, read_everything, check_reading});
	buf_release(&right_text);
}

/* ---- A reader that goes on -------------------------------------------------- */

static void prepare_lasting_reader(void)
{
	open_at(ground.after);
}

static bool read_tree(struct err *err)
{
	return view_entries(ground.store.reader, NULL, NULL, err);
}

static void check_lasting_reader(bool ok)
{
	(void)ok;
	expect(&ground.view_after);
}

static void test_a_reader_goes_on(void **state)
{
	(void)state;
	try_all(&(struct thing){"reading on", 20, prepare_lasting_reader, read_tree,
				check_lasting_reader});
}

/* ---- Single files ----------------------------------------------------------- */

static int64_t file_id(const char *path)
{
	static const char sql[] = "SELECT f.id FROM file f JOIN folder d ON d.id = f.folder"
				  " WHERE CAST(d.prefix || f.name AS TEXT) = ?";
	sqlite3_stmt *row;
	sqlite3 *db;
	int64_t id;

	assert_int_equal(sqlite3_open_v2(ground.store.path, &db, SQLITE_OPEN_READONLY, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	(void)sqlite3_bind_text(row, 1, path, -1, SQLITE_STATIC);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	id = sqlite3_column_int64(row, 0);
	(void)sqlite3_finalize(row);
	(void)sqlite3_close(db);
	return id;
}

static int64_t changed_files[3];

static void prepare_refresh(void)
{
	open_at(ground.before);
	changed_files[0] = file_id("p2/replaced");
	changed_files[1] = file_id("p3/old");
	changed_files[2] = file_id("p1/other b");
}

static bool refresh(struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < ARRAY_LEN(changed_files); i++)
		ok = ix_refresh(ground.store.index, &ground.store.options, changed_files[i], err);
	return ok;
}

static void check_refresh(bool ok)
{
	struct view now;

	(void)ok;
	look(&now);
	assert_true(fault_store_is_true(&ground, &now));
	view_free(&now);
	scan();
}

static void test_refresh(void **state)
{
	(void)state;
	try_all(&(struct thing){"refresh", 20, prepare_refresh, refresh, check_refresh});
}

/* ---- Notes and sizes -------------------------------------------------------- */

static int64_t subject;
static struct view with_note;

static bool find_subject(const struct ix_node *node, void *context)
{
	(void)context;
	if (node->type == IX_NODE_SERIES && node->multiframe > 0)
		subject = node->id;
	return true;
}

static bool take_instance(const struct ix_instance *instance, void *context)
{
	(void)context;
	if (instance->frames > 1)
		subject = instance->id;
	return true;
}

/* The instance of several frames. */
static void prepare_note(void)
{
	struct err err = {0};

	open_at(ground.after);
	for (int64_t id = 1; id < ground.view_after.next_id; id++) {
		subject = 0;
		assert_true(ix_children(ground.store.reader, id, 0, find_subject, NULL, &err));
		if (subject != 0)
			break;
	}
	assert_true(
		ix_instances(ground.store.reader, subject, PNG_KIND, 0, take_instance, NULL, &err));
}

static bool note(struct err *err)
{
	return ix_note_instance(ground.store.index, subject, "decode-failed", "png: cut", err);
}

static void check_note(bool ok)
{
	struct err err = {0};
	struct view now;

	look(&now);
	/* Perhaps it was written before that failed which came after it. */
	assert_true(view_equal(&now, &with_note) || (!ok && view_equal(&now, &ground.view_after)));
	view_free(&now);
	assert_true(note(&err));
	expect(&with_note);
	if (!ix_scan(ground.store.index, &ground.store.options, &err))
		fail_msg("%s", err.message);
	expect(&with_note);
}

static void test_note(void **state)
{
	struct err err = {0};

	(void)state;
	prepare_note();
	assert_true(note(&err));
	look(&with_note);
	store_close(&ground.store);
	try_all(&(struct thing){"note", 20, prepare_note, note, check_note});
	view_free(&with_note);
}

/* ---- Transactions ----------------------------------------------------------- */

/* Somebody reads with the writer's connection while a scan writes: when that
 * fails, SQLite drops what is being written, and what comes after must not be
 * written without it. */
static bool write_in_pieces(struct err *err)
{
	struct ix_writer *w = &ground.store.index->writer;
	bool ok = ix_writer_begin(w, err);

	ok = ok && ix_db_run(&w->db, IX_W_META_SET, err, "tt", "first", "1");
	if (ok) {
		(void)ix_scan_requested(ground.store.index);
		ok = ix_writer_begin(w, err);
	}
	ok = ok && ix_db_run(&w->db, IX_W_META_SET, err, "tt", "second", "1");
	if (ok)
		(void)ix_scan_requested(ground.store.index);
	ok = ok && ix_writer_commit(w, err);
	if (!ok)
		ix_writer_abort(w);
	return ok;
}

static void prepare_pieces(void)
{
	open_at(ground.before);
}

static void check_pieces(bool ok)
{
	struct ix_writer *w = &ground.store.index->writer;
	struct err err = {0};

	if (!ix_db_one(&w->db, IX_W_META_GET, &err, "t", "second")) {
		assert_false(ok);
		err_clear(&err);
		assert_false(ix_db_one(&w->db, IX_W_META_GET, &err, "t", "first"));
	} else {
		ix_db_reset(&w->db, IX_W_META_GET);
		assert_true(ix_db_one(&w->db, IX_W_META_GET, &err, "t", "first"));
		ix_db_reset(&w->db, IX_W_META_GET);
	}
	scan();
}

static void test_all_or_nothing(void **state)
{
	(void)state;
	try_all(&(struct thing){"pieces", 20, prepare_pieces, write_in_pieces, check_pieces});
}

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

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_opening),
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_a_reader_goes_on),
		cmocka_unit_test(test_refresh),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_all_or_nothing),
	};

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	faults_setup();
	return cmocka_run_group_tests(tests, make_ground, remove_ground);
}
