/*
 * Texts of facts as rows of the index hold them, and the packed difference
 * between an instance and its folders: an xattr shows what the file says, not
 * what the first file of its folder said.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_FACT_SET_H
#define INDEX_FACT_SET_H

#include "index/schema.h"

struct ix_fact_set {
	struct buf text;
	uint32_t position[DC_FACT_COUNT]; /* in text, plus 1; 0: no text */
};

void ix_fact_set_init(struct ix_fact_set *set);
void ix_fact_set_release(struct ix_fact_set *set);
#define CLEANUP_FACT_SET CLEANUP(ix_fact_set_release)
void ix_fact_set_clear(struct ix_fact_set *set);

/* Empty texts are not kept. Failures stick in set->text. */
void ix_fact_set_put(struct ix_fact_set *set, int fact, struct span text);
/* From the columns of ix_schema_columns(level), the first at column. Returns
 * the next column. */
int ix_fact_set_read(struct ix_fact_set *set, sqlite3_stmt *row, int column, enum dc_level level);
/* "" when there is none. */
const char *ix_fact_set_get(const struct ix_fact_set *set, int fact);
/* All of them as pointers, as dc_facts has them. */
void ix_fact_set_pointers(const struct ix_fact_set *set, const char *fact[DC_FACT_COUNT]);

/* Facts above the instance's level that differ from set: tag and size, little
 * endian, and bytes of each. Appends nothing when all agree. */
void ix_fact_set_diff(const struct ix_fact_set *set, const struct dc_facts *facts,
		      struct buf *packed);
/* Applies a difference. Tags that are no facts (any more) are passed over. */
void ix_fact_set_apply(struct ix_fact_set *set, struct span packed);

#endif
