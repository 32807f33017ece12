/*
 * File kinds: the bytes of one file of the tree out of one instance. Pure:
 * source in, bytes out; knows neither the index nor FUSE.
 *
 * A kind is one file render/kind-x.c exporting one const struct rn_kind, and
 * one row in the table of render/kinds.c; folder listing, lookup, sizes, the
 * cache, --help and the man page follow from the row.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_RENDER_H
#define RENDER_RENDER_H

#include <stdatomic.h>

#include "dicom/facts.h"
#include "dicom/frames.h"

/* Kind numbers are part of inode numbers and of the index: append only. */
enum rn_kind_number { RN_KIND_DCM = 0, RN_KIND_JSON = 1, RN_KIND_PNG = 2, RN_KIND_LIMIT = 32 };

/* Bounds on what one file may cost; one const struct passed down. */
struct rn_options {
	uint64_t max_pixels;    /* of one frame, rows x columns */
	uint64_t max_json_size; /* bytes of one .json */
	uint64_t max_elements;  /* of a header, nested ones included; 0: the default */
	unsigned max_depth;     /* of sequences in each other, up to 64; 0: the default */
	uint64_t bulk_threshold; /* values over this many bytes become BulkDataURI: 1024 */
	unsigned png_level;      /* 1 to 9: compressed by libpng; 0: stored, size by arithmetic */
};
extern const struct rn_options rn_default_options;

/* Of the parser, for what is told of headers. Pictures are made by all of it. */
struct dc_limits rn_limits(const struct rn_options *options);

/* What is known of an instance without opening its file. */
struct rn_instance {
	const struct dc_image *image;
	uint64_t dcm_size;
	/* Of its .json, measured at scan time: bytes without the file names inside,
	 * and how many times the instance's name occurs (once a BulkDataURI). */
	uint64_t json_base;
	uint32_t json_names;
	const char *name; /* "00042~p3x8wa", without suffix */
	/* Of the one file asked for, if its kind is measured; 0: not known. */
	uint64_t measured_size;
};

/* One file to make. dataset is open and positioned anywhere. cancel may be
 * NULL; when it becomes true, produce ends with ERR_INTERRUPTED soon. */
struct rn_request {
	struct dc_dataset *dataset;
	const struct rn_instance *instance;
	uint32_t frame; /* from 0 */
	bool measuring; /* of a measured kind: whatever size comes out is the right one */
	/* Where its encapsulated frames are, if that is known from an earlier request
	 * for the same instance; NULL: it is found out. */
	const struct dc_frame_index *frames;
	const struct rn_options *options;
	const atomic_bool *cancel;
	/* How many processors one slow decode may use now; 0 is 1. */
	unsigned threads;
};

struct rn_kind {
	uint8_t number;     /* enum rn_kind_number */
	const char *folder; /* "png" */
	const char *suffix; /* ".png" */
	const char *help;   /* one line for --help and the man page */
	/* True: an instance with several frames has a folder with a file a frame;
	 * false: one file an instance. */
	bool per_frame;
	/* Bytes come straight from the store file; produce is NULL. */
	bool original;
	/* Raised whenever the bytes change for the same input; derived files carry
	 * the source's times plus this many seconds. */
	uint32_t version;
	/* Whether the instance has such a file, from the header alone; when not, why
	 * says it (ERR_NOTFOUND: quietly, as for no pixel data in a report;
	 * UNSUPPORTED, CORRUPT, LIMIT: a line in problems.txt). Opens nothing. */
	bool (*applies)(const struct rn_instance *instance, const struct rn_options *options,
			struct err *why);
	/* Whether the size of a file is known only once it was made; NULL: never. */
	bool (*measured)(const struct rn_options *options);
	/* Exact size of the file of one frame. Arithmetic only, no allocation.
	 * ERR_NOTFOUND: of a measured kind, and not known. */
	bool (*size)(const struct rn_instance *instance, const struct rn_options *options,
		     uint32_t frame, uint64_t *size, struct err *err);
	/* Makes all the bytes: exactly size of them or an error. */
	bool (*produce)(const struct rn_request *request, struct buf *out, struct err *err);
};

/* The table, by number; NULL where a number is not in use. */
extern const struct rn_kind *const rn_kind_table[RN_KIND_LIMIT];

/* By folder name ("png"); NULL when there is none. */
const struct rn_kind *rn_kind_find(struct span folder);

/* Everything the scan has to remember of an instance: which kinds apply (bit
 * 1 << number), which of them wait to be measured (and are not in kinds), the
 * measured JSON, and the first reason why a kind that one
 * would expect is missing (note.code ERR_NONE when there is none). An .json
 * that cannot be written (too large) is not in kinds and noted. */
struct rn_measured {
	uint32_t kinds;
	uint32_t waiting;
	uint64_t json_base;
	uint32_t json_names;
	struct err note;
	struct err damage; /* what its .json does not show, and why; NONE: it shows all */
};
bool rn_measure(struct dc_dataset *dataset, const struct dc_facts *facts, uint64_t dcm_size,
		const struct rn_options *options, struct rn_measured *measured,
		struct err *err) MUST_CHECK;

/* Makes a file and checks its size against kind->size: a difference is
 * ERR_CORRUPT with both numbers, and out is emptied. */
bool rn_produce(const struct rn_kind *kind, const struct rn_request *request, struct buf *out,
		struct err *err) MUST_CHECK;

/* Bytes of one decoded sample, in memory and in host byte order: 1 for 1 to 8
 * bits allocated (a 1-bit sample is a byte 0 or 1), 2 for up to 16, 4 for 32 and
 * Float Pixel Data, 8 for 64 and Double Float Pixel Data. 0: no such Bits
 * Allocated. */
unsigned rn_cell_bytes(const struct dc_image *image);

/* What a codec found where the codestream says more than the header. All zero:
 * samples are cells as PS3.5 8.1.1 describes them, with Bits Stored bits up to
 * High Bit (native, RLE). */
enum rn_colour {
	RN_COLOUR_HEADER,   /* as Photometric Interpretation says, samples as stored */
	RN_COLOUR_RGB,      /* RGB, whatever the header says (converted already) */
	RN_COLOUR_YBR_FULL, /* YCbCr of full range, not converted yet */
};
struct rn_decoded {
	/* Not 0: samples are numbers of this many bits, right-aligned in their
	 * cells; above them zeros, or copies of the sign if is_signed. */
	uint8_t precision;
	bool is_signed;
	bool lossy;     /* values may overshoot the range of Bits Stored */
	uint8_t colour; /* enum rn_colour */
};

/* Codecs: one file render/codec-x.c exporting one const struct rn_codec, one
 * row in the table of render/codecs.c. A transfer syntax has exactly one codec. */
struct rn_codec_frame {
	struct span input; /* the frame's bytes, fragments joined; native: as located */
	uint8_t input_bit_offset;
	const struct dc_image *image;
	/* Samples out: interleaved (R,G,B,R,G,B,...), each rn_cell_bytes() wide,
	 * exactly rows x columns x samples of them, never subsampled; zeroed before. */
	void *output;
	size_t output_size;
	struct rn_decoded *decoded; /* out; all zero before */
	const atomic_bool *cancel;  /* or NULL; looked at every few rows */
	unsigned threads;           /* as in struct rn_request */
};
struct rn_codec {
	const char *name;
	const char *const *uids; /* transfer syntaxes, NULL-terminated */
	/* Any run of whole rows decodes alone: frame->image->rows is then that of
	 * the run, the input its bytes (planar: of its planes, one after another),
	 * and output may be the same memory as the input unless it is planar. Native
	 * only. */
	bool by_rows;
	/* A decode takes so long that its picture is worth a place in a cache on
	 * disk, and that the next frames are worth decoding ahead. */
	bool slow;
	/* Whether it can decode this image, from the header alone. */
	bool (*supports)(const struct dc_image *image, struct err *why);
	/* All of the frame or an error: CORRUPT (damaged, too short, or the
	 * codestream contradicts the header: compared before anything is allocated
	 * by its numbers), UNSUPPORTED, LIMIT, NOMEM, INTERRUPTED. Bytes missing at
	 * the end are an error, no picture. Allocates in proportion to the frame at
	 * most; no globals; thread-safe. */
	bool (*decode)(const struct rn_codec_frame *frame, struct err *err);
};
/* NULL when no codec does this transfer syntax. Native pixel data is native
 * whatever the transfer syntax says. */
const struct rn_codec *rn_codec_find(const struct dc_image *image);

/* The JSON metadata of an instance (PS3.18 Annex F): see render/json.h. */

#endif
