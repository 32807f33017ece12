/* SPDX-License-Identifier: MIT */
#include "dicom/parser.h"

#include "dicom/dictionary.h"
#include "dicom/parser-private.h"
#include "dicom/value.h"

const struct dc_limits dc_default_limits = {
	.elements = (uint64_t)16 << 20,
	.depth = 64,
	.value = (uint64_t)64 * 1024 * 1024,
};

/* ---- Levels ----------------------------------------------------------- */

static struct dc_parser_level *top(struct dc_parser *p)
{
	return &p->levels[p->level_count - 1];
}

static uint16_t item_depth(const struct dc_parser *p)
{
	uint16_t depth = 0;

	for (size_t i = 1; i < p->level_count; i++)
		depth = (uint16_t)(depth + !p->levels[i].sequence);
	return depth;
}

static bool push(struct dc_parser *p, const struct dc_parser_level *level, struct err *err)
{
	if (p->level_count == p->level_capacity) {
		size_t capacity = p->level_capacity * 4;
		struct dc_parser_level *levels = malloc(capacity * sizeof(*levels));

		if (levels == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		memcpy(levels, p->levels, p->level_count * sizeof(*levels));
		if (p->levels != p->inline_levels)
			free(p->levels);
		p->levels = levels;
		p->level_capacity = capacity;
	}
	p->levels[p->level_count++] = *level;
	return true;
}

static bool close_level(struct dc_parser *p)
{
	p->element = top(p)->element;
	p->event = top(p)->sequence ? DC_EVENT_SEQUENCE_END : DC_EVENT_ITEM_END;
	p->level_count--;
	return true;
}

/* Starts closing all levels, one a call, then END. */
static bool unwind(struct dc_parser *p)
{
	p->unwinding = true;
	if (p->level_count > 1)
		return close_level(p);
	p->event = DC_EVENT_END;
	return true;
}

/* Closes the current level where a length around it says that it ends, so that
 * what is behind it is not lost; without one, all levels. */
static PRINTF_LIKE(3, 4) bool damaged(struct dc_parser *p, enum err_code code, const char *format,
				      ...)
{
	char text[sizeof(p->damage.message)];
	va_list args;

	if (p->damage.code == ERR_NONE) {
		va_start(args, format);
		(void)vsnprintf(text, sizeof(text), format, args);
		va_end(args);
		(void)err_set(&p->damage, code, "%s", text);
	}
	if (p->level_count == 1 || top(p)->end >= p->source->size)
		return unwind(p);
	p->position = top(p)->end;
	return close_level(p);
}

bool dc_parser_init(struct dc_parser *p, struct dc_source *source, uint64_t offset,
		    const struct dc_parser_options *options, struct err *err UNUSED)
{
	/* Not the inline levels: they are written before they are read. */
	memset(p, 0, offsetof(struct dc_parser, inline_levels));
	p->window = (const uint8_t *)"";
	p->window_size = 0;
	p->window_offset = 0;
	p->window_memory = NULL;
	p->scratch = buf_empty(BUF_NO_LIMIT);
	p->source = source;
	p->options = *options;
	if (p->options.limits.elements == 0)
		p->options.limits = dc_default_limits;
	p->position = offset;
	p->levels = p->inline_levels;
	p->level_capacity = DC_PARSER_INLINE_LEVELS;
	p->level_count = 1;
	p->levels[0] = (struct dc_parser_level){
		.explicit_vr = options->transfer_syntax->explicit_vr,
		.big_endian = options->transfer_syntax->big_endian,
		.end = source->size,
		.charset = options->charset,
	};
	return true;
}

void dc_parser_release(struct dc_parser *p)
{
	if (p->levels != p->inline_levels)
		free(p->levels);
	p->levels = NULL;
	free(p->window_memory);
	p->window_memory = NULL;
	buf_release(&p->scratch);
}

const struct dc_charset *dc_parser_charset(const struct dc_parser *p)
{
	for (size_t i = p->level_count; i-- > 0;) {
		if (!p->levels[i].sequence)
			return &p->levels[i].charset;
	}
	return &p->options.charset;
}

/* ---- Sequences inside UN ---------------------------------------------- */

/* Whether the first element behind an item header looks explicit. The standard
 * says Implicit VR LE; writers that re-encode what they know do not. */
static bool content_is_explicit(const uint8_t *b, size_t there, uint64_t room)
{
	if (there < 16 || dc_load_tag(b, false) != DC_TAG_ITEM)
		return false;
	return dc_vr_info(DC_VR(b[12], b[13])).class != DC_VR_INVALID &&
	       load_u32(b + 12, false) > room;
}

/* Whether a UN value of defined length that the dictionary knows as a sequence
 * is one: items that fill it to the byte. */
static bool items_fit(struct dc_parser *p, const struct dc_element *element, bool *fits,
		      struct err *err)
{
	uint64_t at = element->offset, end = element->offset + element->length;
	const uint8_t *b;
	size_t there;

	*fits = false;
	while (end - at >= 8) {
		uint32_t length;

		if (!dc_parser_fetch(p, at, 8, &b, &there, err))
			return false;
		if (there < 8 || dc_load_tag(b, false) != DC_TAG_ITEM)
			return true;
		length = load_u32(b + 4, false);
		at += 8;
		if (length == DC_LENGTH_UNDEFINED) {
			*fits = true; /* as far as can be told without walking */
			return true;
		}
		if (length > end - at)
			return true;
		at += length;
	}
	*fits = at == end && element->length > 0;
	return true;
}

/* ---- Events ----------------------------------------------------------- */

static bool begin_sequence(struct dc_parser *p, bool as_un, struct err *err)
{
	struct dc_parser_level *parent = top(p);
	struct dc_parser_level level = *parent;
	uint64_t room = parent->end - p->element.offset;
	const uint8_t *b;
	size_t there;

	if (item_depth(p) >= p->options.limits.depth)
		return damaged(p, ERR_LIMIT, "sequences are nested more than the %u deep of max_depth",
			       (unsigned)p->options.limits.depth);
	if (as_un) {
		if (!dc_parser_fetch(p, p->element.offset, 24, &b, &there, err))
			return false;
		level.explicit_vr = content_is_explicit(b, there, room);
		level.big_endian = false;
	}
	p->element.vr = DC_VR_SQ;
	level.sequence = true;
	level.end = p->element.undefined_length ? parent->end
						: p->element.offset + p->element.length;
	if (p->element.undefined_length)
		p->element.length = 0;
	level.element = p->element;
	p->position = p->element.offset;
	p->event = DC_EVENT_SEQUENCE;
	return push(p, &level, err);
}

static bool begin_item(struct dc_parser *p, uint32_t length, struct err *err)
{
	struct dc_parser_level level = *top(p);
	uint64_t room = level.end - p->position;

	level.sequence = false;
	level.element = (struct dc_element){
		.tag = DC_TAG_ITEM,
		.vr = DC_VR_SQ,
		.big_endian = level.big_endian,
		.explicit_vr = level.explicit_vr,
		.undefined_length = length == DC_LENGTH_UNDEFINED,
		.depth = item_depth(p),
		.offset = p->position,
		.length = length == DC_LENGTH_UNDEFINED ? 0 : MIN_OF((uint64_t)length, room),
		.declared_length = length,
	};
	if (length != DC_LENGTH_UNDEFINED && length <= room)
		level.end = p->position + length;
	p->element = level.element;
	p->event = DC_EVENT_ITEM;
	return push(p, &level, err);
}

/* Whether a length, its own or one around it, says where a level ends. Where
 * only the end of the source does, nothing is behind it. */
static bool is_bounded(const struct dc_parser *p, const struct dc_parser_level *level)
{
	return !level->element.undefined_length || level->end < p->source->size;
}

/* *again: nothing to tell, only the position moved on. */
static bool next_in_sequence(struct dc_parser *p, bool *again, struct err *err)
{
	struct dc_parser_level *level = top(p);
	const uint8_t *b;
	size_t there;
	uint32_t tag;

	if (is_bounded(p, level) && level->end - MIN_OF(p->position, level->end) < 8) {
		p->position = level->end;
		return close_level(p);
	}
	if (!dc_parser_fetch(p, p->position, 8, &b, &there, err))
		return false;
	if (there < 8 || level->end - p->position < 8)
		return damaged(p, ERR_CORRUPT, "ends inside sequence (%04x,%04x)",
			       DC_GROUP(level->element.tag), DC_ELEMENT(level->element.tag));
	tag = dc_load_tag(b, level->big_endian);
	if (tag == DC_TAG_ITEM) {
		p->position += 8;
		return begin_item(p, load_u32(b + 4, level->big_endian), err);
	}
	if (tag == DC_TAG_SEQUENCE_END) {
		p->position += 8;
		/* In a sequence of defined length a delimiter says nothing new. */
		if (!level->element.undefined_length)
			p->position = level->end;
		return close_level(p);
	}
	if (tag == DC_TAG_ITEM_END) { /* a second one: says nothing new either */
		p->position += 8;
		*again = true;
		return true;
	}
	if (is_bounded(p, level)) {
		/* What is no item is passed over; the length says where to go on. */
		p->position = level->end;
		return close_level(p);
	}
	return damaged(p, ERR_CORRUPT, "(%04x,%04x) where an item of sequence (%04x,%04x) should be",
		       DC_GROUP(tag), DC_ELEMENT(tag), DC_GROUP(level->element.tag),
		       DC_ELEMENT(level->element.tag));
}

/* Reads the two attributes that decide how later elements are read. */
static bool track_context(struct dc_parser *p, struct err *err)
{
	struct dc_parser_level *level = top(p);
	struct span value;
	int64_t number;

	if (p->element.tag != DC_TAG_SPECIFIC_CHARACTER_SET && p->element.tag != DC_TAG(0x0028, 0x0103))
		return true;
	if (p->element.length > 1024)
		return true;
	if (!dc_parser_value(p, &value, err))
		return false;
	if (p->element.tag == DC_TAG_SPECIFIC_CHARACTER_SET)
		dc_charset_parse(&level->charset, value);
	else if (dc_value_integer(&p->element, value, 0, &number))
		level->pixel_representation = number == 1;
	return true;
}

/* Undefined length: fragments for bulk data, a sequence for all else. */
static bool begin_undefined(struct dc_parser *p, bool un, struct err *err)
{
	struct dc_parser_level *level = top(p);
	const uint8_t *b;
	size_t there;

	p->element.length = 0;
	p->position = p->element.offset;
	if (p->element.vr == DC_VR_SQ)
		return begin_sequence(p, un, err);
	/* Whatever its VR, pixel data has fragments and never items of elements. */
	if (p->element.vr == DC_VR_UN && p->element.tag == DC_TAG_PIXEL_DATA)
		p->element.vr = DC_VR_OB;
	else if (un || p->element.vr == DC_VR_UN)
		return begin_sequence(p, true, err);
	if (!dc_parser_fetch(p, p->position, 8, &b, &there, err))
		return false;
	if (there < 8 || (dc_load_tag(b, level->big_endian) != DC_TAG_ITEM &&
			  dc_load_tag(b, level->big_endian) != DC_TAG_SEQUENCE_END))
		return damaged(p, ERR_CORRUPT, "undefined length of (%04x,%04x) without items",
			       DC_GROUP(p->element.tag), DC_ELEMENT(p->element.tag));
	if (dc_vr_info(p->element.vr).class != DC_VR_BULK)
		return begin_sequence(p, false, err);
	if (p->element.stored_vr == DC_VR_NONE)
		p->element.vr = DC_VR_OB; /* fragments are byte streams (A.4) */
	p->event = DC_EVENT_FRAGMENTS;
	p->in_fragments = true;
	return true;
}

/* Implicit VR: only the dictionary says that this is a sequence. A writer may
 * have meant something else by the tag; then the bytes are all we know. */
static bool begins_with_item(struct dc_parser *p, bool *begins, struct err *err)
{
	bool big_endian = p->element.big_endian;
	const uint8_t *b;
	size_t there;

	*begins = true;
	if (p->element.length == 0)
		return true;
	if (!dc_parser_fetch(p, p->element.offset, 4, &b, &there, err))
		return false;
	*begins = there == 4 && (dc_load_tag(b, big_endian) == DC_TAG_ITEM ||
				 dc_load_tag(b, big_endian) == DC_TAG_SEQUENCE_END);
	return true;
}

static bool deliver_value(struct dc_parser *p, struct err *err)
{
	bool un = p->element.stored_vr == DC_VR_UN;
	bool fits;

	p->position = p->element.offset + p->element.length;
	if (p->element.vr == DC_VR_SQ && p->element.stored_vr == DC_VR_NONE) {
		if (!begins_with_item(p, &fits, err))
			return false;
		if (!fits)
			p->element.vr = DC_VR_UN;
	}
	if (p->element.vr == DC_VR_SQ && !un)
		return begin_sequence(p, false, err);
	if (un && p->element.length >= 8 && dc_dictionary_vr(p->element.tag) == DC_VR_SQ) {
		if (!items_fit(p, &p->element, &fits, err))
			return false;
		if (fits)
			return begin_sequence(p, true, err);
	}
	p->event = DC_EVENT_ELEMENT;
	return track_context(p, err);
}

/* A value that goes on past what there is. Pixel data is still useful to know
 * about, and the items of a sequence that are there; half a UID or half a name
 * would be a wrong one. */
static bool deliver_cut(struct dc_parser *p, uint64_t room, struct err *err)
{
	bool pixels = p->element.depth == 0 && DC_GROUP(p->element.tag) == 0x7fe0;

	if (p->damage.code == ERR_NONE)
		(void)err_set(&p->damage, ERR_CORRUPT,
			      "value of (%04x,%04x) is %llu bytes long, but only %llu are left",
			      DC_GROUP(p->element.tag), DC_ELEMENT(p->element.tag),
			      (unsigned long long)p->element.declared_length,
			      (unsigned long long)room);
	if (p->element.vr == DC_VR_SQ)
		return deliver_value(p, err);
	p->position = top(p)->end;
	if (p->level_count > 1 && p->position < p->source->size)
		return close_level(p); /* only this item is damaged */
	if (!pixels)
		return unwind(p);
	p->unwinding = true;
	p->event = DC_EVENT_ELEMENT;
	return true;
}

/* Behind the pixel data only elements that follow by tag order and fit are
 * taken: the length of pixel data is wrong often enough, and pixels must not
 * be read as tags (PS3.5 8.1.1). */
static bool is_tail(const struct dc_parser *p, const struct dc_header *h, uint64_t room)
{
	if (p->level_count > 1 || p->elements == 0)
		return false;
	if (h->tag == 0 && p->last_tag > 0)
		return true; /* zero padding */
	if (p->last_tag < DC_TAG_PIXEL_DATA)
		return false;
	if (h->tag <= p->last_tag || DC_GROUP(h->tag) < 0x7fe0)
		return true;
	return h->length != DC_LENGTH_UNDEFINED && h->length > room;
}

static void fill_element(struct dc_parser *p, const struct dc_header *h, uint64_t room)
{
	const struct dc_parser_level *level = top(p);
	struct dc_element *element = &p->element;

	*element = (struct dc_element){
		.tag = h->tag,
		.stored_vr = h->stored_vr,
		.big_endian = level->big_endian,
		.explicit_vr = !h->implicit,
		.undefined_length = h->length == DC_LENGTH_UNDEFINED,
		.depth = item_depth(p),
		.offset = p->position + h->size,
		.length = MIN_OF((uint64_t)h->length, room),
		.declared_length = h->length,
	};
	dc_header_resolve(level, h, element);
}

/* Delimiters and items where elements should be: what broken writers leave
 * behind. */
static bool stray_delimiter(struct dc_parser *p, uint32_t tag, bool *again, struct err *err)
{
	const uint8_t *b;
	size_t there;

	if (p->level_count == 1) { /* none is open: ignore it */
		p->position += 8;
		*again = true;
		return true;
	}
	if (tag == DC_TAG_ITEM_END) {
		p->position += 8;
		if (!top(p)->element.undefined_length)
			p->position = MAX_OF(p->position, top(p)->end);
		return close_level(p);
	}
	/* An item closed by a sequence delimiter: it is the item's own if an item
	 * or another delimiter follows, else the sequence's. */
	if (tag == DC_TAG_SEQUENCE_END) {
		if (!dc_parser_fetch(p, p->position + 8, 8, &b, &there, err))
			return false;
		if (there == 8 && (dc_load_tag(b, top(p)->big_endian) == DC_TAG_ITEM ||
				   dc_load_tag(b, top(p)->big_endian) == DC_TAG_SEQUENCE_END))
			p->position += 8;
	}
	return close_level(p);
}

/* Fewer bytes than a header needs: padding if they are zero, too few for a tag
 * or stand behind the pixel data, else the beginning of something cut off. */
static bool leftover(struct dc_parser *p, size_t left, struct err *err)
{
	const uint8_t *b;
	size_t there;
	bool zero = true;

	if (!dc_parser_fetch(p, p->position, left, &b, &there, err))
		return false;
	for (size_t i = 0; i < there; i++)
		zero = zero && b[i] == 0;
	if (!zero && left >= 4 && p->last_tag < DC_TAG_PIXEL_DATA)
		return damaged(p, ERR_CORRUPT, "ends inside the header of an element");
	p->ignored_tail = left;
	p->event = DC_EVENT_END;
	return true;
}

static bool end_of_level(struct dc_parser *p, size_t left, struct err *err)
{
	struct dc_parser_level *level = top(p);

	if (p->level_count > 1 && !level->element.undefined_length && left == 0 &&
	    level->element.declared_length == level->element.length)
		return close_level(p);
	if (p->level_count > 1 && level->end < p->source->size) {
		p->position = level->end; /* a few bytes too many in an item, or no delimiter */
		return close_level(p);
	}
	if (p->level_count > 1)
		return damaged(p, ERR_CORRUPT, "ends inside an item of sequence (%04x,%04x)",
			       DC_GROUP(p->levels[p->level_count - 2].element.tag),
			       DC_ELEMENT(p->levels[p->level_count - 2].element.tag));
	return leftover(p, left, err);
}

static bool at_stop(struct dc_parser *p)
{
	if (p->element.depth > 0 || p->options.stop == NULL ||
	    !p->options.stop(&p->element, p->options.stop_context))
		return false;
	p->stopped = true;
	p->event = DC_EVENT_END;
	return true;
}

static bool next_in_dataset(struct dc_parser *p, bool *again, struct err *err)
{
	struct dc_parser_level *level = top(p);
	uint64_t left = level->end > p->position ? level->end - p->position : 0;
	const uint8_t *b;
	size_t there;
	struct dc_header h;
	uint64_t room;

	if (left < 8)
		return end_of_level(p, (size_t)left, err);
	if (!dc_parser_fetch(p, p->position, 12, &b, &there, err))
		return false;
	there = (size_t)MIN_OF((uint64_t)there, left);
	if (!dc_header_read(b, there, level, left - 8, &h))
		return end_of_level(p, (size_t)left, err);
	room = left - h.size;
	if (is_tail(p, &h, room)) {
		p->ignored_tail = left;
		p->event = DC_EVENT_END;
		return true;
	}
	if (h.tag == DC_TAG_ITEM || h.tag == DC_TAG_ITEM_END || h.tag == DC_TAG_SEQUENCE_END)
		return stray_delimiter(p, h.tag, again, err);
	if (++p->elements > p->options.limits.elements)
		return damaged(p, ERR_LIMIT, "more than the %llu elements of max_elements",
			       (unsigned long long)p->options.limits.elements);
	fill_element(p, &h, room);
	if (at_stop(p))
		return true;
	if (p->element.depth == 0)
		p->last_tag = h.tag;
	if (p->element.undefined_length)
		return begin_undefined(p, h.stored_vr == DC_VR_UN, err);
	if (h.length > room)
		return deliver_cut(p, room, err);
	return deliver_value(p, err);
}

bool dc_parser_next(struct dc_parser *p, struct err *err)
{
	uint64_t end;
	bool again;

	if (p->in_fragments && !dc_parser_fragments_end(p, &end, err))
		return false;
	if (p->unwinding)
		return unwind(p);
	if (p->event == DC_EVENT_END && p->stopped)
		return true;
	do {
		again = false;
		if (!(top(p)->sequence ? next_in_sequence(p, &again, err)
				       : next_in_dataset(p, &again, err)))
			return false;
	} while (again);
	return true;
}

bool dc_parser_skip(struct dc_parser *p, struct err *err)
{
	size_t inside = p->level_count;

	/* A defined length leads straight to the end. */
	if (!top(p)->element.undefined_length) {
		p->position = top(p)->end;
		if (top(p)->element.declared_length != top(p)->element.length)
			return damaged(p, ERR_CORRUPT, "ends inside sequence (%04x,%04x)",
				       DC_GROUP(top(p)->element.tag),
				       DC_ELEMENT(top(p)->element.tag));
		return close_level(p);
	}
	while (p->level_count >= inside) {
		if (!dc_parser_next(p, err))
			return false;
	}
	return true;
}

