/* SPDX-License-Identifier: MIT */
#include "render/json-format.h"

#include <math.h>

#include "dicom/number.h"

/* Integers up to here are exact in a double (and in JavaScript). */
#define EXACT_INTEGER ((uint64_t)1 << 53)

static const char hex_digits[] = "0123456789ABCDEF";

/* What a byte of text becomes: 0 itself, 'u' six characters, else the letter
 * behind a backslash. */
static const char escapes[256] = {
	[0x00] = 'u', [0x01] = 'u', [0x02] = 'u', [0x03] = 'u',  [0x04] = 'u', [0x05] = 'u',
	[0x06] = 'u', [0x07] = 'u', [0x08] = 'b', [0x09] = 't',  [0x0a] = 'n', [0x0b] = 'u',
	[0x0c] = 'f', [0x0d] = 'r', [0x0e] = 'u', [0x0f] = 'u',  [0x10] = 'u', [0x11] = 'u',
	[0x12] = 'u', [0x13] = 'u', [0x14] = 'u', [0x15] = 'u',  [0x16] = 'u', [0x17] = 'u',
	[0x18] = 'u', [0x19] = 'u', [0x1a] = 'u', [0x1b] = 'u',  [0x1c] = 'u', [0x1d] = 'u',
	[0x1e] = 'u', [0x1f] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static size_t escaped_size(struct span text)
{
	size_t size = text.size;

	for (size_t i = 0; i < text.size; i++) {
		char escape = escapes[text.data[i]];

		if (escape != 0)
			size += escape == 'u' ? 5 : 1;
	}
	return size;
}

static void write_escaped(uint8_t *to, struct span text)
{
	for (size_t i = 0; i < text.size; i++) {
		uint8_t byte = text.data[i];
		char escape = escapes[byte];

		if (escape == 0) {
			*to++ = byte;
			continue;
		}
		*to++ = '\\';
		*to++ = (uint8_t)escape;
		if (escape == 'u') {
			*to++ = '0';
			*to++ = '0';
			*to++ = (uint8_t)hex_digits[byte >> 4];
			*to++ = (uint8_t)hex_digits[byte & 0xf];
		}
	}
}

void rn_json_escaped(struct buf *out, struct span text)
{
	size_t size = escaped_size(text);
	uint8_t *to = rn_json_extend(out, size);

	if (to == NULL || size == 0)
		return;
	if (size == text.size)
		memcpy(to, text.data, size);
	else
		write_escaped(to, text);
}

void rn_json_string(struct buf *out, struct span text)
{
	size_t size = escaped_size(text);
	uint8_t *to = rn_json_extend(out, size + 2);

	if (to == NULL)
		return;
	to[0] = '"';
	write_escaped(to + 1, text);
	to[size + 1] = '"';
}

static void put_integer(struct buf *out, uint64_t magnitude, bool negative)
{
	char text[24];
	size_t at = sizeof(text);
	bool quoted = magnitude > EXACT_INTEGER;

	if (quoted)
		text[--at] = '"';
	do {
		text[--at] = (char)('0' + magnitude % 10);
		magnitude /= 10;
	} while (magnitude > 0);
	if (negative)
		text[--at] = '-';
	if (quoted)
		text[--at] = '"';
	rn_json_append(out, text + at, sizeof(text) - at);
}

void rn_json_unsigned(struct buf *out, uint64_t value)
{
	put_integer(out, value, false);
}

void rn_json_signed(struct buf *out, int64_t value)
{
	put_integer(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

/* Numbers from 10^-SMALL to 10^LARGE are written without an exponent here. */
#define SMALL 3
#define LARGE 9

/* Powers of ten; these are exact in a double. */
static const double powers[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8, 1e9,
				1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

/* Whether this double, that stands for a decimal, is a float's nearest one
 * beyond doubt: no tie that the decimal itself might break otherwise. */
static bool rounds_to(double value, float wanted)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof(bits));
	return (float)value == wanted && (bits & 0x1fffffff) != 0x10000000;
}

/* value = *digits / 10^*decimals, in so many significant digits. Division of
 * two exact doubles rounds as reading the decimal does; what does not read back
 * the same is refused. */
static bool split_decimal(double value, int precision, bool single, uint64_t *digits, int *decimals)
{
	double scaled;

	for (*decimals = precision + SMALL - 1; *decimals > 0; --*decimals)
		if (value * powers[*decimals] < powers[precision])
			break;
	scaled = nearbyint(value * powers[*decimals]);
	if (scaled > (double)EXACT_INTEGER)
		return false;
	*digits = (uint64_t)scaled;
	scaled /= powers[*decimals];
	return single ? rounds_to(scaled, (float)value) : scaled == value;
}

static void put_decimal(struct buf *out, uint64_t digits, int decimals, bool negative)
{
	char text[32];
	size_t at = sizeof(text);

	for (; decimals > 0 && digits % 10 == 0; decimals--)
		digits /= 10;
	do {
		text[--at] = (char)('0' + digits % 10);
		digits /= 10;
		if (--decimals == 0)
			text[--at] = '.';
	} while (digits > 0 || decimals >= 0);
	if (negative)
		text[--at] = '-';
	rn_json_append(out, text + at, sizeof(text) - at);
}

/* What needs no formatting function: the numbers of most files. */
static bool put_simple(struct buf *out, double value, bool single)
{
	double magnitude = fabs(value);
	uint64_t digits;
	int decimals;

	if (!isfinite(value)) {
		buf_append_text(out, isnan(value) ? "\"NaN\""
				     : value < 0  ? "\"-Infinity\""
						  : "\"Infinity\"");
		return true;
	}
	if (magnitude < 1e6 && value == trunc(value) && (value != 0 || !signbit(value))) {
		rn_json_signed(out, (int64_t)value);
		return true;
	}
	if (magnitude < 1 / powers[SMALL] || magnitude >= powers[LARGE])
		return false;
	for (int precision = single ? 6 : 15; precision <= (single ? 9 : 16); precision++) {
		if (!split_decimal(magnitude, precision, single, &digits, &decimals))
			continue;
		put_decimal(out, digits, decimals, value < 0);
		return true;
	}
	return false;
}

void rn_json_double(struct buf *out, double value)
{
	char text[DC_NUMBER_TEXT];

	if (!put_simple(out, value, false))
		rn_json_append(out, text, dc_number_format_double(value, text));
}

void rn_json_float(struct buf *out, float value)
{
	char text[DC_NUMBER_TEXT];

	if (!put_simple(out, (double)value, true))
		rn_json_append(out, text, dc_number_format_float(value, text));
}

void rn_json_tag(struct buf *out, uint32_t tag)
{
	uint8_t *to = rn_json_extend(out, 10);

	if (to == NULL)
		return;
	to[0] = '"';
	for (unsigned i = 0; i < 8; i++)
		to[1 + i] = (uint8_t)hex_digits[(tag >> (28 - 4 * i)) & 0xf];
	to[9] = '"';
}

/* The byte at index after turning round groups of unit bytes. */
static uint32_t turned(struct span bytes, size_t index, unsigned unit)
{
	size_t start = index & ~(size_t)(unit - 1);

	if (bytes.size - start < unit)
		return bytes.data[index];
	return bytes.data[start + (unit - 1 - (index - start))];
}

static void put_quad(uint8_t *to, uint32_t bits)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	to[0] = (uint8_t)digits[bits >> 18];
	to[1] = (uint8_t)digits[(bits >> 12) & 0x3f];
	to[2] = (uint8_t)digits[(bits >> 6) & 0x3f];
	to[3] = (uint8_t)digits[bits & 0x3f];
}

void rn_json_base64(struct buf *out, struct span bytes, unsigned unit)
{
	uint8_t *to = rn_json_extend(out, rn_json_base64_size(bytes.size));
	size_t i = 0, left;
	uint32_t bits;

	if (to == NULL || bytes.size == 0)
		return;
	for (; bytes.size - i >= 3; i += 3, to += 4)
		put_quad(to, turned(bytes, i, unit) << 16 | turned(bytes, i + 1, unit) << 8 |
				     turned(bytes, i + 2, unit));
	left = bytes.size - i;
	if (left == 0)
		return;
	bits = turned(bytes, i, unit) << 16;
	if (left == 2)
		bits |= turned(bytes, i + 1, unit) << 8;
	put_quad(to, bits);
	to[3] = '=';
	if (left == 1)
		to[2] = '=';
}

/* A number on its way from DS grammar to JSON's. */
struct digits {
	struct span text;
	size_t at;
	char *number;
	size_t size;
};

static bool next_is(const struct digits *d, uint8_t a, uint8_t b)
{
	return d->at < d->text.size && (d->text.data[d->at] == a || d->text.data[d->at] == b);
}

static void take(struct digits *d)
{
	d->number[d->size++] = (char)d->text.data[d->at++];
}

static size_t take_digits(struct digits *d)
{
	size_t start = d->at;

	while (d->at < d->text.size && d->text.data[d->at] >= '0' && d->text.data[d->at] <= '9')
		take(d);
	return d->at - start;
}

/* -> sign, at least one digit, no leading zero. The count of digits read. */
static size_t take_whole_part(struct digits *d)
{
	size_t count = 0, taken;

	if (next_is(d, '-', '-'))
		take(d);
	else if (next_is(d, '+', '+'))
		d->at++;
	while (next_is(d, '0', '0')) {
		d->at++;
		count++;
	}
	taken = take_digits(d);
	if (taken == 0)
		d->number[d->size++] = '0';
	return count + taken;
}

static size_t take_fraction(struct digits *d)
{
	size_t count;

	if (!next_is(d, '.', '.'))
		return 0;
	take(d);
	count = take_digits(d);
	if (count == 0)
		d->size--; /* JSON has no bare point */
	return count;
}

/* False when there is an E without digits behind it. */
static bool take_exponent(struct digits *d)
{
	if (!next_is(d, 'e', 'E'))
		return true;
	take(d);
	if (next_is(d, '+', '-'))
		take(d);
	return take_digits(d) > 0;
}

static bool exact_integer(const char *number, size_t size)
{
	int64_t value;

	if (size <= 15)
		return true;
	return dc_number_integer(span_of(number, size), &value) &&
	       value <= (int64_t)EXACT_INTEGER && value >= -(int64_t)EXACT_INTEGER;
}

bool rn_json_number(struct span text, bool integer, char number[static RN_JSON_NUMBER],
		    size_t *size)
{
	struct digits d = {.text = text, .number = number};
	double value;
	size_t count, mantissa;

	/* A zero in front of the point is all that may be added. */
	if (text.size == 0 || text.size > RN_JSON_NUMBER - 1)
		return false;
	count = take_whole_part(&d);
	if (!integer)
		count += take_fraction(&d);
	mantissa = d.size;
	if (!integer && !take_exponent(&d))
		return false;
	if (count == 0 || d.at != text.size)
		return false;
	if (integer && !exact_integer(number, d.size))
		return false;
	/* Without an exponent it is far too short to be out of range. */
	if (d.size > mantissa && !dc_number_decimal(span_of(number, d.size), &value))
		return false;
	*size = d.size;
	return true;
}
