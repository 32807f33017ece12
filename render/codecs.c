/* SPDX-License-Identifier: MIT */
#include "render/codecs.h"

static const struct rn_codec *const codecs[] = {
	&rn_codec_native,
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
