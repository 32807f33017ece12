/*
 * Disks that are mounted inside the store: which one begins at a folder, and
 * what to believe when it is another one than before, or none.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index/walker.h"

#include <errno.h>
#include <fcntl.h>

/* ---- Which disk --------------------------------------------------------- */

/* Behind a link the disk has another word, which ix_disk_compare() does not look
 * at: who removes a link means it. */
#define LINK_WORD " link"

static void find_disk(int folder_fd, bool link, struct ix_disk *disk)
{
	struct ix_disk found;

	disk->text[0] = '\0';
	if (ix_disk_of(folder_fd, &found, NULL))
		(void)snprintf(disk->text, sizeof(disk->text), "%.*s%s",
			       (int)(sizeof(disk->text) - sizeof(LINK_WORD)), found.text,
			       link ? LINK_WORD : "");
}

void ix_walk_look_at_disk(struct ix_walker *w, struct ix_level *level,
			  const struct ix_walk_row *row, bool link)
{
	const struct ix_level *around = w->depth > 1 ? level - 1 : NULL;
	const struct ix_disk *disk = &level->folder->disk;
	struct stat st;

	level->held_before = w->held_count;
	if (fstat(level->folder->fd, &st) == 0)
		level->device = st.st_dev;
	if (around == NULL)
		return;
	level->keeps = around->keeps;
	if (level->device != around->device)
		find_disk(level->folder->fd, link, &level->folder->disk);
	if (row->id == 0)
		return;
	level->change = (row->disk.text[0] == '\0') != (disk->text[0] == '\0')
				? IX_DISK_ANOTHER
				: ix_disk_compare(row->disk.text, disk->text);
	level->swapped = level->change != IX_DISK_SAME;
	if (level->swapped && !w->walk->options->confirm_empty)
		level->keeps = true;
}

bool ix_walk_has_disk(struct ix_walker *w, const struct ix_walk_row *folder, bool with_link,
		      bool *has)
{
	enum ix_step step = ix_db_first(&w->db, IX_K_DISK_BELOW, w->err, "it", folder->id,
					with_link ? "" : "%" LINK_WORD);

	*has = step == IX_STEP_ROW;
	if (*has)
		ix_db_reset(&w->db, IX_K_DISK_BELOW);
	return step != IX_STEP_FAILED;
}

bool ix_walk_keeps_disk(struct ix_walker *w, const struct ix_level *level,
			const struct ix_walk_row *folder, bool *keeps)
{
	struct stat st;

	*keeps = false;
	/* Where a file was put in its place, somebody meant it. */
	if (folder->id == 0 || w->walk->options->confirm_empty ||
	    fstatat(level->folder->fd, folder->name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		return true;
	return ix_walk_has_disk(w, folder, false, keeps);
}

bool ix_walk_refuse_disk(struct ix_walker *w, struct ix_level *level, const char *name)
{
	return ix_walk_refuse_folder(w, level, name, IX_OUTCOME_FAILED, "unreadable",
				     "another disk than before is mounted here, or none: what is"
				     " missing was kept");
}

/* ---- What is held back -------------------------------------------------- */

bool ix_walk_leaves(const struct ix_walker *w, const struct ix_level *level,
		    const struct ix_walk_row *row)
{
	return row->id != 0 && (level->keeps || w->walk->doubtful) &&
	       (row->state == IX_FILE_INSTANCE || row->state == IX_FILE_DUPLICATE);
}

static bool count_files(struct ix_walker *w, int64_t folder, uint64_t *files)
{
	if (!ix_db_one(&w->db, IX_K_FILES_BELOW, w->err, "i", folder))
		return false;
	*files = (uint64_t)ix_db_int(w->db.statements[IX_K_FILES_BELOW], 0);
	ix_db_reset(&w->db, IX_K_FILES_BELOW);
	return true;
}

bool ix_walk_hold(struct ix_walker *w, struct ix_level *level, enum ix_job_type type, int64_t row)
{
	uint64_t files = 1;

	if (type == IX_JOB_GONE_FOLDER && !count_files(w, row, &files))
		return false;
	if (w->held_count == w->held_capacity) {
		size_t capacity = w->held_capacity > 0 ? w->held_capacity * 2 : 64;
		struct ix_held *held = realloc(w->held, capacity * sizeof(*held));

		if (held == NULL)
			return err_set(w->err, ERR_NOMEM, "out of memory");
		w->held = held;
		w->held_capacity = capacity;
	}
	level->lost += files;
	w->held[w->held_count++] = (struct ix_held){type, row};
	return true;
}

bool ix_walk_put_held(struct ix_walker *w, size_t from)
{
	for (size_t i = from; i < w->held_count; i++) {
		if (!ix_walk_put_gone(w, w->held[i].type, w->held[i].row))
			return false;
	}
	w->held_count = from;
	return true;
}

/* ---- The end of such a level -------------------------------------------- */

/* When nothing is missing, that is no loss. A disk with another number is the same
 * one if most files are where they were. */
static bool is_accepted(const struct ix_level *level)
{
	return level->lost == 0 ||
	       (level->change == IX_DISK_UNSURE && level->lost <= level->matched);
}

bool ix_walk_settle_disk(struct ix_walker *w)
{
	struct ix_level *level = &w->levels[w->depth - 1], *around = level - 1;
	const char *path = level->folder->prefix + strlen(around->folder->prefix);
	char name[256];

	(void)snprintf(name, sizeof(name), "%.*s", (int)strcspn(path, "/"), path);
	if (!is_accepted(level)) {
		w->held_count = level->held_before;
		/* Else there is a line already that says why not. */
		return !level->complete || ix_walk_refuse_disk(w, around, name);
	}
	return ix_walk_put_held(w, level->held_before) &&
	       (ix_ring_put(w->walk->ring, IX_JOB_FOLDER_DISK, level->folder) != NULL ||
		ix_walk_out_of_ring(w)) &&
	       (!level->complete || ix_walk_accept_folder(w, around, name));
}
