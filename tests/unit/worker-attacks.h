/*
 * A decoder whose every picture is an attack: it does what it is told, in words.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_UNIT_WORKER_ATTACKS_H
#define TESTS_UNIT_WORKER_ATTACKS_H

#include "fs/worker.h"

/* Bytes of a result at most. */
#define ATTACK_CAPACITY ((size_t)100000)

/* A fs_work_fn; the context is a text. */
bool worker_attack(void *context, const struct fs_work *work, struct err *err);

#endif
