/* SPDX-License-Identifier: MIT */
#include "index/parse.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* How long a file has to be left alone before it counts as written, where nobody
 * tells that it is. */
#define STILL_NS INT64_C(2000000000)

bool ix_parser_init(struct ix_parser *parser, const struct ix_scan_options *options,
		    struct err *err)
{
	memset(parser, 0, sizeof(*parser));
	parser->options = options;
	parser->parsing.limits = options->limits;
	if (options->charset_fallback != NULL &&
	    !dc_charset_set_fallback(&parser->parsing.charset, options->charset_fallback))
		return err_set(err, ERR_USAGE, "unknown character set %s",
			       options->charset_fallback);
	parser->head = malloc(DC_FILE_HEAD_SIZE);
	return parser->head != NULL || err_set(err, ERR_NOMEM, "out of memory");
}

void ix_parser_release(struct ix_parser *parser)
{
	free(parser->head);
	parser->head = NULL;
}

void ix_result_init(struct ix_result *result)
{
	memset(result, 0, sizeof(*result));
	dc_facts_init(&result->facts);
}

void ix_result_release(struct ix_result *result)
{
	dc_facts_release(&result->facts);
}

void ix_result_set(struct ix_result *result, enum ix_outcome outcome, const char *code,
		   const char *format, ...)
{
	va_list args;

	result->outcome = outcome;
	result->code = code;
	va_start(args, format);
	(void)vsnprintf(result->reason, sizeof(result->reason), format, args);
	va_end(args);
}

/* An error of reading or parsing as a result. */
static void set_failure(struct ix_result *result, const struct err *err)
{
	switch (err->code) {
	case ERR_NOMEM:
	case ERR_INTERRUPTED:
		ix_result_set(result, IX_OUTCOME_RETRY, "postponed", "%s", err->message);
		return;
	case ERR_NOTFOUND:
	case ERR_STALE:
	case ERR_IO:
		/* Not known by its fingerprint: the next scan tries again. */
		result->print.inode = 0;
		result->print.ctime_ns = 0;
		ix_result_set(result, IX_OUTCOME_UNREAD, "unreadable", "%s", err->message);
		return;
	case ERR_UNSUPPORTED:
		ix_result_set(result, IX_OUTCOME_FAILED, "unsupported", "%s", err->message);
		return;
	case ERR_LIMIT:
		ix_result_set(result, IX_OUTCOME_FAILED, "limit", "%s", err->message);
		return;
	default:
		ix_result_set(result, IX_OUTCOME_FAILED, "corrupt", "%s", err->message);
		return;
	}
}

static void set_open_failure(struct ix_result *result, int sys)
{
	struct err err = {0};

	switch (sys) {
	case ENOENT:
		result->outcome = IX_OUTCOME_GONE;
		result->code = NULL;
		return;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EINTR:
	case ESTALE: /* removed by another host, or the server began anew */
	case ELOOP:  /* replaced by a link since the folder was listed */
		(void)err_set_sys(&err, sys, "cannot be opened");
		ix_result_set(result, IX_OUTCOME_RETRY, "postponed", "%s", err.message);
		return;
	default:
		(void)err_set_sys(&err, sys, "cannot be opened");
		set_failure(result, &err);
		return;
	}
}

/* A cut header that still says what it belongs to is worth showing. */
static bool has_identity(const struct dc_facts *facts)
{
	return dc_fact(facts, DC_FACT_SOP_UID)[0] != '\0' ||
	       dc_fact(facts, DC_FACT_STUDY_UID)[0] != '\0';
}

/* Not one element behind the meta group. */
static bool is_void(const struct dc_dataset *dataset, uint64_t file_size)
{
	const uint64_t smallest = 8; /* an element header, PS3.5 7.1 */

	return !dataset->deflated &&
	       (dataset->offset >= file_size || file_size - dataset->offset < smallest);
}

static void read_instance(struct ix_parser *parser, struct dc_dataset *dataset,
			  struct ix_result *result)
{
	const struct ix_scan_options *options = parser->options;
	const struct err *damage;
	struct err err = {0};

	if (dataset->layout.dicomdir) {
		ix_result_set(result, IX_OUTCOME_SKIPPED, "dicomdir",
			      "an index of other files, not an instance");
		return;
	}
	if (!dc_facts_read(&result->facts, dataset, &parser->parsing, &err)) {
		set_failure(result, &err);
		return;
	}
	if (result->facts.damage.code != ERR_NONE && !has_identity(&result->facts)) {
		set_failure(result, &result->facts.damage);
		return;
	}
	if (is_void(dataset, result->print.size)) {
		ix_result_set(result, IX_OUTCOME_FAILED, "corrupt", "there is no data set in it");
		return;
	}
	memset(&result->measured, 0, sizeof(result->measured));
	if (!options->measure(dataset, &result->facts, result->print.size, options->measure_context,
			      &result->measured, &err)) {
		set_failure(result, &err);
		return;
	}
	/* Facts are not looked for in sequences, nor behind the pixels: the measure saw
	 * all that there is. */
	damage = result->facts.damage.code != ERR_NONE ? &result->facts.damage
						       : &result->measured.damage;
	if (damage->code != ERR_NONE)
		ix_result_set(result, IX_OUTCOME_INSTANCE, "damaged", "%s", damage->message);
	else
		result->outcome = IX_OUTCOME_INSTANCE;
}

static void read_file(struct ix_parser *parser, int fd, struct ix_result *result)
{
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_file_source source;
	struct err err = {0};

	dc_file_source_init(&source, fd, result->print.size, parser->head);
	if (dc_dataset_open(&dataset, &source.base, &err))
		read_instance(parser, &dataset, result);
	else if (err.code == ERR_NOTFOUND)
		ix_result_set(result, IX_OUTCOME_SKIPPED, "not-dicom", "%s", err.message);
	else
		set_failure(result, &err);
	dc_source_release(&source.base);
}

/* ---- Files that are being written --------------------------------------- */

static bool is_near(int64_t a, int64_t b)
{
	return a - b < STILL_NS && b - a < STILL_NS;
}

/* By its times: a writer may set the one, and the other is the kernel's. What lies
 * in the future says nothing. */
static bool is_young(const struct ix_fingerprint *print)
{
	int64_t now = ix_now_ns();

	return is_near(print->mtime_ns, now) || is_near(print->ctime_ns, now);
}

/* A lease for reading is given only where nobody has the file open for writing;
 * where there are no leases, time tells. */
static bool is_being_written(const struct ix_scan_options *options, int fd,
			     const struct ix_fingerprint *print)
{
	if (!is_young(print))
		return false;
	/* Should a writer come in this very moment: a signal that does nothing. */
	if (fcntl(fd, F_SETSIG, SIGURG) == 0 && fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno != EACCES || options->unwritten == NULL ||
	       !options->unwritten(fd, options->unwritten_context);
}

void ix_parse_file(struct ix_parser *parser, int folder_fd, const char *name, bool follow,
		   struct ix_result *result)
{
	int fd CLEANUP_FD = -1;
	struct stat st;

	result->code = NULL;
	result->reason[0] = '\0';
	result->linked = false;
	memset(&result->print, 0, sizeof(result->print));
	/* A file that may not be opened still has its place in the counts. */
	fd = ix_open_entry(folder_fd, name, follow);
	if (fd < 0) {
		set_open_failure(result, errno);
		return;
	}
	if (fstat(fd, &st) != 0) {
		set_open_failure(result, errno);
		return;
	}
	result->print = ix_fingerprint_of(&st);
	result->linked = st.st_nlink > 1;
	if (!S_ISREG(st.st_mode)) {
		ix_result_set(result, IX_OUTCOME_SKIPPED, "special", "not a regular file");
		return;
	}
	if (is_being_written(parser->options, fd, &result->print)) {
		ix_result_set(result, IX_OUTCOME_RETRY, "postponed", "is being written");
		return;
	}
	if (st.st_size == 0) {
		ix_result_set(result, IX_OUTCOME_SKIPPED, "not-dicom", "empty");
		return;
	}
	read_file(parser, fd, result);
}
