/* SPDX-License-Identifier: MIT */
#include "render/j2k-header.h"

#define BOX(a, b, c, d) ((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))
#define ENUMERATED_SYCC 18

static uint16_t u16(const uint8_t *p)
{
	return load_u16(p, true);
}

static uint32_t u32(const uint8_t *p)
{
	return load_u32(p, true);
}

/* ---- The file around a codestream: ISO/IEC 15444-1 Annex I ------------------ */

/* Takes the first box off in. */
static bool next_box(struct span *in, uint32_t *type, struct span *content, struct err *err)
{
	size_t header = 8;
	uint64_t length;

	if (in->size < 8)
		return err_set(err, ERR_CORRUPT, "JP2: %zu bytes where a box begins", in->size);
	length = u32(in->data);
	*type = u32(in->data + 4);
	if (length == 1 && in->size >= 16) {
		length = load_u64(in->data + 8, true);
		header = 16;
	} else if (length == 0) {
		length = in->size;
	}
	/* The last box may have been cut by what the file was copied with: whether
	 * the codestream is complete is for its own markers to say. */
	if (*type == BOX('j', 'p', '2', 'c'))
		length = MIN_OF(length, (uint64_t)in->size);
	if (length < header || length > in->size)
		return err_set(err, ERR_CORRUPT, "JP2: a box of %llu bytes, %zu are left",
			       (unsigned long long)length, in->size);
	*content = span_of(in->data + header, (size_t)length - header);
	*in = span_of(in->data + length, in->size - (size_t)length);
	return true;
}

/* I.5.3.6: every channel a colour, and the first is the first colour. */
static bool check_channels(struct span content, struct err *err)
{
	size_t count = content.size >= 2 ? u16(content.data) : 0;

	if (content.size < 2 || content.size - 2 < count * 6)
		return err_set(err, ERR_CORRUPT, "JP2: channel definitions of %zu bytes",
			       content.size);
	for (size_t i = 0; i < count; i++) {
		const uint8_t *at = content.data + 2 + i * 6;
		unsigned channel = u16(at), kind = u16(at + 2), colour = u16(at + 4);

		if (kind == 1 || kind == 2)
			return err_set(err, ERR_UNSUPPORTED, "JP2: an opacity channel");
		if (kind == 0 && colour != 0 && colour != channel + 1)
			return err_set(err, ERR_UNSUPPORTED,
				       "JP2: channel %u is colour %u, not in their order",
				       channel + 1, colour);
	}
	return true;
}

static bool read_jp2_header(struct rn_j2k_header *header, struct span boxes, struct err *err)
{
	bool coloured = false;

	while (boxes.size > 0) {
		struct span content;
		uint32_t type;

		if (!next_box(&boxes, &type, &content, err))
			return false;
		if (type == BOX('p', 'c', 'l', 'r'))
			return err_set(err, ERR_UNSUPPORTED, "JP2: a palette");
		if (type == BOX('c', 'd', 'e', 'f') && !check_channels(content, err))
			return false;
		/* Only the first one counts, I.5.3.3. */
		if (type == BOX('c', 'o', 'l', 'r') && !coloured) {
			coloured = true;
			header->ycc = content.size >= 7 && content.data[0] == 1 &&
				      u32(content.data + 3) == ENUMERATED_SYCC;
		}
	}
	return true;
}

static bool find_codestream(struct rn_j2k_header *header, struct span input, struct err *err)
{
	static const uint8_t signature[] = {0, 0, 0, 12, 'j', 'P', ' ', ' '};

	header->codestream = input;
	if (input.size < sizeof(signature) ||
	    memcmp(input.data, signature, sizeof(signature)) != 0)
		return true;
	while (input.size > 0) {
		struct span content;
		uint32_t type;

		if (!next_box(&input, &type, &content, err))
			return false;
		if (type == BOX('j', 'p', '2', 'h') && !read_jp2_header(header, content, err))
			return false;
		if (type == BOX('j', 'p', '2', 'c')) {
			header->codestream = content;
			return true;
		}
	}
	return err_set(err, ERR_CORRUPT, "JP2: no codestream in the file");
}

/* ---- Marker segments: Annex A ----------------------------------------------- */

static uint32_t divide_up(uint64_t a, uint32_t b)
{
	return (uint32_t)((a + b - 1) / b);
}

static bool read_components(struct rn_j2k_header *header, const uint8_t *at, struct err *err)
{
	for (uint32_t i = 0; i < header->components; i++, at += 3) {
		uint8_t precision = (uint8_t)((at[0] & 0x7f) + 1);
		bool is_signed = (at[0] & 0x80) != 0;

		if (at[1] == 0 || at[2] == 0 || precision > 38)
			return err_set(err, ERR_CORRUPT,
				       "JPEG 2000: component %u has %u bits and a sample every "
				       "%u x %u pixels", i + 1, precision, at[1], at[2]);
		if (i == 0) {
			header->precision = precision;
			header->is_signed = is_signed;
		} else if (precision != header->precision || is_signed != header->is_signed) {
			return err_set(err, ERR_UNSUPPORTED,
				       "JPEG 2000: components of %u bits %s and of %u bits %s",
				       header->precision, header->is_signed ? "signed" : "unsigned",
				       precision, is_signed ? "signed" : "unsigned");
		}
		if (i < RN_J2K_COMPONENTS) {
			header->step[i].dx = at[1];
			header->step[i].dy = at[2];
		}
	}
	return true;
}

static bool read_siz(struct rn_j2k_header *header, struct span content, struct err *err)
{
	const uint8_t *at = content.data;

	if (content.size < 36)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: SIZ marker of %zu bytes",
			       content.size);
	header->x1 = u32(at + 2);
	header->y1 = u32(at + 6);
	header->x0 = u32(at + 10);
	header->y0 = u32(at + 14);
	header->tile_width = u32(at + 18);
	header->tile_height = u32(at + 22);
	header->tile_x0 = u32(at + 26);
	header->tile_y0 = u32(at + 30);
	header->components = u16(at + 34);
	if (header->components == 0 || content.size - 36 < (size_t)header->components * 3)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: SIZ marker of %zu bytes with %u components",
			       content.size, header->components);
	if (header->x0 >= header->x1 || header->y0 >= header->y1)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: a picture from %u, %u to %u, %u",
			       header->x0, header->y0, header->x1, header->y1);
	if (header->tile_x0 > header->x0 || header->tile_y0 > header->y0 ||
	    (uint64_t)header->tile_x0 + header->tile_width <= header->x0 ||
	    (uint64_t)header->tile_y0 + header->tile_height <= header->y0)
		return err_set(err, ERR_CORRUPT,
			       "JPEG 2000: tiles of %u x %u from %u, %u do not cover %u, %u",
			       header->tile_width, header->tile_height, header->tile_x0,
			       header->tile_y0, header->x0, header->y0);
	header->tiles_across = divide_up(header->x1 - header->tile_x0, header->tile_width);
	header->tiles_down = divide_up(header->y1 - header->tile_y0, header->tile_height);
	return read_components(header, at + 36, err);
}

/* Tables A.15 and A.20: from the number of levels on. */
static bool read_coding(struct rn_j2k_coding *coding, bool precincts, const uint8_t *at,
			size_t size, struct err *err)
{
	if (size < 5 || at[0] > RN_J2K_LEVELS || (precincts && size < 6u + at[0]))
		return err_set(err, ERR_CORRUPT,
			       "JPEG 2000: coding style of %zu bytes for %u levels", size,
			       size > 0 ? at[0] : 0);
	coding->levels = at[0];
	if (at[4] > 1)
		return err_set(err, ERR_UNSUPPORTED, "JPEG 2000: wavelet %u of Part 2", at[4]);
	coding->reversible = at[4] == 1;
	for (unsigned i = 0; i <= coding->levels; i++)
		coding->precincts[i] = precincts ? at[5 + i] : 0xff;
	return true;
}

static bool read_cod(const struct rn_j2k_header *header, struct rn_j2k_style *style,
		     struct span content, struct err *err)
{
	struct rn_j2k_coding coding = {0};

	if (content.size < 5)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: COD marker of %zu bytes",
			       content.size);
	if (!read_coding(&coding, (content.data[0] & 1) != 0, content.data + 5, content.size - 5,
			 err))
		return false;
	style->least_levels = MIN_OF(style->least_levels, coding.levels);
	style->layers = u16(content.data + 2);
	if (style->layers == 0)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: 0 layers");
	style->colour_transform = content.data[4] == 1 && header->components >= 3;
	for (size_t i = 0; i < RN_J2K_COMPONENTS; i++) {
		if (!style->component[i].own)
			style->component[i] = coding;
	}
	return true;
}

static bool read_coc(const struct rn_j2k_header *header, struct rn_j2k_style *style,
		     struct span content, struct err *err)
{
	size_t wide = header->components < 257 ? 1 : 2;
	struct rn_j2k_coding coding = {.own = true};
	uint32_t component;

	if (content.size < wide + 1)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: COC marker of %zu bytes",
			       content.size);
	component = wide == 1 ? content.data[0] : u16(content.data);
	if (component >= header->components)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: coding style of component %u of %u",
			       component + 1, header->components);
	if (!read_coding(&coding, (content.data[wide] & 1) != 0, content.data + wide + 1,
			 content.size - wide - 1, err))
		return false;
	style->least_levels = MIN_OF(style->least_levels, coding.levels);
	if (component < RN_J2K_COMPONENTS)
		style->component[component] = coding;
	return true;
}

bool rn_j2k_read_segment(const struct rn_j2k_header *header, struct rn_j2k_style *style,
			 uint16_t marker, struct span content, struct err *err)
{
	if (marker == RN_J2K_COD)
		return read_cod(header, style, content, err);
	if (marker == RN_J2K_COC)
		return read_coc(header, style, content, err);
	/* What these change in the samples, no decoder here undoes. */
	if (marker >= RN_J2K_PART2_FIRST && marker <= RN_J2K_PART2_LAST)
		return err_set(err, ERR_UNSUPPORTED, "JPEG 2000: extension %04X of Part 2", marker);
	return true;
}

bool rn_j2k_header_read(struct rn_j2k_header *header, struct span input, struct err *err)
{
	bool sized = false;
	size_t at = 2;

	*header = (struct rn_j2k_header){.style.least_levels = RN_J2K_LEVELS};
	if (!find_codestream(header, input, err))
		return false;
	input = header->codestream;
	if (input.size < 2 || u16(input.data) != RN_J2K_SOC)
		return err_set(err, ERR_CORRUPT, "no JPEG 2000 codestream");
	for (;;) {
		uint16_t marker, length;
		struct span content;

		if (input.size - at < 4)
			return err_set(err, ERR_CORRUPT, "JPEG 2000: the codestream ends in its header");
		marker = u16(input.data + at);
		length = u16(input.data + at + 2);
		if (marker == RN_J2K_SOT)
			break;
		if (marker < 0xff00 || length < 2 || input.size - at - 2 < length)
			return err_set(err, ERR_CORRUPT,
				       "JPEG 2000: marker %04X of %u bytes at %zu of %zu", marker,
				       length, at, input.size);
		content = span_of(input.data + at + 4, length - 2u);
		if ((marker == RN_J2K_SIZ) == sized)
			return err_set(err, ERR_CORRUPT, "JPEG 2000: SIZ is %s",
				       sized ? "there twice" : "not the first marker");
		if (!sized ? !read_siz(header, content, err)
			   : !rn_j2k_read_segment(header, &header->style, marker, content, err))
			return false;
		sized = true;
		at += 2u + length;
	}
	header->tile_parts = at;
	if (header->style.layers == 0)
		return err_set(err, ERR_CORRUPT, "JPEG 2000: no coding style in the header");
	return true;
}

uint32_t rn_j2k_component_width(const struct rn_j2k_header *header, unsigned component)
{
	uint8_t dx = header->step[component].dx;

	return divide_up(header->x1, dx) - divide_up(header->x0, dx);
}

uint32_t rn_j2k_component_height(const struct rn_j2k_header *header, unsigned component)
{
	uint8_t dy = header->step[component].dy;

	return divide_up(header->y1, dy) - divide_up(header->y0, dy);
}
