/*
 * make-store [OPTION...] N FOLDER: N made-up CT files, for measuring scans and
 * reads; see plan.h for what they are. The same bytes every time.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/tools/plan.h"

#include <unistd.h>

#include "dicom/number.h"

static bool make_store(const struct plan *plan, uint64_t count, const char *folder, struct err *err)
{
	CLEANUP_BUF struct buf scratch = buf_empty(BUF_NO_LIMIT);

	if (!plan_fits(plan, count, err))
		return false;
	for (uint64_t i = 0; i < count; i++) {
		struct plan_place at = plan_place(plan, i);

		if (!plan_save(plan, &at, folder, &scratch, err))
			return false;
	}
	return true;
}

static int usage(void)
{
	fprintf(stderr, "usage: make-store [OPTION...] N FOLDER\n" PLAN_USAGE);
	return 2;
}

int main(int argc, char **argv)
{
	struct plan plan = PLAN_DEFAULT;
	uint64_t count;
	struct err err;
	int letter;

	while ((letter = getopt(argc, argv, PLAN_LETTERS)) != -1) {
		if (!plan_option(&plan, letter, optarg))
			return usage();
	}
	if (argc - optind != 2 || !dc_number_unsigned(argv[optind], &count))
		return usage();
	if (!make_store(&plan, count, argv[optind + 1], &err)) {
		fprintf(stderr, "make-store: %s\n", err.message);
		return 1;
	}
	return 0;
}
