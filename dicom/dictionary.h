/*
 * The data dictionary of PS3.6 (with PS3.7's command elements and PS3.10's
 * meta group): tag -> VR, VM, keyword, name. Generated table, see
 * dicom/dictionary.tsv and tests/tools/make-dictionary.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_DICTIONARY_H
#define DICOM_DICTIONARY_H

#include "dicom/vr.h"

struct dc_dictionary_entry {
	uint32_t tag;  /* lowest tag of the range for repeating groups/elements */
	uint32_t mask; /* bits of a tag that must equal tag: 0xffffffff mostly,
			* 0xff01ffff for (60xx,...) with even groups, ... */
	uint16_t vr;   /* may be one of the DC_VR_x_y ambiguities */
	bool retired;
	const char *vm;      /* "1", "1-n", "2-2n", ... */
	const char *keyword; /* "PatientName"; "" for three retired elements */
	const char *name;    /* "Patient's Name" (UTF-8) */
};

/* The entry of a public tag, repeating groups (50xx, 60xx, 7Fxx, 1000,xxxY,
 * 1010,xxxx, 0020,31xx, 0028,04xY ...) included. NULL when unknown or private.
 * Private creators are not in the table, nor are group lengths (gggg,0000) other
 * than those of groups 0000 and 0002. Cost: a few nanoseconds (the parser asks
 * for every implicit element). */
const struct dc_dictionary_entry *dc_dictionary_find(uint32_t tag);

/* By keyword, case-sensitive; NULL when there is none (and for ""). */
const struct dc_dictionary_entry *dc_dictionary_find_keyword(const char *keyword);

/* The VR that a tag has in implicit VR: the dictionary's (ambiguities kept),
 * UL for group lengths, LO for private creators, UN for what is not known. */
uint16_t dc_dictionary_vr(uint32_t tag);

/* The generated tables: exact tags sorted ascending, then masked ones. */
extern const struct dc_dictionary_entry dc_dictionary_table[];
extern const size_t dc_dictionary_exact_count;
extern const size_t dc_dictionary_count;

#endif
