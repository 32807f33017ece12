/* SPDX-License-Identifier: MIT */
#include "fs/summary.h"

#include "dicom/charset.h"
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

bool fs_summary_read(struct fs_summary *summary, struct ix_index *index, struct err *err)
{
	struct ix_reader *reader = NULL;
	bool ok;

	summary->code_count = 0;
	if (!ix_reader_open(&reader, index, err))
		return false;
	ok = ix_status_get(reader, &summary->status, err) &&
	     ix_waiting_count(reader, &summary->waiting, err) &&
	     ix_problem_counts(reader, add_code, summary, err);
	ix_reader_close(reader);
	return ok;
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

void fs_summary_text(const struct fs_summary *summary, struct buf *out)
{
	const struct ix_counts *counts = &summary->status.counts;
	uint64_t left_out = counts->skipped + counts->failed;
	uint64_t explained;

	append_count(out, counts->files, "file", "files");
	buf_printf(out, " in %s, %.1f s", summary->store, summary->seconds);
	if (summary->seconds >= 1) {
		buf_append_text(out, " (");
		fs_progress_number(out, (uint64_t)((double)counts->files / summary->seconds));
		buf_append_text(out, " a second)");
	}
	buf_append_text(out, "\n");
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

/* A path is bytes; JSON is UTF-8. */
static void append_json_text(struct buf *out, const char *text)
{
	struct span bytes = span_of_text(text);
	size_t at = 0;

	buf_append_byte(out, '"');
	while (at < bytes.size) {
		uint32_t c = dc_utf8_next(bytes, &at);

		if (c == '"' || c == '\\')
			buf_printf(out, "\\%c", (char)c);
		else if (c < 0x20)
			buf_printf(out, "\\u%04x", c);
		else
			dc_utf8_append(out, c);
	}
	buf_append_byte(out, '"');
}

static void append_json_number(struct buf *out, const char *name, uint64_t number)
{
	buf_printf(out, ",\n  \"%s\": %llu", name, (unsigned long long)number);
}

static const char *state_name(enum ix_scan_state state)
{
	static const char *const names[] = {
		[IX_SCAN_NEVER] = "never",	 [IX_SCAN_RUNNING] = "running",
		[IX_SCAN_COMPLETE] = "complete", [IX_SCAN_STOPPED] = "stopped",
		[IX_SCAN_SUSPICIOUS] = "suspicious",
	};

	return (size_t)state < ARRAY_LEN(names) ? names[state] : "unknown";
}

void fs_summary_json(const struct fs_summary *summary, struct buf *out)
{
	const struct ix_counts *counts = &summary->status.counts;
	/* Milliseconds as integers: no locale has a say in the decimal point. */
	uint64_t ms = (uint64_t)(summary->seconds * 1000);

	buf_append_text(out, "{\n  \"store\": ");
	append_json_text(out, summary->store);
	buf_append_text(out, ",\n  \"index\": ");
	append_json_text(out, summary->index);
	buf_printf(out, ",\n  \"state\": \"%s\"", state_name(summary->status.state));
	append_json_number(out, "milliseconds", ms);
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
		append_json_text(out, summary->codes[i].code);
		buf_printf(out, ": %llu", (unsigned long long)summary->codes[i].count);
	}
	buf_append_text(out, summary->code_count > 0 ? "\n  }\n}\n" : "}\n}\n");
}
