/*
 * Between the two halves of the JSON writer: json.c walks the data set and
 * keeps objects in order, json-value.c turns the value of one element into
 * the members behind "vr".
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JSON_WRITER_H
#define RENDER_JSON_WRITER_H

#include "render/render.h"

/* Deeper sequences end the walk (parser's damage). */
#define RN_JSON_DEPTH 64

/* One element of an open object. */
struct rn_json_entry {
	uint64_t start; /* in out, behind the separator */
	uint32_t tag;
	uint32_t names; /* written before it */
};

/* An open object: the data set or an item. */
struct rn_json_level {
	size_t first_entry;
	uint64_t items; /* of its open sequence */
	uint32_t last_tag;
	bool disordered; /* needs sorting or has a tag twice */
};

struct rn_json_writer {
	struct dc_dataset *dataset;
	const struct rn_options *options;
	struct dc_parser parser;
	struct buf *out; /* may be counting */
	struct buf name; /* escaped for a URI; empty when measuring */
	struct buf scratch;
	uint32_t names; /* times name was written */
	/* out->limit before the writer moved it, and that limit without names. */
	size_t outer_limit, base_limit;
	bool syntax_written; /* (0008,3002) */
	uint32_t depth;      /* of the open object */
	struct rn_json_level levels[RN_JSON_DEPTH + 1];
	struct rn_json_entry *entries;
	size_t entry_count, entry_capacity;
};

/* Appends ,"Value":[...] or ,"InlineBinary":"..." or ,"BulkDataURI":"..." of the
 * parser's current ELEMENT, or nothing when it is empty. class: of its VR. */
bool rn_json_put_value(struct rn_json_writer *writer, uint8_t class, struct err *err) MUST_CHECK;

/* Appends ,"BulkDataURI":"..." for bytes of the file. */
void rn_json_put_bulk(struct rn_json_writer *writer, uint64_t offset, uint64_t length);

/* Appends ,"InlineBinary":"..." for bytes of the data set's source. */
bool rn_json_put_inline_range(struct rn_json_writer *writer, uint64_t offset, uint64_t length,
			      struct err *err) MUST_CHECK;

#endif
