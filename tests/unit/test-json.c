/*
 * DICOM JSON: order and duplicates, sequences, bulk data, names and limits.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/test-json.h"

#include <zlib.h>

extern const struct rn_kind rn_kind_json;

/* The whole object: all but (0008,3002) behind before. */
static void assert_json(const struct buf *file, const char *before, const char *syntax,
			const char *after)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf whole = buf_empty(BUF_NO_LIMIT);

	buf_printf(&whole, "{\n%s\"00083002\":{\"vr\":\"UI\",\"Value\":[\"%s\"]}%s\n}\n", before,
		   syntax, after);
	assert_string_equal(json_of(file, &out), buf_text(&whole));
}

static void test_left_out(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_start(&file, DC_TS_EXPLICIT_LE);
	put(&file, DC_TAG(8, 0), "UL", "\4\0\0\0", 4);
	put(&file, DC_TAG(8, 0x60), "CS", "CT", 2);
	put(&file, DC_TAG(0x10, 0), "UL", "\4\0\0\0", 4);
	put(&file, DC_TAG(0x10, 0x20), "LO", "A ", 2);
	put(&file, DC_TAG(0xfffc, 0xfffc), "OB", "\0\0", 2);
	assert_json(&file, "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\n", DC_TS_EXPLICIT_LE,
		    ",\n\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A\"]}");
}

static void test_order(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_start(&file, DC_TS_EXPLICIT_LE);
	put(&file, DC_TAG(8, 0x60), "CS", "CT", 2);
	put(&file, DC_TAG(0x20, 0x10), "SH", "S1", 2);
	put(&file, DC_TAG(0x10, 0x20), "LO", "A ", 2);
	put_header(&file, DC_TAG(0x18, 0x26), "SQ", 8 + 3 * 10, false);
	put_delimiter(&file, DC_TAG_ITEM, 3 * 10);
	put(&file, DC_TAG(0x18, 0x1041), "DS", "2 ", 2);
	put(&file, DC_TAG(0x18, 0x34), "LO", "x ", 2);
	put(&file, DC_TAG(0x18, 0x1041), "DS", "3 ", 2);
	put(&file, DC_TAG(0x20, 0x10), "SH", "S2", 2);
	put(&file, DC_TAG(8, 5), "CS", "ISO_IR 100", 10);
	put(&file, DC_TAG(8, 0x60), "CS", "MR", 2);
	put(&file, DC_TAG(8, 0x3002), "UI", "1.9", 3);
	assert_string_equal(json_of(&file, &out),
			    "{\n\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},\n"
			    "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\n"
			    "\"00083002\":{\"vr\":\"UI\",\"Value\":[\"1.2.840.10008.1.2.1\"]},\n"
			    "\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A\"]},\n"
			    "\"00180026\":{\"vr\":\"SQ\",\"Value\":[{\"00180034\":{\"vr\":\"LO\","
			    "\"Value\":[\"x\"]},"
			    "\"00181041\":{\"vr\":\"DS\",\"Value\":[2]}}]},\n"
			    "\"00200010\":{\"vr\":\"SH\",\"Value\":[\"S1\"]}\n}\n");
}

static void test_sequences(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_start(&file, DC_TS_EXPLICIT_LE);
	put(&file, DC_TAG(8, 0x1110), "SQ", "", 0);
	put_header(&file, DC_TAG(8, 0x1111), "SQ", UINT32_MAX, false);
	put_delimiter(&file, DC_TAG_SEQUENCE_END, 0);
	put_header(&file, DC_TAG(8, 0x1115), "SQ", UINT32_MAX, false);
	put_delimiter(&file, DC_TAG_ITEM, 0);
	put_delimiter(&file, DC_TAG_ITEM, UINT32_MAX);
	put(&file, DC_TAG(8, 5), "CS", "ISO_IR 101", 10);
	put(&file, DC_TAG(8, 0x1150), "UI", "1.2", 3);
	put_delimiter(&file, DC_TAG_ITEM_END, 0);
	put_delimiter(&file, DC_TAG_SEQUENCE_END, 0);
	put(&file, DC_TAG(0x10, 0x20), "LO", "A ", 2);
	assert_json(&file,
		    "\"00081110\":{\"vr\":\"SQ\"},\n\"00081111\":{\"vr\":\"SQ\"},\n"
		    "\"00081115\":{\"vr\":\"SQ\",\"Value\":[{},{"
		    "\"00080005\":{\"vr\":\"CS\",\"Value\":[\"ISO_IR 192\"]},"
		    "\"00081150\":{\"vr\":\"UI\",\"Value\":[\"1.2\"]}}]},\n",
		    DC_TS_EXPLICIT_LE, ",\n\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A\"]}");
}

/* Sequences around one element; those deeper than the limit end the walk. */
static void test_depth(void **state)
{
	(void)state;
	for (unsigned depth = 1; depth <= 70; depth += 3) {
		CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		put_start(&file, DC_TS_EXPLICIT_LE);
		put(&file, DC_TAG(8, 0x60), "CS", "SR", 2);
		for (unsigned i = 0; i < depth; i++) {
			put_header(&file, DC_TAG(0x40, 0xa730), "SQ", UINT32_MAX, false);
			put_delimiter(&file, DC_TAG_ITEM, UINT32_MAX);
		}
		put(&file, DC_TAG(0x40, 0xa160), "UT", "deep", 4);
		for (unsigned i = 0; i < depth; i++) {
			put_delimiter(&file, DC_TAG_ITEM_END, 0);
			put_delimiter(&file, DC_TAG_SEQUENCE_END, 0);
		}
		assert_true((strstr(json_of(&file, &out), "deep") != NULL) == (depth <= 64));
	}
}

static void test_empty_charset(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_start(&file, DC_TS_EXPLICIT_LE);
	put(&file, DC_TAG(8, 5), "CS", "  ", 2);
	put(&file, DC_TAG(8, 0x60), "CS", "CT", 2);
	assert_json(&file,
		    "\"00080005\":{\"vr\":\"CS\"},\n"
		    "\"00080060\":{\"vr\":\"CS\",\"Value\":[\"CT\"]},\n",
		    DC_TS_EXPLICIT_LE, "");
}

/* ---- Bulk data ------------------------------------------------------------- */

static void test_threshold(void **state)
{
	static const char may[] = "DSFDFLISLTOBODOFOLOVOWSLSSSTSVUCULUNUSUTUV";
	static const char may_not[] = "AEASATCSDADTLOPNSHTMUIUR";

	(void)state;
	for (size_t i = 0; i < sizeof(may) - 1 + sizeof(may_not) - 1; i += 2) {
		bool bulk = i < sizeof(may) - 1;
		const char *vr = bulk ? may + i : may_not + (i - (sizeof(may) - 1));

		for (size_t size = 1024; size <= 1032; size += 8) {
			CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
			CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
			CLEANUP_BUF struct buf uri = buf_empty(BUF_NO_LIMIT);

			put_start(&file, DC_TS_EXPLICIT_LE);
			put(&file, DC_TAG(8, 0x60), "CS", "CT", 2);
			put_filled(&file, TAG_TESTED, vr, '1', size);
			buf_printf(&uri,
				   "\"00111001\":{\"vr\":\"%.2s\",\"BulkDataURI\":\"../dcm/" NAME
				   ".dcm?offset=%zu&length=%zu\"}\n",
				   vr, file.size - size, size);
			assert_true((strstr(json_of(&file, &out), buf_text(&uri)) != NULL) ==
				    (bulk && size > 1024));
			assert_true(bulk || strstr(buf_text(&out), "BulkDataURI") == NULL);
		}
	}
}

/* Text goes behind a URI only if the stored bytes are UTF-8 (F.2.2 note 4). */
static void test_bulk_text(void **state)
{
	static const struct {
		const char *charset;
		const char *text; /* repeated */
		const char *vr;
		bool bulk;
	} cases[] = {
		{"ISO_IR 100", "ab~\r\n", "UT", true},  {"ISO_IR 100", "\xfc", "UT", false},
		{"ISO_IR 192", "\xc3\xbc", "UT", true}, {"ISO_IR 192", "\xff", "UT", false},
		{"ISO_IR 13 ", "ab~", "LT", false},  /* overline */
		{"ISO_IR 13 ", "a\\b", "LT", false}, /* yen sign */
		{"ISO_IR 100", "a\\b", "LT", true},     {"ISO_IR 100", "a\\b", "UC", true},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		uint32_t size = (uint32_t)strlen(cases[i].text);

		put_start(&file, DC_TS_EXPLICIT_LE);
		put(&file, DC_TAG(8, 5), "CS", cases[i].charset, 10);
		put_header(&file, TAG_TESTED, cases[i].vr, 1500 * size, false);
		for (int n = 0; n < 1500; n++)
			buf_append(&file, cases[i].text, size);
		if ((strstr(json_of(&file, &out), "BulkDataURI") != NULL) != cases[i].bulk)
			fail_msg("row %zu", i);
	}
}

static void test_encapsulated(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf expected = buf_empty(BUF_NO_LIMIT);
	size_t start;

	(void)state;
	put_start(&file, "1.2.840.10008.1.2.4.50");
	put(&file, DC_TAG(0x10, 0x20), "LO", "A ", 2);
	put_header(&file, DC_TAG_PIXEL_DATA, "OB", UINT32_MAX, false);
	start = file.size;
	put_delimiter(&file, DC_TAG_ITEM, 0);
	put_delimiter(&file, DC_TAG_ITEM, 4);
	buf_append_text(&file, "\xff\xd8\xff\xd9");
	put_delimiter(&file, DC_TAG_SEQUENCE_END, 0);
	buf_printf(&expected,
		   ",\n\"00100020\":{\"vr\":\"LO\",\"Value\":[\"A\"]},\n"
		   "\"7FE00010\":{\"vr\":\"OB\",\"BulkDataURI\":\"../dcm/" NAME
		   ".dcm?offset=%zu&length=28\"},\n"
		   "\"FFFAFFFA\":{\"vr\":\"SQ\"}",
		   start);
	put(&file, DC_TAG(0xfffa, 0xfffa), "SQ", "", 0);
	put(&file, DC_TAG(0xfffc, 0xfffc), "OB", "\0\0", 2);
	assert_json(&file, "", "1.2.840.10008.1.2.4.50", buf_text(&expected));
}

static void deflate_all(struct span in, struct buf *out)
{
	z_stream stream = {0};
	uint8_t *to = buf_extend(out, in.size + 1000);

	assert_int_equal(deflateInit2(&stream, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY), Z_OK);
	stream.next_in = (Bytef *)(uintptr_t)in.data;
	stream.avail_in = (uInt)in.size;
	stream.next_out = to;
	stream.avail_out = (uInt)(in.size + 1000);
	assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
	buf_truncate(out, out->size - stream.avail_out);
	assert_int_equal(deflateEnd(&stream), Z_OK);
}

static void test_deflated(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf inner = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct rn_options small = default_options;
	struct err err;

	(void)state;
	put(&inner, DC_TAG(8, 0x60), "CS", "CT", 2);
	put_filled(&inner, DC_TAG(0x40, 0xa160), "UT", 'x', 2000);
	put_filled(&inner, DC_TAG_PIXEL_DATA, "OW", 0, 3000);
	put_start(&file, DC_TS_DEFLATED_LE);
	deflate_all(buf_span(&inner), &file);
	assert_null(strstr(json_of(&file, &out), "BulkDataURI"));
	assert_non_null(
		strstr(buf_text(&out), "\"7FE00010\":{\"vr\":\"OW\",\"InlineBinary\":\"AAAA"));
	assert_true(out.size > 4000 + 2000);

	buf_truncate(&out, 0);
	small.max_json_size = 4000;
	assert_false(write_json(buf_span(&file), &small, NAME, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

/* ---- Names and limits --------------------------------------------------- */

static void put_bulk_file(struct buf *file, unsigned count)
{
	put_start(file, DC_TS_EXPLICIT_LE);
	put(file, DC_TAG(8, 0x60), "CS", "CT", 2);
	for (unsigned i = 0; i < count; i++)
		put_filled(file, TAG_TESTED + i, "OB", 7, 1026);
}

static void test_names(void **state)
{
	static const struct {
		const char *name;
		size_t size;
		const char *uri;
	} cases[] = {
		{"", 0, "/.dcm?"},
		{"00042~p3x8wa", 12, "/00042~p3x8wa.dcm?"},
		{"_____~p3x8wa-ab12", 17, "/_____~p3x8wa-ab12.dcm?"},
		{"a b\"?\xc3\xbc", 17, "/a%20b%22%3F%C3%BC.dcm?"},
	};
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_bulk_file(&file, 3);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		struct err err;

		assert_int_equal(rn_json_name_size(cases[i].name), cases[i].size);
		assert_true(
			write_json(buf_span(&file), &default_options, cases[i].name, &out, &err));
		assert_non_null(strstr(buf_text(&out), cases[i].uri));
	}
}

/* A name in an element that is dropped as a duplicate does not count. */
static void test_duplicate_bulk(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	const char *first;

	(void)state;
	put_bulk_file(&file, 2);
	put_filled(&file, TAG_TESTED, "OB", 7, 1026);
	put_filled(&file, TAG_TESTED + 1, "OB", 7, 1026);
	first = strstr(json_of(&file, &out), "../dcm/");
	assert_non_null(first);
	first = strstr(first + 1, "../dcm/");
	assert_non_null(first);
	assert_null(strstr(first + 1, "../dcm/"));
}

/* The limit is on the text without names: what was measured can be written. */
static void test_limit(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	struct rn_options options = default_options;
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err;
	size_t base;

	(void)state;
	put_bulk_file(&file, 5);
	assert_true(write_json(buf_span(&file), &options, "", &out, &err));
	base = out.size;
	for (size_t limit = base - 300; limit < base + 20; limit++) {
		CLEANUP_BUF struct buf limited = buf_empty(BUF_NO_LIMIT);

		options.max_json_size = limit;
		assert_true(write_json(buf_span(&file), &options, NAME NAME NAME, &limited, &err) ==
			    (limit >= base));
		assert_true(limit >= base || err.code == ERR_LIMIT);
		assert_true(limited.limit == BUF_NO_LIMIT);
	}
}

static void test_cancel(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct dc_memory_source source;
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	const atomic_bool cancel = true;
	struct err err;

	(void)state;
	put_bulk_file(&file, 5);
	dc_memory_source_init(&source, buf_span(&file));
	assert_true(dc_dataset_open(&dataset, &source.base, &err));
	assert_false(rn_json_write(&dataset, NAME, &default_options, &cancel, &out, &err));
	assert_int_equal(err.code, ERR_INTERRUPTED);
}

static void test_kind(void **state)
{
	struct rn_instance instance = {.json_base = 100, .json_names = 3, .name = NAME};
	struct rn_options options = default_options;
	struct err err;
	uint64_t size;

	(void)state;
	assert_int_equal(rn_kind_json.number, RN_KIND_JSON);
	assert_string_equal(rn_kind_json.folder, "json");
	assert_true(rn_kind_json.applies(&instance, &options, &err));
	assert_true(rn_kind_json.size(&instance, &options, 0, &size, &err));
	assert_int_equal(size, 100 + 3 * 12);
	options.max_json_size = 99;
	assert_false(rn_kind_json.applies(&instance, &options, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	instance.json_base = 0;
	assert_false(rn_kind_json.applies(&instance, &options, &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_left_out),       cmocka_unit_test(test_order),
		cmocka_unit_test(test_sequences),      cmocka_unit_test(test_depth),
		cmocka_unit_test(test_empty_charset),  cmocka_unit_test(test_threshold),
		cmocka_unit_test(test_bulk_text),      cmocka_unit_test(test_encapsulated),
		cmocka_unit_test(test_deflated),       cmocka_unit_test(test_names),
		cmocka_unit_test(test_duplicate_bulk), cmocka_unit_test(test_limit),
		cmocka_unit_test(test_cancel),         cmocka_unit_test(test_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
