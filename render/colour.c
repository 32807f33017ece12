/* SPDX-License-Identifier: MIT */
#include "render/colour.h"

#include "render/ybr.h"

enum kind {
	KIND_COPY,   /* cells are 8-bit RGB already */
	KIND_LEVELS, /* RGB of another depth, by table */
	KIND_TABLE,  /* palette */
	KIND_YBR_FULL,
	KIND_YBR_PARTIAL,
	/* Of any depth, in double precision: */
	KIND_ANY_RGB,
	KIND_ANY_YBR_FULL,
	KIND_ANY_YBR_PARTIAL,
	KIND_HSV,
	KIND_ARGB,
	KIND_CMYK,
};

/* ---- What can be shown -------------------------------------------------- */

/* Made by the decoder between codestream and samples, and gone in samples. */
static bool is_codec_ybr(const struct dc_image *image)
{
	return image->photometric == DC_YBR_ICT || image->photometric == DC_YBR_RCT ||
	       image->photometric == DC_XYB;
}

/* Frames of cells, packed or not, with no colours of their own. */
static bool is_native_or_rle(const struct dc_image *image)
{
	static const char *const uids[] = {
		"1.2.840.10008.1.2.1.98", /* Encapsulated Uncompressed */
		"1.2.840.10008.1.2.5",    /* RLE Lossless */
		"1.2.840.10008.1.2.8.1",  /* Deflated Image Frame Compression */
	};

	if ((image->flags & DC_IMAGE_ENCAPSULATED) == 0)
		return true;
	for (size_t i = 0; i < ARRAY_LEN(uids); i++) {
		if (strcmp(dc_transfer_syntax_table[image->transfer_syntax].uid, uids[i]) == 0)
			return true;
	}
	return false;
}

static bool bits_supported(const struct dc_image *image, struct err *why)
{
	unsigned allocated = image->bits_allocated, stored = image->bits_stored;

	if (allocated == 0 || rn_cell_bytes(image) == 0 || allocated > 32 ||
	    (image->samples == 1 && allocated > 16))
		return err_set(why, ERR_UNSUPPORTED, "%s with Bits Allocated %u",
			       dc_photometric_name(image->photometric), allocated);
	if (stored < 1 || stored > allocated || image->high_bit >= allocated ||
	    image->high_bit + 1u < stored)
		return err_set(why, ERR_CORRUPT,
			       "Bits Stored %u and High Bit %u do not fit Bits Allocated %u",
			       stored, image->high_bit, allocated);
	return true;
}

bool rn_colour_supported(const struct dc_image *image, struct err *why)
{
	const char *name = dc_photometric_name(image->photometric);

	if (image->photometric == DC_PHOTOMETRIC_NONE)
		return err_set(why, ERR_CORRUPT, "Photometric Interpretation is absent");
	if (image->photometric == DC_PHOTOMETRIC_OTHER)
		return err_set(why, ERR_UNSUPPORTED, "%s", name);
	if (image->samples != dc_photometric_samples(image->photometric))
		return err_set(why, ERR_CORRUPT, "%s with %u samples per pixel", name,
			       image->samples);
	if (rn_is_grey(image))
		return !rn_is_supplemented(image) || bits_supported(image, why);
	if (image->pixel_tag != DC_TAG_PIXEL_DATA)
		return err_set(why, ERR_UNSUPPORTED, "%s with floating-point pixel data", name);
	if (is_codec_ybr(image) && is_native_or_rle(image))
		return err_set(why, ERR_UNSUPPORTED, "%s in %s", name,
			       dc_transfer_syntax_table[image->transfer_syntax].label);
	if ((image->photometric == DC_PALETTE_COLOR || image->photometric == DC_ARGB) &&
	    (image->flags & DC_IMAGE_PALETTE) == 0)
		return err_set(why, ERR_CORRUPT, "%s without a palette", name);
	return bits_supported(image, why);
}

/* ---- Tables ------------------------------------------------------------- */

static bool is_plain_byte(const struct rn_colour_map *map)
{
	return !map->wide && map->cells.bytes == 1 && map->cells.bits == 8 && map->cells.flip == 0;
}

/* How many different cells there are. */
static uint32_t cell_values(const struct rn_cells *cells)
{
	return cells->bytes == 1 ? 256 : 65536;
}

/* Three bytes in the order of memory, so that one move stores them. */
static uint32_t pack(uint8_t red, uint8_t green, uint8_t blue)
{
	uint8_t bytes[4] = {red, green, blue, 0};
	uint32_t word;

	memcpy(&word, bytes, sizeof(word));
	return word;
}

static uint32_t palette_colour(const struct rn_palette *palette, int32_t value)
{
	return pack(rn_palette_level(palette, 0, value),
		    rn_palette_level(palette, 1, value),
		    rn_palette_level(palette, 2, value));
}

static bool out_of_memory(struct err *err)
{
	return err_set(err, ERR_NOMEM, "out of memory");
}

/* grey: levels by cell for what is below the palette; NULL: the palette is for
 * all. */
static bool fill_table(struct rn_colour_map *map, const struct rn_palette *palette,
		       const uint8_t *grey, struct err *err)
{
	uint32_t count = cell_values(&map->cells);

	map->table = malloc(count * sizeof(*map->table));
	if (map->table == NULL)
		return out_of_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		int32_t value = (int32_t)rn_cell_index(&map->cells, (uint16_t)i) +
				map->cells.first;
		bool coloured = grey == NULL || rn_palette_colours(palette, value);

		map->table[i] = coloured ? palette_colour(palette, value)
					 : pack(grey[i], grey[i], grey[i]);
	}
	return true;
}

static bool fill_levels(struct rn_colour_map *map, struct err *err)
{
	uint32_t count = cell_values(&map->cells), most = map->most;

	map->levels = malloc(count);
	if (map->levels == NULL)
		return out_of_memory(err);
	for (uint32_t i = 0; i < count; i++)
		map->levels[i] =
			(uint8_t)((rn_cell_index(&map->cells, (uint16_t)i) * 255 + most / 2) / most);
	return true;
}

/* ---- Opening ------------------------------------------------------------ */

/* What the samples are, and whether they are bytes. */
static enum kind kind_of(const struct rn_colour_map *map, const struct dc_image *image,
			 const struct rn_decoded *decoded)
{
	uint8_t photometric = image->photometric;
	bool bytes = is_plain_byte(map);

	if (decoded->colour == RN_COLOUR_YBR_FULL)
		photometric = DC_YBR_FULL;
	else if (decoded->colour == RN_COLOUR_RGB)
		photometric = DC_RGB;
	switch (photometric) {
	case DC_PALETTE_COLOR:
		return KIND_TABLE;
	case DC_YBR_FULL:
	case DC_YBR_FULL_422:
		return bytes ? KIND_YBR_FULL : KIND_ANY_YBR_FULL;
	case DC_YBR_PARTIAL_422:
	case DC_YBR_PARTIAL_420:
		return bytes ? KIND_YBR_PARTIAL : KIND_ANY_YBR_PARTIAL;
	case DC_HSV:
		return KIND_HSV;
	case DC_ARGB:
		return KIND_ARGB;
	case DC_CMYK:
		return KIND_CMYK;
	default:
		return bytes ? KIND_COPY : map->wide ? KIND_ANY_RGB : KIND_LEVELS;
	}
}

static bool init_samples(struct rn_colour_map *map, const struct dc_image *header,
			 const struct rn_decoded *decoded, struct err *err)
{
	struct dc_image as_coded = *header;
	const struct dc_image *image = &as_coded;
	unsigned stored, high;

	/* Black to white is the range of what was coded: 8-bit JPEG is not nearly
	 * black because the header says 16. Indices of a palette are what they are. */
	if (decoded->precision != 0 && decoded->precision < header->bits_stored &&
	    header->pixel_representation == 0 && header->photometric != DC_PALETTE_COLOR &&
	    !rn_is_grey(header)) {
		as_coded.bits_stored = decoded->precision;
		as_coded.high_bit = (uint16_t)(decoded->precision - 1);
	}
	stored = image->bits_stored;
	high = image->high_bit;
	map->samples = (uint8_t)image->samples;
	map->wide = image->bits_allocated > 16;
	map->most = UINT32_MAX >> (32 - stored);
	if (!map->wide)
		return rn_cells_init(&map->cells, image, decoded, err);
	if (rn_cells_right_aligned(image, decoded))
		high = stored - 1;
	map->shift = (uint8_t)(high + 1 - stored);
	map->flip = image->pixel_representation == 1 ? (uint32_t)1 << (stored - 1) : 0;
	return true;
}

bool rn_colour_open(struct rn_colour_map *map, const struct rn_request *request,
		    const struct rn_decoded *decoded, struct err *err)
{
	const struct dc_image *image = request->instance->image;
	struct rn_palette palette CLEANUP_PALETTE = {0};

	*map = (struct rn_colour_map){0};
	if (!init_samples(map, image, decoded, err))
		return false;
	map->kind = (uint8_t)kind_of(map, image, decoded);
	if (map->kind == KIND_LEVELS)
		return fill_levels(map, err);
	if (map->kind == KIND_ARGB)
		return rn_palette_read(&map->palette, request, err);
	if (map->kind == KIND_TABLE)
		return rn_palette_read(&palette, request, err) &&
		       fill_table(map, &palette, NULL, err);
	return true;
}

/* Every cell there is, through the map of grey. */
static bool grey_levels(const struct rn_grey_map *grey, uint32_t count, uint8_t *levels,
			struct err *err)
{
	uint16_t *cells CLEANUP_FREE = malloc(count * sizeof(*cells));

	if (cells == NULL)
		return out_of_memory(err);
	for (uint32_t i = 0; i < count; i++) {
		if (grey->cells.bytes == 1)
			((uint8_t *)cells)[i] = (uint8_t)i;
		else
			cells[i] = (uint16_t)i;
	}
	rn_grey_map_row(grey, cells, count, levels);
	return true;
}

bool rn_colour_open_supplemented(struct rn_colour_map *map, const struct dc_image *image,
				 const struct rn_decoded *decoded, const struct rn_grey_map *grey,
				 const struct rn_palette *palette, struct err *err)
{
	uint32_t count = cell_values(&grey->cells);
	uint8_t *levels CLEANUP_FREE = malloc(count);

	*map = (struct rn_colour_map){.kind = KIND_TABLE};
	if (!init_samples(map, image, decoded, err))
		return false;
	if (levels == NULL)
		return out_of_memory(err);
	return grey_levels(grey, count, levels, err) && fill_table(map, palette, levels, err);
}

void rn_colour_release(struct rn_colour_map *map)
{
	free(map->table);
	free(map->levels);
	map->table = NULL;
	map->levels = NULL;
	rn_palette_release(&map->palette);
}

/* ---- Rows --------------------------------------------------------------- */

static uint8_t level_of(double value)
{
	return value >= 255 ? 255 : value > 0 ? (uint8_t)(value + 0.5) : 0;
}

static inline void put_rgb(uint8_t *rgb, double red, double green, double blue)
{
	rgb[0] = level_of(red);
	rgb[1] = level_of(green);
	rgb[2] = level_of(blue);
}

/* Of 0 to 255 and differences from the middle. */
static void put_ybr(uint8_t *rgb, double y, double cb, double cr)
{
	put_rgb(rgb, y + 1.402 * cr, y - (0.114 * 1.772 * cb + 0.299 * 1.402 * cr) / 0.587,
		y + 1.772 * cb);
}

/* Hue is a circle of 2 to the power of Bits Stored, red at 0. */
static void put_hsv(uint8_t *rgb, double turn, double saturation, double value)
{
	double at = turn * 6;
	int sector = (int)at;
	double rest = at - sector;
	double low = value * (1 - saturation);
	double falling = value * (1 - saturation * rest);
	double rising = value * (1 - saturation * (1 - rest));

	switch (sector) {
	case 0:
		put_rgb(rgb, value, rising, low);
		break;
	case 1:
		put_rgb(rgb, falling, value, low);
		break;
	case 2:
		put_rgb(rgb, low, value, rising);
		break;
	case 3:
		put_rgb(rgb, low, falling, value);
		break;
	case 4:
		put_rgb(rgb, rising, low, value);
		break;
	default:
		put_rgb(rgb, value, low, falling);
		break;
	}
}

static void any_pixel(const struct rn_colour_map *map, const uint32_t number[static 4],
		      uint8_t *rgb)
{
	double most = map->most, unit = 255 / most, middle = most / 2 + 0.5;
	double n[4];

	for (int i = 0; i < 4; i++)
		n[i] = number[i];
	switch (map->kind) {
	case KIND_ANY_YBR_FULL:
		put_ybr(rgb, n[0] * unit, (n[1] - middle) * unit, (n[2] - middle) * unit);
		break;
	case KIND_ANY_YBR_PARTIAL:
		/* Its limits grow with the depth: 16 of 256 and so on. */
		unit = 256 / (most + 1);
		put_ybr(rgb, (n[0] * unit - 16) * 255 / 219, (n[1] - middle) * unit * 255 / 224,
			(n[2] - middle) * unit * 255 / 224);
		break;
	case KIND_HSV:
		put_hsv(rgb, n[0] / (most + 1), n[1] / most, n[2] * unit);
		break;
	case KIND_CMYK:
		put_rgb(rgb, 255 - (n[0] + n[3]) * unit, 255 - (n[1] + n[3]) * unit,
			255 - (n[2] + n[3]) * unit);
		break;
	case KIND_ARGB:
		put_rgb(rgb, n[1] * unit, n[2] * unit, n[3] * unit);
		break;
	default:
		put_rgb(rgb, n[0] * unit, n[1] * unit, n[2] * unit);
		break;
	}
}

static uint32_t number_at(const struct rn_colour_map *map, const void *cells, size_t i)
{
	if (map->wide)
		return (((const uint32_t *)cells)[i] >> map->shift & map->most) ^ map->flip;
	return rn_cell_index(&map->cells, map->cells.bytes == 1 ? ((const uint8_t *)cells)[i]
								: ((const uint16_t *)cells)[i]);
}

/* As a stored value; no table reaches further than 16 bits. */
static int32_t alpha_of(const struct rn_colour_map *map, uint32_t number)
{
	return map->wide ? (int32_t)MIN_OF(number, (uint32_t)INT32_MAX)
			 : (int32_t)number + map->cells.first;
}

static void any_row(const struct rn_colour_map *map, const void *cells, size_t columns,
		    uint8_t *rgb)
{
	uint32_t number[4] = {0};

	for (size_t i = 0; i < columns; i++) {
		for (unsigned k = 0; k < map->samples; k++)
			number[k] = number_at(map, cells, i * map->samples + k);
		/* The palette overrides the planes where alpha is above 0. */
		if (map->kind == KIND_ARGB && number[0] > 0) {
			uint32_t word = palette_colour(&map->palette, alpha_of(map, number[0]));

			memcpy(rgb + 3 * i, &word, 3);
		} else {
			any_pixel(map, number, rgb + 3 * i);
		}
	}
}

/* Four bytes at a time, the last of which the next pixel overwrites. */
#define TABLE_ROW(name, type)                                                                      \
	static void name(const uint32_t *table, const type *cells, size_t columns, uint8_t *rgb)   \
	{                                                                                          \
		for (size_t i = 0; i + 1 < columns; i++)                                           \
			memcpy(rgb + 3 * i, &table[cells[i]], 4);                                  \
		if (columns > 0)                                                                   \
			memcpy(rgb + 3 * (columns - 1), &table[cells[columns - 1]], 3);            \
	}
TABLE_ROW(table_row_8, uint8_t)
TABLE_ROW(table_row_16, uint16_t)

static void levels_row(const struct rn_colour_map *map, const void *cells, size_t count,
		       uint8_t *out)
{
	if (map->cells.bytes == 1) {
		for (size_t i = 0; i < count; i++)
			out[i] = map->levels[((const uint8_t *)cells)[i]];
	} else {
		for (size_t i = 0; i < count; i++)
			out[i] = map->levels[((const uint16_t *)cells)[i]];
	}
}

void rn_colour_row(const struct rn_colour_map *map, const void *cells, size_t columns,
		   uint8_t *rgb)
{
	switch (map->kind) {
	case KIND_COPY:
		memcpy(rgb, cells, columns * 3);
		break;
	case KIND_LEVELS:
		levels_row(map, cells, columns * 3, rgb);
		break;
	case KIND_TABLE:
		if (map->cells.bytes == 1)
			table_row_8(map->table, cells, columns, rgb);
		else
			table_row_16(map->table, cells, columns, rgb);
		break;
	case KIND_YBR_FULL:
		rn_ybr_full(cells, columns, rgb);
		break;
	case KIND_YBR_PARTIAL:
		rn_ybr_partial(cells, columns, rgb);
		break;
	default:
		any_row(map, cells, columns, rgb);
		break;
	}
}
