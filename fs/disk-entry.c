/* SPDX-License-Identifier: MIT */
#include "fs/disk-entry.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include <xxhash.h>

#include "dicom/log.h"

static const char magic[16] = "dicomfs-cache-1\n";
#define TEMPORARY "tmp-"
#define TEMPORARY_DIGITS 16
#define DIGITS "0123456789abcdef"

/* A hit is noted in the file's time, but not each. */
#define USED_GRAIN_S 600

/* ---- Names -------------------------------------------------------------- */

static void put_hex(uint64_t value, char *to)
{
	for (int shift = 60; shift >= 0; shift -= 4)
		*to++ = DIGITS[value >> shift & 15];
}

struct fs_disk_name fs_disk_name_of(struct span key)
{
	XXH128_hash_t hash = XXH3_128bits(key.data, key.size);
	struct fs_disk_name name = {.folder = ""};
	char digits[32];

	put_hex(hash.high64, digits);
	put_hex(hash.low64, digits + 16);
	memcpy(name.folder, digits, 2);
	memcpy(name.file, digits + 2, 30);
	return name;
}

static bool is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits && strspn(text, DIGITS) == digits;
}

bool fs_disk_is_folder_name(const char *name)
{
	return is_hex(name, 2);
}

bool fs_disk_is_file_name(const char *name)
{
	return is_hex(name, 30);
}

bool fs_disk_is_temporary_name(const char *name)
{
	size_t prefix = strlen(TEMPORARY);

	return strncmp(name, TEMPORARY, prefix) == 0 && is_hex(name + prefix, TEMPORARY_DIGITS);
}

bool fs_disk_is_ours(const struct stat *st, mode_t type)
{
	return (st->st_mode & S_IFMT) == type && st->st_uid == geteuid() &&
	       (st->st_mode & 077) == 0;
}

/* ---- Folders ------------------------------------------------------------ */

int fs_disk_folder_open(int root_fd, const char *name, bool make)
{
	struct stat st;
	int fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT && make) {
		if (mkdirat(root_fd, name, 0700) != 0 && errno != EEXIST)
			return -1;
		fd = openat(root_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (fd >= 0 && (fstat(fd, &st) != 0 || !fs_disk_is_ours(&st, S_IFDIR))) {
		base_close_fd(&fd);
		errno = EPERM;
	}
	return fd;
}

/* ---- The format --------------------------------------------------------- */

static void put_u64(uint8_t *to, uint64_t value)
{
	for (int i = 0; i < 8; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

/* Appends everything before the content. */
static void make_head(struct buf *head, struct span key, struct span content)
{
	uint8_t sizes[16];
	XXH128_canonical_t checksum;
	XXH64_hash_t seed;

	put_u64(sizes, key.size);
	put_u64(sizes + 8, content.size);
	buf_append(head, magic, sizeof(magic));
	buf_append(head, sizes, sizeof(sizes));
	/* What is hashed is these and the key, which takes its own place then. */
	buf_append(head, key.data, key.size);
	if (head->failure != ERR_NONE)
		return;
	seed = XXH3_64bits(head->data, head->size);
	XXH128_canonicalFromHash(&checksum,
				 XXH3_128bits_withSeed(content.data, content.size, seed));
	buf_truncate(head, FS_DISK_HEADER - sizeof(checksum));
	buf_append(head, checksum.digest, sizeof(checksum.digest));
	buf_append(head, key.data, key.size);
}

/* ---- Reading ------------------------------------------------------------ */

static bool read_all(int fd, uint8_t *to, size_t size, uint64_t offset, struct err *err)
{
	while (size > 0) {
		ssize_t got = pread(fd, to, size, (off_t)offset);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_set_sys(err, errno, "cannot read");
		if (got == 0)
			return err_set(err, ERR_CORRUPT, "the file was cut");
		to += got;
		size -= (size_t)got;
		offset += (uint64_t)got;
	}
	return true;
}

static bool damaged(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "damaged, or of another key");
}

/* Compares all that is not content with what it has to be. */
static bool read_checked(int fd, struct span key, uint64_t size, struct buf *out, struct err *err)
{
	struct buf found CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf wanted CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	size_t head_size = FS_DISK_HEADER + key.size;
	uint8_t *head = buf_extend(&found, head_size);
	uint8_t *content = buf_extend(out, (size_t)size);

	if (head == NULL || content == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!read_all(fd, head, head_size, 0, err) ||
	    !read_all(fd, content, (size_t)size, head_size, err))
		return false;
	make_head(&wanted, key, span_of(content, (size_t)size));
	return buf_ok(&wanted, err) &&
	       (span_equals(buf_span(&found), buf_span(&wanted)) || damaged(err));
}

/* By its time, which is that of the last write: setting it alone is a call that the
 * daemon has no more, since it works on any file. */
static void note_use(int folder_fd, const char *name, int fd, const struct stat *st)
{
	CLEANUP_FD int to = -1;
	struct timespec now;
	uint8_t first;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (now.tv_sec >= st->st_mtim.tv_sec && now.tv_sec - st->st_mtim.tv_sec <= USED_GRAIN_S)
		return;
	/* All begin with the same. */
	to = openat(folder_fd, name, O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (to >= 0 && pread(fd, &first, 1, 0) == 1 && pwrite(to, &first, 1, 0) < 0)
		log_trace(LOG_CACHE, "cannot note use: %s", strerror(errno));
}

bool fs_disk_entry_read(int root_fd, struct span key, uint64_t size, struct buf *out,
			struct err *err)
{
	struct fs_disk_name name = fs_disk_name_of(key);
	CLEANUP_FD int folder_fd = fs_disk_folder_open(root_fd, name.folder, false);
	CLEANUP_FD int fd = -1;
	size_t before = out->size;
	struct stat st;

	if (folder_fd < 0)
		return err_set_sys(err, errno, "cannot open the folder");
	fd = openat(folder_fd, name.file, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ELOOP)
		return damaged(err);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_set_sys(err, errno, "cannot open the file");
	if (!fs_disk_is_ours(&st, S_IFREG) || key.size > FS_DISK_KEY_MAX || size > SIZE_MAX / 2 ||
	    (uint64_t)st.st_size != FS_DISK_HEADER + key.size + size)
		return damaged(err);
	if (!read_checked(fd, key, size, out, err)) {
		buf_truncate(out, before);
		return false;
	}
	note_use(folder_fd, name.file, fd, &st);
	return true;
}

/* ---- Writing ------------------------------------------------------------ */

static bool write_all(int fd, struct span bytes, struct err *err)
{
	while (bytes.size > 0) {
		ssize_t put = write(fd, bytes.data, bytes.size);

		if (put < 0 && errno == EINTR)
			continue;
		if (put < 0)
			return err_set_sys(err, errno, "cannot write");
		bytes = span_of(bytes.data + put, bytes.size - (size_t)put);
	}
	return true;
}

/* Locked for as long as it is open: whoever cleans up leaves it alone. */
static int make_temporary(int root_fd, char name[static 32], struct err *err)
{
	char digits[TEMPORARY_DIGITS];
	uint64_t number;
	int fd;

	if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number)) {
		(void)err_set_sys(err, errno, "no random number");
		return -1;
	}
	put_hex(number, digits);
	(void)snprintf(name, 32, TEMPORARY "%.*s", TEMPORARY_DIGITS, digits);
	fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		(void)err_set_sys(err, errno, "cannot make a file");
	else
		(void)flock(fd, LOCK_EX | LOCK_NB);
	return fd;
}

static bool write_temporary(int fd, struct span key, struct span content, struct err *err)
{
	struct buf head CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	make_head(&head, key, content);
	return buf_ok(&head, err) && write_all(fd, buf_span(&head), err) &&
	       write_all(fd, content, err);
}

bool fs_disk_entry_write(int root_fd, struct span key, struct span content, uint64_t *written,
			 struct err *err)
{
	struct fs_disk_name name = fs_disk_name_of(key);
	CLEANUP_FD int folder_fd = fs_disk_folder_open(root_fd, name.folder, true);
	CLEANUP_FD int fd = -1;
	char temporary[32];

	*written = 0;
	if (folder_fd < 0)
		return err_set_sys(err, errno, "cannot open the folder");
	if (key.size > FS_DISK_KEY_MAX)
		return err_set(err, ERR_LIMIT, "the key is too long");
	if (faccessat(folder_fd, name.file, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	fd = make_temporary(root_fd, temporary, err);
	if (fd < 0)
		return false;
	if (!write_temporary(fd, key, content, err)) {
		(void)unlinkat(root_fd, temporary, 0);
		return false;
	}
	if (renameat(root_fd, temporary, folder_fd, name.file) != 0) {
		(void)err_set_sys(err, errno, "cannot rename");
		(void)unlinkat(root_fd, temporary, 0);
		return false;
	}
	*written = FS_DISK_HEADER + key.size + content.size;
	return true;
}

/* ---- Removing ----------------------------------------------------------- */

void fs_disk_entry_remove(int root_fd, struct span key)
{
	struct fs_disk_name name = fs_disk_name_of(key);
	CLEANUP_FD int folder_fd = fs_disk_folder_open(root_fd, name.folder, false);

	if (folder_fd >= 0)
		(void)unlinkat(folder_fd, name.file, 0);
}

void fs_disk_temporary_remove(int root_fd, const char *name)
{
	CLEANUP_FD int fd = openat(root_fd, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && fs_disk_is_ours(&st, S_IFREG) &&
	    flock(fd, LOCK_EX | LOCK_NB) == 0)
		(void)unlinkat(root_fd, name, 0);
}
