/* SPDX-License-Identifier: MIT */
#include "dicom/err.h"

#include <errno.h>
#include <unistd.h>

void base_close_fd(int *fd)
{
	if (*fd >= 0) {
		int saved = errno;

		(void)close(*fd);
		errno = saved;
		*fd = -1;
	}
}

/* Drops the tail of a character that the buffer's end cut in two. */
static void trim_partial_character(char *text, size_t size)
{
	size_t end = strnlen(text, size);
	size_t start = end;

	if (end + 1 < size)
		return;
	while (start > 0 && ((unsigned char)text[start - 1] & 0xc0u) == 0x80)
		start--;
	if (start > 0 && (unsigned char)text[start - 1] >= 0xc0)
		text[start - 1] = '\0';
}

static PRINTF_LIKE(2, 0) void set_message(struct err *err, const char *format, va_list args)
{
	(void)vsnprintf(err->message, sizeof(err->message), format, args);
	trim_partial_character(err->message, sizeof(err->message));
}

bool(err_set)(struct err *err, enum err_code code, const char *format, ...)
{
	va_list args;

	if (err == NULL)
		return false;
	err->code = code;
	err->sys = 0;
	va_start(args, format);
	set_message(err, format, args);
	va_end(args);
	return false;
}

static enum err_code code_of_errno(int sys)
{
	switch (sys) {
	case ENOMEM:
		return ERR_NOMEM;
	case ENOENT:
		return ERR_NOTFOUND;
	case EINTR:
		return ERR_INTERRUPTED;
	case ESTALE:
		return ERR_STALE;
	default:
		return ERR_IO;
	}
}

bool(err_set_sys)(struct err *err, int sys, const char *format, ...)
{
	va_list args;
	size_t used;
	char text[96];

	if (err == NULL)
		return false;
	err->code = code_of_errno(sys);
	err->sys = sys;
	va_start(args, format);
	set_message(err, format, args);
	va_end(args);
	used = strlen(err->message);
	(void)snprintf(err->message + used, sizeof(err->message) - used, ": %s",
		       strerror_r(sys, text, sizeof(text)));
	return false;
}

bool(err_prefix)(struct err *err, const char *format, ...)
{
	char context[sizeof(err->message)];
	char rest[sizeof(err->message)];
	va_list args;

	if (err == NULL)
		return false;
	va_start(args, format);
	(void)vsnprintf(context, sizeof(context), format, args);
	va_end(args);
	memcpy(rest, err->message, sizeof(rest));
	/* A cut message is still useful; the context in front matters more. */
	(void)snprintf(err->message, sizeof(err->message), "%.255s: %.254s", context, rest);
	trim_partial_character(err->message, sizeof(err->message));
	return false;
}

int err_to_errno(const struct err *err)
{
	switch (err->code) {
	case ERR_NONE:
		return 0;
	case ERR_NOMEM:
		return ENOMEM;
	case ERR_NOTFOUND:
		return ENOENT;
	case ERR_STALE:
		return ESTALE;
	case ERR_INTERRUPTED:
		return EINTR;
	case ERR_USAGE:
		return EINVAL;
	case ERR_IO:
		/* The reader of a mount must not meet a stray EACCES or ENOTDIR of
		 * the store: for it the picture cannot be read, whatever the cause. */
	case ERR_CORRUPT:
	case ERR_UNSUPPORTED:
	case ERR_LIMIT:
	case ERR_ABORTED:
		return EIO;
	}
	return EIO;
}

const char *err_code_name(enum err_code code)
{
	static const char *const names[] = {
		[ERR_NONE] = "none",
		[ERR_NOMEM] = "no-memory",
		[ERR_IO] = "io",
		[ERR_CORRUPT] = "corrupt",
		[ERR_UNSUPPORTED] = "unsupported",
		[ERR_LIMIT] = "limit",
		[ERR_NOTFOUND] = "not-found",
		[ERR_STALE] = "stale",
		[ERR_INTERRUPTED] = "interrupted",
		[ERR_USAGE] = "usage",
		[ERR_ABORTED] = "aborted",
	};

	return (size_t)code < ARRAY_LEN(names) ? names[code] : "unknown";
}
