/* SPDX-License-Identifier: MIT */
#include "index/writer-sql.h"

#include "index/schema.h"

/* The order of paths is the order of bytes. */
#define PATH "CAST(d.prefix || f.name AS BLOB)"

static const char *const sql_table[IX_W_COUNT] = {
	[IX_W_BEGIN] = "BEGIN IMMEDIATE",
	[IX_W_COMMIT] = "COMMIT",
	[IX_W_ROLLBACK] = "ROLLBACK",
	[IX_W_STATUS_LOAD] =
		"SELECT state, reason, files, instance_files, duplicates, skipped, failed, pending,"
		" notes, patients, studies, series, instances, started, ended, changed, version,"
		" next_id, next_file, next_folder, next_claim, scan_files, scan_ns FROM status",
	[IX_W_STATUS_SAVE] =
		"UPDATE status SET state = ?, reason = ?, files = ?, instance_files = ?,"
		" duplicates = ?, skipped = ?, failed = ?, pending = ?, queued = ?, notes = ?,"
		" patients = ?, studies = ?, series = ?, instances = ?, started = ?, ended = ?,"
		" changed = ?, version = ?, next_id = ?, next_file = ?, next_folder = ?,"
		" next_claim = ?, watching = ?, watch_reason = ?, watched = ?, rescan = ?,"
		" scan_files = ?, scan_ns = ?",
	[IX_W_REQUEST_GET] = "SELECT wanted > done FROM request",
	[IX_W_REQUEST_DONE] = "UPDATE request SET done = wanted WHERE done <> wanted",

	[IX_W_NODE_INSERT] =
		"INSERT OR IGNORE INTO node VALUES(?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, ?, ?)",
	[IX_W_NODE_GET] = "SELECT parent, type, name, ino, mtime, ctime, subfolders, kinds,"
			  " multiframe, instances FROM node WHERE id = ?",
	[IX_W_NODE_FIND] = "SELECT id, type FROM node WHERE parent = ? AND name = ?",
	[IX_W_NODE_UPDATE] = "UPDATE node SET mtime = ?, ctime = ?, subfolders = ?, kinds = ?,"
			     " multiframe = ?, instances = ? WHERE id = ?",
	[IX_W_NODE_DELETE] = "DELETE FROM node WHERE id = ?",
	[IX_W_NODE_CONTENT] = "SELECT count(*), max(mtime), max(ctime), total(type <> 2) FROM node"
			      " WHERE parent = ?",
	[IX_W_SERIES_CONTENT] = "SELECT kinds, frames, mtime, ctime FROM instance WHERE series = ?",

	[IX_W_PATIENT_FIND] = "SELECT p.id, p.key, n.ino, n.name FROM patient p"
			      " JOIN node n ON n.id = p.id WHERE p.key_hash = ?",
	[IX_W_PATIENT_DELETE] = "DELETE FROM patient WHERE id = ?",
	[IX_W_STUDY_FIND] = "SELECT s.id, s.key, n.ino, n.name FROM study s"
			    " JOIN node n ON n.id = s.id WHERE s.uid_hash = ? AND s.patient = ?",
	[IX_W_STUDY_OTHER] = "SELECT 1 FROM study WHERE uid_hash = ? AND patient <> ? LIMIT 1",
	[IX_W_STUDY_ALL] = "SELECT id, plain FROM study WHERE uid_hash = ?",
	[IX_W_STUDY_GET] = "SELECT uid_hash, key, plain, links FROM study WHERE id = ?",
	[IX_W_STUDY_LINKS] = "UPDATE study SET plain = ?, links = ? WHERE id = ?",
	[IX_W_STUDY_DELETE] = "DELETE FROM study WHERE id = ?",
	[IX_W_STUDY_FIRST] = "SELECT min(" PATH ") FROM node n JOIN instance i ON i.series = n.id"
			     " JOIN file f ON f.id = i.file JOIN folder d ON d.id = f.folder"
			     " WHERE n.parent = ?",
	[IX_W_SERIES_FIND] = "SELECT s.id, s.key, n.ino FROM series s JOIN node n ON n.id = s.id"
			     " WHERE s.study = ? AND s.uid_hash = ?",
	[IX_W_SERIES_GET] = "SELECT links FROM series WHERE id = ?",
	[IX_W_SERIES_NEXT] = "SELECT id FROM series WHERE study = ? LIMIT 1",
	[IX_W_SERIES_DELETE] = "DELETE FROM series WHERE id = ?",
	[IX_W_CLAIM_EXACT] = "SELECT id, joined, study FROM claim WHERE person_hash = ?"
			     " AND birth = ? AND issuer = ? AND person = ?",
	[IX_W_CLAIM_OF_BIRTH] = "SELECT issuer, birth, person FROM claim WHERE person_hash = ?"
				" AND birth = ?",
	[IX_W_CLAIM_OF_ISSUER] = "SELECT issuer, birth, person FROM claim WHERE person_hash = ?"
				 " AND issuer = ?",
	[IX_W_CLAIM_OF_PERSON] = "SELECT issuer, birth, person FROM claim WHERE person_hash = ?",
	[IX_W_CLAIM_GET] = "SELECT person_hash, person, issuer, birth, refs FROM claim"
			   " WHERE id = ?",
	[IX_W_CLAIM_INSERT] = "INSERT INTO claim VALUES(?, ?, ?, ?, ?, ?, ?, 0)",
	[IX_W_CLAIM_ADD] = "UPDATE claim SET refs = refs + ? WHERE id = ?",
	[IX_W_CLAIM_DELETE] = "DELETE FROM claim WHERE id = ?",
	[IX_W_CLAIM_FILE] = "SELECT i.file FROM node n JOIN instance i ON i.series = n.id"
			    " WHERE n.parent = ? AND i.claim = ? LIMIT 1",

	[IX_W_UID_ANY] = "SELECT id, file FROM instance WHERE uid_hash = ? AND sop_uid = ? LIMIT 3",
	[IX_W_GROUP_ANY] = "SELECT id FROM instance WHERE uid_hash = ? AND series = ?"
			   " AND sop_uid = ? LIMIT 2",
	[IX_W_GROUP_CONTENT] = "SELECT id FROM instance WHERE uid_hash = ? AND series = ?"
			       " AND plain IN (0, 1) AND content = ? AND size = ? AND sop_uid = ?"
			       " AND id > ? ORDER BY id LIMIT 1",
	[IX_W_GROUP_PLAIN] = "SELECT id FROM instance WHERE uid_hash = ? AND series = ?"
			     " AND plain = 1 AND sop_uid = ?",
	[IX_W_GROUP_FIRST] = "SELECT i.id, " PATH " AS path FROM instance i"
			     " JOIN file f ON f.id = i.file JOIN folder d ON d.id = f.folder"
			     " WHERE i.uid_hash = ? AND i.series = ? AND i.sop_uid = ?"
			     " ORDER BY path LIMIT 1",
	[IX_W_ENTRY_GET] =
		"SELECT i.series, i.uid_hash, i.plain, i.content, i.name, i.file, i.claim,"
		" i.kinds, i.frames, i.size, i.mtime, i.ctime, i.sop_uid, i.number, " PATH
		" FROM instance i JOIN file f ON f.id = i.file"
		" JOIN folder d ON d.id = f.folder WHERE i.id = ?",
	[IX_W_ENTRY_DELETE] = "DELETE FROM instance WHERE id = ?",
	[IX_W_ENTRY_SET_CONTENT] = "UPDATE instance SET content = ? WHERE id = ?",
	[IX_W_ENTRY_SET_NAME] = "UPDATE OR IGNORE instance SET id = ?, name = ?, ident = ?,"
				" plain = ? WHERE id = ?",
	[IX_W_ENTRY_SET_FILE] = "UPDATE instance SET id = ?, file = ?, mtime = ?, ctime = ?"
				" WHERE id = ?",
	[IX_W_ENTRY_DUPLICATE] = "SELECT f.id, " PATH " AS path FROM file f"
				 " JOIN folder d ON d.id = f.folder"
				 " WHERE f.instance = ? AND f.state = 2 ORDER BY path LIMIT 1",

	[IX_W_MEASURED_SET] = "INSERT OR REPLACE INTO measured VALUES(?, ?, ?, ?)",
	[IX_W_MEASURED_MOVE] = "UPDATE measured SET instance = ? WHERE instance = ?",
	[IX_W_MEASURED_DROP] = "DELETE FROM measured WHERE instance = ?",
	[IX_W_MEASURED_WAITING] = "SELECT waiting, series, kinds, frames, mtime, ctime, name"
				  " FROM instance WHERE id = ?",
	[IX_W_MEASURED_DONE] = "UPDATE instance SET waiting = ?, kinds = ? WHERE id = ?",

	[IX_W_FOLDER_INSERT] = "INSERT OR IGNORE INTO folder VALUES(?, ?, ?, ?)",
	[IX_W_FOLDER_DISK] = "UPDATE folder SET disk = ? WHERE id = ?",
	[IX_W_FILE_LINK] = "SELECT " PATH ", f.size, f.mtime, f.ctime FROM file f"
			   " JOIN folder d ON d.id = f.folder WHERE f.inode = ? AND f.id <> ?",
	[IX_W_FILE_GET] = "SELECT f.size, f.inode, f.mtime, f.ctime, f.state, f.instance, " PATH
			  " FROM file f JOIN folder d ON d.id = f.folder WHERE f.id = ?",
	[IX_W_FILE_FIND] = "SELECT id FROM file WHERE folder = ? AND name = ?",
	[IX_W_FILE_INSERT] = "INSERT INTO file VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[IX_W_FILE_UPDATE] = "UPDATE file SET size = ?, inode = ?, mtime = ?, ctime = ?, state = ?,"
			     " instance = ? WHERE id = ?",
	[IX_W_FILE_SET_STATE] = "UPDATE file SET state = ?, instance = ? WHERE id = ?",
	[IX_W_FILE_SET_INSTANCE] = "UPDATE file SET instance = ? WHERE id = ?",
	[IX_W_FILE_SET_DUPLICATES] =
		"UPDATE file SET instance = ? WHERE instance = ? AND state = 2",
	[IX_W_FILE_DELETE] = "DELETE FROM file WHERE id = ?",
	[IX_W_FILE_PENDING] = "SELECT id FROM file WHERE state = 0 AND id > ? ORDER BY id LIMIT 1",
	[IX_W_FILE_PLACE] = "SELECT f.folder, f.name, d.prefix FROM file f"
			    " JOIN folder d ON d.id = f.folder WHERE f.id = ?",
	[IX_W_FILE_DISKS] =
		"WITH RECURSIVE up(id) AS (SELECT folder FROM file WHERE id = ? UNION ALL"
		" SELECT d.parent FROM up JOIN folder d ON d.id = up.id)"
		" SELECT d.prefix, d.disk FROM up JOIN folder d ON d.id = up.id WHERE d.id <> 1",
	[IX_W_PROBLEM_SET] = "INSERT OR REPLACE INTO problem VALUES(?, ?, ?)",
	[IX_W_PROBLEM_GET] = "SELECT reason FROM problem WHERE file = ? AND code = ?",
	[IX_W_PROBLEM_ANY] = "SELECT 1 FROM problem WHERE file = ? LIMIT 1",
	[IX_W_PROBLEM_MOVE] = "UPDATE OR REPLACE problem SET file = ? WHERE file = ?",
	[IX_W_PROBLEM_DROP] = "DELETE FROM problem WHERE file = ? AND code = ?",
	[IX_W_PROBLEM_CLEAR] = "DELETE FROM problem WHERE file = ?",

	[IX_W_GONE_FILE] = "INSERT OR REPLACE INTO gone SELECT " PATH ", f.id FROM file f"
			   " JOIN folder d ON d.id = f.folder WHERE f.id = ?",
	[IX_W_GONE_FOLDERS] = "WITH RECURSIVE below(id) AS (VALUES(?) UNION ALL"
			      " SELECT c.id FROM below JOIN folder c ON c.parent = below.id)"
			      " INSERT OR IGNORE INTO gone_folder SELECT id FROM below",
	[IX_W_GONE_FOLDER_FILES] =
		"WITH RECURSIVE below(id) AS (VALUES(?) UNION ALL"
		" SELECT c.id FROM below JOIN folder c ON c.parent = below.id)"
		" INSERT OR REPLACE INTO gone SELECT " PATH ", f.id FROM below"
		" JOIN folder d ON d.id = below.id JOIN file f ON f.folder = below.id",
	[IX_W_GONE_LAST] = "SELECT path, file FROM gone ORDER BY path DESC LIMIT 1",
	[IX_W_GONE_FOLDER_DROP] =
		"DELETE FROM folder WHERE id IN (SELECT id FROM gone_folder)"
		" AND NOT EXISTS (SELECT 1 FROM file f WHERE f.folder = folder.id)"
		" AND NOT EXISTS (SELECT 1 FROM folder c WHERE c.parent = folder.id)",
	[IX_W_GONE_DROP] = "DELETE FROM gone WHERE path = ?",
	[IX_W_GONE_COUNT] = "SELECT count(*) FROM gone",
	[IX_W_META_GET] = "SELECT value FROM meta WHERE key = ?",
	[IX_W_META_SET] = "INSERT OR REPLACE INTO meta VALUES(?, ?)",
};

static bool prepare_insert(struct ix_db *db, enum ix_write_sql statement, enum dc_level level,
			   const char *start, struct err *err)
{
	struct buf sql CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	buf_append_text(&sql, start);
	ix_schema_placeholders(level, &sql);
	buf_append_text(&sql, ")");
	(void)buf_text(&sql);
	return buf_ok(&sql, err) && ix_db_prepare_one(db, statement, buf_text(&sql), err);
}

static bool prepare_place_facts(struct ix_db *db, struct err *err)
{
	struct buf sql CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	buf_append_text(&sql, "SELECT 0");
	ix_schema_columns(DC_LEVEL_PATIENT, "p.", &sql);
	ix_schema_columns(DC_LEVEL_STUDY, "t.", &sql);
	ix_schema_columns(DC_LEVEL_SERIES, "s.", &sql);
	buf_append_text(&sql, " FROM series s JOIN study t ON t.id = s.study"
			      " JOIN node n ON n.id = t.id JOIN patient p ON p.id = n.parent"
			      " WHERE s.id = ?");
	(void)buf_text(&sql);
	return buf_ok(&sql, err) && ix_db_prepare_one(db, IX_W_PLACE_FACTS, buf_text(&sql), err);
}

bool ix_write_sql_prepare(struct ix_db *db, struct err *err)
{
	return ix_db_prepare(db, sql_table, ARRAY_LEN(sql_table), err) &&
	       prepare_insert(db, IX_W_PATIENT_INSERT, DC_LEVEL_PATIENT,
			      "INSERT INTO patient VALUES(?, ?, ?, ?", err) &&
	       prepare_insert(db, IX_W_STUDY_INSERT, DC_LEVEL_STUDY,
			      "INSERT INTO study VALUES(?, ?, ?, ?, ?, ?", err) &&
	       prepare_insert(db, IX_W_SERIES_INSERT, DC_LEVEL_SERIES,
			      "INSERT INTO series VALUES(?, ?, ?, ?, ?", err) &&
	       prepare_insert(
		       db, IX_W_ENTRY_INSERT, DC_LEVEL_INSTANCE,
		       "INSERT OR IGNORE INTO instance VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,"
		       " ?, ?, ?, ?, ?, ?, ?, ?",
		       err) &&
	       prepare_place_facts(db, err);
}
