/*
 * Tables of the index. Columns of patients, studies, series and instances that
 * hold attributes follow from dc_fact_table: a row there with a column name is
 * a column here.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_SCHEMA_H
#define INDEX_SCHEMA_H

#include "dicom/facts.h"
#include "index/db.h"

#define IX_APPLICATION_ID 0x64636d66 /* "dcmf" */
/* user_version. Raised by hand when the meaning of a column changes; the
 * fingerprint notices everything else. */
#define IX_SCHEMA_VERSION 2

/* States of a store file: column file.state. */
enum ix_file_state {
	IX_FILE_PENDING,   /* has to be looked at (again) */
	IX_FILE_INSTANCE,  /* first source of an entry of the tree */
	IX_FILE_DUPLICATE, /* further source of one */
	IX_FILE_SKIPPED,
	IX_FILE_FAILED,
	IX_FILE_STATES,
};

/* Makes the tables, the fixed nodes and the rows that exist once. */
bool ix_schema_create(struct ix_db *db, struct err *err) MUST_CHECK;

/* 12 characters that change with the tables, with the fixed nodes and with the
 * packed form of dc_image. */
#define IX_FINGERPRINT_SIZE 12
bool ix_schema_fingerprint(char text[static IX_FINGERPRINT_SIZE + 1], struct err *err) MUST_CHECK;

/* ", person, patient_id" and so on: the fact columns of a level, each after
 * prefix ("st."). */
void ix_schema_columns(enum dc_level level, const char *prefix, struct buf *sql);
/* ", ?, ?": as many placeholders. */
void ix_schema_placeholders(enum dc_level level, struct buf *sql);
/* Binds the facts of a level from column at on; empty ones are null. Returns
 * the next column. */
int ix_schema_bind(sqlite3_stmt *row, int at, enum dc_level level, const char *const *facts);

static inline bool ix_fact_is_kept(int fact)
{
	return dc_fact_table[fact].column != NULL;
}

#endif
