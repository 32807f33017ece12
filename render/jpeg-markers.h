/*
 * The markers of a JPEG codestream, ITU-T T.81 Annex B: what stands between the
 * entropy-coded segments. Knows no Huffman decoding and allocates nothing; all
 * that is kept is copied out of the codestream.
 *
 *	struct rn_jpeg_markers markers;
 *
 *	rn_jpeg_markers_init(&markers, input);
 *	while (rn_jpeg_markers_next(&markers, &event, err)) {
 *		RN_JPEG_EVENT_FRAME: markers.frame is there, compare it with the header
 *		RN_JPEG_EVENT_SCAN:  decode from markers.at, then set it to the end
 *		RN_JPEG_EVENT_END:   stop
 *	}
 *
 * Lenient where no pixel is at stake: fill bytes, stray bytes and markers
 * without a meaning between segments are skipped, bytes behind EOI are not
 * looked at, a missing EOI is an end too. Whether all pixels were there is
 * for the decoder to know.
 *
 * Thread rule: a struct belongs to one thread at a time.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef RENDER_JPEG_MARKERS_H
#define RENDER_JPEG_MARKERS_H

#include "dicom/err.h"

#define RN_JPEG_COMPONENTS 4 /* T.81 allows 255 in a sequential frame, nobody has them */
#define RN_JPEG_TABLES 4

enum rn_jpeg_marker {
	RN_JPEG_TEM = 0x01,
	RN_JPEG_SOF0 = 0xC0, /* baseline DCT */
	RN_JPEG_SOF1 = 0xC1, /* extended sequential DCT */
	RN_JPEG_SOF2 = 0xC2, /* progressive DCT */
	RN_JPEG_SOF3 = 0xC3, /* lossless */
	RN_JPEG_DHT = 0xC4,
	RN_JPEG_JPG = 0xC8,
	RN_JPEG_DAC = 0xCC,
	RN_JPEG_SOF15 = 0xCF,
	RN_JPEG_RST0 = 0xD0,
	RN_JPEG_RST7 = 0xD7,
	RN_JPEG_SOI = 0xD8,
	RN_JPEG_EOI = 0xD9,
	RN_JPEG_SOS = 0xDA,
	RN_JPEG_DQT = 0xDB,
	RN_JPEG_DNL = 0xDC,
	RN_JPEG_DRI = 0xDD,
	RN_JPEG_DHP = 0xDE,
	RN_JPEG_EXP = 0xDF,
	RN_JPEG_APP0 = 0xE0,
	RN_JPEG_APP14 = 0xEE,
	RN_JPEG_COM = 0xFE,
};

struct rn_jpeg_component {
	uint8_t id;
	uint8_t h, v; /* sampling factors, 1 to 4 */
	uint8_t tq;   /* quantization table, 0 to 3 */
	/* Samples across and down that this component has, B.2.2 and A.1.1:
	 * ceil(width * h / h_max); height is 0 while the frame's is. */
	uint32_t width, height;
};

struct rn_jpeg_frame {
	uint8_t sof; /* RN_JPEG_SOF0 to SOF15: the process */
	uint8_t precision;
	uint8_t count; /* of components, 1 to RN_JPEG_COMPONENTS */
	uint8_t h_max, v_max;
	uint32_t width;
	/* From the frame header or, if 0 there, from the DNL segment behind the first
	 * scan, which is looked up when the frame header is read: never 0. */
	uint32_t height;
	struct rn_jpeg_component component[RN_JPEG_COMPONENTS];
};

struct rn_jpeg_scan {
	uint8_t count; /* of components, 1 to frame.count */
	struct {
		uint8_t component; /* index into frame.component, each once, rising or not */
		uint8_t dc, ac;    /* table destinations, 0 to 3 */
	} part[RN_JPEG_COMPONENTS];
	uint8_t ss, se, ah, al; /* lossless: ss is the predictor, al the point transform */
};

/* As they stand in a DHT segment, sizes checked only; see jpeg-huffman.h. */
struct rn_jpeg_dht {
	bool present;
	uint8_t counts[16]; /* codes of 1 to 16 bits */
	uint8_t values[256];
	uint16_t total;
	/* Changes with every DHT segment for this destination, so that a decoder
	 * knows when to build its tables anew. */
	uint32_t version;
};

struct rn_jpeg_dqt {
	bool present;
	uint16_t values[64]; /* in zigzag order, as stored */
};

struct rn_jpeg_markers {
	struct span input;
	size_t at; /* the next byte to look at */
	bool has_frame;
	uint32_t scans; /* how many scan headers were read */
	struct rn_jpeg_frame frame;
	struct rn_jpeg_scan scan; /* the latest one */
	struct rn_jpeg_dht dc[RN_JPEG_TABLES], ac[RN_JPEG_TABLES];
	struct rn_jpeg_dqt quantization[RN_JPEG_TABLES];
	uint32_t restart_interval; /* MCUs; 0: none */
	uint32_t dht_segments;
	bool has_jfif;  /* APP0 with "JFIF" */
	bool has_adobe; /* APP14 with "Adobe"; adobe_transform is valid */
	uint8_t adobe_transform;
};

enum rn_jpeg_event { RN_JPEG_EVENT_FRAME, RN_JPEG_EVENT_SCAN, RN_JPEG_EVENT_END };

void rn_jpeg_markers_init(struct rn_jpeg_markers *markers, struct span input);

/* On to the next event. ERR_CORRUPT: no SOI, a segment that contradicts itself
 * or ends past the input, a scan before its frame, a second frame.
 * ERR_UNSUPPORTED: more components than RN_JPEG_COMPONENTS, a hierarchical
 * frame (DHP). The process, arithmetic ones too, is for the caller to judge. */
bool rn_jpeg_markers_next(struct rn_jpeg_markers *markers, enum rn_jpeg_event *event,
			  struct err *err) MUST_CHECK;

/* Only as far as the frame header: for a look at the process. */
bool rn_jpeg_markers_frame(struct rn_jpeg_markers *markers, struct span input,
			   struct err *err) MUST_CHECK;

/* Where the next marker (0xFF of 0xFF xx with xx neither 0 nor fill) begins, from
 * at on, RSTn passed over if over_restarts; input.size when there is none. */
size_t rn_jpeg_markers_find(struct span input, size_t at, bool over_restarts);

/* "baseline", "progressive", ... for messages. */
const char *rn_jpeg_process_name(uint8_t sof);

#endif
