/* SPDX-License-Identifier: MIT */
#include "dicom/frames-private.h"

static bool lands_on_item(const struct dc_fragments *fragments, struct dc_source *source,
			  uint64_t offset, bool *lands, struct err *err)
{
	uint8_t header[DC_ITEM_SIZE];
	size_t there = 0;

	if (!dc_source_read(source, fragments->first + offset, header, sizeof(header), &there, err))
		return false;
	*lands = there == sizeof(header) && dc_is_item(header, fragments->big_endian);
	return true;
}

/* What arithmetic proves: the first is 0, each lies behind the one before, the
 * last in the source. */
static bool ascends(const uint64_t *offsets, uint32_t count, uint64_t room)
{
	if (offsets[0] != 0)
		return false;
	for (uint32_t i = 1; i < count; i++) {
		if (offsets[i] <= offsets[i - 1] || offsets[i] - offsets[i - 1] < DC_ITEM_SIZE)
			return false;
	}
	return offsets[count - 1] < room;
}

bool dc_frame_starts_table(const struct dc_fragments *fragments, struct dc_source *source,
			   struct span table, unsigned size, bool big_endian,
			   struct dc_frame_starts *starts, struct err *err)
{
	uint64_t *offsets CLEANUP_FREE = NULL;
	uint32_t count = fragments->frames;
	bool second = true, last;

	if (count == 0 || table.size / size != count || table.size % size != 0)
		return true;
	offsets = malloc((size_t)count * sizeof(*offsets));
	if (offsets == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	for (uint32_t i = 0; i < count; i++) {
		const uint8_t *from = table.data + (size_t)i * size;

		offsets[i] = size == 8 ? load_u64(from, big_endian) : load_u32(from, big_endian);
	}
	if (!ascends(offsets, count, source->size - fragments->first))
		return true;
	/* The first is where the first item was found. Others are looked at when
	 * their frames are read. */
	if (count > 2 && !lands_on_item(fragments, source, offsets[1], &second, err))
		return false;
	if (!lands_on_item(fragments, source, offsets[count - 1], &last, err))
		return false;
	if (!second || !last)
		return true;
	dc_frame_starts_keep(starts, STEAL(offsets), count);
	return true;
}
