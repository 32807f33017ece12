/* The ways of reading of read-check. SPDX-License-Identifier: MIT */
#include "tests/mount/read-check.h"

#include <linux/aio_abi.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <sys/uio.h>

/* What was passed through to another file system may want whole sectors. */
static bool may_refuse(const struct read_file *file, ssize_t got)
{
	return file->direct && got < 0 && errno == EINVAL;
}

/* ---- Calls that copy --------------------------------------------------- */

static bool way_pread(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = read_length(check);
	size_t shift = read_below(check, 2) * read_below(check, READ_PAGE);
	ssize_t got = pread(file->fd, check->buffer + shift, size, (off_t)at);

	if (may_refuse(file, got))
		return true;
	if (got > 0)
		memmove(check->buffer, check->buffer + shift, (size_t)got);
	return read_expect(check, got, at, size);
}

/* Whole sectors to the start of a page: nobody can refuse that. */
static bool way_aligned(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check) / READ_PAGE * READ_PAGE;
	size_t size = (1 + read_below(check, 64)) * READ_PAGE;

	return read_expect(check, pread(file->fd, check->buffer, size, (off_t)at), at, size);
}

static bool way_read(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = read_length(check);
	ssize_t got;

	if (lseek(file->fd, (off_t)at, SEEK_SET) != (off_t)at)
		return read_wrong(check, "lseek to %zu: %s", at, strerror(errno));
	got = read(file->fd, check->buffer, size);
	if (may_refuse(file, got))
		return true;
	if (!read_expect(check, got, at, size))
		return false;
	if (lseek(file->fd, 0, SEEK_CUR) != (off_t)at + got)
		return read_wrong(check, "not at %zu after reading %zd", at + (size_t)got, got);
	return true;
}

/* On and on in small steps, as a copying program. */
static bool way_sequential(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = file->direct ? READ_PAGE : 1 + read_below(check, 3 * READ_PAGE);

	at = file->direct ? at / READ_PAGE * READ_PAGE : at;
	if (lseek(file->fd, (off_t)at, SEEK_SET) < 0)
		return read_wrong(check, "lseek: %s", strerror(errno));
	for (int i = 0; i < 20; i++) {
		ssize_t got = read(file->fd, check->buffer, size);

		if (!read_expect(check, got, at, size))
			return false;
		at += (size_t)got;
	}
	return true;
}

/* The parts of a vector, one behind the other in the buffer or not. */
static ssize_t read_parts(struct read_check *check, int fd, size_t at, size_t *size, bool own_place)
{
	struct iovec parts[7];
	size_t count = 1 + read_below(check, READ_LEN(parts));
	size_t used = 0;

	for (size_t i = 0; i < count; i++) {
		size_t part = read_below(check, 3 * READ_PAGE);

		parts[i] = (struct iovec){.iov_base = check->buffer + used, .iov_len = part};
		used += part;
	}
	*size = used;
	if (own_place)
		return preadv2(fd, parts, (int)count, (off_t)at, 0);
	if (lseek(fd, (off_t)at, SEEK_SET) < 0)
		return -1;
	return readv(fd, parts, (int)count);
}

static bool way_vector(struct read_check *check, bool own_place)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = 0;
	ssize_t got = read_parts(check, file->fd, at, &size, own_place);

	return may_refuse(file, got) || read_expect(check, got, at, size);
}

static bool way_readv(struct read_check *check)
{
	return way_vector(check, false);
}

static bool way_preadv(struct read_check *check)
{
	return way_vector(check, true);
}

/* Only what is in memory: less, or nothing, is allowed; wrong bytes are not. */
static bool way_nowait(struct read_check *check)
{
	size_t at = read_place(check);
	size_t size = read_length(check);
	struct iovec part = {.iov_base = check->buffer, .iov_len = size};
	ssize_t got = preadv2(read_any_file(check)->fd, &part, 1, (off_t)at, RWF_NOWAIT);

	if (got < 0)
		return errno == EAGAIN || errno == EOPNOTSUPP || errno == EINVAL ||
		       read_wrong(check, "%s", strerror(errno));
	if ((size_t)got > read_available(check, at, size))
		return read_wrong(check, "%zd bytes at %zu", got, at);
	return read_same(check, check->buffer, at, (size_t)got);
}

static bool way_aio(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check) / READ_PAGE * READ_PAGE;
	size_t size = READ_PAGE * (1 + read_below(check, 32));
	struct iocb request = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)file->fd,
		.aio_buf = (uint64_t)(uintptr_t)check->buffer,
		.aio_nbytes = size,
		.aio_offset = (int64_t)at,
	};
	struct iocb *requests[] = {&request};
	struct io_event event = {0};
	aio_context_t context = 0;
	bool ok = true;

	if (syscall(SYS_io_setup, 1, &context) != 0)
		return true; /* not on every machine */
	if (syscall(SYS_io_submit, context, 1, requests) != 1 ||
	    syscall(SYS_io_getevents, context, 1, 1, &event, NULL) != 1) {
		ok = read_wrong(check, "%s", strerror(errno));
	} else {
		errno = event.res < 0 ? (int)-event.res : 0;
		ok = read_expect(check, event.res < 0 ? -1 : (ssize_t)event.res, at, size);
	}
	(void)syscall(SYS_io_destroy, context);
	return ok;
}

/* The rest of the buffer is not there: what comes before it is right. */
static bool way_fault(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	uint8_t *pages = mmap(NULL, 3 * READ_PAGE, PROT_READ | PROT_WRITE,
			      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	size_t room = 1 + read_below(check, 2 * READ_PAGE);
	size_t at = read_place(check);
	ssize_t got;
	bool ok = true;

	if (pages == MAP_FAILED || mprotect(pages + 2 * READ_PAGE, READ_PAGE, PROT_NONE) != 0)
		return read_wrong(check, "mmap: %s", strerror(errno));
	/* By the system call: sanitizers would look at the buffer. */
	got = syscall(SYS_pread64, file->fd, pages + 2 * READ_PAGE - room, room + READ_PAGE,
		      (off_t)at);
	if (got < 0)
		ok = errno == EFAULT || errno == EINVAL || read_wrong(check, "%s", strerror(errno));
	else if ((size_t)got > room)
		ok = read_wrong(check, "%zd bytes into a room of %zu", got, room);
	else
		ok = read_same(check, pages + 2 * READ_PAGE - room, at, (size_t)got);
	munmap(pages, 3 * READ_PAGE);
	return ok;
}

/* ---- Maps -------------------------------------------------------------- */

static bool zero_after(struct read_check *check, const uint8_t *map, size_t from, size_t size)
{
	for (size_t i = from; i < size; i++) {
		if (map[i] != 0)
			return read_wrong(check, "byte %zu of %zu after the end", i - from,
					  size - from);
	}
	return true;
}

/* A map of whole pages that have something in them; NULL: there is none. */
static uint8_t *map_somewhere(struct read_check *check, int protection, int flags, size_t *at,
			      size_t *size)
{
	size_t pages = (check->size + READ_PAGE - 1) / READ_PAGE;
	size_t first = read_place(check) / READ_PAGE;
	size_t count = 1 + read_length(check) / READ_PAGE;
	uint8_t *map;

	if (first >= pages)
		first = pages > 0 ? pages - 1 : 0;
	*at = first * READ_PAGE;
	*size = (count < pages - first ? count : pages - first) * READ_PAGE;
	if (*size == 0)
		return NULL;
	map = mmap(NULL, *size, protection, flags, read_any_file(check)->fd, (off_t)*at);
	if (map == MAP_FAILED)
		(void)read_wrong(check, "mmap: %s", strerror(errno));
	return map;
}

static bool same_map(struct read_check *check, const uint8_t *map, size_t at, size_t size)
{
	size_t there = read_available(check, at, size);

	return read_same(check, map, at, there) && zero_after(check, map, there, size);
}

static bool way_map(struct read_check *check, int flags)
{
	static const int advices[] = {MADV_NORMAL, MADV_RANDOM, MADV_SEQUENTIAL, MADV_WILLNEED,
				      MADV_DONTNEED};
	size_t at, size;
	uint8_t *map = map_somewhere(check, PROT_READ, flags, &at, &size);
	bool ok;

	if (map == NULL || map == MAP_FAILED)
		return map == NULL;
	(void)madvise(map, size, advices[read_below(check, READ_LEN(advices))]);
	ok = same_map(check, map, at, size);
	if (ok && read_below(check, 4) == 0) {
		(void)madvise(map, size, MADV_DONTNEED);
		ok = same_map(check, map, at, size);
	}
	munmap(map, size);
	return ok;
}

static bool way_map_shared(struct read_check *check)
{
	return way_map(check, MAP_SHARED);
}

static bool way_map_private(struct read_check *check)
{
	return way_map(check, MAP_PRIVATE | (read_below(check, 2) == 0 ? MAP_POPULATE : 0));
}

/* What is written to a private map stays there. */
static bool way_map_written(struct read_check *check)
{
	size_t at, size, where;
	uint8_t *map = map_somewhere(check, PROT_READ | PROT_WRITE, MAP_PRIVATE, &at, &size);
	bool ok;

	if (map == NULL || map == MAP_FAILED)
		return map == NULL;
	where = read_below(check, read_available(check, at, size));
	map[where] = (uint8_t)~map[where];
	ok = read_expect(check, pread(check->files[0].fd, check->buffer, 100, (off_t)(at + where)),
			 at + where, 100);
	map[where] = (uint8_t)~map[where];
	ok = ok && same_map(check, map, at, size);
	munmap(map, size);
	return ok;
}

/* From the file into a map of the file. */
static bool way_map_read(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at, size, from = read_place(check);
	uint8_t *map = map_somewhere(check, PROT_READ | PROT_WRITE, MAP_PRIVATE, &at, &size);
	ssize_t got;
	bool ok;

	if (map == NULL || map == MAP_FAILED)
		return map == NULL;
	got = pread(file->fd, map, size, (off_t)from);
	if (may_refuse(file, got)) {
		munmap(map, size);
		return true;
	}
	memcpy(check->buffer, map, got > 0 ? (size_t)got : 0);
	ok = read_expect(check, got, from, size);
	munmap(map, size);
	return ok;
}

/* ---- Without a copy ---------------------------------------------------- */

static bool take_from_pipe(struct read_check *check, size_t at, size_t size)
{
	size_t used = 0;

	while (used < size) {
		ssize_t got = read(check->pipes[0], check->buffer + used, size - used);

		if (got <= 0)
			return read_wrong(check, "the pipe has %zu bytes and not %zu", used, size);
		used += (size_t)got;
	}
	return read_same(check, check->buffer, at, size);
}

/* As much as fits into the pipe, and at least something. */
static bool way_splice(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = 1 + read_below(check, 60000);
	off_t offset = (off_t)at;
	size_t there = read_available(check, at, size);
	ssize_t got = splice(file->fd, &offset, check->pipes[1], NULL, size, SPLICE_F_NONBLOCK);

	if (may_refuse(file, got))
		return true;
	if (got < 0 || (size_t)got > there || (got == 0 && there > 0))
		return read_wrong(check, "%zu at %zu: %zd, %s", size, at, got, strerror(errno));
	if (offset != (off_t)at + got)
		return read_wrong(check, "at %lld after %zd from %zu", (long long)offset, got, at);
	return take_from_pipe(check, at, (size_t)got);
}

/* Compares what another call has put into check->out. */
static bool compare_out(struct read_check *check, size_t at, size_t size)
{
	ssize_t got = pread(check->out, check->buffer, size, 0);

	if (got != (ssize_t)size)
		return read_wrong(check, "%zd bytes came and not %zu", got, size);
	return read_same(check, check->buffer, at, size);
}

static bool way_sendfile(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = read_length(check);
	size_t there = read_available(check, at, size);
	off_t offset = (off_t)at;
	size_t used = 0;

	if (ftruncate(check->out, 0) != 0 || lseek(check->out, 0, SEEK_SET) != 0)
		return read_wrong(check, "%s", strerror(errno));
	while (used < there) {
		ssize_t got = sendfile(check->out, file->fd, &offset, size - used);

		if (may_refuse(file, got))
			return true;
		if (got <= 0)
			return read_wrong(check, "%zu of %zu at %zu: %s", used, there, at,
					  got < 0 ? strerror(errno) : "the end");
		used += (size_t)got;
	}
	return compare_out(check, at, there);
}

/* To another file system it is refused by most kernels. */
static bool way_copy_file_range(struct read_check *check)
{
	const struct read_file *file = read_any_file(check);
	size_t at = read_place(check);
	size_t size = read_length(check);
	off_t from = (off_t)at, to = 0;
	ssize_t got;

	if (ftruncate(check->out, 0) != 0)
		return read_wrong(check, "%s", strerror(errno));
	got = copy_file_range(file->fd, &from, check->out, &to, size, 0);
	if (got < 0)
		return errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP ||
		       read_wrong(check, "%s", strerror(errno));
	if ((size_t)got > read_available(check, at, size))
		return read_wrong(check, "%zd bytes at %zu", got, at);
	return compare_out(check, at, (size_t)got);
}

/* ---- Advice, and other things in between ------------------------------- */

static bool way_advise(struct read_check *check)
{
	static const int advices[] = {POSIX_FADV_NORMAL,   POSIX_FADV_RANDOM,
				      POSIX_FADV_WILLNEED, POSIX_FADV_SEQUENTIAL,
				      POSIX_FADV_DONTNEED, POSIX_FADV_DONTNEED};
	size_t size = read_below(check, 2) * read_length(check);
	int advice = advices[read_below(check, READ_LEN(advices))];
	int number = posix_fadvise(read_any_file(check)->fd, (off_t)read_place(check), (off_t)size,
				   advice);

	return number == 0 || read_wrong(check, "%d: %s", advice, strerror(number));
}

/* Everything has to be read again. */
static bool way_forget(struct read_check *check)
{
	int number = posix_fadvise(read_any_file(check)->fd, 0, 0, POSIX_FADV_DONTNEED);

	return number == 0 || read_wrong(check, "%s", strerror(number));
}

static bool way_readahead(struct read_check *check)
{
	if (readahead(read_any_file(check)->fd, (off_t)read_place(check), read_length(check)) == 0)
		return true;
	return read_wrong(check, "%s", strerror(errno));
}

static bool way_reopen(struct read_check *check)
{
	return read_reopen(check, read_below(check, READ_FILES));
}

/* There are no holes, and there is nothing after the end. */
static bool way_seek(struct read_check *check)
{
	int fd = read_any_file(check)->fd;
	size_t at = read_place(check);
	off_t data = lseek(fd, (off_t)at, SEEK_DATA);
	off_t hole = lseek(fd, (off_t)at, SEEK_HOLE);
	off_t end = lseek(fd, 0, SEEK_END);

	if (at < check->size && (data != (off_t)at || hole != (off_t)check->size))
		return read_wrong(check, "data %lld, hole %lld at %zu", (long long)data,
				  (long long)hole, at);
	if (at >= check->size && (data != -1 || hole != -1))
		return read_wrong(check, "data %lld, hole %lld beyond", (long long)data,
				  (long long)hole);
	return end == (off_t)check->size || read_wrong(check, "the end is %lld", (long long)end);
}

const struct read_way read_ways[] = {
	{"pread", way_pread},
	{"aligned", way_aligned},
	{"read", way_read},
	{"sequential", way_sequential},
	{"readv", way_readv},
	{"preadv", way_preadv},
	{"nowait", way_nowait},
	{"aio", way_aio},
	{"fault", way_fault},
	{"map shared", way_map_shared},
	{"map private", way_map_private},
	{"map written", way_map_written},
	{"map read", way_map_read},
	{"splice", way_splice},
	{"sendfile", way_sendfile},
	{"copy_file_range", way_copy_file_range},
	{"advise", way_advise},
	{"forget", way_forget},
	{"readahead", way_readahead},
	{"reopen", way_reopen},
	{"seek", way_seek},
};
const size_t read_way_count = READ_LEN(read_ways);
