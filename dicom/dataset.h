/*
 * The beginning of a DICOM file (PS3.10 7.1): preamble, meta group, and what
 * the data set behind it really is.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_DATASET_H
#define DICOM_DATASET_H

#include "dicom/parser.h"

/* Where a data set begins and how it is encoded. */
struct dc_layout {
	uint64_t offset; /* of the first element of the data set in the file */
	const struct dc_transfer_syntax *transfer_syntax; /* stored, or guessed */
	/* What the elements turned out to be; differs from transfer_syntax when the
	 * file lies about its VR or endianness (warning tells). */
	const struct dc_transfer_syntax *encoding;
	bool preamble;       /* 128 bytes and "DICM" */
	bool meta;           /* there is a meta group */
	bool guessed;        /* no usable Transfer Syntax UID: encoding was sniffed */
	bool dicomdir;       /* Media Storage Directory by its SOP class */
	bool unknown_syntax; /* a UID that no table knows; encoding is a guess */
	char transfer_syntax_uid[72]; /* as stored, trimmed; "" when absent */
	char media_storage_sop_class[72];
	char media_storage_sop_instance[72];
	char warning[160]; /* "" or what was tolerated */
};

/* Reads the beginning. ERR_NOTFOUND: not a DICOM file by the design's rule
 * ("DICM" at 128 and one valid element, or a start in group 0008 holding a SOP
 * Class or Study UID); the message says in what way. Errors: IO, CORRUPT. */
bool dc_layout_read(struct dc_source *file, struct dc_layout *layout,
		    struct err *err) MUST_CHECK;

/* A data set opened for parsing: the file itself, or an inflating source over
 * it. Offsets of the parser's elements are offsets in *source. */
struct dc_dataset {
	struct dc_layout layout;
	struct dc_source *source;        /* &file or &inflate.base */
	uint64_t offset;                 /* of the first element in *source */
	bool deflated;
	struct dc_inflate_source inflate;
};

/* file must outlive the data set. */
bool dc_dataset_open(struct dc_dataset *dataset, struct dc_source *file,
		     struct err *err) MUST_CHECK;
void dc_dataset_release(struct dc_dataset *dataset);
#define CLEANUP_DATASET CLEANUP(dc_dataset_release)

/* A parser at its start. charset fallback and limits come from options, whose
 * transfer_syntax is ignored in favour of layout.encoding. options may be NULL. */
bool dc_dataset_parser(struct dc_dataset *dataset, const struct dc_parser_options *options,
		       struct dc_parser *parser, struct err *err) MUST_CHECK;

/* More inflated bytes than this are refused (promise 6). */
#define DC_INFLATE_MAX ((uint64_t)2 << 30)

#endif
