/* SPDX-License-Identifier: MIT */
#include "fault-session.h"

#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "fs/scan.h"
#include "tests/tools/recipe.h"

/* Longer than anything takes that comes to an end. */
#define PATIENCE_S 60

static const char *const recipes[] = {
	"pixels/good-8-bit",
	"pixels/good-1-bit-frames",
	"pixels/good-16-bit-rgb",
	"palette/good-8-bits",
	"palette/good-segmented",
	"colour/good-422",
	"luts/good-modality-lut-then-window",
	"overlays/good-bitmap",
	"overlays/good-embedded",
	"deflated/good-picture",
	"deflated-frames/good-8-bit",
	"fragments/good-extended-offset-table",
	"fragments/good-no-offset-table",
	"fragments/good-offset-table-wrong",
	"fragments/good-split-frames-without-table",
	"json/good-bulk-deflated",
	"json/good-bulk-in-item",
	"charset/good-ir-87-annex-h-1",
	"sequences/good-mixed-lengths",
	"jpeg/good-baseline",
	"jpeg/good-progressive",
	"jpeg/good-extended-12-bit",
	"jpeg-lossless/good-predictor-1",
	"jpeg-ls/good-8-bit",
	"jpeg-ls/good-interleave-line",
	"jpeg-2000/good-8-bit",
	"jpeg-2000/good-mct-tagged-rct",
	"jpeg-xl/good-8-bit",
};

/* ---- The store ---------------------------------------------------------- */

static void put_recipe(struct fault_session *s, const char *name)
{
	struct recipe recipe CLEANUP(recipe_release) = {.expectation_count = 0};
	struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const char *top = getenv("top_srcdir");
	struct err err = {0};
	char path[512];
	int fd;

	(void)snprintf(path, sizeof(path), "%s/tests/cases/%s.recipe", top != NULL ? top : ".",
		       name);
	if (!recipe_read_file(path, &text, &err) || !recipe_build(&recipe, buf_span(&text), &err))
		fail_msg("%s: %s", name, err.message);
	(void)snprintf(path, sizeof(path), "%s/%s", s->store, name);
	*strrchr(path, '/') = '-';
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(write(fd, recipe.file.data, recipe.file.size) == (ssize_t)recipe.file.size);
	(void)close(fd);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st, (void)type, (void)where;
	return remove(path);
}

/* ---- The index ---------------------------------------------------------- */

static void parse_options(struct fault_session *s, const char *option)
{
	char text[400], program[] = "dicomfs", o[] = "-o", mountpoint[96];
	char *const args[] = {program, s->store, mountpoint, o, text, NULL};
	struct err err = {0};

	(void)snprintf(mountpoint, sizeof(mountpoint), "%.80s/mnt", s->base);
	(void)snprintf(text, sizeof(text), "index=%s%s%s", s->index_path, option != NULL ? "," : "",
		       option != NULL ? option : "");
	if (!fs_options_parse(&s->options, FS_PROGRAM_MOUNT, (int)ARRAY_LEN(args) - 1, args, &err))
		fail_msg("%s", err.message);
	s->options.scan_threads = 1;
}

static void scan(struct fault_session *s)
{
	struct ix_options index;
	struct ix_scan_options options;
	struct err err = {0};

	fs_index_options_init(&index, &s->options);
	fs_scan_options_init(&options, &s->options, s->store_fd);
	if (!ix_open(&s->index, &index, &err) || !ix_scan(s->index, &options, &err))
		fail_msg("%s", err.message);
}

/* ---- Its files ---------------------------------------------------------- */

struct collecting {
	struct fault_session *s;
	struct ix_reader *reader;
};

static void add_file(struct fault_session *s, const struct ix_instance *instance,
		     const struct rn_kind *kind, uint32_t frame)
{
	s->files = realloc(s->files, (s->count + 1) * sizeof(*s->files));
	assert_non_null(s->files);
	s->files[s->count++] = (struct fs_node){
		.id = {.class = FS_CLASS_FRAME,
		       .kind = kind->number,
		       .frame = frame,
		       .row = (uint32_t)instance->id},
		.kind = kind,
		.instance = *instance,
	};
}

static bool add_files(const struct ix_instance *listed, void *context)
{
	struct collecting *c = context;
	struct ix_instance instance;
	struct err err = {0};

	if (!ix_instance_get(c->reader, listed->id, &instance, &err))
		fail_msg("%s", err.message);
	for (uint8_t number = 0; number < RN_KIND_LIMIT; number++) {
		const struct rn_kind *kind = rn_kind_table[number];

		if (kind == NULL || (instance.kinds >> number & 1) == 0)
			continue;
		for (uint32_t frame = 0; frame < (kind->per_frame ? instance.frames : 1); frame++)
			add_file(c->s, &instance, kind, frame);
	}
	return true;
}

static bool add_folder(const struct ix_node *node, void *context)
{
	struct collecting *c = context;
	struct err err = {0};

	if (node->type == IX_NODE_LINK)
		return true;
	if (node->type == IX_NODE_SERIES
		    ? !ix_instances(c->reader, node->id, UINT32_MAX, 0, add_files, c, &err)
		    : false)
		fail_msg("%s", err.message);
	return true;
}

static void collect(struct fault_session *s)
{
	struct collecting c = {.s = s};
	struct err err = {0};

	assert_true(ix_reader_open(&c.reader, s->index, &err));
	for (int64_t id = 1; id < 2000; id++) {
		struct ix_node node;

		if (ix_node_get(c.reader, id, &node, &err))
			(void)add_folder(&node, &c);
	}
	ix_reader_close(c.reader);
	assert_true(s->count > 0);
}

static void count_problem(const char *code, uint64_t count, void *context)
{
	unsigned *complaints = context;

	if (strcmp(code, "decode-failed") == 0)
		*complaints += (unsigned)count;
}

unsigned fault_session_complaints(struct fault_session *s)
{
	struct ix_reader *reader = NULL;
	unsigned complaints = 0;
	struct err err = {0};

	if (!ix_reader_open(&reader, s->index, &err) ||
	    !ix_problem_counts(reader, count_problem, &complaints, &err))
		fail_msg("%s", err.message);
	ix_reader_close(reader);
	return complaints;
}

/* ---- The session -------------------------------------------------------- */

static size_t file_size(void *context, const struct fs_key *key, const struct ix_instance *instance,
			bool *remote UNUSED)
{
	const struct fs_session *session = context;
	const struct fault_session *s =
		(const void *)((const char *)session - offsetof(struct fault_session, session));
	struct rn_instance known = fs_rn_instance(instance);
	const struct rn_kind *kind = rn_kind_table[key->kind];
	struct err err = {0};
	uint64_t size;

	return s->in_file && kind->per_frame && (instance->measured >> key->kind & 1) == 0 &&
			       kind->size(&known, &s->options.render, key->frame, &size, &err)
		       ? (size_t)size
		       : 0;
}

static void failed(void *context, struct fs_thread *thread, const struct fs_key *key,
		   const struct err *err)
{
	struct fault_session *s =
		(void *)((char *)context - offsetof(struct fault_session, session));

	if (err->code != ERR_IO)
		s->complaint = err->code;
	fs_source_content_ops.failed(context, thread, key, err);
}

bool fault_session_open(struct fault_session *s, struct err *err)
{
	struct fs_content_ops ops = fs_source_content_ops;
	struct fs_session *session = &s->session;

	ops.context = session;
	ops.file_size = file_size;
	ops.failed = failed;
	s->complaint = ERR_NONE;
	if (!fs_pool_open(&session->decode_pool, "decode", 1, s->index, err) ||
	    !fs_pool_start(session->decode_pool, err) ||
	    !fs_content_open(&session->content, (uint64_t)64 << 20, session->decode_pool, &ops,
			     err) ||
	    !fs_frames_open(&session->frames, (uint64_t)1 << 20, err)) {
		fault_session_close(s);
		return false;
	}
	return true;
}

void fault_session_close(struct fault_session *s)
{
	struct fs_session *session = &s->session;

	if (session->decode_pool != NULL)
		assert_true(fs_pool_stop(session->decode_pool, PATIENCE_S * 1000));
	fs_content_close(session->content);
	fs_frames_close(session->frames);
	fs_pool_close(session->decode_pool);
	session->content = NULL;
	session->frames = NULL;
	session->decode_pool = NULL;
}

struct asking {
	struct fs_waiter waiter;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool done;
	struct fs_blob *blob;
	struct err err;
};

static void on_done(struct fs_waiter *waiter, struct fs_blob *blob, const struct err *err)
{
	struct asking *asking = (struct asking *)waiter;

	pthread_mutex_lock(&asking->lock);
	asking->blob = blob;
	if (blob == NULL)
		asking->err = *err;
	asking->done = true;
	pthread_cond_signal(&asking->changed);
	pthread_mutex_unlock(&asking->lock);
}

struct fs_blob *fault_session_get(struct fault_session *s, const struct fs_node *file,
				  struct err *err)
{
	struct asking asking = {
		.waiter.done = on_done,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	struct fs_key key = fs_source_key(file);
	struct fs_blob *pinned;
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += PATIENCE_S;
	fs_content_get(s->session.content, &key, &file->instance, &asking.waiter);
	pthread_mutex_lock(&asking.lock);
	while (!asking.done)
		assert_int_equal(pthread_cond_timedwait(&asking.changed, &asking.lock, &until), 0);
	pthread_mutex_unlock(&asking.lock);
	*err = asking.err;
	if (asking.blob == NULL)
		return NULL;
	pinned = fs_content_pin(s->session.content, &key, asking.blob);
	if (pinned != NULL)
		fs_content_unpin(s->session.content, &key);
	fs_blob_unref(pinned);
	return asking.blob;
}

static void open_session(struct fault_session *s)
{
	struct fs_session *session = &s->session;
	struct err err = {0};

	*session = (struct fs_session){
		.options = &s->options,
		.index = s->index,
		.store_fd = s->store_fd,
		.quiet_fd = -1,
		.writer = true,
	};
	if (!fs_passthrough_open(&session->passthrough, &err) ||
	    !fs_inval_open(&session->inval, NULL, &s->options, &err) ||
	    !fs_rescan_open(&session->rescan, session, &err))
		fail_msg("%s", err.message);
}

/* ---- All ---------------------------------------------------------------- */

static void make_right(struct fault_session *s)
{
	struct err err = {0};

	s->right = calloc(s->count, sizeof(*s->right));
	assert_non_null(s->right);
	assert_true(fault_session_open(s, &err));
	for (size_t i = 0; i < s->count; i++) {
		struct fs_blob *blob;

		s->right[i] = buf_empty(BUF_NO_LIMIT);
		if (s->files[i].kind->original)
			continue;
		blob = fault_session_get(s, &s->files[i], &err);
		if (blob == NULL)
			fail_msg("file %zu, %s: %s", i, s->files[i].kind->folder, err.message);
		buf_append(&s->right[i], blob->data, blob->size);
		fs_blob_unref(blob);
	}
	fault_session_close(s);
}

void fault_session_make(struct fault_session *s, const char *option)
{
	const char *tmp = getenv("TMPDIR");

	*s = (struct fault_session){.store_fd = -1};
	(void)snprintf(s->base, sizeof(s->base), "%.30s/dicomfs-test-XXXXXX",
		       tmp != NULL ? tmp : "/tmp");
	assert_non_null(mkdtemp(s->base));
	(void)snprintf(s->store, sizeof(s->store), "%s/store", s->base);
	(void)snprintf(s->index_path, sizeof(s->index_path), "%s/index/i.sqlite", s->base);
	(void)snprintf(s->cache_dir, sizeof(s->cache_dir), "%s/cache", s->base);
	assert_int_equal(mkdir(s->store, 0700), 0);
	s->store_fd = open(s->store, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(s->store_fd >= 0);
	for (size_t i = 0; i < ARRAY_LEN(recipes); i++)
		put_recipe(s, recipes[i]);
	parse_options(s, option);
	scan(s);
	collect(s);
	open_session(s);
	make_right(s);
}

void fault_session_remove(struct fault_session *s)
{
	for (size_t i = 0; i < s->count; i++)
		buf_release(&s->right[i]);
	free(s->right);
	free(s->files);
	fs_rescan_close(s->session.rescan);
	fs_inval_close(s->session.inval);
	fs_passthrough_close(s->session.passthrough);
	ix_close(s->index);
	fs_options_release(&s->options);
	(void)close(s->store_fd);
	(void)nftw(s->base, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
