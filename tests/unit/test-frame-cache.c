/* SPDX-License-Identifier: MIT */
#include "fs/frames.h"

#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

#include "dicom/facts.h"

#define KEYS 64 /* that are remembered */

/* A real file with some frames. */
struct ground {
	int fd;
	struct dc_file_source source;
	struct dc_dataset dataset;
	struct dc_facts facts;
};

static bool open_file(struct ground *ground)
{
	const char *folder = getenv("DICOMFS_TEST_DATA");
	const char *top = getenv("top_srcdir");
	struct err err = {0};
	char path[4096];

	if (folder != NULL)
		(void)snprintf(path, sizeof(path), "%s/pydicom/examples_ybr_color.dcm", folder);
	else
		(void)snprintf(path, sizeof(path),
			       "%s/../shared/data/pydicom/examples_ybr_color.dcm",
			       top != NULL ? top : ".");
	memset(ground, 0, sizeof(*ground));
	ground->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (ground->fd < 0)
		return false;
	dc_file_source_init(&ground->source, ground->fd, (uint64_t)lseek(ground->fd, 0, SEEK_END),
			    NULL);
	dc_facts_init(&ground->facts);
	assert_true(dc_dataset_open(&ground->dataset, &ground->source.base, &err));
	assert_true(dc_facts_read(&ground->facts, &ground->dataset, NULL, &err));
	return true;
}

static void close_file(struct ground *ground)
{
	dc_facts_release(&ground->facts);
	dc_dataset_release(&ground->dataset);
	dc_source_release(&ground->source.base);
	base_close_fd(&ground->fd);
}

/* To be compared only. */
static const struct dc_frame_index *get(struct fs_frames *frames, struct ground *ground,
					int64_t instance, uint64_t fingerprint)
{
	const struct fs_key key = {
		.instance = instance, .fingerprint = fingerprint, .frame = 3, .kind = 2};
	struct dc_frame_index *index = NULL;
	struct err err = {0};

	assert_true(fs_frames_get(frames, &key, &ground->dataset, &ground->facts.image, &index,
				  &err));
	assert_non_null(index);
	dc_frame_index_unref(index);
	return index;
}

static struct fs_frames *open_frames(uint64_t limit)
{
	struct fs_frames *frames = NULL;
	struct err err = {0};

	assert_true(fs_frames_open(&frames, limit, &err));
	return frames;
}

static uint64_t size_of_one(struct ground *ground)
{
	struct dc_frame_index *index = NULL;
	struct err err = {0};
	uint64_t size;

	assert_true(dc_frame_index_build(&index, &ground->dataset, &ground->facts.image, &err));
	size = dc_frame_index_size(index);
	dc_frame_index_unref(index);
	return size;
}

static void test_remembered(void **state)
{
	struct ground ground;
	struct fs_frames *frames;
	const struct dc_frame_index *one, *other;

	(void)state;
	if (!open_file(&ground))
		skip();
	frames = open_frames((uint64_t)1 << 20);
	one = get(frames, &ground, 1, 7);
	other = get(frames, &ground, 1, 8);
	assert_ptr_not_equal(one, other);
	assert_ptr_equal(get(frames, &ground, 1, 7), one);
	assert_ptr_equal(get(frames, &ground, 1, 8), other);
	/* The least recently used one goes: 1,8. */
	assert_ptr_equal(get(frames, &ground, 1, 7), one);
	for (int64_t i = 0; i < KEYS - 1; i++)
		(void)get(frames, &ground, 100 + i, 7);
	assert_ptr_equal(get(frames, &ground, 1, 7), one);
	fs_frames_close(frames);
	close_file(&ground);
}

static void test_the_bound(void **state)
{
	struct ground ground;
	struct fs_frames *frames;
	const struct dc_frame_index *one;
	struct dc_frame_index *held = NULL;
	const struct fs_key key = {.instance = 5};
	struct err err = {0};
	uint64_t size;

	(void)state;
	if (!open_file(&ground))
		skip();
	size = size_of_one(&ground);
	assert_true(size > 0);
	/* Room for two. */
	frames = open_frames(size * 2 + size / 2);
	one = get(frames, &ground, 1, 0);
	(void)get(frames, &ground, 2, 0);
	assert_ptr_equal(get(frames, &ground, 1, 0), one);
	(void)get(frames, &ground, 3, 0);
	assert_ptr_equal(get(frames, &ground, 1, 0), one);
	fs_frames_close(frames);
	/* For none: each is the caller's alone, and stays when all else is gone. */
	frames = open_frames(size - 1);
	assert_true(fs_frames_get(frames, &key, &ground.dataset, &ground.facts.image, &held, &err));
	fs_frames_close(frames);
	assert_int_equal(dc_frame_index_size(held), size);
	dc_frame_index_unref(held);
	fs_frames_close(NULL);
	close_file(&ground);
}

static void *ask(void *context)
{
	struct fs_frames *frames = context;
	struct ground ground;

	assert_true(open_file(&ground));
	for (int i = 0; i < 300; i++)
		(void)get(frames, &ground, i % 5, 1);
	close_file(&ground);
	return NULL;
}

static void test_many_ask(void **state)
{
	struct fs_frames *frames;
	struct ground ground;
	pthread_t threads[4];

	(void)state;
	if (!open_file(&ground))
		skip();
	frames = open_frames(size_of_one(&ground) * 3);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, frames), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		pthread_join(threads[i], NULL);
	fs_frames_close(frames);
	close_file(&ground);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_remembered),
		cmocka_unit_test(test_the_bound),
		cmocka_unit_test(test_many_ask),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
