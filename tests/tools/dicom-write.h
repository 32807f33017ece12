/*
 * Writes DICOM files into memory, for tests: right ones easily, wrong ones on
 * purpose. Knows the encodings of PS3.5 7 and Annex A and the file format of
 * PS3.10 7, but no dictionary: the caller gives every VR. Uses nothing of
 * dicom/ beyond its base layer, so that writer and parser do not agree on the
 * same mistake.
 *
 * Failures (memory) stick in out; ask buf_ok() once at the end. Nesting is
 * checked by assertions: a wrong call is a bug of the test.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_TOOLS_DICOM_WRITE_H
#define TESTS_TOOLS_DICOM_WRITE_H

#include "dicom/buf.h"

enum dw_encoding { DW_IMPLICIT_LE, DW_EXPLICIT_LE, DW_EXPLICIT_BE };

#define DW_UNDEFINED UINT32_MAX
#define DW_MAX_DEPTH 256

#define DW_TAG(group, element) (((uint32_t)(group) << 16) | (uint32_t)(element))
#define DW_PIXEL_DATA DW_TAG(0x7fe0, 0x0010)

/* A VR as its two letters: "PN". */
struct dw_level {
	size_t length_at; /* offset of the length field in out */
	size_t start;     /* offset of the value field */
	bool undefined;
	enum dw_encoding encoding; /* to go back to */
};

struct dw_writer {
	struct buf *out;
	enum dw_encoding encoding; /* may be changed between elements */
	struct dw_level levels[DW_MAX_DEPTH];
	size_t depth;
};

void dw_init(struct dw_writer *writer, struct buf *out, enum dw_encoding encoding);

/* ---- The beginning of a file ------------------------------------------ */

/* 128 bytes and "DICM"; start (may be NULL) is what the preamble begins with. */
void dw_preamble(struct buf *out, const char *start);
/* The meta group of PS3.10 7.1, always explicit little endian, with its length. */
void dw_meta(struct buf *out, const char *sop_class, const char *sop_instance,
	     const char *transfer_syntax);
/* Compresses what is behind offset (PS3.5 A.5: raw RFC 1951, even size). */
void dw_deflate(struct buf *out, size_t offset);

/* ---- Elements --------------------------------------------------------- */

/* True when the VR has a 32-bit length field in explicit encodings. */
bool dw_long_length(const char *vr);
/* Bytes of one number of the VR that the byte order concerns; 1 for text. */
unsigned dw_unit(const char *vr);

/* Tag, VR and length as the encoding wants them. stored_vr: what is written as
 * VR, NULL: vr. */
void dw_header(struct dw_writer *writer, uint32_t tag, const char *vr, const char *stored_vr,
	       uint32_t length);
void dw_u16(struct dw_writer *writer, uint16_t value);
void dw_u32(struct dw_writer *writer, uint32_t value);
void dw_u64(struct dw_writer *writer, uint64_t value);

/* Whole elements, padded to even size (text with a space, UI and bytes with a
 * NUL). Bytes are written as they are. */
void dw_bytes(struct dw_writer *writer, uint32_t tag, const char *vr, const void *data,
	      size_t size);
void dw_text(struct dw_writer *writer, uint32_t tag, const char *vr, const char *text);
void dw_number(struct dw_writer *writer, uint32_t tag, const char *vr, uint16_t value);
/* size bytes of 16-bit numbers in host order, as OW or US. */
void dw_words(struct dw_writer *writer, uint32_t tag, const char *vr, const uint16_t *words,
	      size_t count);

/* ---- Sequences (PS3.5 7.5) and fragments (A.4) ------------------------- */

void dw_sequence_begin(struct dw_writer *writer, uint32_t tag, const char *stored_vr,
		       bool undefined);
void dw_sequence_end(struct dw_writer *writer);
void dw_item_begin(struct dw_writer *writer, bool undefined);
void dw_item_end(struct dw_writer *writer);
/* Leaves a sequence or item open: undefined ones without delimiter, defined
 * ones with length as it is. */
void dw_leave_open(struct dw_writer *writer);

/* Encapsulated pixel data: begin, an item for the offset table (may be empty),
 * an item a fragment (padded to even size), end. */
void dw_fragments_begin(struct dw_writer *writer, uint32_t tag, const char *vr);
void dw_fragment(struct dw_writer *writer, const void *data, size_t size);
void dw_fragments_end(struct dw_writer *writer);

#endif
