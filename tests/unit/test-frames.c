/*
 * The frame locator for encapsulated pixel data: every way to tell frames
 * apart, tables and items that are wrong, what it costs, and threads that share
 * one.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/frames.h"

#include <pthread.h>
#include <setjmp.h>

#include <cmocka.h>

#include "dicom/facts.h"
#include "tests/tools/recipe.h"

#define FILE_OF(syntax, frames)                                                                    \
	"preamble\nmeta 1.2.840.10008.1.2." syntax "\nobject\n(0028,0008) IS \"" frames             \
	"\"\nimage 2 2 8\n"
#define JPEG(frames) FILE_OF("4.50", frames)
#define PIXELS "(7FE0,0010) OB fragments {\n"
#define OPEN_PIXELS "(7FE0,0010) OB fragments open {\n"
#define NO_TABLE "item\n"
#define TABLE(offsets) "item <" offsets ">\n"
#define ITEM(bytes) "item <" bytes ">\n"
#define END "}\n"

/* Codestreams of 6 bytes, their items take 14, and halves of longer ones. */
#define A "FF D8 FF 0A FF D9"
#define B "FF D8 FF 0B FF D9"
#define C "FF D8 FF 0C FF D9"
#define A1 "FF D8 FF A1 A1 A1"
#define A2 "A2 A2 A2 A2 FF D9"
#define B1 "FF D8 FF B1 B1 B1"
#define B2 "B2 B2 B2 B2 FF D9"
#define ZERO16 "00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 00 "
#define RLE(byte)                                                                                  \
	"01 00 00 00 40 00 00 00 " ZERO16 ZERO16 ZERO16 "00 00 00 00 00 00 00 00 03 " byte " " byte \
	" " byte " " byte " 00"
#define J2K "FF 4F FF 51 01 02"
#define J2K_END "03 FF D9 00"
#define JP2(byte) "00 00 00 0C 6A 50 20 20 0D 0A 87 0A " byte " FF D9 00"
#define JXL(byte) "FF 0A " byte " " byte
#define JXL_BOX(byte) "00 00 00 0C 4A 58 4C 20 0D 0A 87 0A " byte " 00"

/* Frames as bytes in hexadecimal, or "!" and what the message begins with. */
static const struct {
	const char *name, *recipe;
	const char *frames[4];
} table[] = {
	/* No table. */
	{"a fragment a frame", JPEG("2") PIXELS NO_TABLE ITEM(A) ITEM(B) END, {A, B}},
	{"all one frame", JPEG("1") PIXELS NO_TABLE ITEM(A1) ITEM(A2) END, {A1 " " A2}},
	{"Number of Frames absent", "preamble\nmeta 1.2.840.10008.1.2.4.50\nobject\nimage 2 2 8\n"
	 PIXELS NO_TABLE ITEM(A1) ITEM(A2) END, {A1 " " A2}},
	{"more pictures than the one frame", JPEG("1") PIXELS NO_TABLE ITEM(A1) ITEM(A2) ITEM(B) END,
	 {A1 " " A2}},
	{"by codestreams", JPEG("2") PIXELS NO_TABLE ITEM(A1) ITEM(A2) ITEM(B) END, {A1 " " A2, B}},
	{"as many fragments as frames, but one goes on", JPEG("3") PIXELS NO_TABLE ITEM(A1) ITEM(A2)
	 ITEM(B) END, {A1 " " A2, "!3 frames, but 2 codestreams in 3 fragments",
		       "!3 frames, but 2 codestreams in 3 fragments"}},
	{"a damaged beginning", JPEG("3") PIXELS NO_TABLE ITEM(A) ITEM(A2) ITEM(B) END, {A, A2, B}},
	{"a damaged beginning, several fragments", JPEG("3") PIXELS NO_TABLE ITEM(A1) ITEM(A2)
	 ITEM(B2) ITEM(C) END, {A1 " " A2, B2, C}},
	{"no codestream has an end", JPEG("2") PIXELS NO_TABLE ITEM(A1) ITEM(B1) END, {A1, B1}},
	{"padding behind the end", JPEG("2") PIXELS NO_TABLE ITEM(A1)
	 ITEM("A2 FF D9 00 00 00") ITEM("B2 B2 B2 B2") ITEM("B2 FF D9 00") END,
	 {A1 " A2 FF D9 00 00 00", "B2 B2 B2 B2 B2 FF D9 00"}},
	{"an odd length", JPEG("2") PIXELS NO_TABLE "item odd <FF D8 FF FF D9>\n" ITEM(B) END,
	 {"FF D8 FF FF D9", B}},
	{"empty fragments", JPEG("2") PIXELS NO_TABLE "item\n" ITEM(A) "item\n" ITEM(B) "item\n" END,
	 {A, B}},
	{"an empty frame", JPEG("3") PIXELS NO_TABLE ITEM(A) "item\n" ITEM(B) END,
	 {A, "!frame 2 has no bytes", B}},
	{"too few", JPEG("3") PIXELS NO_TABLE ITEM(A) ITEM(B) END,
	 {A, "!3 frames, but 2 codestreams in 2 fragments",
	  "!3 frames, but 2 codestreams in 2 fragments"}},
	{"too many", JPEG("2") PIXELS NO_TABLE ITEM(A) ITEM(B) ITEM(C) END,
	 {A, "!2 frames, but 3 codestreams in 3 fragments"}},
	{"no fragments", JPEG("2") PIXELS NO_TABLE END, {"!pixel data has no fragments"}},
	{"not even a table", JPEG("1") PIXELS END, {"!pixel data has no items"}},

	/* No item for the table. */
	{"no table item", JPEG("2") PIXELS ITEM(A) ITEM(B) END, {A, B}},
	{"no table item, nothing known of the bytes", FILE_OF("8.1", "1") PIXELS ITEM("01 02") END,
	 {"01 02"}},

	/* Basic Offset Table. */
	{"table", JPEG("2") PIXELS TABLE("00 00 00 00 1C 00 00 00") ITEM(A1) ITEM(A2) ITEM(B) END,
	 {A1 " " A2, B}},
	{"table where nothing else tells", FILE_OF("8.1", "2") PIXELS TABLE("00 00 00 00 14 00 00 00")
	 ITEM("01 02") ITEM("03 04") ITEM("05 06") END, {"01 02 03 04", "05 06"}},
	{"absolute offsets", JPEG("2") PIXELS TABLE("10 02 00 00 1E 02 00 00") ITEM(A) ITEM(B) END,
	 {A, B}},
	{"one offset too many", JPEG("2") PIXELS TABLE("00 00 00 00 0E 00 00 00 1C 00 00 00") ITEM(A)
	 ITEM(B) END, {A, B}},
	{"one offset too few", JPEG("2") PIXELS TABLE("00 00 00 00") ITEM(A) ITEM(B) END, {A, B}},
	{"off by the header of an item", JPEG("2") PIXELS TABLE("00 00 00 00 06 00 00 00") ITEM(A)
	 ITEM(B) END, {A, B}},
	{"off by the headers of all items", JPEG("3") PIXELS
	 TABLE("00 00 00 00 06 00 00 00 1C 00 00 00") ITEM(A) ITEM(B) ITEM(C) END, {A, B, C}},
	{"not ascending", JPEG("3") PIXELS TABLE("00 00 00 00 1C 00 00 00 0E 00 00 00") ITEM(A)
	 ITEM(B) ITEM(C) END, {A, B, C}},
	{"past the end", JPEG("2") PIXELS TABLE("00 00 00 00 FF FF FF 7F") ITEM(A) ITEM(B) END,
	 {A, B}},
	{"wrong in the middle only", JPEG("4") PIXELS
	 TABLE("00 00 00 00 0E 00 00 00 1E 00 00 00 2A 00 00 00") ITEM(A) ITEM(B) ITEM(C) ITEM(A) END,
	 {A, B, C, A}},
	{"an item, but the wrong one", JPEG("2") PIXELS TABLE("00 00 00 00 1C 00 00 00") ITEM(A)
	 ITEM(B1) ITEM(B2) END, {A, B1 " " B2}},
	{"right, with damage at the beginning", JPEG("2") PIXELS TABLE("00 00 00 00 1C 00 00 00")
	 ITEM("01 02 03 04 05 06") ITEM(A2) ITEM(B) END, {"01 02 03 04 05 06 " A2, B}},
	{"table cut off", JPEG("2") OPEN_PIXELS "item length=4000 <00 00 00 00>\n" END,
	 {"!the offset table has 4000 bytes, but only 4 are left"}},

	/* Extended Offset Table. */
	{"extended table", JPEG("2") "(7FE0,0001) OV 0 28\n(7FE0,0002) OV 20 6\n" PIXELS NO_TABLE
	 ITEM(A1) ITEM(A2) ITEM(B) END, {A1 " " A2, B}},
	{"extended table where nothing else tells", FILE_OF("8.1", "2") "(7FE0,0001) OV 0 20\n" PIXELS
	 NO_TABLE ITEM("01 02") ITEM("03 04") ITEM("05 06") END, {"01 02 03 04", "05 06"}},
	{"extended table, wrong", JPEG("2") "(7FE0,0001) OV 0 0x100000000\n" PIXELS NO_TABLE ITEM(A)
	 ITEM(B) END, {A, B}},
	{"extended table, wrong, the basic one is right", FILE_OF("8.1", "2") "(7FE0,0001) OV 0 12\n"
	 PIXELS TABLE("00 00 00 00 14 00 00 00") ITEM("01 02") ITEM("03 04") ITEM("05 06") END,
	 {"01 02 03 04", "05 06"}},
	{"extended table, too short", JPEG("2") "(7FE0,0001) OV 0\n" PIXELS NO_TABLE ITEM(A) ITEM(B)
	 END, {A, B}},

	/* Damage. */
	{"no delimiter", JPEG("2") OPEN_PIXELS NO_TABLE ITEM(A) ITEM(B) END, {A, B}},
	{"cut inside a frame", JPEG("3") OPEN_PIXELS NO_TABLE ITEM(A) "item length=4000 <" B ">\n" END,
	 {A, "!a fragment has 4000 bytes, but only 6 are left",
	  "!pixel data breaks off in frame 2 of 3, in front of frame 3"}},
	{"cut inside a frame, with a table", JPEG("2") OPEN_PIXELS TABLE("00 00 00 00 0E 00 00 00")
	 ITEM(A) "item length=4000 <" B ">\n" END,
	 {A, "!a fragment has 4000 bytes, but only 6 are left"}},
	{"cut after a damaged beginning", JPEG("4") OPEN_PIXELS NO_TABLE ITEM(A) ITEM(B2)
	 ITEM(C) END, {A, "!4 frames, but 2 codestreams in 3 fragments"}},
	{"noise between items", JPEG("2") PIXELS NO_TABLE ITEM(A) "bytes <00 01 02 03 04 05 06 07>\n"
	 ITEM(B) END, {A, "!2 frames, but 1 codestreams in 1 fragments"}},
	{"noise between items, with a table", JPEG("2") PIXELS TABLE("00 00 00 00 16 00 00 00") ITEM(A)
	 "bytes <00 01 02 03 04 05 06 07>\n" ITEM(B) END, {A, B}},
	{"a fragment without length", JPEG("2") OPEN_PIXELS NO_TABLE ITEM(A)
	 "item length=0xFFFFFFFF <" B ">\n" END, {A, "!a fragment has no length"}},

	/* Other syntaxes. */
	{"big endian items", "preamble\nmeta 1.2.840.10008.1.2.2\nencoding explicit-be\nobject\n"
	 "(0028,0008) IS \"2\"\nimage 2 2 8\n" PIXELS TABLE("00 00 00 00 00 00 00 0E") ITEM(A) ITEM(B)
	 END, {A, B}},
	{"stored as UN", JPEG("2") "(7FE0,0010) OB as=UN fragments {\n" NO_TABLE ITEM(A) ITEM(B) END,
	 {A, B}},
	{"RLE", FILE_OF("5", "2") PIXELS NO_TABLE ITEM(RLE("01")) ITEM(RLE("02")) END,
	 {RLE("01"), RLE("02")}},
	{"RLE by headers", FILE_OF("5", "2") PIXELS NO_TABLE ITEM(RLE("01")) ITEM("05 06")
	 ITEM(RLE("02")) END, {RLE("01") " 05 06", RLE("02")}},
	{"RLE, more than one frame", FILE_OF("5", "1") PIXELS NO_TABLE ITEM(RLE("01"))
	 ITEM(RLE("02")) END, {RLE("01")}},
	{"JPEG-LS", FILE_OF("4.80", "2") PIXELS NO_TABLE ITEM(A1) ITEM(A2) ITEM(B) END,
	 {A1 " " A2, B}},
	{"JPEG 2000", FILE_OF("4.90", "2") PIXELS NO_TABLE ITEM(J2K) ITEM(J2K_END)
	 ITEM(JP2("03")) END, {J2K " " J2K_END, JP2("03")}},
	{"HTJ2K", FILE_OF("4.201", "2") PIXELS NO_TABLE ITEM(J2K) ITEM(J2K_END)
	 ITEM(J2K) END, {J2K " " J2K_END, J2K}},
	{"JPEG XL", FILE_OF("4.110", "2") PIXELS NO_TABLE ITEM(JXL("01")) ITEM("02 02")
	 ITEM(JXL_BOX("03")) END, {JXL("01") " 02 02", JXL_BOX("03")}},
	{"nothing known of the bytes", FILE_OF("8.1", "2") PIXELS NO_TABLE ITEM("01 02")
	 ITEM("03 04") ITEM("05 06") END, {"01 02", "!2 frames, but 3 fragments"}},
	{"Number of Frames 0", JPEG("0") PIXELS NO_TABLE ITEM(A) END,
	 {A}},
};

/* ---- Files in memory -------------------------------------------------------- */

struct opened {
	struct dc_memory_source memory;
	struct dc_dataset dataset;
	struct dc_facts facts;
};

/* False when what is left is not DICOM any more. */
static bool open_bytes(struct opened *opened, struct span bytes)
{
	struct err err = {0};

	dc_memory_source_init(&opened->memory, bytes);
	dc_facts_init(&opened->facts);
	return dc_dataset_open(&opened->dataset, &opened->memory.base, &err) &&
	       dc_facts_read(&opened->facts, &opened->dataset, NULL, &err) &&
	       (opened->facts.image.flags & DC_IMAGE_ENCAPSULATED) != 0;
}

static void close_bytes(struct opened *opened)
{
	dc_facts_release(&opened->facts);
	dc_dataset_release(&opened->dataset);
}

static void build_recipe(struct recipe *recipe, const char *text)
{
	struct err err = {0};

	if (!recipe_build(recipe, span_of_text(text), &err))
		fail_msg("%s", err.message);
}

static uint8_t digit(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : c - 'A' + 10);
}

static size_t from_hex(const char *hex, uint8_t *to)
{
	size_t size = 0;

	for (; *hex != '\0'; hex += hex[2] == ' ' ? 3 : 2)
		to[size++] = (uint8_t)(digit(hex[0]) << 4 | digit(hex[1]));
	return size;
}

static void check_frame(const char *name, uint32_t frame, const char *expected, bool ok,
			struct span got, const struct err *err)
{
	uint8_t bytes[256];
	size_t size;

	if (expected[0] == '!') {
		if (ok || err->code != ERR_CORRUPT ||
		    strncmp(expected + 1, err->message, strlen(expected + 1)) != 0)
			fail_msg("%s, frame %u: %s", name, frame + 1, ok ? "found" : err->message);
		return;
	}
	if (!ok)
		fail_msg("%s, frame %u: %s", name, frame + 1, err->message);
	size = from_hex(expected, bytes);
	if (!span_equals(got, span_of(bytes, size)))
		fail_msg("%s, frame %u: %zu bytes, not these %zu", name, frame + 1, got.size, size);
}

static void check_case(size_t row)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct opened opened;
	struct dc_frame_index *index;
	struct err err = {0};
	bool ok;

	build_recipe(&recipe, table[row].recipe);
	assert_true(open_bytes(&opened, buf_span(&recipe.file)));
	ok = dc_frame_index_build(&index, &opened.dataset, &opened.facts.image, &err);
	for (uint32_t frame = 0; frame < 4 && table[row].frames[frame] != NULL; frame++) {
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		bool read = ok && dc_frame_index_read(index, opened.dataset.source, frame, 1000,
						      &out, &err);

		check_frame(table[row].name, frame, table[row].frames[frame], read, buf_span(&out),
			    &err);
	}
	dc_frame_index_unref(index);
	close_bytes(&opened);
}

static void frames_are_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		check_case(i);
}

/* ---- Limits ------------------------------------------------------------------- */

static void limits_hold(void **state)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct opened opened;
	struct dc_frame_index *index;
	struct err err = {0};

	(void)state;
	build_recipe(&recipe, JPEG("2") PIXELS NO_TABLE ITEM(A1) ITEM(A2) ITEM(B) END);
	assert_true(open_bytes(&opened, buf_span(&recipe.file)));
	assert_true(dc_frame_index_build(&index, &opened.dataset, &opened.facts.image, &err));
	assert_true(dc_frame_index_size(index) > 0 && dc_frame_index_size(index) < 1000);
	assert_false(dc_frame_index_read(index, opened.dataset.source, 0, 11, &out, &err));
	assert_int_equal(err.code, ERR_LIMIT);
	buf_truncate(&out, 0);
	assert_true(dc_frame_index_read(index, opened.dataset.source, 0, 12, &out, &err));
	/* Appended, not written over. */
	assert_true(dc_frame_index_read(index, opened.dataset.source, 1, 12, &out, &err));
	assert_int_equal(out.size, 18);
	assert_false(dc_frame_index_read(index, opened.dataset.source, 2, 12, &out, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	assert_false(dc_frame_index_read(index, opened.dataset.source, UINT32_MAX, 12, &out, &err));
	assert_int_equal(err.code, ERR_NOTFOUND);
	dc_frame_index_unref(index);
	close_bytes(&opened);
}

/* ---- Hostile bytes -------------------------------------------------------------- */

/* Reads all frames of what is there. Those that can be read begin like those of
 * the whole file: none takes the place of another. */
static void read_all(struct span bytes, const char *const frames[4], const char *name)
{
	struct opened opened;
	struct dc_frame_index *index;
	struct err err = {0};

	if (open_bytes(&opened, bytes) &&
	    dc_frame_index_build(&index, &opened.dataset, &opened.facts.image, &err)) {
		for (uint32_t frame = 0; frame < MIN_OF(opened.facts.image.frames, 4u); frame++) {
			struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
			uint8_t whole[256];

			if (!dc_frame_index_read(index, opened.dataset.source, frame, 1000, &out, &err))
				continue;
			if (frames == NULL || frames[frame] == NULL || frames[frame][0] == '!')
				continue;
			if (out.size > from_hex(frames[frame], whole) ||
			    memcmp(out.data, whole, out.size) != 0)
				fail_msg("%s: cut to %zu bytes, frame %u is another one", name,
					 bytes.size, frame + 1);
		}
		dc_frame_index_unref(index);
	}
	close_bytes(&opened);
}

static void cut_files_give_no_wrong_frame(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct recipe recipe CLEANUP_RECIPE = {0};

		/* Items that are not told apart by their bytes become one. */
		build_recipe(&recipe, table[i].recipe);
		for (size_t size = recipe.file.size; size > 400; size--) {
			uint8_t *exact CLEANUP_FREE = malloc(size);

			assert_non_null(exact);
			memcpy(exact, recipe.file.data, size);
			read_all(span_of(exact, size),
				 strstr(table[i].recipe, "1.2.8.1") == NULL ? table[i].frames : NULL,
				 table[i].name);
		}
	}
}

static void changed_bytes_do_no_harm(void **state)
{
	static const uint8_t changes[] = {0x01, 0x80, 0xff};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct recipe recipe CLEANUP_RECIPE = {0};

		build_recipe(&recipe, table[i].recipe);
		for (size_t at = 400; at < recipe.file.size; at++) {
			for (size_t k = 0; k < ARRAY_LEN(changes); k++) {
				recipe.file.data[at] ^= changes[k];
				read_all(buf_span(&recipe.file), NULL, table[i].name);
				recipe.file.data[at] ^= changes[k];
			}
		}
	}
}

/* ---- What it costs --------------------------------------------------------------- */

/* A file that is mostly not there: frames of one size, with or without table. */
struct sparse {
	struct dc_source base;
	uint64_t first, size; /* offset of the first fragment's item; bytes of a fragment */
	uint32_t count, per_frame;
	bool table;
	uint64_t read, reads;
};

static uint8_t sparse_byte(const struct sparse *s, uint64_t at)
{
	uint64_t item = (at - s->first) / (s->size + 8), in = (at - s->first) % (s->size + 8);
	uint8_t header[8] = {0xfe, 0xff, 0x00, 0xe0};

	if (at < s->first && at < 8) {
		uint32_t length = s->table ? 4 * (s->count / s->per_frame) : 0;

		memcpy(header + 4, &length, 4);
		return header[at];
	}
	if (at < s->first) {
		uint32_t offset = (uint32_t)((at - 8) / 4 * s->per_frame * (s->size + 8));

		return (uint8_t)(offset >> (8 * (at % 4)));
	}
	if (item >= s->count)
		return (const uint8_t[8]){0xfe, 0xff, 0xdd, 0xe0}[in];
	if (in < 8) {
		uint32_t length = (uint32_t)s->size;

		memcpy(header + 4, &length, 4);
		return header[in];
	}
	if (in - 8 < 3 && item % s->per_frame == 0)
		return (const uint8_t[3]){0xff, 0xd8, 0xff}[in - 8];
	if (in - 8 == 3)
		return (uint8_t)(item / s->per_frame);
	if (item % s->per_frame == s->per_frame - 1 && in - 8 >= s->size - 2)
		return in - 8 == s->size - 2 ? 0xff : 0xd9;
	return 0;
}

static bool sparse_read(struct dc_source *source, uint64_t offset, void *to, size_t size,
			size_t *got, struct err *err)
{
	struct sparse *s = (struct sparse *)source;

	(void)err;
	*got = (size_t)MIN_OF((uint64_t)size, s->base.size - MIN_OF(offset, s->base.size));
	for (size_t i = 0; i < *got; i++)
		((uint8_t *)to)[i] = sparse_byte(s, offset + i);
	s->read += *got;
	s->reads++;
	return true;
}

static void sparse_release(struct dc_source *source)
{
	(void)source;
}

static void costs_only_what_it_must(void **state)
{
	static const struct dc_source_ops ops = {.read_at = sparse_read, .release = sparse_release};
	static const struct {
		uint32_t count, per_frame;
		uint64_t size;
		bool table;
		uint64_t bytes, reads; /* at most, to build; to read a frame one more item */
	} costs[] = {
		{9000, 1, 200000, true, 36000 + 200, 6},
		{9000, 3, 200000, true, 12000 + 200, 6},
		{9000, 1, 200000, false, 9000 * 96 + 33000, 9010},
		{9000, 3, 200000, false, 9000 * 96 + 33000, 9010},
		{9000, 1, 100, false, 9000 * 108 + 64000, 60},
		/* Beyond 4 GiB the table cannot be right. */
		{90000, 3, 200000, false, 90000ull * 96 + 33000, 90010},
		{30000, 1, 200000, true, 30000ull * 100 + 120000 + 33000, 30010},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(costs); i++) {
		uint32_t frames = costs[i].count / costs[i].per_frame;
		struct sparse s = {
			.base.ops = &ops,
			.first = 8 + (costs[i].table ? 4ull * frames : 0),
			.size = costs[i].size,
			.count = costs[i].count,
			.per_frame = costs[i].per_frame,
			.table = costs[i].table,
		};
		struct dc_dataset dataset = {.source = &s.base};
		struct dc_image image = {.frames = frames};
		struct dc_frame_index *index;
		struct err err = {0};

		image.transfer_syntax = (uint16_t)(dc_transfer_syntax_find(span_of_text("1.2.840.10008.1.2.4.50")) -
						   dc_transfer_syntax_table);
		s.base.size = s.first + s.count * (s.size + 8) + 8;
		assert_true(dc_frame_index_build(&index, &dataset, &image, &err));
		if (s.read > costs[i].bytes || s.reads > costs[i].reads)
			fail_msg("row %zu: %llu bytes in %llu reads", i, (unsigned long long)s.read,
				 (unsigned long long)s.reads);
		assert_in_range(dc_frame_index_size(index), 1, 8 * (size_t)frames + 500);
		for (uint32_t frame = 0; frame < frames; frame += frames - 1) {
			struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

			s.read = 0;
			assert_true(dc_frame_index_read(index, &s.base, frame, 1 << 20, &out, &err));
			assert_int_equal(out.size, s.size * s.per_frame);
			assert_int_equal(out.data[3], (uint8_t)frame);
			assert_in_range(s.read, out.size, out.size + 100 * (s.per_frame + 1));
		}
		dc_frame_index_unref(index);
	}
}

/* ---- Threads ----------------------------------------------------------------------- */

#define THREADS 8

struct reader {
	pthread_t thread;
	struct span bytes;
	struct dc_frame_index *index;
	unsigned wrong;
};

static void *read_much(void *context)
{
	static const char *const frames[] = {A, B, C, A};
	struct reader *reader = context;
	struct dc_memory_source memory;

	dc_memory_source_init(&memory, reader->bytes);
	for (uint32_t i = 0; i < 200; i++) {
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		struct err err = {0};
		uint8_t bytes[16];
		size_t size = from_hex(frames[i % 4], bytes);

		if (!dc_frame_index_read(reader->index, &memory.base, i % 4, 1000, &out, &err) ||
		    !span_equals(buf_span(&out), span_of(bytes, size)) ||
		    dc_frame_index_size(reader->index) == 0)
			reader->wrong++;
	}
	dc_frame_index_unref(reader->index);
	return NULL;
}

/* The table is wrong in a place that only reading finds: all find it at once. */
static void threads_share_an_index(void **state)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct reader readers[THREADS];
	struct opened opened;
	struct dc_frame_index *index;
	struct err err = {0};

	(void)state;
	build_recipe(&recipe, JPEG("4") PIXELS TABLE("00 00 00 00 0E 00 00 00 1E 00 00 00 2A 00 00 00")
		     ITEM(A) ITEM(B) ITEM(C) ITEM(A) END);
	for (int round = 0; round < 20; round++) {
		assert_true(open_bytes(&opened, buf_span(&recipe.file)));
		assert_true(dc_frame_index_build(&index, &opened.dataset, &opened.facts.image, &err));
		for (size_t i = 0; i < THREADS; i++) {
			readers[i] = (struct reader){.bytes = buf_span(&recipe.file),
						     .index = dc_frame_index_ref(index)};
			assert_int_equal(pthread_create(&readers[i].thread, NULL, read_much,
							&readers[i]), 0);
		}
		dc_frame_index_unref(index);
		for (size_t i = 0; i < THREADS; i++) {
			assert_int_equal(pthread_join(readers[i].thread, NULL), 0);
			assert_int_equal(readers[i].wrong, 0);
		}
		close_bytes(&opened);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frames_are_found),
		cmocka_unit_test(limits_hold),
		cmocka_unit_test(cut_files_give_no_wrong_frame),
		cmocka_unit_test(changed_bytes_do_no_harm),
		cmocka_unit_test(costs_only_what_it_must),
		cmocka_unit_test(threads_share_an_index),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
