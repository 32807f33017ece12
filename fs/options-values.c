/* SPDX-License-Identifier: MIT */
#include "fs/options-table.h"

#include <grp.h>
#include <pwd.h>

#include "dicom/charset.h"
#include "dicom/number.h"

static bool wrong(const struct fs_option_row *row, const char *value, const char *want,
		  struct err *err)
{
	return err_set(err, ERR_USAGE, "option '%s': '%.40s' is %s", row->name, value, want);
}

static bool set_count(const struct fs_option_row *row, const char *value, unsigned *to,
		      struct err *err)
{
	uint64_t count;

	if (!dc_number_unsigned(value, &count))
		return wrong(row, value, "no number", err);
	if (count > row->max)
		return err_set(err, ERR_USAGE, "option '%s': %.20s is more than %u", row->name,
			       value, row->max);
	if (count < row->min)
		return err_set(err, ERR_USAGE, "option '%s': %.20s is less than %u", row->name,
			       value, row->min);
	*to = (unsigned)count;
	return true;
}

static bool set_size(const struct fs_option_row *row, const char *value, uint64_t *to,
		     struct err *err)
{
	if (dc_number_size(value, to))
		return true;
	return wrong(row, value, "no size; write 65536, 512k, 64M or 2G", err);
}

/* uid_t and gid_t are 32 bits wide; the highest means "no change" to chown(2). */
static bool set_id(const struct fs_option_row *row, const char *value, uint32_t *to,
		   struct err *err)
{
	uint64_t id;

	if (dc_number_unsigned(value, &id)) {
		if (id >= UINT32_MAX)
			return wrong(row, value, "out of range", err);
		*to = (uint32_t)id;
	} else if (row->type == FS_OPT_USER) {
		const struct passwd *user = getpwnam(value);

		if (user == NULL)
			return wrong(row, value, "no user here", err);
		*to = user->pw_uid;
	} else {
		const struct group *group = getgrnam(value);

		if (group == NULL)
			return wrong(row, value, "no group here", err);
		*to = group->gr_gid;
	}
	return true;
}

static bool set_mode(const struct fs_option_row *row, const char *value, mode_t *to,
		     struct err *err)
{
	size_t size = strlen(value);
	mode_t mode = 0;

	if (size == 0 || size > 4 || strspn(value, "01234567") != size)
		return wrong(row, value, "no octal mask; write 022 or 0077", err);
	for (size_t i = 0; i < size; i++)
		mode = mode * 8 + (mode_t)(value[i] - '0');
	if (mode > 0777)
		return wrong(row, value, "out of range", err);
	*to = mode;
	return true;
}

static bool unknown_kind(struct span word, struct err *err)
{
	CLEANUP_BUF struct buf kinds = buf_empty(4096);

	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		if (rn_kind_table[i] != NULL)
			buf_printf(&kinds, "%s%s", kinds.size > 0 ? ", " : "",
				   rn_kind_table[i]->folder);
	}
	return err_set(err, ERR_USAGE, "option 'kinds': '%.*s' is no kind; the kinds are %s",
		       (int)MIN_OF(word.size, (size_t)40), (const char *)word.data,
		       buf_text(&kinds));
}

static uint32_t all_kinds(void)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < RN_KIND_LIMIT; i++) {
		if (rn_kind_table[i] != NULL)
			mask |= 1u << rn_kind_table[i]->number;
	}
	return mask;
}

static bool set_kinds(const char *value, uint32_t *to, struct err *err)
{
	uint32_t mask = 0;

	for (const char *at = value;; at++) {
		struct span word = span_of(at, strcspn(at, ",:+ "));
		const struct rn_kind *kind = rn_kind_find(word);

		if (kind != NULL)
			mask |= 1u << kind->number;
		else if (span_equals_text(word, "all"))
			mask |= all_kinds();
		else
			return unknown_kind(word, err);
		at += word.size;
		if (*at == '\0')
			break;
	}
	*to = mask;
	return true;
}

static bool set_level(const struct fs_option_row *row, const char *value, enum log_level *to,
		      struct err *err)
{
	static const struct {
		const char *word;
		enum log_level level;
	} levels[] = {
		{"error", LOG_LEVEL_ERROR},
		{"warning", LOG_LEVEL_WARNING},
		{"info", LOG_LEVEL_INFO},
	};

	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		if (strcmp(value, levels[i].word) == 0) {
			*to = levels[i].level;
			return true;
		}
	}
	return wrong(row, value, "no level; write error, warning or info", err);
}

bool fs_option_set_text(const char *value, char **to, struct err *err)
{
	char *copy = strdup(value);

	if (copy == NULL)
		return err_set(err, ERR_NOMEM, "out of memory");
	free(*to);
	*to = copy;
	return true;
}

static bool set_charset(const struct fs_option_row *row, const char *value, char **to,
			struct err *err)
{
	struct dc_charset charset = {0};

	if (!dc_charset_set_fallback(&charset, value))
		return wrong(row, value,
			     "no character set of DICOM; write 'ISO_IR 100', GB18030, ...", err);
	return fs_option_set_text(value, to, err);
}

void fs_option_escape(struct buf *out, const char *text)
{
	for (; *text != '\0'; text++) {
		if (*text == ',' || *text == '\\')
			buf_append_byte(out, '\\');
		buf_append_byte(out, (uint8_t)*text);
	}
}

static bool pass_on(const struct fs_option_row *row, const char *value, char **passed,
		    struct err *err)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);

	buf_printf(&text, "%s,%s", *passed != NULL ? *passed : "", row->name);
	if (row->value != NULL) {
		buf_append_byte(&text, '=');
		fs_option_escape(&text, value);
	}
	buf_append_byte(&text, '\0');
	if (!buf_ok(&text, err))
		return false;
	return fs_option_set_text(buf_text(&text), passed, err);
}

bool fs_option_set(struct fs_options *options, const struct fs_option_row *row, const char *value,
		   struct err *err)
{
	void *field = (char *)options + row->offset;

	switch ((enum fs_option_type)row->type) {
	case FS_OPT_FLAG:
		*(bool *)field = true;
		return true;
	case FS_OPT_ACTION:
		options->action = row->action;
		return true;
	case FS_OPT_COUNT:
		return set_count(row, value, field, err);
	case FS_OPT_SIZE:
	case FS_OPT_NUMBER:
		return set_size(row, value, field, err);
	case FS_OPT_USER:
	case FS_OPT_GROUP:
		return set_id(row, value, field, err);
	case FS_OPT_MODE:
		return set_mode(row, value, field, err);
	case FS_OPT_KINDS:
		return set_kinds(value, field, err);
	case FS_OPT_CHARSET:
		return set_charset(row, value, field, err);
	case FS_OPT_TEXT:
		return fs_option_set_text(value, field, err);
	case FS_OPT_LEVEL:
		return set_level(row, value, field, err);
	case FS_OPT_PASS:
		return pass_on(row, value, &options->passed, err);
	}
	return true;
}
