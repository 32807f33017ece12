/*
 * The event parser: pulls a data set (PS3.5 7) out of a byte source, one event
 * a call, with an explicit stack.
 *
 * What it promises:
 * - It reads only what it is asked for: headers stream through a window of the
 *   source, values are read when dc_parser_value() asks, pixel data never.
 * - Broken input is no error: the walk ends early with DC_EVENT_END, and
 *   parser->damage says why. Everything before the damage was delivered, and
 *   every sequence and item that was opened is closed by its end event. So do
 *   data sets that exceed a limit (elements, depth). Errors are IO, NOMEM and
 *   STALE.
 * - VRs are resolved: implicit ones from the dictionary, US or SS by the Pixel
 *   Representation in force, UN of known public tags by the dictionary,
 *   sequences of UN with undefined length as Implicit VR LE (PS3.5 6.2.2).
 * - Character sets and private blocks are tracked per item.
 *
 * Thread rule: one thread. No allocation except for values larger than the
 * window and stacks deeper than usual.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_PARSER_H
#define DICOM_PARSER_H

#include "dicom/charset.h"
#include "dicom/source.h"
#include "dicom/uid.h"
#include "dicom/vr.h"

enum dc_event {
	DC_EVENT_ELEMENT,      /* a value; dc_parser_value() reads it */
	DC_EVENT_SEQUENCE,     /* a sequence begins */
	DC_EVENT_ITEM,         /* an item begins; its elements follow */
	DC_EVENT_ITEM_END,
	DC_EVENT_SEQUENCE_END,
	DC_EVENT_FRAGMENTS,    /* encapsulated pixel data (undefined length); skipped
				* by the next call, see frames.h for its frames */
	DC_EVENT_END,          /* end of the data set; see damage */
};

#define DC_LENGTH_UNDEFINED UINT32_MAX

struct dc_element {
	uint32_t tag;
	uint16_t vr;        /* resolved: never an ambiguity, never DC_VR_NONE */
	uint16_t stored_vr; /* the two letters in the file; DC_VR_NONE if implicit */
	bool big_endian;    /* of this value (and its pixels if native) */
	bool explicit_vr;
	bool undefined_length; /* as stored */
	uint16_t depth;     /* items this element is inside of; 0: the data set */
	uint64_t offset;    /* of the value field in the parser's source */
	uint64_t length;    /* bytes of the value that exist: cut at the end of the
			     * source or of the item around it. Sequences and
			     * fragments of undefined length: 0. */
	uint64_t declared_length; /* as stored, before cutting */
};

struct dc_limits {
	uint64_t elements; /* per data set, nested ones included */
	uint32_t depth;    /* nested sequences */
	uint64_t value;    /* bytes of one value that dc_parser_value() may read */
};

/* 16 million elements, 64 deep, 64 MiB. */
extern const struct dc_limits dc_default_limits;

struct dc_parser_options {
	const struct dc_transfer_syntax *transfer_syntax; /* VR and endianness to use */
	struct dc_charset charset;                        /* in force at the start */
	struct dc_limits limits;                          /* all zero: the defaults */
	/* Stop predicate: when it returns true for a depth-0 element, the walk ends
	 * in front of it with DC_EVENT_END. NULL: to the end of the source. */
	bool (*stop)(const struct dc_element *element, void *context);
	void *stop_context;
};

/* An open data set, item or sequence. Private. */
struct dc_parser_level {
	bool sequence;       /* else an item or the data set */
	bool explicit_vr, big_endian;
	uint8_t pixel_representation;
	uint64_t end;        /* where it must end; of an undefined length: its parent's */
	struct dc_element element; /* of the sequence or item */
	struct dc_charset charset;
};
#define DC_PARSER_INLINE_LEVELS 4

struct dc_parser {
	/* The current event, valid until the next call. */
	enum dc_event event;
	struct dc_element element; /* of ELEMENT, SEQUENCE, FRAGMENTS; for the
				    * _END events the sequence or item that ends */
	/* What was lost to damage, the first of it: the walk ended early, or an item
	 * was cut short. ERR_NONE when nothing was. Complete at DC_EVENT_END. */
	struct err damage;
	bool stopped; /* by the stop predicate */

	/* Bytes behind pixel data, or at the very end, that are no elements (PS3.10
	 * 7.2 and older habits pad files); ignored. */
	uint64_t ignored_tail;

	/* Private. */
	struct dc_source *source;
	struct dc_parser_options options;
	uint64_t position;  /* of the next element header */
	uint64_t elements;  /* delivered so far */
	uint32_t last_tag;  /* at depth 0 */
	uint64_t sparse_at; /* of the item header looked at last */
	bool in_fragments;  /* the fragments of the current event are still ahead */
	bool unwinding;     /* closing levels after damage or the stop predicate */
	struct dc_parser_level *levels;
	size_t level_count, level_capacity;
	struct dc_parser_level inline_levels[DC_PARSER_INLINE_LEVELS];
	const uint8_t *window; /* resident bytes of the source, from window_offset on */
	size_t window_size;
	uint64_t window_offset;
	uint8_t *window_memory; /* ours, when the source cannot lend */
	struct buf scratch;     /* values larger than the window */
};

/* Starts at offset of source, which must outlive the parser. The parser must
 * not be moved in memory. */
bool dc_parser_init(struct dc_parser *parser, struct dc_source *source, uint64_t offset,
		    const struct dc_parser_options *options, struct err *err) MUST_CHECK;
void dc_parser_release(struct dc_parser *parser);
#define CLEANUP_PARSER CLEANUP(dc_parser_release)

/* Moves to the next event. */
bool dc_parser_next(struct dc_parser *parser, struct err *err) MUST_CHECK;

/* The bytes of the current ELEMENT's value, as stored (element.big_endian says
 * how), all element.length of them. Valid until the next call on this parser.
 * ERR_LIMIT when larger than limits.value; the walk can go on. */
bool dc_parser_value(struct dc_parser *parser, struct span *value, struct err *err) MUST_CHECK;

/* After SEQUENCE or ITEM: passes over its content; the current event becomes its
 * SEQUENCE_END or ITEM_END (or END, if the data set breaks inside). */
bool dc_parser_skip(struct dc_parser *parser, struct err *err) MUST_CHECK;

/* The character set in force for the current element. */
const struct dc_charset *dc_parser_charset(const struct dc_parser *parser);

/* After FRAGMENTS: walks over them now, reading item headers only, and gives the
 * offset behind the sequence delimiter (of the end of what is there, if the
 * fragments are damaged; damage then says so, and the item or the data set
 * around them ends). */
bool dc_parser_fragments_end(struct dc_parser *parser, uint64_t *end, struct err *err) MUST_CHECK;

#endif
