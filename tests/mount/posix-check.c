/*
 * posix-check [-u UID -g GID] [-w] GROUP,... ROOT OWN ROLE=PATH...: see
 * posix-check.h. OWN is a file elsewhere that may be written to. -w lets it run
 * on a mount that says that it can be written to, and whose file system has to
 * refuse; the groups are called w-GROUP then.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/mount/posix-check.h"

#include <grp.h>
#include <stdarg.h>
#include <sys/prctl.h>
#include <sys/statvfs.h>

static const struct {
	const char *name;
	void (*run)(struct posix *posix);
} groups[] = {
	{"open", posix_open},     {"names", posix_names},     {"attributes", posix_attributes},
	{"xattrs", posix_xattrs}, {"files", posix_files},     {"maps", posix_maps},
	{"locks", posix_locks},   {"folders", posix_folders},
};

/* ---- Output ------------------------------------------------------------ */

static __attribute__((format(printf, 3, 0))) void row(struct posix *posix, const char *text,
						      const char *format, va_list args)
{
	printf("%s%s\t", posix->writable ? "w-" : "", posix->group);
	vprintf(format, args);
	printf("\t%s\n", text);
}

void posix_text(struct posix *posix, const char *text, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	row(posix, text, format, args);
	va_end(args);
}

void posix_result(struct posix *posix, long long result, const char *format, ...)
{
	int number = errno;
	char text[32];
	const char *name;
	va_list args;

	if (result == -1) {
		name = strerrorname_np(number);
		(void)snprintf(text, sizeof(text), "%s", name != NULL ? name : "unknown errno");
	} else {
		(void)snprintf(text, sizeof(text), "%lld", result);
	}
	va_start(args, format);
	row(posix, text, format, args);
	va_end(args);
}

/* ---- Roles ------------------------------------------------------------- */

static char *copy_of(const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL) {
		perror("posix-check");
		exit(2);
	}
	return copy;
}

static void add_role(struct posix *posix, const char *name, const char *path, bool given)
{
	if (posix->role_count == POSIX_ROLES) {
		fprintf(stderr, "posix-check: too many roles\n");
		exit(2);
	}
	posix->roles[posix->role_count++] =
		(struct posix_role){.name = name, .path = copy_of(path), .given = given};
}

const char *posix_path(const struct posix *posix, const char *name)
{
	for (size_t i = 0; i < posix->role_count; i++) {
		if (strcmp(posix->roles[i].name, name) == 0)
			return posix->roles[i].path;
	}
	return NULL;
}

bool posix_is_file(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISREG(st.st_mode);
}

bool posix_is_folder(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

/* PART as often as COUNT, then the end of it. */
static void add_repeated(struct posix *posix, const char *name, const char *part, size_t count,
			 const char *end)
{
	size_t size = strlen(part);
	char *path = malloc(size * count + strlen(end) + 1);

	if (path == NULL)
		exit(2);
	for (size_t i = 0; i < count; i++)
		memcpy(path + i * size, part, size);
	memcpy(path + size * count, end, strlen(end) + 1);
	add_role(posix, name, path, false);
	free(path);
}

static void add_suffixed(struct posix *posix, const char *name, const char *of, const char *suffix)
{
	char path[PATH_MAX];

	if (posix_path(posix, of) == NULL)
		return;
	(void)snprintf(path, sizeof(path), "%s%s", posix_path(posix, of), suffix);
	add_role(posix, name, path, false);
}

/* Paths that are wrong in all the ways that paths can be wrong. */
static void add_made_up(struct posix *posix)
{
	char link[PATH_MAX];

	add_role(posix, "missing", "missing", false);
	add_role(posix, "empty", "", false);
	add_suffixed(posix, "missing-in-folder", "folder", "/missing");
	add_suffixed(posix, "missing-in-series", "series", "/missing");
	add_suffixed(posix, "missing-in-kind", "kind", "/missing");
	add_suffixed(posix, "missing-in-frames", "frames", "/0000.png");
	add_suffixed(posix, "missing-below-missing", "folder", "/missing/missing");
	add_suffixed(posix, "below-file", "dcm", "/missing");
	add_suffixed(posix, "file-slash", "dcm", "/");
	add_suffixed(posix, "file-dot", "png", "/.");
	add_suffixed(posix, "file-dotdot", "json", "/..");
	add_suffixed(posix, "folder-slash", "folder", "/");
	add_suffixed(posix, "folder-dot", "series", "/.");
	add_suffixed(posix, "folder-dotdot", "kind", "/..");
	add_suffixed(posix, "link-slash", "link", "/");
	add_suffixed(posix, "through-link", "link", "/missing");
	add_role(posix, "missing-slash", "missing/", false);
	add_repeated(posix, "name-255", "n", 255, "");
	add_repeated(posix, "name-256", "n", 256, "");
	add_repeated(posix, "utf8-255", "\xc3\xa4", 127, "n");
	add_repeated(posix, "path-4095", "./", 2047, "p");
	add_repeated(posix, "path-4096", "./", 2048, "");
	add_repeated(posix, "path-5000", "../", 1660, "missing");
	/* A study: three folders below the root. */
	if (posix_path(posix, "link") == NULL)
		return;
	(void)snprintf(link, sizeof(link), "%s/../../../", posix_path(posix, "link"));
	/* Up to 40 are allowed, but the kernel counts those of a walk again that it
	 * had to begin anew: three times at most. */
	add_repeated(posix, "links-12", link, 12, "");
	add_repeated(posix, "links-41", link, 41, "");
}

/* ---- Running ----------------------------------------------------------- */

static bool is_read_only(void)
{
	struct statvfs st;

	return statvfs(".", &st) == 0 && (st.f_flag & ST_RDONLY) != 0;
}

/* Dumpable again, or LeakSanitizer cannot look for leaks at the end. */
static bool become(long uid, long gid)
{
	return (gid < 0 || (setgroups(0, NULL) == 0 && setgid((gid_t)gid) == 0)) &&
	       (uid < 0 || setuid((uid_t)uid) == 0) && prctl(PR_SET_DUMPABLE, 1) == 0;
}

static bool run_group(struct posix *posix, const char *name)
{
	for (size_t i = 0; i < POSIX_LEN(groups); i++) {
		if (strcmp(groups[i].name, name) != 0)
			continue;
		posix->group = name;
		groups[i].run(posix);
		return true;
	}
	fprintf(stderr, "posix-check: no group %s\n", name);
	return false;
}

static bool run_groups(struct posix *posix, char *names)
{
	char *rest = names;
	const char *name;

	while ((name = strsep(&rest, ",")) != NULL) {
		if (!run_group(posix, name))
			return false;
	}
	return true;
}

static int usage(void)
{
	fprintf(stderr,
		"usage: posix-check [-u UID -g GID] [-w] GROUP,... ROOT OWN ROLE=PATH...\n");
	return 2;
}

static int run(struct posix *posix, char **args, int count, long uid, long gid)
{
	posix->own = open(args[2], O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (posix->own < 0 || ftruncate(posix->own, 8192) != 0 || chdir(args[1]) != 0) {
		perror("posix-check");
		return 2;
	}
	if (!posix->writable && !is_read_only()) {
		fprintf(stderr, "posix-check: %s can be written to\n", args[1]);
		return 2;
	}
	add_role(posix, "root", ".", true);
	for (int i = 3; i < count; i++) {
		char *equals = strchr(args[i], '=');

		if (equals == NULL)
			return usage();
		*equals = '\0';
		add_role(posix, args[i], equals + 1, true);
	}
	add_made_up(posix);
	if (!become(uid, gid)) {
		perror("posix-check: setuid");
		return 2;
	}
	return run_groups(posix, args[0]) ? 0 : 2;
}

int main(int argc, char **argv)
{
	struct posix posix = {.own = -1};
	long uid = -1, gid = -1;
	int option, status;

	while ((option = getopt(argc, argv, "+u:g:w")) != -1) {
		if (option == 'u')
			uid = strtol(optarg, NULL, 10);
		else if (option == 'g')
			gid = strtol(optarg, NULL, 10);
		else if (option == 'w')
			posix.writable = true;
		else
			return usage();
	}
	if (argc - optind < 3)
		return usage();
	status = run(&posix, argv + optind, argc - optind, uid, gid);
	for (size_t i = 0; i < posix.role_count; i++)
		free(posix.roles[i].path);
	if (posix.own >= 0)
		close(posix.own);
	return fflush(stdout) == 0 ? status : 2;
}
