/* SPDX-License-Identifier: MIT */
#include "tests/tools/plan.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "dicom/number.h"
#include "tests/tools/sample.h"

static const char *const families[] = {
	"Adams", "Baker", "Clark", "Davis", "Evans", "Fisher", "Green", "Harris", "Irwin", "Jones",
	"Klein", "Lewis", "Moore", "Nolan", "Owens", "Parker", "Quinn", "Reed",   "Stone", "Turner",
};
static const char *const given[] = {
	"Alex",   "Blake", "Casey",  "Drew",  "Eden",  "Frances", "Glenn",
	"Harper", "Ira",   "Jordan", "Kelly", "Logan", "Morgan",
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

static void position(struct dw_writer *writer, const struct plan_place *at)
{
	char uid[SAMPLE_UID];
	double z = -0.625 * (double)(at->number - 1);

	sample_printf(writer, DW_TAG(0x20, 0x32), "DS", "-180.000000\\-180.000000\\%.6f", z);
	dw_text(writer, DW_TAG(0x20, 0x37), "DS",
		"1.000000\\0.000000\\0.000000\\0.000000\\1.000000\\0.000000");
	sample_uid(uid, (unsigned)at->study, 0, 999999);
	dw_text(writer, DW_TAG(0x20, 0x52), "UI", uid);
	dw_text(writer, DW_TAG(0x20, 0x1040), "LO", "SN");
	sample_printf(writer, DW_TAG(0x20, 0x1041), "DS", "%.6f", z);
	dw_text(writer, DW_TAG(0x20, 0x4000), "LT", "Made to measure scans with");
}

static void image(struct dw_writer *writer, const struct plan *plan)
{
	const struct sample_pixels geometry = {
		.rows = (uint16_t)plan->rows,
		.columns = (uint16_t)plan->columns,
		.frames = (uint16_t)plan->frames,
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

	sample_image(writer, &geometry);
	fill(writer, fillers, ARRAY_LEN(fillers));
	dw_header(writer, DW_PIXEL_DATA, "OW", NULL, (uint32_t)plan_pixels(plan));
}

static unsigned series_number(const struct plan *plan, const struct plan_place *at)
{
	return (unsigned)(at->series % plan->per_study) + 1;
}

void plan_uid(const struct plan *plan, const struct plan_place *at, char uid[static PLAN_UID])
{
	sample_uid(uid, (unsigned)at->study, series_number(plan, at), (unsigned)at->number);
}

void plan_header(const struct plan *plan, const struct plan_place *at, struct buf *out)
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
		.series = series_number(plan, at),
		.modality = "CT",
		.series_description = "Axial 0.6mm",
		.body_part = "CHEST",
		.sop_class = "1.2.840.10008.5.1.4.1.1.2",
		.image_type = "ORIGINAL\\PRIMARY\\AXIAL",
	};
	unsigned instance = (unsigned)at->number;
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
	image(&writer, plan);
}

/* ---- Places ------------------------------------------------------------- */

static uint64_t cycle_size(const struct plan *plan)
{
	uint64_t size = 0;

	for (size_t i = 0; i < plan->cycle; i++)
		size += plan->per_series[i];
	return size;
}

struct plan_place plan_place(const struct plan *plan, uint64_t instance)
{
	uint64_t size = cycle_size(plan), left = instance % size, within = 0;
	struct plan_place at = {.instance = instance};

	while (left >= plan->per_series[within])
		left -= plan->per_series[within++];
	at.number = left + 1;
	at.series = instance / size * plan->cycle + within;
	at.study = at.series / plan->per_study;
	at.patient = at.study / plan->per_patient;
	return at;
}

void plan_path(const struct plan_place *at, char path[static PLAN_PATH])
{
	(void)snprintf(path, PLAN_PATH, "P%05llu/ST%05llu/SE%06llu/IM%08llu.dcm",
		       (unsigned long long)at->patient, (unsigned long long)at->study,
		       (unsigned long long)at->series, (unsigned long long)at->instance);
}

bool plan_fits(const struct plan *plan, uint64_t count, struct err *err)
{
	struct plan_place last = plan_place(plan, count > 0 ? count - 1 : 0);

	/* Digits of the parts of UIDs, see sample_uid(); and of paths. */
	if (last.study > 99999 || plan->per_study > 999 || count > 100000000)
		return err_set(err, ERR_USAGE, "so many studies or series have no UIDs");
	for (size_t i = 0; i < plan->cycle; i++) {
		if (plan->per_series[i] > 999998)
			return err_set(err, ERR_USAGE, "so large a series has no UIDs");
	}
	return plan_pixels(plan) < UINT32_MAX ||
	       err_set(err, ERR_USAGE, "so many pixels are no value of Pixel Data");
}

/* ---- Files -------------------------------------------------------------- */

static uint64_t frame_pixels(const struct plan *plan)
{
	return plan->rows * plan->columns;
}

uint64_t plan_pixels(const struct plan *plan)
{
	return 2 * frame_pixels(plan) * MAX_OF(plan->frames, UINT64_C(1));
}

/* One frame, little endian; all frames of an instance are the same. */
static void append_frame(const struct plan *plan, const struct plan_place *at, struct buf *out)
{
	uint64_t count = frame_pixels(plan);
	uint8_t *to = buf_extend(out, 2 * count);

	for (uint64_t i = 0; to != NULL && i < count; i++) {
		unsigned value = (unsigned)(at->instance * 31 + i * 17) & 0xfff;

		to[2 * i] = (uint8_t)value;
		to[2 * i + 1] = (uint8_t)(value >> 8);
	}
}

static bool append_frames(const char *path, struct span frame, uint64_t count, struct err *err)
{
	CLEANUP_FD int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC);

	if (fd < 0)
		return err_set_sys(err, errno, "%s", path);
	while (count-- > 0) {
		for (size_t done = 0; done < frame.size;) {
			ssize_t got = write(fd, frame.data + done, frame.size - done);

			if (got < 0)
				return err_set_sys(err, errno, "%s", path);
			done += (size_t)got;
		}
	}
	return true;
}

bool plan_save(const struct plan *plan, const struct plan_place *at, const char *store,
	       struct buf *scratch, struct err *err)
{
	char name[PLAN_PATH], path[4096];
	size_t header;

	plan_path(at, name);
	plan_header(plan, at, scratch);
	header = scratch->size;
	append_frame(plan, at, scratch);
	if (!buf_ok(scratch, err) || !sample_save(store, name, buf_span(scratch), err))
		return false;
	if (plan->frames < 2)
		return true;
	(void)snprintf(path, sizeof(path), "%s/%s", store, name);
	return append_frames(path, span_of(scratch->data + header, scratch->size - header),
			     plan->frames - 1, err);
}

/* ---- Options ------------------------------------------------------------ */

static bool read_number(const char *text, size_t size, uint64_t most, uint64_t *number)
{
	char copy[24];

	if (size >= sizeof(copy))
		return false;
	memcpy(copy, text, size);
	copy[size] = '\0';
	return dc_number_unsigned(copy, number) && *number > 0 && *number <= most;
}

static bool read_cycle(struct plan *plan, const char *text)
{
	for (plan->cycle = 0; plan->cycle < PLAN_CYCLE;) {
		size_t size = strcspn(text, ",");

		if (!read_number(text, size, UINT32_MAX, &plan->per_series[plan->cycle++]))
			return false;
		text += size;
		if (*text++ == '\0')
			return true;
	}
	return false;
}

bool plan_option(struct plan *plan, int letter, const char *value)
{
	size_t rows = strcspn(value, "x"), all = strlen(value);

	switch (letter) {
	case 's':
		return read_cycle(plan, value);
	case 't':
		return read_number(value, all, UINT32_MAX, &plan->per_study);
	case 'p':
		return read_number(value, all, UINT32_MAX, &plan->per_patient);
	case 'x':
		return rows < all && read_number(value, rows, UINT16_MAX, &plan->rows) &&
		       read_number(value + rows + 1, all - rows - 1, UINT16_MAX, &plan->columns);
	case 'n':
		return read_number(value, all, UINT16_MAX, &plan->frames);
	default:
		return false;
	}
}
