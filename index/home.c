/* SPDX-License-Identifier: MIT */
#include "index/home.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dicom/number.h"
#include "index/disk.h"
#include "index/index.h"
#include "index/names.h"
#include "index/vfs.h"

static bool beside(const char *path, const char *suffix, char name[static PATH_MAX],
		   struct err *err)
{
	int size = snprintf(name, PATH_MAX, "%s%s", path, suffix);

	return (size > 0 && size < PATH_MAX) ||
	       err_set(err, ERR_USAGE, "path of the index is too long");
}

/* ---- Folder ------------------------------------------------------------ */

static bool make_folders(char *path, struct err *err)
{
	for (char *p = path + 1;; p++) {
		char kept = *p;

		if (kept != '/' && kept != '\0')
			continue;
		*p = '\0';
		if (mkdir(path, 0700) != 0 && errno != EEXIST) {
			(void)err_set_sys(err, errno, "cannot make the folder %s of the index",
					  path);
			if (err != NULL)
				err->code = ERR_IO;
			return false;
		}
		*p = kept;
		if (kept == '\0')
			return true;
	}
}

static bool is_inside(const char *folder, const char *store)
{
	size_t size = strlen(store);

	while (size > 0 && store[size - 1] == '/')
		size--;
	return strncmp(folder, store, size) == 0 && (folder[size] == '/' || folder[size] == '\0');
}

bool ix_home_prepare(const char *path, const char *store, struct err *err)
{
	char folder[PATH_MAX], real[PATH_MAX];
	struct statfs fs;
	char *slash;
	const char *network;

	if (path[0] == '\0' || !beside(path, "", folder, err))
		return err_set(err, ERR_USAGE, "the index needs a path of usual length");
	slash = strrchr(folder, '/');
	if (slash == folder)
		slash[1] = '\0';
	else if (slash != NULL)
		*slash = '\0';
	else
		(void)snprintf(folder, sizeof(folder), ".");
	if (!make_folders(folder, err))
		return false;
	if (realpath(folder, real) == NULL || statfs(real, &fs) != 0) {
		(void)err_set_sys(err, errno, "cannot use the folder %s of the index", folder);
		if (err != NULL)
			err->code = ERR_IO;
		return false;
	}
	if (store != NULL && is_inside(real, store))
		return err_set(err, ERR_USAGE, "index %s is inside the store; give another place",
			       path);
	/* Another host may write there behind the back of the kernel's locks: SQLite's
	 * shared memory works within one machine only. */
	network = ix_disk_network_name((unsigned long)fs.f_type & 0xffffffff);
	if (network != NULL)
		return err_set(err, ERR_IO,
			       "index %s is on a network file system (%s); give a local place",
			       path, network);
	return true;
}

/* ---- Files beside the index -------------------------------------------- */

/* flock() cannot be asked who holds it without taking it, and whoever takes it
 * to look would make a mount that starts at that moment a follower. So a lock
 * that can be asked for goes with it. */
static struct flock whole_file(void)
{
	return (struct flock){.l_type = F_WRLCK, .l_whence = SEEK_SET};
}

bool ix_home_lock(const char *path, int *fd, struct err *err)
{
	struct flock shown = whole_file();
	char name[PATH_MAX];
	int lock CLEANUP_FD = -1;

	*fd = -1;
	if (!beside(path, "-lock", name, err))
		return false;
	lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0) {
		(void)err_set_sys(err, errno, "cannot write the index %s", path);
		if (err != NULL)
			err->code = ERR_IO;
		return false;
	}
	if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			return true;
		return err_set_sys(err, errno, "cannot lock the index %s", path);
	}
	(void)fcntl(lock, F_OFD_SETLK, &shown);
	*fd = lock;
	lock = -1;
	return true;
}

bool ix_home_is_locked(const char *path)
{
	struct flock shown = whole_file();
	char name[PATH_MAX];
	int fd CLEANUP_FD = -1;

	if (beside(path, "-lock", name, NULL))
		fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &shown) == 0 && shown.l_type != F_UNLCK;
}

bool ix_home_create(const char *path, struct err *err)
{
	struct stat st;
	int fd CLEANUP_FD = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NOFOLLOW, 0600);

	if (fd < 0 || fstat(fd, &st) != 0) {
		(void)err_set_sys(err, errno, "cannot write the index %s", path);
		if (err != NULL)
			err->code = ERR_IO;
		return false;
	}
	if (!S_ISREG(st.st_mode))
		return err_set(err, ERR_IO, "index %s is not a regular file", path);
	if ((st.st_mode & 077) != 0)
		(void)fchmod(fd, st.st_mode & 0700);
	return true;
}

/* Of one index, itself last: what is interrupted leaves something that is seen
 * to be incomplete. */
static const char *const suffixes[] = {IX_SUMS_SUFFIX, "-wal", "-shm", "-journal", ""};

bool ix_home_move_aside(const char *path, struct err *err)
{
	char from[PATH_MAX], to[PATH_MAX], bad[PATH_MAX];

	if (!beside(path, ".bad", bad, err))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (!beside(path, suffixes[i], from, err) || !beside(bad, suffixes[i], to, err))
			return false;
		if (rename(from, to) != 0 && errno != ENOENT) {
			(void)err_set_sys(err, errno, "cannot move the damaged index %s aside",
					  path);
			if (err != NULL)
				err->code = ERR_IO;
			return false;
		}
	}
	return true;
}

bool ix_home_remove(const char *path, struct err *err)
{
	char name[PATH_MAX];

	for (size_t i = 0; i < ARRAY_LEN(suffixes); i++) {
		if (!beside(path, suffixes[i], name, err))
			return false;
		if (unlink(name) != 0 && errno != ENOENT)
			return err_set_sys(err, errno, "cannot remove the index %s", path);
	}
	return true;
}

bool ix_home_mark_damaged(const char *path)
{
	char name[PATH_MAX];
	int fd CLEANUP_FD = -1;

	if (beside(path, "-damaged", name, NULL))
		fd = open(name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return fd >= 0;
}

bool ix_home_has_mark(const char *path, bool *marked, struct err *err)
{
	char name[PATH_MAX];

	if (!beside(path, "-damaged", name, err))
		return false;
	*marked = access(name, F_OK) == 0;
	return *marked || errno == ENOENT ||
	       err_set_sys(err, errno, "cannot read the index %s", path);
}

bool ix_home_drop_mark(const char *path, struct err *err)
{
	char name[PATH_MAX];

	if (!beside(path, "-damaged", name, err))
		return false;
	return unlink(name) == 0 || errno == ENOENT ||
	       err_set_sys(err, errno, "cannot write the index %s", path);
}

/* All there is, up to size: a part of a number is another number. */
static bool read_all(int fd, char *to, size_t size)
{
	ssize_t got;

	do {
		got = read(fd, to, size);
		if (got > 0) {
			to += got;
			size -= (size_t)got;
		}
	} while (size > 0 && (got > 0 || (got < 0 && errno == EINTR)));
	return got >= 0;
}

static bool write_all(int fd, const char *from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		ssize_t put = pwrite(fd, from + done, size - done, (off_t)done);

		if (put < 0 && errno != EINTR)
			return false;
		done += put > 0 ? (size_t)put : 0;
	}
	return true;
}

/* Numbers that cannot be read now are not to be handed out again. */
static bool ids_unreadable(const char *path, struct err *err)
{
	(void)err_set_sys(err, errno, "cannot read %s-ids", path);
	if (err != NULL)
		err->code = ERR_IO;
	return false;
}

bool ix_home_ids_read(const char *path, int64_t *limit, struct err *err)
{
	char name[PATH_MAX], text[32] = "";
	int fd CLEANUP_FD = -1;
	uint64_t number = 0;

	*limit = 0;
	if (!beside(path, "-ids", name, err))
		return false;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT || ids_unreadable(path, err);
	if (!read_all(fd, text, sizeof(text) - 1))
		return ids_unreadable(path, err);
	text[strcspn(text, "\n")] = '\0';
	if (dc_number_unsigned(text, &number) && number <= (uint64_t)IX_MAX_ID + 1)
		*limit = (int64_t)number;
	return true;
}

/* A new name is not on disk before its folder is. */
static bool sync_folder(const char *path)
{
	char folder[PATH_MAX];
	int fd CLEANUP_FD = -1;

	(void)snprintf(folder, sizeof(folder), "%s", path);
	*(strrchr(folder, '/') != NULL ? strrchr(folder, '/') + 1 : folder) = '\0';
	fd = open(folder[0] != '\0' ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0;
}

bool ix_home_ids_write(const char *path, int64_t limit, struct err *err)
{
	char name[PATH_MAX], text[32];
	int fd CLEANUP_FD = -1;
	struct stat st;
	int size;

	if (!beside(path, "-ids", name, err))
		return false;
	fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	/* Of what a longer number leaves behind, the end of the line keeps us. */
	size = snprintf(text, sizeof(text), "%lld\n", (long long)limit);
	if (fd < 0 || fstat(fd, &st) != 0 || !write_all(fd, text, (size_t)size) ||
	    fdatasync(fd) != 0 || (st.st_size == 0 && !sync_folder(path))) {
		(void)err_set_sys(err, errno, "cannot write the index %s", path);
		if (err != NULL)
			err->code = ERR_IO;
		return false;
	}
	return true;
}

/* ---- The default place ------------------------------------------------- */

static bool append_cache_folder(struct buf *path, struct err *err)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	struct passwd account, *found = NULL;
	char memory[4096];

	if (geteuid() == 0) {
		buf_append_text(path, "/var/cache");
		return true;
	}
	/* The XDG specification: a relative path is to be ignored. */
	if (cache != NULL && cache[0] == '/') {
		buf_append_text(path, cache);
		return true;
	}
	if (home == NULL || home[0] != '/') {
		if (getpwuid_r(geteuid(), &account, memory, sizeof(memory), &found) != 0 ||
		    found == NULL)
			return err_set(
				err, ERR_USAGE,
				"no place for the index: neither XDG_CACHE_HOME nor HOME is set");
		home = account.pw_dir;
	}
	buf_printf(path, "%s/.cache", home);
	return true;
}

bool ix_default_path(const char *store, const char *variant, struct buf *path, struct err *err)
{
	struct buf key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const char *name = strrchr(store, '/');
	char hash[IX_HASH_TEXT_MAX + 1];
	size_t start;

	name = name != NULL ? name + 1 : store;
	buf_append_text(&key, store);
	buf_append_byte(&key, '\0');
	buf_append_text(&key, variant);
	if (!buf_ok(&key, err) || !append_cache_folder(path, err))
		return false;
	ix_hash_text(ix_hash(buf_span(&key)), IX_HASH_TEXT_MAX, hash);
	buf_append_text(path, "/dicomfs/");
	start = path->size;
	ix_name_sanitise(span_of_text(name), 60, path);
	buf_printf(path, "%s%s.sqlite", path->size > start ? "-" : "", hash);
	return buf_ok(path, err);
}
