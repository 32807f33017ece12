/*
 * Inside of the 12-bit DCT decoder: jpeg-dct.c (frame, scans), jpeg-dct-scan.c
 * (blocks of a sequential scan), jpeg-dct-progressive.c (those of a progressive
 * one), jpeg-dct-output.c (components to pixels).
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_DCT_PRIVATE_H
#define RENDER_JPEG_DCT_PRIVATE_H

#include "render/jpeg-dct.h"
#include "render/jpeg-huffman.h"
#include "render/jpeg-idct.h"

/* A code of run, size and value is looked up at once if it has as many bits. */
#define RN_DCT_LOOK 11
/* Bytes that the codes of a block take at most: 64 of 16 + 15 bits. */
#define RN_DCT_BLOCK_BYTES 256
/* Blocks of an MCU, B.2.3. */
#define RN_DCT_MCU_BLOCKS 10
#define RN_DCT_SCANS_MAX 256

/* Entries of a table: value << 16 | run << 8 | bits; bits is 0 for what does not
 * fit. The end of the block is a run past every block. */
#define RN_DCT_END_RUN 128
struct rn_dct_table {
	uint32_t version; /* of the DHT segment that it is made of */
	struct rn_jpeg_huffman huffman;
	int32_t look[1 << RN_DCT_LOOK]; /* AC tables of sequential scans */
};

struct rn_dct_component {
	const struct rn_jpeg_component *jpeg;
	uint32_t blocks_x, blocks_y; /* that have samples of the picture */
	uint32_t padded_x, padded_y; /* whole MCUs */
	/* Samples: the output, or a plane that whole MCUs fit in. */
	uint16_t *plane;
	size_t stride;
	uint32_t width, height; /* of plane */
	bool has_quantization;
	uint16_t quantization[64]; /* zigzag, as it was when its first scan began */
	int32_t dc;                /* prediction */
	/* Progressive: all blocks, padded, coefficients row by row. */
	int16_t *coefficients;
	/* Per coefficient how many low bits are not known yet; -1: all of them. */
	int8_t bits_missing[64];
};

struct rn_dct {
	const struct rn_jpeg_dct *job;
	struct rn_jpeg_markers markers;
	bool progressive;
	uint8_t count;
	uint32_t mcus_x, mcus_y;
	struct rn_dct_component component[RN_JPEG_COMPONENTS];
	int32_t block[64]; /* of a sequential scan, all 0 between blocks */
	uint32_t end_of_band; /* blocks to come that are empty up to the end of the band */
	struct rn_dct_table dc[RN_JPEG_TABLES], ac[RN_JPEG_TABLES];
	struct rn_jpeg_bits bits;
};

/* The function that decodes the block in column x and row y of a component.
 * part: index into markers.scan.part. */
typedef bool rn_dct_block(struct rn_dct *dct, unsigned part, uint32_t x, uint32_t y,
			  struct err *err);

/* AC table of a sequential scan: fills look. */
void rn_dct_table_init(struct rn_dct_table *table);

/* Coefficients to samples at once. */
rn_dct_block rn_dct_sequential_block;

/* Which one the scan header asks for; NULL and ERR_CORRUPT when the header is
 * impossible or does not follow from the scans before. */
rn_dct_block *rn_dct_progressive_begin(struct rn_dct *dct, struct err *err) MUST_CHECK;

/* Of all components, from the coefficients. */
bool rn_dct_progressive_end(struct rn_dct *dct, struct err *err) MUST_CHECK;

/* One block of coefficients, as for rn_jpeg_idct(), to its place in the plane; all 0
 * afterwards but the first one. */
void rn_dct_put_block(struct rn_dct_component *component, uint32_t x, uint32_t y,
		      int32_t *block, unsigned last);

/* Planes to pixels. ERR_UNSUPPORTED: sampling factors that do not divide. */
bool rn_dct_sampling(const struct rn_dct *dct, struct err *err) MUST_CHECK;
bool rn_dct_output(const struct rn_dct *dct, struct err *err) MUST_CHECK;

bool rn_dct_cancelled(const struct rn_dct *dct, struct err *err);

#endif
