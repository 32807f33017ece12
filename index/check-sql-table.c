/* SPDX-License-Identifier: MIT */
#include "index/check-parts.h"

#define PATH "CAST(d.prefix || f.name AS BLOB)"
#define COUNT(column, rows)                                                                        \
	"SELECT 0 AS id FROM status WHERE " column " <> (SELECT count(*) FROM " rows ")"
#define TWICE(table, columns)                                                                      \
	"SELECT min(id) AS id FROM " table " GROUP BY " columns " HAVING count(*) > 1"

/* Paths of the first sources of entries i. */
#define WITH_PATH " JOIN file f ON f.id = i.file JOIN folder d ON d.id = f.folder"

const struct ix_invariant ix_invariant_table[] = {
	/* ---- Table status ------------------------------------------------ */
	{"count-files", "the number of files is wrong", COUNT("files", "file")},
	{"count-in-tree", "the number of files in the tree is wrong",
	 COUNT("instance_files", "file WHERE state = 1")},
	{"count-duplicates", "the number of duplicates is wrong",
	 COUNT("duplicates", "file WHERE state = 2")},
	{"count-skipped", "the number of skipped files is wrong",
	 COUNT("skipped", "file WHERE state = 3")},
	{"count-failed", "the number of failed files is wrong",
	 COUNT("failed", "file WHERE state = 4")},
	{"count-pending", "the number of pending files is wrong",
	 COUNT("pending", "file WHERE state = 0")},
	{"count-notes", "the number of files with remarks is wrong",
	 "SELECT 0 AS id FROM status WHERE notes <> (SELECT count(DISTINCT p.file) FROM problem p"
	 " JOIN file f ON f.id = p.file WHERE f.state = 1)"},
	{"count-patients", "the number of patients is wrong", COUNT("patients", "patient")},
	{"count-studies", "the number of studies is wrong", COUNT("studies", "study")},
	{"count-series", "the number of series is wrong", COUNT("series", "series")},
	{"count-instances", "the number of instances is wrong", COUNT("instances", "instance")},
	/* 1: a scan is running. */
	{"status-state", "the state of the scan is none",
	 "SELECT 0 AS id FROM status WHERE id <> 1 OR state NOT BETWEEN 0 AND 4 OR queued < 0"
	 " OR (queued > 0 AND state <> 1) OR version < 1"},
	{"next-id", "a row key will be handed out twice",
	 "SELECT 0 AS id FROM status WHERE next_id <= (SELECT ifnull(max(id), 0) FROM node)"
	 " OR next_id <= (SELECT ifnull(max(id), 0) FROM instance)"
	 " OR next_file <= (SELECT ifnull(max(id), 0) FROM file)"
	 " OR next_folder <= (SELECT ifnull(max(id), 0) FROM folder)"
	 " OR next_claim <= (SELECT ifnull(max(id), 0) FROM claim)"},
	{"request-row", "the row for wished scans is missing or wrong",
	 "SELECT 0 AS id WHERE (SELECT count(*) FROM request WHERE done <= wanted) <> 1"},

	/* ---- Folders and files of the store ------------------------------- */
	{"folder-root", "the row of the store itself is missing",
	 "SELECT 1 AS id WHERE NOT EXISTS (SELECT 1 FROM folder WHERE id = 1 AND parent = 0"
	 " AND prefix = x'')"},
	{"folder-parent", "a folder's parent is missing",
	 "SELECT c.id FROM folder c LEFT JOIN folder p ON p.id = c.parent"
	 " WHERE c.id <> 1 AND p.id IS NULL"},
	/* The rest behind the parent's path is a name and one slash, at its end. This
	 * excludes circles too. */
	{"folder-path", "a folder's path is not below that of its parent",
	 "SELECT c.id FROM folder c JOIN folder p ON p.id = c.parent WHERE c.id <> 1"
	 " AND (length(c.prefix) < length(p.prefix) + 2"
	 " OR substr(c.prefix, 1, length(p.prefix)) <> p.prefix"
	 " OR instr(substr(c.prefix, length(p.prefix) + 1), x'2f')"
	 " <> length(c.prefix) - length(p.prefix))"},
	{"folder-twice", "a folder has two rows", TWICE("folder", "parent, prefix")},
	{"file-folder", "a file's folder is missing",
	 "SELECT f.id FROM file f LEFT JOIN folder d ON d.id = f.folder WHERE d.id IS NULL"},
	{"file-name", "a file has no proper name",
	 "SELECT id FROM file WHERE length(name) = 0 OR instr(name, x'2f') > 0"},
	{"file-twice", "a file has two rows", TWICE("file", "folder, name")},
	{"file-state", "a file's state does not fit to what it belongs to",
	 "SELECT id FROM file WHERE state NOT BETWEEN 0 AND 4"
	 " OR (state IN (1, 2)) <> (instance IS NOT NULL)"},
	{"file-instance", "a file is in the tree, but no instance is made of it",
	 "SELECT f.id FROM file f LEFT JOIN instance i ON i.id = f.instance"
	 " WHERE f.state = 1 AND (i.id IS NULL OR i.file <> f.id)"},
	{"file-duplicate", "a duplicate's original is missing or of another size",
	 "SELECT f.id FROM file f LEFT JOIN instance i ON i.id = f.instance"
	 " LEFT JOIN file o ON o.id = i.file"
	 " WHERE f.state = 2 AND (o.id IS NULL OR o.state <> 1 OR i.size <> f.size)"},
	{"duplicate-order", "a duplicate's path is in front of that of its original",
	 "SELECT f.id FROM file f JOIN folder d ON d.id = f.folder"
	 " JOIN instance i ON i.id = f.instance JOIN file o ON o.id = i.file"
	 " JOIN folder e ON e.id = o.folder"
	 " WHERE f.state = 2 AND " PATH " <= CAST(e.prefix || o.name AS BLOB)"},
	{"file-unexplained", "a file is not in the tree, and no line says why",
	 "SELECT f.id FROM file f WHERE f.state IN (2, 3, 4)"
	 " AND NOT EXISTS (SELECT 1 FROM problem p WHERE p.file = f.id)"},
	{"line-file", "a line about no file",
	 "SELECT p.file AS id FROM problem p LEFT JOIN file f ON f.id = p.file"
	 " WHERE f.id IS NULL"},
	{"line-text", "a line that says nothing",
	 "SELECT file AS id FROM problem WHERE code = '' OR (reason = '' AND code <> 'duplicate')"},
	{"line-duplicate", "a line about duplicates of a file that is none, or another one of it",
	 "SELECT f.id FROM problem p JOIN file f ON f.id = p.file"
	 " WHERE (p.code = 'duplicate') <> (f.state = 2)"},

	/* ---- Instances ----------------------------------------------------- */
	{"instance-file", "an instance's file is missing or another's",
	 "SELECT i.id FROM instance i LEFT JOIN file f ON f.id = i.file"
	 " WHERE f.id IS NULL OR f.state <> 1 OR f.instance IS NOT i.id"},
	{"instance-times", "size or times of an instance are not those of its file",
	 "SELECT i.id FROM instance i JOIN file f ON f.id = i.file"
	 " WHERE i.size <> f.size OR i.mtime <> f.mtime OR i.ctime <> f.ctime"},
	{"instance-series", "an instance's series is missing",
	 "SELECT i.id FROM instance i LEFT JOIN series s ON s.id = i.series WHERE s.id IS NULL"},
	{"instance-claim", "an instance's patient and study are not settled",
	 "SELECT i.id FROM instance i LEFT JOIN claim c ON c.id = i.claim WHERE c.id IS NULL"},
	{"instance-study", "an instance is in another study than it should be",
	 "SELECT i.id FROM instance i JOIN series s ON s.id = i.series"
	 " JOIN claim c ON c.id = i.claim WHERE s.study <> c.study"},
	{"instance-name", "an instance has no proper name",
	 "SELECT id FROM instance WHERE name = '' OR instr(name, '/') > 0 OR length(name) > 63"},
	{"instance-twice", "two instances of a series have one name",
	 TWICE("instance", "series, name")},
	{"instance-ident", "an instance has no inode number of its own",
	 "SELECT min(id) AS id FROM instance GROUP BY ident HAVING count(*) > 1 OR ident < 2"},
	{"instance-kinds", "what is known of an instance's files contradicts itself",
	 "SELECT id FROM instance WHERE waiting & ~measured <> 0 OR waiting & kinds <> 0"
	 " OR frames < 1 OR size < 0"},
	/* Of those with one UID in one series the first has the plain name; where there
	 * are several, the content tells them apart. */
	{"instance-plain", "instances of one UID do not share out their names",
	 "SELECT min(i.id) AS id FROM (SELECT uid_hash AS u, series AS s FROM instance"
	 " GROUP BY uid_hash, series HAVING count(*) > 1 OR sum(plain) <> 1) c"
	 " JOIN instance i ON i.uid_hash = c.u AND i.series = c.s"
	 " GROUP BY i.uid_hash, i.series, ifnull(i.sop_uid, i.id) HAVING sum(i.plain) <> 1"
	 " OR (count(*) > 1 AND count(i.content) < count(*))"},
	/* Columns beside min() are those of its row. */
	{"instance-order", "the plain name is not the first file's",
	 "SELECT id FROM (SELECT i.id, i.plain, min(" PATH ") FROM (SELECT uid_hash AS u,"
	 " series AS s FROM instance GROUP BY uid_hash, series HAVING count(*) > 1) c"
	 " JOIN instance i ON i.uid_hash = c.u AND i.series = c.s" WITH_PATH
	 " WHERE i.sop_uid IS NOT NULL"
	 " GROUP BY i.uid_hash, i.series, i.sop_uid) WHERE plain <> 1"},
	{"conflict-silent", "a UID occurs with different bytes, and no line says so",
	 "SELECT i.id FROM (SELECT uid_hash AS u FROM instance GROUP BY uid_hash"
	 " HAVING count(*) > 1) c JOIN instance i ON i.uid_hash = c.u"
	 " WHERE EXISTS (SELECT 1 FROM instance o WHERE o.uid_hash = i.uid_hash"
	 " AND o.sop_uid = i.sop_uid AND o.id <> i.id)"
	 " AND NOT EXISTS (SELECT 1 FROM problem p WHERE p.file = i.file"
	 " AND p.code = 'conflict')"},
	{"conflict-over", "a line about other files of the same UID, and there are none",
	 "SELECT p.file AS id FROM problem p LEFT JOIN instance i ON i.id ="
	 " (SELECT instance FROM file WHERE id = p.file) WHERE p.code = 'conflict'"
	 " AND (i.id IS NULL OR NOT EXISTS (SELECT 1 FROM instance o"
	 " WHERE o.uid_hash = i.uid_hash AND o.sop_uid = i.sop_uid AND o.id <> i.id))"},
	{"measured-instance", "the size of a file of no instance, or of one that has no such file",
	 "SELECT m.instance AS id FROM measured m LEFT JOIN instance i ON i.id = m.instance"
	 " WHERE i.id IS NULL OR i.measured >> m.kind & 1 = 0 OR i.kinds >> m.kind & 1 = 0"
	 " OR m.frame < 0 OR m.frame >= i.frames OR m.size < 1"},
	{"measured-missing", "a file of an instance has no size",
	 "SELECT i.id FROM instance i WHERE i.measured & i.kinds <> 0"
	 " AND NOT EXISTS (SELECT 1 FROM measured m WHERE m.instance = i.id)"},

	/* ---- Whose an instance is ------------------------------------------ */
	{"claim-count", "the number of instances of a patient in a study is wrong",
	 "SELECT c.id FROM claim c LEFT JOIN (SELECT claim, count(*) AS n FROM instance"
	 " GROUP BY claim) i ON i.claim = c.id WHERE c.refs < 1 OR c.refs <> ifnull(i.n, 0)"},
	{"claim-study", "a patient's study is missing",
	 "SELECT c.id FROM claim c LEFT JOIN study t ON t.id = c.study WHERE t.id IS NULL"},
	{"claim-joined", "what a patient was joined with is missing",
	 "SELECT c.id FROM claim c LEFT JOIN claim j ON j.id = c.joined WHERE j.id IS NULL"},
	{"patient-node", "a patient has no folder",
	 "SELECT p.id FROM patient p LEFT JOIN node n ON n.id = p.id"
	 " WHERE n.id IS NULL OR n.parent <> 2 OR n.type <> 0"},
	{"node-patient", "a folder of a patient who is missing",
	 "SELECT n.id FROM node n LEFT JOIN patient p ON p.id = n.id"
	 " WHERE n.parent = 2 AND p.id IS NULL"},
	{"study-node", "a study has no folder in that of its patient",
	 "SELECT t.id FROM study t LEFT JOIN node n ON n.id = t.id LEFT JOIN patient p"
	 " ON p.id = t.patient"
	 " WHERE n.id IS NULL OR p.id IS NULL OR n.parent <> t.patient OR n.type <> 0"},
	{"node-study", "a folder of a study that is missing",
	 "SELECT n.id FROM node n JOIN patient p ON p.id = n.parent"
	 " LEFT JOIN study t ON t.id = n.id WHERE t.id IS NULL"},
	{"series-node", "a series has no folder in that of its study",
	 "SELECT s.id FROM series s LEFT JOIN node n ON n.id = s.id LEFT JOIN study t"
	 " ON t.id = s.study"
	 " WHERE n.id IS NULL OR t.id IS NULL OR n.parent <> s.study OR n.type <> 1"},
	{"node-series", "a folder of a series that is missing",
	 "SELECT n.id FROM node n LEFT JOIN series s ON s.id = n.id"
	 " WHERE n.type = 1 AND s.id IS NULL"
	 " UNION SELECT n.id FROM node n JOIN study t ON t.id = n.parent WHERE n.type <> 1"},
	{"study-plain", "studies of one UID do not share out their links",
	 "SELECT min(id) AS id FROM study GROUP BY uid_hash HAVING sum(plain) <> 1"},
	{"study-order", "the plain link is not the first study's",
	 "SELECT id FROM (SELECT id, plain, min(path) FROM (SELECT t.id, t.plain, t.uid_hash,"
	 " (SELECT min(" PATH ") FROM node n JOIN instance i ON i.series = n.id" WITH_PATH
	 " WHERE n.parent = t.id) AS path FROM study t WHERE t.uid_hash IN (SELECT uid_hash"
	 " FROM study GROUP BY uid_hash HAVING count(*) > 1)) GROUP BY uid_hash)"
	 " WHERE plain <> 1"},

	/* ---- The tree -------------------------------------------------------- */
	{"node-parent", "a parent in the tree is missing or no folder",
	 "SELECT n.id FROM node n LEFT JOIN node p ON p.id = n.parent"
	 " WHERE n.id <> 1 AND (p.id IS NULL OR p.type <> 0)"},
	{"node-lost", "a part of the tree that is not below its root",
	 "WITH RECURSIVE tree(id) AS (VALUES(1) UNION SELECT n.id FROM tree"
	 " JOIN node n ON n.parent = tree.id)"
	 " SELECT id FROM node WHERE id NOT IN (SELECT id FROM tree)"},
	{"node-name", "an entry of the tree has no proper name",
	 "SELECT id FROM node WHERE id <> 1 AND (name IN ('', '.', '..')"
	 " OR instr(name, '/') > 0 OR length(CAST(name AS BLOB)) > 255)"},
	{"node-twice", "two entries of a folder have one name", TWICE("node", "parent, name")},
	{"node-ino", "an entry of the tree has no inode number of its own",
	 "SELECT min(id) AS id FROM node GROUP BY ino HAVING count(*) > 1 OR ino < 1"
	 " OR (ino < 2 AND min(id) <> 1)"},
	{"node-type", "an entry of the tree is neither folder nor series nor link",
	 "SELECT id FROM node WHERE type NOT BETWEEN 0 AND 2"
	 " OR (type = 2) <> (target IS NOT NULL) OR (type = 2) <> (owner IS NOT NULL)"
	 " OR (type <> 1 AND (kinds <> 0 OR multiframe <> 0 OR instances <> 0))"
	 " OR (type = 2 AND subfolders <> 0)"},
	{"folder-content", "times or number of folders of a folder are not those of its content",
	 "SELECT n.id FROM node n LEFT JOIN (SELECT parent, max(mtime) AS m, max(ctime) AS c,"
	 " sum(type <> 2) AS folders FROM node GROUP BY parent) x ON x.parent = n.id"
	 " WHERE n.type = 0 AND (n.subfolders <> ifnull(x.folders, 0)"
	 " OR (n.id < 64 AND (n.mtime <> max(0, ifnull(x.m, 0))"
	 " OR n.ctime <> max(0, ifnull(x.c, 0))))"
	 " OR (n.id >= 64 AND (n.mtime IS NOT x.m OR n.ctime IS NOT x.c)))"},
	{"folder-empty", "a folder of the tree is empty",
	 "SELECT n.id FROM node n WHERE n.type = 0 AND n.id >= 64"
	 " AND NOT EXISTS (SELECT 1 FROM node c WHERE c.parent = n.id)"},
	{"link-owner", "what a link leads to is missing, or has other times",
	 "SELECT n.id FROM node n LEFT JOIN node o ON o.id = n.owner WHERE n.type = 2"
	 " AND (o.id IS NULL OR o.mtime <> n.mtime OR o.ctime <> n.ctime"
	 " OR (NOT EXISTS (SELECT 1 FROM study WHERE id = o.id)"
	 " AND NOT EXISTS (SELECT 1 FROM series WHERE id = o.id)))"},
	/* As many ../ as there are folders around it, then the names. */
	{"link-target", "a link leads elsewhere",
	 "WITH RECURSIVE tree(id, up) AS (VALUES(1, '') UNION ALL SELECT n.id, tree.up || '../'"
	 " FROM tree JOIN node n ON n.parent = tree.id AND n.type = 0"
	 " WHERE length(tree.up) < 300)"
	 " SELECT n.id FROM node n JOIN tree ON tree.id = n.parent"
	 " JOIN node o ON o.id = n.owner JOIN node p ON p.id = o.parent"
	 " LEFT JOIN node q ON q.id = p.parent WHERE n.type = 2 AND n.target <> tree.up"
	 " || 'patients/' || CASE o.type WHEN 1 THEN q.name || '/' ELSE '' END"
	 " || p.name || '/' || o.name"},
};
const size_t ix_invariant_count = ARRAY_LEN(ix_invariant_table);
