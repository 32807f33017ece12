/*
 * Text to number, independent of the locale; the one user of strtod and
 * friends.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_NUMBER_H
#define DICOM_NUMBER_H

#include "dicom/base.h"

/* All trim leading and trailing spaces and trailing NULs, must consume all the
 * rest, and return false (leaving *out alone) when it is no such number.
 * dc_number_decimal: DS syntax (PS3.5 6.2) plus a comma for the decimal point,
 * which exists; no inf, nan or hex. dc_number_integer: IS syntax, and a DS
 * without a fraction ("3.0"). */
bool dc_number_decimal(struct span text, double *out) MUST_CHECK;
bool dc_number_integer(struct span text, int64_t *out) MUST_CHECK;

/* Unsigned decimal digits only, whole text. */
bool dc_number_unsigned(const char *text, uint64_t *out) MUST_CHECK;

/* A size option: "512", "64k", "32M", "2G" (powers of 1024). */
bool dc_number_size(const char *text, uint64_t *out) MUST_CHECK;

/* The shortest decimal text that reads back as the same double (or float),
 * always with '.', never inf or nan (the caller checks): "0.1", "1e+30". Size
 * without the NUL. */
#define DC_NUMBER_TEXT 32
size_t dc_number_format_double(double value, char text[static DC_NUMBER_TEXT]);
size_t dc_number_format_float(float value, char text[static DC_NUMBER_TEXT]);

#endif
