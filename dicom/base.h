/*
 * What every file of dicomfs includes first: attributes, cleanup, spans and
 * checked arithmetic. Nothing here allocates or fails.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_BASE_H
#define DICOM_BASE_H

#ifdef HAVE_CONFIG_H
#include <config.h>
#endif

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define UNUSED __attribute__((unused))

/* A variable that is released at the end of its scope. The function takes a
 * pointer to the variable and must accept its initial (empty) state. */
#define CLEANUP(function) __attribute__((cleanup(function)))

/* Moves a pointer out of a CLEANUP variable: the variable becomes NULL. */
#define STEAL(pointer)                                                                             \
	({                                                                                         \
		__typeof__(pointer) *steal_from = &(pointer);                                      \
		__typeof__(pointer) stolen = *steal_from;                                          \
		*steal_from = NULL;                                                                \
		stolen;                                                                            \
	})

/* A call that returns false whatever happens, where others can see it. */
#define ALWAYS_FALSE(call)                                                                         \
	({                                                                                         \
		(void)(call);                                                                      \
		false;                                                                             \
	})

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))

#define MIN_OF(a, b) ((a) < (b) ? (a) : (b))
#define MAX_OF(a, b) ((a) > (b) ? (a) : (b))

static inline void base_free(void *pointer_to_pointer)
{
	void **p = pointer_to_pointer;

	free(*p);
	*p = NULL;
}
#define CLEANUP_FREE CLEANUP(base_free)

void base_close_fd(int *fd);
#define CLEANUP_FD CLEANUP(base_close_fd)

/* Bytes that belong to somebody else. data may be NULL when size is 0. */
struct span {
	const uint8_t *data;
	size_t size;
};

static inline struct span span_of(const void *data, size_t size)
{
	return (struct span){data, size};
}

static inline struct span span_of_text(const char *text)
{
	return (struct span){(const uint8_t *)text, strlen(text)};
}

static inline bool span_equals(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

static inline bool span_equals_text(struct span a, const char *text)
{
	return span_equals(a, span_of_text(text));
}

/* Arithmetic on numbers that came from a file. True when the result fits. */
static inline bool MUST_CHECK checked_add(uint64_t a, uint64_t b, uint64_t *sum)
{
	return !__builtin_add_overflow(a, b, sum);
}

static inline bool MUST_CHECK checked_mul(uint64_t a, uint64_t b, uint64_t *product)
{
	return !__builtin_mul_overflow(a, b, product);
}

/* Unaligned loads; the value field of an element may begin anywhere. */
static inline uint16_t load_u16(const uint8_t *p, bool big_endian)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	if (big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		v = __builtin_bswap16(v);
	return v;
}

static inline uint32_t load_u32(const uint8_t *p, bool big_endian)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	if (big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		v = __builtin_bswap32(v);
	return v;
}

static inline uint64_t load_u64(const uint8_t *p, bool big_endian)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	if (big_endian != (__BYTE_ORDER__ == __ORDER_BIG_ENDIAN__))
		v = __builtin_bswap64(v);
	return v;
}

static inline void store_be32(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 24);
	p[1] = (uint8_t)(v >> 16);
	p[2] = (uint8_t)(v >> 8);
	p[3] = (uint8_t)v;
}

#include "dicom/banned.h"

#endif
