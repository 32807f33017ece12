/* SPDX-License-Identifier: MIT */
#include "index/claim.h"

#include "index/entry.h"
#include "index/writer-sql.h"

void ix_claim_release(struct ix_claim *claim)
{
	buf_release(&claim->person);
}

/* Fills the part of a key that claims of one person differ in. */
static void set_rest(struct ix_patient_key *key, const char *issuer, const char *birth)
{
	(void)snprintf(key->issuer, sizeof(key->issuer), "%s", issuer);
	(void)snprintf(key->birth, sizeof(key->birth), "%s", birth);
}

/* What is known of a claim by its key; *id 0: there is none. */
static bool find_exact(struct ix_writer *w, const struct ix_claim *claim,
		       const struct ix_patient_key *key, int64_t *id, int64_t *joined,
		       int64_t *study, struct err *err)
{
	struct span person = buf_span(&claim->person);
	sqlite3_stmt *row = w->db.statements[IX_W_CLAIM_EXACT];
	enum ix_step step = ix_db_first(&w->db, IX_W_CLAIM_EXACT, err, "ittb", (int64_t)claim->hash,
					key->birth, key->issuer, &person);

	*id = 0;
	if (step == IX_STEP_ROW) {
		*id = ix_db_int(row, 0);
		*joined = ix_db_int(row, 1);
		*study = ix_db_int(row, 2);
		ix_db_reset(&w->db, IX_W_CLAIM_EXACT);
	}
	return step != IX_STEP_FAILED;
}

/* Takes the other text where one is empty; false when they contradict. */
static bool agree(char *text, size_t size, const char *other)
{
	if (other[0] == '\0')
		return true;
	if (text[0] == '\0')
		(void)snprintf(text, size, "%s", other);
	return strcmp(text, other) == 0;
}

/* Puts together what all claims say that say at least as much as *all does at
 * first. Two that contradict each other end it at once, so that thousands of
 * birth dates under one name cost no more than two. */
static bool gather(struct ix_writer *w, const struct ix_claim *claim, struct ix_patient_key *all,
		   bool *contradiction, struct err *err)
{
	enum ix_write_sql statement = all->birth[0] != '\0'    ? IX_W_CLAIM_OF_BIRTH
				      : all->issuer[0] != '\0' ? IX_W_CLAIM_OF_ISSUER
							       : IX_W_CLAIM_OF_PERSON;
	char birth[sizeof(all->birth)], issuer[sizeof(all->issuer)];
	sqlite3_stmt *row = w->db.statements[statement];
	enum ix_step step;

	*contradiction = false;
	(void)snprintf(birth, sizeof(birth), "%s", all->birth);
	(void)snprintf(issuer, sizeof(issuer), "%s", all->issuer);
	if (statement == IX_W_CLAIM_OF_PERSON)
		(void)ix_db_bind(&w->db, statement, "i", (int64_t)claim->hash);
	else
		(void)ix_db_bind(&w->db, statement, "it", (int64_t)claim->hash,
				 statement == IX_W_CLAIM_OF_BIRTH ? birth : issuer);
	while ((step = ix_db_step(&w->db, statement, err)) == IX_STEP_ROW) {
		const char *its_issuer = ix_db_text(row, 0), *its_birth = ix_db_text(row, 1);

		if (!span_equals(ix_db_blob(row, 2), buf_span(&claim->person)) ||
		    (issuer[0] != '\0' && strcmp(issuer, its_issuer) != 0))
			continue;
		if (!agree(all->issuer, sizeof(all->issuer), its_issuer) ||
		    !agree(all->birth, sizeof(all->birth), its_birth)) {
			*contradiction = true;
			ix_db_reset(&w->db, statement);
			return true;
		}
	}
	return step == IX_STEP_DONE;
}

/* The claim that (id, key) joins: itself or the one that says it all. */
static bool resolve(struct ix_writer *w, const struct ix_claim *claim, int64_t id,
		    const struct ix_patient_key *key, int64_t *joined,
		    struct ix_patient_key *joined_key, struct err *err)
{
	struct ix_patient_key all = *key;
	bool contradiction = false;
	int64_t found, ignored;

	*joined = id;
	*joined_key = *key;
	if (key->issuer[0] != '\0' && key->birth[0] != '\0')
		return true;
	if (!gather(w, claim, &all, &contradiction, err))
		return false;
	if (contradiction ||
	    (strcmp(all.issuer, key->issuer) == 0 && strcmp(all.birth, key->birth) == 0))
		return true;
	if (!find_exact(w, claim, &all, &found, &ignored, &ignored, err))
		return false;
	if (found != 0) {
		*joined = found;
		*joined_key = all;
	}
	return true;
}

bool ix_claim_find(struct ix_writer *w, const struct ix_patient_key *said, struct span study_key,
		   struct ix_claim *claim, struct err *err)
{
	claim->person = buf_empty(BUF_NO_LIMIT);
	buf_append(&claim->person, study_key.data, study_key.size);
	buf_append_byte(&claim->person, '\0');
	buf_append_text(&claim->person, said->id);
	buf_append_byte(&claim->person, '\0');
	buf_append_text(&claim->person, said->name);
	if (!buf_ok(&claim->person, err))
		return false;
	claim->hash = ix_hash(buf_span(&claim->person));
	claim->said = *said;
	if (!find_exact(w, claim, said, &claim->id, &claim->joined, &claim->study, err))
		return false;
	if (claim->id != 0)
		return true;
	claim->study = 0;
	claim->id = w->next_claim++;
	return resolve(w, claim, claim->id, said, &claim->joined, &claim->patient, err);
}

/* Files of a claim that belongs elsewhere now: they have to be filed again. */
static bool disperse(struct ix_writer *w, int64_t id, int64_t study, struct err *err)
{
	enum ix_step step;

	while ((step = ix_db_first(&w->db, IX_W_CLAIM_FILE, err, "ii", study, id)) == IX_STEP_ROW) {
		int64_t file = ix_db_int(w->db.statements[IX_W_CLAIM_FILE], 0);

		ix_db_reset(&w->db, IX_W_CLAIM_FILE);
		if (!ix_entry_detach(w, file, IX_FILE_PENDING, err))
			return false;
	}
	ix_places_clear(&w->places);
	return step == IX_STEP_DONE && ix_db_run(&w->db, IX_W_CLAIM_DELETE, err, "i", id);
}

/* claim came or went: those that say less than it may join another one now. */
static bool recheck_lesser(struct ix_writer *w, const struct ix_claim *claim, struct err *err)
{
	for (unsigned less = 1; less <= 3; less++) {
		struct ix_patient_key key = claim->said, joined_key;
		int64_t id, joined, study, now;

		set_rest(&key, (less & 1) != 0 ? "" : claim->said.issuer,
			 (less & 2) != 0 ? "" : claim->said.birth);
		if ((strcmp(key.issuer, claim->said.issuer) == 0 &&
		     strcmp(key.birth, claim->said.birth) == 0))
			continue;
		if (!find_exact(w, claim, &key, &id, &joined, &study, err))
			return false;
		if (id == 0)
			continue;
		if (!resolve(w, claim, id, &key, &now, &joined_key, err))
			return false;
		if (now != joined && !disperse(w, id, study, err))
			return false;
	}
	return true;
}

bool ix_claim_settle(struct ix_writer *w, struct ix_claim *claim, int64_t study, struct err *err)
{
	struct span person = buf_span(&claim->person);

	claim->study = study;
	/* It goes again if no instance makes it. */
	if (ix_writer_touch(&w->claims, claim->id, err) == NULL)
		return false;
	return ix_db_run(&w->db, IX_W_CLAIM_INSERT, err, "iibttii", claim->id, (int64_t)claim->hash,
			 &person, claim->said.issuer, claim->said.birth, claim->joined, study) &&
	       recheck_lesser(w, claim, err);
}

static bool flush_one(struct ix_writer *w, const struct ix_dirty *dirty, struct err *err)
{
	struct ix_claim claim CLEANUP_CLAIM = {.id = dirty->id};
	sqlite3_stmt *row = w->db.statements[IX_W_CLAIM_GET];
	enum ix_step step;
	struct span person;
	int64_t refs;

	if (!ix_db_run(&w->db, IX_W_CLAIM_ADD, err, "ii", dirty->add, dirty->id))
		return false;
	step = ix_db_first(&w->db, IX_W_CLAIM_GET, err, "i", dirty->id);
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE;
	claim.hash = (uint64_t)ix_db_int(row, 0);
	claim.person = buf_empty(BUF_NO_LIMIT);
	person = ix_db_blob(row, 1);
	buf_append(&claim.person, person.data, person.size);
	set_rest(&claim.said, ix_db_text(row, 2), ix_db_text(row, 3));
	refs = ix_db_int(row, 4);
	ix_db_reset(&w->db, IX_W_CLAIM_GET);
	if (refs > 0)
		return true;
	ix_places_clear(&w->places);
	return buf_ok(&claim.person, err) &&
	       ix_db_run(&w->db, IX_W_CLAIM_DELETE, err, "i", claim.id) &&
	       recheck_lesser(w, &claim, err);
}

bool ix_claims_flush(struct ix_writer *w, struct err *err)
{
	struct ix_dirty dirty;

	while (ix_dirty_take(&w->claims, &dirty)) {
		if (!flush_one(w, &dirty, err))
			return false;
	}
	return true;
}
