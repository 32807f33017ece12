/* SPDX-License-Identifier: MIT */
#include "index/reader.h"

#include "index/fact-set.h"
#include "index/internal.h"
#include "index/names.h"

/* Bounded memory for each of the reading threads. */
#define READER_PRAGMAS "PRAGMA cache_size = -1024; PRAGMA mmap_size = 0; PRAGMA query_only = 1;"

/* ---- Opening ------------------------------------------------------------ */

static bool prepare_facts(struct ix_db *db, struct err *err)
{
	struct buf sql CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	buf_append_text(&sql, "SELECT i.differs");
	ix_schema_columns(DC_LEVEL_PATIENT, "p.", &sql);
	ix_schema_columns(DC_LEVEL_STUDY, "t.", &sql);
	ix_schema_columns(DC_LEVEL_SERIES, "s.", &sql);
	ix_schema_columns(DC_LEVEL_INSTANCE, "i.", &sql);
	buf_append_text(&sql, " FROM instance i JOIN series s ON s.id = i.series"
			      " JOIN study t ON t.id = s.study JOIN node n ON n.id = t.id"
			      " JOIN patient p ON p.id = n.parent WHERE i.id = ?");
	(void)buf_text(&sql);
	return buf_ok(&sql, err) && ix_db_prepare_one(db, IX_R_FACTS, buf_text(&sql), err);
}

/* An index that was removed while it is in use, and made anew by another process,
 * has the same path, and may have handed out the same ids for other things. */
static bool check_epoch(struct ix_reader *reader, struct ix_index *index, struct err *err)
{
	int64_t epoch;

	if (!ix_index_in_place(index))
		return err_set(err, ERR_IO, "index %s was replaced while it is in use: mount again",
			       index->path);
	if (!ix_db_one(&reader->db, IX_R_EPOCH, err, ""))
		return false;
	epoch = ix_db_int(reader->db.statements[IX_R_EPOCH], 0);
	ix_db_reset(&reader->db, IX_R_EPOCH);
	return (uint64_t)epoch == index->epoch ||
	       err_set(err, ERR_IO, "index %s was replaced while it is in use: mount again",
		       index->path);
}

bool ix_reader_open(struct ix_reader **reader, struct ix_index *index, struct err *err)
{
	struct ix_reader *opened = calloc(1, sizeof(*opened));

	*reader = NULL;
	if (opened == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	opened->index = index;
	opened->name = buf_empty(BUF_NO_LIMIT);
	/* Asked afterwards, when it is open. */
	if (!ix_db_open(&opened->db, index->path, IX_DB_READ, err) ||
	    !ix_db_exec(&opened->db, READER_PRAGMAS, err) ||
	    !ix_db_prepare(&opened->db, ix_read_sql_table, IX_R_COUNT, err) ||
	    !prepare_facts(&opened->db, err) || !check_epoch(opened, index, err)) {
		ix_reader_close(opened);
		return false;
	}
	*reader = opened;
	return true;
}

void ix_reader_close(struct ix_reader *reader)
{
	if (reader == NULL)
		return;
	ix_db_close(&reader->db);
	buf_release(&reader->name);
	free(reader);
}

/* The name as the index has it: people who type on other systems send NFD. */
static const char *normalise(struct ix_reader *reader, const char *name, struct err *err)
{
	const char *p = name;

	while (*p != '\0' && (unsigned char)*p < 0x80)
		p++;
	if (*p == '\0')
		return name;
	buf_clear(&reader->name);
	if (!ix_name_nfc(name, &reader->name)) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	return buf_text(&reader->name);
}

static bool not_found(struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "no such entry");
}

/* A text column, cut to fit; printf would take longer than the query. */
static void copy_text(sqlite3_stmt *row, int column, char *to, size_t size)
{
	const char *text = (const char *)sqlite3_column_text(row, column);
	size_t length = text != NULL ? (size_t)sqlite3_column_bytes(row, column) : 0;

	length = MIN_OF(length, size - 1);
	if (length > 0)
		memcpy(to, text, length);
	to[length] = '\0';
}

/* ---- Nodes -------------------------------------------------------------- */

static void read_node(sqlite3_stmt *row, struct ix_node *node)
{
	node->id = ix_db_int(row, 0);
	node->parent = node->id == IX_ROOT ? IX_ROOT : ix_db_int(row, 1);
	node->type = (uint8_t)ix_db_int(row, 2);
	copy_text(row, 3, node->name, sizeof(node->name));
	node->ino = (uint64_t)ix_db_int(row, 4);
	node->mtime_ns = ix_db_int(row, 5);
	node->ctime_ns = ix_db_int(row, 6);
	node->subfolders = (uint32_t)ix_db_int(row, 7);
	node->kinds = (uint32_t)ix_db_int(row, 8);
	node->multiframe = (uint32_t)ix_db_int(row, 9);
	node->instances = (uint64_t)ix_db_int(row, 10);
	copy_text(row, 11, node->target, sizeof(node->target));
}

static bool finish_node(struct ix_reader *reader, enum ix_read_sql statement, enum ix_step step,
			struct ix_node *node, struct err *err)
{
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE ? not_found(err) : false;
	read_node(reader->db.statements[statement], node);
	ix_db_reset(&reader->db, statement);
	return true;
}

bool ix_lookup(struct ix_reader *reader, int64_t parent, const char *name, struct ix_node *node,
	       struct err *err)
{
	const char *key = normalise(reader, name, err);

	if (key == NULL)
		return false;
	return finish_node(reader, IX_R_NODE_LOOKUP,
			   ix_db_first(&reader->db, IX_R_NODE_LOOKUP, err, "it", parent, key), node,
			   err);
}

bool ix_node_get(struct ix_reader *reader, int64_t id, struct ix_node *node, struct err *err)
{
	return finish_node(reader, IX_R_NODE_GET,
			   ix_db_first(&reader->db, IX_R_NODE_GET, err, "i", id), node, err);
}

bool ix_children(struct ix_reader *reader, int64_t parent, int64_t after,
		 bool (*each)(const struct ix_node *node, void *context), void *context,
		 struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&reader->db, IX_R_NODE_CHILDREN, "ii", parent, after);
	struct ix_node node;
	enum ix_step step;

	while ((step = ix_db_step(&reader->db, IX_R_NODE_CHILDREN, err)) == IX_STEP_ROW) {
		read_node(row, &node);
		if (!each(&node, context)) {
			ix_db_reset(&reader->db, IX_R_NODE_CHILDREN);
			return true;
		}
	}
	return step == IX_STEP_DONE;
}

/* ---- Instances ---------------------------------------------------------- */

/* What a listing needs; the columns of INSTANCE_LISTED. */
static bool read_listed(sqlite3_stmt *row, struct ix_instance *instance, struct err *err)
{
	instance->id = ix_db_int(row, 0);
	instance->series = ix_db_int(row, 1);
	copy_text(row, 2, instance->name, sizeof(instance->name));
	instance->ident = (uint64_t)ix_db_int(row, 3);
	instance->kinds = (uint32_t)ix_db_int(row, 4);
	instance->frames = (uint32_t)ix_db_int(row, 5);
	instance->size = (uint64_t)ix_db_int(row, 6);
	instance->mtime_ns = ix_db_int(row, 7);
	instance->ctime_ns = ix_db_int(row, 8);
	instance->json_base = (uint64_t)ix_db_int(row, 9);
	instance->json_names = (uint32_t)ix_db_int(row, 10);
	instance->measured = (uint32_t)ix_db_int(row, 12);
	instance->waiting = (uint32_t)ix_db_int(row, 13);
	return dc_image_unpack(&instance->image, ix_db_blob(row, 11), err);
}

static bool read_instance(sqlite3_stmt *row, struct ix_instance *instance, struct err *err)
{
	copy_text(row, 14, instance->sop_class, sizeof(instance->sop_class));
	copy_text(row, 15, instance->sop_uid, sizeof(instance->sop_uid));
	return read_listed(row, instance, err);
}

static bool finish_instance(struct ix_reader *reader, enum ix_read_sql statement, enum ix_step step,
			    struct ix_instance *instance, struct err *err)
{
	bool ok;

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE ? not_found(err) : false;
	ok = read_instance(reader->db.statements[statement], instance, err);
	ix_db_reset(&reader->db, statement);
	return ok;
}

bool ix_instance_lookup(struct ix_reader *reader, int64_t series, const char *name,
			struct ix_instance *instance, struct err *err)
{
	return finish_instance(
		reader, IX_R_INSTANCE_LOOKUP,
		ix_db_first(&reader->db, IX_R_INSTANCE_LOOKUP, err, "it", series, name), instance,
		err);
}

bool ix_instance_get(struct ix_reader *reader, int64_t id, struct ix_instance *instance,
		     struct err *err)
{
	return finish_instance(reader, IX_R_INSTANCE_GET,
			       ix_db_first(&reader->db, IX_R_INSTANCE_GET, err, "i", id), instance,
			       err);
}

bool ix_waiting_next(struct ix_reader *reader, int64_t after, struct ix_instance *instance,
		     struct err *err)
{
	return finish_instance(reader, IX_R_WAITING,
			       ix_db_first(&reader->db, IX_R_WAITING, err, "i", after), instance,
			       err);
}

bool ix_waiting_count(struct ix_reader *reader, uint64_t *count, struct err *err)
{
	if (!ix_db_one(&reader->db, IX_R_WAITING_COUNT, err, ""))
		return false;
	*count = (uint64_t)ix_db_int(reader->db.statements[IX_R_WAITING_COUNT], 0);
	ix_db_reset(&reader->db, IX_R_WAITING_COUNT);
	return true;
}

bool ix_measured_get(struct ix_reader *reader, int64_t instance, uint8_t kind, uint32_t frame,
		     uint64_t *size, struct err *err)
{
	enum ix_step step = ix_db_first(&reader->db, IX_R_MEASURED, err, "iii", instance,
					(int64_t)kind, (int64_t)frame);

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE ? not_found(err) : false;
	*size = (uint64_t)ix_db_int(reader->db.statements[IX_R_MEASURED], 0);
	ix_db_reset(&reader->db, IX_R_MEASURED);
	return true;
}

bool ix_instances(struct ix_reader *reader, int64_t series, uint32_t mask, int64_t after,
		  bool (*each)(const struct ix_instance *instance, void *context), void *context,
		  struct err *err)
{
	sqlite3_stmt *row =
		ix_db_bind(&reader->db, IX_R_INSTANCE_LIST, "iii", series, after, (int64_t)mask);
	struct ix_instance instance = {.sop_class = ""};
	enum ix_step step;

	while ((step = ix_db_step(&reader->db, IX_R_INSTANCE_LIST, err)) == IX_STEP_ROW) {
		bool ok = read_listed(row, &instance, err);

		if (!ok || !each(&instance, context)) {
			ix_db_reset(&reader->db, IX_R_INSTANCE_LIST);
			return ok;
		}
	}
	return step == IX_STEP_DONE;
}

bool ix_source_get(struct ix_reader *reader, int64_t instance, unsigned nth,
		   struct ix_source *source, struct err *err)
{
	enum ix_read_sql statement = nth == 0 ? IX_R_SOURCE_FIRST : IX_R_SOURCE_OTHER;
	sqlite3_stmt *row = reader->db.statements[statement];
	enum ix_step step = nth == 0 ? ix_db_first(&reader->db, statement, err, "i", instance)
				     : ix_db_first(&reader->db, statement, err, "ii", instance,
						   (int64_t)nth - 1);
	struct span path;

	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE ? not_found(err) : false;
	source->file = ix_db_int(row, 0);
	path = ix_db_blob(row, 1);
	path.size = MIN_OF(path.size, sizeof(source->path) - 1);
	if (path.size > 0)
		memcpy(source->path, path.data, path.size);
	source->path[path.size] = '\0';
	source->size = (uint64_t)ix_db_int(row, 2);
	source->inode = (uint64_t)ix_db_int(row, 3);
	source->mtime_ns = ix_db_int(row, 4);
	source->ctime_ns = ix_db_int(row, 5);
	ix_db_reset(&reader->db, statement);
	return true;
}

bool ix_instance_facts(struct ix_reader *reader, int64_t instance,
		       void (*each)(enum dc_fact fact, const char *text, void *context),
		       void *context, struct err *err)
{
	struct ix_fact_set set CLEANUP_FACT_SET;
	sqlite3_stmt *row = reader->db.statements[IX_R_FACTS];
	enum ix_step step = ix_db_first(&reader->db, IX_R_FACTS, err, "i", instance);
	int column = 1;

	ix_fact_set_init(&set);
	if (step != IX_STEP_ROW)
		return step == IX_STEP_DONE ? not_found(err) : false;
	column = ix_fact_set_read(&set, row, column, DC_LEVEL_PATIENT);
	column = ix_fact_set_read(&set, row, column, DC_LEVEL_STUDY);
	column = ix_fact_set_read(&set, row, column, DC_LEVEL_SERIES);
	(void)ix_fact_set_read(&set, row, column, DC_LEVEL_INSTANCE);
	ix_fact_set_apply(&set, ix_db_blob(row, 0));
	ix_db_reset(&reader->db, IX_R_FACTS);
	if (!buf_ok(&set.text, err))
		return false;
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		const char *text = ix_fact_set_get(&set, i);

		if (text[0] != '\0')
			each((enum dc_fact)i, text, context);
	}
	return true;
}
