/*
 * Text of any character set: what comes out is strict UTF-8, and names made of
 * it keep the rules of the tree. Input: the character sets, a NUL, the text.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/fuzz.h"

#include "dicom/charset.h"
#include "index/names.h"

static void require(bool condition, const char *what)
{
	if (!condition) {
		fprintf(stderr, "fuzz-text: broken promise: %s\n", what);
		abort();
	}
}

static void check_folder_name(const char *name)
{
	size_t size = strlen(name);

	require(size > 0 && size <= IX_FOLDER_NAME_MAX, "a folder name has 1 to 60 bytes");
	require(dc_utf8_valid(span_of(name, size)), "a folder name is UTF-8");
	require(strpbrk(name, "/\\:*?\"<>|;$^'`") == NULL, "no special characters in a name");
	require(name[0] != '-' && name[0] != '.', "no name starts with - or .");
	require(name[size - 1] != '.' && name[size - 1] != ' ', "no name ends in . or space");
}

static void check_names(const char *text)
{
	struct dc_facts facts = {0};
	char name[256];

	for (size_t fact = 0; fact < DC_FACT_COUNT; fact++)
		facts.fact[fact] = text;
	ix_name_patient(&facts, 0x123456789abcdefu, IX_HASH_TEXT, name);
	check_folder_name(name);
	ix_name_study(&facts, 0x123456789abcdefu, IX_HASH_TEXT, name);
	check_folder_name(name);
	ix_name_series(&facts, 0x123456789abcdefu, IX_HASH_TEXT, name);
	check_folder_name(name);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint16_t vrs[] = {DC_VR_PN, DC_VR_LO, DC_VR_LT, DC_VR_UC, DC_VR_CS};
	const uint8_t *end = size > 0 ? memchr(data, 0, size) : NULL;
	size_t head = end != NULL ? (size_t)(end - data) : 0;
	size_t skip = end != NULL ? head + 1 : 0;
	struct dc_charset charset = {0};

	dc_charset_parse(&charset, span_of(data, head));
	for (size_t i = 0; i < ARRAY_LEN(vrs); i++) {
		CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

		dc_charset_decode(&charset, vrs[i], span_of(data + skip, size - skip), &out);
		require(dc_utf8_valid(buf_span(&out)), "decoded text is UTF-8");
		check_names(buf_text(&out));
	}
	return 0;
}
