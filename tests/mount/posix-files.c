/* What can be done with an open file. SPDX-License-Identifier: MIT */
#include "tests/mount/posix-check.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <termios.h>

struct open_file {
	const char *name;
	int fd;
	long long size;
};

/* ---- Reading ----------------------------------------------------------- */

/* So that bytes can be compared in a row. */
static long long sum_of(const uint8_t *bytes, ssize_t size)
{
	uint64_t sum = 14695981039346656037u;

	for (ssize_t i = 0; i < size; i++)
		sum = (sum ^ bytes[i]) * 1099511628211u;
	return size < 0 ? -1 : (long long)(sum >> 1);
}

static void read_at(struct posix *posix, const struct open_file *file, long long at, size_t size,
		    const char *where)
{
	static uint8_t bytes[65536];
	ssize_t got = pread(file->fd, bytes, size, at);

	posix_result(posix, got, "pread(%s, %zu, %s)", file->name, size, where);
	if (got > 0)
		posix_result(posix, sum_of(bytes, got), "pread(%s, %zu, %s) bytes", file->name,
			     size, where);
}

static void read_places(struct posix *posix, const struct open_file *file)
{
	const struct {
		long long at;
		const char *name;
	} places[] = {
		{0, "start"},
		{1, "1"},
		{file->size / 2, "middle"},
		{file->size - 1, "last byte"},
		{file->size, "end"},
		{file->size + 1, "end + 1"},
		{file->size + 4096, "end + 4096"},
		{LLONG_MAX - 1, "far"},
		{-1, "-1"},
		{LLONG_MIN, "LLONG_MIN"},
	};
	static const size_t sizes[] = {0, 1, 100, 4096, 65536};

	for (size_t i = 0; i < POSIX_LEN(places); i++) {
		for (size_t k = 0; k < POSIX_LEN(sizes); k++)
			read_at(posix, file, places[i].at, sizes[k], places[i].name);
	}
}

static void read_vectors(struct posix *posix, const struct open_file *file)
{
	static uint8_t bytes[3][50];
	struct iovec parts[] = {{bytes[0], 50}, {bytes[1], 0}, {bytes[2], 50}};

	posix_result(posix, preadv(file->fd, parts, 3, 0), "preadv(%s)", file->name);
	posix_result(posix, sum_of(bytes[2], 50), "preadv(%s) bytes", file->name);
	posix_result(posix, preadv(file->fd, parts, 3, file->size - 60), "preadv(%s, at the end)",
		     file->name);
	posix_result(posix, preadv(file->fd, parts, 0, 0), "preadv(%s, no parts)", file->name);
	posix_result(posix, preadv(file->fd, parts, 3, -5), "preadv(%s, at -5)", file->name);
	posix_result(posix, preadv2(file->fd, parts, 3, 5, RWF_HIPRI), "preadv2(%s, HIPRI)",
		     file->name);
	posix_result(posix, preadv2(file->fd, parts, 3, 5, 1 << 30), "preadv2(%s, 1 << 30)",
		     file->name);
	posix_result(posix, pwritev(file->fd, parts, 3, 0), "pwritev(%s)", file->name);
}

/* ---- Places ------------------------------------------------------------ */

static const struct {
	int whence;
	const char *name;
} whences[] = {{SEEK_SET, "SET"},   {SEEK_CUR, "CUR"},   {SEEK_END, "END"},
	       {SEEK_DATA, "DATA"}, {SEEK_HOLE, "HOLE"}, {17, "17"}};

static void seek(struct posix *posix, const struct open_file *file)
{
	const struct {
		long long by;
		const char *name;
	} steps[] = {
		{0, "0"},
		{5, "5"},
		{-5, "-5"},
		{file->size - 1, "size - 1"},
		{file->size, "size"},
		{file->size + 1, "size + 1"},
		{-file->size, "-size"},
		{-file->size - 1, "-size - 1"},
		{file->size + 5000, "size + 5000"},
		{LLONG_MAX, "LLONG_MAX"},
		{LLONG_MIN, "LLONG_MIN"},
	};
	char byte;

	for (size_t i = 0; i < POSIX_LEN(whences); i++) {
		for (size_t k = 0; k < POSIX_LEN(steps); k++) {
			(void)lseek(file->fd, 10, SEEK_SET);
			posix_result(posix, lseek(file->fd, steps[k].by, whences[i].whence),
				     "lseek(%s, %s, %s)", file->name, steps[k].name,
				     whences[i].name);
			posix_result(posix, read(file->fd, &byte, 1), "lseek(%s, %s, %s) and read",
				     file->name, steps[k].name, whences[i].name);
			posix_result(posix, lseek(file->fd, 0, SEEK_CUR),
				     "lseek(%s, %s, %s), read and tell", file->name, steps[k].name,
				     whences[i].name);
		}
	}
	(void)lseek(file->fd, 0, SEEK_SET);
}

/* ---- Advice and writing ------------------------------------------------ */

static void advise(struct posix *posix, const struct open_file *file)
{
	for (int advice = 0; advice < 8; advice++)
		posix_result(posix, posix_fadvise(file->fd, 0, 0, advice), "posix_fadvise(%s, %d)",
			     file->name, advice);
	posix_result(posix, posix_fadvise(file->fd, 0, -1, POSIX_FADV_NORMAL),
		     "posix_fadvise(%s, length -1)", file->name);
	posix_result(posix, posix_fadvise(file->fd, file->size + 9, 1, POSIX_FADV_WILLNEED),
		     "posix_fadvise(%s, after the end)", file->name);
	posix_result(posix, readahead(file->fd, 0, 1 << 20), "readahead(%s)", file->name);
	posix_result(posix, readahead(file->fd, file->size, 4096), "readahead(%s, end)",
		     file->name);
	posix_result(posix, fsync(file->fd), "fsync(%s)", file->name);
	posix_result(posix, fdatasync(file->fd), "fdatasync(%s)", file->name);
	posix_result(posix, syncfs(file->fd), "syncfs(%s)", file->name);
	posix_result(posix, sync_file_range(file->fd, 0, 0, SYNC_FILE_RANGE_WRITE),
		     "sync_file_range(%s)", file->name);
}

static void write_to(struct posix *posix, const struct open_file *file)
{
	static const int modes[] = {0,
				    FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				    FALLOC_FL_ZERO_RANGE,
				    FALLOC_FL_COLLAPSE_RANGE,
				    FALLOC_FL_INSERT_RANGE,
				    1 << 20};

	posix_result(posix, write(file->fd, "x", 1), "write(%s)", file->name);
	posix_result(posix, write(file->fd, "x", 0), "write(%s, nothing)", file->name);
	posix_result(posix, pwrite(file->fd, "x", 1, 5), "pwrite(%s)", file->name);
	posix_result(posix, ftruncate(file->fd, 0), "ftruncate(%s, 0)", file->name);
	posix_result(posix, ftruncate(file->fd, file->size), "ftruncate(%s, size)", file->name);
	posix_result(posix, ftruncate(file->fd, -1), "ftruncate(%s, -1)", file->name);
	posix_result(posix, posix_fallocate(file->fd, 0, 4096), "posix_fallocate(%s)", file->name);
	for (size_t i = 0; i < POSIX_LEN(modes); i++)
		posix_result(posix, fallocate(file->fd, modes[i], 0, 4096), "fallocate(%s, %#x)",
			     file->name, (unsigned)modes[i]);
}

/* ---- From one to the other --------------------------------------------- */

static void copy(struct posix *posix, const struct open_file *file)
{
	off_t zero = 0;
	off_t from = file->size - 10;
	off_t beyond = file->size + 10;
	int pipes[2];

	posix_result(posix, copy_file_range(posix->own, NULL, file->fd, &zero, 100, 0),
		     "copy_file_range(own, %s)", file->name);
	posix_result(posix, copy_file_range(file->fd, &zero, file->fd, &from, 5, 0),
		     "copy_file_range(%s, itself)", file->name);
	posix_result(posix, copy_file_range(file->fd, &zero, posix->own, NULL, 5, 1),
		     "copy_file_range(%s, own, flags 1)", file->name);
	posix_result(posix, sendfile(file->fd, posix->own, NULL, 100), "sendfile(into %s)",
		     file->name);
	posix_result(posix, sendfile(posix->own, file->fd, &from, 100),
		     "sendfile(from the end of %s)", file->name);
	posix_result(posix, from == file->size, "sendfile(from the end of %s) offset", file->name);
	posix_result(posix, sendfile(posix->own, file->fd, &beyond, 100),
		     "sendfile(from beyond %s)", file->name);
	if (pipe2(pipes, O_CLOEXEC | O_NONBLOCK) != 0)
		return;
	zero = 0;
	posix_result(posix, splice(file->fd, &zero, pipes[1], NULL, 100, 0), "splice(%s, pipe)",
		     file->name);
	posix_result(posix, splice(file->fd, &beyond, pipes[1], NULL, 100, 0),
		     "splice(beyond %s, pipe)", file->name);
	posix_result(posix, splice(pipes[0], NULL, file->fd, &zero, 100, 0), "splice(pipe, %s)",
		     file->name);
	posix_result(posix, tee(file->fd, pipes[1], 100, 0), "tee(%s, pipe)", file->name);
	close(pipes[0]);
	close(pipes[1]);
}

/* ---- ioctl and waiting ------------------------------------------------- */

static void control(struct posix *posix, const struct open_file *file)
{
	struct file_clone_range range = {.src_fd = posix->own, .src_length = 4096};
	struct fiemap map = {.fm_length = UINT64_MAX};
	struct fsxattr flags = {0};
	struct termios terminal;
	int number = 0;
	long flag_bits = FS_NOATIME_FL;

	posix_result(posix, ioctl(file->fd, FIONREAD, &number), "ioctl(%s, FIONREAD)", file->name);
	posix_result(posix, number, "ioctl(%s, FIONREAD) value", file->name);
	posix_result(posix, ioctl(file->fd, FIGETBSZ, &number), "ioctl(%s, FIGETBSZ)", file->name);
	posix_result(posix, ioctl(file->fd, TCGETS, &terminal), "ioctl(%s, TCGETS)", file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_GETFLAGS, &number), "ioctl(%s, GETFLAGS)",
		     file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_SETFLAGS, &flag_bits), "ioctl(%s, SETFLAGS)",
		     file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_FSGETXATTR, &flags), "ioctl(%s, FSGETXATTR)",
		     file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_FSSETXATTR, &flags), "ioctl(%s, FSSETXATTR)",
		     file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_GETVERSION, &number), "ioctl(%s, GETVERSION)",
		     file->name);
	posix_result(posix, ioctl(file->fd, FS_IOC_FIEMAP, &map), "ioctl(%s, FIEMAP)", file->name);
	posix_result(posix, ioctl(file->fd, FIBMAP, &number), "ioctl(%s, FIBMAP)", file->name);
	posix_result(posix, ioctl(file->fd, FICLONE, posix->own), "ioctl(%s, FICLONE)", file->name);
	posix_result(posix, ioctl(file->fd, FICLONERANGE, &range), "ioctl(%s, FICLONERANGE)",
		     file->name);
	posix_result(posix, ioctl(posix->own, FICLONE, file->fd), "ioctl(own, FICLONE of %s)",
		     file->name);
	posix_result(posix, ioctl(file->fd, _IO('z', 200)), "ioctl(%s, unknown)", file->name);
}

static void wait_for(struct posix *posix, const struct open_file *file)
{
	struct pollfd wanted = {.fd = file->fd, .events = POLLIN | POLLOUT | POLLPRI};
	struct epoll_event event = {.events = EPOLLIN};
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	posix_result(posix, poll(&wanted, 1, 0), "poll(%s)", file->name);
	posix_result(posix, wanted.revents, "poll(%s) events", file->name);
	posix_result(posix, epoll_ctl(epoll, EPOLL_CTL_ADD, file->fd, &event), "epoll_ctl(%s)",
		     file->name);
	posix_result(posix, fcntl(file->fd, F_SETFL, O_NONBLOCK | O_APPEND), "F_SETFL(%s)",
		     file->name);
	posix_result(posix, fcntl(file->fd, F_GETFL), "F_GETFL(%s)", file->name);
	posix_result(posix, fcntl(file->fd, F_SETFL, 0), "F_SETFL(%s, 0)", file->name);
	close(epoll);
}

void posix_files(struct posix *posix)
{
	for (size_t i = 0; i < posix->role_count; i++) {
		struct open_file file = {.name = posix->roles[i].name};
		struct stat st;

		if (!posix_is_file(posix->roles[i].path))
			continue;
		file.fd = open(posix->roles[i].path, O_RDONLY | O_CLOEXEC);
		if (file.fd < 0 || fstat(file.fd, &st) != 0) {
			posix_result(posix, -1, "open(%s)", file.name);
			continue;
		}
		file.size = st.st_size;
		read_places(posix, &file);
		read_vectors(posix, &file);
		seek(posix, &file);
		advise(posix, &file);
		write_to(posix, &file);
		copy(posix, &file);
		control(posix, &file);
		wait_for(posix, &file);
		posix_result(posix, close(file.fd), "close(%s)", file.name);
	}
}
