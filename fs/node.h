/*
 * Nodes of the mounted tree: nodeids by arithmetic, the rows behind them, and
 * their attributes. Stateless: a nodeid says all, so that nothing is kept per
 * node and forget has nothing to do (snapshots excepted, see fs/snapshot.h).
 *
 * A nodeid is 1 for the root, else from the top: class (4 bits), kind (5),
 * frame (23), row key of the index (32). Row keys are never reused, changed
 * content gets a new row, so a nodeid means the same bytes for ever; the FUSE
 * generation is the index's epoch.
 *
 * st_ino is a hash chain over what the object is (63 bits), and survives a
 * rebuilt index.
 *
 * Thread rule: pure but for the reader, which is the calling thread's.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_NODE_H
#define FS_NODE_H

#include <sys/stat.h>

#include "fs/options.h"
#include "index/index.h"

/* Part of nodeids and of st_ino: append only. */
enum fs_class {
	FS_CLASS_INDEX = 1,        /* a node of the index: folder, series or link */
	FS_CLASS_KIND_FOLDER = 2,  /* SERIES/png; row is the series */
	FS_CLASS_FILE = 3,         /* SERIES/png/NAME.png; row is the instance */
	FS_CLASS_FRAME_FOLDER = 4, /* SERIES/png/NAME */
	FS_CLASS_FRAME = 5,        /* SERIES/png/NAME/0001.png */
	FS_CLASS_SNAPSHOT = 6,     /* a file of .dicomfs; row is a running number */
	FS_CLASS_CACHE_TAG = 7,    /* SERIES/png/CACHEDIR.TAG; row is the series */
};

/* An instance with more frames has no kind that is a file a frame. */
#define FS_MAX_FRAMES ((uint32_t)1 << 23)

#define FS_ROOT_NODEID 1

struct fs_nodeid {
	uint8_t class;  /* enum fs_class */
	uint8_t kind;   /* enum rn_kind_number */
	uint32_t frame; /* from 0 */
	uint32_t row;
};
uint64_t fs_nodeid_pack(struct fs_nodeid id);
/* False: no nodeid that fs_nodeid_pack() can have made of a node; each node has
 * exactly one. */
bool fs_nodeid_unpack(uint64_t nodeid, struct fs_nodeid *id) MUST_CHECK;
uint64_t fs_nodeid_of_index(int64_t id);

/* A nodeid with its row. */
struct fs_node {
	struct fs_nodeid id;
	const struct rn_kind *kind; /* NULL for INDEX and SNAPSHOT */
	union {
		struct ix_node folder;       /* INDEX, KIND_FOLDER, CACHE_TAG (of the series) */
		struct ix_instance instance; /* FILE, FRAME_FOLDER, FRAME */
	};
	uint64_t measured_size; /* of a file of a measured kind; 0: none */
};

/* The rows behind a nodeid. ERR_STALE when they are gone. Not for SNAPSHOT. */
bool fs_node_get(struct ix_reader *reader, uint64_t nodeid, struct fs_node *node,
		 struct err *err) MUST_CHECK;
/* The folder around a node; root's is root. */
bool fs_node_parent(struct ix_reader *reader, const struct fs_node *node, struct fs_node *parent,
		    struct err *err) MUST_CHECK;
/* The entry of that name; not for "." and "..". ERR_NOTFOUND when there is
 * none. Not for the folder .dicomfs. */
bool fs_node_lookup(struct ix_reader *reader, const struct fs_options *options,
		    const struct fs_node *folder, const char *name, struct fs_node *node,
		    struct err *err) MUST_CHECK;

/* Attributes, from the row and arithmetic alone. */
bool fs_node_stat(const struct fs_options *options, const struct fs_node *node, struct stat *st,
		  struct err *err) MUST_CHECK;
/* For what has no row: type is S_IFREG or S_IFDIR. */
void fs_stat_init(const struct fs_options *options, mode_t type, uint64_t ino, uint64_t size,
		  int64_t mtime_ns, int64_t ctime_ns, struct stat *st);
bool fs_node_is_folder(const struct fs_node *node);

/* Sets measured_size of a file whose row and id are set. ERR_NOTFOUND: the kind
 * is measured, and there is no size: then there is no such file. */
bool fs_node_measure(struct ix_reader *reader, struct fs_node *file, struct err *err) MUST_CHECK;

/* ERR_STALE when this mount leaves out files of that kind (kinds=): no lookup
 * leads there, a handle of another mount of the index may. */
bool fs_node_is_shown(const struct fs_options *options, const struct fs_node *node,
		      struct err *err) MUST_CHECK;
/* Kinds that the instance shows in this mount. */
uint32_t fs_instance_kinds(const struct fs_options *options, const struct ix_instance *instance);
/* Whether its entry in the kind's folder is a folder of frames. */
bool fs_instance_has_frame_folder(const struct rn_kind *kind, const struct ix_instance *instance);
/* "0001.png". */
#define FS_FRAME_NAME_MAX 63
void fs_frame_name(const struct rn_kind *kind, const struct ix_instance *instance, uint32_t frame,
		   char name[static FS_FRAME_NAME_MAX + 1]);
/* What a renderer may know of the instance; points into it. */
struct rn_instance fs_rn_instance(const struct ix_instance *instance);

/* Content of CACHEDIR.TAG (https://bford.info/cachedir/), always the same. */
#define FS_CACHE_TAG_NAME "CACHEDIR.TAG"
extern const char fs_cache_tag_text[];

/* Names that desktops, Samba and indexers probe for in every folder, and that
 * the tree never has: answered without asking the index. */
bool fs_name_is_probe(const char *name);

#endif
