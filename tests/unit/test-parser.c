/* The event parser on hand-made bytes: each case is a data set and the events
 * that it must give. Section numbers are those of PS3.5.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/parser.h"

#include <setjmp.h>

#include <cmocka.h>

/* Bytes are written as text: hex pairs, and "letters" between quotes. */
static void assemble(const char *text, struct buf *out)
{
	static const char digits[] = "0123456789abcdef";

	while (*text != '\0') {
		const char *high = strchr(digits, *text);

		if (*text == '"') {
			const char *end = strchr(text + 1, '"');

			buf_append(out, text + 1, (size_t)(end - text - 1));
			text = end + 1;
		} else if (high != NULL) {
			const char *low = strchr(digits, text[1]);

			buf_append_byte(out, (uint8_t)((high - digits) * 16 + (low - digits)));
			text += 2;
		} else {
			text++;
		}
	}
}

static void trace_event(struct dc_parser *p, struct buf *out)
{
	const struct dc_element *e = &p->element;
	char vr[3];
	struct span value;
	struct err err = {0};

	switch (p->event) {
	case DC_EVENT_ELEMENT:
		assert_true(dc_parser_value(p, &value, &err));
		buf_printf(out, "%08x:%s:%u@%u ", e->tag, dc_vr_text(e->vr, vr),
			   (unsigned)value.size, e->depth);
		break;
	case DC_EVENT_SEQUENCE:
		buf_printf(out, "%08x[ ", e->tag);
		break;
	case DC_EVENT_ITEM:
		buf_append_text(out, "{ ");
		break;
	case DC_EVENT_ITEM_END:
		buf_append_text(out, "} ");
		break;
	case DC_EVENT_SEQUENCE_END:
		buf_append_text(out, "] ");
		break;
	case DC_EVENT_FRAGMENTS:
		buf_printf(out, "%08x:%s:fragments ", e->tag, dc_vr_text(e->vr, vr));
		break;
	case DC_EVENT_END:
		buf_printf(out, "end%s%s", p->damage.code != ERR_NONE ? ": " : "",
			   p->damage.message);
		break;
	}
}

static bool stop_at_group_10(const struct dc_element *element, void *context)
{
	(void)context;
	return DC_GROUP(element->tag) >= 0x10;
}

static void run(const char *ts, const char *bytes, struct dc_parser_options options,
		struct buf *out)
{
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_memory_source source;
	struct dc_parser parser CLEANUP_PARSER;
	struct err err = {0};
	uint8_t *exact;

	assemble(bytes, &input);
	/* On the heap to the byte, so that a sanitizer sees the first one too far. */
	exact = malloc(input.size + 1);
	memcpy(exact, input.size > 0 ? input.data : (const uint8_t *)"", input.size);
	exact = realloc(exact, input.size > 0 ? input.size : 1);
	options.transfer_syntax = dc_transfer_syntax_find(span_of_text(ts));
	assert_non_null(options.transfer_syntax);
	dc_memory_source_init(&source, span_of(exact, input.size));
	assert_true(dc_parser_init(&parser, &source.base, 0, &options, &err));
	do {
		assert_true(dc_parser_next(&parser, &err));
		trace_event(&parser, out);
	} while (parser.event != DC_EVENT_END);
	free(exact);
}

struct parse_case {
	const char *name, *ts, *bytes, *events;
};

#define XL DC_TS_EXPLICIT_LE
#define IL DC_TS_IMPLICIT_LE
#define XB DC_TS_EXPLICIT_BE
#define ITEM_UNDEFINED "feff00e0 ffffffff "
#define ITEM_END "feff0de0 00000000 "
#define SEQUENCE_END "feffdde0 00000000 "

static const struct parse_case cases[] = {
	{"empty data set", XL, "", "end"},
	{"short and long headers (7.1.2)", XL,
	 "08006000 \"CS\" 0200 \"CT\" 42001100 \"OB\" 0000 04000000 01020304",
	 "00080060:CS:2@0 00420011:OB:4@0 end"},
	{"every VR with a 32-bit length", XL,
	 "09001000 \"UC\" 0000 01000000 \"a\" 09001100 \"UR\" 0000 01000000 \"a\""
	 "09001200 \"UT\" 0000 01000000 \"a\" 09001300 \"UV\" 0000 08000000 0102030405060708"
	 "09001400 \"SV\" 0000 08000000 0102030405060708 09001500 \"OV\" 0000 00000000"
	 "09001600 \"OL\" 0000 00000000 09001700 \"OD\" 0000 00000000 09001800 \"OF\" 0000 00000000"
	 "09001900 \"UN\" 0000 00000000",
	 "00090010:UC:1@0 00090011:UR:1@0 00090012:UT:1@0 00090013:UV:8@0 00090014:SV:8@0 "
	 "00090015:OV:0@0 00090016:OL:0@0 00090017:OD:0@0 00090018:OF:0@0 00090019:LO:0@0 end"},
	{"implicit VR by dictionary, private creator LO, private UN", IL,
	 "08006000 02000000 \"MR\" 09001000 04000000 \"ACME\" 09000110 02000000 0102"
	 "28001000 02000000 0001",
	 "00080060:CS:2@0 00090010:LO:4@0 00091001:UN:2@0 00280010:US:2@0 end"},
	{"big endian (A.3)", XB, "00080060 \"CS\" 0002 \"CT\" 00280010 \"US\" 0002 0100",
	 "00080060:CS:2@0 00280010:US:2@0 end"},
	{"group length", IL, "08000000 04000000 0a000000", "00080000:UL:4@0 end"},
	{"sequence of defined lengths (7.5)", XL,
	 "08001511 \"SQ\" 0000 12000000 feff00e0 0a000000 20000d00 \"UI\" 0200 \"1.\"",
	 "00081115[ { 0020000d:UI:2@1 } ] end"},
	{"sequence of undefined lengths (7.5)", XL,
	 "08001511 \"SQ\" 0000 ffffffff " ITEM_UNDEFINED "20000d00 \"UI\" 0200 \"1.\"" ITEM_END
	 SEQUENCE_END "10001000 \"PN\" 0000",
	 "00081115[ { 0020000d:UI:2@1 } ] 00100010:PN:0@0 end"},
	{"empty sequence, empty items", XL,
	 "08001511 \"SQ\" 0000 00000000 08004011 \"SQ\" 0000 ffffffff feff00e0 00000000"
	 ITEM_UNDEFINED ITEM_END SEQUENCE_END,
	 "00081115[ ] 00081140[ { } { } ] end"},
	{"nested", IL,
	 "08001511 ffffffff" ITEM_UNDEFINED "08009911 ffffffff" ITEM_UNDEFINED
	 "08005511 02000000 \"1.\"" ITEM_END SEQUENCE_END ITEM_END SEQUENCE_END,
	 "00081115[ { 00081199[ { 00081155:UI:2@2 } ] } ] end"},
	{"UN of undefined length is Implicit VR LE (6.2.2)", XL,
	 "09001110 \"UN\" 0000 ffffffff" ITEM_UNDEFINED "08006000 02000000 \"CT\"" ITEM_END
	 SEQUENCE_END "10001000 \"PN\" 0000",
	 "00091011[ { 00080060:CS:2@1 } ] 00100010:PN:0@0 end"},
	{"UN of undefined length in big endian is little endian inside", XB,
	 "00091011 \"UN\" 0000 ffffffff" ITEM_UNDEFINED "28001000 02000000 0100" ITEM_END
	 SEQUENCE_END,
	 "00091011[ { 00280010:US:2@1 } ] end"},
	{"UN of a known tag takes the dictionary's VR", XL,
	 "10001000 \"UN\" 0000 02000000 \"A \" 28001000 \"UN\" 0000 03000000 010203",
	 "00100010:PN:2@0 00280010:UN:3@0 end"},
	{"UN of a known sequence, defined length", XL,
	 "08001511 \"UN\" 0000 12000000 feff00e0 0a000000 20000d00 02000000 \"1.\"",
	 "00081115[ { 0020000d:UI:2@1 } ] end"},
	{"UN of a known sequence that is none", XL, "08001511 \"UN\" 0000 04000000 01020304",
	 "00081115:UN:4@0 end"},
	{"US or SS by Pixel Representation, item keeps its parent's", IL,
	 "28000301 02000000 0100 28000601 02000000 ffff 28001030 ffffffff" ITEM_UNDEFINED
	 "28000230 06000000 000000000000" ITEM_END SEQUENCE_END,
	 "00280103:US:2@0 00280106:SS:2@0 00283010[ { 00283002:SS:6@1 } ] end"},
	{"encapsulated pixel data (A.4)", XL,
	 "e07f1000 \"OB\" 0000 ffffffff feff00e0 00000000 feff00e0 04000000 01020304" SEQUENCE_END
	 "fafffafd \"SQ\" 0000 00000000",
	 "7fe00010:OB:fragments fffafdfa[ ] end"},
	{"fragments that break off", XL,
	 "e07f1000 \"OB\" 0000 ffffffff feff00e0 00000000 feff00e0 ff000000 01020304",
	 "7fe00010:OB:fragments end: fragments of (7fe0,0010) break off at offset 20"},
	{"native pixel data, then padding (FFFC,FFFC)", XL,
	 "e07f1000 \"OW\" 0000 04000000 01020304 fcfffcff \"OB\" 0000 02000000 0000",
	 "7fe00010:OW:4@0 fffcfffc:OB:2@0 end"},
	{"pixels are not read as tags when the length is short", XL,
	 "e07f1000 \"OW\" 0000 04000000 01020304 08006000 02000000 4143 0000",
	 "7fe00010:OW:4@0 end"},
	{"pixel data cut by the end of the file", XL,
	 "e07f1000 \"OW\" 0000 08000000 01020304",
	 "7fe00010:OW:4@0 end: value of (7fe0,0010) is 8 bytes long, but only 4 are left"},
	{"half a value is no value", XL, "08006000 \"CS\" 0200 \"CT\" 20000d00 \"UI\" 0800 \"1.2.\"",
	 "00080060:CS:2@0 end: value of (0020,000d) is 8 bytes long, but only 4 are left"},
	{"length far beyond the file", XL, "08006000 \"CS\" 0200 \"CT\" 11001000 \"OB\" 0000 20202020",
	 "00080060:CS:2@0 end: value of (0011,0010) is 538976288 bytes long, but only 0 are left"},
	{"file ends before the delimiters", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "20000d00 \"UI\" 0200 \"1.\"",
	 "00081115[ { 0020000d:UI:2@1 } ] end: ends inside an item of sequence (0008,1115)"},
	{"sequence longer than the file", XL,
	 "08001511 \"SQ\" 0000 00010000 feff00e0 0a000000 20000d00 \"UI\" 0200 \"1.\"",
	 "00081115[ { 0020000d:UI:2@1 } ] end: value of (0008,1115) is 256 bytes long, but only "
	 "18 are left"},
	{"an element longer than its item costs only the item", XL,
	 "08001511 \"SQ\" 0000 12000000 feff00e0 0a000000 20000d00 \"UI\" 0600 \"1.\""
	 "10001000 \"PN\" 0000",
	 "00081115[ { } ] 00100010:PN:0@0 end: value of (0020,000d) is 6 bytes long, but only 2 "
	 "are left"},
	{"item closed by a sequence delimiter", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "20000d00 \"UI\" 0200 \"1.\"" SEQUENCE_END
	 "10001000 \"PN\" 0000",
	 "00081115[ { 0020000d:UI:2@1 } ] 00100010:PN:0@0 end"},
	{"item closed by a sequence delimiter of its own", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "20000d00 \"UI\" 0200 \"1.\"" SEQUENCE_END
	 SEQUENCE_END "10001000 \"PN\" 0000",
	 "00081115[ { 0020000d:UI:2@1 } ] 00100010:PN:0@0 end"},
	{"an item begins inside an open item", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "20000d00 \"UI\" 0200 \"1.\"" ITEM_UNDEFINED
	 ITEM_END SEQUENCE_END,
	 "00081115[ { 0020000d:UI:2@1 } { } ] end"},
	{"delimiter with a length", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "feff0de0 05000000 feffdde0 07000000"
	 "10001000 \"PN\" 0000",
	 "00081115[ { } ] 00100010:PN:0@0 end"},
	{"delimiters nobody asked for", XL, ITEM_END SEQUENCE_END "10001000 \"PN\" 0000",
	 "00100010:PN:0@0 end"},
	{"what is no item in a sequence of defined length is passed over", XL,
	 "08001511 \"SQ\" 0000 04000000 01020304 10001000 \"PN\" 0000",
	 "00081115[ ] 00100010:PN:0@0 end"},
	{"what is no item in an open sequence ends the walk", XL,
	 "08001511 \"SQ\" 0000 ffffffff 01020304 05060708 10001000 \"PN\" 0000",
	 "00081115[ ] end: (0201,0403) where an item of sequence (0008,1115) should be"},
	{"implicit: text where the dictionary says sequence stays as bytes", IL,
	 "400070a1 04000000 \"TEXT\" 10001000 00000000",
	 "0040a170:UN:4@0 00100010:PN:0@0 end"},
	{"implicit pixel data in fragments is OB", IL,
	 "e07f1000 ffffffff feff00e0 00000000" SEQUENCE_END, "7fe00010:OB:fragments end"},
	{"plain VR with undefined length", XL,
	 "10001000 \"UT\" 0000 ffffffff 01020304 05060708",
	 "end: undefined length of (0010,0010) without items"},
	{"one implicit element among explicit ones", XL,
	 "08006000 \"CS\" 0200 \"CT\" 20000d00 02000000 \"1.\" 28001000 \"US\" 0200 0001",
	 "00080060:CS:2@0 0020000d:UI:2@0 00280010:US:2@0 end"},
	{"implicit items in an explicit data set", XL,
	 "08001511 \"SQ\" 0000 ffffffff" ITEM_UNDEFINED "20000d00 02000000 \"1.\"" ITEM_END
	 SEQUENCE_END "10001000 \"PN\" 0000",
	 "00081115[ { 0020000d:UI:2@1 } ] 00100010:PN:0@0 end"},
	{"a VR of a later edition has a long header (6.2)", XL,
	 "09001110 \"ZZ\" 0000 02000000 0102 10001000 \"PN\" 0000",
	 "00091011:UN:2@0 00100010:PN:0@0 end"},
	{"VR blanks with a 16-bit length", XL, "08006000 2020 0200 \"CT\" 10001000 \"PN\" 0000",
	 "00080060:CS:2@0 00100010:PN:0@0 end"},
	{"odd lengths", XL, "08006000 \"CS\" 0300 \"ABC\" 10001000 \"PN\" 0000",
	 "00080060:CS:3@0 00100010:PN:0@0 end"},
	{"out of order and duplicate", XL,
	 "10001000 \"PN\" 0000 08006000 \"CS\" 0000 08006000 \"CS\" 0000 02001000 \"UI\" 0000",
	 "00100010:PN:0@0 00080060:CS:0@0 00080060:CS:0@0 00020010:UI:0@0 end"},
	{"zero padding at the end", XL, "08006000 \"CS\" 0200 \"CT\" 00000000 00000000 00000000",
	 "00080060:CS:2@0 end"},
	{"a header that is cut", XL, "08006000 \"CS\" 0200 \"CT\" e07f1000 \"OW\" 0000",
	 "00080060:CS:2@0 end: ends inside the header of an element"},
	{"a few bytes left over", XL, "08006000 \"CS\" 0200 \"CT\" 0000",
	 "00080060:CS:2@0 end"},
	{"overlay groups", IL, "02601000 02000000 0100 02600030 02000000 ff00",
	 "60020010:US:2@0 60023000:OW:2@0 end"},
};

static void all_cases(void **state)
{
	size_t wrong = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

		run(cases[i].ts, cases[i].bytes, (struct dc_parser_options){0}, &out);
		if (strcmp(buf_text(&out), cases[i].events) != 0) {
			print_error("%s:\n  got      %s\n  expected %s\n", cases[i].name,
				    buf_text(&out), cases[i].events);
			wrong++;
		}
	}
	assert_int_equal(wrong, 0);
}

static void stops_in_front_of(void **state)
{
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	(void)state;
	run(XL, "08006000 \"CS\" 0200 \"CT\" 10001000 \"PN\" 0000",
	    (struct dc_parser_options){.stop = stop_at_group_10}, &out);
	assert_string_equal(buf_text(&out), "00080060:CS:2@0 end");
}

static void limits_end_the_walk(void **state)
{
	struct dc_parser_options options = {.limits = {.elements = 3, .depth = 2, .value = 10}};
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf many CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	(void)state;
	for (int i = 0; i < 20; i++)
		buf_append_text(&bytes, "08001511 \"SQ\" 0000 ffffffff " ITEM_UNDEFINED);
	run(XL, buf_text(&bytes), options, &out);
	assert_string_equal(buf_text(&out), "00081115[ { 00081115[ { } ] } ] end: sequences are "
					    "nested more than the 2 deep of max_depth");
	buf_truncate(&bytes, 0);
	buf_truncate(&out, 0);
	for (int i = 0; i < 5; i++)
		buf_append_text(&bytes, "08006000 \"CS\" 0000 ");
	run(XL, buf_text(&bytes), options, &out);
	assert_string_equal(buf_text(&out), "00080060:CS:0@0 00080060:CS:0@0 00080060:CS:0@0 end: "
					    "more than the 3 elements of max_elements");
	/* A million stray delimiters must not cost a million stack frames. */
	for (int i = 0; i < 1000000; i++)
		buf_append_text(&many, "feff0de000000000");
	buf_truncate(&out, 0);
	run(XL, buf_text(&many), (struct dc_parser_options){0}, &out);
	assert_string_equal(buf_text(&out), "end");
}

static void character_sets_follow_the_items(void **state)
{
	static const char bytes[] = "08000500 \"CS\" 0a00 \"ISO_IR 192\" 08001511 \"SQ\" 0000 ffffffff"
		ITEM_UNDEFINED "08000500 \"CS\" 0a00 \"ISO_IR 100\" 10001000 \"PN\" 0100 e9" ITEM_END
		ITEM_UNDEFINED "10001000 \"PN\" 0200 c3a9" ITEM_END SEQUENCE_END
		"10001000 \"PN\" 0200 c3a9";
	struct dc_parser_options options = {
		.transfer_syntax = dc_transfer_syntax_find(span_of_text(XL))};
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_memory_source source;
	struct dc_parser parser CLEANUP_PARSER;
	struct err err = {0};
	int names = 0;

	(void)state;
	assemble(bytes, &input);
	dc_memory_source_init(&source, buf_span(&input));
	assert_true(dc_parser_init(&parser, &source.base, 0, &options, &err));
	do {
		struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct span value;

		assert_true(dc_parser_next(&parser, &err));
		if (parser.event != DC_EVENT_ELEMENT || parser.element.vr != DC_VR_PN)
			continue;
		assert_true(dc_parser_value(&parser, &value, &err));
		dc_charset_decode(dc_parser_charset(&parser), DC_VR_PN, value, &text);
		assert_string_equal(buf_text(&text), "\xc3\xa9");
		names++;
	} while (parser.event != DC_EVENT_END);
	assert_int_equal(names, 3);
}

/* A source that counts what it is asked for. */
struct counting_source {
	struct dc_source base;
	struct span bytes;
	uint64_t read, calls;
};

static bool counting_read(struct dc_source *source, uint64_t offset, void *to, size_t size,
			  size_t *got, struct err *err)
{
	struct counting_source *counting = (struct counting_source *)source;

	(void)err;
	*got = offset >= counting->bytes.size ? 0 : MIN_OF(size, counting->bytes.size - offset);
	memcpy(to, counting->bytes.data + offset, *got);
	counting->read += *got;
	counting->calls++;
	return true;
}

static void pixel_data_is_never_read(void **state)
{
	static const struct dc_source_ops ops = {counting_read, NULL, NULL};
	enum { FRAGMENTS = 50, SIZE = 1 << 20 };
	struct dc_parser_options options = {
		.transfer_syntax = dc_transfer_syntax_find(span_of_text(XL))};
	struct buf input CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct counting_source source = {.base = {&ops, 0}};
	struct dc_parser parser CLEANUP_PARSER;
	struct err err = {0};
	uint8_t *fill;

	(void)state;
	assemble("08006000 \"CS\" 0200 \"CT\" e07f1000 \"OB\" 0000 ffffffff feff00e0 00000000", &input);
	for (int i = 0; i < FRAGMENTS; i++) {
		assemble("feff00e0 00001000", &input);
		fill = buf_extend(&input, SIZE);
		memset(fill, 0xab, SIZE);
	}
	assemble(SEQUENCE_END "fafffafd \"SQ\" 0000 00000000", &input);
	source.bytes = buf_span(&input);
	source.base.size = input.size;
	assert_true(dc_parser_init(&parser, &source.base, 0, &options, &err));
	do {
		assert_true(dc_parser_next(&parser, &err));
	} while (parser.event != DC_EVENT_END);
	assert_int_equal(parser.damage.code, ERR_NONE);
	assert_true(source.read < 128 * 1024);
	assert_true(source.calls <= FRAGMENTS + 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_cases),
		cmocka_unit_test(stops_in_front_of),
		cmocka_unit_test(limits_end_the_walk),
		cmocka_unit_test(character_sets_follow_the_items),
		cmocka_unit_test(pixel_data_is_never_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
