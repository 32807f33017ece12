/* SPDX-License-Identifier: MIT */
#include "fs/progress.h"

#include <setjmp.h>
#include <time.h>

#include <cmocka.h>

#include "fs/summary.h"

#define SECOND ((int64_t)1000000000)

static void test_number(void **state)
{
	static const struct {
		uint64_t number;
		const char *text;
	} cases[] = {
		{0, "0"},	  {999, "999"},		    {1000, "1,000"},
		{12345, "12,345"}, {1234567, "1,234,567"}, {UINT64_MAX, "18,446,744,073,709,551,615"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf text = buf_empty(64);

		fs_progress_number(&text, cases[i].number);
		assert_string_equal(buf_text(&text), cases[i].text);
	}
}

/* One run, moment by moment. */
static void test_line(void **state)
{
	static const struct {
		int64_t second;
		uint64_t files, pending;
		bool walk_done;
		size_t columns;
		const char *line;
	} cases[] = {
		{0, 0, 0, false, 80, "0 of 0+ files"},
		{1, 5000, 4000, false, 80, "1,000 of 5,000+ files  1,000/s"},
		{2, 8000, 6000, true, 80,
		 "[######..................]  25%  2,000 of 8,000 files  1,000/s  6 s left"},
		{4, 8000, 4000, true, 80,
		 "[############............]  50%  4,000 of 8,000 files  1,000/s  4 s left"},
		{6, 8000, 4000, true, 40, "[############............]  50%  4,000 o"},
		{8, 8000, 0, true, 80,
		 "[########################] 100%  8,000 of 8,000 files  1,000/s"},
	};
	struct fs_progress progress;

	(void)state;
	fs_progress_init(&progress, false);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_BUF struct buf line = buf_empty(256);
		struct ix_counts counts = {.files = cases[i].files, .pending = cases[i].pending};

		fs_progress_line(&progress, cases[i].second * SECOND, &counts, cases[i].walk_done,
				 cases[i].columns, &line);
		assert_string_equal(buf_text(&line), cases[i].line);
	}
}

/* The rate is that of the last seconds, and the time left follows. */
static void test_rate_window(void **state)
{
	struct fs_progress progress;
	struct ix_counts counts = {.files = 10000000};

	(void)state;
	fs_progress_init(&progress, false);
	for (int64_t second = 0; second <= 100; second++) {
		CLEANUP_BUF struct buf line = buf_empty(256);
		uint64_t done = second <= 50 ? (uint64_t)second * 10000
					     : 500000 + (uint64_t)(second - 50) * 100;

		counts.pending = counts.files - done;
		fs_progress_line(&progress, second * SECOND, &counts, true, 200, &line);
		if (second == 50)
			assert_non_null(strstr(buf_text(&line), "  10,000/s  15:50 min left"));
		if (second == 100)
			assert_non_null(strstr(buf_text(&line), "  100/s  26:22 h left"));
	}
}

/* Without a terminal nothing is drawn and nothing is asked of the struct. */
static void test_not_shown(void **state)
{
	struct fs_progress progress;
	struct ix_counts counts = {.files = 3};

	(void)state;
	fs_progress_init(&progress, false);
	fs_progress_update(&counts, 0, true, &progress);
	assert_false(progress.drawn);
	assert_int_equal(progress.count, 0);
	fs_progress_end(&progress);
}

/* 2024-01-15 10:15:00 UTC */
#define STARTED INT64_C(1705313700000000000)

static const struct fs_summary example = {
	.store = "/srv/a \"b\"\\\n\xff",
	.index = "/var/i",
	.seconds = 2.5,
	.status = {.state = IX_SCAN_COMPLETE,
		   .scan_started_ns = STARTED,
		   .scan_ended_ns = STARTED + 2500000000,
		   .scan_files = 4800,
		   .scan_ns = 2000000000,
		   .watch = {.mode = IX_WATCH_RESCAN, .reason = "NFS", .seconds = 60},
		   .counts = {.files = 5000,
			      .instance_files = 4000,
			      .duplicates = 10,
			      .skipped = 980,
			      .failed = 10,
			      .notes = 7,
			      .patients = 1,
			      .studies = 2,
			      .series = 3,
			      .instances = 4000}},
	.codes = {{"not-dicom", 980}, {"no-png", 7}, {"something-new", 1}},
	.code_count = 3,
};

static void test_summary_text(void **state)
{
	CLEANUP_BUF struct buf text = buf_empty(4096);
	struct fs_summary summary = example;

	(void)state;
	summary.store = "/srv/a";
	fs_summary_text(&summary, &text);
	assert_string_equal(
		buf_text(&text),
		"5,000 files in /srv/a, 2.5 s (2,000 a second)\n"
		"       4,000  in the tree: 1 patient, 2 studies, 3 series, 4,000 instances\n"
		"          10  with the same bytes as one of these\n"
		"Not in the tree:\n"
		"         980  not-dicom         not a DICOM file\n"
		"          10  not in the tree for other reasons\n"
		"In the tree, with a remark:\n"
		"           7  no-png            without a picture\n"
		"           1  something-new\n"
		"Each is listed in .dicomfs/problems.txt of the mount.\n");
}

static void test_summary_json(void **state)
{
	CLEANUP_BUF struct buf text = buf_empty(4096);
	struct fs_summary summary = example;

	(void)state;
	fs_summary_json(&summary, &text);
	assert_string_equal(buf_text(&text), "{\n"
					     "  \"store\": \"/srv/a \\\"b\\\"\\\\\\u000a\xef\xbf\xbd\",\n"
					     "  \"index\": \"/var/i\",\n"
					     "  \"state\": \"complete\",\n"
					     "  \"state_reason\": \"\",\n"
					     "  \"last_scan_started\": \"2024-01-15T10:15:00Z\",\n"
					     "  \"last_scan_ended\": \"2024-01-15T10:15:02Z\",\n"
					     "  \"last_change\": null,\n"
					     "  \"written_by\": \"this process\",\n"
					     "  \"milliseconds\": 2500,\n"
					     "  \"files_per_second\": 2400,\n"
					     "  \"watch\": {\"mode\": \"rescan\", \"folders\": 0,"
					     " \"seconds\": 60, \"reason\": \"NFS\"},\n"
					     "  \"files\": 5000,\n"
					     "  \"in_tree\": 4000,\n"
					     "  \"duplicates\": 10,\n"
					     "  \"skipped\": 980,\n"
					     "  \"failed\": 10,\n"
					     "  \"pending\": 0,\n"
					     "  \"notes\": 7,\n"
					     "  \"patients\": 1,\n"
					     "  \"studies\": 2,\n"
					     "  \"series\": 3,\n"
					     "  \"instances\": 4000,\n"
					     "  \"pictures_to_measure\": 0,\n"
					     "  \"problems\": {\n"
					     "    \"not-dicom\": 980,\n"
					     "    \"no-png\": 7,\n"
					     "    \"something-new\": 1\n"
					     "  }\n"
					     "}\n");
	summary.code_count = 0;
	buf_truncate(&text, 0);
	fs_summary_json(&summary, &text);
	assert_non_null(strstr(buf_text(&text), "\"problems\": {}\n}\n"));
}

static void expect_json(const struct fs_summary *summary, const char *line)
{
	CLEANUP_BUF struct buf text = buf_empty(4096);

	fs_summary_json(summary, &text);
	if (strstr(buf_text(&text), line) == NULL)
		fail_msg("%s is not in\n%s", line, buf_text(&text));
}

static void test_json_of_other_states(void **state)
{
	struct fs_summary summary = example;

	(void)state;
	/* The end of the scan before. */
	summary.status.state = IX_SCAN_RUNNING;
	summary.status.scan_ended_ns = STARTED - SECOND;
	summary.status.scan_ns = 0;
	summary.status.last_change_ns = STARTED + 60 * SECOND;
	summary.status.watch = (struct ix_watch){.mode = IX_WATCH_EVENTS, .folders = 12};
	summary.status.written_by = IX_WRITTEN_BY_NOBODY;
	expect_json(&summary, "\"state\": \"running\",\n");
	expect_json(&summary, "\"last_scan_started\": \"2024-01-15T10:15:00Z\",\n");
	expect_json(&summary, "\"last_scan_ended\": null,\n");
	expect_json(&summary, "\"last_change\": \"2024-01-15T10:16:00Z\",\n");
	expect_json(&summary, "\"files_per_second\": null,\n");
	expect_json(&summary, "\"written_by\": \"nobody\",\n");
	expect_json(&summary, "\"watch\": {\"mode\": \"events\", \"folders\": 12, \"seconds\": 0,"
			      " \"reason\": \"\"},\n");
	assert_true(fs_summary_seconds(&summary.status) == 0);
	summary.status = (struct ix_status){.state = IX_SCAN_NEVER};
	expect_json(&summary, "\"last_scan_started\": null,\n  \"last_scan_ended\": null,\n");
	summary.status.state = IX_SCAN_SUSPICIOUS;
	(void)snprintf(summary.status.state_reason, sizeof(summary.status.state_reason),
		       "the \"store\" is empty");
	expect_json(&summary, "\"state_reason\": \"the \\\"store\\\" is empty\",\n");
}

static void expect_status(const struct fs_summary *summary, int64_t now_ns, const char *lines)
{
	CLEANUP_BUF struct buf text = buf_empty(4096);

	fs_summary_status(summary, now_ns, &text);
	if (strstr(buf_text(&text), lines) == NULL)
		fail_msg("%s is not in\n%s", lines, buf_text(&text));
}

static void test_status_text(void **state)
{
	static const struct {
		int64_t ns;
		const char *ago;
	} ages[] = {
		{0, "just now"},
		{SECOND, "1 second ago"},
		{119 * SECOND, "1 minute ago"},
		{180 * SECOND, "3 minutes ago"},
		{7200 * SECOND, "2 hours ago"},
		{100 * 86400 * SECOND, "100 days ago"},
		{-SECOND, "by a clock that was ahead"},
	};
	CLEANUP_BUF struct buf text = buf_empty(4096);
	struct fs_summary summary = example;

	(void)state;
	summary.store = "/srv/a";
	summary.status.last_change_ns = STARTED + SECOND;
	fs_summary_status(&summary, STARTED + 181 * SECOND, &text);
	assert_string_equal(
		buf_text(&text),
		"store         /srv/a\n"
		"index         /var/i\n"
		"written by    a process (a mount, or dicomfs-index), which looks through the store "
		"every 60 seconds\n"
		"              NFS\n"
		"last scan     complete, 2024-01-15 10:15:00 to 2024-01-15 10:15:02, 2.5 s"
		" (2,400 files a second)\n"
		"last change   3 minutes ago (2024-01-15 10:15:01)\n"
		"\n"
		"5,000 files\n"
		"       4,000  in the tree: 1 patient, 2 studies, 3 series, 4,000 instances\n"
		"          10  with the same bytes as one of these\n"
		"Not in the tree:\n"
		"         980  not-dicom         not a DICOM file\n"
		"          10  not in the tree for other reasons\n"
		"In the tree, with a remark:\n"
		"           7  no-png            without a picture\n"
		"           1  something-new\n"
		"Each is listed in .dicomfs/problems.txt of the mount.\n");
	for (size_t i = 0; i < ARRAY_LEN(ages); i++)
		expect_status(&summary, STARTED + SECOND + ages[i].ns, ages[i].ago);
	summary.status.watch = (struct ix_watch){.mode = IX_WATCH_EVENTS, .folders = 1};
	expect_status(&summary, STARTED, "which is told of changes in 1 folder\n");
	summary.status.watch.seconds = 90;
	expect_status(&summary, STARTED,
		      "changes in 1 folder and looks through the store every 90 seconds\n");
	summary.status.watch.mode = IX_WATCH_NONE;
	expect_status(&summary, STARTED, "which does not watch the store\n");
	summary.status.state = IX_SCAN_RUNNING;
	expect_status(&summary, STARTED, "last scan     running, since 2024-01-15 10:15:00\n");
	summary.status.written_by = IX_WRITTEN_BY_NOBODY;
	expect_status(&summary, STARTED, "written by    no process");
	expect_status(&summary, STARTED, "cut off, its process is gone, since 2024-01-15 10:15:00\n");
	summary.status = (struct ix_status){.state = IX_SCAN_NEVER};
	expect_status(&summary, STARTED, "last scan     none yet\nlast change   none yet\n");
	summary.status = (struct ix_status){.state = IX_SCAN_STOPPED, .state_reason = "full"};
	expect_status(&summary, STARTED, "last scan     stopped early\n              full\n");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),	     cmocka_unit_test(test_line),
		cmocka_unit_test(test_rate_window),  cmocka_unit_test(test_not_shown),
		cmocka_unit_test(test_summary_text), cmocka_unit_test(test_summary_json),
		cmocka_unit_test(test_status_text),  cmocka_unit_test(test_json_of_other_states),
	};

	/* Times for people are local. */
	(void)setenv("TZ", "UTC0", 1);
	tzset();

	return cmocka_run_group_tests(tests, NULL, NULL);
}
