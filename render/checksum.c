/* SPDX-License-Identifier: MIT */
#include "render/checksum.h"

#ifdef HAVE_ISAL
#include <isa-l/crc.h>
#endif
#ifdef HAVE_LIBDEFLATE
#include <libdeflate.h>
#endif
#include <zlib.h>

uint32_t rn_crc32(uint32_t before, const void *data, size_t size)
{
#if defined(HAVE_ISAL)
	return crc32_gzip_refl(before, data, size);
#elif defined(HAVE_LIBDEFLATE)
	return libdeflate_crc32(before, data, size);
#else
	return (uint32_t)crc32_z(before, data, size);
#endif
}

const char *rn_crc32_library(void)
{
#if defined(HAVE_ISAL)
	return "ISA-L";
#elif defined(HAVE_LIBDEFLATE)
	return "libdeflate";
#else
	return "zlib";
#endif
}

/* ISA-L has one too, not faster than libdeflate's. */
uint32_t rn_adler32(uint32_t before, const void *data, size_t size)
{
#if defined(HAVE_LIBDEFLATE)
	return libdeflate_adler32(before, data, size);
#else
	return (uint32_t)adler32_z(before, data, size);
#endif
}

const char *rn_adler32_library(void)
{
#if defined(HAVE_LIBDEFLATE)
	return "libdeflate";
#else
	return "zlib";
#endif
}
