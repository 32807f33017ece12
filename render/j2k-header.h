/*
 * What a JPEG 2000 codestream (ISO/IEC 15444-1 Annex A, 15444-15 for HTJ2K) says
 * of itself, looked at before a decoder sees it: the picture, so that it can be
 * compared with the DICOM header, and whether all of it is there. Allocates
 * nothing in the first step, two bytes a tile in the second.
 *
 *	rn_j2k_header_read(), compare with the DICOM header, rn_j2k_check_tiles(),
 *	decode header.codestream
 *
 * Thread rule: pure functions.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_J2K_HEADER_H
#define RENDER_J2K_HEADER_H

#include "dicom/buf.h"

#define RN_J2K_COMPONENTS 4 /* more are counted, but not described */
#define RN_J2K_LEVELS 32

/* How a component is coded, A.6.1 and A.6.2. */
struct rn_j2k_coding {
	uint8_t levels; /* of decomposition, 0 to RN_J2K_LEVELS */
	bool reversible;
	/* log2 of width (low half) and height of precincts, by resolution. */
	uint8_t precincts[RN_J2K_LEVELS + 1];
	bool own; /* from a COC marker, which COD does not override */
};

struct rn_j2k_style {
	uint16_t layers;
	bool colour_transform; /* of the first three components: RCT or ICT */
	uint8_t least_levels;  /* of all that is said of levels */
	struct rn_j2k_coding component[RN_J2K_COMPONENTS];
};

struct rn_j2k_header {
	/* From SOC on; a JP2 or JPX file around it is left away. */
	struct span codestream;
	size_t tile_parts; /* where the main header ends, from SOC */
	/* A.5.1; x0 <= x < x1 is the picture. */
	uint32_t x0, y0, x1, y1;
	uint32_t tile_x0, tile_y0, tile_width, tile_height;
	uint32_t tiles_across, tiles_down;
	uint32_t components;
	/* Of all components; UNSUPPORTED if they differ. */
	uint8_t precision;
	bool is_signed;
	/* A sample every so many pixels. */
	struct {
		uint8_t dx, dy;
	} step[RN_J2K_COMPONENTS];
	struct rn_j2k_style style;
	bool ycc; /* the file around it says YCbCr (sYCC) */
};

/* Errors: CORRUPT: no codestream, or a damaged header; UNSUPPORTED: extensions
 * of JPEG 2000 Part 2, and in a JP2 file palettes, opacity, or channels in
 * another order. */
bool rn_j2k_header_read(struct rn_j2k_header *header, struct span input,
			struct err *err) MUST_CHECK;

/* Walks over the tile-parts. components of header are RN_J2K_COMPONENTS at most.
 * ERR_CORRUPT: the codestream ends too early, tiles are missing, or it has fewer
 * bytes than packets; ERR_LIMIT: so many tiles or precincts that a decoder needs
 * far more memory than the picture; NOMEM. */
bool rn_j2k_check_tiles(const struct rn_j2k_header *header, struct err *err) MUST_CHECK;

/* Makes the codestream one that decoders agree on, in copy if that takes a change: with
 * its end marker (EOC), which says nothing of samples, and tile-parts that tell as many
 * of their tile as there are. header has passed rn_j2k_check_tiles(). Errors: NOMEM. */
bool rn_j2k_conform(struct rn_j2k_header *header, struct buf *copy, struct err *err) MUST_CHECK;

/* Packets that are missing at the end of a tile are empty ones to a decoder: it
 * reads zeros there. Appends the codestream to out with bytes behind the last
 * packet of every tile that are no packet, so that a decoder that asks for one more
 * fails; its samples are the same otherwise. A complete tile never asks. levels: as
 * many can be left out by a decoder that is after the packets and not their
 * samples. header has passed rn_j2k_check_tiles(). Errors: NOMEM, LIMIT. */
bool rn_j2k_guard_tiles(const struct rn_j2k_header *header, struct buf *out, unsigned *levels,
			struct err *err) MUST_CHECK;

/* Size of a component, of the whole picture: its samples are at multiples of
 * its steps. */
uint32_t rn_j2k_component_width(const struct rn_j2k_header *header, unsigned component);
uint32_t rn_j2k_component_height(const struct rn_j2k_header *header, unsigned component);

/* For j2k-tiles.c: one marker segment of a main or tile-part header, content
 * behind its length. Markers that do not matter here are fine. */
bool rn_j2k_read_segment(const struct rn_j2k_header *header, struct rn_j2k_style *style,
			 uint16_t marker, struct span content, struct err *err) MUST_CHECK;

enum rn_j2k_marker {
	RN_J2K_SOC = 0xff4f,
	RN_J2K_SIZ = 0xff51,
	RN_J2K_COD = 0xff52,
	RN_J2K_COC = 0xff53,
	RN_J2K_TLM = 0xff55,
	RN_J2K_COM = 0xff64,
	RN_J2K_PART2_FIRST = 0xff70,
	RN_J2K_PART2_LAST = 0xff7f,
	RN_J2K_SOT = 0xff90,
	RN_J2K_SOD = 0xff93,
	RN_J2K_EOC = 0xffd9,
};

#endif
