/* SPDX-License-Identifier: MIT */
#include "index/walker.h"

#include <errno.h>
#include <fcntl.h>

/* struct ix_source can hold it. */
#define PATH_SIZE_MAX 4095

bool ix_walk_out_of_ring(struct ix_walker *w)
{
	/* The writer gave up and knows why. */
	w->walk->stopped = true;
	return false;
}

/* ---- Jobs --------------------------------------------------------------- */

struct ix_job *ix_walk_put_file(struct ix_walker *w, struct ix_level *level, enum ix_job_type type,
				const char *name, int64_t row)
{
	struct ix_job *job = ix_ring_put(w->walk->ring, type, level->folder);

	if (job == NULL) {
		(void)ix_walk_out_of_ring(w);
		return NULL;
	}
	job->file = row;
	(void)snprintf(job->name, sizeof(job->name), "%s", name);
	if (row == 0)
		(void)atomic_fetch_add_explicit(&w->walk->fresh, 1, memory_order_relaxed);
	return job;
}

bool ix_walk_put_gone(struct ix_walker *w, enum ix_job_type type, int64_t row)
{
	struct ix_job *job = ix_ring_put(w->walk->ring, type, NULL);

	if (job == NULL)
		return ix_walk_out_of_ring(w);
	job->file = row;
	return true;
}

bool ix_walk_put_record(struct ix_walker *w, struct ix_level *level, const char *name, int64_t row,
			const struct stat *st, enum ix_outcome outcome, const char *code,
			const char *reason)
{
	struct ix_job *job = ix_walk_put_file(w, level, IX_JOB_RECORD, name, row);

	if (job == NULL)
		return false;
	job->result.linked = false;
	memset(&job->result.print, 0, sizeof(job->result.print));
	if (st != NULL)
		job->result.print = ix_fingerprint_of(st);
	ix_result_set(&job->result, outcome, code, "%s", reason);
	return true;
}

bool ix_walk_path_fits(const struct ix_level *level, const char *name)
{
	return strlen(level->folder->prefix) + strlen(name) <= PATH_SIZE_MAX;
}

/* ---- Rows --------------------------------------------------------------- */

/* Whether nothing of that name is there: a folder that changes while it is listed
 * may tell neither the old nor the new name of an entry. */
static bool is_absent(const struct ix_walker *w, const struct ix_level *level, const char *name,
		      bool folder)
{
	struct stat st;

	if (fstatat(level->folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT || errno == ENOTDIR;
	return folder && !S_ISDIR(st.st_mode) && !(S_ISLNK(st.st_mode) && w->walk->options->follow);
}

/* A row of a level without an entry. */
static bool drop_row(struct ix_walker *w, struct ix_level *level, const struct ix_walk_row *row,
		     enum ix_job_type type)
{
	bool keeps = false;

	if (!level->complete || !is_absent(w, level, row->name, type == IX_JOB_GONE_FOLDER))
		return true;
	if (type == IX_JOB_GONE_FOLDER && !ix_walk_keeps_disk(w, level, row, &keeps))
		return false;
	/* Whoever unmounts a disk may take its folder away as well. */
	if (keeps) {
		level->lost++;
		return ix_walk_refuse_disk(w, level, row->name);
	}
	if (level->keeps)
		return ix_walk_hold(w, level, type, row->id);
	return ix_walk_put_gone(w, type, row->id);
}

/* A folder that could not be opened has a row among the files, which
 * enter_folder() looks after; or drop_row(), when its disk is lost. */
static bool drop_file_row(struct ix_walker *w, struct ix_level *level,
			  const struct ix_walk_row *row)
{
	struct ix_walk_row folder;
	bool keeps = false;

	if (ix_listing_has_folder(&level->listing, row->name))
		return true;
	if (row->state == IX_FILE_FAILED &&
	    (!ix_walk_find_folder(&w->db, level->folder->id, level->folder->prefix, row->name,
				  &folder, w->err) ||
	     !ix_walk_keeps_disk(w, level, &folder, &keeps)))
		return false;
	return keeps || drop_row(w, level, row, IX_JOB_GONE_FILE);
}

bool ix_walk_match_file(struct ix_walker *w, struct ix_level *level, const char *name,
			struct ix_walk_row **match)
{
	*match = NULL;
	if (level->partial) {
		if (name != NULL &&
		    !ix_walk_find_file(&w->db, level->folder->id, name, &w->row, w->err))
			return false;
		*match = name != NULL && w->row.id != 0 ? &w->row : NULL;
		return true;
	}
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

bool ix_walk_match_folder(struct ix_walker *w, struct ix_level *level, const char *name,
			  struct ix_walk_row *match)
{
	match->id = 0;
	match->disk.text[0] = '\0';
	if (level->partial)
		return name == NULL ||
		       ix_walk_find_folder(&w->db, level->folder->id, level->folder->prefix, name,
					   match, w->err);
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
			*match = *row;
			return true;
		}
		if (!drop_row(w, level, row, IX_JOB_GONE_FOLDER))
			return false;
	}
	return true;
}
