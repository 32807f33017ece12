/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include <errno.h>
#include <unistd.h>

/* ---- Common ------------------------------------------------------------ */

struct fs_session *fs_ops_session(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

void fs_ops_reply_err(fuse_req_t req, const struct err *err)
{
	(void)fuse_reply_err(req, err_to_errno(err));
}

struct ix_reader *fs_ops_reader(fuse_req_t req)
{
	struct err err = {0};
	struct ix_reader *reader = fs_thread_reader(fs_session_thread(fs_ops_session(req)), &err);

	if (reader == NULL) {
		log_error("index: %s", err.message);
		fs_ops_reply_err(req, &err);
	}
	return reader;
}

bool fs_ops_node(fuse_req_t req, fuse_ino_t nodeid, struct fs_node *node)
{
	struct ix_reader *reader = fs_ops_reader(req);
	struct err err = {0};

	if (reader == NULL)
		return false;
	if (fs_node_get(reader, nodeid, node, &err) &&
	    fs_node_is_shown(fs_ops_session(req)->options, node, &err))
		return true;
	fs_ops_reply_err(req, &err);
	return false;
}

void fs_ops_reply_stat(fuse_req_t req, const struct stat *st, double timeout)
{
	(void)fuse_reply_attr(req, st, timeout);
}

/* Files are what they are until they are announced to be gone; folders grow
 * while the first scan runs. */
static double timeout_of(struct fs_session *session, const struct fs_node *node)
{
	if (!session->writer)
		return FS_SHORT_TIMEOUT;
	if (fs_session_settled(session) || node->id.class == FS_CLASS_FILE ||
	    node->id.class == FS_CLASS_FRAME)
		return FS_LONG_TIMEOUT;
	return FS_SHORT_TIMEOUT;
}

bool fs_ops_fill_entry(struct fs_session *session, const struct fs_node *node,
		       struct fuse_entry_param *entry, struct err *err)
{
	memset(entry, 0, sizeof(*entry));
	if (!fs_node_stat(session->options, node, &entry->attr, err))
		return false;
	entry->ino = fs_nodeid_pack(node->id);
	/* There is one root, whatever the index; the kernel knows it by 0. */
	entry->generation = entry->ino == FUSE_ROOT_ID ? 0 : session->epoch;
	entry->attr_timeout = timeout_of(session, node);
	entry->entry_timeout = entry->attr_timeout;
	return true;
}

bool fs_ops_is_status_folder(const struct fs_node *node)
{
	return node->id.class == FS_CLASS_INDEX && node->id.row == IX_STATUS;
}

/* ---- lookup ------------------------------------------------------------ */

static void reply_absent(fuse_req_t req, bool for_ever)
{
	struct fuse_entry_param entry = {.entry_timeout = FS_LONG_TIMEOUT};

	if (for_ever)
		(void)fuse_reply_entry(req, &entry);
	else
		(void)fuse_reply_err(req, ENOENT);
}

static void reply_node(fuse_req_t req, const struct fs_node *node)
{
	struct fuse_entry_param entry;
	struct err err = {0};

	if (fs_ops_fill_entry(fs_ops_session(req), node, &entry, &err))
		(void)fuse_reply_entry(req, &entry);
	else
		fs_ops_reply_err(req, &err);
}

/* NFS finds the way from a file handle up to the root by these. */
static bool lookup_dots(struct ix_reader *reader, const struct fs_node *folder, const char *name,
			struct fs_node *node, struct err *err)
{
	if (name[1] != '\0')
		return fs_node_parent(reader, folder, node, err);
	*node = *folder;
	return true;
}

/* A folder of a kind comes with the first instance that has it, and changes
 * say nothing of it: it is never kept as absent. */
static bool may_come_unannounced(const struct fs_node *folder, const char *name)
{
	return folder->id.class == FS_CLASS_INDEX && folder->folder.type == IX_NODE_SERIES &&
	       rn_kind_find(span_of_text(name)) != NULL;
}

static void reply_lookup(fuse_req_t req, struct ix_reader *reader, const struct fs_node *folder,
			 const char *name)
{
	struct fs_session *session = fs_ops_session(req);
	struct fs_node node;
	struct err err = {0};
	bool dots = strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
	/* What is absent now may come at any time until the tree is complete. Asked
	 * before the index is: the last entry may come in between, unannounced. */
	bool for_ever = session->writer && fs_session_settled(session);
	bool found;

	found = dots ? lookup_dots(reader, folder, name, &node, &err)
		     : fs_node_lookup(reader, session->options, folder, name, &node, &err);
	if (found)
		reply_node(req, &node);
	else if (err.code != ERR_NOTFOUND || may_come_unannounced(folder, name))
		fs_ops_reply_err(req, &err);
	else
		reply_absent(req, for_ever);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct ix_reader *reader = fs_ops_reader(req);
	enum fs_snapshot_kind kind;
	struct fs_node folder;

	if (reader == NULL)
		return;
	if (strlen(name) > IX_NAME_MAX)
		(void)fuse_reply_err(req, ENAMETOOLONG);
	else if (fs_name_is_probe(name))
		reply_absent(req, true);
	else if (!fs_ops_node(req, parent, &folder))
		return;
	else if (fs_ops_is_status_folder(&folder) && fs_snapshot_find(name, &kind))
		fs_ops_lookup_snapshot(req, kind);
	else
		reply_lookup(req, reader, &folder, name);
}

/* ---- Attributes ---------------------------------------------------------- */

static void op_getattr(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct fuse_entry_param entry;
	struct fs_nodeid id;
	struct fs_node node;
	struct err err = {0};

	(void)fi;
	if (fs_nodeid_unpack(nodeid, &id) && id.class == FS_CLASS_SNAPSHOT)
		fs_ops_getattr_snapshot(req, id.row);
	else if (!fs_ops_node(req, nodeid, &node))
		return;
	else if (fs_ops_fill_entry(session, &node, &entry, &err))
		fs_ops_reply_stat(req, &entry.attr, entry.attr_timeout);
	else
		fs_ops_reply_err(req, &err);
}

static void op_readlink(fuse_req_t req, fuse_ino_t nodeid)
{
	struct fs_node node;

	if (!fs_ops_node(req, nodeid, &node))
		return;
	if (node.id.class == FS_CLASS_INDEX && node.folder.type == IX_NODE_LINK)
		(void)fuse_reply_readlink(req, node.folder.target);
	else
		(void)fuse_reply_err(req, EINVAL);
}

static void op_access(fuse_req_t req, fuse_ino_t nodeid, int mask)
{
	/* The kernel checks modes itself (default_permissions). */
	(void)nodeid;
	(void)fuse_reply_err(req, (mask & W_OK) != 0 ? EROFS : 0);
}

static void op_statfs(fuse_req_t req, fuse_ino_t nodeid)
{
	struct fs_session *session = fs_ops_session(req);
	struct ix_reader *reader = fs_ops_reader(req);
	struct ix_status status = {0};
	struct statvfs st;
	struct err err = {0};

	(void)nodeid;
	if (reader == NULL)
		return;
	if (!ix_status_get(reader, &status, &err)) {
		fs_ops_reply_err(req, &err);
		return;
	}
	pthread_mutex_lock(&session->statvfs_lock);
	st = session->statvfs;
	pthread_mutex_unlock(&session->statvfs_lock);
	st.f_files = status.counts.patients + status.counts.studies + status.counts.series +
		     status.counts.instances;
	(void)fuse_reply_statfs(req, &st);
}

/* ---- What a read-only file system refuses --------------------------------- */

static void op_setattr(fuse_req_t req, fuse_ino_t nodeid, struct stat *attr, int to_set,
		       struct fuse_file_info *fi)
{
	(void)nodeid, (void)attr, (void)to_set, (void)fi;
	(void)fuse_reply_err(req, EROFS);
}

static void op_mknod(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode, dev_t dev)
{
	(void)parent, (void)name, (void)mode, (void)dev;
	(void)fuse_reply_err(req, EROFS);
}

static void op_mkdir(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	(void)fuse_reply_err(req, EROFS);
}

static void op_remove(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	(void)fuse_reply_err(req, EROFS);
}

static void op_symlink(fuse_req_t req, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target, (void)parent, (void)name;
	(void)fuse_reply_err(req, EROFS);
}

static void op_rename(fuse_req_t req, fuse_ino_t parent, const char *name, fuse_ino_t new_parent,
		      const char *new_name, unsigned flags)
{
	(void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
	(void)fuse_reply_err(req, EROFS);
}

static void op_link(fuse_req_t req, fuse_ino_t nodeid, fuse_ino_t new_parent, const char *new_name)
{
	(void)nodeid, (void)new_parent, (void)new_name;
	(void)fuse_reply_err(req, EROFS);
}

static void op_create(fuse_req_t req, fuse_ino_t parent, const char *name, mode_t mode,
		      struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	(void)fuse_reply_err(req, EROFS);
}

static void op_write(fuse_req_t req, fuse_ino_t nodeid, const char *data, size_t size, off_t offset,
		     struct fuse_file_info *fi)
{
	(void)nodeid, (void)data, (void)size, (void)offset, (void)fi;
	(void)fuse_reply_err(req, EROFS);
}

static void op_fallocate(fuse_req_t req, fuse_ino_t nodeid, int mode, off_t offset, off_t length,
			 struct fuse_file_info *fi)
{
	(void)nodeid, (void)mode, (void)offset, (void)length, (void)fi;
	(void)fuse_reply_err(req, EROFS);
}

static void op_setxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, const char *value,
			size_t size, int flags)
{
	(void)nodeid, (void)name, (void)value, (void)size, (void)flags;
	(void)fuse_reply_err(req, EROFS);
}

static void op_removexattr(fuse_req_t req, fuse_ino_t nodeid, const char *name)
{
	(void)nodeid, (void)name;
	(void)fuse_reply_err(req, EROFS);
}

/* ---- The connection -------------------------------------------------------- */

/* Why each: see the notes of measurements in the design. */
static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs_session *session = userdata;
	const unsigned wanted = FUSE_CAP_READDIRPLUS | FUSE_CAP_EXPLICIT_INVAL_DATA |
				FUSE_CAP_EXPORT_SUPPORT | FUSE_CAP_PARALLEL_DIROPS |
				FUSE_CAP_ASYNC_READ | FUSE_CAP_ASYNC_DIO;
	/* Without ATOMIC_O_TRUNC, to cut a file is a setattr of its own, which is
	 * refused; root may have remounted us for writing. */
	const unsigned unwanted = FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA |
				  FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE |
				  FUSE_CAP_SPLICE_MOVE | FUSE_CAP_ATOMIC_O_TRUNC;

	conn->want &= ~unwanted;
	conn->want |= conn->capable & wanted;
	/* A cached link is only dropped when we say so: a follower cannot. */
	if (session->writer)
		conn->want |= conn->capable & FUSE_CAP_CACHE_SYMLINKS;
	fs_passthrough_init(session->passthrough, conn);
	session->no_opendir = (conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT) != 0;
	conn->max_write = FS_READ_SIZE;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->time_gran = 1;
	atomic_store(&session->initialised, true);
}

const struct fuse_lowlevel_ops fs_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = fs_ops_forget,
	.forget_multi = fs_ops_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.access = op_access,
	.statfs = op_statfs,
	.opendir = fs_ops_opendir,
	.readdir = fs_ops_readdir,
	.readdirplus = fs_ops_readdirplus,
	.releasedir = fs_ops_releasedir,
	.open = fs_ops_open,
	.read = fs_ops_read,
	.release = fs_ops_release,
	.getxattr = fs_ops_getxattr,
	.listxattr = fs_ops_listxattr,
	.setattr = op_setattr,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_remove,
	.rmdir = op_remove,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.create = op_create,
	.write = op_write,
	.fallocate = op_fallocate,
	.setxattr = op_setxattr,
	.removexattr = op_removexattr,
};
