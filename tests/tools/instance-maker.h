/*
 * What a scan would find out about the files of a plan, without the files: the
 * header is made in memory and handed to the scan's own parser.
 *
 * That is done once for each series and once for each number within a series;
 * the others follow from these, since instances of a series differ in UID and
 * number, and in the sizes that go with the number. The last one of each series
 * is parsed nevertheless, and it is an error if it is not what was expected.
 *
 * Thread rule: a maker belongs to one thread.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_INSTANCE_MAKER_H
#define TESTS_TOOLS_INSTANCE_MAKER_H

#include "index/parse.h"
#include "tests/tools/plan.h"

struct im_instance {
	struct plan_place at;
	char path[PLAN_PATH];
	/* As of the parser; of the fingerprint there is only the size. Points into
	 * the texts below. */
	struct ix_result result;
	char uid[PLAN_UID], number[24];
};
void im_instance_init(struct im_instance *instance);
void im_instance_release(struct im_instance *instance);

/* Sizes that an instance has because of its number. */
struct im_sizes {
	uint64_t header, json; /* header 0: not known yet */
};

struct im_maker {
	const struct plan *plan;
	struct ix_parser parser;
	int fd; /* where the parser meets a file */
	struct buf bytes;
	/* By number, all as they would be in one series; the first is unused. */
	struct im_sizes *sizes;
	struct im_instance model; /* of the series at hand */
	struct im_sizes model_sizes;
	bool has_model;
};
/* plan and options outlive the maker. */
bool im_init(struct im_maker *maker, const struct plan *plan, const struct ix_scan_options *options,
	     struct err *err) MUST_CHECK;
void im_release(struct im_maker *maker);

/* instance was initialised and may have been used before. */
bool im_make(struct im_maker *maker, uint64_t number, struct im_instance *instance,
	     struct err *err) MUST_CHECK;

#endif
