/*
 * CRC-32 (ISO 3309, as PNG and gzip use it) and Adler-32 (RFC 1950), from the
 * fastest library that configure found: ISA-L, libdeflate, else zlib.
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_CHECKSUM_H
#define RENDER_CHECKSUM_H

#include "dicom/base.h"

#define RN_CRC32_START ((uint32_t)0)
#define RN_ADLER32_START ((uint32_t)1)

/* The checksum of what came before and data together. */
uint32_t rn_crc32(uint32_t before, const void *data, size_t size);
uint32_t rn_adler32(uint32_t before, const void *data, size_t size);

/* Which library does them, for --version and benchmarks: "ISA-L". */
const char *rn_crc32_library(void);
const char *rn_adler32_library(void);

#endif
