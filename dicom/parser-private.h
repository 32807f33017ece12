/*
 * What the files of the parser share: its window on the source, and element
 * headers as they stand in the file.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_PARSER_PRIVATE_H
#define DICOM_PARSER_PRIVATE_H

#include "dicom/parser.h"

#define DC_PARSER_WINDOW_SIZE ((size_t)32 * 1024)

/* Makes up to size bytes at offset resident; *there < size only at the end of
 * the source. size is at most DC_PARSER_WINDOW_SIZE. *at is valid until the
 * next call. */
bool dc_parser_fetch_far(struct dc_parser *p, uint64_t offset, size_t size, const uint8_t **at,
			 size_t *there, struct err *err) MUST_CHECK;

static inline bool MUST_CHECK dc_parser_fetch(struct dc_parser *p, uint64_t offset, size_t size,
					      const uint8_t **at, size_t *there, struct err *err)
{
	uint64_t skip = offset - p->window_offset; /* wraps in front of the window */

	if (skip > p->window_size || p->window_size - (size_t)skip < size)
		return dc_parser_fetch_far(p, offset, size, at, there, err);
	*at = p->window + skip;
	*there = size;
	return true;
}

/* For item headers: where they are far apart reads just these bytes unless they
 * are resident, so that walking over fragments does not read the fragments. */
bool dc_parser_fetch_sparse(struct dc_parser *p, uint64_t offset, uint8_t bytes[static 8],
			    size_t *there, struct err *err) MUST_CHECK;

/* The header of an element as it stands in the file, before it means
 * anything. */
struct dc_header {
	uint32_t tag;
	uint16_t stored_vr;
	uint32_t length;
	unsigned size; /* bytes of the header itself */
	bool implicit; /* no VR, or none that is usable */
};

/* Reads a header out of there bytes at b. room: bytes of the level behind an
 * 8-byte header. False when there are not enough bytes. */
bool dc_header_read(const uint8_t *b, size_t there, const struct dc_parser_level *level,
		    uint64_t room, struct dc_header *h) MUST_CHECK;

/* Sets element->vr and big_endian; its tag, lengths and stored_vr are set. */
void dc_header_resolve(const struct dc_parser_level *level, const struct dc_header *h,
		       struct dc_element *element);

static inline uint32_t dc_load_tag(const uint8_t *b, bool big_endian)
{
	return DC_TAG(load_u16(b, big_endian), load_u16(b + 2, big_endian));
}

#endif
