/* SPDX-License-Identifier: MIT */
#include "render/json.h"

#include "dicom/value.h"
#include "render/json-format.h"
#include "render/json-writer.h"

#define TAG_AVAILABLE_TRANSFER_SYNTAX DC_TAG(0x0008, 0x3002)
#define TAG_TRAILING_PADDING DC_TAG(0xfffc, 0xfffc)

/* Characters that stand for themselves in a URI (RFC 3986 2.3). */
static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~';
}

size_t rn_json_name_size(const char *name)
{
	size_t size = 0;

	for (; *name != '\0'; name++)
		size += is_unreserved(*name) ? 1 : 3;
	return size;
}

static void escape_name(const char *name, struct buf *out)
{
	static const char digits[] = "0123456789ABCDEF";

	for (; *name != '\0'; name++) {
		uint8_t byte = (uint8_t)*name;

		if (is_unreserved(*name)) {
			buf_append_byte(out, byte);
		} else {
			buf_append_byte(out, '%');
			buf_append_byte(out, (uint8_t)digits[byte >> 4]);
			buf_append_byte(out, (uint8_t)digits[byte & 0xf]);
		}
	}
}

static size_t separator_size(uint32_t depth)
{
	return depth == 0 ? 2 : 1; /* the data set's own elements have a line each */
}

/* The separator in front of an element, and a note of where it begins. */
static bool note_element(struct rn_json_writer *writer, uint32_t tag, struct err *err)
{
	struct rn_json_level *level = &writer->levels[writer->depth];
	struct buf *out = writer->out;

	if (writer->entry_count == writer->entry_capacity) {
		size_t capacity = MAX_OF(writer->entry_capacity * 2, (size_t)256);
		struct rn_json_entry *entries =
			reallocarray(writer->entries, capacity, sizeof(*entries));

		if (entries == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		writer->entries = entries;
		writer->entry_capacity = capacity;
	}
	if (writer->entry_count > level->first_entry) {
		rn_json_append(out, ",\n", separator_size(writer->depth));
		if (tag <= level->last_tag)
			level->disordered = true;
	}
	level->last_tag = tag;
	writer->entries[writer->entry_count++] = (struct rn_json_entry){
		.start = out->size,
		.tag = tag,
		.names = writer->names,
	};
	return true;
}

/* "00080005":{"vr":"CS" ; the caller appends what follows and closes it. */
static bool begin_attribute(struct rn_json_writer *writer, uint32_t tag, uint16_t vr,
			    struct err *err)
{
	uint8_t *to;

	if (!note_element(writer, tag, err))
		return false;
	rn_json_tag(writer->out, tag);
	to = rn_json_extend(writer->out, 11);
	if (to != NULL) {
		memcpy(to, ":{\"vr\":\"", 8);
		to[8] = (uint8_t)(vr >> 8);
		to[9] = (uint8_t)vr;
		to[10] = '"';
	}
	return true;
}

static void end_attribute(struct rn_json_writer *writer)
{
	rn_json_literal(writer->out, "}");
}

static bool is_uid(const char *text)
{
	return text[0] != '\0' && text[strspn(text, "0123456789.")] == '\0';
}

/* How bulk data is encoded: the stored syntax, unless it is none or the
 * elements contradict it. Compression is not in question then, so the syntax
 * that was found says all that a reader of native values needs. */
static const char *transfer_syntax_uid(const struct dc_layout *layout)
{
	const struct dc_transfer_syntax *stored = layout->transfer_syntax;
	const struct dc_transfer_syntax *found = layout->encoding;

	if (!is_uid(layout->transfer_syntax_uid))
		return found->uid;
	if (stored != NULL && stored->encapsulation == DC_NATIVE &&
	    (stored->explicit_vr != found->explicit_vr || stored->big_endian != found->big_endian))
		return found->uid;
	return layout->transfer_syntax_uid;
}

static bool put_transfer_syntax(struct rn_json_writer *writer, struct err *err)
{
	struct buf *out = writer->out;

	writer->syntax_written = true;
	if (!begin_attribute(writer, TAG_AVAILABLE_TRANSFER_SYNTAX, DC_VR_UI, err))
		return false;
	rn_json_literal(out, ",\"Value\":[");
	rn_json_string(out, span_of_text(transfer_syntax_uid(&writer->dataset->layout)));
	rn_json_literal(out, "]");
	end_attribute(writer);
	return true;
}

/* Puts (0008,3002) in its place: in front of the first element behind it. */
static bool put_syntax_before(struct rn_json_writer *writer, uint32_t tag, struct err *err)
{
	if (writer->depth > 0 || writer->syntax_written || tag <= TAG_AVAILABLE_TRANSFER_SYNTAX)
		return true;
	return put_transfer_syntax(writer, err);
}

/* Elements that have no place in the object. */
static bool is_left_out(const struct rn_json_writer *writer)
{
	const struct dc_element *element = &writer->parser.element;
	uint8_t class;

	if (DC_ELEMENT(element->tag) == 0 || DC_GROUP(element->tag) == 2 ||
	    element->tag == TAG_TRAILING_PADDING)
		return true;
	if (element->tag == TAG_AVAILABLE_TRANSFER_SYNTAX && writer->depth == 0)
		return true;
	if (writer->parser.event != DC_EVENT_ELEMENT || element->length >= element->declared_length)
		return false;
	/* Part of a number or a name would be another number or name. */
	class = dc_vr_info(element->vr).class;
	return class != DC_VR_BULK && class != DC_VR_INVALID;
}

static bool put_charset(struct rn_json_writer *writer, struct err *err)
{
	struct span value;

	if (!dc_parser_value(&writer->parser, &value, err))
		return false;
	if (dc_value_trim(value, true).size > 0)
		rn_json_literal(writer->out, ",\"Value\":[\"ISO_IR 192\"]");
	return true;
}

static bool put_element(struct rn_json_writer *writer, struct err *err)
{
	const struct dc_element *element = &writer->parser.element;
	uint8_t class = dc_vr_info(element->vr).class;
	uint16_t vr = class == DC_VR_INVALID ? DC_VR_UN : element->vr;

	if (is_left_out(writer))
		return true;
	if (!put_syntax_before(writer, element->tag, err) ||
	    !begin_attribute(writer, element->tag, vr, err))
		return false;
	if (element->tag == DC_TAG_SPECIFIC_CHARACTER_SET ? !put_charset(writer, err)
							  : !rn_json_put_value(writer, class, err))
		return false;
	end_attribute(writer);
	return true;
}

static bool put_fragments(struct rn_json_writer *writer, struct err *err)
{
	const struct dc_element *element = &writer->parser.element;
	uint64_t start = element->offset, end;
	/* Without a stored VR what is encapsulated is OB, PS3.5 A.4. */
	uint16_t vr = element->explicit_vr ? element->vr : DC_VR_OB;

	if (is_left_out(writer))
		return true;
	if (!put_syntax_before(writer, element->tag, err) ||
	    !begin_attribute(writer, element->tag, vr, err) ||
	    !dc_parser_fragments_end(&writer->parser, &end, err))
		return false;
	if (!writer->dataset->deflated)
		rn_json_put_bulk(writer, start, end - start);
	else if (!rn_json_put_inline_range(writer, start, end - start, err))
		return false;
	end_attribute(writer);
	return true;
}

static bool begin_sequence(struct rn_json_writer *writer, struct err *err)
{
	uint32_t tag = writer->parser.element.tag;

	if (is_left_out(writer))
		return dc_parser_skip(&writer->parser, err);
	writer->levels[writer->depth].items = 0;
	return put_syntax_before(writer, tag, err) && begin_attribute(writer, tag, DC_VR_SQ, err);
}

static void end_sequence(struct rn_json_writer *writer)
{
	if (writer->levels[writer->depth].items > 0)
		rn_json_literal(writer->out, "]");
	end_attribute(writer);
}

static bool begin_item(struct rn_json_writer *writer, struct err *err)
{
	struct rn_json_level *level = &writer->levels[writer->depth];

	if (writer->depth == RN_JSON_DEPTH)
		return err_set(err, ERR_LIMIT, "sequences nested more than %d deep", RN_JSON_DEPTH);
	if (level->items++ == 0)
		rn_json_literal(writer->out, ",\"Value\":[{");
	else
		rn_json_literal(writer->out, ",{");
	writer->depth++;
	writer->levels[writer->depth] = (struct rn_json_level){.first_entry = writer->entry_count};
	return true;
}

/* A piece of an object's text. */
struct segment {
	uint64_t start, size;
	uint32_t tag;
	uint32_t names; /* inside it */
};

static int by_tag_then_start(const void *left, const void *right)
{
	const struct segment *a = left, *b = right;

	if (a->tag != b->tag)
		return a->tag < b->tag ? -1 : 1;
	return a->start < b->start ? -1 : a->start > b->start;
}

static void collect_segments(const struct rn_json_writer *writer, struct segment *segments,
			     size_t count)
{
	const struct rn_json_entry *entries =
		&writer->entries[writer->levels[writer->depth].first_entry];

	for (size_t i = 0; i < count; i++) {
		bool last = i + 1 == count;
		uint64_t end = last ? writer->out->size
				    : entries[i + 1].start - separator_size(writer->depth);

		segments[i] = (struct segment){
			.start = entries[i].start,
			.size = end - entries[i].start,
			.tag = entries[i].tag,
			.names = (last ? writer->names : entries[i + 1].names) - entries[i].names,
		};
	}
}

/* Keeps the first of each tag; returns how many remain and the text's size. */
static size_t drop_duplicates(struct rn_json_writer *writer, struct segment *segments, size_t count,
			      uint64_t *size)
{
	size_t kept = 0;

	*size = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && segments[kept - 1].tag == segments[i].tag) {
			writer->names -= segments[i].names;
			continue;
		}
		*size += segments[i].size + (kept > 0 ? separator_size(writer->depth) : 0);
		segments[kept++] = segments[i];
	}
	return kept;
}

static bool rewrite(struct rn_json_writer *writer, const struct segment *segments, size_t count,
		    uint64_t start, uint64_t size, struct err *err)
{
	struct buf *out = writer->out;
	CLEANUP_BUF struct buf ordered = buf_empty(BUF_NO_LIMIT);

	if (!buf_reserve(&ordered, (size_t)size))
		return buf_ok(&ordered, err);
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_append(&ordered, ",\n", separator_size(writer->depth));
		buf_append(&ordered, out->data + segments[i].start, (size_t)segments[i].size);
	}
	memcpy(out->data + start, ordered.data, ordered.size);
	return true;
}

/* The elements of the open object in ascending order, the first of each tag. */
static bool sort_object(struct rn_json_writer *writer, struct err *err)
{
	const struct rn_json_level *level = &writer->levels[writer->depth];
	size_t count = writer->entry_count - level->first_entry;
	CLEANUP_FREE struct segment *segments = NULL;
	uint64_t start, size;

	/* After a failure positions mean nothing; the caller reports it. */
	if (writer->out->failure != ERR_NONE || count < 2)
		return true;
	segments = calloc(count, sizeof(*segments));
	if (segments == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	collect_segments(writer, segments, count);
	start = segments[0].start;
	qsort(segments, count, sizeof(*segments), by_tag_then_start);
	count = drop_duplicates(writer, segments, count, &size);
	if (!writer->out->counting && !rewrite(writer, segments, count, start, size, err))
		return false;
	buf_truncate(writer->out, (size_t)(start + size));
	return true;
}

static bool end_object(struct rn_json_writer *writer, struct err *err)
{
	struct rn_json_level *level = &writer->levels[writer->depth];

	if (level->disordered && !sort_object(writer, err))
		return false;
	writer->entry_count = level->first_entry;
	return true;
}

static bool end_item(struct rn_json_writer *writer, struct err *err)
{
	if (!end_object(writer, err))
		return false;
	rn_json_literal(writer->out, "}");
	writer->depth--;
	return true;
}

/* Moves on and handles what it finds. */
static bool step(struct rn_json_writer *writer, struct err *err)
{
	if (!dc_parser_next(&writer->parser, err))
		return false;
	switch (writer->parser.event) {
	case DC_EVENT_ELEMENT:
		return put_element(writer, err);
	case DC_EVENT_SEQUENCE:
		return begin_sequence(writer, err);
	case DC_EVENT_ITEM:
		return begin_item(writer, err);
	case DC_EVENT_ITEM_END:
		return end_item(writer, err);
	case DC_EVENT_SEQUENCE_END:
		end_sequence(writer);
		return true;
	case DC_EVENT_FRAGMENTS:
		return put_fragments(writer, err);
	case DC_EVENT_END:
		return true;
	}
	return true;
}

static bool walk(struct rn_json_writer *writer, const atomic_bool *cancel, struct err *err)
{
	rn_json_literal(writer->out, "{\n");
	do {
		if (cancel != NULL && atomic_load_explicit(cancel, memory_order_relaxed))
			return err_set(err, ERR_INTERRUPTED, "interrupted");
		if (!step(writer, err))
			return false;
	} while (writer->parser.event != DC_EVENT_END && writer->out->failure == ERR_NONE);
	if (!writer->syntax_written && !put_transfer_syntax(writer, err))
		return false;
	if (!end_object(writer, err))
		return false;
	rn_json_literal(writer->out, "\n}\n");
	return true;
}

static bool report_failure(const struct rn_json_writer *writer, struct err *err)
{
	if (writer->out->failure == ERR_LIMIT && writer->base_limit <= writer->outer_limit)
		return err_set(err, ERR_LIMIT, "JSON is larger than the %llu bytes of max_json",
			       (unsigned long long)writer->options->max_json_size);
	return buf_ok(writer->out, err);
}

static bool run(struct rn_json_writer *writer, const atomic_bool *cancel, struct err *err)
{
	struct dc_parser_options options = {.limits = rn_limits(writer->options)};
	bool ok;

	options.limits.depth = MIN_OF(options.limits.depth, (uint32_t)RN_JSON_DEPTH);
	options.limits.value = writer->options->max_json_size;
	if (!dc_dataset_parser(writer->dataset, &options, &writer->parser, err))
		return false;
	ok = walk(writer, cancel, err);
	dc_parser_release(&writer->parser);
	return ok && report_failure(writer, err);
}

static void init(struct rn_json_writer *writer, struct dc_dataset *dataset,
		 const struct rn_options *options, struct buf *out)
{
	size_t limit = (size_t)MIN_OF(options->max_json_size, (uint64_t)BUF_NO_LIMIT);

	*writer = (struct rn_json_writer){
		.dataset = dataset,
		.options = options,
		.out = out,
		.name = buf_empty(BUF_NO_LIMIT),
		/* Two bytes of any character set give at most three of UTF-8 each. */
		.scratch = buf_empty(limit > BUF_NO_LIMIT / 3 ? BUF_NO_LIMIT : limit * 3),
		.outer_limit = out->limit,
		.base_limit = limit > BUF_NO_LIMIT - out->size ? BUF_NO_LIMIT : out->size + limit,
	};
	out->limit = MIN_OF(writer->base_limit, writer->outer_limit);
}

static void release(struct rn_json_writer *writer)
{
	writer->out->limit = writer->outer_limit;
	buf_release(&writer->name);
	buf_release(&writer->scratch);
	free(writer->entries);
}

bool rn_json_measure(struct dc_dataset *dataset, const struct rn_options *options, uint64_t *base,
		     uint32_t *names, struct err *damage, struct err *err)
{
	struct buf counter = buf_counter(BUF_NO_LIMIT);
	struct rn_json_writer writer;
	bool ok;

	init(&writer, dataset, options, &counter);
	ok = run(&writer, NULL, err);
	*base = counter.size;
	*names = writer.names;
	if (damage != NULL)
		*damage = writer.parser.damage;
	release(&writer);
	return ok;
}

bool rn_json_write(struct dc_dataset *dataset, const char *name, const struct rn_options *options,
		   const atomic_bool *cancel, struct buf *out, struct err *err)
{
	struct rn_json_writer writer;
	bool ok;

	init(&writer, dataset, options, out);
	escape_name(name, &writer.name);
	ok = buf_ok(&writer.name, err) && run(&writer, cancel, err);
	release(&writer);
	return ok;
}
