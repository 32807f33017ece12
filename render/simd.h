/*
 * Functions compiled several times, the best one chosen when the program
 * starts: RN_KERNEL in front of a function whose loops vectorise, RN_SHIFT_KERNEL
 * in front of one that lives on shifts by variable amounts.
 *
 * Loops are over RN_LANES elements, a constant, so that compilers vectorise
 * them at -O2 too.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_SIMD_H
#define RENDER_SIMD_H

#include "dicom/base.h"

#define RN_LANES 32
#define RN_INLINE __attribute__((always_inline))

#ifndef __has_feature
#define __has_feature(feature) 0
#endif
#ifndef __has_attribute
#define __has_attribute(attribute) 0
#endif

/* The choice is made by the dynamic loader, before a sanitizer is ready to run
 * instrumented code. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) ||                               \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                     \
	__has_feature(memory_sanitizer)
#define RN_KERNEL
#define RN_SHIFT_KERNEL
#elif defined(__x86_64__) && defined(__GLIBC__) && __has_attribute(target_clones)
#define RN_KERNEL __attribute__((target_clones("avx2", "default")))
#define RN_SHIFT_KERNEL __attribute__((target_clones("bmi2", "default")))
#else
#define RN_KERNEL
#define RN_SHIFT_KERNEL
#endif

#endif
