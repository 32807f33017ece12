/*
 * Files that are made in a worker: all whose pixels a compressor made. The library,
 * or code of ours, that takes them apart then harms nobody but itself.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef FS_PRODUCE_H
#define FS_PRODUCE_H

#include "fs/cache.h"
#include "fs/frames.h"
#include "fs/node.h"
#include "fs/options.h"
#include "fs/workers.h"

/* Whether files of this kind of the instance are made there. */
bool fs_is_contained(const struct rn_kind *kind, const struct dc_image *image);

/* Makes the file of this key here. asked has all but dataset and frames; known: where
 * frames of instances are. Errors: of dc_dataset_open(), fs_frames_get(), rn_produce(). */
bool fs_produce_from(const struct fs_key *key, struct fs_frames *known, struct dc_source *source,
		     const struct rn_request *asked, struct buf *out, struct err *err) MUST_CHECK;

struct fs_producing {
	const struct rn_options *options;
	const struct rn_kind *kind;
	const struct ix_instance *instance;
	struct fs_key key;      /* of the file to make; its frame is the one that is made */
	uint64_t measured_size; /* see struct rn_instance */
	bool measuring;
	bool paid; /* see struct fs_task */
	unsigned threads;
	int source_fd;
	uint64_t source_size;
	const atomic_bool *cancel; /* or NULL */
	/* Where to: a memory file of output_size + 1 bytes, or -1 and the buffer. */
	int output_fd;
	size_t output_size;
	struct buf *out;
	uint64_t used_ns; /* out: processor time it took */
};
/* Bytes that making it in a worker is going to take. 0: it is not going to be made. */
uint64_t fs_produce_weight(const struct rn_options *options, const struct rn_kind *kind,
			   const struct rn_instance *instance, uint32_t frame);
/* Errors of rn_produce() and of fs_workers_do(). */
bool fs_produce(struct fs_workers *workers, struct fs_producing *producing,
		struct err *err) MUST_CHECK;

/* Of the file of one frame: equal keys have equal bytes. */
struct fs_key fs_file_key(const struct ix_instance *instance, uint8_t kind, uint32_t frame);

/* Forks, see fs_workers_open(): workers that do this, as many at a time as the
 * options have threads. quiet: nobody reads standard error; background: everything
 * else goes first. */
bool fs_producers_open(struct fs_workers **workers, const struct fs_options *options, bool quiet,
		       bool background, struct err *err) MUST_CHECK;

#endif
