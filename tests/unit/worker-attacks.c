/* SPDX-License-Identifier: MIT */
#include "tests/unit/worker-attacks.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

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

	for (size_t i = 0; i < ATTACK_CAPACITY + 3 * 4096; i++)
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

/* Bytes of pictures: what it looks for in memory that nobody has written to, and what
 * it leaves there. */
struct traces {
	uint8_t theirs, own;
	size_t found;
};

/* Behind it comes what stays, so that what is freed is not the end of the memory. */
static void look_in(struct traces *traces, size_t size)
{
	volatile uint8_t *fresh = malloc(size);
	void *volatile stays = malloc(32);

	if (fresh == NULL || stays == NULL)
		abort();
	for (size_t i = 0; i < size; i++) {
		traces->found += fresh[i] == traces->theirs;
		fresh[i] = traces->own;
	}
	free((void *)(uintptr_t)fresh);
}

static void *look_in_thread(void *traces)
{
	look_in(traces, (size_t)8 << 20);
	look_in(traces, (size_t)100000);
	return NULL;
}

/* Which two bytes, the word says. The picture is how many it has found. */
static void look_for_others(const struct fs_work *work, const char *word)
{
	struct traces traces = {.theirs = (uint8_t)word[0], .own = (uint8_t)word[1]};
	pthread_t thread;

	look_in(&traces, (size_t)1 << 20);
	look_in(&traces, (size_t)3 << 20);
	if (pthread_create(&thread, NULL, look_in_thread, &traces) != 0 ||
	    pthread_join(thread, NULL) != 0)
		abort();
	for (size_t i = 1000; i < ATTACK_CAPACITY; i++)
		traces.found += work->out->data[i] == traces.theirs;
	buf_printf(work->out, "%zu", traces.found);
	memset(work->out->data + 1000, traces.own, ATTACK_CAPACITY - 1000);
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
		/* fork() of newer C libraries lets no signal come meanwhile. */
		(void)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
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

bool worker_attack(void *context, const struct fs_work *work, struct err *err)
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
		memset(buf_extend(work->out, ATTACK_CAPACITY), 0x5a, ATTACK_CAPACITY);
	else if (strcmp(word, "more") == 0)
		(void)buf_extend(work->out, ATTACK_CAPACITY + 1);
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
	else if (strncmp(word, "others", 6) == 0)
		look_for_others(work, word + 6);
	else if (try_forbidden(word))
		buf_append_text(work->out, "it was allowed");
	return true;
}
