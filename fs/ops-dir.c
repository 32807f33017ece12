/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include <errno.h>

/* Offsets of entries: "." and "..", then what the folder holds, each by a
 * number that is its own as long as it exists: a row key of the index, a kind,
 * a frame. So a listing can go on after any entry, whatever has changed. */
#define OFFSET_DOT 1
#define OFFSET_DOTS 2
#define OFFSET_FIRST 16

/* One reply being filled. */
struct listing {
	fuse_req_t req;
	struct fs_session *session;
	struct ix_reader *reader;
	const struct fs_node *folder;
	bool plus;
	char *data;
	size_t size, used;
	bool full;
	struct err err;
};

/* False: full. */
static bool add(struct listing *listing, const char *name, const struct fuse_entry_param *entry,
		off_t offset)
{
	char *to = listing->data + listing->used;
	size_t left = listing->size - listing->used;
	size_t needed =
		listing->plus
			? fuse_add_direntry_plus(listing->req, to, left, name, entry, offset)
			: fuse_add_direntry(listing->req, to, left, name, &entry->attr, offset);

	if (needed > left)
		listing->full = true;
	else
		listing->used += needed;
	return !listing->full;
}

/* Without attributes: all but number and type stay zero, and the kernel asks
 * when it wants them. */
static bool add_bare(struct listing *listing, const char *name, uint64_t ino, mode_t type,
		     off_t offset)
{
	struct fuse_entry_param entry;

	memset(&entry, 0, sizeof(entry));
	entry.attr.st_ino = ino;
	entry.attr.st_mode = type;
	return add(listing, name, &entry, offset);
}

static bool add_node(struct listing *listing, const char *name, const struct fs_node *node,
		     uint64_t number)
{
	off_t offset = (off_t)(OFFSET_FIRST + number);
	struct fuse_entry_param entry;
	struct err err = {0};

	/* What cannot tell its size must not hide its neighbours. */
	if (!fs_ops_fill_entry(listing->session, node, &entry, &err))
		return add_bare(listing, name, 0, S_IFREG, offset);
	return add(listing, name, &entry, offset);
}

/* The number after which to go on; 0: from the start. */
static uint64_t number_of_offset(off_t offset)
{
	return offset > OFFSET_FIRST ? (uint64_t)offset - OFFSET_FIRST : 0;
}

/* ---- What folders hold ------------------------------------------------- */

static bool each_child(const struct ix_node *child, void *context)
{
	struct listing *listing = context;
	struct fs_node node = {
		.id = {.class = FS_CLASS_INDEX, .row = (uint32_t)child->id},
	};

	node.folder = *child;
	return add_node(listing, child->name, &node, (uint64_t)child->id);
}

static void list_kinds(struct listing *listing, uint64_t after)
{
	const struct ix_node *series = &listing->folder->folder;
	uint32_t kinds = series->kinds & listing->session->options->kinds;
	struct fs_node node = {.folder = *series};

	for (uint8_t number = (uint8_t)after; number < RN_KIND_LIMIT; number++) {
		const struct rn_kind *kind = rn_kind_table[number];

		if (kind == NULL || (kinds >> number & 1) == 0)
			continue;
		node.id = (struct fs_nodeid){
			.class = FS_CLASS_KIND_FOLDER, .kind = number, .row = (uint32_t)series->id};
		node.kind = kind;
		if (!add_node(listing, kind->folder, &node, (uint64_t)number + 1))
			return;
	}
}

/* False: there is no such file, or listing->err says why. */
static bool measure(struct listing *listing, struct fs_node *file)
{
	struct err err = {0};

	if (fs_node_measure(listing->reader, file, &err))
		return true;
	if (err.code != ERR_NOTFOUND)
		listing->err = err;
	return false;
}

static void join_name(char to[static IX_NAME_MAX + 1], const char *base, const char *suffix)
{
	size_t size = strnlen(base, IX_INSTANCE_NAME_MAX);

	memcpy(to, base, size);
	memcpy(to + size, suffix, strlen(suffix) + 1);
}

static bool each_instance(const struct ix_instance *instance, void *context)
{
	struct listing *listing = context;
	const struct rn_kind *kind = listing->folder->kind;
	struct fs_node node = {.kind = kind};
	char name[IX_NAME_MAX + 1];
	bool folder = fs_instance_has_frame_folder(kind, instance);

	if ((fs_instance_kinds(listing->session->options, instance) >> kind->number & 1) == 0)
		return true;
	node.id = (struct fs_nodeid){
		.class = folder ? FS_CLASS_FRAME_FOLDER : FS_CLASS_FILE,
		.kind = kind->number,
		.row = (uint32_t)instance->id,
	};
	node.instance = *instance;
	if (!measure(listing, &node))
		return listing->err.code == ERR_NONE;
	join_name(name, instance->name, folder ? "" : kind->suffix);
	return add_node(listing, name, &node, (uint64_t)instance->id);
}

static void list_frames(struct listing *listing, uint64_t after)
{
	struct fs_node node = *listing->folder;
	char name[FS_FRAME_NAME_MAX + 1];

	node.id.class = FS_CLASS_FRAME;
	for (uint64_t frame = after; frame < node.instance.frames; frame++) {
		node.id.frame = (uint32_t)frame;
		if (!measure(listing, &node)) {
			if (listing->err.code != ERR_NONE)
				return;
			continue;
		}
		fs_frame_name(node.kind, &node.instance, node.id.frame, name);
		if (!add_node(listing, name, &node, frame + 1))
			return;
	}
}

static void list_snapshots(struct listing *listing, uint64_t after)
{
	for (uint64_t number = after; number < FS_SNAPSHOT_KINDS; number++) {
		enum fs_snapshot_kind kind = (enum fs_snapshot_kind)number;

		if (!add_bare(listing, fs_snapshot_names[kind], fs_ops_snapshot_ino(kind), S_IFREG,
			      (off_t)(OFFSET_FIRST + number + 1)))
			return;
	}
}

static bool list_content(struct listing *listing, uint64_t after)
{
	const struct fs_node *folder = listing->folder;

	if (fs_ops_is_status_folder(folder))
		list_snapshots(listing, after);
	else if (folder->id.class == FS_CLASS_FRAME_FOLDER)
		list_frames(listing, after);
	else if (folder->id.class == FS_CLASS_KIND_FOLDER)
		return ix_instances(listing->reader, folder->folder.id,
				    UINT32_C(1) << folder->kind->number, (int64_t)after,
				    each_instance, listing, &listing->err);
	else if (folder->folder.type == IX_NODE_SERIES)
		list_kinds(listing, after);
	else
		return ix_children(listing->reader, folder->folder.id, (int64_t)after, each_child,
				   listing, &listing->err);
	return true;
}

static void list_dots(struct listing *listing, off_t offset)
{
	struct stat st;
	struct fs_node parent;

	if (offset < OFFSET_DOT &&
	    fs_node_stat(listing->session->options, listing->folder, &st, &listing->err))
		(void)add_bare(listing, ".", st.st_ino, S_IFDIR, OFFSET_DOT);
	if (offset < OFFSET_DOTS && listing->err.code == ERR_NONE && !listing->full &&
	    fs_node_parent(listing->reader, listing->folder, &parent, &listing->err) &&
	    fs_node_stat(listing->session->options, &parent, &st, &listing->err))
		(void)add_bare(listing, "..", st.st_ino, S_IFDIR, OFFSET_DOTS);
}

/* ---- Operations -------------------------------------------------------- */

static void reply_listing(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset, bool plus)
{
	struct fs_session *session = fs_ops_session(req);
	struct fs_node folder;
	struct listing listing = {
		.req = req,
		.session = session,
		.folder = &folder,
		.plus = plus,
		.size = size,
	};

	listing.reader = fs_ops_reader(req);
	if (listing.reader == NULL || !fs_ops_node(req, nodeid, &folder))
		return;
	listing.data = (char *)fs_thread_buffer(fs_session_thread(session), size);
	if (listing.data == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	if (offset < OFFSET_DOTS)
		list_dots(&listing, offset);
	if (listing.err.code == ERR_NONE && !listing.full)
		(void)list_content(&listing, number_of_offset(offset));
	/* What is filled can be told; the error comes again when it goes on. */
	if (listing.err.code != ERR_NONE && listing.used == 0)
		fs_ops_reply_err(req, &listing.err);
	else
		(void)fuse_reply_buf(req, listing.data, listing.used);
}

void fs_ops_readdir(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, nodeid, size, offset, false);
}

void fs_ops_readdirplus(fuse_req_t req, fuse_ino_t nodeid, size_t size, off_t offset,
			struct fuse_file_info *fi)
{
	(void)fi;
	reply_listing(req, nodeid, size, offset, true);
}

void fs_ops_opendir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
	struct fs_session *session = fs_ops_session(req);
	struct fs_node node;

	if (!fs_ops_node(req, nodeid, &node))
		return;
	if (!fs_node_is_folder(&node)) {
		(void)fuse_reply_err(req, ENOTDIR);
		return;
	}
	/* Listings hold no state and the kernel may keep them: it need not ask again,
	 * for no folder. Until then it asks, and may not keep them. */
	fi->cache_readdir = session->writer && fs_session_settled(session);
	fi->keep_cache = fi->cache_readdir;
	if (fi->cache_readdir && session->no_opendir)
		(void)fuse_reply_err(req, ENOSYS);
	else
		(void)fuse_reply_open(req, fi);
}

void fs_ops_releasedir(fuse_req_t req, fuse_ino_t nodeid, struct fuse_file_info *fi)
{
	(void)nodeid, (void)fi;
	(void)fuse_reply_err(req, 0);
}
