/* SPDX-License-Identifier: MIT */
#include "fs/workers.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "dicom/log.h"
#include "fs/confine.h"
#include "fs/keeper.h"
#include "fs/message.h"

/* A task is looked at this often while it runs. */
#define LOOK_MS 20
/* From when on a worker that was told to end is killed. */
#define CANCEL_NS INT64_C(300000000)
/* The clock may run for so much longer than the processor: for a slow disk, and a
 * busy machine. */
#define WAIT_FACTOR 2
/* So many tasks, and another takes its place: what went wrong unseen ends there. */
#define TASKS_MAX 1000u
/* Shared memory that a worker keeps between tasks. */
#define KEEP_MEMORY ((size_t)8 << 20)

struct worker {
	pid_t pid;
	int channel_fd, memory_fd;
	struct fs_worker_page *page; /* NULL: nothing is mapped */
	size_t mapped;
	unsigned tasks;
	uint64_t group; /* of its last task */
	struct worker *next;
};

struct fs_workers {
	struct fs_workers_options options;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct worker *idle;
	unsigned count; /* idle and busy */
	struct fs_workers_state state;
	struct fs_budget budget;
	pthread_mutex_t keeper_lock;
	struct fs_keeper keeper;
};

static int64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- One worker ------------------------------------------------------------ */

static bool map(struct worker *worker, size_t size, struct err *err)
{
	void *page;

	if (size <= worker->mapped)
		return true;
	if (ftruncate(worker->memory_fd, (off_t)size) != 0)
		return err_set_sys(err, errno, "shared memory");
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, worker->memory_fd, 0);
	if (page == MAP_FAILED)
		return err_set_sys(err, errno, "shared memory");
	if (worker->page != NULL)
		(void)munmap(worker->page, worker->mapped);
	worker->page = page;
	worker->mapped = size;
	return true;
}

static void free_worker(struct worker *worker)
{
	if (worker->page != NULL)
		(void)munmap(worker->page, worker->mapped);
	base_close_fd(&worker->memory_fd);
	base_close_fd(&worker->channel_fd);
	free(worker);
}

static struct worker *start_worker(struct fs_workers *workers, struct err *err)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int ends[2] = {-1, -1};
	bool ok;

	if (worker == NULL) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	worker->channel_fd = -1;
	worker->memory_fd = memfd_create("dicomfs-decode", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	/* Never shorter: what is mapped here and there no more would be a signal. */
	ok = worker->memory_fd >= 0 &&
	     fcntl(worker->memory_fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL) == 0 &&
	     socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
	if (!ok)
		(void)err_set_sys(err, errno, "cannot start a decoder");
	worker->channel_fd = ends[0];
	ok = ok && map(worker, FS_WORKER_PAGE, err);
	if (ok) {
		pthread_mutex_lock(&workers->keeper_lock);
		ok = fs_keeper_spawn(&workers->keeper, ends[1], worker->memory_fd, &worker->pid,
				     err);
		pthread_mutex_unlock(&workers->keeper_lock);
	}
	base_close_fd(&ends[1]);
	if (ok)
		return worker;
	free_worker(worker);
	return NULL;
}

/* How it ended, if that was not us. */
static void describe_end(bool known, int status, struct err *err)
{
	if (known && WIFSIGNALED(status)) {
		(void)err_set(err, ERR_ABORTED, "the decoder crashed (SIG%s)",
			      sigabbrev_np(WTERMSIG(status)));
	} else {
		(void)err_set(err, ERR_ABORTED, "the decoder ended too early");
	}
}

/* Ends it; err is set if it says nothing yet. */
static void end_worker(struct fs_workers *workers, struct worker *worker, struct err *err)
{
	int status = 0;
	bool known;

	pthread_mutex_lock(&workers->keeper_lock);
	known = fs_keeper_end(&workers->keeper, worker->pid, &status);
	pthread_mutex_unlock(&workers->keeper_lock);
	if (err != NULL && err->code == ERR_NONE)
		describe_end(known, status, err);
	free_worker(worker);
}

/* ---- All of them ------------------------------------------------------------ */

/* worker: NULL when there is one less. */
static void put(struct fs_workers *workers, struct worker *worker)
{
	pthread_mutex_lock(&workers->lock);
	if (worker != NULL) {
		worker->next = workers->idle;
		workers->idle = worker;
	} else {
		workers->count--;
	}
	pthread_cond_signal(&workers->changed);
	pthread_mutex_unlock(&workers->lock);
}

/* Of the idle ones, that which knows the group, or else the one that was busy last. */
static struct worker *take_idle(struct fs_workers *workers, uint64_t group)
{
	struct worker **at = &workers->idle, *worker;

	while (*at != NULL && (*at)->group != group)
		at = &(*at)->next;
	if (*at == NULL)
		at = &workers->idle;
	worker = *at;
	if (worker != NULL)
		*at = worker->next;
	return worker;
}

/* An idle one, or a new one. */
static struct worker *take(struct fs_workers *workers, uint64_t group, struct err *err)
{
	struct worker *worker;

	pthread_mutex_lock(&workers->lock);
	while (workers->idle == NULL && workers->count >= workers->options.count)
		pthread_cond_wait(&workers->changed, &workers->lock);
	worker = take_idle(workers, group);
	if (worker == NULL)
		workers->count++;
	pthread_mutex_unlock(&workers->lock);
	if (worker == NULL) {
		worker = start_worker(workers, err);
		if (worker == NULL)
			put(workers, NULL);
	}
	if (worker != NULL)
		worker->group = group;
	return worker;
}

static void count_task(struct fs_workers *workers, bool aborted)
{
	pthread_mutex_lock(&workers->lock);
	workers->state.tasks++;
	workers->state.aborted += aborted;
	pthread_mutex_unlock(&workers->lock);
}

/* In the place of one that counts still: nobody shall wait for it to start. */
static void replace(struct fs_workers *workers)
{
	struct err err = {0};
	struct worker *worker = start_worker(workers, &err);

	if (worker == NULL)
		log_trace(LOG_DECODE, "%s", err.message);
	put(workers, worker);
}

bool fs_workers_open(struct fs_workers **out, const struct fs_workers_options *options,
		     struct err *err)
{
	struct fs_workers *workers = calloc(1, sizeof(*workers));

	if (workers == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	workers->options = *options;
	workers->options.count = MAX_OF(options->count, 1u);
	pthread_mutex_init(&workers->lock, NULL);
	pthread_mutex_init(&workers->keeper_lock, NULL);
	pthread_cond_init(&workers->changed, NULL);
	fs_budget_init(&workers->budget, options->memory);
	if (!fs_keeper_start(&workers->keeper,
			     &(struct fs_keeping){
				     .memory = options->memory,
				     .work = options->work,
				     .context = options->context,
				     .quiet = options->quiet,
				     .background = options->background,
			     },
			     err)) {
		fs_workers_close(workers);
		return false;
	}
	workers->count = workers->options.count;
	for (unsigned i = 0; i < workers->options.count; i++)
		replace(workers);
	*out = workers;
	return true;
}

void fs_workers_close(struct fs_workers *workers)
{
	struct worker *worker, *next;

	if (workers == NULL)
		return;
	for (worker = workers->idle; worker != NULL; worker = next) {
		next = worker->next;
		free_worker(worker);
	}
	fs_keeper_stop(&workers->keeper);
	fs_budget_release(&workers->budget);
	pthread_cond_destroy(&workers->changed);
	pthread_mutex_destroy(&workers->keeper_lock);
	pthread_mutex_destroy(&workers->lock);
	free(workers);
}

struct fs_budget *fs_workers_budget(struct fs_workers *workers)
{
	return &workers->budget;
}

void fs_workers_state(struct fs_workers *workers, struct fs_workers_state *state)
{
	pthread_mutex_lock(&workers->lock);
	*state = workers->state;
	state->running = workers->count;
	pthread_mutex_unlock(&workers->lock);
}

/* ---- Tasks ------------------------------------------------------------------ */

static bool send_task(const struct worker *worker, const struct fs_task *task)
{
	const struct fs_task_header header = {.capacity = task->capacity,
					      .group = task->group,
					      .memory = task->most,
					      .own_output = task->output_fd >= 0};
	struct iovec parts[] = {fs_message_part(&header, sizeof(header)),
				fs_message_part(task->told.data, task->told.size)};
	const int fds[FS_MESSAGE_FDS] = {task->source_fd, task->output_fd};

	return fs_message_send(worker->channel_fd, parts, ARRAY_LEN(parts), fds, 0);
}

/* ns; 0 when it is gone. */
static int64_t processor_time(const struct worker *worker)
{
	struct timespec used;
	clockid_t clock;

	if (clock_getcpuclockid(worker->pid, &clock) != 0 || clock_gettime(clock, &used) != 0)
		return 0;
	return (int64_t)used.tv_sec * 1000000000 + used.tv_nsec;
}

static bool waits_for_disk(const struct worker *worker)
{
	char path[48], text[128] = "";
	CLEANUP_FD int fd = -1;
	const char *state;

	(void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)worker->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return false;
	state = strrchr(text, ')');
	return state != NULL && strncmp(state, ") D", 3) == 0;
}

struct watch {
	const struct fs_workers_options *options;
	int64_t begun, begun_used;
	int64_t cancelled; /* 0: it was not */
};

/* False: it has to be ended, and err says why. */
static bool may_go_on(struct watch *watch, const struct worker *worker, const struct fs_task *task,
		      struct err *err)
{
	int64_t now = now_ns(), used, seconds = watch->options->seconds;

	if (watch->cancelled == 0 && task->cancel != NULL && atomic_load(task->cancel)) {
		watch->cancelled = now;
		atomic_store(&worker->page->cancel, true);
	}
	if (watch->cancelled != 0 && now - watch->cancelled > CANCEL_NS)
		return err_set(err, ERR_INTERRUPTED, "interrupted");
	if (seconds == 0)
		return true;
	used = processor_time(worker) - watch->begun_used;
	if (used > seconds * 1000000000)
		return err_set(err, ERR_ABORTED,
			       "the decoder was stopped after the %lld s of processor time of "
			       "decode_seconds",
			       (long long)seconds);
	if (now - watch->begun <= seconds * 1000000000 * WAIT_FACTOR)
		return true;
	if (waits_for_disk(worker))
		return err_set(err, ERR_IO, "the disk does not answer");
	return err_set(err, ERR_ABORTED,
		       "the decoder was stopped after %lld s, twice decode_seconds",
		       (long long)(seconds * WAIT_FACTOR));
}

/* False: the worker is of no use any more; err is set, or it has ended by itself;
 * *untouched: without having looked at the task. */
static bool wait_for_reply(struct fs_workers *workers, struct worker *worker,
			   const struct fs_task *task, struct fs_task_reply *reply, bool *untouched,
			   struct err *err)
{
	struct watch watch = {.options = &workers->options, .begun = now_ns()};
	struct pollfd channel = {.fd = worker->channel_fd, .events = POLLIN};
	struct iovec part = {.iov_base = reply, .iov_len = sizeof(*reply)};
	ssize_t got;

	watch.begun_used = processor_time(worker);
	while (poll(&channel, 1, LOOK_MS) <= 0) {
		if (!may_go_on(&watch, worker, task, err))
			return false;
	}
	got = fs_message_receive(worker->channel_fd, &part, 1, NULL);
	/* So the kernel says that there was something left to be received. */
	*untouched = got < 0 && errno == ECONNRESET;
	if (got == 0 || *untouched)
		return false;
	if (got != (ssize_t)sizeof(*reply) || (reply->done && reply->size > task->capacity) ||
	    (!reply->done && (unsigned)reply->err.code > ERR_LAST))
		return err_set(err, ERR_ABORTED, "the decoder answers nonsense");
	return true;
}

static void name_forbidden(int number, struct err *err)
{
	char name[32];

	fs_syscall_name(number, name);
	/* abort() sends itself a signal. */
	if (strcmp(name, "tgkill") == 0)
		(void)err_set(err, ERR_ABORTED, "the decoder crashed (SIGABRT)");
	else
		(void)err_set(err, ERR_ABORTED,
			      "the decoder was stopped: it tried the system call %s", name);
}

/* Words of a stranger: one line, in ASCII as all of ours. */
static void take_error(const struct fs_workers *workers, const struct fs_task *task,
		       const struct fs_task_reply *reply, struct err *err)
{
	uint64_t memory = workers->options.memory;
	bool small = task->most > 0 && (memory == 0 || task->most < memory);

	if (reply->err.code == ERR_ABORTED) {
		name_forbidden(reply->err.sys, err);
		return;
	}
	*err = reply->err;
	if (err->code == ERR_NONE)
		err->code = ERR_CORRUPT;
	/* It will not have more the next time. */
	if (err->code == ERR_NOMEM && small)
		(void)err_set(err, ERR_LIMIT,
			      "decoding takes more than %llu MiB, for its size too much",
			      (unsigned long long)(task->most >> 20));
	else if (err->code == ERR_NOMEM && memory > 0)
		(void)err_set(err, ERR_LIMIT,
			      "decoding takes more than the %llu MiB of decode_memory",
			      (unsigned long long)(memory >> 20));
	err->message[sizeof(err->message) - 1] = '\0';
	for (char *at = err->message; *at != '\0'; at++) {
		if ((unsigned char)*at < ' ' || (unsigned char)*at >= 0x7f)
			*at = '?';
	}
}

static bool take_result(const struct worker *worker, struct fs_task *task,
			const struct fs_task_reply *reply, struct err *err)
{
	task->size = (size_t)reply->size;
	task->used_ns = reply->used_ns;
	if (task->output_fd >= 0)
		return true;
	buf_append(task->out, (const uint8_t *)worker->page + FS_WORKER_PAGE, task->size);
	return buf_ok(task->out, err);
}

/* What was large once is not kept for good. */
static void shrink(struct worker *worker)
{
	if (worker->mapped > KEEP_MEMORY)
		(void)fallocate(worker->memory_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				(off_t)KEEP_MEMORY, (off_t)(worker->mapped - KEEP_MEMORY));
}

/* No worker has it mapped any more, and none ever can: what it holds stays. */
static bool seal(const struct fs_task *task, struct err *err)
{
	return task->output_fd < 0 ||
	       (ftruncate(task->output_fd, (off_t)task->size) == 0 &&
		fcntl(task->output_fd, F_ADD_SEALS,
		      F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0) ||
	       err_set(err, ERR_ABORTED, "the decoder does not let go of the picture");
}

/* False: the worker that was to do it had ended before, as when memory runs out, and
 * that is no fault of the task. */
static bool try_task(struct fs_workers *workers, struct fs_task *task, bool *ok, struct err *err)
{
	struct fs_task_reply reply = {.done = false};
	struct worker *worker = take(workers, task->group, err);
	bool usable = false, untouched = false;

	*ok = false;
	if (worker == NULL)
		return true;
	if (task->output_fd < 0 && !map(worker, fs_worker_memory_size(task->capacity), err)) {
		put(workers, worker);
		return true;
	}
	atomic_store(&worker->page->cancel, false);
	if (!send_task(worker, task))
		untouched = true;
	else
		usable = wait_for_reply(workers, worker, task, &reply, &untouched, err);
	if (usable && reply.done)
		*ok = take_result(worker, task, &reply, err) && seal(task, err);
	else if (usable)
		take_error(workers, task, &reply, err);
	if (!usable || err->code == ERR_ABORTED || ++worker->tasks >= TASKS_MAX) {
		end_worker(workers, worker, *ok || untouched ? NULL : err);
		replace(workers);
	} else {
		shrink(worker);
		put(workers, worker);
	}
	return !untouched;
}

bool fs_workers_do(struct fs_workers *workers, struct fs_task *task, struct err *err)
{
	uint64_t weight = task->paid ? 0 : task->weight;
	unsigned tries = 0;
	bool ok = false;

	err_clear(err);
	if (!fs_budget_take(&workers->budget, weight, task->cancel, err))
		return false;
	while (!try_task(workers, task, &ok, err)) {
		if (++tries > workers->options.count + 1) {
			(void)err_set(err, ERR_IO, "no decoder stays alive");
			break;
		}
	}
	fs_budget_give(&workers->budget, weight);
	count_task(workers, err->code == ERR_ABORTED);
	return ok;
}
