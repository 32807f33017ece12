/* SPDX-License-Identifier: MIT */
#include "tests/unit/case-check.h"

#include "render/codecs.h"
#include "tests/tools/recipe-scan.h"
#include "tests/unit/case-run.h"

#include <png.h>

/* What is being checked: the run, and what was expected so far. */
struct check {
	struct case_run run;
	struct buf *problem;
	bool error, warning, damage; /* there was a line about it */
	uint32_t failing_frames;     /* bits of the first 32 */
};

static PRINTF_LIKE(2, 3) bool wrong(struct check *c, const char *format, ...)
{
	char text[2048];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	buf_append_text(c->problem, text);
	return false;
}

static struct span rest_of(struct scanner *scanner)
{
	(void)scan_at_end(scanner);
	return span_of(scanner->at, (size_t)(scanner->end - scanner->at));
}

static bool contains(const char *text, struct span part)
{
	return part.size == 0 || memmem(text, strlen(text), part.data, part.size) != NULL;
}

/* ---- Errors ------------------------------------------------------------ */

static bool check_err(struct check *c, struct scanner *scanner, const char *what,
		      const struct err *err)
{
	struct span code = scan_word(scanner), text = rest_of(scanner);

	if (span_equals_text(code, err_code_name(err->code)) && contains(err->message, text))
		return true;
	return wrong(c, "%s is %s: \"%s\"", what, err_code_name(err->code),
		     err->code == ERR_NONE ? "" : err->message);
}

static bool check_error(struct check *c, struct scanner *scanner)
{
	c->error = true;
	return check_err(c, scanner, "error", &c->run.error);
}

static bool check_damage(struct check *c, struct scanner *scanner)
{
	c->damage = true;
	return check_err(c, scanner, "damage", &c->run.damage);
}

static bool check_note(struct check *c, struct scanner *scanner)
{
	return check_err(c, scanner, "note", &c->run.measured.note);
}

static bool check_warning(struct check *c, struct scanner *scanner)
{
	const char *warning = c->run.dataset.layout.warning;

	c->warning = true;
	if (warning[0] != '\0' && contains(warning, rest_of(scanner)))
		return true;
	return wrong(c, "warning is \"%s\"", warning);
}

/* ---- Layout and facts -------------------------------------------------- */

static bool check_layout(struct check *c, struct scanner *scanner)
{
	const struct dc_layout *layout = &c->run.dataset.layout;
	const struct {
		const char *word;
		bool is;
	} rows[] = {
		{"preamble", layout->preamble},
		{"meta", layout->meta},
		{"guessed", layout->guessed},
		{"dicomdir", layout->dicomdir},
		{"unknown-syntax", layout->unknown_syntax},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (scan_this(scanner, rows[i].word) != rows[i].is)
			return wrong(c, "layout is %s%s", rows[i].is ? "" : "not ", rows[i].word);
	return scan_at_end(scanner) || wrong(c, "layout has no such word, or not in this order");
}

static bool check_encoding(struct check *c, struct scanner *scanner)
{
	const struct dc_transfer_syntax *encoding = c->run.dataset.layout.encoding;
	const char *name = encoding->big_endian    ? "explicit-be"
			   : encoding->explicit_vr ? "explicit-le"
						   : "implicit-le";

	return span_equals_text(scan_word(scanner), name) || wrong(c, "encoding is %s", name);
}

static bool check_fact(struct check *c, struct scanner *scanner)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);
	struct span keyword = scan_word(scanner);
	struct dw_writer writer;
	struct err err;

	for (int i = 0; i < DC_FACT_COUNT; i++) {
		const char *fact = c->run.facts.fact[i];

		if (!span_equals_text(keyword, dc_fact_table[i].keyword))
			continue;
		if (scan_this(scanner, "none"))
			return fact == NULL || wrong(c, "it is \"%s\"", fact);
		dw_init(&writer, &text, DW_EXPLICIT_LE);
		if (!scan_value(scanner, "LT", &writer, &text, &err))
			return wrong(c, "%s", err.message);
		if (fact == NULL)
			return wrong(c, "it is absent");
		return strcmp(fact, buf_text(&text)) == 0 || wrong(c, "it is \"%s\"", fact);
	}
	return wrong(c, "there is no such fact");
}

static bool image_field(const struct dc_image *image, struct span key, int64_t *value)
{
	const struct {
		const char *key;
		int64_t value;
	} rows[] = {
		{"rows", image->rows},
		{"columns", image->columns},
		{"frames", image->frames},
		{"samples", image->samples},
		{"allocated", image->bits_allocated},
		{"stored", image->bits_stored},
		{"high", image->high_bit},
		{"signed", image->pixel_representation},
		{"offset", (int64_t)image->offset},
		{"length", (int64_t)image->length},
		{"declared", (int64_t)image->declared_length},
		{"encapsulated", (image->flags & DC_IMAGE_ENCAPSULATED) != 0},
		{"truncated", (image->flags & DC_IMAGE_TRUNCATED) != 0},
		{"big-endian", (image->flags & DC_IMAGE_BIG_ENDIAN) != 0},
		{"deflated", (image->flags & DC_IMAGE_DEFLATED) != 0},
		{"overlay", (image->flags & DC_IMAGE_OVERLAY) != 0},
		{"palette", (image->flags & DC_IMAGE_PALETTE) != 0},
		{"pixels", image->pixel_tag != 0},
		{"slope-thousandths", (int64_t)(image->slope * 1000)},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (span_equals_text(key, rows[i].key)) {
			*value = rows[i].value;
			return true;
		}
	}
	return false;
}

static bool check_image(struct check *c, struct scanner *scanner)
{
	while (!scan_at_end(scanner)) {
		struct span word = scan_word(scanner);
		const uint8_t *equals = memchr(word.data, '=', word.size);
		int64_t expected, value;
		size_t key;

		if (equals == NULL)
			return wrong(c, "expected KEY=NUMBER");
		key = (size_t)(equals - word.data);
		if (!image_field(&c->run.facts.image, span_of(word.data, key), &value) ||
		    !scan_integer(span_of(equals + 1, word.size - key - 1), &expected))
			return wrong(c, "no such field, or no number");
		if (value != expected)
			return wrong(c, "%.*s is %lld", (int)key, (const char *)word.data,
				     (long long)value);
	}
	return true;
}

/* ---- Files ------------------------------------------------------------- */

static struct span next_line(struct span *rest)
{
	const uint8_t *newline = memchr(rest->data, '\n', rest->size);
	size_t size = newline == NULL ? rest->size : (size_t)(newline - rest->data);
	struct span line = span_of(rest->data, size);

	*rest = span_of(rest->data + size, rest->size - size);
	if (rest->size > 0)
		*rest = span_of(rest->data + 1, rest->size - 1);
	if (line.size > 0 && line.data[line.size - 1] == ',')
		line.size--;
	return line;
}

static bool check_json(struct check *c, struct scanner *scanner)
{
	struct span expected = rest_of(scanner), rest = buf_span(&c->run.json);

	while (rest.size > 0)
		if (span_equals(next_line(&rest), expected))
			return true;
	return wrong(c, "json is\n%s", buf_text(&c->run.json));
}

static bool check_no_json(struct check *c, struct scanner *scanner)
{
	struct span key = rest_of(scanner), rest = buf_span(&c->run.json);

	while (rest.size > 0) {
		struct span line = next_line(&rest);

		if (line.size >= key.size && memcmp(line.data, key.data, key.size) == 0)
			return wrong(c, "json is\n%s", buf_text(&c->run.json));
	}
	return c->run.json.size > 0 || wrong(c, "there is no json");
}

static bool check_kinds(struct check *c, struct scanner *scanner)
{
	uint32_t expected = 0;

	while (!scan_at_end(scanner)) {
		const struct rn_kind *kind = rn_kind_find(scan_word(scanner));

		if (kind == NULL)
			return wrong(c, "no such kind");
		expected |= 1u << kind->number;
	}
	if (c->run.measured.kinds == expected)
		return true;
	return wrong(c, "kinds are 0x%x, note is %s", c->run.measured.kinds,
		     c->run.measured.note.code == ERR_NONE ? "none" : c->run.measured.note.message);
}

static bool read_png(struct check *c, struct span file, struct buf *pixels)
{
	png_image image = {.version = PNG_IMAGE_VERSION};
	uint8_t *to;

	if (!png_image_begin_read_from_memory(&image, file.data, file.size))
		return wrong(c, "libpng: %s", image.message);
	image.format =
		(image.format & PNG_FORMAT_FLAG_COLOR) != 0 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
	to = buf_extend(pixels, PNG_IMAGE_SIZE(image));
	if (to != NULL && png_image_finish_read(&image, NULL, to, 0, NULL))
		return true;
	png_image_free(&image);
	return wrong(c, "libpng: %s", image.message);
}

static bool is_within(struct span pixels, struct span expected, int64_t most)
{
	if (pixels.size != expected.size)
		return false;
	for (size_t i = 0; i < pixels.size; i++)
		if (abs(pixels.data[i] - expected.data[i]) > most)
			return false;
	return true;
}

static bool scan_bytes(struct check *c, struct scanner *scanner, struct buf *bytes)
{
	struct dw_writer writer;
	struct err err;

	dw_init(&writer, bytes, DW_EXPLICIT_LE);
	return scan_value(scanner, "OB", &writer, bytes, &err) || wrong(c, "%s", err.message);
}

static bool check_bytes(struct check *c, const char *what, struct span bytes,
			struct span expected, int64_t within)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);

	if (is_within(bytes, expected, within))
		return true;
	for (size_t i = 0; i < bytes.size && i < 256; i++)
		buf_printf(&text, "%02X ", bytes.data[i]);
	return wrong(c, "%s: %zu bytes, <%s>", what, bytes.size, buf_text(&text));
}

/* The frame of a line. made is false, with err set, when it has no picture. */
static bool make_png(struct check *c, struct scanner *scanner, int64_t *frame, struct buf *file,
		     bool *made, struct err *err)
{
	if (!scan_next_integer(scanner, frame, err))
		return wrong(c, "%s", err->message);
	if ((c->run.measured.kinds & 1u << RN_KIND_PNG) == 0)
		return wrong(c, "there is no png: %s", c->run.measured.note.message);
	err_clear(err);
	*made = case_produce(&c->run, RN_KIND_PNG, (uint32_t)*frame, file, err);
	return true;
}

static bool check_png(struct check *c, struct scanner *scanner)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf pixels = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf expected = buf_empty(BUF_NO_LIMIT);
	int64_t frame, within = 0;
	struct err err;
	bool made;

	if (!make_png(c, scanner, &frame, &file, &made, &err))
		return false;
	if (scan_this(scanner, "error")) {
		if (frame < 32)
			c->failing_frames |= 1u << frame;
		return check_err(c, scanner, "png", &err);
	}
	if (!made)
		return wrong(c, "png: %s", err.message);
	if (scan_this(scanner, "within") && !scan_next_integer(scanner, &within, &err))
		return wrong(c, "%s", err.message);
	return scan_bytes(c, scanner, &expected) && read_png(c, buf_span(&file), &pixels) &&
	       check_bytes(c, "pixels", buf_span(&pixels), buf_span(&expected), within);
}

/* What a chunk has in it; data is NULL when there is none. */
static struct span find_chunk(struct span png, struct span name)
{
	for (size_t at = 8; png.size - at >= 12;) {
		uint32_t size = load_u32(png.data + at, true);

		if (size > png.size - at - 12)
			break;
		if (span_equals(span_of(png.data + at + 4, 4), name))
			return span_of(png.data + at + 8, size);
		at += 12u + size;
	}
	return span_of(NULL, 0);
}

static bool check_chunk(struct check *c, struct scanner *scanner)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf expected = buf_empty(BUF_NO_LIMIT);
	struct span chunk;
	int64_t frame;
	struct err err;
	bool made;

	if (!make_png(c, scanner, &frame, &file, &made, &err))
		return false;
	if (!made)
		return wrong(c, "png: %s", err.message);
	chunk = find_chunk(buf_span(&file), scan_word(scanner));
	if (scan_this(scanner, "none"))
		return chunk.data == NULL || wrong(c, "there is one");
	if (chunk.data == NULL)
		return wrong(c, "there is none");
	return scan_this(scanner, "some") ||
	       (scan_bytes(c, scanner, &expected) &&
		check_bytes(c, "chunk", chunk, buf_span(&expected), 0));
}

/* ---- All expectations -------------------------------------------------- */

static const struct expectation {
	const char *word;
	bool (*check)(struct check *check, struct scanner *scanner);
	bool opened; /* needs a data set that could be opened */
} expectations[] = {
	{"chunk", check_chunk, true},   {"damage", check_damage, true},
	{"encoding", check_encoding, true}, {"error", check_error, false},
	{"fact", check_fact, true},     {"image", check_image, true},
	{"json", check_json, true},     {"kinds", check_kinds, true},
	{"layout", check_layout, true}, {"no-json", check_no_json, true},
	{"note", check_note, true},     {"png", check_png, true},
	{"warning", check_warning, true},
};

static bool check_one(struct check *c, struct span text)
{
	struct scanner scanner = {(const char *)text.data, (const char *)text.data + text.size};
	struct span word = scan_word(&scanner);

	for (size_t i = 0; i < ARRAY_LEN(expectations); i++) {
		if (!span_equals_text(word, expectations[i].word))
			continue;
		if (expectations[i].opened && !c->run.opened)
			return wrong(c, "not opened: %s", c->run.error.message);
		return expectations[i].check(c, &scanner);
	}
	return wrong(c, "there is no such expectation");
}

/* What a recipe need not say: nothing is wrong but what it said. */
static bool check_rest(struct check *c)
{
	if (!c->run.opened)
		return c->error || wrong(c, "not opened: %s", c->run.error.message);
	if (c->run.damage.code != ERR_NONE && !c->damage)
		return wrong(c, "damage: %s", c->run.damage.message);
	if (c->run.dataset.layout.warning[0] != '\0' && !c->warning)
		return wrong(c, "warning: %s", c->run.dataset.layout.warning);
	if ((c->run.measured.kinds & 1u << RN_KIND_PNG) == 0)
		return true;
	for (uint32_t frame = 0; frame < MIN_OF(c->run.facts.image.frames, 32); frame++) {
		CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
		struct err err;

		if ((c->failing_frames & 1u << frame) == 0 &&
		    !case_produce(&c->run, RN_KIND_PNG, frame, &file, &err))
			return wrong(c, "png of frame %u: %s", frame, err.message);
	}
	return true;
}

bool case_has_needs(const struct recipe *recipe)
{
	CLEANUP_BUF struct buf libraries = buf_empty(BUF_NO_LIMIT);

	rn_codec_libraries(&libraries);
	return recipe->needs.size == 0 || contains(buf_text(&libraries), recipe->needs);
}

bool case_check(const struct recipe *recipe, struct buf *problem)
{
	struct check c = {.problem = problem};
	bool ok = case_run(&c.run, buf_span(&recipe->file), problem);

	for (size_t i = 0; ok && i < recipe->expectation_count; i++) {
		struct span text = recipe->expectations[i].text;

		buf_printf(problem, "line %u: expect %.*s\n    ", recipe->expectations[i].line,
			   (int)text.size, (const char *)text.data);
		ok = check_one(&c, text);
		if (ok)
			buf_truncate(problem, 0);
	}
	if (ok)
		ok = check_rest(&c);
	case_run_release(&c.run);
	return ok;
}

bool case_survives(struct span file, struct buf *problem)
{
	/* A copy of the exact size, so that a sanitizer sees reads past its end. */
	CLEANUP_FREE uint8_t *copy = malloc(file.size > 0 ? file.size : 1);
	CLEANUP_CASE_RUN struct case_run run = {0};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err;

	if (copy == NULL)
		return true;
	if (file.size > 0)
		memcpy(copy, file.data, file.size);
	if (!case_run(&run, span_of(copy, file.size), problem))
		return false;
	/* It may fail; a picture of another size than promised may not come out. */
	if (run.opened && (run.measured.kinds & 1u << RN_KIND_PNG) != 0)
		(void)!case_produce(&run, RN_KIND_PNG, 0, &out, &err);
	return true;
}
