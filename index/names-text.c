/* SPDX-License-Identifier: MIT */
#include "index/names-text.h"

#include <utf8proc.h>

/* Code points that go, first and last of each range, ascending. Fixed here and
 * not asked of the library, whose categories grow with each Unicode version. */
struct range {
	uint32_t first, last;
};

static const struct range replaced[] = {
	{0x0000, 0x001f},   {0x007f, 0x009f},   /* controls */
	{0x00ad, 0x00ad},   {0x034f, 0x034f},   /* soft hyphen, grapheme joiner */
	{0x061c, 0x061c},   {0x115f, 0x1160},   /* Arabic letter mark, Hangul fillers */
	{0x17b4, 0x17b5},   {0x180e, 0x180e},   /* invisible vowels and separator */
	{0x200b, 0x200f},   {0x2028, 0x202e},   /* zero width, bidi, line separators */
	{0x2060, 0x206f},   {0x3164, 0x3164},   /* invisible operators, isolates, filler */
	{0xe000, 0xf8ff},   {0xfdd0, 0xfdef},   /* private use, noncharacters */
	{0xfeff, 0xfeff},   {0xffa0, 0xffa0},   /* byte order mark, half-width filler */
	{0xfff0, 0xffff},   {0x1bca0, 0x1bca3}, /* specials with U+FFFD, shorthand controls */
	{0x1d173, 0x1d17a}, {0xe0000, 0xe00ff}, /* musical controls, tags */
	{0xe01f0, 0xe0fff}, {0xf0000, 0x10ffff},
};

static const struct range spaces[] = {
	{0x0020, 0x0020}, {0x00a0, 0x00a0}, {0x1680, 0x1680}, {0x2000, 0x200a},
	{0x202f, 0x202f}, {0x205f, 0x205f}, {0x3000, 0x3000},
};

static const struct range variation_selectors[] = {
	{0x180b, 0x180d},
	{0x180f, 0x180f},
	{0xfe00, 0xfe0f},
	{0xe0100, 0xe01ef},
};

/* Not marks by category, but they change what stands in front of them. */
static const struct range joined[] = {
	{0x1161, 0x11ff},   /* Hangul vowels and finals */
	{0xd7b0, 0xd7ff},   /* more of them */
	{0x1f3fb, 0x1f3ff}, /* skin tones */
};

static bool in_ranges(uint32_t code, const struct range *ranges, size_t count)
{
	for (size_t i = 0; i < count && code >= ranges[i].first; i++)
		if (code <= ranges[i].last)
			return true;
	return false;
}
#define IN(code, ranges) in_ranges((code), (ranges), ARRAY_LEN(ranges))

static bool is_mark(uint32_t code)
{
	utf8proc_category_t category = utf8proc_category((utf8proc_int32_t)code);

	return category == UTF8PROC_CATEGORY_MN || category == UTF8PROC_CATEGORY_MC ||
	       category == UTF8PROC_CATEGORY_ME;
}

static bool is_forbidden(uint32_t code)
{
	if (code < 0x80 && code != 0 && strchr("/\\:*?\"<>|;$^'`", (int)code) != NULL)
		return true;
	/* The last two of every plane are noncharacters. */
	return (code & 0xfffe) == 0xfffe || IN(code, replaced);
}

/* One character of text at *at; U+FFFD and one byte on for what is none. */
static uint32_t next_character(struct span text, size_t *at)
{
	utf8proc_int32_t code;
	utf8proc_ssize_t size =
		utf8proc_iterate(text.data + *at, (utf8proc_ssize_t)(text.size - *at), &code);

	if (size <= 0) {
		*at += 1;
		return 0xfffd;
	}
	*at += (size_t)size;
	return (uint32_t)code;
}

static size_t put_character(uint32_t code, char *to)
{
	return (size_t)utf8proc_encode_char((utf8proc_int32_t)code, (utf8proc_uint8_t *)to);
}

/* The first IX_TEXT_INPUT_MAX bytes as valid UTF-8 of as many bytes at most
 * threefold (U+FFFD is three). */
static size_t take_valid(struct span text, char out[static IX_TEXT_MAX])
{
	size_t at = 0, size = 0;

	while (at < text.size && at < IX_TEXT_INPUT_MAX)
		size += put_character(next_character(text, &at), out + size);
	return size;
}

/* NFC, with case folding if asked for, of valid UTF-8 in place. */
static size_t normalise(char text[static IX_TEXT_MAX], size_t size, bool fold)
{
	utf8proc_option_t options = UTF8PROC_STABLE | UTF8PROC_COMPOSE;
	utf8proc_int32_t codes[IX_TEXT_MAX];
	utf8proc_ssize_t count;

	if (fold)
		options |= UTF8PROC_CASEFOLD;
	count = utf8proc_decompose((const utf8proc_uint8_t *)text, (utf8proc_ssize_t)size, codes,
				   (utf8proc_ssize_t)ARRAY_LEN(codes) - 1, options);
	if (count < 0 || (size_t)count >= ARRAY_LEN(codes))
		return 0; /* cannot be: the input is valid and short */
	count = utf8proc_reencode(codes, count, options);
	if (count < 0)
		return 0;
	size = MIN_OF((size_t)count, (size_t)IX_TEXT_MAX - 1);
	memcpy(text, codes, size);
	return size;
}

/* Rule 2 of ix_name_sanitise, in place: what it writes is never longer. */
static size_t replace_forbidden(char *text, size_t size)
{
	struct span from = span_of(text, size);
	size_t at = 0, used = 0;
	bool base = false; /* something that a mark can stand on */

	while (at < from.size) {
		uint32_t code = next_character(from, &at);

		if (IN(code, variation_selectors))
			continue;
		if (IN(code, spaces))
			code = ' ';
		else if (is_forbidden(code) || (!base && is_mark(code)))
			code = '_';
		base = code != ' ';
		used += put_character(code, text + used);
	}
	return used;
}

static size_t collapse_spaces(char *text, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < size; i++)
		if (text[i] != ' ' || (used > 0 && text[used - 1] != ' '))
			text[used++] = text[i];
	while (used > 0 && text[used - 1] == ' ')
		used--;
	return used;
}

static size_t trim_end(const char *text, size_t size)
{
	while (size > 0 && (text[size - 1] == ' ' || text[size - 1] == '.'))
		size--;
	return size;
}

/* The largest size up to max_bytes at which a name may end. */
static size_t cut(const char *text, size_t size, size_t max_bytes)
{
	struct span all = span_of(text, size);
	size_t at = 0, end = 0;

	while (at < size) {
		size_t start = at;
		uint32_t code = next_character(all, &at);

		if (!is_mark(code) && !IN(code, joined))
			end = start;
		if (at > max_bytes)
			return trim_end(text, end);
	}
	return trim_end(text, size);
}

/* word is upper case; the C library's comparison would ask the locale. */
static bool equals_ignoring_case(const char *text, size_t size, const char *word)
{
	if (size != strlen(word))
		return false;
	for (size_t i = 0; i < size; i++) {
		char c = text[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		if (c != word[i])
			return false;
	}
	return true;
}

static bool is_reserved(const char *text, size_t size)
{
	static const char *const words[] = {"CON", "PRN", "AUX", "NUL", "CONIN_", "CONOUT_"};
	static const char *const numbered[] = {"COM", "LPT"};
	static const char *const digits[] = {"0", "1", "2", "3", "4", "5", "6",
					     "7", "8", "9", "¹", "²", "³"};
	const char *dot = memchr(text, '.', size);
	size_t stem = dot == NULL ? size : (size_t)(dot - text);

	while (stem > 0 && text[stem - 1] == ' ')
		stem--;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (equals_ignoring_case(text, stem, words[i]))
			return true;
	for (size_t i = 0; i < ARRAY_LEN(numbered); i++) {
		if (stem < 4 || !equals_ignoring_case(text, 3, numbered[i]))
			continue;
		for (size_t d = 0; d < ARRAY_LEN(digits); d++)
			if (span_equals_text(span_of(text + 3, stem - 3), digits[d]))
				return true;
	}
	return false;
}

/* max_bytes > 0. */
static size_t make_first(char *text, size_t size, size_t max_bytes)
{
	if (text[0] == '-' || text[0] == '.' || text[0] == '~')
		text[0] = '_';
	size = cut(text, size, max_bytes);
	if (!is_reserved(text, size))
		return size;
	memmove(text + 1, text, size);
	text[0] = '_';
	return cut(text, size + 1, max_bytes);
}

size_t ix_text_sanitise(struct span text, size_t max_bytes, enum ix_text_place place,
			char out[static IX_TEXT_MAX])
{
	size_t size = take_valid(text, out);

	size = normalise(out, size, false);
	size = replace_forbidden(out, size);
	/* A dropped variation selector may have kept a mark from its base. */
	size = normalise(out, size, false);
	size = trim_end(out, collapse_spaces(out, size));
	if (size > 0 && place == IX_TEXT_FIRST)
		size = make_first(out, size, max_bytes);
	else
		size = cut(out, size, max_bytes);
	out[size] = '\0';
	return size;
}

size_t ix_text_fold(struct span text, char out[static IX_TEXT_MAX])
{
	size_t size = normalise(out, take_valid(text, out), true);
	struct span from = span_of(out, size);
	size_t at = 0, used = 0;

	while (at < from.size) {
		uint32_t code = next_character(from, &at);

		used += put_character(IN(code, spaces) ? ' ' : code, out + used);
	}
	size = collapse_spaces(out, used);
	out[size] = '\0';
	return size;
}

struct span ix_text_trim(struct span text)
{
	while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == 0))
		text.size--;
	while (text.size > 0 && *text.data == ' ') {
		text.data++;
		text.size--;
	}
	return text;
}

bool ix_text_part(struct span *rest, char separator, struct span *part)
{
	const uint8_t *end;

	if (rest->data == NULL)
		return false;
	end = rest->size == 0 ? NULL : memchr(rest->data, separator, rest->size);
	if (end == NULL) {
		*part = *rest;
		*rest = span_of(NULL, 0);
		return true;
	}
	*part = span_of(rest->data, (size_t)(end - rest->data));
	*rest = span_of(end + 1, rest->size - part->size - 1);
	return true;
}
