/*
 * The time of day jumps while somebody waits for a scan by another process: it is
 * waited for until it has been, and not longer.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "fs/update.h"

#define DAY (24 * 3600)

/* Instead of the C library's. */
static atomic_llong jump;

int clock_gettime(clockid_t clock, struct timespec *now)
{
	long result = syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += atomic_load(&jump);
	return (int)result;
}

struct writer {
	struct store *store;
	long long jump; /* before it begins */
	atomic_bool quit;
	bool ok;
};

/* Scans once, when it is asked. */
static void *wait_for_wish(void *context)
{
	const struct timespec pause = {.tv_nsec = 10000000};
	struct writer *writer = context;
	struct err err = {0};

	while (!ix_scan_requested(writer->store->index) && !atomic_load(&writer->quit))
		(void)nanosleep(&pause, NULL);
	atomic_store(&jump, writer->jump);
	writer->ok = ix_scan(writer->store->index, &writer->store->options, &err);
	return NULL;
}

static void update(struct store *store, long long before, long long after)
{
	char variant[] = "";
	const struct fs_options options = {
		.store = store->root, .index_path = store->path, .variant = variant};
	const struct fs_ground ground = {.store_fd = store->fd, .quiet_fd = -1};
	struct writer writer = {.store = store, .jump = after};
	struct ix_index *follower = NULL;
	pthread_t thread;
	struct err err = {0};

	atomic_store(&jump, before);
	assert_true(fs_open_index(&follower, &options, false, &err));
	assert_false(ix_is_writer(follower));
	assert_int_equal(pthread_create(&thread, NULL, wait_for_wish, &writer), 0);
	if (!fs_update_index(&follower, &options, &ground, NULL, NULL, &err))
		fail_msg("%s", err.message);
	/* It has been: not an earlier one was taken for it. */
	assert_false(ix_scan_requested(store->index));
	atomic_store(&writer.quit, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(writer.ok);
	ix_close(follower);
}

static void test_jumps(void **state)
{
	struct store store;

	(void)state;
	store_make(&store);
	store_put(&store, "a", &(struct words){.sop = "1.1"});
	store_scan(&store);
	update(&store, 0, 0);
	store_put(&store, "b", &(struct words){.sop = "1.2"});
	update(&store, 0, -DAY);
	assert_int_equal(store_status(&store).counts.instances, 2);
	store_put(&store, "c", &(struct words){.sop = "1.3"});
	update(&store, -2 * DAY, 0);
	assert_int_equal(store_status(&store).counts.instances, 3);
	store_put(&store, "d", &(struct words){.sop = "1.4"});
	update(&store, DAY, 0);
	assert_int_equal(store_status(&store).counts.instances, 4);
	store_remove(&store);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {cmocka_unit_test(test_jumps)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
