/*
 * Options: one table (fs/options.c) with name, type, default and help of each;
 * parsing of the command line and of -o lists, --help, the list that shell
 * completion and the man page check read, and the index variant follow from it.
 * The result is one const struct that is passed down.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <limits.h>
#include <sys/types.h>

#include "dicom/log.h"
#include "render/render.h"

/* Exit codes of dicomfs. dicomfs-index knows OK, FAILURE and USAGE only. */
enum fs_exit {
	FS_EXIT_OK = 0,
	FS_EXIT_FAILURE = 1,    /* out of memory, the mount itself failed, ... */
	FS_EXIT_USAGE = 2,      /* a wrong option or argument */
	FS_EXIT_STORE = 3,      /* STORE cannot be used */
	FS_EXIT_MOUNTPOINT = 4, /* MOUNTPOINT cannot be used */
	FS_EXIT_INDEX = 5,      /* the index cannot be used */
	FS_EXIT_FUSE = 6,       /* /dev/fuse or fusermount3 is missing or not permitted */
};

/* struct fs_options.rescan as it is unless given: FS_RESCAN_SECONDS where changes
 * are not announced, else 0. */
#define FS_RESCAN_AUTO UINT_MAX
#define FS_RESCAN_SECONDS 60

/* Which program's options: they share one table. */
enum fs_program { FS_PROGRAM_MOUNT = 1, FS_PROGRAM_INDEX = 2 };

/* What to do instead of the program's work. */
enum fs_action { FS_ACTION_RUN, FS_ACTION_HELP, FS_ACTION_VERSION, FS_ACTION_LIST };

struct fs_options {
	/* As parsed these are the arguments as given; the checks of fs/places.h make
	 * them absolute and free of symlinks. index_path NULL as parsed: the default. */
	char *store;
	char *mountpoint; /* NULL in dicomfs-index */
	char *index_path;
	/* The options that change names, presence, sizes or bytes, as text
	 * ("charset=ISO_IR 192,follow"); "" for the defaults. They select an index
	 * of their own. */
	char *variant;

	enum fs_action action;

	/* What is shown, and to whom. */
	uint32_t kinds; /* bits 1 << number of the kinds in the tree; what the index
			 * holds does not depend on it */
	uid_t uid;      /* owner of everything; the mounting user if not given */
	gid_t gid;
	mode_t file_umask; /* files have 0444 & ~file_umask, folders 0555 & ~file_umask;
			    * 0007 if not given: 0440 and 0550 */
	bool allow_other;
	bool follow;                  /* links out of the store are followed */
	const char *charset_fallback; /* a defined term, or NULL: the default */

	/* Resources. */
	uint64_t cache_memory;     /* bytes of finished files kept in memory */
	char *cache_dir;           /* more of them on disk; NULL: none */
	uint64_t cache_size;       /* bytes of these */
	unsigned decode_ahead;     /* pictures made ahead of a reader; 0: none */
	unsigned scan_threads;     /* parsing; never 0 */
	unsigned decode_threads;   /* rendering; never 0 */
	uint64_t decode_memory;    /* bytes a process that decodes may take; 0: no bound */
	unsigned decode_seconds;   /* of processor time for one picture; 0: no bound */
	unsigned dispatch_threads; /* answering the kernel; 1 with -s */
	struct rn_options render;  /* max_pixels, max_json_size, ... */

	/* How it runs. */
	bool no_xattr;       /* no file has extended attributes */
	bool no_passthrough; /* the kernel reads nothing without us */
	bool wait; /* the complete scan comes before the mount */
	bool no_watch;   /* nothing is asked of the kernel about changes */
	unsigned rescan; /* s between two looks at the whole store; 0: none */
	bool foreground;
	bool debug; /* -d: libfuse prints every request; implies foreground */
	bool single_thread;
	bool nonempty;
	enum log_level log_level;

	/* dicomfs-index only. */
	bool rebuild;
	bool check;  /* compare index and store instead of scanning; at most one of */
	bool status; /* these three */
	bool quiet;
	bool json;

	/* Arguments for fuse_session_new(): program name first, then "-o" and all
	 * mount options (ro, nosuid, nodev, noexec, default_permissions, fsname,
	 * subtype, allow_other and what was passed through), "-d" where asked for.
	 * NULL-terminated; FUSE_ARGS_INIT(fuse_arg_count, fuse_args) and nothing to
	 * add. fs_options_make_fuse_args() makes them. */
	char **fuse_args;
	int fuse_arg_count;

	/* Private to options.c: texts that the fields above point into, and
	 * options to pass through. */
	char *charset_text;
	char *fsname;
	char *passed;
};

/* Parses a command line. ERR_USAGE with one clear line when it is wrong. Fields
 * are valid (and to be released) whatever the result. With an action other
 * than RUN the arguments are not looked at further. Not thread-safe. */
bool fs_options_parse(struct fs_options *options, enum fs_program program, int argc,
		      char *const argv[], struct err *err) MUST_CHECK;
void fs_options_release(struct fs_options *options);
#define CLEANUP_FS_OPTIONS CLEANUP(fs_options_release)

/* Pictures that are made at a time: one in the background beside one asked for. */
static inline unsigned fs_options_decoders(const struct fs_options *options)
{
	return MAX_OF(options->decode_threads, options->decode_ahead > 0 ? 2u : 1u);
}

/* Sets fuse_args from the other fields; the places are final. */
bool fs_options_make_fuse_args(struct fs_options *options, struct err *err) MUST_CHECK;

/* The whole of --help; the options as "name\n" or "name=\n", one a line, for
 * completion and the man page check. */
void fs_options_help(enum fs_program program, struct buf *out);
void fs_options_list(enum fs_program program, struct buf *out);

/* "--version". */
void fs_options_version(enum fs_program program, struct buf *out);

/* Writes what the action asks for to standard output; false when that failed.
 * Nothing for FS_ACTION_RUN. */
bool fs_options_answer(enum fs_program program, enum fs_action action) MUST_CHECK;

#endif
