/*
 * Text of any character set: what comes out is strict UTF-8, with no more
 * separators than went in. Input: the character sets, a NUL, the text.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/charset.h"

/* Each character counted on the way forward. */
static void walk(struct span text)
{
	CLEANUP_BUF struct buf back = buf_empty(BUF_NO_LIMIT);
	size_t at = 0;

	while (at < text.size) {
		size_t before = at;

		dc_utf8_append(&back, dc_utf8_next(text, &at));
		fuzz_require(at > before && at <= text.size, "a character has 1 byte or more");
	}
	fuzz_require(span_equals(buf_span(&back), text), "characters make the text again");
}

static void check_separators(uint16_t vr, struct span value, struct span text)
{
	size_t before = 0, after = 0;

	if (vr == DC_VR_LT)
		return;
	for (size_t i = 0; i < value.size; i++)
		before += value.data[i] == '\\';
	for (size_t i = 0; i < text.size; i++)
		after += text.data[i] == '\\';
	fuzz_require(after <= before, "no separator comes from nowhere");
}

void fuzz_one(struct span input)
{
	static const uint16_t vrs[] = {DC_VR_PN, DC_VR_LO, DC_VR_LT, DC_VR_UC, DC_VR_CS};
	struct span sets = fuzz_take_until(&input, 0);
	struct dc_charset charset = {0};

	/* Any file is of use. */
	if (input.size == 0) {
		input = sets;
		sets = span_of(NULL, 0);
	}
	dc_charset_parse(&charset, sets);
	for (size_t i = 0; i < ARRAY_LEN(vrs); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
		CLEANUP_BUF struct buf again = buf_empty(BUF_NO_LIMIT);

		dc_charset_decode(&charset, vrs[i], input, &out);
		fuzz_require(dc_utf8_valid(buf_span(&out)), "decoded text is UTF-8");
		walk(buf_span(&out));
		check_separators(vrs[i], input, buf_span(&out));
		dc_charset_decode(&charset, vrs[i], input, &again);
		fuzz_require(span_equals(buf_span(&out), buf_span(&again)), "and is the same again");
	}
}
