/*
 * Names, keys and idents out of any facts: names keep the rules of the tree
 * (index/names.h) and depend on nothing else. Input: a hash, its size, a limit;
 * facts, each ended by a NUL.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/charset.h"
#include "index/names.h"

static const enum dc_fact used[] = {
	DC_FACT_PATIENT_NAME,       DC_FACT_PATIENT_ID,      DC_FACT_ISSUER,
	DC_FACT_BIRTH_DATE,         DC_FACT_STUDY_DATE,      DC_FACT_STUDY_TIME,
	DC_FACT_STUDY_DESCRIPTION,  DC_FACT_SERIES_NUMBER,   DC_FACT_MODALITY,
	DC_FACT_SERIES_DESCRIPTION, DC_FACT_INSTANCE_NUMBER, DC_FACT_STUDY_UID,
	DC_FACT_SERIES_UID,         DC_FACT_SOP_UID,
};

/* What may be in a name of any file system and shell; not empty. */
static void check_name(struct span name, size_t max_bytes)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf composed = buf_empty(BUF_NO_LIMIT);

	fuzz_require(name.size <= max_bytes, "a name is not too long");
	fuzz_require(dc_utf8_valid(name), "a name is UTF-8");
	for (size_t i = 0; i < name.size; i++)
		fuzz_require(name.data[i] >= 0x20 && name.data[i] != 0x7f &&
				     strchr("/\\:*?\"<>|;$^'`", name.data[i]) == NULL,
			     "no special characters in a name");
	buf_append(&text, name.data, name.size);
	fuzz_require(strstr(buf_text(&text), "  ") == NULL, "no runs of spaces");
	if (name.size > 0) {
		fuzz_require(strchr("-. ~", name.data[0]) == NULL,
			     "a name starts with none of -. ~");
		fuzz_require(strchr(". ", name.data[name.size - 1]) == NULL,
			     "a name ends in neither dot nor space");
	}
	fuzz_require(ix_name_nfc(buf_text(&text), &composed) &&
			     span_equals(buf_span(&composed), name),
		     "a name is NFC");
}

static void check_folder(const char *name, uint64_t hash, unsigned hash_size)
{
	char text[IX_HASH_TEXT_MAX + 1];
	size_t size = strnlen(name, 256);

	fuzz_require(size > 2 + hash_size && size <= IX_FOLDER_NAME_MAX,
		     "a folder's name has up to 60 bytes");
	check_name(span_of(name, size), IX_FOLDER_NAME_MAX);
	ix_hash_text(hash, hash_size, text);
	fuzz_require(memcmp(name + size - hash_size - 2, " ~", 2) == 0 &&
			     strcmp(name + size - hash_size, text) == 0,
		     "the hash is never cut");
}

typedef void name_function(const struct dc_facts *facts, uint64_t hash, unsigned hash_size,
			   char name[static 256]);

static void check_folders(const struct dc_facts *facts, uint64_t hash, unsigned hash_size)
{
	static name_function *const functions[] = {ix_name_patient, ix_name_study, ix_name_series};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		struct fuzz_guarded first CLEANUP_GUARDED = fuzz_guard(256, 0xa5);
		struct fuzz_guarded second CLEANUP_GUARDED = fuzz_guard(256, 0);
		char *name = (char *)first.bytes;

		functions[i](facts, hash, hash_size, name);
		check_folder(name, hash, hash_size);
		functions[i](facts, hash, hash_size, (char *)second.bytes);
		fuzz_require(strcmp(name, (char *)second.bytes) == 0, "a name is the same again");
	}
}

static void check_instance(const struct dc_facts *facts, uint64_t hash, unsigned hash_size)
{
	for (unsigned content = 0; content <= IX_HASH_TEXT_MAX; content += IX_HASH_TEXT) {
		struct fuzz_guarded guarded CLEANUP_GUARDED = fuzz_guard(64, 0xa5);
		const char *name = (const char *)guarded.bytes;
		size_t size;

		ix_name_instance(facts, hash, hash_size, ~hash, content, (char *)guarded.bytes);
		size = strnlen(name, 64);
		fuzz_require(size < 64 &&
				     size == strspn(name, "0123456789abcdefghjkmnpqrstvwxyz_~-"),
			     "an instance's name is plain");
		fuzz_require(size >= 5 + 1 + hash_size + content + (content > 0),
			     "and has all of its parts");
	}
}

/* Parts as they are said to end; UTF-8 where the facts are. */
static void check_key(const struct dc_facts *facts, bool valid)
{
	struct fuzz_guarded first CLEANUP_GUARDED = fuzz_guard(sizeof(struct ix_patient_key), 0xa5);
	struct fuzz_guarded second CLEANUP_GUARDED = fuzz_guard(sizeof(struct ix_patient_key), 0);
	struct ix_patient_key *key = (void *)first.bytes, *again = (void *)second.bytes;
	CLEANUP_BUF struct buf bytes = buf_empty(BUF_NO_LIMIT);

	ix_patient_key(facts, key);
	ix_patient_key(facts, again);
	fuzz_require(memchr(key->issuer, 0, sizeof(key->issuer)) != NULL &&
			     memchr(key->id, 0, sizeof(key->id)) != NULL &&
			     memchr(key->name, 0, sizeof(key->name)) != NULL &&
			     memchr(key->birth, 0, sizeof(key->birth)) != NULL,
		     "parts of a key end");
	fuzz_require(strcmp(key->issuer, again->issuer) == 0 && strcmp(key->id, again->id) == 0 &&
			     strcmp(key->name, again->name) == 0 &&
			     strcmp(key->birth, again->birth) == 0,
		     "a key is the same again");
	ix_patient_key_bytes(key, dc_fact(facts, DC_FACT_STUDY_UID), &bytes);
	fuzz_require(bytes.size > 0 && memchr(bytes.data, 0, bytes.size) == NULL,
		     "a key has no NUL");
	fuzz_require(!valid || dc_utf8_valid(buf_span(&bytes)), "a key is UTF-8");
}

static void check_date(const char *text)
{
	struct fuzz_guarded date CLEANUP_GUARDED = fuzz_guard(11, 0xa5);
	struct fuzz_guarded time CLEANUP_GUARDED = fuzz_guard(5, 0xa5);
	char *day = (char *)date.bytes, *hour = (char *)time.bytes;

	if (ix_name_date(text, day))
		fuzz_require(strnlen(day, 11) == 10 && strspn(day, "0123456789") == 4 &&
				     day[4] == '-' && strspn(day + 5, "0123456789") == 2 &&
				     day[7] == '-' && strspn(day + 8, "0123456789") == 2 &&
				     memcmp(day + 5, "12", 2) <= 0 && memcmp(day + 8, "31", 2) <= 0,
			     "a date is one");
	if (ix_name_time(text, hour))
		fuzz_require(strnlen(hour, 5) == 4 && strspn(hour, "0123456789") == 4 &&
				     memcmp(hour, "2359", 4) <= 0 && memcmp(hour + 2, "59", 2) <= 0,
			     "a time is one");
}

static void check_texts(const char *text, size_t limit)
{
	CLEANUP_BUF struct buf clean = buf_empty(BUF_NO_LIMIT), twice = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf person = buf_empty(BUF_NO_LIMIT), nfc = buf_empty(BUF_NO_LIMIT);

	ix_name_sanitise(span_of_text(text), limit, &clean);
	check_name(buf_span(&clean), limit);
	ix_name_sanitise(buf_span(&clean), limit, &twice);
	fuzz_require(span_equals(buf_span(&clean), buf_span(&twice)), "what is clean stays so");
	ix_name_person(text, &person);
	fuzz_require(!dc_utf8_valid(span_of_text(text)) || dc_utf8_valid(buf_span(&person)),
		     "a person is UTF-8");
	fuzz_require(ix_name_nfc(text, &nfc), "there is memory");
	check_date(text);
}

static void check_keys(const struct dc_facts *facts, uint64_t hash)
{
	void (*const functions[])(const struct dc_facts *, const char *,
				  struct buf *) = {ix_study_key, ix_series_key, ix_instance_key};

	for (size_t i = 0; i < ARRAY_LEN(functions); i++) {
		CLEANUP_BUF struct buf key = buf_empty(BUF_NO_LIMIT);
		uint64_t ident;

		functions[i](facts, "folder/file", &key);
		fuzz_require(key.size > 0, "there is always a key");
		ident = ix_ident(hash, (uint8_t)i, buf_span(&key));
		fuzz_require(ident >= 2 && ident <= INT64_MAX, "idents are neither 0 nor 1");
	}
}

void fuzz_one(struct span input)
{
	CLEANUP_BUF struct buf texts = buf_empty(BUF_NO_LIMIT);
	uint64_t hash = fuzz_take_64(&input);
	unsigned hash_size =
		IX_HASH_TEXT + fuzz_take_below(&input, IX_HASH_TEXT_MAX - IX_HASH_TEXT + 1);
	size_t limit = fuzz_take_8(&input), size = 0;
	struct dc_facts facts = {0};
	bool valid = dc_utf8_valid(input);

	buf_append(&texts, input.data, input.size);
	(void)buf_text(&texts);
	for (size_t i = 0; i < ARRAY_LEN(used) && size < texts.size; i++) {
		facts.fact[used[i]] = (const char *)texts.data + size;
		size += strlen(facts.fact[used[i]]) + 1;
		check_texts(facts.fact[used[i]], limit);
	}
	check_folders(&facts, hash, hash_size);
	check_instance(&facts, hash, hash_size);
	check_key(&facts, valid);
	check_keys(&facts, hash);
}
