/*
 * Header -> facts: one pass over a header collects what the index, the names,
 * the xattrs and the pixel pipeline need. One row of the table ties an
 * attribute to its level, its place in the index and its xattr.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_FACTS_H
#define DICOM_FACTS_H

#include "dicom/dataset.h"
#include "dicom/image.h"

enum dc_level { DC_LEVEL_PATIENT, DC_LEVEL_STUDY, DC_LEVEL_SERIES, DC_LEVEL_INSTANCE };

/* In order of their tags: the table is searched by them. */
enum dc_fact {
	DC_FACT_IMAGE_TYPE,
	DC_FACT_SOP_CLASS,
	DC_FACT_SOP_UID,
	DC_FACT_STUDY_DATE,
	DC_FACT_SERIES_DATE,
	DC_FACT_ACQUISITION_DATE,
	DC_FACT_CONTENT_DATE,
	DC_FACT_STUDY_TIME,
	DC_FACT_SERIES_TIME,
	DC_FACT_CONTENT_TIME,
	DC_FACT_ACCESSION,
	DC_FACT_MODALITY,
	DC_FACT_MANUFACTURER,
	DC_FACT_INSTITUTION,
	DC_FACT_STATION_NAME,
	DC_FACT_STUDY_DESCRIPTION,
	DC_FACT_SERIES_DESCRIPTION,
	DC_FACT_MODEL,
	DC_FACT_PATIENT_NAME,
	DC_FACT_PATIENT_ID,
	DC_FACT_ISSUER,
	DC_FACT_BIRTH_DATE,
	DC_FACT_SEX,
	DC_FACT_BODY_PART,
	DC_FACT_PROTOCOL_NAME,
	DC_FACT_STUDY_UID,
	DC_FACT_SERIES_UID,
	DC_FACT_STUDY_ID,
	DC_FACT_SERIES_NUMBER,
	DC_FACT_INSTANCE_NUMBER,
	DC_FACT_COUNT,
};

struct dc_fact_row {
	uint32_t tag;
	uint8_t level;       /* enum dc_level */
	bool xattr;          /* shown as user.dicom.<Keyword> on .dcm */
	bool all_values;     /* keep the backslash-separated rest, not only value 1 */
	const char *column;  /* in the table of its level; NULL: not kept in the index */
	const char *keyword; /* PS3.6 */
};
extern const struct dc_fact_row dc_fact_table[DC_FACT_COUNT];

struct dc_facts {
	struct dc_layout layout;
	struct dc_image image;
	/* UTF-8, trimmed, value 1 unless all_values; NULL: absent. PN keeps its ^
	 * and = separators. "" : present but empty. Points into text. */
	const char *fact[DC_FACT_COUNT];
	struct buf text;
	struct err damage; /* something of the header was lost: what */
	/* Private. */
	uint32_t position[DC_FACT_COUNT]; /* in text, plus 1 */
};

void dc_facts_init(struct dc_facts *facts);
void dc_facts_release(struct dc_facts *facts);
#define CLEANUP_FACTS CLEANUP(dc_facts_release)

/* Reads facts from an open data set, up to pixel data. Can be called again on
 * the same struct (memory is reused). Fails with IO, NOMEM, LIMIT; damaged
 * headers give what was there and set damage. */
bool dc_facts_read(struct dc_facts *facts, struct dc_dataset *dataset,
		   const struct dc_parser_options *options, struct err *err) MUST_CHECK;

/* "" instead of NULL. */
static inline const char *dc_fact(const struct dc_facts *facts, enum dc_fact fact)
{
	return facts->fact[fact] != NULL ? facts->fact[fact] : "";
}

#endif
