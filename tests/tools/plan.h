/*
 * A made-up store by numbers: to which patient, study and series the nth of many
 * CT instances belongs, its place in the store, and its bytes, the same every
 * time. For stores and indexes to measure with. Headers are as long as real ones
 * (80 elements, about 2 kB), and every instance has UIDs of its own.
 *
 * Numbers start at 0 over the whole store; paths sort as the numbers do.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_PLAN_H
#define TESTS_TOOLS_PLAN_H

#include "dicom/buf.h"

#define PLAN_CYCLE 8
#define PLAN_PATH 64
#define PLAN_UID 65

struct plan {
	/* Instances of the series, in turn: 100, 10000 makes every second one large. */
	uint64_t per_series[PLAN_CYCLE];
	size_t cycle;
	uint64_t per_study, per_patient; /* series, studies */
	uint64_t rows, columns;          /* 16 bits a pixel */
	uint64_t frames;                 /* 0: not a multi-frame object */
};

struct plan_place {
	uint64_t instance, series, study, patient; /* numbers over the whole store */
	uint64_t number;                           /* in its series, from 1 */
};

/* 50 instances a series, 4 series a study, 2 studies a patient, 8 x 8 pixels. */
#define PLAN_DEFAULT                                                                               \
	{                                                                                          \
		.per_series = {50}, .cycle = 1, .per_study = 4, .per_patient = 2, .rows = 8,       \
		.columns = 8                                                                       \
	}

/* The options that both programs take, for getopt() and for their usage. */
#define PLAN_LETTERS "s:t:p:x:n:"
#define PLAN_USAGE                                                                                 \
	"  -s N[,N...]      instances a series, in turn [50]\n"                                    \
	"  -t N             series a study [4]\n"                                                  \
	"  -p N             studies a patient [2]\n"                                               \
	"  -x ROWSxCOLUMNS  pixels of 16 bits [8x8]\n"                                             \
	"  -n N             frames of each instance, as a multi-frame object\n"
/* False: not one of them, or no such value. */
bool plan_option(struct plan *plan, int letter, const char *value) MUST_CHECK;
/* Whether count instances fit the UIDs and one file of them into Pixel Data. */
bool plan_fits(const struct plan *plan, uint64_t count, struct err *err) MUST_CHECK;

struct plan_place plan_place(const struct plan *plan, uint64_t instance);
/* Inside the store: "P00000/ST00000/SE000000/IM00000000.dcm". */
void plan_path(const struct plan_place *at, char path[static PLAN_PATH]);

/* SOP Instance UID. */
void plan_uid(const struct plan *plan, const struct plan_place *at, char uid[static PLAN_UID]);
/* The file up to the value of Pixel Data; what out held is gone. */
void plan_header(const struct plan *plan, const struct plan_place *at, struct buf *out);
/* Bytes of the value of Pixel Data. */
uint64_t plan_pixels(const struct plan *plan);
/* Writes the file and the folders above it. scratch: memory for it. */
bool plan_save(const struct plan *plan, const struct plan_place *at, const char *store,
	       struct buf *scratch, struct err *err) MUST_CHECK;

#endif
