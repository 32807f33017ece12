/*
 * The places a mount is made of: the store, the index, the mount point and the
 * FUSE device. Every check that can be made before anything is touched, each
 * failing with one line for people.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_PLACES_H
#define FS_PLACES_H

#include "fs/options.h"

/* Makes options->store absolute and free of symlinks, and opens it: a folder
 * that can be listed. *store_fd is the caller's to close. */
bool fs_check_store(struct fs_options *options, int *store_fd, struct err *err) MUST_CHECK;

/* Sets options->index_path (the default place if NULL), absolute, symlinks
 * resolved in the part that exists; makes nothing. ERR_USAGE when it is inside
 * the store or the mount point, or the store is inside the index. Call after
 * fs_check_store(), and fs_check_mountpoint() if there is one. */
bool fs_check_index_place(struct fs_options *options, struct err *err) MUST_CHECK;

/* Likewise options->cache_dir, if there is one. Call after fs_check_store() and
 * fs_check_mountpoint(). */
bool fs_check_cache_place(struct fs_options *options, struct err *err) MUST_CHECK;

/* Confines this process (fs/confine.h) to the folders of its index and its cache, as far
 * as they are there; rights: of FS_RIGHT_. Call once both were opened. */
bool fs_confine_to_places(const struct fs_options *options, unsigned rights,
			  struct err *err) MUST_CHECK;

/* Makes options->mountpoint absolute and free of symlinks: an empty folder (or
 * any with nonempty) on which nothing is mounted, not inside the store nor the
 * store inside it. A mount of dicomfs is never hidden; another file system's
 * root is one more folder with nonempty; systemd's automount points are taken
 * as they are. Call after fs_check_store(). */
bool fs_check_mountpoint(struct fs_options *options, struct err *err) MUST_CHECK;

/* /dev/fuse is there and may be used; without the right to mount, so is
 * fusermount3, and /etc/fuse.conf allows allow_other when asked for. */
bool fs_check_fuse(const struct fs_options *options, struct err *err) MUST_CHECK;

/* True when path is folder or below it; both absolute and normal. */
bool fs_path_is_inside(const char *path, const char *folder);

/* Of our mounts, in /proc/self/mountinfo. */
#define FS_MOUNT_TYPE "fuse.dicomfs"

/* The topmost file system mounted on exactly this folder, from the text of
 * /proc/self/mountinfo: its type, and its device as "0:39". False when there is
 * none. */
bool fs_mount_find(const char *mountinfo, const char *folder, struct buf *type,
		   struct buf *device) MUST_CHECK;
/* A number that changes with what is mounted on the folder or in it. */
uint64_t fs_mounts_in(const char *mountinfo, const char *folder);

/* Both among the mounts there are. They ask no file system. */
bool fs_mount_here(const char *folder, struct buf *type, struct buf *device) MUST_CHECK;
uint64_t fs_mounts_in_here(const char *folder);

#endif
