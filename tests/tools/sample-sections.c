/*
 * CT and MR: series of slices through the head.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/sample.h"

#define CT_SIZE 512
#define CT_SLICES 40
#define MR_SIZE 256
#define MR_SLICES 20

/* ---- CT ---------------------------------------------------------------- */

#define CT_PADDING (-2000) /* outside of the round field of view */

static uint16_t ct_stored(double hounsfield)
{
	return (uint16_t)(int16_t)(hounsfield + 1024);
}

static double hounsfield_of(struct sample_head head)
{
	if (!head.inside)
		return -1000;
	/* Water 0 at density 1, soft tissue 20 to 60, bone 1000. */
	return head.density > 1.5f ? 1000 : ((double)head.density - 1) * 900;
}

static void ct_slice(unsigned slice, uint16_t *pixels)
{
	double z = 0.8 - 1.6 * slice / (CT_SLICES - 1);
	uint32_t noise = slice + 1;

	for (int row = 0; row < CT_SIZE; row++) {
		double y = (row - CT_SIZE / 2 + 0.5) / (CT_SIZE / 2) * 1.1;

		for (int column = 0; column < CT_SIZE; column++) {
			double x = (column - CT_SIZE / 2 + 0.5) / (CT_SIZE / 2) * 1.1;
			double value = hounsfield_of(sample_head_at(x, y, z));

			value += 6 * (sample_noise(&noise) + sample_noise(&noise));
			*pixels++ = x * x + y * y > 1.21 ? (uint16_t)CT_PADDING : ct_stored(value);
		}
	}
}

static void ct_file(struct buf *out, const struct sample_series *series, unsigned slice,
		    const uint16_t *pixels)
{
	static const struct sample_pixels geometry = {
		.rows = CT_SIZE,
		.columns = CT_SIZE,
		.samples = 1,
		.allocated = 16,
		.stored = 16,
		.is_signed = true,
		.photometric = "MONOCHROME2",
	};
	struct dw_writer writer;
	double position = 100 - 5.0 * slice;

	sample_begin(&writer, out, series, slice + 1);
	sample_decimal(&writer, DW_TAG(0x18, 0x50), 5);
	sample_decimal(&writer, DW_TAG(0x18, 0x60), 120);
	dw_text(&writer, DW_TAG(0x18, 0x1030), "LO", "Head routine");
	sample_decimal(&writer, DW_TAG(0x18, 0x1151), 250);
	dw_text(&writer, DW_TAG(0x18, 0x1210), "SH", "H31s");
	dw_text(&writer, DW_TAG(0x18, 0x5100), "CS", "HFS");
	sample_place(&writer, series, slice + 1);
	sample_printf(&writer, DW_TAG(0x20, 0x32), "DS", "-110\\-110\\%g", position);
	dw_text(&writer, DW_TAG(0x20, 0x37), "DS", "1\\0\\0\\0\\1\\0");
	dw_text(&writer, DW_TAG(0x20, 0x52), "UI", "2.25.314159265350000100099");
	sample_decimal(&writer, DW_TAG(0x20, 0x1041), position);
	sample_image(&writer, &geometry);
	dw_number(&writer, DW_TAG(0x28, 0x120), "SS", (uint16_t)CT_PADDING);
	dw_text(&writer, DW_TAG(0x28, 0x1050), "DS", "40\\400");
	dw_text(&writer, DW_TAG(0x28, 0x1051), "DS", "80\\2000");
	sample_decimal(&writer, DW_TAG(0x28, 0x1052), -1024);
	sample_decimal(&writer, DW_TAG(0x28, 0x1053), 1);
	dw_text(&writer, DW_TAG(0x28, 0x1054), "LO", "HU");
	dw_text(&writer, DW_TAG(0x28, 0x1055), "LO", "BRAIN\\BONE");
	dw_words(&writer, DW_PIXEL_DATA, "OW", pixels, (size_t)CT_SIZE * CT_SIZE);
}

bool sample_ct(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Doe^Jane",
		.patient_id = "PAT001",
		.birth_date = "19700131",
		.sex = "F",
		.study = 1,
		.study_date = "20240115",
		.study_time = "101500",
		.study_description = "CT Head",
		.accession = "A2024001",
		.series = 2,
		.modality = "CT",
		.series_description = "Axial 5mm",
		.body_part = "HEAD",
		.sop_class = "1.2.840.10008.5.1.4.1.1.2",
		.image_type = "ORIGINAL\\PRIMARY\\AXIAL",
	};
	CLEANUP_FREE uint16_t *pixels = malloc(sizeof(*pixels) * CT_SIZE * CT_SIZE);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	char name[64];

	if (pixels == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (unsigned slice = 0; slice < CT_SLICES; slice++) {
		ct_slice(slice, pixels);
		ct_file(&out, &series, slice, pixels);
		(void)snprintf(name, sizeof(name), "CT/HEAD/IM%04u.dcm", slice + 1);
		if (!buf_ok(&out, err) || !sample_save(folder, name, buf_span(&out), err))
			return false;
	}
	return true;
}

/* ---- MR ---------------------------------------------------------------- */

/* T1: fat and white matter bright, water and bone dark. */
static double mr_signal(struct sample_head head)
{
	if (!head.inside || head.density > 1.5f)
		return 20;
	if (head.density < 1.01f)
		return 120; /* ventricles */
	if (head.density < 1.03f)
		return 900; /* scalp */
	return 350 + ((double)head.density - 1.04) * 5000;
}

static void mr_slice(unsigned slice, uint16_t *pixels)
{
	double x = -0.6 + 1.2 * slice / (MR_SLICES - 1);
	uint32_t noise = 1000 + slice;

	for (int row = 0; row < MR_SIZE; row++) {
		double z = -(row - MR_SIZE / 2 + 0.5) / (MR_SIZE / 2) * 1.1;

		for (int column = 0; column < MR_SIZE; column++) {
			double y = (column - MR_SIZE / 2 + 0.5) / (MR_SIZE / 2) * 1.1;
			double value = mr_signal(sample_head_at(x, y, z));

			value += 15 * sample_noise(&noise);
			*pixels++ = (uint16_t)MAX_OF(value, 0.0);
		}
	}
}

static void mr_file(struct buf *out, const struct sample_series *series, unsigned slice,
		    const uint16_t *pixels)
{
	static const struct sample_pixels geometry = {
		.rows = MR_SIZE,
		.columns = MR_SIZE,
		.samples = 1,
		.allocated = 16,
		.stored = 12,
		.photometric = "MONOCHROME2",
	};
	struct dw_writer writer;

	sample_begin(&writer, out, series, slice + 1);
	dw_text(&writer, DW_TAG(0x18, 0x20), "CS", "SE");
	dw_text(&writer, DW_TAG(0x18, 0x21), "CS", "NONE");
	dw_text(&writer, DW_TAG(0x18, 0x22), "CS", "");
	dw_text(&writer, DW_TAG(0x18, 0x23), "CS", "2D");
	sample_decimal(&writer, DW_TAG(0x18, 0x50), 6);
	sample_decimal(&writer, DW_TAG(0x18, 0x80), 500);
	sample_decimal(&writer, DW_TAG(0x18, 0x81), 12);
	dw_text(&writer, DW_TAG(0x18, 0x91), "IS", "1");
	dw_text(&writer, DW_TAG(0x18, 0x5100), "CS", "HFS");
	sample_place(&writer, series, slice + 1);
	sample_printf(&writer, DW_TAG(0x20, 0x32), "DS", "%g\\-110\\110", -60 + 6.0 * slice);
	dw_text(&writer, DW_TAG(0x20, 0x37), "DS", "0\\1\\0\\0\\0\\-1");
	sample_image(&writer, &geometry);
	dw_text(&writer, DW_TAG(0x28, 0x1050), "DS", "400");
	dw_text(&writer, DW_TAG(0x28, 0x1051), "DS", "800");
	dw_words(&writer, DW_PIXEL_DATA, "OW", pixels, (size_t)MR_SIZE * MR_SIZE);
}

bool sample_mr(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Doe^Jane",
		.patient_id = "PAT001",
		.birth_date = "19700131",
		.sex = "F",
		.study = 2,
		.study_date = "20240220",
		.study_time = "143000",
		.study_description = "MR Brain",
		.accession = "A2024002",
		.series = 3,
		.modality = "MR",
		.series_description = "T1 sagittal",
		.body_part = "BRAIN",
		.sop_class = "1.2.840.10008.5.1.4.1.1.4",
		.image_type = "ORIGINAL\\PRIMARY\\M\\SE",
	};
	CLEANUP_FREE uint16_t *pixels = malloc(sizeof(*pixels) * MR_SIZE * MR_SIZE);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	char name[64];

	if (pixels == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (unsigned slice = 0; slice < MR_SLICES; slice++) {
		mr_slice(slice, pixels);
		mr_file(&out, &series, slice, pixels);
		/* As many devices name them: by UID, without a suffix. */
		(void)snprintf(name, sizeof(name), "MR/2024-02-20/1.3.%u", slice + 1);
		if (!buf_ok(&out, err) || !sample_save(folder, name, buf_span(&out), err))
			return false;
	}
	return true;
}
