/* SPDX-License-Identifier: MIT */
#include "fs/places.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "fs/confine.h"
#include "index/index.h"
#include "index/names.h"

static bool no_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

static bool replace(char **to, char *from)
{
	free(*to);
	*to = from;
	return true;
}

/* A path for a message: one line, and short enough that the reason behind it
 * fits too. */
#define SHOWN_SIZE 96
#define SHOWN(path) shown(path, (char[SHOWN_SIZE]){0})

static const char *shown(const char *path, char *text)
{
	size_t size = strlen(path);
	bool cut = size >= SHOWN_SIZE;

	(void)snprintf(text, SHOWN_SIZE, "%s%s", cut ? "..." : "",
		       cut ? path + size - (SHOWN_SIZE - 4) : path);
	for (char *p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	return text;
}

bool fs_path_is_inside(const char *path, const char *folder)
{
	size_t size = strlen(folder);

	while (size > 0 && folder[size - 1] == '/')
		size--;
	return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* ---- The store --------------------------------------------------------- */

bool fs_check_store(struct fs_options *options, int *store_fd, struct err *err)
{
	char *real = realpath(options->store, NULL);
	CLEANUP_FD int fd = -1;
	struct stat st;
	DIR *listing;

	*store_fd = -1;
	if (real == NULL)
		return err_set_sys(err, errno, "STORE '%s'", SHOWN(options->store));
	replace(&options->store, real);
	if (stat(real, &st) != 0)
		return err_set_sys(err, errno, "STORE '%s'", SHOWN(real));
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "STORE '%s': not a folder", SHOWN(real));
	fd = open(real, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_set_sys(err, errno, "STORE '%s' cannot be read", SHOWN(real));
	/* r without x lists names that cannot be opened. */
	if (faccessat(fd, ".", X_OK, AT_EACCESS) != 0)
		return err_set_sys(err, errno, "STORE '%s' cannot be read", SHOWN(real));
	listing = opendir(real);
	if (listing == NULL)
		return err_set_sys(err, errno, "STORE '%s' cannot be read", SHOWN(real));
	errno = 0;
	if (readdir(listing) == NULL && errno != 0) {
		int saved = errno;

		(void)closedir(listing);
		return err_set_sys(err, saved, "STORE '%s' cannot be read", SHOWN(real));
	}
	(void)closedir(listing);
	*store_fd = fd;
	fd = -1;
	return true;
}

/* ---- The index --------------------------------------------------------- */

/* realpath() of a path whose last parts need not exist yet. */
static bool real_or_future(const char *what, const char *path, struct buf *out, struct err *err)
{
	CLEANUP_FREE char *head = strdup(path);
	CLEANUP_FREE char *real = NULL;
	size_t cut = strlen(path);

	if (head == NULL)
		return no_memory(err);
	while ((real = realpath(cut > 0 ? head : ".", NULL)) == NULL) {
		if (errno != ENOENT || cut == 0)
			return err_set_sys(err, errno, "%s '%s'", what, SHOWN(path));
		while (cut > 0 && head[cut - 1] == '/')
			cut--;
		while (cut > 0 && head[cut - 1] != '/')
			cut--;
		if (cut > 1)
			head[cut - 1] = '\0';
		else
			head[cut] = '\0';
	}
	buf_append_text(out, real);
	if (path[cut] != '\0' && (out->size == 0 || out->data[out->size - 1] != '/'))
		buf_append_text(out, "/");
	buf_append_text(out, path + cut);
	buf_append_byte(out, '\0');
	return buf_ok(out, err);
}

/* What only exists later must not lead elsewhere then. */
static bool check_future(const char *what, const char *path, struct err *err)
{
	struct stat st;

	if (strstr(path, "/../") != NULL || strstr(path, "/./") != NULL)
		return err_set(err, ERR_USAGE, "%s '%s': no such folder", what, SHOWN(path));
	if (lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
		return err_set(err, ERR_USAGE, "%s '%s': a symlink that leads nowhere", what,
			       SHOWN(path));
	return true;
}

static bool check_is_file(const char *path, struct err *err)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "index '%s': is a folder; name a file", SHOWN(path));
	return true;
}

/* As root we write where root may as anybody else. */
static bool check_is_ours(const char *what, const char *path, bool is_file, struct err *err)
{
	CLEANUP_FREE char *folder = strdup(path);
	struct stat st;
	char *slash;

	if (folder == NULL)
		return no_memory(err);
	/* A file of root's, of earlier, is of no use when others cannot be beside it. */
	if (is_file && (slash = strrchr(folder, '/')) != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	while (access(folder, F_OK) != 0 && (slash = strrchr(folder, '/')) != NULL)
		slash[slash == folder ? 1 : 0] = '\0';
	/* What else may be wrong shows when it is opened. */
	if (geteuid() != 0 || stat(folder, &st) != 0 || st.st_uid == 0 ||
	    faccessat(AT_FDCWD, folder, W_OK, AT_EACCESS) == 0 || errno != EACCES)
		return true;
	return err_set(err, ERR_IO,
		       "%s '%s': '%s' belongs to another user, and root's right to write "
		       "everywhere is given up; choose a folder of root",
		       what, SHOWN(path), SHOWN(folder));
}

static bool default_index(const struct fs_options *options, struct buf *path, struct err *err)
{
	if (!ix_default_path(options->store, options->variant, path, err))
		return false;
	buf_append_byte(path, '\0');
	return buf_ok(path, err);
}

bool fs_check_index_place(struct fs_options *options, struct err *err)
{
	CLEANUP_BUF struct buf given = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	bool is_default = options->index_path == NULL;
	char *copy;

	if (is_default && !default_index(options, &given, err))
		return false;
	if (!real_or_future("index", is_default ? buf_text(&given) : options->index_path, &path,
			    err))
		return false;
	copy = strdup(buf_text(&path));
	if (copy == NULL)
		return no_memory(err);
	replace(&options->index_path, copy);
	if (fs_path_is_inside(copy, options->store))
		return err_set(err, ERR_USAGE,
			       "index '%s' is inside STORE, which is never written%s", SHOWN(copy),
			       is_default ? "; choose another place with -o index=FILE" : "");
	if (fs_path_is_inside(options->store, copy))
		return err_set(err, ERR_USAGE, "STORE is inside the index '%s'", SHOWN(copy));
	if (options->mountpoint != NULL && fs_path_is_inside(copy, options->mountpoint))
		return err_set(err, ERR_USAGE, "index '%s' is inside MOUNTPOINT", SHOWN(copy));
	return check_future("index", copy, err) && check_is_file(copy, err) &&
	       (options->status || options->check || check_is_ours("index", copy, true, err));
}

/* ---- The cache on disk -------------------------------------------------- */

bool fs_check_cache_place(struct fs_options *options, struct err *err)
{
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	char *copy;

	if (options->cache_dir == NULL)
		return true;
	if (!real_or_future("cache_dir", options->cache_dir, &path, err))
		return false;
	copy = strdup(buf_text(&path));
	if (copy == NULL)
		return no_memory(err);
	replace(&options->cache_dir, copy);
	if (fs_path_is_inside(copy, options->store))
		return err_set(err, ERR_USAGE,
			       "cache_dir '%s' is inside STORE, which is never written",
			       SHOWN(copy));
	if (fs_path_is_inside(options->store, copy))
		return err_set(err, ERR_USAGE, "STORE is inside cache_dir '%s'", SHOWN(copy));
	if (fs_path_is_inside(copy, options->mountpoint))
		return err_set(err, ERR_USAGE, "cache_dir '%s' is inside MOUNTPOINT", SHOWN(copy));
	if (fs_path_is_inside(options->mountpoint, copy))
		return err_set(err, ERR_USAGE, "MOUNTPOINT is inside cache_dir '%s'", SHOWN(copy));
	return check_future("cache_dir", copy, err) && check_is_ours("cache_dir", copy, false, err);
}

/* ---- Nothing else ------------------------------------------------------- */

bool fs_confine_to_places(const struct fs_options *options, unsigned rights, struct err *err)
{
	const char *slash = strrchr(options->index_path, '/');
	CLEANUP_FREE char *index =
		strndup(options->index_path,
			slash > options->index_path ? (size_t)(slash - options->index_path) : 1);
	const char *const folders[] = {index, options->cache_dir};
	bool cached = options->cache_dir != NULL && access(options->cache_dir, F_OK) == 0;

	if (index == NULL)
		return no_memory(err);
	/* What SQLite sorts there, names included, stays with the index. */
	return ix_use_folder(index, err) && fs_confine_daemon(rights, folders, cached ? 2 : 1, err);
}

/* ---- The mount point --------------------------------------------------- */

#define MOUNTINFO "/proc/self/mountinfo"

/* The nth word of a line of mountinfo, from 0. */
static struct span line_word(struct span line, unsigned n)
{
	size_t at = 0;

	for (;; n--) {
		size_t start = at;

		while (at < line.size && line.data[at] != ' ')
			at++;
		if (n == 0)
			return span_of(line.data + start, at - start);
		if (at == line.size)
			return span_of(NULL, 0);
		at++;
	}
}

/* What of escaped is left behind path; NULL: it does not begin with it. mountinfo
 * writes space, tab, line break and backslash as \ooo. */
static const uint8_t *path_rest(struct span escaped, const char *path)
{
	size_t i = 0;

	while (*path != '\0') {
		unsigned char c;

		if (i == escaped.size)
			return NULL;
		c = escaped.data[i++];
		if (c == '\\' && escaped.size - i >= 3) {
			c = (unsigned char)((escaped.data[i] - '0') * 64 +
					    (escaped.data[i + 1] - '0') * 8 +
					    (escaped.data[i + 2] - '0'));
			i += 3;
		}
		if ((unsigned char)*path++ != c)
			return NULL;
	}
	return escaped.data + i;
}

static bool same_path(struct span escaped, const char *path)
{
	const uint8_t *rest = path_rest(escaped, path);

	return rest != NULL && rest == escaped.data + escaped.size;
}

static bool lies_in(struct span escaped, const char *folder)
{
	const uint8_t *rest = path_rest(escaped, folder);

	return rest != NULL &&
	       (rest == escaped.data + escaped.size || *rest == '/' || strcmp(folder, "/") == 0);
}

static void keep_word(struct span word, struct buf *out)
{
	buf_truncate(out, 0);
	buf_append(out, word.data, word.size);
}

bool fs_mount_find(const char *mountinfo, const char *folder, struct buf *type, struct buf *device)
{
	bool found = false;

	while (*mountinfo != '\0') {
		struct span line = span_of(mountinfo, strcspn(mountinfo, "\n"));
		const uint8_t *dash = memmem(line.data, line.size, " - ", 3);

		/* Later lines are mounted on top of earlier ones. */
		if (dash != NULL && same_path(line_word(line, 4), folder)) {
			size_t used = (size_t)(dash + 3 - line.data);

			keep_word(line_word(span_of(dash + 3, line.size - used), 0), type);
			keep_word(line_word(line, 2), device);
			found = true;
		}
		mountinfo += line.size;
		if (*mountinfo == '\n')
			mountinfo++;
	}
	return found;
}

uint64_t fs_mounts_in(const char *mountinfo, const char *folder)
{
	CLEANUP_BUF struct buf all = buf_empty(BUF_NO_LIMIT);

	while (*mountinfo != '\0') {
		struct span line = span_of(mountinfo, strcspn(mountinfo, "\n"));
		struct span place = line_word(line, 4);

		/* Its number, that of the mount around, its device, its part and its place:
		 * what follows are rights and the like. */
		if (place.size > 0 && lies_in(place, folder))
			buf_append(&all, line.data, (size_t)(place.data + place.size - line.data));
		mountinfo += line.size;
		if (*mountinfo == '\n')
			mountinfo++;
	}
	return ix_hash(buf_span(&all));
}

static bool read_text(const char *path, struct buf *text)
{
	CLEANUP_FD int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t block[4096];
	ssize_t got;

	if (fd < 0)
		return false;
	while ((got = read(fd, block, sizeof(block))) > 0)
		buf_append(text, block, (size_t)got);
	return got == 0 && buf_ok(text, NULL);
}

/* Without /proc nothing is known: the kernel still refuses what is wrong. */
bool fs_mount_here(const char *folder, struct buf *type, struct buf *device)
{
	CLEANUP_BUF struct buf mountinfo = buf_empty((size_t)64 << 20);

	return read_text(MOUNTINFO, &mountinfo) &&
	       fs_mount_find(buf_text(&mountinfo), folder, type, device);
}

uint64_t fs_mounts_in_here(const char *folder)
{
	CLEANUP_BUF struct buf mountinfo = buf_empty((size_t)64 << 20);

	return read_text(MOUNTINFO, &mountinfo) ? fs_mounts_in(buf_text(&mountinfo), folder) : 0;
}

static bool check_empty(const char *path, struct err *err)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;
	bool empty = true;

	if (folder == NULL)
		return err_set_sys(err, errno, "MOUNTPOINT '%s' cannot be read", SHOWN(path));
	while (empty && (entry = readdir(folder)) != NULL)
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	(void)closedir(folder);
	if (!empty)
		return err_set(err, ERR_USAGE,
			       "MOUNTPOINT '%s': not empty; -o nonempty mounts over it",
			       SHOWN(path));
	return true;
}

/* A mount whose program is gone says so to whoever asks it something new; what
 * the kernel remembers of it may still answer stat(2). Only our own mounts are
 * asked: another program may never answer. */
static bool is_dead(const char *path, const char *type)
{
	struct statfs fs;

	return strcmp(type, FS_MOUNT_TYPE) == 0 && statfs(path, &fs) != 0 && errno == ENOTCONN;
}

static bool busy_with_dead(const char *path, struct err *err)
{
	return err_set(err, ERR_USAGE,
		       "MOUNTPOINT '%s': busy, a mount whose program has ended; "
		       "unmount it first: umount '%s'",
		       SHOWN(path), SHOWN(path));
}

static bool check_free(const struct fs_options *options, struct err *err)
{
	CLEANUP_BUF struct buf type = buf_empty(256);
	CLEANUP_BUF struct buf device = buf_empty(256);
	const char *path = options->mountpoint;

	if (fs_mount_here(path, &type, &device)) {
		const char *name = buf_text(&type);

		/* An automount point waits for this very mount: listing it would
		 * wait for ourselves. */
		if (strcmp(name, "autofs") == 0)
			return true;
		if (is_dead(path, name))
			return busy_with_dead(path, err);
		if (!options->nonempty || strcmp(name, FS_MOUNT_TYPE) == 0)
			return err_set(err, ERR_USAGE,
				       "MOUNTPOINT '%s': busy, a file system (%s) is mounted there",
				       SHOWN(path), name);
	}
	if (geteuid() != 0 && access(path, W_OK) != 0)
		return err_set(err, ERR_USAGE,
			       "MOUNTPOINT '%s': not writable, so only root can mount there",
			       SHOWN(path));
	return options->nonempty || check_empty(path, err);
}

/* The kernel's words for a mount whose program is gone say nothing of it. */
static bool cannot_resolve(const char *path, int sys, struct err *err)
{
	if (sys == ENOTCONN)
		return busy_with_dead(path, err);
	return err_set_sys(err, sys, "MOUNTPOINT '%s'", SHOWN(path));
}

bool fs_check_mountpoint(struct fs_options *options, struct err *err)
{
	char *real = realpath(options->mountpoint, NULL);
	struct stat st;

	if (real == NULL)
		return cannot_resolve(options->mountpoint, errno, err);
	replace(&options->mountpoint, real);
	if (stat(real, &st) != 0)
		return cannot_resolve(real, errno, err);
	if (!S_ISDIR(st.st_mode))
		return err_set(err, ERR_USAGE, "MOUNTPOINT '%s': not a folder", SHOWN(real));
	if (strcmp(real, options->store) == 0)
		return err_set(err, ERR_USAGE, "MOUNTPOINT '%s' is STORE itself", SHOWN(real));
	if (fs_path_is_inside(real, options->store))
		return err_set(err, ERR_USAGE, "MOUNTPOINT '%s' is inside STORE '%s'", SHOWN(real),
			       SHOWN(options->store));
	if (fs_path_is_inside(options->store, real))
		return err_set(err, ERR_USAGE, "STORE '%s' is inside MOUNTPOINT '%s'",
			       SHOWN(options->store), SHOWN(real));
	return check_free(options, err);
}

/* ---- FUSE -------------------------------------------------------------- */

#define FUSE_DEVICE "/dev/fuse"
#define CAP_BIT_SYS_ADMIN 21

static bool may_mount(void)
{
	CLEANUP_BUF struct buf status = buf_empty((size_t)1 << 16);
	const char *line;
	uint64_t capabilities = 0;

	if (geteuid() != 0)
		return false;
	if (!read_text("/proc/self/status", &status) ||
	    (line = strstr(buf_text(&status), "\nCapEff:\t")) == NULL)
		return true;
	for (line += strlen("\nCapEff:\t"); *line != '\n' && *line != '\0'; line++)
		capabilities = capabilities * 16 +
			       (uint64_t)(*line <= '9' ? *line - '0' : (*line | 0x20) - 'a' + 10);
	return (capabilities >> CAP_BIT_SYS_ADMIN & 1) != 0;
}

static bool find_fusermount(void)
{
	static const char usual[] = "/usr/bin:/bin:/usr/local/bin:";
	CLEANUP_BUF struct buf folders = buf_empty(BUF_NO_LIMIT);
	const char *path = getenv("PATH");
	const char *at;

	buf_append_text(&folders, usual);
	buf_append_text(&folders, path != NULL ? path : "");
	for (at = buf_text(&folders); *at != '\0'; at += strspn(at, ":")) {
		size_t size = strcspn(at, ":");
		char program[4096];

		(void)snprintf(program, sizeof(program), "%.*s/fusermount3",
			       (int)MIN_OF(size, (size_t)4000), at);
		if (access(program, X_OK) == 0)
			return true;
		at += size;
	}
	return false;
}

static bool conf_allows_other(void)
{
	CLEANUP_BUF struct buf conf = buf_empty((size_t)1 << 20);
	const char *line;

	/* fusermount3 decides by the same file; unreadable for us: let it. */
	if (!read_text("/etc/fuse.conf", &conf))
		return access("/etc/fuse.conf", F_OK) == 0;
	for (line = buf_text(&conf); *line != '\0'; line += strspn(line, "\n")) {
		size_t size = strcspn(line, "\n");
		struct span word = span_of(line + strspn(line, " \t"), 0);

		word.size = strcspn((const char *)word.data, " \t\n#");
		if (span_equals_text(word, "user_allow_other"))
			return true;
		line += size;
	}
	return false;
}

static bool check_device(struct err *err)
{
	CLEANUP_FD int fd = open(FUSE_DEVICE, O_RDWR | O_CLOEXEC);

	if (fd >= 0)
		return true;
	switch (errno) {
	case ENOENT:
		return err_set(err, ERR_IO,
			       FUSE_DEVICE " is missing: load the kernel module (modprobe fuse), "
					   "or give this container the device");
	case ENODEV:
	case ENXIO:
		return err_set(err, ERR_IO,
			       FUSE_DEVICE ": the kernel has no FUSE; load the module "
					   "(modprobe fuse)");
	case EPERM:
		return err_set(err, ERR_IO,
			       FUSE_DEVICE " may not be opened: this container has no right to the "
					   "device");
	default:
		return err_set_sys(err, errno, FUSE_DEVICE " may not be opened");
	}
}

/* What fusermount3 would refuse, or who it is that is missing. */
static bool check_fusermount(const struct fs_options *options, struct err *err)
{
	if (!find_fusermount())
		return err_set(err, ERR_IO,
			       "fusermount3 is missing (package fuse3), and only root can mount "
			       "without it");
	if (geteuid() != 0 && options->allow_other && !conf_allows_other())
		return err_set(err, ERR_IO,
			       "allow_other: /etc/fuse.conf has to say user_allow_other first");
	return true;
}

bool fs_check_fuse(const struct fs_options *options, struct err *err)
{
	return (may_mount() || check_fusermount(options, err)) && check_device(err);
}
