/*
 * Log lines and keyword tracing. Configured once by main() before the first
 * thread starts and read-only afterwards: the only process-wide state here.
 *
 * Rule (promise 9): nothing above debug level names a patient. Store paths may
 * hold names too, so lines above debug level name files by their path inside
 * the store only where the operator needs it to act (a problem of that file).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_LOG_H
#define DICOM_LOG_H

#include "dicom/err.h"

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

/* Keywords of DICOMFS_DEBUG=scan,sql,... ; append only. */
enum log_topic {
	LOG_SCAN = 1u << 0,
	LOG_SQL = 1u << 1,
	LOG_CACHE = 1u << 2,
	LOG_DECODE = 1u << 3,
	LOG_PARSE = 1u << 4,
	LOG_FUSE = 1u << 5,
	LOG_INVAL = 1u << 6,
};

/* Where lines go that are not for standard error: priority is that of syslog(3), line has
 * no line break. From any thread. */
typedef void (*log_sink)(int priority, const char *line, void *context);

/* Parses the value of DICOMFS_DEBUG (NULL: nothing traced). An unknown word is
 * ERR_USAGE and the message lists all words. */
bool log_init(const char *program, const char *debug_words, enum log_level level,
	      struct err *err) MUST_CHECK;

/* From now on to sink; call before threads start (after daemonising). NULL: to standard
 * error, as in the beginning. */
void log_set_sink(log_sink sink, void *context);

void log_error(const char *format, ...) PRINTF_LIKE(1, 2);
void log_warning(const char *format, ...) PRINTF_LIKE(1, 2);
void log_info(const char *format, ...) PRINTF_LIKE(1, 2);

bool log_tracing(enum log_topic topic);
void log_trace_line(enum log_topic topic, const char *format, ...) PRINTF_LIKE(2, 3);

/* Costs one load and a branch when the topic is off. */
#define log_trace(topic, ...)                                                                      \
	do {                                                                                       \
		if (__builtin_expect(log_tracing(topic), 0))                                       \
			log_trace_line(topic, __VA_ARGS__);                                        \
	} while (0)

#endif
