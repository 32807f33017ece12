/* SPDX-License-Identifier: MIT */
#include "index/listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>

#include "index/content.h"

void ix_listing_release(struct ix_listing *listing)
{
	buf_release(&listing->names);
	free(listing->entries);
	listing->entries = NULL;
	listing->count = listing->capacity = 0;
}

static uint8_t type_of_mode(mode_t mode)
{
	if (S_ISREG(mode))
		return IX_ENTRY_FILE;
	if (S_ISDIR(mode))
		return IX_ENTRY_FOLDER;
	return S_ISLNK(mode) ? IX_ENTRY_LINK : IX_ENTRY_SPECIAL;
}

bool ix_leads_nowhere(int sys)
{
	return sys == ENOENT || sys == ELOOP || sys == ENOTDIR;
}

static uint8_t type_of(int folder_fd, const struct dirent *entry, bool follow)
{
	struct stat st;
	uint8_t type = IX_ENTRY_SPECIAL;

	switch (entry->d_type) {
	case DT_REG:
		return IX_ENTRY_FILE;
	case DT_DIR:
		return IX_ENTRY_FOLDER;
	case DT_LNK:
		type = IX_ENTRY_LINK;
		break;
	case DT_UNKNOWN:
		/* Gone already: whoever opens it finds out. */
		if (fstatat(folder_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0)
			return IX_ENTRY_FILE;
		type = type_of_mode(st.st_mode);
		break;
	default:
		return IX_ENTRY_SPECIAL;
	}
	if (type != IX_ENTRY_LINK || !follow)
		return type;
	if (fstatat(folder_fd, entry->d_name, &st, 0) == 0)
		return S_ISDIR(st.st_mode) ? IX_ENTRY_LINK_FOLDER : IX_ENTRY_LINK;
	return ix_leads_nowhere(errno) ? IX_ENTRY_LINK : IX_ENTRY_LINK_UNKNOWN;
}

bool ix_listing_add(struct ix_listing *listing, const char *name, uint8_t type, struct err *err)
{
	if (listing->names.size > UINT32_MAX - 256)
		return err_set(err, ERR_LIMIT, "too many entries");
	if (listing->count == listing->capacity) {
		size_t capacity = listing->capacity > 0 ? listing->capacity * 2 : 64;
		struct ix_entry_name *larger =
			realloc(listing->entries, capacity * sizeof(*larger));

		if (larger == NULL)
			return err_set(err, ERR_NOMEM, "out of memory");
		listing->entries = larger;
		listing->capacity = capacity;
	}
	listing->entries[listing->count++] = (struct ix_entry_name){
		.start = (uint32_t)listing->names.size,
		.type = type,
	};
	buf_append(&listing->names, name, strlen(name) + 1);
	return buf_ok(&listing->names, err);
}

/* The byte behind a common prefix that ends here. */
static int compare_names(const char *a, bool a_folder, const char *b, bool b_folder)
{
	unsigned char x, y;

	while (*a != '\0' && *a == *b) {
		a++;
		b++;
	}
	x = *a == '\0' && a_folder ? '/' : (unsigned char)*a;
	y = *b == '\0' && b_folder ? '/' : (unsigned char)*b;
	return x - y;
}

static int compare_entries(const void *a, const void *b, void *names)
{
	const struct ix_entry_name *x = a, *y = b;
	const char *text = names;

	return compare_names(text + x->start, ix_entry_is_folder(x->type), text + y->start,
			     ix_entry_is_folder(y->type));
}

static void close_dir(DIR **dir)
{
	if (*dir != NULL)
		(void)closedir(*dir);
}

static bool read_entries(struct ix_listing *listing, DIR *dir, int folder_fd, bool follow,
			 struct err *err)
{
	for (;;) {
		const struct dirent *entry;

		errno = 0;
		entry = readdir(dir);
		if (entry == NULL)
			return errno == 0 ||
			       err_set_sys(err, errno, "folder cannot be read to its end");
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		if (!ix_listing_add(listing, entry->d_name, type_of(folder_fd, entry, follow), err))
			return false;
	}
}

/* A folder that is changed while it is read may tell a name twice. */
static void drop_repeated(struct ix_listing *listing)
{
	size_t kept = 1;

	for (size_t i = 1; i < listing->count; i++) {
		if (compare_entries(&listing->entries[kept - 1], &listing->entries[i],
				    listing->names.data) != 0)
			listing->entries[kept++] = listing->entries[i];
	}
	listing->count = kept;
}

void ix_listing_sort(struct ix_listing *listing)
{
	if (listing->count == 0)
		return;
	qsort_r(listing->entries, listing->count, sizeof(*listing->entries), compare_entries,
		listing->names.data);
	drop_repeated(listing);
}

bool ix_listing_read(struct ix_listing *listing, int folder_fd, bool follow, struct err *err)
{
	/* A descriptor of its own: closedir closes it, and its position is ours. */
	int fd = ix_open_folder(folder_fd, ".", false);
	DIR *dir CLEANUP(close_dir) = fd >= 0 ? fdopendir(fd) : NULL;
	bool ok;

	memset(listing, 0, sizeof(*listing));
	listing->names = buf_empty(BUF_NO_LIMIT);
	if (dir == NULL) {
		(void)err_set_sys(err, errno, "folder cannot be read");
		base_close_fd(&fd);
		return false;
	}
	ok = read_entries(listing, dir, folder_fd, follow, err);
	ix_listing_sort(listing);
	return ok;
}

bool ix_listing_has_folder(const struct ix_listing *listing, const char *name)
{
	size_t low = 0, high = listing->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_names(ix_listing_name(listing, middle),
					  ix_entry_is_folder(listing->entries[middle].type), name,
					  true);

		if (order == 0)
			return true;
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}
