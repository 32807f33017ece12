/*
 * Whether this is a sanitizer's build. Its run-time needs more than the program, most
 * of all to say what it found: there only what must never be is taken away.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_SANITIZER_H
#define FS_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define UNDER_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) ||                         \
	__has_feature(memory_sanitizer)
#define UNDER_SANITIZER 1
#endif
#endif
#ifndef UNDER_SANITIZER
#define UNDER_SANITIZER 0
#endif

#endif
