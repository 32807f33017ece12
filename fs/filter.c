/* SPDX-License-Identifier: MIT */
#include "fs/filter.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef HAVE_LIBSECCOMP
#include <seccomp.h>
#endif

#include "fs/sanitizer.h"

struct fs_filter {
	struct sock_fprog program;
};

#ifdef HAVE_LIBSECCOMP

/* Memory, threads, time, and nothing that names a thing outside. */
static const int computing[] = {
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

/* What the daemon does more: files and folders as far as its user may, the store, the
 * index and the cache; FUSE; messages to the processes it has already; signals and
 * events; its own priority and limits. Rights, owners and times of files are nothing that
 * Landlock looks at, so there is no call for them. */
static const int serving[] = {
	/* files */
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(pwritev),
	SCMP_SYS(pwritev2),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(openat2),
	SCMP_SYS(close_range),
	SCMP_SYS(dup),
	SCMP_SYS(dup2),
	SCMP_SYS(dup3),
	SCMP_SYS(flock),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(sync_file_range),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fadvise64_64),
	SCMP_SYS(readahead),
	SCMP_SYS(fallocate),
	SCMP_SYS(ftruncate),
	SCMP_SYS(ftruncate64),
	SCMP_SYS(memfd_create),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(statx),
	SCMP_SYS(statfs),
	SCMP_SYS(fstatfs),
	SCMP_SYS(statfs64),
	SCMP_SYS(fstatfs64),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(getdents64),
	SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),
	SCMP_SYS(rmdir),
	SCMP_SYS(unlink),
	SCMP_SYS(unlinkat),
	SCMP_SYS(rename),
	SCMP_SYS(renameat),
	SCMP_SYS(renameat2),
	SCMP_SYS(umask),
	SCMP_SYS(msync),
	SCMP_SYS(mincore),
	/* messages, signals, events */
	SCMP_SYS(sendmsg),
	SCMP_SYS(recvmsg),
	SCMP_SYS(sendto),
	SCMP_SYS(recvfrom),
	SCMP_SYS(shutdown),
	SCMP_SYS(pipe2),
	SCMP_SYS(select),
	SCMP_SYS(pselect6),
	SCMP_SYS(eventfd2),
	SCMP_SYS(signalfd4),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigsuspend),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(wait4),
	SCMP_SYS(waitid),
	SCMP_SYS(inotify_init1),
	SCMP_SYS(inotify_add_watch),
	SCMP_SYS(inotify_rm_watch),
	SCMP_SYS(nanosleep),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(clock_getres),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	/* itself */
	SCMP_SYS(getppid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getpriority),
	SCMP_SYS(getrlimit),
	SCMP_SYS(getrusage),
	SCMP_SYS(sched_getparam),
	SCMP_SYS(sched_getscheduler),
	SCMP_SYS(set_tid_address),
	SCMP_SYS(get_robust_list),
	SCMP_SYS(membarrier),
	SCMP_SYS(uname),
	SCMP_SYS(sysinfo),
	SCMP_SYS(times),
	SCMP_SYS(getcpu),
};

/* What no mistake of ours leads to: who asks for it is not us any more. */
static const int alarming[] = {
	SCMP_SYS(execve),
	SCMP_SYS(execveat),
	SCMP_SYS(ptrace),
	SCMP_SYS(process_vm_readv),
	SCMP_SYS(process_vm_writev),
	SCMP_SYS(init_module),
	SCMP_SYS(finit_module),
	SCMP_SYS(kexec_load),
	SCMP_SYS(bpf),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(pivot_root),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(listen),
};

/* What a sanitizer's build is still refused. */
static const int refused_worker[] = {
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
static const int refused_daemon[] = {
	SCMP_SYS(socket),
	SCMP_SYS(connect),
	SCMP_SYS(bind),
	SCMP_SYS(mount),
	SCMP_SYS(umount2),
	SCMP_SYS(open_tree),
	SCMP_SYS(open_by_handle_at),
	SCMP_SYS(setns),
	SCMP_SYS(unshare),
	SCMP_SYS(bpf),
};

static bool add(scmp_filter_ctx filter, uint32_t action, int call)
{
	int sys = seccomp_rule_add(filter, action, call, 0);

	/* Not every architecture has every call; nor is what happens anyway a rule. */
	return sys == 0 || sys == -EDOM || sys == -EACCES;
}

static bool add_if(scmp_filter_ctx filter, int call, struct scmp_arg_cmp when)
{
	int sys = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, call, 1, &when);

	return sys == 0 || sys == -EDOM;
}

static bool add_all(scmp_filter_ctx filter, uint32_t action, const int *calls, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (!add(filter, action, calls[i]))
			return false;
	}
	return true;
}

/* Memory that can be written and run is how bytes become a program. */
static bool add_memory(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0)) == 0;
}

#define NEW_NAMESPACES                                                                             \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |             \
	 CLONE_NEWPID | CLONE_NEWNET)

/* Threads, but no processes, and none in another world. The arguments of clone3 are out of a
 * filter's reach; without it the C library uses clone. */
static bool add_threads(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD | NEW_NAMESPACES,
					CLONE_THREAD)) == 0 &&
	       add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3));
}

/* ---- Workers -------------------------------------------------------------- */

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

/* To take less memory for a while, see fs_confine_task(). */
static bool add_limits(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 2,
				SCMP_A0(SCMP_CMP_EQ, 0, 0),
				SCMP_A1(SCMP_CMP_EQ, RLIMIT_DATA, 0)) == 0;
}

static bool add_for_worker(scmp_filter_ctx filter, int channel_fd)
{
	if (UNDER_SANITIZER)
		return add_all(filter, SCMP_ACT_TRAP, refused_worker, ARRAY_LEN(refused_worker));
	return add_all(filter, SCMP_ACT_ALLOW, computing, ARRAY_LEN(computing)) &&
	       add_memory(filter) && add_limits(filter) && add_descriptors(filter, channel_fd) &&
	       add_threads(filter);
}

/* ---- The daemon ----------------------------------------------------------- */

/* FUSE's own device type, of its ioctls. */
#define FUSE_IOCTLS UINT64_C(0xe500)
#define IOCTL_TYPE_MASK UINT64_C(0xff00)

/* Of fcntl: nothing that has a signal sent to somebody (F_SETOWN). */
static bool add_fcntl(scmp_filter_ctx filter, int call)
{
	static const int commands[] = {
		F_DUPFD,     F_DUPFD_CLOEXEC, F_GETFD,    F_SETFD,     F_GETFL,     F_SETFL,
		F_GETLK,     F_SETLK,         F_SETLKW,   F_OFD_GETLK, F_OFD_SETLK, F_OFD_SETLKW,
		F_ADD_SEALS, F_GET_SEALS,     F_SETLEASE, F_GETLEASE,
	};

	for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
		if (!add_if(filter, call, SCMP_A1(SCMP_CMP_EQ, (scmp_datum_t)commands[i], 0)))
			return false;
	}
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, call, 2, SCMP_A1(SCMP_CMP_EQ, F_SETSIG, 0),
				SCMP_A2(SCMP_CMP_EQ, SIGURG, 0)) == 0;
}

/* Opening with O_TRUNC is none of Landlock's before Linux 6.2. */
static bool add_open(scmp_filter_ctx filter)
{
	return add_if(filter, SCMP_SYS(open), SCMP_A1(SCMP_CMP_MASKED_EQ, O_TRUNC, 0)) &&
	       add_if(filter, SCMP_SYS(openat), SCMP_A2(SCMP_CMP_MASKED_EQ, O_TRUNC, 0));
}

/* Calls that do what we need, and more with other arguments. */
static bool add_partly(scmp_filter_ctx filter)
{
	return add_open(filter) && add_fcntl(filter, SCMP_SYS(fcntl)) &&
	       /* Of this thread alone. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(setpriority), 2,
				SCMP_A0(SCMP_CMP_EQ, PRIO_PROCESS, 0),
				SCMP_A1(SCMP_CMP_EQ, 0, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_MASKED_EQ, IOCTL_TYPE_MASK, FUSE_IOCTLS)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_EQ, TCGETS, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(ioctl), 1,
				SCMP_A1(SCMP_CMP_EQ, TIOCGWINSZ, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0)) == 0 &&
	       /* Datagrams could be sent to any socket that has a name. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(socketpair), 2,
				SCMP_A0(SCMP_CMP_EQ, AF_UNIX, 0),
				SCMP_A1(SCMP_CMP_EQ, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) == 0 &&
	       /* Of this process alone. */
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				SCMP_A0(SCMP_CMP_EQ, 0, 0)) == 0 &&
	       seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
				SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0)) == 0;
}

static bool add_for_daemon(scmp_filter_ctx filter)
{
	if (UNDER_SANITIZER)
		return add_all(filter, SCMP_ACT_ERRNO(ENOSYS), refused_daemon,
			       ARRAY_LEN(refused_daemon));
	return add_all(filter, SCMP_ACT_ALLOW, computing, ARRAY_LEN(computing)) &&
	       add_all(filter, SCMP_ACT_ALLOW, serving, ARRAY_LEN(serving)) &&
	       add_all(filter, SCMP_ACT_KILL_PROCESS, alarming, ARRAY_LEN(alarming)) &&
	       add_memory(filter) && add_threads(filter) && add_partly(filter);
}

/* ---- Making --------------------------------------------------------------- */

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

static bool make(struct fs_filter **out, uint32_t otherwise, int channel_fd, struct err *err)
{
	struct fs_filter *filter = calloc(1, sizeof(*filter));
	scmp_filter_ctx context = seccomp_init(UNDER_SANITIZER ? SCMP_ACT_ALLOW : otherwise);
	bool ok = filter != NULL && context != NULL;

	if (!ok)
		(void)err_set(err, ERR_NOMEM, "out of memory");
	else if (seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) != 0 ||
		 !(channel_fd >= 0 ? add_for_worker(context, channel_fd) : add_for_daemon(context)))
		ok = err_set(err, ERR_UNSUPPORTED, "libseccomp does not take a rule");
	/* A tree instead of a list: there are a hundred. Before libseccomp 2.5 a list. */
	if (ok)
		(void)seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	ok = ok && export(context, filter, err);
	if (context != NULL)
		seccomp_release(context);
	if (ok)
		*out = filter;
	else
		fs_filter_close(filter);
	return ok;
}

bool fs_filter_for_worker(struct fs_filter **filter, int channel_fd, struct err *err)
{
	return make(filter, SCMP_ACT_TRAP, channel_fd, err);
}

bool fs_filter_for_daemon(struct fs_filter **filter, struct err *err)
{
	return make(filter, SCMP_ACT_ERRNO(ENOSYS), -1, err);
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

bool fs_filter_for_worker(struct fs_filter **filter, int channel_fd UNUSED, struct err *err UNUSED)
{
	*filter = NULL;
	return true;
}

bool fs_filter_for_daemon(struct fs_filter **filter, struct err *err UNUSED)
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

bool fs_filter_install(const struct fs_filter *filter, void (*forbidden)(int, siginfo_t *, void *),
		       struct err *err)
{
	struct sigaction action = {.sa_sigaction = forbidden, .sa_flags = SA_SIGINFO};
	struct sock_fprog program;

	if (filter == NULL)
		return true;
	program = filter->program;
	(void)sigemptyset(&action.sa_mask);
	if (forbidden != NULL && sigaction(SIGSYS, &action, NULL) != 0)
		return err_set_sys(err, errno, "cannot filter system calls");
	/* A kernel without filters is one that has fewer of these means. */
	if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0 && fs_filter_is_known())
		return err_set_sys(err, errno, "cannot filter system calls");
	return true;
}

bool fs_filter_is_known(void)
{
#ifdef HAVE_LIBSECCOMP
	const uint32_t action = SECCOMP_RET_ERRNO;

	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0;
#else
	return false;
#endif
}
