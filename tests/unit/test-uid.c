/* The UID registry and the transfer syntaxes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/uid.h"

#include <setjmp.h>

#include <cmocka.h>

static void names_of_uids(void **state)
{
	static const struct {
		const char *uid, *name, *keyword;
		int type;
		bool retired;
	} rows[] = {
		{"1.2.840.10008.1.1", "Verification SOP Class", "Verification", DC_UID_SOP_CLASS,
		 false},
		{"1.2.840.10008.1.2", "Implicit VR Little Endian", "ImplicitVRLittleEndian",
		 DC_UID_TRANSFER_SYNTAX, false},
		{"1.2.840.10008.1.2.2", "Explicit VR Big Endian", "ExplicitVRBigEndian",
		 DC_UID_TRANSFER_SYNTAX, true},
		{"1.2.840.10008.1.3.10", "Media Storage Directory Storage",
		 "MediaStorageDirectoryStorage", DC_UID_SOP_CLASS, false},
		{"1.2.840.10008.5.1.4.1.1.2", "CT Image Storage", "CTImageStorage",
		 DC_UID_SOP_CLASS, false},
		{"1.2.840.10008.5.1.4.1.1.5", "Nuclear Medicine Image Storage",
		 "NuclearMedicineImageStorageRetired", DC_UID_SOP_CLASS, true},
		{"1.2.840.10008.5.1.4.1.1.66.8", "Height Map Segmentation Storage",
		 "HeightMapSegmentationStorage", DC_UID_SOP_CLASS, false},
		{"1.2.840.10008.5.1.4.1.1.104.1", "Encapsulated PDF Storage",
		 "EncapsulatedPDFStorage", DC_UID_SOP_CLASS, false},
		{"1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 & 4)", "JPEGExtended12Bit",
		 DC_UID_TRANSFER_SYNTAX, false},
		{"1.2.840.10008.1.4.1.1", "Talairach Brain Atlas Frame of Reference",
		 "TalairachBrainAtlas", DC_UID_OTHER, false},
		{"1.2.840.10008.2.16.4", "DICOM Controlled Terminology", "DCM", DC_UID_OTHER,
		 false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct dc_uid *uid = dc_uid_find(span_of_text(rows[i].uid));

		assert_non_null(uid);
		assert_string_equal(uid->uid, rows[i].uid);
		assert_string_equal(uid->name, rows[i].name);
		assert_string_equal(uid->keyword, rows[i].keyword);
		assert_int_equal(uid->type, rows[i].type);
		assert_int_equal(uid->retired, rows[i].retired);
	}
}

static void lookups_are_by_bytes(void **state)
{
	(void)state;
	for (size_t i = 0; i < dc_uid_count; i++) {
		if (i > 0)
			assert_true(strcmp(dc_uid_table[i - 1].uid, dc_uid_table[i].uid) < 0);
		assert_ptr_equal(dc_uid_find(span_of_text(dc_uid_table[i].uid)), &dc_uid_table[i]);
	}
	assert_non_null(dc_uid_find(span_of("1.2.840.10008.1.1\0", 18)));
	assert_non_null(dc_uid_find(span_of("1.2.840.10008.1.1 \0\0", 20)));
	assert_null(dc_uid_find(span_of(NULL, 0)));
	assert_null(dc_uid_find(span_of_text("1.2.840.10008.1")));
	assert_null(dc_uid_find(span_of_text("1.2.840.10008.1.1.")));
	assert_null(dc_uid_find(span_of_text("1.2.840.10008.01.1")));
	assert_null(dc_uid_find(span_of("1.2.840.10008.1.1\0x", 19)));
	assert_null(dc_uid_find(span_of_text("~")));
}

static void every_registered_syntax_has_a_row(void **state)
{
	size_t registered = 0;

	(void)state;
	for (size_t i = 0; i < dc_uid_count; i++) {
		if (dc_uid_table[i].type != DC_UID_TRANSFER_SYNTAX)
			continue;
		registered++;
		assert_non_null(dc_transfer_syntax_find(span_of_text(dc_uid_table[i].uid)));
	}
	assert_int_equal(registered, 63);
	for (size_t i = 0; i < dc_transfer_syntax_count; i++) {
		const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[i];

		assert_ptr_equal(dc_transfer_syntax_find(span_of_text(ts->uid)), ts);
		assert_true(ts->label[0] != '\0');
		/* PS3.5 A.4: encapsulated is explicit little endian. */
		if (ts->encapsulation == DC_ENCAPSULATED)
			assert_true(ts->explicit_vr && !ts->big_endian && !ts->deflated);
		assert_true(!ts->video || ts->encapsulation == DC_ENCAPSULATED);
	}
}

static void what_a_syntax_means(void **state)
{
	static const struct {
		const char *uid;
		bool explicit_vr, big_endian, big_endian_pixels, deflated, video, encapsulated;
	} rows[] = {
		{DC_TS_IMPLICIT_LE, false, false, false, false, false, false},
		{DC_TS_EXPLICIT_LE, true, false, false, false, false, false},
		{DC_TS_EXPLICIT_BE, true, true, true, false, false, false},
		{DC_TS_DEFLATED_LE, true, false, false, true, false, false},
		{"1.2.840.10008.1.2.1.98", true, false, false, false, false, true},
		{"1.2.840.10008.1.2.4.70", true, false, false, false, false, true},
		{"1.2.840.10008.1.2.4.95", true, false, false, true, false, false},
		{"1.2.840.10008.1.2.4.106.1", true, false, false, false, true, true},
		{"1.2.840.10008.1.2.4.110", true, false, false, false, false, true},
		{"1.2.840.10008.1.2.4.205", true, false, false, true, false, false},
		{"1.2.840.10008.1.2.5", true, false, false, false, false, true},
		{"1.2.840.10008.1.2.8.1", true, false, false, false, false, true},
		{"1.2.840.10008.1.20", false, false, false, false, false, false},
		{"1.2.840.113619.5.2", false, false, true, false, false, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct dc_transfer_syntax *ts =
			dc_transfer_syntax_find(span_of_text(rows[i].uid));

		assert_non_null(ts);
		assert_int_equal(ts->explicit_vr, rows[i].explicit_vr);
		assert_int_equal(ts->big_endian, rows[i].big_endian);
		assert_int_equal(ts->big_endian_pixels, rows[i].big_endian_pixels);
		assert_int_equal(ts->deflated, rows[i].deflated);
		assert_int_equal(ts->video, rows[i].video);
		assert_int_equal(ts->encapsulation == DC_ENCAPSULATED, rows[i].encapsulated);
	}
	assert_string_equal(dc_transfer_syntax_table[0].uid, DC_TS_IMPLICIT_LE);
	assert_ptr_equal(dc_transfer_syntax_find(span_of("1.2.840.10008.1.2\0", 18)),
			 &dc_transfer_syntax_table[0]);
	assert_null(dc_transfer_syntax_find(span_of_text("1.2.840.10008.1.2.4.999")));
	assert_null(dc_transfer_syntax_find(span_of_text("1.2.840.10008.1.2.")));
	assert_null(dc_transfer_syntax_find(span_of(NULL, 0)));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_of_uids),
		cmocka_unit_test(lookups_are_by_bytes),
		cmocka_unit_test(every_registered_syntax_has_a_row),
		cmocka_unit_test(what_a_syntax_means),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
