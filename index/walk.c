/* SPDX-License-Identifier: MIT */
#include "index/walk.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include "index/walker.h"

/* The walk reads in transactions of so many steps: opening one for each row
 * costs more than the row, and one for all would keep the writer's log from
 * being folded back. */
#define STEPS_A_SNAPSHOT 512

static bool is_stopped(struct ix_walker *w)
{
	const atomic_bool *stop = w->walk->options->stop;

	if (stop != NULL && atomic_load_explicit(stop, memory_order_relaxed))
		w->walk->stopped = true;
	return w->walk->stopped;
}

/* ---- Folders ------------------------------------------------------------ */

static uint64_t folder_key(const struct stat *st)
{
	return ((uint64_t)st->st_dev * UINT64_C(0x9e3779b97f4a7c15)) ^
	       ((uint64_t)st->st_ino * UINT64_C(0xc2b2ae3d27d4eb4f));
}

static bool was_visited(struct ix_walker *w, int fd, bool *visited, struct err *err)
{
	size_t before = w->visited.count;
	struct stat st;

	*visited = false;
	if (fstat(fd, &st) != 0)
		return err_set_sys(err, errno, "folder cannot be opened");
	if (ix_dirty_touch(&w->visited, (int64_t)folder_key(&st)) == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	*visited = w->visited.count == before;
	return true;
}

bool ix_walk_refuse_folder(struct ix_walker *w, struct ix_level *level, const char *name,
			   enum ix_outcome outcome, const char *code, const char *reason)
{
	struct ix_walk_row row = {.id = 0};

	if (level->known && !ix_walk_find_file(&w->db, level->folder->id, name, &row, w->err))
		return false;
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	if (ix_walk_leaves(w, level, &row))
		return ix_walk_hold(w, level, IX_JOB_HELD, row.id);
	return ix_walk_put_record(w, level, name, row.id, NULL, outcome, code, reason);
}

/* What is known of a folder that is not to be walked. id 0: nothing. */
static bool drop_below(struct ix_walker *w, const struct ix_level *level, int64_t id)
{
	return id == 0 || level->keeps || ix_walk_put_gone(w, IX_JOB_GONE_FOLDER, id);
}

bool ix_walk_accept_folder(struct ix_walker *w, struct ix_level *level, const char *name)
{
	struct ix_walk_row row;

	if (!ix_walk_find_file(&w->db, level->folder->id, name, &row, w->err))
		return false;
	if (ix_walk_leaves(w, level, &row) && level->keeps)
		return ix_walk_hold(w, level, IX_JOB_GONE_FILE, row.id);
	return row.id == 0 || ix_walk_put_gone(w, IX_JOB_GONE_FILE, row.id);
}

void ix_walk_pop(struct ix_walker *w)
{
	struct ix_level *level = &w->levels[--w->depth];

	if (w->depth > 0 && !level->swapped) {
		(level - 1)->matched += level->matched;
		(level - 1)->lost += level->lost;
	}
	ix_folder_unref(level->folder);
	ix_listing_release(&level->listing);
	ix_walk_rows_release(&level->files);
	ix_walk_rows_release(&level->folders);
}

static bool make_folder(struct ix_walker *w, int fd, const char *parent_prefix, const char *name,
			struct ix_level *level)
{
	struct ix_folder *folder = calloc(1, sizeof(*folder));
	size_t size = strlen(parent_prefix) + strlen(name) + 2;

	if (folder == NULL) {
		base_close_fd(&fd);
		return err_set(w->err, ERR_NOMEM, "out of memory");
	}
	atomic_init(&folder->refs, 1);
	folder->fd = fd;
	level->folder = folder;
	folder->prefix = malloc(size);
	if (folder->prefix == NULL)
		return err_set(w->err, ERR_NOMEM, "out of memory");
	(void)snprintf(folder->prefix, size, "%s%s%s", parent_prefix, name,
		       name[0] != '\0' ? "/" : "");
	return true;
}

/* Takes the descriptor over. row id 0: a new folder. */
static struct ix_level *push_level(struct ix_walker *w, int fd, const char *name,
				   const struct ix_walk_row *row, bool link)
{
	struct ix_level *level = &w->levels[w->depth], *around = w->depth > 0 ? level - 1 : NULL;
	struct ix_folder *folder;

	memset(level, 0, sizeof(*level));
	if (!make_folder(w, fd, around != NULL ? around->folder->prefix : "", name, level)) {
		ix_folder_unref(level->folder);
		return NULL;
	}
	w->depth++;
	folder = level->folder;
	folder->parent = around != NULL ? around->folder->id : 0;
	folder->id = row->id != 0 ? row->id : w->walk->next_folder++;
	level->known = row->id != 0;
	level->outside = around != NULL && around->outside;
	ix_walk_look_at_disk(w, level, row, link);
	ix_walk_rows_init(&level->files, IX_K_FILES, folder->id, folder->prefix);
	ix_walk_rows_init(&level->folders, IX_K_FOLDERS, folder->id, folder->prefix);
	return level;
}

bool ix_walk_push_partial(struct ix_walker *w, int fd, const char *name,
			  const struct ix_walk_row *row)
{
	struct ix_level *level = push_level(w, fd, name, row, false);

	if (level == NULL)
		return false;
	level->partial = true;
	level->complete = true;
	/* Whether something is missing is not to be seen from here. */
	if (level->swapped)
		w->walk->whole_wanted = true;
	return true;
}

static bool push_listed(struct ix_walker *w, int fd, const char *name,
			const struct ix_walk_row *row, bool link)
{
	const struct ix_scan_options *options = w->walk->options;
	struct ix_level *level = push_level(w, fd, name, row, link);
	struct err err = {0};

	if (level == NULL)
		return false;
	level->outside = level->outside || link;
	if (row->id == 0 && ix_ring_put(w->walk->ring, IX_JOB_NEW_FOLDER, level->folder) == NULL)
		return ix_walk_out_of_ring(w);
	/* Before it is listed: nothing that comes later is missed. */
	if (options->entered != NULL)
		options->entered(level->folder->prefix, fd,
				 w->depth == 1 || level->device != (level - 1)->device,
				 options->entered_context);
	level->complete = ix_listing_read(&level->listing, fd, options->follow, &err);
	if (level->complete)
		return true;
	if (err.code == ERR_NOMEM || w->depth == 1)
		return err_set(w->err, err.code, "%s", err.message);
	/* What was listed is walked; what the index has of the rest stays. */
	level->lost++;
	return ix_walk_refuse_folder(w, level - 1, name, IX_OUTCOME_UNREAD, "unreadable",
				     err.message);
}

static bool refuse_unopened(struct ix_walker *w, struct ix_level *level, const char *name, int sys)
{
	char text[96], reason[160];

	if (sys == ENOENT)
		return true;
	(void)snprintf(reason, sizeof(reason), "folder cannot be opened: %s",
		       strerror_r(sys, text, sizeof(text)));
	return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_UNREAD, "unreadable", reason);
}

static bool enter_folder(struct ix_walker *w, struct ix_level *level, const char *name, bool link)
{
	struct ix_walk_row row;
	struct err err = {0};
	bool visited = false;
	int fd;

	if (!ix_walk_match_folder(w, level, name, &row))
		return false;
	if (w->depth == IX_DEPTH_MAX)
		return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
					     "folders are nested too deep");
	if (!ix_walk_path_fits(level, name))
		return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
					     "the path is too long");
	fd = ix_open_folder(level->folder->fd, name, link);
	if (fd < 0) {
		level->lost += row.id != 0;
		return refuse_unopened(w, level, name, errno);
	}
	if ((link || level->outside) && !was_visited(w, fd, &visited, &err)) {
		base_close_fd(&fd);
		if (err.code == ERR_NOMEM)
			return err_set(w->err, err.code, "%s", err.message);
		return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
					     err.message);
	}
	if (visited) {
		base_close_fd(&fd);
		/* What is below it is in the tree by the other way. */
		return drop_below(w, level, row.id) &&
		       ix_walk_refuse_folder(w, level, name, IX_OUTCOME_SKIPPED, "link",
					     "the same folder as another one in the tree");
	}
	if (!push_listed(w, fd, name, &row, link))
		return false;
	level = &w->levels[w->depth - 1];
	if (!level->complete || level->swapped || !(level - 1)->known)
		return true;
	return ix_walk_accept_folder(w, level - 1, name);
}

/* ---- Links -------------------------------------------------------------- */

enum link_target { LINK_BROKEN, LINK_INSIDE, LINK_OUTSIDE, LINK_UNKNOWN };

/* Where a link leads, by the kernel's word for what it resolves to. UNKNOWN: errno
 * says why. */
static enum link_target follow_link(struct ix_walker *w, const struct ix_level *level,
				    const char *name)
{
	int fd CLEANUP_FD = openat(level->folder->fd, name, O_PATH | O_CLOEXEC);
	char proc[64], real[PATH_MAX];
	size_t size = strlen(w->store);
	ssize_t got;

	if (fd < 0)
		return ix_leads_nowhere(errno) ? LINK_BROKEN : LINK_UNKNOWN;
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	got = readlink(proc, real, sizeof(real) - 1);
	if (got <= 0)
		return LINK_UNKNOWN;
	real[got] = '\0';
	/* Of a store that is / (or not to be told) the text is empty: all is inside. */
	if (strncmp(real, w->store, size) == 0 && (real[size] == '/' || real[size] == '\0'))
		return LINK_INSIDE;
	return LINK_OUTSIDE;
}

/* Why a link is not followed; an empty reason: it is. */
struct refusal {
	enum ix_outcome outcome;
	const char *code;
	bool nowhere; /* it is broken */
	char reason[160];
};

static void refuse_link(struct ix_walker *w, const struct ix_level *level, const char *name,
			struct refusal *refusal)
{
	const struct ix_scan_options *options = w->walk->options;
	enum link_target target = follow_link(w, level, name);
	const char *reason = "";
	char text[96];

	*refusal = (struct refusal){.outcome = IX_OUTCOME_SKIPPED, .code = "link"};
	refusal->nowhere = target == LINK_BROKEN;
	if ((target == LINK_OUTSIDE || target == LINK_BROKEN) && options->follow &&
	    options->led_out != NULL)
		options->led_out(options->entered_context);
	if (target == LINK_UNKNOWN) {
		refusal->outcome = IX_OUTCOME_FAILED;
		refusal->code = "unreadable";
		(void)snprintf(refusal->reason, sizeof(refusal->reason),
			       "the link cannot be followed: %s",
			       strerror_r(errno, text, sizeof(text)));
		return;
	}
	if (target == LINK_BROKEN)
		reason = "the link leads nowhere";
	else if (target == LINK_INSIDE)
		reason = "the link leads to another place in the store";
	else if (!options->follow)
		reason = "the link leads out of the store (see option follow)";
	(void)snprintf(refusal->reason, sizeof(refusal->reason), "%s", reason);
}

/* ---- Files -------------------------------------------------------------- */

/* ALIKE: of another inode, or changed in a way that shows in ctime alone. FAT has
 * other inodes whenever it is mounted. */
enum likeness { SAME_FILE, ALIKE_FILE, OTHER_FILE };

static enum likeness compare_file(struct ix_walker *w, const struct ix_level *level,
				  const char *name, const struct ix_walk_row *row, bool link)
{
	struct ix_fingerprint now;
	struct stat st;

	if (fstatat(level->folder->fd, name, &st, link ? 0 : AT_SYMLINK_NOFOLLOW) != 0)
		return OTHER_FILE;
	now = ix_fingerprint_of(&st);
	if (ix_fingerprint_equals(&now, &row->print)) {
		(void)atomic_fetch_add_explicit(&w->walk->bytes, now.size, memory_order_relaxed);
		return SAME_FILE;
	}
	return now.size == row->print.size && now.mtime_ns == row->print.mtime_ns ? ALIKE_FILE
										  : OTHER_FILE;
}

static bool visit_file(struct ix_walker *w, struct ix_level *level, const char *name, bool link)
{
	struct ix_walk_row *row;
	struct ix_job *job;

	if (!ix_walk_match_file(w, level, name, &row))
		return false;
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	if (!ix_walk_path_fits(level, name))
		return ix_walk_put_record(w, level, name, row != NULL ? row->id : 0, NULL,
					  IX_OUTCOME_FAILED, "unreadable", "the path is too long");
	/* A new file is asked for its fingerprint once it is open. */
	if (row != NULL && row->state != IX_FILE_PENDING) {
		enum likeness likeness = compare_file(w, level, name, row, link);

		level->matched += likeness != OTHER_FILE;
		if (likeness == SAME_FILE)
			return true;
		if (likeness == OTHER_FILE && ix_walk_leaves(w, level, row))
			return ix_walk_hold(w, level, IX_JOB_HELD, row->id);
	}
	job = ix_walk_put_file(w, level, IX_JOB_PARSE, name, row != NULL ? row->id : 0);
	if (job == NULL)
		return false;
	job->follow = link;
	return true;
}

static bool visit_other(struct ix_walker *w, struct ix_level *level, const char *name,
			enum ix_outcome outcome, const char *code, const char *reason)
{
	struct ix_walk_row *row;
	struct stat st;
	bool known;

	if (!ix_walk_match_file(w, level, name, &row))
		return false;
	known = fstatat(level->folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
	if (row != NULL && ix_walk_leaves(w, level, row))
		return ix_walk_hold(w, level, IX_JOB_HELD, row->id);
	if (!known && errno == ENOENT)
		return row == NULL || ix_walk_put_gone(w, IX_JOB_GONE_FILE, row->id);
	(void)atomic_fetch_add_explicit(&w->walk->files, 1, memory_order_relaxed);
	return ix_walk_put_record(w, level, name, row != NULL ? row->id : 0,
				  known && outcome == IX_OUTCOME_SKIPPED ? &st : NULL, outcome,
				  code, reason);
}

/* It led to a folder once, perhaps: what is known below it goes, but not if
 * nobody can tell now. */
static bool forget_folder(struct ix_walker *w, const struct ix_level *level, const char *name,
			  bool nowhere)
{
	struct ix_walk_row row;
	bool keeps = false;

	if (!level->known || !w->walk->options->follow)
		return true;
	if (!ix_walk_find_folder(&w->db, level->folder->id, level->folder->prefix, name, &row,
				 w->err))
		return false;
	/* The folder of a disk that was unmounted may be gone as well. */
	if (row.id != 0 && nowhere && !ix_walk_has_disk(w, &row, true, &keeps))
		return false;
	return keeps || drop_below(w, level, row.id);
}

static bool visit_link(struct ix_walker *w, struct ix_level *level, const char *name, bool folder)
{
	struct refusal refusal;

	refuse_link(w, level, name, &refusal);
	if (refusal.reason[0] == '\0' && !folder)
		return forget_folder(w, level, name, false) && visit_file(w, level, name, true);
	if (refusal.reason[0] == '\0') {
		/* To which of several places a folder belongs depends on all the others. */
		if (w->walk->only != NULL) {
			w->walk->whole_wanted = true;
			return true;
		}
		return enter_folder(w, level, name, true);
	}
	if (refusal.outcome == IX_OUTCOME_SKIPPED &&
	    !forget_folder(w, level, name, refusal.nowhere))
		return false;
	return folder ? ix_walk_refuse_folder(w, level, name, refusal.outcome, refusal.code,
					      refusal.reason)
		      : visit_other(w, level, name, refusal.outcome, refusal.code, refusal.reason);
}

bool ix_walk_visit(struct ix_walker *w, struct ix_level *level, const char *name, uint8_t type)
{
	switch ((enum ix_entry_type)type) {
	case IX_ENTRY_FILE:
		return visit_file(w, level, name, false);
	case IX_ENTRY_FOLDER:
		return enter_folder(w, level, name, false);
	case IX_ENTRY_LINK:
	case IX_ENTRY_LINK_FOLDER:
		return visit_link(w, level, name, type == IX_ENTRY_LINK_FOLDER);
	case IX_ENTRY_LINK_UNKNOWN:
		/* A file or a folder: what the index knows below it stays. */
		return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
					     "the link cannot be followed");
	case IX_ENTRY_SPECIAL:
		break;
	}
	return visit_other(w, level, name, IX_OUTCOME_SKIPPED, "special", "not a regular file");
}

/* ---- The walk ----------------------------------------------------------- */

bool ix_walk_may_go_on(struct ix_walker *w)
{
	if (is_stopped(w))
		return false;
	if (++w->steps < STEPS_A_SNAPSHOT)
		return true;
	w->steps = 0;
	return ix_db_exec(&w->db, "COMMIT; BEGIN", w->err);
}

/* One more step in a level that was listed. */
static bool step(struct ix_walker *w, struct ix_level *level)
{
	struct ix_walk_row *row, folder;

	if (level->next < level->listing.count) {
		size_t at = level->next++;

		return ix_walk_visit(w, level, ix_listing_name(&level->listing, at),
				     level->listing.entries[at].type);
	}
	if (!ix_walk_match_file(w, level, NULL, &row) ||
	    !ix_walk_match_folder(w, level, NULL, &folder) ||
	    (level->swapped && !ix_walk_settle_disk(w)))
		return false;
	ix_walk_pop(w);
	return true;
}

bool ix_walk_down_to(struct ix_walker *w, size_t depth)
{
	while (w->depth > depth) {
		if (!ix_walk_may_go_on(w) || !step(w, &w->levels[w->depth - 1]))
			return false;
	}
	return true;
}

static bool start(struct ix_walker *w)
{
	const struct ix_walk_row root = {.id = 1};
	int fd = ix_open_folder(w->walk->options->store_fd, ".", false);
	char proc[64];
	ssize_t got;
	bool ignored;

	if (fd < 0)
		return err_set_sys(w->err, errno, "the store cannot be read");
	(void)snprintf(proc, sizeof(proc), "/proc/self/fd/%d", fd);
	got = readlink(proc, w->store, sizeof(w->store) - 1);
	/* ENOENT: there is no /proc. */
	if (got < 0 && errno != ENOENT) {
		(void)err_set_sys(w->err, errno, "the store cannot be read");
		base_close_fd(&fd);
		return false;
	}
	w->store[got > 0 ? got : 0] = '\0';
	if (strcmp(w->store, "/") == 0)
		w->store[0] = '\0';
	if (!was_visited(w, fd, &ignored, w->err) ||
	    !ix_walk_db_open(&w->db, w->walk->index_path, w->err)) {
		base_close_fd(&fd);
		return false;
	}
	if (w->walk->only != NULL)
		return ix_walk_push_partial(w, fd, "", &root);
	return push_listed(w, fd, "", &root, false);
}

static bool run(struct ix_walker *w)
{
	if (!start(w) || !ix_db_exec(&w->db, "BEGIN", w->err))
		return false;
	return (w->walk->only != NULL ? ix_walk_some(w) : ix_walk_down_to(w, 0)) &&
	       ix_walk_put_held(w, 0);
}

void *ix_walk_run(void *context)
{
	struct ix_walk *walk = context;
	struct ix_walker *w = calloc(1, sizeof(*w));

	if (w == NULL) {
		(void)err_set(&walk->err, ERR_NOMEM, "out of memory");
		ix_ring_close(walk->ring);
		return NULL;
	}
	w->walk = walk;
	w->err = &walk->err;
	if (run(w))
		atomic_store(&walk->done, true);
	while (w->depth > 0)
		ix_walk_pop(w);
	ix_db_close(&w->db);
	ix_dirty_release(&w->visited);
	free(w->held);
	free(w);
	ix_ring_close(walk->ring);
	return NULL;
}
