/* SPDX-License-Identifier: MIT */
#include "fault-store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "index/schema.h"
#include "index/vfs.h"

/* Files that can be missing one at a time. */
static const char *const paths[] = {
	"p1/a",        "p1/b",      "p1/copy of a", "p1/other b", "p1/third",        "p2/multi",
	"p2/replaced", "p3/old",    "p3/new",       "p4/added",   "deep/er/er/file", "deep/gone",
	"broken/cut",  "anonymous", "out-file",     "out/inside",
};

/* ---- Files -------------------------------------------------------------- */

static void put_cut(struct store *store)
{
	uint8_t bytes[345];
	char path[PATH_MAX];
	int fd;

	store_put(store, "broken/cut", &(struct words){.sop = "1.9", .series = "1.2.3.9"});
	fd = open(store_path(store, "broken/cut", path), O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes));
	(void)close(fd);
	store_put_bytes(store, "broken/cut", span_of(bytes, sizeof(bytes)));
}

static void put_links(struct store *store)
{
	char outside[160];
	struct store other = {.fd = -1};

	/* Behind links out of the store: a folder and a file. */
	(void)snprintf(outside, sizeof(outside), "%s/outside", store->base);
	assert_int_equal(mkdir(outside, 0700), 0);
	other.fd = open(outside, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	store_put(&other, "folder/inside", &(struct words){.sop = "8.1", .series = "1.2.3.8"});
	store_put(&other, "file", &(struct words){.sop = "8.2", .series = "1.2.3.8"});
	(void)close(other.fd);
	(void)snprintf(outside, sizeof(outside), "%s/outside/folder", store->base);
	assert_int_equal(symlinkat(outside, store->fd, "out"), 0);
	assert_int_equal(symlinkat(outside, store->fd, "out-again"), 0);
	(void)snprintf(outside, sizeof(outside), "%s/outside/file", store->base);
	assert_int_equal(symlinkat(outside, store->fd, "out-file"), 0);
	assert_int_equal(symlinkat("p1/a", store->fd, "link"), 0);
	assert_int_equal(symlinkat("nowhere", store->fd, "link-broken"), 0);
}

static void put_first(struct store *store)
{
	store_put(store, "p1/a", &(struct words){.sop = "1.1", .frames = 1});
	store_put(store, "p1/copy of a", &(struct words){.sop = "1.1", .frames = 1});
	store_put(store, "p1/b", &(struct words){.sop = "1.2", .number = "2"});
	store_put(store, "p1/other b",
		  &(struct words){.sop = "1.2", .number = "2", .comment = "other bytes"});
	store_put(store, "p2/replaced",
		  &(struct words){.sop = "2.1",
				  .patient = "Roe^Ann",
				  .id = "PAT2",
				  .study = "2",
				  .accession = "ACC2"});
	store_put(store, "p2/multi",
		  &(struct words){.sop = "2.2",
				  .patient = "Roe^Ann",
				  .id = "PAT2",
				  .study = "2",
				  .accession = "ACC2",
				  .frames = 3});
	store_put(store, "p3/old", &(struct words){.sop = "3.1", .id = "PAT3", .study = "3"});
	store_put(store, "deep/er/er/file", &(struct words){.sop = "4.1", .series = "1.2.3.4"});
	store_put(store, "deep/gone", &(struct words){.sop = "4.2", .series = "1.2.3.4"});
	store_put(store, "anonymous", &(struct words){.sop = "5.1", .id = "", .study = "5"});
	store_put_bytes(store, "broken/text", span_of_text("not a DICOM file"));
	store_put_bytes(store, "broken/empty", span_of_text(""));
	put_cut(store);
	put_links(store);
}

/* Added, removed, replaced, renamed. */
static void change(struct store *store)
{
	store_put(store, "p1/third", &(struct words){.sop = "1.3", .number = "3"});
	store_put(store, "p4/added",
		  &(struct words){.sop = "6.1", .id = "PAT4", .study = "6", .modality = "MR"});
	store_delete(store, "deep/gone");
	store_put(store, "p2/new bytes",
		  &(struct words){.sop = "2.1",
				  .patient = "Roe^Ann",
				  .id = "PAT2",
				  .study = "2",
				  .accession = "ACC2",
				  .comment = "other bytes of another length"});
	store_move(store, "p2/new bytes", "p2/replaced");
	store_move(store, "p3/old", "p3/new");
}

/* ---- Indexes ------------------------------------------------------------ */

static void copy_file(const char *from, const char *to)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	int fd = open(from, O_RDONLY | O_CLOEXEC);
	uint8_t block[16384];
	ssize_t got;

	if (fd < 0) {
		assert_int_equal(errno, ENOENT);
		return;
	}
	while ((got = read(fd, block, sizeof(block))) > 0)
		buf_append(&bytes, block, (size_t)got);
	(void)close(fd);
	fd = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	assert_true(write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
	(void)close(fd);
}

static void empty_folder(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;

	if (dir == NULL)
		return;
	while ((entry = readdir(dir)) != NULL)
		(void)unlinkat(dirfd(dir), entry->d_name, 0);
	(void)closedir(dir);
}

/* What an index is, while nobody has it open; the last is all that is left of a
 * lost one. */
static const char *const suffixes[] = {"", IX_SUMS_SUFFIX, "-ids"};

static void copy_index(const char *from, const char *to, size_t first)
{
	for (size_t i = first; i < ARRAY_LEN(suffixes); i++) {
		char a[192], b[192];

		(void)snprintf(a, sizeof(a), "%s%s", from, suffixes[i]);
		(void)snprintf(b, sizeof(b), "%s%s", to, suffixes[i]);
		copy_file(a, b);
	}
}

void fault_store_restore(struct fault_store *fs, enum fault_start start, const char *from)
{
	char folder[128], mark[160];

	(void)snprintf(folder, sizeof(folder), "%s/index", fs->store.base);
	empty_folder(folder);
	if (start == FAULT_START_NEW) {
		(void)rmdir(folder);
		return;
	}
	copy_index(from, fs->store.path, start == FAULT_START_LOST ? ARRAY_LEN(suffixes) - 1 : 0);
	(void)snprintf(mark, sizeof(mark), "%s-damaged", fs->store.path);
	if (start == FAULT_START_MARKED)
		copy_file("/dev/null", mark);
}

static void make_store(struct store *store)
{
	store_make(store);
	store->options.threads = 1;
	store->options.follow = true;
}

/* A name depends on its neighbours where they have one UID: so each file is
 * missing once. Of a store of its own: moving a file changes its times. */
static void add_names(struct fault_store *fs, bool changed)
{
	struct store store;

	make_store(&store);
	put_first(&store);
	if (changed)
		change(&store);
	for (size_t i = 0; i <= ARRAY_LEN(paths); i++) {
		const char *path = i < ARRAY_LEN(paths) ? paths[i] : NULL;
		struct view view;

		if (path != NULL && renameat(store.fd, path, store.fd, "../aside") != 0)
			continue;
		store_open(&store, true);
		store_scan(&store);
		view_read(&view, store.reader, store.path);
		store_close(&store);
		for (size_t j = 0; j < view.names.count; j++)
			lines_add(&fs->names, view.names.at[j]);
		view_free(&view);
		if (path != NULL)
			assert_int_equal(renameat(store.fd, "../aside", store.fd, path), 0);
	}
	store_remove(&store);
}

/* The index that a scan without faults makes, and what it shows. */
static void make_index(struct fault_store *fs, const char *to, struct view *view)
{
	store_scan(&fs->store);
	view_read(view, fs->store.reader, fs->store.path);
	store_close(&fs->store);
	copy_index(fs->store.path, to, 0);
}

void fault_store_make(struct fault_store *fs)
{
	struct store *store = &fs->store;

	*fs = (struct fault_store){0};
	add_names(fs, false);
	add_names(fs, true);
	lines_sort(&fs->names);
	make_store(store);
	(void)snprintf(fs->before, sizeof(fs->before), "%s/before", store->base);
	(void)snprintf(fs->after, sizeof(fs->after), "%s/after", store->base);
	put_first(store);
	make_index(fs, fs->before, &fs->view_before);
	change(store);
	make_index(fs, fs->after, &fs->view_after);
}

void fault_store_remove(struct fault_store *fs)
{
	store_remove(&fs->store);
	view_free(&fs->view_before);
	view_free(&fs->view_after);
	lines_free(&fs->names);
}

/* ---- Judging ------------------------------------------------------------ */

bool fault_store_is_true(const struct fault_store *fs, const struct view *now)
{
	for (size_t i = 0; i < now->names.count; i++) {
		if (lines_has(&fs->names, now->names.at[i]))
			continue;
		print_error("not in a true tree: %s\n", now->names.at[i]);
		return false;
	}
	return true;
}

static enum ix_file_state state_of(const char *row)
{
	return (enum ix_file_state)(strchr(row, '\t')[1] - '0');
}

static bool has_reason(const char *row)
{
	return strrchr(row, '\t')[1] != '\0';
}

/* A folder around the path has a line that it could not be read. */
static bool is_excused(const struct view *now, const char *path)
{
	char folder[256];

	(void)snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash; (slash = strrchr(folder, '/')) != NULL;) {
		const char *row;

		*slash = '\0';
		row = lines_find(&now->files, folder);
		if (row != NULL && state_of(row) == IX_FILE_FAILED && has_reason(row))
			return true;
	}
	return false;
}

/* Of two links to one folder, the second is followed where the first cannot be. */
static bool is_other_way(const struct view *now, const char *path)
{
	const char *first = lines_find(&now->files, "out-again");

	return first != NULL && state_of(first) == IX_FILE_FAILED && has_reason(first) &&
	       (strcmp(path, "out") == 0 || strcmp(path, "out/inside") == 0);
}

static bool in_tree(const char *row)
{
	return state_of(row) == IX_FILE_INSTANCE || state_of(row) == IX_FILE_DUPLICATE;
}

/* Of one file of the store: its row without a fault, and now. */
static bool is_row_right(const struct view *now, const char *path, const char *right,
			 const char *row)
{
	if (row == NULL)
		return is_excused(now, path) || is_other_way(now, path);
	if (strcmp(right, row) == 0)
		return true;
	if (state_of(row) == IX_FILE_PENDING || state_of(row) == IX_FILE_FAILED)
		return has_reason(row);
	/* Who is the first, and who has a namesake, depends on the others. */
	return in_tree(row) && in_tree(right);
}

bool fault_store_is_accounted(const struct fault_store *fs, const struct view *now)
{
	const struct lines *files = &fs->view_after.files;
	char path[256];

	for (size_t i = 0; i < files->count; i++) {
		const char *row;

		(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(files->at[i], "\t"),
			       files->at[i]);
		row = lines_find(&now->files, path);
		if (is_row_right(now, path, files->at[i], row))
			continue;
		print_error("instead of: %s\nnow:        %s\n", files->at[i],
			    row != NULL ? row : "(no row)");
		return false;
	}
	for (size_t i = 0; i < now->files.count; i++) {
		const char *row = now->files.at[i];

		(void)snprintf(path, sizeof(path), "%.*s", (int)strcspn(row, "\t"), row);
		/* Of a file that was there before, nobody can tell perhaps that it is gone. */
		if (lines_find(files, path) != NULL ||
		    (in_tree(row) && lines_find(&fs->view_before.files, path) != NULL) ||
		    is_excused(now, path) || is_other_way(now, path) ||
		    (state_of(row) == IX_FILE_FAILED && has_reason(row)))
			continue;
		print_error("not in the store: %s\n", row);
		return false;
	}
	return true;
}
