/* SPDX-License-Identifier: MIT */
#include "dicom/parser-private.h"

#include "dicom/dictionary.h"

static bool two_capitals(const uint8_t *b)
{
	return b[0] >= 'A' && b[0] <= 'Z' && b[1] >= 'A' && b[1] <= 'Z';
}

/* What writers put where they know no VR. As half of an implicit length these
 * are too rare to count. */
static bool is_placeholder(const uint8_t *b)
{
	return (b[0] == '?' && b[1] == '?') || (b[0] == ' ' && b[1] == ' ');
}

/* An explicit element whose VR is none: some writers leave single elements, or
 * whole items, implicit; a VR of a later edition has a 32-bit length behind two
 * zero bytes (PS3.5 6.2, unknown VRs). */
static void read_odd_vr(const uint8_t *b, size_t there, bool big_endian, uint64_t room,
			struct dc_header *h)
{
	uint32_t as_implicit = load_u32(b + 4, big_endian);

	if (two_capitals(b + 4) && there >= 12 && b[6] == 0 && b[7] == 0) {
		h->stored_vr = DC_VR_UN;
		h->length = load_u32(b + 8, big_endian);
		h->size = 12;
		return;
	}
	h->implicit = true;
	h->stored_vr = DC_VR_NONE;
	h->length = as_implicit;
	h->size = 8;
	/* Letters where the VR should be, and a 16-bit length that fits where the
	 * 32-bit one does not. */
	if (is_placeholder(b + 4) ||
	    (as_implicit != DC_LENGTH_UNDEFINED && as_implicit > room)) {
		h->length = load_u16(b + 6, big_endian);
		h->implicit = false;
		h->stored_vr = DC_VR_UN;
	}
}

bool dc_header_read(const uint8_t *b, size_t there, const struct dc_parser_level *level,
			uint64_t room, struct dc_header *h)
{
	bool big_endian = level->big_endian;
	struct dc_vr_info info;

	if (there < 8)
		return false;
	*h = (struct dc_header){.tag = dc_load_tag(b, big_endian), .size = 8};
	if (DC_GROUP(h->tag) == 0xfffe || !level->explicit_vr) {
		h->implicit = true;
		h->length = load_u32(b + 4, big_endian);
		return true;
	}
	h->stored_vr = DC_VR(b[4], b[5]);
	info = dc_vr_info(h->stored_vr);
	if (info.class == DC_VR_INVALID) {
		read_odd_vr(b, there, big_endian, room, h);
		return true;
	}
	if (!info.long_length) {
		h->length = load_u16(b + 6, big_endian);
		return true;
	}
	if (there < 12)
		return false;
	h->length = load_u32(b + 8, big_endian);
	h->size = 12;
	return true;
}

/* One of the dictionary's ambiguous VRs, PS3.5 A.1 and A.2. */
static uint16_t settle_vr(uint16_t vr, const struct dc_parser_level *level)
{
	switch (vr) {
	case DC_VR_OB_OW:
	case DC_VR_US_SS_OW:
	case DC_VR_US_OW:
		return DC_VR_OW;
	case DC_VR_US_SS:
		return level->pixel_representation == 1 ? DC_VR_SS : DC_VR_US;
	default:
		return vr;
	}
}

/* The VR to use for an element stored as UN: the dictionary's, if the value
 * can be one. It is little endian then (PS3.5 6.2.2). */
static uint16_t vr_of_un(const struct dc_element *element, const struct dc_parser_level *level)
{
	uint16_t vr = settle_vr(dc_dictionary_vr(element->tag), level);
	struct dc_vr_info info = dc_vr_info(vr);

	if (info.class == DC_VR_SEQUENCE || info.class == DC_VR_BULK)
		return DC_VR_UN;
	/* A 16-bit length would have held any value of these: a longer one means
	 * that the writer had a reason for UN. */
	if (info.class == DC_VR_BINARY && element->length % info.unit != 0)
		return DC_VR_UN;
	return vr;
}

void dc_header_resolve(const struct dc_parser_level *level, const struct dc_header *h,
		       struct dc_element *element)
{
	element->vr = h->implicit ? settle_vr(dc_dictionary_vr(h->tag), level) : h->stored_vr;
	if (DC_ELEMENT(h->tag) == 0 && !h->implicit && h->stored_vr == DC_VR_UN)
		element->vr = DC_VR_UL;
	else if (h->stored_vr == DC_VR_UN && !element->undefined_length)
		element->vr = vr_of_un(element, level);
	if (h->stored_vr == DC_VR_UN)
		element->big_endian = false;
}
