/*
 * Where an instance belongs: its patient, study and series, found or made. The
 * places met last are kept, so that the instances of a series cost no query
 * but their own.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_PLACE_H
#define INDEX_PLACE_H

#include "index/fact-set.h"

struct ix_writer;

struct ix_place {
	bool used;
	uint64_t hash;
	struct buf key; /* the texts that decide */
	int64_t claim, study, series;
	uint64_t series_ino;
	int64_t uid_hash;         /* of the study */
	bool shared;              /* other patients have a study of that UID */
	struct ix_fact_set facts; /* of the three rows */
};

#define IX_PLACES 64
struct ix_places {
	struct ix_place slots[IX_PLACES];
};

void ix_places_clear(struct ix_places *places);
void ix_places_release(struct ix_places *places);

/* path: of the file in the store, the key where a UID is missing; times for
 * folders that have to be made. The place is valid until the next call or
 * until something is removed. */
bool ix_place_find(struct ix_writer *w, const struct dc_facts *facts, const char *path,
		   int64_t mtime, int64_t ctime, const struct ix_place **place,
		   struct err *err) MUST_CHECK;

#endif
