/* SPDX-License-Identifier: MIT */
#include "fs/progress.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_EVERY_NS ((int64_t)500 * 1000 * 1000)
#define NS_PER_S 1e9
#define BAR_CELLS 24

void fs_progress_init(struct fs_progress *progress, bool wanted)
{
	const char *terminal = getenv("TERM");

	*progress = (struct fs_progress){0};
	progress->shown = wanted && isatty(STDERR_FILENO) && terminal != NULL &&
			  strcmp(terminal, "dumb") != 0;
}

void fs_progress_number(struct buf *out, uint64_t number)
{
	char digits[24];
	int size = snprintf(digits, sizeof(digits), "%llu", (unsigned long long)number);

	for (int i = 0; i < size; i++) {
		if (i > 0 && (size - i) % 3 == 0)
			buf_append_byte(out, ',');
		buf_append_byte(out, (uint8_t)digits[i]);
	}
}

static void append_duration(struct buf *out, double seconds)
{
	unsigned long long s = (unsigned long long)(seconds + 0.5);

	if (s < 60)
		buf_printf(out, "%llu s", s);
	else if (s < 3600)
		buf_printf(out, "%llu:%02llu min", s / 60, s % 60);
	else
		buf_printf(out, "%llu:%02llu h", s / 3600, s / 60 % 60);
}

/* Files a second over the samples kept; 0: not known yet. */
static double take_sample(struct fs_progress *progress, int64_t now_ns, uint64_t done)
{
	unsigned newest = progress->count - 1;
	unsigned oldest = progress->count > FS_PROGRESS_SAMPLES
				  ? progress->count - FS_PROGRESS_SAMPLES
				  : 0;
	double seconds;
	uint64_t before;

	if (progress->count == 0 ||
	    now_ns - progress->samples[newest % FS_PROGRESS_SAMPLES].ns >= SAMPLE_EVERY_NS) {
		progress->samples[progress->count % FS_PROGRESS_SAMPLES].ns = now_ns;
		progress->samples[progress->count % FS_PROGRESS_SAMPLES].done = done;
		progress->count++;
		if (progress->count > FS_PROGRESS_SAMPLES)
			oldest = progress->count - FS_PROGRESS_SAMPLES;
	}
	seconds = (double)(now_ns - progress->samples[oldest % FS_PROGRESS_SAMPLES].ns) / NS_PER_S;
	before = progress->samples[oldest % FS_PROGRESS_SAMPLES].done;
	return seconds > 0 && done > before ? (double)(done - before) / seconds : 0;
}

static void append_bar(struct buf *line, double part)
{
	unsigned filled = (unsigned)(part * BAR_CELLS);

	buf_append_text(line, "[");
	for (unsigned i = 0; i < BAR_CELLS; i++)
		buf_append_text(line, i < filled ? "#" : ".");
	buf_printf(line, "] %3u%%  ", (unsigned)(part * 100));
}

void fs_progress_line(struct fs_progress *progress, int64_t now_ns, const struct ix_counts *counts,
		      bool walk_done, size_t columns, struct buf *line)
{
	uint64_t done = counts->files - MIN_OF(counts->pending, counts->files);
	double rate = take_sample(progress, now_ns, done);

	if (walk_done && counts->files > 0)
		append_bar(line, (double)done / (double)counts->files);
	fs_progress_number(line, done);
	buf_append_text(line, " of ");
	fs_progress_number(line, counts->files);
	buf_append_text(line, walk_done ? " files" : "+ files");
	if (rate >= 0.5) {
		buf_append_text(line, "  ");
		fs_progress_number(line, (uint64_t)(rate + 0.5));
		buf_append_text(line, "/s");
	}
	if (rate > 0 && walk_done && counts->pending > 0) {
		buf_append_text(line, "  ");
		append_duration(line, (double)counts->pending / rate);
		buf_append_text(line, " left");
	}
	buf_truncate(line, columns);
}

static size_t terminal_columns(void)
{
	struct winsize window;

	if (ioctl(STDERR_FILENO, TIOCGWINSZ, &window) != 0 || window.ws_col < 2)
		return 79;
	return (size_t)window.ws_col - 1;
}

void fs_progress_update(const struct ix_counts *counts, UNUSED uint64_t bytes_seen, bool walk_done,
			void *context)
{
	CLEANUP_BUF struct buf line = buf_empty(1024);
	struct fs_progress *progress = context;
	struct timespec now;

	if (!progress->shown)
		return;
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	fs_progress_line(progress, (int64_t)now.tv_sec * 1000000000 + now.tv_nsec, counts, walk_done,
			 terminal_columns(), &line);
	/* The cursor rests at the start, so that a log line begins there too. */
	(void)fprintf(stderr, "\r\033[K%s\r", buf_text(&line));
	(void)fflush(stderr);
	progress->drawn = true;
}

void fs_progress_end(struct fs_progress *progress)
{
	if (progress->drawn)
		(void)fputs("\r\033[K", stderr);
	progress->drawn = false;
}
