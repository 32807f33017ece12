/* SPDX-License-Identifier: MIT */
#include "fs/thread.h"

void fs_thread_init(struct fs_thread *thread, struct ix_index *index)
{
	*thread = (struct fs_thread){.index = index};
}

void fs_thread_release(struct fs_thread *thread)
{
	if (thread->reader != NULL)
		ix_reader_close(thread->reader);
	thread->reader = NULL;
	free(thread->buffer);
	thread->buffer = NULL;
	thread->buffer_size = 0;
}

struct ix_reader *fs_thread_reader(struct fs_thread *thread, struct err *err)
{
	struct ix_reader *reader = NULL;

	if (thread->reader == NULL && ix_reader_open(&reader, thread->index, err))
		thread->reader = reader;
	return thread->reader;
}

uint8_t *fs_thread_buffer(struct fs_thread *thread, size_t size)
{
	uint8_t *buffer;

	if (thread->buffer_size >= size)
		return thread->buffer;
	buffer = realloc(thread->buffer, size);
	if (buffer == NULL)
		return NULL;
	thread->buffer = buffer;
	thread->buffer_size = size;
	return buffer;
}
