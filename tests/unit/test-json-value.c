/*
 * DICOM JSON: values by table.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/test-json.h"

#define VALUE(text) text, sizeof(text) - 1

struct value_case {
	const char *vr;
	const char *value;
	size_t size;
	const char *expected; /* behind "vr":"XX" */
};

static void check_values(const struct value_case *cases, size_t count, const char *syntax,
			 const char *charset)
{
	bool big_endian = strcmp(syntax, DC_TS_EXPLICIT_BE) == 0;

	for (size_t i = 0; i < count; i++) {
		CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf line = buf_empty(BUF_NO_LIMIT);

		put_start(&file, syntax);
		put_header(&file, DC_TAG(8, 5), "CS", (uint32_t)strlen(charset), big_endian);
		buf_append_text(&file, charset);
		put_header(&file, TAG_TESTED, cases[i].vr, (uint32_t)cases[i].size, big_endian);
		buf_append(&file, cases[i].value, cases[i].size);
		buf_printf(&line, "\n\"00111001\":{\"vr\":\"%s\"%s}\n}\n", cases[i].vr,
			   cases[i].expected);
		if (strstr(json_of(&file, &out), buf_text(&line)) == NULL)
			fail_msg("row %zu: %s\nexpected %s", i, buf_text(&out), buf_text(&line));
	}
}

static void test_text(void **state)
{
	static const struct value_case cases[] = {
		{"LO", VALUE("A"), ",\"Value\":[\"A\"]"},
		{"LO", VALUE(""), ""},
		{"LO", VALUE("   "), ""},
		{"LO", VALUE(" A B "), ",\"Value\":[\"A B\"]"},
		{"LO", VALUE("A\\B"), ",\"Value\":[\"A\",\"B\"]"},
		{"LO", VALUE("\\B \\"), ",\"Value\":[null,\"B\",null]"},
		{"LO", VALUE("\\"), ",\"Value\":[null,null]"},
		{"LO", VALUE("A~B"), ",\"Value\":[\"A~B\"]"},
		{"UC", VALUE(" A\\ B "), ",\"Value\":[\" A\",\" B\"]"},
		{"SH", VALUE("say \"x\"/\x7f"), ",\"Value\":[\"say \\\"x\\\"/\x7f\"]"},
		{"LT", VALUE(" a\\b\r\n\tc "), ",\"Value\":[\" a\\\\b\\r\\n\\tc\"]"},
		{"ST", VALUE("\x01\x1f\b\f"), ",\"Value\":[\"\\u0001\\u001F\\b\\f\"]"},
		{"ST", VALUE("a\0b\0"), ",\"Value\":[\"a\\u0000b\"]"},
		{"UT", VALUE("x"), ",\"Value\":[\"x\"]"},
		{"UR", VALUE("http://x/a?b=c\\d "), ",\"Value\":[\"http://x/a?b=c\\\\d\"]"},
		{"UI", VALUE("1.2.3\0"), ",\"Value\":[\"1.2.3\"]"},
		{"UI", VALUE("1.2\\1.3\0"), ",\"Value\":[\"1.2\",\"1.3\"]"},
		{"DA", VALUE("20240115"), ",\"Value\":[\"20240115\"]"},
		{"TM", VALUE("1015 "), ",\"Value\":[\"1015\"]"},
		{"AE", VALUE(" PACS "), ",\"Value\":[\"PACS\"]"},
		{"AS", VALUE("075Y"), ",\"Value\":[\"075Y\"]"},
		{"CS", VALUE("DERIVED\\ PRIMARY "), ",\"Value\":[\"DERIVED\",\"PRIMARY\"]"},
		{"DT", VALUE("20240115101500.5+0100 "), ",\"Value\":[\"20240115101500.5+0100\"]"},
	};

	(void)state;
	check_values(cases, ARRAY_LEN(cases), DC_TS_EXPLICIT_LE, "ISO_IR 100");
}

static void test_latin1(void **state)
{
	static const struct value_case cases[] = {
		{"LO", VALUE("M\xfcller"), ",\"Value\":[\"M\xc3\xbcller\"]"},
		{"PN", VALUE("M\xfcller^J\\B"),
		 ",\"Value\":[{\"Alphabetic\":\"M\xc3\xbcller^J\"},{\"Alphabetic\":\"B\"}]"},
		{"DS", VALUE("\xfc"), ",\"Value\":[\"\xc3\xbc\"]"},
	};

	(void)state;
	check_values(cases, ARRAY_LEN(cases), DC_TS_EXPLICIT_LE, "ISO_IR 100");
}

static void test_other_charsets(void **state)
{
	static const struct value_case japanese[] = {
		/* 0x5c separates although it is drawn as a yen sign (F.2.4). */
		{"LO", VALUE("\xd4\\\xcf"), ",\"Value\":[\"\xef\xbe\x94\",\"\xef\xbe\x8f\"]"},
		{"LT", VALUE("a\\b"), ",\"Value\":[\"a\xc2\xa5" "b\"]"},
	};
	static const struct value_case chinese[] = {
		/* A trail byte 0x5c separates nothing. */
		{"LO", VALUE("\x81\x5c"), ",\"Value\":[\"\xe4\xb9\x97\"]"},
		{"PN", VALUE("W=\xcd\xf5^\xd0\xa1"),
		 ",\"Value\":[{\"Alphabetic\":\"W\",\"Ideographic\":\"\xe7\x8e\x8b^\xe5\xb0\x8f\"}]"},
	};
	static const struct value_case utf8[] = {
		{"LO", VALUE("\xe7\x8e\x8b"), ",\"Value\":[\"\xe7\x8e\x8b\"]"},
		{"LO", VALUE("a\xff"), ",\"Value\":[\"a\xef\xbf\xbd\"]"},
	};

	(void)state;
	check_values(japanese, ARRAY_LEN(japanese), DC_TS_EXPLICIT_LE, "ISO_IR 13 ");
	check_values(chinese, ARRAY_LEN(chinese), DC_TS_EXPLICIT_LE, "GB18030 ");
	check_values(utf8, ARRAY_LEN(utf8), DC_TS_EXPLICIT_LE, "ISO_IR 192");
}

static void test_person_names(void **state)
{
	static const struct value_case cases[] = {
		{"PN", VALUE("Doe^Jane"), ",\"Value\":[{\"Alphabetic\":\"Doe^Jane\"}]"},
		{"PN", VALUE("A=B=C "),
		 ",\"Value\":[{\"Alphabetic\":\"A\",\"Ideographic\":\"B\",\"Phonetic\":\"C\"}]"},
		{"PN", VALUE("==C"), ",\"Value\":[{\"Phonetic\":\"C\"}]"},
		{"PN", VALUE("A=\\=\\B"),
		 ",\"Value\":[{\"Alphabetic\":\"A\"},null,{\"Alphabetic\":\"B\"}]"},
		{"PN", VALUE("=="), ""},
		{"PN", VALUE(" = \\"), ",\"Value\":[null,null]"},
		{"PN", VALUE(""), ""},
		{"PN", VALUE("A=B=C=D"),
		 ",\"Value\":[{\"Alphabetic\":\"A\",\"Ideographic\":\"B\",\"Phonetic\":\"C\"}]"},
	};

	(void)state;
	check_values(cases, ARRAY_LEN(cases), DC_TS_EXPLICIT_LE, "ISO_IR 100");
}

static void test_number_text(void **state)
{
	static const struct value_case cases[] = {
		{"DS", VALUE("1"), ",\"Value\":[1]"},
		{"DS", VALUE(" 1.50 \\-2e-05"), ",\"Value\":[1.50,-2e-05]"},
		{"DS", VALUE("+007.10\\.5\\-.5\\5.\\0.\\00"), ",\"Value\":[7.10,0.5,-0.5,5,0,0]"},
		{"DS", VALUE("1E+05\\1e5\\5.E1\\-0"), ",\"Value\":[1E+05,1e5,5E1,-0]"},
		{"DS", VALUE("\\1\\ \0"), ",\"Value\":[null,1,null]"},
		{"DS", VALUE("0\0"), ",\"Value\":[0]"},
		{"DS", VALUE("1,5\\a\\1.2.3\\1e\\.\\-\\1 2\\--1\\0x1"),
		 ",\"Value\":[\"1,5\",\"a\",\"1.2.3\",\"1e\",\".\",\"-\",\"1 2\",\"--1\",\"0x1\"]"},
		{"DS", VALUE("nan\\inf\\1e999\\1e-999"),
		 ",\"Value\":[\"nan\",\"inf\",\"1e999\",1e-999]"},
		{"DS", VALUE("123456789012345678901234567890123456789\\"
			     "1234567890123456789012345678901234567890"),
		 ",\"Value\":[123456789012345678901234567890123456789,"
		 "\"1234567890123456789012345678901234567890\"]"},
		{"IS", VALUE("+01\\-2\\ 3 \\0"), ",\"Value\":[1,-2,3,0]"},
		{"IS", VALUE("1.0\\1e2\\\x01"), ",\"Value\":[\"1.0\",\"1e2\",\"\\u0001\"]"},
		{"IS", VALUE("9007199254740992\\9007199254740993\\-9007199254740993"),
		 ",\"Value\":[9007199254740992,\"9007199254740993\",\"-9007199254740993\"]"},
		{"IS", VALUE("99999999999999999999999"), ",\"Value\":[\"99999999999999999999999\"]"},
	};

	(void)state;
	check_values(cases, ARRAY_LEN(cases), DC_TS_EXPLICIT_LE, "ISO_IR 100");
}

static void test_binary(void **state)
{
	static const struct value_case cases[] = {
		{"US", VALUE("\x01\x02\xff\xff"), ",\"Value\":[513,65535]"},
		{"US", VALUE("\x01"), ""},
		{"US", VALUE("\x01\x02\x03"), ",\"Value\":[513]"},
		{"SS", VALUE("\xff\xff\x00\x80"), ",\"Value\":[-1,-32768]"},
		{"UL", VALUE("\xff\xff\xff\xff"), ",\"Value\":[4294967295]"},
		{"SL", VALUE("\x00\x00\x00\x80"), ",\"Value\":[-2147483648]"},
		{"UV", VALUE("\x00\x00\x00\x00\x00\x00\x20\x00"), ",\"Value\":[9007199254740992]"},
		{"UV", VALUE("\xff\xff\xff\xff\xff\xff\xff\xff"),
		 ",\"Value\":[\"18446744073709551615\"]"},
		{"SV", VALUE("\x00\x00\x00\x00\x00\x00\x00\x80"),
		 ",\"Value\":[\"-9223372036854775808\"]"},
		{"SV", VALUE("\xff\xff\xff\xff\xff\xff\xff\xff"), ",\"Value\":[-1]"},
		{"AT", VALUE("\x10\x00\x0a\x00\xe0\x7f\x10\x00"),
		 ",\"Value\":[\"0010000A\",\"7FE00010\"]"},
		{"FL", VALUE("\x00\x00\xc0\x3f\xcd\xcc\xcc\x3d"), ",\"Value\":[1.5,0.1]"},
		{"FL", VALUE("\x00\x00\xc0\x7f\x00\x00\x80\x7f\x00\x00\x80\xff\x00\x00\x00\x80"),
		 ",\"Value\":[\"NaN\",\"Infinity\",\"-Infinity\",-0]"},
		{"FD", VALUE("\x9a\x99\x99\x99\x99\x99\xb9\x3f"), ",\"Value\":[0.1]"},
		{"FD", VALUE("\x00\x00\x00\x00\x00\x00\xf8\x7f\x00\x00\x00\x00\x00\x88\xc3\xc0"),
		 ",\"Value\":[\"NaN\",-10000]"},
		{"OB", VALUE("\x01"), ",\"InlineBinary\":\"AQ==\""},
		{"OB", VALUE("\x01\x02"), ",\"InlineBinary\":\"AQI=\""},
		{"OB", VALUE("\xfb\xef\xff"), ",\"InlineBinary\":\"++//\""},
		{"UN", VALUE("abcd"), ",\"InlineBinary\":\"YWJjZA==\""},
		{"OW", VALUE("\x01\x02\x03\x04"), ",\"InlineBinary\":\"AQIDBA==\""},
		{"OW", VALUE(""), ""},
	};
	static const struct value_case big_endian[] = {
		{"US", VALUE("\x02\x01"), ",\"Value\":[513]"},
		{"UV", VALUE("\0\0\0\0\0\0\0\x01"), ",\"Value\":[1]"},
		{"AT", VALUE("\x00\x10\x00\x0a"), ",\"Value\":[\"0010000A\"]"},
		{"FL", VALUE("\x3f\xc0\x00\x00"), ",\"Value\":[1.5]"},
		{"OB", VALUE("\x01\x02"), ",\"InlineBinary\":\"AQI=\""},
		{"OW", VALUE("\x02\x01\x04\x03"), ",\"InlineBinary\":\"AQIDBA==\""},
		{"OW", VALUE("\x02\x01\x04"), ",\"InlineBinary\":\"AQIE\""},
		{"OF", VALUE("\x04\x03\x02\x01"), ",\"InlineBinary\":\"AQIDBA==\""},
		{"OD", VALUE("\x06\x05\x04\x03\x02\x01\x00\x00"), ",\"InlineBinary\":\"AAABAgMEBQY=\""},
		{"UN", VALUE("\x01\x02"), ",\"InlineBinary\":\"AQI=\""},
	};

	(void)state;
	check_values(cases, ARRAY_LEN(cases), DC_TS_EXPLICIT_LE, "ISO_IR 100");
	check_values(big_endian, ARRAY_LEN(big_endian), DC_TS_EXPLICIT_BE, "ISO_IR 100");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_latin1),
		cmocka_unit_test(test_other_charsets),
		cmocka_unit_test(test_person_names),
		cmocka_unit_test(test_number_text),
		cmocka_unit_test(test_binary),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
