/* SPDX-License-Identifier: MIT */
#include "index/wal.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <xxhash.h>

#include "index/vfs.h"

/* "Write-Ahead Log File Format" and "WAL-Index File Format" of SQLite. */
#define HEADER_SIZE 32
#define FRAME_HEADER_SIZE 24
#define FRAME_SIZE (FRAME_HEADER_SIZE + IX_PAGE_SIZE)
#define MAGIC 0x377f0682 /* and 1 more: sums of big-endian words */
#define SHM_COPY_SIZE 48
#define FRAMES_AT_ONCE 16

_Static_assert(sizeof(struct ix_wal_record) == 72, "the record is what is on disk");

static uint32_t read_be(const uint8_t *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 |
	       bytes[3];
}

/* ---- Frames ------------------------------------------------------------- */

static sqlite3_int64 offset_of(sqlite3_int64 frame)
{
	return HEADER_SIZE + (frame - 1) * FRAME_SIZE;
}

sqlite3_int64 ix_wal_frame_at(sqlite3_int64 offset, int size)
{
	sqlite3_int64 at = offset - HEADER_SIZE;

	return size == IX_PAGE_SIZE && at >= 0 && at % FRAME_SIZE == FRAME_HEADER_SIZE
		       ? at / FRAME_SIZE + 1
		       : -1;
}

sqlite3_int64 ix_wal_header_at(sqlite3_int64 offset, int size)
{
	sqlite3_int64 at = offset - HEADER_SIZE;

	return size == FRAME_HEADER_SIZE && at >= 0 && at % FRAME_SIZE == 0 ? at / FRAME_SIZE + 1
									    : -1;
}

/* size is a multiple of 8. */
static void add_sum(bool big, const uint8_t *data, size_t size, uint32_t sum[static 2])
{
	uint32_t one, two;

	for (size_t at = 0; at < size; at += 8) {
		memcpy(&one, data + at, 4);
		memcpy(&two, data + at + 4, 4);
		if (big != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__)) {
			one = __builtin_bswap32(one);
			two = __builtin_bswap32(two);
		}
		sum[0] += one + sum[1];
		sum[1] += two + sum[0];
	}
}

static bool is_sum(const uint32_t sum[static 2], const uint8_t *bytes)
{
	return read_be(bytes) == sum[0] && read_be(bytes + 4) == sum[1];
}

static void add_frame(bool big, const uint8_t *header, const uint8_t *page, uint32_t sum[static 2])
{
	add_sum(big, header, 8, sum);
	add_sum(big, page, IX_PAGE_SIZE, sum);
}

int ix_wal_compare(sqlite3_file *log, sqlite3_int64 frame, const uint8_t *page)
{
	uint8_t header[FRAME_HEADER_SIZE], before[8], magic[4];
	sqlite3_int64 before_at = frame == 1 ? 24 : offset_of(frame - 1) + 16;
	uint32_t sum[2];
	int code = log->pMethods->xRead(log, magic, sizeof(magic), 0);

	if (code == SQLITE_OK)
		code = log->pMethods->xRead(log, before, sizeof(before), before_at);
	if (code == SQLITE_OK)
		code = log->pMethods->xRead(log, header, sizeof(header), offset_of(frame));
	if (code != SQLITE_OK)
		return code == SQLITE_IOERR_SHORT_READ ? SQLITE_IOERR_DATA : code;
	sum[0] = read_be(before);
	sum[1] = read_be(before + 4);
	add_frame((magic[3] & 1) != 0, header, page, sum);
	return is_sum(sum, header + 16) ? SQLITE_OK : SQLITE_IOERR_DATA;
}

/* ---- The record --------------------------------------------------------- */

static void read_boot(char boot[static 40])
{
	int fd CLEANUP_FD = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got;

	memset(boot, 0, 40);
	got = fd >= 0 ? read(fd, boot, 39) : 0;
	if (got <= 0)
		boot[0] = '\0';
}

static uint64_t sum_of(const struct ix_wal_record *record)
{
	return XXH3_64bits(record, offsetof(struct ix_wal_record, sum));
}

int ix_wal_write_record(sqlite3_file *sums, const struct ix_wal_record *record)
{
	struct ix_wal_record written = *record;

	memcpy(written.magic, IX_SUMS_MAGIC, sizeof(written.magic));
	read_boot(written.boot);
	written.sum = sum_of(&written);
	return sums->pMethods->xWrite(sums, &written, sizeof(written), 0);
}

/* *fd -1: there is no such file. False: nobody can tell, which is not damage. */
static bool open_beside(const char *path, const char *suffix, int *fd, struct err *err)
{
	char name[PATH_MAX];
	int size = snprintf(name, sizeof(name), "%s%s", path, suffix);

	*fd = -1;
	if (size < 0 || size >= (int)sizeof(name))
		return true;
	*fd = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	return *fd >= 0 || errno == ENOENT || err_set_sys(err, errno, "cannot read %s", name);
}

/* As many bytes as there are, up to size; none without a file. */
static bool read_at(int fd, void *to, size_t size, off_t at, size_t *got, struct err *err)
{
	uint8_t *bytes = to;

	*got = 0;
	while (fd >= 0 && *got < size) {
		ssize_t n = pread(fd, bytes + *got, size - *got, at + (off_t)*got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_set_sys(err, errno, "cannot read what is beside the index");
		if (n == 0)
			break;
		*got += (size_t)n;
	}
	return true;
}

/* UNKNOWN: err says why. */
enum found { FOUND_NONE, FOUND_DAMAGED, FOUND_GOOD, FOUND_UNKNOWN };

static enum found read_record(const char *path, struct ix_wal_record *record, struct err *err)
{
	int fd CLEANUP_FD = -1;
	size_t got;

	if (!open_beside(path, IX_SUMS_SUFFIX, &fd, err) ||
	    !read_at(fd, record, sizeof(*record), 0, &got, err))
		return FOUND_UNKNOWN;
	if (got < sizeof(*record) ||
	    memcmp(record->magic, IX_SUMS_MAGIC, sizeof(record->magic)) != 0)
		return FOUND_NONE;
	if (record->sum != sum_of(record))
		return FOUND_DAMAGED;
	record->boot[sizeof(record->boot) - 1] = '\0';
	return FOUND_GOOD;
}

/* ---- What is left ------------------------------------------------------- */

struct log {
	bool valid; /* it has a header */
	uint8_t salt[8];
	unsigned frames; /* whole ones, up to the end of the last transaction */
};

/* Goes on while frames are whole; false: no more. */
static bool count_frames(struct log *log, bool big, const uint8_t *data, size_t size,
			 unsigned *seen, uint32_t sum[static 2])
{
	for (size_t at = 0; at + FRAME_SIZE <= size; at += FRAME_SIZE) {
		const uint8_t *frame = data + at;

		if (memcmp(frame + 8, log->salt, sizeof(log->salt)) != 0 || read_be(frame) == 0)
			return false;
		add_frame(big, frame, frame + FRAME_HEADER_SIZE, sum);
		if (!is_sum(sum, frame + 16))
			return false;
		++*seen;
		if (read_be(frame + 4) != 0)
			log->frames = *seen;
	}
	return size == FRAMES_AT_ONCE * FRAME_SIZE;
}

static bool read_log(const char *path, struct log *log, struct err *err)
{
	uint8_t *data CLEANUP_FREE = malloc(FRAMES_AT_ONCE * FRAME_SIZE);
	int fd CLEANUP_FD = -1;
	uint8_t header[HEADER_SIZE];
	uint32_t sum[2] = {0, 0};
	off_t at = HEADER_SIZE;
	unsigned seen = 0;
	size_t got;
	bool big, more;

	if (data == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	if (!open_beside(path, "-wal", &fd, err) ||
	    !read_at(fd, header, sizeof(header), 0, &got, err))
		return false;
	if (got < sizeof(header))
		return true;
	big = (header[3] & 1) != 0;
	add_sum(big, header, 24, sum);
	log->valid = (read_be(header) & ~1u) == MAGIC && read_be(header + 8) == IX_PAGE_SIZE &&
		     is_sum(sum, header + 24);
	memcpy(log->salt, header + 16, sizeof(log->salt));
	for (more = log->valid; more; at += (off_t)got) {
		if (!read_at(fd, data, FRAMES_AT_ONCE * FRAME_SIZE, at, &got, err))
			return false;
		more = count_frames(log, big, data, got, &seen, sum);
	}
	return true;
}

/* How many frames there were when the last process ended; *known false: not to be
 * told from what there is. */
static bool read_shared(const char *path, uint8_t salt[static 8], unsigned *frames, bool *known,
			struct err *err)
{
	int fd CLEANUP_FD = -1;
	uint8_t copies[2 * SHM_COPY_SIZE];
	uint32_t sum[2] = {0, 0}, stored[2], count;
	size_t got;

	*known = false;
	if (!open_beside(path, "-shm", &fd, err) ||
	    !read_at(fd, copies, sizeof(copies), 0, &got, err))
		return false;
	if (got < sizeof(copies) || memcmp(copies, copies + SHM_COPY_SIZE, SHM_COPY_SIZE) != 0 ||
	    copies[12] == 0)
		return true;
	add_sum(__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__, copies, 40, sum);
	memcpy(stored, copies + 40, sizeof(stored));
	memcpy(&count, copies + 16, sizeof(count));
	memcpy(salt, copies + 32, 8);
	*frames = count;
	*known = memcmp(stored, sum, sizeof(sum)) == 0;
	return true;
}

/* SQLite counts the first half up when it starts the log over, which it does
 * once all of it is in the main file. */
static bool is_later(const uint8_t *salt, const uint8_t *than)
{
	return (int32_t)(read_be(salt) - read_be(than)) > 0;
}

static bool keeps_record(const struct ix_wal_record *record, const struct log *log)
{
	if (log->valid && memcmp(log->salt, record->salt, sizeof(log->salt)) == 0)
		return log->frames >= record->frames;
	return record->complete != 0 || (log->valid && is_later(log->salt, record->salt));
}

/* The machine ran on: whatever was written is there. */
static bool keeps_all(const struct ix_wal_record *record, const struct log *log,
		      const uint8_t *salt, unsigned frames)
{
	if (frames == 0)
		return true;
	if (log->valid && memcmp(log->salt, salt, sizeof(log->salt)) == 0)
		return log->frames >= frames;
	return record->complete != 0 && record->frames == frames &&
	       memcmp(record->salt, salt, sizeof(record->salt)) == 0;
}

bool ix_wal_inspect(const char *path, unsigned *frames, const char **reason, struct err *err)
{
	struct ix_wal_record record;
	struct log log = {.valid = false};
	unsigned shared = 0;
	uint8_t salt[8];
	char boot[40];
	bool known;
	enum found found = read_record(path, &record, err);

	*frames = 0;
	*reason = found == FOUND_DAMAGED ? "its checksums are damaged" : NULL;
	if (found != FOUND_GOOD)
		return found != FOUND_UNKNOWN;
	/* First: somebody else may write meanwhile. */
	if (!read_shared(path, salt, &shared, &known, err) || !read_log(path, &log, err))
		return false;
	read_boot(boot);
	*frames = log.frames;
	if (!keeps_record(&record, &log) ||
	    (known && boot[0] != '\0' && strcmp(boot, record.boot) == 0 &&
	     !keeps_all(&record, &log, salt, shared)))
		*reason = "its log is damaged";
	return true;
}

bool ix_wal_start(sqlite3 *handle, const char *path, struct err *err)
{
	sqlite3_file *sums = ix_vfs_sums(handle);
	struct ix_wal_record record;
	enum found found = read_record(path, &record, err);

	if (found == FOUND_UNKNOWN)
		return false;
	if (sums == NULL || found != FOUND_GOOD)
		return err_set(err, ERR_CORRUPT, "index is damaged: its checksums are missing");
	return ix_wal_write_record(sums, &record) == SQLITE_OK ||
	       err_set(err, ERR_IO, "index: its checksums cannot be written");
}

/* ---- Checkpoints -------------------------------------------------------- */

static int checkpoint(sqlite3 *handle, sqlite3_file *sums, struct ix_wal_record *record)
{
	int all = 0, done = 0;
	int code =
		sqlite3_wal_checkpoint_v2(handle, "main", SQLITE_CHECKPOINT_PASSIVE, &all, &done);

	if (code != SQLITE_OK || done < 0)
		return code;
	record->frames = (uint32_t)done;
	record->complete = done == all;
	return ix_wal_write_record(sums, record);
}

int ix_wal_checkpoint(sqlite3 *handle, unsigned frames, bool last, bool *complete)
{
	sqlite3_file *sums = ix_vfs_sums(handle), *log = NULL;
	struct ix_wal_record record = {.frames = frames};
	uint8_t header[HEADER_SIZE];
	int code;

	(void)sqlite3_file_control(handle, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log);
	*complete = true;
	if (sums == NULL || log == NULL || log->pMethods == NULL)
		return SQLITE_OK;
	code = log->pMethods->xRead(log, header, sizeof(header), 0);
	if (code == SQLITE_IOERR_SHORT_READ) /* nothing was written yet */
		return SQLITE_OK;
	*complete = false;
	if (code != SQLITE_OK)
		return code;
	memcpy(record.salt, header + 16, sizeof(record.salt));
	/* What the record asks for has to be on disk. */
	code = log->pMethods->xSync(log, SQLITE_SYNC_NORMAL);
	if (code == SQLITE_OK)
		code = ix_wal_write_record(sums, &record);
	if (code == SQLITE_OK)
		code = checkpoint(handle, sums, &record);
	if (code == SQLITE_OK && last)
		code = sums->pMethods->xSync(sums, SQLITE_SYNC_NORMAL);
	*complete = code == SQLITE_OK && record.complete != 0;
	return code;
}
