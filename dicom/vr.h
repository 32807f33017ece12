/*
 * Value representations (PS3.5 6.2) and tags.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef DICOM_VR_H
#define DICOM_VR_H

#include "dicom/base.h"

/* Two letters packed so that a VR can be read from a file and compared. */
#define DC_VR(a, b) ((uint16_t)(((uint16_t)(a) << 8) | (uint16_t)(b)))

enum {
	DC_VR_NONE = 0,
	DC_VR_AE = DC_VR('A', 'E'),
	DC_VR_AS = DC_VR('A', 'S'),
	DC_VR_AT = DC_VR('A', 'T'),
	DC_VR_CS = DC_VR('C', 'S'),
	DC_VR_DA = DC_VR('D', 'A'),
	DC_VR_DS = DC_VR('D', 'S'),
	DC_VR_DT = DC_VR('D', 'T'),
	DC_VR_FD = DC_VR('F', 'D'),
	DC_VR_FL = DC_VR('F', 'L'),
	DC_VR_IS = DC_VR('I', 'S'),
	DC_VR_LO = DC_VR('L', 'O'),
	DC_VR_LT = DC_VR('L', 'T'),
	DC_VR_OB = DC_VR('O', 'B'),
	DC_VR_OD = DC_VR('O', 'D'),
	DC_VR_OF = DC_VR('O', 'F'),
	DC_VR_OL = DC_VR('O', 'L'),
	DC_VR_OV = DC_VR('O', 'V'),
	DC_VR_OW = DC_VR('O', 'W'),
	DC_VR_PN = DC_VR('P', 'N'),
	DC_VR_SH = DC_VR('S', 'H'),
	DC_VR_SL = DC_VR('S', 'L'),
	DC_VR_SQ = DC_VR('S', 'Q'),
	DC_VR_SS = DC_VR('S', 'S'),
	DC_VR_ST = DC_VR('S', 'T'),
	DC_VR_SV = DC_VR('S', 'V'),
	DC_VR_TM = DC_VR('T', 'M'),
	DC_VR_UC = DC_VR('U', 'C'),
	DC_VR_UI = DC_VR('U', 'I'),
	DC_VR_UL = DC_VR('U', 'L'),
	DC_VR_UN = DC_VR('U', 'N'),
	DC_VR_UR = DC_VR('U', 'R'),
	DC_VR_US = DC_VR('U', 'S'),
	DC_VR_UT = DC_VR('U', 'T'),
	DC_VR_UV = DC_VR('U', 'V'),
	/* Only in the dictionary: which one depends on other attributes. */
	DC_VR_OB_OW = DC_VR('o', 'x'),    /* OB or OW */
	DC_VR_US_SS = DC_VR('x', 's'),    /* US or SS, by Pixel Representation */
	DC_VR_US_SS_OW = DC_VR('l', 't'), /* US, SS or OW: LUT Data */
	DC_VR_US_OW = DC_VR('u', 'w'),    /* US or OW */
};

enum dc_vr_class {
	DC_VR_TEXT,     /* uses Specific Character Set, several values: SH LO PN UC */
	DC_VR_LONGTEXT, /* uses Specific Character Set, one value: ST LT UT */
	DC_VR_ASCII,    /* default repertoire, several values: AE AS CS DA DS DT IS TM UI */
	DC_VR_URI,      /* UR: default repertoire, one value */
	DC_VR_BINARY,   /* fixed-size numbers: AT FD FL SL SS SV UL US UV */
	DC_VR_BULK,     /* OB OD OF OL OV OW UN */
	DC_VR_SEQUENCE, /* SQ */
	DC_VR_INVALID,
};

struct dc_vr_info {
	uint8_t class;      /* enum dc_vr_class */
	uint8_t unit;       /* bytes that a byte swap turns round; 1 for text and OB UN */
	bool long_length;   /* 12-byte element header in explicit VR (PS3.5 7.1.2) */
};

/* By the two letters, A first; unit 0: no VR. Use dc_vr_info(). */
extern const struct dc_vr_info dc_vr_table[26 * 26];

/* For any two bytes; class DC_VR_INVALID when they are no VR. In the header
 * because the parser asks for every element. */
static inline struct dc_vr_info dc_vr_info(uint16_t vr)
{
	unsigned a = (unsigned)(vr >> 8) - 'A', b = (unsigned)(vr & 0xff) - 'A';

	if (a >= 26 || b >= 26 || dc_vr_table[a * 26 + b].unit == 0)
		return (struct dc_vr_info){DC_VR_INVALID, 1, false};
	return dc_vr_table[a * 26 + b];
}

/* Writes the two letters and a NUL. */
static inline const char *dc_vr_text(uint16_t vr, char text[static 3])
{
	text[0] = (char)(vr >> 8);
	text[1] = (char)(vr & 0xff);
	text[2] = '\0';
	return text;
}

#define DC_TAG(group, element) (((uint32_t)(group) << 16) | (uint32_t)(element))
#define DC_GROUP(tag) ((uint16_t)((tag) >> 16))
#define DC_ELEMENT(tag) ((uint16_t)((tag)&0xffff))
#define DC_TAG_IS_PRIVATE(tag) ((DC_GROUP(tag) & 1) != 0)
/* (gggg,0010-00FF) of an odd group reserves a block (PS3.5 7.8.1). */
#define DC_TAG_IS_PRIVATE_CREATOR(tag)                                                             \
	(DC_TAG_IS_PRIVATE(tag) && DC_ELEMENT(tag) >= 0x10 && DC_ELEMENT(tag) <= 0xff)

#define DC_TAG_ITEM DC_TAG(0xfffe, 0xe000)
#define DC_TAG_ITEM_END DC_TAG(0xfffe, 0xe00d)
#define DC_TAG_SEQUENCE_END DC_TAG(0xfffe, 0xe0dd)
#define DC_TAG_SPECIFIC_CHARACTER_SET DC_TAG(0x0008, 0x0005)
#define DC_TAG_PIXEL_DATA DC_TAG(0x7fe0, 0x0010)
#define DC_TAG_FLOAT_PIXEL_DATA DC_TAG(0x7fe0, 0x0008)
#define DC_TAG_DOUBLE_PIXEL_DATA DC_TAG(0x7fe0, 0x0009)

#endif
