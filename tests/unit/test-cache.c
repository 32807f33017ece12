/* SPDX-License-Identifier: MIT */
#include "fs/cache.h"

#include <sched.h>
#include <setjmp.h>

#include <cmocka.h>

#include "fs/pool.h"

/* ---- The cache ---------------------------------------------------------- */

static struct fs_blob *blob_of(size_t size, uint8_t byte)
{
	struct buf bytes = buf_empty(BUF_NO_LIMIT);
	uint8_t *data = buf_extend(&bytes, size);
	struct fs_blob *blob;

	assert_non_null(data);
	memset(data, byte, size);
	blob = fs_blob_new(&bytes);
	assert_non_null(blob);
	assert_null(bytes.data);
	return blob;
}

static struct fs_key key_of(int64_t instance)
{
	return (struct fs_key){.instance = instance, .fingerprint = 7, .frame = 1, .kind = 2};
}

static void add(struct fs_cache *cache, int64_t instance, size_t size)
{
	struct fs_key key = key_of(instance);
	struct fs_blob *blob = blob_of(size, (uint8_t)instance);

	fs_cache_add(cache, &key, blob);
	fs_blob_unref(blob);
}

static bool has(struct fs_cache *cache, int64_t instance)
{
	struct fs_key key = key_of(instance);
	struct fs_blob *blob = fs_cache_find(cache, &key);
	bool found = blob != NULL && blob->data[0] == (uint8_t)instance;

	fs_blob_unref(blob);
	return found;
}

static struct fs_cache *open_cache(uint64_t limit)
{
	struct fs_cache *cache = NULL;
	struct err err = {0};

	assert_true(fs_cache_open(&cache, limit, &err));
	return cache;
}

static void test_cache_drops_the_least_recently_used(void **state)
{
	struct fs_cache *cache = open_cache(101000);

	(void)state;
	add(cache, 1, 40000);
	add(cache, 2, 40000);
	assert_true(has(cache, 1));
	add(cache, 3, 40000);
	assert_true(has(cache, 1));
	assert_false(has(cache, 2));
	assert_true(has(cache, 3));
	assert_in_range(fs_cache_size(cache), 80000, 81000);
	fs_cache_close(cache);
}

static void test_cache_takes_nothing_larger_than_itself(void **state)
{
	struct fs_cache *cache = open_cache(101000);

	(void)state;
	add(cache, 1, 60000);
	add(cache, 2, 102000);
	assert_true(has(cache, 1));
	assert_false(has(cache, 2));
	fs_cache_close(cache);
}

static void test_keys_differ_in_every_part(void **state)
{
	const struct fs_key key = key_of(1);
	struct fs_key other;

	(void)state;
	assert_true(fs_key_equals(&key, &key));
	other = key, other.instance++;
	assert_false(fs_key_equals(&key, &other));
	other = key, other.fingerprint++;
	assert_false(fs_key_equals(&key, &other));
	other = key, other.frame++;
	assert_false(fs_key_equals(&key, &other));
	other = key, other.kind++;
	assert_false(fs_key_equals(&key, &other));
}

static struct fs_blob *pin(struct fs_cache *cache, int64_t instance, size_t size)
{
	struct fs_key key = key_of(instance);
	struct fs_blob *blob = blob_of(size, (uint8_t)instance);
	struct fs_blob *pinned = fs_cache_pin(cache, &key, blob);

	fs_blob_unref(blob);
	return pinned;
}

static void unpin(struct fs_cache *cache, int64_t instance, struct fs_blob *blob)
{
	struct fs_key key = key_of(instance);

	fs_cache_unpin(cache, &key);
	fs_blob_unref(blob);
}

static void test_pins_stay_and_count(void **state)
{
	struct fs_cache *cache = open_cache(101000);
	struct fs_blob *one = pin(cache, 1, 60000);
	struct fs_blob *again = pin(cache, 1, 60000);
	struct fs_blob *two;

	(void)state;
	assert_non_null(one);
	/* The second handle shares the first one's bytes. */
	assert_ptr_equal(one, again);
	assert_in_range(fs_cache_size(cache), 60000, 61000);
	assert_null(pin(cache, 2, 60000));
	add(cache, 3, 60000);
	assert_true(has(cache, 1));
	assert_false(has(cache, 3));
	two = pin(cache, 4, 40000);
	assert_non_null(two);
	unpin(cache, 1, one);
	add(cache, 5, 30000);
	assert_true(has(cache, 1));
	unpin(cache, 1, again);
	add(cache, 5, 30000);
	assert_false(has(cache, 1));
	assert_true(has(cache, 5));
	assert_true(has(cache, 4));
	unpin(cache, 4, two);
	fs_cache_close(cache);
}

static void test_one_oversized_blob_can_be_pinned(void **state)
{
	struct fs_cache *cache = open_cache(101000);
	struct fs_blob *large = pin(cache, 1, 500000);

	(void)state;
	assert_non_null(large);
	assert_null(pin(cache, 2, 500000));
	assert_null(pin(cache, 3, 10000));
	unpin(cache, 1, large);
	assert_int_equal(fs_cache_size(cache), 0);
	large = pin(cache, 2, 500000);
	assert_non_null(large);
	unpin(cache, 2, large);
	fs_cache_close(cache);
}

/* ---- The pool -------------------------------------------------------------- */

struct counted_job {
	struct fs_job job;
	atomic_uint *count;
};

static void count_job(struct fs_job *job, struct fs_thread *thread)
{
	struct counted_job *counted = (struct counted_job *)job;

	assert_non_null(fs_thread_buffer(thread, 100));
	atomic_fetch_add(counted->count, 1);
}

static void test_pool_runs_all_before_it_stops(void **state)
{
	struct counted_job jobs[1000];
	struct fs_pool *pool = NULL;
	struct err err = {0};
	atomic_uint count = 0;

	(void)state;
	assert_true(fs_pool_open(&pool, "test", 4, NULL, &err));
	assert_true(fs_pool_start(pool, &err));
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = (struct counted_job){.job.run = count_job, .count = &count};
		fs_pool_submit(pool, &jobs[i].job);
	}
	assert_true(fs_pool_stop(pool, 20000));
	assert_int_equal(count, ARRAY_LEN(jobs));
	fs_pool_close(pool);
}

/* ---- Large jobs ------------------------------------------------------------- */

#define LARGE ((uint64_t)60 << 20)
#define LARGE_LIMIT ((uint64_t)100 << 20)

struct large_job {
	struct fs_job job;
	atomic_uint *running, *done;
	atomic_bool *gate;
	bool paid; /* as its thread said */
};

static void run_large(struct fs_job *job, struct fs_thread *thread)
{
	struct large_job *large = (struct large_job *)job;

	large->paid = thread->paid > 0;
	atomic_fetch_add(large->running, 1);
	while (!atomic_load(large->gate))
		(void)sched_yield();
	atomic_fetch_sub(large->running, 1);
	atomic_fetch_add(large->done, 1);
}

static void wait_for(const atomic_uint *count, unsigned value)
{
	while (atomic_load(count) < value)
		(void)sched_yield();
}

/* However many large jobs wait for memory, a small one finds a worker. */
static void test_pool_large_jobs_leave_workers(void **state)
{
	atomic_uint running = 0, done = 0, small = 0;
	atomic_bool gate = false;
	struct large_job large[8];
	struct counted_job jobs[3];
	struct fs_pool *pool = NULL;
	struct fs_budget budget;
	struct err err = {0};

	(void)state;
	fs_budget_init(&budget, LARGE_LIMIT);
	assert_true(fs_pool_open(&pool, "test", 3, NULL, &err));
	fs_pool_share(pool, &budget);
	assert_true(fs_pool_start(pool, &err));
	for (size_t i = 0; i < ARRAY_LEN(large); i++) {
		large[i] = (struct large_job){
			.job.run = run_large, .running = &running, .done = &done, .gate = &gate};
		/* The last one fits beside the first, but not before those in front of it. */
		large[i].job.weight = i + 1 < ARRAY_LEN(large) ? LARGE : LARGE / 2;
		fs_pool_submit(pool, &large[i].job);
	}
	wait_for(&running, 1);
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++) {
		jobs[i] = (struct counted_job){.job.run = count_job, .count = &small};
		jobs[i].job.weight = i;
		fs_pool_submit(pool, &jobs[i].job);
	}
	wait_for(&small, ARRAY_LEN(jobs));
	assert_int_equal(atomic_load(&running), 1);
	assert_false(fs_budget_try(&budget, LARGE));
	while (fs_pool_idle(pool) != 2)
		(void)sched_yield();
	atomic_store(&gate, true);
	wait_for(&done, ARRAY_LEN(large));
	for (size_t i = 0; i < ARRAY_LEN(large); i++)
		assert_true(large[i].paid);
	assert_true(fs_pool_stop(pool, 20000));
	/* All was given back. */
	assert_true(fs_budget_try(&budget, LARGE_LIMIT));
	fs_budget_give(&budget, LARGE_LIMIT);
	fs_pool_close(pool);
	fs_budget_release(&budget);
}

/* What somebody else gives back wakes a worker; and what still waits when the pool
 * stops is run, unpaid, for it has to be answered. */
static void test_pool_large_jobs_wait_for_others(void **state)
{
	atomic_uint running = 0, done = 0;
	atomic_bool gate = true;
	struct large_job large[2];
	struct fs_pool *pool = NULL;
	struct fs_budget budget;
	struct err err = {0};

	(void)state;
	fs_budget_init(&budget, LARGE_LIMIT);
	assert_true(fs_pool_open(&pool, "test", 1, NULL, &err));
	fs_pool_share(pool, &budget);
	assert_true(fs_pool_start(pool, &err));
	for (size_t i = 0; i < ARRAY_LEN(large); i++) {
		large[i] = (struct large_job){
			.job.run = run_large, .running = &running, .done = &done, .gate = &gate};
		large[i].job.weight = LARGE;
	}
	assert_true(fs_budget_try(&budget, LARGE));
	fs_pool_submit(pool, &large[0].job);
	while (fs_pool_idle(pool) != 1)
		(void)sched_yield();
	assert_int_equal(atomic_load(&done), 0);
	fs_budget_give(&budget, LARGE);
	wait_for(&done, 1);
	assert_true(large[0].paid);
	while (!fs_budget_try(&budget, LARGE))
		(void)sched_yield();
	fs_pool_submit(pool, &large[1].job);
	assert_true(fs_pool_stop(pool, 20000));
	assert_int_equal(atomic_load(&done), 2);
	assert_false(large[1].paid);
	fs_budget_give(&budget, LARGE);
	fs_pool_close(pool);
	fs_budget_release(&budget);
}

static struct large_job large_of(uint64_t weight, atomic_uint *running, atomic_uint *done,
				 atomic_bool *gate)
{
	return (struct large_job){.job = {.run = run_large, .weight = weight},
				  .running = running,
				  .done = done,
				  .gate = gate};
}

/* Once a small one that came later is done, all that may run do. */
static void let_run(struct fs_pool *pool)
{
	atomic_uint count = 0;
	struct counted_job job = {.job.run = count_job, .count = &count};

	fs_pool_submit(pool, &job.job);
	wait_for(&count, 1);
	while (fs_pool_idle(pool) != 3)
		(void)sched_yield();
}

/* What nobody waits for takes no memory from what somebody does; withdrawn, it leaves
 * it to those behind it; cancelled, nobody waits for it. */
static void test_pool_large_jobs_have_an_order(void **state)
{
	atomic_uint running = 0, done = 0, ahead = 0;
	atomic_bool gate = true, cancel = false;
	struct large_job first, cancelled, background[3];
	struct fs_pool *pool = NULL;
	struct fs_budget budget;
	struct err err = {0};

	(void)state;
	fs_budget_init(&budget, LARGE_LIMIT);
	assert_true(fs_pool_open(&pool, "test", 3, NULL, &err));
	fs_pool_share(pool, &budget);
	assert_true(fs_pool_start(pool, &err));
	assert_true(fs_budget_try(&budget, LARGE));
	for (size_t i = 0; i < ARRAY_LEN(background); i++)
		background[i] = large_of(i == 1 ? LARGE : LARGE / 2, &running, &ahead, &gate);
	cancelled = large_of(LARGE, &running, &done, &gate);
	cancelled.job.cancel = &cancel;
	fs_pool_submit(pool, &cancelled.job);
	fs_pool_submit_background(pool, &background[0].job);
	let_run(pool);
	assert_int_equal(atomic_load(&done), 0);
	assert_int_equal(atomic_load(&ahead), 0);
	atomic_store(&cancel, true);
	fs_pool_wake(pool);
	wait_for(&done, 1);
	assert_false(cancelled.paid);
	wait_for(&ahead, 1);
	assert_true(background[0].paid);
	/* The second does not fit, the third would. */
	fs_pool_submit_background(pool, &background[1].job);
	fs_pool_submit_background(pool, &background[2].job);
	let_run(pool);
	assert_int_equal(atomic_load(&ahead), 1);
	assert_true(fs_pool_withdraw(pool, &background[1].job));
	wait_for(&ahead, 2);
	fs_budget_give(&budget, LARGE);
	first = large_of(LARGE, &running, &done, &gate);
	fs_pool_submit(pool, &first.job);
	wait_for(&done, 2);
	assert_true(fs_pool_stop(pool, 20000));
	fs_pool_close(pool);
	fs_budget_release(&budget);
}

struct asking_job {
	struct fs_job job;
	struct fs_pool *pool;
	atomic_uint asked, done;
};

static void run_asking(struct fs_job *job, struct fs_thread *thread)
{
	struct asking_job *asking = (struct asking_job *)job;

	/* Small ones need not ask. */
	assert_true(fs_pool_pay(asking->pool, thread, FS_BUDGET_LARGE - 1));
	if (!fs_pool_pay(asking->pool, thread, LARGE)) {
		assert_int_equal(thread->wanted, LARGE);
		job->weight = thread->wanted;
		fs_pool_submit(asking->pool, job);
		atomic_fetch_add(&asking->asked, 1);
		return;
	}
	assert_int_equal(thread->wanted, 0);
	assert_int_equal(thread->paid, LARGE);
	/* It has that already. */
	assert_true(fs_pool_pay(asking->pool, thread, LARGE - 1));
	fs_pool_settle(asking->pool, thread);
	assert_int_equal(thread->paid, 0);
	atomic_fetch_add(&asking->done, 1);
}

static void test_pool_jobs_ask_for_memory(void **state)
{
	struct asking_job asking = {.job.run = run_asking};
	struct fs_budget budget;
	struct err err = {0};

	(void)state;
	fs_budget_init(&budget, LARGE_LIMIT);
	assert_true(fs_pool_open(&asking.pool, "test", 3, NULL, &err));
	fs_pool_share(asking.pool, &budget);
	assert_true(fs_pool_start(asking.pool, &err));
	fs_pool_submit(asking.pool, &asking.job);
	wait_for(&asking.done, 1);
	assert_int_equal(atomic_load(&asking.asked), 0);
	assert_true(fs_budget_try(&budget, LARGE));
	asking.job.weight = 0;
	fs_pool_submit(asking.pool, &asking.job);
	wait_for(&asking.asked, 1);
	let_run(asking.pool);
	assert_int_equal(atomic_load(&asking.done), 1);
	fs_budget_give(&budget, LARGE);
	wait_for(&asking.done, 2);
	assert_int_equal(atomic_load(&asking.asked), 1);
	assert_true(fs_pool_stop(asking.pool, 20000));
	fs_pool_close(asking.pool);
	fs_budget_release(&budget);
}

static void test_pool_background_waits_its_turn(void **state)
{
	struct counted_job jobs[3];
	struct fs_pool *pool = NULL;
	struct err err = {0};
	atomic_uint count = 0, background = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(jobs); i++)
		jobs[i] = (struct counted_job){.job.run = count_job,
					       .count = i == 0 ? &count : &background};
	/* A single worker is left to what is not in the background. */
	assert_true(fs_pool_open(&pool, "test", 1, NULL, &err));
	fs_pool_submit_background(pool, &jobs[1].job);
	fs_pool_submit_background(pool, &jobs[2].job);
	assert_true(fs_pool_withdraw(pool, &jobs[2].job));
	fs_pool_submit(pool, &jobs[0].job);
	assert_true(fs_pool_start(pool, &err));
	while (atomic_load(&count) == 0)
		;
	assert_int_equal(atomic_load(&background), 0);
	fs_pool_raise(pool, &jobs[1].job);
	while (atomic_load(&background) == 0)
		;
	fs_pool_submit_background(pool, &jobs[2].job);
	assert_true(fs_pool_stop(pool, 20000));
	assert_int_equal(atomic_load(&background), 2);
	fs_pool_close(pool);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_drops_the_least_recently_used),
		cmocka_unit_test(test_cache_takes_nothing_larger_than_itself),
		cmocka_unit_test(test_keys_differ_in_every_part),
		cmocka_unit_test(test_pins_stay_and_count),
		cmocka_unit_test(test_one_oversized_blob_can_be_pinned),
		cmocka_unit_test(test_pool_runs_all_before_it_stops),
		cmocka_unit_test(test_pool_large_jobs_leave_workers),
		cmocka_unit_test(test_pool_large_jobs_wait_for_others),
		cmocka_unit_test(test_pool_large_jobs_have_an_order),
		cmocka_unit_test(test_pool_jobs_ask_for_memory),
		cmocka_unit_test(test_pool_background_waits_its_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
