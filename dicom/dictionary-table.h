/*
 * What tests/tools/make-dictionary makes besides the table of dictionary.h;
 * only for dictionary.c.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_DICTIONARY_TABLE_H
#define DICOM_DICTIONARY_TABLE_H

#include "dicom/dictionary.h"

/* A hash table of the exact tags: slot tag * dc_dictionary_multiplier >>
 * (32 - bits), then upwards until the tag or an empty slot (entry 0). The VR is
 * here once more so that finding it touches one cache line. */
#define DC_DICTIONARY_SLOT_BITS 13
#define DC_DICTIONARY_SLOTS (1u << DC_DICTIONARY_SLOT_BITS)

struct dc_dictionary_slot {
	uint32_t tag;
	uint16_t entry; /* index in dc_dictionary_table + 1 */
	uint16_t vr;
};

extern const uint32_t dc_dictionary_multiplier;
extern const struct dc_dictionary_slot dc_dictionary_slots[DC_DICTIONARY_SLOTS];

/* Indices in dc_dictionary_table, sorted by the bytes of the keyword. */
extern const uint16_t dc_dictionary_by_keyword[];
extern const size_t dc_dictionary_keyword_count;

#endif
