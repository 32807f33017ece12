/*
 * An SQLite VFS below that of the index, for losing power: it knows what was
 * synced of each file, and at a chosen call it leaves on disk what a machine that
 * goes down may leave: what was synced, and of what was written since any part,
 * cut at sectors; names that were made or removed and not synced may be there or
 * not. Then the process ends, as everything does.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_POWER_VFS_H
#define TESTS_UNIT_POWER_VFS_H

#include <stdint.h>

#define POWER_LOST 42 /* exit status */

/* Makes it SQLite's default: before anything of an index is opened. */
void power_install(void);

/* From now on in this process: the power goes at the call with this number, from
 * 1; 0: never. The seed decides what is left. */
void power_start(unsigned at, uint32_t seed);
/* Writes, syncs, removals and so on since then. */
unsigned power_count(void);

#endif
