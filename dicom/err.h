/*
 * Errors: a struct on the caller's stack, always the last argument; functions
 * that can fail return bool. Messages are for people: they say what is wrong,
 * without a trailing full stop, and the way up prefixes the context ("frame 3:
 * ..."). A message names files and tags, never a patient.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_ERR_H
#define DICOM_ERR_H

#include "dicom/base.h"

enum err_code {
	ERR_NONE = 0,
	ERR_NOMEM,       /* out of memory; try again later */
	ERR_IO,          /* the operating system said no; sys has the errno */
	ERR_CORRUPT,     /* the input contradicts the standard or itself */
	ERR_UNSUPPORTED, /* valid, but nothing here can do it */
	ERR_LIMIT,       /* refused: larger than a configured or built-in bound */
	ERR_NOTFOUND,    /* no such thing */
	ERR_STALE,       /* the file changed since it was indexed */
	ERR_INTERRUPTED, /* the caller asked to stop */
	ERR_USAGE,       /* a wrong option or argument */
	ERR_ABORTED,     /* what worked on the input crashed, hung or was stopped */
};
#define ERR_LAST ERR_ABORTED

struct err {
	enum err_code code;
	int sys; /* errno where the operating system gave one, else 0 */
	char message[512];
};

/* Both return false, so that "return err_set(...)" is the failing path.
 * Messages that do not fit are cut on a UTF-8 character boundary. err may be
 * NULL where the caller only needs the bool. */
bool err_set(struct err *err, enum err_code code, const char *format, ...) PRINTF_LIKE(3, 4);

/* From an errno: ENOMEM is ERR_NOMEM, ENOENT ERR_NOTFOUND, EINTR
 * ERR_INTERRUPTED, ESTALE ERR_STALE, all else ERR_IO. Appends ": " and the
 * system's text. */
bool err_set_sys(struct err *err, int sys, const char *format, ...) PRINTF_LIKE(3, 4);

/* Puts "context: " in front of the message. Returns false. */
bool err_prefix(struct err *err, const char *format, ...) PRINTF_LIKE(2, 3);

/* So that compilers and what analyses the callers see it too: their failing path
 * fails. */
#define err_set(...) ALWAYS_FALSE((err_set)(__VA_ARGS__))
#define err_set_sys(...) ALWAYS_FALSE((err_set_sys)(__VA_ARGS__))
#define err_prefix(...) ALWAYS_FALSE((err_prefix)(__VA_ARGS__))

/* The one place that maps to errno for FUSE replies: IO, CORRUPT, UNSUPPORTED,
 * LIMIT and ABORTED are EIO (an application shows "input/output error"). */
int err_to_errno(const struct err *err);

/* A stable lower-case word for logs, status files and tests: "corrupt". */
const char *err_code_name(enum err_code code);

static inline void err_clear(struct err *err)
{
	err->code = ERR_NONE;
	err->sys = 0;
	err->message[0] = '\0';
}

#endif
