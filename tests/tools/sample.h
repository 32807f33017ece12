/*
 * Made-up patients and pictures, the same bytes every time: what
 * make-sample-store and make-store put into a folder. No person is meant.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_SAMPLE_H
#define TESTS_TOOLS_SAMPLE_H

#include "tests/tools/dicom-write.h"

/* A series and all that stands above it. Text is in the character set. */
struct sample_series {
	const char *charset; /* NULL: none */
	const char *patient_name, *patient_id, *birth_date, *sex;
	unsigned study; /* part of the UIDs */
	const char *study_date, *study_time, *study_description, *accession;
	unsigned series; /* Series Number, part of the UIDs */
	const char *modality, *series_description, *body_part;
	const char *sop_class;
	const char *image_type;
};

/* The Image Pixel module. */
struct sample_pixels {
	/* frames 0: not a multi-frame object; else they are a Frame Time apart */
	uint16_t rows, columns, frames;
	uint16_t samples, allocated, stored;
	bool is_signed;
	const char *photometric;
};

#define SAMPLE_UID 65

/* A UID below 2.25 for a study, its series, one instance of it; 0: not in it. */
void sample_uid(char uid[static SAMPLE_UID], unsigned study, unsigned series, unsigned instance);

/* One file is made by these, in this order of groups; further elements of the
 * caller come between. Preamble, meta group, groups 0008 and 0010: */
void sample_begin(struct dw_writer *writer, struct buf *out, const struct sample_series *series,
		  unsigned instance);
/* Group 0020: UIDs and numbers. */
void sample_place(struct dw_writer *writer, const struct sample_series *series,
		  unsigned instance);
/* Group 0028 up to Pixel Representation. */
void sample_image(struct dw_writer *writer, const struct sample_pixels *pixels);
/* A DS of one number, or of several. */
void sample_decimal(struct dw_writer *writer, uint32_t tag, double value);
void sample_printf(struct dw_writer *writer, uint32_t tag, const char *vr, const char *format, ...)
	PRINTF_LIKE(4, 5);

/* Writes a file and the folders above it. */
bool sample_save(const char *folder, const char *name, struct span bytes,
		 struct err *err) MUST_CHECK;

/* ---- The head: ellipsoids after Shepp and Logan ------------------------ */

struct sample_head {
	float density; /* 0 air, 1 to 1.1 the soft tissues, 2 bone */
	bool inside;
};
/* At a point of the cube from -1 to 1: x to the left, y to the back, z to the
 * top of the head. */
struct sample_head sample_head_at(double x, double y, double z);

/* Reproducible noise: uniform from -1 to 1. */
double sample_noise(uint32_t *state);

/* ---- Sets of files: each returns false with err ------------------------- */

bool sample_ct(const char *folder, struct err *err) MUST_CHECK;
bool sample_mr(const char *folder, struct err *err) MUST_CHECK;
bool sample_ultrasound(const char *folder, struct err *err) MUST_CHECK;
bool sample_radiograph(const char *folder, struct err *err) MUST_CHECK;
bool sample_palette(const char *folder, struct err *err) MUST_CHECK;
bool sample_names(const char *folder, struct err *err) MUST_CHECK;
bool sample_pdf(const char *folder, struct err *err) MUST_CHECK;
bool sample_oddities(const char *folder, struct err *err) MUST_CHECK;

#endif
