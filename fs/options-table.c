/* SPDX-License-Identifier: MIT */
#include "fs/options-table.h"

#define FIELD(name) .offset = offsetof(struct fs_options, name)
#define MOUNT FS_PROGRAM_MOUNT
#define BOTH (FS_PROGRAM_MOUNT | FS_PROGRAM_INDEX)

/* In the order of the help. The variant names its options in this order. */
const struct fs_option_row fs_option_table[] = {
	{.name = "kinds", .type = FS_OPT_KINDS, .group = FS_GROUP_TREE, .programs = MOUNT,
	 FIELD(kinds), .value = "LIST", .initial = "all",
	 .help = "only these kinds of files, out of"},
	{.name = "follow", .type = FS_OPT_FLAG, .group = FS_GROUP_TREE, .programs = BOTH,
	 .variant = true, FIELD(follow),
	 .help = "follow symlinks that lead out of STORE"},
	{.name = "charset", .type = FS_OPT_CHARSET, .group = FS_GROUP_TREE, .programs = BOTH,
	 .variant = true, FIELD(charset_text), .value = "TERM",
	 .help = "character set of files that declare none"},
	{.name = "max_pixels", .type = FS_OPT_NUMBER, .group = FS_GROUP_TREE, .programs = BOTH,
	 .variant = true, FIELD(render.max_pixels), .value = "N",
	 .help = "no picture of frames with more pixels"},
	{.name = "max_json", .type = FS_OPT_SIZE, .group = FS_GROUP_TREE, .programs = BOTH,
	 .variant = true, FIELD(render.max_json_size), .value = "SIZE",
	 .help = "no .json larger than this"},

	{.name = "uid", .type = FS_OPT_USER, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 FIELD(uid), .value = "USER", .help = "owner of all files [the mounting user]"},
	{.name = "gid", .type = FS_OPT_GROUP, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 FIELD(gid), .value = "GROUP", .help = "group of all files [of the mounting user]"},
	{.name = "umask", .type = FS_OPT_MODE, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 FIELD(file_umask), .value = "MASK", .initial = "007",
	 .help = "taken off 0444 for files and 0555 for folders"},
	{.name = "allow_other", .type = FS_OPT_FLAG, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 FIELD(allow_other), .help = "let other users in, as far as the rights above do"},
	{.name = "allow_root", .type = FS_OPT_PASS, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 .help = "let root in"},
	{.name = "fsname", .type = FS_OPT_TEXT, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 FIELD(fsname), .value = "NAME", .help = "source shown by mount and df [STORE]"},
	{.name = "context", .type = FS_OPT_PASS, .group = FS_GROUP_ACCESS, .programs = MOUNT,
	 .value = "LABEL", .help = "SELinux label of all files"},
	{.name = "fscontext", .type = FS_OPT_PASS, .programs = MOUNT, .value = "LABEL"},
	{.name = "defcontext", .type = FS_OPT_PASS, .programs = MOUNT, .value = "LABEL"},
	{.name = "rootcontext", .type = FS_OPT_PASS, .programs = MOUNT, .value = "LABEL"},
	{.name = "subtype", .type = FS_OPT_PASS, .programs = MOUNT, .value = "NAME"},

	{.name = "index", .type = FS_OPT_TEXT, .group = FS_GROUP_INDEX, .programs = BOTH,
	 FIELD(index_path), .value = "FILE",
	 .help = "where the index is [in the user's cache folder]"},
	{.name = "wait", .type = FS_OPT_FLAG, .group = FS_GROUP_INDEX, .programs = MOUNT,
	 FIELD(wait), .help = "scan all of STORE before mounting (for backups)"},
	{.name = "rebuild", .type = FS_OPT_FLAG, .group = FS_GROUP_INDEX,
	 .programs = FS_PROGRAM_INDEX, .word = true, FIELD(rebuild),
	 .help = "start over; accepts an empty STORE"},

	{.name = "cache_memory", .type = FS_OPT_SIZE, .group = FS_GROUP_RESOURCES,
	 .programs = MOUNT, FIELD(cache_memory), .value = "SIZE", .initial = "256M",
	 .help = "memory for pictures and JSON that were made"},
	{.name = "threads", .type = FS_OPT_COUNT, .group = FS_GROUP_RESOURCES, .programs = BOTH,
	 FIELD(scan_threads), .value = "N", .initial = "0", .max = 256,
	 .help = "threads that parse or render; 0: one a core"},
	{.name = "max_threads", .type = FS_OPT_COUNT, .group = FS_GROUP_RESOURCES,
	 .programs = MOUNT, FIELD(dispatch_threads), .value = "N", .initial = "0", .max = 64,
	 .help = "threads that answer the kernel; 0: two to four"},

	{.name = "foreground", .letter = 'f', .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING,
	 .programs = MOUNT, .word = true, FIELD(foreground),
	 .help = "stay in the foreground, log to standard error"},
	{.name = "debug", .letter = 'd', .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING,
	 .programs = MOUNT, .word = true, FIELD(debug),
	 .help = "print every request of the kernel; implies -f"},
	{.name = "single-thread", .letter = 's', .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING,
	 .programs = MOUNT, .word = true, FIELD(single_thread),
	 .help = "one thread answers the kernel"},
	{.name = "nonempty", .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING, .programs = MOUNT,
	 FIELD(nonempty), .help = "MOUNTPOINT may hold files: they are hidden"},
	{.name = "auto_unmount", .type = FS_OPT_PASS, .group = FS_GROUP_RUNNING,
	 .programs = MOUNT, .help = "unmount even if the program is killed"},
	{.name = "log_level", .type = FS_OPT_LEVEL, .group = FS_GROUP_RUNNING, .programs = BOTH,
	 FIELD(log_level), .value = "LEVEL", .initial = "info",
	 .help = "error, warning or info"},
	{.name = "quiet", .letter = 'q', .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING,
	 .programs = FS_PROGRAM_INDEX, .word = true, FIELD(quiet),
	 .help = "no progress, no summary"},
	{.name = "json", .type = FS_OPT_FLAG, .group = FS_GROUP_RUNNING,
	 .programs = FS_PROGRAM_INDEX, .word = true, FIELD(json),
	 .help = "the summary as JSON"},
	{.name = "help", .letter = 'h', .type = FS_OPT_ACTION, .group = FS_GROUP_RUNNING,
	 .programs = BOTH, .word = true, .action = FS_ACTION_HELP, .help = "print this"},
	{.name = "version", .letter = 'V', .type = FS_OPT_ACTION, .group = FS_GROUP_RUNNING,
	 .programs = BOTH, .word = true, .action = FS_ACTION_VERSION,
	 .help = "print versions"},
	{.name = "list-options", .type = FS_OPT_ACTION, .group = FS_GROUP_RUNNING,
	 .programs = BOTH, .word = true, .action = FS_ACTION_LIST},
};
const size_t fs_option_count = ARRAY_LEN(fs_option_table);

/* What mount(8), fstab and libfuse's own tools add. The mount is always
 * ro,nosuid,nodev,noexec and has no times of access of its own. */
const char *const fs_ignored_options[] = {
	"ro", "rw", "dev", "nodev", "suid", "nosuid", "exec", "noexec", "sync", "async", "dirsync",
	"atime", "noatime", "diratime", "nodiratime", "relatime", "norelatime", "strictatime",
	"nostrictatime", "lazytime", "nolazytime", "defaults", "auto", "noauto", "user", "nouser",
	"users", "nousers", "owner", "noowner", "group", "nogroup", "_netdev", "nofail", "silent",
	"loud", "iversion", "noiversion", "mand", "nomand", "symfollow", "default_permissions",
	"comment", "clone_fd", "max_idle_threads",
};
const size_t fs_ignored_count = ARRAY_LEN(fs_ignored_options);
