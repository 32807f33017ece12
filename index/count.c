/* SPDX-License-Identifier: MIT */
#include "index/count.h"

#include <dirent.h>
#include <fcntl.h>

#include "index/content.h"

/* As deep as the walk goes. */
#define DEPTH_MAX 200

static bool is_over(const struct ix_count *count)
{
	return atomic_load_explicit(&count->quit, memory_order_relaxed) ||
	       (count->stop != NULL && atomic_load_explicit(count->stop, memory_order_relaxed));
}

/* Opens the next folder below dir, counting the files in front of it. */
static DIR *next_folder(struct ix_count *count, DIR *dir)
{
	const struct dirent *entry;

	while (!is_over(count) && (entry = readdir(dir)) != NULL) {
		int fd;
		DIR *below;

		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (entry->d_type != DT_DIR) {
			(void)atomic_fetch_add_explicit(&count->files, 1, memory_order_relaxed);
			continue;
		}
		fd = ix_open_folder(dirfd(dir), entry->d_name, false);
		below = fd >= 0 ? fdopendir(fd) : NULL;
		if (below != NULL)
			return below;
		base_close_fd(&fd);
	}
	return NULL;
}

void *ix_count_run(void *context)
{
	struct ix_count *count = context;
	DIR *levels[DEPTH_MAX];
	size_t depth = 0;
	int fd = ix_open_folder(count->store_fd, ".", false);

	levels[0] = fd >= 0 ? fdopendir(fd) : NULL;
	if (levels[0] == NULL) {
		base_close_fd(&fd);
		return NULL;
	}
	depth = 1;
	while (depth > 0) {
		DIR *below = next_folder(count, levels[depth - 1]);

		if (below != NULL && depth < DEPTH_MAX) {
			levels[depth++] = below;
			continue;
		}
		if (below != NULL) {
			(void)closedir(below);
			continue;
		}
		(void)closedir(levels[--depth]);
	}
	if (!is_over(count))
		atomic_store(&count->done, true);
	return NULL;
}
