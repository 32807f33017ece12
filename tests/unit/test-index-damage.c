/*
 * An index that was damaged on disk: flipped bits, pages that are zero, another
 * page, or what they were before; lost and cut files. What is read from it is the
 * true tree or an error, never another tree; and a scan afterwards gives the tree
 * of a new index, with the same inodes.
 *
 * SPDX-License-Identifier: MIT
 */
#include "index-store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <xxhash.h>

#include "index/internal.h"
#include "index/vfs.h"
#include "index/wal.h"

#define FRAME (IX_PAGE_SIZE + 24)

/* ---- Files of an index -------------------------------------------------- */

enum part { MAIN, WAL, SHM, SUMS, IDS, PARTS };
static const char *const suffixes[PARTS] = {"", "-wal", "-shm", IX_SUMS_SUFFIX, "-ids"};

struct image {
	struct buf parts[PARTS];
	bool there[PARTS];
	uint64_t epoch;
};

static const char *name_of(const struct store *store, const char *suffix, char out[static 128])
{
	(void)snprintf(out, 128, "%s%s", store->path, suffix);
	return out;
}

static void take(const struct store *store, struct image *image)
{
	static uint8_t block[65536];
	char name[128];
	ssize_t got;

	for (int part = 0; part < PARTS; part++) {
		int fd = open(name_of(store, suffixes[part], name), O_RDONLY | O_CLOEXEC);

		image->parts[part] = buf_empty(BUF_NO_LIMIT);
		image->there[part] = fd >= 0;
		while (fd >= 0 && (got = read(fd, block, sizeof(block))) > 0)
			buf_append(&image->parts[part], block, (size_t)got);
		if (fd >= 0)
			(void)close(fd);
		assert_true(buf_ok(&image->parts[part], NULL));
	}
}

static void put_part(const struct store *store, const char *suffix, struct span bytes)
{
	char name[128];
	int fd = open(name_of(store, suffix, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_true(write(fd, bytes.data, bytes.size) == (ssize_t)bytes.size);
	(void)close(fd);
}

static void remove_part(const struct store *store, const char *suffix)
{
	char name[128];

	(void)unlink(name_of(store, suffix, name));
}

static void put(const struct store *store, const struct image *image)
{
	for (int part = 0; part < PARTS; part++) {
		remove_part(store, suffixes[part]);
		if (image->there[part])
			put_part(store, suffixes[part], buf_span(&image->parts[part]));
	}
	remove_part(store, "-damaged");
}

static void release(struct image *image)
{
	for (int part = 0; part < PARTS; part++)
		buf_release(&image->parts[part]);
}

/* ---- Damage ------------------------------------------------------------- */

struct damage {
	enum part part;
	enum { FLIP, ZERO, OTHER, CUT, OLD, GONE } way;
	size_t at, size;
	size_t from;             /* OTHER */
	const struct image *old; /* OLD */
};

static void apply(const struct store *store, const struct image *image, const struct damage *damage)
{
	struct buf bytes CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	const struct buf *whole = &image->parts[damage->part];

	buf_append(&bytes, whole->data, whole->size);
	assert_true(damage->at < bytes.size && damage->at + damage->size <= bytes.size);
	switch (damage->way) {
	case FLIP:
		bytes.data[damage->at] ^= (uint8_t)(1 << damage->at % 8);
		break;
	case ZERO:
		memset(bytes.data + damage->at, 0, damage->size);
		break;
	case OTHER:
		memcpy(bytes.data + damage->at, whole->data + damage->from, damage->size);
		break;
	case OLD:
		memcpy(bytes.data + damage->at, damage->old->parts[damage->part].data + damage->at,
		       damage->size);
		break;
	case CUT:
		buf_truncate(&bytes, damage->at);
		break;
	case GONE:
		remove_part(store, suffixes[damage->part]);
		return;
	}
	put_part(store, suffixes[damage->part], buf_span(&bytes));
}

/* ---- What comes of it --------------------------------------------------- */

struct ground {
	struct store store;
	struct image before; /* a part of the files, cleanly closed */
	struct image clean;  /* all of them, cleanly closed */
	struct image killed; /* while everything was in the log */
	struct image copied; /* when the log was in the main file as well */
	struct image later;  /* the part was in the main file, the rest in the log */
	char *trees[3];      /* nothing, the part, all */
	unsigned tried, harmless, when_opened, in_use, older;
};

static bool try_open(struct store *store, struct err *err)
{
	struct ix_options options = {
		.path = store->path,
		.store = store->root,
		.variant = "",
		.must_write = true,
		.frame_kinds = PNG_KIND,
	};

	return ix_open(&store->index, &options, err) &&
	       ix_reader_open(&store->reader, store->index, err);
}

static bool keep_going(const struct ix_problem *problem, void *context)
{
	(void)problem;
	(void)context;
	return true;
}

static bool read_all(struct store *store, char **tree, struct err *err)
{
	return store_try_tree(store, tree, err) &&
	       ix_problems(store->reader, keep_going, NULL, err);
}

/* A scan uses what no listing does, and may be the first to meet the damage. */
static void expect_rebuilt(struct ground *ground)
{
	struct store *store = &ground->store;
	struct err err = {0};
	char *tree;

	store_close(store);
	store_open(store, false);
	if (!ix_scan(store->index, &store->options, &err)) {
		assert_int_equal(err.code, ERR_CORRUPT);
		store_close(store);
		store_scan(store);
	}
	tree = store_tree(store);
	assert_string_equal(tree, ground->trees[2]);
	free(tree);
	store_close(store);
}

/* oldest: the first of the trees that may be there, all of them true once. */
static void expect_truth(struct ground *ground, const struct image *image, unsigned oldest)
{
	struct store *store = &ground->store;
	struct err err = {0};
	char *tree = NULL, note[128];

	if (!try_open(store, &err)) {
		assert_int_equal(err.code, ERR_CORRUPT);
		ground->when_opened++;
	} else if (ix_epoch(store->index) != image->epoch) {
		ground->when_opened++;
	} else if (!read_all(store, &tree, &err)) {
		assert_int_equal(err.code, ERR_CORRUPT);
		assert_non_null(strstr(err.message, "index is damaged"));
		assert_int_equal(access(name_of(store, "-damaged", note), F_OK), 0);
		ground->in_use++;
	} else {
		unsigned i = 2;

		while (i > oldest && strcmp(tree, ground->trees[i]) != 0)
			i--;
		assert_string_equal(tree, ground->trees[i]);
		ground->harmless += i == 2;
		ground->older += i < 2;
	}
	free(tree);
	/* A scan takes longer than all the rest. */
	if (ground->tried++ % 8 == 0)
		expect_rebuilt(ground);
	else
		store_close(store);
}

static void try_damage(struct ground *ground, const struct image *image,
		       const struct damage *damage)
{
	put(&ground->store, image);
	apply(&ground->store, image, damage);
	expect_truth(ground, image, 2);
}

/* ---- The ground --------------------------------------------------------- */

static void put_file(struct store *store, unsigned i)
{
	char path[32], sop[32], series[32], study[32], id[32];

	(void)snprintf(path, sizeof(path), "%u/%u", i % 4, i);
	(void)snprintf(sop, sizeof(sop), "1.2.%u", i);
	(void)snprintf(study, sizeof(study), "5.%u", i % 6);
	(void)snprintf(series, sizeof(series), "5.%u.%u", i % 6, i % 12);
	(void)snprintf(id, sizeof(id), "PAT%u", i % 3);
	store_put(store, path,
		  &(struct words){.id = id, .sop = sop, .series = series, .study = study});
	store_touch(store, path, 1700000000 + (time_t)i);
}

static void die_after_scan(struct store *store, bool copy)
{
	pid_t child = fork();
	int status;

	assert_true(child >= 0);
	if (child == 0) {
		struct err err = {0};
		bool complete,
			ok = try_open(store, &err) && ix_scan(store->index, &store->options, &err);
		struct ix_db *db = &store->index->writer.db;

		ok = ok && (!copy || ix_wal_checkpoint(db->handle, db->log_frames, false,
						       &complete) == SQLITE_OK);
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

/* Files 0 to count - 1, and every second one of them has a problem. */
static void fill(struct store *store, unsigned from, unsigned count)
{
	for (unsigned i = from; i < count; i++) {
		char path[32];

		put_file(store, i);
		(void)snprintf(path, sizeof(path), "%u/none-%u", i % 4, i);
		if (i % 2 == 0)
			store_put_bytes(store, path, span_of_text("no DICOM"));
	}
}

static void take_killed(struct ground *ground, struct image *image)
{
	struct store *store = &ground->store;
	struct image kept;

	take(store, image);
	/* Its epoch, without changing it. */
	take(store, &kept);
	store_open(store, false);
	image->epoch = ix_epoch(store->index);
	store_close(store);
	put(store, &kept);
	release(&kept);
}

static int setup(void **state)
{
	struct ground *ground = calloc(1, sizeof(*ground));
	struct store *store = &ground->store;
	const struct image nothing = {.epoch = 0};

	assert_non_null(ground);
	store_make(store);
	store_open(store, false);
	ground->trees[0] = store_tree(store);
	fill(store, 0, 20);
	store_scan(store);
	ground->trees[1] = store_tree(store);
	ground->before.epoch = ix_epoch(store->index);
	store_close(store);
	take(store, &ground->before);
	die_after_scan(store, true);
	fill(store, 20, 36);
	die_after_scan(store, false);
	take_killed(ground, &ground->later);
	store_scan(store);
	ground->trees[2] = store_tree(store);
	ground->clean.epoch = ix_epoch(store->index);
	store_close(store);
	take(store, &ground->clean);
	assert_false(ground->clean.there[WAL]);
	for (int copy = 0; copy < 2; copy++) {
		put(store, &nothing);
		die_after_scan(store, copy == 1);
		take_killed(ground, copy == 1 ? &ground->copied : &ground->killed);
	}
	put(store, &ground->clean);
	*state = ground;
	return 0;
}

static int teardown(void **state)
{
	struct ground *ground = *state;

	store_remove(&ground->store);
	release(&ground->before);
	release(&ground->clean);
	release(&ground->killed);
	release(&ground->copied);
	release(&ground->later);
	for (size_t i = 0; i < ARRAY_LEN(ground->trees); i++)
		free(ground->trees[i]);
	free(ground);
	return 0;
}

/* ---- Pages -------------------------------------------------------------- */

static uint32_t next_random(uint32_t *seed)
{
	*seed = *seed * 1664525 + 1013904223;
	return *seed >> 8;
}

static size_t pages_of(const struct image *image)
{
	return image->parts[MAIN].size / IX_PAGE_SIZE;
}

static void test_every_page(void **state)
{
	struct ground *ground = *state;
	const struct image *image = &ground->clean;
	size_t pages = pages_of(image);
	uint32_t seed = 7;

	assert_true(pages > 25);
	for (size_t page = 0; page < pages; page++) {
		size_t at = page * IX_PAGE_SIZE;
		size_t other = (page + 1 + next_random(&seed) % (pages - 1)) % pages;
		const struct damage ways[] = {
			{MAIN, FLIP, at + next_random(&seed) % IX_PAGE_SIZE, 1, 0, NULL},
			{MAIN, FLIP, at + next_random(&seed) % 108, 1, 0, NULL},
			{MAIN, ZERO, at, IX_PAGE_SIZE, 0, NULL},
			{MAIN, OTHER, at, IX_PAGE_SIZE, other * IX_PAGE_SIZE, NULL},
		};

		for (size_t i = 0; i < ARRAY_LEN(ways); i++)
			try_damage(ground, image, &ways[i]);
	}
	/* No page is without a use, but not all tables are looked at by a listing. */
	assert_true(ground->in_use > pages / 2);
	assert_true(ground->when_opened > pages);
	assert_true(ground->harmless < pages * 2);
}

/* Of page 1, everything that SQLite or we may go by. */
static void test_every_bit_of_the_header(void **state)
{
	struct ground *ground = *state;

	for (size_t at = 0; at < 100; at++)
		try_damage(ground, &ground->clean, &(struct damage){MAIN, FLIP, at, 1, 0, NULL});
	assert_int_equal(ground->harmless, 0);
	assert_int_equal(ground->in_use, 0);
}

/* What a disk does that forgot a write: the page is whole, and of yesterday. */
static void test_old_pages(void **state)
{
	struct ground *ground = *state;
	const struct image *image = &ground->clean, *old = &ground->before;
	size_t pages = MIN_OF(pages_of(image), pages_of(old)), tried = 0;

	for (size_t page = 0; page < pages; page++) {
		struct damage damage = {MAIN, OLD, page * IX_PAGE_SIZE, IX_PAGE_SIZE, 0, old};

		if (memcmp(image->parts[MAIN].data + damage.at, old->parts[MAIN].data + damage.at,
			   damage.size) == 0)
			continue;
		try_damage(ground, image, &damage);
		tried++;
	}
	assert_true(tried > 10);
}

static void test_cut(void **state)
{
	struct ground *ground = *state;
	const struct image *image = &ground->clean;

	for (size_t page = 0; page < pages_of(image); page++) {
		size_t at = page * IX_PAGE_SIZE;

		try_damage(ground, image, &(struct damage){MAIN, CUT, at + 1, 0, 0, NULL});
		if (page > 0)
			try_damage(ground, image, &(struct damage){MAIN, CUT, at, 0, 0, NULL});
	}
}

static void test_sums(void **state)
{
	struct ground *ground = *state;
	const struct image *image = &ground->clean;
	size_t size = image->parts[SUMS].size;

	assert_int_equal(size, IX_SUMS_START + 8 * pages_of(image));
	for (size_t at = 0; at < size; at += at < sizeof(struct ix_wal_record) ? 3 : 19)
		try_damage(ground, image, &(struct damage){SUMS, FLIP, at, 1, 0, NULL});
	for (size_t at = 0; at < size; at += 100)
		try_damage(ground, image, &(struct damage){SUMS, CUT, at, 0, 0, NULL});
	try_damage(ground, image, &(struct damage){SUMS, GONE, 0, 0, 0, NULL});
	try_damage(ground, image, &(struct damage){SUMS, OLD, 0, 300, 0, &ground->before});
	try_damage(ground, image,
		   &(struct damage){SUMS, OLD, 0, ground->before.parts[SUMS].size, 0,
				    &ground->before});
}

/* ---- The log ------------------------------------------------------------ */

static void damage_log(struct ground *ground, const struct image *image, unsigned oldest)
{
	size_t size = image->parts[WAL].size, frames = (size - 32) / FRAME;
	uint32_t seed = 11;

	assert_true(frames > 3);
	for (size_t frame = 0; frame < frames; frame++) {
		size_t at = 32 + frame * FRAME;
		size_t other = 32 + next_random(&seed) % frames * FRAME;
		const struct damage ways[] = {
			{WAL, FLIP, at + next_random(&seed) % 24, 1, 0, NULL},
			{WAL, FLIP, at + 24 + next_random(&seed) % IX_PAGE_SIZE, 1, 0, NULL},
			{WAL, ZERO, at, FRAME, 0, NULL},
			{WAL, OTHER, at, FRAME, other, NULL},
			{WAL, CUT, at + next_random(&seed) % FRAME, 0, 0, NULL},
		};

		for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
			put(&ground->store, image);
			apply(&ground->store, image, &ways[i]);
			if (oldest < 2)
				remove_part(&ground->store, "-shm");
			expect_truth(ground, image, oldest);
		}
	}
	for (size_t at = 0; at < 32; at++) {
		put(&ground->store, image);
		apply(&ground->store, image, &(struct damage){WAL, FLIP, at, 1, 0, NULL});
		if (oldest < 2)
			remove_part(&ground->store, "-shm");
		expect_truth(ground, image, oldest);
	}
}

static void test_log(void **state)
{
	struct ground *ground = *state;

	damage_log(ground, &ground->killed, 2);
	damage_log(ground, &ground->later, 2);
	assert_int_equal(ground->older, 0);
}

/* Half of it would be an older state, were not the main file a newer one. */
static void test_log_that_was_copied(void **state)
{
	struct ground *ground = *state;

	damage_log(ground, &ground->copied, 2);
	assert_true(ground->when_opened > 50);
}

/* After a loss of power the end of the log may be missing, and an older state is
 * the best there is; never a mixture. */
static void test_log_after_a_loss_of_power(void **state)
{
	struct ground *ground = *state;
	struct image *const images[] = {&ground->later, &ground->copied};

	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		struct ix_wal_record *record = (void *)images[i]->parts[SUMS].data;

		(void)snprintf(record->boot, sizeof(record->boot), "before");
		record->sum = XXH3_64bits(record, offsetof(struct ix_wal_record, sum));
		ground->older = ground->when_opened = 0;
		damage_log(ground, images[i], i == 0 ? 1 : 2);
		assert_true(i == 0 ? ground->older > 10 : ground->when_opened > 50);
	}
}

static void test_lost_files(void **state)
{
	struct ground *ground = *state;
	const struct image *const images[] = {&ground->killed, &ground->copied, &ground->later};

	for (size_t i = 0; i < ARRAY_LEN(images); i++) {
		try_damage(ground, images[i], &(struct damage){WAL, GONE, 0, 0, 0, NULL});
		ground->harmless = 0;
		try_damage(ground, images[i], &(struct damage){SHM, GONE, 0, 0, 0, NULL});
		try_damage(ground, images[i], &(struct damage){SHM, ZERO, 0, 4096, 0, NULL});
		try_damage(ground, images[i], &(struct damage){IDS, GONE, 0, 0, 0, NULL});
		try_damage(ground, images[i], &(struct damage){IDS, FLIP, 0, 1, 0, NULL});
		try_damage(ground, images[i], &(struct damage){IDS, CUT, 1, 0, 0, NULL});
		assert_int_equal(ground->harmless, 5);
	}
}

/* A connection that had the log open when a page of it went bad: SQLite itself
 * compares only when it opens one. */
static void test_log_in_use(void **state)
{
	struct ground *ground = *state;
	struct store *store = &ground->store;
	struct err err = {0};
	char *tree = NULL, name[128];
	struct stat st;
	int fd;

	put(store, &ground->killed);
	store_open(store, false);
	fd = open(name_of(store, "-wal", name), O_RDWR);
	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	for (off_t at = 32 + 24 + 200; at < st.st_size; at += FRAME)
		assert_true(pwrite(fd, "x!", 2, at) == 2);
	(void)close(fd);
	assert_false(read_all(store, &tree, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	assert_int_equal(access(name_of(store, "-damaged", name), F_OK), 0);
	free(tree);
	/* Nor does the writer put it into the main file as if it were good. */
	assert_false(ix_scan(store->index, &store->options, &err));
	assert_int_equal(err.code, ERR_CORRUPT);
	expect_rebuilt(ground);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_every_page, setup, teardown),
		cmocka_unit_test_setup_teardown(test_every_bit_of_the_header, setup, teardown),
		cmocka_unit_test_setup_teardown(test_old_pages, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_sums, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_that_was_copied, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_after_a_loss_of_power, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_files, setup, teardown),
		cmocka_unit_test_setup_teardown(test_log_in_use, setup, teardown),
	};

	/* Some thousand indexes are written, and none of them has to last. */
	if (access("/dev/shm", W_OK) == 0)
		(void)setenv("TMPDIR", "/dev/shm", 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
