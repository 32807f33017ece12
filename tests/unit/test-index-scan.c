/*
 * Scans: what ends up where, when it changes, and that what is not in the tree
 * is listed with a reason.
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

static void expect_problems(struct store *store, const char *expected)
{
	char *problems = store_problems(store);

	assert_string_equal(problems, expected);
	free(problems);
}

static struct ix_node node_at(struct store *store, const char *path)
{
	struct ix_node node;

	if (!store_find(store, path, &node))
		fail_msg("no %s in\n%s", path, store_tree(store));
	return node;
}

static struct ix_instance instance_at(struct store *store, const char *path)
{
	struct ix_instance instance;

	if (!store_find_instance(store, path, &instance))
		fail_msg("no %s in\n%s", path, store_tree(store));
	return instance;
}

static void assert_missing(struct store *store, const char *path)
{
	struct ix_node node;

	assert_false(store_find(store, path, &node));
}

/* A rebuild gives the same tree; only then is the one at hand right. */
static void assert_like_rebuilt(struct store *store)
{
	char *before = store_tree(store), *after;
	char *problems = store_problems(store), *again;
	struct ix_counts a = store_status(store).counts, b;

	store_close(store);
	store_open(store, true);
	store_scan(store);
	after = store_tree(store);
	again = store_problems(store);
	b = store_status(store).counts;
	assert_string_equal(before, after);
	assert_string_equal(problems, again);
	assert_memory_equal(&a, &b, sizeof(a));
	free(before);
	free(after);
	free(problems);
	free(again);
}

static void touch(struct store *store, const char *path, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	assert_int_equal(utimensat(store->fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

/* ---- The tree ----------------------------------------------------------- */

static void test_tree_and_views(void **state)
{
	struct store *store = *state;
	struct ix_node node;

	store_put(store, "a/1", &(struct words){.sop = "1.1", .accession = "A1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2", .number = "2", .frames = 3});
	store_put(store, "b/1", &(struct words){.sop = "1.3",
						.study = "1.2.4",
						.series = "1.2.4.0",
						.date = "",
						.accession = "a/b",
						.modality = ""});
	touch(store, "a/1", 2000);
	touch(store, "a/2", 1000);
	touch(store, "b/1", 500);
	store_scan(store);
	node = node_at(store, SERIES);
	assert_int_equal(node.type, IX_NODE_SERIES);
	assert_int_equal(node.instances, 2);
	assert_int_equal(node.kinds, 3 | PNG_KIND);
	assert_int_equal(node.multiframe, 1);
	assert_true(node.mtime_ns == INT64_C(2000000000000));
	assert_int_equal(node_at(store, PATIENT).subfolders, 2);
	assert_int_equal(node_at(store, "patients").subfolders, 1);
	assert_true(node_at(store, "patients").mtime_ns == INT64_C(2000000000000));
	assert_int_equal(instance_at(store, SERIES "/00002~kq62ea").frames, 3);

	node = node_at(store, "dates/2024/2024-01/2024-01-15/"
			      "Doe, Jane (PAT1) - 1015 Thorax ~st5vf7");
	assert_string_equal(node.target, "../../../../" STUDY);
	assert_true(node.mtime_ns == INT64_C(2000000000000));
	node = node_at(store, "dates/unknown/Doe, Jane (PAT1) - Thorax ~1yfy92");
	assert_string_equal(node.target, "../../" PATIENT "/Thorax ~1yfy92");
	node = node_at(store, "accessions/A1/Doe, Jane (PAT1) - 2024-01-15 1015 Thorax ~st5vf7");
	assert_string_equal(node.target, "../../" STUDY);
	/* What cannot be a name as it is has a hash. */
	node = node_at(store, "accessions/a_b ~adqagg/Doe, Jane (PAT1) - Thorax ~1yfy92");
	node = node_at(store, "uids/1.2.3");
	assert_string_equal(node.target, "../" STUDY);
	node = node_at(store, "modalities/CT/2024-01/Doe, Jane (PAT1) - 2024-01-15 003 CT ~fn53k3");
	assert_string_equal(node.target, "../../../" SERIES);
	assert_int_equal(node_at(store, "modalities").subfolders, 2);
	(void)node_at(store, "modalities/unknown/unknown");
	assert_like_rebuilt(store);

	/* What is left of it goes without a trace. */
	store_delete(store, "b");
	store_scan(store);
	assert_missing(store, "accessions/a_b ~adqagg");
	assert_missing(store, "modalities/unknown");
	assert_missing(store, "dates/unknown");
	assert_missing(store, "uids/1.2.4");
	store_delete(store, "a/1");
	store_scan(store);
	assert_true(node_at(store, "patients").mtime_ns == INT64_C(1000000000000));
	assert_true(node_at(store, "uids/1.2.3").mtime_ns == INT64_C(1000000000000));
	/* Members that are gone do not take the folder's text with them. */
	(void)node_at(store, "accessions/A1");
}

static void test_lookup_in_nfd(void **state)
{
	struct store *store = *state;
	struct ix_node node;

	store_put_bytes(store, "x", span_of_text("no"));
	store_put(store, "1", &(struct words){.patient = "M\xc3\xbcller^Eva"});
	store_scan(store);
	assert_false(store_find(store, "patients/Mu\xcc\x88ller", &node));
	assert_true(store_find(store, "dates/2024", &node));
	assert_int_equal(store_status(store).counts.patients, 1);
}

static void keep_fact(enum dc_fact fact, const char *text, void *context)
{
	((const char **)context)[fact] = strdup(text);
}

static void test_facts_are_the_files_own(void **state)
{
	struct store *store = *state;
	const char *facts[DC_FACT_COUNT] = {NULL};
	struct ix_instance instance;
	struct err err = {0};

	store_put(store, "1", &(struct words){.sop = "1.1", .accession = "A1"});
	store_put(store, "2", &(struct words){.sop = "1.2", .patient = "DOE^JANE", .modality = "PR"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.series, 1);
	instance = instance_at(store, SERIES "/00001~kq62ea");
	assert_true(ix_instance_facts(store->reader, instance.id, keep_fact, facts, &err));
	assert_string_equal(facts[DC_FACT_PATIENT_NAME], "DOE^JANE");
	assert_string_equal(facts[DC_FACT_PATIENT_ID], "PAT1");
	assert_string_equal(facts[DC_FACT_MODALITY], "PR");
	assert_string_equal(facts[DC_FACT_SOP_UID], "1.2");
	assert_null(facts[DC_FACT_ACCESSION]);
	for (size_t i = 0; i < DC_FACT_COUNT; i++)
		free((void *)(uintptr_t)facts[i]);
	assert_string_equal(instance.sop_uid, "1.2");
}

/* ---- Duplicates and conflicts ------------------------------------------- */

static void test_duplicates(void **state)
{
	struct store *store = *state;
	struct ix_source source;
	struct ix_instance instance;
	struct err err = {0};

	store_put(store, "b", &(struct words){.modality = "XX"});
	store_put(store, "c", &(struct words){.modality = "XX"});
	touch(store, "b", 100);
	store_scan(store);
	assert_int_equal(store_status(store).counts.instances, 1);
	assert_int_equal(store_status(store).counts.duplicates, 1);
	assert_int_equal(store_status(store).counts.notes, 1);
	expect_problems(store, "b [no-png]\nc [duplicate]\n");
	instance = instance_at(store, STUDY "/003 XX ~dy6fmy/00001~n56mn4");
	assert_true(instance.mtime_ns == INT64_C(100000000000));
	assert_true(ix_source_get(store->reader, instance.id, 0, &source, &err));
	assert_string_equal(source.path, "b");
	assert_true(ix_source_get(store->reader, instance.id, 1, &source, &err));
	assert_string_equal(source.path, "c");
	assert_false(ix_source_get(store->reader, instance.id, 2, &source, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);

	/* An earlier one takes over, under a new row key; so does the next one when
	 * the first leaves. */
	store_put(store, "a", &(struct words){.modality = "XX"});
	store_scan(store);
	expect_problems(store, "a [no-png]\nb [duplicate]\nc [duplicate]\n");
	assert_true(instance_at(store, STUDY "/003 XX ~dy6fmy/00001~n56mn4").id != instance.id);
	assert_like_rebuilt(store);
	store_delete(store, "a");
	store_delete(store, "b");
	store_scan(store);
	expect_problems(store, "c [no-png]\n");
	assert_like_rebuilt(store);
}

static void test_same_size_is_not_same(void **state)
{
	struct store *store = *state;
	struct ix_instance plain;

	store_put(store, "b", &(struct words){.comment = "B"});
	store_scan(store);
	plain = instance_at(store, SERIES "/00001~n56mn4");
	store_put(store, "c", &(struct words){.comment = "C"});
	store_put(store, "d", &(struct words){.comment = "B"});
	store_scan(store);
	expect_problems(store, "b [conflict]\nc [conflict]\nd [duplicate]\n");
	assert_int_equal(store_status(store).counts.notes, 2);
	/* The first keeps the plain name, and who has it keeps all of it. */
	assert_true(instance_at(store, SERIES "/00001~n56mn4").id == plain.id);
	assert_int_equal(node_at(store, SERIES).instances, 2);
	assert_like_rebuilt(store);

	/* An earlier one takes it. */
	store_put(store, "a", &(struct words){.comment = "A"});
	store_scan(store);
	assert_int_equal(node_at(store, SERIES).instances, 3);
	assert_like_rebuilt(store);
	/* Alone again: no conflict, plain name. */
	store_delete(store, "a");
	store_delete(store, "b");
	store_delete(store, "d");
	store_scan(store);
	expect_problems(store, "");
	assert_int_equal(store_status(store).counts.notes, 0);
	(void)instance_at(store, SERIES "/00001~n56mn4");
	assert_like_rebuilt(store);
}

static void test_same_uid_in_two_series(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.series = "1.2.3.1"});
	store_put(store, "b", &(struct words){.series = "1.2.3.2"});
	store_scan(store);
	expect_problems(store, "a [conflict]\nb [conflict]\n");
	assert_int_equal(store_status(store).counts.series, 2);
	store_delete(store, "a");
	store_scan(store);
	expect_problems(store, "");
	assert_like_rebuilt(store);
}

static void test_no_uids(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.sop = ""});
	store_put(store, "b", &(struct words){.sop = ""});
	store_put(store, "c", &(struct words){.sop = "", .series = "", .study = "", .id = ""});
	store_scan(store);
	expect_problems(store, "");
	assert_int_equal(store_status(store).counts.instances, 3);
	assert_int_equal(node_at(store, SERIES).instances, 2);
	assert_int_equal(store_status(store).counts.patients, 2);
	assert_like_rebuilt(store);
}

static void test_moved_file_keeps_everything(void **state)
{
	struct store *store = *state;
	struct ix_instance before, after;

	store_put(store, "z/1", &(struct words){.sop = "1.1"});
	store_put(store, "z/2", &(struct words){.sop = "1.2"});
	store_scan(store);
	before = instance_at(store, SERIES "/00001~p8mvks");
	store_move(store, "z", "a");
	store_scan(store);
	expect_problems(store, "");
	after = instance_at(store, SERIES "/00001~p8mvks");
	assert_true(after.ident == before.ident && after.mtime_ns == before.mtime_ns);
	store_move(store, "a", "m");
	store_scan(store);
	assert_int_equal(store->changes_of[IX_CHANGE_ADDED], 0);
	assert_int_equal(store->changes_of[IX_CHANGE_REMOVED], 0);
	assert_like_rebuilt(store);
}

/* ---- Patients ----------------------------------------------------------- */

static void test_patients(void **state)
{
	struct store *store = *state;

	/* Case and spacing do not make another person, but a name or birth date. */
	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_put(store, "b", &(struct words){.sop = "1.2", .patient = "DOE^jane "});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 1);
	expect_problems(store, "");
	store_put(store, "c", &(struct words){.sop = "1.3", .study = "1.5", .patient = "Roe^Rita"});
	store_put(store, "d", &(struct words){.sop = "1.4", .study = "1.6", .birth = "19800101"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 3);
	expect_problems(store, "a [patient-conflict]\nc [patient-conflict]\nd [patient-conflict]\n");
	assert_like_rebuilt(store);
	/* Another issuer is another number. */
	store_delete(store, "c");
	store_delete(store, "d");
	store_put(store, "e", &(struct words){.sop = "1.5", .study = "1.7", .issuer = "X"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	expect_problems(store, "");
	assert_like_rebuilt(store);
}

static void test_incomplete_joins_its_study(void **state)
{
	struct store *store = *state;
	struct ix_counts counts;

	/* The incomplete one first, alone, then with one that says more. */
	store_put(store, "a", &(struct words){.sop = "1.1", .birth = ""});
	store_scan(store);
	store_put(store, "b", &(struct words){.sop = "1.2"});
	store_scan(store);
	counts = store_status(store).counts;
	assert_int_equal(counts.patients, 1);
	assert_int_equal(counts.studies, 1);
	assert_int_equal(node_at(store, SERIES).instances, 2);
	expect_problems(store, "");
	assert_like_rebuilt(store);

	/* Two say more, and differ: it belongs to neither. */
	store_put(store, "c", &(struct words){.sop = "1.3", .birth = "19800101"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 3);
	assert_like_rebuilt(store);
	store_delete(store, "b");
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 1);
	assert_like_rebuilt(store);

	/* Another study is no reason to join. */
	store_put(store, "d", &(struct words){.sop = "1.4", .birth = "", .study = "1.9"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	assert_like_rebuilt(store);
}

static void test_no_patient_id(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.id = "", .sop = "1.1"});
	store_put(store, "b", &(struct words){.id = "", .sop = "1.2", .study = "1.5"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	expect_problems(store, "");
	assert_like_rebuilt(store);
}

static void test_study_of_two_patients(void **state)
{
	struct store *store = *state;

	store_put(store, "b", &(struct words){.sop = "1.1", .series = "1.2.3.1"});
	store_put(store, "c", &(struct words){.sop = "1.2", .id = "PAT2", .series = "1.2.3.2"});
	store_scan(store);
	expect_problems(store, "b [study-conflict]\nc [study-conflict]\n");
	assert_non_null(strstr(node_at(store, "uids/1.2.3").target, "(PAT1)"));
	(void)node_at(store, "uids/1.2.3~v9b7vt");
	assert_like_rebuilt(store);
	/* Who comes first in the store has the plain name. */
	store_put(store, "a", &(struct words){.sop = "1.3", .id = "PAT2", .series = "1.2.3.2"});
	store_scan(store);
	assert_non_null(strstr(node_at(store, "uids/1.2.3").target, "(PAT2)"));
	(void)node_at(store, "uids/1.2.3~0j5cbz");
	assert_like_rebuilt(store);
	store_delete(store, "a");
	store_delete(store, "c");
	store_scan(store);
	expect_problems(store, "");
	assert_non_null(strstr(node_at(store, "uids/1.2.3").target, "(PAT1)"));
	assert_missing(store, "uids/1.2.3~0j5cbz");
	assert_like_rebuilt(store);
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
	expect_problems(store, "empty [not-dicom]\n"
			       "fifo [special]\n"
			       "link-broken [link]\n"
			       "link-folder [link]\n"
			       "link-in [link]\n"
			       "link-loop [link]\n"
			       "link-out [link]\n"
			       "text [not-dicom]\n"
			       "\xff\xfe bytes\n [not-dicom]\n");
	assert_like_rebuilt(store);
	store_scan(store);
	assert_int_equal(store->changes, 0);
	assert_int_equal(store->measured, 0);
	store_put(store, "text", &(struct words){.sop = "1.2"});
	store_delete(store, "link-out");
	store_put(store, "link-out/1", &(struct words){.sop = "1.3"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.instances, 3);
	assert_like_rebuilt(store);
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
	expect_problems(store, "out/again [link]\nout/back [link]\nout2 [link]\n");
	store_scan(store);
	assert_int_equal(store->changes, 0);
	assert_like_rebuilt(store);
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
	expect_problems(store, "a [unreadable]\nb [unreadable]\n");
	/* Nobody knows that what is in the folder is gone. */
	assert_int_equal(store_status(store).counts.instances, 2);
	assert_int_equal(fchmod(fd, 0700), 0);
	assert_int_equal(fchmodat(store->fd, "a", 0600, 0), 0);
	store_scan(store);
	expect_problems(store, "");
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

	store_put(store, "whole", &(struct words){.sop = "1.1"});
	fd = open(store_path(store, "whole", path), O_RDONLY);
	data = buf_extend(&bytes, 430);
	assert_true(read(fd, data, 430) == 430);
	(void)close(fd);
	store_put_bytes(store, "cut", buf_span(&bytes));
	buf_truncate(&bytes, 145);
	store_put_bytes(store, "stump", buf_span(&bytes));
	store_scan(store);
	assert_int_equal(store_status(store).counts.files, 3);
	assert_int_equal(store_status(store).counts.instances, 2);
	assert_int_equal(store_status(store).counts.skipped + store_status(store).counts.failed, 1);
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
	(void)node_at(store, SERIES);
	/* Back again. */
	store_put(store, "a/1", &(struct words){.sop = "1.1"});
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	store_delete(store, "a");
	store->options.confirm_empty = true;
	store_scan(store);
	assert_int_equal(store_status(store).state, IX_SCAN_COMPLETE);
	assert_int_equal(store_status(store).counts.files, 0);
	assert_missing(store, PATIENT);
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
	before = instance_at(store, SERIES "/00001~p8mvks");
	assert_true(ix_source_get(store->reader, before.id, 0, &source, &err));
	store_put(store, "a", &(struct words){.sop = "1.1", .comment = "changed since"});
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	after = instance_at(store, SERIES "/00001~p8mvks");
	assert_true(after.id != before.id && after.ident == before.ident);
	assert_true(after.size > before.size);
	assert_int_equal(store_status(store).counts.instances, 2);
	store_delete(store, "a");
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	assert_int_equal(store_status(store).counts.files, 1);
	assert_true(ix_refresh(store->index, &store->options, source.file, &err));
	assert_like_rebuilt(store);
}

static void test_notes(void **state)
{
	struct store *store = *state;
	struct ix_instance instance;
	struct err err = {0};
	uint64_t version;

	store_put(store, "a", &(struct words){.sop = "1.1"});
	store_scan(store);
	instance = instance_at(store, SERIES "/00001~p8mvks");
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	expect_problems(store, "a [decode]\n");
	assert_int_equal(store_status(store).counts.notes, 1);
	version = store_status(store).version;
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	assert_true(store_status(store).version == version);
	store_scan(store);
	expect_problems(store, "a [decode]\n");
	touch(store, "a", 77);
	store_scan(store);
	expect_problems(store, "");
	assert_int_equal(store_status(store).counts.notes, 0);
	assert_true(ix_note_instance(store->index, instance.id, "decode", "bad frame", &err));
	expect_problems(store, "");
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_tree_and_views),
		TEST(test_lookup_in_nfd),
		TEST(test_facts_are_the_files_own),
		TEST(test_duplicates),
		TEST(test_same_size_is_not_same),
		TEST(test_same_uid_in_two_series),
		TEST(test_no_uids),
		TEST(test_moved_file_keeps_everything),
		TEST(test_patients),
		TEST(test_incomplete_joins_its_study),
		TEST(test_no_patient_id),
		TEST(test_study_of_two_patients),
		TEST(test_other_files),
		TEST(test_follow),
		TEST(test_unreadable),
		TEST(test_damaged_headers),
		TEST(test_sudden_emptiness),
		TEST(test_refresh),
		TEST(test_notes),
		TEST(test_stop),
		TEST(test_changes_are_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
