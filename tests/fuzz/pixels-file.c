/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/pixels-file.h"

#include "dicom/image.h"
#include "tests/fuzz/fuzz.h"
#include "tests/tools/dicom-write.h"

#define SAMPLES_MAX (1u << 20) /* bytes of pixel data */

/* What the file has beside pixels. */
enum part {
	PART_WINDOW = 1u << 0,
	PART_RESCALE = 1u << 1,
	PART_PADDING = 1u << 2,
	PART_PADDING_LIMIT = 1u << 3,
	PART_INVERSE = 1u << 4,
	PART_MODALITY_LUT = 1u << 5,
	PART_VOI_LUT = 1u << 6,
	PART_PALETTE = 1u << 7,
	PART_SEGMENTED = 1u << 8,
	PART_COLOUR = 1u << 9, /* Pixel Presentation */
	PART_OVERLAY = 1u << 10,
	PART_SPACING = 1u << 11,
	PART_GROUPS = 1u << 12,
	PART_SEGMENTS = 1u << 13,
	PART_FUNCTION = 1u << 14,
	PART_ODD = 1u << 15, /* numbers that do not fit each other */
};

struct maker {
	struct dw_writer writer;
	struct span input;
	unsigned parts; /* enum part */
	uint16_t rows, columns, frames, samples, allocated, high;
	uint32_t pixel_tag;
	uint8_t photometric;
};

static bool has(const struct maker *maker, enum part part)
{
	return (maker->parts & part) != 0;
}

static void put_text(struct maker *maker, uint16_t group, uint16_t element, const char *vr,
		     const char *text)
{
	dw_text(&maker->writer, DW_TAG(group, element), vr, text);
}

static void put_number(struct maker *maker, uint16_t group, uint16_t element, uint16_t number)
{
	dw_number(&maker->writer, DW_TAG(group, element), "US", number);
}

/* A decimal string of any size; some are none. */
static void put_decimal(struct maker *maker, uint16_t group, uint16_t element)
{
	static const char *const words[] = {"0",   "1",     "-1",   "1e-300",     "1e300", "0.5",
					    "256", "65536", "1e-5", "4294967296", "",      "x"};
	uint8_t how = fuzz_take_8(&maker->input);
	char text[32];

	if (how < ARRAY_LEN(words))
		(void)snprintf(text, sizeof(text), "%s", words[how]);
	else if (how % 3 == 0)
		(void)snprintf(text, sizeof(text), "%d\\7", (int16_t)fuzz_take_16(&maker->input));
	else if (how % 3 == 1)
		(void)snprintf(text, sizeof(text), "%d.5", (int8_t)fuzz_take_8(&maker->input));
	else
		(void)snprintf(text, sizeof(text), "%de%d", (int8_t)fuzz_take_8(&maker->input),
			       (int8_t)fuzz_take_8(&maker->input) / 4);
	put_text(maker, group, element, "DS", text);
}

/* ---- The image ------------------------------------------------------------ */

static void take_geometry(struct maker *maker)
{
	static const uint16_t bits[] = {8, 16, 1, 32, 12, 64, 24, 4, 10, 2, 7, 0};
	struct span *in = &maker->input;
	uint8_t shape = fuzz_take_8(in);

	maker->rows = (uint16_t)(1 + fuzz_take_below(in, 40));
	maker->columns = (uint16_t)(1 + fuzz_take_below(in, 40));
	/* Rows that are cut by blocks of a PNG, and strips of one row. */
	if (shape % 16 == 15) {
		maker->columns = fuzz_take_16(in);
		maker->rows = (uint16_t)(1 + maker->rows % 2);
	}
	maker->frames = (uint16_t)(1 + (shape >> 4) % 4);
	maker->photometric = fuzz_take_below(in, DC_PHOTOMETRIC_COUNT);
	maker->samples = dc_photometric_samples(maker->photometric);
	maker->allocated = bits[fuzz_take_8(in) % ARRAY_LEN(bits)];
	if (has(maker, PART_ODD))
		maker->samples = fuzz_take_below(in, 6);
	maker->pixel_tag = DW_PIXEL_DATA;
	if (shape % 16 == 14) {
		maker->pixel_tag =
			(shape >> 6) % 2 == 0 ? DC_TAG_FLOAT_PIXEL_DATA : DC_TAG_DOUBLE_PIXEL_DATA;
		maker->allocated = (shape >> 6) % 2 == 0 ? 32 : 64;
	}
}

static void put_start(struct maker *maker)
{
	static const char *const classes[] = {
		"1.2.840.10008.5.1.4.1.1.7",     "1.2.840.10008.5.1.4.1.1.12.1",
		"1.2.840.10008.5.1.4.1.1.128",   "1.2.840.10008.5.1.4.1.1.481.2",
		"1.2.840.10008.5.1.4.1.1.66.4",  "1.2.840.10008.5.1.4.1.1.66.7",
		"1.2.840.10008.5.1.4.1.1.30",    "1.2.840.10008.5.1.4.1.1.20",
		"1.2.840.10008.5.1.4.1.1.77.1.6"};
	const char *class = classes[fuzz_take_8(&maker->input) % ARRAY_LEN(classes)];

	put_text(maker, 8, 0x16, "UI", class);
	put_text(maker, 8, 0x18, "UI", "2.25.1");
	if (has(maker, PART_COLOUR))
		put_text(maker, 8, 0x9205, "CS",
			 fuzz_take_below(&maker->input, 4) == 0 ? "MIXED" : "COLOR");
	if (has(maker, PART_SPACING)) {
		put_decimal(maker, 0x18, 0x1164);
		put_decimal(maker, 0x18, 0x2010);
	}
}

static void put_image(struct maker *maker)
{
	struct span *in = &maker->input;
	uint8_t flags = fuzz_take_8(in);
	unsigned most = MAX_OF(maker->allocated, 1u);
	uint16_t bits = (uint16_t)(1 + fuzz_take_below(in, most));
	uint16_t high = (uint16_t)(bits - 1);
	char frames[8];

	if (has(maker, PART_ODD)) {
		bits = fuzz_take_below(in, 70);
		high = fuzz_take_below(in, 70);
	} else if ((flags & 4) != 0) {
		high = (uint16_t)(maker->allocated - 1);
	}
	maker->high = high;
	put_number(maker, 0x28, 2, maker->samples);
	put_text(maker, 0x28, 4, "CS",
		 maker->photometric == DC_PHOTOMETRIC_NONE
			 ? ""
			 : dc_photometric_name(maker->photometric));
	put_number(maker, 0x28, 6, flags & 1);
	(void)snprintf(frames, sizeof(frames), "%u", maker->frames);
	put_text(maker, 0x28, 8, "IS", frames);
	put_number(maker, 0x28, 0x10, maker->rows);
	put_number(maker, 0x28, 0x11, maker->columns);
	if (has(maker, PART_SPACING)) {
		static const char *const aspects[] = {"1\\2", "2\\1", "65535\\1", "0\\1", "-1\\3"};

		put_text(maker, 0x28, 0x34, "IS", aspects[flags >> 4 & 3]);
	}
	put_number(maker, 0x28, 0x100, maker->allocated);
	put_number(maker, 0x28, 0x101, bits);
	put_number(maker, 0x28, 0x102, high);
	put_number(maker, 0x28, 0x103, (flags & 2) != 0);
	if (has(maker, PART_PADDING))
		put_number(maker, 0x28, 0x120, fuzz_take_16(in));
	if (has(maker, PART_PADDING_LIMIT))
		put_number(maker, 0x28, 0x121, fuzz_take_16(in));
}

/* ---- Windows and LUTs ------------------------------------------------------- */

static void put_window(struct maker *maker)
{
	static const char *const functions[] = {"SIGMOID", "LINEAR_EXACT", "LINEAR", "x"};

	put_decimal(maker, 0x28, 0x1050);
	put_decimal(maker, 0x28, 0x1051);
	if (has(maker, PART_FUNCTION))
		put_text(maker, 0x28, 0x1056, "CS",
			 functions[fuzz_take_below(&maker->input, ARRAY_LEN(functions))]);
}

static void put_rescale(struct maker *maker)
{
	put_decimal(maker, 0x28, 0x1052);
	put_decimal(maker, 0x28, 0x1053);
}

/* Three numbers; returns how many bytes of data would fit them, or another few. */
static size_t put_descriptor(struct maker *maker, uint16_t group, uint16_t element)
{
	struct span *in = &maker->input;
	uint16_t numbers[3] = {fuzz_take_8(in), (uint16_t)(int8_t)fuzz_take_8(in), 16};
	uint8_t how = fuzz_take_8(in);

	if (how % 8 == 7)
		numbers[0] = fuzz_take_16(in);
	if (how % 8 == 6)
		numbers[1] = fuzz_take_16(in);
	if (how % 4 == 3)
		numbers[2] = (how & 0x80) != 0 ? 8 : how >> 4;
	dw_words(&maker->writer, DW_TAG(group, element), "US", numbers, 3);
	if (how % 16 == 13)
		return how;
	return (size_t)(numbers[0] == 0 ? 65536 : numbers[0]) * (numbers[2] == 8 ? 1 : 2);
}

/* As many bytes as the input still has, repeated to size. */
static void put_bytes(struct maker *maker, uint32_t tag, const char *vr, size_t size)
{
	CLEANUP_BUF struct buf bytes = buf_empty(BUF_NO_LIMIT);
	struct span some = fuzz_take_span(&maker->input, MIN_OF(size, (size_t)32));
	uint8_t *to = buf_extend(&bytes, size);

	for (size_t i = 0; to != NULL && i < size; i++)
		to[i] = (uint8_t)(some.size > 0 ? some.data[i % some.size] + i / some.size : i);
	dw_bytes(&maker->writer, tag, vr, bytes.data, bytes.size);
}

static void put_lut(struct maker *maker, uint16_t element)
{
	size_t size;

	dw_sequence_begin(&maker->writer, DW_TAG(0x28, element), NULL, true);
	dw_item_begin(&maker->writer, false);
	size = put_descriptor(maker, 0x28, 0x3002);
	put_bytes(maker, DW_TAG(0x28, 0x3006), "OW", size);
	dw_item_end(&maker->writer);
	dw_sequence_end(&maker->writer);
}

/* Segments: discrete, linear, indirect ones, of few words each (PS3.3 C.7.9.2). */
static void put_segments(struct maker *maker, uint16_t element)
{
	uint16_t words[64];
	size_t count = fuzz_take_below(&maker->input, ARRAY_LEN(words));

	for (size_t i = 0; i < count; i++) {
		words[i] = fuzz_take_8(&maker->input);
		if (words[i] > 0xf0)
			words[i] = fuzz_take_16(&maker->input);
	}
	dw_words(&maker->writer, DW_TAG(0x28, element), "OW", words, count);
}

static void put_palette(struct maker *maker)
{
	size_t size[3];

	for (uint16_t i = 0; i < 3; i++)
		size[i] = put_descriptor(maker, 0x28, (uint16_t)(0x1101 + i));
	for (uint16_t i = 0; i < 3; i++) {
		if (!has(maker, PART_SEGMENTED))
			put_bytes(maker, DW_TAG(0x28, 0x1201 + i), "OW", size[i]);
	}
	for (uint16_t i = 0; i < 3; i++) {
		if (has(maker, PART_SEGMENTED))
			put_segments(maker, (uint16_t)(0x1221 + i));
	}
}

/* ---- Functional groups, segments, overlays ---------------------------------- */

static void put_group(struct maker *maker)
{
	dw_item_begin(&maker->writer, false);
	dw_sequence_begin(&maker->writer, DW_TAG(0x28, 0x9132), NULL, false);
	dw_item_begin(&maker->writer, false);
	put_window(maker);
	dw_item_end(&maker->writer);
	dw_sequence_end(&maker->writer);
	dw_sequence_begin(&maker->writer, DW_TAG(0x28, 0x9145), NULL, false);
	dw_item_begin(&maker->writer, true);
	put_rescale(maker);
	dw_item_end(&maker->writer);
	dw_sequence_end(&maker->writer);
	dw_item_end(&maker->writer);
}

static void put_groups(struct maker *maker)
{
	unsigned items = fuzz_take_below(&maker->input, 6);

	dw_sequence_begin(&maker->writer, DW_TAG(0x5200, 0x9229), NULL, true);
	put_group(maker);
	dw_sequence_end(&maker->writer);
	dw_sequence_begin(&maker->writer, DW_TAG(0x5200, 0x9230), NULL, true);
	for (unsigned i = 0; i < items; i++)
		put_group(maker);
	dw_sequence_end(&maker->writer);
}

static void put_segment_list(struct maker *maker)
{
	uint8_t how = fuzz_take_8(&maker->input);

	put_text(maker, 0x62, 1, "CS", how % 2 == 0 ? "FRACTIONAL" : "LABELMAP");
	dw_sequence_begin(&maker->writer, DW_TAG(0x62, 2), NULL, false);
	dw_item_begin(&maker->writer, false);
	put_number(maker, 0x62, 4, how);
	dw_item_end(&maker->writer);
	dw_sequence_end(&maker->writer);
	put_number(maker, 0x62, 0x0e, fuzz_take_16(&maker->input));
}

static void put_overlay(struct maker *maker, uint16_t group)
{
	struct span *in = &maker->input;
	uint8_t how = fuzz_take_8(in);
	uint16_t rows = (uint16_t)(1 + fuzz_take_below(in, 50));
	uint16_t columns = (uint16_t)(1 + fuzz_take_below(in, 50));
	uint16_t origin[2] = {(uint16_t)(int8_t)fuzz_take_8(in), (uint16_t)(int8_t)fuzz_take_8(in)};
	bool embedded = how % 4 == 1;

	if (how % 16 == 3)
		origin[how >> 7] = fuzz_take_16(in);
	if (how % 16 == 7)
		columns = fuzz_take_16(in);
	put_number(maker, group, 0x10, rows);
	put_number(maker, group, 0x11, columns);
	if (how % 8 == 2)
		put_text(maker, group, 0x15, "IS", (how & 0x40) != 0 ? "2" : "-3");
	put_text(maker, group, 0x40, "CS", "G");
	dw_words(&maker->writer, DW_TAG(group, 0x50), "SS", origin, 2);
	if (how % 8 == 2)
		put_number(maker, group, 0x51, how >> 4);
	put_number(maker, group, 0x100, embedded ? maker->allocated : 1);
	put_number(maker, group, 0x102, embedded ? (uint16_t)(maker->high + (how >> 4)) : 0);
	if (!embedded)
		put_bytes(maker, DW_TAG(group, 0x3000), "OW",
			  ((size_t)rows * columns + 7) / 8 - (how % 32 == 4));
}

/* ---- All of it -------------------------------------------------------------- */

static void put_pixels(struct maker *maker)
{
	CLEANUP_BUF struct buf cells = buf_empty(BUF_NO_LIMIT);
	uint8_t how = fuzz_take_8(&maker->input);
	uint64_t bits = (uint64_t)maker->rows * maker->columns * MAX_OF(maker->samples, 1u) *
			maker->allocated * maker->frames;
	size_t size = (size_t)MIN_OF((bits + 7) / 8, (uint64_t)SAMPLES_MAX);
	const char *vr = maker->pixel_tag == DW_PIXEL_DATA ? (how % 2 == 0 ? "OW" : "OB")
			 : maker->pixel_tag == DC_TAG_FLOAT_PIXEL_DATA ? "OF"
								       : "OD";
	struct span some = maker->input;
	uint8_t *to;

	/* Of two pixels' chrominance one is stored. */
	if (maker->photometric == DC_YBR_FULL_422 && (how & 0x40) != 0)
		size = size * 2 / 3;
	if (how % 32 == 31)
		size -= MIN_OF(size, (size_t)1 + how / 32);
	to = buf_extend(&cells, size);
	for (size_t i = 0; to != NULL && i < size; i++)
		to[i] = (uint8_t)(some.size > 0 ? some.data[i % some.size] + i / some.size * 3
						: i * 167 >> 3);
	dw_bytes(&maker->writer, maker->pixel_tag, vr, cells.data, cells.size);
}

void pixels_file(struct span input, struct buf *file)
{
	static const char *const syntaxes[] = {DC_TS_IMPLICIT_LE, DC_TS_EXPLICIT_LE,
					       DC_TS_EXPLICIT_BE, "1.2.840.113619.5.2"};
	static const enum dw_encoding encodings[] = {DW_IMPLICIT_LE, DW_EXPLICIT_LE, DW_EXPLICIT_BE,
						     DW_IMPLICIT_LE};
	struct maker maker = {.input = input};
	uint8_t encoding = fuzz_take_below(&maker.input, ARRAY_LEN(syntaxes));

	maker.parts = fuzz_take_16(&maker.input);
	take_geometry(&maker);
	dw_preamble(file, NULL);
	dw_meta(file, "1.2.840.10008.5.1.4.1.1.7", "2.25.1", syntaxes[encoding]);
	dw_init(&maker.writer, file, encodings[encoding]);
	put_start(&maker);
	put_image(&maker);
	if (has(&maker, PART_WINDOW))
		put_window(&maker);
	if (has(&maker, PART_RESCALE))
		put_rescale(&maker);
	if (has(&maker, PART_PALETTE))
		put_palette(&maker);
	if (has(&maker, PART_MODALITY_LUT))
		put_lut(&maker, 0x3000);
	if (has(&maker, PART_VOI_LUT))
		put_lut(&maker, 0x3010);
	if (has(&maker, PART_SEGMENTS))
		put_segment_list(&maker);
	if (has(&maker, PART_INVERSE))
		put_text(&maker, 0x2050, 0x20, "CS", "INVERSE");
	if (has(&maker, PART_GROUPS))
		put_groups(&maker);
	if (has(&maker, PART_OVERLAY)) {
		put_overlay(&maker, 0x6000);
		put_overlay(&maker, 0x601e);
	}
	put_pixels(&maker);
}
