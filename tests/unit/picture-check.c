/* SPDX-License-Identifier: MIT */
#include "tests/unit/picture-check.h"

#include <setjmp.h>

#include <cmocka.h>

#include "tests/tools/recipe.h"

bool picture_render(struct span file, uint32_t frame, const struct rn_options *options,
		    struct buf *out, struct err *err)
{
	struct dc_memory_source source;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_facts facts CLEANUP_FACTS;
	struct rn_instance instance = {.image = &facts.image, .name = "x"};
	struct rn_request request = {
		.dataset = &dataset, .instance = &instance, .frame = frame, .options = options};
	struct rn_picture picture CLEANUP_PICTURE = {0};
	size_t row_size;

	dc_facts_init(&facts);
	dc_memory_source_init(&source, file);
	if (!dc_dataset_open(&dataset, &source.base, err) ||
	    !dc_facts_read(&facts, &dataset, NULL, err) ||
	    !rn_picture_open(&picture, &request, err))
		return false;
	row_size = (size_t)facts.image.columns * rn_picture_channels(&facts.image);
	for (uint32_t y = 0; y < facts.image.rows; y++) {
		uint8_t *row = buf_extend(out, row_size);

		if (row == NULL || !rn_picture_row(&picture, y, row, err))
			return false;
	}
	return true;
}

static void print_bytes(const char *what, const uint8_t *bytes, size_t size)
{
	print_message("%s:", what);
	for (size_t i = 0; i < size; i++)
		print_message(" %02x", bytes[i]);
	print_message("\n");
}

static bool check_one(const struct picture_case *one)
{
	struct recipe recipe CLEANUP_RECIPE = {0};
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct err err = {0};
	bool ok;

	if (!recipe_build(&recipe, span_of_text(one->recipe), &err))
		fail_msg("%s: %s", one->name, err.message);
	ok = picture_render(buf_span(&recipe.file), one->frame, &rn_default_options, &out, &err);
	if (!ok && one->size == 0 && strcmp(err.message, one->expected) == 0)
		return true;
	if (ok && one->size > 0 &&
	    span_equals(buf_span(&out), span_of(one->expected, one->size)))
		return true;
	print_message("%s: %s\n", one->name, ok ? "other pixels" : err.message);
	if (ok) {
		print_bytes("got", out.data, out.size);
		print_bytes("not", (const uint8_t *)one->expected, one->size);
	}
	return false;
}

int picture_check(const struct picture_case *cases, size_t count)
{
	int wrong = 0;

	for (size_t i = 0; i < count; i++)
		wrong += !check_one(&cases[i]);
	return wrong;
}
