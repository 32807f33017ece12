/* SPDX-License-Identifier: MIT */
#include "dicom/frames-private.h"

/* An item's header, and what its fragment begins with. */
#define LOOK (DC_ITEM_SIZE + DC_CODESTREAM_HEAD)

struct reading {
	const struct dc_fragments *fragments;
	struct dc_source *source;
	uint64_t at; /* of the current item */
	uint8_t look[LOOK];
	size_t there;    /* bytes valid in look */
	uint64_t length; /* of its fragment */
};

/* The fragment at hand, as far as it is in look. */
static struct span head_of(const struct reading *r)
{
	return span_of(r->look + DC_ITEM_SIZE,
		       (size_t)MIN_OF((uint64_t)(r->there - DC_ITEM_SIZE), r->length));
}

static bool is_item(const struct reading *r)
{
	return r->there >= DC_ITEM_SIZE && dc_is_item(r->look, r->fragments->big_endian);
}

static bool check_length(struct reading *r, struct err *err)
{
	uint64_t left = r->source->size - MIN_OF(r->source->size, r->at + DC_ITEM_SIZE);

	r->length = load_u32(r->look + 4, r->fragments->big_endian);
	if (r->length == DC_LENGTH_UNDEFINED)
		return err_set(err, ERR_CORRUPT, "a fragment has no length");
	if (r->length > left)
		return err_set(err, ERR_CORRUPT,
			       "a fragment has %llu bytes, but only %llu are left",
			       (unsigned long long)r->length, (unsigned long long)left);
	return true;
}

/* Appends the fragment and looks at what is behind it, in one go. */
static bool take(struct reading *r, struct buf *out, struct err *err)
{
	uint64_t behind = r->at + DC_ITEM_SIZE + r->length;
	size_t size = out->size + (size_t)r->length, got = 0;
	size_t more = (size_t)MIN_OF((uint64_t)LOOK, r->source->size - behind);
	uint8_t *to;

	/* Of an empty one at the very end there is nothing to make room for. */
	if (r->length + more == 0) {
		r->there = 0;
		r->at = behind;
		return true;
	}
	to = buf_extend(out, (size_t)r->length + more);
	if (to == NULL)
		return buf_ok(out, err);
	if (!dc_source_read(r->source, r->at + DC_ITEM_SIZE, to, (size_t)r->length + more, &got, err))
		return false;
	if (got < r->length)
		return err_set(err, ERR_CORRUPT, "ends after %zu of %llu bytes of a fragment", got,
			       (unsigned long long)r->length);
	r->there = got - (size_t)r->length;
	memcpy(r->look, to + r->length, r->there);
	buf_truncate(out, size);
	r->at = behind;
	return true;
}

bool dc_frame_read_items(const struct dc_fragments *fragments, struct dc_source *source,
			 uint64_t start, uint64_t end, uint64_t max_size, struct buf *out,
			 enum dc_frame_verdict *verdict, struct err *err)
{
	struct reading r = {.fragments = fragments, .source = source, .at = start};
	enum dc_codestream codestream = (enum dc_codestream)fragments->codestream;
	size_t before = out->size, size = 0;
	bool ended = false, begins;

	*verdict = DC_FRAME_RIGHT;
	if (!dc_source_read(source, start, r.look, LOOK, &r.there, err))
		return false;
	while (end == 0 || r.at < end) {
		if (!is_item(&r)) {
			if (end != 0 || size == 0)
				*verdict = DC_FRAME_WRONG;
			return true;
		}
		if (!check_length(&r, err))
			return false;
		begins = dc_codestream_begins(codestream, head_of(&r), r.length);
		if (size > 0 && dc_codestream_changes(codestream, begins, ended)) {
			if (end == 0)
				return true;
			*verdict = DC_FRAME_DOUBTFUL;
		} else if (size == 0 && r.length > 0 && !begins &&
			   codestream != DC_CODESTREAM_UNKNOWN) {
			*verdict = DC_FRAME_DOUBTFUL;
		}
		if (r.length > max_size - size)
			return err_set(err, ERR_LIMIT, "a frame has more than %llu bytes",
				       (unsigned long long)max_size);
		size += (size_t)r.length;
		if (!take(&r, out, err))
			return false;
		if (r.length > 0) {
			size_t tail = MIN_OF((size_t)r.length, DC_CODESTREAM_TAIL);

			ended = dc_codestream_ends(codestream,
						   span_of(out->data + before + size - tail, tail));
		}
	}
	if (r.at != end)
		*verdict = DC_FRAME_WRONG;
	return true;
}
