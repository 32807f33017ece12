/* SPDX-License-Identifier: MIT */
#include "fs/check.h"

#include "fs/json.h"
#include "fs/progress.h"
#include "fs/scan.h"
#include "index/check.h"

/* Paths listed of each sort. */
#define LISTED_TEXT 20
#define LISTED_JSON 1000

struct listed {
	enum ix_difference difference;
	uint64_t files;
	char *path;
};

struct damage {
	char code[32];
	char *says;
	uint64_t count;
	int64_t row;
};

struct report {
	unsigned limit;
	struct listed *listed;
	size_t listed_count;
	uint64_t listed_files[IX_DIFFERENCES];
	unsigned listed_of[IX_DIFFERENCES];
	struct damage *damages;
	size_t damage_count;
	struct ix_check_result result;
	bool failed; /* out of memory */
};

static void release(struct report *report)
{
	for (size_t i = 0; i < report->listed_count; i++)
		free(report->listed[i].path);
	for (size_t i = 0; i < report->damage_count; i++)
		free(report->damages[i].says);
	free(report->listed);
	free(report->damages);
}

/* ---- Gathering ---------------------------------------------------------- */

static void add_damage(const char *code, const char *says, uint64_t count, int64_t row,
		       void *context)
{
	struct report *report = context;
	struct damage *larger =
		reallocarray(report->damages, report->damage_count + 1, sizeof(*report->damages));
	struct damage *damage;

	if (larger != NULL)
		report->damages = larger;
	damage = larger != NULL ? &larger[report->damage_count] : NULL;
	if (damage == NULL || (damage->says = strdup(says)) == NULL) {
		report->failed = true;
		return;
	}
	(void)snprintf(damage->code, sizeof(damage->code), "%s", code);
	damage->count = count;
	damage->row = row;
	report->damage_count++;
}

static void add_difference(enum ix_difference difference, const char *path, uint64_t files,
			   void *context)
{
	struct report *report = context;
	struct listed *larger;
	char *copy;

	if (report->listed_of[difference] == report->limit)
		return;
	larger = reallocarray(report->listed, report->listed_count + 1, sizeof(*report->listed));
	if (larger != NULL)
		report->listed = larger;
	copy = strdup(path);
	if (larger == NULL || copy == NULL) {
		free(copy);
		report->failed = true;
		return;
	}
	larger[report->listed_count++] = (struct listed){difference, files, copy};
	report->listed_of[difference]++;
	report->listed_files[difference] += files;
}

/* ---- For people --------------------------------------------------------- */

static const struct {
	const char *word, *says;
} differences[IX_DIFFERENCES] = {
	[IX_DIFFERENCE_NEW] = {"new", "in the store, not in the index"},
	[IX_DIFFERENCE_CHANGED] = {"changed", "another file than the one that was indexed"},
	[IX_DIFFERENCE_GONE] = {"gone", "in the index, not in the store"},
	[IX_DIFFERENCE_PENDING] = {"pending", "still to be looked at by a scan"},
	[IX_DIFFERENCE_UNREADABLE] = {"unreadable", "cannot be read"},
};

static void append_number(struct buf *out, uint64_t number)
{
	CLEANUP_BUF struct buf text = buf_empty(64);

	fs_progress_number(&text, number);
	buf_printf(out, "%12s  ", buf_text(&text));
}

/* Names in the store may hold anything; a line stays one. */
static void append_path(struct buf *out, const char *path)
{
	for (const char *p = path; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c < 0x20 || c == 0x7f || c == '\\')
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_byte(out, c);
	}
}

static void append_damages(struct buf *out, const struct report *report)
{
	buf_append_text(out, "The index is damaged:\n");
	for (size_t i = 0; i < report->damage_count; i++) {
		const struct damage *damage = &report->damages[i];

		append_number(out, damage->count);
		buf_printf(out, "%s (%s", damage->says, damage->code);
		if (damage->row != 0)
			buf_printf(out, ", row %lld", (long long)damage->row);
		buf_append_text(out, ")\n");
	}
}

static void append_listed(struct buf *out, const struct report *report, enum ix_difference which)
{
	uint64_t left_out = report->result.differences[which] - report->listed_files[which];

	append_number(out, report->result.differences[which]);
	buf_printf(out, "%-10s  %s\n", differences[which].word, differences[which].says);
	for (size_t i = 0; i < report->listed_count; i++) {
		const struct listed *listed = &report->listed[i];

		if (listed->difference != which)
			continue;
		buf_append_text(out, "                ");
		append_path(out, listed->path);
		if (listed->files != 1)
			buf_printf(out, "  (%llu files)", (unsigned long long)listed->files);
		buf_append_text(out, "\n");
	}
	if (left_out > 0)
		buf_printf(out, "                and %llu more\n", (unsigned long long)left_out);
}

static void append_advice(struct buf *out, const struct fs_options *options,
			  const struct ix_check_result *result)
{
	if (result->damaged)
		buf_printf(out, "Unmounted, dicomfs-index --rebuild %s makes the index anew.\n",
			   options->store);
	else if (result->files == 0 && result->differences[IX_DIFFERENCE_GONE] > 0)
		buf_printf(out,
			   "Nothing leaves the index of an empty store; if it is meant to be, "
			   "dicomfs-index --rebuild %s accepts it.\n",
			   options->store);
	else if (result->differs)
		buf_printf(out, "dicomfs-index %s takes over what has changed.\n", options->store);
	else
		buf_printf(out, "The index agrees with the store: %llu %s.\n",
			   (unsigned long long)result->files,
			   result->files == 1 ? "file" : "files");
}

static void append_text(struct buf *out, const struct fs_options *options,
			const struct report *report)
{
	const struct ix_check_result *result = &report->result;

	if (result->written)
		buf_append_text(out, "A mount (or dicomfs-index) is writing this index; "
				     "differences may be changes in progress.\n");
	if (result->damaged)
		append_damages(out, report);
	if (result->status.state != IX_SCAN_COMPLETE && result->status.state_reason[0] != '\0')
		buf_printf(out, "The last scan: %s.\n", result->status.state_reason);
	if (result->differs)
		buf_append_text(out, "The index and the store differ:\n");
	for (unsigned i = 0; i < IX_DIFFERENCES; i++) {
		if (result->differences[i] > 0)
			append_listed(out, report, (enum ix_difference)i);
	}
	append_advice(out, options, result);
}

/* ---- For programs ------------------------------------------------------- */

static void append_flag(struct buf *out, const char *name, bool flag)
{
	buf_printf(out, ",\n  \"%s\": %s", name, flag ? "true" : "false");
}

static void append_json_damages(struct buf *out, const struct report *report)
{
	buf_append_text(out, ",\n  \"damages\": [");
	for (size_t i = 0; i < report->damage_count; i++) {
		const struct damage *damage = &report->damages[i];

		buf_printf(out, "%s{\"code\": ", i > 0 ? ",\n    " : "\n    ");
		fs_json_text(out, damage->code);
		buf_append_text(out, ", \"says\": ");
		fs_json_text(out, damage->says);
		buf_printf(out, ", \"count\": %llu, \"row\": %lld}",
			   (unsigned long long)damage->count, (long long)damage->row);
	}
	buf_append_text(out, report->damage_count > 0 ? "\n  ]" : "]");
}

static void append_json_listed(struct buf *out, const struct report *report)
{
	uint64_t left_out = 0;

	for (unsigned i = 0; i < IX_DIFFERENCES; i++) {
		buf_printf(out, ",\n  \"%s\": %llu", differences[i].word,
			   (unsigned long long)report->result.differences[i]);
		left_out += report->result.differences[i] - report->listed_files[i];
	}
	buf_append_text(out, ",\n  \"listed\": [");
	for (size_t i = 0; i < report->listed_count; i++) {
		const struct listed *listed = &report->listed[i];

		buf_printf(out, "%s{\"difference\": \"%s\", \"files\": %llu, \"path\": ",
			   i > 0 ? ",\n    " : "\n    ", differences[listed->difference].word,
			   (unsigned long long)listed->files);
		fs_json_text(out, listed->path);
		buf_append_byte(out, '}');
	}
	buf_append_text(out, report->listed_count > 0 ? "\n  ]" : "]");
	buf_printf(out, ",\n  \"left_out\": %llu\n}\n", (unsigned long long)left_out);
}

static void append_json(struct buf *out, const struct fs_options *options,
			const struct report *report)
{
	const struct ix_check_result *result = &report->result;

	buf_append_text(out, "{\n  \"store\": ");
	fs_json_text(out, options->store);
	buf_append_text(out, ",\n  \"index\": ");
	fs_json_text(out, options->index_path);
	append_flag(out, "agrees", !result->damaged && !result->differs);
	append_flag(out, "damaged", result->damaged);
	append_flag(out, "differs", result->differs);
	buf_printf(out, ",\n  \"written_by\": \"%s\"",
		   result->written ? "another process" : "nobody");
	buf_printf(out, ",\n  \"files\": %llu", (unsigned long long)result->files);
	append_json_damages(out, report);
	append_json_listed(out, report);
}

bool fs_check(const struct fs_options *options, int store_fd, bool *agrees, struct buf *out,
	      struct err *err)
{
	struct report report CLEANUP(release) = {
		.limit = options->json ? LISTED_JSON : LISTED_TEXT,
	};
	struct ix_check_options check = {
		.damage = add_damage,
		.difference = add_difference,
		.context = &report,
	};

	fs_index_options_init(&check.index, options);
	fs_scan_options_init(&check.scan, options, store_fd);
	if (!ix_check(&check, &report.result, err))
		return false;
	if (report.failed)
		return err_set(err, ERR_NOMEM, "out of memory");
	*agrees = !report.result.damaged && !report.result.differs;
	if (options->json)
		append_json(out, options, &report);
	else
		append_text(out, options, &report);
	return true;
}
