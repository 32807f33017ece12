/* SPDX-License-Identifier: MIT */
#include "index/place.h"

#include "index/claim.h"
#include "index/nodes.h"
#include "index/view.h"
#include "index/writer-sql.h"

/* ---- The places met last ------------------------------------------------ */

void ix_places_clear(struct ix_places *places)
{
	for (size_t i = 0; i < IX_PLACES; i++)
		places->slots[i].used = false;
}

void ix_places_release(struct ix_places *places)
{
	for (size_t i = 0; i < IX_PLACES; i++) {
		buf_release(&places->slots[i].key);
		ix_fact_set_release(&places->slots[i].facts);
	}
}

/* Everything that names and keys of folders are decided by. Without a UID the
 * path decides, and no other file has it. */
static void cache_key(const struct dc_facts *facts, struct buf *key)
{
	static const enum dc_fact parts[] = {
		DC_FACT_ISSUER,     DC_FACT_PATIENT_ID, DC_FACT_PATIENT_NAME,
		DC_FACT_BIRTH_DATE, DC_FACT_STUDY_UID,  DC_FACT_SERIES_UID,
	};

	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		const char *text = dc_fact(facts, parts[i]);

		buf_append(key, text, strlen(text) + 1);
	}
}

/* ---- Folders ------------------------------------------------------------ */

/* What ix_place_find() gathers on its way down. */
struct search {
	struct ix_writer *w;
	const struct dc_facts *facts;
	const char *path;
	int64_t mtime, ctime;
	struct buf key; /* of the row looked for */
	int64_t patient, study, series;
	uint64_t patient_ino, study_ino, series_ino;
	char patient_name[IX_NAME_MAX + 1], study_name[IX_NAME_MAX + 1];
};

static void release_search(struct search *s)
{
	buf_release(&s->key);
}

typedef void (*name_fn)(const struct dc_facts *facts, uint64_t hash, unsigned hash_size,
			char name[static 256]);

/* Adds a folder; its name takes a longer hash as long as the shorter one is
 * another folder's. */
static bool add_folder(struct search *s, int64_t parent, enum ix_node_type type, uint64_t ino,
		       name_fn name_of, uint64_t hash, char name[static 256], int64_t *id,
		       struct err *err)
{
	struct ix_node_new node = {
		.parent = parent,
		.type = type,
		.name = name,
		.ino = ino,
		.mtime = s->mtime,
		.ctime = s->ctime,
	};

	for (unsigned size = IX_HASH_TEXT; size <= IX_HASH_TEXT_MAX + 1; size++) {
		/* Two keys with one hash take a forger, but he shall not stop a scan. */
		if (size > IX_HASH_TEXT_MAX)
			hash = ix_hash(span_of_text(s->path));
		name_of(s->facts, hash, MIN_OF(size, (unsigned)IX_HASH_TEXT_MAX), name);
		if (!ix_node_add(s->w, &node, id, err))
			return false;
		if (*id != 0)
			return true;
	}
	return err_set(err, ERR_LIMIT, "two folders have the same hash");
}

static bool find_patient(struct search *s, struct err *err)
{
	struct span key = buf_span(&s->key);
	sqlite3_stmt *row = ix_db_bind(&s->w->db, IX_W_PATIENT_FIND, "i", (int64_t)ix_hash(key));
	enum ix_step step;

	s->patient = 0;
	while ((step = ix_db_step(&s->w->db, IX_W_PATIENT_FIND, err)) == IX_STEP_ROW) {
		if (!span_equals(ix_db_blob(row, 1), key))
			continue;
		s->patient = ix_db_int(row, 0);
		s->patient_ino = (uint64_t)ix_db_int(row, 2);
		(void)snprintf(s->patient_name, sizeof(s->patient_name), "%s", ix_db_text(row, 3));
		ix_db_reset(&s->w->db, IX_W_PATIENT_FIND);
		return true;
	}
	return step == IX_STEP_DONE;
}

/* Patients with the same issuer and Patient ID are reported. */
static int64_t number_hash(const struct ix_patient_key *patient)
{
	char text[sizeof(patient->issuer) + sizeof(patient->id)];
	int size = snprintf(text, sizeof(text), "%s\n%s", patient->issuer, patient->id);

	return (int64_t)ix_hash(span_of(text, (size_t)size));
}

static bool make_patient(struct search *s, const struct ix_patient_key *patient, struct err *err)
{
	struct span key = buf_span(&s->key);
	uint64_t hash = ix_hash(key),
		 root = ix_ident(IX_ROOT, IX_NODE_FOLDER, span_of_text("patients"));
	sqlite3_stmt *row;

	s->patient_ino = ix_ident(root, IX_NODE_FOLDER, key);
	if (!add_folder(s, IX_PATIENTS, IX_NODE_FOLDER, s->patient_ino, ix_name_patient, hash,
			s->patient_name, &s->patient, err))
		return false;
	s->w->status.counts.patients++;
	row = ix_db_bind(&s->w->db, IX_W_PATIENT_INSERT, "iibi", s->patient, (int64_t)hash, &key,
			 number_hash(patient));
	if (patient->id[0] == '\0')
		(void)sqlite3_bind_null(row, 4);
	(void)ix_schema_bind(row, 5, DC_LEVEL_PATIENT, s->facts->fact);
	return ix_db_finish(&s->w->db, IX_W_PATIENT_INSERT, err);
}

static bool find_study(struct search *s, struct err *err)
{
	struct span key = buf_span(&s->key);
	sqlite3_stmt *row =
		ix_db_bind(&s->w->db, IX_W_STUDY_FIND, "ii", (int64_t)ix_hash(key), s->patient);
	enum ix_step step;

	s->study = 0;
	while ((step = ix_db_step(&s->w->db, IX_W_STUDY_FIND, err)) == IX_STEP_ROW) {
		if (!span_equals(ix_db_blob(row, 1), key))
			continue;
		s->study = ix_db_int(row, 0);
		s->study_ino = (uint64_t)ix_db_int(row, 2);
		(void)snprintf(s->study_name, sizeof(s->study_name), "%s", ix_db_text(row, 3));
		ix_db_reset(&s->w->db, IX_W_STUDY_FIND);
		return true;
	}
	return step == IX_STEP_DONE;
}

/* Whether other patients have a study of that UID. */
static bool find_others(struct search *s, int64_t uid_hash, bool *others, struct err *err)
{
	enum ix_step step =
		ix_db_first(&s->w->db, IX_W_STUDY_OTHER, err, "ii", uid_hash, s->patient);

	*others = step == IX_STEP_ROW;
	if (*others)
		ix_db_reset(&s->w->db, IX_W_STUDY_OTHER);
	return step != IX_STEP_FAILED;
}

static bool make_study(struct search *s, struct err *err)
{
	struct span key = buf_span(&s->key), packed;
	int64_t uid_hash = (int64_t)ix_hash(key);
	struct buf links CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct ix_view_object object = {
		.level = DC_LEVEL_STUDY,
		.patient = s->patient_name,
		.study = s->study_name,
		.fact = s->facts->fact,
		.mtime = s->mtime,
		.ctime = s->ctime,
	};
	sqlite3_stmt *row;
	bool others;

	s->study_ino = ix_ident(s->patient_ino, IX_NODE_FOLDER, key);
	if (!find_others(s, uid_hash, &others, err) ||
	    !add_folder(s, s->patient, IX_NODE_FOLDER, s->study_ino, ix_name_study,
			(uint64_t)uid_hash, s->study_name, &s->study, err))
		return false;
	s->w->status.counts.studies++;
	if (others) {
		/* Who comes first has to be found out, and those in the cache do not
		 * know yet that their study is shared. */
		if (ix_writer_touch(&s->w->studies, uid_hash, err) == NULL)
			return false;
		ix_places_clear(&s->w->places);
	}
	object.id = s->study;
	object.ino = s->study_ino;
	object.plain = !others;
	if (!ix_view_link(s->w, &object, &links, err))
		return false;
	packed = buf_span(&links);
	row = ix_db_bind(&s->w->db, IX_W_STUDY_INSERT, "iiibib", s->study, s->patient, uid_hash,
			 &key, (int64_t)object.plain, &packed);
	(void)ix_schema_bind(row, 7, DC_LEVEL_STUDY, s->facts->fact);
	return ix_db_finish(&s->w->db, IX_W_STUDY_INSERT, err);
}

static bool find_series(struct search *s, struct err *err)
{
	struct span key = buf_span(&s->key);
	sqlite3_stmt *row =
		ix_db_bind(&s->w->db, IX_W_SERIES_FIND, "ii", s->study, (int64_t)ix_hash(key));
	enum ix_step step;

	s->series = 0;
	while ((step = ix_db_step(&s->w->db, IX_W_SERIES_FIND, err)) == IX_STEP_ROW) {
		if (!span_equals(ix_db_blob(row, 1), key))
			continue;
		s->series = ix_db_int(row, 0);
		s->series_ino = (uint64_t)ix_db_int(row, 2);
		ix_db_reset(&s->w->db, IX_W_SERIES_FIND);
		return true;
	}
	return step == IX_STEP_DONE;
}

static bool make_series(struct search *s, struct err *err)
{
	struct span key = buf_span(&s->key), packed;
	struct buf links CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	char name[IX_NAME_MAX + 1];
	struct ix_view_object object = {
		.level = DC_LEVEL_SERIES,
		.patient = s->patient_name,
		.study = s->study_name,
		.series = name,
		.fact = s->facts->fact,
		.plain = true,
		.mtime = s->mtime,
		.ctime = s->ctime,
	};
	sqlite3_stmt *row;

	s->series_ino = ix_ident(s->study_ino, IX_NODE_SERIES, key);
	if (!add_folder(s, s->study, IX_NODE_SERIES, s->series_ino, ix_name_series, ix_hash(key),
			name, &s->series, err))
		return false;
	s->w->status.counts.series++;
	/* It goes again if no instance gets into it. */
	if (ix_writer_touch(&s->w->nodes, s->series, err) == NULL)
		return false;
	object.id = s->series;
	object.ino = s->series_ino;
	if (!ix_view_link(s->w, &object, &links, err))
		return false;
	packed = buf_span(&links);
	row = ix_db_bind(&s->w->db, IX_W_SERIES_INSERT, "iiibb", s->series, s->study,
			 (int64_t)ix_hash(key), &key, &packed);
	(void)ix_schema_bind(row, 6, DC_LEVEL_SERIES, s->facts->fact);
	return ix_db_finish(&s->w->db, IX_W_SERIES_INSERT, err);
}

/* ---- The way down ------------------------------------------------------- */

/* A claim's folder: the patient it joins and the study there. */
static bool open_study(struct search *s, struct ix_claim *claim, struct span study_key,
		       const char *study_uid, struct err *err)
{
	buf_truncate(&s->key, 0);
	ix_patient_key_bytes(&claim->patient, study_uid, &s->key);
	if (!buf_ok(&s->key, err) || !find_patient(s, err) ||
	    (s->patient == 0 && !make_patient(s, &claim->patient, err)))
		return false;
	buf_truncate(&s->key, 0);
	buf_append(&s->key, study_key.data, study_key.size);
	if (!buf_ok(&s->key, err) || !find_study(s, err))
		return false;
	return s->study != 0 || make_study(s, err);
}

/* A claim that was met before: its folders exist. */
static bool reopen_study(struct search *s, int64_t study, struct err *err)
{
	struct ix_node node, patient;

	if (!ix_node_read(s->w, study, &node, err) ||
	    !ix_node_read(s->w, node.parent, &patient, err))
		return false;
	s->study = study;
	s->study_ino = node.ino;
	memcpy(s->study_name, node.name, sizeof(s->study_name));
	s->patient = patient.id;
	s->patient_ino = patient.ino;
	memcpy(s->patient_name, patient.name, sizeof(s->patient_name));
	return true;
}

static bool load_place(struct search *s, int64_t claim, int64_t uid_hash, struct ix_place *place,
		       struct err *err)
{
	struct ix_writer *w = s->w;
	sqlite3_stmt *row = w->db.statements[IX_W_PLACE_FACTS];
	int column = 1;

	ix_fact_set_clear(&place->facts);
	place->claim = claim;
	place->study = s->study;
	place->series = s->series;
	place->series_ino = s->series_ino;
	place->uid_hash = uid_hash;
	if (!ix_db_one(&w->db, IX_W_PLACE_FACTS, err, "i", s->series))
		return false;
	column = ix_fact_set_read(&place->facts, row, column, DC_LEVEL_PATIENT);
	column = ix_fact_set_read(&place->facts, row, column, DC_LEVEL_STUDY);
	(void)ix_fact_set_read(&place->facts, row, column, DC_LEVEL_SERIES);
	ix_db_reset(&w->db, IX_W_PLACE_FACTS);
	return buf_ok(&place->facts.text, err) && find_others(s, uid_hash, &place->shared, err);
}

static bool search_place(struct search *s, struct ix_place *place, struct err *err)
{
	struct ix_claim claim CLEANUP_CLAIM = {0};
	struct buf study_key CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct ix_patient_key said;
	const char *key;

	ix_patient_key(s->facts, &said);
	ix_study_key(s->facts, s->path, &study_key);
	key = buf_text(&study_key);
	if (!buf_ok(&study_key, err) ||
	    !ix_claim_find(s->w, &said, buf_span(&study_key), &claim, err))
		return false;
	if (claim.study != 0) {
		if (!reopen_study(s, claim.study, err))
			return false;
	} else if (!open_study(s, &claim, buf_span(&study_key), key, err) ||
		   !ix_claim_settle(s->w, &claim, s->study, err)) {
		return false;
	}
	buf_truncate(&s->key, 0);
	ix_series_key(s->facts, s->path, &s->key);
	if (!buf_ok(&s->key, err) || !find_series(s, err) ||
	    (s->series == 0 && !make_series(s, err)))
		return false;
	return load_place(s, claim.id, (int64_t)ix_hash(buf_span(&study_key)), place, err);
}

bool ix_place_find(struct ix_writer *w, const struct dc_facts *facts, const char *path,
		   int64_t mtime, int64_t ctime, const struct ix_place **found, struct err *err)
{
	struct search s CLEANUP(release_search) = {
		.w = w,
		.facts = facts,
		.path = path,
		.mtime = mtime,
		.ctime = ctime,
		.key = buf_empty(BUF_NO_LIMIT),
	};
	struct ix_place *place;
	uint64_t hash;
	bool cached = dc_fact(facts, DC_FACT_STUDY_UID)[0] != '\0' &&
		      dc_fact(facts, DC_FACT_SERIES_UID)[0] != '\0';

	cache_key(facts, &s.key);
	if (!buf_ok(&s.key, err))
		return false;
	hash = ix_hash(buf_span(&s.key));
	place = &w->places.slots[hash % IX_PLACES];
	*found = place;
	if (cached && place->used && place->hash == hash &&
	    span_equals(buf_span(&place->key), buf_span(&s.key)))
		return true;
	place->used = false;
	place->hash = hash;
	place->key.limit = BUF_NO_LIMIT;
	place->facts.text.limit = BUF_NO_LIMIT;
	buf_clear(&place->key);
	buf_append(&place->key, s.key.data, s.key.size);
	if (!buf_ok(&place->key, err) || !search_place(&s, place, err))
		return false;
	place->used = cached;
	return true;
}
