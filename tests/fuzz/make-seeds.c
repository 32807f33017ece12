/*
 * make-seeds [--limit BYTES] OUT FILE-OR-FOLDER...: inputs for fuzz-codec and
 * fuzz-frames, written to OUT/codec and OUT/frames, of every DICOM file and
 * recipe (tests/cases/) with encapsulated pixel data.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/fuzz/codec-input.h"

#include "dicom/facts.h"
#include "dicom/frames.h"
#include "dicom/number.h"
#include "tests/tools/recipe.h"

#include <fcntl.h>
#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

/* nftw has no context argument. */
static uint64_t limit = 256 * 1024;
static const char *folder;
static unsigned count;

static void unref_index(struct dc_frame_index **index)
{
	dc_frame_index_unref(*index);
}

static bool write_seed(const char *kind, const struct buf *seed)
{
	char path[4096];
	FILE *file;
	bool ok;

	(void)snprintf(path, sizeof(path), "%s/%s/%05u", folder, kind, count);
	file = fopen(path, "we");
	if (file == NULL)
		return false;
	ok = fwrite(seed->data, 1, seed->size, file) == seed->size;
	return fclose(file) == 0 && ok;
}

static uint8_t find_number(const uint16_t *table, size_t size, uint16_t number)
{
	for (size_t i = 0; i < size; i++) {
		if (table[i] == number)
			return (uint8_t)i;
	}
	return 0;
}

/* The first frame, if it can be found. */
static bool write_codec_seed(struct dc_dataset *dataset, const struct dc_image *image)
{
	struct dc_frame_index *index CLEANUP(unref_index) = NULL;
	CLEANUP_BUF struct buf seed = buf_empty(BUF_NO_LIMIT);
	uint8_t head[CODEC_INPUT_HEAD] = {
		(uint8_t)image->transfer_syntax,
		(uint8_t)image->rows,
		(uint8_t)(image->rows >> 8),
		(uint8_t)image->columns,
		(uint8_t)(image->columns >> 8),
		(uint8_t)(find_number(codec_input_samples, ARRAY_LEN(codec_input_samples),
				      image->samples) |
			  (image->pixel_representation == 1 ? CODEC_INPUT_SIGNED : 0) |
			  (image->planar_configuration == 1 ? CODEC_INPUT_PLANAR : 0)),
		find_number(codec_input_bits, ARRAY_LEN(codec_input_bits), image->bits_allocated),
		(uint8_t)image->bits_stored,
		(uint8_t)image->high_bit,
		image->photometric,
	};
	struct err err;

	buf_append(&seed, head, sizeof(head));
	if (!dc_frame_index_build(&index, dataset, image, &err) ||
	    !dc_frame_index_read(index, dataset->source, 0, limit, &seed, &err))
		return true;
	return write_seed("codec", &seed);
}

static bool write_frames_seed(struct dc_dataset *dataset, const struct dc_image *image)
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
	       write_seed("frames", &seed);
}

static bool write_seeds(struct span bytes)
{
	CLEANUP_FACTS struct dc_facts facts;
	struct dc_dataset dataset CLEANUP_DATASET = {0};
	struct dc_memory_source source;
	struct err err;

	dc_facts_init(&facts);
	dc_memory_source_init(&source, bytes);
	if (!dc_dataset_open(&dataset, &source.base, &err) ||
	    !dc_facts_read(&facts, &dataset, NULL, &err) || facts.image.pixel_tag == 0 ||
	    (facts.image.flags & DC_IMAGE_ENCAPSULATED) == 0)
		return true;
	count++;
	return write_codec_seed(&dataset, &facts.image) &&
	       write_frames_seed(&dataset, &facts.image);
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

static bool make_folder(const char *kind)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, kind);
	return mkdir(path, 0700) == 0;
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
	if (mkdir(folder, 0700) != 0 || !make_folder("codec") || !make_folder("frames")) {
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
