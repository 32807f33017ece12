/*
 * Where files end up in the tree: names, views, duplicates, conflicts, patients;
 * and how all of that changes when files come and go.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

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

/* ---- The tree ----------------------------------------------------------- */

static void test_tree_and_views(void **state)
{
	struct store *store = *state;
	struct ix_node node;

	store_put(store, "a/1", &(struct words){.sop = "1.1", .accession = "A1"});
	store_put(store, "a/2", &(struct words){.sop = "1.2", .number = "2", .frames = 3});
	store_put(store, "b/1",
		  &(struct words){.sop = "1.3",
				  .study = "1.2.4",
				  .series = "1.2.4.0",
				  .date = "",
				  .accession = "a/b",
				  .modality = ""});
	store_touch(store, "a/1", 2000);
	store_touch(store, "a/2", 1000);
	store_touch(store, "b/1", 500);
	store_scan(store);
	node = store_node(store, SERIES);
	assert_int_equal(node.type, IX_NODE_SERIES);
	assert_int_equal(node.instances, 2);
	assert_int_equal(node.kinds, 3 | PNG_KIND);
	assert_int_equal(node.multiframe, 1);
	assert_true(node.mtime_ns == INT64_C(2000000000000));
	assert_int_equal(store_node(store, PATIENT).subfolders, 2);
	assert_int_equal(store_node(store, "patients").subfolders, 1);
	assert_true(store_node(store, "patients").mtime_ns == INT64_C(2000000000000));
	assert_int_equal(store_instance(store, SERIES "/00002~kq62ea").frames, 3);

	node = store_node(store, "dates/2024/2024-01/2024-01-15/"
				 "Doe, Jane (PAT1) - 1015 Thorax ~st5vf7");
	assert_string_equal(node.target, "../../../../" STUDY);
	assert_true(node.mtime_ns == INT64_C(2000000000000));
	node = store_node(store, "dates/unknown/Doe, Jane (PAT1) - Thorax ~1yfy92");
	assert_string_equal(node.target, "../../" PATIENT "/Thorax ~1yfy92");
	node = store_node(store, "accessions/A1/Doe, Jane (PAT1) - 2024-01-15 1015 Thorax ~st5vf7");
	assert_string_equal(node.target, "../../" STUDY);
	/* What cannot be a name as it is has a hash. */
	node = store_node(store, "accessions/a_b ~93vhx5/Doe, Jane (PAT1) - Thorax ~1yfy92");
	node = store_node(store, "uids/1.2.3");
	assert_string_equal(node.target, "../" STUDY);
	node = store_node(store,
			  "modalities/CT/2024-01/Doe, Jane (PAT1) - 2024-01-15 003 CT ~fn53k3");
	assert_string_equal(node.target, "../../../" SERIES);
	assert_int_equal(store_node(store, "modalities").subfolders, 2);
	(void)store_node(store, "modalities/unknown/unknown");
	store_expect_like_rebuilt(store);

	/* What is left of it goes without a trace. */
	store_delete(store, "b");
	store_scan(store);
	store_expect_none(store, "accessions/a_b ~93vhx5");
	store_expect_none(store, "modalities/unknown");
	store_expect_none(store, "dates/unknown");
	store_expect_none(store, "uids/1.2.4");
	store_delete(store, "a/1");
	store_scan(store);
	assert_true(store_node(store, "patients").mtime_ns == INT64_C(1000000000000));
	assert_true(store_node(store, "uids/1.2.3").mtime_ns == INT64_C(1000000000000));
	/* Members that are gone do not take the folder's text with them. */
	(void)store_node(store, "accessions/A1");
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
	store_put(store, "2",
		  &(struct words){.sop = "1.2", .patient = "DOE^JANE", .modality = "PR"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.series, 1);
	instance = store_instance(store, SERIES "/00001~kq62ea");
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
	store_touch(store, "b", 100);
	store_scan(store);
	assert_int_equal(store_status(store).counts.instances, 1);
	assert_int_equal(store_status(store).counts.duplicates, 1);
	assert_int_equal(store_status(store).counts.notes, 1);
	store_expect_problems(store, "b [no-png]\nc [duplicate]\n");
	instance = store_instance(store, STUDY "/003 XX ~dy6fmy/00001~ckypzs");
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
	store_expect_problems(store, "a [no-png]\nb [duplicate]\nc [duplicate]\n");
	assert_true(store_instance(store, STUDY "/003 XX ~dy6fmy/00001~ckypzs").id != instance.id);
	store_expect_like_rebuilt(store);
	store_delete(store, "a");
	store_delete(store, "b");
	store_scan(store);
	store_expect_problems(store, "c [no-png]\n");
	store_expect_like_rebuilt(store);
}

static void test_same_size_is_not_same(void **state)
{
	struct store *store = *state;
	struct ix_instance plain;

	store_put(store, "b", &(struct words){.comment = "B"});
	store_scan(store);
	plain = store_instance(store, SERIES "/00001~ckypzs");
	store_put(store, "c", &(struct words){.comment = "C"});
	store_put(store, "d", &(struct words){.comment = "B"});
	store_scan(store);
	store_expect_problems(store, "b [conflict]\nc [conflict]\nd [duplicate]\n");
	assert_int_equal(store_status(store).counts.notes, 2);
	/* The first keeps the plain name, and who has it keeps all of it. */
	assert_true(store_instance(store, SERIES "/00001~ckypzs").id == plain.id);
	assert_int_equal(store_node(store, SERIES).instances, 2);
	store_expect_like_rebuilt(store);

	/* An earlier one takes it. */
	store_put(store, "a", &(struct words){.comment = "A"});
	store_scan(store);
	assert_int_equal(store_node(store, SERIES).instances, 3);
	store_expect_like_rebuilt(store);
	/* Alone again: no conflict, plain name. */
	store_delete(store, "a");
	store_delete(store, "b");
	store_delete(store, "d");
	store_scan(store);
	store_expect_problems(store, "");
	assert_int_equal(store_status(store).counts.notes, 0);
	(void)store_instance(store, SERIES "/00001~ckypzs");
	store_expect_like_rebuilt(store);
}

static void test_same_uid_in_two_series(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.series = "1.2.3.1"});
	store_put(store, "b", &(struct words){.series = "1.2.3.2"});
	store_scan(store);
	store_expect_problems(store, "a [conflict]\nb [conflict]\n");
	assert_int_equal(store_status(store).counts.series, 2);
	store_delete(store, "a");
	store_scan(store);
	store_expect_problems(store, "");
	store_expect_like_rebuilt(store);
}

static void test_no_uids(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.sop = ""});
	store_put(store, "b", &(struct words){.sop = ""});
	store_put(store, "c", &(struct words){.sop = "", .series = "", .study = "", .id = ""});
	store_scan(store);
	store_expect_problems(store, "");
	assert_int_equal(store_status(store).counts.instances, 3);
	assert_int_equal(store_node(store, SERIES).instances, 2);
	assert_int_equal(store_status(store).counts.patients, 2);
	store_expect_like_rebuilt(store);
}

static void test_moved_file_keeps_everything(void **state)
{
	struct store *store = *state;
	struct ix_instance before, after;

	store_put(store, "z/1", &(struct words){.sop = "1.1"});
	store_put(store, "z/2", &(struct words){.sop = "1.2"});
	store_scan(store);
	before = store_instance(store, SERIES "/00001~p8mvks");
	store_move(store, "z", "a");
	store_scan(store);
	store_expect_problems(store, "");
	after = store_instance(store, SERIES "/00001~p8mvks");
	assert_true(after.ident == before.ident && after.mtime_ns == before.mtime_ns);
	store_move(store, "a", "m");
	store_scan(store);
	assert_int_equal(store->changes_of[IX_CHANGE_ADDED], 0);
	assert_int_equal(store->changes_of[IX_CHANGE_REMOVED], 0);
	store_expect_like_rebuilt(store);
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
	store_expect_problems(store, "");
	store_put(store, "c", &(struct words){.sop = "1.3", .study = "1.5", .patient = "Roe^Rita"});
	store_put(store, "d", &(struct words){.sop = "1.4", .study = "1.6", .birth = "19800101"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 3);
	store_expect_problems(store,
			      "a [patient-conflict]\nc [patient-conflict]\nd [patient-conflict]\n");
	store_expect_like_rebuilt(store);
	/* Another issuer is another number. */
	store_delete(store, "c");
	store_delete(store, "d");
	store_put(store, "e", &(struct words){.sop = "1.5", .study = "1.7", .issuer = "X"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	store_expect_problems(store, "");
	store_expect_like_rebuilt(store);
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
	assert_int_equal(store_node(store, SERIES).instances, 2);
	store_expect_problems(store, "");
	store_expect_like_rebuilt(store);

	/* Two say more, and differ: it belongs to neither. */
	store_put(store, "c", &(struct words){.sop = "1.3", .birth = "19800101"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 3);
	store_expect_like_rebuilt(store);
	store_delete(store, "b");
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 1);
	store_expect_like_rebuilt(store);

	/* Another study is no reason to join. */
	store_put(store, "d", &(struct words){.sop = "1.4", .birth = "", .study = "1.9"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	store_expect_like_rebuilt(store);
}

static void test_no_patient_id(void **state)
{
	struct store *store = *state;

	store_put(store, "a", &(struct words){.id = "", .sop = "1.1"});
	store_put(store, "b", &(struct words){.id = "", .sop = "1.2", .study = "1.5"});
	store_scan(store);
	assert_int_equal(store_status(store).counts.patients, 2);
	store_expect_problems(store, "");
	store_expect_like_rebuilt(store);
}

static void test_study_of_two_patients(void **state)
{
	struct store *store = *state;

	store_put(store, "b", &(struct words){.sop = "1.1", .series = "1.2.3.1"});
	store_put(store, "c", &(struct words){.sop = "1.2", .id = "PAT2", .series = "1.2.3.2"});
	store_scan(store);
	store_expect_problems(store, "b [study-conflict]\nc [study-conflict]\n");
	assert_non_null(strstr(store_node(store, "uids/1.2.3").target, "(PAT1)"));
	(void)store_node(store, "uids/1.2.3~rhp1zx");
	store_expect_like_rebuilt(store);
	/* Who comes first in the store has the plain name. */
	store_put(store, "a", &(struct words){.sop = "1.3", .id = "PAT2", .series = "1.2.3.2"});
	store_scan(store);
	assert_non_null(strstr(store_node(store, "uids/1.2.3").target, "(PAT2)"));
	(void)store_node(store, "uids/1.2.3~0j5cbz");
	store_expect_like_rebuilt(store);
	store_delete(store, "a");
	store_delete(store, "c");
	store_scan(store);
	store_expect_problems(store, "");
	assert_non_null(strstr(store_node(store, "uids/1.2.3").target, "(PAT1)"));
	store_expect_none(store, "uids/1.2.3~0j5cbz");
	store_expect_like_rebuilt(store);
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
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
