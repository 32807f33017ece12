/* Specific Character Set to UTF-8.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/charset.h"
#include "dicom/dataset.h"
#include "dicom/value.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define ESC "\033"
#define BAD "\357\277\275" /* U+FFFD */

/* in may hold NULs: its size is that of the literal. */
#define ROW(charset, vr, in, out)                                                                  \
	{                                                                                          \
		(charset), DC_VR_##vr, (in), sizeof(in) - 1, (out), sizeof(out) - 1                \
	}

struct row {
	const char *charset;
	uint16_t vr;
	const char *in;
	size_t in_size;
	const char *out;
	size_t out_size;
};

static void check(const struct row *row, const char *fallback)
{
	struct dc_charset charset = {0};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct buf counter = buf_counter(BUF_NO_LIMIT);

	if (fallback != NULL)
		assert_true(dc_charset_set_fallback(&charset, fallback));
	dc_charset_parse(&charset, span_of_text(row->charset));
	dc_charset_decode(&charset, row->vr, span_of(row->in, row->in_size), &out);
	dc_charset_decode(&charset, row->vr, span_of(row->in, row->in_size), &counter);
	if (out.size != row->out_size ||
	    (out.size > 0 && memcmp(out.data, row->out, out.size) != 0))
		fail_msg("%s: \"%s\" instead of \"%s\"", row->charset, buf_text(&out), row->out);
	assert_true(dc_utf8_valid(buf_span(&out)));
	assert_int_equal(counter.size, out.size);
}

/* PS3.5 Annexes H to K and names in every other repertoire. */
static void names_of_the_standard(void **state)
{
	static const struct row rows[] = {
		/* H.3.1, H.3.2 */
		ROW("\\ISO 2022 IR 87", PN,
		    "Yamada^Tarou=" ESC "$B;3ED" ESC "(B^" ESC "$BB@O:" ESC "(B=" ESC "$B$d$^$@" ESC
		    "(B^" ESC "$B$?$m$&" ESC "(B",
		    "Yamada^Tarou=山田^太郎=やまだ^たろう"),
		/* Without the escapes back in front of the separators. */
		ROW("\\ISO 2022 IR 87", PN,
		    "Yamada^Tarou=" ESC "$B;3ED^" ESC "$BB@O:=" ESC "$B$d$^$@^" ESC "$B$?$m$&" ESC "(B",
		    "Yamada^Tarou=山田^太郎=やまだ^たろう"),
		ROW("ISO 2022 IR 13\\ISO 2022 IR 87", PN,
		    "\324\317\300\336^\300\333\263=" ESC "$B;3ED" ESC "(J^" ESC "$BB@O:" ESC
		    "(J=" ESC "$B$d$^$@" ESC "(J^" ESC "$B$?$m$&" ESC "(J",
		    "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"),
		/* JIS X 0212 */
		ROW("\\ISO 2022 IR 87\\ISO 2022 IR 159", PN, "Jou=" ESC "$(D0!" ESC "(B", "Jou=丂"),
		/* I.2 */
		ROW("\\ISO 2022 IR 149", PN,
		    "Hong^Gildong=" ESC "$)C\373\363^" ESC "$)C\321\316\324\327=" ESC
		    "$)C\310\253^" ESC "$)C\261\346\265\277",
		    "Hong^Gildong=洪^吉洞=홍^길동"),
		/* J.1 to J.4 */
		ROW("ISO_IR 192", PN, "Wang^XiaoDong=王^小東=", "Wang^XiaoDong=王^小東="),
		ROW("GB18030", PN,
		    "Wang^XiaoDong=\315\365^\320\241\266\253=", "Wang^XiaoDong=王^小东="),
		ROW("GBK", PN,
		    "Wang^XiaoDong=\315\365^\320\241\266\253=", "Wang^XiaoDong=王^小东="),
		/* K.2 */
		ROW("\\ISO 2022 IR 58", PN,
		    "Zhang^XiaoDong=" ESC "$)A\325\305^" ESC "$)A\320\241\266\253=",
		    "Zhang^XiaoDong=张^小东="),
		ROW("ISO_IR 100", PN, "Buc^J\351r\364me", "Buc^Jérôme"),
		ROW("ISO_IR 101", PN, "Wa\263\352sa", "Wałęsa"),
		ROW("ISO_IR 109", PN, "\246\266", "Ĥĥ"),
		ROW("ISO_IR 110", PN, "\252\347", "Ēį"),
		ROW("ISO_IR 144", PN, "\273\356\332\145\343\321\343\340\323", "Люкeубург"),
		ROW("ISO_IR 127", PN, "\342\310\307\346\352^\344\346\322\307\321", "قباني^لنزار"),
		ROW("ISO_IR 126", PN, "\304\351\357\355\365\363\351\357\362", "Διονυσιος"),
		ROW("ISO_IR 138", PN, "\371\370\345\357^\343\341\345\370\344", "שרון^דבורה"),
		ROW("ISO_IR 148", PN, "\307avu\376o\360lu", "Çavuşoğlu"),
		ROW("ISO_IR 203", PN, "\244\250", "€š"),
		ROW("ISO_IR 166", PN, "\313\271\330\301\322", "หนุมา"),
		ROW("ISO_IR 13", PN, "\324\317\300\336", "ﾔﾏﾀﾞ"),
		ROW("", PN, "Doe^Jane", "Doe^Jane"),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], NULL);
}

/* PS3.5 6.1.2.5.3: back to value 1 at controls and separators. */
static void code_extensions_end(void **state)
{
	static const struct row rows[] = {
		/* G1 ends at ^ and = of names only; then the charset's only other set. */
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", PN, ESC "-F\304^\304=\304", "Δ^Ä=Ä"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, ESC "-F\304^\304=\304", "Δ^Δ=Δ"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, ESC "-F\304\\\304", "Δ\\Ä"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", UT, ESC "-F\304\\\304", "Δ\\Δ"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", UT, ESC "-F\304\r\n\304", "Δ\r\nÄ"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", UT, ESC "-F\304\t\304\f\304", "Δ\tÄ\fÄ"),
		/* Two-byte G0: separators are bytes of characters, controls end it. */
		ROW("\\ISO 2022 IR 87", LO, ESC "$B\\5" ESC "(B\\x", "楜\\x"),
		ROW("\\ISO 2022 IR 87", LT, ESC "$B;3\r\n;3", "山\r\n;3"),
		ROW("\\ISO 2022 IR 87", LO, ESC "$B;3 ED" ESC "(B", "山 田"),
		/* Repeated and full forms, the edition of 1978. */
		ROW("\\ISO 2022 IR 87", LO, ESC "(B" ESC "$B" ESC "$B;3" ESC "(B" ESC "(Bx", "山x"),
		ROW("\\ISO 2022 IR 87", LO, ESC "$@;3" ESC "(Jx" ESC "$(B;3", "山x山"),
		/* An escape that the charset does not announce. */
		ROW("", LO, "a" ESC "$B;3" ESC "(Bb", "a山b"),
		ROW("ISO_IR 100", LO, "\351" ESC "$B;3" ESC "(Bb", "é山b"),
		/* Katakana and romaji as an extension. */
		ROW("\\ISO 2022 IR 13", LO, ESC ")I\324\317" ESC "(J~", "ﾔﾏ‾"),
		/* Unknown escapes; a separator is never part of one. */
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, "a" ESC "-Zb", "a" BAD "b"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, "a" ESC "b", "a" BAD "b"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, "a" ESC "(\\b", "a" BAD "\\b"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", PN, "a" ESC "(^b", "a" BAD "^b"),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, "a" ESC, "a" BAD),
		ROW("ISO 2022 IR 100\\ISO 2022 IR 126", LO, "a" ESC "$", "a" BAD),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], NULL);
}

static void backslashes(void **state)
{
	static const struct row rows[] = {
		/* A trail byte is none. */
		ROW("GB18030", LO, "\201\\\\\201\\", "乗\\乗"),
		ROW("GBK", UT, "\201\\\\", "乗\\"),
		/* JIS X 0201: the separator where there are values, else a yen sign. */
		ROW("ISO_IR 13", LO, "a\\b", "a\\b"),
		ROW("ISO_IR 13", PN, "a\\b~", "a\\b‾"),
		ROW("ISO_IR 13", ST, "a\\b~", "a¥b‾"),
		ROW("ISO_IR 13", UT, "a\\b", "a¥b"),
		ROW("ISO_IR 13", CS, "a\\b~", "a\\b~"),
		ROW("ISO 2022 IR 13\\ISO 2022 IR 87", SH, ESC "(B~" ESC "(J~", "~‾"),
		/* No other input gives one: JIS 0x2140 is a full-width one. */
		ROW("\\ISO 2022 IR 87", LO, ESC "$B!@" ESC "(B", "＼"),
		ROW("", LO, "\300\257", "À¯"),
		ROW("ISO_IR 192", LO, "\301\234", BAD BAD),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], NULL);
}

static void broken_input(void **state)
{
	static const struct row rows[] = {
		ROW("ISO_IR 192", LO, "a\377b\303", "a" BAD "b" BAD),
		ROW("ISO_IR 192", LO, "\355\240\200", BAD BAD BAD),
		ROW("ISO_IR 126", LO, "a\377\322b", "a" BAD BAD "b"),
		ROW("ISO_IR 13", LO, "\340\200\240", BAD BAD BAD),
		ROW("ISO_IR 100", LO, "\205", "\302\205"),
		ROW("\\ISO 2022 IR 87", LO, ESC "$B;" ESC "(B;", BAD ";"),
		ROW("\\ISO 2022 IR 87", LO, ESC "$B;", BAD),
		ROW("\\ISO 2022 IR 87", LO, ESC "$B~~" ESC "(B", BAD),
		ROW("\\ISO 2022 IR 87", LO, ESC "$B;\263" ESC "(B", BAD "³"),
		ROW("\\ISO 2022 IR 149", LO, ESC "$)C\310a", BAD "a"),
		ROW("\\ISO 2022 IR 149", LO, ESC "$)C\200\310\253\310", BAD "홍" BAD),
		ROW("GB18030", LO, "\201", BAD),
		ROW("GB18030", LO, "\2010", BAD "0"),
		ROW("GB18030", LO, "\201\177\377\200", BAD "\177" BAD BAD),
		ROW("GB18030", LO, "\2010\2010\2262\2210", "\302\200𣇈"),
		ROW("GB18030", LO, "\2200\2010\343\062\232\065",
		    "\360\220\200\200\364\217\277\277"),
		ROW("GB18030", LO, "\343\062\232\066\2041\2449", BAD "\357\277\277"),
		ROW("GB18030", LO, "\2041\2450", BAD),
		ROW("", LO, "a\0b", "a\0b"),
		ROW("ISO_IR 13", PN, "\0~\0", "\0‾\0"),
		ROW("ISO_IR 192", LO, "", ""),
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i], NULL);
}

static void charset_absent_or_false(void **state)
{
	static const struct {
		const char *fallback;
		struct row row;
	} rows[] = {
		{NULL, ROW("", LO, "J\303\251r", "Jér")},
		{NULL, ROW("ISO_IR 6", LO, "J\351r", "Jér")},
		{NULL, ROW("nonsense", LO, "J\351r", "Jér")},
		{"ISO_IR 144", ROW("", LO, "\273\356\332", "Люк")},
		{"ISO_IR 144", ROW("", LO, "\320\273", "л")},
		{"ISO_IR 144", ROW("ISO_IR 100", LO, "\351", "é")},
		{"GB18030", ROW("", PN, "\315\365^\320\241", "王^小")},
		{"ISO_IR 192", ROW("", LO, "\351", BAD)},
		{"ISO_IR 6", ROW("", LO, "\351", "é")},
		/* Only text uses the charset. */
		{NULL, ROW("ISO_IR 144", CS, "\351", "é")},
		{NULL, ROW("ISO_IR 144", UR, "\303\251" ESC "-F", "é" ESC "-F")},
		{NULL, ROW("GB18030", UI, "1.2\201\\", "1.2\302\201\\")},
		{"ISO_IR 126", ROW("ISO_IR 144", DA, "\304", "Δ")},
		/* The escape is missing, or not repeated after ^. */
		{NULL, ROW("\\ISO 2022 IR 149", PN, "Hong=\373\363^\321\316", "Hong=洪^吉")},
		{NULL, ROW("\\ISO 2022 IR 149", PN, ESC "$)C\373\363^\321\316", "洪^吉")},
		{NULL, ROW("\\ISO 2022 IR 149", PN, "\355\231\215", "홍")},
		{NULL, ROW("\\ISO 2022 IR 87", LO, ESC "$B;3" ESC "(B\351", "山é")},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		check(&rows[i].row, rows[i].fallback);
}

static void terms_and_their_misspellings(void **state)
{
	static const struct {
		const char *charset, *like;
		int count;
		bool unknown;
	} rows[] = {
		{"", "", 0, false},
		{"  ", "", 0, false},
		{"ISO_IR 100 ", "ISO_IR 100", 1, false},
		{"ISO-IR 100", "ISO_IR 100", 1, false},
		{"ISO IR 100", "ISO_IR 100", 1, false},
		{"ISO_IR_100", "ISO_IR 100", 1, false},
		{"iso_ir100", "ISO_IR 100", 1, false},
		{"ISO 2022 IR 100", "ISO_IR 100", 1, false},
		{"ISO_2022_IR_100", "ISO_IR 100", 1, false},
		{"ISO8859-1", "ISO_IR 100", 1, false},
		{"ISO 8859-15", "ISO_IR 203", 1, false},
		{"UTF-8", "ISO_IR 192", 1, false},
		{"ISO 2022 IR 192", "ISO_IR 192", 1, false},
		{"ISO 2022 GBK", "GB18030", 1, false},
		{"GB 18030", "GB18030", 1, false},
		{"ISO_IR 149", "ISO 2022 IR 149", 1, false},
		{"\\ISO_IR 149", "ISO 2022 IR 6\\ISO 2022 IR 149", 2, false},
		{"\\ISO 2022 58", "ISO 2022 IR 6\\ISO 2022 IR 58", 2, false},
		{"ISO 2022 IR 6\\ISO 2022 IR 87 ", "\\ISO 2022 IR 87", 2, false},
		{"ISO_IR 999", "", 1, true},
		{"ISO_IR", "", 1, true},
		{"ISO_IR 1000000000000", "", 1, true},
		{"ISO_IR 100\\what is this, a very long one", "ISO_IR 100\\", 2, true},
		{"\\\\\\\\\\\\\\\\\\\\", "\\\\\\\\\\\\\\", 8, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct dc_charset charset = {.fallback = 3, .count = 7, .unknown = true},
				  like = {0};

		dc_charset_parse(&charset, span_of_text(rows[i].charset));
		dc_charset_parse(&like, span_of_text(rows[i].like));
		assert_int_equal(charset.count, rows[i].count);
		assert_int_equal(charset.unknown, rows[i].unknown);
		assert_int_equal(charset.fallback, 3);
		assert_memory_equal(charset.term, like.term, sizeof(like.term));
	}
	assert_true(dc_charset_set_fallback(&(struct dc_charset){0}, "ISO_IR 101"));
	assert_false(dc_charset_set_fallback(&(struct dc_charset){0}, "ISO_IR 999"));
	assert_false(dc_charset_set_fallback(&(struct dc_charset){0}, ""));
}

static void any_bytes_give_utf8(void **state)
{
	static const char *const charsets[] = {
		"",
		"ISO_IR 13",
		"ISO_IR 126",
		"\\ISO 2022 IR 87\\ISO 2022 IR 159",
		"ISO 2022 IR 13\\ISO 2022 IR 87",
		"\\ISO 2022 IR 149",
		"\\ISO 2022 IR 58",
		"ISO_IR 192",
		"GB18030",
	};
	static const uint16_t vrs[] = {DC_VR_PN, DC_VR_LO, DC_VR_UT, DC_VR_CS};
	static const char likely[] = "\033\033$()-BJIDCA\\^=0\201\377~;3\xa4";
	uint64_t seed = 1;

	(void)state;
	for (size_t round = 0; round < 40000; round++) {
		struct dc_charset charset = {0};
		uint8_t in[24];
		size_t size = round % sizeof(in), values = 0;
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		for (size_t i = 0; i < size; i++) {
			seed = seed * 6364136223846793005u + 1442695040888963407u;
			in[i] = (uint8_t)(seed >> 60) & 1
					? (uint8_t)(seed >> 40)
					: (uint8_t)likely[(seed >> 33) % (sizeof(likely) - 1)];
		}
		dc_charset_parse(&charset, span_of_text(charsets[round % ARRAY_LEN(charsets)]));
		dc_charset_decode(&charset, vrs[round / 16 % ARRAY_LEN(vrs)], span_of(in, size),
				  &out);
		assert_true(dc_utf8_valid(buf_span(&out)));
		for (size_t i = 0; i < out.size; i++)
			values += out.data[i] == '\\';
		for (size_t i = 0; i < size; i++)
			values -= in[i] == '\\' && values > 0;
		assert_int_equal(values, 0);
	}
}

static void utf8_is_strict(void **state)
{
	static const struct {
		const char *text;
		bool valid;
	} rows[] = {
		{"", true},
		{"plain text that is longer than a word", true},
		{"\302\200\337\277\340\240\200\355\237\277\356\200\200", true},
		{"\360\220\200\200\364\217\277\277", true},
		{"eight by\303\251", true},
		{"\200", false},
		{"\300\200", false},
		{"\301\277", false},
		{"\340\237\277", false},
		{"\355\240\200", false},
		{"\360\217\277\277", false},
		{"\364\220\200\200", false},
		{"\365\200\200\200", false},
		{"\303", false},
		{"\342\202", false},
		{"a\303z", false},
		{"eight byt\303", false},
		{"\377", false},
	};
	static const uint32_t points[] = {0,      0x7f,   0x80,   0x7ff,   0x800,
					  0xd7ff, 0xe000, 0xffff, 0x10000, 0x10ffff};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	size_t at = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(dc_utf8_valid(span_of_text(rows[i].text)), rows[i].valid);
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		dc_utf8_append(&out, points[i]);
	assert_true(dc_utf8_valid(buf_span(&out)));
	for (size_t i = 0; i < ARRAY_LEN(points); i++)
		assert_int_equal(dc_utf8_next(buf_span(&out), &at), points[i]);
	assert_int_equal(at, out.size);

	buf_truncate(&out, 0);
	dc_utf8_append(&out, 0xd800);
	dc_utf8_append(&out, 0x110000);
	assert_true(span_equals_text(buf_span(&out), BAD BAD));

	at = 0;
	assert_int_equal(dc_utf8_next(span_of_text("\303a"), &at), 0xfffd);
	assert_int_equal(at, 1);
	assert_int_equal(dc_utf8_next(span_of_text("\303a"), &at), 'a');
	assert_int_equal(dc_utf8_next(span_of_text("\303a"), &at), 0xfffd);
	assert_int_equal(at, 3);
}

/* Patient's Name of a file, decoded; "" when it has none. */
static void read_name(const char *path, struct buf *name)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	struct dc_file_source file;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_parser parser CLEANUP_PARSER = {0};
	struct err err = {0};
	struct span value;

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	dc_file_source_init(&file, fd, (uint64_t)st.st_size, NULL);
	assert_true(dc_dataset_open(&dataset, &file.base, &err));
	assert_true(dc_dataset_parser(&dataset, NULL, &parser, &err));
	do {
		assert_true(dc_parser_next(&parser, &err));
		if (parser.event != DC_EVENT_ELEMENT || parser.element.tag != 0x00100010)
			continue;
		assert_true(dc_parser_value(&parser, &value, &err));
		dc_charset_decode(dc_parser_charset(&parser), DC_VR_PN, dc_value_trim(value, false),
				  name);
	} while (parser.event != DC_EVENT_END);
	dc_source_release(&file.base);
}

static void real_files(void **state)
{
	static const struct {
		const char *file, *name;
	} rows[] = {
		{"chrArab.dcm", "قباني^لنزار"},
		{"chrFren.dcm", "Buc^Jérôme"},
		{"chrFrenMulti.dcm", "Buc^Jérôme"},
		{"chrGreek.dcm", "Διονυσιος"},
		{"chrH32.dcm", "ﾔﾏﾀﾞ^ﾀﾛｳ=山田^太郎=やまだ^たろう"},
		{"chrHbrw.dcm", "שרון^דבורה"},
		{"chrJapMulti.dcm", "やまだ^たろう"},
		{"chrJapMultiExplicitIR6.dcm", "やまだ^たろう"},
		{"chrKoreanMulti.dcm", "김희중"},
		{"chrRuss.dcm", "Люкceмбypг"},
		{"chrX2.dcm", "Wang^XiaoDong=王^小东="},
	};
	const char *data = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CLEANUP_BUF struct buf name = buf_empty(BUF_NO_LIMIT);
		char path[4096];

		if (data != NULL)
			(void)snprintf(path, sizeof(path), "%s/pydicom/%s", data, rows[i].file);
		else
			(void)snprintf(path, sizeof(path), "%s/../shared/data/pydicom/%s",
				       top != NULL ? top : ".", rows[i].file);
		if (access(path, R_OK) != 0)
			skip();
		read_name(path, &name);
		assert_string_equal(buf_text(&name), rows[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_the_standard),
		cmocka_unit_test(code_extensions_end),
		cmocka_unit_test(backslashes),
		cmocka_unit_test(broken_input),
		cmocka_unit_test(charset_absent_or_false),
		cmocka_unit_test(terms_and_their_misspellings),
		cmocka_unit_test(any_bytes_give_utf8),
		cmocka_unit_test(utf8_is_strict),
		cmocka_unit_test(real_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
