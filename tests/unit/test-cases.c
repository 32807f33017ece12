/*
 * Every recipe of tests/cases/ is a test: FOLDER/good-*, bad-*, unsupported-*.
 * What a recipe may say is in tests/tools/recipe.h and tests/unit/case-check.h.
 *
 *   test-cases [PART-OF-NAME]      only these
 *
 * Without a name each of test-cases and test-cases-2, the same program, takes half
 * of them: below valgrind they take minutes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/recipe.h"
#include "tests/unit/case-check.h"

#include <dirent.h>
#include <setjmp.h>
#include <cmocka.h>

#define MAX_CASES 1000

struct list {
	char *names[MAX_CASES]; /* "folder/good-name" */
	size_t count;
};

static const char *cases_folder(struct buf *path)
{
	const char *top = getenv("top_srcdir");

	buf_truncate(path, 0);
	buf_printf(path, "%s/tests/cases", top != NULL ? top : ".");
	return buf_text(path);
}

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* ---- One recipe -------------------------------------------------------- */

static bool has_expectation(const struct recipe *recipe, const char *word)
{
	for (size_t i = 0; i < recipe->expectation_count; i++) {
		struct span text = recipe->expectations[i].text;

		if (text.size > strlen(word) && starts_with((const char *)text.data, word))
			return true;
	}
	return false;
}

/* "png FRAME error ..." */
static bool refuses_frame(const struct recipe *recipe)
{
	for (size_t i = 0; i < recipe->expectation_count; i++) {
		struct span text = recipe->expectations[i].text;

		if (starts_with((const char *)text.data, "png ") &&
		    memmem(text.data, text.size, " error ", 7) != NULL)
			return true;
	}
	return false;
}

/* The name promises what kind of outcome the recipe must pin down. */
static bool check_name(const char *base, const struct recipe *recipe, struct buf *problem)
{
	bool refused = has_expectation(recipe, "error ") || has_expectation(recipe, "damage ") ||
		       has_expectation(recipe, "note ") || refuses_frame(recipe);

	if (starts_with(base, "good-")) {
		if (recipe->expectation_count > 0 && !has_expectation(recipe, "error ") &&
		    !has_expectation(recipe, "damage "))
			return true;
		buf_append_text(problem, "a good case expects something, but no error or damage");
	} else if (starts_with(base, "bad-") || starts_with(base, "unsupported-")) {
		if (refused)
			return true;
		buf_append_text(problem, "it does not say which error it expects");
	} else {
		buf_append_text(problem, "its name begins with none of good- bad- unsupported-");
	}
	return false;
}

static void check_beginnings(const struct recipe *recipe, const char *name)
{
	size_t size = recipe->file.size, step = size / 700 + 1;

	for (size_t end = 0; end < size; end += step) {
		CLEANUP_BUF struct buf problem = buf_empty(BUF_NO_LIMIT);

		if (!case_survives(span_of(recipe->file.data, end), &problem))
			fail_msg("%s: its first %zu bytes: %s", name, end, buf_text(&problem));
	}
}

/* Behind the preamble, where a byte means something. */
static void check_damages(struct recipe *recipe, const char *name)
{
	static const uint8_t flips[] = {0xff, 0x80, 0x01};
	size_t size = recipe->file.size, start = size > 256 ? 128 : 0;
	size_t step = (size - start) / 700 + 1;

	for (size_t at = start; at < size; at += step) {
		CLEANUP_BUF struct buf problem = buf_empty(BUF_NO_LIMIT);
		uint8_t flip = flips[at % ARRAY_LEN(flips)];
		bool ok;

		recipe->file.data[at] ^= flip;
		ok = case_survives(buf_span(&recipe->file), &problem);
		recipe->file.data[at] ^= flip;
		if (!ok)
			fail_msg("%s: byte %zu changed by %02x: %s", name, at, flip,
				 buf_text(&problem));
	}
}

/* False: the program was built without what it needs. */
static bool run_case(const char *name)
{
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf problem = buf_empty(BUF_NO_LIMIT);
	CLEANUP_RECIPE struct recipe recipe = {0};
	struct err err;

	(void)cases_folder(&path);
	buf_printf(&path, "/%s.recipe", name);
	if (!recipe_read_file(buf_text(&path), &text, &err) ||
	    !recipe_build(&recipe, buf_span(&text), &err))
		fail_msg("%s: %s", name, err.message);
	if (!case_has_needs(&recipe))
		return false;
	if (!check_name(strchr(name, '/') + 1, &recipe, &problem) || !case_check(&recipe, &problem))
		fail_msg("%s: %s", name, buf_text(&problem));
	check_beginnings(&recipe, name);
	check_damages(&recipe, name);
	return true;
}

static void test_case(void **state)
{
	if (!run_case(*state))
		skip();
}

/* ---- All of them ------------------------------------------------------- */

static void add(struct list *list, const char *folder, const char *file, const char *filter)
{
	size_t size = strlen(file), suffix = strlen(".recipe");
	char *name;

	if (size <= suffix || strcmp(file + size - suffix, ".recipe") != 0 ||
	    list->count == MAX_CASES)
		return;
	if (asprintf(&name, "%s/%.*s", folder, (int)(size - suffix), file) < 0)
		return;
	if (filter == NULL || strstr(name, filter) != NULL)
		list->names[list->count++] = name;
	else
		free(name);
}

static void add_folder(struct list *list, const char *folder, const char *filter)
{
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	struct dirent *entry;
	DIR *dir;

	(void)cases_folder(&path);
	buf_printf(&path, "/%s", folder);
	dir = opendir(buf_text(&path));
	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		add(list, folder, entry->d_name, filter);
	(void)closedir(dir);
}

static int compare_names(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;

	return strcmp(*left, *right);
}

static void find_cases(struct list *list, const char *filter)
{
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	struct dirent *entry;
	DIR *dir = opendir(cases_folder(&path));

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.')
			add_folder(list, entry->d_name, filter);
	(void)closedir(dir);
	qsort(list->names, list->count, sizeof(*list->names), compare_names);
}

static void test_there_are_cases(void **state)
{
	const struct list *list = *state;

	assert_true(list->count > 0);
}

/* The half that a program of this name takes. */
static void take_half(struct list *list, const char *program)
{
	size_t size = strlen(program), second = size > 2 && strcmp(program + size - 2, "-2") == 0;
	size_t kept = 0;

	for (size_t i = 0; i < list->count; i++) {
		if (i % 2 == second)
			list->names[kept++] = list->names[i];
		else
			free(list->names[i]);
	}
	list->count = kept;
}

int main(int argc, char **argv)
{
	static struct CMUnitTest tests[MAX_CASES + 1];
	struct list list = {.count = 0};
	int failed;

	find_cases(&list, argc > 1 ? argv[1] : NULL);
	if (argc < 2)
		take_half(&list, argv[0]);
	tests[0] = (struct CMUnitTest)cmocka_unit_test_prestate(test_there_are_cases, &list);
	for (size_t i = 0; i < list.count; i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = list.names[i],
			.test_func = test_case,
			.initial_state = list.names[i],
		};
	failed = _cmocka_run_group_tests("cases", tests, list.count + 1, NULL, NULL);
	for (size_t i = 0; i < list.count; i++)
		free(list.names[i]);
	return failed;
}
