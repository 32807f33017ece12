/* SPDX-License-Identifier: MIT */
#include "dicom/dictionary.h"

#include "dicom/dictionary-table.h"

static const struct dc_dictionary_slot *find_slot(uint32_t tag)
{
	uint32_t i = (tag * dc_dictionary_multiplier) >> (32 - DC_DICTIONARY_SLOT_BITS);

	for (;; i = (i + 1) % DC_DICTIONARY_SLOTS) {
		const struct dc_dictionary_slot *slot = &dc_dictionary_slots[i];

		if (slot->entry == 0)
			return NULL;
		if (slot->tag == tag)
			return slot;
	}
}

static const struct dc_dictionary_entry *find_masked(uint32_t tag)
{
	/* All repeating groups and elements are in these groups; whatever else is
	 * unknown shall not cost a walk over the masks. */
	switch (tag >> 24) {
	case 0x50:
	case 0x60:
	case 0x7f:
	case 0x10:
	case 0x00:
		break;
	default:
		return NULL;
	}
	for (size_t i = dc_dictionary_exact_count; i < dc_dictionary_count; i++) {
		const struct dc_dictionary_entry *entry = &dc_dictionary_table[i];

		if ((tag & entry->mask) == entry->tag)
			return entry;
	}
	return NULL;
}

const struct dc_dictionary_entry *dc_dictionary_find(uint32_t tag)
{
	const struct dc_dictionary_slot *slot;

	if (DC_TAG_IS_PRIVATE(tag))
		return NULL;
	slot = find_slot(tag);
	if (slot != NULL)
		return &dc_dictionary_table[slot->entry - 1];
	/* A group length would match (1010,xxxx). */
	return DC_ELEMENT(tag) == 0 ? NULL : find_masked(tag);
}

const struct dc_dictionary_entry *dc_dictionary_find_keyword(const char *keyword)
{
	size_t low = 0, high = dc_dictionary_keyword_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const struct dc_dictionary_entry *entry =
			&dc_dictionary_table[dc_dictionary_by_keyword[middle]];
		int order = strcmp(keyword, entry->keyword);

		if (order == 0)
			return entry;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

uint16_t dc_dictionary_vr(uint32_t tag)
{
	const struct dc_dictionary_slot *slot;
	const struct dc_dictionary_entry *entry;

	if (DC_ELEMENT(tag) == 0)
		return DC_VR_UL;
	if (DC_TAG_IS_PRIVATE(tag))
		return DC_TAG_IS_PRIVATE_CREATOR(tag) ? DC_VR_LO : DC_VR_UN;
	slot = find_slot(tag);
	if (slot != NULL)
		return slot->vr;
	entry = find_masked(tag);
	return entry != NULL ? entry->vr : DC_VR_UN;
}
