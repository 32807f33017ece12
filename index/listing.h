/*
 * The entries of one store folder in the order of full paths: a folder sorts
 * as if its name ended in a slash, so that a walk depth first meets all paths
 * in the order of their bytes. Memory: the names and eight bytes an entry.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef INDEX_LISTING_H
#define INDEX_LISTING_H

#include "dicom/buf.h"

enum ix_entry_type {
	IX_ENTRY_FILE,
	IX_ENTRY_FOLDER,
	IX_ENTRY_LINK,        /* to anything but a folder, or not to be followed */
	IX_ENTRY_LINK_FOLDER, /* to a folder, only with follow */
	/* To what cannot be found out now; sorts as a folder, only with follow. */
	IX_ENTRY_LINK_UNKNOWN,
	IX_ENTRY_SPECIAL,
};

struct ix_entry_name {
	uint32_t start; /* in names */
	uint8_t type;   /* enum ix_entry_type */
};

struct ix_listing {
	struct buf names; /* each with its NUL */
	struct ix_entry_name *entries;
	size_t count, capacity;
};

/* Reads the folder. Names that do not fit 255 bytes do not exist on Linux.
 * False with entries: reading broke off; they are sorted and valid. */
bool ix_listing_read(struct ix_listing *listing, int folder_fd, bool follow,
		     struct err *err) MUST_CHECK;
void ix_listing_release(struct ix_listing *listing);

/* What ix_listing_read() is made of. Sorting drops what is there twice. */
bool ix_listing_add(struct ix_listing *listing, const char *name, uint8_t type,
		    struct err *err) MUST_CHECK;
void ix_listing_sort(struct ix_listing *listing);

static inline const char *ix_listing_name(const struct ix_listing *listing, size_t at)
{
	return (const char *)listing->names.data + listing->entries[at].start;
}

static inline bool ix_entry_is_folder(uint8_t type)
{
	return type == IX_ENTRY_FOLDER || type == IX_ENTRY_LINK_FOLDER ||
	       type == IX_ENTRY_LINK_UNKNOWN;
}

/* Whether a link that failed with this errno has nothing at its end, for good. */
bool ix_leads_nowhere(int sys);

/* Whether there is a folder (or a link to one) of that name. */
bool ix_listing_has_folder(const struct ix_listing *listing, const char *name);

#endif
