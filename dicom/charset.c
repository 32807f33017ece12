/* SPDX-License-Identifier: MIT */
#include "dicom/charset.h"

#include "dicom/charset-table.h"
#include "dicom/charset-terms.h"

#define ESC 0x1b
#define REPLACEMENT 0xfffdu

/* What G0 or G1 can hold. The codes of dc_charset_single are in its order. */
enum set {
	SET_NONE,
	SET_LATIN1, /* first row of dc_charset_single */
	SET_KATAKANA = SET_LATIN1 + DC_CHARSET_SINGLE_COUNT - 1,
	SET_ASCII,
	SET_ROMAJI,
	SET_JIS0208,
	SET_JIS0212,
	SET_KSX1001,
	SET_GB2312,
};

/* ISO 2022 in 8 bits as DICOM uses it: G0 is always in the left half of the
 * code table, G1 in the right one (PS3.5 6.1.2.5). */
struct state {
	uint8_t g0, g1;
};

struct decoder {
	struct span value;
	size_t at;
	struct buf *out;
	struct state initial, now;
	uint8_t implicit; /* G1 for bytes over 0x7f while none is designated */
	bool values;      /* a backslash separates values */
	bool name;        /* ^ and = separate components of a person name */
};

/* The set of a term's right half. */
#define SET_OF(term) (SET_LATIN1 + ((int)(term) - (int)DC_TERM_IR100))

static const struct {
	char final[4];  /* what follows ESC */
	uint8_t g0, g1; /* what it designates */
} escapes[] = {
	{"(B", SET_ASCII, 0},
	{"(J", SET_ROMAJI, 0},
	{"$B", SET_JIS0208, 0},
	{"$@", SET_JIS0208, 0}, /* the edition of 1978 */
	{"$(B", SET_JIS0208, 0},
	{"$(D", SET_JIS0212, 0},
	{"$)C", 0, SET_KSX1001},
	{"$)A", 0, SET_GB2312},
	{")I", 0, SET_KATAKANA},
	{"-A", 0, SET_OF(DC_TERM_IR100)},
	{"-B", 0, SET_OF(DC_TERM_IR101)},
	{"-C", 0, SET_OF(DC_TERM_IR109)},
	{"-D", 0, SET_OF(DC_TERM_IR110)},
	{"-M", 0, SET_OF(DC_TERM_IR148)},
	{"-L", 0, SET_OF(DC_TERM_IR144)},
	{"-G", 0, SET_OF(DC_TERM_IR127)},
	{"-F", 0, SET_OF(DC_TERM_IR126)},
	{"-H", 0, SET_OF(DC_TERM_IR138)},
	{"-b", 0, SET_OF(DC_TERM_IR203)},
	{"-T", 0, SET_OF(DC_TERM_IR166)},
};

static struct state initial_state(uint8_t term)
{
	struct state state = {SET_ASCII, SET_NONE};

	if (term >= DC_TERM_IR100 && term <= DC_TERM_IR13)
		state.g1 = (uint8_t)(SET_LATIN1 + term - DC_TERM_IR100);
	if (term == DC_TERM_IR13)
		state.g0 = SET_ROMAJI;
	/* Not allowed as value 1 (PS3.3 C.12.1.1.2), but written all the same. */
	if (term == DC_TERM_IR149)
		state.g1 = SET_KSX1001;
	if (term == DC_TERM_IR58)
		state.g1 = SET_GB2312;
	return state;
}

static bool is_separator(const struct decoder *d, uint8_t c)
{
	return (d->values && c == '\\') || (d->name && (c == '^' || c == '='));
}

/* An escape sequence (ISO 2022): intermediate bytes, then a final one. One that
 * nothing here knows is a single U+FFFD; it ends in front of a separator, which
 * stays one. */
static void take_escape(struct decoder *d)
{
	struct span rest = span_of(d->value.data + d->at + 1, d->value.size - d->at - 1);
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_LEN(escapes); i++) {
		size_t length = strlen(escapes[i].final);

		if (rest.size < length || memcmp(rest.data, escapes[i].final, length) != 0)
			continue;
		if (escapes[i].g0 != SET_NONE)
			d->now.g0 = escapes[i].g0;
		else
			d->now.g1 = escapes[i].g1;
		d->at += 1 + length;
		return;
	}
	dc_utf8_append(d->out, REPLACEMENT);
	while (size < rest.size && rest.data[size] >= 0x20 && rest.data[size] <= 0x2f)
		size++;
	if (size > 0 && size < rest.size && rest.data[size] >= 0x30 && rest.data[size] <= 0x7e &&
	    !is_separator(d, rest.data[size]))
		size++;
	d->at += 1 + size;
}

/* A character of two bytes; the second one is only taken when it belongs to the
 * same half of the code table. */
static void take_pair(struct decoder *d, const uint16_t *table)
{
	uint8_t high = d->value.data[d->at] & 0x80;
	unsigned int row = (d->value.data[d->at] & 0x7fu) - 0x21u, cell;
	uint16_t c;

	d->at++;
	if (row >= 94 || d->at == d->value.size || (d->value.data[d->at] & 0x80) != high) {
		dc_utf8_append(d->out, REPLACEMENT);
		return;
	}
	cell = (d->value.data[d->at] & 0x7fu) - 0x21u;
	if (cell >= 94) {
		dc_utf8_append(d->out, REPLACEMENT);
		return;
	}
	d->at++;
	c = table[row * 94 + cell];
	dc_utf8_append(d->out, c != 0 ? c : REPLACEMENT);
}

static void take_high(struct decoder *d)
{
	uint8_t c = d->value.data[d->at];
	uint8_t set = d->now.g1 != SET_NONE ? d->now.g1 : d->implicit;

	if (set == SET_KSX1001) {
		take_pair(d, dc_charset_ksx1001);
		return;
	}
	if (set == SET_GB2312) {
		take_pair(d, dc_charset_gb2312);
		return;
	}
	d->at++;
	if (set == SET_NONE || (c < 0xa0 && set == SET_KATAKANA)) {
		dc_utf8_append(d->out, REPLACEMENT);
	} else if (c < 0xa0) {
		dc_utf8_append(d->out, c);
	} else {
		uint16_t point = dc_charset_single[set - SET_LATIN1][c - 0xa0];

		dc_utf8_append(d->out, point != 0 ? point : REPLACEMENT);
	}
}

/* A separator inside two-byte text should come after an escape back to one byte
 * (PS3.5 6.1.2.5.3). Where the next byte cannot be the second of a pair, it is
 * a separator whose writer left the escape out. */
static bool is_lone_separator(const struct decoder *d)
{
	size_t next = d->at + 1;

	return is_separator(d, d->value.data[d->at]) &&
	       (next == d->value.size || d->value.data[next] < 0x21);
}

static void take_low(struct decoder *d)
{
	uint8_t c = d->value.data[d->at];
	bool pair = c > 0x20 && c < 0x7f && !is_lone_separator(d);

	if (pair && d->now.g0 == SET_JIS0208) {
		take_pair(d, dc_charset_jis0208);
		return;
	}
	if (pair && d->now.g0 == SET_JIS0212) {
		take_pair(d, dc_charset_jis0212);
		return;
	}
	d->at++;
	if (d->now.g0 == SET_ROMAJI && c == 0x7e)
		dc_utf8_append(d->out, 0x203e);
	else if (d->now.g0 == SET_ROMAJI && c == '\\' && !d->values)
		dc_utf8_append(d->out, 0xa5);
	else
		buf_append_byte(d->out, c);
	/* PS3.5 6.1.2.5.3: back to value 1 at every control and separator. */
	if (c < 0x20 || is_separator(d, c))
		d->now = d->initial;
}

static void decode_2022(struct decoder *d)
{
	while (d->at < d->value.size) {
		uint8_t c = d->value.data[d->at];

		if (c == ESC)
			take_escape(d);
		else if (c & 0x80)
			take_high(d);
		else
			take_low(d);
	}
}

static void decode_gb18030(struct span value, struct buf *out)
{
	size_t at = 0;

	while (at < value.size) {
		if (value.data[at] < 0x80)
			buf_append_byte(out, value.data[at++]);
		else
			dc_utf8_append(out, dc_charset_gb18030_next(value, &at));
	}
}

static void decode_utf8(struct span value, struct buf *out)
{
	size_t at = 0;

	if (dc_utf8_valid(value)) {
		buf_append(out, value.data, value.size);
		return;
	}
	while (at < value.size)
		dc_utf8_append(out, dc_utf8_next(value, &at));
}

/* What the bytes over 0x7f could be while no G1 is designated: the repertoire
 * that the charset names besides ISO-IR 6, else the fallback. */
static uint8_t implicit_g1(const struct dc_charset *charset)
{
	uint8_t g1 = SET_NONE;

	for (size_t i = 1; i < charset->count && g1 == SET_NONE; i++)
		g1 = initial_state(charset->term[i]).g1;
	if (g1 == SET_NONE)
		g1 = charset->fallback == DC_TERM_IR6 ? (uint8_t)SET_LATIN1
						      : initial_state(charset->fallback).g1;
	return g1;
}

/* One memcpy will do: all ASCII, and nothing that means another character. */
static bool is_plain(const struct decoder *d, bool escapes_count)
{
	const uint8_t *p = d->value.data;
	size_t size = d->value.size, i = 0;

	for (; size - i >= 8; i += 8) {
		uint64_t eight;

		memcpy(&eight, p + i, sizeof(eight));
		if ((eight & 0x8080808080808080u) != 0)
			return false;
	}
	for (; i < size; i++)
		if (p[i] & 0x80)
			return false;
	if (escapes_count && memchr(p, ESC, size) != NULL)
		return false;
	if (d->initial.g0 != SET_ROMAJI)
		return true;
	return memchr(p, 0x7e, size) == NULL && (d->values || memchr(p, '\\', size) == NULL);
}

static void decode_as(uint8_t term, struct decoder *d)
{
	if (term == DC_TERM_UTF8) {
		decode_utf8(d->value, d->out);
	} else if (term == DC_TERM_GB18030) {
		decode_gb18030(d->value, d->out);
	} else {
		d->initial = initial_state(term);
		d->now = d->initial;
		decode_2022(d);
	}
}

void dc_charset_decode(const struct dc_charset *charset, uint16_t vr, struct span value,
		       struct buf *out)
{
	uint8_t class = dc_vr_info(vr).class;
	bool text = class == DC_VR_TEXT || class == DC_VR_LONGTEXT, escaped;
	uint8_t term = text && charset->count > 0 ? charset->term[0] : (uint8_t)DC_TERM_IR6;
	struct decoder d = {
		.value = value,
		.out = out,
		.initial = initial_state(term),
		.values = class == DC_VR_TEXT,
		.name = vr == DC_VR_PN,
	};

	if (value.size == 0)
		return;
	if (is_plain(&d, text && term != DC_TERM_UTF8 && term != DC_TERM_GB18030)) {
		buf_append(out, value.data, value.size);
		return;
	}
	escaped = text && memchr(value.data, ESC, value.size) != NULL;
	if (term == DC_TERM_IR6 && !escaped && dc_utf8_valid(value)) {
		buf_append(out, value.data, value.size);
		return;
	}
	/* Bytes over 0x7f that no rule of the standard explains. */
	if (term == DC_TERM_IR6 && !escaped && (!text || charset->count < 2)) {
		term = charset->fallback == DC_TERM_IR6 ? (uint8_t)DC_TERM_IR100
							: charset->fallback;
	}
	d.implicit = implicit_g1(charset);
	decode_as(term, &d);
}
