/*
 * Functions that are a compile error in dicomfs, each with what to use
 * instead. Included at the end of base.h, after the headers that declare them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_BANNED_H
#define DICOM_BANNED_H

#define BANNED(function) sorry_##function##_is_banned_see_dicom_banned_h

#undef strcpy /* buf_append, snprintf */
#define strcpy(...) BANNED(strcpy)
#undef strcat
#define strcat(...) BANNED(strcat)
#undef strncpy
#define strncpy(...) BANNED(strncpy)
#undef strncat
#define strncat(...) BANNED(strncat)
#undef sprintf /* snprintf, buf_printf */
#define sprintf(...) BANNED(sprintf)
#undef vsprintf
#define vsprintf(...) BANNED(vsprintf)
#undef strtok /* keeps hidden state; split spans */
#define strtok(...) BANNED(strtok)

/* Text to number goes through dicom/number.h, which defines this to get at
 * the C library's parser in one place. */
#ifndef DICOM_NUMBER_IMPLEMENTATION
#undef atoi
#define atoi(...) BANNED(atoi)
#undef atol
#define atol(...) BANNED(atol)
#undef atof
#define atof(...) BANNED(atof)
#undef strtol
#define strtol(...) BANNED(strtol)
#undef strtoul
#define strtoul(...) BANNED(strtoul)
#undef strtoll
#define strtoll(...) BANNED(strtoll)
#undef strtoull
#define strtoull(...) BANNED(strtoull)
#undef strtod
#define strtod(...) BANNED(strtod)
#undef strtof
#define strtof(...) BANNED(strtof)
#undef sscanf
#define sscanf(...) BANNED(sscanf)
#endif

#endif
