/* SPDX-License-Identifier: MIT */
#include "dicom/frames-private.h"

#include <stdatomic.h>

/* Where frames are if the offset table turns out to be wrong: found by the first
 * who needs it, the same for all who come later. */
struct rescue {
	_Atomic(struct dc_frame_starts *) starts;
};

struct dc_frame_index {
	atomic_uint references;
	struct dc_fragments fragments;
	bool table; /* starts are what an offset table says; else proven or counted */
	/* Empty when all fragments are one frame. */
	struct dc_frame_starts starts;
	struct rescue *rescue; /* NULL unless table */
};

/* ---- Building ---------------------------------------------------------------- */

/* The first item: what byte order it has, and its header and first bytes. */
struct first_item {
	uint8_t bytes[DC_ITEM_SIZE + DC_CODESTREAM_HEAD];
	size_t there;
	uint64_t length;
};

static bool read_first(struct dc_source *source, uint64_t offset, struct dc_fragments *fragments,
		       struct first_item *item, struct err *err)
{
	if (!dc_source_read(source, offset, item->bytes, sizeof(item->bytes), &item->there, err))
		return false;
	if (item->there < DC_ITEM_SIZE)
		return err_set(err, ERR_CORRUPT, "pixel data has no items");
	fragments->big_endian = dc_is_item(item->bytes, true) || dc_is_delimiter(item->bytes, true);
	if (dc_is_delimiter(item->bytes, fragments->big_endian))
		return err_set(err, ERR_CORRUPT, "pixel data has no items");
	if (!dc_is_item(item->bytes, fragments->big_endian))
		return err_set(err, ERR_CORRUPT, "pixel data does not begin with an item");
	item->length = load_u32(item->bytes + 4, fragments->big_endian);
	return true;
}

/* Whether the first item is a fragment: some writers leave the offset table out,
 * against PS3.5 A.4. */
static bool is_fragment(struct dc_source *source, uint64_t offset,
			const struct dc_fragments *fragments, const struct first_item *item,
			bool *is, struct err *err)
{
	struct span head = span_of(item->bytes + DC_ITEM_SIZE,
				   (size_t)MIN_OF((uint64_t)(item->there - DC_ITEM_SIZE), item->length));
	uint64_t behind = offset + DC_ITEM_SIZE + item->length;
	bool begins_with_0 = head.size >= 4 && load_u32(head.data, false) == 0;
	uint8_t next[DC_ITEM_SIZE];
	size_t there = 0;

	*is = dc_codestream_begins((enum dc_codestream)fragments->codestream, head, item->length);
	if (*is || item->length == 0)
		return true;
	/* Or the only one, unless it is a table and the file ends there. */
	if (!dc_source_read(source, behind, next, sizeof(next), &there, err))
		return false;
	if (there == sizeof(next) && dc_is_item(next, fragments->big_endian))
		return true;
	if (there == sizeof(next) && dc_is_delimiter(next, fragments->big_endian))
		*is = !begins_with_0 || item->length != (uint64_t)fragments->frames * 4;
	else
		*is = !begins_with_0 && fragments->codestream == DC_CODESTREAM_UNKNOWN;
	return true;
}

static bool use_basic_table(struct dc_frame_index *index, struct dc_source *source,
			    uint64_t offset, uint64_t length, struct err *err)
{
	const struct dc_fragments *fragments = &index->fragments;
	uint8_t *table CLEANUP_FREE = NULL;

	if (length != (uint64_t)fragments->frames * 4)
		return true;
	table = malloc((size_t)length);
	if (table == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	return dc_source_read_exact(source, offset, table, (size_t)length, err) &&
	       dc_frame_starts_table(fragments, source, span_of(table, (size_t)length), 4,
				     fragments->big_endian, &index->starts, err);
}

/* The Extended Offset Table stands in the header (PS3.3 C.7.6.3.1.8). Its lengths
 * say no more than the item headers do, but for the padding that no codec
 * minds. */
static bool use_extended_table(struct dc_frame_index *index, struct dc_dataset *dataset,
			       struct err *err)
{
	struct dc_parser_options options = {.limits = dc_default_limits};
	struct dc_parser parser CLEANUP_PARSER;
	struct span table;

	options.limits.value = UINT64_MAX; /* bytes that are there, one number a frame */
	if (!dc_dataset_parser(dataset, &options, &parser, err))
		return false;
	for (;;) {
		if (!dc_parser_next(&parser, err))
			return false;
		if (parser.event == DC_EVENT_SEQUENCE && !dc_parser_skip(&parser, err))
			return false;
		if (parser.event == DC_EVENT_END || parser.event == DC_EVENT_FRAGMENTS)
			return true;
		if (parser.event == DC_EVENT_ELEMENT && parser.element.depth == 0 &&
		    parser.element.tag == DC_TAG(0x7fe0, 0x0001))
			break;
	}
	if (parser.element.length != (uint64_t)index->fragments.frames * 8)
		return true;
	return dc_parser_value(&parser, &table, err) &&
	       dc_frame_starts_table(&index->fragments, dataset->source, table, 8,
				     parser.element.big_endian, &index->starts, err);
}

static bool find_frames(struct dc_frame_index *index, struct dc_dataset *dataset,
			const struct dc_image *image, struct err *err)
{
	struct dc_source *source = dataset->source;
	struct dc_fragments *fragments = &index->fragments;
	struct first_item item;
	uint64_t table = image->offset + DC_ITEM_SIZE, left;
	bool fragment;

	if (!read_first(source, image->offset, fragments, &item, err) ||
	    !is_fragment(source, image->offset, fragments, &item, &fragment, err))
		return false;
	left = source->size - table;
	if (!fragment && item.length > left)
		return err_set(err, ERR_CORRUPT,
			       "the offset table has %llu bytes, but only %llu are left",
			       (unsigned long long)item.length, (unsigned long long)left);
	fragments->first = fragment ? image->offset : table + item.length;
	if (fragments->frames == 1)
		return true;
	if ((image->flags & DC_IMAGE_EXTENDED_OFFSETS) != 0 &&
	    !use_extended_table(index, dataset, err))
		return false;
	if (index->starts.count == 0 && !fragment &&
	    !use_basic_table(index, source, table, item.length, err))
		return false;
	index->table = index->starts.count > 0;
	if (index->table) {
		index->rescue = calloc(1, sizeof(*index->rescue));
		return index->rescue != NULL || err_set(err, ERR_NOMEM, "out of memory");
	}
	if (!dc_frame_starts_walk(fragments, source, &index->starts, err))
		return false;
	if (index->starts.count == 0)
		return err_set(err, ERR_CORRUPT, "pixel data has no fragments");
	return true;
}

bool dc_frame_index_build(struct dc_frame_index **index, struct dc_dataset *dataset,
			  const struct dc_image *image, struct err *err)
{
	struct dc_frame_index *made;

	*index = NULL;
	if (image->frames == 0)
		return err_set(err, ERR_CORRUPT, "Number of Frames is 0 or less");
	made = calloc(1, sizeof(*made));
	if (made == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	atomic_init(&made->references, 1);
	made->fragments.frames = image->frames;
	made->fragments.codestream =
		(uint8_t)dc_codestream_of(&dc_transfer_syntax_table[image->transfer_syntax]);
	if (!find_frames(made, dataset, image, err)) {
		dc_frame_index_unref(made);
		return false;
	}
	*index = made;
	return true;
}

/* ---- Sharing ------------------------------------------------------------------ */

struct dc_frame_index *dc_frame_index_ref(struct dc_frame_index *index)
{
	(void)atomic_fetch_add_explicit(&index->references, 1, memory_order_relaxed);
	return index;
}

static void free_starts(struct dc_frame_starts *starts)
{
	if (starts != NULL)
		dc_frame_starts_release(starts);
	free(starts);
}

void dc_frame_index_unref(struct dc_frame_index *index)
{
	if (index == NULL ||
	    atomic_fetch_sub_explicit(&index->references, 1, memory_order_acq_rel) != 1)
		return;
	dc_frame_starts_release(&index->starts);
	if (index->rescue != NULL)
		free_starts(atomic_load(&index->rescue->starts));
	free(index->rescue);
	free(index);
}

static size_t starts_size(const struct dc_frame_starts *starts)
{
	return sizeof(*starts) +
	       (size_t)starts->count * (starts->near != NULL ? sizeof(uint32_t) : sizeof(uint64_t));
}

size_t dc_frame_index_size(const struct dc_frame_index *index)
{
	size_t size = sizeof(*index) - sizeof(index->starts) + starts_size(&index->starts);
	const struct dc_frame_starts *found;

	if (index->rescue == NULL)
		return size;
	found = atomic_load(&index->rescue->starts);
	return size + sizeof(*index->rescue) + (found != NULL ? starts_size(found) : 0);
}

/* ---- Reading ------------------------------------------------------------------ */

/* What the items themselves say, when an offset table is in doubt. NULL: err. */
static const struct dc_frame_starts *find_rescue(const struct dc_frame_index *index,
						 struct dc_source *source, struct err *err)
{
	struct dc_frame_starts *found, *other = atomic_load(&index->rescue->starts);

	if (other != NULL)
		return other;
	found = calloc(1, sizeof(*found));
	if (found == NULL) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (!dc_frame_starts_walk(&index->fragments, source, found, err)) {
		free_starts(found);
		return NULL;
	}
	if (atomic_compare_exchange_strong(&index->rescue->starts, &other, found))
		return found;
	free_starts(found); /* another thread was first */
	return other;
}

/* The numbers that do not agree. */
static bool missing_frame(const struct dc_frame_index *index, const struct dc_frame_starts *starts,
			  uint32_t frame, struct err *err)
{
	const struct dc_fragments *fragments = &index->fragments;

	if (starts->broken && starts->count > 1)
		return err_set(err, ERR_CORRUPT,
			       "pixel data breaks off in frame %u of %u, in front of frame %u",
			       starts->count, fragments->frames, frame + 1);
	if (fragments->codestream == DC_CODESTREAM_UNKNOWN)
		return err_set(err, ERR_CORRUPT, "%u frames, but %llu fragments", fragments->frames,
			       (unsigned long long)starts->fragments);
	return err_set(err, ERR_CORRUPT, "%u frames, but %llu codestreams in %llu fragments",
		       fragments->frames, (unsigned long long)starts->codestreams,
		       (unsigned long long)starts->fragments);
}

static bool read_from(const struct dc_frame_index *index, const struct dc_frame_starts *starts,
		      struct dc_source *source, uint32_t frame, uint64_t max_size, struct buf *out,
		      enum dc_frame_verdict *verdict, struct err *err)
{
	uint64_t first = index->fragments.first, end = starts->end;

	if (frame >= starts->count)
		return missing_frame(index, starts, frame, err);
	if (frame + 1 < starts->count)
		end = first + dc_frame_start(starts, frame + 1);
	return dc_frame_read_items(&index->fragments, source, first + dc_frame_start(starts, frame),
				   end, max_size, out, verdict, err);
}

static bool read_by_table(const struct dc_frame_index *index, struct dc_source *source,
			  uint32_t frame, uint64_t max_size, struct buf *out, struct err *err)
{
	const struct dc_frame_starts *found;
	enum dc_frame_verdict verdict = DC_FRAME_WRONG;
	size_t before = out->size;
	struct err why;
	bool done = read_from(index, &index->starts, source, frame, max_size, out, &verdict, &why);

	if (done && verdict == DC_FRAME_RIGHT)
		return true;
	/* What is no frame may be too long, or have items that end nowhere. */
	if (done || why.code == ERR_CORRUPT || why.code == ERR_LIMIT) {
		found = find_rescue(index, source, err);
		if (found == NULL)
			return false;
		if (found->proven || (done && verdict == DC_FRAME_WRONG)) {
			buf_truncate(out, before);
			return read_from(index, found, source, frame, max_size, out, &verdict, err);
		}
	}
	/* The table stays the better witness where the items cannot tell. */
	if (!done && err != NULL)
		*err = why;
	return done;
}

static bool read_frame(const struct dc_frame_index *index, struct dc_source *source,
		       uint32_t frame, uint64_t max_size, struct buf *out, struct err *err)
{
	enum dc_frame_verdict verdict;

	if (index->table)
		return read_by_table(index, source, frame, max_size, out, err);
	if (index->fragments.frames == 1)
		return dc_frame_read_items(&index->fragments, source, index->fragments.first, 0,
					   max_size, out, &verdict, err);
	return read_from(index, &index->starts, source, frame, max_size, out, &verdict, err);
}

bool dc_frame_index_read(const struct dc_frame_index *index, struct dc_source *source,
			 uint32_t frame, uint64_t max_size, struct buf *out, struct err *err)
{
	size_t before = out->size;

	if (frame >= index->fragments.frames)
		return err_set(err, ERR_NOTFOUND, "no frame %llu: there are %u",
			       (unsigned long long)frame + 1, index->fragments.frames);
	if (!read_frame(index, source, frame, max_size, out, err))
		return false;
	if (out->size == before)
		return err_set(err, ERR_CORRUPT, "frame %u has no bytes", frame + 1);
	return true;
}
