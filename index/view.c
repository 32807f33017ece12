/* SPDX-License-Identifier: MIT */
#include "index/view.h"

#include "index/fact-set.h"
#include "index/names.h"
#include "index/nodes.h"
#include "index/writer-sql.h"

/* ---- The table ---------------------------------------------------------- */

#define LEVELS_MAX 4

/* Templates: text with {field} or {field|instead when empty}. A level that
 * comes out empty is left out; when the first one does, or the link, there is
 * no link. link is unique among all objects but for studies that several
 * patients share: all but the first of these are called other. Both are a
 * matter of the object, not of who came before. */
struct view {
	int64_t folder;   /* IX_DATES, ... */
	const char *name; /* of that folder */
	enum dc_level shows;
	const char *levels[LEVELS_MAX];
	const char *link, *other;
};

static const struct view view_table[] = {
	{IX_DATES,
	 "dates",
	 DC_LEVEL_STUDY,
	 {"{year|unknown}", "{month}", "{day}"},
	 "{patient} - {study-undated}",
	 "{patient} - {study-undated}-{patient-hash}"},
	{IX_ACCESSIONS,
	 "accessions",
	 DC_LEVEL_STUDY,
	 {"{accession}"},
	 "{patient} - {study}",
	 "{patient} - {study}-{patient-hash}"},
	{IX_UIDS, "uids", DC_LEVEL_STUDY, {NULL}, "{uid}", "{uid}~{patient-hash}"},
	{IX_MODALITIES,
	 "modalities",
	 DC_LEVEL_SERIES,
	 {"{modality|unknown}", "{month|unknown}"},
	 "{patient} - {day} {series}",
	 NULL},
};

/* ---- Fields ------------------------------------------------------------- */

static const char *fact_of(const struct ix_view_object *object, enum dc_fact fact)
{
	return object->fact[fact] != NULL ? object->fact[fact] : "";
}

static void put_date(const struct ix_view_object *object, size_t size, struct buf *out)
{
	char date[11];

	if (ix_name_date(fact_of(object, DC_FACT_STUDY_DATE), date))
		buf_append(out, date, size);
}

static void put_year(const struct ix_view_object *object, struct buf *out)
{
	put_date(object, strlen("2024"), out);
}

static void put_month(const struct ix_view_object *object, struct buf *out)
{
	put_date(object, strlen("2024-01"), out);
}

static void put_day(const struct ix_view_object *object, struct buf *out)
{
	put_date(object, strlen("2024-01-15"), out);
}

/* A value that serves as a name as it is; else with its hash, so that two
 * values never share a folder, not even where case is ignored. */
static void put_value(const char *value, struct buf *out)
{
	size_t start = out->size;
	bool same;
	char hash[IX_HASH_TEXT_MAX + 1];

	if (value[0] == '\0')
		return;
	ix_name_sanitise(span_of_text(value), 64, out);
	if (out->failure != ERR_NONE)
		return;
	same = span_equals_text(span_of(out->data + start, out->size - start), value);
	for (const char *p = value; *p != '\0'; p++) {
		if ((*p >= 'a' && *p <= 'z') || *p == '~' || (unsigned char)*p >= 0x80)
			same = false;
	}
	if (same)
		return;
	ix_hash_text(ix_hash(span_of_text(value)), IX_HASH_TEXT, hash);
	buf_printf(out, "%s~%s", out->size > start ? " " : "", hash);
}

static void put_modality(const struct ix_view_object *object, struct buf *out)
{
	put_value(fact_of(object, DC_FACT_MODALITY), out);
}

static void put_accession(const struct ix_view_object *object, struct buf *out)
{
	put_value(fact_of(object, DC_FACT_ACCESSION), out);
}

static void put_uid(const struct ix_view_object *object, struct buf *out)
{
	put_value(fact_of(object, DC_FACT_STUDY_UID), out);
}

/* Without " ~" and its hash. */
static void put_patient(const struct ix_view_object *object, struct buf *out)
{
	const char *end = strrchr(object->patient, '~');
	size_t size = end != NULL ? (size_t)(end - object->patient) : strlen(object->patient);

	while (size > 0 && object->patient[size - 1] == ' ')
		size--;
	buf_append(out, object->patient, size);
}

static void put_patient_hash(const struct ix_view_object *object, struct buf *out)
{
	const char *hash = strrchr(object->patient, '~');

	if (hash != NULL)
		buf_append_text(out, hash + 1);
}

static void put_study(const struct ix_view_object *object, struct buf *out)
{
	buf_append_text(out, object->study);
}

static void put_study_undated(const struct ix_view_object *object, struct buf *out)
{
	char date[11];
	const char *name = object->study;

	if (ix_name_date(fact_of(object, DC_FACT_STUDY_DATE), date) &&
	    strncmp(name, date, strlen(date)) == 0 && name[strlen(date)] == ' ')
		name += strlen(date) + 1;
	buf_append_text(out, name);
}

/* The folder's name with a hash of the whole chain: the same Series Instance UID
 * may be in several studies. */
static void put_series(const struct ix_view_object *object, struct buf *out)
{
	const char *hash = strrchr(object->series, '~');
	char text[IX_HASH_TEXT_MAX + 1];

	buf_append(out, object->series,
		   hash != NULL ? (size_t)(hash - object->series) : strlen(object->series));
	ix_hash_text(object->ino << 1, IX_HASH_TEXT, text);
	buf_printf(out, "~%s", text);
}

static const struct {
	const char *name;
	void (*put)(const struct ix_view_object *object, struct buf *out);
} field_table[] = {
	{"year", put_year},
	{"month", put_month},
	{"day", put_day},
	{"modality", put_modality},
	{"accession", put_accession},
	{"uid", put_uid},
	{"patient", put_patient},
	{"patient-hash", put_patient_hash},
	{"study", put_study},
	{"study-undated", put_study_undated},
	{"series", put_series},
};

static void put_field(const struct ix_view_object *object, struct span field, struct buf *out)
{
	const uint8_t *bar = memchr(field.data, '|', field.size);
	struct span name = field;
	size_t start = out->size;

	if (bar != NULL)
		name.size = (size_t)(bar - field.data);
	for (size_t i = 0; i < ARRAY_LEN(field_table); i++) {
		if (span_equals_text(name, field_table[i].name))
			field_table[i].put(object, out);
	}
	if (bar != NULL && out->size == start)
		buf_append(out, bar + 1, field.size - name.size - 1);
}

/* Runs of spaces that an empty field leaves become one. */
static const char *expand(const struct ix_view_object *object, const char *template,
			  struct buf *out)
{
	buf_truncate(out, 0);
	while (*template != '\0') {
		if (*template == '{') {
			size_t size = strcspn(template, "}");

			put_field(object, span_of(template + 1, size - 1), out);
			template += size + 1;
			continue;
		}
		if (*template != ' ' || out->size == 0 || out->failure != ERR_NONE ||
		    out->data[out->size - 1] != ' ')
			buf_append_byte(out, (uint8_t) * template);
		template ++;
	}
	return buf_text(out);
}

/* ---- Folders and links -------------------------------------------------- */

struct linking {
	struct ix_writer *w;
	const struct view *view;
	const struct ix_view_object *object;
	struct buf text;
	int64_t folder; /* innermost so far */
	uint64_t ino;
	unsigned depth; /* folders between the link and the root */
};

static bool enter_folder(struct linking *l, const char *name, struct err *err)
{
	struct ix_node_new node = {
		.parent = l->folder,
		.type = IX_NODE_FOLDER,
		.name = name,
		.ino = ix_ident(l->ino, IX_NODE_FOLDER, span_of_text(name)),
		.mtime = l->object->mtime,
		.ctime = l->object->ctime,
	};
	int64_t id;

	if (!ix_node_find(l->w, l->folder, name, &id, err) ||
	    (id == 0 && !ix_node_add(l->w, &node, &id, err)))
		return false;
	l->folder = id;
	l->ino = node.ino;
	l->depth++;
	return true;
}

/* *id 0: an entry of that name is there already. */
static bool add_link(struct linking *l, const char *name, int64_t *id, struct err *err)
{
	const struct ix_view_object *object = l->object;
	struct buf target CLEANUP_BUF = buf_empty(IX_TARGET_MAX);
	struct ix_node_new node = {
		.parent = l->folder,
		.type = IX_NODE_LINK,
		.name = name,
		.ino = ix_ident(l->ino, IX_NODE_LINK, span_of(&object->ino, sizeof(object->ino))),
		.mtime = object->mtime,
		.ctime = object->ctime,
		.owner = object->id,
	};

	for (unsigned i = 0; i < l->depth; i++)
		buf_append_text(&target, "../");
	buf_printf(&target, "patients/%s/%s", object->patient, object->study);
	if (object->level == DC_LEVEL_SERIES)
		buf_printf(&target, "/%s", object->series);
	node.target = buf_text(&target);
	return buf_ok(&target, err) && ix_node_add(l->w, &node, id, err);
}

/* The name that the object has by right, or one that cannot be taken: two short
 * hashes may meet. */
static bool add_named_link(struct linking *l, int64_t *id, struct err *err)
{
	char hash[IX_HASH_TEXT_MAX + 1];
	const char *name =
		expand(l->object,
		       l->object->plain || l->view->other == NULL ? l->view->link : l->view->other,
		       &l->text);

	*id = 0;
	if (l->text.size == 0)
		return buf_ok(&l->text, err);
	if (!buf_ok(&l->text, err) || !add_link(l, name, id, err))
		return false;
	if (*id != 0)
		return true;
	ix_hash_text(l->object->ino << 1, IX_HASH_TEXT_MAX, hash);
	buf_printf(&l->text, "-%s", hash);
	name = buf_text(&l->text);
	return buf_ok(&l->text, err) && add_link(l, name, id, err);
}

static bool link_in_view(struct linking *l, struct buf *links, struct err *err)
{
	int64_t id;

	l->folder = l->view->folder;
	l->ino = ix_ident(IX_ROOT, IX_NODE_FOLDER, span_of_text(l->view->name));
	l->depth = 1;
	for (size_t i = 0; i < LEVELS_MAX && l->view->levels[i] != NULL; i++) {
		const char *name = expand(l->object, l->view->levels[i], &l->text);

		if (!buf_ok(&l->text, err))
			return false;
		if (l->text.size == 0 && i == 0)
			return true;
		if (l->text.size > 0 && !enter_folder(l, name, err))
			return false;
	}
	if (!add_named_link(l, &id, err))
		return false;
	if (id != 0)
		buf_append(links, &id, sizeof(id));
	return buf_ok(links, err);
}

bool ix_view_link(struct ix_writer *w, const struct ix_view_object *object, struct buf *links,
		  struct err *err)
{
	struct linking l = {.w = w, .object = object, .text = buf_empty(IX_NAME_MAX)};
	bool ok = true;

	for (size_t i = 0; ok && i < ARRAY_LEN(view_table); i++) {
		l.view = &view_table[i];
		if (l.view->shows == object->level)
			ok = link_in_view(&l, links, err);
	}
	buf_release(&l.text);
	return ok;
}

static bool next_link(struct span *links, int64_t *id)
{
	if (links->size < sizeof(*id))
		return false;
	memcpy(id, links->data, sizeof(*id));
	*links = span_of(links->data + sizeof(*id), links->size - sizeof(*id));
	return true;
}

bool ix_view_unlink(struct ix_writer *w, struct span links, struct err *err)
{
	struct ix_node node;
	int64_t id;

	while (next_link(&links, &id)) {
		if (!ix_node_read(w, id, &node, err) || !ix_node_drop(w, &node, err))
			return false;
	}
	return true;
}

bool ix_view_touch(struct ix_writer *w, struct span links, int64_t mtime, int64_t ctime,
		   struct err *err)
{
	int64_t id;

	while (next_link(&links, &id)) {
		if (!ix_node_set_times(w, id, mtime, ctime, err))
			return false;
	}
	return true;
}

/* ---- Studies under several patients ------------------------------------- */

/* The study of a UID whose first file comes first. There are two or three of
 * them, or a bad anonymiser's thousands: one at a time is in memory. */
struct first_study {
	int64_t first, plain; /* ids; 0: none */
	struct buf path;      /* of the first file of first */
};

static bool consider_study(struct ix_writer *w, int64_t id, struct first_study *found,
			   struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_STUDY_FIRST];
	struct span path;
	int order;

	if (!ix_db_one(&w->db, IX_W_STUDY_FIRST, err, "i", id))
		return false;
	path = ix_db_blob(row, 0);
	order = path.size == 0 || found->path.size == 0
			? 0
			: memcmp(path.data, found->path.data, MIN_OF(path.size, found->path.size));
	if (path.size > 0 &&
	    (found->first == 0 || order < 0 || (order == 0 && path.size < found->path.size))) {
		found->first = id;
		buf_clear(&found->path);
		buf_append(&found->path, path.data, path.size);
	}
	ix_db_reset(&w->db, IX_W_STUDY_FIRST);
	return buf_ok(&found->path, err);
}

static bool find_first_study(struct ix_writer *w, int64_t uid_hash, struct first_study *found,
			     struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&w->db, IX_W_STUDY_ALL, "i", uid_hash);
	enum ix_step step;
	size_t count = 0;

	while ((step = ix_db_step(&w->db, IX_W_STUDY_ALL, err)) == IX_STEP_ROW) {
		count++;
		found->first = ix_db_int(row, 0);
		if (ix_db_int(row, 1) != 0)
			found->plain = found->first;
	}
	/* The usual case; finding the first file takes a look at all of them. */
	if (step == IX_STEP_FAILED || count < 2)
		return step == IX_STEP_DONE;
	found->first = 0;
	(void)ix_db_bind(&w->db, IX_W_STUDY_ALL, "i", uid_hash);
	while ((step = ix_db_step(&w->db, IX_W_STUDY_ALL, err)) == IX_STEP_ROW) {
		if (!consider_study(w, ix_db_int(row, 0), found, err)) {
			ix_db_reset(&w->db, IX_W_STUDY_ALL);
			return false;
		}
	}
	return step == IX_STEP_DONE;
}

/* The facts of a study stand beside those of any of its series. */
static bool read_study_facts(struct ix_writer *w, int64_t study, struct ix_fact_set *facts,
			     struct err *err)
{
	sqlite3_stmt *row = w->db.statements[IX_W_PLACE_FACTS];
	int64_t series;
	int column = 1;

	if (!ix_db_one(&w->db, IX_W_SERIES_NEXT, err, "i", study))
		return false;
	series = ix_db_int(w->db.statements[IX_W_SERIES_NEXT], 0);
	ix_db_reset(&w->db, IX_W_SERIES_NEXT);
	if (!ix_db_one(&w->db, IX_W_PLACE_FACTS, err, "i", series))
		return false;
	column = ix_fact_set_read(facts, row, column, DC_LEVEL_PATIENT);
	(void)ix_fact_set_read(facts, row, column, DC_LEVEL_STUDY);
	ix_db_reset(&w->db, IX_W_PLACE_FACTS);
	return buf_ok(&facts->text, err);
}

static bool unlink_study(struct ix_writer *w, int64_t study, struct err *err)
{
	struct buf links CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct span packed;

	if (!ix_db_one(&w->db, IX_W_STUDY_GET, err, "i", study))
		return false;
	packed = ix_db_blob(w->db.statements[IX_W_STUDY_GET], 3);
	buf_append(&links, packed.data, packed.size);
	ix_db_reset(&w->db, IX_W_STUDY_GET);
	return buf_ok(&links, err) && ix_view_unlink(w, buf_span(&links), err);
}

/* Makes the links of a study again, as the first of its UID or as another. */
static bool relink_study(struct ix_writer *w, int64_t study, bool plain, struct err *err)
{
	struct ix_fact_set facts CLEANUP_FACT_SET;
	struct buf links CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const char *pointers[DC_FACT_COUNT];
	struct ix_node node, patient;
	struct ix_view_object object = {.level = DC_LEVEL_STUDY, .id = study, .plain = plain};
	struct span packed;

	ix_fact_set_init(&facts);
	if (!unlink_study(w, study, err) || !ix_node_read(w, study, &node, err) ||
	    !ix_node_read(w, node.parent, &patient, err) ||
	    !read_study_facts(w, study, &facts, err))
		return false;
	ix_fact_set_pointers(&facts, pointers);
	object.ino = node.ino;
	object.patient = patient.name;
	object.study = node.name;
	object.fact = pointers;
	object.mtime = node.mtime_ns;
	object.ctime = node.ctime_ns;
	if (!ix_view_link(w, &object, &links, err))
		return false;
	packed = buf_span(&links);
	return ix_db_run(&w->db, IX_W_STUDY_LINKS, err, "ibi", (int64_t)plain, &packed, study);
}

bool ix_view_flush(struct ix_writer *w, struct err *err)
{
	struct ix_dirty uid;

	while (ix_dirty_take(&w->studies, &uid)) {
		struct first_study found = {.path = buf_empty(BUF_NO_LIMIT)};
		bool ok = find_first_study(w, uid.id, &found, err);

		buf_release(&found.path);
		if (!ok)
			return false;
		if (found.first == 0 || found.first == found.plain)
			continue;
		if (found.plain != 0 && !relink_study(w, found.plain, false, err))
			return false;
		if (!relink_study(w, found.first, true, err))
			return false;
	}
	return true;
}
