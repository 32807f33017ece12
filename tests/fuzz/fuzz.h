/*
 * A fuzz target X is one file fuzz-X.c with one function fuzz_one(), which must
 * come back whatever the bytes are. fuzz.c gives it them in memory that ends at a
 * page nobody may touch, so that a byte too far is seen with and without
 * sanitizers, in libraries that have none too. With --enable-fuzzer libFuzzer
 * calls it, else run-files.c does, over given files and damaged copies of them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "dicom/err.h"

/* Of a target. */
void fuzz_one(struct span input);

/* What libFuzzer and run-files.c call. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code that is tested: what says which. */
void fuzz_require(bool condition, const char *what);
/* What failed has to say why. */
void fuzz_require_error(const struct err *err);

/* ---- Memory between pages that nobody may touch --------------------------- */

/* size bytes in front of the second such page, filled with fill, so that two
 * fillings tell what was not written. What is aligned like size is aligned. */
struct fuzz_guarded {
	uint8_t *pages;
	size_t mapped;
	uint8_t *bytes;
	size_t size;
};
struct fuzz_guarded fuzz_guard(size_t size, uint8_t fill);
struct fuzz_guarded fuzz_guard_copy(struct span bytes);
/* Looks whether something was written in front of it as well. */
void fuzz_unguard(struct fuzz_guarded *guarded);
#define CLEANUP_GUARDED CLEANUP(fuzz_unguard)

static inline struct span fuzz_guarded_span(const struct fuzz_guarded *guarded)
{
	return span_of(guarded->bytes, guarded->size);
}

/* ---- Numbers out of the input --------------------------------------------- */

/* From the front of *input, which is then shorter; 0 where it has ended. */
uint8_t fuzz_take_8(struct span *input);
uint16_t fuzz_take_16(struct span *input);
uint32_t fuzz_take_32(struct span *input);
uint64_t fuzz_take_64(struct span *input);
/* 0 to count - 1. */
uint8_t fuzz_take_below(struct span *input, unsigned count);
/* At most size bytes. */
struct span fuzz_take_span(struct span *input, size_t size);
/* Up to the next byte end, which is passed over, or all. */
struct span fuzz_take_until(struct span *input, uint8_t end);

#endif
