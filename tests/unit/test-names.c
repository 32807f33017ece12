/*
 * Names are a format for ever: exact strings, so that a change cannot go
 * unnoticed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index/names.h"

#include <setjmp.h>
#include <cmocka.h>

#define HASH UINT64_C(0x123456789abcdef0) /* "28t5cy" and on */

/* What Windows and shells cannot take anywhere in a name. */
static void assert_harmless(const char *name, size_t max_bytes)
{
	size_t size = strlen(name);

	assert_true(size > 0 && size <= max_bytes);
	assert_null(strpbrk(name, "/\\:*?\"<>|;$^'`\n\r\t\x1b\x7f"));
	assert_null(strstr(name, "  "));
	assert_null(strchr("-. ~", name[0]));
	assert_null(strchr(". ", name[size - 1]));
}

static void test_hash(void **state)
{
	char text[IX_HASH_TEXT_MAX + 1];

	(void)state;
	/* Published value of XXH3 64 bit for no input and seed 0. */
	assert_true(ix_hash(span_of(NULL, 0)) == UINT64_C(0x2d06800538d394c2));
	assert_true(ix_hash(span_of_text("1.2.840.10008.1.1")) == UINT64_C(0xbb6314c49f00ce46));

	ix_hash_text(HASH, IX_HASH_TEXT, text);
	assert_string_equal(text, "28t5cy");
	ix_hash_text(HASH, IX_HASH_TEXT_MAX, text);
	assert_string_equal(text, "28t5cy4tqkff");
	ix_hash_text(HASH, 99, text);
	assert_string_equal(text, "28t5cy4tqkff");
	ix_hash_text(HASH, 0, text);
	assert_string_equal(text, "");
	ix_hash_text(0, 6, text);
	assert_string_equal(text, "000000");
	ix_hash_text(UINT64_MAX, 6, text);
	assert_string_equal(text, "zzzzzz");
}

static void test_ident(void **state)
{
	uint64_t a = ix_ident(2, 3, span_of_text("1.2.3"));

	(void)state;
	assert_true(a == UINT64_C(0x14fb99d0379bd203));
	assert_true(a == ix_ident(2, 3, span_of_text("1.2.3")));
	assert_true(a != ix_ident(3, 3, span_of_text("1.2.3")));
	assert_true(a != ix_ident(2, 4, span_of_text("1.2.3")));
	assert_true(a != ix_ident(2, 3, span_of_text("1.2.4")));
	for (uint64_t i = 0; i < 1000; i++) {
		uint64_t ident = ix_ident(i, 1, span_of(&i, sizeof(i)));

		assert_true(ident >= 2 && ident <= INT64_MAX);
	}
}

static void test_person(void **state)
{
	static const char *const rows[][2] = {
		{"Doe^Jane", "Doe, Jane"},
		{"Doe^Jane^Q^Dr^Jr", "Doe, Jane Q Jr"},
		{"Doe^Jane^^^", "Doe, Jane"},
		{"Doe", "Doe"},
		{"Doe^", "Doe"},
		{"Doe^^Q", "Doe, Q"},
		{"Doe^^^^Jr", "Doe, Jr"},
		{"Doe^^^Mrs", "Doe"},
		{"^Jane", "Jane"},
		{"^Jane^Q", "Jane Q"},
		{" Doe ^ Jane ", "Doe, Jane"},
		{"DOE JANE", "DOE JANE"},
		{"Doe, Jane", "Doe, Jane"},
		{"", ""},
		{"^^^^", ""},
		{"==", ""},
		{" ^ = ^ ", ""},
		{"Yamada^Tarou=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046",
		 "Yamada, Tarou"},
		{"=\u5c71\u7530^\u592a\u90ce=\u3084\u307e\u3060^\u305f\u308d\u3046",
		 "\u5c71\u7530, \u592a\u90ce"},
		{"^^==\u3084\u307e\u3060^\u305f\u308d\u3046",
		 "\u3084\u307e\u3060, \u305f\u308d\u3046"},
		{"A^B^C^D^E^F^G", "A, B C E"},
		{"\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2",
		 "\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		ix_name_person(rows[i][0], &out);
		assert_string_equal(buf_text(&out), rows[i][1]);
	}
}

static struct dc_facts patient_facts(const char *name, const char *id)
{
	struct dc_facts facts = {0};

	facts.fact[DC_FACT_PATIENT_NAME] = name;
	facts.fact[DC_FACT_PATIENT_ID] = id;
	return facts;
}

static void test_patient_key(void **state)
{
	static const char *const rows[][2] = {
		{"Doe^Jane", "doe^jane"},
		{"DOE^JANE^^^", "doe^jane"},
		{" Doe  ^ Jane   Mary ", "doe^jane mary"},
		{"^Jane", "^jane"},
		{"", ""},
		{"^^^", ""},
		{"Stra\u00dfe^M\u00dcLLER", "strasse^m\u00fcller"},
		{"Mu\u0308ller", "m\u00fcller"},
		{"\u0394\u0399\u039f\u03a3", "\u03b4\u03b9\u03bf\u03c3"},
		{"\u0394\u03b9\u03bf\u03c2", "\u03b4\u03b9\u03bf\u03c3"}, /* final sigma */
		{"\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce"},
		{"Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", "yamada^tarou"},
		{"=\u5c71\u7530^\u592a\u90ce", "\u5c71\u7530^\u592a\u90ce"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = patient_facts(rows[i][0], " Pat 1 ");
		struct ix_patient_key key;

		ix_patient_key(&facts, &key);
		assert_string_equal(key.name, rows[i][1]);
		assert_string_equal(key.id, "Pat 1");
		assert_string_equal(key.issuer, "");
		assert_string_equal(key.birth, "");
	}
}

static void test_patient_key_dates(void **state)
{
	static const char *const rows[][2] = {
		{"19700131", "19700131"},
		{"1970.01.31", "19700131"},
		{"19700132", "19700132"},
		{"about 1970 or so, they say", "ab~"},
		{"", ""},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = patient_facts("A", "1");
		struct ix_patient_key key;

		facts.fact[DC_FACT_BIRTH_DATE] = rows[i][0];
		ix_patient_key(&facts, &key);
		if (strlen(rows[i][0]) < sizeof(key.birth)) {
			assert_string_equal(key.birth, rows[i][1]);
		} else {
			assert_int_equal(strlen(key.birth), 15);
			assert_memory_equal(key.birth, rows[i][1], 3);
		}
	}
}

/* Long texts that differ only behind what fits are different keys. */
static void test_patient_key_long(void **state)
{
	struct ix_patient_key keys[2];
	char text[2000];

	(void)state;
	for (size_t size = 10; size < sizeof(text) - 1; size += 37) {
		for (size_t k = 0; k < 2; k++) {
			struct dc_facts facts;

			memset(text, 'x', size);
			text[size - 1] = k == 0 ? 'a' : 'b';
			text[size] = '\0';
			facts = patient_facts(text, text);
			facts.fact[DC_FACT_ISSUER] = text;
			ix_patient_key(&facts, &keys[k]);
		}
		assert_string_not_equal(keys[0].id, keys[1].id);
		assert_string_not_equal(keys[0].name, keys[1].name);
		assert_string_not_equal(keys[0].issuer, keys[1].issuer);
		assert_true(strlen(keys[0].id) < sizeof(keys[0].id));
	}
	/* Cut on a character boundary. */
	for (size_t i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\u5c71", 4);
	{
		struct dc_facts facts = patient_facts(text, text);

		ix_patient_key(&facts, &keys[0]);
		assert_int_equal(strlen(keys[0].name), 240 + 1 + 12);
		assert_memory_equal(keys[0].name + 237, "\u5c71~", 4);
		assert_string_equal(keys[0].name, keys[0].id);
	}
}

static void test_patient_key_bytes(void **state)
{
	struct dc_facts facts = patient_facts("Doe^Jane", "PAT001");
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct ix_patient_key key;

	(void)state;
	facts.fact[DC_FACT_BIRTH_DATE] = "19700131";
	ix_patient_key(&facts, &key);
	ix_patient_key_bytes(&key, "1.2.3", &out);
	assert_string_equal(buf_text(&out), "0:,6:PAT001,8:doe^jane,8:19700131,");
	assert_true(ix_hash(buf_span(&out)) == UINT64_C(0x9c34ef8369e51a05));

	buf_truncate(&out, 0);
	facts = patient_facts(NULL, "");
	facts.fact[DC_FACT_ISSUER] = "Here";
	ix_patient_key(&facts, &key);
	ix_patient_key_bytes(&key, "1.2.3", &out);
	assert_string_equal(buf_text(&out), "4:Here,0:,0:,0:,5:1.2.3,");
}

static void test_name_patient(void **state)
{
	static const struct {
		const char *person, *id, *expected;
	} rows[] = {
		{"Doe^Jane", "PAT001", "Doe, Jane (PAT001) ~28t5cy"},
		{"Doe^Jane", "", "Doe, Jane ~28t5cy"},
		{"Doe^Jane", NULL, "Doe, Jane ~28t5cy"},
		{"", "PAT001", "Unknown (PAT001) ~28t5cy"},
		{NULL, "PAT001", "Unknown (PAT001) ~28t5cy"},
		{"^^^", "-1", "Unknown (-1) ~28t5cy"},
		{NULL, NULL, "Unknown ~28t5cy"},
		{"...", "..", "Unknown ~28t5cy"},
		{"????", "a/b:c", "____ (a_b_c) ~28t5cy"},
		{"CON", "NUL", "_CON (NUL) ~28t5cy"},
		{"-Anon^A.", ".1.", "_Anon, A (.1) ~28t5cy"},
		{"O'Brien^P", "P;1", "O_Brien, P (P_1) ~28t5cy"},
		{"Yamada^Tarou=\u5c71\u7530^\u592a\u90ce", "J1", "Yamada, Tarou (J1) ~28t5cy"},
		{"=\u5c71\u7530^\u592a\u90ce", "J1", "\u5c71\u7530, \u592a\u90ce (J1) ~28t5cy"},
		{"Hong^Gildong=\u6d2a^\u5409\u6d1e=\ud64d^\uae38\ub3d9", "K1",
		 "Hong, Gildong (K1) ~28t5cy"},
		/* 52 bytes of text: the name is cut, the bracket stays. */
		{"Abcdefghijklmnopqrstuvwxyz^Abcdefghijklmnopqrstuvwxyz", "PAT001",
		 "Abcdefghijklmnopqrstuvwxyz, Abcdefghijklmno (PAT001) ~28t5cy"},
		{"Abcdefghijklmnopqrstuvwxyz", "1234567890123456789012",
		 "Abcdefghijklmnopqrstuvwxyz (1234567890123456789012) ~28t5cy"},
		{"Abcdefghijklmnopqrstuvwxyz", "12345678901234567890123456789012345678901",
		 "Abcdefghijkl (1234567890123456789012345678901234567) ~28t5cy"},
		{"Doe^J", "12345678901234567890123456789012345678901234567890",
		 "Doe, J (1234567890123456789012345678901234567890123) ~28t5cy"},
		{"\u5c71\u7530\u592a\u90ce\u5c71\u7530\u592a\u90ce\u5c71\u7530\u592a\u90ce"
		 "\u5c71\u7530\u592a\u90ce",
		 "12345678901",
		 "\u5c71\u7530\u592a\u90ce\u5c71\u7530\u592a\u90ce\u5c71\u7530"
		 "\u592a\u90ce (12345678901) ~28t5cy"},
	};
	char name[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = patient_facts(rows[i].person, rows[i].id);

		ix_name_patient(&facts, HASH, IX_HASH_TEXT, name);
		assert_string_equal(name, rows[i].expected);
		assert_harmless(name, IX_FOLDER_NAME_MAX);
	}
	{
		struct dc_facts facts = patient_facts(rows[15].person, rows[15].id);

		ix_name_patient(&facts, HASH, IX_HASH_TEXT_MAX, name);
		assert_string_equal(name, "Abcdefghijklmnopqrstuvwxyz, Abcdefghi (PAT001) "
					  "~28t5cy4tqkff");
	}
}

/* Any length of name and ID fills at most 60 bytes and keeps bracket and hash. */
static void test_name_patient_lengths(void **state)
{
	char person[201], id[201], name[256];

	(void)state;
	for (size_t p = 0; p <= 200; p += 3) {
		for (size_t i = 1; i <= 200; i += 7) {
			struct dc_facts facts = patient_facts(person, id);

			memset(person, 'p', p);
			person[p] = '\0';
			memset(id, 'i', i);
			id[i] = '\0';
			ix_name_patient(&facts, HASH, IX_HASH_TEXT, name);
			assert_harmless(name, IX_FOLDER_NAME_MAX);
			assert_string_equal(name + strlen(name) - 10, "i) ~28t5cy");
		}
	}
	for (size_t i = 0; i < 100; i++)
		memcpy(person + 2 * i, i == 0 ? "xe" : "\u0316", 3);
	{
		struct dc_facts facts = patient_facts(person + 1, "ID");

		ix_name_patient(&facts, HASH, IX_HASH_TEXT, name);
		assert_string_equal(name, "Unknown (ID) ~28t5cy");
	}
}

static void test_name_study(void **state)
{
	static const struct {
		const char *date, *time, *description, *expected;
	} rows[] = {
		{"20240115", "101500.000", "CT Thorax", "2024-01-15 1015 CT Thorax ~28t5cy"},
		{"2024.01.15", "10:15:00", "CT Thorax", "2024-01-15 1015 CT Thorax ~28t5cy"},
		{"20240115", NULL, "CT Thorax", "2024-01-15 CT Thorax ~28t5cy"},
		{"20240115", "1015", NULL, "2024-01-15 1015 ~28t5cy"},
		{"20240115", "", "", "2024-01-15 ~28t5cy"},
		{NULL, "1015", "CT Thorax", "CT Thorax ~28t5cy"},
		{"", "", "", "Study ~28t5cy"},
		{"20241301", "1015", "-", "_ ~28t5cy"},
		{NULL, NULL, "...", "Study ~28t5cy"},
		{NULL, NULL, "CON.x", "_CON.x ~28t5cy"},
		{"20240115", "1015", "-neg.", "2024-01-15 1015 -neg ~28t5cy"},
		{"20240115", "1015", "HEAD^ROUTINE", "2024-01-15 1015 HEAD_ROUTINE ~28t5cy"},
		{"20240115", "1015", "A description that is far too long for a folder",
		 "2024-01-15 1015 A description that is far too long f ~28t5cy"},
		{"20240115", "1015",
		 "\u80f8\u90e8\u80f8\u90e8\u80f8\u90e8\u80f8\u90e8\u80f8\u90e8"
		 "\u80f8\u90e8\u80f8",
		 "2024-01-15 1015 \u80f8\u90e8\u80f8\u90e8\u80f8\u90e8\u80f8\u90e8\u80f8\u90e8"
		 "\u80f8\u90e8 ~28t5cy"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = {0};
		char name[256];

		facts.fact[DC_FACT_STUDY_DATE] = rows[i].date;
		facts.fact[DC_FACT_STUDY_TIME] = rows[i].time;
		facts.fact[DC_FACT_STUDY_DESCRIPTION] = rows[i].description;
		ix_name_study(&facts, HASH, IX_HASH_TEXT, name);
		assert_string_equal(name, rows[i].expected);
		assert_harmless(name, IX_FOLDER_NAME_MAX);
	}
}

static void test_name_study_long(void **state)
{
	struct dc_facts facts = {0};
	static char text[100000];
	char name[256];

	(void)state;
	memset(text, 'd', sizeof(text) - 1);
	facts.fact[DC_FACT_STUDY_DATE] = "20240115";
	facts.fact[DC_FACT_STUDY_DESCRIPTION] = text;
	ix_name_study(&facts, HASH, IX_HASH_TEXT, name);
	assert_string_equal(name, "2024-01-15 ddddddddddddddddddddddddddddddddddddddddd ~28t5cy");
	ix_name_study(&facts, HASH, IX_HASH_TEXT_MAX, name);
	assert_string_equal(name, "2024-01-15 ddddddddddddddddddddddddddddddddddd ~28t5cy4tqkff");
}

static void test_name_series(void **state)
{
	static const struct {
		const char *number, *modality, *description, *expected;
	} rows[] = {
		{"3", "CT", "Axial 1mm", "003 CT Axial 1mm ~28t5cy"},
		{"003", "CT", "", "003 CT ~28t5cy"},
		{" 12 ", "MR", "t1_mprage", "012 MR t1_mprage ~28t5cy"},
		{"3.0", "MR", NULL, "003 MR ~28t5cy"},
		{"10001", "CT", "x", "10001 CT x ~28t5cy"},
		{"0", "CT", "x", "000 CT x ~28t5cy"},
		{"-5", "CT", "x", "_005 CT x ~28t5cy"},
		{NULL, "CT", "x", "___ CT x ~28t5cy"},
		{"", NULL, NULL, "___ ~28t5cy"},
		{"A1", "CT", "x", "___ CT x ~28t5cy"},
		{"3", NULL, "x", "003 x ~28t5cy"},
		{"3", "SR", "dose/report", "003 SR dose_report ~28t5cy"},
		{"9223372036854775807", "CT", NULL, "9223372036854775807 CT ~28t5cy"},
		{"3", "CT", "A description that is far too long for a folder's name",
		 "003 CT A description that is far too long for a fold ~28t5cy"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = {0};
		char name[256];

		facts.fact[DC_FACT_SERIES_NUMBER] = rows[i].number;
		facts.fact[DC_FACT_MODALITY] = rows[i].modality;
		facts.fact[DC_FACT_SERIES_DESCRIPTION] = rows[i].description;
		ix_name_series(&facts, HASH, IX_HASH_TEXT, name);
		assert_string_equal(name, rows[i].expected);
		assert_harmless(name, IX_FOLDER_NAME_MAX);
	}
}

static void test_name_instance(void **state)
{
	static const struct {
		const char *number;
		unsigned hash_size, content_size;
		const char *expected;
	} rows[] = {
		{"42", 6, 0, "00042~28t5cy"},
		{"42", 7, 0, "00042~28t5cy4"},
		{"42", 6, 6, "00042~28t5cy-zzzzzz"},
		{"42", 12, 12, "00042~28t5cy4tqkff-zzzzzzzzzzzz"},
		{NULL, 6, 0, "_____~28t5cy"},
		{"", 6, 0, "_____~28t5cy"},
		{"one", 6, 0, "_____~28t5cy"},
		{"-1", 6, 0, "_00001~28t5cy"},
		{"123456", 6, 0, "123456~28t5cy"},
		{"-9223372036854775808", 12, 12, "_9223372036854775808~28t5cy4tqkff-zzzzzzzzzzzz"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_facts facts = {0};
		char name[64];

		facts.fact[DC_FACT_INSTANCE_NUMBER] = rows[i].number;
		ix_name_instance(&facts, HASH, rows[i].hash_size, UINT64_MAX, rows[i].content_size,
				 name);
		assert_string_equal(name, rows[i].expected);
	}
}

static void test_keys(void **state)
{
	static const char *const rows[][2] = {
		{"1.2.3", "1.2.3"},     {" 1.2.3 ", "1.2.3"},   {"", "path:a/b.dcm"},
		{NULL, "path:a/b.dcm"}, {"  ", "path:a/b.dcm"}, {"..", ".."},
		{"1.02.3", "1.02.3"},   {"1..3", "1..3"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		struct dc_facts facts = {0};

		facts.fact[DC_FACT_STUDY_UID] = rows[i][0];
		facts.fact[DC_FACT_SERIES_UID] = rows[i][0];
		facts.fact[DC_FACT_SOP_UID] = rows[i][0];
		ix_study_key(&facts, "a/b.dcm", &out);
		assert_string_equal(buf_text(&out), rows[i][1]);
		buf_truncate(&out, 0);
		ix_series_key(&facts, "a/b.dcm", &out);
		assert_string_equal(buf_text(&out), rows[i][1]);
		buf_truncate(&out, 0);
		ix_instance_key(&facts, "a/b.dcm", &out);
		assert_string_equal(buf_text(&out), rows[i][1]);
	}
}

static void test_dates(void **state)
{
	static const char *const good[][2] = {
		{"20240115", "2024-01-15"},   {"2024.01.15", "2024-01-15"},
		{"20240229", "2024-02-29"},   {"20000229", "2000-02-29"},
		{" 20240115 ", "2024-01-15"}, {"00010101", "0001-01-01"},
	};
	static const char *const bad[] = {
		"",          "2024",      "202401",    "20240132",          "20241301",
		"20240001",  "20240100",  "20230229",  "19000229",          "00000000",
		"00000101",  "2024.0115", "202401.15", "2024-01-15",        "2024011",
		"202401155", "2O240115",  "20240115-", "20240115-20240116",
	};
	char text[11];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(ix_name_date(good[i][0], text));
		assert_string_equal(text, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(ix_name_date(bad[i], text));
}

static void test_times(void **state)
{
	static const char *const good[][2] = {
		{"101500.000000", "1015"}, {"101500", "1015"},
		{"1015", "1015"},          {"10", "1000"},
		{"10:15:00", "1015"},      {"10:15", "1015"},
		{"235960", "2359"},        {"000000", "0000"},
		{" 1015 ", "1015"},
	};
	static const char *const bad[] = {
		"", "1", "2400", "1060", "101", "ab", "10-15", "1015am", "-1015", "10:1",
	};
	char text[5];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		assert_true(ix_name_time(good[i][0], text));
		assert_string_equal(text, good[i][1]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		assert_false(ix_name_time(bad[i], text));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hash),
		cmocka_unit_test(test_ident),
		cmocka_unit_test(test_person),
		cmocka_unit_test(test_patient_key),
		cmocka_unit_test(test_patient_key_dates),
		cmocka_unit_test(test_patient_key_long),
		cmocka_unit_test(test_patient_key_bytes),
		cmocka_unit_test(test_name_patient),
		cmocka_unit_test(test_name_patient_lengths),
		cmocka_unit_test(test_name_study),
		cmocka_unit_test(test_name_study_long),
		cmocka_unit_test(test_name_series),
		cmocka_unit_test(test_name_instance),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests_name("names", tests, NULL, NULL);
}
