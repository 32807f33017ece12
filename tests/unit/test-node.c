/* SPDX-License-Identifier: MIT */
#include "fs/node.h"

#include <setjmp.h>

#include <cmocka.h>

static void test_nodeids(void **state)
{
	static const struct fs_nodeid rows[] = {
		{FS_CLASS_INDEX, 0, 0, IX_PATIENTS},
		{FS_CLASS_INDEX, 0, 0, UINT32_MAX},
		{FS_CLASS_KIND_FOLDER, RN_KIND_PNG, 0, 64},
		{FS_CLASS_FILE, RN_KIND_DCM, 0, 1},
		{FS_CLASS_FILE, RN_KIND_LIMIT - 1, 0, UINT32_MAX},
		{FS_CLASS_FRAME_FOLDER, RN_KIND_PNG, 0, 70},
		{FS_CLASS_FRAME, RN_KIND_PNG, 0, 70},
		{FS_CLASS_FRAME, RN_KIND_PNG, FS_MAX_FRAMES - 1, UINT32_MAX},
		{FS_CLASS_SNAPSHOT, 0, 0, 1},
		{FS_CLASS_CACHE_TAG, RN_KIND_JSON, 0, 64},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t nodeid = fs_nodeid_pack(rows[i]);
		struct fs_nodeid back;

		assert_true(nodeid != FS_ROOT_NODEID && nodeid != 0);
		assert_true(fs_nodeid_unpack(nodeid, &back));
		assert_int_equal(back.class, rows[i].class);
		assert_int_equal(back.kind, rows[i].kind);
		assert_int_equal(back.frame, rows[i].frame);
		assert_int_equal(back.row, rows[i].row);
		for (size_t k = 0; k < i; k++)
			assert_true(nodeid != fs_nodeid_pack(rows[k]));
	}
	assert_int_equal(fs_nodeid_of_index(IX_ROOT), FS_ROOT_NODEID);
}

static void test_what_is_no_nodeid(void **state)
{
	static const uint64_t rows[] = {0, 2, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 60};
	struct fs_nodeid id;

	(void)state;
	assert_true(fs_nodeid_unpack(FS_ROOT_NODEID, &id));
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_false(fs_nodeid_unpack(rows[i], &id));
}

/* NFS hands back what its clients send: no two nodeids may be the same node. */
static void test_flipped_bits(void **state)
{
	static const struct fs_nodeid rows[] = {
		{FS_CLASS_INDEX, 0, 0, IX_PATIENTS},
		{FS_CLASS_KIND_FOLDER, RN_KIND_PNG, 0, 64},
		{FS_CLASS_FILE, RN_KIND_DCM, 0, 70},
		{FS_CLASS_FRAME_FOLDER, RN_KIND_PNG, 0, 70},
		{FS_CLASS_FRAME, RN_KIND_PNG, 1, 70},
		{FS_CLASS_SNAPSHOT, 0, 0, 1},
		{FS_CLASS_CACHE_TAG, RN_KIND_JSON, 0, 64},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		uint64_t nodeid = fs_nodeid_pack(rows[i]);

		for (unsigned bit = 0; bit < 64; bit++) {
			uint64_t flipped = nodeid ^ UINT64_C(1) << bit;
			struct fs_nodeid id;

			if (!fs_nodeid_unpack(flipped, &id))
				continue;
			assert_true(fs_nodeid_pack(id) == flipped);
			assert_false(id.class == rows[i].class && id.kind == rows[i].kind &&
				     id.frame == rows[i].frame && id.row == rows[i].row);
			if (id.class == FS_CLASS_INDEX || id.class == FS_CLASS_SNAPSHOT)
				assert_int_equal(id.kind, 0);
			if (id.class != FS_CLASS_FRAME)
				assert_int_equal(id.frame, 0);
		}
	}
	/* The root has its own. */
	assert_false(
		fs_nodeid_unpack((uint64_t)FS_CLASS_INDEX << 60 | IX_ROOT, &(struct fs_nodeid){0}));
}

static void test_probes(void **state)
{
	static const struct {
		const char *name;
		bool probe;
	} rows[] = {
		{".Trash", true},        {".Trash-1000", true}, {".hidden", true},
		{".DS_Store", true},     {"autorun.inf", true}, {"desktop.ini", true},
		{"Thumbs.db", true},     {".dicomfs", false},   {".", false},
		{"..", false},           {"patients", false},   {"00001~abcdef.png", false},
		{"CACHEDIR.TAG", false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		assert_int_equal(fs_name_is_probe(rows[i].name), rows[i].probe);
}

static void test_frame_names(void **state)
{
	static const struct {
		uint32_t frames, frame;
		const char *name;
	} rows[] = {
		{2, 0, "0001.png"},         {9999, 9998, "9999.png"},
		{10000, 0, "00001.png"},    {10000, 9999, "10000.png"},
		{123456, 41, "000042.png"}, {FS_MAX_FRAMES, FS_MAX_FRAMES - 1, "8388608.png"},
	};
	char name[FS_FRAME_NAME_MAX + 1];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct ix_instance instance = {.frames = rows[i].frames};

		fs_frame_name(rn_kind_table[RN_KIND_PNG], &instance, rows[i].frame, name);
		assert_string_equal(name, rows[i].name);
	}
}

static void test_too_many_frames(void **state)
{
	const struct fs_options options = {.kinds = 7};
	struct ix_instance instance = {.kinds = 7, .frames = FS_MAX_FRAMES};

	(void)state;
	assert_int_equal(fs_instance_kinds(&options, &instance), 7);
	instance.frames++;
	assert_int_equal(fs_instance_kinds(&options, &instance), 3);
}

static struct fs_node file_of(uint8_t kind, struct ix_instance *instance)
{
	struct fs_node node = {
		.id = {.class = FS_CLASS_FILE, .kind = kind, .row = (uint32_t)instance->id},
		.kind = rn_kind_table[kind],
	};

	node.instance = *instance;
	return node;
}

static void test_attributes(void **state)
{
	const struct fs_options options = {.uid = 5, .gid = 6, .file_umask = 0007, .kinds = 7};
	struct ix_instance instance = {
		.id = 70,
		.ident = 12345,
		.kinds = 7,
		.frames = 1,
		.size = 513,
		.mtime_ns = 1500000000,
		.ctime_ns = -500000000,
	};
	struct fs_node dcm = file_of(RN_KIND_DCM, &instance);
	struct fs_node json = file_of(RN_KIND_JSON, &instance);
	struct stat st, other;
	struct err err = {0};

	(void)state;
	assert_true(fs_node_stat(&options, &dcm, &st, &err));
	assert_int_equal(st.st_mode, S_IFREG | 0440);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(st.st_uid, 5);
	assert_int_equal(st.st_gid, 6);
	assert_int_equal(st.st_size, 513);
	assert_int_equal(st.st_blocks, 2);
	assert_int_equal(st.st_mtim.tv_sec, 1);
	assert_int_equal(st.st_mtim.tv_nsec, 500000000);
	assert_int_equal(st.st_ctim.tv_sec, -1);
	assert_int_equal(st.st_ctim.tv_nsec, 500000000);
	assert_true(st.st_ino > 1 && st.st_ino >> 63 == 0);
	/* Derived: another number, and its version in whole seconds younger. */
	assert_true(fs_node_stat(&options, &json, &other, &err));
	assert_true(other.st_ino != st.st_ino);
	assert_int_equal(other.st_mtim.tv_sec - st.st_mtim.tv_sec,
			 rn_kind_table[RN_KIND_JSON]->version);
	assert_int_equal(other.st_mtim.tv_nsec, st.st_mtim.tv_nsec);
	/* The number depends on the object, not on its row. */
	dcm.id.row = 99;
	dcm.instance.id = 99;
	assert_true(fs_node_stat(&options, &dcm, &other, &err));
	assert_int_equal(other.st_ino, st.st_ino);
}

static void test_folders(void **state)
{
	const struct fs_options all = {.kinds = 7, .file_umask = 0222};
	const struct fs_options some = {.kinds = 1};
	struct fs_node series = {.id = {.class = FS_CLASS_INDEX, .row = 64}};
	struct stat st;
	struct err err = {0};

	(void)state;
	series.folder = (struct ix_node){
		.id = 64, .type = IX_NODE_SERIES, .ino = 640, .kinds = 7, .multiframe = 4};
	assert_true(fs_node_stat(&all, &series, &st, &err));
	assert_int_equal(st.st_mode, S_IFDIR | 0555);
	assert_int_equal(st.st_nlink, 5);
	assert_int_equal(st.st_ino, 640);
	assert_true(fs_node_stat(&some, &series, &st, &err));
	assert_int_equal(st.st_nlink, 3);
	series.id.class = FS_CLASS_KIND_FOLDER;
	series.id.kind = RN_KIND_PNG;
	series.kind = rn_kind_table[RN_KIND_PNG];
	assert_true(fs_node_stat(&all, &series, &st, &err));
	assert_int_equal(st.st_nlink, 6);
	series.id.class = FS_CLASS_INDEX;
	series.folder.type = IX_NODE_LINK;
	(void)snprintf(series.folder.target, sizeof(series.folder.target), "../x");
	assert_true(fs_node_stat(&all, &series, &st, &err));
	assert_int_equal(st.st_mode, S_IFLNK | 0777);
	assert_int_equal(st.st_size, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nodeids),      cmocka_unit_test(test_what_is_no_nodeid),
		cmocka_unit_test(test_flipped_bits), cmocka_unit_test(test_probes),
		cmocka_unit_test(test_frame_names),  cmocka_unit_test(test_too_many_frames),
		cmocka_unit_test(test_attributes),   cmocka_unit_test(test_folders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
