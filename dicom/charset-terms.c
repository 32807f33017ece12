/* Specific Character Set (0008,0005): the defined terms and what is written
 * instead of them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/charset-terms.h"

/* Longer than every name below. */
#define NAME_SIZE 20

/* By registration number, after "ISO_IR", "ISO 2022 IR" and their misspellings. */
static const struct {
	uint16_t number;
	uint8_t term;
} by_number[] = {
	{6, DC_TERM_IR6},     {100, DC_TERM_IR100}, {101, DC_TERM_IR101}, {109, DC_TERM_IR109},
	{110, DC_TERM_IR110}, {148, DC_TERM_IR148}, {144, DC_TERM_IR144}, {127, DC_TERM_IR127},
	{126, DC_TERM_IR126}, {138, DC_TERM_IR138}, {203, DC_TERM_IR203}, {166, DC_TERM_IR166},
	{13, DC_TERM_IR13},   {14, DC_TERM_IR13},   {87, DC_TERM_IR87},   {159, DC_TERM_IR159},
	{149, DC_TERM_IR149}, {58, DC_TERM_IR58},   {192, DC_TERM_UTF8},
};

static const char *const prefixes[] = {"ISO2022IR", "ISOIR", "ISO2022", "IR"};

/* Other names, in capitals and without separators. */
static const struct {
	const char *name;
	uint8_t term;
} by_name[] = {
	{"GB18030", DC_TERM_GB18030},
	{"GBK", DC_TERM_GB18030},
	{"ISO2022GB18030", DC_TERM_GB18030},
	{"ISO2022GBK", DC_TERM_GB18030},
	{"GB2312", DC_TERM_GB18030},
	{"CP936", DC_TERM_GB18030},
	{"UTF8", DC_TERM_UTF8},
	{"ISO10646", DC_TERM_UTF8},
	{"ASCII", DC_TERM_IR6},
	{"USASCII", DC_TERM_IR6},
	{"ISO646", DC_TERM_IR6},
	{"ISO88591", DC_TERM_IR100},
	{"LATIN1", DC_TERM_IR100},
	{"ISO88592", DC_TERM_IR101},
	{"LATIN2", DC_TERM_IR101},
	{"ISO88593", DC_TERM_IR109},
	{"ISO88594", DC_TERM_IR110},
	{"ISO88595", DC_TERM_IR144},
	{"ISO88596", DC_TERM_IR127},
	{"ISO88597", DC_TERM_IR126},
	{"ISO88598", DC_TERM_IR138},
	{"ISO88599", DC_TERM_IR148},
	{"ISO885915", DC_TERM_IR203},
	{"LATIN9", DC_TERM_IR203},
	{"TIS620", DC_TERM_IR166},
	{"EUCKR", DC_TERM_IR149},
	{"KSC5601", DC_TERM_IR149},
	{"KSX1001", DC_TERM_IR149},
};

/* In capitals, without spaces, underscores, hyphens and padding; false when it
 * is longer than any name. */
static bool normalise(struct span term, char name[static NAME_SIZE])
{
	size_t size = 0;

	for (size_t i = 0; i < term.size; i++) {
		uint8_t c = term.data[i];

		if (c == ' ' || c == '_' || c == '-' || c == '\0' || c == '\t')
			continue;
		if (size == NAME_SIZE - 1)
			return false;
		name[size++] = (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c);
	}
	name[size] = '\0';
	return true;
}

static bool find_number(const char *digits, uint8_t *term)
{
	unsigned int number = 0;

	if (*digits == '\0' || strlen(digits) > 3)
		return false;
	for (; *digits != '\0'; digits++) {
		if (*digits < '0' || *digits > '9')
			return false;
		number = number * 10 + (unsigned int)(*digits - '0');
	}
	for (size_t i = 0; i < ARRAY_LEN(by_number); i++)
		if (by_number[i].number == number) {
			*term = by_number[i].term;
			return true;
		}
	return false;
}

bool dc_term_find(struct span text, uint8_t *term)
{
	char name[NAME_SIZE];

	if (!normalise(text, name))
		return false;
	if (name[0] == '\0') {
		*term = DC_TERM_IR6;
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(by_name); i++)
		if (strcmp(name, by_name[i].name) == 0) {
			*term = by_name[i].term;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
		size_t size = strlen(prefixes[i]);

		if (strncmp(name, prefixes[i], size) == 0 && find_number(name + size, term))
			return true;
	}
	return false;
}

void dc_charset_parse(struct dc_charset *charset, struct span value)
{
	uint8_t fallback = charset->fallback;
	size_t begin = 0;

	*charset = (struct dc_charset){.fallback = fallback};
	while (value.size > 0 &&
	       (value.data[value.size - 1] == ' ' || value.data[value.size - 1] == '\0'))
		value.size--;
	if (value.size == 0)
		return;
	for (size_t i = 0; i <= value.size; i++) {
		if (i < value.size && value.data[i] != '\\')
			continue;
		if (charset->count == DC_CHARSET_MAX_TERMS)
			return;
		if (!dc_term_find(span_of(value.data + begin, i - begin),
				  &charset->term[charset->count]))
			charset->unknown = true;
		charset->count++;
		begin = i + 1;
	}
}

bool dc_charset_set_fallback(struct dc_charset *charset, const char *term)
{
	uint8_t found;

	if (*term == '\0' || !dc_term_find(span_of_text(term), &found))
		return false;
	/* The default repertoire has nothing for such bytes; 0 is Latin-1. */
	charset->fallback = found;
	return true;
}
