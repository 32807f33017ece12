/* SPDX-License-Identifier: MIT */
#include "fs/ops.h"

#include <errno.h>

#define PREFIX "user.dicom."
#define NUMBER_TEXT 16

/* One pass over the attributes of an instance: all names, or one value. */
struct query {
	const char *wanted; /* keyword; NULL: all names */
	struct buf out;     /* names with their NULs, or the value */
	bool found;
};

static void emit(struct query *query, const char *keyword, const char *text)
{
	if (*text == '\0')
		return;
	if (query->wanted == NULL) {
		buf_append_text(&query->out, PREFIX);
		buf_append(&query->out, keyword, strlen(keyword) + 1);
	} else if (!query->found && strcmp(query->wanted, keyword) == 0) {
		buf_append_text(&query->out, text);
		query->found = true;
	}
}

static void emit_number(struct query *query, const char *keyword, uint32_t number)
{
	char text[NUMBER_TEXT] = "";

	if (number > 0)
		(void)snprintf(text, sizeof(text), "%u", number);
	emit(query, keyword, text);
}

static void emit_fact(enum dc_fact fact, const char *text, void *context)
{
	/* These two come with the row. */
	if (fact != DC_FACT_SOP_CLASS && fact != DC_FACT_SOP_UID && dc_fact_table[fact].xattr)
		emit(context, dc_fact_table[fact].keyword, text);
}

static void emit_row(struct query *query, const struct ix_instance *instance)
{
	const struct dc_image *image = &instance->image;

	emit(query, "SOPClassUID", instance->sop_class);
	emit(query, "SOPInstanceUID", instance->sop_uid);
	if (image->transfer_syntax < dc_transfer_syntax_count)
		emit(query, "TransferSyntaxUID",
		     dc_transfer_syntax_table[image->transfer_syntax].uid);
	if (image->pixel_tag == 0)
		return;
	emit_number(query, "Rows", image->rows);
	emit_number(query, "Columns", image->columns);
	emit_number(query, "NumberOfFrames", image->frames);
}

static bool run_query(struct query *query, struct ix_reader *reader,
		      const struct ix_instance *instance, struct err *err)
{
	emit_row(query, instance);
	if (!query->found && !ix_instance_facts(reader, instance->id, emit_fact, query, err))
		return false;
	return buf_ok(&query->out, err);
}

/* Replies as xattr calls do: a size of 0 asks how much there is. */
static void reply(fuse_req_t req, const struct buf *out, size_t size)
{
	if (size == 0)
		(void)fuse_reply_xattr(req, out->size);
	else if (size < out->size)
		(void)fuse_reply_err(req, ERANGE);
	else
		(void)fuse_reply_buf(req, (const char *)out->data, out->size);
}

static const struct buf nothing = {.limit = 0};

static void run(fuse_req_t req, fuse_ino_t nodeid, const char *wanted, size_t size)
{
	struct query query = {.wanted = wanted, .out = buf_empty(BUF_NO_LIMIT)};
	struct ix_reader *reader = fs_ops_reader(req);
	struct fs_node node;
	struct err err = {0};

	if (reader == NULL || !fs_ops_node(req, nodeid, &node))
		return;
	if (!run_query(&query, reader, &node.instance, &err))
		fs_ops_reply_err(req, &err);
	else if (wanted != NULL && !query.found)
		(void)fuse_reply_err(req, ENODATA);
	else
		reply(req, &query.out, size);
	buf_release(&query.out);
}

/* Only the original carries names: a copied picture takes none along. The nodeid
 * tells which that is. */
static bool has_attributes(fuse_ino_t nodeid)
{
	struct fs_nodeid id;

	return fs_nodeid_unpack(nodeid, &id) && id.class == FS_CLASS_FILE &&
	       id.kind < RN_KIND_LIMIT && rn_kind_table[id.kind] != NULL &&
	       rn_kind_table[id.kind]->original;
}

void fs_ops_getxattr(fuse_req_t req, fuse_ino_t nodeid, const char *name, size_t size)
{
	/* Said once, and the kernel never asks again. */
	if (fs_ops_session(req)->options->no_xattr)
		(void)fuse_reply_err(req, ENOSYS);
	/* security.* and Samba's are asked for far more often than ours. */
	else if (!has_attributes(nodeid) || strncmp(name, PREFIX, strlen(PREFIX)) != 0)
		(void)fuse_reply_err(req, ENODATA);
	else
		run(req, nodeid, name + strlen(PREFIX), size);
}

void fs_ops_listxattr(fuse_req_t req, fuse_ino_t nodeid, size_t size)
{
	if (fs_ops_session(req)->options->no_xattr)
		(void)fuse_reply_err(req, ENOSYS);
	else if (has_attributes(nodeid))
		run(req, nodeid, NULL, size);
	else
		reply(req, &nothing, size);
}
