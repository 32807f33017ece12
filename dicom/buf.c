/* SPDX-License-Identifier: MIT */
#include "dicom/buf.h"

void buf_release(struct buf *buf)
{
	if (!buf->borrowed)
		free(buf->data);
	buf->data = NULL;
	buf->borrowed = false;
	buf->size = 0;
	buf->capacity = 0;
}

bool buf_ok(const struct buf *buf, struct err *err)
{
	switch (buf->failure) {
	case ERR_NONE:
		return true;
	case ERR_LIMIT:
		return err_set(err, ERR_LIMIT, "output is larger than %zu bytes", buf->limit);
	default:
		return err_set(err, ERR_NOMEM, "out of memory");
	}
}

static bool grow(struct buf *buf, size_t needed)
{
	size_t capacity = buf->capacity < 64 ? 64 : buf->capacity;
	uint8_t *data;

	while (capacity < needed)
		capacity = capacity > PTRDIFF_MAX / 2 ? needed : capacity * 2;
	/* One more, so that buf_text() has room and moves nothing: spans of the
	 * content stay valid over it. */
	data = realloc(buf->data, capacity + 1);
	if (data == NULL) {
		buf->failure = ERR_NOMEM;
		return false;
	}
	buf->data = data;
	buf->capacity = capacity;
	return true;
}

bool buf_reserve(struct buf *buf, size_t size)
{
	if (buf->failure != ERR_NONE)
		return false;
	if (size > buf->limit || buf->size > buf->limit - size) {
		buf->failure = ERR_LIMIT;
		return false;
	}
	if (buf->counting || buf->capacity - buf->size >= size)
		return true;
	return grow(buf, buf->size + size);
}

uint8_t *buf_extend(struct buf *buf, size_t size)
{
	uint8_t *start;

	if (!buf_reserve(buf, size))
		return NULL;
	start = buf->counting || buf->data == NULL ? NULL : buf->data + buf->size;
	buf->size += size;
	return start;
}

void buf_append(struct buf *buf, const void *data, size_t size)
{
	uint8_t *to = buf_extend(buf, size);

	if (to != NULL && size > 0)
		memcpy(to, data, size);
}

void buf_append_text(struct buf *buf, const char *text)
{
	buf_append(buf, text, strlen(text));
}

void buf_append_byte(struct buf *buf, uint8_t byte)
{
	buf_append(buf, &byte, 1);
}

void buf_printf(struct buf *buf, const char *format, ...)
{
	char small[256];
	va_list args;
	int size;

	va_start(args, format);
	size = vsnprintf(small, sizeof(small), format, args);
	va_end(args);
	if (size < 0) {
		buf->failure = ERR_NOMEM;
	} else if ((size_t)size < sizeof(small)) {
		buf_append(buf, small, (size_t)size);
	} else if (buf->counting) {
		(void)buf_extend(buf, (size_t)size);
	} else if (buf_reserve(buf, (size_t)size + 1)) {
		va_start(args, format);
		(void)vsnprintf((char *)buf->data + buf->size, (size_t)size + 1, format, args);
		va_end(args);
		buf->size += (size_t)size;
	}
}

void buf_truncate(struct buf *buf, size_t size)
{
	if (size < buf->size)
		buf->size = size;
}

void buf_clear(struct buf *buf)
{
	buf->size = 0;
	buf->failure = ERR_NONE;
}

const char *buf_text(struct buf *buf)
{
	if (buf->data == NULL && !grow(buf, 1))
		return "";
	buf->data[buf->size] = '\0';
	return (const char *)buf->data;
}
