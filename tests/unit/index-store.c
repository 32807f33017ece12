/* SPDX-License-Identifier: MIT */
#include "index-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/check.h"
#include "index/db.h"
#include "tests/tools/dicom-write.h"

/* ---- Files -------------------------------------------------------------- */

static void remove_tree(int parent, const char *name)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
	DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *entry;

	while (dir != NULL && (entry = readdir(dir)) != NULL) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (unlinkat(fd, entry->d_name, 0) != 0)
			remove_tree(fd, entry->d_name);
	}
	if (dir != NULL)
		(void)closedir(dir);
	(void)unlinkat(parent, name, AT_REMOVEDIR);
}

static void count_changes(const struct ix_change *changes, size_t count, void *context)
{
	struct store *store = context;

	store->changes += count;
	for (size_t i = 0; i < count; i++)
		store->changes_of[changes[i].type]++;
}

/* Stands for the renderer: .dcm and .json of everything, a picture where there
 * is pixel data. */
static bool measure(struct dc_dataset *dataset, const struct dc_facts *facts, uint64_t size,
		    void *context, struct ix_measured *measured, struct err *err)
{
	struct store *store = context;

	(void)dataset;
	(void)err;
	store->measured++;
	measured->kinds = 3 | (facts->image.pixel_tag != 0 ? PNG_KIND : 0);
	measured->json_base = size / 2;
	measured->json_names = 1;
	if (strcmp(dc_fact(facts, DC_FACT_MODALITY), "XX") == 0)
		(void)err_set(&measured->note, ERR_UNSUPPORTED, "no codec");
	return true;
}

void store_make(struct store *store)
{
	const char *tmp = getenv("TMPDIR");

	memset(store, 0, sizeof(*store));
	(void)snprintf(store->base, sizeof(store->base), "%.30s/dicomfs-test-XXXXXX",
		       tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(store->base));
	(void)snprintf(store->root, sizeof(store->root), "%s/store", store->base);
	(void)snprintf(store->path, sizeof(store->path), "%s/index/i.sqlite", store->base);
	assert_int_equal(mkdir(store->root, 0700), 0);
	store->fd = open(store->root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(store->fd >= 0);
	store->options = (struct ix_scan_options){
		.store_fd = store->fd,
		.threads = 2,
		.measure = measure,
		.measure_context = store,
		.changed = count_changes,
		.changed_context = store,
	};
}

void store_remove(struct store *store)
{
	store_close(store);
	(void)close(store->fd);
	remove_tree(AT_FDCWD, store->base);
}

const char *store_path(const struct store *store, const char *path, char out[static PATH_MAX])
{
	(void)snprintf(out, PATH_MAX, "%s/%s", store->root, path);
	return out;
}

static void make_folders(struct store *store, const char *path)
{
	char folder[PATH_MAX];

	(void)snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		assert_true(mkdirat(store->fd, folder, 0700) == 0 || errno == EEXIST);
		*slash = '/';
	}
}

void store_put_bytes(struct store *store, const char *path, struct span bytes)
{
	int fd;

	make_folders(store, path);
	fd = openat(store->fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
	(void)close(fd);
}

static void put_text(struct dw_writer *w, uint32_t tag, const char *vr, const char *text,
		     const char *usual)
{
	const char *value = text != NULL ? text : usual;

	if (value[0] != '\0')
		dw_text(w, tag, vr, value);
}

static void put_pixels(struct dw_writer *w, unsigned frames)
{
	static const uint16_t pixels[64];
	char text[16];

	(void)snprintf(text, sizeof(text), "%u", frames);
	dw_number(w, DW_TAG(0x0028, 0x0002), "US", 1);
	dw_text(w, DW_TAG(0x0028, 0x0004), "CS", "MONOCHROME2");
	if (frames > 1)
		dw_text(w, DW_TAG(0x0028, 0x0008), "IS", text);
	dw_number(w, DW_TAG(0x0028, 0x0010), "US", 2);
	dw_number(w, DW_TAG(0x0028, 0x0011), "US", 2);
	dw_number(w, DW_TAG(0x0028, 0x0100), "US", 16);
	dw_number(w, DW_TAG(0x0028, 0x0101), "US", 12);
	dw_number(w, DW_TAG(0x0028, 0x0102), "US", 11);
	dw_number(w, DW_TAG(0x0028, 0x0103), "US", 0);
	dw_words(w, DW_PIXEL_DATA, "OW", pixels, MIN_OF(frames * 4, ARRAY_LEN(pixels)));
}

void store_put(struct store *store, const char *path, const struct words *words)
{
	static const char sop_class[] = "1.2.840.10008.5.1.4.1.1.2";
	struct buf out CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct dw_writer w;

	dw_preamble(&out, NULL);
	dw_meta(&out, sop_class, words->sop != NULL && words->sop[0] != '\0' ? words->sop : "1.9",
		"1.2.840.10008.1.2.1");
	dw_init(&w, &out, DW_EXPLICIT_LE);
	dw_text(&w, DW_TAG(0x0008, 0x0016), "UI", sop_class);
	put_text(&w, DW_TAG(0x0008, 0x0018), "UI", words->sop, "1.2.3.1");
	put_text(&w, DW_TAG(0x0008, 0x0020), "DA", words->date, "20240115");
	put_text(&w, DW_TAG(0x0008, 0x0030), "TM", NULL, "101500");
	put_text(&w, DW_TAG(0x0008, 0x0050), "SH", words->accession, "");
	put_text(&w, DW_TAG(0x0008, 0x0060), "CS", words->modality, "CT");
	put_text(&w, DW_TAG(0x0008, 0x1030), "LO", NULL, "Thorax");
	put_text(&w, DW_TAG(0x0010, 0x0010), "PN", words->patient, "Doe^Jane");
	put_text(&w, DW_TAG(0x0010, 0x0020), "LO", words->id, "PAT1");
	put_text(&w, DW_TAG(0x0010, 0x0021), "LO", words->issuer, "");
	put_text(&w, DW_TAG(0x0010, 0x0030), "DA", words->birth, "19700131");
	put_text(&w, DW_TAG(0x0020, 0x000d), "UI", words->study, "1.2.3");
	put_text(&w, DW_TAG(0x0020, 0x000e), "UI", words->series, "1.2.3.0");
	put_text(&w, DW_TAG(0x0020, 0x0011), "IS", NULL, "3");
	put_text(&w, DW_TAG(0x0020, 0x0013), "IS", words->number, "1");
	put_text(&w, DW_TAG(0x0020, 0x4000), "LT", words->comment, "");
	if (words->frames > 0)
		put_pixels(&w, words->frames);
	assert_true(buf_ok(&out, NULL));
	store_put_bytes(store, path, buf_span(&out));
}

void store_delete(struct store *store, const char *path)
{
	if (unlinkat(store->fd, path, 0) != 0)
		remove_tree(store->fd, path);
}

void store_move(struct store *store, const char *from, const char *to)
{
	make_folders(store, to);
	assert_int_equal(renameat(store->fd, from, store->fd, to), 0);
}

/* ---- Index -------------------------------------------------------------- */

void store_open(struct store *store, bool rebuild)
{
	struct ix_options options = {
		.path = store->path,
		.store = store->root,
		.variant = "",
		.rebuild = rebuild,
		.must_write = true,
		.frame_kinds = PNG_KIND,
	};
	struct err err = {0};

	if (!ix_open(&store->index, &options, &err))
		fail_msg("%s", err.message);
	if (!ix_reader_open(&store->reader, store->index, &err))
		fail_msg("%s", err.message);
}

void store_close(struct store *store)
{
	ix_reader_close(store->reader);
	ix_close(store->index);
	store->reader = NULL;
	store->index = NULL;
}

void store_sql(struct store *store, const char *text)
{
	struct ix_db db CLEANUP_DB = {0};
	struct err err = {0};

	store_close(store);
	if (!ix_db_open(&db, store->path, IX_DB_WRITE, &err) || !ix_db_exec(&db, text, &err))
		fail_msg("%s", err.message);
}

struct ix_status store_status(struct store *store)
{
	struct ix_status status;
	struct err err = {0};

	if (!ix_status_get(store->reader, &status, &err))
		fail_msg("%s", err.message);
	return status;
}

static void note_damage(const char *code, const char *says, uint64_t count, int64_t row,
			void *context)
{
	buf_printf(context, "%s (%" PRIu64 ", row %" PRId64 "): %s\n", code, count, row, says);
}

static void note_difference(enum ix_difference difference, const char *path, uint64_t files,
			    void *context)
{
	buf_printf(context, "difference %u (%" PRIu64 "): %s\n", difference, files, path);
}

/* whole: with the store, too. */
static void check_index(struct store *store, bool whole)
{
	struct buf said CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	struct ix_check_options options = {
		.index = {.path = store->path,
			  .store = store->root,
			  .variant = "",
			  .frame_kinds = PNG_KIND},
		.scan = store->options,
		.damage = note_damage,
		.difference = note_difference,
		.context = &said,
	};
	struct ix_check_result result;
	struct err err = {0};

	if (!ix_check(&options, &result, &err))
		fail_msg("%s", err.message);
	/* A lost store stays in the index. */
	if (result.damaged ||
	    (whole && result.differs && result.status.state != IX_SCAN_SUSPICIOUS))
		fail_msg("%s", buf_text(&said));
}

void store_check(struct store *store)
{
	check_index(store, true);
}

static void begin_scan(struct store *store)
{
	if (store->index == NULL)
		store_open(store, false);
	store->changes = 0;
	memset(store->changes_of, 0, sizeof(store->changes_of));
	store->measured = 0;
}

static void check_counts(struct store *store)
{
	struct ix_counts counts = store_status(store).counts;

	assert_int_equal(counts.files, counts.instance_files + counts.duplicates + counts.skipped +
					       counts.failed + counts.pending);
	assert_int_equal(counts.instance_files, counts.instances);
	assert_int_equal(counts.pending, 0);
}

void store_scan(struct store *store)
{
	struct err err = {0};

	begin_scan(store);
	if (!ix_scan(store->index, &store->options, &err))
		fail_msg("%s", err.message);
	check_counts(store);
	check_index(store, true);
}

void store_scan_paths(struct store *store, const char *const *paths, size_t count, bool *whole)
{
	struct err err = {0};

	begin_scan(store);
	if (!ix_scan_paths(store->index, &store->options, paths, count, whole, &err))
		fail_msg("%s", err.message);
	check_counts(store);
	check_index(store, false);
}

/* ---- Text --------------------------------------------------------------- */

struct lines {
	char **lines;
	size_t count;
};

static PRINTF_LIKE(2, 3) void add_line(struct lines *lines, const char *format, ...)
{
	char text[4096];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	lines->lines = realloc(lines->lines, (lines->count + 1) * sizeof(*lines->lines));
	assert_non_null(lines->lines);
	lines->lines[lines->count++] = strdup(text);
}

static int compare_lines(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

static char *join_lines(struct lines *lines, bool sort)
{
	struct buf all CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	char *text;

	if (sort && lines->count > 0)
		qsort(lines->lines, lines->count, sizeof(*lines->lines), compare_lines);
	for (size_t i = 0; i < lines->count; i++) {
		buf_append_text(&all, lines->lines[i]);
		buf_append_byte(&all, '\n');
		free(lines->lines[i]);
	}
	free(lines->lines);
	text = strdup(buf_text(&all));
	assert_non_null(text);
	return text;
}

struct listing {
	struct ix_node *nodes;
	size_t count;
};

static bool keep_node(const struct ix_node *node, void *context)
{
	struct listing *listing = context;

	if (listing->count > 0)
		assert_true(listing->nodes[listing->count - 1].id < node->id);
	listing->nodes = realloc(listing->nodes, (listing->count + 1) * sizeof(*listing->nodes));
	assert_non_null(listing->nodes);
	listing->nodes[listing->count++] = *node;
	return true;
}

struct printing {
	struct store *store;
	struct lines lines;
	const char *path;
	size_t instances;
};

static bool print_instance(const struct ix_instance *instance, void *context)
{
	struct printing *p = context;

	p->instances++;
	add_line(&p->lines,
		 "%s/%s ino %" PRIx64 " kinds %u frames %u size %" PRIu64 " times %" PRId64
		 " %" PRId64,
		 p->path, instance->name, instance->ident, instance->kinds, instance->frames,
		 instance->size, instance->mtime_ns, instance->ctime_ns);
	return true;
}

static void print_node(struct printing *p, const struct ix_node *node, const char *name)
{
	assert_true(node->ino > 1 && node->ino <= INT64_MAX);
	add_line(&p->lines,
		 "%s ino %" PRIx64 " times %" PRId64 " %" PRId64
		 " folders %u kinds %u multi %u count %" PRIu64 " %s",
		 name, node->ino, node->mtime_ns, node->ctime_ns, node->subfolders, node->kinds,
		 node->multiframe, node->instances, node->target);
}

static bool print_series(struct printing *p, const struct ix_node *series, const char *name,
			 struct err *err)
{
	p->path = name;
	p->instances = 0;
	if (!ix_instances(p->store->reader, series->id, UINT32_MAX, 0, print_instance, p, err))
		return false;
	assert_int_equal(p->instances, series->instances);
	assert_true(p->instances > 0);
	return true;
}

static bool print_tree(struct printing *p, int64_t parent, const char *path, struct err *err)
{
	struct listing listing = {0};
	bool ok = ix_children(p->store->reader, parent, 0, keep_node, &listing, err);

	for (size_t i = 0; ok && i < listing.count; i++) {
		const struct ix_node *node = &listing.nodes[i];
		char name[2048];

		(void)snprintf(name, sizeof(name), "%s/%s", path, node->name);
		print_node(p, node, name);
		if (node->type == IX_NODE_FOLDER)
			ok = print_tree(p, node->id, name, err);
		else if (node->type == IX_NODE_SERIES)
			ok = print_series(p, node, name, err);
	}
	free(listing.nodes);
	return ok;
}

bool store_try_tree(struct store *store, char **tree, struct err *err)
{
	struct printing p = {.store = store};
	bool ok = print_tree(&p, IX_ROOT, "", err);

	*tree = join_lines(&p.lines, true);
	return ok;
}

char *store_tree(struct store *store)
{
	struct err err = {0};
	char *tree;

	if (!store_try_tree(store, &tree, &err))
		fail_msg("%s", err.message);
	return tree;
}

static bool print_problem(const struct ix_problem *problem, void *context)
{
	add_line(context, "%s [%s]", problem->path, problem->code);
	assert_true(problem->reason[0] != '\0');
	return true;
}

char *store_problems(struct store *store)
{
	struct lines lines = {0};
	struct err err = {0};

	if (!ix_problems(store->reader, print_problem, &lines, &err))
		fail_msg("%s", err.message);
	return join_lines(&lines, false);
}

/* ---- By path ------------------------------------------------------------ */

bool store_find(struct store *store, const char *path, struct ix_node *node)
{
	struct err err = {0};
	char name[IX_NAME_MAX + 1];
	int64_t at = IX_ROOT;

	while (*path != '\0') {
		size_t size = strcspn(path, "/");

		(void)snprintf(name, sizeof(name), "%.*s", (int)size, path);
		if (!ix_lookup(store->reader, at, name, node, &err)) {
			assert_int_equal(err.code, ERR_NOTFOUND);
			return false;
		}
		at = node->id;
		path += size + (path[size] == '/');
	}
	return true;
}

bool store_find_instance(struct store *store, const char *path, struct ix_instance *instance)
{
	const char *name = strrchr(path, '/');
	char series[1024];
	struct ix_node node;
	struct err err = {0};

	(void)snprintf(series, sizeof(series), "%.*s", (int)(name - path), path);
	if (!store_find(store, series, &node))
		return false;
	if (!ix_instance_lookup(store->reader, node.id, name + 1, instance, &err)) {
		assert_int_equal(err.code, ERR_NOTFOUND);
		return false;
	}
	return true;
}

/* ---- Expectations -------------------------------------------------------- */

void store_expect_problems(struct store *store, const char *expected)
{
	char *problems = store_problems(store);

	assert_string_equal(problems, expected);
	free(problems);
}

struct ix_node store_node(struct store *store, const char *path)
{
	struct ix_node node;

	if (!store_find(store, path, &node))
		fail_msg("no %s in\n%s", path, store_tree(store));
	return node;
}

struct ix_instance store_instance(struct store *store, const char *path)
{
	struct ix_instance instance;

	if (!store_find_instance(store, path, &instance))
		fail_msg("no %s in\n%s", path, store_tree(store));
	return instance;
}

void store_expect_none(struct store *store, const char *path)
{
	struct ix_node node;

	assert_false(store_find(store, path, &node));
}

/* A rebuild gives the same tree; only then is the one at hand right. */
void store_expect_like_rebuilt(struct store *store)
{
	char *before = store_tree(store), *after;
	char *problems = store_problems(store), *again;
	struct ix_counts a = store_status(store).counts, b;

	store_close(store);
	store_open(store, true);
	store_scan(store);
	after = store_tree(store);
	again = store_problems(store);
	b = store_status(store).counts;
	assert_string_equal(before, after);
	assert_string_equal(problems, again);
	assert_memory_equal(&a, &b, sizeof(a));
	free(before);
	free(after);
	free(problems);
	free(again);
}

void store_touch(struct store *store, const char *path, time_t seconds)
{
	const struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};

	assert_int_equal(utimensat(store->fd, path, times, AT_SYMLINK_NOFOLLOW), 0);
}
