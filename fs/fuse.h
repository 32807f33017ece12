/*
 * libfuse's low-level API, in the version that both 3.14 (Debian 12) and 3.17
 * (Debian 13) offer.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FUSE_H
#define FS_FUSE_H

#include "dicom/base.h"

#define FUSE_USE_VERSION 314
#include <fuse_lowlevel.h>

#endif
