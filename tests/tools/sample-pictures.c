/*
 * An ultrasound loop, a radiograph of the chest, a map in false colours.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/sample.h"

#include <math.h>

static uint8_t to_byte(double value)
{
	return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value + 0.5);
}

/* ---- Ultrasound -------------------------------------------------------- */

#define US_ROWS 240
#define US_COLUMNS 320
#define US_FRAMES 20

/* One pixel of a sector with a chamber that beats, and flow in it. */
static void ultrasound_pixel(int row, int column, double beat, uint32_t *noise, uint8_t rgb[3])
{
	double x = (column - US_COLUMNS / 2) / 200.0, y = (row - 6) / 220.0;
	double depth = sqrt(x * x + y * y), angle = atan2(x, y);
	double u = x / (0.22 + 0.06 * beat), v = (y - 0.55) / (0.2 + 0.08 * beat);
	double chamber = sqrt(u * u + v * v), grey;
	double speckle = 0.5 + 0.5 * fabs(sample_noise(noise) + sample_noise(noise));

	memset(rgb, 0, 3);
	if (fabs(angle) > 0.7 || depth > 1 || depth < 0.03)
		return;
	if (chamber < 0.85)
		grey = 12 * speckle;
	else if (chamber < 1.1)
		grey = 200 * speckle;
	else
		grey = (110 - 70 * depth) * speckle;
	memset(rgb, to_byte(grey), 3);
	if (chamber < 0.6) { /* towards the probe red, away from it blue */
		rgb[0] = to_byte(beat > 0 ? 230 * beat : 20);
		rgb[1] = to_byte(60 * fabs(beat));
		rgb[2] = to_byte(beat < 0 ? -230 * beat : 20);
	}
}

static void ultrasound_regions(struct dw_writer *writer)
{
	dw_sequence_begin(writer, DW_TAG(0x18, 0x6011), NULL, false);
	dw_item_begin(writer, false);
	dw_number(writer, DW_TAG(0x18, 0x6012), "US", 1); /* tissue */
	dw_number(writer, DW_TAG(0x18, 0x6014), "US", 1); /* 2D */
	dw_number(writer, DW_TAG(0x18, 0x6016), "UL", 0);
	dw_number(writer, DW_TAG(0x18, 0x6018), "UL", 0);
	dw_number(writer, DW_TAG(0x18, 0x601a), "UL", 0);
	dw_number(writer, DW_TAG(0x18, 0x601c), "UL", US_COLUMNS - 1);
	dw_number(writer, DW_TAG(0x18, 0x601e), "UL", US_ROWS - 1);
	dw_number(writer, DW_TAG(0x18, 0x6024), "US", 3); /* cm */
	dw_number(writer, DW_TAG(0x18, 0x6026), "US", 3);
	dw_item_end(writer);
	dw_sequence_end(writer);
}

bool sample_ultrasound(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Roe^Richard^^Dr",
		.patient_id = "PAT002",
		.birth_date = "19551111",
		.sex = "M",
		.study = 3,
		.study_date = "20240301",
		.study_time = "090500",
		.study_description = "Echocardiography",
		.accession = "A2024003",
		.series = 1,
		.modality = "US",
		.series_description = "4 chamber colour",
		.body_part = "HEART",
		.sop_class = "1.2.840.10008.5.1.4.1.1.3.1",
		.image_type = "ORIGINAL\\PRIMARY",
	};
	static const struct sample_pixels geometry = {
		.rows = US_ROWS,
		.columns = US_COLUMNS,
		.frames = US_FRAMES,
		.samples = 3,
		.allocated = 8,
		.stored = 8,
		.photometric = "RGB",
	};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct dw_writer writer;
	uint32_t noise = 7;
	uint8_t *rgb;

	sample_begin(&writer, &out, &series, 1);
	sample_decimal(&writer, DW_TAG(0x18, 0x1063), 40);
	ultrasound_regions(&writer);
	sample_place(&writer, &series, 1);
	sample_image(&writer, &geometry);
	dw_header(&writer, DW_PIXEL_DATA, "OB", NULL, US_ROWS * US_COLUMNS * 3 * US_FRAMES);
	rgb = buf_extend(&out, (size_t)US_ROWS * US_COLUMNS * 3 * US_FRAMES);
	for (int frame = 0; rgb != NULL && frame < US_FRAMES; frame++) {
		double beat = sin(frame * 2 * M_PI / US_FRAMES);

		for (int row = 0; row < US_ROWS; row++)
			for (int column = 0; column < US_COLUMNS; column++, rgb += 3)
				ultrasound_pixel(row, column, beat, &noise, rgb);
	}
	return buf_ok(&out, err) && sample_save(folder, "US/ECHO01.DCM", buf_span(&out), err);
}

/* ---- Radiograph -------------------------------------------------------- */

#define CR_ROWS 1024
#define CR_COLUMNS 832

static double ellipse(double x, double y, double a, double b)
{
	double rest = 1 - x * x / (a * a) - y * y / (b * b);

	return rest > 0 ? sqrt(rest) : 0;
}

/* How much the chest takes away at a point from -1 to 1. */
static double chest(double x, double y)
{
	double body = 3.2 * ellipse(x, y - 0.1, 0.95, 1.4);
	double left = ellipse(x - 0.42, y + 0.02, 0.3, 0.68),
	       right = ellipse(x + 0.42, y, 0.3, 0.7);
	double heart = ellipse(x - 0.14, y - 0.3, 0.34, 0.36);
	double ribs = 0, curve = y - 0.35 * x * x;

	if (left + right > 0)
		ribs = fmax(0, sin(curve * 26) - 0.6);
	return body - 2.3 * (left + right) * (1 - 0.8 * heart) + 0.5 * heart + 0.5 * ribs +
	       1.2 * ellipse(x, y, 0.09, 3);
}

bool sample_radiograph(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Miller^Anna^B",
		.patient_id = "PAT003",
		.birth_date = "19881224",
		.sex = "F",
		.study = 4,
		.study_date = "20240310",
		.study_time = "161245.120",
		.study_description = "Chest p.a.",
		.accession = "A2024004",
		.series = 1,
		.modality = "CR",
		.series_description = "PA",
		.body_part = "CHEST",
		.sop_class = "1.2.840.10008.5.1.4.1.1.1",
		.image_type = "ORIGINAL\\PRIMARY",
	};
	static const struct sample_pixels geometry = {
		.rows = CR_ROWS,
		.columns = CR_COLUMNS,
		.samples = 1,
		.allocated = 16,
		.stored = 12,
		.photometric = "MONOCHROME1",
	};
	CLEANUP_FREE uint16_t *pixels = malloc(sizeof(*pixels) * CR_ROWS * CR_COLUMNS);
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct dw_writer writer;
	uint32_t noise = 11;

	if (pixels == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (int i = 0; i < CR_ROWS * CR_COLUMNS; i++) {
		double x = (i % CR_COLUMNS - CR_COLUMNS / 2) / (CR_COLUMNS / 2.0);
		double y = (i / CR_COLUMNS - CR_ROWS / 2) / (CR_ROWS / 2.0);
		double value = 3900 * exp(-0.75 * fmax(0, chest(x, y))) + 25 * sample_noise(&noise);

		pixels[i] = (uint16_t)(value < 0 ? 0 : value > 4095 ? 4095 : value);
	}
	sample_begin(&writer, &out, &series, 1);
	dw_text(&writer, DW_TAG(0x18, 0x1164), "DS", "0.42\\0.42");
	dw_text(&writer, DW_TAG(0x18, 0x5101), "CS", "PA");
	sample_place(&writer, &series, 1);
	dw_text(&writer, DW_TAG(0x20, 0x20), "CS", "L\\F");
	sample_image(&writer, &geometry);
	sample_decimal(&writer, DW_TAG(0x28, 0x1050), 1900);
	sample_decimal(&writer, DW_TAG(0x28, 0x1051), 3800);
	dw_words(&writer, DW_PIXEL_DATA, "OW", pixels, CR_ROWS * CR_COLUMNS);
	return buf_ok(&out, err) && sample_save(folder, "CR/thorax pa.dcm", buf_span(&out), err);
}

/* ---- Palette ----------------------------------------------------------- */

#define MAP_SIZE 256

/* Black, red, yellow, white: 256 entries of 16 bits a colour. */
static void palette(struct dw_writer *writer)
{
	static const uint16_t descriptor[] = {256, 0, 16};
	uint16_t table[256];

	for (uint16_t colour = 0; colour < 3; colour++)
		dw_words(writer, DW_TAG(0x28, 0x1101 + colour), "US", descriptor, 3);
	for (uint16_t colour = 0; colour < 3; colour++) {
		for (int i = 0; i < 256; i++)
			table[i] = (uint16_t)(257 * to_byte(3.0 * i - 255 * colour));
		dw_words(writer, DW_TAG(0x28, 0x1201 + colour), "OW", table, 256);
	}
}

bool sample_palette(const char *folder, struct err *err)
{
	static const struct sample_series series = {
		.patient_name = "Miller^Anna^B",
		.patient_id = "PAT003",
		.birth_date = "19881224",
		.sex = "F",
		.study = 5,
		.study_date = "20240312",
		.study_time = "1100",
		.study_description = "Perfusion",
		.accession = "A2024005",
		.series = 9,
		.modality = "OT",
		.series_description = "Map in false colours",
		.body_part = "HEAD",
		.sop_class = "1.2.840.10008.5.1.4.1.1.7",
		.image_type = "DERIVED\\SECONDARY",
	};
	static const struct sample_pixels geometry = {
		.rows = MAP_SIZE,
		.columns = MAP_SIZE,
		.samples = 1,
		.allocated = 8,
		.stored = 8,
		.photometric = "PALETTE COLOR",
	};
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);
	struct dw_writer writer;
	uint8_t *map;

	sample_begin(&writer, &out, &series, 1);
	sample_place(&writer, &series, 1);
	sample_image(&writer, &geometry);
	palette(&writer);
	dw_header(&writer, DW_PIXEL_DATA, "OB", NULL, MAP_SIZE * MAP_SIZE);
	map = buf_extend(&out, MAP_SIZE * MAP_SIZE);
	for (int i = 0; map != NULL && i < MAP_SIZE * MAP_SIZE; i++) {
		double x = (i % MAP_SIZE - 127.5) / 116, y = (i / MAP_SIZE - 127.5) / 116;
		struct sample_head head = sample_head_at(x, y, 0.1);
		bool brain = head.inside && head.density < 1.5f;

		map[i] = to_byte(brain ? 70 + 90 * cos(4 * x) * cos(3 * y + 1) +
						 600 * ((double)head.density - 1)
				       : 0);
	}
	return buf_ok(&out, err) && sample_save(folder, "OT/PERFMAP", buf_span(&out), err);
}
