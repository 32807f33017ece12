/*
 * FUSE passthrough (Linux 6.9 and later, CAP_SYS_ADMIN): the kernel reads an
 * open file straight from a backing file, and no READ reaches us.
 *
 * All opens of an inode at one time must be of one mode, passed through to one
 * backing file or not at all: an OPEN answered otherwise fails with EIO. So
 * every open of a file that may be passed through takes a backing here; the
 * first decides, the others follow.
 *
 * libfuse knows this from 3.17 on. Below it, the INIT reply is completed on its
 * way to the kernel, and OPEN answered in the kernel's own words
 * (include/uapi/linux/fuse.h); what those mean is fixed for ever.
 *
 * Thread rule: any thread, once attached.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_PASSTHROUGH_H
#define FS_PASSTHROUGH_H

#include "dicom/err.h"
#include "fs/fuse.h"

struct fs_passthrough;
bool fs_passthrough_open(struct fs_passthrough **passthrough, struct err *err) MUST_CHECK;
void fs_passthrough_close(struct fs_passthrough *passthrough); /* NULL is allowed */

/* After the mount, before its first request. Without it nothing is passed
 * through. The session's user data stays as it is, and the session outlives
 * the last call here. */
bool fs_passthrough_attach(struct fs_passthrough *passthrough, struct fuse_session *fuse,
			   struct err *err) MUST_CHECK;
/* In the INIT operation. */
void fs_passthrough_init(struct fs_passthrough *passthrough, struct fuse_conn_info *conn);
/* Whether this kernel is one that may have it, as far as that is known before it is
 * asked: only then the right to it is of use. */
bool fs_passthrough_is_known(void);
/* Whether it was agreed upon with the kernel: constant from then on. Every open of
 * a file that may be passed through must take a backing then. */
bool fs_passthrough_agreed(const struct fs_passthrough *passthrough);
/* Whether rights have allowed it, too, so far: whether it pays to prepare for it. */
bool fs_passthrough_allowed(const struct fs_passthrough *passthrough);

/* What the opens of one inode share. */
struct fs_backing;

/* For one more open of nodeid. fd: the file to pass it through to, or -1 to
 * read it from us; not looked at when the inode is open already, nor kept. NULL:
 * no memory. */
struct fs_backing *fs_backing_take(struct fs_passthrough *passthrough, uint64_t nodeid,
				   int fd) MUST_CHECK;
/* 0: READ requests come to us. */
int32_t fs_backing_id(const struct fs_backing *backing);
/* After RELEASE, or when OPEN was not answered. NULL is allowed. */
void fs_backing_put(struct fs_passthrough *passthrough, struct fs_backing *backing);
/* Inodes that are open; for tests. */
size_t fs_backing_count(struct fs_passthrough *passthrough);

/* Answers OPEN. fi as for fuse_reply_open(); keep_cache is for what is not passed
 * through. backing may be NULL. */
int fs_passthrough_reply(fuse_req_t req, struct fuse_file_info *fi,
			 const struct fs_backing *backing);

#endif
