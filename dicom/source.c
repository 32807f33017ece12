/* SPDX-License-Identifier: MIT */
#include "dicom/source.h"

#include <errno.h>
#include <sys/uio.h>
#include <unistd.h>

bool dc_source_read_exact(struct dc_source *source, uint64_t offset, void *to, size_t size,
			  struct err *err)
{
	size_t got = 0;

	if (!dc_source_read(source, offset, to, size, &got, err))
		return false;
	if (got < size)
		return err_set(err, ERR_CORRUPT, "ends after %zu of %zu bytes at offset %llu", got,
			       size, (unsigned long long)offset);
	return true;
}

static bool memory_read_at(struct dc_source *source, uint64_t offset, void *to, size_t size,
			   size_t *got, struct err *err UNUSED)
{
	const struct dc_memory_source *memory = (const struct dc_memory_source *)source;
	size_t there = 0;

	if (offset < memory->bytes.size)
		there = MIN_OF(size, memory->bytes.size - (size_t)offset);
	if (there > 0)
		memcpy(to, memory->bytes.data + offset, there);
	*got = there;
	return true;
}

static const uint8_t *memory_peek(struct dc_source *source, uint64_t offset, size_t *size)
{
	const struct dc_memory_source *memory = (const struct dc_memory_source *)source;

	if (offset >= memory->bytes.size)
		return NULL;
	*size = MIN_OF(*size, memory->bytes.size - (size_t)offset);
	return memory->bytes.data + offset;
}

static void memory_release(struct dc_source *source UNUSED)
{
}

void dc_memory_source_init(struct dc_memory_source *source, struct span bytes)
{
	static const struct dc_source_ops ops = {memory_read_at, memory_peek, memory_release};

	source->base.ops = &ops;
	source->base.size = bytes.size;
	source->bytes = bytes;
}

static ssize_t read_some(const struct dc_file_source *file, uint64_t offset, void *to, size_t size)
{
	struct iovec part = {.iov_base = to, .iov_len = size};

	return preadv2(file->fd, &part, 1, (off_t)offset, file->prompt ? RWF_NOWAIT : 0);
}

static bool pread_fully(struct dc_file_source *file, uint64_t offset, void *to, size_t size,
			size_t *got, struct err *err)
{
	size_t done = 0;

	while (done < size) {
		ssize_t n = read_some(file, offset + done, (uint8_t *)to + done, size - done);

		if (n < 0 && errno == EINTR)
			continue;
		/* Some file systems know no way to read without waiting. */
		if (n < 0 && file->prompt && (errno == EAGAIN || errno == EOPNOTSUPP))
			file->refused = true;
		if (n < 0)
			return err_set_sys(err, errno, "cannot read at offset %llu",
					   (unsigned long long)(offset + done));
		if (n == 0)
			break;
		done += (size_t)n;
	}
	*got = done;
	return true;
}

static bool load_head(struct dc_file_source *file, struct err *err)
{
	size_t want = (size_t)MIN_OF((uint64_t)DC_FILE_HEAD_SIZE, file->base.size);

	if (file->head == NULL) {
		file->head = malloc(DC_FILE_HEAD_SIZE);
		if (file->head == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		file->owns_head = true;
	}
	file->head_capacity = DC_FILE_HEAD_SIZE;
	return pread_fully(file, 0, file->head, want, &file->head_size, err);
}

static bool file_read_at(struct dc_source *source, uint64_t offset, void *to, size_t size,
			 size_t *got, struct err *err)
{
	struct dc_file_source *file = (struct dc_file_source *)source;
	size_t from_head = 0, more = 0;

	if (offset >= file->base.size) {
		*got = 0;
		return true;
	}
	size = (size_t)MIN_OF((uint64_t)size, file->base.size - offset);
	if (offset < DC_FILE_HEAD_SIZE && file->head_capacity == 0 && !load_head(file, err))
		return false;
	if (offset < file->head_size) {
		from_head = MIN_OF(size, file->head_size - (size_t)offset);
		memcpy(to, file->head + offset, from_head);
	}
	if (from_head < size && !pread_fully(file, offset + from_head, (uint8_t *)to + from_head,
					     size - from_head, &more, err))
		return false;
	*got = from_head + more;
	return true;
}

static const uint8_t *file_peek(struct dc_source *source, uint64_t offset, size_t *size)
{
	struct dc_file_source *file = (struct dc_file_source *)source;

	/* A failing read is reported by read_at, which the caller tries next. */
	if (offset < DC_FILE_HEAD_SIZE && file->head_capacity == 0 && !load_head(file, NULL))
		return NULL;
	if (offset >= file->head_size)
		return NULL;
	*size = MIN_OF(*size, file->head_size - (size_t)offset);
	return file->head + offset;
}

static void file_release(struct dc_source *source)
{
	struct dc_file_source *file = (struct dc_file_source *)source;

	if (file->owns_head)
		free(file->head);
	file->head = NULL;
	file->head_size = 0;
	file->head_capacity = 0;
}

void dc_file_source_init(struct dc_file_source *source, int fd, uint64_t size, uint8_t *head)
{
	static const struct dc_source_ops ops = {file_read_at, file_peek, file_release};

	*source = (struct dc_file_source){
		.base = {&ops, size},
		.fd = fd,
		.head = head,
	};
}
