/*
 * A check of an index: every rule is broken in a copy of a good index, one at a
 * time, and has to be reported; and every sort of difference from the store.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/check-parts.h"
#include "index/vfs.h"

/* ---- Ground ------------------------------------------------------------- */

struct ground {
	struct store store;
	char copy[128]; /* path of the index that is broken */
	struct buf codes, paths;
	struct ix_check_result result;
};

/* As with png_level: what has the modality MR is measured later. */
static bool measure(struct dc_dataset *dataset, const struct dc_facts *facts, uint64_t size,
		    void *context, struct ix_measured *measured, struct err *err)
{
	(void)dataset;
	(void)size;
	(void)context;
	(void)err;
	measured->kinds = 3;
	if (strcmp(dc_fact(facts, DC_FACT_MODALITY), "MR") == 0)
		measured->waiting = PNG_KIND;
	else if (facts->image.pixel_tag != 0)
		measured->kinds |= PNG_KIND;
	return true;
}

/* Everything that an index can hold. */
static void put_files(struct store *store)
{
	store_put(store, "a/1", &(struct words){.sop = "1.1", .accession = "A1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2", .number = "2", .frames = 3});
	store_put(store, "a/other", &(struct words){.sop = "1.2", .comment = "other bytes"});
	store_put(store, "b/c/copy", &(struct words){.sop = "1.1", .accession = "A1"});
	store_put(
		store, "b/c/mr",
		&(struct words){.sop = "1.3", .series = "1.2.3.1", .modality = "MR", .frames = 2});
	store_put(store, "d/else",
		  &(struct words){.sop = "1.4", .id = "PAT2", .patient = "Roe^Jo"});
	store_put(store, "d/study",
		  &(struct words){.sop = "1.5", .study = "1.2.9", .series = "1.2.9.1"});
	store_put(store, "d/nameless", &(struct words){.sop = ""});
	store_put_bytes(store, "d/text", span_of_text("not DICOM"));
	assert_int_equal(symlinkat("nowhere", store->fd, "link"), 0);
}

static void measure_all(struct store *store)
{
	static const uint64_t sizes[] = {100, 200};
	struct ix_instance instance;
	struct err err = {0};

	assert_true(ix_waiting_next(store->reader, 0, &instance, &err));
	assert_true(ix_measured_set(store->index, &store->options, instance.id, 2, sizes, 2, &err));
	assert_false(ix_waiting_next(store->reader, 0, &instance, &err));
}

static int setup(void **state)
{
	struct ground *g = calloc(1, sizeof(*g));

	assert_non_null(g);
	store_make(&g->store);
	g->store.options.measure = measure;
	g->store.options.measure_context = g->store.options.changed_context = &g->store;
	g->codes = g->paths = buf_empty(BUF_NO_LIMIT);
	(void)snprintf(g->copy, sizeof(g->copy), "%s/index/copy.sqlite", g->store.base);
	put_files(&g->store);
	store_scan(&g->store);
	measure_all(&g->store);
	store_check(&g->store);
	store_close(&g->store);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct ground *g = *state;

	buf_release(&g->codes);
	buf_release(&g->paths);
	store_remove(&g->store);
	free(g);
	return 0;
}

static void remove_copy(const struct ground *g)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-ids", "-lock", "-damaged", "-sums"};

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		char path[160];

		(void)snprintf(path, sizeof(path), "%s%s", g->copy, suffixes[i]);
		(void)unlink(path);
	}
}

static void copy_file(const struct ground *g, const char *suffix)
{
	char path[160], block[4096];
	ssize_t got;
	int from, to;

	(void)snprintf(path, sizeof(path), "%s%s", g->store.path, suffix);
	from = open(path, O_RDONLY | O_CLOEXEC);
	if (from < 0)
		return;
	(void)snprintf(path, sizeof(path), "%s%s", g->copy, suffix);
	to = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(to >= 0);
	while ((got = read(from, block, sizeof(block))) > 0)
		assert_true(write(to, block, (size_t)got) == got);
	(void)close(from);
	(void)close(to);
}

/* With what belongs to the index beside it. */
static void make_copy(const struct ground *g)
{
	remove_copy(g);
	copy_file(g, "");
	copy_file(g, IX_SUMS_SUFFIX);
	copy_file(g, "-wal");
}

static void change_copy(const struct ground *g, const char *sql)
{
	struct ix_db db CLEANUP_DB = {0};
	struct err err = {0};

	if (!ix_db_open(&db, g->copy, IX_DB_WRITE, &err) ||
	    !ix_db_exec(&db, "PRAGMA ignore_check_constraints = 1", &err) ||
	    !ix_db_exec(&db, sql, &err))
		fail_msg("%s: %s", sql, err.message);
	assert_true(sqlite3_total_changes(db.handle) > 0 || sql[0] == 'D');
}

static void add_damage(const char *code, const char *says, uint64_t count, int64_t row,
		       void *context)
{
	struct ground *g = context;

	(void)row;
	assert_true(count > 0);
	assert_true(says[0] != '\0' && strchr(says, '\n') == NULL);
	assert_true(strstr(says, "Doe") == NULL && strstr(says, "PAT1") == NULL);
	buf_printf(&g->codes, "%s\n", code);
}

static void add_difference(enum ix_difference difference, const char *path, uint64_t files,
			   void *context)
{
	static const char letters[IX_DIFFERENCES] = {
		[IX_DIFFERENCE_NEW] = '+',        [IX_DIFFERENCE_CHANGED] = '*',
		[IX_DIFFERENCE_GONE] = '-',       [IX_DIFFERENCE_PENDING] = '.',
		[IX_DIFFERENCE_UNREADABLE] = '!',
	};
	struct ground *g = context;

	buf_printf(&g->paths, "%c %s %llu\n", letters[difference], path, (unsigned long long)files);
}

static bool run_check(struct ground *g, const char *path, struct err *err)
{
	struct ix_check_options options = {
		.index = {.path = path,
			  .store = g->store.root,
			  .variant = "",
			  .frame_kinds = PNG_KIND},
		.scan = g->store.options,
		.damage = add_damage,
		.difference = add_difference,
		.context = g,
	};

	buf_truncate(&g->codes, 0);
	buf_truncate(&g->paths, 0);
	return ix_check(&options, &g->result, err);
}

static void check(struct ground *g, const char *path)
{
	struct err err = {0};

	if (!run_check(g, path, &err))
		fail_msg("%s", err.message);
}

static bool has_code(struct ground *g, const char *code)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "\n%s\n", code);
	return strncmp(buf_text(&g->codes), line + 1, strlen(line) - 1) == 0 ||
	       strstr(buf_text(&g->codes), line) != NULL;
}

/* ---- Rules -------------------------------------------------------------- */

#define DOE "(SELECT min(id) FROM patient)"
#define FIRST "(SELECT id FROM file WHERE name = CAST('1' AS BLOB))"
#define COPY "(SELECT id FROM file WHERE state = 2)"
#define TEXT "(SELECT id FROM file WHERE name = CAST('text' AS BLOB))"
#define DICOM "(SELECT instance FROM file WHERE name = CAST('1' AS BLOB))"
#define MR "(SELECT id FROM instance WHERE measured <> 0)"
#define TWIN "(SELECT id FROM instance WHERE plain = 0)"
#define SERIES "(SELECT min(id) FROM series)"
#define LINK "(SELECT min(id) FROM node WHERE type = 2)"

static const struct {
	const char *code, *sql;
} breaks[] = {
	/* Rows that are missing from an index of a table. */
	{"sqlite", "PRAGMA writable_schema = 1; UPDATE sqlite_schema SET sql ="
		   " replace(sql, 'state = 0', 'state = 3') WHERE name = 'file_pending'"},
	{"unreadable", "DROP TABLE problem"},
	{"schema", "DROP INDEX file_duplicate"},
	{"count-files", "UPDATE status SET files = files + 1"},
	{"count-in-tree", "UPDATE status SET instance_files = instance_files - 1"},
	{"count-duplicates", "UPDATE status SET duplicates = 0"},
	{"count-skipped", "UPDATE status SET skipped = 0"},
	{"count-failed", "UPDATE status SET failed = 7"},
	{"count-pending", "UPDATE status SET pending = 7"},
	{"count-notes", "UPDATE status SET notes = 0"},
	{"count-patients", "UPDATE status SET patients = 0"},
	{"count-studies", "UPDATE status SET studies = 0"},
	{"count-series", "UPDATE status SET series = 0"},
	{"count-instances", "UPDATE status SET instances = 0"},
	{"status-state", "UPDATE status SET id = 2"},
	{"status-state", "UPDATE status SET state = 9"},
	{"status-state", "UPDATE status SET queued = 2"},
	{"next-id", "UPDATE status SET next_id = (SELECT max(id) FROM node)"},
	{"next-id", "UPDATE status SET next_id = (SELECT max(id) FROM instance)"},
	{"next-id", "UPDATE status SET next_file = 1"},
	{"next-id", "UPDATE status SET next_folder = 1"},
	{"next-id", "UPDATE status SET next_claim = 1"},
	{"request-row", "DELETE FROM request"},
	{"request-row", "UPDATE request SET done = 9"},
	{"folder-root", "UPDATE folder SET prefix = x'41' WHERE id = 1"},
	{"folder-parent", "UPDATE folder SET parent = 900 WHERE id = 2"},
	{"folder-path", "UPDATE folder SET prefix = CAST('x/y/' AS BLOB) WHERE id = 2"},
	{"folder-path", "UPDATE folder SET prefix = CAST('x' AS BLOB) WHERE id = 2"},
	{"folder-path", "UPDATE folder SET parent = id WHERE id = 2"},
	{"folder-twice",
	 "DROP INDEX folder_prefix; INSERT INTO folder SELECT 900, parent, prefix, disk"
	 " FROM folder WHERE id = 2"},
	{"file-folder", "UPDATE file SET folder = 900 WHERE id = " TEXT},
	{"file-name", "UPDATE file SET name = x'' WHERE id = " TEXT},
	{"file-name", "UPDATE file SET name = CAST('a/b' AS BLOB) WHERE id = " TEXT},
	{"file-twice", "DROP INDEX file_name; INSERT INTO file SELECT 900, folder, name, size,"
		       " inode, mtime, ctime, state, instance FROM file WHERE id = " TEXT},
	{"file-state", "UPDATE file SET state = 5 WHERE id = " TEXT},
	{"file-state", "UPDATE file SET instance = 99 WHERE id = " TEXT},
	{"file-state", "UPDATE file SET instance = NULL WHERE id = " FIRST},
	{"file-instance", "UPDATE file SET instance = 9999 WHERE id = " FIRST},
	{"file-instance", "UPDATE instance SET file = 9999 WHERE id = " DICOM},
	{"file-duplicate", "UPDATE file SET instance = 9999 WHERE id = " COPY},
	{"file-duplicate", "UPDATE file SET size = size + 1 WHERE id = " COPY},
	{"duplicate-order", "UPDATE file SET name = CAST('zz' AS BLOB), folder = (SELECT folder"
			    " FROM file WHERE id = " TEXT ") WHERE id = " FIRST},
	{"file-unexplained", "DELETE FROM problem WHERE file = " TEXT},
	{"file-unexplained", "DELETE FROM problem WHERE file = " COPY},
	{"line-file", "INSERT INTO problem VALUES(9999, 'corrupt', 'x')"},
	{"line-text", "UPDATE problem SET reason = '' WHERE file = " TEXT},
	{"line-duplicate", "INSERT INTO problem VALUES(" FIRST ", 'duplicate', '')"},
	{"line-duplicate", "INSERT INTO problem VALUES(" COPY ", 'no-png', 'x')"},
	{"instance-file", "UPDATE instance SET file = " TEXT " WHERE id = " DICOM},
	{"instance-file", "UPDATE file SET state = 0, instance = NULL WHERE id = " FIRST},
	{"instance-times", "UPDATE instance SET mtime = mtime + 1 WHERE id = " DICOM},
	{"instance-times", "UPDATE instance SET size = size + 1 WHERE id = " DICOM},
	{"instance-series", "UPDATE instance SET series = 9999 WHERE id = " DICOM},
	{"instance-claim", "UPDATE instance SET claim = 9999 WHERE id = " DICOM},
	{"instance-study", "UPDATE claim SET study = (SELECT max(id) FROM study)"},
	{"instance-name", "UPDATE instance SET name = '' WHERE id = " DICOM},
	{"instance-name", "UPDATE instance SET name = 'a/b' WHERE id = " DICOM},
	{"instance-twice", "DROP INDEX instance_name; UPDATE instance SET name ="
			   " (SELECT name FROM instance WHERE id = " DICOM ")"},
	{"instance-ident", "UPDATE instance SET ident = 1 WHERE id = " DICOM},
	{"instance-ident", "UPDATE instance SET ident = 77 WHERE series = " SERIES},
	{"instance-kinds", "UPDATE instance SET frames = 0 WHERE id = " DICOM},
	{"instance-kinds", "UPDATE instance SET waiting = 8 WHERE id = " DICOM},
	{"instance-kinds", "UPDATE instance SET waiting = 4 WHERE id = " MR},
	{"instance-plain", "UPDATE instance SET plain = 0 WHERE id = " DICOM},
	{"instance-plain", "UPDATE instance SET plain = 1 WHERE id = " TWIN},
	{"instance-plain", "UPDATE instance SET content = NULL WHERE id = " TWIN},
	{"instance-order", "UPDATE instance SET plain = 1 - plain WHERE sop_uid = '1.2'"},
	{"instance-image", "UPDATE instance SET image = x'00' WHERE id = " DICOM},
	{"key-hash", "UPDATE instance SET uid_hash = 5 WHERE id = " DICOM},
	{"key-hash", "UPDATE patient SET key_hash = 5 WHERE id = " DOE},
	{"key-hash", "UPDATE claim SET person_hash = 5"},
	{"conflict-silent", "DELETE FROM problem WHERE code = 'conflict'"},
	{"conflict-over", "INSERT INTO problem VALUES(" FIRST ", 'conflict', 'x')"},
	{"conflict-over", "INSERT INTO problem VALUES(" TEXT ", 'conflict', 'x')"},
	{"measured-instance", "INSERT INTO measured VALUES(9999, 2, 0, 5)"},
	{"measured-instance", "INSERT INTO measured VALUES(" DICOM ", 2, 0, 5)"},
	{"measured-instance", "INSERT INTO measured VALUES(" MR ", 2, 2, 5)"},
	{"measured-instance", "UPDATE measured SET size = 0"},
	{"measured-missing", "DELETE FROM measured"},
	{"claim-count", "UPDATE claim SET refs = refs + 1"},
	{"claim-count", "INSERT INTO claim SELECT 900, person_hash, person, issuer, birth, joined,"
			" study, 0 FROM claim LIMIT 1"},
	{"claim-study", "UPDATE claim SET study = 9999"},
	{"claim-joined", "UPDATE claim SET joined = 9999"},
	{"patient-node", "DELETE FROM node WHERE id = " DOE},
	{"patient-node", "UPDATE node SET parent = 3 WHERE id = " DOE},
	{"node-patient", "DELETE FROM patient WHERE id = " DOE},
	{"study-node", "UPDATE study SET patient = 9999"},
	{"study-node", "DELETE FROM node WHERE id = (SELECT min(id) FROM study)"},
	{"node-study", "DELETE FROM study WHERE id = (SELECT min(id) FROM study)"},
	{"series-node", "UPDATE series SET study = 9999 WHERE id = " SERIES},
	{"series-node", "UPDATE node SET type = 0 WHERE id = " SERIES},
	{"node-series", "DELETE FROM series WHERE id = " SERIES},
	{"node-series", "UPDATE node SET type = 0 WHERE id = " SERIES},
	{"study-plain", "UPDATE study SET plain = 0"},
	{"study-plain", "UPDATE study SET plain = 1"},
	{"study-order", "UPDATE study SET plain = 1 - plain"},
	{"node-fixed", "UPDATE node SET name = 'people' WHERE id = 2"},
	{"node-fixed", "UPDATE node SET ino = 12345 WHERE id = 7"},
	{"node-parent", "UPDATE node SET parent = 9999 WHERE id = " SERIES},
	{"node-parent", "UPDATE node SET parent = " LINK " WHERE id = " SERIES},
	{"node-lost", "UPDATE node SET parent = id WHERE id = " DOE},
	{"node-name", "UPDATE node SET name = '' WHERE id = " SERIES},
	{"node-name", "UPDATE node SET name = '..' WHERE id = " SERIES},
	{"node-name", "UPDATE node SET name = 'a/b' WHERE id = " SERIES},
	{"node-twice", "DROP INDEX node_name; UPDATE node SET name = 'same' WHERE parent = 2"},
	{"node-ino", "UPDATE node SET ino = 99 WHERE parent = 2"},
	{"node-ino", "UPDATE node SET ino = 0 WHERE id = " SERIES},
	{"node-type", "UPDATE node SET type = 3 WHERE id = " LINK},
	{"node-type", "UPDATE node SET target = NULL WHERE id = " LINK},
	{"node-type", "UPDATE node SET owner = NULL WHERE id = " LINK},
	{"node-type", "UPDATE node SET owner = 5 WHERE id = " DOE},
	{"node-type", "UPDATE node SET kinds = 1 WHERE id = " DOE},
	{"folder-content", "UPDATE node SET mtime = mtime + 1 WHERE id = " DOE},
	{"folder-content", "UPDATE node SET ctime = ctime - 1 WHERE id = 2"},
	{"folder-content", "UPDATE node SET subfolders = 9 WHERE id = " DOE},
	{"folder-empty",
	 "INSERT INTO node VALUES(9000, 2, 0, 'x', 9, 0, 0, 0, 0, 0, 0, NULL, NULL)"},
	{"series-content", "UPDATE node SET instances = 99 WHERE id = " SERIES},
	{"series-content", "UPDATE node SET kinds = 8 WHERE id = " SERIES},
	{"series-content", "UPDATE node SET multiframe = 9 WHERE id = " SERIES},
	{"series-content", "UPDATE node SET mtime = mtime - 1 WHERE id = " SERIES},
	{"series-content", "UPDATE node SET subfolders = 9 WHERE id = " SERIES},
	{"series-content", "DELETE FROM instance WHERE series = " SERIES},
	{"link-owner", "UPDATE node SET owner = 9999 WHERE id = " LINK},
	{"link-owner", "UPDATE node SET owner = 3 WHERE id = " LINK},
	{"link-owner", "UPDATE node SET mtime = mtime + 1 WHERE id = " LINK},
	{"link-target", "UPDATE node SET target = '../patients/x' WHERE id = " LINK},
	{"link-target", "UPDATE node SET target = '../' || target WHERE id = " LINK},
	{"link-list", "UPDATE study SET links = x'0102030405060708' WHERE plain = 1"},
	{"link-list", "UPDATE series SET links = x'01'"},
	{"link-list", "UPDATE series SET links = CAST(links || links AS BLOB)"},
	{"link-list", "DELETE FROM node WHERE id = " LINK},
	{"link-count", "UPDATE series SET links = NULL"},
};

static void test_rules(void **state)
{
	struct ground *g = *state;

	make_copy(g);
	check(g, g->copy);
	assert_string_equal(buf_text(&g->codes), "");
	assert_false(g->result.damaged);
	for (size_t i = 0; i < ARRAY_LEN(breaks); i++) {
		make_copy(g);
		change_copy(g, breaks[i].sql);
		check(g, g->copy);
		if (!has_code(g, breaks[i].code))
			fail_msg("%s: %s is not among\n%s", breaks[i].sql, breaks[i].code,
				 buf_text(&g->codes));
		assert_true(g->result.damaged);
	}
}

static void test_every_rule_is_broken(void **state)
{
	(void)state;
	for (size_t i = 0; i < ix_invariant_count; i++) {
		bool found = false;

		for (size_t j = 0; !found && j < ARRAY_LEN(breaks); j++)
			found = strcmp(breaks[j].code, ix_invariant_table[i].code) == 0;
		if (!found)
			fail_msg("no case for %s", ix_invariant_table[i].code);
	}
}

/* ---- Files -------------------------------------------------------------- */

static void put_beside(const struct ground *g, const char *suffix, const char *text)
{
	char path[160];
	int fd;

	(void)snprintf(path, sizeof(path), "%s%s", g->copy, suffix);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	(void)close(fd);
}

static void overwrite(const struct ground *g, off_t from, off_t size)
{
	int fd = open(g->copy, O_WRONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	for (off_t at = 0; at < size; at++)
		assert_true(pwrite(fd, "\xa5", 1, from + at) == 1);
	(void)close(fd);
}

static void test_damaged_files(void **state)
{
	struct ground *g = *state;
	struct err err = {0};
	struct stat st;

	make_copy(g);
	put_beside(g, "-ids", "70\n");
	check(g, g->copy);
	assert_true(has_code(g, "ids-file"));
	make_copy(g);
	put_beside(g, "-damaged", "");
	check(g, g->copy);
	assert_string_equal(buf_text(&g->codes), "marked\n");
	/* Looking takes it not away. */
	check(g, g->copy);
	assert_string_equal(buf_text(&g->codes), "marked\n");
	make_copy(g);
	overwrite(g, 0, 16);
	check(g, g->copy);
	assert_true(has_code(g, "unreadable"));
	assert_true(g->result.damaged);
	/* Every page, the first aside. */
	assert_int_equal(stat(g->store.path, &st), 0);
	for (off_t at = 4096; at < st.st_size; at += 4096) {
		make_copy(g);
		overwrite(g, at, 4096);
		check(g, g->copy);
		if (!g->result.damaged)
			fail_msg("page at %lld: nothing is wrong", (long long)at);
	}
	remove_copy(g);
	assert_false(run_check(g, g->copy, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_int_equal(stat(g->copy, &st), -1);
}

/* ---- The store ---------------------------------------------------------- */

static void expect(struct ground *g, const char *paths, bool differs)
{
	check(g, g->store.path);
	assert_string_equal(buf_text(&g->codes), "");
	assert_string_equal(buf_text(&g->paths), paths);
	assert_int_equal(g->result.differs, differs);
}

/* Each difference is seen, and is none any more after a scan. */
static void test_differences(void **state)
{
	struct ground *g = *state;
	struct store *store = &g->store;
	struct stat before, after;

	expect(g, "", false);
	assert_int_equal(g->result.files, 10);
	assert_int_equal(g->result.status.state, IX_SCAN_COMPLETE);
	assert_int_equal(stat(store->path, &before), 0);
	store_put(store, "a/new", &(struct words){.sop = "1.6"});
	store_put(store, "e/f/new", &(struct words){.sop = "1.7"});
	store_put_bytes(store, "a/1", span_of_text("other"));
	store_move(store, "d/text", "d/moved");
	store_delete(store, "b");
	assert_int_equal(symlinkat("nowhere", store->fd, "link2"), 0);
	assert_int_equal(unlinkat(store->fd, "link", 0), 0);
	assert_int_equal(symlinkat("a", store->fd, "link"), 0);
	assert_int_equal(mkdirat(store->fd, "empty", 0700), 0);
	expect(g,
	       "* a/1 1\n+ a/new 1\n- b/ 2\n+ d/moved 1\n- d/text 1\n+ e/f/new 1\n* link 1\n"
	       "+ link2 1\n",
	       true);
	assert_int_equal(g->result.differences[IX_DIFFERENCE_NEW], 4);
	assert_int_equal(g->result.differences[IX_DIFFERENCE_CHANGED], 2);
	assert_int_equal(g->result.differences[IX_DIFFERENCE_GONE], 3);
	/* Nothing was written. */
	assert_int_equal(stat(store->path, &after), 0);
	assert_true(before.st_mtim.tv_sec == after.st_mtim.tv_sec &&
		    before.st_mtim.tv_nsec == after.st_mtim.tv_nsec &&
		    before.st_size == after.st_size);
	store_scan(store);
	expect(g, "", false);
	store_close(store);
}

/* What the index says cannot be read is no difference as long as it is so. */
static void test_unreadable(void **state)
{
	struct ground *g = *state;
	struct store *store = &g->store;

	if (geteuid() == 0)
		skip();
	assert_int_equal(fchmodat(store->fd, "a/1", 0, 0), 0);
	assert_int_equal(fchmodat(store->fd, "d", 0, 0), 0);
	expect(g, "* a/1 1\n! d 1\n", true);
	store_scan(store);
	store_close(store);
	expect(g, "! a/1 1\n! d 1\n", false);
	assert_int_equal(fchmodat(store->fd, "a/1", 0600, 0), 0);
	assert_int_equal(fchmodat(store->fd, "d", 0700, 0), 0);
	expect(g, "* a/1 1\n- d 1\n", true);
}

/* Likewise a folder that nobody goes into, root neither. */
static void test_refused_folder(void **state)
{
	struct ground *g = *state;
	char path[512] = "", expected[512];
	size_t size;

	for (unsigned i = 0; i < 210; i++)
		memcpy(path + (size_t)i * 2, "n/", 3);
	size = strlen(path);
	memcpy(path + size, "x", 2);
	store_put_bytes(&g->store, path, span_of_text("not DICOM"));
	check(g, g->store.path);
	assert_int_equal(g->result.differences[IX_DIFFERENCE_UNREADABLE], 1);
	assert_true(g->result.differs);
	(void)snprintf(expected, sizeof(expected), "%s", buf_text(&g->paths));
	assert_memory_equal(expected, "! n/n/", 6);
	store_scan(&g->store);
	expect(g, expected, false);
	store_delete(&g->store, "n");
	check(g, g->store.path);
	assert_string_equal(buf_text(&g->paths), "- n/ 1\n");
}

static void test_pending(void **state)
{
	struct ground *g = *state;

	make_copy(g);
	change_copy(g, "UPDATE file SET state = 0 WHERE id = " TEXT ";"
		       "DELETE FROM problem WHERE file = " TEXT ";"
		       "UPDATE status SET skipped = skipped - 1, pending = 1");
	check(g, g->copy);
	assert_string_equal(buf_text(&g->codes), "");
	assert_string_equal(buf_text(&g->paths), ". d/text 1\n");
	assert_true(g->result.differs);
}

/* Beside the process that writes it, in the middle of a transaction: what it
 * committed, and the lock stays its own. */
static void test_beside_a_writer(void **state)
{
	struct ground *g = *state;

	expect(g, "", false);
	assert_false(g->result.written);
	store_open(&g->store, false);
	assert_true(ix_is_writer(g->store.index));
	expect(g, "", false);
	assert_true(g->result.written);
	store_put(&g->store, "a/new", &(struct words){.sop = "1.6"});
	expect(g, "+ a/new 1\n", true);
	store_scan(&g->store);
	expect(g, "", false);
	store_close(&g->store);
	assert_false(ix_is_written(g->store.path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_rules),         cmocka_unit_test(test_every_rule_is_broken),
		TEST(test_damaged_files), TEST(test_differences),
		TEST(test_unreadable),    TEST(test_refused_folder),
		TEST(test_pending),       TEST(test_beside_a_writer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
