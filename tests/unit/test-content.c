/* SPDX-License-Identifier: MIT */
#include "fs/content.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

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

/* ---- The conductor -------------------------------------------------------- */

struct ground {
	struct fs_pool *pool;
	struct fs_content *content;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	unsigned made, failed;
	unsigned done;  /* waiters that were answered */
	bool closed;    /* make waits while it is set */
	bool cancelled; /* make saw the flag */
	enum err_code fail;
};

static bool make(void *context, struct fs_thread *thread, const struct fs_key *key,
		 const struct ix_instance *instance, const atomic_bool *cancel, struct buf *out,
		 struct err *err)
{
	struct ground *ground = context;
	enum err_code fail;

	(void)thread;
	assert_int_equal(instance->id, key->instance);
	pthread_mutex_lock(&ground->lock);
	ground->made++;
	pthread_cond_broadcast(&ground->changed);
	while (ground->closed && !atomic_load(cancel)) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&ground->changed, &ground->lock, &until);
	}
	ground->cancelled = ground->cancelled || atomic_load(cancel);
	fail = ground->fail;
	pthread_mutex_unlock(&ground->lock);
	if (atomic_load(cancel))
		return err_set(err, ERR_INTERRUPTED, "cancelled");
	if (fail != ERR_NONE)
		return err_set(err, fail, "failed");
	buf_printf(out, "instance %lld frame %u", (long long)key->instance, key->frame);
	return buf_ok(out, err);
}

static void failed(void *context, struct fs_thread *thread, const struct fs_key *key,
		   const struct err *err)
{
	struct ground *ground = context;

	(void)thread, (void)key;
	assert_string_equal(err->message, "failed");
	pthread_mutex_lock(&ground->lock);
	ground->failed++;
	pthread_mutex_unlock(&ground->lock);
}

static int open_ground(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));
	struct fs_content_ops ops = {.make = make, .failed = failed, .context = ground};
	struct err err = {0};

	assert_non_null(ground);
	pthread_mutex_init(&ground->lock, NULL);
	pthread_cond_init(&ground->changed, NULL);
	assert_true(fs_pool_open(&ground->pool, "test", 3, NULL, &err));
	assert_true(fs_pool_start(ground->pool, &err));
	assert_true(fs_content_open(&ground->content, 100000, ground->pool, &ops, &err));
	*state = ground;
	return 0;
}

static int close_ground(void **state)
{
	struct ground *ground = *state;

	assert_true(fs_pool_stop(ground->pool, 20000));
	fs_content_close(ground->content);
	fs_pool_close(ground->pool);
	pthread_cond_destroy(&ground->changed);
	pthread_mutex_destroy(&ground->lock);
	free(ground);
	return 0;
}

struct ask {
	struct fs_waiter waiter;
	struct ground *ground;
	char text[64];
	enum err_code code;
};

static void on_done(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	struct ask *ask = (struct ask *)waiter;
	struct ground *ground = ask->ground;

	pthread_mutex_lock(&ground->lock);
	if (blob != NULL)
		(void)snprintf(ask->text, sizeof(ask->text), "%.*s", (int)blob->size,
			       (const char *)blob->data);
	ask->code = blob != NULL ? ERR_NONE : err->code;
	ground->done++;
	pthread_cond_broadcast(&ground->changed);
	pthread_mutex_unlock(&ground->lock);
	fs_blob_unref(blob);
}

static void ask(struct ask *ask, struct ground *ground, int64_t instance)
{
	struct fs_key key = key_of(instance);
	struct ix_instance row = {.id = instance};

	*ask = (struct ask){.waiter.done = on_done, .ground = ground};
	fs_content_get(ground->content, &key, &row, &ask->waiter);
}

static void wait_until(struct ground *ground, const unsigned *count, unsigned value)
{
	pthread_mutex_lock(&ground->lock);
	while (*count < value)
		pthread_cond_wait(&ground->changed, &ground->lock);
	pthread_mutex_unlock(&ground->lock);
}

static void open_gate(struct ground *ground, bool closed)
{
	pthread_mutex_lock(&ground->lock);
	ground->closed = closed;
	pthread_cond_broadcast(&ground->changed);
	pthread_mutex_unlock(&ground->lock);
}

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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cache_drops_the_least_recently_used),
		cmocka_unit_test(test_cache_takes_nothing_larger_than_itself),
		cmocka_unit_test(test_keys_differ_in_every_part),
		cmocka_unit_test(test_pins_stay_and_count),
		cmocka_unit_test(test_one_oversized_blob_can_be_pinned),
		cmocka_unit_test_setup_teardown(test_many_ask_one_makes, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_many_ask_for_many, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_failures, open_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_cancel_all, open_ground, close_ground),
		cmocka_unit_test(test_pool_runs_all_before_it_stops),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
