/* SPDX-License-Identifier: MIT */
#include "tests/tools/recipe.h"

#include <errno.h>

#include "tests/tools/dicom-write.h"
#include "tests/tools/recipe-scan.h"

#define SECONDARY_CAPTURE "1.2.840.10008.5.1.4.1.1.7"
#define NO_LENGTH (-1)

struct flags {
	bool undefined, open, odd, fragments, item;
	int64_t length; /* to write; NO_LENGTH: the true one */
	char stored_vr[3];
	int encoding; /* of this header; -1: the writer's */
};

struct builder {
	struct recipe *recipe;
	struct buf *out;
	struct dw_writer writer;
	struct flags open_flags[DW_MAX_DEPTH]; /* of each open sequence, item, fragments */
	char sop_class[72];
	size_t deflate_from; /* SIZE_MAX: nowhere */
	int64_t truncate;    /* 0: not at all */
};

/* ---- Flags and values -------------------------------------------------- */

static bool scan_stored_vr(struct span word, char vr[static 3], struct err *err)
{
	CLEANUP_BUF struct buf bytes = buf_empty(BUF_NO_LIMIT);
	struct scanner inner = {(const char *)word.data, (const char *)word.data + word.size};
	struct dw_writer writer;

	if (word.size > 0 && word.data[0] == '<') {
		dw_init(&writer, &bytes, DW_EXPLICIT_LE);
		if (!scan_value(&inner, "OB", &writer, &bytes, err))
			return false;
		word = buf_span(&bytes);
	}
	if (word.size != 2)
		return err_set(err, ERR_USAGE, "as= wants two characters");
	memcpy(vr, word.data, 2);
	vr[2] = '\0';
	return true;
}

static bool scan_flags(struct scanner *scanner, struct flags *flags, struct err *err)
{
	struct span word;

	*flags = (struct flags){.length = NO_LENGTH, .encoding = -1};
	for (;;) {
		if (scan_this(scanner, "undefined")) {
			flags->undefined = true;
		} else if (scan_this(scanner, "open")) {
			flags->open = true;
		} else if (scan_this(scanner, "odd")) {
			flags->odd = true;
		} else if (scan_this(scanner, "fragments")) {
			flags->fragments = true;
		} else if (scan_this(scanner, "implicit")) {
			flags->encoding = DW_IMPLICIT_LE;
		} else if (scan_this(scanner, "explicit")) {
			flags->encoding = DW_EXPLICIT_LE;
		} else if (scan_prefixed(scanner, "length=", &word)) {
			if (!scan_integer(word, &flags->length))
				return err_set(err, ERR_USAGE, "length= wants a number");
		} else if (scan_prefixed(scanner, "as=", &word)) {
			if (!scan_stored_vr(word, flags->stored_vr, err))
				return false;
		} else {
			return true;
		}
	}
}

static bool scan_end(struct scanner *scanner, struct err *err)
{
	struct span word;

	if (scan_at_end(scanner))
		return true;
	word = scan_word(scanner);
	return err_set(err, ERR_USAGE, "\"%.*s\" is too much", (int)word.size,
		       (const char *)word.data);
}

static uint32_t written_length(const struct flags *flags, size_t size)
{
	if (flags->length != NO_LENGTH)
		return (uint32_t)flags->length;
	return flags->undefined ? DW_UNDEFINED : (uint32_t)size;
}

static void put_header(struct builder *b, uint32_t tag, const char *vr, const struct flags *flags,
		       uint32_t length)
{
	enum dw_encoding encoding = b->writer.encoding;

	if (flags->encoding >= 0)
		b->writer.encoding = (enum dw_encoding)flags->encoding;
	dw_header(&b->writer, tag, vr, flags->stored_vr[0] != '\0' ? flags->stored_vr : NULL,
		  length);
	b->writer.encoding = encoding;
}

static bool put_value(struct builder *b, struct scanner *scanner, uint32_t tag, const char *vr,
		      const struct flags *flags, struct err *err)
{
	CLEANUP_BUF struct buf value = buf_empty(BUF_NO_LIMIT);
	bool text = dw_unit(vr) == 1 && strcmp(vr, "OB") != 0 && strcmp(vr, "UI") != 0 &&
		    strcmp(vr, "UN") != 0 && *vr != '\0';

	if (!scan_value(scanner, vr, &b->writer, &value, err))
		return false;
	if (value.size % 2 != 0 && !flags->odd)
		buf_append_byte(&value, text ? ' ' : '\0');
	put_header(b, tag, vr, flags, written_length(flags, value.size));
	buf_append(b->out, value.data, value.size);
	return true;
}

/* ---- Blocks ------------------------------------------------------------ */

static bool open_block(struct builder *b, uint32_t tag, const char *vr, const struct flags *flags,
		       struct err *err)
{
	struct dw_writer *writer = &b->writer;

	if (writer->depth == DW_MAX_DEPTH)
		return err_set(err, ERR_LIMIT, "too many blocks in each other");
	b->open_flags[writer->depth] = *flags;
	put_header(b, tag, vr, flags, written_length(flags, 0));
	writer->levels[writer->depth++] = (struct dw_level){
		.length_at = b->out->size - 4,
		.start = b->out->size,
		.undefined = flags->undefined || flags->fragments,
		.encoding = writer->encoding,
	};
	return true;
}

static bool close_block(struct builder *b, struct err *err)
{
	struct dw_writer *writer = &b->writer;
	const struct flags *flags;

	if (writer->depth == 0)
		return err_set(err, ERR_USAGE, "} without {");
	flags = &b->open_flags[writer->depth - 1];
	if (flags->open || (flags->length != NO_LENGTH && !flags->undefined))
		dw_leave_open(writer);
	else if (flags->item)
		dw_item_end(writer);
	else
		dw_sequence_end(writer);
	return true;
}

static bool do_item(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct flags flags;

	if (!scan_flags(scanner, &flags, err))
		return false;
	if (!scan_this(scanner, "{"))
		return put_value(b, scanner, DW_TAG(0xfffe, 0xe000), "", &flags, err);
	flags.item = true;
	return open_block(b, DW_TAG(0xfffe, 0xe000), "", &flags, err) && scan_end(scanner, err);
}

static bool do_element(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct flags flags;
	struct span word;
	uint32_t tag;
	char vr[3];

	if (!scan_tag(scanner, &tag, err))
		return false;
	word = scan_word(scanner);
	if (word.size != 2)
		return err_set(err, ERR_USAGE, "a VR has two letters");
	memcpy(vr, word.data, 2);
	vr[2] = '\0';
	if (!scan_flags(scanner, &flags, err))
		return false;
	if (!scan_this(scanner, "{"))
		return put_value(b, scanner, tag, vr, &flags, err);
	if (flags.fragments)
		flags.undefined = true;
	return open_block(b, tag, vr, &flags, err) && scan_end(scanner, err);
}

static bool do_nest(struct builder *b, struct scanner *scanner, struct err *err)
{
	int64_t count;
	uint32_t tag;
	bool closed;

	if (!scan_next_integer(scanner, &count, err) || !scan_tag(scanner, &tag, err))
		return false;
	closed = scan_this(scanner, "closed");
	for (int64_t i = 0; i < count; i++) {
		dw_header(&b->writer, tag, "SQ", NULL, DW_UNDEFINED);
		dw_header(&b->writer, DW_TAG(0xfffe, 0xe000), "", NULL, DW_UNDEFINED);
	}
	for (int64_t i = 0; closed && i < count; i++) {
		dw_header(&b->writer, DW_TAG(0xfffe, 0xe00d), "", NULL, 0);
		dw_header(&b->writer, DW_TAG(0xfffe, 0xe0dd), "", NULL, 0);
	}
	return scan_end(scanner, err);
}

/* ---- Other statements -------------------------------------------------- */

static bool do_preamble(struct builder *b, struct scanner *scanner, struct err *err)
{
	CLEANUP_BUF struct buf start = buf_empty(128);

	if (!scan_value(scanner, "OB", &b->writer, &start, err))
		return false;
	dw_preamble(b->out, NULL);
	if (start.size > 0 && b->out->failure == ERR_NONE)
		memcpy(b->out->data + b->out->size - 132, start.data, start.size);
	return true;
}

static bool do_meta(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct span uid = scan_word(scanner), class = scan_word(scanner);
	char text[72];

	(void)snprintf(text, sizeof(text), "%.*s", (int)MIN_OF(uid.size, (size_t)64),
		       (const char *)uid.data);
	if (class.size > 0)
		(void)snprintf(b->sop_class, sizeof(b->sop_class), "%.*s",
			       (int)MIN_OF(class.size, (size_t)64), (const char *)class.data);
	dw_meta(b->out, b->sop_class, "2.25.1", text);
	return scan_end(scanner, err);
}

static bool do_encoding(struct builder *b, struct scanner *scanner, struct err *err)
{
	static const char *const names[] = {
		[DW_IMPLICIT_LE] = "implicit-le",
		[DW_EXPLICIT_LE] = "explicit-le",
		[DW_EXPLICIT_BE] = "explicit-be",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		if (scan_this(scanner, names[i])) {
			b->writer.encoding = (enum dw_encoding)i;
			return scan_end(scanner, err);
		}
	}
	return err_set(err, ERR_USAGE, "no such encoding");
}

static bool do_deflate(struct builder *b, struct scanner *scanner, struct err *err)
{
	b->deflate_from = b->out->size;
	return scan_end(scanner, err);
}

static bool do_object(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct span uid = scan_word(scanner);

	if (uid.size > 0)
		(void)snprintf(b->sop_class, sizeof(b->sop_class), "%.*s",
			       (int)MIN_OF(uid.size, (size_t)64), (const char *)uid.data);
	dw_text(&b->writer, DW_TAG(8, 0x16), "UI", b->sop_class);
	dw_text(&b->writer, DW_TAG(8, 0x18), "UI", "2.25.1");
	dw_text(&b->writer, DW_TAG(8, 0x60), "CS", "OT");
	return scan_end(scanner, err);
}

static bool do_patient(struct builder *b, struct scanner *scanner, struct err *err)
{
	dw_text(&b->writer, DW_TAG(0x10, 0x10), "PN", "Doe^Jane");
	dw_text(&b->writer, DW_TAG(0x10, 0x20), "LO", "PAT001");
	return scan_end(scanner, err);
}

static bool do_study(struct builder *b, struct scanner *scanner, struct err *err)
{
	dw_text(&b->writer, DW_TAG(0x20, 0x0d), "UI", "2.25.2");
	dw_text(&b->writer, DW_TAG(0x20, 0x0e), "UI", "2.25.3");
	dw_text(&b->writer, DW_TAG(0x20, 0x11), "IS", "1");
	dw_text(&b->writer, DW_TAG(0x20, 0x13), "IS", "1");
	return scan_end(scanner, err);
}

static bool do_image(struct builder *b, struct scanner *scanner, struct err *err)
{
	int64_t rows, columns, bits;
	uint16_t allocated;

	if (!scan_next_integer(scanner, &rows, err) || !scan_next_integer(scanner, &columns, err) ||
	    !scan_next_integer(scanner, &bits, err))
		return false;
	allocated = (uint16_t)(bits == 1 ? 1 : (bits + 7) / 8 * 8);
	dw_number(&b->writer, DW_TAG(0x28, 2), "US", 1);
	dw_text(&b->writer, DW_TAG(0x28, 4), "CS", "MONOCHROME2");
	dw_number(&b->writer, DW_TAG(0x28, 0x10), "US", (uint16_t)rows);
	dw_number(&b->writer, DW_TAG(0x28, 0x11), "US", (uint16_t)columns);
	dw_number(&b->writer, DW_TAG(0x28, 0x100), "US", allocated);
	dw_number(&b->writer, DW_TAG(0x28, 0x101), "US", (uint16_t)bits);
	dw_number(&b->writer, DW_TAG(0x28, 0x102), "US", (uint16_t)(bits - 1));
	dw_number(&b->writer, DW_TAG(0x28, 0x103), "US", 0);
	return scan_end(scanner, err);
}

static bool do_bytes(struct builder *b, struct scanner *scanner, struct err *err)
{
	return scan_value(scanner, "OB", &b->writer, b->out, err);
}

static bool do_truncate(struct builder *b, struct scanner *scanner, struct err *err)
{
	return scan_next_integer(scanner, &b->truncate, err) && scan_end(scanner, err);
}

static bool do_needs(struct builder *b, struct scanner *scanner, struct err *err)
{
	b->recipe->needs = scan_word(scanner);
	return scan_end(scanner, err);
}

static bool do_expect(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct recipe *recipe = b->recipe;
	struct span *text;

	if (recipe->expectation_count == RECIPE_MAX_EXPECTATIONS)
		return err_set(err, ERR_LIMIT, "too many expectations");
	(void)scan_at_end(scanner);
	text = &recipe->expectations[recipe->expectation_count++].text;
	*text = span_of(scanner->at, (size_t)(scanner->end - scanner->at));
	while (text->size > 0 && text->data[text->size - 1] == ' ')
		text->size--;
	return true;
}

static const struct statement {
	const char *word;
	bool (*run)(struct builder *builder, struct scanner *scanner, struct err *err);
} statements[] = {
	{"bytes", do_bytes},       {"deflate", do_deflate},   {"encoding", do_encoding},
	{"expect", do_expect},     {"image", do_image},       {"item", do_item},
	{"meta", do_meta},         {"needs", do_needs},       {"nest", do_nest},
	{"object", do_object},     {"patient", do_patient},   {"preamble", do_preamble},
	{"study", do_study},       {"truncate", do_truncate},
};

static bool run_line(struct builder *b, struct scanner *scanner, struct err *err)
{
	struct scanner ahead = *scanner;
	struct span word;

	if (scan_at_end(scanner))
		return true;
	if (*scanner->at == '(')
		return do_element(b, scanner, err);
	word = scan_word(&ahead);
	if (span_equals_text(word, "}")) {
		*scanner = ahead;
		return close_block(b, err) && scan_end(scanner, err);
	}
	for (size_t i = 0; i < ARRAY_LEN(statements); i++) {
		if (span_equals_text(word, statements[i].word)) {
			*scanner = ahead;
			return statements[i].run(b, scanner, err);
		}
	}
	return err_set(err, ERR_USAGE, "no such statement: \"%.*s\"", (int)word.size,
		       (const char *)word.data);
}

static bool finish(struct builder *b, struct err *err)
{
	if (b->writer.depth > 0)
		return err_set(err, ERR_USAGE, "a block is not closed");
	if (b->deflate_from != SIZE_MAX)
		dw_deflate(b->out, b->deflate_from);
	if (b->truncate > 0)
		buf_truncate(b->out, (size_t)b->truncate);
	if (b->truncate < 0 && (size_t)-b->truncate <= b->out->size)
		buf_truncate(b->out, b->out->size - (size_t)-b->truncate);
	return buf_ok(b->out, err);
}

/* Of a line and those that it goes on in; lines: how many that are. */
static const char *line_end(const char *at, const char *end, unsigned *lines)
{
	const char *newline;

	for (*lines = 1;; ++*lines) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline == NULL)
			return end;
		if (newline == at || newline[-1] != '\\')
			return newline;
		at = newline + 1;
	}
}

bool recipe_build(struct recipe *recipe, struct span text, struct err *err)
{
	struct builder b = {
		.recipe = recipe,
		.out = &recipe->file,
		.sop_class = SECONDARY_CAPTURE,
		.deflate_from = SIZE_MAX,
	};
	const char *at = (const char *)text.data, *end = at + text.size;
	unsigned lines;

	recipe->file = buf_empty(BUF_NO_LIMIT);
	recipe->needs = span_of(NULL, 0);
	recipe->expectation_count = 0;
	dw_init(&b.writer, b.out, DW_EXPLICIT_LE);
	for (unsigned line = 1; at < end; line += lines) {
		const char *newline = line_end(at, end, &lines);
		struct scanner scanner = {at, newline};
		size_t before = recipe->expectation_count;

		if (!run_line(&b, &scanner, err))
			return err_prefix(err, "line %u", line);
		if (recipe->expectation_count > before)
			recipe->expectations[before].line = line;
		at = newline < end ? newline + 1 : end;
	}
	return finish(&b, err);
}

void recipe_release(struct recipe *recipe)
{
	buf_release(&recipe->file);
}

bool recipe_read_file(const char *path, struct buf *out, struct err *err)
{
	FILE *file = fopen(path, "re");
	char bytes[8192];
	size_t got;
	bool failed;

	if (file == NULL)
		return err_set_sys(err, errno, "%s", path);
	while ((got = fread(bytes, 1, sizeof(bytes), file)) > 0)
		buf_append(out, bytes, got);
	failed = ferror(file) != 0;
	(void)fclose(file);
	if (failed)
		return err_set(err, ERR_IO, "%s: cannot be read", path);
	return buf_ok(out, err);
}
