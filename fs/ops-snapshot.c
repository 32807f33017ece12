/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include <errno.h>

#include "fs/request.h"
#include "index/names.h"

#define IDENT_TYPE_SNAPSHOT (0x80u + FS_CLASS_SNAPSHOT)

uint64_t fs_ops_snapshot_ino(enum fs_snapshot_kind kind)
{
	return ix_ident(IX_STATUS, IDENT_TYPE_SNAPSHOT, span_of_text(fs_snapshot_names[kind]));
}

void fs_ops_fill_snapshot(struct fs_session *session, const struct fs_snapshot_info *info,
			  struct fuse_entry_param *entry)
{
	memset(entry, 0, sizeof(*entry));
	fs_stat_init(session->options, S_IFREG, fs_ops_snapshot_ino(info->kind), info->size,
		     info->time_ns, info->time_ns, &entry->attr);
	entry->ino =
		fs_nodeid_pack((struct fs_nodeid){.class = FS_CLASS_SNAPSHOT, .row = info->row});
	entry->generation = session->epoch;
	/* The report never changes, but the name stands for the newest. */
	entry->attr_timeout = FS_LONG_TIMEOUT;
	entry->entry_timeout = 0;
}

struct lookup {
	struct fs_job job;
	struct fs_request request;
	struct fs_session *session;
	enum fs_snapshot_kind kind;
};

static void run_lookup(struct fs_job *job, struct fs_thread *thread)
{
	struct lookup *lookup = (struct lookup *)job;
	struct fs_session *session = lookup->session;
	struct fs_snapshot_info info;
	struct fuse_entry_param entry;
	struct err err = {0};
	bool taken = fs_snapshot_take(session->snapshots, thread, lookup->kind, &info, &err);
	bool mine = fs_request_claim(&lookup->request);
	bool known = false;

	if (!taken)
		log_warning("%s: %s", fs_snapshot_names[lookup->kind], err.message);
	if (mine && taken) {
		fs_ops_fill_snapshot(session, &info, &entry);
		known = fuse_reply_entry(lookup->request.req, &entry) == 0;
	} else if (mine) {
		fs_ops_reply_err(lookup->request.req, &err);
	}
	if (taken && !known)
		fs_snapshot_unref(session->snapshots, info.row, 1);
	free(lookup);
}

void fs_ops_lookup_snapshot(fuse_req_t req, enum fs_snapshot_kind kind)
{
	struct lookup *lookup = calloc(1, sizeof(*lookup));

	if (lookup == NULL) {
		(void)fuse_reply_err(req, ENOMEM);
		return;
	}
	lookup->job.run = run_lookup;
	lookup->session = fs_ops_session(req);
	lookup->kind = kind;
	fs_request_arm(&lookup->request, req);
	fs_pool_submit(lookup->session->status_pool, &lookup->job);
}

void fs_ops_getattr_snapshot(fuse_req_t req, uint32_t row)
{
	struct fs_session *session = fs_ops_session(req);
	struct fs_snapshot_info info;
	struct fuse_entry_param entry;

	if (!fs_snapshot_get(session->snapshots, row, &info)) {
		(void)fuse_reply_err(req, ESTALE);
		return;
	}
	fs_ops_fill_snapshot(session, &info, &entry);
	fs_ops_reply_stat(req, &entry.attr, entry.attr_timeout);
}

static void forget(struct fs_session *session, uint64_t nodeid, uint64_t lookups)
{
	struct fs_nodeid id;

	if (fs_nodeid_unpack(nodeid, &id) && id.class == FS_CLASS_SNAPSHOT)
		fs_snapshot_unref(session->snapshots, id.row, lookups);
}

void fs_ops_forget(fuse_req_t req, fuse_ino_t nodeid, uint64_t lookups)
{
	forget(fs_ops_session(req), nodeid, lookups);
	fuse_reply_none(req);
}

void fs_ops_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		forget(fs_ops_session(req), forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(req);
}
