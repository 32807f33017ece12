/* SPDX-License-Identifier: MIT */
#include "render/codecs.h"

static const struct rn_codec *const codecs[] = {
	&rn_codec_jpeg,
	&rn_codec_j2k,
	&rn_codec_jls,
	&rn_codec_jxl,
	&rn_codec_deflated,
	&rn_codec_native,
	&rn_codec_rle,
};

static bool does(const struct rn_codec *codec, const char *uid)
{
	for (const char *const *at = codec->uids; *at != NULL; at++) {
		if (strcmp(*at, uid) == 0)
			return true;
	}
	return false;
}

const struct rn_codec *rn_codec_find(const struct dc_image *image)
{
	const struct dc_transfer_syntax *ts = &dc_transfer_syntax_table[image->transfer_syntax];

	if ((image->flags & DC_IMAGE_ENCAPSULATED) == 0)
		return &rn_codec_native;
	if (ts->encapsulation != DC_ENCAPSULATED)
		return NULL;
	for (size_t i = 0; i < ARRAY_LEN(codecs); i++) {
		if (does(codecs[i], ts->uid))
			return codecs[i];
	}
	return NULL;
}

void rn_codec_libraries(struct buf *out)
{
	rn_codec_jls_library(out);
	rn_codec_j2k_library(out);
	rn_codec_jxl_library(out);
}
