/*
 * The text of names is a format for ever: exact strings, so that a change
 * cannot go unnoticed.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index/names.h"

#include <setjmp.h>
#include <cmocka.h>
#include <utf8proc.h>

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

static const struct {
	const char *text, *expected;
	size_t max;
} sanitised[] = {
	{"", "", 60},
	{"Doe, Jane", "Doe, Jane", 60},
	{"CT  Thorax   1mm ", "CT Thorax 1mm", 60},
	{"a/b\\c:d*e?f\"g<h>i|j", "a_b_c_d_e_f_g_h_i_j", 60},
	{"a;b$c^d'e`f", "a_b_c_d_e_f", 60},
	{"keep !#%&()+,-.=@[]_{}~ these", "keep !#%&()+,-.=@[]_{}~ these", 60},
	{"a\nb\tc\x01"
	 "d\x1b[31m\x7f",
	 "a_b_c_d_[31m_", 60},
	{"\xc2\x85\xc2\x9b", "__", 60}, /* C1 controls */
	{"????", "____", 60},
	/* Dots, dashes, tildes at the start; dots and spaces at the end. */
	{".", "", 60},
	{"..", "", 60},
	{"...", "", 60},
	{". .", "", 60},
	{"   ", "", 60},
	{".hidden", "_hidden", 60},
	{"..\\..\\etc", "_._.._etc", 60},
	{"../../etc/passwd", "_._.._etc_passwd", 60},
	{"-rf", "_rf", 60},
	{"~root", "_root", 60},
	{"end. . .", "end", 60},
	{"a.b", "a.b", 60},
	/* Spaces of every kind. */
	{"\u5c71\u7530\u3000\u592a\u90ce", "\u5c71\u7530 \u592a\u90ce", 60},
	{"a\u00a0\u2009\u202f"
	 "b",
	 "a b", 60},
	/* Bidi, zero width, invisible. */
	{"a\u202e"
	 "b\u202c\u2066\u2069\u200f\u061c",
	 "a_b_____", 60},
	{"a\u200b\u200c\u200d\u2060\ufeff\u00ad"
	 "b",
	 "a______b", 60},
	{"\u3164\uffa0\u115f\u1160", "____", 60},
	{"a\u2028\u2029"
	 "b",
	 "a__b", 60},
	{"\ufffd\ufffe\ufdd0\ue000", "____", 60},
	{"\U000e0041\U000f0000\U0001fffe", "___", 60},
	/* Variation selectors go, also between a base and its mark. */
	{"\u845b\U000e0100\u98fe", "\u845b\u98fe", 60},
	{"\u2764\ufe0f", "\u2764", 60},
	{"e\ufe00\u0301", "\u00e9", 60},
	/* NFC, and what NFC turns into something forbidden. */
	{"Mu\u0308ller", "M\u00fcller", 60},
	{"\u1112\u1161\u11ab", "\ud55c", 60},
	{"a\u037e"
	 "b\u1fef"
	 "c",
	 "a_b_c", 60}, /* Greek question mark, varia */
	{"\u212b\u2126", "\u00c5\u03a9", 60},
	{"\u0958", "\u0915\u093c", 60}, /* composition exclusion */
	{"<\u0338", "\u226e", 60},
	/* Marks without a base. */
	{"\u0301abc", "_abc", 60},
	{"a \u0301"
	 "b",
	 "a _b", 60},
	/* Bytes that are no UTF-8. */
	{"M\xfcller", "M_ller", 60},
	{"\xc3", "_", 60},
	{"\xed\xa0\x80", "___", 60}, /* a surrogate */
	{"\xc0\xaf", "__", 60},      /* an overlong slash */
	/* Scripts as they are. */
	{"\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2",
	 "\u0394\u03b9\u03bf\u03bd\u03c5\u03c3\u03b9\u03bf\u03c2", 60},
	{"\u05db\u05d4\u05df, \u05d3\u05d5\u05d3", "\u05db\u05d4\u05df, \u05d3\u05d5\u05d3", 60},
	/* Windows. */
	{"CON", "_CON", 60},
	{"con", "_con", 60},
	{"Nul.txt", "_Nul.txt", 60},
	{"AUX .x", "_AUX .x", 60},
	{"prn...", "_prn", 60},
	{"COM1", "_COM1", 60},
	{"com\u00b9", "_com\u00b9", 60},
	{"LPT0.a.b", "_LPT0.a.b", 60},
	{"CONIN$", "_CONIN_", 60},
	{"CONTRAST", "CONTRAST", 60},
	{"COM", "COM", 60},
	{"COM12", "COM12", 60},
	{"LPT", "LPT", 60},
	{"AUX 1", "AUX 1", 60},
	/* Cutting. */
	{"abcdef", "abcdef", 6},
	{"abcdef", "abcde", 5},
	{"abc   def", "abc", 4},
	{"abc. def", "abc", 5},
	{"abcdef", "", 0},
	{"\u5c71\u7530", "\u5c71", 5},
	{"\u5c71\u7530", "", 2},
	{"xq\u0323\u0302", "xq\u0323\u0302", 6},
	{"xq\u0323\u0302", "x", 5}, /* no composed form: the base goes with its marks */
	{"xq\u0323\u0302", "x", 3},
	{"ab\U0001f44d\U0001f3fd", "ab", 7}, /* a hand and its skin tone */
	{"x\ua960\u1161\u11a8", "x", 9},     /* old Hangul of three letters */
	{"CONTRAST", "_CO", 3},
	{"CON", "_CO", 3},
};

static void test_sanitise(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sanitised); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf again = buf_empty(BUF_NO_LIMIT);

		ix_name_sanitise(span_of_text(sanitised[i].text), sanitised[i].max, &out);
		assert_string_equal(buf_text(&out), sanitised[i].expected);
		if (out.size > 0)
			assert_harmless(buf_text(&out), sanitised[i].max);
		ix_name_sanitise(buf_span(&out), sanitised[i].max, &again);
		assert_string_equal(buf_text(&again), sanitised[i].expected);
	}
}

/* Whatever comes in: what comes out is safe, fits, and is in normal form. */
static void check_any(struct span text, size_t max)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf nfc = buf_empty(BUF_NO_LIMIT);

	ix_name_sanitise(text, max, &out);
	if (out.size == 0)
		return;
	assert_harmless(buf_text(&out), max);
	assert_true(ix_name_nfc(buf_text(&out), &nfc));
	assert_string_equal(buf_text(&nfc), buf_text(&out));
}

static void test_sanitise_any(void **state)
{
	uint8_t bytes[12];
	uint32_t random = 1;

	(void)state;
	for (unsigned pair = 0; pair < 0x10000; pair++) {
		bytes[0] = (uint8_t)(pair >> 8);
		bytes[1] = (uint8_t)pair;
		check_any(span_of(bytes, 2), 60);
	}
	for (int code = 0; code < 0x110000; code += code < 0x20000 ? 1 : 61) {
		/* Alone, and where it may change its neighbours. */
		size_t size = (size_t)utf8proc_encode_char(code, bytes + 1);

		bytes[0] = 'a';
		bytes[size + 1] = 'b';
		check_any(span_of(bytes + 1, size), 60);
		check_any(span_of(bytes, size + 2), 60);
	}
	for (unsigned round = 0; round < 20000; round++) {
		for (size_t i = 0; i < sizeof(bytes); i++) {
			random = random * 1664525u + 1013904223u;
			bytes[i] = (uint8_t)(random >> 24);
		}
		check_any(span_of(bytes, sizeof(bytes)), 1 + random % 12);
	}
}

static void test_sanitise_long(void **state)
{
	static uint8_t text[300000];

	(void)state;
	memset(text, 'a', sizeof(text));
	check_any(span_of(text, sizeof(text)), 255);
	memset(text, 0xff, sizeof(text));
	check_any(span_of(text, sizeof(text)), 255);
	/* One base under a hundred thousand accents does not fit: nothing. */
	text[0] = 'e';
	for (size_t i = 1; i + 1 < sizeof(text); i += 2)
		memcpy(text + i, "\u0316", 2);
	check_any(span_of(text, sizeof(text)), 60);
	/* Characters whose normal forms are three times as long. */
	for (size_t i = 0; i + 4 <= sizeof(text); i += 4)
		memcpy(text + i, "\U0001d160", 4);
	check_any(span_of(text, sizeof(text)), 255);
	for (size_t i = 0; i + 2 <= sizeof(text); i += 2)
		memcpy(text + i, "\u0390", 2);
	check_any(span_of(text, sizeof(text)), 255);
}

static void test_nfc(void **state)
{
	static const char *const rows[][2] = {
		{"", ""},
		{"plain", "plain"},
		{"Mu\u0308ller", "M\u00fcller"},
		{"M\u00fcller", "M\u00fcller"},
		{"\u1112\u1161\u11ab", "\ud55c"},
		{"bad\xff", "bad\xff"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		assert_true(ix_name_nfc(rows[i][0], &out));
		assert_string_equal(buf_text(&out), rows[i][1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sanitise),
		cmocka_unit_test(test_sanitise_any),
		cmocka_unit_test(test_sanitise_long),
		cmocka_unit_test(test_nfc),
	};

	return cmocka_run_group_tests_name("names-text", tests, NULL, NULL);
}
