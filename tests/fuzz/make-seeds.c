/*
 * make-seeds [--limit BYTES] OUT FILE-OR-FOLDER...: inputs for every fuzz target,
 * in folders OUT/TARGET, of every DICOM file and recipe (tests/cases/). Targets
 * that make their own files out of their input get a few random ones.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/codec-input.h"

#include "dicom/facts.h"
#include "dicom/frames.h"
#include "dicom/number.h"
#include "tests/tools/recipe.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* Beside those of the codecs. */
static const char *const targets[] = {"frames", "grey",	 "header", "instance",
				      "json",	"names", "pixels", "text"};

#define RANDOM_SEEDS 64u
/* A data set in front of its pixels is small, and a longer input is slow. */
#define JSON_MAX ((uint64_t)16 * 1024)

/* nftw has no context argument. */
static uint64_t limit = 256 * 1024;
static const char *folder;
static unsigned count;

static void unref_index(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

static bool write_seed(const char *target, struct span seed)
{
	char path[4096];
	FILE *file;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s/%05u", folder, target, count);
	file = fopen(path, "we");
	if (file == NULL)
		return false;
	ok = seed.size == 0 || fwrite(seed.data, 1, seed.size, file) == seed.size;
	return fclose(file) == 0 && ok;
}

/* ---- Frames ----------------------------------------------------------------- */

static uint8_t find_number(const uint16_t *table, size_t size, uint16_t number)
{
	for (size_t i = 0; i < size; i++) {
		if (table[i] == number)
			return (uint8_t)i;
	}
	return 0;
}

static bool write_codestream(const struct dc_image *image, struct span codestream)
{
	enum codec_target target = codec_target_find(image, codestream);
	CLEANUP_BUF struct buf seed = buf_empty(BUF_NO_LIMIT);

	if (target == CODEC_TARGETS)
		return true;
	buf_append(&seed,
		   (uint8_t[CODEC_INPUT_HEAD]){
			   codec_target_choice(target, image->transfer_syntax),
			   (uint8_t)image->rows,
			   (uint8_t)(image->rows >> 8),
			   (uint8_t)image->columns,
			   (uint8_t)(image->columns >> 8),
			   (uint8_t)(find_number(codec_input_samples,
						 ARRAY_LEN(codec_input_samples), image->samples) |
				     (image->pixel_representation == 1 ? CODEC_INPUT_SIGNED : 0) |
				     (image->planar_configuration == 1 ? CODEC_INPUT_PLANAR : 0)),
			   find_number(codec_input_bits, ARRAY_LEN(codec_input_bits),
				       image->bits_allocated),
			   (uint8_t)image->bits_stored,
			   (uint8_t)image->high_bit,
			   image->photometric,
		   },
		   CODEC_INPUT_HEAD);
	buf_append(&seed, codestream.data, codestream.size);
	return write_seed(codec_target_name(target), buf_span(&seed));
}

/* The first frame, if it can be found. */
static bool write_frame(struct dc_dataset *dataset, const struct dc_image *image)
{
	struct dc_frame_index *index CLEANUP(unref_index) = NULL;
	CLEANUP_BUF struct buf codestream = buf_empty(BUF_NO_LIMIT);
	struct err err;

	if (!dc_frame_index_build(&index, dataset, image, &err) ||
	    !dc_frame_index_read(index, dataset->source, 0, limit, &codestream, &err))
		return true;
	return write_codestream(image, buf_span(&codestream));
}

static bool write_fragments(struct dc_dataset *dataset, const struct dc_image *image)
{
	CLEANUP_BUF struct buf seed = buf_empty(BUF_NO_LIMIT);
	size_t size = (size_t)MIN_OF(image->length, limit);
	uint8_t head[FRAMES_INPUT_HEAD] = {(uint8_t)image->transfer_syntax, (uint8_t)image->frames,
					   (uint8_t)(image->frames >> 8), 0};
	uint8_t *to;
	struct err err;

	buf_append(&seed, head, sizeof(head));
	to = buf_extend(&seed, size);
	return to != NULL && dc_source_read_exact(dataset->source, image->offset, to, size, &err) &&
	       write_seed("frames", buf_span(&seed));
}

/* ---- Headers ---------------------------------------------------------------- */

/* fuzz-json.c: encoding, threshold, room. */
static bool write_json(struct dc_dataset *dataset)
{
	const struct dc_transfer_syntax *encoding = dataset->layout.encoding;
	CLEANUP_BUF struct buf seed = buf_empty(BUF_NO_LIMIT);
	uint8_t head[] = {!encoding->explicit_vr ? 0 : encoding->big_endian ? 2 : 1, 64, 20};
	size_t size = (size_t)MIN_OF(dataset->source->size - dataset->offset, JSON_MAX);
	uint8_t *to;
	struct err err;

	buf_append(&seed, head, sizeof(head));
	to = buf_extend(&seed, size);
	return to != NULL && dc_source_read_exact(dataset->source, dataset->offset, to, size, &err) &&
	       write_seed("json", buf_span(&seed));
}

/* fuzz-names.c: a hash, its size, a limit, and facts. */
static bool write_names(const struct dc_facts *facts)
{
	static const enum dc_fact order[] = {
		DC_FACT_PATIENT_NAME,	DC_FACT_PATIENT_ID,    DC_FACT_ISSUER,
		DC_FACT_BIRTH_DATE,	DC_FACT_STUDY_DATE,    DC_FACT_STUDY_TIME,
		DC_FACT_STUDY_DESCRIPTION, DC_FACT_SERIES_NUMBER, DC_FACT_MODALITY,
		DC_FACT_SERIES_DESCRIPTION, DC_FACT_INSTANCE_NUMBER};
	CLEANUP_BUF struct buf seed = buf_empty(BUF_NO_LIMIT);

	buf_append(&seed, "01234567\0\x20", 10);
	for (size_t i = 0; i < ARRAY_LEN(order); i++)
		buf_append(&seed, dc_fact(facts, order[i]), strlen(dc_fact(facts, order[i])) + 1);
	return write_seed("names", buf_span(&seed));
}

/* fuzz-text.c: Specific Character Set, a NUL, the values of text. */
static bool write_text(struct dc_dataset *dataset)
{
	CLEANUP_BUF struct buf sets = buf_empty(BUF_NO_LIMIT), text = buf_empty(BUF_NO_LIMIT);
	struct dc_parser parser CLEANUP_PARSER;
	struct span value;
	struct err err;

	if (!dc_dataset_parser(dataset, NULL, &parser, &err))
		return true;
	while (dc_parser_next(&parser, &err) && parser.event != DC_EVENT_END) {
		uint16_t vr = parser.element.vr;

		if (parser.event != DC_EVENT_ELEMENT || parser.element.length > 256 ||
		    !dc_parser_value(&parser, &value, &err))
			continue;
		if (parser.element.tag == DC_TAG(8, 5) && sets.size == 0)
			buf_append(&sets, value.data, value.size);
		else if ((vr == DC_VR_PN || vr == DC_VR_LO || vr == DC_VR_LT || vr == DC_VR_UT) &&
			 text.size < 1024)
			buf_append(&text, value.data, value.size);
	}
	buf_append_byte(&sets, 0);
	buf_append(&sets, text.data, text.size);
	return write_seed("text", buf_span(&sets));
}

static bool write_seeds(struct span bytes)
{
	CLEANUP_FACTS struct dc_facts facts;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_memory_source source;
	struct err err;

	dc_facts_init(&facts);
	dc_memory_source_init(&source, bytes);
	count++;
	if (!write_seed("header", bytes) || !write_seed("instance", bytes))
		return false;
	if (!dc_dataset_open(&dataset, &source.base, &err) ||
	    !dc_facts_read(&facts, &dataset, NULL, &err))
		return true;
	if (!write_json(&dataset) || !write_names(&facts) || !write_text(&dataset))
		return false;
	if (facts.image.pixel_tag == 0 || (facts.image.flags & DC_IMAGE_ENCAPSULATED) == 0)
		return true;
	return write_frame(&dataset, &facts.image) && write_fragments(&dataset, &facts.image);
}

/* ---- Files ------------------------------------------------------------------ */

/* The same each time: SplitMix64. */
static bool write_random_seeds(const char *target)
{
	uint64_t state = 0;

	for (count = 0; count < RANDOM_SEEDS; count++) {
		uint64_t seed[64];

		for (size_t i = 0; i < ARRAY_LEN(seed); i++) {
			uint64_t z = (state += 0x9e3779b97f4a7c15u);

			z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
			z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
			seed[i] = z ^ (z >> 31);
		}
		if (!write_seed(target, span_of(seed, 64 + 7 * count)))
			return false;
	}
	count = 0;
	return true;
}

static int visit(const char *path, const struct stat *status, int type, struct FTW *where)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);
	CLEANUP_RECIPE struct recipe recipe = {0};
	CLEANUP_FREE uint8_t *data = NULL;
	CLEANUP_FD int fd = -1;
	size_t size = (size_t)status->st_size, length = strlen(path);
	struct err err;

	(void)where;
	if (type != FTW_F || !S_ISREG(status->st_mode) || (uint64_t)size > limit || size == 0)
		return 0;
	if (length > 7 && strcmp(path + length - 7, ".recipe") == 0)
		return recipe_read_file(path, &text, &err) &&
				       recipe_build(&recipe, buf_span(&text), &err) &&
				       recipe.file.size <= limit &&
				       !write_seeds(buf_span(&recipe.file))
			       ? 1
			       : 0;
	data = malloc(size);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return data != NULL && fd >= 0 && read(fd, data, size) == (ssize_t)size &&
			       write_seeds(span_of(data, size))
		       ? 0
		       : 1;
}

static bool make_folder(const char *target)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, target);
	return mkdir(path, 0700) == 0 || errno == EEXIST;
}

static bool make_folders(void)
{
	bool ok = mkdir(folder, 0700) == 0 || errno == EEXIST;

	for (size_t i = 0; i < ARRAY_LEN(targets); i++)
		ok = ok && make_folder(targets[i]);
	for (enum codec_target i = 0; i < CODEC_TARGETS; i++)
		ok = ok && make_folder(codec_target_name(i));
	return ok && write_random_seeds("grey") && write_random_seeds("pixels");
}

int main(int argc, char **argv)
{
	int i = 1;

	if (i + 1 < argc && strcmp(argv[i], "--limit") == 0 && dc_number_size(argv[i + 1], &limit))
		i += 2;
	if (i + 1 >= argc) {
		fprintf(stderr, "usage: make-seeds [--limit BYTES] OUT FILE-OR-FOLDER...\n");
		return 2;
	}
	folder = argv[i++];
	if (!make_folders()) {
		perror(folder);
		return 1;
	}
	for (; i < argc; i++) {
		if (nftw(argv[i], visit, 16, FTW_PHYS) != 0) {
			perror(argv[i]);
			return 1;
		}
	}
	printf("%u files\n", count);
	return 0;
}
