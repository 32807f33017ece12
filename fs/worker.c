/* SPDX-License-Identifier: MIT */
#include "fs/worker.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "fs/confine.h"
#include "fs/message.h"

/* What it ends with when the daemon is gone, or speaks nonsense. */
#define EXIT_ALONE 0
#define EXIT_CONFUSED 1
#define EXIT_FORBIDDEN 2

/* Memory that is kept from one task to the next: pages that are fresh from the kernel
 * cost more than all else that another process does. Beyond it, and after a pause, it
 * goes back. */
#define KEEP_MEMORY (64 << 20)
#define LARGEST_KEPT (32 << 20) /* the most that the C library takes */
#define KEEP_MS 2000
/* So much is cheaper to overwrite than to get anew. */
#define OVERWRITTEN (2 << 20)

struct worker {
	uint64_t group;      /* whose memory is kept */
	bool warm;           /* some is */
	uint64_t own_memory; /* before it was confined */
	uint64_t allowed;    /* bytes more than that, by the task; 0: all */
	struct fs_worker_page *page;
	uint8_t *memory; /* all of the shared memory that is mapped */
	size_t mapped;
	size_t dirty; /* bytes that a result may have had of it */
	fs_work_fn work;
	void *context;
};

/* Between two pages that nobody may touch: who writes beyond it dies of that. */
static uint8_t *map_guarded(int fd, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (size + page - 1) / page * page;
	uint8_t *room = mmap(NULL, whole + 2 * page, PROT_NONE,
			     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (room == MAP_FAILED)
		return NULL;
	if (mmap(room + page, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0) ==
	    MAP_FAILED) {
		(void)munmap(room, whole + 2 * page);
		return NULL;
	}
	return room + page;
}

static void unmap_guarded(uint8_t *memory, size_t size)
{
	const size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t whole = (size + page - 1) / page * page;

	(void)munmap(memory - page, whole + 2 * page);
}

/* ---- Messages ------------------------------------------------------------- */

struct message {
	struct fs_task_header header;
	uint8_t told[FS_TASK_MAX];
	size_t told_size;
	int fds[FS_MESSAGE_FDS]; /* source, output; -1: none */
};

static void receive_message(struct message *message)
{
	struct iovec parts[] = {
		{.iov_base = &message->header, .iov_len = sizeof(message->header)},
		{.iov_base = message->told, .iov_len = sizeof(message->told)},
	};
	ssize_t got = fs_message_receive(FS_WORKER_CHANNEL, parts, ARRAY_LEN(parts), message->fds);

	if (got == 0)
		_exit(EXIT_ALONE);
	if (got < (ssize_t)sizeof(message->header))
		_exit(EXIT_CONFUSED);
	message->told_size = (size_t)got - sizeof(message->header);
}

static void answer(const struct fs_task_reply *reply)
{
	struct iovec part = fs_message_part(reply, sizeof(*reply));

	if (!fs_message_send(FS_WORKER_CHANNEL, &part, 1, NULL, 0))
		_exit(EXIT_ALONE);
}

/* The answer to the task that asked for it; then nothing of it goes on. */
static void on_forbidden(int number, siginfo_t *info, void *context)
{
	const struct fs_task_reply reply = {.err = {.code = ERR_ABORTED, .sys = info->si_syscall}};

	(void)number;
	(void)context;
	answer(&reply);
	_exit(EXIT_FORBIDDEN);
}

/* ---- Memory --------------------------------------------------------------- */

static void give_memory_back(struct worker *worker)
{
	(void)malloc_trim(0);
	if (worker->mapped > FS_WORKER_PAGE)
		(void)madvise(worker->memory + FS_WORKER_PAGE, worker->mapped - FS_WORKER_PAGE,
			      MADV_REMOVE);
	worker->dirty = 0;
	worker->warm = false;
}

/* Bytes of the one arena that are free at its end, as a piece. */
static size_t free_at_end(void **piece)
{
	size_t size = mallinfo2().keepcost;
	uint8_t *end = sbrk(0);

	*piece = size > 64 ? malloc(size - 64) : NULL;
	/* Another piece that was free and fits comes first. */
	if (*piece != NULL && end - (uint8_t *)*piece >= (ptrdiff_t)(size - 64) &&
	    end - (uint8_t *)*piece < (ptrdiff_t)size + 64)
		return size - 64;
	free(*piece);
	*piece = NULL;
	return 0;
}

/* What one group has left is not for the next. What is free in the middle of the arena
 * goes back to the kernel; what is free at its end, which is all as a rule, is
 * overwritten where that is cheaper. */
static void clear_memory(struct worker *worker)
{
	size_t size;
	void *rest;

	(void)malloc_trim(OVERWRITTEN);
	size = free_at_end(&rest);
	if (rest != NULL)
		explicit_bzero(rest, size);
	else
		(void)malloc_trim(0);
	free(rest);
	explicit_bzero((uint8_t *)worker->page + FS_WORKER_PAGE, worker->dirty);
	worker->dirty = 0;
}

static void receive(struct worker *worker, struct message *message)
{
	struct pollfd channel = {.fd = FS_WORKER_CHANNEL, .events = POLLIN};

	if (worker->warm && poll(&channel, 1, KEEP_MS) == 0)
		give_memory_back(worker);
	receive_message(message);
	if (worker->warm && message->header.group != worker->group)
		clear_memory(worker);
	worker->group = message->header.group;
	worker->warm = true;
}

/* ---- Tasks ---------------------------------------------------------------- */

static bool map_shared(struct worker *worker, size_t size, struct err *err)
{
	uint8_t *memory;

	if (size <= worker->mapped)
		return true;
	memory = map_guarded(FS_WORKER_MEMORY, size);
	if (memory == NULL)
		return err_set_sys(err, errno, "cannot map %zu bytes", size);
	if (worker->memory != NULL)
		unmap_guarded(worker->memory, worker->mapped);
	worker->memory = memory;
	worker->mapped = size;
	worker->page = (struct fs_worker_page *)(void *)memory;
	return true;
}

static uint64_t used_ns(void)
{
	struct timespec used;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return (uint64_t)used.tv_sec * 1000000000u + (uint64_t)used.tv_nsec;
}

static void allow(struct worker *worker, uint64_t memory)
{
	if (memory == worker->allowed || worker->own_memory == 0)
		return;
	/* What a larger task has left would count, too. */
	if (memory != 0 && (worker->allowed == 0 || memory < worker->allowed))
		(void)malloc_trim(0);
	fs_confine_task(memory > 0 && memory < UINT64_MAX - worker->own_memory
				? worker->own_memory + memory
				: 0);
	worker->allowed = memory;
}

static bool work_into(struct worker *worker, const struct message *message, uint8_t *memory,
		      size_t capacity, struct fs_task_reply *reply)
{
	struct buf out = buf_over(memory, capacity);
	const struct fs_work work = {
		.told = span_of(message->told, message->told_size),
		.source_fd = message->fds[0],
		.cancel = &worker->page->cancel,
		.out = &out,
	};
	bool done = worker->work(worker->context, &work, &reply->err);

	done = done && buf_ok(&out, &reply->err);
	reply->size = out.size;
	return done;
}

static void do_task(struct worker *worker, const struct message *message,
		    struct fs_task_reply *reply)
{
	size_t capacity = (size_t)message->header.capacity;
	uint8_t *own = NULL;

	if (message->header.own_output) {
		own = map_guarded(message->fds[1], capacity + 1);
		if (own == NULL) {
			(void)err_set_sys(&reply->err, errno, "cannot map %zu bytes", capacity);
			return;
		}
		reply->done = work_into(worker, message, own, capacity, reply);
		/* The daemon closes it for writing, and no writer may be left. */
		unmap_guarded(own, capacity + 1);
	} else if (map_shared(worker, fs_worker_memory_size(capacity), &reply->err)) {
		worker->dirty = MAX_OF(worker->dirty, capacity);
		reply->done = work_into(worker, message, worker->memory + FS_WORKER_PAGE, capacity,
					reply);
	}
}

_Noreturn void fs_worker_run(const struct fs_filter *filter, uint64_t memory, fs_work_fn work,
			     void *context)
{
	struct worker worker = {.work = work, .context = context};
	struct message *message = malloc(sizeof(*message));
	struct err err = {0};

	(void)mallopt(M_MMAP_THRESHOLD, LARGEST_KEPT);
	(void)mallopt(M_TRIM_THRESHOLD, KEEP_MEMORY);
	if (message == NULL || !map_shared(&worker, FS_WORKER_PAGE, &err))
		_exit(EXIT_CONFUSED);
	worker.own_memory = fs_own_memory();
	if (!fs_confine(filter, memory, on_forbidden, &err)) {
		/* Said once, instead of the first task's answer; then there is no worker. */
		struct fs_task_reply reply = {.err = err};

		receive_message(message);
		answer(&reply);
		_exit(EXIT_CONFUSED);
	}
	for (;;) {
		struct fs_task_reply reply = {.done = false};
		uint64_t before = used_ns();

		receive(&worker, message);
		allow(&worker, message->header.memory);
		do_task(&worker, message, &reply);
		base_close_fd(&message->fds[0]);
		base_close_fd(&message->fds[1]);
		reply.used_ns = used_ns() - before;
		answer(&reply);
	}
}
