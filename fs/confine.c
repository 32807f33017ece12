/* SPDX-License-Identifier: MIT */
#include "fs/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if __has_include(<linux/landlock.h>)
#include <linux/landlock.h>
#endif

#include "fs/sanitizer.h"

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

static bool enforce(int rules_fd, struct err *err)
{
	return syscall(SYS_landlock_restrict_self, rules_fd, 0) == 0 ||
	       err_set_sys(err, errno, "cannot take files away");
}

static bool take_files_away(struct err *err)
{
	int version = landlock_version();
	struct landlock_ruleset_attr rules = {.handled_access_fs = file_rights(version)};
	CLEANUP_FD int fd = -1;

	if (version == 0)
		return true;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, sizeof(rules.handled_access_fs), 0);
	return fd < 0 ? err_set_sys(err, errno, "cannot take files away") : enforce(fd, err);
}

static bool allow_in(int rules_fd, const char *folder, uint64_t rights, struct err *err)
{
	CLEANUP_FD int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct landlock_path_beneath_attr beneath = {.allowed_access = rights, .parent_fd = fd};

	return (fd >= 0 && syscall(SYS_landlock_add_rule, rules_fd, LANDLOCK_RULE_PATH_BENEATH,
				   &beneath, 0) == 0) ||
	       err_set_sys(err, errno, "cannot use the folder %s", folder);
}

/* What the kernel knows of it depends on its version: it takes as much as it knows. */
struct rules {
	uint64_t files, network, scopes;
};
#define NETWORK_ALL UINT64_C(3) /* TCP: from the fourth version on */
#define SCOPES_ALL UINT64_C(3)  /* sockets without a file, signals: from the sixth */

/* Everything may be read that could be before; what the store is mounted from may be
 * another disk tomorrow. Programs may be run nowhere. */
static bool take_writing_away(const char *const *folders, size_t count, struct err *err)
{
	const uint64_t reading = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
	/* Not the 16th, ioctls of devices. */
	const uint64_t known = ((uint64_t)1 << 15) - 1;
	int version = landlock_version();
	const struct rules rules = {
		.files = file_rights(version) & known & ~reading,
		.network = version >= 4 ? NETWORK_ALL : 0,
		.scopes = version >= 6 ? SCOPES_ALL : 0,
	};
	size_t size = version >= 6   ? sizeof(rules)
		      : version >= 4 ? offsetof(struct rules, scopes)
				     : offsetof(struct rules, network);
	CLEANUP_FD int fd = -1;

	/* The first one forbids to move a file from one folder into another. */
	if (version < 2)
		return true;
	fd = (int)syscall(SYS_landlock_create_ruleset, &rules, size, 0);
	if (fd < 0)
		return err_set_sys(err, errno, "cannot take files away");
	for (size_t i = 0; i < count; i++) {
		if (!allow_in(fd, folders[i], rules.files & ~(uint64_t)LANDLOCK_ACCESS_FS_EXECUTE,
			      err))
			return false;
	}
	return enforce(fd, err);
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

static bool take_writing_away(const char *const *folders UNUSED, size_t count UNUSED,
			      struct err *err UNUSED)
{
	return true;
}

#endif

/* ---- Rights and limits ---------------------------------------------------- */

bool fs_give_up_rights(unsigned kept, struct err *err)
{
	static const unsigned char numbers[] = {CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH, CAP_LEASE};
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {{0}};
	uint32_t keep = 0;

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++) {
		if ((kept >> i & 1) != 0)
			keep |= UINT32_C(1) << numbers[i];
	}
	(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &header, rights) != 0)
		return err_set_sys(err, errno, "cannot give up rights");
	keep &= rights[0].permitted;
	rights[0] = (struct __user_cap_data_struct){.effective = keep, .permitted = keep};
	rights[1] = (struct __user_cap_data_struct){0};
	return syscall(SYS_capset, &header, rights) == 0 ||
	       err_set_sys(err, errno, "cannot give up rights");
}

static bool refuse_new_rights(struct err *err)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ||
	       err_set_sys(err, errno, "cannot give up rights");
}

/* Which number of /proc/self/statm: address space, data and stack. */
enum { STATM_ALL = 0, STATM_DATA = 5 };

/* Bytes that there are now. */
static uint64_t memory_now(unsigned which)
{
	CLEANUP_FD int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	const char *at = text;
	uint64_t pages = 0;

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		return 0;
	for (; which > 0 && *at != '\0'; at++)
		which -= *at == ' ';
	for (; *at >= '0' && *at <= '9'; at++)
		pages = pages * 10 + (uint64_t)(*at - '0');
	return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

static bool limit(int resource, uint64_t value, struct err *err)
{
	struct rlimit to = {.rlim_cur = (rlim_t)value, .rlim_max = (rlim_t)value};

	return setrlimit((__rlimit_resource_t)resource, &to) == 0 ||
	       err_set_sys(err, errno, "cannot set a limit");
}

static bool limit_all(uint64_t memory, struct err *err)
{
	uint64_t there = memory_now(STATM_ALL);

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

uint64_t fs_own_memory(void)
{
	return memory_now(STATM_DATA);
}

void fs_confine_task(uint64_t memory)
{
	struct rlimit to;

	if (UNDER_SANITIZER || getrlimit(RLIMIT_DATA, &to) != 0)
		return;
	to.rlim_cur = memory > 0 ? MIN_OF((rlim_t)memory, to.rlim_max) : to.rlim_max;
	(void)setrlimit(RLIMIT_DATA, &to);
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
	forget_handlers();
	(void)prctl(PR_SET_DUMPABLE, 0);
	return limit_all(memory, err) && refuse_new_rights(err) && fs_give_up_rights(0, err) &&
	       take_files_away(err) && fs_filter_install(filter, forbidden, err);
}

bool fs_confine_daemon(unsigned kept, const char *const *folders, size_t count, struct err *err)
{
	struct fs_filter *filter = NULL;
	bool ok = fs_filter_for_daemon(&filter, err) && refuse_new_rights(err) &&
		  take_writing_away(folders, count, err) && fs_give_up_rights(kept, err) &&
		  fs_filter_install(filter, NULL, err);

	fs_filter_close(filter);
	return ok;
}

void fs_confine_describe(struct buf *out)
{
	if (fs_filter_is_known())
		buf_append_text(out, "seccomp, ");
	if (landlock_version() > 0)
		buf_printf(out, "Landlock %d, ", landlock_version());
	buf_append_text(out, "limits");
}
