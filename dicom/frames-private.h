/*
 * What the files of the frame locator share. Frames of encapsulated pixel data
 * are runs of items; all that has to be known of one is where its first item
 * begins, the items themselves lead on to the next.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_FRAMES_PRIVATE_H
#define DICOM_FRAMES_PRIVATE_H

#include "dicom/frames.h"

/* Bytes of an item header. */
#define DC_ITEM_SIZE 8

/* ---- Codestreams (frames-codestream.c) --------------------------------- */

/* How a compressed picture begins and ends, as far as it can be told. */
enum dc_codestream {
	DC_CODESTREAM_UNKNOWN,
	DC_CODESTREAM_JPEG, /* JPEG, JPEG-LS, JPEG 2000, which end alike */
	DC_CODESTREAM_JPEG_XL,
	DC_CODESTREAM_RLE,
};

/* Bytes at the beginning and end of a fragment that tell: the RLE header, and
 * an end marker with padding behind it. */
#define DC_CODESTREAM_HEAD ((size_t)64)
#define DC_CODESTREAM_TAIL ((size_t)16)

enum dc_codestream dc_codestream_of(const struct dc_transfer_syntax *ts);

/* Whether a fragment of length bytes whose first ones are head begins a
 * codestream. Never true for bytes that can stand inside one. */
bool dc_codestream_begins(enum dc_codestream codestream, struct span head, uint64_t length);

/* Whether a fragment whose last bytes are tail ends a codestream. Known of JPEG
 * only. */
bool dc_codestream_ends(enum dc_codestream codestream, struct span tail);

/* Whether a fragment that begins a codestream (begins) begins the next frame,
 * when the fragment before it ended one (ended) or not. */
static inline bool dc_codestream_changes(enum dc_codestream codestream, bool begins, bool ended)
{
	return begins && (ended || codestream != DC_CODESTREAM_JPEG);
}

/* ---- Finding (frames-walk.c, frames-table.c) ---------------------------- */

struct dc_fragments {
	uint64_t first; /* offset of the first fragment's item */
	uint32_t frames;
	uint8_t codestream; /* enum dc_codestream */
	bool big_endian;    /* of item headers */
};

/* Where frames begin: offsets of items, counted from fragments->first. */
struct dc_frame_starts {
	uint32_t *near; /* either near or far */
	uint64_t *far;
	uint32_t count;
	uint64_t end; /* behind the last frame; 0: unknown */
	/* All frames are there and what says so agrees with itself. */
	bool proven;
	/* What a walk saw. */
	bool broken; /* it ended without a delimiter */
	uint64_t fragments, codestreams;
};
void dc_frame_starts_release(struct dc_frame_starts *starts);
#define CLEANUP_FRAME_STARTS CLEANUP(dc_frame_starts_release)

static inline uint64_t dc_frame_start(const struct dc_frame_starts *starts, uint32_t frame)
{
	return starts->near != NULL ? starts->near[frame] : starts->far[frame];
}

/* Takes over an array of count offsets and makes it as small as it can be. */
void dc_frame_starts_keep(struct dc_frame_starts *starts, uint64_t *offsets, uint32_t count);

/* Reads the headers of all items once and groups them. Frames that cannot be
 * told apart are missing from starts; that is no error. */
bool dc_frame_starts_walk(const struct dc_fragments *fragments, struct dc_source *source,
			  struct dc_frame_starts *starts, struct err *err) MUST_CHECK;

/* From an offset table: count values of size bytes (4 or 8). starts is empty if
 * it is wrong. */
bool dc_frame_starts_table(const struct dc_fragments *fragments, struct dc_source *source,
			   struct span table, unsigned size, bool big_endian,
			   struct dc_frame_starts *starts, struct err *err) MUST_CHECK;

/* ---- Reading (frames-read.c) -------------------------------------------- */

enum dc_frame_verdict {
	DC_FRAME_RIGHT,
	DC_FRAME_DOUBTFUL, /* whole items, but no codestream begins there, or two do */
	DC_FRAME_WRONG,    /* no items from start to end */
};

/* Appends the fragments from the item at start up to that at end. end 0: up to
 * the delimiter or the next codestream. */
bool dc_frame_read_items(const struct dc_fragments *fragments, struct dc_source *source,
			 uint64_t start, uint64_t end, uint64_t max_size, struct buf *out,
			 enum dc_frame_verdict *verdict, struct err *err) MUST_CHECK;

static inline bool dc_is_delimiter(const uint8_t *header, bool big_endian)
{
	return load_u16(header, big_endian) == DC_GROUP(DC_TAG_SEQUENCE_END) &&
	       load_u16(header + 2, big_endian) == DC_ELEMENT(DC_TAG_SEQUENCE_END);
}

static inline bool dc_is_item(const uint8_t *header, bool big_endian)
{
	return load_u16(header, big_endian) == DC_GROUP(DC_TAG_ITEM) &&
	       load_u16(header + 2, big_endian) == DC_ELEMENT(DC_TAG_ITEM);
}

#endif
