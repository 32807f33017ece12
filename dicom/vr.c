/* SPDX-License-Identifier: MIT */
#include "dicom/vr.h"

#define ROW(a, b, class, unit, long_length) [((a) - 'A') * 26 + ((b) - 'A')] = {class, unit, long_length}

/* PS3.5 6.2 and 7.1.2. Rows that are missing are zero: unit 0 marks them. */
const struct dc_vr_info dc_vr_table[26 * 26] = {
	ROW('A', 'E', DC_VR_ASCII, 1, false),
	ROW('A', 'S', DC_VR_ASCII, 1, false),
	ROW('A', 'T', DC_VR_BINARY, 2, false),
	ROW('C', 'S', DC_VR_ASCII, 1, false),
	ROW('D', 'A', DC_VR_ASCII, 1, false),
	ROW('D', 'S', DC_VR_ASCII, 1, false),
	ROW('D', 'T', DC_VR_ASCII, 1, false),
	ROW('F', 'D', DC_VR_BINARY, 8, false),
	ROW('F', 'L', DC_VR_BINARY, 4, false),
	ROW('I', 'S', DC_VR_ASCII, 1, false),
	ROW('L', 'O', DC_VR_TEXT, 1, false),
	ROW('L', 'T', DC_VR_LONGTEXT, 1, false),
	ROW('O', 'B', DC_VR_BULK, 1, true),
	ROW('O', 'D', DC_VR_BULK, 8, true),
	ROW('O', 'F', DC_VR_BULK, 4, true),
	ROW('O', 'L', DC_VR_BULK, 4, true),
	ROW('O', 'V', DC_VR_BULK, 8, true),
	ROW('O', 'W', DC_VR_BULK, 2, true),
	ROW('P', 'N', DC_VR_TEXT, 1, false),
	ROW('S', 'H', DC_VR_TEXT, 1, false),
	ROW('S', 'L', DC_VR_BINARY, 4, false),
	ROW('S', 'Q', DC_VR_SEQUENCE, 1, true),
	ROW('S', 'S', DC_VR_BINARY, 2, false),
	ROW('S', 'T', DC_VR_LONGTEXT, 1, false),
	ROW('S', 'V', DC_VR_BINARY, 8, true),
	ROW('T', 'M', DC_VR_ASCII, 1, false),
	ROW('U', 'C', DC_VR_TEXT, 1, true),
	ROW('U', 'I', DC_VR_ASCII, 1, false),
	ROW('U', 'L', DC_VR_BINARY, 4, false),
	ROW('U', 'N', DC_VR_BULK, 1, true),
	ROW('U', 'R', DC_VR_URI, 1, true),
	ROW('U', 'S', DC_VR_BINARY, 2, false),
	ROW('U', 'T', DC_VR_LONGTEXT, 1, true),
	ROW('U', 'V', DC_VR_BINARY, 8, true),
};
