/* SPDX-License-Identifier: MIT */
#include "index/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "index/dirty.h"
#include "index/index.h"
#include "index/listing.h"
#include "index/walk-rows.h"

/* Each level holds a descriptor and its listing. */
#define DEPTH_MAX 200
/* The walk reads in transactions of so many steps: opening one for each row
 * costs more than the row, and one for all would keep the writer's log from
 * being folded back. */
#define STEPS_A_SNAPSHOT 512
/* struct ix_source can hold it. */
#define PATH_SIZE_MAX 4095

struct level {
	struct ix_folder *folder;
	struct ix_listing listing;
	size_t next;
	bool known;    /* the index may have rows of it */
	bool complete; /* all entries were listed: what has a row and no entry is gone */
	bool outside;  /* behind a link that leads out of the store */
	struct ix_walk_rows files, folders;
};

struct walker {
	struct ix_walk *walk;
	struct ix_db db;
	struct level levels[DEPTH_MAX];
	size_t depth;
	unsigned steps;       /* in this snapshot */
	char store[PATH_MAX]; /* real path */
	/* Folders met behind links, by a hash of device and inode, and the store
	 * itself: none is walked twice. */
	struct ix_dirty_set visited;
	struct err *err;
};

static bool out_of_ring(struct walker *w)
{
	/* The writer gave up and knows why. */
	w->walk->stopped = true;
	return false;
}

static bool is_stopped(struct walker *w)
{
	const atomic_bool *stop = w->walk->options->stop;

	if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed))
		w->walk->stopped = true;
	return w->walk->stopped;
}

/* ---- Jobs --------------------------------------------------------------- */

static struct ix_job *put_file(struct walker *w, struct level *level, enum ix_job_type type,
			       const char *name, int64_t row)
{
	struct ix_job *job = ix_ring_put(w->walk->ring, type, level->folder);

	if (job == NULL) {
		(void)out_of_ring(w);
		return NULL;
	}
	job->file = row;
	(void)snprintf(job->name, sizeof(job->name), "%s", name);
	if (row == 0)
		(void)atomic_fetch_add_explicit(&w->walk->fresh, 1, memory_order_relaxed);
	return job;
}

static bool put_gone(struct walker *w, enum ix_job_type type, int64_t row)
{
	struct ix_job *job = ix_ring_put(w->walk->ring, type, NULL);

	if (job == NULL)
		return out_of_ring(w);
	job->file = row;
	return true;
}

static bool put_record(struct walker *w, struct level *level, const char *name, int64_t row,
		       const struct stat *st, enum ix_outcome outcome, const char *code,
		       const char *reason)
{
	struct ix_job *job = put_file(w, level, IX_JOB_RECORD, name, row);

	if (job == NULL)
		return false;
	memset(&job->result.print, 0, sizeof(job->result.print));
	if (st != NULL)
		job->result.print = ix_fingerprint_of(st);
	ix_result_set(&job->result, outcome, code, "%s", reason);
	return true;
}

static bool path_fits(const struct level *level, const char *name)
{
	return strlen(level->folder->prefix) + strlen(name) <= PATH_SIZE_MAX;
}

/* ---- Rows --------------------------------------------------------------- */

/* A row without an entry. A folder that could not be opened has a row among the
 * files, which enter_folder() looks after. */
static bool drop_file_row(struct walker *w, struct level *level, const struct ix_walk_row *row)
{
	if (!level->complete || ix_listing_has_folder(&level->listing, row->name))
		return true;
	return put_gone(w, IX_JOB_GONE_FILE, row->id);
}

/* The row of an entry, NULL when it is new; those before it are gone. name
 * NULL: all that are left are. */
static bool match_file(struct walker *w, struct level *level, const char *name,
		       struct ix_walk_row **match)
{
	*match = NULL;
	while (level->known) {
		struct ix_walk_row *row;
		int order;

		if (!ix_walk_rows_peek(&level->files, &w->db, &row, w->err))
			return false;
		order = row == NULL ? 1 : name == NULL ? -1 : strcmp(row->name, name);
		if (order > 0)
			return true;
		ix_walk_rows_next(&level->files);
		if (order == 0) {
			*match = row;
			return true;
		}
		if (!drop_file_row(w, level, row))
			return false;
	}
	return true;
}

static int compare_folders(const char *a, const char *b)
{
	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	return (*a == '\0' ? '/' : (unsigned char)*a) - (*b == '\0' ? '/' : (unsigned char)*b);
}

/* Likewise for folders, which sort with their slash. */
static bool match_folder(struct walker *w, struct level *level, const char *name, int64_t *id)
{
	*id = 0;
	while (level->known) {
		struct ix_walk_row *row;
		int order;

		if (!ix_walk_rows_peek(&level->folders, &w->db, &row, w->err))
			return false;
		order = row == NULL ? 1 : name == NULL ? -1 : compare_folders(row->name, name);
		/* Two equal names end in the same slash. */
		if (order > 0)
			return true;
		ix_walk_rows_next(&level->folders);
		if (order == 0) {
			*id = row->id;
			return true;
		}
		if (level->complete && !put_gone(w, IX_JOB_GONE_FOLDER, row->id))
			return false;
	}
	return true;
}

/* ---- Folders ------------------------------------------------------------ */

static uint64_t folder_key(const struct stat *st)
{
	return ((uint64_t)st->st_dev * UINT64_C(0x9e3779b97f4a7c15)) ^
	       ((uint64_t)st->st_ino * UINT64_C(0xc2b2ae3d27d4eb4f));
}

static bool was_visited(struct walker *w, int fd, bool *visited)
{
	size_t before = w->visited.count;
	struct stat st;

	*visited = false;
	if (fstat(fd, &st) != 0)
		return true;
	if (ix_dirty_touch(&w->visited, (int64_t)folder_key(&st)) == NULL)
		return err_set(w->err, ERR_NOMEM, "out of memory");
	*visited = w->visited.count == before;
	return true;
}

static void pop_level(struct walker *w)
{
	struct level *level = &w->levels[--w->depth];

	ix_folder_unref(level->folder);
	ix_listing_release(&level->listing);
	ix_walk_rows_release(&level->files);
	ix_walk_rows_release(&level->folders);
}

/* A folder that cannot be gone into has a line among the files of the one
 * around it; what the index knows below it stays. */
static bool refuse_folder(struct walker *w, struct level *level, const char *name,
			  enum ix_outcome outcome, const char *code, const char *reason)
{
	int64_t row = 0;

	if (level->known && !ix_walk_find_file(&w->db, level->folder->id, name, &row, w->err))
		return false;
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	return put_record(w, level, name, row, NULL, outcome, code, reason);
}

/* Takes the descriptor over. id 0: a new folder. */
static bool push_level(struct walker *w, int fd, const char *parent_prefix, const char *name,
		       int64_t parent, int64_t id, bool outside)
{
	struct ix_folder *folder = calloc(1, sizeof(*folder));
	struct level *level = &w->levels[w->depth];
	struct err err = {0};
	size_t size = strlen(parent_prefix) + strlen(name) + 2;

	if (folder == NULL) {
		base_close_fd(&fd);
		return err_set(w->err, ERR_NOMEM, "out of memory");
	}
	atomic_init(&folder->refs, 1);
	folder->fd = fd;
	folder->parent = parent;
	folder->id = id != 0 ? id : w->walk->next_folder++;
	folder->prefix = malloc(size);
	memset(level, 0, sizeof(*level));
	level->folder = folder;
	level->known = id != 0;
	level->outside = outside;
	w->depth++;
	if (folder->prefix == NULL)
		return err_set(w->err, ERR_NOMEM, "out of memory");
	(void)snprintf(folder->prefix, size, "%s%s%s", parent_prefix, name,
		       name[0] != '\0' ? "/" : "");
	ix_walk_rows_init(&level->files, IX_K_FILES, folder->id, folder->prefix);
	ix_walk_rows_init(&level->folders, IX_K_FOLDERS, folder->id, folder->prefix);
	if (id == 0 && ix_ring_put(w->walk->ring, IX_JOB_NEW_FOLDER, folder) == NULL)
		return out_of_ring(w);
	level->complete = ix_listing_read(&level->listing, fd, w->walk->options->follow, &err);
	if (level->complete)
		return true;
	if (err.code == ERR_NOMEM || w->depth == 1)
		return err_set(w->err, err.code, "%s", err.message);
	/* What was listed is walked; what the index has of the rest stays. */
	return refuse_folder(w, level - 1, name, IX_OUTCOME_FAILED, "unreadable", err.message);
}

static bool enter_folder(struct walker *w, struct level *level, const char *name, bool link)
{
	const struct ix_folder *folder = level->folder;
	int64_t id, refused = 0;
	bool visited = false;
	char reason[160];
	int fd;

	if (!match_folder(w, level, name, &id))
		return false;
	if (w->depth == DEPTH_MAX)
		return refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
				     "folders are nested too deep");
	if (!path_fits(level, name))
		return refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
				     "the path is too long");
	fd = ix_open_folder(folder->fd, name, link);
	if (fd < 0) {
		char text[96];

		if (errno == ENOENT)
			return true;
		(void)snprintf(reason, sizeof(reason), "folder cannot be opened: %s",
			       strerror_r(errno, text, sizeof(text)));
		return refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable", reason);
	}
	if ((link || level->outside) && !was_visited(w, fd, &visited)) {
		base_close_fd(&fd);
		return false;
	}
	if (visited) {
		base_close_fd(&fd);
		return refuse_folder(w, level, name, IX_OUTCOME_SKIPPED, "link",
				     "the same folder as another one in the tree");
	}
	if (!push_level(w, fd, folder->prefix, name, folder->id, id, level->outside || link))
		return false;
	/* It may have been refused in an earlier scan. */
	if (!level->known || !w->levels[w->depth - 1].complete)
		return true;
	return ix_walk_find_file(&w->db, folder->id, name, &refused, w->err) &&
	       (refused == 0 || put_gone(w, IX_JOB_GONE_FILE, refused));
}

/* ---- Links -------------------------------------------------------------- */

enum link_target { LINK_BROKEN, LINK_INSIDE, LINK_OUTSIDE };

/* Where a link leads, by the kernel's word for what it resolves to. */
static enum link_target follow_link(struct walker *w, const struct level *level, const char *name)
{
	int fd CLEANUP_FD = openat(level->folder->fd, name, O_PATH | O_CLOEXEC);
	char proc[64], real[PATH_MAX];
	size_t size = strlen(w->store);
	ssize_t got;

	if (fd < 0)
		return LINK_BROKEN;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	got = readlink(proc, real, sizeof(real) - 1);
	if (got <= 0)
		return LINK_OUTSIDE;
	real[got] = '\0';
	/* Of a store that is / (or not to be told) the text is empty: all is inside. */
	if (strncmp(real, w->store, size) == 0 && (real[size] == '/' || real[size] == '\0'))
		return LINK_INSIDE;
	return LINK_OUTSIDE;
}

/* The reason why a link is not followed; NULL: it is. */
static const char *refuse_link(struct walker *w, const struct level *level, const char *name)
{
	switch (follow_link(w, level, name)) {
	case LINK_BROKEN:
		return "the link leads nowhere";
	case LINK_INSIDE:
		return "the link leads to another place in the store";
	case LINK_OUTSIDE:
		break;
	}
	return w->walk->options->follow ? NULL
					: "the link leads out of the store (see option follow)";
}

/* ---- Files -------------------------------------------------------------- */

static bool visit_file(struct walker *w, struct level *level, const char *name, bool link)
{
	struct ix_walk_row *row;
	struct stat st;
	struct ix_fingerprint now;
	struct ix_job *job;

	if (!match_file(w, level, name, &row))
		return false;
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	if (!path_fits(level, name))
		return put_record(w, level, name, row != NULL ? row->id : 0, NULL,
				  IX_OUTCOME_FAILED, "unreadable", "the path is too long");
	/* A new file is asked for its fingerprint once it is open. */
	if (row != NULL && row->state != IX_FILE_PENDING &&
	    fstatat(level->folder->fd, name, &st, link ? 0 : AT_SYMLINK_NOFOLLOW) == 0) {
		now = ix_fingerprint_of(&st);
		if (ix_fingerprint_equals(&now, &row->print)) {
			(void)atomic_fetch_add_explicit(&w->walk->bytes, now.size,
							memory_order_relaxed);
			return true;
		}
	}
	job = put_file(w, level, IX_JOB_PARSE, name, row != NULL ? row->id : 0);
	if (job == NULL)
		return false;
	job->follow = link;
	return true;
}

static bool visit_other(struct walker *w, struct level *level, const char *name, const char *code,
			const char *reason)
{
	struct ix_walk_row *row;
	struct stat st;

	if (!match_file(w, level, name, &row))
		return false;
	if (fstatat(level->folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return row == NULL || put_gone(w, IX_JOB_GONE_FILE, row->id);
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	return put_record(w, level, name, row != NULL ? row->id : 0, &st, IX_OUTCOME_SKIPPED, code,
			  reason);
}

static bool visit_entry(struct walker *w, struct level *level, size_t at)
{
	const char *name = ix_listing_name(&level->listing, at), *reason;

	switch ((enum ix_entry_type)level->listing.entries[at].type) {
	case IX_ENTRY_FILE:
		return visit_file(w, level, name, false);
	case IX_ENTRY_FOLDER:
		return enter_folder(w, level, name, false);
	case IX_ENTRY_LINK:
		reason = refuse_link(w, level, name);
		if (reason != NULL)
			return visit_other(w, level, name, "link", reason);
		return visit_file(w, level, name, true);
	case IX_ENTRY_LINK_FOLDER:
		reason = refuse_link(w, level, name);
		if (reason != NULL)
			return refuse_folder(w, level, name, IX_OUTCOME_SKIPPED, "link", reason);
		return enter_folder(w, level, name, true);
	case IX_ENTRY_SPECIAL:
		break;
	}
	return visit_other(w, level, name, "special", "not a regular file");
}

/* ---- The walk ----------------------------------------------------------- */

static bool renew_snapshot(struct walker *w)
{
	if (++w->steps < STEPS_A_SNAPSHOT)
		return true;
	w->steps = 0;
	return ix_db_exec(&w->db, "COMMIT; BEGIN", w->err);
}

static bool walk_on(struct walker *w)
{
	if (!ix_db_exec(&w->db, "BEGIN", w->err))
		return false;
	while (w->depth > 0) {
		struct level *level = &w->levels[w->depth - 1];
		struct ix_walk_row *row;
		int64_t id;

		if (is_stopped(w) || !renew_snapshot(w))
			return false;
		if (level->next < level->listing.count) {
			if (!visit_entry(w, level, level->next++))
				return false;
			continue;
		}
		if (!match_file(w, level, NULL, &row) || !match_folder(w, level, NULL, &id))
			return false;
		pop_level(w);
	}
	return true;
}

static bool start(struct walker *w)
{
	int fd = ix_open_folder(w->walk->options->store_fd, ".", false);
	char proc[64];
	ssize_t got;
	bool ignored;

	if (fd < 0)
		return err_set_sys(w->err, errno, "the store cannot be read");
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	got = readlink(proc, w->store, sizeof(w->store) - 1);
	w->store[got > 0 ? got : 0] = '\0';
	if (strcmp(w->store, "/") == 0)
		w->store[0] = '\0';
	if (!was_visited(w, fd, &ignored) ||
	    !ix_walk_db_open(&w->db, w->walk->index_path, w->err)) {
		base_close_fd(&fd);
		return false;
	}
	return push_level(w, fd, "", "", 0, 1, false);
}

void *ix_walk_run(void *context)
{
	struct ix_walk *walk = context;
	struct walker *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		(void)err_set(&walk->err, ERR_NOMEM, "out of memory");
		ix_ring_close(walk->ring);
		return NULL;
	}
	w->walk = walk;
	w->err = &walk->err;
	if (start(w) && walk_on(w))
		atomic_store(&walk->done, true);
	while (w->depth > 0)
		pop_level(w);
	ix_db_close(&w->db);
	ix_dirty_release(&w->visited);
	free(w);
	ix_ring_close(walk->ring);
	return NULL;
}
