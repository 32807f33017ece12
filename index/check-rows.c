/* SPDX-License-Identifier: MIT */
#include "index/check-parts.h"

#include "index/home.h"
#include "index/names.h"
#include "index/schema.h"

/* Rows that break a rule, and one of them. */
struct finding {
	uint64_t count;
	int64_t row;
};

static void add(struct finding *finding, int64_t row)
{
	if (finding->count++ == 0)
		finding->row = row;
}

enum row_sql {
	SQL_NEXT_ID,
	SQL_OBJECT,
	SQL_NODE,
	SQL_KEYS,
	SQL_INSTANCES,
	SQL_SERIES,
	SQL_LINKS,
	SQL_LINK,
	SQL_LINK_COUNT,
	SQL_COUNT,
};

static const char *const sql_table[SQL_COUNT] = {
	[SQL_NEXT_ID] = "SELECT next_id FROM status",
	[SQL_OBJECT] = "SELECT sql FROM sqlite_schema WHERE type = ? AND name = ?",
	[SQL_NODE] = "SELECT parent, type, name, ino FROM node WHERE id = ?",
	[SQL_KEYS] = "SELECT id, key_hash, key FROM patient UNION ALL"
		     " SELECT id, uid_hash, key FROM study UNION ALL"
		     " SELECT id, uid_hash, key FROM series UNION ALL"
		     " SELECT id, person_hash, person FROM claim UNION ALL"
		     " SELECT id, uid_hash, sop_uid FROM instance WHERE sop_uid IS NOT NULL",
	[SQL_INSTANCES] = "SELECT series, kinds, frames, mtime, ctime, image, id FROM instance"
			  " ORDER BY series",
	[SQL_SERIES] = "SELECT id, kinds, multiframe, instances, mtime, ctime, subfolders FROM node"
		       " WHERE type = 1 ORDER BY id",
	[SQL_LINKS] = "SELECT id, links FROM study UNION ALL SELECT id, links FROM series",
	[SQL_LINK] = "SELECT 1 FROM node WHERE id = ? AND type = 2 AND owner = ?",
	[SQL_LINK_COUNT] = "SELECT count(*) FROM node WHERE type = 2",
};

/* ---- The number beside the index ---------------------------------------- */

static bool check_ids(struct ix_checker *c, struct err *err)
{
	int64_t next, limit;

	if (!ix_db_one(&c->db, SQL_NEXT_ID, err, ""))
		return false;
	next = ix_db_int(c->db.statements[SQL_NEXT_ID], 0);
	ix_db_reset(&c->db, SQL_NEXT_ID);
	/* Read later, it can only be larger. Without the file it is made again. */
	if (!ix_home_ids_read(c->options->index.path, &limit, err))
		return false;
	if (limit > 0 && limit < next)
		ix_check_report(c, "ids-file", "the -ids file beside the index is behind it", 1, 0);
	return true;
}

/* ---- Tables and fixed nodes --------------------------------------------- */

enum fresh_sql { FRESH_OBJECTS, FRESH_NODES, FRESH_COUNT };

static const char *const fresh_table[FRESH_COUNT] = {
	[FRESH_OBJECTS] = "SELECT type, name, sql FROM sqlite_schema WHERE sql IS NOT NULL",
	[FRESH_NODES] = "SELECT id, parent, type, name, ino FROM node",
};

static bool check_object(struct ix_checker *c, sqlite3_stmt *fresh, struct finding *finding,
			 struct err *err)
{
	sqlite3_stmt *row = c->db.statements[SQL_OBJECT];
	enum ix_step step = ix_db_first(&c->db, SQL_OBJECT, err, "tt", ix_db_text(fresh, 0),
					ix_db_text(fresh, 1));

	if (step != IX_STEP_ROW || strcmp(ix_db_text(row, 0), ix_db_text(fresh, 2)) != 0)
		add(finding, 0);
	ix_db_reset(&c->db, SQL_OBJECT);
	return step != IX_STEP_FAILED;
}

static bool check_node(struct ix_checker *c, sqlite3_stmt *fresh, struct finding *finding,
		       struct err *err)
{
	sqlite3_stmt *row = c->db.statements[SQL_NODE];
	enum ix_step step = ix_db_first(&c->db, SQL_NODE, err, "i", ix_db_int(fresh, 0));

	if (step != IX_STEP_ROW || ix_db_int(row, 0) != ix_db_int(fresh, 1) ||
	    ix_db_int(row, 1) != ix_db_int(fresh, 2) ||
	    strcmp(ix_db_text(row, 2), ix_db_text(fresh, 3)) != 0 ||
	    ix_db_int(row, 3) != ix_db_int(fresh, 4))
		add(finding, ix_db_int(fresh, 0));
	ix_db_reset(&c->db, SQL_NODE);
	return step != IX_STEP_FAILED;
}

/* Against an empty index, made in memory. */
static bool check_fixed(struct ix_checker *c, struct err *err)
{
	struct ix_db fresh CLEANUP_DB = {0};
	struct finding objects = {0}, nodes = {0};
	enum ix_step step;

	if (!ix_db_open(&fresh, ":memory:", IX_DB_MEMORY, err) || !ix_schema_create(&fresh, err) ||
	    !ix_db_prepare(&fresh, fresh_table, FRESH_COUNT, err))
		return false;
	while ((step = ix_db_step(&fresh, FRESH_OBJECTS, err)) == IX_STEP_ROW) {
		if (!check_object(c, fresh.statements[FRESH_OBJECTS], &objects, err))
			return false;
	}
	if (step == IX_STEP_FAILED)
		return false;
	while ((step = ix_db_step(&fresh, FRESH_NODES, err)) == IX_STEP_ROW) {
		if (!check_node(c, fresh.statements[FRESH_NODES], &nodes, err))
			return false;
	}
	ix_check_report(c, "schema", "a table or an index of it is missing or another",
			objects.count, objects.row);
	ix_check_report(c, "node-fixed", "a fixed folder of the tree is missing or another",
			nodes.count, nodes.row);
	return step == IX_STEP_DONE;
}

/* ---- Hashes ------------------------------------------------------------- */

static bool check_keys(struct ix_checker *c, struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&c->db, SQL_KEYS, "");
	struct finding wrong = {0};
	enum ix_step step;

	while ((step = ix_db_step(&c->db, SQL_KEYS, err)) == IX_STEP_ROW) {
		if (ix_db_int(row, 1) != (int64_t)ix_hash(ix_db_blob(row, 2)))
			add(&wrong, ix_db_int(row, 0));
	}
	ix_check_report(c, "key-hash", "a key is not found by its hash", wrong.count, wrong.row);
	return step == IX_STEP_DONE;
}

/* ---- Series ------------------------------------------------------------- */

/* What the instances of a series add up to. */
struct content {
	int64_t series, mtime, ctime;
	uint64_t instances;
	uint32_t kinds, multiframe;
};

static void count_instance(struct content *content, sqlite3_stmt *row, uint32_t frame_kinds)
{
	uint32_t kinds = (uint32_t)ix_db_int(row, 1);

	content->instances++;
	content->kinds |= kinds;
	content->multiframe += ix_db_int(row, 2) > 1 && (kinds & frame_kinds) != 0;
	content->mtime = MAX_OF(content->mtime, ix_db_int(row, 3));
	content->ctime = MAX_OF(content->ctime, ix_db_int(row, 4));
}

static bool equals_node(const struct content *content, sqlite3_stmt *node)
{
	return content->instances > 0 && (int64_t)content->kinds == ix_db_int(node, 1) &&
	       (int64_t)content->multiframe == ix_db_int(node, 2) &&
	       (int64_t)content->instances == ix_db_int(node, 3) &&
	       content->mtime == ix_db_int(node, 4) && content->ctime == ix_db_int(node, 5) &&
	       __builtin_popcount(content->kinds) == ix_db_int(node, 6);
}

static bool image_fits(sqlite3_stmt *row)
{
	struct dc_image image;

	return dc_image_unpack(&image, ix_db_blob(row, 5), NULL);
}

/* Both in the order of the series: its node, and its instances. Instances of a
 * series without a node have a rule of their own. */
static bool check_series(struct ix_checker *c, struct err *err)
{
	sqlite3_stmt *node = ix_db_bind(&c->db, SQL_SERIES, "");
	sqlite3_stmt *row = ix_db_bind(&c->db, SQL_INSTANCES, "");
	enum ix_step step = IX_STEP_FAILED, next = ix_db_step(&c->db, SQL_INSTANCES, err);
	struct finding wrong = {0}, images = {0};

	while (next != IX_STEP_FAILED &&
	       (step = ix_db_step(&c->db, SQL_SERIES, err)) == IX_STEP_ROW) {
		struct content content = {
			.series = ix_db_int(node, 0), .mtime = INT64_MIN, .ctime = INT64_MIN};

		while (next == IX_STEP_ROW && ix_db_int(row, 0) <= content.series) {
			if (ix_db_int(row, 0) == content.series)
				count_instance(&content, row, c->options->index.frame_kinds);
			if (!image_fits(row))
				add(&images, ix_db_int(row, 6));
			next = ix_db_step(&c->db, SQL_INSTANCES, err);
		}
		if (next != IX_STEP_FAILED && !equals_node(&content, node))
			add(&wrong, content.series);
	}
	ix_db_reset(&c->db, SQL_INSTANCES);
	ix_check_report(c, "series-content", "a series' folder does not say what is in it",
			wrong.count, wrong.row);
	ix_check_report(c, "instance-image", "the description of a picture cannot be read",
			images.count, images.row);
	return next != IX_STEP_FAILED && step == IX_STEP_DONE;
}

/* ---- Links -------------------------------------------------------------- */

/* The ids in the row of a study or series: each a link that says it is its. */
static bool check_owner(struct ix_checker *c, int64_t owner, struct span links, uint64_t *total,
			struct finding *finding, struct err *err)
{
	size_t count = links.size / sizeof(int64_t);
	int64_t id, before = 0;
	bool fits = links.size % sizeof(int64_t) == 0;

	for (size_t i = 0; i < count; i++) {
		enum ix_step step;

		memcpy(&id, links.data + i * sizeof(id), sizeof(id));
		step = ix_db_first(&c->db, SQL_LINK, err, "ii", id, owner);
		if (step == IX_STEP_FAILED)
			return false;
		/* They were handed out one after the other, so none is there twice. */
		fits = fits && step == IX_STEP_ROW && id > before;
		before = id;
		ix_db_reset(&c->db, SQL_LINK);
	}
	*total += count;
	if (!fits)
		add(finding, owner);
	return true;
}

static bool check_links(struct ix_checker *c, struct err *err)
{
	sqlite3_stmt *row = ix_db_bind(&c->db, SQL_LINKS, "");
	struct finding wrong = {0};
	enum ix_step step;
	uint64_t total = 0;
	int64_t nodes;

	while ((step = ix_db_step(&c->db, SQL_LINKS, err)) == IX_STEP_ROW) {
		if (!check_owner(c, ix_db_int(row, 0), ix_db_blob(row, 1), &total, &wrong, err)) {
			ix_db_reset(&c->db, SQL_LINKS);
			return false;
		}
	}
	if (step == IX_STEP_FAILED || !ix_db_one(&c->db, SQL_LINK_COUNT, err, ""))
		return false;
	nodes = ix_db_int(c->db.statements[SQL_LINK_COUNT], 0);
	ix_db_reset(&c->db, SQL_LINK_COUNT);
	ix_check_report(c, "link-list", "a study or series does not know its links", wrong.count,
			wrong.row);
	ix_check_report(c, "link-count", "links that no study or series knows of",
			(uint64_t)nodes != total, 0);
	return true;
}

/* ---- All of them --------------------------------------------------------- */

bool ix_check_rows(struct ix_checker *c, struct err *err)
{
	static bool (*const checks[])(struct ix_checker * c, struct err * err) = {
		check_ids, check_fixed, check_keys, check_series, check_links,
	};

	for (size_t i = 0; i < ARRAY_LEN(checks); i++) {
		struct err reason = {0};

		/* A table that is missing was reported with the first query. */
		if (i == 0 && !ix_db_prepare(&c->db, sql_table, SQL_COUNT, &reason))
			return c->result->damaged || ix_check_forgive(c, &reason, err);
		if (!checks[i](c, &reason) && !ix_check_forgive(c, &reason, err))
			return false;
	}
	return true;
}
