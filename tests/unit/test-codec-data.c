/*
 * Real files of the transfer syntaxes that libraries decode, in
 * $DICOMFS_TEST_DATA or beside the source tree: the samples are those that other
 * decoders made (ORACLE.tsv: file, transfer syntax, verdict, beginning of the
 * SHA-1 of frame 0), and those of the uncompressed twin.
 *
 * SPDX-License-Identifier: MIT
 */
#include "render/codecs.h"

#include <fcntl.h>
#include <setjmp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "render/rows.h"
#include "tests/unit/sha1.h"

struct file {
	struct dc_file_source source;
	struct dc_dataset dataset;
	struct dc_facts facts;
	int fd;
	struct rn_instance instance;
	struct rn_request request;
};

static void file_close(struct file *file)
{
	dc_dataset_release(&file->dataset);
	dc_facts_release(&file->facts);
	dc_source_release(&file->source.base);
	if (file->fd >= 0)
		close(file->fd);
}

static bool file_open(struct file *file, const char *path, struct err *err)
{
	struct stat status;

	*file = (struct file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	dc_facts_init(&file->facts);
	if (file->fd < 0 || fstat(file->fd, &status) != 0)
		return err_set(err, ERR_NOTFOUND, "no such file");
	dc_file_source_init(&file->source, file->fd, (uint64_t)status.st_size, NULL);
	file->instance = (struct rn_instance){.image = &file->facts.image,
					      .dcm_size = (uint64_t)status.st_size,
					      .name = "00001~000000"};
	file->request = (struct rn_request){.dataset = &file->dataset,
					    .instance = &file->instance,
					    .options = &rn_default_options};
	return dc_dataset_open(&file->dataset, &file->source.base, err) &&
	       dc_facts_read(&file->facts, &file->dataset, NULL, err);
}

/* Settled cells of frame 0, appended to out. */
static bool decode_file(const char *path, struct buf *out, struct err *err)
{
	struct file file CLEANUP(file_close);
	struct rn_rows rows;
	const void *cells = NULL;
	bool good = true;

	if (!file_open(&file, path, err) || !rn_rows_init(&rows, &file.request, err))
		return false;
	for (uint32_t row = 0; good && row < file.facts.image.rows; row++) {
		good = rn_rows_get(&rows, row, &cells, err);
		if (good)
			buf_append(out, cells, (size_t)file.facts.image.columns *
						       file.facts.image.samples *
						       rn_cell_bytes(&file.facts.image));
	}
	rn_rows_release(&rows);
	return good && buf_ok(out, err);
}

static const char *path_of(const char *name, char path[4096])
{
	const char *data = getenv("DICOMFS_TEST_DATA"), *top = getenv("top_srcdir");

	(void)snprintf(path, 4096, "%s%s/%s", data != NULL ? data : top != NULL ? top : ".",
		       data != NULL ? "" : "/../shared/data", name);
	return path;
}

/* What is right and yet not what the list says. */
static const struct {
	const char *file, *sha1; /* NULL: has no picture */
} explained[] = {
	/* Bits Stored 8, Pixel Representation and sign of the codestream: the others
	 * give the samples before they are made cells of the header. */
	{"pydicom/J2K_pixelrep_mismatch.dcm", "5ebeef675b7b0e75"},
	/* One bit: 0 and 1, where the list has 0 and 255. */
	{"pydicom-data/liver_j2k.dcm", "5060d73aefa2bdd7"},
	{"pydicom-data/liver_nonbyte_aligned_j2k.dcm", "08e1eb9c69611a11"},
	/* Bytes that are no codestream at all. */
	{"libdicom/generated_encapsulated_defined_bot_1_to_1.dcm", NULL},
	{"libdicom/generated_encapsulated_defined_bot_2_to_1.dcm", NULL},
	{"libdicom/generated_encapsulated_defined_bot_2_to_2.dcm", NULL},
	{"libdicom/generated_encapsulated_empty_bot_1_to_1.dcm", NULL},
	{"libdicom/generated_encapsulated_empty_bot_2_to_1.dcm", NULL},
	/* The delimiter is written over the width in the codestream. */
	{"pydicom/JPEG2000-embedded-sequence-delimiter.dcm", NULL},
};

static bool has_codec_here(const char *uid)
{
	static const char *const prefix = "1.2.840.10008.1.2.4.";
	void (*library)(struct buf *out) = NULL;
	struct buf text CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

	if (strncmp(uid, prefix, strlen(prefix)) != 0)
		return false;
	uid += strlen(prefix);
	if (strcmp(uid, "80") == 0 || strcmp(uid, "81") == 0)
		library = rn_codec_jls_library;
	else if (uid[0] == '9' || uid[0] == '2')
		library = rn_codec_j2k_library;
	else if (uid[0] == '1' && strlen(uid) == 3 && uid[1] == '1')
		library = rn_codec_jxl_library;
	if (library != NULL)
		library(&text);
	return text.size > 0;
}

static void compare(const char *file, const char *hashes)
{
	struct buf cells CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
	char path[4096], text[17];
	struct err err = {0};
	bool good = decode_file(path_of(file, path), &cells, &err);

	sha1_text(cells.data, cells.size, text);
	for (size_t i = 0; i < ARRAY_LEN(explained); i++) {
		if (strcmp(explained[i].file, file) != 0)
			continue;
		if (good != (explained[i].sha1 != NULL) ||
		    (good && strcmp(explained[i].sha1, text) != 0))
			fail_msg("%s: %s", file, good ? text : err.message);
		return;
	}
	if (!good)
		fail_msg("%s: %s", file, err.message);
	if (strstr(hashes, text) == NULL)
		fail_msg("%s: %s, not one of %s", file, text, hashes);
}

static void others_decode_the_same(void **state)
{
	char path[4096], line[4096];
	FILE *list = fopen(path_of("ORACLE.tsv", path), "re");
	unsigned compared = 0;

	(void)state;
	if (list == NULL)
		skip();
	while (fgets(line, sizeof(line), list) != NULL) {
		char *save = NULL;
		char *file = strtok_r(line, "\t\n", &save), *uid = strtok_r(NULL, "\t\n", &save);
		char *verdict = strtok_r(NULL, "\t\n", &save);
		char *hash = strtok_r(NULL, "\t\n", &save);

		/* Where nobody has a picture there is no hash. */
		if (hash == NULL || !has_codec_here(uid) || strcmp(verdict, "none") == 0 ||
		    strlen(hash) < 16)
			continue;
		compare(file, verdict[0] == 'D' ? save : hash);
		compared++;
	}
	(void)fclose(list);
	if (compared == 0)
		skip();
	print_message("# %u files\n", compared);
}

/* The WG04 pictures, and the same without compression. */
static void twins_are_the_same(void **state)
{
	static const struct {
		const char *plain;
		const char *others[3];
	} table[] = {
#define TWINS(name)                                                                                \
	{"DICOMHTJ2K/" name "_UNC",                                                                \
	 {"dicom-test-files/" name "_J2KR", "dicom-test-files/" name "_JLSL", "DICOMHTJ2K/" name "_JPH"}}
		TWINS("CT1"), TWINS("MR1"), TWINS("MR4"), TWINS("RG2"), TWINS("SC1"),
		TWINS("US1"), TWINS("VL1"), TWINS("XA1"),
	};
	unsigned compared = 0;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		struct buf plain CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);
		char path[4096];
		struct err err = {0};
		bool first;

		first = !decode_file(path_of(table[i].plain, path), &plain, &err);
		for (size_t k = 0; k < ARRAY_LEN(table[i].others); k++) {
			struct buf cells CLEANUP_BUF = buf_empty(BUF_NO_LIMIT);

			err_clear(&err);
			if (!decode_file(path_of(table[i].others[k], path), &cells, &err)) {
				if (err.code == ERR_NOTFOUND || err.code == ERR_UNSUPPORTED)
					continue;
				fail_msg("%s: %s", table[i].others[k], err.message);
			}
			/* Some have no plain twin here: then with one another. */
			if (first) {
				buf_truncate(&plain, 0);
				buf_append(&plain, cells.data, cells.size);
				first = false;
				continue;
			}
			if (cells.size != plain.size ||
			    memcmp(cells.data, plain.data, plain.size) != 0)
				fail_msg("%s differs from its twin", table[i].others[k]);
			compared++;
		}
	}
	if (compared == 0)
		skip();
	print_message("# %u pairs\n", compared);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(others_decode_the_same),
		cmocka_unit_test(twins_are_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
