/*
 * The FUSE operations, one file per group; fs/ops.c has their table. Their
 * signatures are libfuse's. All run in dispatch threads, which neither decode
 * nor wait for the store.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_OPS_H
#define FS_OPS_H

#include "fs/core.h"

/* ---- Common ------------------------------------------------------------ */

struct fs_session *fs_ops_session(fuse_req_t req);
/* The calling thread's reader; NULL after replying the error. */
struct ix_reader *fs_ops_reader(fuse_req_t req);
/* The row behind a nodeid; false after replying the error. */
bool fs_ops_node(fuse_req_t req, fuse_ino_t nodeid, struct fs_node *node) MUST_CHECK;
void fs_ops_reply_err(fuse_req_t req, const struct err *err);
void fs_ops_reply_stat(fuse_req_t req, const struct stat *st, double timeout);

/* What the kernel is told of a node, timeouts included. */
bool fs_ops_fill_entry(struct fs_session *session, const struct fs_node *node,
		       struct fuse_entry_param *entry, struct err *err) MUST_CHECK;
void fs_ops_fill_snapshot(struct fs_session *session, const struct fs_snapshot_info *info,
			  struct fuse_entry_param *entry);
/* st_ino of .dicomfs/NAME. */
uint64_t fs_ops_snapshot_ino(enum fs_snapshot_kind kind);
bool fs_ops_is_status_folder(const struct fs_node *node);

/* ---- fs/ops-dir.c ------------------------------------------------------- */

void fs_ops_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void fs_ops_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
		    struct fuse_file_info *fi);
void fs_ops_readdirplus(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
			struct fuse_file_info *fi);
void fs_ops_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);

/* ---- fs/ops-file.c ------------------------------------------------------ */

void fs_ops_open(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);
void fs_ops_read(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
		 struct fuse_file_info *fi);
void fs_ops_release(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi);

/* ---- fs/ops-xattr.c ----------------------------------------------------- */

void fs_ops_getxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, size_t size);
void fs_ops_listxattr(fuse_req_t req, fuse_ino_t nodeid, size_t size);

/* ---- fs/ops-snapshot.c -------------------------------------------------- */

/* Replies the entry of a file of .dicomfs, from the pool. */
void fs_ops_lookup_snapshot(fuse_req_t req, enum fs_snapshot_kind kind);
void fs_ops_getattr_snapshot(fuse_req_t req, uint32_t row);
void fs_ops_forget(fuse_req_t req, fuse_ino_t nodeid, uint64_t lookups);
void fs_ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets);

#endif
