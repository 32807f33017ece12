/*
 * All that dicomfs makes of one file in memory, for the checks of
 * tests/unit/case-check.h.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_CASE_RUN_H
#define TESTS_UNIT_CASE_RUN_H

#include "render/render.h"

#define CASE_NAME "NAME"

struct case_run {
	struct span file;
	struct dc_memory_source source;
	struct dc_dataset dataset;
	bool opened;
	struct err error; /* why it was not */
	struct dc_facts facts;
	struct err damage; /* of the walk over all elements, else of the facts */
	struct rn_measured measured;
	struct rn_instance instance;
	struct buf json;
};

/* False: something that must not happen with any file, as text in problem. */
bool case_run(struct case_run *run, struct span file, struct buf *problem) MUST_CHECK;
void case_run_release(struct case_run *run);
#define CLEANUP_CASE_RUN CLEANUP(case_run_release)

/* Makes one file; what a kind cannot make is in err. */
bool case_produce(struct case_run *run, uint8_t kind, uint32_t frame, struct buf *out,
		  struct err *err) MUST_CHECK;

#endif
