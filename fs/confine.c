/* SPDX-License-Identifier: MIT */
#include "fs/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#endif
#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

/* The sanitizers' run-time needs more than the program, most of all to say what it
 * found: there only what must never be is taken away. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

struct fs_filter {
	struct sock_fprog program;
};

/* ---- System calls -------------------------------------------------------- */

#ifdef HAVE_LIBSECCOMP

/* Memory, threads, time, and nothing that names a thing outside. */
static const int allowed[] = {
	SCMP_SYS(pread64),
	SCMP_SYS(preadv2),
	SCMP_SYS(brk),
	SCMP_SYS(preadv),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(futex),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(close),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(sched_yield),
	SCMP_SYS(getpid),
	SCMP_SYS(gettid),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(getrandom),
	SCMP_SYS(restart_syscall),
};

/* What a sanitizer's build is still refused. */
static const int refused[] = {
	SCMP_SYS(open),
	SCMP_SYS(openat),
	SCMP_SYS(openat2),
	SCMP_SYS(creat),
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(fork),
	SCMP_SYS(vfork),
	SCMP_SYS(kill),
	SCMP_SYS(ptrace),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(process_vm_writev),
};

static bool add(scmp_filter_ctx filter, uint32_t action, int call)
{
	int sys = seccomp_rule_add(filter, action, call, 0);

	/* Not every architecture has every call. */
	return sys == 0 || sys == -EDOM || sys == -EACCES;
}

/* Memory that can be written and run is how bytes become a program. */
static bool add_memory(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

static bool add_descriptors(scmp_filter_ctx filter, int channel_fd)
{
	const scmp_datum_t channel = (scmp_datum_t)channel_fd;

	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(sendmsg), 1,
				SCMP_A0(SCMP_CMP_EQ, channel, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(recvmsg), 1,
				SCMP_A0(SCMP_CMP_EQ, channel, 0)) == 0 &&
	       /* The last words of the C library. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(write), 1,
				SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(writev), 1,
				SCMP_A0(SCMP_CMP_EQ, STDERR_FILENO, 0)) == 0;
}

/* Threads, but no processes. The arguments of clone3 are out of a filter's reach;
 * without it the C library uses clone. */
static bool add_threads(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0) == 0;
}

static bool add_rules(scmp_filter_ctx filter, int channel_fd)
{
	if (UNDER_SANITIZER) {
		for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
			if (!add(filter, SCMP_ACT_TRAP, refused[i]))
				return false;
		}
		return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
		if (!add(filter, SCMP_ACT_ALLOW, allowed[i]))
			return false;
	}
	return add_memory(filter) && add_descriptors(filter, channel_fd) && add_threads(filter);
}

/* As the kernel takes it: the library writes it to a file. */
static bool export(scmp_filter_ctx context, struct fs_filter *filter, struct err *err)
{
	CLEANUP_FD int fd = memfd_create("filter", MFD_CLOEXEC);
	off_t size;

	if (fd < 0 || seccomp_export_bpf(context, fd) != 0 || (size = lseek(fd, 0, SEEK_END)) <= 0)
		return err_set(err, ERR_IO, "libseccomp cannot make a filter");
	filter->program.filter = malloc((size_t)size);
	if (filter->program.filter == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (pread(fd, filter->program.filter, (size_t)size, 0) != size)
		return err_set(err, ERR_IO, "libseccomp cannot make a filter");
	filter->program.len = (unsigned short)((size_t)size / sizeof(struct sock_filter));
	return true;
}

bool fs_filter_open(struct fs_filter **out, int channel_fd, struct err *err)
{
	struct fs_filter *filter = calloc(1, sizeof(*filter));
	scmp_filter_ctx context = seccomp_init(UNDER_SANITIZER ? SCMP_ACT_ALLOW : SCMP_ACT_TRAP);
	bool ok;

	ok = filter != NULL && context != NULL;
	if (!ok)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	else if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
		 !add_rules(context, channel_fd))
		ok = err_set(err, ERR_UNSUPPORTED, "libseccomp does not take a rule");
	ok = ok && export(context, filter, err);
	if (context != NULL)
		seccomp_release(context);
	if (ok)
		*out = filter;
	else
		fs_filter_close(filter);
	return ok;
}

void fs_syscall_name(int number, char text[static 32])
{
	char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);

	if (name != NULL)
		(void)snprintf(text, 32, "%s", name);
	else
		(void)snprintf(text, 32, "%d", number);
	free(name);
}

#else

bool fs_filter_open(struct fs_filter **filter, int channel_fd UNUSED, struct err *err UNUSED)
{
	*filter = NULL;
	return true;
}

void fs_syscall_name(int number, char text[static 32])
{
	(void)snprintf(text, 32, "%d", number);
}

#endif

void fs_filter_close(struct fs_filter *filter)
{
	if (filter == NULL)
		return;
	free(filter->program.filter);
	free(filter);
}

static bool filter_calls(const struct fs_filter *filter,
			 void (*forbidden)(int, siginfo_t *, void *), struct err *err)
{
	struct sigaction action = {.sa_sigaction = forbidden, .sa_flags = SA_SIGINFO};
	struct sock_fprog program;

	if (filter == NULL)
		return true;
	program = filter->program;
	(void)sigemptyset(&action.sa_mask);
	if (sigaction(SIGSYS, &action, NULL) != 0)
		return err_set_sys(err, errno, "cannot filter system calls");
	/* A kernel without filters is one that has fewer of these means. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 && errno != EINVAL &&
	    errno != ENOSYS)
		return err_set_sys(err, errno, "cannot filter system calls");
	return true;
}

/* ---- Files --------------------------------------------------------------- */

#ifdef LANDLOCK_CREATE_RULESET_VERSION

static int landlock_version(void)
{
	long version =
		syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);

	return version > 0 ? (int)version : 0;
}

/* All rights on files that a version knows; the later ones only add. */
static uint64_t file_rights(int version)
{
	static const unsigned char counts[] = {0, 13, 14, 15, 15, 16};
	size_t known = MIN_OF((size_t)version, ARRAY_LEN(counts) - 1);

	return (UINT64_C(1) << counts[known]) - 1;
}

static bool take_files_away(struct err *err)
{
	int version = landlock_version();
	struct landlock_ruleset_attr rules = {.handled_access_fs = file_rights(version)};
	CLEANUP_FD int fd = -1;

	if (version == 0)
		return true;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
	if (fd < 0 || syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return err_set_sys(err, errno, "cannot take files away");
	return true;
}

#else

static int landlock_version(void)
{
	return 0;
}

static bool take_files_away(struct err *err UNUSED)
{
	return true;
}

#endif

/* ---- Rights and limits ---------------------------------------------------- */

static bool drop_rights(struct err *err)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = {{0}};

	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_capset, &header, none) != 0)
		return err_set_sys(err, errno, "cannot give up rights");
	return true;
}

/* Pages of address space that there are now. */
static uint64_t address_space(void)
{
	CLEANUP_FD int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[64] = "";
	uint64_t pages = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	for (const char *at = text; *at >= '0' && *at <= '9'; at++)
		pages = pages * 10 + (uint64_t)(*at - '0');
	return pages;
}

static bool limit(int resource, uint64_t value, struct err *err)
{
	struct rlimit to = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

	return setrlimit((__rlimit_resource_t)resource, &to) == 0 ||
	       err_set_sys(err, errno, "cannot set a limit");
}

static bool limit_all(uint64_t memory, struct err *err)
{
	uint64_t there = address_space() * (uint64_t)sysconf(_SC_PAGESIZE);

	/* A core holds patients' pictures. */
	return limit(RLIMIT_CORE, 0, err) && limit(RLIMIT_FSIZE, 0, err) &&
	       (memory == 0 || UNDER_SANITIZER || limit(RLIMIT_AS, there + memory, err));
}

/* A crash is a crash, whoever else wanted to know of it. Not of the sanitizers,
 * which say where it was. */
static void forget_handlers(void)
{
	static const int crashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP};

	for (size_t i = 0; i < ARRAY_LEN(crashes) && !UNDER_SANITIZER; i++)
		(void)signal(crashes[i], SIG_DFL);
}

/* Of all processes, it goes first when memory runs out. */
static void offer_for_memory(void)
{
	CLEANUP_FD int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd >= 0 && write(fd, "1000", 4) < 0)
		return;
}

void fs_keep_private(void)
{
	const struct rlimit none = {0, 0};

	(void)setrlimit(RLIMIT_CORE, &none);
	/* The leak check attaches to its own process. */
	if (!UNDER_SANITIZER)
		(void)prctl(PR_SET_DUMPABLE, 0);
}

bool fs_confine(const struct fs_filter *filter, uint64_t memory,
		void (*forbidden)(int, siginfo_t *, void *), struct err *err)
{
	offer_for_memory();
	forget_handlers();
	(void)prctl(PR_SET_DUMPABLE, 0);
	return limit_all(memory, err) && drop_rights(err) && take_files_away(err) &&
	       filter_calls(filter, forbidden, err);
}

void fs_confine_describe(struct buf *out)
{
#ifdef HAVE_LIBSECCOMP
	buf_append_text(out, "seccomp, ");
#endif
	if (landlock_version() > 0)
		buf_printf(out, "Landlock %d, ", landlock_version());
	buf_append_text(out, "limits");
}
