/*
 * The pixel description: all that file sizes, kinds and the common rendering
 * path need to know of an instance, read once from the header and kept packed
 * in the index. PS3.3 C.7.6.3, C.11.1, C.11.2.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_IMAGE_H
#define DICOM_IMAGE_H

#include "dicom/buf.h"
#include "dicom/uid.h"
#include "dicom/vr.h"

enum dc_photometric {
	DC_PHOTOMETRIC_NONE, /* absent */
	DC_MONOCHROME1,
	DC_MONOCHROME2,
	DC_PALETTE_COLOR,
	DC_RGB,
	DC_YBR_FULL,
	DC_YBR_FULL_422,
	DC_YBR_PARTIAL_422,
	DC_YBR_PARTIAL_420,
	DC_YBR_ICT,
	DC_YBR_RCT,
	DC_XYB,
	DC_PHOTOMETRIC_OTHER, /* unknown */
	/* Retired; numbers are kept in the index, so they come last. */
	DC_HSV,
	DC_ARGB,
	DC_CMYK,
	DC_PHOTOMETRIC_COUNT,
};

enum dc_voi_function { DC_VOI_LINEAR, DC_VOI_LINEAR_EXACT, DC_VOI_SIGMOID };

/* What the header holds beside the plain attributes. NEEDS_HEADER of these
 * make the renderer parse the header again; the others are complete here. */
enum dc_image_flag {
	DC_IMAGE_WINDOW = 1u << 0,            /* window_center/width/voi_function valid */
	DC_IMAGE_RESCALE = 1u << 1,           /* slope, intercept valid */
	DC_IMAGE_PADDING = 1u << 2,           /* padding valid */
	DC_IMAGE_PADDING_RANGE = 1u << 3,     /* padding_limit valid */
	DC_IMAGE_INVERSE = 1u << 4,           /* Presentation LUT Shape INVERSE */
	DC_IMAGE_FUNCTIONAL_GROUPS = 1u << 5, /* (5200,9229) or (5200,9230) */
	DC_IMAGE_MODALITY_LUT = 1u << 6,      /* (0028,3000) with an item */
	DC_IMAGE_VOI_LUT = 1u << 7,           /* (0028,3010) with an item */
	DC_IMAGE_PALETTE = 1u << 8,           /* (0028,1101..1103), each with three numbers,
					       * and (0028,1201..1203) or (0028,1221..1223) */
	DC_IMAGE_OVERLAY = 1u << 9,           /* any (60xx,...) */
	DC_IMAGE_ICC = 1u << 10,              /* icc_offset, icc_length valid */
	DC_IMAGE_SUPPLEMENTAL_PALETTE = 1u << 11, /* MONOCHROME2 with PALETTE and Pixel Presentation
						   * COLOR or MIXED (PS3.3 C.7.6.19) */
	DC_IMAGE_EXTENDED_OFFSETS = 1u << 12, /* (7FE0,0001) */
	DC_IMAGE_PRESENTATION_LUT = 1u << 13, /* (2050,0010) with an item */
	DC_IMAGE_BIG_ENDIAN = 1u << 14,       /* of native pixel data */
	DC_IMAGE_ENCAPSULATED = 1u << 15,     /* as found, not as the syntax claims */
	DC_IMAGE_DEFLATED = 1u << 16,         /* offsets are in the inflated data set */
	DC_IMAGE_ASPECT = 1u << 17,           /* aspect_vertical/horizontal valid, unequal */
	DC_IMAGE_TRUNCATED = 1u << 18,        /* the value field ends past the file */
};
#define DC_IMAGE_NEEDS_HEADER                                                                      \
	(DC_IMAGE_FUNCTIONAL_GROUPS | DC_IMAGE_MODALITY_LUT | DC_IMAGE_VOI_LUT |                    \
	 DC_IMAGE_PALETTE | DC_IMAGE_OVERLAY | DC_IMAGE_SUPPLEMENTAL_PALETTE |                       \
	 DC_IMAGE_EXTENDED_OFFSETS | DC_IMAGE_PRESENTATION_LUT)

struct dc_image {
	uint32_t pixel_tag; /* DC_TAG_PIXEL_DATA, _FLOAT_, _DOUBLE_; 0: no pixels */
	uint32_t flags;     /* enum dc_image_flag */
	uint64_t offset;    /* of the value field, in the data set's source */
	uint64_t length;    /* of the value field, cut at the end of the file;
			     * encapsulated: all to the end of the file */
	uint64_t declared_length; /* native: as stored */
	uint16_t vr;        /* of the pixel data element */
	uint16_t transfer_syntax; /* index into dc_transfer_syntax_table */
	uint32_t rows, columns;   /* 0 when absent; VRs other than US are read too */
	uint32_t frames;          /* 1 when absent, empty, 0 or less: there are pixels */
	/* Samples per Pixel; when absent or 0, those of Photometric Interpretation. */
	uint16_t samples;
	/* bits_allocated: 0 when absent. The others when absent or 0: Bits Stored all
	 * bits up to High Bit, or all; High Bit the highest of Bits Stored. */
	uint16_t bits_allocated, bits_stored, high_bit;
	uint8_t pixel_representation; /* 0 unsigned, 1 two's complement */
	uint8_t planar_configuration;
	uint8_t photometric;  /* enum dc_photometric */
	uint8_t voi_function; /* enum dc_voi_function */
	uint8_t sop_rules;    /* enum dc_sop_rules */
	int32_t padding, padding_limit; /* stored values, PS3.3 C.7.5.1.1.2 */
	double slope, intercept;
	double window_center, window_width; /* the first window, top level */
	uint32_t aspect_vertical, aspect_horizontal; /* size of a pixel: nanometres or ratio parts */
	/* An ICC profile of the picture's colours that dc_icc_check() found in order:
	 * where it is in the data set's source, without padding. */
	uint64_t icc_offset;
	uint32_t icc_length;
};

/* SOP classes whose display rules differ from plain images. */
enum dc_sop_rules {
	DC_SOP_PLAIN,
	DC_SOP_XRAY_ANGIO, /* XA and XRF: the Modality LUT is not for display */
	DC_SOP_PET,
	DC_SOP_RT_DOSE,
	DC_SOP_SEGMENTATION,
	DC_SOP_PARAMETRIC_MAP,
	DC_SOP_NM,
	DC_SOP_WSI,
	DC_SOP_LABEL_MAP,
};

/* How native cells follow each other. */
enum dc_native_layout {
	DC_NATIVE_PLAIN, /* Samples per Pixel cells a pixel */
	/* YBR_FULL_422, YBR_PARTIAL_422: Y Y Cb Cr for two pixels (PS3.3
	 * C.7.6.3.1.2). With an odd number of columns either every row ends with
	 * half a pair of no meaning, or pairs run on into the next row. */
	DC_NATIVE_422,
	DC_NATIVE_422_RUN_ON,
};
/* By Photometric Interpretation and, for odd columns and for files that say 422
 * of cells that are not, by the length, if it is exact. */
enum dc_native_layout dc_image_native_layout(const struct dc_image *image);

/* Bits of a cell: those of Float and Double Float Pixel Data, else Bits
 * Allocated. */
uint16_t dc_image_cell_bits(const struct dc_image *image);

/* Bytes of one native frame as PS3.5 8.1 lays it out (cells that are not whole
 * bytes: bits rounded up; frames are contiguous, see frames.h). False on overflow
 * or when an attribute it needs is absent. */
bool dc_image_frame_size(const struct dc_image *image, uint64_t *size) MUST_CHECK;

const char *dc_photometric_name(uint8_t photometric);
/* Samples per Pixel that go with it; 0: unknown. */
uint16_t dc_photometric_samples(uint8_t photometric);

/* Packed form for the index: versioned, little endian. Unpacking another
 * version or a damaged blob is ERR_STALE. */
void dc_image_pack(const struct dc_image *image, struct buf *out);
bool dc_image_unpack(struct dc_image *image, struct span packed, struct err *err) MUST_CHECK;

#endif
