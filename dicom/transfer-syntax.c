/*
 * The transfer syntaxes: PS3.5 Annex A and PS3.6 Table A-1 (2026b), retired
 * ones included, then the private ones that files with such a UID are known of.
 * Append only: the index of a row is part of packed pixel descriptions.
 *
 * SPDX-License-Identifier: MIT
 */
#include "dicom/uid.h"

#define DICOM(suffix) "1.2.840.10008.1." suffix

/* Little endian with explicit VRs, as all but the oldest syntaxes are. */
#define NATIVE(uid_, label_)                                                                       \
	{                                                                                          \
		.uid = (uid_), .label = (label_), .explicit_vr = true                              \
	}
#define FRAMES(uid_, label_)                                                                       \
	{                                                                                          \
		.uid = (uid_), .label = (label_), .explicit_vr = true,                             \
		.encapsulation = DC_ENCAPSULATED                                                   \
	}
#define VIDEO(uid_, label_)                                                                        \
	{                                                                                          \
		.uid = (uid_), .label = (label_), .explicit_vr = true, .video = true,              \
		.encapsulation = DC_ENCAPSULATED                                                   \
	}
#define DEFLATED(uid_, label_)                                                                     \
	{                                                                                          \
		.uid = (uid_), .label = (label_), .explicit_vr = true, .deflated = true            \
	}

const struct dc_transfer_syntax dc_transfer_syntax_table[] = {
	{.uid = DC_TS_IMPLICIT_LE, .label = "Implicit VR Little Endian"},
	NATIVE(DC_TS_EXPLICIT_LE, "Explicit VR Little Endian"),
	{.uid = DC_TS_EXPLICIT_BE,
	 .label = "Explicit VR Big Endian",
	 .explicit_vr = true,
	 .big_endian = true,
	 .big_endian_pixels = true},
	DEFLATED(DC_TS_DEFLATED_LE, "Deflated Explicit VR Little Endian"),
	FRAMES(DICOM("2.1.98"), "Encapsulated Uncompressed"),

	FRAMES(DICOM("2.4.50"), "JPEG Baseline"),
	FRAMES(DICOM("2.4.51"), "JPEG Extended"),
	FRAMES(DICOM("2.4.52"), "JPEG Extended (3 & 5)"),
	FRAMES(DICOM("2.4.53"), "JPEG Spectral Selection (6 & 8)"),
	FRAMES(DICOM("2.4.54"), "JPEG Spectral Selection (7 & 9)"),
	FRAMES(DICOM("2.4.55"), "JPEG Full Progression (10 & 12)"),
	FRAMES(DICOM("2.4.56"), "JPEG Full Progression (11 & 13)"),
	FRAMES(DICOM("2.4.57"), "JPEG Lossless"),
	FRAMES(DICOM("2.4.58"), "JPEG Lossless (15)"),
	FRAMES(DICOM("2.4.59"), "JPEG Extended Hierarchical (16 & 18)"),
	FRAMES(DICOM("2.4.60"), "JPEG Extended Hierarchical (17 & 19)"),
	FRAMES(DICOM("2.4.61"), "JPEG Spectral Selection Hierarchical (20 & 22)"),
	FRAMES(DICOM("2.4.62"), "JPEG Spectral Selection Hierarchical (21 & 23)"),
	FRAMES(DICOM("2.4.63"), "JPEG Full Progression Hierarchical (24 & 26)"),
	FRAMES(DICOM("2.4.64"), "JPEG Full Progression Hierarchical (25 & 27)"),
	FRAMES(DICOM("2.4.65"), "JPEG Lossless Hierarchical (28)"),
	FRAMES(DICOM("2.4.66"), "JPEG Lossless Hierarchical (29)"),
	FRAMES(DICOM("2.4.70"), "JPEG Lossless SV1"),
	FRAMES(DICOM("2.4.80"), "JPEG-LS Lossless"),
	FRAMES(DICOM("2.4.81"), "JPEG-LS Near-Lossless"),
	FRAMES(DICOM("2.4.90"), "JPEG 2000 Lossless"),
	FRAMES(DICOM("2.4.91"), "JPEG 2000"),
	FRAMES(DICOM("2.4.92"), "JPEG 2000 Part 2 Lossless"),
	FRAMES(DICOM("2.4.93"), "JPEG 2000 Part 2"),
	NATIVE(DICOM("2.4.94"), "JPIP Referenced"),
	DEFLATED(DICOM("2.4.95"), "JPIP Referenced Deflate"),
	VIDEO(DICOM("2.4.100"), "MPEG2 Main Level"),
	VIDEO(DICOM("2.4.100.1"), "MPEG2 Main Level, fragmentable"),
	VIDEO(DICOM("2.4.101"), "MPEG2 High Level"),
	VIDEO(DICOM("2.4.101.1"), "MPEG2 High Level, fragmentable"),
	VIDEO(DICOM("2.4.102"), "H.264 Level 4.1"),
	VIDEO(DICOM("2.4.102.1"), "H.264 Level 4.1, fragmentable"),
	VIDEO(DICOM("2.4.103"), "H.264 BD Level 4.1"),
	VIDEO(DICOM("2.4.103.1"), "H.264 BD Level 4.1, fragmentable"),
	VIDEO(DICOM("2.4.104"), "H.264 2D Level 4.2"),
	VIDEO(DICOM("2.4.104.1"), "H.264 2D Level 4.2, fragmentable"),
	VIDEO(DICOM("2.4.105"), "H.264 3D Level 4.2"),
	VIDEO(DICOM("2.4.105.1"), "H.264 3D Level 4.2, fragmentable"),
	VIDEO(DICOM("2.4.106"), "H.264 Stereo Level 4.2"),
	VIDEO(DICOM("2.4.106.1"), "H.264 Stereo Level 4.2, fragmentable"),
	VIDEO(DICOM("2.4.107"), "HEVC Main Level 5.1"),
	VIDEO(DICOM("2.4.108"), "HEVC Main 10 Level 5.1"),
	FRAMES(DICOM("2.4.110"), "JPEG XL Lossless"),
	FRAMES(DICOM("2.4.111"), "JPEG XL JPEG Recompression"),
	FRAMES(DICOM("2.4.112"), "JPEG XL"),
	FRAMES(DICOM("2.4.201"), "HTJ2K Lossless"),
	FRAMES(DICOM("2.4.202"), "HTJ2K Lossless RPCL"),
	FRAMES(DICOM("2.4.203"), "HTJ2K"),
	NATIVE(DICOM("2.4.204"), "JPIP HTJ2K Referenced"),
	DEFLATED(DICOM("2.4.205"), "JPIP HTJ2K Referenced Deflate"),
	FRAMES(DICOM("2.5"), "RLE Lossless"),
	FRAMES(DICOM("2.6.1"), "RFC 2557 MIME"),
	NATIVE(DICOM("2.6.2"), "XML Encoding"),
	NATIVE(DICOM("2.7.1"), "SMPTE ST 2110-20 Progressive Video"),
	NATIVE(DICOM("2.7.2"), "SMPTE ST 2110-20 Interlaced Video"),
	NATIVE(DICOM("2.7.3"), "SMPTE ST 2110-30 Audio"),
	FRAMES(DICOM("2.8.1"), "Deflated Image Frame"),
	{.uid = DICOM("20"), .label = "Papyrus 3 Implicit VR Little Endian"},

	/* Pixel data of 16 bits is big endian, all else is little (GE). */
	{.uid = "1.2.840.113619.5.2",
	 .label = "GE Implicit VR Little Endian, big endian pixels",
	 .big_endian_pixels = true},
	NATIVE("1.3.46.670589.33.1.4.1", "Philips Explicit VR Little Endian"),
};

const size_t dc_transfer_syntax_count = ARRAY_LEN(dc_transfer_syntax_table);
