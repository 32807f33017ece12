/* SPDX-License-Identifier: MIT */
#include "index/schema.h"

#include "index/index.h"
#include "index/names.h"

/* Names of store files and folders are bytes, hence blobs. prefix is the path
 * of a folder with a slash at its end, "" for the root: prefix || name is the
 * path of a file. disk is that of struct ix_disk, where another file system
 * than that of the folder around begins; else ''.
 *
 * The order of child ids is the order of listings: an index on parent (or
 * series) alone ends in the row key.
 *
 * node: the tree except instances. target, owner: of links; the owner is the
 * study or series that the link shows.
 * claim: "instances of this study that name this patient belong to that study
 * folder", see claim.h.
 * gone: files that a walk did not find any more, by path.
 * measured: sizes of files that are known only once they were made, by instance,
 * kind and frame; the column of that name has the bits of such kinds, and waiting
 * those whose sizes are still to come. */
static const char table_sql[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY, value) WITHOUT ROWID;"
	"CREATE TABLE status(id INTEGER PRIMARY KEY CHECK(id = 1), state INTEGER NOT NULL,"
	" reason TEXT NOT NULL, files INTEGER NOT NULL, instance_files INTEGER NOT NULL,"
	" duplicates INTEGER NOT NULL, skipped INTEGER NOT NULL, failed INTEGER NOT NULL,"
	" pending INTEGER NOT NULL, queued INTEGER NOT NULL, notes INTEGER NOT NULL,"
	" patients INTEGER NOT NULL, studies INTEGER NOT NULL, series INTEGER NOT NULL,"
	" instances INTEGER NOT NULL, started INTEGER NOT NULL, ended INTEGER NOT NULL,"
	" changed INTEGER NOT NULL, version INTEGER NOT NULL, next_id INTEGER NOT NULL,"
	" next_file INTEGER NOT NULL, next_folder INTEGER NOT NULL,"
	" next_claim INTEGER NOT NULL, watching INTEGER NOT NULL DEFAULT 0,"
	" watch_reason TEXT NOT NULL DEFAULT '', watched INTEGER NOT NULL DEFAULT 0,"
	" rescan INTEGER NOT NULL DEFAULT 0, scan_files INTEGER NOT NULL DEFAULT 0,"
	" scan_ns INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE request(id INTEGER PRIMARY KEY CHECK(id = 1), wanted INTEGER NOT NULL,"
	" done INTEGER NOT NULL);"
	"CREATE TABLE folder(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL,"
	" prefix BLOB NOT NULL, disk TEXT NOT NULL);"
	"CREATE UNIQUE INDEX folder_prefix ON folder(parent, prefix);"
	"CREATE TABLE file(id INTEGER PRIMARY KEY, folder INTEGER NOT NULL, name BLOB NOT NULL,"
	" size INTEGER NOT NULL, inode INTEGER NOT NULL, mtime INTEGER NOT NULL,"
	" ctime INTEGER NOT NULL, state INTEGER NOT NULL, instance INTEGER);"
	"CREATE UNIQUE INDEX file_name ON file(folder, name);"
	"CREATE INDEX file_inode ON file(inode);"
	"CREATE INDEX file_pending ON file(state) WHERE state = 0;"
	"CREATE INDEX file_duplicate ON file(instance) WHERE state = 2;"
	"CREATE TABLE problem(file INTEGER NOT NULL, code TEXT NOT NULL, reason TEXT NOT NULL,"
	" PRIMARY KEY(file, code)) WITHOUT ROWID;"
	"CREATE TABLE gone(path BLOB PRIMARY KEY, file INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE gone_folder(id INTEGER PRIMARY KEY);"
	"CREATE TABLE measured(instance INTEGER NOT NULL, kind INTEGER NOT NULL,"
	" frame INTEGER NOT NULL, size INTEGER NOT NULL, PRIMARY KEY(instance, kind, frame))"
	" WITHOUT ROWID;"
	"CREATE TABLE node(id INTEGER PRIMARY KEY, parent INTEGER NOT NULL, type INTEGER NOT NULL,"
	" name TEXT NOT NULL, ino INTEGER NOT NULL, mtime INTEGER NOT NULL,"
	" ctime INTEGER NOT NULL, subfolders INTEGER NOT NULL, kinds INTEGER NOT NULL,"
	" multiframe INTEGER NOT NULL, instances INTEGER NOT NULL, target TEXT,"
	" owner INTEGER);"
	"CREATE UNIQUE INDEX node_name ON node(parent, name);"
	"CREATE INDEX node_parent ON node(parent);"
	"CREATE TABLE claim(id INTEGER PRIMARY KEY, person_hash INTEGER NOT NULL,"
	" person BLOB NOT NULL, issuer TEXT NOT NULL, birth TEXT NOT NULL,"
	" joined INTEGER NOT NULL, study INTEGER NOT NULL, refs INTEGER NOT NULL);"
	"CREATE INDEX claim_person ON claim(person_hash, birth, issuer);";

static const char index_sql[] =
	"CREATE INDEX patient_key ON patient(key_hash);"
	"CREATE INDEX patient_number ON patient(number_hash);"
	"CREATE INDEX study_uid ON study(uid_hash, patient);"
	"CREATE INDEX series_uid ON series(study, uid_hash);"
	"CREATE INDEX instance_series ON instance(series);"
	"CREATE UNIQUE INDEX instance_name ON instance(series, name);"
	"CREATE INDEX instance_waiting ON instance(id) WHERE waiting <> 0;"
	"CREATE INDEX instance_uid ON instance(uid_hash, series, plain, content);";

/* Own columns of the tables that have fact columns. number_hash: of issuer and
 * Patient ID, null without an ID. plain: the name has no content hash;
 * differs: facts of the upper levels that are not those of the folders. */
static const struct {
	enum dc_level level;
	const char *columns;
} level_table[] = {
	{DC_LEVEL_PATIENT, "CREATE TABLE patient(id INTEGER PRIMARY KEY, key_hash INTEGER NOT NULL,"
			   " key BLOB NOT NULL, number_hash INTEGER"},
	{DC_LEVEL_STUDY, "CREATE TABLE study(id INTEGER PRIMARY KEY, patient INTEGER NOT NULL,"
			 " uid_hash INTEGER NOT NULL, key BLOB NOT NULL, plain INTEGER NOT NULL,"
			 " links BLOB"},
	{DC_LEVEL_SERIES, "CREATE TABLE series(id INTEGER PRIMARY KEY, study INTEGER NOT NULL,"
			  " uid_hash INTEGER NOT NULL, key BLOB NOT NULL, links BLOB"},
	{DC_LEVEL_INSTANCE,
	 "CREATE TABLE instance(id INTEGER PRIMARY KEY, series INTEGER NOT NULL,"
	 " uid_hash INTEGER NOT NULL, plain INTEGER NOT NULL, content INTEGER,"
	 " name TEXT NOT NULL, ident INTEGER NOT NULL, file INTEGER NOT NULL,"
	 " claim INTEGER NOT NULL, kinds INTEGER NOT NULL, frames INTEGER NOT NULL,"
	 " size INTEGER NOT NULL, mtime INTEGER NOT NULL, ctime INTEGER NOT NULL,"
	 " json_base INTEGER NOT NULL, json_names INTEGER NOT NULL, image BLOB NOT NULL,"
	 " differs BLOB, measured INTEGER NOT NULL, waiting INTEGER NOT NULL"},
};

static const struct {
	int id, parent;
	const char *name;
} fixed_nodes[] = {
	{IX_ROOT, 0, ""},
	{IX_PATIENTS, IX_ROOT, "patients"},
	{IX_DATES, IX_ROOT, "dates"},
	{IX_ACCESSIONS, IX_ROOT, "accessions"},
	{IX_MODALITIES, IX_ROOT, "modalities"},
	{IX_UIDS, IX_ROOT, "uids"},
	{IX_STATUS, IX_ROOT, ".dicomfs"},
};

static void append_columns(enum dc_level level, const char *prefix, const char *suffix,
			   struct buf *sql)
{
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		if (dc_fact_table[i].level == level && ix_fact_is_kept(i))
			buf_printf(sql, ", %s%s%s", prefix, dc_fact_table[i].column, suffix);
	}
}

void ix_schema_columns(enum dc_level level, const char *prefix, struct buf *sql)
{
	append_columns(level, prefix, "", sql);
}

void ix_schema_placeholders(enum dc_level level, struct buf *sql)
{
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		if (dc_fact_table[i].level == level && ix_fact_is_kept(i))
			buf_append_text(sql, ", ?");
	}
}

int ix_schema_bind(sqlite3_stmt *row, int at, enum dc_level level, const char *const *facts)
{
	for (int i = 0; i < DC_FACT_COUNT; i++) {
		if (dc_fact_table[i].level != level || !ix_fact_is_kept(i))
			continue;
		if (facts[i] == NULL || facts[i][0] == '\0')
			(void)sqlite3_bind_null(row, at++);
		else
			(void)sqlite3_bind_text(row, at++, facts[i], -1, SQLITE_STATIC);
	}
	return at;
}

static void append_tables(struct buf *sql)
{
	buf_append_text(sql, table_sql);
	for (size_t i = 0; i < ARRAY_LEN(level_table); i++) {
		buf_append_text(sql, level_table[i].columns);
		append_columns(level_table[i].level, "", " TEXT", sql);
		buf_append_text(sql, ");");
	}
	buf_append_text(sql, index_sql);
}

/* The inode numbers hang on names, not on ids: like all others they survive
 * anything. */
static void append_nodes(struct buf *sql)
{
	uint64_t root = IX_ROOT;

	for (size_t i = 0; i < ARRAY_LEN(fixed_nodes); i++) {
		uint64_t ino =
			fixed_nodes[i].parent == 0
				? root
				: ix_ident(root, IX_NODE_FOLDER, span_of_text(fixed_nodes[i].name));

		buf_printf(sql,
			   "INSERT INTO node VALUES(%d, %d, %d, '%s', %lld, 0, 0, %d, 0, 0, 0,"
			   " NULL, NULL);",
			   fixed_nodes[i].id, fixed_nodes[i].parent, IX_NODE_FOLDER,
			   fixed_nodes[i].name, (long long)ino,
			   fixed_nodes[i].parent == 0 ? (int)ARRAY_LEN(fixed_nodes) - 1 : 0);
	}
	buf_printf(sql,
		   "INSERT INTO status VALUES(1, %d, '', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,"
		   " 0, 1, %d, 1, 2, 1, 0, '', 0, 0, 0, 0);"
		   "INSERT INTO request VALUES(1, 0, 0);"
		   "INSERT INTO folder VALUES(1, 0, x'', '');",
		   IX_SCAN_NEVER, IX_FIRST_ID);
}

bool ix_schema_create(struct ix_db *db, struct err *err)
{
	struct buf sql CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	append_tables(&sql);
	append_nodes(&sql);
	(void)buf_text(&sql);
	if (!buf_ok(&sql, err))
		return false;
	return ix_db_exec(db, buf_text(&sql), err);
}

bool ix_schema_fingerprint(char text[static IX_FINGERPRINT_SIZE + 1], struct err *err)
{
	struct buf all CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dc_image image = {0};

	append_tables(&all);
	append_nodes(&all);
	dc_image_pack(&image, &all);
	if (!buf_ok(&all, err))
		return false;
	ix_hash_text(ix_hash(buf_span(&all)), IX_FINGERPRINT_SIZE, text);
	return true;
}
