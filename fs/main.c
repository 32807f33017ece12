/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/confine.h"
#include "fs/first-scan.h"
#include "fs/measure.h"
#include "fs/options.h"
#include "fs/places.h"
#include "fs/produce.h"
#include "fs/session.h"
#include "fs/update.h"

/* Everything between the command line and the end of the mount. */
struct mount {
	struct fs_options *options;
	int ready_fd; /* the parent that waits for the mount; -1: foreground */
	struct fs_ground ground;
	struct fs_helper helper, unmounter;
	struct ix_index *index;
	struct fs_session *session;
	enum fs_exit failed; /* OK: as the step has it that failed */
};

static void complain(const struct err *err)
{
	log_error("%s", err->message);
}

/* ---- Before anything is touched ---------------------------------------- */

static bool check_store(struct mount *mount, struct err *err)
{
	return fs_check_store(mount->options, &mount->ground.store_fd, err);
}

static bool check_mountpoint(struct mount *mount, struct err *err)
{
	return fs_check_mountpoint(mount->options, err);
}

static bool check_index(struct mount *mount, struct err *err)
{
	return fs_check_index_place(mount->options, err) &&
	       fs_check_cache_place(mount->options, err);
}

static bool check_fuse(struct mount *mount, struct err *err)
{
	return fs_check_fuse(mount->options, err) && fs_options_make_fuse_args(mount->options, err);
}

/* ---- In the process that stays ----------------------------------------- */

/* They keep what this process has no use for after this. Two, since a log that hangs is no
 * reason to stay mounted. */
static bool start_helpers(struct mount *mount, struct err *err)
{
	struct fs_helping helping = {.program = "dicomfs", .quiet = mount->ready_fd >= 0};

	if (!fs_helper_start(&mount->helper, &helping, err))
		return false;
	mount->ground.helper = &mount->helper;
	helping.mountpoint = mount->options->mountpoint;
	if (!fs_helper_start(&mount->unmounter, &helping, err))
		return false;
	mount->ground.unmounter = &mount->unmounter;
	if (!fs_give_up_rights(FS_RIGHT_ADMIN | FS_RIGHT_READ, err))
		return false;
	/* Links that are followed may lead anywhere, also out of the clone. */
	if (geteuid() == 0 && !mount->options->follow)
		mount->ground.quiet_fd = fs_helper_clone(&mount->helper, mount->ground.store_fd);
	return true;
}

/* Before anything is opened that they must not have. */
static bool start_decoders(struct mount *mount, struct err *err)
{
	bool quiet = mount->ready_fd >= 0;

	return fs_producers_open(&mount->ground.workers, mount->options, quiet, false, err) &&
	       (!fs_measure_wanted(mount->options) ||
		fs_producers_open(&mount->ground.measurers, mount->options, quiet, true, err));
}

static bool open_index(struct mount *mount, struct err *err)
{
	return fs_open_index(&mount->index, mount->options, false, err);
}

static bool wait_for_scan(struct mount *mount, struct err *err)
{
	bool no_index = false, ok;

	if (!mount->options->wait)
		return true;
	ok = fs_first_scan(mount->options, &mount->ground, &no_index, err);
	if (no_index)
		mount->failed = FS_EXIT_INDEX;
	return ok;
}

static bool open_session(struct mount *mount, struct err *err)
{
	sigset_t signals;

	/* From the moment it is mounted a signal means unmounting: one that comes
	 * before fs_session_run() looks waits until it does. */
	(void)sigemptyset(&signals);
	(void)sigaddset(&signals, SIGINT);
	(void)sigaddset(&signals, SIGTERM);
	(void)sigaddset(&signals, SIGHUP);
	(void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
	return fs_session_open(&mount->session, mount->options, mount->index, &mount->ground, err);
}

/* The mount is up: lets go of the terminal and tells the parent so. */
static bool detach(struct mount *mount, struct err *err)
{
	CLEANUP_FD int null = -1;

	if (mount->ready_fd < 0)
		return true;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (null < 0)
		return err_set_sys(err, errno, "/dev/null");
	(void)prctl(PR_SET_PDEATHSIG, 0);
	if (setsid() < 0 || chdir("/") != 0)
		return err_set_sys(err, errno, "cannot become a daemon");
	log_set_sink(fs_helper_log, &mount->helper);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(null, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0)
		return err_set_sys(err, errno, "cannot become a daemon");
	if (write(mount->ready_fd, "", 1) != 1)
		return err_set_sys(err, errno, "the starting process is gone");
	base_close_fd(&mount->ready_fd);
	return true;
}

static bool serve(struct mount *mount, struct err *err)
{
	return fs_session_run(mount->session, err);
}

struct step {
	bool (*run)(struct mount *mount, struct err *err);
	enum fs_exit failed;
};

static const struct step checks[] = {
	{check_store, FS_EXIT_STORE},
	{check_mountpoint, FS_EXIT_MOUNTPOINT},
	{check_index, FS_EXIT_INDEX},
	{check_fuse, FS_EXIT_FUSE},
};

static const struct step stages[] = {
	{start_helpers, FS_EXIT_FAILURE},  {wait_for_scan, FS_EXIT_STORE},
	{start_decoders, FS_EXIT_FAILURE}, {open_index, FS_EXIT_INDEX},
	{open_session, FS_EXIT_FAILURE},   {detach, FS_EXIT_FAILURE},
	{serve, FS_EXIT_FAILURE},
};

static enum fs_exit run_steps(const struct step *steps, size_t count, struct mount *mount)
{
	struct err err = {0};

	for (size_t i = 0; i < count; i++) {
		if (steps[i].run(mount, &err))
			continue;
		complain(&err);
		if (mount->failed != FS_EXIT_OK)
			return mount->failed;
		return err.code == ERR_NOMEM || err.code == ERR_INTERRUPTED ? FS_EXIT_FAILURE
									    : steps[i].failed;
	}
	return FS_EXIT_OK;
}

static enum fs_exit run_mount(struct mount *mount)
{
	enum fs_exit result = run_steps(stages, ARRAY_LEN(stages), mount);

	fs_session_close(mount->session);
	ix_close(mount->index);
	fs_workers_close(mount->ground.workers);
	fs_workers_close(mount->ground.measurers);
	base_close_fd(&mount->ground.quiet_fd);
	/* What is said from here on has nobody to hear it. */
	fs_helper_stop(mount->ground.helper);
	fs_helper_stop(mount->ground.unmounter);
	base_close_fd(&mount->ready_fd);
	return result;
}

/* ---- Daemon ------------------------------------------------------------ */

/* Returns in the parent, with the exit code of the start. The parent ends once
 * the mount is there or has failed, so that whoever started it sees which. */
static enum fs_exit wait_until_ready(pid_t child, int ready_fd)
{
	char byte;
	int status;
	ssize_t got;

	do {
		got = read(ready_fd, &byte, 1);
	} while (got < 0 && errno == EINTR);
	if (got == 1)
		return FS_EXIT_OK;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return FS_EXIT_FAILURE;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status) == 0 ? FS_EXIT_FAILURE
						: (enum fs_exit)WEXITSTATUS(status);
	log_error("ended by signal %d before the mount was made", WTERMSIG(status));
	return FS_EXIT_FAILURE;
}

/* Forks before the index is opened: locks of a database do not survive a fork. */
static enum fs_exit run_daemon(struct mount *mount)
{
	CLEANUP_FD int ready_fd = -1;
	int ends[2];
	pid_t parent = getpid();
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0) {
		log_error("cannot make a pipe: %s", strerror(errno));
		return FS_EXIT_FAILURE;
	}
	ready_fd = ends[0];
	mount->ready_fd = ends[1];
	child = fork();
	if (child < 0)
		log_error("cannot start a process: %s", strerror(errno));
	if (child == 0) {
		base_close_fd(&ready_fd);
		/* Until the mount is up, both end together. */
		(void)prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent)
			return FS_EXIT_FAILURE;
		return run_mount(mount);
	}
	base_close_fd(&mount->ready_fd);
	return child < 0 ? FS_EXIT_FAILURE : wait_until_ready(child, ready_fd);
}

int main(int argc, char *argv[])
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	struct mount mount = {
		.options = &options, .ready_fd = -1, .ground = {.store_fd = -1, .quiet_fd = -1}};
	struct err err = {0};
	enum fs_exit result;

	if (!log_init("dicomfs", getenv("DICOMFS_DEBUG"), LOG_LEVEL_INFO, &err) ||
	    !fs_options_parse(&options, FS_PROGRAM_MOUNT, argc, argv, &err)) {
		complain(&err);
		return err.code == ERR_USAGE ? FS_EXIT_USAGE : FS_EXIT_FAILURE;
	}
	if (options.action != FS_ACTION_RUN)
		return fs_options_answer(FS_PROGRAM_MOUNT, options.action) ? FS_EXIT_OK
									   : FS_EXIT_FAILURE;
	if (!log_init("dicomfs", getenv("DICOMFS_DEBUG"), options.log_level, &err)) {
		complain(&err);
		return FS_EXIT_USAGE;
	}
	/* Whoever waits for the end of a pipe that we inherited waits for us. */
	if (!options.foreground)
		(void)close_range(STDERR_FILENO + 1, ~0u, 0);
	/* The index and what else is made holds patients' data. */
	(void)umask(077);
	(void)signal(SIGCHLD, SIG_DFL);
	fs_keep_private();
	/* Of root's rights; from here on also root may write only where it is the owner. */
	if (!fs_give_up_rights(FS_RIGHT_ADMIN | FS_RIGHT_READ | FS_RIGHT_LEASE, &err)) {
		complain(&err);
		return FS_EXIT_FAILURE;
	}
	result = run_steps(checks, ARRAY_LEN(checks), &mount);
	if (result == FS_EXIT_OK)
		result = options.foreground ? run_mount(&mount) : run_daemon(&mount);
	base_close_fd(&mount.ground.store_fd);
	return (int)result;
}
