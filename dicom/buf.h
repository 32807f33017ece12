/*
 * A growable byte buffer with a hard limit and a counting mode.
 *
 * Appending never returns an error: the first failure (out of memory, limit)
 * sticks, later appends do nothing, and the owner asks once at the end with
 * buf_ok(). In counting mode nothing is stored and only size moves, so that a
 * writer measures its output with the code that produces it.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_BUF_H
#define DICOM_BUF_H

#include "dicom/err.h"

struct buf {
	uint8_t *data;
	size_t size;     /* bytes in use */
	size_t capacity; /* bytes allocated, besides one for buf_text() */
	size_t limit;    /* size may not exceed this */
	bool counting;
	bool borrowed; /* data is not ours to free or to move */
	enum err_code failure;
};

#define BUF_NO_LIMIT ((size_t)PTRDIFF_MAX)

static inline struct buf buf_empty(size_t limit)
{
	return (struct buf){.limit = limit};
}

static inline struct buf buf_counter(size_t limit)
{
	return (struct buf){.limit = limit, .counting = true};
}

/* Into memory of the caller's, of capacity + 1 bytes, which stays the caller's:
 * never more than capacity bytes. */
static inline struct buf buf_over(uint8_t *data, size_t capacity)
{
	return (struct buf){
		.data = data, .capacity = capacity, .limit = capacity, .borrowed = true};
}

void buf_release(struct buf *buf);
#define CLEANUP_BUF CLEANUP(buf_release)

/* False when something did not fit; err says what (ERR_NOMEM or ERR_LIMIT). */
bool buf_ok(const struct buf *buf, struct err *err) MUST_CHECK;

/* Room for size more bytes; false when that failed (and sticks). In counting
 * mode always true without memory. */
bool buf_reserve(struct buf *buf, size_t size);

void buf_append(struct buf *buf, const void *data, size_t size);
void buf_append_text(struct buf *buf, const char *text);
void buf_append_byte(struct buf *buf, uint8_t byte);
void buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Grows by size bytes and returns where they start (uninitialised), NULL when
 * that failed or when counting. */
uint8_t *buf_extend(struct buf *buf, size_t size);

/* Cuts back to size bytes; no effect if it is already smaller. */
void buf_truncate(struct buf *buf, size_t size);

/* Empties it, and forgets a failure: it begins anew, for what is used again and
 * again. */
void buf_clear(struct buf *buf);

/* Adds a terminating NUL that is not part of size, and returns the text; "" on
 * failure. Moves nothing that is there: spans of the content stay valid. Never
 * call in counting mode. */
const char *buf_text(struct buf *buf);

static inline struct span buf_span(const struct buf *buf)
{
	return span_of(buf->data, buf->size);
}

#endif
