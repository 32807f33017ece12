/*
 * Byte sources: random-access read-only bytes with a known size. A source is
 * where a store that is no folder (an archive, a PACS) would plug in.
 *
 * Thread rule: a source belongs to one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_SOURCE_H
#define DICOM_SOURCE_H

#include "dicom/err.h"

struct dc_source;

struct dc_source_ops {
	/* Reads up to size bytes at offset. *got < size only at the end of the
	 * source (0 at and past it). Errors: IO, STALE, CORRUPT (inflate). */
	bool (*read_at)(struct dc_source *source, uint64_t offset, void *to, size_t size,
			size_t *got, struct err *err);
	/* Optional (NULL): the bytes at offset that are in memory already or cheap
	 * to get there, at most *size of them; *size becomes how many. Valid as long
	 * as the source. NULL when there are none. */
	const uint8_t *(*peek)(struct dc_source *source, uint64_t offset, size_t *size);
	void (*release)(struct dc_source *source);
};

struct dc_source {
	const struct dc_source_ops *ops;
	uint64_t size; /* bytes in the source */
};

static inline bool MUST_CHECK dc_source_read(struct dc_source *source, uint64_t offset, void *to,
					     size_t size, size_t *got, struct err *err)
{
	return source->ops->read_at(source, offset, to, size, got, err);
}

/* Like dc_source_read, but fewer bytes than asked for is ERR_CORRUPT ("ends
 * after N of M bytes"). */
bool dc_source_read_exact(struct dc_source *source, uint64_t offset, void *to, size_t size,
			  struct err *err) MUST_CHECK;

static inline void dc_source_release(struct dc_source *source)
{
	if (source->ops != NULL)
		source->ops->release(source);
	source->ops = NULL;
}

/* Memory that the caller keeps alive. */
struct dc_memory_source {
	struct dc_source base;
	struct span bytes;
};
void dc_memory_source_init(struct dc_memory_source *source, struct span bytes);

/* An open file, read with pread. The caller keeps the descriptor; size is
 * what fstat said. The first head_capacity bytes are read once and kept, so
 * that parsing the same header twice costs one system call. */
struct dc_file_source {
	struct dc_source base;
	int fd;
	uint8_t *head;
	size_t head_size;     /* bytes valid in head */
	size_t head_capacity; /* bytes that head may hold */
	bool owns_head;
	bool prompt;  /* the caller's: a read that would wait for a disk fails, ERR_IO ... */
	bool refused; /* ... and this says that one did */
};
#define DC_FILE_HEAD_SIZE ((size_t)16 * 1024)

/* head: DC_FILE_HEAD_SIZE bytes that the caller lends (so that a scan thread
 * allocates once), or NULL to allocate on first use. */
void dc_file_source_init(struct dc_file_source *source, int fd, uint64_t size, uint8_t *head);

/* The raw RFC 1951 stream that starts at offset of an inner source and ends
 * where the deflate stream ends (PS3.5 A.5). Opening inflates it once to learn
 * its size; what fits in DC_INFLATE_KEEP stays in memory, larger ones stream
 * again through a fixed window (reading backward starts over). A damaged
 * stream ends where the damage is, and damage says so. More than max_size
 * inflated bytes is ERR_LIMIT. */
#define DC_INFLATE_KEEP ((size_t)1024 * 1024)
struct dc_inflate_source {
	struct dc_source base;
	struct dc_inflate_state *state;
	struct err damage;
};
bool dc_inflate_source_init(struct dc_inflate_source *source, struct dc_source *inner,
			    uint64_t offset, uint64_t max_size, struct err *err) MUST_CHECK;

#endif
