/* SPDX-License-Identifier: MIT */
#include "tests/unit/content-ground.h"

#include <unistd.h>

/* ---- In the thread that asks ------------------------------------------------ */

static bool make_promptly(void *context, struct fs_thread *thread, const struct fs_key *key,
			  const struct ix_instance *instance, const atomic_bool *cancel,
			  int fd, struct buf *out, bool *keep, struct err *err)
{
	struct ground *ground = context;

	if (thread->prompt && ground->deaf)
		return err_set(err, ERR_IO, "not in memory");
	return make(context, thread, key, instance, cancel, fd, out, keep, err);
}

static void ask_here(struct ask *ask, struct ground *ground, int64_t instance)
{
	struct fs_key key = key_of(instance);
	const struct ix_instance row = {.id = instance};
	struct fs_thread thread;

	fs_thread_init(&thread, NULL);
	prepare(ask, ground);
	fs_content_get_here(ground->content, &thread, &key, &row, &ask->waiter);
	assert_false(thread.prompt);
	fs_thread_release(&thread);
}

static int open_prompt_ground(void **state)
{
	return open_ground_with(state, (struct fs_content_ops){.make = make_promptly});
}

static void test_made_in_the_thread_that_asks(void **state)
{
	struct ground *ground = *state;
	struct fs_key key = key_of(5);
	struct ask ask;

	assert_false(fs_content_has(ground->content, &key));
	ask_here(&ask, ground, 5);
	/* No other thread was waited for. */
	assert_int_equal(ground->done, 1);
	assert_string_equal(ask.text, "instance 5 frame 1");
	assert_true(fs_content_has(ground->content, &key));
	ask_here(&ask, ground, 5);
	assert_int_equal(ground->made, 1);
	ground->fail = ERR_CORRUPT;
	ask_here(&ask, ground, 6);
	/* The pool tries it once more, and tells. */
	wait_until(ground, &ground->done, 3);
	assert_int_equal(ground->failed, 1);
	assert_int_equal(ask.code, ERR_CORRUPT);
}

static void test_what_would_wait_goes_to_the_pool(void **state)
{
	struct ground *ground = *state;
	struct ask ask;

	ground->deaf = true;
	ask_here(&ask, ground, 5);
	wait_until(ground, &ground->done, 1);
	assert_string_equal(ask.text, "instance 5 frame 1");
	assert_int_equal(ground->made, 1);
	assert_int_equal(ground->failed, 0);
}

/* What is made again in no time leaves room for what is not. */
static void test_kept_briefly(void **state)
{
	struct ground *ground = *state;
	struct fs_key slow = key_of(1), first = key_of(2), last = key_of(999);
	struct ask ask;

	ask_here(&ask, ground, 1);
	for (int64_t instance = 2; instance < 1000; instance++) {
		struct fs_key key = key_of(instance);
		const struct ix_instance row = {.id = instance};
		struct fs_thread thread;

		fs_thread_init(&thread, NULL);
		prepare(&ask, ground);
		ask.waiter.brief = true;
		fs_content_get_here(ground->content, &thread, &key, &row, &ask.waiter);
		fs_thread_release(&thread);
	}
	assert_int_equal(ground->made, 999);
	assert_true(fs_content_has(ground->content, &slow));
	assert_false(fs_content_has(ground->content, &first));
	assert_true(fs_content_has(ground->content, &last));
}

/* ---- Memory files ------------------------------------------------------------ */

static size_t size_of_text(void *context, const struct fs_key *key,
			   const struct ix_instance *instance, bool *remote)
{
	(void)context, (void)key, (void)remote;
	/* Instance 7 promises more than it makes. */
	return strlen("instance 5 frame 1") + (instance->id == 7);
}

static int open_file_ground(void **state)
{
	return open_ground_with(state,
				(struct fs_content_ops){.make = make, .file_size = size_of_text});
}

static void test_made_in_a_memory_file(void **state)
{
	struct ground *ground = *state;
	char text[32] = "";
	struct ask ask;

	ask_here(&ask, ground, 5);
	assert_string_equal(ask.text, "instance 5 frame 1");
	assert_true(ask.fd >= 0);
	/* As long as the file itself, and not a byte longer: the kernel asks it. */
	assert_int_equal(pread(ask.fd, text, sizeof(text) - 1, 0), strlen(ask.text));
	assert_string_equal(text, ask.text);
	close(ask.fd);
	ask_here(&ask, ground, 7);
	wait_until(ground, &ground->done, 2);
	assert_int_equal(ask.code, ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_made_in_the_thread_that_asks,
						open_prompt_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_what_would_wait_goes_to_the_pool,
						open_prompt_ground, close_ground),
		cmocka_unit_test_setup_teardown(test_kept_briefly, open_prompt_ground,
						close_ground),
		cmocka_unit_test_setup_teardown(test_made_in_a_memory_file, open_file_ground,
						close_ground),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
