/* SPDX-License-Identifier: MIT */
#include "fs/pattern.h"

#include <setjmp.h>

#include <cmocka.h>

#define COUNT 100

/* Opens by one order, or by several that a test makes up. */
struct walk {
	struct fs_pattern pattern;
	uint32_t max;
	unsigned dropped;
};

static void on_drop(const struct fs_stream *stream, void *context)
{
	struct walk *walk = context;

	assert_true(stream->ahead > 0);
	walk->dropped += stream->ahead;
}

static struct walk begin(uint8_t orders)
{
	struct walk walk = {.max = 8};

	fs_pattern_init(&walk.pattern, orders);
	return walk;
}

/* Opens; fills the window; the stream that it belongs to. */
static struct fs_stream *open_at(struct walk *walk, const uint32_t *positions)
{
	struct fs_stream *stream =
		fs_pattern_note(&walk->pattern, positions, walk->max, on_drop, walk);
	uint32_t position;

	while (stream != NULL && stream->ahead < stream->window &&
	       fs_stream_position(stream, stream->ahead + 1, COUNT, &position))
		stream->ahead++;
	return stream;
}

static struct fs_stream *open_one(struct walk *walk, uint32_t position)
{
	return open_at(walk, (const uint32_t[FS_PATTERN_ORDERS]){position, position, position});
}

/* Positions made ahead, furthest first or last. */
static void assert_ahead(const struct fs_stream *stream, uint32_t from, uint32_t to)
{
	uint32_t first, last;

	assert_non_null(stream);
	assert_true(stream->ahead > 0);
	assert_true(fs_stream_position(stream, 1, COUNT, &first));
	assert_true(fs_stream_position(stream, stream->ahead, COUNT, &last));
	assert_int_equal(first, from);
	assert_int_equal(last, to);
}

static void test_forward(void **state)
{
	struct walk walk = begin(1);

	(void)state;
	assert_null(open_one(&walk, 10));
	assert_ahead(open_one(&walk, 11), 12, 12);
	assert_ahead(open_one(&walk, 12), 13, 14);
	assert_ahead(open_one(&walk, 13), 14, 17);
	assert_ahead(open_one(&walk, 14), 15, 22);
	/* No further than the bound, however long it goes on. */
	for (uint32_t i = 15; i < 90; i++)
		assert_ahead(open_one(&walk, i), i + 1, i + 8);
	assert_int_equal(walk.dropped, 0);
}

static void test_backward(void **state)
{
	struct walk walk = begin(1);

	(void)state;
	assert_null(open_one(&walk, 50));
	assert_ahead(open_one(&walk, 49), 48, 48);
	assert_ahead(open_one(&walk, 48), 47, 46);
	for (uint32_t i = 47; i > 20; i--)
		assert_non_null(open_one(&walk, i));
	assert_ahead(open_one(&walk, 20), 19, 12);
}

static void test_ends(void **state)
{
	struct walk walk = begin(1);
	const struct fs_stream *stream;

	(void)state;
	for (uint32_t i = 90; i < COUNT - 1; i++)
		(void)open_one(&walk, i);
	stream = open_one(&walk, COUNT - 1);
	assert_non_null(stream);
	assert_int_equal(stream->ahead, 0);
	for (uint32_t i = 9; i > 0; i--)
		(void)open_one(&walk, i);
	stream = open_one(&walk, 0);
	assert_non_null(stream);
	assert_int_equal(stream->ahead, 0);
}

static void test_the_same_again(void **state)
{
	struct walk walk = begin(1);

	(void)state;
	for (int i = 0; i < 10; i++)
		assert_null(open_one(&walk, 10));
	(void)open_one(&walk, 11);
	for (int i = 0; i < 10; i++)
		assert_ahead(open_one(&walk, 11), 12, 12);
	assert_int_equal(walk.dropped, 0);
}

static void test_random(void **state)
{
	static const uint32_t positions[] = {3, 90, 17, 55, 30, 71, 9, 44, 62, 81, 25, 99, 0};
	struct walk walk = begin(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(positions); i++)
		assert_null(open_one(&walk, positions[i]));
}

static void test_leaving_drops(void **state)
{
	struct walk walk = begin(1);

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		(void)open_one(&walk, i);
	assert_null(open_one(&walk, 60));
	assert_int_equal(walk.dropped, 8);
	/* Who goes on has to show it again. */
	assert_ahead(open_one(&walk, 10), 11, 12);
}

static void test_turning(void **state)
{
	struct walk walk = begin(1);
	const struct fs_stream *stream = NULL;

	(void)state;
	for (uint32_t i = 20; i < 40; i++)
		(void)open_one(&walk, i);
	for (uint32_t i = 38; i > 30; i--)
		stream = open_one(&walk, i);
	assert_non_null(stream);
	assert_int_equal(stream->direction, -1);
	assert_true(walk.dropped >= 7);
	stream = open_one(&walk, 30);
	assert_ahead(stream, 29, 22);
}

/* By order 2 alone they are neighbours. */
static void test_orders(void **state)
{
	struct walk walk = begin(FS_PATTERN_ORDERS);
	const struct fs_stream *stream = NULL;

	(void)state;
	for (uint32_t i = 0; i < 20; i++)
		stream = open_at(&walk, (const uint32_t[]){i * 37 % COUNT, i * 61 % COUNT, i});
	assert_non_null(stream);
	assert_int_equal(stream->order, 2);
	assert_ahead(stream, 20, 27);
}

static void test_two_readers(void **state)
{
	struct walk walk = begin(1);

	(void)state;
	(void)open_one(&walk, 10);
	(void)open_one(&walk, 60);
	(void)open_one(&walk, 11);
	(void)open_one(&walk, 61);
	for (uint32_t i = 12; i < 30; i++) {
		assert_non_null(open_one(&walk, i));
		assert_non_null(open_one(&walk, i + 50));
	}
	assert_ahead(open_one(&walk, 30), 31, 38);
	assert_ahead(open_one(&walk, 80), 81, 88);
	assert_int_equal(walk.dropped, 0);
}

/* Four that share the work, out of step. */
static void test_a_group(void **state)
{
	static const uint32_t steps[] = {1, 0, 2, 3};
	struct walk walk = begin(1);
	const struct fs_stream *stream = NULL;

	(void)state;
	for (uint32_t i = 0; i < 40; i++)
		stream = open_one(&walk, i / 4 * 4 + steps[i % 4]);
	assert_ahead(stream, 40, 47);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forward),    cmocka_unit_test(test_backward),
		cmocka_unit_test(test_ends),       cmocka_unit_test(test_the_same_again),
		cmocka_unit_test(test_random),     cmocka_unit_test(test_leaving_drops),
		cmocka_unit_test(test_turning),    cmocka_unit_test(test_orders),
		cmocka_unit_test(test_two_readers), cmocka_unit_test(test_a_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
