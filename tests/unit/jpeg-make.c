/* SPDX-License-Identifier: MIT */
#include "tests/unit/jpeg-make.h"

#include <setjmp.h>

#include <cmocka.h>

#include <jpeglib.h>

#define SCANS 16

static unsigned scan_of(jpeg_scan_info *scan, unsigned component, int ss, int se, int ah, int al)
{
	*scan = (jpeg_scan_info){.comps_in_scan = 1, .Ss = ss, .Se = se, .Ah = ah, .Al = al};
	scan->component_index[0] = (int)component;
	return 1;
}

static unsigned scan_of_all(jpeg_scan_info *scan, unsigned components, int ah, int al)
{
	*scan = (jpeg_scan_info){.comps_in_scan = (int)components, .Ah = ah, .Al = al};
	for (unsigned i = 0; i < components; i++)
		scan->component_index[i] = (int)i;
	return 1;
}

static unsigned make_scans(const struct jpeg_shape *shape, jpeg_scan_info *scans)
{
	unsigned n = 0, count = shape->components;

	switch (shape->scans) {
	case JPEG_SEPARATE:
		for (unsigned i = 0; i < count; i++)
			n += scan_of(&scans[n], count - 1 - i, 0, 63, 0, 0);
		break;
	case JPEG_SPECTRAL:
		n += scan_of_all(&scans[n], count, 0, 0);
		for (unsigned i = 0; i < count; i++) {
			n += scan_of(&scans[n], i, 1, 5, 0, 0);
			n += scan_of(&scans[n], i, 6, 63, 0, 0);
		}
		break;
	case JPEG_FULL:
		n += scan_of_all(&scans[n], count, 0, 2);
		for (unsigned i = 0; i < count; i++) {
			n += scan_of(&scans[n], i, 1, 63, 0, 2);
			n += scan_of(&scans[n], i, 1, 63, 2, 1);
			n += scan_of(&scans[n], i, 1, 63, 1, 0);
		}
		n += scan_of_all(&scans[n], count, 2, 1);
		n += scan_of_all(&scans[n], count, 1, 0);
		break;
	default:
		n += scan_of_all(&scans[n], count, 0, 0);
		scans[0].Se = 63;
		break;
	}
	return n;
}

static void make_row(const struct jpeg_shape *shape, uint32_t y, uint32_t *random, uint8_t *row)
{
	for (uint32_t x = 0; x < shape->width; x++) {
		for (unsigned c = 0; c < shape->components; c++) {
			*random = *random * 1664525u + 1013904223u;
			row[x * shape->components + c] =
				(uint8_t)(70 + 30 * x * (1 + c) / shape->width +
					  20 * y * (3 - c) / shape->height + (*random >> 28) +
					  (x / 13 + y / 17) % 2 * 25);
		}
	}
}

static void set_up(struct jpeg_compress_struct *library, const struct jpeg_shape *shape)
{
	library->image_width = shape->width;
	library->image_height = shape->height;
	library->input_components = shape->components;
	library->in_color_space = shape->components == 1 ? JCS_GRAYSCALE : JCS_RGB;
	jpeg_set_defaults(library);
	if (shape->rgb)
		jpeg_set_colorspace(library, JCS_RGB);
	jpeg_set_quality(library, shape->quality == 0 ? 85 : (int)shape->quality, TRUE);
	for (unsigned i = 0; i < shape->components; i++) {
		library->comp_info[i].h_samp_factor = i > 0 || shape->h == 0 ? 1 : shape->h;
		library->comp_info[i].v_samp_factor = i > 0 || shape->v == 0 ? 1 : shape->v;
	}
	library->restart_interval = shape->restart;
	library->arith_code = shape->arithmetic;
	library->optimize_coding = !shape->arithmetic;
}

void jpeg_make(struct jpeg_stream *stream, const struct jpeg_shape *shape)
{
	uint8_t *row CLEANUP_FREE = malloc((size_t)shape->width * shape->components);
	struct jpeg_compress_struct library;
	struct jpeg_error_mgr errors;
	jpeg_scan_info scans[SCANS];
	unsigned char *data = NULL;
	unsigned long size = 0;
	uint32_t random = 1;

	assert_non_null(row);
	library.err = jpeg_std_error(&errors);
	jpeg_create_compress(&library);
	jpeg_mem_dest(&library, &data, &size);
	set_up(&library, shape);
	library.num_scans = (int)make_scans(shape, scans);
	library.scan_info = scans;
	jpeg_start_compress(&library, TRUE);
	for (uint32_t y = 0; y < shape->height; y++) {
		make_row(shape, y, &random, row);
		(void)jpeg_write_scanlines(&library, &row, 1);
	}
	jpeg_finish_compress(&library);
	jpeg_destroy_compress(&library);
	*stream = (struct jpeg_stream){data, size};
}

void jpeg_release(struct jpeg_stream *stream)
{
	free(stream->data);
}

uint8_t *jpeg_read(const struct jpeg_stream *stream, int space)
{
	struct jpeg_decompress_struct library;
	struct jpeg_error_mgr errors;
	uint8_t *samples, *row;

	library.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&library);
	jpeg_mem_src(&library, stream->data, stream->size);
	(void)jpeg_read_header(&library, TRUE);
	if (space != JCS_UNKNOWN)
		library.out_color_space = (J_COLOR_SPACE)space;
	(void)jpeg_start_decompress(&library);
	row = samples = malloc((size_t)library.output_width * library.output_height *
			       (unsigned)library.output_components);
	assert_non_null(samples);
	while (library.output_scanline < library.output_height) {
		(void)jpeg_read_scanlines(&library, &row, 1);
		row += library.output_width * (unsigned)library.output_components;
	}
	jpeg_destroy_decompress(&library);
	return samples;
}

size_t jpeg_frame_header(const struct jpeg_stream *stream)
{
	size_t at = 2;

	while (stream->data[at + 1] < 0xC0 || stream->data[at + 1] > 0xCF ||
	       stream->data[at + 1] == 0xC4 || stream->data[at + 1] == 0xCC)
		at += 2 + load_u16(stream->data + at + 2, true);
	return at;
}

void jpeg_patch(struct jpeg_stream *stream, uint8_t sof, uint8_t precision)
{
	size_t at = jpeg_frame_header(stream);

	if (sof != 0)
		stream->data[at + 1] = sof;
	stream->data[at + 4] = precision;
}
