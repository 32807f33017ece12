/*
 * make-store N FOLDER: N small CT files with headers as long as real ones
 * (80 elements, about 2 kB) and 8 x 8 pixels, each with UIDs of its own: for
 * measuring scans. 50 instances a series, 4 series a study, 2 studies a
 * patient, a folder for each. The same bytes every time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/sample.h"

#include "dicom/number.h"

#define PER_SERIES 50
#define PER_STUDY 4
#define PER_PATIENT 2
#define SIZE 8

static const char *const families[] = {
	"Adams", "Baker", "Clark", "Davis", "Evans", "Fisher", "Green", "Harris", "Irwin", "Jones",
	"Klein", "Lewis", "Moore", "Nolan", "Owens", "Parker", "Quinn", "Reed",   "Stone", "Turner",
};
static const char *const given[] = {
	"Alex",   "Blake", "Casey",  "Drew",  "Eden",  "Frances", "Glenn",
	"Harper", "Ira",   "Jordan", "Kelly", "Logan", "Morgan",
};

struct place {
	uint64_t instance, series, study, patient; /* numbers over the whole store */
};

/* Elements that every CT has; the values do not matter. */
struct filler {
	uint32_t tag;
	const char vr[3];
	const char *text;
};

static void fill(struct dw_writer *writer, const struct filler *fillers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		dw_text(writer, fillers[i].tag, fillers[i].vr, fillers[i].text);
}

static void acquisition(struct dw_writer *writer)
{
	static const struct filler fillers[] = {
		{DW_TAG(0x18, 0x22), "CS", "AXIAL MODE"},
		{DW_TAG(0x18, 0x50), "DS", "0.625"},
		{DW_TAG(0x18, 0x60), "DS", "120"},
		{DW_TAG(0x18, 0x88), "DS", "0.625"},
		{DW_TAG(0x18, 0x90), "DS", "500.000000"},
		{DW_TAG(0x18, 0x1000), "LO", "SN-000000012345"},
		{DW_TAG(0x18, 0x1020), "LO", "release 10.2\\build 20231105"},
		{DW_TAG(0x18, 0x1030), "LO", "1.1 Thorax routine adult"},
		{DW_TAG(0x18, 0x1040), "LO", "IV"},
		{DW_TAG(0x18, 0x1100), "DS", "360.000000"},
		{DW_TAG(0x18, 0x1110), "DS", "949.075012"},
		{DW_TAG(0x18, 0x1111), "DS", "541.000000"},
		{DW_TAG(0x18, 0x1120), "DS", "0.000000"},
		{DW_TAG(0x18, 0x1130), "DS", "157.600006"},
		{DW_TAG(0x18, 0x1140), "CS", "CW"},
		{DW_TAG(0x18, 0x1150), "IS", "500"},
		{DW_TAG(0x18, 0x1151), "IS", "240"},
		{DW_TAG(0x18, 0x1152), "IS", "120"},
		{DW_TAG(0x18, 0x1160), "SH", "BODY FILTER"},
		{DW_TAG(0x18, 0x1170), "IS", "28800"},
		{DW_TAG(0x18, 0x1190), "DS", "0.700000"},
		{DW_TAG(0x18, 0x1210), "SH", "STANDARD"},
		{DW_TAG(0x18, 0x5100), "CS", "FFS"},
	};

	fill(writer, fillers, ARRAY_LEN(fillers));
}

static void position(struct dw_writer *writer, const struct place *at)
{
	char uid[SAMPLE_UID];
	double z = -0.625 * (double)(at->instance % PER_SERIES);

	sample_printf(writer, DW_TAG(0x20, 0x32), "DS", "-180.000000\\-180.000000\\%.6f", z);
	dw_text(writer, DW_TAG(0x20, 0x37), "DS",
		"1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000");
	sample_uid(uid, (unsigned)at->study, 0, 999999);
	dw_text(writer, DW_TAG(0x20, 0x52), "UI", uid);
	dw_text(writer, DW_TAG(0x20, 0x1040), "LO", "SN");
	sample_printf(writer, DW_TAG(0x20, 0x1041), "DS", "%.6f", z);
	dw_text(writer, DW_TAG(0x20, 0x4000), "LT", "Made to measure scans with");
}

static void pixels(struct dw_writer *writer, const struct place *at)
{
	static const struct sample_pixels geometry = {
		.rows = SIZE,
		.columns = SIZE,
		.samples = 1,
		.allocated = 16,
		.stored = 12,
		.photometric = "MONOCHROME2",
	};
	static const struct filler fillers[] = {
		{DW_TAG(0x28, 0x1050), "DS", "40"},
		{DW_TAG(0x28, 0x1051), "DS", "400"},
		{DW_TAG(0x28, 0x1052), "DS", "-1024"},
		{DW_TAG(0x28, 0x1053), "DS", "1"},
		{DW_TAG(0x28, 0x1054), "LO", "HU"},
		{DW_TAG(0x28, 0x2110), "CS", "00"},
		{DW_TAG(0x40, 0x244), "DA", "20240115"},
		{DW_TAG(0x40, 0x245), "TM", "101500"},
		{DW_TAG(0x40, 0x253), "SH", "PPS0000000001"},
		{DW_TAG(0x40, 0x254), "LO", "CT Thorax with contrast"},
	};
	uint16_t values[SIZE * SIZE];

	sample_image(writer, &geometry);
	fill(writer, fillers, ARRAY_LEN(fillers));
	for (uint16_t i = 0; i < SIZE * SIZE; i++)
		values[i] = (uint16_t)((at->instance * 31 + i * 17u) & 0xfff);
	dw_words(writer, DW_PIXEL_DATA, "OW", values, SIZE * SIZE);
}

static void make_file(struct buf *out, const struct place *at)
{
	char name[64], id[32], accession[32], date[16];
	const struct sample_series series = {
		.charset = "ISO_IR 100",
		.patient_name = name,
		.patient_id = id,
		.birth_date = "19600101",
		.sex = "O",
		.study = (unsigned)at->study,
		.study_date = date,
		.study_time = "101500.000000",
		.study_description = "CT Thorax",
		.accession = accession,
		.series = (unsigned)(at->series % PER_STUDY) + 1,
		.modality = "CT",
		.series_description = "Axial 0.6mm",
		.body_part = "CHEST",
		.sop_class = "1.2.840.10008.5.1.4.1.1.2",
		.image_type = "ORIGINAL\\PRIMARY\\AXIAL",
	};
	unsigned instance = (unsigned)(at->instance % PER_SERIES) + 1;
	struct dw_writer writer;

	(void)snprintf(name, sizeof(name), "%s^%s",
		       families[at->patient / ARRAY_LEN(given) % ARRAY_LEN(families)],
		       given[at->patient % ARRAY_LEN(given)]);
	(void)snprintf(id, sizeof(id), "ID%07llu", (unsigned long long)at->patient);
	(void)snprintf(accession, sizeof(accession), "ACC%08llu", (unsigned long long)at->study);
	(void)snprintf(date, sizeof(date), "20%02u%02u%02u", (unsigned)(at->study / 336 % 25),
		       (unsigned)(at->study / 28 % 12) + 1, (unsigned)(at->study % 28) + 1);
	sample_begin(&writer, out, &series, instance);
	acquisition(&writer);
	sample_place(&writer, &series, instance);
	position(&writer, at);
	pixels(&writer, at);
}

static bool make_store(uint64_t count, const char *folder, struct err *err)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	char name[128];

	for (uint64_t i = 0; i < count; i++) {
		const struct place at = {
			.instance = i,
			.series = i / PER_SERIES,
			.study = i / (PER_SERIES * PER_STUDY),
			.patient = i / (PER_SERIES * PER_STUDY * PER_PATIENT),
		};

		make_file(&out, &at);
		(void)snprintf(name, sizeof(name), "P%05llu/ST%05llu/SE%06llu/IM%08llu.dcm",
			       (unsigned long long)at.patient, (unsigned long long)at.study,
			       (unsigned long long)at.series, (unsigned long long)i);
		if (!buf_ok(&out, err) || !sample_save(folder, name, buf_span(&out), err))
			return false;
	}
	return true;
}

int main(int argc, char **argv)
{
	uint64_t count;
	struct err err;

	/* 99,999 studies have UIDs. */
	if (argc != 3 || !dc_number_unsigned(argv[1], &count) || count > 19999800) {
		fprintf(stderr, "usage: make-store N FOLDER\n");
		return 2;
	}
	if (!make_store(count, argv[2], &err)) {
		fprintf(stderr, "make-store: %s\n", err.message);
		return 1;
	}
	return 0;
}
