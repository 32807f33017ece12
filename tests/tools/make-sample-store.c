/*
 * make-sample-store FOLDER: fills a folder with made-up patients, to try the
 * mount with: a CT, an MR, an ultrasound loop, a radiograph, a palette image,
 * names in Japanese, Greek and Korean, a PDF, and files that are broken or no
 * DICOM at all. The same bytes every time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/sample.h"

int main(int argc, char **argv)
{
	bool (*const sets[])(const char *folder, struct err *err) = {
		sample_ct,      sample_mr,    sample_ultrasound, sample_radiograph,
		sample_palette, sample_names, sample_pdf,        sample_oddities,
	};
	struct err err;

	if (argc != 2 || argv[1][0] == '-') {
		fprintf(stderr, "usage: make-sample-store FOLDER\n");
		return 2;
	}
	for (size_t i = 0; i < ARRAY_LEN(sets); i++) {
		if (!sets[i](argv[1], &err)) {
			fprintf(stderr, "make-sample-store: %s\n", err.message);
			return 1;
		}
	}
	return 0;
}
