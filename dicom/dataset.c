/* SPDX-License-Identifier: MIT */
#include "dicom/dataset.h"

#include "dicom/value.h"

#define PREAMBLE 128
#define UID_DICOMDIR "1.2.840.10008.1.3.10"

static const struct dc_transfer_syntax *syntax(const char *uid)
{
	return dc_transfer_syntax_find(span_of_text(uid));
}

static void warn(struct dc_layout *layout, const char *text)
{
	if (layout->warning[0] == '\0')
		(void)snprintf(layout->warning, sizeof(layout->warning), "%.*s",
			       (int)sizeof(layout->warning) - 1, text);
}

/* ---- What the first element looks like -------------------------------- */

enum look { LOOK_NOTHING, LOOK_EXPLICIT_LE, LOOK_IMPLICIT_LE, LOOK_EXPLICIT_BE, LOOK_IMPLICIT_BE };

static bool plausible_group(uint16_t group)
{
	return group >= 0x0001 && group <= 0x7fe1;
}

/* Guesses the encoding from eight bytes at the start of a data set: the VR
 * letters, and which reading of the group is small (the first group of a data
 * set is 0008 almost always). */
static enum look look_at(const uint8_t *b, size_t there, uint64_t room)
{
	uint16_t little, big;
	bool vr;

	if (there < 8)
		return LOOK_NOTHING;
	little = load_u16(b, false);
	big = load_u16(b, true);
	vr = dc_vr_info(DC_VR(b[4], b[5])).class != DC_VR_INVALID;
	if (vr && plausible_group(little) && (little <= big || !plausible_group(big)))
		return LOOK_EXPLICIT_LE;
	if (vr && plausible_group(big))
		return LOOK_EXPLICIT_BE;
	if (plausible_group(little) && load_u32(b + 4, false) <= room)
		return LOOK_IMPLICIT_LE;
	if (plausible_group(big) && load_u32(b + 4, true) <= room)
		return LOOK_IMPLICIT_BE;
	if (plausible_group(little) && load_u32(b + 4, false) == DC_LENGTH_UNDEFINED)
		return LOOK_IMPLICIT_LE;
	return LOOK_NOTHING;
}

static enum look look_of(const struct dc_transfer_syntax *ts)
{
	if (ts->explicit_vr)
		return ts->big_endian ? LOOK_EXPLICIT_BE : LOOK_EXPLICIT_LE;
	return ts->big_endian ? LOOK_IMPLICIT_BE : LOOK_IMPLICIT_LE;
}

static const struct dc_transfer_syntax *syntax_of_look(enum look look)
{
	switch (look) {
	case LOOK_EXPLICIT_LE:
		return syntax(DC_TS_EXPLICIT_LE);
	case LOOK_EXPLICIT_BE:
		return syntax(DC_TS_EXPLICIT_BE);
	default:
		return syntax(DC_TS_IMPLICIT_LE);
	}
}

/* ---- The meta group --------------------------------------------------- */

static void copy_uid(char to[static 72], const uint8_t *value, size_t size)
{
	struct span uid = dc_value_trim(span_of(value, size), true);

	(void)snprintf(to, 72, "%.*s", (int)MIN_OF(uid.size, (size_t)71), (const char *)uid.data);
}

static bool keep_uid(struct dc_source *file, uint64_t offset, uint32_t length,
		     char to[static 72], struct err *err)
{
	uint8_t value[128];
	size_t got = 0;

	/* The first of duplicates counts, as everywhere. */
	if (to[0] != '\0' || length == 0 || length > sizeof(value))
		return true;
	if (!dc_source_read(file, offset, value, length, &got, err))
		return false;
	if (got == length)
		copy_uid(to, value, got);
	return true;
}

/* One element of the meta group; Explicit VR LE by PS3.10 7.1, but some writers
 * leave it implicit. False in *more when what is there is none of it. */
static bool meta_element(struct dc_source *file, uint64_t *at, uint16_t *last,
			 struct dc_layout *layout, bool *more, struct err *err)
{
	uint8_t b[12];
	size_t there = 0;
	struct dc_vr_info info;
	uint64_t value;
	uint32_t length;
	uint16_t element;
	char *to = NULL;

	*more = false;
	if (!dc_source_read(file, *at, b, sizeof(b), &there, err))
		return false;
	if (there < 8 || load_u16(b, false) != 0x0002)
		return true;
	element = load_u16(b + 2, false);
	/* A second meta group in front of the data set is part of the data set. */
	if (layout->meta && element <= *last)
		return true;
	info = dc_vr_info(DC_VR(b[4], b[5]));
	if (info.class == DC_VR_INVALID || (info.long_length && there < 12)) {
		length = load_u32(b + 4, false);
		value = *at + 8;
	} else if (info.long_length) {
		length = load_u32(b + 8, false);
		value = *at + 12;
	} else {
		length = load_u16(b + 6, false);
		value = *at + 8;
	}
	if (length > file->size - MIN_OF(value, file->size))
		return true;
	if (element == 0x0010)
		to = layout->transfer_syntax_uid;
	else if (element == 0x0002)
		to = layout->media_storage_sop_class;
	else if (element == 0x0003)
		to = layout->media_storage_sop_instance;
	if (to != NULL && !keep_uid(file, value, length, to, err))
		return false;
	*at = value + length;
	*last = element;
	layout->meta = true;
	*more = true;
	return true;
}

static bool read_meta(struct dc_source *file, struct dc_layout *layout, struct err *err)
{
	uint16_t last = 0;
	bool more = true;

	while (more) {
		if (!meta_element(file, &layout->offset, &last, layout, &more, err))
			return false;
	}
	return true;
}

/* ---- Deciding --------------------------------------------------------- */

/* Whether only the first element lacks a usable VR: the next one, found by a
 * length of 16 bits, is explicit, of the same group and behind it. */
static bool next_is_explicit(struct dc_source *file, uint64_t offset, const uint8_t first[static 8],
			     bool *is, struct err *err)
{
	uint8_t b[8];
	size_t there = 0;

	if (!dc_source_read(file, offset + 8 + load_u16(first + 6, false), b, sizeof(b), &there, err))
		return false;
	*is = there == sizeof(b) && load_u16(b, false) == load_u16(first, false) &&
	      load_u16(b + 2, false) > load_u16(first + 2, false) &&
	      dc_vr_info(DC_VR(b[4], b[5])).class != DC_VR_INVALID;
	return true;
}

static bool choose_encoding(struct dc_source *file, struct dc_layout *layout, struct err *err)
{
	const struct dc_transfer_syntax *ts =
		dc_transfer_syntax_find(span_of_text(layout->transfer_syntax_uid));
	uint8_t b[8];
	size_t there = 0;
	enum look look;

	if (!dc_source_read(file, layout->offset, b, sizeof(b), &there, err))
		return false;
	look = look_at(b, there, file->size - MIN_OF(layout->offset + 8, file->size));
	layout->unknown_syntax = ts == NULL && layout->transfer_syntax_uid[0] != '\0';
	layout->guessed = ts == NULL;
	if (ts != NULL && ts->deflated) {
		/* Two letters of a VR in the right place do not come out of deflate by
		 * chance together with group 0008. */
		if (look == LOOK_EXPLICIT_LE && load_u16(b, false) == 0x0008) {
			warn(layout, "the data set is not deflated although its transfer syntax says so");
			ts = syntax(DC_TS_EXPLICIT_LE);
		}
		layout->transfer_syntax = ts;
		layout->encoding = ts;
		return true;
	}
	layout->transfer_syntax = ts != NULL ? ts : syntax_of_look(look);
	layout->encoding = layout->transfer_syntax;
	if (layout->unknown_syntax)
		warn(layout, "unknown transfer syntax");
	else if (ts == NULL)
		warn(layout, "no transfer syntax; guessed from the first element");
	if (look == LOOK_IMPLICIT_BE)
		look = LOOK_NOTHING; /* no transfer syntax is */
	if (look == LOOK_IMPLICIT_LE && look_of(layout->encoding) == LOOK_EXPLICIT_LE) {
		bool explicit;

		if (!next_is_explicit(file, layout->offset, b, &explicit, err))
			return false;
		if (explicit)
			look = LOOK_EXPLICIT_LE;
	}
	if (look != LOOK_NOTHING && look != look_of(layout->encoding)) {
		layout->encoding = syntax_of_look(look);
		warn(layout, "the data set is encoded otherwise than its transfer syntax says");
	}
	return true;
}

static bool after_identity(const struct dc_element *element, void *context UNUSED)
{
	return element->tag > DC_TAG(0x0020, 0x000d);
}

/* Without a preamble, only a SOP Class or Study UID makes it DICOM. */
static bool holds_identity(struct dc_source *file, const struct dc_layout *layout, bool *found,
			   struct err *err)
{
	struct dc_parser_options options = {
		.transfer_syntax = layout->encoding,
		.stop = after_identity,
	};
	struct dc_parser parser CLEANUP_PARSER;

	*found = false;
	if (!dc_parser_init(&parser, file, layout->offset, &options, err))
		return false;
	do {
		if (!dc_parser_next(&parser, err))
			return false;
		if (parser.event == DC_EVENT_SEQUENCE && !dc_parser_skip(&parser, err))
			return false;
		if (parser.event == DC_EVENT_ELEMENT && parser.element.depth == 0 &&
		    parser.element.length > 0 &&
		    (parser.element.tag == DC_TAG(0x0008, 0x0016) ||
		     parser.element.tag == DC_TAG(0x0020, 0x000d)))
			*found = true;
	} while (parser.event != DC_EVENT_END && !*found);
	return true;
}

static bool not_dicom(struct err *err, const char *why)
{
	return err_set(err, ERR_NOTFOUND, "not a DICOM file: %s", why);
}

/* "DICM" at 128 can also be four letters of a value: an element has to follow. */
static bool magic_is_real(const uint8_t *behind, size_t there, uint64_t size)
{
	return there >= 8 && (load_u16(behind, false) == 0x0002 ||
			      look_at(behind, there, size) != LOOK_NOTHING);
}

static bool read_start(struct dc_source *file, struct dc_layout *layout, struct err *err)
{
	uint8_t start[PREAMBLE + 4 + 8];
	size_t got = 0;

	if (file->size == 0)
		return not_dicom(err, "empty");
	if (!dc_source_read(file, 0, start, sizeof(start), &got, err))
		return false;
	if (got >= PREAMBLE + 4 && memcmp(start + PREAMBLE, "DICM", 4) == 0 &&
	    (magic_is_real(start + PREAMBLE + 4, got - PREAMBLE - 4, file->size) ||
	     look_at(start, got, file->size) == LOOK_NOTHING)) {
		layout->preamble = true;
		layout->offset = PREAMBLE + 4;
	} else if (got >= 8 && memcmp(start, "DICM", 4) == 0) {
		layout->offset = 4;
	}
	return read_meta(file, layout, err);
}

bool dc_layout_read(struct dc_source *file, struct dc_layout *layout, struct err *err)
{
	uint8_t b[8];
	size_t there = 0;
	bool found;

	memset(layout, 0, sizeof(*layout));
	if (!read_start(file, layout, err))
		return false;
	if (!dc_source_read(file, layout->offset, b, sizeof(b), &there, err))
		return false;
	if (!choose_encoding(file, layout, err))
		return false;
	layout->dicomdir = strcmp(layout->media_storage_sop_class, UID_DICOMDIR) == 0;
	if (layout->meta && (layout->preamble || layout->transfer_syntax_uid[0] != '\0'))
		return true;
	if (look_at(b, there, file->size) == LOOK_NOTHING)
		return not_dicom(err, layout->preamble ? "no element follows the preamble"
						       : "no preamble, and it does not start with an element");
	if (layout->preamble)
		return true;
	if (load_u16(b, layout->encoding->big_endian) != 0x0008)
		return not_dicom(err, "no preamble, and it does not start in group 0008");
	if (!holds_identity(file, layout, &found, err))
		return false;
	if (!found)
		return not_dicom(err, "no preamble, and neither SOP Class nor Study UID");
	warn(layout, "no preamble and no meta group");
	return true;
}

bool dc_dataset_open(struct dc_dataset *dataset, struct dc_source *file, struct err *err)
{
	/* Not zeroed as a whole: scans open many. */
	dataset->inflate.base.ops = NULL;
	dataset->inflate.state = NULL;
	err_clear(&dataset->inflate.damage);
	dataset->source = file;
	if (!dc_layout_read(file, &dataset->layout, err))
		return false;
	dataset->offset = dataset->layout.offset;
	dataset->deflated = dataset->layout.encoding->deflated;
	if (!dataset->deflated)
		return true;
	if (!dc_inflate_source_init(&dataset->inflate, file, dataset->offset, DC_INFLATE_MAX, err))
		return false;
	dataset->source = &dataset->inflate.base;
	dataset->offset = 0;
	if (dataset->inflate.damage.code != ERR_NONE)
		warn(&dataset->layout, dataset->inflate.damage.message);
	return true;
}

void dc_dataset_release(struct dc_dataset *dataset)
{
	dc_source_release(&dataset->inflate.base);
}

bool dc_dataset_parser(struct dc_dataset *dataset, const struct dc_parser_options *options,
		       struct dc_parser *parser, struct err *err)
{
	struct dc_parser_options mine = {0};

	if (options != NULL)
		mine = *options;
	mine.transfer_syntax = dataset->layout.encoding;
	return dc_parser_init(parser, dataset->source, dataset->offset, &mine, err);
}
