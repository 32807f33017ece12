/* SPDX-License-Identifier: MIT */
#include "tests/fuzz/codec-input.h"

#include "render/codecs.h"
#include "render/jpeg-markers.h"

static const struct {
	const char *name;
	const struct rn_codec *codec;
} targets[CODEC_TARGETS] = {
	[CODEC_DEFLATED] = {"codec-deflated", &rn_codec_deflated},
	[CODEC_J2K] = {"codec-j2k", &rn_codec_j2k},
	[CODEC_JLS] = {"codec-jls", &rn_codec_jls},
	[CODEC_JPEG_DCT] = {"codec-jpeg-dct", &rn_codec_jpeg},
	[CODEC_JPEG_LOSSLESS] = {"codec-jpeg-lossless", &rn_codec_jpeg},
	[CODEC_JPEG_TURBO] = {"codec-jpeg-turbo", &rn_codec_jpeg},
	[CODEC_JXL] = {"codec-jxl", &rn_codec_jxl},
	[CODEC_RLE] = {"codec-rle", &rn_codec_rle},
};

const char *codec_target_name(enum codec_target target)
{
	return targets[target].name;
}

/* What cannot be told is of libjpeg-turbo's target. */
static enum codec_target find_process(struct span codestream)
{
	struct rn_jpeg_markers markers;
	struct err err;

	if (!rn_jpeg_markers_frame(&markers, codestream, &err))
		return CODEC_JPEG_TURBO;
	if (markers.frame.sof == RN_JPEG_SOF3)
		return CODEC_JPEG_LOSSLESS;
	return markers.frame.precision == 12 ? CODEC_JPEG_DCT : CODEC_JPEG_TURBO;
}

enum codec_target codec_target_find(const struct dc_image *image, struct span codestream)
{
	const struct rn_codec *codec = rn_codec_find(image);

	if (codec == &rn_codec_jpeg)
		return find_process(codestream);
	for (enum codec_target i = 0; i < CODEC_TARGETS; i++) {
		if (targets[i].codec == codec)
			return i;
	}
	return CODEC_TARGETS;
}

static const char *uid_of(enum codec_target target, uint8_t choice)
{
	const char *const *uids = targets[target].codec->uids;
	unsigned count = 0;

	while (uids[count] != NULL)
		count++;
	return uids[choice % count];
}

uint16_t codec_target_syntax(enum codec_target target, uint8_t choice)
{
	return (uint16_t)(dc_transfer_syntax_find(span_of_text(uid_of(target, choice))) -
			  dc_transfer_syntax_table);
}

uint8_t codec_target_choice(enum codec_target target, uint16_t transfer_syntax)
{
	for (uint8_t i = 0; i < UINT8_MAX; i++) {
		if (codec_target_syntax(target, i) == transfer_syntax)
			return i;
	}
	return 0;
}
