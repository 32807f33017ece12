/* SPDX-License-Identifier: MIT */
#include "fs/summary.h"

#include <time.h>

#include "fs/json.h"
#include "fs/progress.h"

/* What the index's words for problems mean. One that is not here stands for
 * itself, as a remark. */
static const struct {
	const char *code;
	bool outside; /* such a file is not in the tree */
	const char *meaning;
} meanings[] = {
	{"not-dicom", true, "not a DICOM file"},
	{"dicomdir", true, "a DICOMDIR, which only lists other files"},
	{"corrupt", true, "damaged, so that nothing can be told of it"},
	{"unsupported", true, "valid, but not understood here"},
	{"limit", true, "exceeds a limit"},
	{"unreadable", true, "cannot be read"},
	{"link", true, "a symlink that is broken, circular or leads out of STORE"},
	{"special", true, "a socket, pipe or device"},
	{"postponed", true, "could not be read this time"},
	{"no-png", false, "without a picture"},
	{"no-json", false, "without JSON"},
	{"decode-failed", false, "the picture turned out to be damaged"},
	{"damaged", false, "the header ends early"},
	{"conflict", false, "the SOP Instance UID of another file, with other bytes"},
	{"duplicate", false, "the same bytes as another file"},
	{"patient-conflict", false, "patients whose ID others have as well"},
	{"study-conflict", false, "studies that are there under several patients"},
};

static void add_code(const char *code, uint64_t count, void *context)
{
	struct fs_summary *summary = context;
	size_t at = summary->code_count;

	if (at == FS_SUMMARY_CODES || count == 0)
		return;
	for (; at > 0 && summary->codes[at - 1].count < count; at--)
		summary->codes[at] = summary->codes[at - 1];
	(void)snprintf(summary->codes[at].code, FS_SUMMARY_CODE_SIZE, "%s", code);
	summary->codes[at].count = count;
	summary->code_count++;
}

static bool read_counts(struct fs_summary *summary, struct ix_reader *reader, struct err *err)
{
	struct ix_status after = {0};

	summary->code_count = 0;
	if (!ix_waiting_count(reader, &summary->waiting, err) ||
	    !ix_problem_counts(reader, add_code, summary, err) ||
	    !ix_status_get(reader, &after, err))
		return false;
	summary->whole = after.version == summary->status.version;
	return true;
}

bool fs_summary_read(struct fs_summary *summary, struct ix_reader *reader,
		     const struct fs_summary *earlier, struct err *err)
{
	if (!ix_status_get(reader, &summary->status, err))
		return false;
	/* Who was killed could not say that nobody watches any more. */
	if (summary->status.written_by == IX_WRITTEN_BY_NOBODY)
		memset(&summary->status.watch, 0, sizeof(summary->status.watch));
	if (earlier == NULL || !earlier->whole ||
	    earlier->status.version != summary->status.version)
		return read_counts(summary, reader, err);
	summary->whole = true;
	summary->waiting = earlier->waiting;
	summary->code_count = earlier->code_count;
	memcpy(summary->codes, earlier->codes, sizeof(summary->codes));
	return true;
}

double fs_summary_seconds(const struct ix_status *status)
{
	if (status->state == IX_SCAN_RUNNING || status->scan_ended_ns <= status->scan_started_ns)
		return 0;
	return (double)(status->scan_ended_ns - status->scan_started_ns) / 1e9;
}

static void append_count(struct buf *out, uint64_t count, const char *one, const char *many)
{
	fs_progress_number(out, count);
	buf_printf(out, " %s", count == 1 ? one : many);
}

static void append_cell(struct buf *out, uint64_t count)
{
	CLEANUP_BUF struct buf number = buf_empty(64);

	fs_progress_number(&number, count);
	buf_printf(out, "%12s  ", buf_text(&number));
}

static void append_tree(struct buf *out, const struct fs_summary *summary)
{
	const struct ix_counts *counts = &summary->status.counts;

	append_cell(out, counts->instance_files);
	buf_append_text(out, "in the tree: ");
	append_count(out, counts->patients, "patient, ", "patients, ");
	append_count(out, counts->studies, "study, ", "studies, ");
	append_count(out, counts->series, "series, ", "series, ");
	append_count(out, counts->instances, "instance\n", "instances\n");
	if (counts->duplicates > 0) {
		append_cell(out, counts->duplicates);
		buf_append_text(out, "with the same bytes as one of these\n");
	}
	if (counts->pending > 0) {
		append_cell(out, counts->pending);
		buf_append_text(out, "not looked at yet\n");
	}
	if (summary->waiting > 0) {
		append_cell(out, summary->waiting);
		buf_append_text(out, "whose pictures are still to be made (png_level)\n");
	}
}

static bool is_outside(const char *code, const char **meaning)
{
	for (size_t i = 0; i < ARRAY_LEN(meanings); i++) {
		if (strcmp(meanings[i].code, code) == 0) {
			*meaning = meanings[i].meaning;
			return meanings[i].outside;
		}
	}
	*meaning = "";
	return false;
}

/* The codes of one group below a title; returns how many files they are. */
static uint64_t append_codes(struct buf *out, const struct fs_summary *summary, bool outside,
			     const char *title)
{
	uint64_t total = 0;

	for (size_t i = 0; i < summary->code_count; i++) {
		const struct fs_summary_code *code = &summary->codes[i];
		const char *meaning;

		/* Duplicates have had their line. */
		if (is_outside(code->code, &meaning) != outside ||
		    strcmp(code->code, "duplicate") == 0)
			continue;
		if (total == 0)
			buf_append_text(out, title);
		total += code->count;
		append_cell(out, code->count);
		if (*meaning != '\0')
			buf_printf(out, "%-16s  %s\n", code->code, meaning);
		else
			buf_printf(out, "%s\n", code->code);
	}
	return total;
}

static void append_findings(struct buf *out, const struct fs_summary *summary)
{
	const struct ix_counts *counts = &summary->status.counts;
	uint64_t left_out = counts->skipped + counts->failed;
	uint64_t explained;

	append_tree(out, summary);
	explained = append_codes(out, summary, true, "Not in the tree:\n");
	if (explained < left_out) {
		append_cell(out, left_out - explained);
		buf_append_text(out, "not in the tree for other reasons\n");
	}
	(void)append_codes(out, summary, false, "In the tree, with a remark:\n");
	if (summary->code_count > 0)
		buf_append_text(out, "Each is listed in .dicomfs/problems.txt of the mount.\n");
}

void fs_summary_text(const struct fs_summary *summary, struct buf *out)
{
	uint64_t files = summary->status.counts.files;

	append_count(out, files, "file", "files");
	buf_printf(out, " in %s, %.1f s", summary->store, summary->seconds);
	if (summary->seconds >= 1) {
		buf_append_text(out, " (");
		fs_progress_number(out, (uint64_t)((double)files / summary->seconds));
		buf_append_text(out, " a second)");
	}
	buf_append_text(out, "\n");
	append_findings(out, summary);
}

/* ---- Status ------------------------------------------------------------- */

/* Of the last complete look at the store. */
static bool files_per_second(const struct ix_status *status, uint64_t *rate)
{
	if (status->scan_ns <= 0)
		return false;
	*rate = (uint64_t)((double)status->scan_files * 1e9 / (double)status->scan_ns);
	return true;
}

static void append_time(struct buf *out, int64_t time_ns)
{
	time_t seconds = (time_t)(time_ns / 1000000000);
	char text[64];
	struct tm local;

	if (localtime_r(&seconds, &local) != NULL &&
	    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &local) > 0)
		buf_append_text(out, text);
}

/* Clocks are set. */
static void append_ago(struct buf *out, int64_t ns)
{
	static const struct {
		int64_t seconds;
		const char *one, *many;
	} units[] = {
		{86400, "day ago", "days ago"},
		{3600, "hour ago", "hours ago"},
		{60, "minute ago", "minutes ago"},
		{1, "second ago", "seconds ago"},
	};
	int64_t seconds = ns / 1000000000;

	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		if (seconds >= units[i].seconds) {
			append_count(out, (uint64_t)(seconds / units[i].seconds), units[i].one,
				     units[i].many);
			return;
		}
	}
	buf_append_text(out, ns >= 0 ? "just now" : "by a clock that was ahead");
}

static void append_scan(struct buf *out, const struct fs_summary *summary)
{
	static const char *const words[] = {
		[IX_SCAN_NEVER] = "none yet",      [IX_SCAN_RUNNING] = "running",
		[IX_SCAN_COMPLETE] = "complete",   [IX_SCAN_STOPPED] = "stopped early",
		[IX_SCAN_SUSPICIOUS] = "in doubt",
	};
	const struct ix_status *status = &summary->status;
	bool running = status->state == IX_SCAN_RUNNING;
	uint64_t rate;

	buf_append_text(out, running && status->written_by == IX_WRITTEN_BY_NOBODY
				     ? "cut off, its process is gone"
			     : (size_t)status->state < ARRAY_LEN(words) ? words[status->state]
									: "unknown");
	if (status->state != IX_SCAN_NEVER && status->scan_started_ns != 0) {
		buf_append_text(out, running ? ", since " : ", ");
		append_time(out, status->scan_started_ns);
		if (!running) {
			buf_append_text(out, " to ");
			append_time(out, status->scan_ended_ns);
			buf_printf(out, ", %.1f s", fs_summary_seconds(status));
		}
	}
	if (status->state == IX_SCAN_COMPLETE && files_per_second(status, &rate)) {
		buf_append_text(out, " (");
		fs_progress_number(out, rate);
		buf_append_text(out, " files a second)");
	}
	buf_append_text(out, "\n");
	if (status->state_reason[0] != '\0')
		buf_printf(out, "              %s\n", status->state_reason);
}

static void append_watch(struct buf *out, const struct fs_summary *summary)
{
	const struct ix_watch *watch = &summary->status.watch;

	if (summary->status.written_by == IX_WRITTEN_BY_NOBODY) {
		buf_append_text(out, "no process (no mount, no dicomfs-index)\n");
		return;
	}
	buf_append_text(out, "a process (a mount, or dicomfs-index), which ");
	switch (watch->mode) {
	case IX_WATCH_EVENTS:
		buf_append_text(out, "is told of changes in ");
		append_count(out, watch->folders, "folder", "folders");
		if (watch->seconds == 0)
			break;
		buf_append_text(out, " and ");
		__attribute__((fallthrough));
	case IX_WATCH_RESCAN:
		buf_append_text(out, "looks through the store every ");
		append_count(out, watch->seconds, "second", "seconds");
		break;
	case IX_WATCH_NONE:
	default:
		buf_append_text(out, "does not watch the store");
		break;
	}
	buf_append_text(out, "\n");
	if (watch->reason[0] != '\0')
		buf_printf(out, "              %s\n", watch->reason);
}

void fs_summary_status(const struct fs_summary *summary, int64_t now_ns, struct buf *out)
{
	const struct ix_status *status = &summary->status;

	buf_printf(out, "store         %s\n", summary->store);
	buf_printf(out, "index         %s\n", summary->index);
	buf_append_text(out, "written by    ");
	append_watch(out, summary);
	buf_append_text(out, "last scan     ");
	append_scan(out, summary);
	buf_append_text(out, "last change   ");
	if (status->last_change_ns != 0) {
		append_ago(out, now_ns - status->last_change_ns);
		buf_append_text(out, " (");
		append_time(out, status->last_change_ns);
		buf_append_text(out, ")\n");
	} else {
		buf_append_text(out, "none yet\n");
	}
	buf_append_text(out, "\n");
	append_count(out, status->counts.files, "file\n", "files\n");
	append_findings(out, summary);
}

/* ---- JSON --------------------------------------------------------------- */

static void append_json_number(struct buf *out, const char *name, uint64_t number)
{
	buf_printf(out, ",\n  \"%s\": %llu", name, (unsigned long long)number);
}

static void append_json_times(struct buf *out, const struct ix_status *status)
{
	buf_append_text(out, ",\n  \"last_scan_started\": ");
	fs_json_time(out, status->scan_started_ns);
	buf_append_text(out, ",\n  \"last_scan_ended\": ");
	fs_json_time(out, status->state == IX_SCAN_RUNNING ? 0 : status->scan_ended_ns);
	buf_append_text(out, ",\n  \"last_change\": ");
	fs_json_time(out, status->last_change_ns);
}

static void append_json_rate(struct buf *out, const struct ix_status *status)
{
	uint64_t rate;

	if (files_per_second(status, &rate))
		append_json_number(out, "files_per_second", rate);
	else
		buf_append_text(out, ",\n  \"files_per_second\": null");
}

static void append_json_watch(struct buf *out, const struct ix_watch *watch)
{
	static const char *const modes[] = {
		[IX_WATCH_NONE] = "none",
		[IX_WATCH_EVENTS] = "events",
		[IX_WATCH_RESCAN] = "rescan",
	};

	buf_printf(out,
		   ",\n  \"watch\": {\"mode\": \"%s\", \"folders\": %llu, \"seconds\": %llu,"
		   " \"reason\": ",
		   (size_t)watch->mode < ARRAY_LEN(modes) ? modes[watch->mode] : "unknown",
		   (unsigned long long)watch->folders, (unsigned long long)watch->seconds);
	fs_json_text(out, watch->reason);
	buf_append_byte(out, '}');
}

static const char *state_name(enum ix_scan_state state)
{
	static const char *const names[] = {
		[IX_SCAN_NEVER] = "never",           [IX_SCAN_RUNNING] = "running",
		[IX_SCAN_COMPLETE] = "complete",     [IX_SCAN_STOPPED] = "stopped",
		[IX_SCAN_SUSPICIOUS] = "suspicious",
	};

	return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

static const char *writer_name(enum ix_written_by written_by)
{
	static const char *const names[] = {
		[IX_WRITTEN_BY_US] = "this process",
		[IX_WRITTEN_BY_ANOTHER] = "another process",
		[IX_WRITTEN_BY_NOBODY] = "nobody",
	};

	return names[written_by];
}

void fs_summary_json(const struct fs_summary *summary, struct buf *out)
{
	const struct ix_counts *counts = &summary->status.counts;
	const struct ix_status *status = &summary->status;
	/* Milliseconds as integers: no locale has a say in the decimal point. */
	uint64_t ms = (uint64_t)(summary->seconds * 1000);

	buf_append_text(out, "{\n  \"store\": ");
	fs_json_text(out, summary->store);
	buf_append_text(out, ",\n  \"index\": ");
	fs_json_text(out, summary->index);
	buf_printf(out, ",\n  \"state\": \"%s\"", state_name(status->state));
	buf_append_text(out, ",\n  \"state_reason\": ");
	fs_json_text(out, status->state_reason);
	append_json_times(out, status);
	buf_printf(out, ",\n  \"written_by\": \"%s\"", writer_name(status->written_by));
	append_json_number(out, "milliseconds", ms);
	append_json_rate(out, status);
	append_json_watch(out, &status->watch);
	append_json_number(out, "files", counts->files);
	append_json_number(out, "in_tree", counts->instance_files);
	append_json_number(out, "duplicates", counts->duplicates);
	append_json_number(out, "skipped", counts->skipped);
	append_json_number(out, "failed", counts->failed);
	append_json_number(out, "pending", counts->pending);
	append_json_number(out, "notes", counts->notes);
	append_json_number(out, "patients", counts->patients);
	append_json_number(out, "studies", counts->studies);
	append_json_number(out, "series", counts->series);
	append_json_number(out, "instances", counts->instances);
	append_json_number(out, "pictures_to_measure", summary->waiting);
	buf_append_text(out, ",\n  \"problems\": {");
	for (size_t i = 0; i < summary->code_count; i++) {
		buf_append_text(out, i > 0 ? ",\n    " : "\n    ");
		fs_json_text(out, summary->codes[i].code);
		buf_printf(out, ": %llu", (unsigned long long)summary->codes[i].count);
	}
	buf_append_text(out, summary->code_count > 0 ? "\n  }\n}\n" : "}\n}\n");
}
