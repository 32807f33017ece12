/* Data sets, facts, the pixel description and native frames: on hand-made
 * headers, and on every real file against the manifest that describes them.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/facts.h"
#include "dicom/frames.h"
#include "dicom/number.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static void add(struct buf *out, uint32_t tag, const char *vr, const void *value, size_t size)
{
	uint8_t header[8] = {(uint8_t)(tag >> 16), (uint8_t)(tag >> 24), (uint8_t)tag,
			     (uint8_t)(tag >> 8),  (uint8_t)vr[0],       (uint8_t)vr[1],
			     (uint8_t)size,        (uint8_t)(size >> 8)};

	assert_false(dc_vr_info(DC_VR(vr[0], vr[1])).long_length);
	buf_append(out, header, sizeof(header));
	buf_append(out, value, size);
}

static void add_text(struct buf *out, uint32_t tag, const char *vr, const char *value)
{
	add(out, tag, vr, value, strlen(value));
}

static void add_us(struct buf *out, uint32_t tag, unsigned value)
{
	uint8_t bytes[2] = {(uint8_t)value, (uint8_t)(value >> 8)};

	add(out, tag, "US", bytes, 2);
}

static void add_start(struct buf *out, const char *transfer_syntax)
{
	static const uint8_t preamble[128];

	buf_append(out, preamble, sizeof(preamble));
	buf_append_text(out, "DICM");
	if (transfer_syntax != NULL)
		add_text(out, DC_TAG(2, 0x10), "UI", transfer_syntax);
}

static bool read_bytes(struct span bytes, struct dc_facts *facts, struct err *err)
{
	struct dc_memory_source source;
	struct dc_dataset dataset CLEANUP_DATASET = {0};

	dc_memory_source_init(&source, bytes);
	return dc_dataset_open(&dataset, &source.base, err) &&
	       dc_facts_read(facts, &dataset, NULL, err);
}

static void the_table_is_in_tag_order(void **state)
{
	(void)state;
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		assert_non_null(dc_fact_table[i].keyword);
		assert_true(i == 0 || dc_fact_table[i - 1].tag < dc_fact_table[i].tag);
	}
}

static void text_facts(void **state)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct err err = {0};

	(void)state;
	dc_facts_init(&facts);
	add_start(&bytes, "1.2.840.10008.1.2.1");
	add_text(&bytes, DC_TAG(8, 5), "CS", "ISO_IR 100");
	add_text(&bytes, DC_TAG(8, 8), "CS", "ORIGINAL\\PRIMARY ");
	add(&bytes, DC_TAG(8, 0x18), "UI", "1.2.3\0", 6);
	add_text(&bytes, DC_TAG(8, 0x50), "SH", "");
	add_text(&bytes, DC_TAG(8, 0x60), "CS", " CT\\MR");
	add_text(&bytes, DC_TAG(0x10, 0x10), "PN", "M\xfcller^Eva ");
	add_text(&bytes, DC_TAG(0x10, 0x10), "PN", "Other^Person");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(dc_fact(&facts, DC_FACT_IMAGE_TYPE), "ORIGINAL\\PRIMARY");
	assert_string_equal(dc_fact(&facts, DC_FACT_SOP_UID), "1.2.3");
	assert_string_equal(facts.fact[DC_FACT_ACCESSION], "");
	assert_null(facts.fact[DC_FACT_PATIENT_ID]);
	assert_string_equal(dc_fact(&facts, DC_FACT_MODALITY), "CT");
	assert_string_equal(dc_fact(&facts, DC_FACT_PATIENT_NAME), "M\xc3\xbcller^Eva");
	assert_int_equal(facts.damage.code, ERR_NONE);
	/* The same struct again: nothing of the first file stays. */
	buf_truncate(&bytes, 0);
	add_start(&bytes, "1.2.840.10008.1.2.1");
	add_text(&bytes, DC_TAG(8, 0x60), "CS", "MR");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_null(facts.fact[DC_FACT_PATIENT_NAME]);
	assert_string_equal(dc_fact(&facts, DC_FACT_MODALITY), "MR");
}

static void add_image(struct buf *out)
{
	add_us(out, DC_TAG(0x28, 2), 1);
	add_text(out, DC_TAG(0x28, 4), "CS", "MONOCHROME1 ");
	add_text(out, DC_TAG(0x28, 8), "IS", "3 ");
	add_us(out, DC_TAG(0x28, 0x10), 2);
	add_us(out, DC_TAG(0x28, 0x11), 3);
	add_text(out, DC_TAG(0x28, 0x30), "DS", "0.5\\0.25");
	add_us(out, DC_TAG(0x28, 0x100), 16);
	add_us(out, DC_TAG(0x28, 0x101), 12);
	add_us(out, DC_TAG(0x28, 0x102), 11);
	add_us(out, DC_TAG(0x28, 0x103), 1);
	add_us(out, DC_TAG(0x28, 0x120), 0xf830);
	add_text(out, DC_TAG(0x28, 0x1050), "DS", "40\\300");
	add_text(out, DC_TAG(0x28, 0x1051), "DS", "400\\1500");
	add_text(out, DC_TAG(0x28, 0x1052), "DS", "-1024 ");
	add_text(out, DC_TAG(0x28, 0x1053), "DS", "1 ");
}

static void add_pixels(struct buf *out, uint32_t declared, size_t there)
{
	uint8_t header[12] = {0xe0, 0x7f, 0x10, 0, 'O', 'W', 0, 0};

	for (int i = 0; i < 4; i++)
		header[8 + i] = (uint8_t)(declared >> (8 * i));
	buf_append(out, header, sizeof(header));
	memset(buf_extend(out, there), 7, there);
}

static void image_facts_and_frames(void **state)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf packed CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_image *image = &facts.image, back;
	struct dc_frame where;
	struct err err = {0};

	(void)state;
	dc_facts_init(&facts);
	add_start(&bytes, "1.2.840.10008.1.2.1");
	add_image(&bytes);
	add_pixels(&bytes, 36, 36);
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_int_equal(image->photometric, DC_MONOCHROME1);
	assert_int_equal(image->flags, DC_IMAGE_WINDOW | DC_IMAGE_RESCALE | DC_IMAGE_PADDING |
					       DC_IMAGE_ASPECT);
	assert_int_equal(image->padding, -2000);
	assert_true(image->window_center == 40 && image->window_width == 400);
	assert_true(image->slope == 1 && image->intercept == -1024);
	assert_int_equal(image->aspect_vertical, 2 * image->aspect_horizontal);
	assert_int_equal(image->offset, bytes.size - 36);
	assert_true(dc_frame_locate_native(image, 2, &where, &err));
	assert_int_equal(where.offset, bytes.size - 12);
	assert_int_equal(where.length, 12);
	assert_false(dc_frame_locate_native(image, 3, &where, &err));
	assert_string_equal(err.message, "no frame 4: there are 3");
	dc_image_pack(image, &packed);
	assert_true(dc_image_unpack(&back, buf_span(&packed), &err));
	assert_memory_equal(&back.offset, &image->offset, sizeof(back.offset));
	assert_int_equal(back.padding, image->padding);
	assert_true(back.intercept == image->intercept);
	assert_false(dc_image_unpack(&back, span_of(packed.data, packed.size - 1), &err));
	packed.data[0]++;
	assert_false(dc_image_unpack(&back, buf_span(&packed), &err));
	assert_int_equal(err.code, ERR_STALE);
}

static void pixel_data_that_is_cut(void **state)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_frame where;
	struct err err = {0};

	(void)state;
	dc_facts_init(&facts);
	add_start(&bytes, "1.2.840.10008.1.2.1");
	add_image(&bytes);
	add_pixels(&bytes, 36, 20);
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_true((facts.image.flags & DC_IMAGE_TRUNCATED) != 0);
	assert_int_equal(facts.damage.code, ERR_CORRUPT);
	assert_true(dc_frame_locate_native(&facts.image, 0, &where, &err));
	assert_false(dc_frame_locate_native(&facts.image, 1, &where, &err));
	assert_string_equal(err.message, "pixel data has 20 bytes, but frame 2 ends at 24");
}

static void bits_are_contiguous_over_frames(void **state)
{
	struct dc_image image = {.rows = 3, .columns = 3, .samples = 1, .bits_allocated = 1,
				 .frames = 3, .offset = 100, .length = 4};
	struct dc_frame where;
	struct err err = {0};

	(void)state;
	assert_true(dc_frame_locate_native(&image, 1, &where, &err));
	assert_int_equal(where.offset, 101);
	assert_int_equal(where.bit_offset, 1);
	assert_int_equal(where.length, 2);
	assert_true(dc_frame_locate_native(&image, 2, &where, &err));
	assert_int_equal(where.offset, 102);
	assert_int_equal(where.bit_offset, 2);
	assert_int_equal(where.length, 2);
}

static void sizes_that_overflow(void **state)
{
	struct dc_image image = {.rows = UINT32_MAX, .columns = UINT32_MAX, .samples = UINT16_MAX,
				 .bits_allocated = UINT16_MAX, .frames = UINT32_MAX,
				 .length = UINT64_MAX};
	struct dc_frame where;
	struct err err = {0};
	uint64_t size;

	(void)state;
	assert_false(dc_image_frame_size(&image, &size));
	assert_false(dc_frame_locate_native(&image, 1, &where, &err));
	image.samples = 1;
	image.bits_allocated = 1;
	assert_false(dc_frame_locate_native(&image, UINT32_MAX - 1, &where, &err));
	assert_int_equal(err.code, ERR_LIMIT);
}

static void what_is_no_dicom(void **state)
{
	static const struct {
		const char *bytes;
		size_t size;
		const char *message;
	} table[] = {
		{"", 0, "not a DICOM file: empty"},
		{"hello, world", 12,
		 "not a DICOM file: no preamble, and it does not start with an element"},
		{"\x08\0\x60\0CS\x02\0CT", 10,
		 "not a DICOM file: no preamble, and neither SOP Class nor Study UID"},
		{"\x10\0\x10\0PN\x02\0AB", 10,
		 "not a DICOM file: no preamble, and it does not start in group 0008"},
	};
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct err err = {0};

	(void)state;
	dc_facts_init(&facts);
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		assert_false(read_bytes(span_of(table[i].bytes, table[i].size), &facts, &err));
		assert_string_equal(err.message, table[i].message);
		assert_int_equal(err.code, ERR_NOTFOUND);
	}
	add_start(&bytes, NULL);
	assert_false(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(err.message, "not a DICOM file: no element follows the preamble");
	/* "DICM" that only happens to stand at 128. */
	buf_truncate(&bytes, 0);
	add_text(&bytes, DC_TAG(8, 0x16), "UI", "1.2");
	while (bytes.size < 120)
		buf_append_byte(&bytes, ' ');
	bytes.data[14] = 'L';
	buf_truncate(&bytes, 11);
	add_text(&bytes, DC_TAG(8, 0x1010), "ST", "");
	bytes.data[bytes.size - 2] = 128 - 19;
	while (bytes.size < 128)
		buf_append_byte(&bytes, 'x');
	buf_append_text(&bytes, "DICMxxxxxxxx");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(dc_fact(&facts, DC_FACT_SOP_CLASS), "1.2");
	assert_false(facts.layout.preamble);
}

static void the_encoding_is_looked_at(void **state)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct err err = {0};

	(void)state;
	dc_facts_init(&facts);
	add_start(&bytes, "1.2.840.10008.1.2"); /* says implicit */
	add_text(&bytes, DC_TAG(8, 0x60), "CS", "CT");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(dc_fact(&facts, DC_FACT_MODALITY), "CT");
	assert_string_equal(facts.layout.warning,
			    "the data set is encoded otherwise than its transfer syntax says");
	assert_string_equal(facts.layout.transfer_syntax->uid, "1.2.840.10008.1.2");
	buf_truncate(&bytes, 0);
	add_start(&bytes, "1.2.840.10008.1.2.1.99"); /* says deflated */
	add_text(&bytes, DC_TAG(8, 0x60), "CS", "CT");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(dc_fact(&facts, DC_FACT_MODALITY), "CT");
	/* A second transfer syntax behind the meta group overrules nothing. */
	buf_truncate(&bytes, 0);
	add_start(&bytes, "1.2.840.10008.1.2.1");
	add_text(&bytes, DC_TAG(2, 0x10), "UI", "1.2.840.10008.1.2.2");
	add_text(&bytes, DC_TAG(8, 0x60), "CS", "CT");
	assert_true(read_bytes(buf_span(&bytes), &facts, &err));
	assert_string_equal(facts.layout.transfer_syntax_uid, "1.2.840.10008.1.2.1");
	assert_string_equal(dc_fact(&facts, DC_FACT_MODALITY), "CT");
}

/* ---- Every real file ----------------------------------------------------- */

enum { FILE_COLUMN = 0, SYNTAX = 5, CLASS, MODALITY, ROWS, COLUMNS, FRAMES, SAMPLES, ALLOCATED,
       STORED, REPRESENTATION, PHOTOMETRIC, CATEGORY = 18, COLUMN_COUNT = 20 };

/* Where the manifest's own reader (pydicom) saw something else; each is right
 * as we have it. */
static const struct {
	const char *file;
	int column;
} known[] = {
	/* Rows, Columns, ... are UL there: two US for the other reader. */
	{"dcm4che/3gb-bulk-data-truncated", ROWS},
	{"dcm4che/3gb-bulk-data-truncated", COLUMNS},
	{"dcm4che/3gb-bulk-data-truncated", SAMPLES},
	{"dcm4che/3gb-bulk-data-truncated", ALLOCATED},
	/* Number of Frames is "1A": no number. */
	{"pydicom/badVR.dcm", FRAMES},
};

static bool is_known(const char *file, int column)
{
	for (size_t i = 0; i < ARRAY_LEN(known); i++) {
		if (strcmp(known[i].file, file) == 0 && known[i].column == column)
			return true;
	}
	return false;
}

static bool number_differs(const char *expected, uint64_t got)
{
	uint64_t number;

	return expected[0] != '\0' && (!dc_number_unsigned(expected, &number) || number != got);
}

static bool text_differs(const char *expected, const char *got)
{
	/* The manifest fills gaps of the data set from the meta group. */
	return expected[0] != '\0' && got[0] != '\0' && strcmp(expected, got) != 0;
}

static bool column_differs(const struct dc_facts *facts, char *const *row, int column)
{
	const struct dc_image *image = &facts->image;

	switch (column) {
	case SYNTAX:
		return text_differs(row[column], facts->layout.transfer_syntax_uid);
	case CLASS:
		return text_differs(row[column], dc_fact(facts, DC_FACT_SOP_CLASS));
	case MODALITY:
		return text_differs(row[column], dc_fact(facts, DC_FACT_MODALITY));
	case ROWS:
		return number_differs(row[column], image->rows);
	case COLUMNS:
		return number_differs(row[column], image->columns);
	case FRAMES:
		return number_differs(row[column], image->frames);
	case SAMPLES:
		return number_differs(row[column], image->samples);
	case ALLOCATED:
		return number_differs(row[column], image->bits_allocated);
	case STORED:
		return number_differs(row[column], image->bits_stored);
	case REPRESENTATION:
		return number_differs(row[column], image->pixel_representation);
	case PHOTOMETRIC:
		return text_differs(row[column], dc_photometric_name(image->photometric));
	default:
		return false;
	}
}

static size_t check_file(const char *folder, char *const *row)
{
	struct buf path CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_facts facts CLEANUP_FACTS;
	struct dc_file_source file;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct err err = {0};
	struct stat st;
	size_t wrong = 0;
	int fd CLEANUP_FD = -1;

	dc_facts_init(&facts);
	buf_printf(&path, "%s/%s", folder, row[FILE_COLUMN]);
	fd = open(buf_text(&path), O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	dc_file_source_init(&file, fd, (uint64_t)st.st_size, NULL);
	if (dc_dataset_open(&dataset, &file.base, &err) &&
	    dc_facts_read(&facts, &dataset, NULL, &err)) {
		for (int column = SYNTAX; column <= PHOTOMETRIC; column++) {
			if (column_differs(&facts, row, column) &&
			    !is_known(row[FILE_COLUMN], column)) {
				print_error("%s: column %d, expected %s\n", row[FILE_COLUMN], column,
					    row[column]);
				wrong++;
			}
		}
	} else if (strstr(row[CATEGORY], "odd-or-corrupt") == NULL) {
		print_error("%s: %s\n", row[FILE_COLUMN], err.message);
		wrong++;
	}
	dc_source_release(&file.base);
	return wrong;
}

static void every_real_file(void **state)
{
	struct buf folder CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct buf manifest CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	char line[8192], *row[COLUMN_COUNT];
	size_t wrong = 0, files = 0;
	FILE *list;

	(void)state;
	if (getenv("DICOMFS_TEST_DATA") != NULL)
		buf_append_text(&folder, getenv("DICOMFS_TEST_DATA"));
	else
		buf_printf(&folder, "%s/../shared/data",
			   getenv("top_srcdir") != NULL ? getenv("top_srcdir") : ".");
	buf_printf(&manifest, "%s/MANIFEST.tsv", buf_text(&folder));
	list = fopen(buf_text(&manifest), "r");
	if (list == NULL)
		skip();
	assert_non_null(fgets(line, sizeof(line), list));
	while (fgets(line, sizeof(line), list) != NULL) {
		char *rest = line;
		int columns = 0;

		line[strcspn(line, "\n")] = '\0';
		while (columns < COLUMN_COUNT && rest != NULL)
			row[columns++] = strsep(&rest, "\t");
		assert_int_equal(columns, COLUMN_COUNT);
		wrong += check_file(buf_text(&folder), row);
		files++;
	}
	(void)fclose(list);
	assert_true(files > 0);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_in_tag_order),
		cmocka_unit_test(text_facts),
		cmocka_unit_test(image_facts_and_frames),
		cmocka_unit_test(pixel_data_that_is_cut),
		cmocka_unit_test(bits_are_contiguous_over_frames),
		cmocka_unit_test(sizes_that_overflow),
		cmocka_unit_test(what_is_no_dicom),
		cmocka_unit_test(the_encoding_is_looked_at),
		cmocka_unit_test(every_real_file),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
