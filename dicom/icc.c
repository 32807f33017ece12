/* SPDX-License-Identifier: MIT */
#include "dicom/icc.h"

#define HEADER 128
#define TAG_ENTRY 12 /* signature, offset, size */
#define TAGS_MAX 1024

#define FOUR(a, b, c, d)                                                                           \
	((uint32_t)(a) << 24 | (uint32_t)(b) << 16 | (uint32_t)(c) << 8 | (uint32_t)(d))

/* Colours of a picture as they are, not a link between two spaces or a set of
 * named ones. */
static bool is_class(uint32_t class)
{
	return class == FOUR('s', 'c', 'n', 'r') || class == FOUR('m', 'n', 't', 'r') ||
	       class == FOUR('p', 'r', 't', 'r') || class == FOUR('s', 'p', 'a', 'c');
}

static bool is_connection_space(uint32_t space)
{
	return space == FOUR('X', 'Y', 'Z', ' ') || space == FOUR('L', 'a', 'b', ' ');
}

/* The fields that readers refuse a profile for, PNG's among them. */
static bool header_is_valid(const uint8_t *p, uint64_t length, uint32_t *size)
{
	*size = load_u32(p, true);
	if (*size > length || length - *size > 1 || *size < DC_ICC_MIN || *size > DC_ICC_MAX)
		return false;
	/* Since version 4 profiles are padded themselves. */
	if (p[8] > 3 && *size % 4 != 0)
		return false;
	return is_class(load_u32(p + 12, true)) &&
	       load_u32(p + 16, true) == FOUR('R', 'G', 'B', ' ') &&
	       is_connection_space(load_u32(p + 20, true)) &&
	       load_u32(p + 36, true) == FOUR('a', 'c', 's', 'p') &&
	       load_u32(p + 64, true) <= 3; /* rendering intent */
}

static bool tags_are_inside(struct dc_source *source, uint64_t offset, uint32_t count,
			    uint32_t size)
{
	uint8_t table[TAGS_MAX * TAG_ENTRY];

	if (count == 0 || count > TAGS_MAX || count > (size - DC_ICC_MIN) / TAG_ENTRY ||
	    !dc_source_read_exact(source, offset + DC_ICC_MIN, table, (size_t)count * TAG_ENTRY,
				  NULL))
		return false;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t start = load_u32(table + i * TAG_ENTRY + 4, true);
		uint32_t length = load_u32(table + i * TAG_ENTRY + 8, true);

		if (start < DC_ICC_MIN || start > size || length > size - start)
			return false;
	}
	return true;
}

bool dc_icc_check(struct dc_source *source, uint64_t offset, uint64_t length, uint32_t *size)
{
	uint8_t header[DC_ICC_MIN];

	return length >= DC_ICC_MIN && length <= DC_ICC_MAX + 1 &&
	       dc_source_read_exact(source, offset, header, sizeof(header), NULL) &&
	       header_is_valid(header, length, size) &&
	       tags_are_inside(source, offset, load_u32(header + HEADER, true), *size);
}
