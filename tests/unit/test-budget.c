/* SPDX-License-Identifier: MIT */
#include "fs/budget.h"

#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

#define MIB ((uint64_t)1 << 20)
#define LIMIT (100 * MIB)

struct taker {
	pthread_t thread;
	struct fs_budget *budget;
	uint64_t bytes;
	atomic_bool cancel, has, failed;
};

static void *take(void *context)
{
	struct taker *taker = context;
	struct err err = {0};

	if (fs_budget_take(taker->budget, taker->bytes, &taker->cancel, &err))
		atomic_store(&taker->has, true);
	else
		atomic_store(&taker->failed, err.code == ERR_INTERRUPTED);
	return NULL;
}

static void start(struct taker *taker, struct fs_budget *budget, uint64_t bytes)
{
	*taker = (struct taker){.budget = budget, .bytes = bytes};
	assert_int_equal(pthread_create(&taker->thread, NULL, take, taker), 0);
}

/* Long enough to see that somebody waits. */
static void pause_ms(long ms)
{
	const struct timespec pause = {.tv_nsec = ms * 1000000};

	(void)nanosleep(&pause, NULL);
}

static void assert_waits(struct taker *taker)
{
	pause_ms(60);
	assert_false(atomic_load(&taker->has));
}

static void assert_has(struct taker *taker)
{
	assert_int_equal(pthread_join(taker->thread, NULL), 0);
	assert_true(atomic_load(&taker->has));
}

static void must_take(struct fs_budget *budget, uint64_t bytes)
{
	struct err err = {0};

	assert_true(fs_budget_take(budget, bytes, NULL, &err));
}

static void test_small_never_wait(void **state)
{
	struct fs_budget budget;

	(void)state;
	fs_budget_init(&budget, LIMIT);
	must_take(&budget, 5 * LIMIT);
	for (int i = 0; i < 100; i++)
		must_take(&budget, FS_BUDGET_LARGE - 1);
	for (int i = 0; i < 100; i++)
		fs_budget_give(&budget, FS_BUDGET_LARGE - 1);
	fs_budget_give(&budget, 5 * LIMIT);
	fs_budget_release(&budget);
}

static void test_no_bound(void **state)
{
	struct fs_budget budget;

	(void)state;
	fs_budget_init(&budget, 0);
	must_take(&budget, UINT64_MAX);
	must_take(&budget, UINT64_MAX);
	fs_budget_give(&budget, UINT64_MAX);
	fs_budget_give(&budget, UINT64_MAX);
	fs_budget_release(&budget);
}

static void test_large_share(void **state)
{
	struct fs_budget budget;
	struct taker third;

	(void)state;
	fs_budget_init(&budget, LIMIT);
	must_take(&budget, 50 * MIB);
	must_take(&budget, 50 * MIB);
	start(&third, &budget, 20 * MIB);
	assert_waits(&third);
	fs_budget_give(&budget, 50 * MIB);
	assert_has(&third);
	fs_budget_give(&budget, 50 * MIB);
	fs_budget_give(&budget, 20 * MIB);
	fs_budget_release(&budget);
}

/* Larger than all there is: alone, and those behind it do not go first. */
static void test_in_turn(void **state)
{
	struct fs_budget budget;
	struct taker largest, next;

	(void)state;
	fs_budget_init(&budget, LIMIT);
	must_take(&budget, 50 * MIB);
	start(&largest, &budget, UINT64_MAX / 2);
	assert_waits(&largest);
	start(&next, &budget, 20 * MIB);
	assert_waits(&next);
	fs_budget_give(&budget, 50 * MIB);
	assert_has(&largest);
	assert_waits(&next);
	fs_budget_give(&budget, UINT64_MAX / 2);
	assert_has(&next);
	fs_budget_give(&budget, 20 * MIB);
	fs_budget_release(&budget);
}

static void test_cancelled(void **state)
{
	struct fs_budget budget;
	struct taker first, next;

	(void)state;
	fs_budget_init(&budget, LIMIT);
	must_take(&budget, 90 * MIB);
	start(&first, &budget, 60 * MIB);
	assert_waits(&first);
	start(&next, &budget, 20 * MIB);
	assert_waits(&next);
	atomic_store(&first.cancel, true);
	assert_int_equal(pthread_join(first.thread, NULL), 0);
	assert_true(atomic_load(&first.failed));
	fs_budget_give(&budget, 90 * MIB);
	assert_has(&next);
	fs_budget_give(&budget, 20 * MIB);
	fs_budget_release(&budget);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_small_never_wait), cmocka_unit_test(test_no_bound),
		cmocka_unit_test(test_large_share),      cmocka_unit_test(test_in_turn),
		cmocka_unit_test(test_cancelled),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
