/* SPDX-License-Identifier: MIT */
#include "render/palette.h"

#include "dicom/value.h"

#define DESCRIPTOR DC_TAG(0x0028, 0x1101)
#define DATA DC_TAG(0x0028, 0x1201)
#define SEGMENTED DC_TAG(0x0028, 0x1221)
#define SHARED_GROUPS DC_TAG(0x5200, 0x9229)
#define FRAME_GROUPS DC_TAG(0x5200, 0x9230)
#define PIXEL_PRESENTATION DC_TAG(0x0008, 0x9205)

/* Segments that repeat themselves need few bytes; more than so many are no table. */
#define SEGMENTS_MAX 131072
#define DATA_MAX ((uint64_t)4 * RN_PALETTE_ENTRIES)

/* ---- Numbers of a value field ------------------------------------------- */

/* Entries as they are stored, bytes or words. */
struct entries {
	struct span data;
	bool wide;       /* 16 bits each */
	bool big_endian; /* of words; bytes inside words are swapped too */
	bool words;
	size_t count;
};

static uint16_t entry_at(const struct entries *in, size_t i)
{
	if (in->wide)
		return load_u16(in->data.data + 2 * i, in->big_endian);
	/* PS3.5 8.1.1: the first of two bytes is the low one of its word. */
	if (in->words && in->big_endian && (i ^ 1) < in->data.size)
		i ^= 1;
	return in->data.data[i];
}

static bool is_wide(const struct rn_palette_descriptor *descriptor, bool segmented,
		    struct span data)
{
	uint64_t entries = descriptor->entries;

	if (segmented)
		return descriptor->bits > 8;
	if (descriptor->bits > 8)
		return data.size != entries && data.size != entries + 1;
	return data.size >= 2 * entries;
}

/* ---- Segments, PS3.3 C.7.9.2 -------------------------------------------- */

enum { SEGMENT_DISCRETE, SEGMENT_LINEAR, SEGMENT_INDIRECT };

struct expansion {
	const struct entries *in;
	uint16_t *out;
	uint32_t count, room;
	uint32_t segments;
};

static void add(struct expansion *x, uint16_t value)
{
	if (x->count < x->room)
		x->out[x->count++] = value;
}

static bool cut_short(struct err *err)
{
	return err_set(err, ERR_CORRUPT, "a palette segment ends past the table");
}

static bool discrete(struct expansion *x, size_t at, size_t length, size_t *next,
		     struct err *err)
{
	if (length > x->in->count - at)
		return cut_short(err);
	for (size_t i = 0; i < length; i++)
		add(x, entry_at(x->in, at + i));
	*next = at + length;
	return true;
}

/* From the entry before, which is not part of it, to its own last one. */
static bool linear(struct expansion *x, size_t at, size_t length, size_t *next, struct err *err)
{
	int64_t from, to;

	if (at >= x->in->count)
		return cut_short(err);
	if (x->count == 0)
		return err_set(err, ERR_CORRUPT,
			       "a linear palette segment has nothing in front of it");
	from = x->out[x->count - 1];
	to = entry_at(x->in, at);
	for (size_t i = 1; i <= length && x->count < x->room; i++) {
		int64_t part = 2 * (to - from) * (int64_t)i, all = 2 * (int64_t)length;

		/* Rounded, halves up; not below 0 as a whole. */
		add(x, (uint16_t)((part + from * all + (int64_t)length) / all));
	}
	*next = at + 1;
	return true;
}

static bool segment(struct expansion *x, size_t at, bool indirect, size_t *next,
		    struct err *err);

static bool copy(struct expansion *x, size_t at, size_t segments, size_t *next, struct err *err)
{
	size_t parts = x->in->wide ? 2 : 4, bits = x->in->wide ? 16 : 8;
	size_t offset = 0, from;

	if (parts > x->in->count - at)
		return cut_short(err);
	for (size_t i = 0; i < parts; i++)
		offset |= (size_t)entry_at(x->in, at + i) << (i * bits);
	if (x->in->wide && offset % 2 != 0)
		return err_set(err, ERR_CORRUPT, "a palette segment begins inside an entry");
	from = x->in->wide ? offset / 2 : offset;
	for (size_t i = 0; i < segments && x->count < x->room; i++) {
		if (!segment(x, from, true, &from, err))
			return false;
	}
	*next = at + parts;
	return true;
}

/* One segment at an entry of the table; indirect: it is a copy, and may not ask
 * for another one (C.7.9.2.3), which keeps them from going round. */
static bool segment(struct expansion *x, size_t at, bool indirect, size_t *next,
		    struct err *err)
{
	size_t length;

	if (++x->segments > SEGMENTS_MAX)
		return err_set(err, ERR_CORRUPT, "a palette has more than %d segments",
			       SEGMENTS_MAX);
	if (at > x->in->count || x->in->count - at < 2)
		return cut_short(err);
	length = entry_at(x->in, at + 1);
	switch (entry_at(x->in, at)) {
	case SEGMENT_DISCRETE:
		return discrete(x, at + 2, length, next, err);
	case SEGMENT_LINEAR:
		return linear(x, at + 2, length, next, err);
	case SEGMENT_INDIRECT:
		if (!indirect)
			return copy(x, at + 2, length, next, err);
		return err_set(err, ERR_CORRUPT, "an indirect palette segment in another one");
	default:
		return err_set(err, ERR_CORRUPT, "palette segments of type %u",
			       entry_at(x->in, at));
	}
}

static bool expand_segments(const struct entries *in, uint16_t *out, uint32_t room,
			    uint32_t *count, struct err *err)
{
	struct expansion x = {.in = in, .out = out, .room = room};
	size_t at = 0;

	/* An odd value's padding is no segment. */
	while (x.count < room && at + 1 < in->count) {
		if (!segment(&x, at, false, &at, err))
			return false;
	}
	*count = x.count;
	return true;
}

/* ---- One table ---------------------------------------------------------- */

bool rn_palette_expand(const struct rn_palette_descriptor *descriptor, bool segmented,
		       struct span data, bool words, bool big_endian, struct rn_palette_lut *lut,
		       struct err *err)
{
	struct entries in = {
		.data = data,
		.wide = is_wide(descriptor, segmented, data),
		.big_endian = big_endian,
		.words = words,
	};
	uint16_t *entry CLEANUP_FREE = malloc(descriptor->entries * sizeof(*entry));
	uint32_t count;

	if (entry == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	in.count = in.wide ? data.size / 2 : data.size;
	if (segmented) {
		if (!expand_segments(&in, entry, descriptor->entries, &count, err))
			return false;
	} else {
		count = (uint32_t)MIN_OF(in.count, (size_t)descriptor->entries);
		for (uint32_t i = 0; i < count; i++)
			entry[i] = entry_at(&in, i);
	}
	if (count == 0)
		return err_set(err, ERR_CORRUPT, "the palette has no entries");
	*lut = (struct rn_palette_lut){
		.descriptor = *descriptor, .count = count, .wide = in.wide};
	for (uint32_t i = 0; i < count; i++)
		lut->greatest = MAX_OF(lut->greatest, entry[i]);
	lut->entries = STEAL(entry);
	return true;
}

/* Descriptors of 9 to 15 bits, which the standard does not know, are believed
 * as long as no entry is greater. */
static void choose_shifts(struct rn_palette *palette)
{
	uint16_t greatest = 0;

	for (int i = 0; i < 3; i++) {
		if (palette->lut[i].wide)
			greatest = MAX_OF(greatest, palette->lut[i].greatest);
	}
	for (int i = 0; i < 3; i++) {
		const struct rn_palette_lut *lut = &palette->lut[i];
		uint16_t bits = lut->descriptor.bits;

		if (!lut->wide || greatest <= UINT8_MAX)
			palette->shift[i] = 0;
		else if (bits > 8 && bits < 16 && lut->greatest >> bits == 0)
			palette->shift[i] = (uint8_t)(bits - 8);
		else
			palette->shift[i] = 8;
	}
}

/* ---- The header --------------------------------------------------------- */

struct reading {
	struct rn_palette *palette;
	const struct dc_image *image;
	uint32_t frame;
	uint64_t frame_items;
	bool described[3];
	/* Copies, since a descriptor may come behind its data. */
	struct buf data[3];
	bool segmented[3], words[3], big_endian[3];
};

static void release_reading(struct reading *r)
{
	for (int i = 0; i < 3; i++)
		buf_release(&r->data[i]);
}

static void take_descriptor(struct reading *r, unsigned i, const struct dc_element *element,
			    struct span value)
{
	struct rn_palette_descriptor *descriptor = &r->palette->lut[i].descriptor;
	uint16_t number[3];

	if (r->described[i] || value.size < 6)
		return;
	for (size_t k = 0; k < 3; k++)
		number[k] = load_u16(value.data + 2 * k, element->big_endian);
	r->described[i] = true;
	descriptor->entries = number[0] == 0 ? RN_PALETTE_ENTRIES : number[0];
	/* The stored value: Pixel Representation tells its sign, not the VR. */
	descriptor->first = r->image->pixel_representation == 1 ? (int16_t)number[1] : number[1];
	descriptor->bits = number[2];
}

static bool take_data(struct reading *r, unsigned i, bool segmented, struct dc_parser *parser,
		      struct err *err)
{
	const struct dc_element *element = &parser->element;
	struct span value;

	if (r->data[i].size > 0 || element->length == 0)
		return true;
	if (element->length > DATA_MAX)
		return err_set(err, ERR_CORRUPT, "a palette of %llu bytes",
			       (unsigned long long)element->length);
	if (!dc_parser_value(parser, &value, err))
		return false;
	buf_append(&r->data[i], value.data, value.size);
	r->segmented[i] = segmented;
	r->words[i] = element->vr != DC_VR_OB && element->stored_vr != DC_VR_OB;
	r->big_endian[i] = element->big_endian;
	return buf_ok(&r->data[i], err);
}

static bool take_element(struct reading *r, struct dc_parser *parser, struct err *err)
{
	uint32_t tag = parser->element.tag;
	struct span value;

	if (tag >= DESCRIPTOR && tag < DESCRIPTOR + 3) {
		if (parser->element.length > 64)
			return true;
		if (!dc_parser_value(parser, &value, err))
			return false;
		take_descriptor(r, tag - DESCRIPTOR, &parser->element, value);
	} else if (tag >= DATA && tag < DATA + 3) {
		return take_data(r, tag - DATA, false, parser, err);
	} else if (tag >= SEGMENTED && tag < SEGMENTED + 3) {
		return take_data(r, tag - SEGMENTED, true, parser, err);
	}
	return true;
}

/* Pixel Presentation of a frame is in one of several Frame Type sequences. */
static bool take_presentation(struct reading *r, struct dc_parser *parser, struct err *err)
{
	struct span value, text;

	if (parser->element.length > 64)
		return true;
	if (!dc_parser_value(parser, &value, err))
		return false;
	if (dc_value_text(value, 0, &text))
		r->palette->monochrome =
			span_equals_text(dc_value_trim(text, true), "MONOCHROME");
	return true;
}

static bool read_groups(struct reading *r, struct dc_parser *p, struct err *err)
{
	bool of_frame = p->element.tag == FRAME_GROUPS;

	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END ||
		    (p->event == DC_EVENT_SEQUENCE_END && p->element.depth == 0))
			return true;
		if (p->event == DC_EVENT_ITEM && p->element.depth == 0 && of_frame &&
		    r->frame_items++ != r->frame && !dc_parser_skip(p, err))
			return false;
		if (p->event == DC_EVENT_ELEMENT && p->element.tag == PIXEL_PRESENTATION &&
		    !take_presentation(r, p, err))
			return false;
	}
}

/* Behind the palettes there are functional groups at most. */
static bool stop(const struct dc_element *element, void *context)
{
	const struct reading *r = context;
	bool groups = (r->image->flags & DC_IMAGE_FUNCTIONAL_GROUPS) != 0 &&
		      r->image->photometric == DC_MONOCHROME2;

	return element->tag > (groups ? FRAME_GROUPS : SEGMENTED + 2);
}

static bool read_header(struct reading *r, struct dc_parser *p, struct err *err)
{
	for (;;) {
		if (!dc_parser_next(p, err))
			return false;
		if (p->event == DC_EVENT_END)
			return true;
		if (p->event == DC_EVENT_SEQUENCE) {
			bool groups = p->element.tag == SHARED_GROUPS ||
				      p->element.tag == FRAME_GROUPS;

			if (groups ? !read_groups(r, p, err) : !dc_parser_skip(p, err))
				return false;
		} else if (p->event == DC_EVENT_ELEMENT && p->element.depth == 0 &&
			   !take_element(r, p, err)) {
			return false;
		}
	}
}

bool rn_palette_read(struct rn_palette *palette, const struct rn_request *request,
		     struct err *err)
{
	static const char *const names[] = {"red", "green", "blue"};
	struct reading r CLEANUP(release_reading) = {
		.palette = palette,
		.image = request->instance->image,
		.frame = request->frame,
		.data = {buf_empty(DATA_MAX), buf_empty(DATA_MAX), buf_empty(DATA_MAX)},
	};
	struct dc_parser_options options = {.stop = stop, .stop_context = &r};
	struct dc_parser parser CLEANUP_PARSER = {0};

	*palette = (struct rn_palette){0};
	if (!dc_dataset_parser(request->dataset, &options, &parser, err) ||
	    !read_header(&r, &parser, err))
		return false;
	for (unsigned i = 0; i < 3; i++) {
		struct rn_palette_descriptor descriptor = palette->lut[i].descriptor;

		if (!r.described[i] || r.data[i].size == 0) {
			rn_palette_release(palette);
			return err_set(err, ERR_CORRUPT, "there is no %s palette", names[i]);
		}
		if (!rn_palette_expand(&descriptor, r.segmented[i], buf_span(&r.data[i]),
				       r.words[i], r.big_endian[i], &palette->lut[i], err)) {
			rn_palette_release(palette);
			return err_prefix(err, "%s", names[i]);
		}
	}
	choose_shifts(palette);
	return true;
}

void rn_palette_release(struct rn_palette *palette)
{
	for (int i = 0; i < 3; i++) {
		free(palette->lut[i].entries);
		palette->lut[i].entries = NULL;
	}
}
