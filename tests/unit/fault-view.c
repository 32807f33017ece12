/* SPDX-License-Identifier: MIT */
#include "fault-view.h"

#include <inttypes.h>

#include <sqlite3.h>

/* ---- Lines -------------------------------------------------------------- */

void lines_add(struct lines *lines, const char *line)
{
	lines->at = realloc(lines->at, (lines->count + 1) * sizeof(*lines->at));
	assert_non_null(lines->at);
	lines->at[lines->count] = strdup(line);
	assert_non_null(lines->at[lines->count++]);
}

static int compare(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

void lines_sort(struct lines *lines)
{
	if (lines->count > 0)
		qsort(lines->at, lines->count, sizeof(*lines->at), compare);
}

bool lines_has(const struct lines *lines, const char *line)
{
	return lines->count > 0 &&
	       bsearch(&line, lines->at, lines->count, sizeof(*lines->at), compare) != NULL;
}

const char *lines_find(const struct lines *lines, const char *text)
{
	size_t size = strlen(text);

	for (size_t i = 0; i < lines->count; i++) {
		if (strncmp(lines->at[i], text, size) == 0 && lines->at[i][size] == '\t')
			return lines->at[i];
	}
	return NULL;
}

bool lines_equal(const struct lines *a, const struct lines *b)
{
	bool equal = a->count == b->count;

	for (size_t i = 0; equal && i < a->count; i++)
		equal = strcmp(a->at[i], b->at[i]) == 0;
	return equal;
}

void lines_print_differences(const struct lines *now, const struct lines *right)
{
	for (size_t i = 0; i < now->count; i++) {
		if (!lines_has(right, now->at[i]))
			print_error("  now:   %s\n", now->at[i]);
	}
	for (size_t i = 0; i < right->count; i++) {
		if (!lines_has(now, right->at[i]))
			print_error("  right: %s\n", right->at[i]);
	}
}

void lines_free(struct lines *lines)
{
	for (size_t i = 0; i < lines->count; i++)
		free(lines->at[i]);
	free(lines->at);
	*lines = (struct lines){0};
}

/* ---- The tree ----------------------------------------------------------- */

/* The text of all lines grows in buffers, which may fail. */
struct walk {
	struct ix_reader *reader;
	struct buf entries, names; /* lines that end in NUL */
	const char *path;          /* of the series */
	uint64_t instances;
	struct ix_node *nodes; /* of the folder that is read */
	size_t count;
	bool no_memory;
};

static bool add_instance(const struct ix_instance *instance, void *context)
{
	struct walk *walk = context;

	walk->instances++;
	for (unsigned i = 0; i < 2; i++) {
		struct buf *out = i == 0 ? &walk->entries : &walk->names;

		buf_printf(out, "%s/%s ino %" PRIx64 " kinds %u of %u frames %u size %" PRIu64,
			   walk->path, instance->name, instance->ident, instance->kinds,
			   instance->measured, instance->frames, instance->size);
		buf_printf(out, " json %" PRIu64 " %u", instance->json_base, instance->json_names);
		if (i == 0)
			buf_printf(out, " times %" PRId64 " %" PRId64, instance->mtime_ns,
				   instance->ctime_ns);
		buf_append_byte(out, '\0');
	}
	return true;
}

static bool keep_node(const struct ix_node *node, void *context)
{
	struct walk *walk = context;
	struct ix_node *larger = realloc(walk->nodes, (walk->count + 1) * sizeof(*larger));

	if (larger == NULL) {
		walk->no_memory = true;
		return false;
	}
	walk->nodes = larger;
	walk->nodes[walk->count++] = *node;
	return true;
}

static void add_node(struct walk *walk, const char *path, const struct ix_node *node)
{
	buf_printf(&walk->names, "%s ino %" PRIx64 " %s", path, node->ino, node->target);
	buf_append_byte(&walk->names, '\0');
	buf_printf(&walk->entries, "%s ino %" PRIx64 " %s", path, node->ino, node->target);
	buf_printf(&walk->entries,
		   " times %" PRId64 " %" PRId64 " folders %u kinds %u multi %u count %" PRIu64,
		   node->mtime_ns, node->ctime_ns, node->subfolders, node->kinds, node->multiframe,
		   node->instances);
	buf_append_byte(&walk->entries, '\0');
}

static bool walk_folder(struct walk *walk, int64_t parent, const char *path, struct err *err);

static bool walk_series(struct walk *walk, const char *path, const struct ix_node *node,
			struct err *err)
{
	walk->path = path;
	walk->instances = 0;
	if (!ix_instances(walk->reader, node->id, UINT32_MAX, 0, add_instance, walk, err))
		return false;
	/* The numbers of one transaction agree; a test reads when nobody writes. */
	assert_int_equal(walk->instances, node->instances);
	assert_true(node->instances > 0);
	return true;
}

static bool walk_nodes(struct walk *walk, const struct ix_node *nodes, size_t count,
		       const char *path, struct err *err)
{
	bool ok = true;

	for (size_t i = 0; ok && i < count; i++) {
		char name[2048];

		(void)snprintf(name, sizeof(name), "%s/%s", path, nodes[i].name);
		add_node(walk, name, &nodes[i]);
		if (nodes[i].type == IX_NODE_FOLDER)
			ok = walk_folder(walk, nodes[i].id, name, err);
		else if (nodes[i].type == IX_NODE_SERIES)
			ok = walk_series(walk, name, &nodes[i], err);
	}
	return ok;
}

static bool walk_folder(struct walk *walk, int64_t parent, const char *path, struct err *err)
{
	struct ix_node *nodes;
	size_t count;
	bool ok;

	walk->nodes = NULL;
	walk->count = 0;
	ok = ix_children(walk->reader, parent, 0, keep_node, walk, err);
	nodes = walk->nodes;
	count = walk->count;
	if (ok && walk->no_memory)
		ok = err_set(err, ERR_NOMEM, "out of memory");
	ok = ok && walk_nodes(walk, nodes, count, path, err);
	free(nodes);
	return ok;
}

static void split(const struct buf *buf, struct lines *lines)
{
	for (size_t at = 0; at < buf->size; at += strlen((const char *)buf->data + at) + 1)
		lines_add(lines, (const char *)buf->data + at);
	lines_sort(lines);
}

bool view_entries(struct ix_reader *reader, struct lines *entries, struct lines *names,
		  struct err *err)
{
	struct walk walk = {
		.reader = reader,
		.entries = buf_empty(BUF_NO_LIMIT),
		.names = buf_empty(BUF_NO_LIMIT),
	};
	bool ok = walk_folder(&walk, IX_ROOT, "", err) && buf_ok(&walk.entries, err) &&
		  buf_ok(&walk.names, err);

	/* Nothing fails here: what is armed has to be disarmed by then. */
	if (ok && entries != NULL) {
		split(&walk.entries, entries);
		split(&walk.names, names);
	}
	buf_release(&walk.entries);
	buf_release(&walk.names);
	return ok;
}

/* ---- All ---------------------------------------------------------------- */

/* Of the tables themselves: no query of ours stands between. */
static void read_files(struct view *view, const char *path)
{
	static const char sql[] =
		"SELECT CAST(d.prefix || f.name AS TEXT) || char(9) || f.state || char(9) ||"
		" ifnull((SELECT group_concat(code || ': ' || reason, '; ') FROM (SELECT code, "
		"reason"
		" FROM problem WHERE file = f.id ORDER BY code)), '')"
		" FROM file f JOIN folder d ON d.id = f.folder";
	sqlite3_stmt *row;
	sqlite3 *db;

	assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &row, NULL), SQLITE_OK);
	while (sqlite3_step(row) == SQLITE_ROW)
		lines_add(&view->files, (const char *)sqlite3_column_text(row, 0));
	assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, "SELECT next_id FROM status", -1, &row, NULL),
			 SQLITE_OK);
	assert_int_equal(sqlite3_step(row), SQLITE_ROW);
	view->next_id = sqlite3_column_int64(row, 0);
	assert_int_equal(sqlite3_finalize(row), SQLITE_OK);
	assert_int_equal(sqlite3_close(db), SQLITE_OK);
	lines_sort(&view->files);
}

static void check_counts(const struct view *view)
{
	const struct ix_counts *counts = &view->counts;
	uint64_t instances = 0;

	for (size_t i = 0; i < view->entries.count; i++)
		instances += strstr(view->entries.at[i], " frames ") != NULL;
	assert_int_equal(counts->instances, instances);
	assert_int_equal(counts->instance_files, instances);
	assert_int_equal(counts->files, counts->instance_files + counts->duplicates +
						counts->skipped + counts->failed + counts->pending);
	/* What a walk has seen and nobody has written yet is pending. */
	assert_true(view->files.count <= counts->files);
	assert_true(counts->files - view->files.count <= counts->pending);
}

void view_read(struct view *view, struct ix_reader *reader, const char *index_path)
{
	struct ix_status status;
	struct err err = {0};

	*view = (struct view){0};
	if (!view_entries(reader, &view->entries, &view->names, &err) ||
	    !ix_status_get(reader, &status, &err))
		fail_msg("%s", err.message);
	view->counts = status.counts;
	view->state = status.state;
	read_files(view, index_path);
	check_counts(view);
}

void view_free(struct view *view)
{
	lines_free(&view->entries);
	lines_free(&view->names);
	lines_free(&view->files);
}

bool view_equal(const struct view *a, const struct view *b)
{
	return lines_equal(&a->entries, &b->entries) && lines_equal(&a->files, &b->files) &&
	       memcmp(&a->counts, &b->counts, sizeof(a->counts)) == 0;
}

static void print_counts(const char *title, const struct view *view)
{
	print_error(
		"  %s: state %d, %u files, %u in the tree, %u duplicates, %u skipped, %u failed, "
		"%u pending, %u notes\n",
		title, view->state, (unsigned)view->counts.files, (unsigned)view->counts.instances,
		(unsigned)view->counts.duplicates, (unsigned)view->counts.skipped,
		(unsigned)view->counts.failed, (unsigned)view->counts.pending,
		(unsigned)view->counts.notes);
}

void view_print_differences(const struct view *now, const struct view *right)
{
	print_counts("now", now);
	print_counts("right", right);
	lines_print_differences(&now->entries, &right->entries);
	lines_print_differences(&now->files, &right->files);
}
