/*
 * The metadata of an instance as DICOM JSON (PS3.18 Annex F): one object, not
 * an array, UTF-8, as every reader of the DICOM JSON Model takes it.
 *
 * Layout: one element of the data set a line (so that grep works), no other
 * white space, sequences within the line of their element:
 *
 *   {
 *   "00080005":{"vr":"CS","Value":["ISO_IR 192"]},
 *   "00083002":{"vr":"UI","Value":["1.2.840.10008.1.2.1"]},
 *   "7FE00010":{"vr":"OW","BulkDataURI":"../dcm/NAME.dcm?offset=1234&length=524288"}
 *   }
 *
 * Thread rule: one thread a data set.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JSON_H
#define RENDER_JSON_H

#include "render/render.h"

/*
 * What the standard leaves open, or files get wrong:
 * - Elements ascend by tag in every object (F.2.2); of several with the same
 *   tag the first one in the file counts. Group lengths, group 0002 and data
 *   set trailing padding (FFFC,FFFC) are left out.
 * - Specific Character Set, where the file has a value, is ISO_IR 192, nested
 *   ones too: it tells how the text in this object is to be encoded.
 * - (0008,3002) Available Transfer Syntax UID carries the stored transfer
 *   syntax, or the one found where the file has none or its elements are
 *   encoded otherwise. It tells how bulk data is encoded.
 * - Values over options->bulk_threshold bytes of the VRs of F.2.2 are a
 *   BulkDataURI that gives bytes of the file as stored, so in its byte order.
 *   Encapsulated pixel data always is one, from behind the element's header to
 *   behind its sequence delimiter. UC LT ST UT only where the stored bytes are
 *   the UTF-8 text already (F.2.2 note 4), else they are a Value.
 * - Deflated data sets have no such addresses: InlineBinary or Value.
 * - InlineBinary is little endian.
 * - DS and IS that follow PS3.5 6.2 are numbers, digit by digit what is stored
 *   (without +, leading zeros and a bare point); others strings. SV and UV
 *   beyond 2^53, IS too, are strings. FL and FD that are no number are the
 *   strings "NaN", "Infinity", "-Infinity".
 * - The first and third number of a LUT Descriptor are unsigned whatever its VR
 *   (PS3.3 C.11.1.1.1).
 * - Padding is trimmed: trailing spaces and NULs, leading spaces where PS3.5
 *   6.2 says they mean nothing. Nothing left: no Value (F.2.5), null as one of
 *   several values, a person name without any group included.
 * - A value that was cut off by the end of the file or of its item is left
 *   out, unless it is bulk (OB OD OF OL OV OW UN): then what exists is given.
 *
 * Memory: the text itself, 16 bytes for each element of the open objects and
 * one value. Nothing of bulk data is read.
 */

/* Measures what rn_json_write would make: base bytes, and names times the
 * bytes of the name in a URI; size = base + names * rn_json_name_size(name).
 * Uses the writer itself on a counting buffer. ERR_LIMIT: base would exceed
 * options->max_json_size. Other errors: IO, NOMEM, STALE, LIMIT of the parser;
 * damage is no error: *damage (NULL is allowed) says what is missing for it. */
bool rn_json_measure(struct dc_dataset *dataset, const struct rn_options *options, uint64_t *base,
		     uint32_t *names, struct err *damage, struct err *err) MUST_CHECK;

/* Appends the text to out. name: of the instance's .dcm without suffix.
 * cancel may be NULL; when it becomes true: ERR_INTERRUPTED. Errors as above;
 * out then holds a useless part. */
bool rn_json_write(struct dc_dataset *dataset, const char *name, const struct rn_options *options,
		   const atomic_bool *cancel, struct buf *out, struct err *err) MUST_CHECK;

/* Bytes that a name takes in a URI (RFC 3986): one for a letter, a digit and
 * - . _ ~, three for any other byte. Names of the tree are such that it is
 * strlen(name). */
size_t rn_json_name_size(const char *name);

#endif
