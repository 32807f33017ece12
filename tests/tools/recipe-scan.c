/* SPDX-License-Identifier: MIT */
#include "tests/tools/recipe-scan.h"

#include "dicom/number.h"

/* Bytes of the blank that the scanner is at, 0: it is at none. Two for the end of
 * a line that goes on in the next one. */
static size_t blank_size(const struct scanner *scanner)
{
	if (scanner->at == scanner->end)
		return 0;
	if (*scanner->at == '\\')
		return scanner->end - scanner->at > 1 && scanner->at[1] == '\n' ? 2 : 0;
	return *scanner->at == ' ' || *scanner->at == '\t' || *scanner->at == '\r';
}

bool scan_at_end(struct scanner *scanner)
{
	size_t blank;

	while ((blank = blank_size(scanner)) > 0)
		scanner->at += blank;
	return scanner->at == scanner->end || *scanner->at == '#';
}

struct span scan_word(struct scanner *scanner)
{
	const char *start;

	if (scan_at_end(scanner))
		return span_of(NULL, 0);
	start = scanner->at;
	while (scanner->at < scanner->end && blank_size(scanner) == 0)
		scanner->at++;
	return span_of(start, (size_t)(scanner->at - start));
}

bool scan_this(struct scanner *scanner, const char *word)
{
	struct scanner ahead = *scanner;

	if (!span_equals_text(scan_word(&ahead), word))
		return false;
	*scanner = ahead;
	return true;
}

bool scan_prefixed(struct scanner *scanner, const char *prefix, struct span *rest)
{
	struct scanner ahead = *scanner;
	struct span word = scan_word(&ahead);
	size_t size = strlen(prefix);

	if (word.size < size || memcmp(word.data, prefix, size) != 0)
		return false;
	*rest = span_of(word.data + size, word.size - size);
	*scanner = ahead;
	return true;
}

/* ---- Numbers ----------------------------------------------------------- */

static int hex_digit(uint8_t c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool hex_number(struct span digits, uint64_t *number)
{
	*number = 0;
	for (size_t i = 0; i < digits.size; i++) {
		int digit = hex_digit(digits.data[i]);

		if (digit < 0)
			return false;
		*number = *number << 4 | (uint64_t)digit;
	}
	return digits.size > 0 && digits.size <= 16;
}

bool scan_integer(struct span word, int64_t *number)
{
	uint64_t value;

	if (word.size > 2 && word.data[0] == '0' && word.data[1] == 'x') {
		if (!hex_number(span_of(word.data + 2, word.size - 2), &value))
			return false;
		*number = (int64_t)value;
		return true;
	}
	return dc_number_integer(word, number);
}

bool scan_next_integer(struct scanner *scanner, int64_t *number, struct err *err)
{
	struct span word = scan_word(scanner);

	if (scan_integer(word, number))
		return true;
	return err_set(err, ERR_USAGE, "\"%.*s\" is no number", (int)word.size,
		       (const char *)word.data);
}

bool scan_tag(struct scanner *scanner, uint32_t *tag, struct err *err)
{
	struct span word = scan_word(scanner);
	uint64_t group, element;

	if (word.size != 11 || word.data[0] != '(' || word.data[5] != ',' || word.data[10] != ')' ||
	    !hex_number(span_of(word.data + 1, 4), &group) ||
	    !hex_number(span_of(word.data + 6, 4), &element))
		return err_set(err, ERR_USAGE, "\"%.*s\" is no tag", (int)word.size,
			       (const char *)word.data);
	*tag = (uint32_t)(group << 16 | element);
	return true;
}

/* ---- Values ------------------------------------------------------------ */

static bool scan_text(struct scanner *scanner, struct buf *out, struct err *err)
{
	scanner->at++;
	while (scanner->at < scanner->end && *scanner->at != '"') {
		uint64_t byte = (uint8_t)*scanner->at++;

		if (byte == '\\' && scanner->at < scanner->end) {
			byte = (uint8_t)*scanner->at++;
			if (byte == 'n')
				byte = '\n';
			if (byte == 'x') {
				if (scanner->end - scanner->at < 2 ||
				    !hex_number(span_of(scanner->at, 2), &byte))
					return err_set(err, ERR_USAGE, "\\x without two digits");
				scanner->at += 2;
			}
		}
		buf_append_byte(out, (uint8_t)byte);
	}
	if (scanner->at == scanner->end)
		return err_set(err, ERR_USAGE, "text without its end quote");
	scanner->at++;
	return true;
}

static bool scan_hex(struct scanner *scanner, struct buf *out, struct err *err)
{
	scanner->at++;
	while (scanner->at < scanner->end && *scanner->at != '>') {
		size_t blank = blank_size(scanner);
		uint64_t byte;

		if (blank > 0) {
			scanner->at += blank;
			continue;
		}
		if (scanner->end - scanner->at < 3 || !hex_number(span_of(scanner->at, 2), &byte))
			return err_set(err, ERR_USAGE, "bytes are pairs of hex digits");
		buf_append_byte(out, (uint8_t)byte);
		scanner->at += 2;
	}
	if (scanner->at == scanner->end)
		return err_set(err, ERR_USAGE, "bytes without their end >");
	scanner->at++;
	return true;
}

static void put_number(struct dw_writer *writer, uint64_t bits, unsigned size)
{
	if (size == 1)
		buf_append_byte(writer->out, (uint8_t)bits);
	else if (size == 2)
		dw_u16(writer, (uint16_t)bits);
	else if (size == 4)
		dw_u32(writer, (uint32_t)bits);
	else
		dw_u64(writer, bits);
}

static bool scan_number(struct scanner *scanner, const char *vr, struct dw_writer *writer,
			struct err *err)
{
	struct span word = scan_word(scanner);
	unsigned size = dw_unit(vr);
	double real;
	float narrow;
	int64_t integer;
	uint64_t bits = 0;

	if (strcmp(vr, "FL") == 0 || strcmp(vr, "OF") == 0 || strcmp(vr, "FD") == 0 ||
	    strcmp(vr, "OD") == 0) {
		if (!dc_number_decimal(word, &real))
			return err_set(err, ERR_USAGE, "\"%.*s\" is no number", (int)word.size,
				       (const char *)word.data);
		narrow = (float)real;
		if (size == 4)
			memcpy(&bits, &narrow, 4); /* hosts are little endian here */
		else
			memcpy(&bits, &real, 8);
		put_number(writer, bits, size);
		return true;
	}
	if (!scan_integer(word, &integer))
		return err_set(err, ERR_USAGE, "\"%.*s\" is no number", (int)word.size,
			       (const char *)word.data);
	if (size < 8 &&
	    (integer >= (int64_t)1 << (8 * size) || integer < -((int64_t)1 << (8 * size - 1))))
		return err_set(err, ERR_USAGE, "%lld does not fit into %s", (long long)integer, vr);
	put_number(writer, (uint64_t)integer, size);
	return true;
}

/* "N*" in front of a value. */
static uint64_t scan_count(struct scanner *scanner)
{
	const char *star = scanner->at;
	int64_t count;

	while (star < scanner->end && *star >= '0' && *star <= '9')
		star++;
	if (star == scanner->end || *star != '*' ||
	    !scan_integer(span_of(scanner->at, (size_t)(star - scanner->at)), &count))
		return 1;
	scanner->at = star + 1;
	return (uint64_t)count;
}

bool scan_value(struct scanner *scanner, const char *vr, const struct dw_writer *writer,
		struct buf *out, struct err *err)
{
	struct dw_writer inner;

	dw_init(&inner, out, writer->encoding);
	while (!scan_at_end(scanner)) {
		uint64_t count = scan_count(scanner);
		size_t start = out->size, size;
		bool ok;

		if (scanner->at < scanner->end && *scanner->at == '"')
			ok = scan_text(scanner, out, err);
		else if (scanner->at < scanner->end && *scanner->at == '<')
			ok = scan_hex(scanner, out, err);
		else
			ok = scan_number(scanner, vr, &inner, err);
		if (!ok || !buf_ok(out, err))
			return false;
		size = out->size - start;
		if (count == 0)
			buf_truncate(out, start);
		for (uint64_t i = 1; i < count && out->failure == ERR_NONE; i++)
			if (buf_reserve(out, size))
				buf_append(out, out->data + start, size);
	}
	return buf_ok(out, err);
}
