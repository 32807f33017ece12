/* SPDX-License-Identifier: MIT */
#include "fs/snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fs/summary.h"

#define WRITE_SIZE ((size_t)64 * 1024)

const char *const fs_snapshot_names[FS_SNAPSHOT_KINDS] = {
	[FS_SNAPSHOT_PROBLEMS] = "problems.txt",
	[FS_SNAPSHOT_STATUS] = "status.json",
};

struct snapshot {
	struct fs_snapshot_info info;
	struct ix_status status; /* of which it is the report */
	uint64_t references;
	struct snapshot *next;
};

struct fs_snapshots {
	const struct fs_options *options;
	struct ix_index *index;
	pthread_mutex_t lock;
	struct snapshot *first;
	uint32_t last_row;
	struct fs_summary counted; /* the last one; counting takes time */
};

bool fs_snapshot_find(const char *name, enum fs_snapshot_kind *kind)
{
	for (unsigned i = 0; i < FS_SNAPSHOT_KINDS; i++) {
		if (strcmp(name, fs_snapshot_names[i]) == 0) {
			*kind = (enum fs_snapshot_kind)i;
			return true;
		}
	}
	return false;
}

bool fs_snapshots_open(struct fs_snapshots **out, const struct fs_options *options,
		       struct ix_index *index, struct err *err)
{
	struct fs_snapshots *snapshots = calloc(1, sizeof(*snapshots));

	if (snapshots == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	snapshots->options = options;
	snapshots->index = index;
	pthread_mutex_init(&snapshots->lock, NULL);
	*out = snapshots;
	return true;
}

static void free_snapshot(struct snapshot *snapshot)
{
	base_close_fd(&snapshot->info.fd);
	free(snapshot);
}

void fs_snapshots_close(struct fs_snapshots *snapshots)
{
	if (snapshots == NULL)
		return;
	while (snapshots->first != NULL) {
		struct snapshot *next = snapshots->first->next;

		free_snapshot(snapshots->first);
		snapshots->first = next;
	}
	pthread_mutex_destroy(&snapshots->lock);
	free(snapshots);
}

/* ---- Writing ---------------------------------------------------------- */

struct writer {
	int fd;
	struct buf pending;
	uint64_t size;
	struct err err;
};

static void flush(struct writer *writer)
{
	size_t done = 0;

	while (writer->err.code == ERR_NONE && done < writer->pending.size) {
		ssize_t put =
			write(writer->fd, writer->pending.data + done, writer->pending.size - done);

		if (put >= 0)
			done += (size_t)put;
		else if (errno != EINTR)
			(void)err_set_sys(&writer->err, errno, "cannot write a temporary file");
	}
	writer->size += done;
	buf_truncate(&writer->pending, 0);
}

/* A name in the store may hold anything; a line and its columns stay whole. */
static void append_escaped(struct buf *out, const char *text)
{
	for (const char *p = text; *p != '\0'; p++) {
		unsigned char c = (unsigned char)*p;

		if (c == '\\')
			buf_append_text(out, "\\\\");
		else if (c == '\n')
			buf_append_text(out, "\\n");
		else if (c == '\t')
			buf_append_text(out, "\\t");
		else if (c < 0x20 || c == 0x7f)
			buf_printf(out, "\\x%02x", c);
		else
			buf_append_byte(out, c);
	}
}

static bool write_problem(const struct ix_problem *problem, void *context)
{
	struct writer *writer = context;

	append_escaped(&writer->pending, problem->path);
	buf_append_byte(&writer->pending, '\t');
	append_escaped(&writer->pending, problem->code);
	buf_append_byte(&writer->pending, '\t');
	append_escaped(&writer->pending, problem->reason);
	buf_append_byte(&writer->pending, '\n');
	if (writer->pending.size >= WRITE_SIZE)
		flush(writer);
	return writer->err.code == ERR_NONE;
}

static bool write_status(struct fs_snapshots *snapshots, struct ix_reader *reader,
			 struct writer *writer, struct err *err)
{
	/* The new one, and the one before. */
	struct fs_summary *summary CLEANUP_FREE = calloc(2, sizeof(*summary));

	if (summary == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	pthread_mutex_lock(&snapshots->lock);
	summary[1] = snapshots->counted;
	pthread_mutex_unlock(&snapshots->lock);
	summary->store = snapshots->options->store;
	summary->index = snapshots->options->index_path;
	if (!fs_summary_read(summary, reader, &summary[1], err))
		return false;
	pthread_mutex_lock(&snapshots->lock);
	snapshots->counted = *summary;
	pthread_mutex_unlock(&snapshots->lock);
	summary->seconds = fs_summary_seconds(&summary->status);
	fs_summary_json(summary, &writer->pending);
	return true;
}

static bool write_content(struct fs_snapshots *snapshots, struct ix_reader *reader,
			  enum fs_snapshot_kind kind, struct writer *writer, struct err *err)
{
	bool ok = kind == FS_SNAPSHOT_STATUS ? write_status(snapshots, reader, writer, err)
					     : ix_problems(reader, write_problem, writer, err);

	if (ok && buf_ok(&writer->pending, err))
		flush(writer);
	if (ok && writer->err.code != ERR_NONE)
		*err = writer->err;
	return ok && writer->pending.failure == ERR_NONE && writer->err.code == ERR_NONE;
}

/* Beside the index, since it names files: 0600, and never on another disk. In
 * memory where the file system knows no unlinked files, and what is short: a full
 * disk must not keep the status from saying so. */
static int temporary_file(const char *index_path, enum fs_snapshot_kind kind)
{
	const char *slash = strrchr(index_path, '/');
	char *folder CLEANUP_FREE = slash != NULL && slash != index_path
					    ? strndup(index_path, (size_t)(slash - index_path))
					    : strdup("/");
	int fd = -1;

	if (folder != NULL && kind != FS_SNAPSHOT_STATUS)
		fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd >= 0 ? fd : memfd_create("dicomfs-snapshot", MFD_CLOEXEC);
}

static void close_writer(struct writer *writer)
{
	base_close_fd(&writer->fd);
	buf_release(&writer->pending);
}

/* The result's row is still 0. */
static struct snapshot *write_snapshot(struct fs_snapshots *snapshots, struct ix_reader *reader,
				       enum fs_snapshot_kind kind, const struct ix_status *status,
				       struct err *err)
{
	struct writer writer CLEANUP(close_writer) = {
		.fd = temporary_file(snapshots->options->index_path, kind),
		.pending = buf_empty(BUF_NO_LIMIT),
	};
	struct snapshot *snapshot;

	if (writer.fd < 0) {
		(void)err_set_sys(err, errno, "cannot make a temporary file");
		return NULL;
	}
	if (!write_content(snapshots, reader, kind, &writer, err))
		return NULL;
	snapshot = calloc(1, sizeof(*snapshot));
	if (snapshot == NULL) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	snapshot->info = (struct fs_snapshot_info){
		.kind = kind,
		.fd = writer.fd,
		.size = writer.size,
		.time_ns = MAX_OF(status->last_change_ns, status->scan_started_ns),
	};
	writer.fd = -1;
	snapshot->status = *status;
	return snapshot;
}

/* ---- References (under the lock but for take) -------------------------- */

static struct snapshot **find_row(struct fs_snapshots *snapshots, uint32_t row)
{
	struct snapshot **at = &snapshots->first;

	while (*at != NULL && (*at)->info.row != row)
		at = &(*at)->next;
	return at;
}

static bool same_state(const struct ix_status *a, const struct ix_status *b)
{
	return a->version == b->version && a->state == b->state && a->written_by == b->written_by &&
	       a->scan_ended_ns == b->scan_ended_ns && a->counts.files == b->counts.files &&
	       a->counts.pending == b->counts.pending;
}

static struct snapshot *find_current(struct fs_snapshots *snapshots, enum fs_snapshot_kind kind,
				     const struct ix_status *status)
{
	struct snapshot *snapshot = snapshots->first;

	while (snapshot != NULL &&
	       (snapshot->info.kind != kind || !same_state(&snapshot->status, status)))
		snapshot = snapshot->next;
	return snapshot;
}

static void add(struct fs_snapshots *snapshots, struct snapshot *snapshot)
{
	do {
		snapshots->last_row++;
	} while (snapshots->last_row == 0 || *find_row(snapshots, snapshots->last_row) != NULL);
	snapshot->info.row = snapshots->last_row;
	snapshot->next = snapshots->first;
	snapshots->first = snapshot;
}

static bool take_current(struct fs_snapshots *snapshots, enum fs_snapshot_kind kind,
			 const struct ix_status *status, struct fs_snapshot_info *info)
{
	struct snapshot *current;

	pthread_mutex_lock(&snapshots->lock);
	current = find_current(snapshots, kind, status);
	if (current != NULL) {
		current->references++;
		*info = current->info;
	}
	pthread_mutex_unlock(&snapshots->lock);
	return current != NULL;
}

bool fs_snapshot_take(struct fs_snapshots *snapshots, struct fs_thread *thread,
		      enum fs_snapshot_kind kind, struct fs_snapshot_info *info, struct err *err)
{
	struct ix_reader *reader = fs_thread_reader(thread, err);
	struct ix_status status = {0};
	struct snapshot *made;

	if (reader == NULL || !ix_status_get(reader, &status, err))
		return false;
	if (take_current(snapshots, kind, &status, info))
		return true;
	made = write_snapshot(snapshots, reader, kind, &status, err);
	if (made == NULL)
		return false;
	made->references = 1;
	pthread_mutex_lock(&snapshots->lock);
	add(snapshots, made);
	*info = made->info;
	pthread_mutex_unlock(&snapshots->lock);
	return true;
}

static bool get(struct fs_snapshots *snapshots, uint32_t row, uint64_t references,
		struct fs_snapshot_info *info)
{
	struct snapshot *snapshot;

	pthread_mutex_lock(&snapshots->lock);
	snapshot = *find_row(snapshots, row);
	if (snapshot != NULL) {
		snapshot->references += references;
		*info = snapshot->info;
	}
	pthread_mutex_unlock(&snapshots->lock);
	return snapshot != NULL;
}

bool fs_snapshot_get(struct fs_snapshots *snapshots, uint32_t row, struct fs_snapshot_info *info)
{
	return get(snapshots, row, 0, info);
}

bool fs_snapshot_ref(struct fs_snapshots *snapshots, uint32_t row, struct fs_snapshot_info *info)
{
	return get(snapshots, row, 1, info);
}

void fs_snapshot_unref(struct fs_snapshots *snapshots, uint32_t row, uint64_t references)
{
	struct snapshot **at, *snapshot;

	pthread_mutex_lock(&snapshots->lock);
	at = find_row(snapshots, row);
	snapshot = *at;
	if (snapshot != NULL) {
		snapshot->references -= MIN_OF(references, snapshot->references);
		if (snapshot->references == 0)
			*at = snapshot->next;
		else
			snapshot = NULL;
	}
	pthread_mutex_unlock(&snapshots->lock);
	if (snapshot != NULL)
		free_snapshot(snapshot);
}

size_t fs_snapshot_count(struct fs_snapshots *snapshots)
{
	size_t count = 0;

	pthread_mutex_lock(&snapshots->lock);
	for (struct snapshot *at = snapshots->first; at != NULL; at = at->next)
		count++;
	pthread_mutex_unlock(&snapshots->lock);
	return count;
}
