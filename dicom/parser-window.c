/* SPDX-License-Identifier: MIT */
#include "dicom/parser-private.h"

bool dc_parser_fetch_far(struct dc_parser *p, uint64_t offset, size_t size, const uint8_t **at,
			 size_t *there, struct err *err)
{
	size_t lent = DC_PARSER_WINDOW_SIZE, want;

	want = (size_t)MIN_OF((uint64_t)size, p->source->size > offset ? p->source->size - offset : 0);
	if (p->source->ops->peek != NULL) {
		const uint8_t *bytes = p->source->ops->peek(p->source, offset, &lent);

		if (bytes != NULL && lent >= want) {
			p->window = bytes;
			p->window_offset = offset;
			p->window_size = lent;
			*at = bytes;
			*there = MIN_OF(size, lent);
			return true;
		}
	}
	if (p->window_memory == NULL && (p->window_memory = malloc(DC_PARSER_WINDOW_SIZE)) == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	p->window = p->window_memory;
	p->window_offset = offset;
	p->window_size = 0;
	if (!dc_source_read(p->source, offset, p->window_memory, DC_PARSER_WINDOW_SIZE, &p->window_size, err))
		return false;
	*at = p->window;
	*there = MIN_OF(size, p->window_size);
	return true;
}

/* Items nearer to each other than this are read in blocks. */
#define NEAR ((uint64_t)4 * 1024)

bool dc_parser_fetch_sparse(struct dc_parser *p, uint64_t offset, uint8_t bytes[static 8],
			 size_t *there, struct err *err)
{
	bool near = offset - p->sparse_at < NEAR;
	const uint8_t *at;

	p->sparse_at = offset;
	if (near) {
		if (!dc_parser_fetch(p, offset, 8, &at, there, err))
			return false;
		memcpy(bytes, at, *there);
		return true;
	}
	if (offset >= p->window_offset && offset - p->window_offset < p->window_size &&
	    p->window_size - (size_t)(offset - p->window_offset) >= 8) {
		memcpy(bytes, p->window + (offset - p->window_offset), 8);
		*there = 8;
		return true;
	}
	return dc_source_read(p->source, offset, bytes, 8, there, err);
}

/* Grows by what really arrives: a length is only a claim. */
static bool read_large(struct dc_parser *p, struct span *value, struct err *err)
{
	const size_t step = (size_t)1 << 20;

	buf_clear(&p->scratch);
	while (p->scratch.size < p->element.length) {
		size_t want = (size_t)MIN_OF((uint64_t)step, p->element.length - p->scratch.size);
		uint64_t at = p->element.offset + p->scratch.size;
		uint8_t *to = buf_extend(&p->scratch, want);

		if (to == NULL)
			return buf_ok(&p->scratch, err);
		if (!dc_source_read_exact(p->source, at, to, want, err))
			return false;
	}
	*value = buf_span(&p->scratch);
	return true;
}

bool dc_parser_value(struct dc_parser *p, struct span *value, struct err *err)
{
	const uint8_t *at;
	size_t there;

	if (p->element.length > p->options.limits.value)
		return err_set(err, ERR_LIMIT, "value of (%04x,%04x) has %llu bytes",
			       DC_GROUP(p->element.tag), DC_ELEMENT(p->element.tag),
			       (unsigned long long)p->element.length);
	if (p->element.length > DC_PARSER_WINDOW_SIZE)
		return read_large(p, value, err);
	if (!dc_parser_fetch(p, p->element.offset, (size_t)p->element.length, &at, &there, err))
		return false;
	if (there < p->element.length)
		return err_set(err, ERR_CORRUPT, "value of (%04x,%04x) ends early",
			       DC_GROUP(p->element.tag), DC_ELEMENT(p->element.tag));
	*value = span_of(at, there);
	return true;
}

bool dc_parser_fragments_end(struct dc_parser *p, uint64_t *end, struct err *err)
{
	const struct dc_parser_level *level = &p->levels[p->level_count - 1];
	bool big_endian = level->big_endian;
	uint8_t b[8];
	size_t there;

	while (p->in_fragments) {
		uint32_t tag;
		uint64_t length;

		if (!dc_parser_fetch_sparse(p, p->position, b, &there, err))
			return false;
		if (level->end - MIN_OF(p->position, level->end) < 8)
			there = 0;
		tag = there == 8 ? dc_load_tag(b, big_endian) : 0;
		length = there == 8 ? load_u32(b + 4, big_endian) : 0;
		if (tag == DC_TAG_SEQUENCE_END) {
			p->position += 8;
			p->in_fragments = false;
		} else if (tag != DC_TAG_ITEM || length > level->end - p->position - 8) {
			(void)err_set(&p->damage, ERR_CORRUPT,
				      "fragments of (%04x,%04x) break off at offset %llu",
				      DC_GROUP(p->element.tag), DC_ELEMENT(p->element.tag),
				      (unsigned long long)p->position);
			p->position = level->end;
			p->in_fragments = false;
			p->unwinding = level->end >= p->source->size;
		} else {
			p->position += 8 + length;
		}
	}
	*end = p->position;
	return true;
}
