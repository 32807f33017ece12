/* SPDX-License-Identifier: MIT */
#include "fs/options-table.h"

#include "fs/confine.h"
#include "fs/fuse.h"
#include "render/codecs.h"

#define HELP_COLUMN 26

static const char *const group_titles[FS_GROUP_COUNT] = {
	[FS_GROUP_TREE] = "What is in the tree",
	[FS_GROUP_ACCESS] = "Who may see it",
	[FS_GROUP_INDEX] = "Index",
	[FS_GROUP_RESOURCES] = "Memory and threads",
	[FS_GROUP_RUNNING] = "Running",
};

static const char mount_intro[] =
	"Shows a folder of DICOM files as patients, studies and series, read-only.\n"
	"\n"
	"  dicomfs /srv/dicom /mnt/dicom            mount\n"
	"  ls /mnt/dicom/patients                   look around; .dicomfs has the status\n"
	"  umount /mnt/dicom                        unmount; if not root: fusermount3 -u\n"
	"\n"
	"Usage: dicomfs [options] STORE MOUNTPOINT\n"
	"Options can be written -o name=value,name or --name=value.\n";

static const char index_intro[] =
	"Brings the index of a folder of DICOM files up to date, and tells what is in it.\n"
	"\n"
	"  dicomfs-index /srv/dicom                 index, with progress and a summary\n"
	"  dicomfs-index --json /srv/dicom | jq .   the summary for a program\n"
	"  dicomfs-index --status /srv/dicom        what the index says\n"
	"  dicomfs-index --check /srv/dicom         whether the index is right\n"
	"\n"
	"Usage: dicomfs-index [options] STORE\n"
	"Options can be written -o name=value,name or --name=value. Options of the mount\n"
	"that choose its index (marked *) have to be the same here.\n";

static void size_text(struct buf *out, uint64_t size)
{
	static const char units[] = {'\0', 'k', 'M', 'G', 'T'};
	size_t unit = 0;

	while (size >= 1024 && size % 1024 == 0 && unit + 1 < sizeof(units)) {
		size /= 1024;
		unit++;
	}
	buf_printf(out, "%llu", (unsigned long long)size);
	if (unit > 0)
		buf_append_byte(out, (uint8_t)units[unit]);
}

static void append_kinds(struct buf *out)
{
	const char *comma = " ";

	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		if (rn_kind_table[i] == NULL)
			continue;
		buf_printf(out, "%s%s", comma, rn_kind_table[i]->folder);
		comma = ",";
	}
}

/* The help text, then the default; presets of the renderer are read from where
 * they are defined. */
static void append_help(struct buf *out, const struct fs_option_row *row,
			const struct fs_options *defaults)
{
	buf_append_text(out, row->help);
	if (row->type == FS_OPT_KINDS)
		append_kinds(out);
	if (row->initial != NULL) {
		buf_printf(out, " [%s]", row->initial);
	} else if (row->type == FS_OPT_SIZE || row->type == FS_OPT_NUMBER) {
		buf_append_text(out, " [");
		size_text(out, *(const uint64_t *)(const void *)((const char *)defaults + row->offset));
		buf_append_text(out, "]");
	}
}

static void help_row(struct buf *out, const struct fs_option_row *row, enum fs_program program,
		     const struct fs_options *defaults)
{
	bool dashes = row->word || program == FS_PROGRAM_INDEX;
	size_t start = out->size;
	size_t width;

	if (row->letter != '\0')
		buf_printf(out, "  -%c, --%s", row->letter, row->name);
	else
		buf_printf(out, "  %s%s", dashes ? "    --" : "-o ", row->name);
	if (row->value != NULL)
		buf_printf(out, "=%s", row->value);
	width = out->size - start;
	buf_printf(out, "%*s", width + 1 < HELP_COLUMN ? (int)(HELP_COLUMN - width) : 1, "");
	if (program == FS_PROGRAM_INDEX)
		buf_append_text(out, row->variant ? "* " : "  ");
	append_help(out, row, defaults);
	buf_append_text(out, "\n");
}

static void help_group(struct buf *out, enum fs_option_group group, enum fs_program program,
		       const struct fs_options *defaults)
{
	bool titled = false;

	for (size_t i = 0; i < fs_option_count; i++) {
		const struct fs_option_row *row = &fs_option_table[i];

		if (row->group != group || row->help == NULL || (row->programs & program) == 0)
			continue;
		if (!titled)
			buf_printf(out, "\n%s:\n", group_titles[group]);
		titled = true;
		help_row(out, row, program, defaults);
	}
}

void fs_options_help(enum fs_program program, struct buf *out)
{
	CLEANUP_FS_OPTIONS struct fs_options defaults = {0};
	struct err ignored;

	if (!fs_options_init(&defaults, &ignored))
		return;
	buf_append_text(out, program == FS_PROGRAM_MOUNT ? mount_intro : index_intro);
	for (size_t group = 0; group < FS_GROUP_COUNT; group++)
		help_group(out, (enum fs_option_group)group, program, &defaults);
	buf_printf(out, "\nMore: man %s. Not for diagnosis.\n",
		   program == FS_PROGRAM_MOUNT ? "dicomfs" : "dicomfs-index");
}

void fs_options_list(enum fs_program program, struct buf *out)
{
	for (size_t i = 0; i < fs_option_count; i++) {
		const struct fs_option_row *row = &fs_option_table[i];

		if (row->help == NULL || (row->programs & program) == 0)
			continue;
		buf_printf(out, "%s%s%s\n", row->word ? "--" : "", row->name,
			   row->value != NULL ? "=" : "");
	}
}

void fs_options_version(enum fs_program program, struct buf *out)
{
#ifdef PACKAGE_VERSION
	const char *version = PACKAGE_VERSION;
#else
	const char *version = "0";
#endif

	buf_printf(out, "%s %s\n", program == FS_PROGRAM_MOUNT ? "dicomfs" : "dicomfs-index",
		   version);
	if (program == FS_PROGRAM_MOUNT) {
		buf_printf(out, "libfuse %s\n", fuse_pkgversion());
		rn_codec_libraries(out);
		buf_append_text(out, "confined by ");
		fs_confine_describe(out);
		buf_append_text(out, "\n");
	}
}

bool fs_options_answer(enum fs_program program, enum fs_action action)
{
	CLEANUP_BUF struct buf text = buf_empty((size_t)1 << 16);

	switch (action) {
	case FS_ACTION_RUN:
		return true;
	case FS_ACTION_HELP:
		fs_options_help(program, &text);
		break;
	case FS_ACTION_VERSION:
		fs_options_version(program, &text);
		break;
	case FS_ACTION_LIST:
		fs_options_list(program, &text);
		break;
	}
	return buf_ok(&text, NULL) && fwrite(buf_text(&text), 1, text.size, stdout) == text.size &&
	       fflush(stdout) == 0;
}
