/* SPDX-License-Identifier: MIT */
#include "fs/node.h"

#include "index/names.h"

#define KIND_BITS 5
#define FRAME_BITS 23
#define ROW_BITS 32
#define FRAME_SHIFT ROW_BITS
#define KIND_SHIFT (FRAME_SHIFT + FRAME_BITS)
#define CLASS_SHIFT (KIND_SHIFT + KIND_BITS)

#define FRAME_DIGITS_MIN 4
#define FRAME_DIGITS_MAX 10
#define NS_PER_S INT64_C(1000000000)

const char fs_cache_tag_text[] =
	"Signature: 8a477f597d28d172789f06886806bc55\n"
	"# The files in this folder are made from the ones in ../dcm by dicomfs.\n"
	"# Backup programs that know this tag can leave them out:\n"
	"# see https://bford.info/cachedir/\n";

/* ---- Nodeids ---------------------------------------------------------- */

uint64_t fs_nodeid_pack(struct fs_nodeid id)
{
	if (id.class == FS_CLASS_INDEX && id.row == IX_ROOT)
		return FS_ROOT_NODEID;
	return (uint64_t)id.class << CLASS_SHIFT | (uint64_t)id.kind << KIND_SHIFT |
	       (uint64_t)id.frame << FRAME_SHIFT | id.row;
}

/* Whoever exports the mount gets nodeids back that a client may have made up.
 * Two of them for one folder would be two folders to the kernel, which it does
 * not survive: bits without a meaning must be zero. */
static bool is_canonical(struct fs_nodeid id)
{
	if (id.row == 0)
		return false;
	switch ((enum fs_class)id.class) {
	case FS_CLASS_INDEX:
	case FS_CLASS_SNAPSHOT:
		return id.kind == 0 && id.frame == 0;
	case FS_CLASS_KIND_FOLDER:
	case FS_CLASS_FILE:
	case FS_CLASS_FRAME_FOLDER:
	case FS_CLASS_CACHE_TAG:
		return id.frame == 0;
	case FS_CLASS_FRAME:
		return true;
	}
	return false;
}

bool fs_nodeid_unpack(uint64_t nodeid, struct fs_nodeid *id)
{
	if (nodeid == FS_ROOT_NODEID) {
		*id = (struct fs_nodeid){.class = FS_CLASS_INDEX, .row = IX_ROOT};
		return true;
	}
	id->class = (uint8_t)(nodeid >> CLASS_SHIFT);
	id->kind = (uint8_t)(nodeid >> KIND_SHIFT & ((1u << KIND_BITS) - 1));
	id->frame = (uint32_t)(nodeid >> FRAME_SHIFT & ((1u << FRAME_BITS) - 1));
	id->row = (uint32_t)nodeid;
	return is_canonical(*id) && fs_nodeid_pack(*id) == nodeid;
}

uint64_t fs_nodeid_of_index(int64_t id)
{
	return fs_nodeid_pack((struct fs_nodeid){.class = FS_CLASS_INDEX, .row = (uint32_t)id});
}

/* ---- Rows ------------------------------------------------------------- */

static bool is_of_series(uint8_t class)
{
	return class == FS_CLASS_KIND_FOLDER || class == FS_CLASS_CACHE_TAG;
}

static bool get_rows(struct ix_reader *reader, struct fs_node *node, struct err *err)
{
	if (node->id.class == FS_CLASS_INDEX || is_of_series(node->id.class))
		return ix_node_get(reader, node->id.row, &node->folder, err);
	return ix_instance_get(reader, node->id.row, &node->instance, err);
}

static bool set_kind(struct fs_node *node)
{
	node->kind = NULL;
	if (node->id.class == FS_CLASS_INDEX)
		return true;
	node->kind = node->id.kind < RN_KIND_LIMIT ? rn_kind_table[node->id.kind] : NULL;
	return node->kind != NULL;
}

/* Whether the row can have led to the nodeid: see is_canonical(). */
static bool fits_row(const struct fs_node *node)
{
	uint32_t bit = node->kind != NULL ? UINT32_C(1) << node->kind->number : 0;
	bool framed;

	switch ((enum fs_class)node->id.class) {
	case FS_CLASS_KIND_FOLDER:
		return node->folder.type == IX_NODE_SERIES && (node->folder.kinds & bit) != 0;
	case FS_CLASS_CACHE_TAG:
		return node->folder.type == IX_NODE_SERIES && (node->folder.kinds & bit) != 0 &&
		       !node->kind->original;
	case FS_CLASS_FILE:
	case FS_CLASS_FRAME_FOLDER:
	case FS_CLASS_FRAME:
		framed = fs_instance_has_frame_folder(node->kind, &node->instance);
		return (node->instance.kinds & bit) != 0 &&
		       framed == (node->id.class != FS_CLASS_FILE) &&
		       node->id.frame < MAX_OF(node->instance.frames, 1u);
	default:
		return true;
	}
}

bool fs_node_get(struct ix_reader *reader, uint64_t nodeid, struct fs_node *node, struct err *err)
{
	if (!fs_nodeid_unpack(nodeid, &node->id) || node->id.class == FS_CLASS_SNAPSHOT ||
	    !set_kind(node))
		return err_set(err, ERR_STALE, "no such node");
	if (!get_rows(reader, node, err)) {
		/* The kernel had it from us: it is not missing but outdated. */
		if (err->code == ERR_NOTFOUND)
			err->code = ERR_STALE;
		return false;
	}
	if (!fits_row(node))
		return err_set(err, ERR_STALE, "no such node");
	if (!fs_node_measure(reader, node, err)) {
		if (err->code == ERR_NOTFOUND)
			err->code = ERR_STALE;
		return false;
	}
	return true;
}

bool fs_node_measure(struct ix_reader *reader, struct fs_node *file, struct err *err)
{
	const struct ix_instance *instance = &file->instance;

	file->measured_size = 0;
	if ((file->id.class != FS_CLASS_FILE && file->id.class != FS_CLASS_FRAME) ||
	    (instance->measured >> file->id.kind & 1) == 0)
		return true;
	return ix_measured_get(reader, instance->id, file->id.kind, file->id.frame,
			       &file->measured_size, err);
}

bool fs_node_parent(struct ix_reader *reader, const struct fs_node *node, struct fs_node *parent,
		    struct err *err)
{
	struct fs_nodeid id = node->id;

	switch (id.class) {
	case FS_CLASS_INDEX:
		id.row = (uint32_t)node->folder.parent;
		break;
	case FS_CLASS_KIND_FOLDER:
		id = (struct fs_nodeid){.class = FS_CLASS_INDEX, .row = id.row};
		break;
	case FS_CLASS_FRAME:
		id.class = FS_CLASS_FRAME_FOLDER;
		id.frame = 0;
		break;
	case FS_CLASS_CACHE_TAG:
		id.class = FS_CLASS_KIND_FOLDER;
		break;
	default:
		id.class = FS_CLASS_KIND_FOLDER;
		id.row = (uint32_t)node->instance.series;
		break;
	}
	return fs_node_get(reader, fs_nodeid_pack(id), parent, err);
}

/* ---- Instances -------------------------------------------------------- */

uint32_t fs_instance_kinds(const struct fs_options *options, const struct ix_instance *instance)
{
	uint32_t kinds = instance->kinds & options->kinds;

	if (instance->frames <= FS_MAX_FRAMES)
		return kinds;
	for (unsigned number = 0; number < RN_KIND_LIMIT; number++) {
		if (rn_kind_table[number] != NULL && rn_kind_table[number]->per_frame)
			kinds &= ~(UINT32_C(1) << number);
	}
	return kinds;
}

bool fs_instance_has_frame_folder(const struct rn_kind *kind, const struct ix_instance *instance)
{
	return kind->per_frame && instance->frames > 1;
}

struct rn_instance fs_rn_instance(const struct ix_instance *instance)
{
	return (struct rn_instance){
		.image = &instance->image,
		.dcm_size = instance->size,
		.json_base = instance->json_base,
		.json_names = instance->json_names,
		.name = instance->name,
	};
}

bool fs_node_is_shown(const struct fs_options *options, const struct fs_node *node, struct err *err)
{
	uint32_t kinds = options->kinds;

	if (node->kind == NULL)
		return true;
	if (!is_of_series(node->id.class))
		kinds = fs_instance_kinds(options, &node->instance);
	return (kinds >> node->kind->number & 1) != 0 ||
	       err_set(err, ERR_STALE, "no file of a kind that is shown");
}

static int frame_digits(uint32_t frames)
{
	int digits = 1;

	for (; frames >= 10 && digits < FRAME_DIGITS_MAX; frames /= 10)
		digits++;
	return digits < FRAME_DIGITS_MIN ? FRAME_DIGITS_MIN : MIN_OF(digits, FRAME_DIGITS_MAX);
}

void fs_frame_name(const struct rn_kind *kind, const struct ix_instance *instance, uint32_t frame,
		   char name[static FS_FRAME_NAME_MAX + 1])
{
	(void)snprintf(name, FS_FRAME_NAME_MAX + 1, "%0*u%s", frame_digits(instance->frames),
		       frame + 1, kind->suffix);
}

/* ---- Lookup ----------------------------------------------------------- */

static bool no_such_entry(struct err *err)
{
	return err_set(err, ERR_NOTFOUND, "no such entry");
}

static bool lookup_in_index_folder(struct ix_reader *reader, const struct fs_options *options,
				   const struct fs_node *folder, const char *name,
				   struct fs_node *node, struct err *err)
{
	const struct rn_kind *kind;

	if (folder->folder.type != IX_NODE_SERIES) {
		if (!ix_lookup(reader, folder->folder.id, name, &node->folder, err))
			return false;
		node->id = (struct fs_nodeid){.class = FS_CLASS_INDEX,
					      .row = (uint32_t)node->folder.id};
		node->kind = NULL;
		return true;
	}
	kind = rn_kind_find(span_of_text(name));
	if (kind == NULL || ((folder->folder.kinds & options->kinds) >> kind->number & 1) == 0)
		return no_such_entry(err);
	node->id = (struct fs_nodeid){
		.class = FS_CLASS_KIND_FOLDER, .kind = kind->number, .row = folder->id.row};
	node->kind = kind;
	node->folder = folder->folder;
	return true;
}

/* Cuts the suffix off; false when the name does not end in it. */
static bool base_name(const char *name, const char *suffix, char base[static IX_NAME_MAX + 1])
{
	size_t size = strlen(name);
	size_t suffix_size = strlen(suffix);

	if (size <= suffix_size || size - suffix_size > IX_NAME_MAX ||
	    memcmp(name + size - suffix_size, suffix, suffix_size) != 0)
		return false;
	memcpy(base, name, size - suffix_size);
	base[size - suffix_size] = '\0';
	return true;
}

static bool lookup_in_kind_folder(struct ix_reader *reader, const struct fs_options *options,
				  const struct fs_node *folder, const char *name,
				  struct fs_node *node, struct err *err)
{
	const struct rn_kind *kind = folder->kind;
	char base[IX_NAME_MAX + 1];
	bool is_file = base_name(name, kind->suffix, base);

	node->id = folder->id;
	node->kind = kind;
	if (!kind->original && strcmp(name, FS_CACHE_TAG_NAME) == 0) {
		node->id.class = FS_CLASS_CACHE_TAG;
		node->folder = folder->folder;
		return true;
	}
	if (!is_file && !kind->per_frame)
		return no_such_entry(err);
	if (!ix_instance_lookup(reader, folder->folder.id, is_file ? base : name, &node->instance,
				err))
		return false;
	if ((fs_instance_kinds(options, &node->instance) >> kind->number & 1) == 0 ||
	    fs_instance_has_frame_folder(kind, &node->instance) == is_file)
		return no_such_entry(err);
	node->id.class = is_file ? FS_CLASS_FILE : FS_CLASS_FRAME_FOLDER;
	node->id.row = (uint32_t)node->instance.id;
	return fs_node_measure(reader, node, err);
}

static bool lookup_in_frame_folder(struct ix_reader *reader, const struct fs_node *folder,
				   const char *name, struct fs_node *node, struct err *err)
{
	char expected[FS_FRAME_NAME_MAX + 1];
	uint64_t frame = 0;

	for (const char *p = name; *p >= '0' && *p <= '9' && frame <= FS_MAX_FRAMES; p++)
		frame = frame * 10 + (uint64_t)(*p - '0');
	if (frame < 1 || frame > folder->instance.frames)
		return no_such_entry(err);
	fs_frame_name(folder->kind, &folder->instance, (uint32_t)frame - 1, expected);
	if (strcmp(name, expected) != 0)
		return no_such_entry(err);
	*node = *folder;
	node->id.class = FS_CLASS_FRAME;
	node->id.frame = (uint32_t)frame - 1;
	return fs_node_measure(reader, node, err);
}

bool fs_node_lookup(struct ix_reader *reader, const struct fs_options *options,
		    const struct fs_node *folder, const char *name, struct fs_node *node,
		    struct err *err)
{
	switch (folder->id.class) {
	case FS_CLASS_INDEX:
		return lookup_in_index_folder(reader, options, folder, name, node, err);
	case FS_CLASS_KIND_FOLDER:
		return lookup_in_kind_folder(reader, options, folder, name, node, err);
	case FS_CLASS_FRAME_FOLDER:
		return lookup_in_frame_folder(reader, folder, name, node, err);
	default:
		return no_such_entry(err);
	}
}

bool fs_name_is_probe(const char *name)
{
	static const char *const exact[] = {
		"autorun.inf", "AutoRun.inf", "Autorun.inf", "desktop.ini", "Desktop.ini",
		"folder.jpg",  "Folder.jpg",  "Thumbs.db",   "thumbs.db",   "lost+found",
	};

	/* Nothing in the tree starts with a dot but .dicomfs in the root. */
	if (name[0] == '.')
		return strcmp(name, ".dicomfs") != 0 && strcmp(name, ".") != 0 &&
		       strcmp(name, "..") != 0;
	for (size_t i = 0; i < ARRAY_LEN(exact); i++) {
		if (strcmp(name, exact[i]) == 0)
			return true;
	}
	return false;
}

/* ---- Attributes ------------------------------------------------------- */

bool fs_node_is_folder(const struct fs_node *node)
{
	switch (node->id.class) {
	case FS_CLASS_INDEX:
		return node->folder.type != IX_NODE_LINK;
	case FS_CLASS_KIND_FOLDER:
	case FS_CLASS_FRAME_FOLDER:
		return true;
	default:
		return false;
	}
}

static struct timespec timespec_of_ns(int64_t ns)
{
	int64_t seconds = ns / NS_PER_S;
	int64_t rest = ns % NS_PER_S;

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	return (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
}

void fs_stat_init(const struct fs_options *options, mode_t type, uint64_t ino, uint64_t size,
		  int64_t mtime_ns, int64_t ctime_ns, struct stat *st)
{
	memset(st, 0, sizeof(*st));
	st->st_ino = ino;
	st->st_mode = type;
	if (type == S_IFLNK)
		st->st_mode |= 0777;
	else
		st->st_mode |= (type == S_IFDIR ? 0555u : 0444u) & ~options->file_umask;
	st->st_nlink = type == S_IFDIR ? 2 : 1;
	st->st_uid = options->uid;
	st->st_gid = options->gid;
	st->st_size = (off_t)size;
	st->st_blksize = 4096;
	/* tar -S takes a file with too few blocks for one with holes. */
	st->st_blocks = (blkcnt_t)(size / 512 + (size % 512 != 0));
	st->st_mtim = timespec_of_ns(mtime_ns);
	st->st_ctim = timespec_of_ns(ctime_ns);
	st->st_atim = st->st_mtim;
}

/* ix_ident types of fs start where those of the index cannot be. */
#define IDENT_TYPE_BASE 0x80u

static uint64_t derived_ino(const struct fs_node *node, uint64_t parent)
{
	const uint8_t key[] = {
		node->id.kind,
		(uint8_t)node->id.frame,
		(uint8_t)(node->id.frame >> 8),
		(uint8_t)(node->id.frame >> 16),
	};

	return ix_ident(parent, (uint8_t)(IDENT_TYPE_BASE + node->id.class),
			span_of(key, sizeof(key)));
}

static nlink_t index_folder_links(const struct fs_options *options, const struct ix_node *folder)
{
	if (folder->type == IX_NODE_SERIES)
		return 2 + (nlink_t)__builtin_popcount(folder->kinds & options->kinds);
	return 2 + (nlink_t)folder->subfolders;
}

static int64_t version_ns(const struct rn_kind *kind)
{
	return kind->original ? 0 : (int64_t)kind->version * NS_PER_S;
}

static void stat_folder(const struct fs_options *options, const struct fs_node *node,
			struct stat *st)
{
	const struct ix_node *folder = &node->folder;
	int64_t more_ns;

	switch (node->id.class) {
	case FS_CLASS_INDEX:
		if (folder->type == IX_NODE_LINK) {
			fs_stat_init(options, S_IFLNK, folder->ino, strlen(folder->target),
				     folder->mtime_ns, folder->ctime_ns, st);
			return;
		}
		fs_stat_init(options, S_IFDIR, folder->ino, 0, folder->mtime_ns, folder->ctime_ns,
			     st);
		st->st_nlink = index_folder_links(options, folder);
		return;
	case FS_CLASS_KIND_FOLDER:
		more_ns = version_ns(node->kind);
		fs_stat_init(options, S_IFDIR, derived_ino(node, folder->ino), 0,
			     folder->mtime_ns + more_ns, folder->ctime_ns + more_ns, st);
		if (node->kind->per_frame)
			st->st_nlink += folder->multiframe;
		return;
	default: /* CACHE_TAG: the same for ever */
		fs_stat_init(options, S_IFREG, derived_ino(node, folder->ino),
			     strlen(fs_cache_tag_text), 0, 0, st);
		return;
	}
}

static bool stat_file(const struct fs_options *options, const struct fs_node *node, struct stat *st,
		      struct err *err)
{
	const struct ix_instance *instance = &node->instance;
	struct rn_instance known = fs_rn_instance(instance);
	int64_t more_ns = version_ns(node->kind);
	uint64_t ino = derived_ino(node, instance->ident);
	uint64_t size = 0;

	known.measured_size = node->measured_size;
	if (node->id.class != FS_CLASS_FRAME_FOLDER &&
	    !node->kind->size(&known, &options->render, node->id.frame, &size, err))
		return false;
	fs_stat_init(options, node->id.class == FS_CLASS_FRAME_FOLDER ? S_IFDIR : S_IFREG, ino,
		     size, instance->mtime_ns + more_ns, instance->ctime_ns + more_ns, st);
	return true;
}

bool fs_node_stat(const struct fs_options *options, const struct fs_node *node, struct stat *st,
		  struct err *err)
{
	switch (node->id.class) {
	case FS_CLASS_INDEX:
	case FS_CLASS_KIND_FOLDER:
	case FS_CLASS_CACHE_TAG:
		stat_folder(options, node, st);
		return true;
	default:
		return stat_file(options, node, st, err);
	}
}
