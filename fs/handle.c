/* SPDX-License-Identifier: MIT */
#include "fs/handle.h"

void fs_handles_init(struct fs_handles *handles)
{
	pthread_mutex_init(&handles->lock, NULL);
	handles->first = NULL;
}

void fs_handles_release(struct fs_handles *handles)
{
	while (handles->first != NULL)
		fs_handle_unref(handles->first);
	pthread_mutex_destroy(&handles->lock);
}

static void list(struct fs_handles *handles, struct fs_handle *handle)
{
	pthread_mutex_lock(&handles->lock);
	handle->link = &handles->first;
	handle->next = handles->first;
	if (handle->next != NULL)
		handle->next->link = &handle->next;
	handles->first = handle;
	pthread_mutex_unlock(&handles->lock);
}

static void unlist(struct fs_handles *handles, struct fs_handle *handle)
{
	pthread_mutex_lock(&handles->lock);
	*handle->link = handle->next;
	if (handle->next != NULL)
		handle->next->link = handle->link;
	pthread_mutex_unlock(&handles->lock);
}

struct fs_handle *fs_handle_new(struct fs_session *session, enum fs_handle_type type, uint64_t size)
{
	struct fs_handle *handle = calloc(1, sizeof(*handle));

	if (handle == NULL)
		return NULL;
	atomic_init(&handle->references, 1);
	handle->type = (uint8_t)type;
	handle->size = size;
	handle->session = session;
	if (type == FS_HANDLE_STORE)
		handle->file.fd = -1;
	list(&session->handles, handle);
	return handle;
}

struct fs_handle *fs_handle_ref(struct fs_handle *handle)
{
	atomic_fetch_add_explicit(&handle->references, 1, memory_order_relaxed);
	return handle;
}

static void close_blob(struct fs_handle *handle)
{
	if (handle->blob != NULL) {
		fs_content_unpin(handle->session->content, &handle->key);
		fs_blob_unref(handle->blob);
	}
	free(handle->instance);
}

void fs_handle_unref(struct fs_handle *handle)
{
	if (atomic_fetch_sub_explicit(&handle->references, 1, memory_order_acq_rel) != 1)
		return;
	unlist(&handle->session->handles, handle);
	/* First: as long as a picture has a backing, somebody has it counted. */
	fs_backing_put(handle->session->passthrough, handle->backing);
	switch ((enum fs_handle_type)handle->type) {
	case FS_HANDLE_STORE:
		base_close_fd(&handle->file.fd);
		break;
	case FS_HANDLE_BLOB:
		close_blob(handle);
		break;
	case FS_HANDLE_SNAPSHOT:
		fs_snapshot_unref(handle->session->snapshots, handle->snapshot.row, 1);
		break;
	case FS_HANDLE_TEXT:
		break;
	}
	free(handle);
}
