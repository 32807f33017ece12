/*
 * DICOM JSON: strict JSON of exactly the size that was measured, whatever the
 * bytes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/test-json.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static void put_rich_file(struct buf *file)
{
	put_start(file, DC_TS_EXPLICIT_LE);
	put(file, DC_TAG(8, 5), "CS", "ISO_IR 100", 10);
	put(file, DC_TAG(8, 0x60), "CS", "CT", 2);
	put_header(file, DC_TAG(8, 0x1115), "SQ", UINT32_MAX, false);
	put_delimiter(file, DC_TAG_ITEM, 24);
	put(file, DC_TAG(8, 0x1150), "UI", "1.2.3.44", 8);
	put(file, DC_TAG(0x11, 0x10), "US", "", 0);
	put_delimiter(file, DC_TAG_ITEM, UINT32_MAX);
	put(file, DC_TAG(0x10, 0x10), "PN", "A^B=C\\D ", 8);
	put_delimiter(file, DC_TAG_ITEM_END, 0);
	put_delimiter(file, DC_TAG_SEQUENCE_END, 0);
	put(file, DC_TAG(0x18, 0x50), "DS", "1.5\\2 ", 6);
	put(file, DC_TAG(0x18, 0x9074), "FD", "\0\0\0\0\0\0\xf0\x3f", 8);
	put_filled(file, DC_TAG(0x29, 0x1010), "OB", 'x', 1100);
	put(file, DC_TAG(0x40, 0xa160), "UT", "a\xfc\"\n", 4);
	put_header(file, DC_TAG_PIXEL_DATA, "OB", UINT32_MAX, false);
	put_delimiter(file, DC_TAG_ITEM, 0);
	put_delimiter(file, DC_TAG_ITEM, 4);
	buf_append_text(file, "abcd");
	put_delimiter(file, DC_TAG_SEQUENCE_END, 0);
}

static void write_any(struct span file)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct err err;

	(void)write_json(file, &default_options, NAME, &out, &err);
}

static void test_cut(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);

	(void)state;
	put_rich_file(&file);
	for (size_t size = 0; size <= file.size; size++)
		write_any(span_of(file.data, size));
}

static void test_mutations(void **state)
{
	CLEANUP_BUF struct buf file = buf_empty(BUF_NO_LIMIT);
	uint64_t random = 42;

	(void)state;
	put_rich_file(&file);
	for (unsigned i = 0; i < 20000; i++) {
		CLEANUP_BUF struct buf copy = buf_empty(BUF_NO_LIMIT);

		buf_append(&copy, file.data, file.size);
		for (unsigned n = 0; n <= i % 4; n++) {
			random = random * UINT64_C(6364136223846793005) +
				 UINT64_C(1442695040888963407);
			/* The header matters more than what is in the big value. */
			copy.data[132 + (random >> 33) % (file.size - 132)] =
				(uint8_t)(random >> (i % 3 == 0 ? 60 : 20));
		}
		write_any(buf_span(&copy));
	}
}

/* ---- Real files ------------------------------------------------------------- */

static void write_file(const char *path, unsigned *written)
{
	int fd CLEANUP_FD = open(path, O_RDONLY | O_CLOEXEC);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct dc_file_source source;
	CLEANUP_DATASET struct dc_dataset dataset = {0};
	struct stat status;
	struct err err;
	uint64_t base;
	uint32_t names;

	assert_true(fd >= 0 && fstat(fd, &status) == 0);
	dc_file_source_init(&source, fd, (uint64_t)status.st_size, NULL);
	if (dc_dataset_open(&dataset, &source.base, &err)) {
		if (!rn_json_measure(&dataset, &default_options, &base, &names, NULL, &err) ||
		    !rn_json_write(&dataset, NAME, &default_options, NULL, &out, &err))
			fail_msg("%s: %s", path, err.message);
		if (out.size != base + names * strlen(NAME))
			fail_msg("%s: measured %llu and %u names, written %zu", path,
				 (unsigned long long)base, names, out.size);
		assert_strict(buf_span(&out));
		(*written)++;
		dc_dataset_release(&dataset);
	}
	dc_source_release(&source.base);
}

static void write_folder(const char *path, unsigned *written)
{
	DIR *folder = opendir(path);
	struct dirent *entry;

	assert_non_null(folder);
	while ((entry = readdir(folder)) != NULL) {
		CLEANUP_BUF struct buf child = buf_empty(BUF_NO_LIMIT);
		struct stat status;

		if (entry->d_name[0] == '.')
			continue;
		buf_printf(&child, "%s/%s", path, entry->d_name);
		assert_int_equal(lstat(buf_text(&child), &status), 0);
		if (S_ISDIR(status.st_mode))
			write_folder(buf_text(&child), written);
		else if (S_ISREG(status.st_mode))
			write_file(buf_text(&child), written);
	}
	(void)closedir(folder);
}

static void test_real_files(void **state)
{
	CLEANUP_BUF struct buf path = buf_empty(BUF_NO_LIMIT);
	const char *data = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");
	struct stat status;
	unsigned written = 0;

	(void)state;
	if (data != NULL)
		buf_append_text(&path, data);
	else
		buf_printf(&path, "%s/../shared/data", top != NULL ? top : ".");
	if (stat(buf_text(&path), &status) != 0 || !S_ISDIR(status.st_mode))
		skip();
	write_folder(buf_text(&path), &written);
	assert_true(written > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cut),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_real_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
