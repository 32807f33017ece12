/* SPDX-License-Identifier: MIT */
#include "index/walker.h"

#include <errno.h>
#include <fcntl.h>

#include "index/names.h"

/* ---- What has been seen as a whole -------------------------------------- */

/* Whatever is there: it is seen once, and with a folder that came or went all that
 * lies in it. *again: it was seen before. */
static bool remember(struct ix_walker *w, const struct ix_level *level, const char *name,
		     bool *again)
{
	struct buf path CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	int64_t hash;

	buf_append_text(&path, level->folder->prefix);
	buf_append_text(&path, name);
	if (!buf_ok(&path, w->err))
		return false;
	hash = (int64_t)ix_hash(buf_span(&path));
	*again = ix_dirty_has(&w->visited, hash);
	return ix_dirty_touch(&w->visited, hash) != NULL ||
	       err_set(w->err, ERR_NOMEM, "out of memory");
}

static bool was_seen(const struct ix_walker *w, const char *path)
{
	const char *end = path;

	do {
		end += strcspn(end, "/");
		if (ix_dirty_has(&w->visited,
				 (int64_t)ix_hash(span_of(path, (size_t)(end - path)))))
			return true;
	} while (*end++ != '\0');
	return false;
}

/* ---- One place ---------------------------------------------------------- */

static bool drop_file(struct ix_walker *w, struct ix_level *level, const char *name)
{
	struct ix_walk_row row;

	return ix_walk_find_file(&w->db, level->folder->id, name, &row, w->err) &&
	       (row.id == 0 || ix_walk_put_gone(w, IX_JOB_GONE_FILE, row.id));
}

static bool drop_folder(struct ix_walker *w, struct ix_level *level, const char *name)
{
	struct ix_walk_row row;
	bool keeps;

	if (!ix_walk_find_folder(&w->db, level->folder->id, level->folder->prefix, name, &row,
				 w->err) ||
	    !ix_walk_keeps_disk(w, level, &row, &keeps))
		return false;
	if (keeps) {
		w->walk->whole_wanted = true;
		return true;
	}
	return row.id == 0 || ix_walk_put_gone(w, IX_JOB_GONE_FOLDER, row.id);
}

/* What is there of this name now, and what is not any more. */
static bool look_at(struct ix_walker *w, struct ix_level *level, const char *name)
{
	size_t depth = w->depth;
	struct stat st;
	bool again;

	/* On the way to several places the same thing may be missing. */
	if (!remember(w, level, name, &again))
		return false;
	if (again)
		return true;
	if (fstatat(level->folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT || errno == ENOTDIR)
			return drop_file(w, level, name) && drop_folder(w, level, name);
		return ix_walk_visit(w, level, name, IX_ENTRY_FILE);
	}
	if (S_ISDIR(st.st_mode))
		return ix_walk_visit(w, level, name, IX_ENTRY_FOLDER) && ix_walk_down_to(w, depth);
	if (S_ISLNK(st.st_mode) && w->walk->options->follow) {
		w->walk->whole_wanted = true;
		return true;
	}
	return drop_folder(w, level, name) &&
	       ix_walk_visit(w, level, name,
			     S_ISREG(st.st_mode)   ? IX_ENTRY_FILE
			     : S_ISLNK(st.st_mode) ? IX_ENTRY_LINK
						   : IX_ENTRY_SPECIAL);
}

/* ---- The way there ------------------------------------------------------ */

/* The level of the deepest folder on the way that is there and in the index;
 * *at becomes what is to be looked at in it. */
static bool descend(struct ix_walker *w, const char *path, char at[static 256])
{
	const struct ix_level *top;

	for (top = &w->levels[w->depth - 1];
	     strncmp(path, top->folder->prefix, strlen(top->folder->prefix)) != 0;
	     top = &w->levels[w->depth - 1])
		ix_walk_pop(w);
	path += strlen(top->folder->prefix);
	for (;;) {
		size_t size = strcspn(path, "/");
		struct ix_walk_row row;
		int fd;

		top = &w->levels[w->depth - 1];
		(void)snprintf(at, 256, "%.*s", (int)MIN_OF(size, (size_t)255), path);
		if (path[size] == '\0' || w->depth == IX_DEPTH_MAX)
			return true;
		if (!ix_walk_find_folder(&w->db, top->folder->id, top->folder->prefix, at, &row,
					 w->err))
			return false;
		fd = row.id != 0 ? ix_open_folder(top->folder->fd, at, false) : -1;
		if (fd < 0)
			return true;
		if (!ix_walk_push_partial(w, fd, at, &row))
			return false;
		path += size + 1;
	}
}

bool ix_walk_some(struct ix_walker *w)
{
	char name[256];

	for (size_t i = 0; i < w->walk->only_count && !w->walk->whole_wanted; i++) {
		const char *path = w->walk->only[i];

		if (was_seen(w, path))
			continue;
		if (!ix_walk_may_go_on(w) || !descend(w, path, name))
			return false;
		if (!w->walk->whole_wanted && !look_at(w, &w->levels[w->depth - 1], name))
			return false;
	}
	return true;
}
