/* SPDX-License-Identifier: MIT */
#include "fs/options.h"

#include <unistd.h>

#include "fs/options-table.h"
#include "render/png-level.h"

/* More than can be asked for. */
#define AHEAD_BY_THREADS UINT32_MAX

static const char *program_name(enum fs_program program)
{
	return program == FS_PROGRAM_MOUNT ? "dicomfs" : "dicomfs-index";
}

struct parse {
	struct fs_options *options;
	enum fs_program program;
	int argc;
	char *const *argv;
	int at;
	int given; /* positional arguments so far */
	struct err *err;
};

static bool MUST_CHECK usage(const struct parse *parse, const char *what, struct span name)
{
	const char *program = program_name(parse->program);

	return err_set(parse->err, ERR_USAGE, "%s '%.*s'; '%s -h' lists the options", what,
		       (int)MIN_OF(name.size, (size_t)60), (const char *)name.data, program);
}

static const struct fs_option_row *find_row(struct span name)
{
	for (size_t i = 0; i < fs_option_count; i++) {
		if (span_equals_text(name, fs_option_table[i].name))
			return &fs_option_table[i];
	}
	return NULL;
}

static bool is_ignored(struct span name)
{
	for (size_t i = 0; i < fs_ignored_count; i++) {
		if (span_equals_text(name, fs_ignored_options[i]))
			return true;
	}
	return name.size > 2 && (name.data[0] | 0x20) == 'x' && name.data[1] == '-';
}

/* Applies "name" or "name=value". With "--name VALUE" the value is the next
 * argument. */
static bool apply(struct parse *parse, const char *text, bool word)
{
	struct span name = span_of(text, strcspn(text, "="));
	const char *value = text[name.size] == '=' ? text + name.size + 1 : NULL;
	const struct fs_option_row *row = find_row(name);

	if (row == NULL && !word && is_ignored(name))
		return true;
	/* -o takes what the mount takes in both programs, so that one text in fstab
	 * serves both. */
	if (row == NULL || (row->programs & (word ? parse->program : FS_PROGRAM_MOUNT)) == 0)
		return usage(parse, "unknown option", name);
	if (row->value == NULL && value != NULL)
		return usage(parse, "no value belongs to option", name);
	if (row->value != NULL && value == NULL && word && parse->at + 1 < parse->argc)
		value = parse->argv[++parse->at];
	if (row->value != NULL && (value == NULL || *value == '\0'))
		return usage(parse, "no value given for option", name);
	return fs_option_set(parse->options, row, value, parse->err);
}

/* Takes one option off a comma-separated list; a backslash quotes the next
 * character. The commas of "kinds=dcm,json" stay inside: whatever follows and
 * is the name of a kind belongs to it. */
static const char *next_listed(const char *at, struct buf *option)
{
	bool kinds = strncmp(at, "kinds=", 6) == 0;

	for (; *at != '\0'; at++) {
		if (*at == ',') {
			struct span next = span_of(at + 1, strcspn(at + 1, ","));

			if (!kinds || rn_kind_find(next) == NULL)
				return at + 1;
		} else if (*at == '\\' && at[1] != '\0') {
			at++;
		}
		buf_append_byte(option, (uint8_t)*at);
	}
	return at;
}

static bool apply_list(struct parse *parse, const char *list)
{
	while (*list != '\0') {
		CLEANUP_BUF struct buf option = buf_empty(BUF_NO_LIMIT);

		list = next_listed(list, &option);
		if (!buf_ok(&option, parse->err))
			return false;
		if (option.size > 0 && !apply(parse, buf_text(&option), false))
			return false;
	}
	return true;
}

static bool apply_letters(struct parse *parse, const char *letters)
{
	for (; *letters != '\0'; letters++) {
		const struct fs_option_row *row = NULL;

		if (*letters == 'o') {
			const char *list = letters[1] != '\0'            ? letters + 1
					   : parse->at + 1 < parse->argc ? parse->argv[++parse->at]
									 : NULL;

			if (list == NULL)
				return usage(parse, "no value given for option",
					     span_of_text("-o"));
			return apply_list(parse, list);
		}
		for (size_t i = 0; i < fs_option_count; i++) {
			if (fs_option_table[i].letter == *letters)
				row = &fs_option_table[i];
		}
		if (row == NULL || (row->programs & parse->program) == 0)
			return usage(parse, "unknown option",
				     span_of((const char[]){'-', *letters}, 2));
		if (!fs_option_set(parse->options, row, NULL, parse->err))
			return false;
	}
	return true;
}

static bool apply_argument(struct parse *parse, const char *argument)
{
	if (parse->given == 0) {
		parse->given = 1;
		return fs_option_set_text(argument, &parse->options->store, parse->err);
	}
	if (parse->given == 1 && parse->program == FS_PROGRAM_MOUNT) {
		parse->given = 2;
		return fs_option_set_text(argument, &parse->options->mountpoint, parse->err);
	}
	return usage(parse, "one argument too many:", span_of_text(argument));
}

static bool parse_arguments(struct parse *parse)
{
	bool only_arguments = false;

	for (parse->at = 1; parse->at < parse->argc; parse->at++) {
		const char *argument = parse->argv[parse->at];
		bool ok;

		if (only_arguments || argument[0] != '-' || argument[1] == '\0') {
			ok = apply_argument(parse, argument);
		} else if (strcmp(argument, "--") == 0) {
			ok = only_arguments = true;
		} else if (argument[1] == '-') {
			ok = apply(parse, argument + 2, true);
		} else {
			ok = apply_letters(parse, argument + 1);
		}
		if (!ok)
			return false;
		/* "-h" wins over whatever else is wrong further on. */
		if (parse->options->action != FS_ACTION_RUN)
			return true;
	}
	if (parse->given == 0 || (parse->given == 1 && parse->program == FS_PROGRAM_MOUNT))
		return err_set(parse->err, ERR_USAGE, "%s; '%s -h' shows how",
			       parse->program == FS_PROGRAM_MOUNT
				       ? "STORE and MOUNTPOINT are needed"
				       : "STORE is needed",
			       program_name(parse->program));
	if (parse->options->check + parse->options->status + parse->options->rebuild > 1)
		return err_set(parse->err, ERR_USAGE,
			       "only one of --check, --status and --rebuild can be given");
	return true;
}

/* ---- Derived fields ---------------------------------------------------- */

static void append_variant(struct buf *variant, const struct fs_options *options,
			   const struct fs_options *defaults, const struct fs_option_row *row)
{
	const void *field = (const char *)options + row->offset;
	const void *initial = (const char *)defaults + row->offset;
	const char *comma = variant->size > 0 ? "," : "";

	if (row->type == FS_OPT_FLAG && *(const bool *)field) {
		buf_printf(variant, "%s%s", comma, row->name);
	} else if (row->type == FS_OPT_SIZE || row->type == FS_OPT_NUMBER) {
		uint64_t value = *(const uint64_t *)field;

		if (value != *(const uint64_t *)initial)
			buf_printf(variant, "%s%s=%llu", comma, row->name,
				   (unsigned long long)value);
	} else if (row->type == FS_OPT_COUNT) {
		if (*(const unsigned *)field != *(const unsigned *)initial)
			buf_printf(variant, "%s%s=%u", comma, row->name, *(const unsigned *)field);
	} else if (row->type == FS_OPT_CHARSET && *(char *const *)field != NULL) {
		buf_printf(variant, "%s%s=%s", comma, row->name, *(char *const *)field);
	}
}

static bool make_variant(struct fs_options *options, struct err *err)
{
	CLEANUP_FS_OPTIONS struct fs_options defaults = {0};
	CLEANUP_BUF struct buf variant = buf_empty(4096);

	if (!fs_options_init(&defaults, err))
		return false;
	for (size_t i = 0; i < fs_option_count; i++) {
		if (fs_option_table[i].variant)
			append_variant(&variant, options, &defaults, &fs_option_table[i]);
	}
	/* Others compress to other sizes. */
	if (options->render.png_level > 0) {
		buf_append_byte(&variant, ',');
		rn_png_level_library(&variant);
	}
	return buf_ok(&variant, err) && fs_option_set_text(buf_text(&variant), &options->variant, err);
}

static bool derive(struct fs_options *options, struct err *err)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned cores = online < 1 ? 1 : (unsigned)MIN_OF(online, 256);

	if (options->scan_threads == 0)
		options->scan_threads = cores;
	options->decode_threads = options->scan_threads;
	if (options->decode_ahead == AHEAD_BY_THREADS)
		options->decode_ahead = MIN_OF(2 * options->decode_threads, 64u);
	if (options->dispatch_threads == 0)
		options->dispatch_threads = MIN_OF(MAX_OF(cores, 2u), 4u);
	if (options->single_thread)
		options->dispatch_threads = 1;
	if (options->debug)
		options->foreground = true;
	options->charset_fallback = options->charset_text;
	return make_variant(options, err);
}

bool fs_options_init(struct fs_options *options, struct err *err)
{
	*options = (struct fs_options){.render = rn_default_options};
	options->decode_ahead = AHEAD_BY_THREADS;
	options->rescan = FS_RESCAN_AUTO;
	options->uid = getuid();
	options->gid = getgid();
	for (size_t i = 0; i < fs_option_count; i++) {
		const struct fs_option_row *row = &fs_option_table[i];

		if (row->initial != NULL && !fs_option_set(options, row, row->initial, err))
			return false;
	}
	return true;
}

bool fs_options_parse(struct fs_options *options, enum fs_program program, int argc,
		      char *const argv[], struct err *err)
{
	struct parse parse = {
		.options = options, .program = program, .argc = argc, .argv = argv, .err = err};

	if (!fs_options_init(options, err) || !parse_arguments(&parse))
		return false;
	return derive(options, err);
}

/* ---- For libfuse ------------------------------------------------------- */

static bool add_fuse_arg(struct fs_options *options, const char *text, struct err *err)
{
	size_t count = (size_t)options->fuse_arg_count;
	char **args = reallocarray(options->fuse_args, count + 2, sizeof(*args));

	if (args == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	options->fuse_args = args;
	args[count] = strdup(text);
	args[count + 1] = NULL;
	if (args[count] == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	options->fuse_arg_count++;
	return true;
}

static void free_fuse_args(struct fs_options *options)
{
	for (int i = 0; i < options->fuse_arg_count; i++)
		free(options->fuse_args[i]);
	free(options->fuse_args);
	options->fuse_args = NULL;
	options->fuse_arg_count = 0;
}

bool fs_options_make_fuse_args(struct fs_options *options, struct err *err)
{
	CLEANUP_BUF struct buf list = buf_empty(BUF_NO_LIMIT);

	free_fuse_args(options);
	buf_append_text(&list, "ro,nosuid,nodev,noexec,default_permissions,subtype=dicomfs");
	if (options->allow_other)
		buf_append_text(&list, ",allow_other");
	if (options->passed != NULL)
		buf_append_text(&list, options->passed);
	buf_append_text(&list, ",fsname=");
	fs_option_escape(&list, options->fsname != NULL ? options->fsname : options->store);
	buf_append_byte(&list, '\0');
	if (!buf_ok(&list, err))
		return false;
	return add_fuse_arg(options, "dicomfs", err) && add_fuse_arg(options, "-o", err) &&
	       add_fuse_arg(options, buf_text(&list), err) &&
	       (!options->debug || add_fuse_arg(options, "-d", err));
}

void fs_options_release(struct fs_options *options)
{
	free_fuse_args(options);
	base_free(&options->store);
	base_free(&options->mountpoint);
	base_free(&options->index_path);
	base_free(&options->cache_dir);
	base_free(&options->variant);
	base_free(&options->charset_text);
	base_free(&options->fsname);
	base_free(&options->passed);
	options->charset_fallback = NULL;
}
