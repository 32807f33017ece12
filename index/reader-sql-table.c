/* SPDX-License-Identifier: MIT */
#include "index/reader.h"

#define NODE                                                                                       \
	"id, parent, type, name, ino, mtime, ctime, subfolders, kinds, multiframe, instances, "    \
	"target"
#define INSTANCE_LISTED                                                                            \
	"id, series, name, ident, kinds, frames, size, mtime, ctime, json_base, json_names, "      \
	"image, measured, waiting"
#define INSTANCE INSTANCE_LISTED ", sop_class, sop_uid"
#define SOURCE "f.id, CAST(d.prefix || f.name AS BLOB) AS path, f.size, f.inode, f.mtime, f.ctime"

/* The first file below a patient or a study. */
#define FIRST_PATH                                                                                 \
	"(SELECT min(CAST(d.prefix || f.name AS BLOB)) FROM instance i"                            \
	" JOIN file f ON f.id = i.file JOIN folder d ON d.id = f.folder WHERE i.series IN "
#define SHARED_NUMBER                                                                              \
	"(SELECT number_hash FROM patient WHERE number_hash IS NOT NULL GROUP BY number_hash"      \
	" HAVING count(*) > 1)"
#define SHARED_STUDY "(SELECT uid_hash FROM study GROUP BY uid_hash HAVING count(*) > 1)"

const char *const ix_read_sql_table[IX_R_COUNT] = {
	[IX_R_EPOCH] = "SELECT value FROM meta WHERE key = 'epoch'",
	[IX_R_NODE_GET] = "SELECT " NODE " FROM node WHERE id = ?",
	[IX_R_NODE_LOOKUP] = "SELECT " NODE " FROM node WHERE parent = ? AND name = ?",
	[IX_R_NODE_CHILDREN] = "SELECT " NODE " FROM node INDEXED BY node_parent"
			       " WHERE parent = ? AND id > ? ORDER BY id",
	[IX_R_INSTANCE_GET] = "SELECT " INSTANCE " FROM instance WHERE id = ?",
	[IX_R_INSTANCE_LOOKUP] = "SELECT " INSTANCE " FROM instance WHERE series = ? AND name = ?",
	[IX_R_INSTANCE_LIST] = "SELECT " INSTANCE_LISTED " FROM instance INDEXED BY instance_series"
			       " WHERE series = ? AND id > ? AND (kinds & ?) <> 0 ORDER BY id",
	[IX_R_SOURCE_FIRST] = "SELECT " SOURCE " FROM instance i JOIN file f ON f.id = i.file"
			      " JOIN folder d ON d.id = f.folder WHERE i.id = ?",
	[IX_R_SOURCE_OTHER] =
		"SELECT " SOURCE " FROM file f JOIN folder d ON d.id = f.folder"
		" WHERE f.instance = ? AND f.state = 2 ORDER BY path LIMIT 1 OFFSET ?",
	[IX_R_WAITING] = "SELECT " INSTANCE " FROM instance INDEXED BY instance_waiting"
			 " WHERE waiting <> 0 AND id > ? ORDER BY id LIMIT 1",
	[IX_R_WAITING_COUNT] = "SELECT count(*) FROM instance INDEXED BY instance_waiting"
			       " WHERE waiting <> 0",
	[IX_R_MEASURED] = "SELECT size FROM measured WHERE instance = ? AND kind = ? AND frame = ?",
	[IX_R_STATUS] =
		"SELECT state, reason, files, instance_files, duplicates, skipped, failed, pending,"
		" notes, patients, studies, series, instances, queued, started, ended, changed,"
		" version, watching, watch_reason, watched, rescan, scan_files, scan_ns,"
		" (SELECT done FROM request) FROM status",
	[IX_R_PROBLEMS] =
		"SELECT CAST(d.prefix || f.name AS BLOB), p.code, CASE p.code WHEN 'duplicate' THEN"
		" 'the same bytes as ' || (SELECT e.prefix || g.name FROM instance i"
		" JOIN file g ON g.id = i.file JOIN folder e ON e.id = g.folder"
		" WHERE i.id = f.instance) ELSE p.reason END"
		" FROM problem p JOIN file f ON f.id = p.file JOIN folder d ON d.id = f.folder"
		" UNION ALL SELECT " FIRST_PATH
		"(SELECT s.id FROM node t JOIN node s ON s.parent = t.id"
		" WHERE t.parent = p.id)), 'patient-conflict', 'the Patient ID is also there with "
		"another"
		" name or birth date: kept apart' FROM patient p WHERE p.number_hash "
		"IN " SHARED_NUMBER " UNION ALL SELECT " FIRST_PATH
		"(SELECT s.id FROM node s WHERE s.parent = t.id)),"
		" 'study-conflict', 'the study is also there under another patient: shown under "
		"each'"
		" FROM study t WHERE t.uid_hash IN " SHARED_STUDY " ORDER BY 1, 2",
	[IX_R_PROBLEM_COUNTS] = "SELECT code, count(*) FROM problem GROUP BY code"
				" UNION ALL SELECT 'patient-conflict', count(*) FROM patient"
				" WHERE number_hash IN " SHARED_NUMBER
				" UNION ALL SELECT 'study-conflict', count(*)"
				" FROM study WHERE uid_hash IN " SHARED_STUDY " ORDER BY 1",
};
