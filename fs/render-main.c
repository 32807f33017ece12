/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dicom/log.h"
#include "dicom/number.h"
#include "fs/options.h"
#include "index/names.h"
#include "render/render.h"

#ifndef PACKAGE_VERSION
#define PACKAGE_VERSION "(not configured)"
#endif

#define PROGRAM "dicomfs-render"

struct arguments {
	const struct rn_kind *kind;
	uint32_t frame; /* from 0 */
	const char *out; /* "-": standard output */
	const char *file;
	enum fs_action action;
};

static void release_source(struct dc_file_source *source)
{
	dc_source_release(&source->base);
}

/* ---- The command line --------------------------------------------------- */

static void print_kinds(FILE *to)
{
	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		const struct rn_kind *kind = rn_kind_table[i];

		if (kind != NULL && kind->produce != NULL)
			(void)fprintf(to, "                  %-6s %s\n", kind->folder, kind->help);
	}
}

static void print_help(void)
{
	(void)printf("Usage: " PROGRAM " [-k KIND] [-n FRAME] [-o OUT] FILE\n"
		     "Makes one file of the tree out of a DICOM file, without a mount.\n\n"
		     "  -k, --kind=KIND   what to make [png]:\n");
	print_kinds(stdout);
	(void)printf("  -n, --frame=FRAME which frame of several, from 1 [1]\n"
		     "  -o, --output=OUT  the file to write; - is standard output [-]\n"
		     "  -h, --help        this text\n"
		     "  -V, --version     the version\n\n"
		     "Pictures are not for diagnosis.\n");
}

static bool take_kind(struct arguments *arguments, const char *text, struct err *err)
{
	arguments->kind = rn_kind_find(span_of_text(text));
	if (arguments->kind == NULL || arguments->kind->produce == NULL)
		return err_set(err, ERR_USAGE, "-k %s: no such kind; see --help", text);
	return true;
}

static bool take_frame(struct arguments *arguments, const char *text, struct err *err)
{
	uint64_t frame;

	if (!dc_number_unsigned(text, &frame) || frame < 1 || frame > UINT32_MAX)
		return err_set(err, ERR_USAGE, "-n %s: not a frame number; they count from 1",
			       text);
	arguments->frame = (uint32_t)frame - 1;
	return true;
}

static bool take_option(struct arguments *arguments, int option, struct err *err)
{
	switch (option) {
	case 'k':
		return take_kind(arguments, optarg, err);
	case 'n':
		return take_frame(arguments, optarg, err);
	case 'o':
		arguments->out = optarg;
		return true;
	case 'h':
		arguments->action = FS_ACTION_HELP;
		return true;
	case 'V':
		arguments->action = FS_ACTION_VERSION;
		return true;
	default: /* getopt has complained */
		return err_set(err, ERR_USAGE, "Try " PROGRAM " --help");
	}
}

static bool take_arguments(struct arguments *arguments, int argc, char *argv[], struct err *err)
{
	static const struct option options[] = {
		{"kind", required_argument, NULL, 'k'},  {"frame", required_argument, NULL, 'n'},
		{"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'},
		{"version", no_argument, NULL, 'V'},      {NULL, 0, NULL, 0},
	};
	int option;

	while ((option = getopt_long(argc, argv, "k:n:o:hV", options, NULL)) != -1) {
		if (!take_option(arguments, option, err))
			return false;
		if (arguments->action != FS_ACTION_RUN)
			return true;
	}
	if (argc - optind != 1)
		return err_set(err, ERR_USAGE, "%s; see --help",
			       argc == optind ? "FILE is missing" : "one FILE at a time");
	arguments->file = argv[optind];
	return true;
}

/* ---- The work ----------------------------------------------------------- */

/* As the index names the instance. */
static void name_instance(const struct dc_facts *facts, const char *path, char name[static 64])
{
	CLEANUP_BUF struct buf key = buf_empty(BUF_NO_LIMIT);

	ix_instance_key(facts, path, &key);
	ix_name_instance(facts, ix_hash(buf_span(&key)), IX_HASH_TEXT, 0, 0, name);
}

static bool render(const struct arguments *arguments, struct dc_dataset *dataset, uint64_t size,
		   struct buf *out, struct err *err)
{
	CLEANUP_FACTS struct dc_facts facts;
	struct rn_measured measured = {0};
	char name[64];
	struct rn_instance instance = {.image = &facts.image, .dcm_size = size, .name = name};
	struct rn_request request = {
		.dataset = dataset,
		.instance = &instance,
		.frame = arguments->frame,
		.options = &rn_default_options,
	};

	dc_facts_init(&facts);
	if (!dc_facts_read(&facts, dataset, NULL, err))
		return false;
	name_instance(&facts, arguments->file, name);
	if (arguments->kind->number == RN_KIND_JSON) {
		if (!rn_measure(dataset, &facts, size, request.options, &measured, err))
			return false;
		if ((measured.kinds & 1u << RN_KIND_JSON) == 0) {
			*err = measured.note;
			return false;
		}
		instance.json_base = measured.json_base;
		instance.json_names = measured.json_names;
	}
	return rn_produce(arguments->kind, &request, out, err);
}

static bool render_file(const struct arguments *arguments, struct buf *out, struct err *err)
{
	CLEANUP_FD int fd = open(arguments->file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct dc_file_source source CLEANUP(release_source) = {.base.ops = NULL};
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct stat status;

	if (fd < 0 || fstat(fd, &status) != 0)
		return err_set_sys(err, errno, "cannot open it");
	if (!S_ISREG(status.st_mode))
		return err_set(err, ERR_USAGE, "not a regular file");
	dc_file_source_init(&source, fd, (uint64_t)status.st_size, NULL);
	return dc_dataset_open(&dataset, &source.base, err) &&
	       render(arguments, &dataset, (uint64_t)status.st_size, out, err);
}

static bool write_all(int fd, struct span bytes, struct err *err)
{
	while (bytes.size > 0) {
		ssize_t written = write(fd, bytes.data, bytes.size);

		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return err_set_sys(err, errno, "cannot write");
		bytes.data += written;
		bytes.size -= (size_t)written;
	}
	return true;
}

static bool write_output(const char *path, struct span bytes, struct err *err)
{
	CLEANUP_FD int fd = -1;

	if (strcmp(path, "-") == 0)
		return write_all(STDOUT_FILENO, bytes, err);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_set_sys(err, errno, "cannot create it");
	if (!write_all(fd, bytes, err))
		return false;
	/* Where writing is delayed, only this tells of a full disk. */
	if (fsync(fd) != 0 && errno != EINVAL && errno != EROFS)
		return err_set_sys(err, errno, "cannot write");
	return true;
}

static bool run(const struct arguments *arguments, struct err *err)
{
	CLEANUP_BUF struct buf out = buf_empty(BUF_NO_LIMIT);

	if (strcmp(arguments->out, "-") == 0 && arguments->kind->number != RN_KIND_JSON &&
	    isatty(STDOUT_FILENO))
		return err_set(err, ERR_USAGE,
			       "standard output is a terminal: -o OUT names a file");
	if (!render_file(arguments, &out, err))
		return err_prefix(err, "%s", arguments->file);
	if (!write_output(arguments->out, buf_span(&out), err))
		return err_prefix(err, "%s", arguments->out);
	return true;
}

int main(int argc, char *argv[])
{
	struct arguments arguments = {.kind = rn_kind_table[RN_KIND_PNG], .out = "-"};
	struct err err = {0};

	if (!log_init(PROGRAM, getenv("DICOMFS_DEBUG"), LOG_LEVEL_INFO, &err) ||
	    !take_arguments(&arguments, argc, argv, &err)) {
		log_error("%s", err.message);
		return FS_EXIT_USAGE;
	}
	if (arguments.action == FS_ACTION_HELP)
		print_help();
	if (arguments.action == FS_ACTION_VERSION)
		(void)printf(PROGRAM " %s\n", PACKAGE_VERSION);
	if (arguments.action != FS_ACTION_RUN)
		return fflush(stdout) == 0 ? FS_EXIT_OK : FS_EXIT_FAILURE;
	if (run(&arguments, &err))
		return FS_EXIT_OK;
	log_error("%s", err.message);
	return err.code == ERR_USAGE ? FS_EXIT_USAGE : FS_EXIT_FAILURE;
}
