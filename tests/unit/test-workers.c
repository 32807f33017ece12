/* SPDX-License-Identifier: MIT */
#include "fs/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "dicom/number.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

/* A decoder whose every picture is an attack: it does what it is told, in words. */

#define CAPACITY ((size_t)100000)

static bool turn(const struct fs_work *work, struct err *err)
{
	uint8_t bytes[256];
	ssize_t got = pread(work->source_fd, bytes, sizeof(bytes), 0);

	if (got < 0)
		return err_set_sys(err, errno, "source");
	for (ssize_t i = got; i > 0; i--)
		buf_append_byte(work->out, bytes[i - 1]);
	return true;
}

static void *wait_for_ever(void *mutex)
{
	(void)pthread_mutex_lock(mutex);
	return NULL;
}

static void hang(void)
{
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	(void)pthread_mutex_lock(&mutex);
	(void)wait_for_ever(&mutex);
}

static void spin(const atomic_bool *end)
{
	volatile unsigned count = 0;

	while (end == NULL || !atomic_load(end))
		count++;
}

/* Pieces, all of which are used; nobody looks whether there is memory. */
static void eat_memory(void)
{
	for (;;) {
		uint8_t *piece = malloc((size_t)1 << 20);

		memset(piece, 1, (size_t)1 << 20);
		__asm__ volatile("" : : "r"(piece) : "memory");
	}
}

/* Small pieces until there are no more, and all of them back: the C library then
 * wants to know how the kernel deals with memory. */
static bool starve(struct err *err)
{
	void **last = NULL, **piece;

	while ((piece = malloc(60000)) != NULL) {
		*piece = last;
		last = piece;
	}
	for (; last != NULL; last = piece) {
		piece = *last;
		free(last);
	}
	return err_set(err, ERR_NOMEM, "out of memory");
}

static void write_beyond(const struct fs_work *work)
{
	volatile uint8_t *at = work->out->data;

	for (size_t i = 0; i < CAPACITY + 3 * 4096; i++)
		at[i] = 1;
}

static int outside_fd(void)
{
	int ends[2];

	return pipe2(ends, O_CLOEXEC) == 0 ? ends[0] : -1;
}

static void make_code(void)
{
	static const uint8_t give_back[] = {0xc3};
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	memcpy(page, give_back, sizeof(give_back));
	(void)mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static void *count_up(void *number)
{
	atomic_fetch_add((atomic_int *)number, 1);
	return NULL;
}

static bool use_threads(const struct fs_work *work, struct err *err)
{
	atomic_int number = 0;
	pthread_t threads[3];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		int sys = pthread_create(&threads[i], NULL, count_up, &number);

		if (sys != 0)
			return err_set_sys(err, sys, "thread");
	}
	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		(void)pthread_join(threads[i], NULL);
	buf_printf(work->out, "%d", atomic_load(&number));
	return true;
}

/* How many bytes of a picture it finds in memory that it has not written to, of
 * which it then makes one. */
static void look_for_others(const struct fs_work *work)
{
	const size_t size = (size_t)1 << 20;
	volatile uint8_t *fresh = malloc(size);
	size_t found = 0;

	if (fresh == NULL)
		abort();
	for (size_t i = 0; i < size; i++) {
		found += fresh[i] == 0x5a;
		fresh[i] = 0x5a;
	}
	for (size_t i = 1000; i < CAPACITY; i++)
		found += work->out->data[i] == 0x5a;
	buf_printf(work->out, "%zu", found);
	memset(work->out->data + 1000, 0x5a, CAPACITY - 1000);
	free((void *)(uintptr_t)fresh);
}

/* True: it was one of these, and has come back. */
static bool try_forbidden(const char *word)
{
	char program[] = "/bin/true";
	char *arguments[] = {program, NULL};

	if (strcmp(word, "open") == 0)
		(void)open("/etc/passwd", O_RDONLY | O_CLOEXEC);
	else if (strcmp(word, "socket") == 0)
		(void)socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	else if (strcmp(word, "execve") == 0)
		(void)execve(program, arguments, arguments + 1);
	else if (strcmp(word, "fork") == 0)
		(void)fork();
	else if (strcmp(word, "kill") == 0)
		(void)kill(1, 0);
	else if (strcmp(word, "pipe") == 0)
		(void)outside_fd();
	else if (strcmp(word, "code") == 0)
		make_code();
	else
		return false;
	return true;
}

static bool work(void *context, const struct fs_work *work, struct err *err)
{
	volatile uint8_t *volatile nowhere = NULL;
	char word[32];

	(void)snprintf(word, sizeof(word), "%.*s", (int)work->told.size,
		       (const char *)work->told.data);
	if (strcmp(word, "turn") == 0)
		return turn(work, err);
	if (strcmp(word, "context") == 0)
		buf_append_text(work->out, context);
	else if (strcmp(word, "fail") == 0)
		return err_set(err, ERR_CORRUPT, "a bad\npicture");
	else if (strcmp(word, "fill") == 0)
		memset(buf_extend(work->out, CAPACITY), 0x5a, CAPACITY);
	else if (strcmp(word, "more") == 0)
		(void)buf_extend(work->out, CAPACITY + 1);
	else if (strcmp(word, "threads") == 0)
		return use_threads(work, err);
	else if (strcmp(word, "crash") == 0)
		*nowhere = 1;
	else if (strcmp(word, "abort") == 0)
		abort();
	else if (strcmp(word, "exit") == 0)
		_exit(0);
	else if (strcmp(word, "hang") == 0)
		hang();
	else if (strcmp(word, "spin") == 0)
		spin(NULL);
	else if (strcmp(word, "until") == 0)
		spin(work->cancel);
	else if (strcmp(word, "eat") == 0)
		eat_memory();
	else if (strcmp(word, "starve") == 0)
		return starve(err);
	else if (strcmp(word, "beyond") == 0)
		write_beyond(work);
	else if (strcmp(word, "others") == 0)
		look_for_others(work);
	else if (try_forbidden(word))
		buf_append_text(work->out, "it was allowed");
	return true;
}

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
		.work = work,
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
		.capacity = CAPACITY,
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
	char text[600];

	(void)state;
	for (uint64_t group = 1; group < 20; group++) {
		assert_true(ask_as(group, "others", text, &code));
		assert_true(bytes_found(text) < 4096);
	}
	(void)nanosleep(&pause, NULL);
	assert_true(ask_as(19, "others", text, &code));
	assert_true(bytes_found(text) < 4096);
	/* Else it would be shown by nothing. */
	assert_true(ask_as(19, "others", text, &code));
	if (!SANITIZED)
		assert_true(bytes_found(text) > 500000);
}

/* A memory file, which nobody can write to any more. */
static void test_own_file(void **state)
{
	int fd = memfd_create("result", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	struct fs_task task = {
		.told = span_of_text("fill"),
		.source_fd = ground.source_fd,
		.capacity = CAPACITY,
		.output_fd = fd,
	};
	struct err err = {0};
	uint8_t byte;

	(void)state;
	assert_int_equal(ftruncate(fd, CAPACITY + 1), 0);
	if (!fs_workers_do(ground.workers, &task, &err))
		fail_msg("%s", err.message);
	assert_int_equal(task.size, CAPACITY);
	assert_int_equal(lseek(fd, 0, SEEK_END), CAPACITY);
	assert_int_equal(pread(fd, &byte, 1, CAPACITY - 1), 1);
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
	if (SANITIZED)
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
	if (SANITIZED)
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
	if (SANITIZED)
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
	for (size_t i = 0; i < ARRAY_LEN(more) && !SANITIZED; i++) {
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
			.capacity = CAPACITY,
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
		TEST(test_result),       TEST(test_error_is_one_line),
		TEST(test_renewed),      TEST(test_own_file),
		TEST(test_many_at_once), TEST(test_crash),
		TEST(test_hang),         TEST(test_memory),
		TEST(test_no_memory),    TEST(test_forbidden),
		TEST(test_cancelled),    TEST(test_killed),
		TEST(test_nothing_left),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
