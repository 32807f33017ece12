/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/uio.h>

#include "fs/handle.h"
#include "fs/request.h"

/* ---- open: common ------------------------------------------------------- */

/* A nodeid means the same bytes for ever, so what the kernel has of them is
 * good; who has interrupted the open gets no release. */
static void reply_open(fuse_req_t req, struct fuse_file_info *fi, struct fs_handle *handle)
{
	fi->fh = fs_handle_to_fh(handle);
	fi->keep_cache = 1;
	fi->noflush = 1;
	if (fs_passthrough_reply(req, fi, handle->backing) != 0)
		fs_handle_unref(handle);
}

/* A picture that is passed through because others have opened it stays counted as
 * long as this handle needs it. */
static void keep_backing(struct fs_handle *handle)
{
	if (handle->type == FS_HANDLE_BLOB && handle->blob == NULL &&
	    fs_backing_id(handle->backing) != 0)
		handle->blob = fs_content_pin_found(handle->session->content, &handle->key);
}

/* Answers the OPEN of what may be passed through to fd; -1: not this time. */
static void reply_open_backed(fuse_req_t req, uint64_t nodeid, struct fuse_file_info *fi,
			      struct fs_handle *handle, int fd)
{
	struct fs_passthrough *passthrough = handle->session->passthrough;

	if (fs_passthrough_agreed(passthrough)) {
		handle->backing = fs_backing_take(passthrough, nodeid, fd);
		if (handle->backing == NULL) {
			fs_handle_unref(handle);
			(void)fuse_reply_err(req, ENOMEM);
			return;
		}
		keep_backing(handle);
	}
	reply_open(req, fi, handle);
}

static void reply_open_store(fuse_req_t req, uint64_t nodeid, struct fuse_file_info *fi,
			     struct fs_handle *handle)
{
	struct fs_store_file *file = &handle->file;

	if (!fs_is_passed_through(rn_kind_table[RN_KIND_DCM], handle->size)) {
		reply_open(req, fi, handle);
		return;
	}
	/* The kernel reads a backing with access times, however we have opened it. */
	if (fs_passthrough_allowed(handle->session->passthrough))
		fs_store_file_look_quiet(file);
	reply_open_backed(req, nodeid, fi, handle, file->quiet ? file->fd : -1);
}

/* Passed through, the kernel reads the memory file, also when this handle could
 * not keep it. */
static void reply_open_made(fuse_req_t req, uint64_t nodeid, struct fuse_file_info *fi,
			    struct fs_handle *handle)
{
	const struct rn_kind *kind = rn_kind_table[handle->key.kind];

	if (fs_is_passed_through(kind, handle->size))
		reply_open_backed(req, nodeid, fi, handle,
				  handle->blob != NULL ? handle->blob->fd : -1);
	else
		reply_open(req, fi, handle);
}

/* ---- open: the original, from the pool ---------------------------------- */

struct open_job {
	struct fs_job job;
	struct fs_request request;
	struct fs_session *session;
	struct fuse_file_info fi;
	uint64_t nodeid;
	int64_t instance;
	uint64_t size;           /* of the original, as told */
	struct fs_handle *later; /* of what is made from it later; NULL: itself */
};

static void drop_handle(struct fs_handle **handle)
{
	if (*handle != NULL)
		fs_handle_unref(*handle);
}

static struct fs_handle *open_original(struct open_job *open, struct fs_thread *thread,
				       struct err *err)
{
	struct fs_session *session = open->session;
	struct ix_source *source CLEANUP_FREE = malloc(sizeof(*source));
	struct fs_handle *handle CLEANUP(drop_handle) =
		fs_handle_new(session, FS_HANDLE_STORE, open->size);

	if (source == NULL || handle == NULL) {
		(void)err_set(err, ERR_NOMEM, "out of memory");
		return NULL;
	}
	if (!fs_source_open(session, thread, open->instance, source, &handle->file, err)) {
		if (err->code == ERR_IO && fs_session_may_warn(session))
			log_warning("%s: %s", source->path, err->message);
		return NULL;
	}
	if (handle->file.size != open->size) {
		(void)err_set(err, ERR_STALE, "the file changed since it was looked up");
		return NULL;
	}
	return STEAL(handle);
}

/* Of what is made later, it is enough to know that its original is there. */
static struct fs_handle *look_at_original(struct open_job *open, struct fs_handle *original)
{
	struct fs_handle *later = STEAL(open->later);

	fs_handle_unref(original != NULL ? original : later);
	return original != NULL ? later : NULL;
}

static void run_open(struct fs_job *job, struct fs_thread *thread)
{
	struct open_job *open = (struct open_job *)job;
	struct err err = {0};
	struct fs_handle *handle = open_original(open, thread, &err);
	bool later = open->later != NULL;
	bool mine = fs_request_claim(&open->request);

	if (later)
		handle = look_at_original(open, handle);
	if (mine && handle != NULL && later)
		reply_open_made(open->request.req, open->nodeid, &open->fi, handle);
	else if (mine && handle != NULL)
		reply_open_store(open->request.req, open->nodeid, &open->fi, handle);
	else if (mine)
		fs_ops_reply_err(open->request.req, &err);
	else if (handle != NULL)
		fs_handle_unref(handle);
	free(open);
}

/* Saves the way through the pool; true when the request was answered. */
static bool open_cached(fuse_req_t req, const struct fs_node *node, struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct err err = {0};
	struct ix_reader *reader = fs_thread_reader(fs_session_thread(session), &err);
	struct fs_store_file file;
	struct fs_handle *handle;

	if (reader == NULL || !fs_source_open_cached(session, reader, node->instance.id, &file))
		return false;
	handle = file.size == node->instance.size
			 ? fs_handle_new(session, FS_HANDLE_STORE, file.size)
			 : NULL;
	if (handle == NULL) {
		base_close_fd(&file.fd);
		return false;
	}
	handle->file = file;
	reply_open_store(req, fs_nodeid_pack(node->id), fi, handle);
	return true;
}

/* Takes over later, which may be NULL. */
static void submit_open(fuse_req_t req, const struct fs_node *node, const struct fuse_file_info *fi,
			struct fs_handle *later)
{
	struct open_job *open = calloc(1, sizeof(*open));

	if (open == NULL) {
		if (later != NULL)
			fs_handle_unref(later);
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	open->later = later;
	open->job.run = run_open;
	open->session = fs_ops_session(req);
	open->fi = *fi;
	open->nodeid = fs_nodeid_pack(node->id);
	open->instance = node->instance.id;
	open->size = node->instance.size;
	fs_request_arm(&open->request, req);
	fs_pool_submit(open->session->io_pool, &open->job);
}

/* ---- open: derived files ------------------------------------------------- */

struct open_waiter {
	struct fs_waiter waiter;
	struct fs_session *session;
	struct fuse_file_info fi;
	uint64_t nodeid;
	struct fs_key key;
	struct ix_instance instance;
};

/* Takes over the reference to blob. */
static struct fs_handle *new_blob_handle(const struct open_waiter *open, struct fs_blob *blob)
{
	struct fs_handle *handle = fs_handle_new(open->session, FS_HANDLE_BLOB, blob->size);

	if (handle == NULL) {
		fs_blob_unref(blob);
		return NULL;
	}
	handle->key = open->key;
	handle->blob = fs_content_pin(open->session->content, &open->key, blob);
	fs_blob_unref(blob);
	if (handle->blob != NULL)
		return handle;
	handle->instance = malloc(sizeof(*handle->instance));
	if (handle->instance == NULL) {
		fs_handle_unref(handle);
		return NULL;
	}
	*handle->instance = open->instance;
	return handle;
}

static void open_done(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	struct open_waiter *open = (struct open_waiter *)waiter;
	struct fs_handle *handle = blob != NULL ? new_blob_handle(open, blob) : NULL;

	if (handle != NULL)
		reply_open_made(waiter->req, open->nodeid, &open->fi, handle);
	else if (blob != NULL)
		(void)fuse_reply_err(waiter->req, ENOMEM);
	else
		fs_ops_reply_err(waiter->req, err);
	free(open);
}

static void open_derived(fuse_req_t req, const struct fs_node *node,
			 const struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct open_waiter *open = calloc(1, sizeof(*open));

	if (open == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	open->waiter.req = req;
	open->waiter.done = open_done;
	open->session = session;
	open->fi = *fi;
	open->nodeid = fs_nodeid_pack(node->id);
	open->key = fs_source_key(node);
	open->instance = node->instance;
	fs_content_get(session->content, &open->key, &node->instance, &open->waiter);
	fs_ahead_note(session->ahead, node);
}

static struct fs_handle *new_later_handle(struct fs_session *session, const struct fs_node *node,
					  uint64_t size)
{
	struct fs_handle *handle = fs_handle_new(session, FS_HANDLE_BLOB, size);

	if (handle == NULL)
		return NULL;
	handle->key = fs_source_key(node);
	handle->prompt = fs_source_is_prompt(session->options, node, size);
	handle->instance = malloc(sizeof(*handle->instance));
	if (handle->instance == NULL) {
		fs_handle_unref(handle);
		return NULL;
	}
	*handle->instance = node->instance;
	return handle;
}

/* Whether the original is there and as it was, if that can be told at once. */
static bool original_is_there(fuse_req_t req, const struct fs_node *node)
{
	struct fs_session *session = fs_ops_session(req);
	struct err err = {0};
	struct ix_reader *reader = fs_thread_reader(fs_session_thread(session), &err);
	struct fs_store_file file;

	if (reader == NULL || !fs_source_open_cached(session, reader, node->instance.id, &file))
		return false;
	base_close_fd(&file.fd);
	return true;
}

/* Made by the first READ: many who open a file only want to know that they can. */
static void open_later(fuse_req_t req, const struct fs_node *node, uint64_t size,
		       struct fuse_file_info *fi)
{
	struct fs_handle *handle = new_later_handle(fs_ops_session(req), node, size);

	if (handle == NULL)
		(void)fuse_reply_err(req, ENOMEM);
	else if (fs_content_has(handle->session->content, &handle->key) ||
		 original_is_there(req, node))
		reply_open_made(req, fs_nodeid_pack(node->id), fi, handle);
	else
		submit_open(req, node, fi, handle);
}

/* What is made at READ is found by the next one in the cache alone: a large one
 * that does not stay there would be made for each. */
static bool fits_memory(struct fs_session *session, uint64_t size)
{
	return size <= fs_content_room(session->content) / 2;
}

/* Who asks not to be kept waiting, as borg does of every file, takes an error from
 * READ. */
static void open_made(fuse_req_t req, const struct fs_node *node, struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct err err = {0};
	struct stat st;

	if (!fs_node_stat(session->options, node, &st, &err))
		fs_ops_reply_err(req, &err);
	else if (fs_source_is_prompt(session->options, node, (uint64_t)st.st_size) ||
		 ((fi->flags & O_NONBLOCK) != 0 && fits_memory(session, (uint64_t)st.st_size)))
		open_later(req, node, (uint64_t)st.st_size, fi);
	else
		open_derived(req, node, fi);
}

/* ---- open: what is there already ----------------------------------------- */

static void open_tag(fuse_req_t req, struct fuse_file_info *fi)
{
	struct fs_handle *handle =
		fs_handle_new(fs_ops_session(req), FS_HANDLE_TEXT, strlen(fs_cache_tag_text));

	if (handle == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	handle->text = fs_cache_tag_text;
	reply_open(req, fi, handle);
}

static void open_snapshot(fuse_req_t req, uint32_t row, struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct fs_handle *handle = fs_handle_new(session, FS_HANDLE_SNAPSHOT, 0);

	if (handle == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	if (!fs_snapshot_ref(session->snapshots, row, &handle->snapshot)) {
		fs_handle_unref(handle);
		(void)fuse_reply_err(req, ESTALE);
		return;
	}
	handle->size = handle->snapshot.size;
	reply_open(req, fi, handle);
}

void fs_ops_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
	struct fs_nodeid id;
	struct fs_node node;

	if ((fi->flags & O_ACCMODE) != O_RDONLY) {
		(void)fuse_reply_err(req, EROFS);
		return;
	}
	if (fs_nodeid_unpack(nodeid, &id) && id.class == FS_CLASS_SNAPSHOT) {
		open_snapshot(req, id.row, fi);
		return;
	}
	if (!fs_ops_node(req, nodeid, &node))
		return;
	if (node.id.class == FS_CLASS_CACHE_TAG)
		open_tag(req, fi);
	else if (node.id.class != FS_CLASS_FILE && node.id.class != FS_CLASS_FRAME)
		(void)fuse_reply_err(req, EISDIR);
	else if (!node.kind->original)
		open_made(req, &node, fi);
	else if (!open_cached(req, &node, fi))
		submit_open(req, &node, fi, NULL);
}

static void run_release(struct fs_job *job, struct fs_thread *thread)
{
	(void)thread;
	fs_handle_unref((struct fs_handle *)job);
}

void fs_ops_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
	struct fs_handle *handle = fs_handle_of_fh(fi->fh);
	struct fs_session *session = handle->session;

	(void)nodeid;
	(void)fuse_reply_err(req, 0);
	/* Closing what lies on a network, or on another FUSE, waits for it. */
	if (handle->type == FS_HANDLE_STORE && !session->local) {
		handle->job.run = run_release;
		fs_pool_submit(session->io_pool, &handle->job);
	} else {
		fs_handle_unref(handle);
	}
}

/* ---- read: files ----------------------------------------------------------- */

static int handle_fd(const struct fs_handle *handle)
{
	return handle->type == FS_HANDLE_STORE ? handle->file.fd : handle->snapshot.fd;
}

/* What was read may be half new and half old when the file was written to. */
static bool check_unchanged(const struct fs_handle *handle, struct err *err)
{
	return handle->type != FS_HANDLE_STORE || fs_store_file_check(&handle->file, err);
}

struct read_job {
	struct fs_job job;
	struct fs_request request;
	struct fs_handle *handle;
	uint64_t offset;
	size_t size; /* all of it exists */
};

static void run_read(struct fs_job *job, struct fs_thread *thread)
{
	struct read_job *read = (struct read_job *)job;
	struct fs_handle *handle = read->handle;
	uint8_t *buffer = fs_thread_buffer(thread, read->size);
	struct err err = {0};
	bool ok;

	ok = buffer != NULL
		     ? fs_read_exact(handle_fd(handle), buffer, read->size, read->offset, &err)
		     : err_set(&err, ERR_NOMEM, "out of memory");
	/* A short read of a file that was cut is the change, not a broken disk. */
	if (!check_unchanged(handle, &err))
		ok = false;
	if (!fs_request_claim(&read->request))
		; /* interrupted */
	else if (ok)
		(void)fuse_reply_buf(read->request.req, (const char *)buffer, read->size);
	else
		fs_ops_reply_err(read->request.req, &err);
	fs_handle_unref(handle);
	free(read);
}

static void submit_read(fuse_req_t req, struct fs_handle *handle, uint64_t offset, size_t size)
{
	struct read_job *read = calloc(1, sizeof(*read));
	struct fs_session *session = handle->session;

	if (read == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	read->job.run = run_read;
	read->handle = fs_handle_ref(handle);
	read->offset = offset;
	read->size = size;
	fs_request_arm(&read->request, req);
	fs_pool_submit(handle->type == FS_HANDLE_STORE ? session->io_pool : session->status_pool,
		       &read->job);
}

/* Straight from the page cache, which cannot make this thread wait; true when
 * the request was answered. */
static bool read_cached(fuse_req_t req, const struct fs_handle *handle, uint64_t offset,
			size_t size)
{
	uint8_t *buffer = fs_thread_buffer(fs_session_thread(handle->session), size);
	struct iovec to = {.iov_base = buffer, .iov_len = size};
	struct err err = {0};

	if (buffer == NULL ||
	    preadv2(handle_fd(handle), &to, 1, (off_t)offset, RWF_NOWAIT) != (ssize_t)size)
		return false;
	if (check_unchanged(handle, &err))
		(void)fuse_reply_buf(req, (const char *)buffer, size);
	else
		fs_ops_reply_err(req, &err);
	return true;
}

/* ---- read: blobs ------------------------------------------------------------ */

struct read_waiter {
	struct fs_waiter waiter;
	uint64_t offset;
	size_t size;
};

static void read_done(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	struct read_waiter *read = (struct read_waiter *)waiter;

	if (blob == NULL)
		fs_ops_reply_err(waiter->req, err);
	else if (read->offset + read->size > blob->size)
		(void)fuse_reply_err(waiter->req, EIO);
	else
		(void)fuse_reply_buf(waiter->req, (const char *)blob->data + read->offset,
				     read->size);
	fs_blob_unref(blob);
	free(read);
}

/* One dispatch thread is always left to those who only want to look. */
static bool may_make(struct fs_session *session)
{
	if (atomic_fetch_add(&session->making, 1) + 1 < session->options->dispatch_threads)
		return true;
	atomic_fetch_sub(&session->making, 1);
	return false;
}

static void read_blob(fuse_req_t req, const struct fs_handle *handle, uint64_t offset, size_t size)
{
	struct fs_session *session = handle->session;
	struct read_waiter *read;
	struct fs_blob *blob;

	if (handle->blob != NULL) {
		/* The handle may be released while the reply is still under way. */
		blob = fs_blob_ref(handle->blob);
		(void)fuse_reply_buf(req, (const char *)blob->data + offset, size);
		fs_blob_unref(blob);
		return;
	}
	read = calloc(1, sizeof(*read));
	if (read == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	read->waiter.req = req;
	read->waiter.done = read_done;
	read->waiter.brief = handle->prompt;
	read->offset = offset;
	read->size = size;
	/* Once it is answered, the handle may be gone. */
	if (handle->prompt && may_make(session)) {
		fs_content_get_here(session->content, fs_session_thread(session), &handle->key,
				    handle->instance, &read->waiter);
		atomic_fetch_sub(&session->making, 1);
	} else {
		fs_content_get(session->content, &handle->key, handle->instance, &read->waiter);
	}
}

void fs_ops_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
		 struct fuse_file_info *fi)
{
	struct fs_handle *handle = fs_handle_of_fh(fi->fh);
	uint64_t from = (uint64_t)offset;

	(void)nodeid;
	if (from >= handle->size || size == 0) {
		(void)fuse_reply_buf(req, NULL, 0);
		return;
	}
	size = (size_t)MIN_OF(size, handle->size - from);
	switch ((enum fs_handle_type)handle->type) {
	case FS_HANDLE_STORE:
	case FS_HANDLE_SNAPSHOT:
		if (!read_cached(req, handle, from, size))
			submit_read(req, handle, from, size);
		return;
	case FS_HANDLE_BLOB:
		read_blob(req, handle, from, size);
		return;
	case FS_HANDLE_TEXT:
		(void)fuse_reply_buf(req, handle->text + from, size);
		return;
	}
}
