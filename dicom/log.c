/* SPDX-License-Identifier: MIT */
#include "dicom/log.h"

#include <syslog.h>

static const struct {
	const char *word;
	enum log_topic topic;
} topic_table[] = {
	{"scan", LOG_SCAN},   {"sql", LOG_SQL},   {"cache", LOG_CACHE}, {"decode", LOG_DECODE},
	{"parse", LOG_PARSE}, {"fuse", LOG_FUSE}, {"inval", LOG_INVAL},
};

/* Written by log_init() and log_set_sink() while the process is still
 * single-threaded. */
static struct {
	const char *program;
	unsigned topics;
	enum log_level level;
	log_sink sink;
	void *context;
} config = {.program = "dicomfs", .level = LOG_LEVEL_INFO};

static bool add_topic(struct span word)
{
	for (size_t i = 0; i < ARRAY_LEN(topic_table); i++) {
		if (span_equals_text(word, topic_table[i].word)) {
			config.topics |= (unsigned)topic_table[i].topic;
			return true;
		}
	}
	if (span_equals_text(word, "all")) {
		config.topics = ~0u;
		return true;
	}
	return false;
}

static bool unknown_topic(struct span word, struct err *err)
{
	char words[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < ARRAY_LEN(topic_table); i++)
		used += (size_t)snprintf(words + used, sizeof(words) - used, "%s, ",
					 topic_table[i].word);
	return err_set(err, ERR_USAGE, "DICOMFS_DEBUG: unknown word '%.*s'; the words are %sall",
		       (int)MIN_OF(word.size, (size_t)40), (const char *)word.data, words);
}

bool log_init(const char *program, const char *debug_words, enum log_level level, struct err *err)
{
	const char *at = debug_words;

	config.program = program;
	config.level = level;
	config.topics = 0;
	while (at != NULL && *at != '\0') {
		size_t size = strcspn(at, ", ");

		if (size > 0 && !add_topic(span_of(at, size)))
			return unknown_topic(span_of(at, size), err);
		at += size;
		at += strspn(at, ", ");
	}
	return true;
}

void log_set_sink(log_sink sink, void *context)
{
	config.sink = sink;
	config.context = context;
}

static PRINTF_LIKE(3, 0) void write_line(enum log_level level, const char *label,
					 const char *format, va_list args)
{
	static const int priority[] = {LOG_ERR, LOG_WARNING, 6 /* LOG_INFO */, 7 /* LOG_DEBUG */};
	char line[1024];
	int label_size;

	if (level > config.level && level != LOG_LEVEL_DEBUG)
		return;
	label_size = snprintf(line, sizeof(line), "%s", label);
	(void)vsnprintf(line + label_size, sizeof(line) - (size_t)label_size, format, args);
	/* A file name may hold a line break; one event stays one line. */
	for (char *p = line; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			*p = '?';
	}
	if (config.sink != NULL)
		config.sink(priority[level], line, config.context);
	else
		(void)fprintf(stderr, "%s: %s\n", config.program, line);
}

void log_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_ERROR, "", format, args);
	va_end(args);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_WARNING, "warning: ", format, args);
	va_end(args);
}

void log_info(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	write_line(LOG_LEVEL_INFO, "", format, args);
	va_end(args);
}

bool log_tracing(enum log_topic topic)
{
	return (config.topics & (unsigned)topic) != 0;
}

void log_trace_line(enum log_topic topic, const char *format, ...)
{
	char label[24] = "";
	va_list args;

	for (size_t i = 0; i < ARRAY_LEN(topic_table); i++) {
		if (topic_table[i].topic == topic)
			(void)snprintf(label, sizeof(label), "[%s] ", topic_table[i].word);
	}
	va_start(args, format);
	write_line(LOG_LEVEL_DEBUG, label, format, args);
	va_end(args);
}
