/*
 * The option table: private to fs/options.c, which parses, fs/options-values.c,
 * which sets, and fs/options-help.c, which prints.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_OPTIONS_TABLE_H
#define FS_OPTIONS_TABLE_H

#include "fs/options.h"

enum fs_option_type {
	FS_OPT_FLAG,    /* bool, no value */
	FS_OPT_ACTION,  /* enum fs_action, no value; the row has it */
	FS_OPT_COUNT,   /* unsigned */
	FS_OPT_SIZE,    /* uint64_t bytes: 512k, 64M */
	FS_OPT_NUMBER,  /* uint64_t, same suffixes, not bytes */
	FS_OPT_USER,    /* uid_t: number or name */
	FS_OPT_GROUP,   /* gid_t: number or name */
	FS_OPT_MODE,    /* mode_t, octal */
	FS_OPT_KINDS,   /* bit mask, list of kind folders */
	FS_OPT_CHARSET, /* char *: a defined term of (0008,0005) */
	FS_OPT_TEXT,    /* char * */
	FS_OPT_LEVEL,   /* enum log_level */
	FS_OPT_PASS,    /* handed to libfuse as it is */
};

enum fs_option_group {
	FS_GROUP_TREE,
	FS_GROUP_ACCESS,
	FS_GROUP_INDEX,
	FS_GROUP_RESOURCES,
	FS_GROUP_RUNNING,
	FS_GROUP_COUNT,
};

struct fs_option_row {
	const char *name;
	char letter;       /* -f as well; 0: none */
	uint8_t type;      /* enum fs_option_type */
	uint8_t group;     /* enum fs_option_group */
	uint8_t programs;  /* bits of enum fs_program: in whose --help it is */
	bool variant;      /* changes names, presence, sizes or bytes */
	bool word;         /* written --name in the help, not -o name */
	uint8_t action;    /* FS_OPT_ACTION */
	unsigned max;      /* FS_OPT_COUNT */
	unsigned min;      /* likewise */
	size_t offset;     /* of the field in struct fs_options */
	const char *value; /* how the help names the value; NULL: none is taken */
	const char *initial; /* default as text, parsed at start; NULL: preset */
	const char *help;    /* one line; NULL: not shown */
};

extern const struct fs_option_row fs_option_table[];
extern const size_t fs_option_count;

/* Accepted without a word and without effect. */
extern const char *const fs_ignored_options[];
extern const size_t fs_ignored_count;

/* Sets the field of a row from its value (NULL where none is taken). ERR_USAGE
 * with one clear line when it does not fit. */
bool fs_option_set(struct fs_options *options, const struct fs_option_row *row,
		   const char *value, struct err *err) MUST_CHECK;

/* Replaces *to by a copy. */
bool fs_option_set_text(const char *value, char **to, struct err *err) MUST_CHECK;

/* Appends a value as it stands in an -o list: commas and backslashes quoted. */
void fs_option_escape(struct buf *out, const char *text);

/* The defaults. */
bool fs_options_init(struct fs_options *options, struct err *err) MUST_CHECK;

#endif
