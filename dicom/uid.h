/*
 * Unique identifiers: the registry of PS3.6 Annex A and what each transfer
 * syntax means for the parser and the pixel pipeline (PS3.5 Annex A).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_UID_H
#define DICOM_UID_H

#include "dicom/base.h"

enum dc_uid_type {
	DC_UID_TRANSFER_SYNTAX,
	DC_UID_SOP_CLASS,
	DC_UID_OTHER, /* meta SOP classes, well-known instances, context groups, ... */
};

struct dc_uid {
	const char *uid;
	const char *name; /* as in PS3.6, without "(Retired)" */
	const char *keyword;
	uint8_t type; /* enum dc_uid_type */
	bool retired;
};

/* NULL when the registry does not know it. Trailing NULs and spaces of the
 * span are ignored. */
const struct dc_uid *dc_uid_find(struct span uid);

/* The whole generated table, sorted by uid bytes. */
extern const struct dc_uid dc_uid_table[];
extern const size_t dc_uid_count;

enum dc_encapsulation {
	DC_NATIVE,       /* pixel data is a plain value */
	DC_ENCAPSULATED, /* pixel data is a sequence of fragments (PS3.5 A.4) */
};

struct dc_transfer_syntax {
	const char *uid;
	const char *label; /* short, for messages: "JPEG Lossless SV1" */
	bool explicit_vr;
	bool big_endian;       /* of elements */
	bool big_endian_pixels; /* differs from big_endian in one private GE syntax */
	bool deflated;         /* the dataset after the meta group is one deflate stream */
	bool video;            /* fragments hold a video stream, not frames */
	uint8_t encapsulation; /* enum dc_encapsulation */
};

/* Every transfer syntax of PS3.6 plus the private ones that occur. Entries are
 * never removed or reordered: their index is part of packed pixel
 * descriptions. Entry 0 is Implicit VR Little Endian. */
extern const struct dc_transfer_syntax dc_transfer_syntax_table[];
extern const size_t dc_transfer_syntax_count;

/* The entry for a UID (trailing NULs and spaces ignored), NULL when unknown. */
const struct dc_transfer_syntax *dc_transfer_syntax_find(struct span uid);

#define DC_TS_IMPLICIT_LE "1.2.840.10008.1.2"
#define DC_TS_EXPLICIT_LE "1.2.840.10008.1.2.1"
#define DC_TS_EXPLICIT_BE "1.2.840.10008.1.2.2"
#define DC_TS_DEFLATED_LE "1.2.840.10008.1.2.1.99"

#endif
