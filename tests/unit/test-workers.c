/* SPDX-License-Identifier: MIT */
#include "fs/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dicom/number.h"
#include "fs/sanitizer.h"
#include "tests/unit/worker-attacks.h"

/* ---- Ground ----------------------------------------------------------------- */

struct ground {
	struct fs_workers *workers;
	int source_fd;
	uint64_t most; /* of the next tasks */
	char context[16];
};

static struct ground ground;

static int open_workers(void **state)
{
	struct fs_workers_options options = {
		.count = 2,
		.memory = (uint64_t)64 << 20,
		.seconds = 1,
		.work = worker_attack,
		.context = ground.context,
	};
	struct err err = {0};

	(void)state;
	(void)snprintf(ground.context, sizeof(ground.context), "before");
	ground.source_fd = memfd_create("source", MFD_CLOEXEC);
	assert_int_equal(write(ground.source_fd, "abc", 3), 3);
	if (!fs_workers_open(&ground.workers, &options, &err))
		fail_msg("%s", err.message);
	(void)snprintf(ground.context, sizeof(ground.context), "later");
	return 0;
}

static int close_workers(void **state)
{
	(void)state;
	fs_workers_close(ground.workers);
	base_close_fd(&ground.source_fd);
	/* Neither a worker nor what keeps them is left. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	return 0;
}

/* The result as text; a failure as its message. */
static bool ask_as(uint64_t group, const char *word, char text[static 600], enum err_code *code)
{
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct fs_task task = {
		.told = span_of_text(word),
		.group = group,
		.source_fd = ground.source_fd,
		.capacity = ATTACK_CAPACITY,
		.output_fd = -1,
		.out = &out,
		.most = ground.most,
	};
	struct err err = {0};
	bool ok = fs_workers_do(ground.workers, &task, &err);

	*code = err.code;
	(void)snprintf(text, 600, "%s", ok ? buf_text(&out) : err.message);
	return ok;
}

static bool ask(const char *word, char text[static 600], enum err_code *code)
{
	return ask_as(0, word, text, code);
}

static void assert_works(void)
{
	enum err_code code;
	char text[600];

	if (!ask("turn", text, &code))
		fail_msg("%s", text);
	assert_string_equal(text, "cba");
}

static void assert_aborted(const char *word, const char *message)
{
	enum err_code code;
	char text[600];

	if (ask(word, text, &code))
		fail_msg("%s: %s", word, text);
	assert_string_equal(text, message);
	assert_int_equal(code, ERR_ABORTED);
	assert_works();
}

/* ---- What goes well ----------------------------------------------------------- */

static void test_result(void **state)
{
	enum err_code code;
	char text[600];

	(void)state;
	for (int i = 0; i < 100; i++)
		assert_works();
	assert_true(ask("context", text, &code));
	assert_string_equal(text, "before");
	assert_true(ask("threads", text, &code));
	assert_string_equal(text, "3");
}

static void test_error_is_one_line(void **state)
{
	enum err_code code;
	char text[600];

	(void)state;
	assert_false(ask("fail", text, &code));
	assert_string_equal(text, "a bad?picture");
	assert_int_equal(code, ERR_CORRUPT);
	assert_false(ask("more", text, &code));
	assert_int_equal(code, ERR_LIMIT);
	assert_works();
}

static void test_renewed(void **state)
{
	(void)state;
	for (int i = 0; i < 2500; i++)
		assert_works();
}

static uint64_t bytes_found(const char *text)
{
	uint64_t found;

	assert_true(dc_number_unsigned(text, &found));
	return found;
}

/* Of another group's pictures no page is left, nor of any after a pause: only what
 * shares a page with what is in use. */
static void test_nothing_left(void **state)
{
	const struct timespec pause = {.tv_sec = 3};
	enum err_code code;
	char text[600], word[] = "others@A";

	(void)state;
	if (UNDER_SANITIZER)
		skip(); /* whose memory is its own */
	for (uint64_t group = 1; group < 20; group++, word[6]++, word[7]++) {
		assert_true(ask_as(group, word, text, &code));
		assert_true(bytes_found(text) < 4 * 4096);
	}
	(void)nanosleep(&pause, NULL);
	assert_true(ask_as(19, word, text, &code));
	assert_true(bytes_found(text) < 4 * 4096);
	/* Else it would be shown by nothing. */
	word[6]++;
	assert_true(ask_as(19, word, text, &code));
	assert_true(bytes_found(text) > 500000);
}

/* A memory file, which nobody can write to any more. */
static void test_own_file(void **state)
{
	int fd = memfd_create("result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct fs_task task = {
		.told = span_of_text("fill"),
		.source_fd = ground.source_fd,
		.capacity = ATTACK_CAPACITY,
		.output_fd = fd,
	};
	struct err err = {0};
	uint8_t byte;

	(void)state;
	assert_int_equal(ftruncate(fd, ATTACK_CAPACITY + 1), 0);
	if (!fs_workers_do(ground.workers, &task, &err))
		fail_msg("%s", err.message);
	assert_int_equal(task.size, ATTACK_CAPACITY);
	assert_int_equal(lseek(fd, 0, SEEK_END), ATTACK_CAPACITY);
	assert_int_equal(pread(fd, &byte, 1, ATTACK_CAPACITY - 1), 1);
	assert_int_equal(byte, 0x5a);
	assert_int_equal(pwrite(fd, &byte, 1, 0), -1);
	assert_int_equal(errno, EPERM);
	assert_int_equal(ftruncate(fd, 0), -1);
	(void)close(fd);
}

static void *ask_many(void *failed)
{
	enum err_code code;
	char text[600];

	for (int i = 0; i < 200; i++) {
		if (!ask(i % 50 == 49 ? "crash" : "turn", text, &code) != (i % 50 == 49))
			*(bool *)failed = true;
	}
	return NULL;
}

static void test_many_at_once(void **state)
{
	struct fs_workers_state counts;
	bool failed[6] = {false};
	pthread_t threads[6];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask_many, &failed[i]), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		(void)pthread_join(threads[i], NULL);
		assert_false(failed[i]);
	}
	fs_workers_state(ground.workers, &counts);
	assert_int_equal(counts.running, 2);
	assert_int_equal(counts.tasks, 1200);
	assert_int_equal(counts.aborted, 24);
}

/* ---- What does not ------------------------------------------------------------ */

static void test_crash(void **state)
{
	(void)state;
	if (UNDER_SANITIZER)
		skip(); /* which has words of its own, and another end */
	assert_aborted("crash", "the decoder crashed (SIGSEGV)");
	assert_aborted("beyond", "the decoder crashed (SIGSEGV)");
	assert_aborted("abort", "the decoder crashed (SIGABRT)");
	assert_aborted("exit", "the decoder ended too early");
}

static void test_hang(void **state)
{
	static const char stopped[] = "the decoder was stopped after ";
	enum err_code code;
	char text[600];

	(void)state;
	/* By its processor time; by the clock on a machine that is busy. */
	assert_false(ask("spin", text, &code));
	assert_memory_equal(text, stopped, strlen(stopped));
	assert_int_equal(code, ERR_ABORTED);
	assert_works();
	assert_aborted("hang", "the decoder was stopped after 2 s, twice decode_seconds");
}

static void test_memory(void **state)
{
	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_aborted("eat", "the decoder crashed (SIGSEGV)");
}

static void assert_limited(const char *message)
{
	enum err_code code;
	char text[600];

	assert_false(ask("starve", text, &code));
	assert_string_equal(text, message);
	assert_int_equal(code, ERR_LIMIT);
	assert_works();
}

/* It is told that there is no more, and lives on. */
static void test_no_memory(void **state)
{
	(void)state;
	if (UNDER_SANITIZER)
		skip();
	assert_limited("decoding takes more than the 64 MiB of decode_memory");
	ground.most = (uint64_t)20 << 20;
	assert_limited("decoding takes more than 20 MiB, for its size too much");
	ground.most = 0;
	assert_limited("decoding takes more than the 64 MiB of decode_memory");
}

static void test_forbidden(void **state)
{
	static const char *const words[][2] = {
		{"open", "openat"},
		{"socket", "socket"},
		{"execve", "execve"},
		{"kill", "kill"},
	};
	static const char *const more[][2] = {
		{"fork", "clone"},
		{"pipe", "pipe2"},
		{"code", "mprotect"},
	};
	char message[100];

	(void)state;
#ifndef HAVE_LIBSECCOMP
	skip();
#endif
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		(void)snprintf(message, sizeof(message),
			       "the decoder was stopped: it tried the system call %s", words[i][1]);
		assert_aborted(words[i][0], message);
	}
	for (size_t i = 0; i < ARRAY_LEN(more) && !UNDER_SANITIZER; i++) {
		(void)snprintf(message, sizeof(message),
			       "the decoder was stopped: it tried the system call %s", more[i][1]);
		assert_aborted(more[i][0], message);
	}
}

static void *cancel_soon(void *cancel)
{
	const struct timespec pause = {.tv_nsec = 100000000};

	(void)nanosleep(&pause, NULL);
	atomic_store((atomic_bool *)cancel, true);
	return NULL;
}

/* Asked to, it ends; else it is ended. */
static void test_cancelled(void **state)
{
	static const char *const words[] = {"until", "spin"};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		atomic_bool cancel = false;
		struct fs_task task = {
			.told = span_of_text(words[i]),
			.source_fd = ground.source_fd,
			.capacity = ATTACK_CAPACITY,
			.output_fd = -1,
			.out = &out,
			.cancel = &cancel,
		};
		struct err err = {0};
		pthread_t thread;
		bool ok;

		assert_int_equal(pthread_create(&thread, NULL, cancel_soon, &cancel), 0);
		ok = fs_workers_do(ground.workers, &task, &err);
		(void)pthread_join(thread, NULL);
		assert_true(ok == (i == 0));
		assert_true(ok || err.code == ERR_INTERRUPTED);
		assert_works();
	}
}

/* Ended from outside, as when memory runs out. */
static void test_killed(void **state)
{
	const struct timespec pause = {.tv_nsec = 500000000};
	char command[100];

	(void)state;
	assert_works();
	(void)snprintf(command, sizeof(command),
		       "pkill -9 -x dicomfs-decode -P \"$(pgrep -x dicomfs-keeper -P %d)\"",
		       (int)getpid());
	assert_int_equal(system(command), 0);
	/* Until they have gone. */
	(void)nanosleep(&pause, NULL);
	/* Those that had nothing to do spoil nothing. */
	for (int i = 0; i < 5; i++)
		assert_works();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_workers, close_workers)
	const struct CMUnitTest tests[] = {
		/* First: see fs_workers_open() of threads that there were. */
		TEST(test_nothing_left), TEST(test_result),    TEST(test_error_is_one_line),
		TEST(test_renewed),      TEST(test_own_file),  TEST(test_many_at_once),
		TEST(test_crash),        TEST(test_hang),      TEST(test_memory),
		TEST(test_no_memory),    TEST(test_forbidden), TEST(test_cancelled),
		TEST(test_killed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
