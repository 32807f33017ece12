/*
 * A fuzz target is one file with this one function, which must come back
 * whatever the bytes are. With --enable-fuzzer libFuzzer calls it, else
 * run-files.c does, over given files and damaged copies of them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include "dicom/base.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
