/* The data dictionary: contents, repeating groups, lookups.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/dictionary.h"

#include <setjmp.h>

#include <cmocka.h>

static void rows_of_the_standard(void **state)
{
	static const struct {
		uint32_t tag;
		uint16_t vr;
		bool retired;
		const char *vm, *keyword, *name;
	} rows[] = {
		{0x00000002, DC_VR_UI, false, "1", "AffectedSOPClassUID", "Affected SOP Class UID"},
		{0x00020010, DC_VR_UI, false, "1", "TransferSyntaxUID", "Transfer Syntax UID"},
		{0x00041220, DC_VR_SQ, false, "1", "DirectoryRecordSequence",
		 "Directory Record Sequence"},
		{0x00080005, DC_VR_CS, false, "1-n", "SpecificCharacterSet",
		 "Specific Character Set"},
		{0x00080001, DC_VR_UL, true, "1", "LengthToEnd", "Length to End"},
		{0x0008001d, DC_VR_SQ, false, "1", "SensitiveContentCodeSequence",
		 "Sensitive Content Code Sequence"},
		{0x00100010, DC_VR_PN, false, "1", "PatientName", "Patient's Name"},
		{0x00100041, DC_VR_SQ, false, "1", "GenderIdentitySequence",
		 "Gender Identity Sequence"},
		{0x00102160, DC_VR_SH, true, "1", "EthnicGroup", "Ethnic Group"},
		{0x00181153, DC_VR_IS, false, "1", "ExposureInuAs", "Exposure in \302\265As"},
		{0x00189390, DC_VR_SQ, false, "1", "MetalArtifactReductionSequence",
		 "Metal Artifact Reduction Sequence"},
		{0x00280106, DC_VR_US_SS, false, "1", "SmallestImagePixelValue",
		 "Smallest Image Pixel Value"},
		{0x00281200, DC_VR_US_SS_OW, true, "1-n or 1", "GrayLookupTableData",
		 "Gray Lookup Table Data"},
		{0x00283006, DC_VR_US_OW, false, "1-n or 1", "LUTData", "LUT Data"},
		{0x003a0320, DC_VR_SQ, false, "1", "SummarizedFilterLookupTableSequence",
		 "Summarized Filter Lookup Table Sequence"},
		{0x30040012, DC_VR_DS, false, "1", "DoseValue", "Dose Value"},
		{0x30060050, DC_VR_DS, false, "3-3n", "ContourData", "Contour Data"},
		{0x52009229, DC_VR_SQ, false, "1", "SharedFunctionalGroupsSequence",
		 "Shared Functional Groups Sequence"},
		{0x7fe00001, DC_VR_OV, false, "1", "ExtendedOffsetTable", "Extended Offset Table"},
		{0x7fe00010, DC_VR_OB_OW, false, "1", "PixelData", "Pixel Data"},
		{0x7fe00020, DC_VR_OW, true, "1", "CoefficientsSDVN", "Coefficients SDVN"},
		{0xfffcfffc, DC_VR_OB, false, "1", "DataSetTrailingPadding",
		 "Data Set Trailing Padding"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct dc_dictionary_entry *entry = dc_dictionary_find(rows[i].tag);

		assert_non_null(entry);
		assert_int_equal(entry->tag, rows[i].tag);
		assert_int_equal(entry->mask, 0xffffffff);
		assert_int_equal(entry->vr, rows[i].vr);
		assert_int_equal(entry->retired, rows[i].retired);
		assert_string_equal(entry->vm, rows[i].vm);
		assert_string_equal(entry->keyword, rows[i].keyword);
		assert_string_equal(entry->name, rows[i].name);
		assert_ptr_equal(dc_dictionary_find_keyword(rows[i].keyword), entry);
		assert_int_equal(dc_dictionary_vr(rows[i].tag), rows[i].vr);
	}
}

static void the_table_is_complete_and_ordered(void **state)
{
	size_t groups_8_up = 0;

	(void)state;
	/* Table 6-1 of 2026c: 5172 rows with a single tag, 71 of repeating groups
	 * and 17 of repeating elements that have a VR. */
	for (size_t i = 0; i < dc_dictionary_exact_count; i++) {
		const struct dc_dictionary_entry *entry = &dc_dictionary_table[i];

		assert_int_equal(entry->mask, 0xffffffff);
		groups_8_up += DC_GROUP(entry->tag) >= 8;
		if (i > 0)
			assert_true(entry[-1].tag < entry->tag);
		assert_ptr_equal(dc_dictionary_find(entry->tag), entry);
		assert_int_equal(dc_dictionary_vr(entry->tag), entry->vr);
		assert_false(DC_TAG_IS_PRIVATE(entry->tag));
	}
	assert_int_equal(groups_8_up, 5172);
	assert_int_equal(dc_dictionary_count - dc_dictionary_exact_count, 71 + 17);
	for (size_t i = 0; i < dc_dictionary_count; i++) {
		const struct dc_dictionary_entry *entry = &dc_dictionary_table[i];

		assert_int_equal(entry->tag & ~entry->mask, 0);
		if (entry->keyword[0] != '\0')
			assert_ptr_equal(dc_dictionary_find_keyword(entry->keyword), entry);
	}
}

static void groups_and_elements_repeat(void **state)
{
	static const struct {
		uint32_t tag;
		const char *keyword; /* NULL: nothing */
	} rows[] = {
		{0x50000005, "CurveDimensions"},
		{0x501e3000, "CurveData"},
		{0x50fe3000, "CurveData"},
		{0x50013000, NULL},
		{0x60000010, "OverlayRows"},
		{0x60023000, "OverlayData"},
		{0x60fe3000, "OverlayData"},
		{0x60013000, NULL},
		{0x61003000, NULL},
		{0x60003001, NULL},
		{0x7f000010, "VariablePixelData"},
		{0x7ffe0011, "VariableNextDataGroup"},
		{0x7fe00010, "PixelData"},
		{0x002031ab, "SourceImageIDs"},
		{0x00203201, NULL},
		{0x00280400, "TransformLabel"},
		{0x00280410, "RowsForNthOrderCoefficients"},
		{0x002804f3, "CoefficientCodingPointers"},
		{0x002808a8, "ImageDataLocation"},
		{0x002808a7, NULL},
		{0x10001230, "EscapeTriplet"},
		{0x10001236, NULL},
		{0x10101234, "ZonalMap"},
		{0x10100000, NULL},
		{0x10000000, NULL},
		{0x10121234, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct dc_dictionary_entry *entry = dc_dictionary_find(rows[i].tag);

		if (rows[i].keyword == NULL) {
			assert_null(entry);
		} else {
			assert_non_null(entry);
			assert_string_equal(entry->keyword, rows[i].keyword);
			assert_int_equal(rows[i].tag & entry->mask, entry->tag);
		}
	}
	assert_int_equal(dc_dictionary_vr(0x60023000), DC_VR_OB_OW);
	assert_int_equal(dc_dictionary_vr(0x60fe0050), DC_VR_SS);
}

static void what_is_not_there(void **state)
{
	(void)state;
	assert_null(dc_dictionary_find(0x00090010));
	assert_null(dc_dictionary_find(0x00080000));
	assert_null(dc_dictionary_find(0x00080202));
	assert_null(dc_dictionary_find(0xfffee000));
	assert_null(dc_dictionary_find(0xffffffff));
	assert_null(dc_dictionary_find_keyword(""));
	assert_null(dc_dictionary_find_keyword("patientname"));
	assert_null(dc_dictionary_find_keyword("PatientNam"));
	assert_null(dc_dictionary_find_keyword("PatientNameX"));
	assert_null(dc_dictionary_find_keyword("\377"));

	assert_int_equal(dc_dictionary_vr(0x00080000), DC_VR_UL);
	assert_int_equal(dc_dictionary_vr(0x00290000), DC_VR_UL);
	assert_int_equal(dc_dictionary_vr(0x00290010), DC_VR_LO);
	assert_int_equal(dc_dictionary_vr(0x002900ff), DC_VR_LO);
	assert_int_equal(dc_dictionary_vr(0x0029000f), DC_VR_UN);
	assert_int_equal(dc_dictionary_vr(0x00291010), DC_VR_UN);
	assert_int_equal(dc_dictionary_vr(0x00100011), DC_VR_SQ);
	assert_int_equal(dc_dictionary_vr(0x0010ffff), DC_VR_UN);
	/* Retired without a name. */
	assert_string_equal(dc_dictionary_find(0x00180061)->keyword, "");
	assert_int_equal(dc_dictionary_vr(0x00180061), DC_VR_DS);
	/* Group lengths with a name. */
	assert_string_equal(dc_dictionary_find(0x00020000)->keyword,
			    "FileMetaInformationGroupLength");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rows_of_the_standard),
		cmocka_unit_test(the_table_is_complete_and_ordered),
		cmocka_unit_test(groups_and_elements_repeat),
		cmocka_unit_test(what_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
