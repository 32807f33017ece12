/* SPDX-License-Identifier: MIT */
#include "tests/unit/content-ground.h"

#include <time.h>
#include <unistd.h>

struct fs_key key_of(int64_t instance)
{
	return (struct fs_key){.instance = instance, .fingerprint = 7, .frame = 1, .kind = 2};
}

bool make(void *context, struct fs_thread *thread, const struct fs_key *key,
	  const struct ix_instance *instance, const atomic_bool *cancel, int fd UNUSED,
	  struct buf *out, bool *keep, struct err *err)
{
	struct ground *ground = context;
	enum err_code fail;

	(void)thread;
	assert_int_equal(instance->id, key->instance);
	assert_false(*keep);
	pthread_mutex_lock(&ground->lock);
	ground->order[ground->made++ % ARRAY_LEN(ground->order)] = key->instance;
	pthread_cond_broadcast(&ground->changed);
	/* Never the same at the same time; the tests that count have one key. */
	ground->running++;
	while (ground->closed && (ground->deaf || !atomic_load(cancel))) {
		struct timespec until;

		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_sec++;
		pthread_cond_timedwait(&ground->changed, &ground->lock, &until);
	}
	ground->running--;
	ground->cancelled = ground->cancelled || atomic_load(cancel);
	fail = ground->fail;
	pthread_mutex_unlock(&ground->lock);
	if (atomic_load(cancel))
		return err_set(err, ERR_INTERRUPTED, "cancelled");
	if (fail != ERR_NONE)
		return err_set(err, fail, "failed");
	*keep = key->instance % 2 == 0;
	buf_printf(out, "instance %lld frame %u", (long long)key->instance, key->frame);
	return buf_ok(out, err);
}

static void made(void *context, const struct fs_key *key, const struct ix_instance *instance,
		 struct fs_blob *blob)
{
	struct ground *ground = context;

	assert_int_equal(key->instance % 2, 0);
	assert_int_equal(instance->id, key->instance);
	assert_true(blob->size > 0);
	pthread_mutex_lock(&ground->lock);
	ground->kept++;
	pthread_cond_broadcast(&ground->changed);
	pthread_mutex_unlock(&ground->lock);
}

static void failed(void *context, struct fs_thread *thread, const struct fs_key *key,
		   const struct err *err)
{
	struct ground *ground = context;

	(void)thread, (void)key;
	if (ground->fail != ERR_NONE)
		assert_string_equal(err->message, "failed");
	pthread_mutex_lock(&ground->lock);
	ground->failed++;
	pthread_mutex_unlock(&ground->lock);
}

static int open_with(void **state, struct fs_content_ops ops, unsigned workers)
{
	struct ground *ground = calloc(1, sizeof(*ground));
	struct err err = {0};

	assert_non_null(ground);
	ops.context = ground;
	ops.made = made;
	ops.failed = failed;
	pthread_mutex_init(&ground->lock, NULL);
	pthread_cond_init(&ground->changed, NULL);
	assert_true(fs_pool_open(&ground->pool, "test", workers, NULL, &err));
	assert_true(fs_pool_start(ground->pool, &err));
	assert_true(fs_content_open(&ground->content, 100000, ground->pool, &ops, &err));
	*state = ground;
	return 0;
}

int open_ground_with(void **state, struct fs_content_ops ops)
{
	return open_with(state, ops, 3);
}

int open_lone_ground(void **state)
{
	return open_with(state, (struct fs_content_ops){.make = make}, 1);
}

int open_ground(void **state)
{
	return open_ground_with(state, (struct fs_content_ops){.make = make});
}

int close_ground(void **state)
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

static void on_done(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	struct ask *ask = (struct ask *)waiter;
	struct ground *ground = ask->ground;

	pthread_mutex_lock(&ground->lock);
	if (blob != NULL)
		(void)snprintf(ask->text, sizeof(ask->text), "%.*s", (int)blob->size,
			       (const char *)blob->data);
	if (blob != NULL && blob->fd >= 0)
		ask->fd = dup(blob->fd);
	ask->code = blob != NULL ? ERR_NONE : err->code;
	ground->done++;
	pthread_cond_broadcast(&ground->changed);
	pthread_mutex_unlock(&ground->lock);
	fs_blob_unref(blob);
}

void prepare(struct ask *ask, struct ground *ground)
{
	*ask = (struct ask){.waiter.done = on_done, .ground = ground, .fd = -1};
}

void ask(struct ask *ask, struct ground *ground, int64_t instance)
{
	struct fs_key key = key_of(instance);
	struct ix_instance row = {.id = instance};

	prepare(ask, ground);
	fs_content_get(ground->content, &key, &row, &ask->waiter);
}

void wait_until(struct ground *ground, const unsigned *count, unsigned value)
{
	pthread_mutex_lock(&ground->lock);
	while (*count < value)
		pthread_cond_wait(&ground->changed, &ground->lock);
	pthread_mutex_unlock(&ground->lock);
}

void open_gate(struct ground *ground, bool closed)
{
	pthread_mutex_lock(&ground->lock);
	ground->closed = closed;
	pthread_cond_broadcast(&ground->changed);
	pthread_mutex_unlock(&ground->lock);
}
