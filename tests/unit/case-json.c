/* SPDX-License-Identifier: MIT */
#include "tests/unit/case-check.h"

#include "dicom/charset.h"

struct json {
	const uint8_t *at, *end;
};

static void blanks(struct json *j)
{
	while (j->at < j->end &&
	       (*j->at == ' ' || *j->at == '\n' || *j->at == '\t' || *j->at == '\r'))
		j->at++;
}

static bool take(struct json *j, char c)
{
	if (j->at == j->end || *j->at != c)
		return false;
	j->at++;
	return true;
}

static bool digits(struct json *j)
{
	const uint8_t *start = j->at;

	while (j->at < j->end && *j->at >= '0' && *j->at <= '9')
		j->at++;
	return j->at > start;
}

static bool number(struct json *j)
{
	(void)take(j, '-');
	if (!take(j, '0') && !digits(j))
		return false;
	if (take(j, '.') && !digits(j))
		return false;
	if (take(j, 'e') || take(j, 'E')) {
		if (!take(j, '+'))
			(void)take(j, '-');
		return digits(j);
	}
	return true;
}

static bool escape(struct json *j)
{
	if (j->at == j->end || strchr("\"\\/bfnrtu", *j->at) == NULL || *j->at == '\0')
		return false;
	if (*j->at++ != 'u')
		return true;
	for (unsigned i = 0; i < 4; i++, j->at++)
		if (j->at == j->end || *j->at == '\0' ||
		    strchr("0123456789abcdefABCDEF", *j->at) == NULL)
			return false;
	return true;
}

static bool string(struct json *j)
{
	if (!take(j, '"'))
		return false;
	while (j->at < j->end && *j->at != '"') {
		uint8_t c = *j->at++;

		if (c < 0x20 || (c == '\\' && !escape(j)))
			return false;
	}
	return take(j, '"');
}

static bool word(struct json *j, const char *text)
{
	size_t size = strlen(text);

	if ((size_t)(j->end - j->at) < size || memcmp(j->at, text, size) != 0)
		return false;
	j->at += size;
	return true;
}

/* Values inside of objects and arrays without recursion: only what is open
 * matters, and there is a bound on it. */
static bool values(struct json *j)
{
	char open[1024];
	size_t depth = 0;

	for (;;) {
		bool ended = true; /* a value, not the beginning of one */

		blanks(j);
		if (depth > 0 && open[depth - 1] == '{') {
			if (!string(j))
				return false;
			blanks(j);
			if (!take(j, ':'))
				return false;
			blanks(j);
		}
		if (j->at < j->end && (*j->at == '{' || *j->at == '[')) {
			if (depth == sizeof(open))
				return false;
			open[depth++] = (char)*j->at++;
			blanks(j);
			ended = j->at < j->end && (*j->at == '}' || *j->at == ']');
		} else if (!string(j) && !number(j) && !word(j, "true") && !word(j, "false") &&
			   !word(j, "null")) {
			return false;
		}
		while (ended) {
			blanks(j);
			if (depth == 0)
				return true;
			if (take(j, ','))
				break;
			if (!take(j, open[--depth] == '{' ? '}' : ']'))
				return false;
		}
	}
}

bool case_json_valid(struct span text, size_t *error_at)
{
	struct json j = {text.data, text.data + text.size};
	bool ok = dc_utf8_valid(text) && values(&j);

	if (ok)
		blanks(&j);
	*error_at = (size_t)(j.at - text.data);
	return ok && j.at == j.end;
}
