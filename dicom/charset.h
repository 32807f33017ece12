/*
 * Specific Character Set (0008,0005) to UTF-8: PS3.3 C.12.1.1.2, PS3.5 6.1.
 * Own generated tables, not the C library's iconv: names in the tree depend on
 * the result for ever, and iconv's tables differ between releases.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_CHARSET_H
#define DICOM_CHARSET_H

#include "dicom/buf.h"
#include "dicom/vr.h"

#define DC_CHARSET_MAX_TERMS 8

/* A parsed value of (0008,0005): plain data, copied freely, inherited by
 * items. All zero is the default repertoire (ISO-IR 6). */
struct dc_charset {
	uint8_t count;                      /* terms in use; 0: absent */
	uint8_t term[DC_CHARSET_MAX_TERMS]; /* private codes of charset.c; [0] is value 1 */
	uint8_t fallback; /* for bytes over 0x7f in IR 6: private code; 0: Latin-1 */
	bool unknown;     /* a defined term was not recognised */
};

/* Parses the element's value (PS3.3 C.12.1.1.2; misspelt terms by an alias
 * table). Never fails: an unknown term counts as the default repertoire and
 * sets unknown. The fallback of *charset is kept. */
void dc_charset_parse(struct dc_charset *charset, struct span value);

/* Sets the fallback from a defined term ("ISO_IR 100"); false when unknown. */
bool dc_charset_set_fallback(struct dc_charset *charset, const char *term) MUST_CHECK;

/* Appends the value of an element of the given VR as UTF-8.
 *
 * - VRs other than SH LO ST PN LT UC UT are the default repertoire; their
 *   bytes over 0x7f, and those of text under IR 6, are taken as UTF-8 when the
 *   whole value is strict UTF-8, else by the fallback. Text whose charset names
 *   a repertoire with a right half besides IR 6 takes that one for bytes that
 *   come without its escape (EUC-KR under "\ISO 2022 IR 149", for one).
 * - Code extensions (ISO 2022 escapes) reset to value 1 at line controls, at
 *   \ (SH LO PN UC) and at ^ and = (PN), PS3.5 6.1.2.5.3.
 * - In SH LO PN UC the byte 0x5C that is no trail byte comes out as U+005C and
 *   separates values; no other input gives U+005C there, so that callers
 *   decode first and split then. In ST LT UT under ISO-IR 13 it is U+00A5.
 * - The escapes of PS3.3 C.12.1.1.2 count whether the charset names their
 *   repertoire or not, except under UTF-8, GB18030 and GBK, which have none.
 * - An undecodable byte or unknown escape gives U+FFFD. NULs inside come out
 *   as U+0000, C1 controls as U+0080 to U+009F; trailing padding is the
 *   caller's business.
 *
 * Output is valid UTF-8 always. Not normalised (names do NFC themselves). */
void dc_charset_decode(const struct dc_charset *charset, uint16_t vr, struct span value,
		       struct buf *out);

/* True when the span is strict UTF-8 (no overlong forms, no surrogates). */
bool dc_utf8_valid(struct span text);

/* Decodes one character of valid UTF-8 at *at and moves past it; U+FFFD and
 * one byte forward when it is not valid. */
uint32_t dc_utf8_next(struct span text, size_t *at);
void dc_utf8_append(struct buf *out, uint32_t code_point);

#endif
