/*
 * Where the frames of instances are, remembered: a byte-bounded LRU of frame
 * indexes, so that each frame of an instance costs what its first one does.
 *
 * Thread rule: any thread. Two that ask for the same unknown one may both build
 * it; one of the two is kept.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_FRAMES_H
#define FS_FRAMES_H

#include "dicom/frames.h"
#include "fs/cache.h"

struct fs_frames;

bool fs_frames_open(struct fs_frames **frames, uint64_t limit, struct err *err) MUST_CHECK;
void fs_frames_close(struct fs_frames *frames); /* NULL is allowed */

/* The frame index of the instance and fingerprint of key, from memory or built
 * from dataset: see dc_frame_index_build(). A reference that is the caller's;
 * what is larger than the bound is built each time. */
bool fs_frames_get(struct fs_frames *frames, const struct fs_key *key, struct dc_dataset *dataset,
		   const struct dc_image *image, struct dc_frame_index **index,
		   struct err *err) MUST_CHECK;

#endif
