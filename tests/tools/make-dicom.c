/*
 * make-dicom RECIPE OUT: builds the DICOM file that a recipe (tests/cases/)
 * describes, to look at it with other programs.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/recipe.h"

static bool write_file(const char *path, struct span bytes)
{
	FILE *file = fopen(path, "we");
	bool ok;

	if (file == NULL)
		return false;
	ok = bytes.size == 0 || fwrite(bytes.data, 1, bytes.size, file) == bytes.size;
	return fclose(file) == 0 && ok;
}

int main(int argc, char **argv)
{
	CLEANUP_BUF struct buf text = buf_empty(BUF_NO_LIMIT);
	CLEANUP_RECIPE struct recipe recipe = {0};
	struct err err;

	if (argc != 3) {
		fprintf(stderr, "usage: make-dicom RECIPE OUT\n");
		return 2;
	}
	if (!recipe_read_file(argv[1], &text, &err) ||
	    !recipe_build(&recipe, buf_span(&text), &err)) {
		fprintf(stderr, "make-dicom: %s: %s\n", argv[1], err.message);
		return 1;
	}
	if (!write_file(argv[2], buf_span(&recipe.file))) {
		fprintf(stderr, "make-dicom: %s: %m\n", argv[2]);
		return 1;
	}
	return 0;
}
