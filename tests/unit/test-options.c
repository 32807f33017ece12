/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <setjmp.h>
#include <unistd.h>

#include <cmocka.h>

#include "fs/options-table.h"
#include "fs/scan.h"

#define MAX_ARGS 12

/* One command line as text, words separated by "|". */
struct line {
	char text[512];
	char *argv[MAX_ARGS + 2];
	int argc;
};

static void split(struct line *line, const char *program, const char *text)
{
	char *at = line->text;

	(void)snprintf(line->text, sizeof(line->text), "%s%s%s", program, *text != '\0' ? "|" : "",
		       text);
	line->argc = 0;
	for (;;) {
		assert_true(line->argc <= MAX_ARGS);
		line->argv[line->argc++] = at;
		at += strcspn(at, "|");
		if (*at == '\0')
			break;
		*at++ = '\0';
	}
	line->argv[line->argc] = NULL;
}

static bool parse(struct fs_options *options, enum fs_program program, const char *text,
		  struct err *err)
{
	struct line line;

	split(&line, "program", text);
	return fs_options_parse(options, program, line.argc, line.argv, err);
}

static void parse_well(struct fs_options *options, enum fs_program program, const char *text)
{
	struct err err = {0};

	if (!parse(options, program, text, &err))
		fail_msg("'%s': %s", text, err.message);
}

static void test_defaults(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};

	(void)state;
	parse_well(&options, FS_PROGRAM_MOUNT, "store|mnt");
	assert_string_equal(options.store, "store");
	assert_string_equal(options.mountpoint, "mnt");
	assert_null(options.index_path);
	assert_string_equal(options.variant, "");
	assert_int_equal(options.action, FS_ACTION_RUN);
	assert_int_equal(options.kinds & 7, 7);
	assert_int_equal(options.uid, getuid());
	assert_int_equal(options.gid, getgid());
	assert_int_equal(options.file_umask, 0007);
	assert_int_equal(options.cache_memory, (uint64_t)256 << 20);
	assert_int_equal(options.render.max_pixels, rn_default_options.max_pixels);
	assert_int_equal(options.render.bulk_threshold, rn_default_options.bulk_threshold);
	assert_true(options.scan_threads >= 1 && options.decode_threads >= 1);
	assert_in_range(options.dispatch_threads, 2, 4);
	assert_false(options.foreground || options.wait || options.follow || options.allow_other);
	assert_null(options.charset_fallback);
	assert_int_equal(options.log_level, LOG_LEVEL_INFO);
}

/* Every way to write an option, in any place. */
static void test_forms(void **state)
{
	static const char *const lines[] = {
		"-o|wait,index=/i x/y,cache_memory=32M|-f|s|m",
		"-owait,index=/i x/y|-o|cache_memory=32M|s|-f|m",
		"s|m|-fo|wait,index=/i x/y,cache_memory=32M",
		"--wait|--index=/i x/y|--cache_memory=32768k|--foreground|s|m",
		"--wait|--index|/i x/y|--cache_memory|33554432|-f|--|s|m",
		"s|m|-o|rw,,cache_memory=1k,wait,cache_memory=32M,index=/i x/y,ro,_netdev|-f",
		"-d|s|m|-o|wait,cache_memory=32M,index=/i x\\/y,x-systemd.automount,user=joe,X-a.b",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {0};

		parse_well(&options, FS_PROGRAM_MOUNT, lines[i]);
		assert_string_equal(options.store, "s");
		assert_string_equal(options.mountpoint, "m");
		assert_string_equal(options.index_path, "/i x/y");
		assert_true(options.wait);
		assert_true(options.foreground);
		assert_int_equal(options.cache_memory, (uint64_t)32 << 20);
	}
}

static void test_values(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};

	(void)state;
	parse_well(&options, FS_PROGRAM_MOUNT,
		   "-s|-o|uid=123,gid=456,umask=027,allow_other,follow,charset=ISO_IR 100,"
		   "threads=3,max_pixels=1M,max_json=2k,nonempty,log_level=error,fsname=a b|s|m");
	assert_int_equal(options.uid, 123);
	assert_int_equal(options.gid, 456);
	assert_int_equal(options.file_umask, 0027);
	assert_true(options.allow_other && options.follow && options.nonempty);
	assert_true(options.single_thread);
	assert_int_equal(options.dispatch_threads, 1);
	assert_int_equal(options.scan_threads, 3);
	assert_int_equal(options.decode_threads, 3);
	assert_string_equal(options.charset_fallback, "ISO_IR 100");
	assert_int_equal(options.render.max_pixels, 1u << 20);
	assert_int_equal(options.render.max_json_size, 2048);
	assert_int_equal(options.log_level, LOG_LEVEL_ERROR);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *line;
		uint32_t kinds;
		bool wait;
	} cases[] = {
		{"-o|kinds=dcm|s|m", 1, false},
		{"-o|kinds=dcm,json|s|m", 3, false},
		{"-o|kinds=dcm,json,wait|s|m", 3, true},
		{"-o|wait,kinds=png,dcm|s|m", 5, true},
		{"-o|kinds=png:json,wait|s|m", 6, true},
		{"--kinds|json|s|m", 2, false},
		{"--kinds=json,png|s|m", 6, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {0};

		parse_well(&options, FS_PROGRAM_MOUNT, cases[i].line);
		assert_int_equal(options.kinds, cases[i].kinds);
		assert_int_equal(options.wait, cases[i].wait);
		assert_string_equal(options.variant, "");
	}
}

static void test_wrong(void **state)
{
	static const struct {
		enum fs_program program;
		const char *line;
		const char *message;
	} cases[] = {
		{FS_PROGRAM_MOUNT, "", "STORE and MOUNTPOINT are needed; 'dicomfs -h' shows how"},
		{FS_PROGRAM_MOUNT, "s", "STORE and MOUNTPOINT are needed; 'dicomfs -h' shows how"},
		{FS_PROGRAM_INDEX, "", "STORE is needed; 'dicomfs-index -h' shows how"},
		{FS_PROGRAM_MOUNT, "s|m|x",
		 "one argument too many: 'x'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_INDEX, "s|m",
		 "one argument too many: 'm'; 'dicomfs-index -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-o|nosuch|s|m",
		 "unknown option 'nosuch'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "--rw|s|m", "unknown option 'rw'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-o|rebuild|s|m",
		 "unknown option 'rebuild'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_INDEX, "-o|rebuild|s",
		 "unknown option 'rebuild'; 'dicomfs-index -h' lists the options"},
		{FS_PROGRAM_INDEX, "--check|--rebuild|s",
		 "only one of --check, --status and --rebuild can be given"},
		{FS_PROGRAM_INDEX, "--wait|s",
		 "unknown option 'wait'; 'dicomfs-index -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-fz|s|m", "unknown option '-z'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_INDEX, "-f|s", "unknown option '-f'; 'dicomfs-index -h' lists the options"},
		{FS_PROGRAM_MOUNT, "s|m|-o",
		 "no value given for option '-o'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "s|m|--index",
		 "no value given for option 'index'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-o|index=|s|m",
		 "no value given for option 'index'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-o|wait=1|s|m",
		 "no value belongs to option 'wait'; 'dicomfs -h' lists the options"},
		{FS_PROGRAM_MOUNT, "-o|cache_memory=12x|s|m",
		 "option 'cache_memory': '12x' is no size; write 65536, 512k, 64M or 2G"},
		{FS_PROGRAM_MOUNT, "-o|cache_memory=-1|s|m",
		 "option 'cache_memory': '-1' is no size; write 65536, 512k, 64M or 2G"},
		{FS_PROGRAM_MOUNT, "-o|threads=x|s|m", "option 'threads': 'x' is no number"},
		{FS_PROGRAM_MOUNT, "-o|threads=257|s|m", "option 'threads': 257 is more than 256"},
		{FS_PROGRAM_MOUNT, "-o|umask=8|s|m",
		 "option 'umask': '8' is no octal mask; write 022 or 0077"},
		{FS_PROGRAM_MOUNT, "-o|umask=7777|s|m", "option 'umask': '7777' is out of range"},
		{FS_PROGRAM_MOUNT, "-o|uid=4294967295|s|m",
		 "option 'uid': '4294967295' is out of range"},
		{FS_PROGRAM_MOUNT, "-o|uid=no such user|s|m",
		 "option 'uid': 'no such user' is no user here"},
		{FS_PROGRAM_MOUNT, "-o|gid=no such group|s|m",
		 "option 'gid': 'no such group' is no group here"},
		{FS_PROGRAM_MOUNT, "-o|charset=klingon|s|m",
		 "option 'charset': 'klingon' is no character set of DICOM; write 'ISO_IR 100', "
		 "GB18030, ..."},
		{FS_PROGRAM_MOUNT, "-o|log_level=loud|s|m",
		 "option 'log_level': 'loud' is no level; write error, warning or info"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {0};
		struct err err = {0};

		assert_false(parse(&options, cases[i].program, cases[i].line, &err));
		assert_int_equal(err.code, ERR_USAGE);
		assert_string_equal(err.message, cases[i].message);
	}
}

static void test_wrong_kind_lists_them(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	struct err err = {0};

	(void)state;
	assert_false(parse(&options, FS_PROGRAM_MOUNT, "-o|kinds=gif|s|m", &err));
	assert_int_equal(err.code, ERR_USAGE);
	assert_non_null(strstr(err.message, "'gif' is no kind; the kinds are dcm, json, png"));
}

/* Only what changes the tree's names, sizes or bytes is part of the variant,
 * whatever the order, and a default written out is still the default. */
static void test_variant(void **state)
{
	static const struct {
		const char *options;
		const char *variant;
	} cases[] = {
		{"follow", "follow"},
		{"max_pixels=1M,follow", "follow,max_pixels=1048576"},
		{"follow,max_pixels=1024k", "follow,max_pixels=1048576"},
		{"charset=ISO_IR 100,max_json=5k", "charset=ISO_IR 100,max_json=5120"},
		{"uid=5,gid=5,umask=0,cache_memory=1M,threads=2,kinds=dcm,wait,allow_other", ""},
	};
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options mount = {0};
		CLEANUP_FS_OPTIONS struct fs_options index = {0};
		char line[256];

		(void)snprintf(line, sizeof(line), "-o|%s|s|m", cases[i].options);
		parse_well(&mount, FS_PROGRAM_MOUNT, line);
		assert_string_equal(mount.variant, cases[i].variant);
		(void)snprintf(line, sizeof(line), "-o|%s|s", cases[i].options);
		parse_well(&index, FS_PROGRAM_INDEX, line);
		assert_string_equal(index.variant, cases[i].variant);
	}
	CLEANUP_FS_OPTIONS struct fs_options same = {0};

	(void)snprintf(text, sizeof(text), "-o|max_pixels=%llu|s|m",
		       (unsigned long long)rn_default_options.max_pixels);
	parse_well(&same, FS_PROGRAM_MOUNT, text);
	assert_string_equal(same.variant, "");
}

static void test_index_program(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};

	(void)state;
	parse_well(&options, FS_PROGRAM_INDEX, "--index=/i|--rebuild|-q|--json|s");
	assert_string_equal(options.store, "s");
	assert_string_equal(options.index_path, "/i");
	assert_null(options.mountpoint);
	assert_true(options.rebuild && options.quiet && options.json);
}

static void test_actions(void **state)
{
	static const struct {
		const char *line;
		enum fs_action action;
	} cases[] = {
		{"-h", FS_ACTION_HELP},
		{"--help|--nosuch", FS_ACTION_HELP},
		{"-V", FS_ACTION_VERSION},
		{"s|--version", FS_ACTION_VERSION},
		{"--list-options", FS_ACTION_LIST},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {0};

		parse_well(&options, FS_PROGRAM_MOUNT, cases[i].line);
		assert_int_equal(options.action, cases[i].action);
	}
}

static void test_fuse_args(void **state)
{
	static const struct {
		const char *line;
		const char *list;
		const char *more;
	} cases[] = {
		{"/a|m", "ro,nosuid,nodev,noexec,default_permissions,subtype=dicomfs,fsname=/a",
		 NULL},
		{"-d|/a,b\\c|m|-o|allow_other,auto_unmount",
		 "ro,nosuid,nodev,noexec,default_permissions,subtype=dicomfs,allow_other,"
		 "auto_unmount,fsname=/a\\,b\\\\c",
		 "-d"},
		{"-o|context=system_u:object_r:x_t:s0,fsname=pacs,rw,suid|/a|m",
		 "ro,nosuid,nodev,noexec,default_permissions,subtype=dicomfs,"
		 "context=system_u:object_r:x_t:s0,fsname=pacs",
		 NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		CLEANUP_FS_OPTIONS struct fs_options options = {0};
		struct err err = {0};

		parse_well(&options, FS_PROGRAM_MOUNT, cases[i].line);
		/* Twice: making them again replaces them. */
		assert_true(fs_options_make_fuse_args(&options, &err));
		assert_true(fs_options_make_fuse_args(&options, &err));
		assert_int_equal(options.fuse_arg_count, cases[i].more != NULL ? 4 : 3);
		assert_string_equal(options.fuse_args[0], "dicomfs");
		assert_string_equal(options.fuse_args[1], "-o");
		assert_string_equal(options.fuse_args[2], cases[i].list);
		if (cases[i].more != NULL)
			assert_string_equal(options.fuse_args[3], cases[i].more);
		assert_null(options.fuse_args[options.fuse_arg_count]);
	}
}

/* The table is a table: names and letters are unique, and no kind of file is
 * called like an option, or "-o kinds=dcm,NAME" would be ambiguous. */
static void test_table(void **state)
{
	(void)state;
	for (size_t i = 0; i < fs_option_count; i++) {
		const struct fs_option_row *row = &fs_option_table[i];

		assert_true(row->programs != 0);
		assert_true((row->programs & FS_PROGRAM_MOUNT) == 0 ||
			    rn_kind_find(span_of_text(row->name)) == NULL);
		for (size_t k = 0; k < i; k++) {
			assert_string_not_equal(row->name, fs_option_table[k].name);
			assert_true(row->letter == '\0' || row->letter != fs_option_table[k].letter);
		}
		for (size_t k = 0; k < fs_ignored_count; k++)
			assert_string_not_equal(row->name, fs_ignored_options[k]);
	}
	for (size_t k = 0; k < fs_ignored_count; k++)
		assert_null(rn_kind_find(span_of_text(fs_ignored_options[k])));
}

static void check_help(enum fs_program program)
{
	CLEANUP_BUF struct buf help = buf_empty(BUF_NO_LIMIT);
	CLEANUP_BUF struct buf list = buf_empty(BUF_NO_LIMIT);
	size_t rows = 0, lines = 0;
	const char *text;

	fs_options_help(program, &help);
	fs_options_list(program, &list);
	text = buf_text(&help);
	for (const char *at = text; *at != '\0'; at += strspn(at, "\n")) {
		size_t size = strcspn(at, "\n");

		if (size > 80)
			fail_msg("wider than a terminal: %.*s", (int)size, at);
		at += size;
	}
	for (size_t i = 0; i < fs_option_count; i++) {
		const struct fs_option_row *row = &fs_option_table[i];

		if (row->help == NULL || (row->programs & program) == 0)
			continue;
		rows++;
		assert_non_null(strstr(text, row->name));
		assert_non_null(strstr(text, row->help));
	}
	for (const char *at = buf_text(&list); *at != '\0'; at++)
		lines += *at == '\n';
	assert_int_equal(lines, rows);
}

static void test_help(void **state)
{
	(void)state;
	check_help(FS_PROGRAM_MOUNT);
	check_help(FS_PROGRAM_INDEX);
}

static void test_scan_options(void **state)
{
	CLEANUP_FS_OPTIONS struct fs_options options = {0};
	struct ix_scan_options scan;
	struct ix_options index;

	(void)state;
	parse_well(&options, FS_PROGRAM_INDEX,
		   "--rebuild|--follow|--threads=3|--charset=ISO_IR 100|--index=/i|s");
	fs_scan_options_init(&scan, &options, 7);
	assert_int_equal(scan.store_fd, 7);
	assert_true(scan.follow && scan.confirm_empty);
	assert_int_equal(scan.threads, 3);
	assert_string_equal(scan.charset_fallback, "ISO_IR 100");
	assert_non_null(scan.measure);
	fs_index_options_init(&index, &options);
	assert_string_equal(index.path, "/i");
	assert_string_equal(index.store, "s");
	assert_string_equal(index.variant, "follow,charset=ISO_IR 100");
	assert_true(index.rebuild);
	assert_int_equal(index.frame_kinds & 7, 1u << RN_KIND_PNG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_wrong),
		cmocka_unit_test(test_wrong_kind_lists_them),
		cmocka_unit_test(test_variant),
		cmocka_unit_test(test_index_program),
		cmocka_unit_test(test_actions),
		cmocka_unit_test(test_fuse_args),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_help),
		cmocka_unit_test(test_scan_options),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
