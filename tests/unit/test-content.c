/* SPDX-License-Identifier: MIT */
#include "tests/unit/content-ground.h"

#include <errno.h>
#include <time.h>

static void test_many_ask_one_makes(void **state)
{
	struct ground *ground = *state;
	struct ask asks[40];

	open_gate(ground, true);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		ask(&asks[i], ground, 5);
	wait_until(ground, &ground->made, 1);
	open_gate(ground, false);
	wait_until(ground, &ground->done, ARRAY_LEN(asks));
	assert_int_equal(ground->made, 1);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		assert_string_equal(asks[i].text, "instance 5 frame 1");
	ask(&asks[0], ground, 5);
	assert_string_equal(asks[0].text, "instance 5 frame 1");
	assert_int_equal(ground->made, 1);
}

struct asker {
	pthread_t thread;
	struct ground *ground;
	unsigned seed;
};

static void *ask_a_lot(void *context)
{
	struct asker *asker = context;

	for (unsigned i = 0; i < 300; i++) {
		int64_t instance = (int64_t)((i * 7 + asker->seed * 13) % 50) + 1;
		struct ask one;
		char expected[64];

		ask(&one, asker->ground, instance);
		/* Somebody else's answer may wake us; our own is what counts. */
		pthread_mutex_lock(&asker->ground->lock);
		while (one.text[0] == '\0')
			pthread_cond_wait(&asker->ground->changed, &asker->ground->lock);
		pthread_mutex_unlock(&asker->ground->lock);
		(void)snprintf(expected, sizeof(expected), "instance %lld frame 1",
			       (long long)instance);
		assert_string_equal(one.text, expected);
	}
	return NULL;
}

static void test_many_ask_for_many(void **state)
{
	struct ground *ground = *state;
	struct asker askers[8];

	for (unsigned i = 0; i < ARRAY_LEN(askers); i++) {
		askers[i] = (struct asker){.ground = ground, .seed = i};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, ask_a_lot, &askers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(askers); i++)
		pthread_join(askers[i].thread, NULL);
	assert_int_equal(ground->made, 50);
}

static void test_failures(void **state)
{
	static const struct {
		enum err_code code;
		unsigned made, failed; /* after asking twice */
	} rows[] = {
		{ERR_CORRUPT, 1, 1}, {ERR_UNSUPPORTED, 1, 1}, {ERR_LIMIT, 1, 1},
		{ERR_IO, 2, 1}, /* tried again, reported once */
		{ERR_STALE, 2, 0},   {ERR_NOMEM, 2, 0},       {ERR_INTERRUPTED, 2, 0},
	};
	struct ground *ground = *state;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ask one;

		ground->fail = rows[i].code;
		ground->made = ground->failed = ground->done = 0;
		ask(&one, ground, 100 + (int64_t)i);
		wait_until(ground, &ground->done, 1);
		assert_int_equal(one.code, rows[i].code);
		ask(&one, ground, 100 + (int64_t)i);
		wait_until(ground, &ground->done, 2);
		assert_int_equal(one.code, rows[i].code);
		assert_int_equal(ground->made, rows[i].made);
		assert_int_equal(ground->failed, rows[i].failed);
	}
}

static void test_cancel_all(void **state)
{
	struct ground *ground = *state;
	struct ask asks[10];

	open_gate(ground, true);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		ask(&asks[i], ground, (int64_t)i);
	wait_until(ground, &ground->made, 1);
	fs_content_cancel_all(ground->content);
	wait_until(ground, &ground->done, ARRAY_LEN(asks));
	assert_true(ground->cancelled);
	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		assert_int_equal(asks[i].code, ERR_INTERRUPTED);
}

static void test_what_is_to_be_kept_is_handed_on(void **state)
{
	struct ground *ground = *state;
	struct ask asks[6];

	for (size_t i = 0; i < ARRAY_LEN(asks); i++)
		ask(&asks[i], ground, (int64_t)i);
	wait_until(ground, &ground->done, ARRAY_LEN(asks));
	wait_until(ground, &ground->kept, 3);
	/* What is in memory is not handed on again. */
	ask(&asks[0], ground, 0);
	assert_true(fs_pool_stop(ground->pool, 20000));
	assert_int_equal(ground->kept, 3);
}

/* ---- Ahead --------------------------------------------------------------- */

static void ahead(struct ground *ground, int64_t instance)
{
	struct fs_key key = key_of(instance);
	struct ix_instance row = {.id = instance};

	fs_content_ahead(ground->content, &key, &row);
}

static void drop_ahead(struct ground *ground, int64_t instance)
{
	struct fs_key key = key_of(instance);

	fs_content_drop_ahead(ground->content, &key);
}

static unsigned made_so_far(struct ground *ground)
{
	unsigned count;

	pthread_mutex_lock(&ground->lock);
	count = ground->made;
	pthread_mutex_unlock(&ground->lock);
	return count;
}

static void test_made_ahead_it_is_there(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	ahead(ground, 7);
	ahead(ground, 7);
	wait_until(ground, &ground->made, 1);
	ask(&one, ground, 7);
	wait_until(ground, &ground->done, 1);
	assert_string_equal(one.text, "instance 7 frame 1");
	ahead(ground, 7);
	ask(&one, ground, 8);
	wait_until(ground, &ground->done, 2);
	assert_int_equal(ground->made, 2);
}

static void test_who_asks_waits_for_what_is_under_way(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	open_gate(ground, true);
	ahead(ground, 7);
	wait_until(ground, &ground->made, 1);
	ask(&one, ground, 7);
	/* Not any more: somebody waits. */
	drop_ahead(ground, 7);
	open_gate(ground, false);
	wait_until(ground, &ground->done, 1);
	assert_string_equal(one.text, "instance 7 frame 1");
	assert_int_equal(ground->made, 1);
}

/* Of three workers two may be in the background, and what is asked for goes
 * before what waits there. */
static void test_asked_for_goes_first(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	open_gate(ground, true);
	for (int64_t i = 1; i <= 6; i++)
		ahead(ground, i);
	wait_until(ground, &ground->made, 2);
	ask(&one, ground, 20);
	wait_until(ground, &ground->made, 3);
	assert_int_equal(ground->order[2], 20);
	open_gate(ground, false);
	wait_until(ground, &ground->done, 1);
	wait_until(ground, &ground->made, 7);
}

/* The one worker does nothing but what somebody waits for. */
static void test_raised_it_goes_before_its_like(void **state)
{
	struct ground *ground = *state;
	struct ask one, two;

	for (int64_t i = 1; i <= 6; i++)
		ahead(ground, i);
	ask(&one, ground, 20);
	wait_until(ground, &ground->done, 1);
	ask(&two, ground, 6);
	wait_until(ground, &ground->done, 2);
	assert_int_equal(made_so_far(ground), 2);
	assert_int_equal(ground->order[0], 20);
	assert_int_equal(ground->order[1], 6);
}

/* One that runs in the background and is raised makes room for another. */
static void test_raised_it_is_background_no_more(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	open_gate(ground, true);
	for (int64_t i = 1; i <= 4; i++)
		ahead(ground, i);
	wait_until(ground, &ground->made, 2);
	ask(&one, ground, 1);
	wait_until(ground, &ground->made, 3);
	assert_int_equal(ground->order[2], 3);
	open_gate(ground, false);
	wait_until(ground, &ground->made, 4);
	wait_until(ground, &ground->done, 1);
}

static void test_dropped_it_is_not_made(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	open_gate(ground, true);
	for (int64_t i = 1; i <= 4; i++)
		ahead(ground, i);
	wait_until(ground, &ground->made, 2);
	drop_ahead(ground, 1);
	drop_ahead(ground, 2);
	drop_ahead(ground, 3);
	/* 1 and 2 see that they are cancelled; 3 was never begun. */
	wait_until(ground, &ground->made, 3);
	pthread_mutex_lock(&ground->lock);
	assert_int_equal(ground->order[2], 4);
	assert_true(ground->cancelled);
	pthread_mutex_unlock(&ground->lock);
	/* And can be asked for again. */
	ask(&one, ground, 3);
	open_gate(ground, false);
	wait_until(ground, &ground->done, 1);
	assert_string_equal(one.text, "instance 3 frame 1");
	/* Unknown ones do no harm. */
	drop_ahead(ground, 99);
}

static void test_dropped_and_asked_for_it_runs_once(void **state)
{
	struct ground *ground = *state;
	struct ask one;

	/* One that has not seen yet that it was dropped is as good as ever. */
	ground->deaf = true;
	open_gate(ground, true);
	ahead(ground, 1);
	wait_until(ground, &ground->made, 1);
	drop_ahead(ground, 1);
	ask(&one, ground, 1);
	assert_int_equal(made_so_far(ground), 1);
	open_gate(ground, false);
	wait_until(ground, &ground->done, 1);
	assert_string_equal(one.text, "instance 1 frame 1");
	assert_int_equal(ground->made, 1);
	/* One that sees it begins again if need be, whenever it does. */
	ground->deaf = false;
	for (int64_t i = 2; i < 300; i++) {
		unsigned before = made_so_far(ground);

		open_gate(ground, true);
		ahead(ground, i);
		wait_until(ground, &ground->made, before + 1);
		drop_ahead(ground, i);
		ask(&one, ground, i);
		pthread_mutex_lock(&ground->lock);
		assert_true(ground->running <= 1);
		pthread_mutex_unlock(&ground->lock);
		open_gate(ground, false);
		wait_until(ground, &ground->done, (unsigned)i);
		assert_int_equal(one.code, ERR_NONE);
	}
}

/* What fails for good is reported, and known at once when somebody asks; what may
 * go well another time is not. */
static void test_failures_ahead(void **state)
{
	static const struct {
		enum err_code code;
		unsigned failed;
	} rows[] = {
		{ERR_CORRUPT, 1}, {ERR_UNSUPPORTED, 1}, {ERR_IO, 0}, {ERR_STALE, 0}, {ERR_NOMEM, 0},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ground *ground;
		struct ask one;

		assert_int_equal(open_ground(state), 0);
		ground = *state;
		ground->fail = rows[i].code;
		ahead(ground, 1);
		assert_true(fs_pool_stop(ground->pool, 20000));
		assert_int_equal(ground->made, 1);
		assert_int_equal(ground->failed, rows[i].failed);
		if (rows[i].failed > 0) {
			ask(&one, ground, 1);
			assert_int_equal(one.code, rows[i].code);
		}
		assert_int_equal(close_ground(state), 0);
	}
}

static void test_nothing_ahead_after_the_end(void **state)
{
	struct ground *ground = *state;

	open_gate(ground, true);
	for (int64_t i = 1; i <= 9; i++)
		ahead(ground, i);
	fs_content_cancel_all(ground->content);
	ahead(ground, 10);
	assert_true(fs_pool_stop(ground->pool, 20000));
	assert_true(ground->made <= 9);
}

/* Threads that ask, prepare and drop the same few, all at once. */
static void *do_all(void *context)
{
	struct asker *asker = context;
	unsigned seed = asker->seed;

	for (unsigned i = 0; i < 400; i++) {
		int64_t instance = rand_r(&seed) % 12 + 1;
		struct ask one;

		ahead(asker->ground, instance + 1);
		if (rand_r(&seed) % 3 == 0)
			drop_ahead(asker->ground, rand_r(&seed) % 12 + 1);
		ask(&one, asker->ground, instance);
		pthread_mutex_lock(&asker->ground->lock);
		while (one.text[0] == '\0')
			pthread_cond_wait(&asker->ground->changed, &asker->ground->lock);
		pthread_mutex_unlock(&asker->ground->lock);
	}
	return NULL;
}

static void test_all_at_once(void **state)
{
	struct ground *ground = *state;
	struct asker askers[6];

	for (unsigned i = 0; i < ARRAY_LEN(askers); i++) {
		askers[i] = (struct asker){.ground = ground, .seed = i};
		assert_int_equal(pthread_create(&askers[i].thread, NULL, do_all, &askers[i]), 0);
	}
	for (size_t i = 0; i < ARRAY_LEN(askers); i++)
		pthread_join(askers[i].thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_many_ask_one_makes, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_many_ask_for_many, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_failures, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_cancel_all, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_what_is_to_be_kept_is_handed_on, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_made_ahead_it_is_there, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_who_asks_waits_for_what_is_under_way,
						open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_asked_for_goes_first, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_raised_it_goes_before_its_like,
						open_lone_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_raised_it_is_background_no_more, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_dropped_it_is_not_made, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_dropped_and_asked_for_it_runs_once,
						open_ground, close_ground),
		cmocka_unit_test(test_failures_ahead),
		cmocka_unit_test_setup_teardown(test_nothing_ahead_after_the_end, open_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_all_at_once, open_ground, close_ground),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
