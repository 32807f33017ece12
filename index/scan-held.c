/*
 * Files of a disk that may not be the one that was scanned.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index/scan.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "index/disk.h"
#include "index/writer-sql.h"

/* ---- Looked at once the disk is settled --------------------------------- */

bool ix_scan_hold(struct ix_scan *scan, int64_t file, struct err *err)
{
	if (scan->held_count == scan->held_capacity) {
		size_t capacity = scan->held_capacity > 0 ? scan->held_capacity * 2 : 64;
		int64_t *held = realloc(scan->held, capacity * sizeof(*held));

		if (held == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		scan->held = held;
		scan->held_capacity = capacity;
	}
	scan->held[scan->held_count++] = file;
	return true;
}

static bool refile_all(struct ix_scan *scan, struct ix_parser *parser, struct ix_result *result,
		       struct err *err)
{
	for (size_t i = 0; i < scan->held_count && !ix_scan_stopped(scan); i++) {
		if (!ix_scan_refile(scan, parser, result, scan->held[i], err) ||
		    !ix_scan_commit(scan, false, err))
			return false;
		ix_scan_progress(scan, false);
	}
	return ix_scan_commit(scan, true, err);
}

bool ix_scan_file_held(struct ix_scan *scan, struct err *err)
{
	struct ix_parser parser;
	struct ix_result result;
	bool ok;

	if (scan->held_count == 0)
		return true;
	if (!ix_parser_init(&parser, scan->options, err))
		return false;
	ix_result_init(&result);
	ok = refile_all(scan, &parser, &result, err);
	ix_result_release(&result);
	ix_parser_release(&parser);
	return ok;
}

/* ---- One file ----------------------------------------------------------- */

/* The disk that begins at a folder, "" when none does. */
static void disk_at(const struct ix_scan *scan, const char *prefix, struct ix_disk *disk)
{
	int folder CLEANUP_FD =
		openat(scan->options->store_fd, prefix, O_PATH | O_DIRECTORY | O_CLOEXEC);
	char around[PATH_MAX];
	struct stat here, there;
	size_t size = strlen(prefix) - 1;

	disk->text[0] = '\0';
	while (size > 0 && prefix[size - 1] != '/')
		size--;
	(void)snprintf(around, sizeof(around), "%.*s", (int)size, prefix);
	if (folder >= 0 && fstat(folder, &here) == 0 &&
	    fstatat(scan->options->store_fd, size > 0 ? around : ".", &there, 0) == 0 &&
	    here.st_dev != there.st_dev && !ix_disk_of(folder, disk, NULL))
		disk->text[0] = '\0';
}

static bool is_another(const struct ix_scan *scan, const char *prefix, const char *before)
{
	struct ix_disk now;

	disk_at(scan, prefix, &now);
	return (before[0] == '\0') != (now.text[0] == '\0') ||
	       ix_disk_compare(before, now.text) != IX_DISK_SAME;
}

/* Prefix and disk of each folder around a file, each with its NUL. */
static bool read_disks(struct ix_scan *scan, int64_t file, struct buf *disks, struct err *err)
{
	struct ix_db *db = &scan->index->writer.db;
	enum ix_step step;
	sqlite3_stmt *row;

	(void)pthread_mutex_lock(&scan->index->mutex);
	row = ix_db_bind(db, IX_W_FILE_DISKS, "i", file);
	while ((step = ix_db_step(db, IX_W_FILE_DISKS, err)) == IX_STEP_ROW) {
		struct span prefix = ix_db_blob(row, 0);

		buf_append(disks, prefix.data, prefix.size);
		buf_append_byte(disks, '\0');
		buf_append_text(disks, ix_db_text(row, 1));
		buf_append_byte(disks, '\0');
	}
	(void)pthread_mutex_unlock(&scan->index->mutex);
	return step != IX_STEP_FAILED && buf_ok(disks, err);
}

bool ix_scan_is_file_lost(struct ix_scan *scan, int64_t file, bool *lost, struct err *err)
{
	struct buf disks CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	*lost = false;
	if (!read_disks(scan, file, &disks, err))
		return false;
	for (size_t at = 0; !*lost && at < disks.size;) {
		const char *prefix = (const char *)disks.data + at;
		const char *before = prefix + strlen(prefix) + 1;

		*lost = is_another(scan, prefix, before);
		at += strlen(prefix) + strlen(before) + 2;
	}
	return true;
}
