/* SPDX-License-Identifier: MIT */
#include "fs/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/helper.h"
#include "fs/keeper.h"
#include "fs/sanitizer.h"

/* What a daemon that was taken over tries, each in a process of its own that has
 * confined itself as the daemon does. */

static char inside[64], outside[64]; /* folders */

static char *in(const char *folder, const char *name)
{
	static char path[2][4096];
	static unsigned turn;
	char *to = path[turn++ % 2];

	(void)snprintf(to, sizeof(path[0]), "%s/%s", folder, name);
	return to;
}

#define EXIT_ALLOWED 0
#define EXIT_CANNOT_CONFINE 255

/* Exit code: 0, or the errno; -N: signal N. */
static int attempt(unsigned rights, bool (*what)(void))
{
	const char *const folders[] = {inside};
	pid_t child = fork();
	struct err err = {0};
	int status = 0;

	if (child == 0) {
		fs_keep_private();
		if (!fs_confine_daemon(rights, folders, 1, &err))
			_exit(EXIT_CANNOT_CONFINE);
		errno = 0;
		_exit(what() ? EXIT_ALLOWED : errno);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

/* ---- What it must be able to do ------------------------------------------------ */

static bool write_to(const char *path)
{
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);

	return fd >= 0 && write(fd, "x", 1) == 1 && ftruncate(fd, 0) == 0;
}

static bool use_folder(void)
{
	return write_to(in(inside, "a")) && mkdir(in(inside, "b"), 0700) == 0 &&
	       rename(in(inside, "a"), in(inside, "b/a")) == 0 && unlink(in(inside, "b/a")) == 0 &&
	       rmdir(in(inside, "b")) == 0;
}

static bool read_outside(void)
{
	int fd CLEANUP_FD = open(in(outside, "there"), O_RDONLY | O_CLOEXEC);
	char byte;

	return fd >= 0 && read(fd, &byte, 1) == 1;
}

static void *raise_flag(void *flag)
{
	*(bool *)flag = true;
	return NULL;
}

static bool start_thread(void)
{
	pthread_t thread;
	bool flag = false;

	return pthread_create(&thread, NULL, raise_flag, &flag) == 0 &&
	       pthread_join(thread, NULL) == 0 && flag;
}

static bool share_memory(void)
{
	int fd CLEANUP_FD = memfd_create("picture", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int ends[2];

	return fd >= 0 && ftruncate(fd, 4096) == 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0 &&
	       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0;
}

static bool lower_itself(void)
{
	struct rlimit limit;

	return setpriority(PRIO_PROCESS, 0, 19) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
	       prctl(PR_SET_NAME, "other") == 0;
}

static void test_serving(void **state)
{
	(void)state;
	assert_int_equal(attempt(0, use_folder), 0);
	assert_int_equal(attempt(0, read_outside), 0);
	assert_int_equal(attempt(0, start_thread), 0);
	assert_int_equal(attempt(0, share_memory), 0);
	assert_int_equal(attempt(0, lower_itself), 0);
}

/* ---- What it must not ----------------------------------------------------------- */

static bool write_outside(void)
{
	return write_to(in(outside, "new"));
}

static bool overwrite_outside(void)
{
	int fd CLEANUP_FD = open(in(outside, "there"), O_WRONLY | O_CLOEXEC);

	return fd >= 0;
}

static bool remove_outside(void)
{
	return unlink(in(outside, "there")) == 0;
}

static bool carry_out(void)
{
	return write_to(in(inside, "a")) && rename(in(inside, "a"), in(outside, "a")) == 0;
}

static bool cut_outside(void)
{
	return truncate(in(outside, "there"), 0) == 0;
}

static bool open_and_cut_outside(void)
{
	int fd CLEANUP_FD = open(in(outside, "there"), O_RDONLY | O_TRUNC | O_CLOEXEC);

	return fd >= 0;
}

static bool change_mode_outside(void)
{
	int fd CLEANUP_FD = open(in(outside, "there"), O_RDONLY | O_CLOEXEC);

	return fd >= 0 && (fchmod(fd, 04755) == 0 || chmod(in(outside, "there"), 04755) == 0);
}

static bool change_owner_outside(void)
{
	int fd CLEANUP_FD = open(in(outside, "there"), O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fchown(fd, getuid(), getgid()) == 0;
}

static bool change_times_outside(void)
{
	const struct timespec times[2] = {{.tv_sec = 1}, {.tv_sec = 1}};

	return utimensat(AT_FDCWD, in(outside, "there"), times, 0) == 0;
}

static bool has_landlock(void)
{
	CLEANUP_BUF struct buf means = buf_empty(100);

	fs_confine_describe(&means);
	return strstr(buf_text(&means), "Landlock") != NULL &&
	       strstr(buf_text(&means), "Landlock 1,") == NULL;
}

static void test_files(void **state)
{
	(void)state;
	if (!has_landlock())
		skip();
	assert_int_equal(attempt(FS_RIGHT_ADMIN | FS_RIGHT_READ, write_outside), EACCES);
	assert_int_equal(attempt(FS_RIGHT_ADMIN | FS_RIGHT_READ, overwrite_outside), EACCES);
	assert_int_equal(attempt(FS_RIGHT_ADMIN | FS_RIGHT_READ, remove_outside), EACCES);
	assert_int_equal(attempt(FS_RIGHT_ADMIN | FS_RIGHT_READ, carry_out), EACCES);
}

/* What Landlock has nothing to do with, or not everywhere. */
static void test_attributes(void **state)
{
	static bool (*const attempts[])(void) = {cut_outside, open_and_cut_outside,
						 change_mode_outside, change_owner_outside,
						 change_times_outside};

	(void)state;
#ifndef HAVE_LIBSECCOMP
	skip();
#endif
	for (size_t i = 0; i < ARRAY_LEN(attempts) && !UNDER_SANITIZER; i++)
		assert_int_equal(attempt(FS_RIGHT_ADMIN | FS_RIGHT_READ, attempts[i]), ENOSYS);
}

static bool open_network(void)
{
	return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool open_local(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0) >= 0;
}

static bool mount_something(void)
{
	return mount("none", inside, "tmpfs", 0, NULL) == 0;
}

static bool unmount_something(void)
{
	return umount2("/proc", MNT_DETACH) == 0;
}

static bool start_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child > 0;
}

static bool run_program(void)
{
	char program[] = "/bin/true";
	char *arguments[] = {program, NULL};

	return execve(program, arguments, arguments + 1) == 0;
}

static bool look_into_parent(void)
{
	return ptrace(PTRACE_ATTACH, getppid(), NULL, NULL) == 0;
}

static bool open_by_number(void)
{
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = {.head = {.handle_bytes = 8}};

	return syscall(SYS_open_by_handle_at, AT_FDCWD, &handle, O_RDONLY) >= 0;
}

static bool leave_namespace(void)
{
	return syscall(SYS_unshare, 0x20000) == 0; /* CLONE_NEWNS */
}

static bool signal_parent(void)
{
	return kill(getppid(), 0) == 0;
}

/* By way of a descriptor whose events go to somebody else. */
static bool signal_by_descriptor(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0 &&
	       fcntl(ends[0], F_SETOWN, getppid()) == 0;
}

static bool deadly_signal_of_descriptor(void)
{
	return fcntl(STDIN_FILENO, F_SETSIG, SIGKILL) == 0;
}

/* Of which anybody who has a name could be sent something. */
static bool open_datagrams(void)
{
	int ends[2];

	return socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends) == 0;
}

static bool slow_down_parent(void)
{
	return setpriority(PRIO_PROCESS, (id_t)getppid(), 19) == 0;
}

static bool start_in_another_world(void)
{
	return syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | CLONE_VM | CLONE_NEWNS, NULL) >= 0;
}

static bool make_code(void)
{
	void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(page, 4096, PROT_READ | PROT_EXEC) == 0;
}

static bool allow_looking(void)
{
	return prctl(PR_SET_DUMPABLE, 1) == 0;
}

static void test_calls(void **state)
{
	static bool (*const failing[])(void) = {open_network, open_local, mount_something,
						unmount_something};
	static bool (*const more[])(void) = {
		start_process,  signal_parent,        make_code,
		allow_looking,  signal_by_descriptor, deadly_signal_of_descriptor,
		open_datagrams, slow_down_parent,     start_in_another_world};
	static bool (*const deadly[])(void) = {run_program, look_into_parent, open_by_number,
					       leave_namespace};
	const unsigned rights = FS_RIGHT_ADMIN | FS_RIGHT_READ;

	(void)state;
#ifndef HAVE_LIBSECCOMP
	skip();
#endif
	for (size_t i = 0; i < ARRAY_LEN(failing); i++)
		assert_int_equal(attempt(rights, failing[i]), ENOSYS);
	for (size_t i = 0; i < ARRAY_LEN(more) && !UNDER_SANITIZER; i++)
		assert_int_equal(attempt(rights, more[i]), ENOSYS);
	for (size_t i = 0; i < ARRAY_LEN(deadly) && !UNDER_SANITIZER; i++)
		assert_int_equal(attempt(rights, deadly[i]), -SIGSYS);
}

/* ---- Rights ---------------------------------------------------------------------- */

static uint32_t rights_now(void)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {{0}};

	if (syscall(SYS_capget, &header, rights) != 0 || rights[1].permitted != 0 ||
	    rights[0].effective != rights[0].permitted || rights[0].inheritable != 0)
		return ~UINT32_C(0);
	return rights[0].permitted;
}

static bool has_read(void)
{
	return rights_now() == UINT32_C(1) << CAP_DAC_READ_SEARCH;
}

static bool has_read_and_admin(void)
{
	return rights_now() == (UINT32_C(1) << CAP_DAC_READ_SEARCH | UINT32_C(1) << CAP_SYS_ADMIN);
}

static bool has_none(void)
{
	return rights_now() == 0;
}

static void test_rights(void **state)
{
	bool root = geteuid() == 0;

	(void)state;
	/* capget() is none of the calls that a daemon has. */
	if (!UNDER_SANITIZER) {
		struct err err = {0};
		pid_t child = fork();
		int status;

		if (child == 0) {
			bool ok = fs_give_up_rights(FS_RIGHT_ADMIN | FS_RIGHT_READ, &err) &&
				  (root ? has_read_and_admin() : has_none()) &&
				  fs_give_up_rights(FS_RIGHT_READ, &err) &&
				  (root ? has_read() : has_none()) &&
				  /* What is given up does not come back. */
				  fs_give_up_rights(FS_RIGHT_ADMIN | FS_RIGHT_READ, &err) &&
				  (root ? has_read() : has_none()) && fs_give_up_rights(0, &err) &&
				  has_none();

			_exit(ok ? 0 : 1);
		}
		assert_int_equal(waitpid(child, &status, 0), child);
		assert_int_equal(status, 0);
	}
}

/* ---- The helper ------------------------------------------------------------------- */

static bool is_unwritten(struct fs_helper *helper, const char *path)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fs_helper_is_unwritten(fd, helper);
}

static void test_helper_leases(void **state)
{
	struct fs_helper helper;
	const char *path = in(outside, "theirs");
	struct err err = {0};
	int writer;

	(void)state;
	assert_true(write_to(path));
	if (geteuid() == 0)
		assert_int_equal(chown(path, 12345, 12345), 0);
	assert_true(fs_helper_start(&helper, &(struct fs_helping){.program = "test"}, &err));
	assert_true(is_unwritten(&helper, path));
	writer = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(writer >= 0);
	assert_false(is_unwritten(&helper, path));
	(void)close(writer);
	assert_true(is_unwritten(&helper, path));
	/* Nothing of it stays: a writer does not wait. */
	writer = open(path, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	assert_true(writer >= 0);
	(void)close(writer);
	fs_helper_stop(&helper);
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
}

static void test_helper_clone(void **state)
{
	struct fs_helper helper;
	struct err err = {0};
	int folder CLEANUP_FD = open(outside, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int clone CLEANUP_FD = -1, fd CLEANUP_FD = -1;

	(void)state;
	assert_true(fs_helper_start(&helper, &(struct fs_helping){.program = "test"}, &err));
	clone = fs_helper_clone(&helper, folder);
	fs_helper_stop(&helper);
	/* Not everywhere: also root may be kept from it. */
	if (clone < 0)
		skip();
	fd = openat(clone, "there", O_RDONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(openat(clone, "there", O_WRONLY | O_CLOEXEC), -1);
	assert_int_equal(errno, EROFS);
}

static void test_helper_unmount(void **state)
{
	struct fs_helping helping = {.program = "test"};
	struct fs_helper helper;
	struct err err = {0};

	(void)state;
	/* One that was told no mountpoint. */
	assert_true(fs_helper_start(&helper, &helping, &err));
	assert_false(fs_helper_unmount(&helper, &err));
	fs_helper_stop(&helper);
	/* What is there is none of ours. */
	helping.mountpoint = inside;
	err_clear(&err);
	assert_true(fs_helper_start(&helper, &helping, &err));
	if (geteuid() == 0 && mount("none", inside, "tmpfs", 0, NULL) == 0) {
		assert_false(fs_helper_unmount(&helper, &err));
		assert_int_equal(umount2(inside, MNT_DETACH), 0);
		err_clear(&err);
	}
	/* Nor is there any. */
	assert_false(fs_helper_unmount(&helper, &err));
	fs_helper_stop(&helper);
}

/* One that hangs is not waited for for ever, and not asked again. */
static void test_helper_hangs(void **state)
{
	struct fs_helper helper;
	struct err err = {0};
	const char *path = in(outside, "there");

	(void)state;
	assert_true(fs_helper_start(&helper, &(struct fs_helping){.program = "test"}, &err));
	assert_int_equal(kill(helper.pid, SIGSTOP), 0);
	assert_false(is_unwritten(&helper, path));
	assert_int_equal(kill(helper.pid, SIGCONT), 0);
	assert_false(is_unwritten(&helper, path));
	fs_helper_stop(&helper);
}

/* Nothing but a child is killed, whoever asks. */
static void test_keeper_kills_no_other(void **state)
{
	struct fs_keeping keeping = {.memory = 0};
	struct fs_keeper keeper;
	struct err err = {0};
	pid_t other = fork();
	int status;

	(void)state;
	if (other == 0) {
		(void)pause();
		_exit(0);
	}
	assert_true(fs_keeper_start(&keeper, &keeping, &err));
	assert_false(fs_keeper_end(&keeper, other, &status));
	assert_int_equal(waitpid(other, &status, WNOHANG), 0);
	fs_keeper_stop(&keeper);
	assert_int_equal(kill(other, SIGKILL), 0);
	assert_int_equal(waitpid(other, &status, 0), other);
}

static int make_folders(void **state)
{
	(void)state;
	(void)snprintf(inside, sizeof(inside), "/tmp/dicomfs-test-XXXXXX");
	(void)snprintf(outside, sizeof(outside), "/tmp/dicomfs-test-XXXXXX");
	assert_non_null(mkdtemp(inside));
	assert_non_null(mkdtemp(outside));
	assert_true(write_to(in(outside, "there")));
	return truncate(in(outside, "there"), 1);
}

static int remove_folders(void **state)
{
	char command[200];

	(void)snprintf(command, sizeof(command), "rm -rf %s %s", inside, outside);
	(void)state;
	return system(command);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, make_folders, remove_folders)
	const struct CMUnitTest tests[] = {
		TEST(test_serving),
		TEST(test_files),
		TEST(test_attributes),
		TEST(test_calls),
		TEST(test_rights),
		TEST(test_helper_leases),
		TEST(test_helper_clone),
		TEST(test_helper_unmount),
		TEST(test_helper_hangs),
		TEST(test_keeper_kills_no_other),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
