/*
 * The private codes in struct dc_charset; only for charset.c and its siblings.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_CHARSET_TERMS_H
#define DICOM_CHARSET_TERMS_H

#include "dicom/charset.h"

/* One code a repertoire, with or without code extensions: where escapes occur
 * they are understood in any case. The single-byte ones are in the order of
 * dc_charset_single. */
enum dc_term {
	DC_TERM_IR6, /* 0, so that all zero is the default repertoire */
	DC_TERM_IR100,
	DC_TERM_IR101,
	DC_TERM_IR109,
	DC_TERM_IR110,
	DC_TERM_IR148,
	DC_TERM_IR144,
	DC_TERM_IR127,
	DC_TERM_IR126,
	DC_TERM_IR138,
	DC_TERM_IR203,
	DC_TERM_IR166,
	DC_TERM_IR13,
	DC_TERM_IR87,
	DC_TERM_IR159,
	DC_TERM_IR149,
	DC_TERM_IR58,
	DC_TERM_UTF8,
	DC_TERM_GB18030, /* and GBK */
};

/* The code of one value of (0008,0005), aliases included; "" is ISO-IR 6.
 * False, and *term unchanged, when it is not known. */
bool dc_term_find(struct span text, uint8_t *term) MUST_CHECK;

#endif
