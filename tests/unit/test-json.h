/*
 * What the tests of the JSON writer share: a small writer of DICOM files, a
 * strict reader of JSON, and writing with all checks.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_TEST_JSON_H
#define TESTS_UNIT_TEST_JSON_H

#include "render/json.h"

#include <setjmp.h>

#include <cmocka.h>

static const struct rn_options default_options = {
	.max_pixels = 1 << 20,
	.max_json_size = 4 << 20,
	.bulk_threshold = 1024,
};

#define NAME "00042~p3x8wa"
#define TAG_TESTED DC_TAG(0x0011, 0x1001)

/* ---- Writing DICOM ----------------------------------------------------- */

static inline void put_number(struct buf *out, uint64_t number, unsigned size, bool big_endian)
{
	for (unsigned i = 0; i < size; i++)
		buf_append_byte(out, (uint8_t)(number >> 8 * (big_endian ? size - 1 - i : i)));
}

static inline void put_header(struct buf *out, uint32_t tag, const char *vr, uint32_t size,
			      bool big_endian)
{
	bool long_length = dc_vr_info(DC_VR(vr[0], vr[1])).long_length;

	put_number(out, DC_GROUP(tag), 2, big_endian);
	put_number(out, DC_ELEMENT(tag), 2, big_endian);
	buf_append(out, vr, 2);
	if (long_length)
		put_number(out, 0, 2, false);
	put_number(out, size, long_length ? 4 : 2, big_endian);
}

static inline void put(struct buf *out, uint32_t tag, const char *vr, const void *value,
		       size_t size)
{
	put_header(out, tag, vr, (uint32_t)size, false);
	buf_append(out, value, size);
}

static inline void put_filled(struct buf *out, uint32_t tag, const char *vr, char byte, size_t size)
{
	put_header(out, tag, vr, (uint32_t)size, false);
	for (size_t i = 0; i < size; i++)
		buf_append_byte(out, (uint8_t)byte);
}

static inline void put_delimiter(struct buf *out, uint32_t tag, uint32_t size)
{
	put_number(out, DC_GROUP(tag), 2, false);
	put_number(out, DC_ELEMENT(tag), 2, false);
	put_number(out, size, 4, false);
}

static inline void put_start(struct buf *out, const char *syntax)
{
	static const uint8_t preamble[128];
	size_t size = strlen(syntax);

	buf_append(out, preamble, sizeof(preamble));
	buf_append_text(out, "DICM");
	put_header(out, DC_TAG(2, 0x10), "UI", (uint32_t)(size + size % 2), false);
	buf_append_text(out, syntax);
	if (size % 2 == 1)
		buf_append_byte(out, 0);
}

/* ---- A strict reader of JSON -------------------------------------------- */

static inline bool skip_value(const char **at, const char *end, int depth);

static inline bool skip_string(const char **at, const char *end)
{
	if (*at == end || *(*at)++ != '"')
		return false;
	while (*at < end && **at != '"') {
		unsigned char c = (unsigned char)*(*at)++;

		if (c < 0x20 || *at == end)
			return false;
		if (c != '\\')
			continue;
		c = (unsigned char)*(*at)++;
		if (c == 'u') {
			for (int i = 0; i < 4; i++, (*at)++)
				if (*at >= end || strchr("0123456789ABCDEF", **at) == NULL)
					return false;
		} else if (strchr("\"\\bfnrt", c) == NULL) {
			return false;
		}
	}
	return *at < end && *(*at)++ == '"';
}

static inline size_t skip_digits(const char **at, const char *end)
{
	size_t count = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; (*at)++)
		count++;
	return count;
}

static inline bool skip_number(const char **at, const char *end)
{
	const char *first;

	if (*at < end && **at == '-')
		(*at)++;
	first = *at;
	if (skip_digits(at, end) == 0 || (*first == '0' && *at - first > 1))
		return false;
	if (*at < end && **at == '.') {
		(*at)++;
		if (skip_digits(at, end) == 0)
			return false;
	}
	if (*at < end && (**at == 'e' || **at == 'E')) {
		(*at)++;
		if (*at < end && (**at == '+' || **at == '-'))
			(*at)++;
		if (skip_digits(at, end) == 0)
			return false;
	}
	return true;
}

static inline void skip_space(const char **at, const char *end)
{
	while (*at < end && **at == '\n')
		(*at)++;
}

/* Members of an object of attributes ascend strictly. */
static inline bool skip_members(const char **at, const char *end, int depth)
{
	char last[8] = "";

	for (;;) {
		const char *name = *at + 1;

		if (!skip_string(at, end))
			return false;
		if (*at - name == 9) {
			if (memcmp(last, name, 8) >= 0)
				return false;
			memcpy(last, name, 8);
		}
		if (*at == end || *(*at)++ != ':' || !skip_value(at, end, depth))
			return false;
		if (*at == end || **at != ',')
			return true;
		(*at)++;
		skip_space(at, end);
	}
}

static inline bool skip_value(const char **at, const char *end, int depth)
{
	char open;

	if (*at == end || depth > 200)
		return false;
	open = **at;
	if (open == '"')
		return skip_string(at, end);
	if (open == 'n') {
		*at += 4;
		return *at <= end && memcmp(*at - 4, "null", 4) == 0;
	}
	if (open != '{' && open != '[')
		return skip_number(at, end);
	(*at)++;
	skip_space(at, end);
	if (*at < end && **at == '}' && open == '{') {
		(*at)++;
		return true;
	}
	if (open == '{') {
		if (!skip_members(at, end, depth + 1))
			return false;
	} else {
		while (skip_value(at, end, depth + 1) && *at < end && **at == ',')
			(*at)++;
	}
	skip_space(at, end);
	return *at < end && *(*at)++ == (open == '{' ? '}' : ']');
}

static inline void assert_strict(struct span text)
{
	const char *at = (const char *)text.data, *end = at + text.size;

	assert_true(dc_utf8_valid(text));
	if (!skip_value(&at, end, 0) || at + 1 != end || *at != '\n')
		fail_msg("no strict JSON near: %.100s", at);
}

/* ---- Writing JSON ------------------------------------------------------ */

static inline bool write_json(struct span file, const struct rn_options *options, const char *name,
			      struct buf *out, struct err *err)
{
	struct dc_memory_source source;
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	uint64_t base;
	uint32_t names;

	dc_memory_source_init(&source, file);
	if (!dc_dataset_open(&dataset, &source.base, err))
		return false;
	if (!rn_json_measure(&dataset, options, &base, &names, NULL, err)) {
		struct err again;

		assert_false(rn_json_write(&dataset, name, options, NULL, out, &again));
		assert_int_equal(again.code, err->code);
		assert_string_equal(again.message, err->message);
		return false;
	}
	if (!rn_json_write(&dataset, name, options, NULL, out, err))
		fail_msg("measured, but not written: %s", err->message);
	assert_int_equal(out->size, base + names * rn_json_name_size(name));
	assert_strict(buf_span(out));
	return true;
}

static inline const char *json_of(const struct buf *file, struct buf *out)
{
	struct err err;

	if (!write_json(buf_span(file), &default_options, NAME, out, &err))
		fail_msg("%s", err.message);
	return buf_text(out);
}

#endif
